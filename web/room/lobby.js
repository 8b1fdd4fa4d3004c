/** The page before the call: see and hear yourself, enter a name, join. */

import { byId, el, icon } from '../shared/dom.js';
import { errorText, onLanguage, t } from '../shared/i18n.js';
import { askRoom, roomName, roomPath } from '../shared/rooms.js';
import { remember, settings } from '../shared/settings.js';
import { deviceChoice, showDeviceButton } from './choices.js';
import { LevelMeter } from './media.js';

/** @typedef {import('./local.js').LocalMedia} LocalMedia */
/** @typedef {import('../shared/rooms.js').RoomState} RoomState */
/** @typedef {import('../client/events.js').JoinRequest} JoinRequest */

const ASK_EVERY_MS = 5000;

const preview = byId('preview', HTMLVideoElement);
const name = byId('name', HTMLInputElement);
const password = byId('password', HTMLInputElement);
const newPassword = byId('new-password', HTMLInputElement);
const protect = byId('protect-on', HTMLInputElement);
const problem = byId('join-problem', HTMLElement);
const button = byId('join-button', HTMLButtonElement);
const bars = [...document.querySelectorAll('#level i')];

export class Lobby {
  /** @type {RoomState | null | undefined} undefined: not known yet; null: the server is away */
  #state;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #asking;
  /** @type {{code: string, values: Record<string, number>} | null} */
  #problem = null;
  #needsPassword = false;
  #joining = false;
  #open = false;
  #meter = new LevelMeter();
  /** @type {MediaStreamTrack | null} */
  #metered = null;
  #refreshDevices;
  #room;
  #local;

