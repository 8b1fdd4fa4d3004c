/**
 * The link to the server: one `SignalingSocket` after another, and when to try for the next.
 *
 * `Conference` decides whether there is to be a next one, and what is sent first on each.
 */

import { SignalingSocket, backoffMs, openWithinMs, retryMs } from './socket.js';

/** @typedef {import('./messages.js').ClientMessage} ClientMessage */
/** @typedef {import('./messages.js').ServerMessage} ServerMessage */

export class Link {
  /** @type {SignalingSocket | null} */
  #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** Tries since the last success. */
  #attempt = 0;
  #silent = false;
  #url;
  #environment;
  #events;

  /**
   * @param {string} url
   * @param {{WebSocket: typeof WebSocket, watched?: () => boolean}} environment `watched`: whether
   *   somebody looks at the page, and so waits; without it somebody always does
   * @param {{
   *   opened: () => void, message: (message: ServerMessage) => void,
   *   silent: (silent: boolean) => void, lost: (code: number) => void,
   * }} events `silent`: the server has not answered for a moment, or does again. `lost`: the socket
   *   is gone, with its close code (0: none); never after `drop`.
   */
  constructor(url, environment, events) {
    this.#url = url;
    this.#environment = environment;
    this.#events = events;
  }

  /** Whether there is a socket, be it still opening. */
  get exists() {
    return this.#socket !== null;
  }

  /** Whether the server has not answered for a moment. */
  get silent() {
    return this.#silent;
  }

  /** @param {boolean} [again] whether one was lost: then tries are short at first */
  connect(again = false) {
    clearTimeout(this.#retry);
    this.#socket?.close();
    const socket = new SignalingSocket(
      this.#url,
      {
        opened: () => this.#events.opened(),
        message: (message) => this.#events.message(message),
        silent: (silent) => this.#setSilent(silent),
        closed: (code) => this.#lost(socket, code),
      },
      this.#environment.WebSocket,
      again ? openWithinMs(this.#attempt) : undefined,
    );
    this.#socket = socket;
  }

  /** Try again soon: at once while somebody waits, then with pauses. @param {boolean} again */
  connectSoon(again) {
    this.connectAfter(retryMs(this.#attempt, this.#environment.watched?.() ?? true), again);
    this.#attempt += 1;
  }

  /** The server refused for now and named no time. @param {boolean} again */
  connectLater(again) {
    this.connectAfter(backoffMs(this.#attempt), again);
    this.#attempt += 1;
  }

  /**
   * @param {number} wait milliseconds
   * @param {boolean} again
   */
  connectAfter(wait, again) {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.connect(again), wait);
  }

  /** The session is up. */
  succeeded() {
    this.#attempt = 0;
  }

  /**
   * @param {ClientMessage} message
   * @returns {boolean} false when it did not reach the socket
   */
  send(message) {
    return this.#socket?.send(message) ?? false;
  }

  /** The network may be another one, or gone: is the socket still good? */
  check() {
    this.#socket?.check();
  }

  /** Close the socket, and try for no other. */
  drop() {
    clearTimeout(this.#retry);
    this.#socket?.close();
    this.#socket = null;
  }

  /**
   * @param {SignalingSocket} socket
   * @param {number} code
   */
  #lost(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#setSilent(false);
    this.#events.lost(code);
  }

  /** @param {boolean} silent */
  #setSilent(silent) {
    if (silent === this.#silent) return;
    this.#silent = silent;
    this.#events.silent(silent);
  }
}
