/**
 * What to do about a peer connection that broke: first new paths (an ICE restart, which leaves
 * encryption and media as they are), then a new connection, then again with growing pauses.
 */

import { backoffMs } from './socket.js';

/** A connection that stays `disconnected` this long looks for new paths. */
const DISCONNECTED_MS = 2000;
/** An ICE restart that has not connected by then was in vain. */
const RESTARTED_MS = 6000;

export class Repair {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** How often it was rebuilt since it last was connected. */
  #attempts = 0;
  #wasConnected = false;
  #restarting = false;
  /** @type {RTCPeerConnectionState} as last seen */
  #state = 'new';
  #hooks;

  /**
   * @param {{restart: () => boolean, rebuild: () => void}} hooks `restart` returns false when
   *   nothing can be asked for now
   */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** Whether new paths are looked for and none has been found yet. */
  get restarting() {
    return this.#restarting;
  }

  /** @param {RTCPeerConnectionState} state of the connection now */
  see(state) {
    this.#state = state;
    if (state === 'connected') {
      this.stop();
      this.#attempts = 0;
      this.#wasConnected = true;
    } else if (state === 'failed' && !this.#wasConnected) {
      this.now();
    } else if (this.#restarting) {
      // Its time is running.
    } else if (state === 'failed') {
      this.restart();
    } else if (state === 'disconnected') {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.restart(), DISCONNECTED_MS);
    }
  }

  /** Look for new paths: the network has changed, or nothing arrives any more. */
  restart() {
    this.stop();
    if (!this.#hooks.restart()) return;
    this.#restarting = true;
    this.#timer = setTimeout(() => this.#judge(), RESTARTED_MS);
  }

  /** A restart while the old path still works may pass without any change of state. */
  #judge() {
    this.#restarting = false;
    if (this.#state !== 'connected') this.now();
  }

  /** It is beyond repair, whatever state it reports: build it anew. */
  now() {
    this.stop();
    const wait = this.#attempts === 0 ? 0 : backoffMs(this.#attempts + 1);
    this.#attempts += 1;
    this.#timer = setTimeout(() => {
      this.#wasConnected = false;
      this.#hooks.rebuild();
    }, wait);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#restarting = false;
  }
}