  /**
   * @param {string} room
   * @param {LocalMedia} local
   * @param {(request: JoinRequest) => void} enter
   */
  constructor(room, local, enter) {
    this.#room = room;
    this.#local = local;
    byId('join-room', HTMLElement).textContent = room;
    this.#refreshDevices = deviceChoice(
      byId('lobby-devices', HTMLElement), (device) => void local.choose(device), () => {},
    );
    byId('join', HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      this.#submit(enter);
    };
    byId('join-bare', HTMLButtonElement).onclick = () => {
      local.stop();
      this.#submit(enter);
    };
    protect.onchange = () => {
      byId('protect-field', HTMLElement).hidden = !protect.checked;
      if (protect.checked) newPassword.focus();
    };
    for (const device of /** @type {const} */ (['microphone', 'camera'])) {
      byId(`lobby-${device}`, HTMLButtonElement).onclick = () => {
        void local.turn(device, !local[device].on);
      };
    }
    local.addEventListener('change', () => this.#show());
    onLanguage(() => this.#show());
  }

  open() {
    this.#open = true;
    this.#joining = false;
    name.value ||= settings().name;
    void this.#local.start();
    void this.#ask();
    this.#asking = setInterval(() => void this.#ask(), ASK_EVERY_MS);
    this.#show();
    if (matchMedia('(pointer: fine)').matches) name.focus();
  }

  close() {
    this.#open = false;
    clearInterval(this.#asking);
    this.#meter.stop();
    this.#metered = null;
    preview.srcObject = null;
  }

  /**
   * The join was refused.
   *
   * @param {string} code
   * @param {number | null} seconds to wait
   */
  refused(code, seconds) {
    this.#joining = false;
    this.#problem = { code, values: { seconds: Math.ceil(seconds ?? 10) } };
    const asksPassword = code === 'passwordRequired' || code === 'wrongPassword';
    if (asksPassword) this.#needsPassword = true;
    this.#show();
    if (asksPassword) {
      password.focus();
      password.select();
    }
    void this.#ask();
  }

  /** @param {(request: JoinRequest) => void} enter */
  #submit(enter) {
    if (this.#joining) return;
    const chosen = name.value.trim();
    name.setAttribute('aria-invalid', String(!chosen));
    if (!chosen) {
      this.#problem = { code: 'nameMissing', values: {} };
      this.#show();
      name.focus();
      return;
    }
    remember({ name: chosen });
    this.#problem = null;
    this.#joining = true;
    this.#show();
    const secret = this.#needsPassword ? password.value : protect.checked ? newPassword.value : '';
    enter({ room: this.#room, name: chosen, ...(secret && { password: secret }) });
  }

  async #ask() {
    if (!roomName(this.#room)) return;
    const before = this.#state;
    this.#state = await askRoom(this.#room);
    if (!this.#open) return;
    if (this.#state) this.#needsPassword = this.#state.needsPassword;
    // Written again only when it changes: the line is read aloud.
    if (JSON.stringify(before) !== JSON.stringify(this.#state)) this.#showPresence();
    this.#showForm();
  }

  #show() {
    if (!this.#open) return;
    this.#showMedia();
    this.#showProblems();
    this.#showPresence();
    this.#showForm();
    void this.#refreshDevices();
  }

  #showMedia() {
    const { camera, microphone } = this.#local;
    const shown = preview.srcObject instanceof MediaStream ? preview.srcObject.getTracks()[0] : null;
    if (camera.track && shown !== camera.track) preview.srcObject = new MediaStream([camera.track]);
    preview.hidden = !camera.track;
    byId('preview-text', HTMLElement).textContent =
      camera.track ? '' : t(camera.starting ? 'lobby.starting' : 'lobby.cameraIsOff');
    for (const device of /** @type {const} */ (['microphone', 'camera'])) {
      showDeviceButton(byId(`lobby-${device}`, HTMLButtonElement), device, this.#local[device].on);
    }
    this.#meterMicrophone(microphone.track);
  }

  /** @param {MediaStreamTrack | null} track */
  #meterMicrophone(track) {
    if (track === this.#metered) return;
    this.#metered = track;
    this.#meter.stop();
    if (track) this.#meter.start(track, showLevel);
    else showLevel(0);
  }

  #showProblems() {
    const texts = problemTexts(this.#local.camera.problem, this.#local.microphone.problem);
    const list = byId('device-problems', HTMLElement);
    if (list.textContent === texts.join('')) return;
    list.replaceChildren(...texts.map((text) =>
      el('li', { class: 'notice' }, icon('warning'), el('span', {}, text))));
  }

  #showPresence() {
    const state = this.#state;
    const presence = byId('presence', HTMLElement);
    const nameless = !roomName(this.#room);
    const text = nameless ? errorText('badRoomName') : presenceText(state);
    if (presence.textContent !== text) presence.textContent = text;
    presence.classList.toggle('bad', nameless || state === null || Boolean(state?.full));
    this.#showLookAlikes();
  }

  /** Whoever opened one of two rooms that look alike should know which. */
  #showLookAlikes() {
    const others = this.#state?.lookAlikes ?? [];
    const place = byId('look-alikes', HTMLElement);
    place.hidden = others.length === 0;
    place.replaceChildren(t('lobby.lookAlikes', { room: this.#room }), ...others.flatMap((name) =>
      [' ', el('a', { href: roomPath(name) }, el('bdi', {}, name))]));
  }

  #showForm() {
    const exists = this.#state?.exists ?? true;
    byId('password-field', HTMLElement).hidden = !this.#needsPassword;
    byId('protect', HTMLElement).hidden = exists || this.#needsPassword;
    button.textContent = t(this.#joining ? 'lobby.joining' : 'lobby.join');
    button.setAttribute('aria-busy', String(this.#joining));
    const text = this.#problem
      ? this.#problem.code === 'nameMissing'
        ? t('lobby.nameMissing')
        : errorText(this.#problem.code, this.#problem.values)
      : '';
    problem.hidden = !text;
    if (problem.textContent !== text) problem.textContent = text;
    const presence = byId('presence', HTMLElement);
    presence.hidden = presence.textContent === text;
  }
}

/** @param {RoomState | null | undefined} state */
function presenceText(state) {
  if (state === undefined) return t('lobby.checking');
  if (state === null) return errorText('unreachable');
  if (state.full) return errorText('roomFull');
  if (!state.exists && !state.mayCreate) return errorText('createNotAllowed');
  if (state.participants === 0) return t('lobby.empty');
  return t('lobby.present', { count: state.participants });
}

/**
 * One sentence for each device that does not work; one for both when the cause is the same.
 *
 * @param {import('./media.js').MediaError | null} camera
 * @param {import('./media.js').MediaError | null} microphone
 */
function problemTexts(camera, microphone) {
  if (camera && camera.problem === microphone?.problem) return [t(`media.both.${camera.problem}`)];
  return [camera, microphone].flatMap((one) =>
    one ? [t(`media.${one.device}.${one.problem}`)] : []);
}

/** @param {number} level 0 to 1 */
function showLevel(level) {
  byId('level', HTMLElement).setAttribute('aria-valuenow', String(Math.round(level * 100)));
  bars.forEach((bar, index) => {
    bar.classList.toggle('lit', level > 0.12 + index * 0.15);
  });
}
