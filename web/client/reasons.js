/** Questions to the server why somebody is not seen or heard (`why`), and its answers (`because`). */

/** @typedef {import('./messages.js').ClientMessage} ClientMessage */
/** @typedef {import('./messages.js').Reasons} Reasons */

/** The server answers at once or not at all. */
const ANSWER_WITHIN_MS = 3000;

export class ReasonRequests {
  /** @type {Map<string, Array<(answer: Reasons | null) => void>>} by participant */
  #waiting = new Map();
  #send;

  /** @param {(message: ClientMessage) => boolean} send false when it did not reach the socket */
  constructor(send) {
    this.#send = send;
  }

  /**
   * @param {string} participant
   * @returns {Promise<Reasons | null>} null when the server does not answer
   */
  ask(participant) {
    if (!this.#send({ type: 'why', participant })) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting.set(participant, [...(this.#waiting.get(participant) ?? []), resolve]);
      setTimeout(() => resolve(null), ANSWER_WITHIN_MS);
    });
  }

  /** @param {Reasons} reasons */
  answered(reasons) {
    this.#answer(reasons.participant, reasons);
  }

  /** No answer will come any more. */
  cancel() {
    for (const participant of [...this.#waiting.keys()]) this.#answer(participant, null);
  }

  /**
   * @param {string} participant
   * @param {Reasons | null} reasons
   */
  #answer(participant, reasons) {
    const waiting = this.#waiting.get(participant) ?? [];
    this.#waiting.delete(participant);
    for (const resolve of waiting) resolve(reasons);
  }
}
