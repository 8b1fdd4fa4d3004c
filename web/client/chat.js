/**
 * The chat: what the room has said, and what is written here and not yet in the room.
 *
 * Theory of operation. One line is sent at a time; those written meanwhile wait. The server
 * sends every line back to whoever wrote it: only then it is done with. A line that the server
 * refuses because there were too many is sent again after the time that it names, and one that the
 * socket lost is sent again when the session is up, unless the history shows that it arrived.
 */

/** @typedef {import('./messages.js').ChatMessage} ChatMessage */
/** @typedef {import('./messages.js').ClientMessage} ClientMessage */
/** @typedef {import('./messages.js').ErrorMessage} ErrorMessage */

/** Lines of the room that are kept, as many as the server keeps. */
const HISTORY = 100;
/** Lines that may wait; nobody writes that many in good faith. */
const MOST_WAITING = 50;
/** When the server names no time. */
const RETRY_MS = 1000;

export class Chat {
  /** @type {ChatMessage[]} */
  #history = [];
  /** @type {string[]} */
  #waiting = [];
  #online = false;
  #sent = false;
  #lastId = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;
  #hooks;

  /**
   * @param {{
   *   send: (message: ClientMessage) => boolean, line: (line: ChatMessage) => void,
   *   waiting: (lines: string[]) => void,
   * }} hooks `line`: the room has a new one; `waiting`: those written here that it has not yet
   */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** The newest lines of the room, oldest first. */
  get history() {
    return [...this.#history];
  }

  /**
   * @param {string} text
   * @returns {boolean} false when it is not taken: too much waits already
   */
  say(text) {
    if (this.#waiting.length >= MOST_WAITING) return false;
    this.#waiting.push(text);
    this.#changed();
    this.#sendNext();
    return true;
  }

  /**
   * @param {ChatMessage} message
   * @param {boolean} own whether it was written here
   */
  heard({ participant, name, text, at }, own) {
    const line = { participant, name, text, at };
    this.#history = [...this.#history, line].slice(-HISTORY);
    if (own && this.#waiting.length > 0) this.#done();
    this.#hooks.line(line);
  }

  /**
   * A welcome: lines of meanwhile are new, and what waits is sent.
   *
   * @param {ChatMessage[]} history of the room
   * @param {(participant: string) => boolean} isOwn
   */
  online(history, isOwn) {
    const known = this.#history.at(-1)?.at ?? 0;
    for (const line of history) if (line.at > known) this.heard(line, isOwn(line.participant));
    this.#online = true;
    this.#sendNext();
  }

  /** The socket is gone. */
  offline() {
    this.#online = false;
    this.#sent = false;
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  /**
   * @param {ErrorMessage} error
   * @returns {boolean} whether it refused our line, and is dealt with
   */
  refused({ code, request, id, retryAfter }) {
    if (request !== 'chat' || id !== this.#lastId || !this.#sent) return false;
    if (code !== 'tooMany') {
      // It would be refused again.
      this.#done();
      return false;
    }
    this.#sent = false;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#sendNext();
    }, retryAfter ? retryAfter * 1000 : RETRY_MS);
    return true;
  }

  #done() {
    this.#waiting.shift();
    this.#sent = false;
    this.#changed();
    this.#sendNext();
  }

  #changed() {
    this.#hooks.waiting([...this.#waiting]);
  }

  #sendNext() {
    const [text] = this.#waiting;
    if (text === undefined || !this.#online || this.#sent || this.#pause) return;
    this.#lastId += 1;
    this.#sent = this.#hooks.send({ type: 'chat', text, id: this.#lastId });
  }
}
