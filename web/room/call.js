/** A call: what the conference reports becomes tiles, marks and lists. */

import { QUIET } from '../client/speaker.js';
import { announce, byId, clearToasts, toast } from '../shared/dom.js';
import { errorText, onLanguage, t } from '../shared/i18n.js';
import { remember, settings } from '../shared/settings.js';
import { ChatPanel } from './chat.js';
import { showReceptionChoice } from './choices.js';
import { Controls } from './controls.js';
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

export class Call {
  #closing = new AbortController();
  #self = new Tile('self', () => {});
  /** @type {Set<string>} directions whose media is interrupted */
  #interrupted = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #bannerTimer;
  #troubled = false;
  #stage;
  #chat;
  #reception;
  #why;
  #controls;
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
    const { signal } = this.#closing;
    this.#stage = new Stage({
      stage: byId('stage', HTMLElement),
      people: byId('people-tiles', HTMLElement),
      screens: byId('screens', HTMLElement),
      corner: byId('corner', HTMLElement),
      alone: byId('alone', HTMLElement),
    }, this.#self, signal);
    this.#reception = new Reception(conference, this.#stage, this.#self, signal);
    this.#why = new Why(conference, this.#reception, signal);
    this.#chat = new ChatPanel(
      (text) => conference.chat(text), (participant) => participant === conference.id,
      signal,
    );
    this.#controls = new Controls(conference, local, this.#chat, signal);
    this.#showRoom();
    this.#listen();
    this.#watchDevices();
    this.#watchStage();
    for (const participant of conference.participants) this.#showPerson(participant);
    for (const line of conference.chatHistory) this.#chat.add(line, false);
    this.#showOwn();
    this.#stage.layout();
    this.receptionChosen();
    onLanguage(() => this.#redraw(), signal);
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
  }

  #listen() {
    const conference = this.#conference;
    const { signal } = this.#closing;
    /** @type {Conference['on']} */
    const on = (name, listener) => conference.on(name, listener, signal);
    on('participantJoined', ({ participant }) => {
      this.#showPerson(participant);
      toast(t('live.joined', { name: participant.name }));
    });
    on('participantLeft', ({ participant, reason }) => {
      const text = t(reason === 'lost' ? 'live.lost' : 'live.left', { name: participant.name });
      this.#remove('person', participant.id);
      this.#remove('screen', participant.id);
      this.#showList();
      toast(text);
    });
    on('participantChanged', ({ participant }) => this.#showPerson(participant));
    on('media', ({ participant }) => {
      const found = conference.participants.find(({ id }) => id === participant);
      if (found) this.#showPerson(found);
    });
    on('speaking', ({ levels }) => this.#showSpeaking(levels));
    on('chat', (line) => {
      this.#chat.add(line, true);
      this.#controls.show();
    });
    on('chatWaiting', ({ lines }) => this.#chat.waiting(lines));
    on('problem', ({ code }) =>
      toast(errorText(code, { seconds: 10 }), 'problem'));
    on('connection', ({ direction, state }) => {
      if (state === 'connected') this.#interrupted.delete(direction);
      if (state === 'failed' || state === 'disconnected') this.#interrupted.add(direction);
      this.#showBanner();
    });
    on('state', () => this.#showBanner());
    on('silence', () => this.#showBanner());
  }

  #watchDevices() {
    const { signal } = this.#closing;
    this.#local.addEventListener('change', () => this.#showOwn(), { signal });
    this.#local.addEventListener('gone', (event) => {
      const device = /** @type {CustomEvent<'camera' | 'microphone'>} */ (event).detail;
      toast(t('live.deviceGone', { device: t(`live.device.${device}`) }), 'problem');
    }, { signal });
    const own = this.#self.video;
    own.addEventListener('resize', () => {
      const { videoWidth: width, videoHeight: height } = own;
      if (width) this.#conference.cameraSized({ width, height });
    }, { signal });
    onNetworkChange(() => this.#conference.networkChanged(), signal);
    onNetworkLoss(() => this.#conference.networkLost(), signal);
  }

  /** Buttons on the stage itself, and what they undo. */
  #watchStage() {
    const { signal } = this.#closing;
    hear.addEventListener('click', () => this.#play(), { signal });
    byId('sound-here', HTMLButtonElement).addEventListener(
      'click', () => this.#choose({ soundElsewhere: false }), { signal });
    byId('video-again', HTMLButtonElement).addEventListener(
      'click', () => this.#choose({ audioOnly: false }), { signal });
  }

  /** @param {Partial<import('../shared/settings.js').Settings>} choice of what to receive */
  #choose(choice) {
    remember(choice);
    showReceptionChoice();
    this.receptionChosen();
  }

  #play() {
    hear.hidden = true;
    for (const tile of this.#stage.tiles) tile.play();
  }

  // Showing.

  #redraw() {
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
    person.showVideo(on('camera') && this.#hasVideo(id, 'person'));
    person.muted(!on('microphone'));
    this.#reception.viewChanged();
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
    screen.showVideo(this.#hasVideo(id, 'screen'));
    this.#reception.viewChanged();
  }

  /**
   * @param {string} id
   * @param {'person' | 'screen'} role
   */
  #hasVideo(id, role) {
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
          this.#reception.viewChanged();
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
    if (!microphone.on) this.#self.stopSpeaking();
    byId('sharing', HTMLElement).hidden = !screen;
    this.#showList();
  }

  #showList() {
    this.#controls.show();
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
