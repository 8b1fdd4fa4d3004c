/**
 * What this participant says in the chat, on its way to the server.
 *
 * Theory of operation. One line is under way at a time; those written meanwhile wait. The server
 * sends every line back to whoever wrote it: only then it is done with. A line that the server
 * refuses because there were too many is sent again after the time that it names, and one that the
 * socket lost is sent again when the session is up, unless the history shows that it arrived.
 */

/** @typedef {import('./messages.js').ClientMessage} ClientMessage */
/** @typedef {import('./messages.js').ErrorMessage} ErrorMessage */

/** Lines that may wait; nobody writes that many in good faith. */
const MOST_WAITING = 50;
/** When the server names no time. */
const RETRY_MS = 1000;

export class ChatQueue {
  /** @type {string[]} */
  #lines = [];
  #online = false;
  #underWay = false;
  #lastId = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;
  #hooks;

  /**
   * @param {{
   *   send: (message: ClientMessage) => boolean, changed: () => void,
   * }} hooks `changed`: of `lines`
   */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** What was written and has not come back from the server yet. */
  get lines() {
    return [...this.#lines];
  }

  /**
   * @param {string} text
   * @returns {boolean} false when it is not taken: too much waits already
   */
  say(text) {
    if (this.#lines.length >= MOST_WAITING) return false;
    this.#lines.push(text);
    this.#hooks.changed();
    this.#go();
    return true;
  }

  /** One of our own lines came from the server. */
  heard() {
    if (this.#lines.length === 0) return;
    this.#next();
  }

  /**
   * @param {ErrorMessage} error
   * @returns {boolean} whether it was about our line, and is seen to
   */
  refused({ code, request, id, retryAfter }) {
    if (request !== 'chat' || id !== this.#lastId || !this.#underWay) return false;
    if (code !== 'tooMany') {
      // It would be refused again.
      this.#next();
      return false;
    }
    this.#underWay = false;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#go();
    }, retryAfter ? retryAfter * 1000 : RETRY_MS);
    return true;
  }

  /** The session is up (again), and its history was heard. */
  online() {
    this.#online = true;
    this.#go();
  }

  /** The socket is gone. */
  offline() {
    this.#online = false;
    this.#underWay = false;
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  #next() {
    this.#lines.shift();
    this.#underWay = false;
    this.#hooks.changed();
    this.#go();
  }

  #go() {
    const [text] = this.#lines;
    if (text === undefined || !this.#online || this.#underWay || this.#pause) return;
    this.#lastId += 1;
    this.#underWay = this.#hooks.send({ type: 'chat', text, id: this.#lastId });
  }
}
