/**
 * One WebSocket to the signaling server: JSON in and out, and a watch over its life.
 *
 * A network that went away does not close a WebSocket for minutes, so the socket pings. It reports that
 * the server is silent when two pings in a row found no answer of any kind, and declares itself lost
 * when six did: a network that is only slow shows soon and keeps its socket.
 */

/** @typedef {import('./messages.js').ClientMessage} ClientMessage */
/** @typedef {import('./messages.js').ServerMessage} ServerMessage */

/** Milliseconds. */
const PING_EVERY_MS = 750;
/** Pings without an answer, after which the server counts as silent: 1.5 to 2.3 s. */
const SILENT_PINGS = 2;
/** The same, after which the socket counts as lost: 4.5 to 5.3 s. */
const LOST_PINGS = 6;
/** Milliseconds that an answer may take when the browser reports that the network is gone. */
const SILENT_WITHIN_MS = 400;
/** Milliseconds that a socket has to answer when there is reason to doubt it. */
const CHECK_WITHIN_MS = 1500;
/** Milliseconds until a socket that does not open counts as lost. */
const OPEN_WITHIN_MS = 8000;
/** Close code of the server: another page has taken this session. */
export const RESUMED_ELSEWHERE = 4001;
/** Close code of the server: an administrator put this participant out. */
export const REMOVED = 4002;

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

/** Tries that are made quickly while somebody looks: about two minutes of them. */
const QUICK_TRIES = 120;

/**
 * How long to wait before try `attempt` to come back to a call, in milliseconds: about a second
 * while somebody sits before the page, as media should be back within 3 s of the network.
 *
 * @param {number} attempt
 * @param {boolean} watched
 * @param {number} [random] 0 to 1
 */
export function retryMs(attempt, watched, random = Math.random()) {
  return backoffMs(watched && attempt < QUICK_TRIES ? Math.min(attempt, 2) : attempt, random);
}

/**
 * How long a try to come back may take until the socket opens, in milliseconds. Short at first: a
 * connection begun while the network was away asks again only after growing pauses.
 *
 * @param {number} attempt
 */
export function openWithinMs(attempt) {
  return Math.min(2500 + 500 * attempt, OPEN_WITHIN_MS);
}

export class SignalingSocket {
  /** @type {WebSocket} */
  #socket;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pings;
  /** @type {ReturnType<typeof setTimeout>} */
  #opening;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #checking;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;
  #unanswered = 0;
  #silent = false;
  /** A socket that is open and waits for somebody to join stays silent. */
  #used = false;
  #over = false;
  #events;

  /**
   * @param {string} url
   * @param {{
   *   opened: () => void, message: (message: ServerMessage) => void,
   *   silent: (silent: boolean) => void, closed: (code: number) => void,
   * }} events `silent`: the server does not answer at the moment, or does again. `closed` comes
   *   once, with the WebSocket's close code (0: none), and never after `close()`.
   * @param {typeof WebSocket} [Socket]
   * @param {number} [openWithin] milliseconds
   */
  constructor(url, events, Socket = globalThis.WebSocket, openWithin = OPEN_WITHIN_MS) {
    this.#events = events;
    this.#socket = new Socket(url);
    this.#opening = setTimeout(() => this.#lost(), openWithin);
    this.#socket.onopen = () => {
      clearTimeout(this.#opening);
      this.#pings = setInterval(() => this.#ping(), PING_EVERY_MS);
      events.opened();
    };
    this.#socket.onmessage = (event) => {
      this.#heard();
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
    this.#used = true;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** The network has changed or is gone: is this socket still good? `closed` comes soon if not. */
  check() {
    clearTimeout(this.#checking);
    clearTimeout(this.#silence);
    this.#checking = setTimeout(() => this.#lost(), CHECK_WITHIN_MS);
    this.#silence = setTimeout(() => this.#setSilent(true), SILENT_WITHIN_MS);
    this.send({ type: 'ping', t: Date.now() });
  }

  /** We close it: `closed` is not called. */
  close() {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#opening);
    clearTimeout(this.#checking);
    clearTimeout(this.#silence);
    clearInterval(this.#pings);
    this.#socket.close(1000);
  }

  #ping() {
    if (!this.#used) return;
    if (this.#unanswered >= LOST_PINGS) {
      this.#lost();
      return;
    }
    if (this.#unanswered >= SILENT_PINGS) this.#setSilent(true);
    this.#unanswered += 1;
    this.send({ type: 'ping', t: Date.now() });
  }

  #heard() {
    this.#unanswered = 0;
    clearTimeout(this.#checking);
    clearTimeout(this.#silence);
    this.#setSilent(false);
  }

  /** @param {boolean} silent */
  #setSilent(silent) {
    if (silent === this.#silent || this.#over) return;
    this.#silent = silent;
    this.#events.silent(silent);
  }

  #lost(code = 0) {
    if (this.#over) return;
    this.close();
    this.#events.closed(code);
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
