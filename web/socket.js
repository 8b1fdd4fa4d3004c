/**
 * One WebSocket to the signaling server: JSON in and out, and a watch over its life.
 *
 * A network that went away does not close a WebSocket for minutes, so the socket pings and
 * declares itself lost when two pings in a row found no answer of any kind.
 */

/** @typedef {import('./messages.js').ClientMessage} ClientMessage */
/** @typedef {import('./messages.js').ServerMessage} ServerMessage */

/** Milliseconds. */
const PING_EVERY_MS = 5000;
/** Milliseconds until a socket that does not open is given up. */
const OPEN_WITHIN_MS = 8000;
/** Close code of the server: another page has taken this session. */
export const RESUMED_ELSEWHERE = 4001;

/**
 * How long to wait before connection attempt `attempt` (0 first), in milliseconds: doubling from
 * 0.25 s to 8 s, each spread by a third either way so that a room full of clients does not return
 * in one instant.
 *
 * @param {number} attempt
 * @param {number} [random] 0 to 1
 */
export function backoffMs(attempt, random = Math.random()) {
  const base = Math.min(250 * 2 ** attempt, 8000);
  return Math.round(base * (2 / 3 + (random * 2) / 3));
}

export class SignalingSocket {
  /** @type {WebSocket} */
  #socket;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pings;
  /** @type {ReturnType<typeof setTimeout>} */
  #opening;
  #unanswered = 0;
  #over = false;
  #closed;

  /**
   * @param {string} url
   * @param {{
   *   opened: () => void, message: (message: ServerMessage) => void, closed: (code: number) => void,
   * }} events `closed` comes once, with the WebSocket's close code (0: none), and never after
   *   `close()`.
   * @param {typeof WebSocket} [Socket]
   */
  constructor(url, events, Socket = globalThis.WebSocket) {
    this.#closed = events.closed;
    this.#socket = new Socket(url);
    this.#opening = setTimeout(() => this.#lost(), OPEN_WITHIN_MS);
    this.#socket.onopen = () => {
      clearTimeout(this.#opening);
      this.#pings = setInterval(() => this.#ping(), PING_EVERY_MS);
      events.opened();
    };
    this.#socket.onmessage = (event) => {
      this.#unanswered = 0;
      const message = parse(event.data);
      if (message) events.message(message);
    };
    this.#socket.onclose = (event) => this.#lost(event.code);
  }

  /**
   * @param {ClientMessage} message
   * @returns {boolean} false when the socket is not open and the message was not sent
   */
  send(message) {
    if (this.#over || this.#socket.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** We close it: `closed` is not called. */
  close() {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#opening);
    clearInterval(this.#pings);
    this.#socket.close(1000);
  }

  #ping() {
    if (this.#unanswered >= 2) {
      this.#lost();
      return;
    }
    this.#unanswered += 1;
    this.send({ type: 'ping', t: Date.now() });
  }

  #lost(code = 0) {
    if (this.#over) return;
    this.close();
    this.#closed(code);
  }
}

/**
 * @param {unknown} text
 * @returns {ServerMessage | null} null for what is no message
 */
function parse(text) {
  if (typeof text !== 'string') return null;
  try {
    const message = JSON.parse(text);
    return message && typeof message.type === 'string' ? message : null;
  } catch {
    return null;
  }
}
