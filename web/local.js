/**
 * This participant's own camera, microphone and screen, from the lobby to the end of the call.
 *
 * A muted microphone stays open and silent, so that it is back at once; a camera that is off is
 * closed, so that its light goes out. `change` is dispatched whenever something is different;
 * `gone` (detail: the device) when one was unplugged.
 */

import { MediaError, openBoth, openDevice, openScreen } from './media.js';
import { remember, settings } from './settings.js';

/** @typedef {import('./media.js').Device} Device */

/** @type {readonly Device[]} */
const DEVICES = ['microphone', 'camera'];

/**
 * @typedef {object} DeviceState
 * @property {boolean} on
 * @property {boolean} starting
 * @property {MediaStreamTrack | null} track
 * @property {MediaError | null} problem why it could not be turned on
 */

/** @returns {DeviceState} */
const closed = () => ({ on: false, starting: false, track: null, problem: null });

export class LocalMedia extends EventTarget {
  /** @type {Record<Device, DeviceState>} */
  #devices = { microphone: closed(), camera: closed() };
  /** One change at a time. */
  #queue = Promise.resolve();
  /** Counts the stops: what a change opens after one is closed at once. */
  #stops = 0;
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

  /** Turn on what was on the last time. */
  start() {
    const { microphoneOn, cameraOn, microphone, camera } = settings();
    if (microphoneOn !== cameraOn) return this.#turn(microphoneOn ? 'microphone' : 'camera', true);
    if (!cameraOn) return Promise.resolve();
    return this.#change(DEVICES, async () => {
      const stops = this.#stops;
      const opened = await openBoth(microphone, camera);
      for (const device of DEVICES) this.#take(device, opened[device], stops);
    });
  }

  /**
   * @param {Device} device
   * @param {boolean} on
   */
  turn(device, on) {
    remember({ [`${device}On`]: on });
    return this.#turn(device, on);
  }

  /**
   * Change over to the device that is chosen in the settings now.
   *
   * @param {Device} device
   */
  choose(device) {
    return this.#change([device], async () => {
      const { on, problem } = this.#devices[device];
      // The old one is closed first: some cameras cannot be open twice.
      this.#close(device);
      if (on || problem) await this.#open(device);
    });
  }

  /** @returns {Promise<boolean>} whether the screen is shared now */
  async shareScreen() {
    const opened = await openScreen();
    if (!opened) return false;
    this.#screen = opened;
    opened.screen.addEventListener('ended', () => this.stopScreen());
    this.#changed();
    return true;
  }

  stopScreen() {
    if (!this.#screen) return;
    this.#screen.screen.stop();
    this.#screen.sound?.stop();
    this.#screen = null;
    this.#changed();
  }

  /** Turn everything off. What the person prefers is kept for the next time. */
  stop() {
    this.#stops += 1;
    // The browser's question may still be open; nobody waits for its answer any more.
    this.#queue = Promise.resolve();
    for (const device of DEVICES) this.#close(device);
    this.stopScreen();
    this.#changed();
  }

  /**
   * @param {Device} device
   * @param {boolean} on
   */
  #turn(device, on) {
    return this.#change([device], async () => {
      const state = this.#devices[device];
      if (!on && device === 'camera') this.#close(device);
      else if (on && !state.track) await this.#open(device);
      else this.#devices[device] = { ...state, on, problem: null };
      const { track } = this.#devices[device];
      if (track) track.enabled = on;
    });
  }

  /**
   * @param {readonly Device[]} devices
   * @param {() => Promise<void>} change
   */
  #change(devices, change) {
    this.#queue = this.#queue.then(async () => {
      for (const device of devices) this.#devices[device].starting = true;
      this.#changed();
      const stops = this.#stops;
      await change();
      if (stops !== this.#stops) return;
      for (const device of devices) this.#devices[device].starting = false;
      this.#changed();
    });
    return this.#queue;
  }

  /** @param {Device} device */
  async #open(device) {
    const stops = this.#stops;
    const opened = await openDevice(device, settings()[device]).catch((error) =>
      error instanceof MediaError ? error : new MediaError(device, 'failed'));
    this.#take(device, opened, stops);
  }

  /**
   * @param {Device} device
   * @param {MediaStreamTrack | MediaError} opened
   * @param {number} stops when it was asked for
   */
  #take(device, opened, stops) {
    if (stops !== this.#stops) {
      if (opened instanceof MediaStreamTrack) opened.stop();
      return;
    }
    if (opened instanceof MediaError) {
      this.#devices[device] = { ...closed(), problem: opened };
      return;
    }
    this.#devices[device] = { ...closed(), on: true, track: opened };
    opened.addEventListener('ended', () => {
      if (this.#devices[device].track !== opened) return;
      this.#close(device);
      this.dispatchEvent(new CustomEvent('gone', { detail: device }));
      this.#changed();
    });
  }

  /** @param {Device} device */
  #close(device) {
    this.#devices[device].track?.stop();
    this.#devices[device] = closed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
