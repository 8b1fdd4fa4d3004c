/** The controls of a call: buttons, shortcuts and panels. */

import { announce, byId, label, setIcon, toast } from '../shared/dom.js';
import { t } from '../shared/i18n.js';
import { Invitation } from '../shared/rooms.js';
import { showDeviceButton } from './choices.js';
import { actionOf, isWriting, keyOf } from './keyboard.js';
import { canShareScreen } from './media.js';

/** @typedef {import('../client/conference.js').Conference} Conference */
/** @typedef {import('./chat.js').ChatPanel} ChatPanel */
/** @typedef {import('./local.js').LocalMedia} LocalMedia */

const panel = byId('panel', HTMLElement);

export class Controls {
  /** @type {'chat' | 'people' | ''} which is open */
  #panel = '';
  #invitation;
  #conference;
  #local;
  #chat;

  /**
   * @param {Conference} conference that is inside a room
   * @param {LocalMedia} local
   * @param {ChatPanel} chat
   * @param {AbortSignal} signal the end of the call
   */
  constructor(conference, local, chat, signal) {
    this.#conference = conference;
    this.#local = local;
    this.#chat = chat;
    this.#invitation = new Invitation(conference.room?.name ?? '');
    byId('share', HTMLElement).hidden = !canShareScreen();
    this.#listen(signal);
    this.#openPanel('');
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
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
      'stop-sharing': () => this.#local.stopScreen(),
      leave: () => this.#conference.leave(),
    };
    for (const [id, click] of Object.entries(clicks)) {
      byId(id, HTMLButtonElement).addEventListener('click', click, { signal });
    }
    for (const close of panel.querySelectorAll('[data-close-panel]')) {
      close.addEventListener('click', () => this.#closePanel(), { signal });
    }
    document.addEventListener('keydown', (event) => this.#key(event), { signal });
  }

  /** Show what each control would do now. */
  show() {
    const { camera, microphone, screen } = this.#local;
    showDeviceButton(byId('microphone', HTMLButtonElement), 'microphone', microphone.on, keyOf('mute'));
    showDeviceButton(byId('camera', HTMLButtonElement), 'camera', camera.on, keyOf('camera'));
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
    this.show();
  }

  #closePanel() {
    const opener = this.#panel;
    this.#openPanel('');
    if (opener) byId(opener, HTMLButtonElement).focus();
  }
}
