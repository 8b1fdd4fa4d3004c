/**
 * This participant's own camera, microphone and screen, from the lobby to the end of the call.
 *
 * A muted microphone stays open and silent, so that it is back at once; a camera that is off is
 * closed, so that its light goes out. `change` is dispatched whenever something is different;
 * `gone` (detail: the device) when one was unplugged.
 *
 * Theory of operation. Each device and the screen has a life (`AbortController`) from the moment
 * when the browser is asked for it. To turn it off, to choose another or to end the call aborts
 * that life, at once and whatever is still open: a track that the browser gives afterwards is
 * stopped where it arrives (`obtain` in media.js) and its request changes nothing here any more.
 */

import { remember, settings } from '../shared/settings.js';
import { MediaError, openBoth, openDevice, openScreen } from './media.js';

/** @typedef {import('./media.js').Device} Device */

/** @type {readonly Device[]} */
const DEVICES = ['microphone', 'camera'];

/**
 * @typedef {object} DeviceState
 * @property {boolean} on
 * @property {boolean} starting the browser has been asked, and has not answered
 * @property {MediaStreamTrack | null} track
 * @property {MediaError | null} problem why it could not be turned on
 */

/** @returns {DeviceState} */
const closed = () => ({ on: false, starting: false, track: null, problem: null });

/** @returns {AbortController} of what is not open */
function over() {
  const life = new AbortController();
  life.abort();
  return life;
}

export class LocalMedia extends EventTarget {
  /** @type {Record<Device, DeviceState>} */
  #devices = { microphone: closed(), camera: closed() };
  /** @type {Record<Device | 'screen', AbortController>} aborted: not open, and not asked for */
  #lives = { microphone: over(), camera: over(), screen: over() };
  /** @type {Record<Device, Promise<void>>} resolved when what was asked for last is settled */
  #opening = { microphone: Promise.resolve(), camera: Promise.resolve() };
  /** @type {Promise<boolean>} of the last time that the screen was asked for */
  #sharing = Promise.resolve(false);
  /** @type {{screen: MediaStreamTrack, sound: MediaStreamTrack | null} | null} */
  #screen = null;

  get microphone() {
    return this.#devices.microphone;
  }

  get camera() {
    return this.#devices.camera;
  }

  /** What is shared now, or null. */
  get screen() {
    return this.#screen;
  }

  /** Turn on what was on the last time, unless it is on already. */
  async start() {
    const { microphoneOn, cameraOn } = settings();
    const wanted = DEVICES.filter((device) =>
      (device === 'microphone' ? microphoneOn : cameraOn) && this.#lives[device].signal.aborted);
    if (wanted.length === 2) this.#openBoth();
    else for (const device of wanted) this.#open(device);
    await Promise.all(wanted.map((device) => this.#opening[device]));
  }

  /**
   * @param {Device} device
   * @param {boolean} on
   * @returns {Promise<void>} once it is so, or has become otherwise meanwhile
   */
  async turn(device, on) {
    remember({ [`${device}On`]: on });
    const state = this.#devices[device];
    if (state.track && (on || device === 'microphone')) {
      state.track.enabled = on;
      this.#devices[device] = { ...state, on, problem: null };
    } else if (!on) {
      this.#close(device);
    } else if (!state.starting) {
      this.#open(device);
    }
    this.#changed();
    await this.#opening[device];
  }

  /**
   * Change over to the device that is chosen in the settings now.
   *
   * @param {Device} device
   */
  async choose(device) {
    const { on, starting, problem } = this.#devices[device];
    // The old one is closed first: some cameras cannot be open twice.
    this.#close(device);
    if (on || starting || problem) this.#open(device);
    this.#changed();
    await this.#opening[device];
  }

  /**
   * Ask for the screen, once however often it is asked for while the browser's question is open.
   *
   * @returns {Promise<boolean>} whether the screen is shared now
   */
  shareScreen() {
    if (this.#lives.screen.signal.aborted) {
      this.#lives.screen = new AbortController();
      this.#sharing = this.#openScreen(this.#lives.screen);
    }
    return this.#sharing;
  }

  stopScreen() {
    this.#lives.screen.abort();
    if (!this.#screen) return;
    this.#screen = null;
    this.#changed();
  }

  /** Turn everything off. What the person prefers is kept for the next time. */
  stop() {
    for (const device of DEVICES) this.#close(device);
    this.stopScreen();
    this.#changed();
  }

  /**
   * A new life for a device that is closed.
   *
   * @param {Device} device
   */
  #begin(device) {
    const life = new AbortController();
    this.#lives[device] = life;
    this.#devices[device] = { ...closed(), starting: true };
    return life;
  }

  /** @param {Device} device */
  #open(device) {
    const life = this.#begin(device);
    this.#opening[device] = openDevice(device, life.signal, settings()[device])
      .then((opened) => this.#opened(device, life, opened));
    this.#changed();
  }

  #openBoth() {
    const { microphone, camera } = settings();
    const lives = { microphone: this.#begin('microphone'), camera: this.#begin('camera') };
    const opening = openBoth({
      microphone: { id: microphone, life: lives.microphone.signal },
      camera: { id: camera, life: lives.camera.signal },
    }).then((opened) => {
      for (const device of DEVICES) this.#opened(device, lives[device], opened[device]);
    });
    this.#opening = { microphone: opening, camera: opening };
    this.#changed();
  }

  /**
   * @param {Device} device
   * @param {AbortController} life under which it was asked for
   * @param {MediaStreamTrack | MediaError} opened
   */
  #opened(device, life, opened) {
    if (life.signal.aborted) return;
    if (opened instanceof MediaError) {
      life.abort();
      this.#devices[device] = { ...closed(), problem: opened };
    } else {
      this.#devices[device] = { ...closed(), on: true, track: opened };
      // `ended` does not come for what we stop ourselves.
      opened.addEventListener('ended', () => this.#unplugged(device, life), { once: true });
    }
    this.#changed();
  }

  /**
   * @param {Device} device
   * @param {AbortController} life
   */
  #unplugged(device, life) {
    if (life.signal.aborted) return;
    this.#close(device);
    this.dispatchEvent(new CustomEvent('gone', { detail: device }));
    this.#changed();
  }

  /** @param {Device} device */
  #close(device) {
    this.#lives[device].abort();
    this.#devices[device] = closed();
  }

  /** @param {AbortController} life */
  async #openScreen(life) {
    const opened = await openScreen(life.signal);
    if (life.signal.aborted) return false;
    if (!opened) {
      life.abort();
      return false;
    }
    this.#screen = opened;
    opened.screen.addEventListener('ended', () => {
      if (!life.signal.aborted) this.stopScreen();
    }, { once: true });
    this.#changed();
    return true;
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
