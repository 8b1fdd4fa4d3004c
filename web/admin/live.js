/** The live WebSocket: comes back by itself, and reports when the session has ended. No DOM. */

import { backoffMs } from '../client/socket.js';
import { Decoder } from './wire.js';

/**
 * @typedef {import('./wire.js').Detail} Detail
 * @typedef {import('./wire.js').Hello} Hello
 * @typedef {import('./wire.js').Second} Second
 * @typedef {{profile: string, room: string, participant: string}} Watch
 */

/** Close code of the server: the session has ended. */
const NOT_ADMIN = 4401;
/** Milliseconds without a second's figures after which the connection is made anew. */
const SILENT_MS = 8000;

export class Live {
  #url;
  #events;
  #Socket;
  #attempt = 0;
  #closed = false;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Decoder | null} */
  #decoder = null;
  /** @type {Watch} */
  #watch;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} url
   * @param {{
   *   hello: (hello: Hello) => void, second: (second: Second) => void,
   *   detail: (detail: Detail) => void, lost: () => void, refused: () => void,
   * }} events `lost`: the connection is away, and is being made anew; `refused`: log in again
   * @param {Watch} watch
   * @param {typeof WebSocket} [Socket]
   */
  constructor(url, events, watch, Socket = globalThis.WebSocket) {
    this.#url = url;
    this.#events = events;
    this.#watch = watch;
    this.#Socket = Socket;
    this.#open();
  }

  /** @param {Watch} watch what the page shows from now on */
  watch(watch) {
    this.#watch = watch;
    this.#sendWatch();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
  }

  /** The network is back: do not wait. */
  retry() {
    if (this.#closed || this.#socket) return;
    clearTimeout(this.#timer);
    this.#open();
  }

  #open() {
    const socket = new this.#Socket(this.#url);
    this.#socket = socket;
    this.#expect(socket);
    socket.onmessage = ({ data }) => {
      this.#expect(socket);
      this.#receive(JSON.parse(data));
    };
    socket.onclose = ({ code }) => this.#lost(socket, code);
  }

  /** @param {WebSocket} socket from which something must come soon */
  #expect(socket) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      socket.close();
      this.#lost(socket, 0);
    }, SILENT_MS);
  }

  /** @param {any} message */
  #receive(message) {
    if (message.type === 'hello') {
      this.#attempt = 0;
      this.#decoder = new Decoder(message);
      this.#events.hello(message);
      this.#sendWatch();
    } else if (message.type === 'second' && this.#decoder) {
      this.#events.second(this.#decoder.second(message));
    } else if (message.type === 'tracks' && this.#decoder) {
      this.#events.detail(this.#decoder.detail(message));
    }
  }

  #sendWatch() {
    if (this.#socket?.readyState === 1) {
      this.#socket.send(JSON.stringify({ type: 'watch', ...this.#watch }));
    }
  }

  /** @param {WebSocket} socket @param {number} code */
  #lost(socket, code) {
    if (this.#closed || this.#socket !== socket) return;
    clearTimeout(this.#timer);
    this.#socket = null;
    if (code === NOT_ADMIN) {
      this.#closed = true;
      this.#events.refused();
      return;
    }
    this.#events.lost();
    this.#timer = setTimeout(() => this.#open(), backoffMs(this.#attempt));
    this.#attempt += 1;
  }
}
