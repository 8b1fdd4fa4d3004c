/** A call: what the conference tells becomes tiles, marks and lists; controls become requests. */

import { QUIET } from '../client/speaker.js';
import { announce, byId, clearToasts, label, setIcon, toast } from '../shared/dom.js';
import { errorText, onLanguage, t } from '../shared/i18n.js';
import { remember, settings } from '../shared/settings.js';
import { Chat } from './chat.js';
import { showReceptionChoice } from './choices.js';
import { Invitation } from './invitation.js';
import { actionOf, isWriting, keyOf } from './keyboard.js';
import { deviceLabel } from './lobby.js';
import { canShareScreen } from './media.js';
import { openMenu } from './menu.js';
import { onNetworkChange, onNetworkLoss } from './network.js';
import { showPeople } from './people.js';
import { Reception } from './reception.js';
import { Tile } from './tile.js';
import { Stage } from './tiles.js';
import { Why } from './why.js';

/** @typedef {import('./local.js').LocalMedia} LocalMedia */
/** @typedef {import('../client/messages.js').Participant} Participant */
/** @typedef {import('../client/messages.js').Source} Source */
/** @typedef {import('../client/conference.js').Conference} Conference */

const BACK_SHOWN_MS = 2500;

const banner = byId('banner', HTMLElement);
const hear = byId('hear', HTMLButtonElement);
const panel = byId('panel', HTMLElement);

export class Call {
  #closing = new AbortController();
  #self = new Tile('self', () => {});
  /** @type {'chat' | 'people' | ''} */
  #panel = '';
  /** @type {Set<string>} directions whose media is interrupted */
  #interrupted = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #bannerTimer;
  #troubled = false;
  #stage;
  #chat;
  #reception;
  #why;
  #invitation;
  #conference;
  #local;
  #name;

