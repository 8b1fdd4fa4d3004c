/** When to build a peer connection again: at once, then with growing pauses. */

import { backoffMs } from './socket.js';

/** A connection that stays `disconnected` this long is built again. */
const DISCONNECTED_MS = 6000;

export class Repair {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Since it last was connected. */
  #attempts = 0;
  #rebuild;

  /** @param {() => void} rebuild */
  constructor(rebuild) {
    this.#rebuild = rebuild;
  }

  /** @param {RTCPeerConnectionState} state of the connection now */
  see(state) {
    this.stop();
    if (state === 'connected') this.#attempts = 0;
    if (state === 'failed') this.now();
    if (state === 'disconnected') this.#timer = setTimeout(() => this.now(), DISCONNECTED_MS);
  }

  /** It is broken, whatever it says itself. */
  now() {
    this.stop();
    const wait = this.#attempts === 0 ? 0 : backoffMs(this.#attempts + 1);
    this.#attempts += 1;
    this.#timer = setTimeout(this.#rebuild, wait);
  }

  stop() {
    clearTimeout(this.#timer);
  }
}