  /**
   * @param {Conference} conference that is inside a room
   * @param {LocalMedia} local
   * @param {string} name our own
   */
  constructor(conference, local, name) {
    this.#conference = conference;
    this.#local = local;
    this.#name = name;
    this.#stage = new Stage({
      stage: byId('stage', HTMLElement),
      people: byId('people-tiles', HTMLElement),
      screens: byId('screens', HTMLElement),
      corner: byId('corner', HTMLElement),
      alone: byId('alone', HTMLElement),
    }, this.#self);
    const { signal } = this.#closing;
    this.#reception = new Reception(conference, this.#stage, this.#self, signal);
    this.#why = new Why(conference, this.#reception, signal);
    this.#chat = new Chat(
      (text) => conference.chat(text), (participant) => participant === conference.id,
    );
    this.#invitation = new Invitation(conference.room?.name ?? '');
    this.#showRoom();
    this.#listen();
    this.#control();
    for (const participant of conference.participants) this.#showPerson(participant);
    for (const line of conference.chatHistory) this.#chat.add(line, false);
    this.#openPanel('');
    this.#showOwn();
    this.#stage.layout();
    this.receptionChosen();
    onLanguage(() => this.#redraw());
  }

  /** The call is over: nothing here listens any more. */
  close() {
    this.#closing.abort();
    clearTimeout(this.#bannerTimer);
    this.#stage.clear();
    this.#self.remove();
    clearToasts();
  }

  #showRoom() {
    const room = this.#conference.room;
    const title = byId('call-room', HTMLElement);
    title.textContent = title.title = room?.name ?? t('room.untitled');
    byId('call-locked', HTMLElement).hidden = !room?.hasPassword;
    byId('share', HTMLElement).hidden = !canShareScreen();
  }

  #listen() {
    const conference = this.#conference;
    conference.on('participantJoined', ({ participant }) => {
      this.#showPerson(participant);
      toast(t('live.joined', { name: participant.name }));
    });
    conference.on('participantLeft', ({ participant, reason }) => {
      const text = t(reason === 'lost' ? 'live.lost' : 'live.left', { name: participant.name });
      this.#remove('person', participant.id);
      this.#remove('screen', participant.id);
      this.#showList();
      toast(text);
    });
    conference.on('participantChanged', ({ participant }) => this.#showPerson(participant));
    conference.on('media', ({ participant }) => {
      const found = conference.participants.find(({ id }) => id === participant);
      if (found) this.#showPerson(found);
    });
    conference.on('speaking', ({ levels }) => this.#showSpeaking(levels));
    conference.on('chat', (line) => {
      this.#chat.add(line, true);
      this.#showControls();
    });
    conference.on('chatWaiting', ({ lines }) => this.#chat.waiting(lines));
    conference.on('problem', ({ code }) =>
      toast(errorText(code, { seconds: 10 }), 'problem'));
    conference.on('connection', ({ direction, state }) => {
      if (state === 'connected') this.#interrupted.delete(direction);
      if (state === 'failed' || state === 'disconnected') this.#interrupted.add(direction);
      this.#showBanner();
    });
    conference.on('state', () => this.#showBanner());
    conference.on('silence', () => this.#showBanner());
  }

  #control() {
    const { signal } = this.#closing;
    const local = this.#local;
    local.addEventListener('change', () => this.#showOwn(), { signal });
    local.addEventListener('gone', (event) => {
      const device = /** @type {CustomEvent<'camera' | 'microphone'>} */ (event).detail;
      toast(t('live.deviceGone', { device: t(`live.device.${device}`) }), 'problem');
    }, { signal });
    /** @type {Record<string, () => void>} by button */
    const clicks = {
      microphone: () => this.#act('mute'),
      camera: () => this.#act('camera'),
      share: () => this.#act('share'),
      chat: () => this.#act('chat'),
      people: () => this.#act('people'),
      copy: () => this.#act('copy'),
      'copy-alone': () => this.#act('copy'),
      'copy-people': () => this.#act('copy'),
      help: () => this.#act('help'),
      'stop-sharing': () => local.stopScreen(),
      leave: () => this.#conference.leave(),
      'sound-here': () => this.#choose({ soundElsewhere: false }),
      'video-again': () => this.#choose({ audioOnly: false }),
    };
    for (const [id, click] of Object.entries(clicks)) {
      byId(id, HTMLButtonElement).addEventListener('click', click, { signal });
    }
    for (const close of panel.querySelectorAll('[data-close-panel]')) {
      close.addEventListener('click', () => this.#closePanel(), { signal });
    }
    hear.addEventListener('click', () => this.#play(), { signal });
    const own = this.#self.video;
    own.addEventListener('resize', () => {
      const { videoWidth: width, videoHeight: height } = own;
      if (width) this.#conference.cameraSized({ width, height });
    }, { signal });
    document.addEventListener('keydown', (event) => this.#key(event), { signal });
    onNetworkChange(() => this.#conference.networkChanged(), signal);
    onNetworkLoss(() => this.#conference.networkLost(), signal);
  }

  /** @param {Partial<import('../shared/settings.js').Settings>} choice of what to receive */
  #choose(choice) {
    remember(choice);
    showReceptionChoice();
    this.receptionChosen();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (document.querySelector('dialog[open]')) return;
    if (event.key === 'Escape' && this.#panel) {
      this.#closePanel();
      return;
    }
    const action = actionOf(event, isWriting(document.activeElement));
    if (!action) return;
    event.preventDefault();
    this.#act(action);
  }

  /** @param {import('./keyboard.js').Action} action */
  #act(action) {
    const { microphone, camera } = this.#local;
    switch (action) {
      case 'mute': return void this.#turn('microphone', !microphone.on);
      case 'camera': return void this.#turn('camera', !camera.on);
      case 'share': return void this.#share();
      case 'chat':
      case 'people': return this.#openPanel(this.#panel === action ? '' : action);
      case 'copy': return void this.#copyLink();
      case 'help': return byId('help-dialog', HTMLDialogElement).showModal();
    }
  }

  /**
   * @param {'microphone' | 'camera'} device
   * @param {boolean} on
   */
  async #turn(device, on) {
    await this.#local.turn(device, on);
    const { problem, on: now } = this.#local[device];
    if (problem) toast(t(`media.${problem.device}.${problem.problem}`), 'problem');
    else if (device === 'microphone') announce(t(now ? 'live.unmuted' : 'live.muted'));
    else announce(t(now ? 'live.cameraOn' : 'live.cameraOff'));
  }

  async #share() {
    if (!canShareScreen()) return;
    if (this.#local.screen) this.#local.stopScreen();
    else await this.#local.shareScreen();
  }

  async #copyLink() {
    try {
      await navigator.clipboard.writeText(this.#invitation.link);
      if (this.#invitation.onlyHere) toast(t('room.copiedOnlyHere'), 'problem');
      else toast(t('room.copied'));
    } catch {
      toast(t('room.copyFailed'), 'problem');
    }
  }

  /** @param {'chat' | 'people' | ''} which */
  #openPanel(which) {
    this.#panel = which;
    panel.hidden = !which;
    byId('call', HTMLElement).classList.toggle('with-panel', Boolean(which));
    byId('chat-panel', HTMLElement).hidden = which !== 'chat';
    byId('people-panel', HTMLElement).hidden = which !== 'people';
    this.#chat.visible(which === 'chat');
    this.#showControls();
  }

  #closePanel() {
    const opener = this.#panel;
    this.#openPanel('');
    if (opener) byId(opener, HTMLButtonElement).focus();
  }

  #play() {
    hear.hidden = true;
    for (const tile of this.#stage.tiles) tile.play();
  }

  // Showing.

  #redraw() {
    if (this.#closing.signal.aborted) return;
    for (const participant of this.#conference.participants) this.#showPerson(participant);
    this.#showOwn();
    this.#showBanner();
  }

  /** @param {Participant} participant */
  #showPerson(participant) {
    const { id, name, tracks } = participant;
    /** @param {Source} source */
    const on = (source) => tracks.some((track) => track.source === source && !track.muted);
    const person = this.#tile('person', id);
    person.name(name);
    person.stream(this.#conference.streamOf(id, 'person'));
    person.showVideo(on('camera') && this.#hasPicture(id, 'person'));
    person.muted(!on('microphone'));
    this.#reception.look();
    this.#showScreen(participant, tracks.some(({ source }) => source === 'screen'));
    this.#showList();
  }

  /**
   * @param {Participant} participant
   * @param {boolean} shared
   */
  #showScreen({ id, name }, shared) {
    if (!shared) {
      this.#remove('screen', id);
      return;
    }
    if (!this.#stage.tile('screen', id)) announce(t('live.sharing', { name }));
    const screen = this.#tile('screen', id);
    screen.name(name, t('room.screenOf', { name }));
    screen.stream(this.#conference.streamOf(id, 'screen'));
    screen.showVideo(this.#hasPicture(id, 'screen'));
    this.#reception.look();
  }

  /**
   * @param {string} id
   * @param {'person' | 'screen'} role
   */
  #hasPicture(id, role) {
    return (this.#conference.streamOf(id, role)?.getVideoTracks().length ?? 0) > 0;
  }

  /**
   * The tile, made if it is not there yet.
   *
   * @param {'person' | 'screen'} role
   * @param {string} id
   */
  #tile(role, id) {
    const found = this.#stage.tile(role, id);
    if (found) return found;
    const tile = new Tile(role, () => { hear.hidden = settings().soundElsewhere; }, {
      menu: (button) => this.#openMenu(button, tile, id),
      why: () => this.#why.open(id),
    });
    const { speaker } = settings();
    if (speaker) tile.speaker(speaker);
    this.#stage.add(role, id, tile);
    this.#reception.watch(tile);
    return tile;
  }

  /**
   * @param {'person' | 'screen'} role
   * @param {string} id
   */
  #remove(role, id) {
    const tile = this.#stage.tile(role, id);
    if (!tile) return;
    this.#reception.unwatch(tile);
    this.#stage.remove(role, id);
  }

  /**
   * @param {HTMLElement} button
   * @param {Tile} tile
   * @param {string} id of the participant
   */
  #openMenu(button, tile, id) {
    const pinned = this.#stage.pinned === tile;
    openMenu(button, [
      {
        icon: 'pin',
        text: t(pinned ? 'tile.unpin' : 'tile.pin'),
        act: () => {
          this.#stage.pin(pinned ? null : tile);
          this.#reception.look();
          if (!pinned) announce(t('live.pinned', { name: tile.caption }));
          button.focus();
        },
      },
      { icon: 'pulse', text: t('tile.check'), act: () => this.#why.open(id) },
    ]);
  }

  /** Another choice of what to receive. */
  receptionChosen() {
    const { audioOnly, soundElsewhere } = settings();
    byId('no-video', HTMLElement).hidden = !audioOnly;
    byId('silent', HTMLElement).hidden = !soundElsewhere;
    if (soundElsewhere) hear.hidden = true;
    this.#reception.chosen();
  }

  /** Who arrives, and who does not. */
  checkConnections() {
    this.#why.open();
  }

  /** @param {string} id of an audio output device */
  speaker(id) {
    for (const tile of this.#stage.tiles) tile.speaker(id);
  }

  /** @param {Map<string, number>} levels */
  #showSpeaking(levels) {
    /** @param {string} id */
    const speaks = (id) => (levels.get(id) ?? 127) < QUIET;
    for (const { id } of this.#conference.participants) {
      this.#stage.tile('person', id)?.speaking(speaks(id));
    }
    this.#self.speaking(this.#local.microphone.on && speaks(this.#conference.id));
  }

  #showOwn() {
    const { camera, microphone, screen } = this.#local;
    this.#self.name(this.#name, t('room.you'));
    const shown = this.#self.video.srcObject;
    const track = shown instanceof MediaStream ? shown.getTracks()[0] : null;
    if ((camera.track ?? null) !== (track ?? null)) {
      this.#self.stream(camera.track ? new MediaStream([camera.track]) : null);
    }
    this.#self.showVideo(Boolean(camera.track));
    this.#self.muted(!microphone.on);
    if (!microphone.on) this.#self.hush();
    byId('sharing', HTMLElement).hidden = !screen;
    this.#showList();
  }

  #showControls() {
    const { camera, microphone, screen } = this.#local;
    const mute = byId('microphone', HTMLButtonElement);
    mute.classList.toggle('off', !microphone.on);
    setIcon(mute, microphone.on ? 'mic' : 'mic-off');
    label(mute, t(deviceLabel('microphone', microphone.on)), keyOf('mute'));
    const video = byId('camera', HTMLButtonElement);
    video.classList.toggle('off', !camera.on);
    setIcon(video, camera.on ? 'camera' : 'camera-off');
    label(video, t(deviceLabel('camera', camera.on)), keyOf('camera'));
    const share = byId('share', HTMLButtonElement);
    share.classList.toggle('active', Boolean(screen));
    setIcon(share, screen ? 'screen-stop' : 'screen');
    label(share, t(screen ? 'room.stopSharing' : 'control.share'), keyOf('share'));
    const { unreadText } = this.#chat;
    const chat = byId('chat', HTMLButtonElement);
    label(chat, unreadText ? `${t('control.chat')}, ${unreadText}` : t('control.chat'), keyOf('chat'));
    const people = byId('people', HTMLButtonElement);
    const count = this.#conference.participants.length + 1;
    label(people, `${t('control.people')}: ${count}`, keyOf('people'));
    for (const [button, which] of /** @type {const} */ ([[chat, 'chat'], [people, 'people']])) {
      button.setAttribute('aria-expanded', String(this.#panel === which));
      button.classList.toggle('active', this.#panel === which);
    }
    label(byId('settings', HTMLButtonElement), t('control.settings'));
    label(byId('help', HTMLButtonElement), t('control.help'), keyOf('help'));
    label(byId('leave', HTMLButtonElement), t('control.leave'));
    label(byId('copy', HTMLButtonElement), t('room.copyLink'), keyOf('copy'));
  }

  #showList() {
    this.#showControls();
    const { camera, microphone, screen } = this.#local;
    const own = {
      name: this.#name, self: true, microphone: microphone.on, camera: camera.on,
      screen: Boolean(screen),
    };
    showPeople([own, ...this.#conference.participants.map(({ name, tracks }) => {
      /** @param {Source} source */
      const on = (source) => tracks.some((track) => track.source === source && !track.muted);
      return {
        name, self: false, microphone: on('microphone'), camera: on('camera'), screen: on('screen'),
      };
    })]);
  }

  #showBanner() {
    const { state, silent } = this.#conference;
    const away = state === 'reconnecting' || silent;
    this.#chat.online(!away);
    const trouble = away || this.#interrupted.size > 0;
    clearTimeout(this.#bannerTimer);
    banner.classList.toggle('bad', trouble);
    if (trouble) {
      banner.textContent = t(away ? 'banner.reconnecting' : 'banner.media');
      banner.hidden = false;
    } else if (this.#troubled) {
      banner.textContent = t('banner.back');
      this.#bannerTimer = setTimeout(() => { banner.hidden = true; }, BACK_SHOWN_MS);
    } else {
      banner.hidden = true;
    }
    this.#troubled = trouble;
  }
}
