/**
 * What this participant looks at and listens to, and what comes of it.
 *
 * Theory of operation. `look` takes the whole view each time; what differs from the last one sent
 * goes out at once, and then at most ten times a second. `again` sends it anew, for a server or a
 * connection that does not have it. A server that does not know these messages refuses the first
 * one (`refused`); it is then left alone until the next `again`.
 */

/** @typedef {import('./messages.js').Reasons} Reasons */
/** @typedef {import('./messages.js').ClientMessage} ClientMessage */
/** @typedef {import('./messages.js').ReceivedTrack} ReceivedTrack */
/** @typedef {import('./messages.js').WayQuality} WayQuality */
/** @typedef {Omit<import('./messages.js').View, 'type'>} View */

const BETWEEN_MS = 100;
/** The server answers `why` at once or not at all. */
const BECAUSE_WITHIN_MS = 3000;

export class Looking {
  /** @type {View | null} */
  #view = null;
  #sent = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;
  #understood = true;
  /** @type {Map<string, ReceivedTrack>} by track */
  #receiving = new Map();
  /** @type {Map<string, WayQuality>} by participant */
  #quality = new Map();
  /** @type {Map<string, Array<(answer: Reasons | null) => void>>} by participant */
  #asked = new Map();
  #send;

  /** @param {(message: ClientMessage) => boolean} send false when it did not reach the socket */
  constructor(send) {
    this.#send = send;
  }

  /** Whether the server knows these messages, as far as we know. */
  get understood() {
    return this.#understood;
  }

  /** @param {View} view */
  look(view) {
    this.#view = view;
    if (!this.#pause) this.#tell();
  }

  /** The session or the subscribe connection is new. */
  again() {
    this.#understood = true;
    this.#sent = '';
    if (!this.#pause) this.#tell();
  }

  /**
   * The server had too many views: the newest goes out when it takes them again.
   *
   * @param {number} wait milliseconds
   */
  wait(wait) {
    clearTimeout(this.#pause);
    this.#sent = '';
    this.#tellAfter(wait);
  }

  /**
   * What the browser counts of what it receives.
   *
   * @param {import('./messages.js').Digest} digest
   */
  tellDigest(digest) {
    if (this.#understood) this.#send(digest);
  }

  /** The server refused a message that it does not know. */
  refused() {
    this.#understood = false;
    for (const participant of [...this.#asked.keys()]) this.#answer(participant, null);
  }

  /**
   * Why is this participant not seen or heard?
   *
   * @param {string} participant
   * @returns {Promise<Reasons | null>} null when the server does not say
   */
  why(participant) {
    if (!this.#understood || !this.#send({ type: 'why', participant })) {
      return Promise.resolve(null);
    }
    return new Promise((resolve) => {
      const waiting = this.#asked.get(participant) ?? [];
      this.#asked.set(participant, [...waiting, resolve]);
      setTimeout(() => resolve(null), BECAUSE_WITHIN_MS);
    });
  }

  /** @param {Reasons} because */
  because(because) {
    this.#answer(because.participant, because);
  }

  /** @param {import('./messages.js').Receiving} message */
  receiving({ tracks }) {
    this.#receiving = new Map(tracks.map((one) => [one.track, one]));
  }

  /** @param {import('./messages.js').QualityMessage} message who is not named has not changed */
  quality({ participants }) {
    for (const one of participants) this.#quality.set(one.id, one);
  }

  /** @param {string} participant who left */
  forget(participant) {
    this.#quality.delete(participant);
  }

  /**
   * @param {string} track
   * @returns {ReceivedTrack | null} null when the server has not said
   */
  receivingOf(track) {
    return this.#receiving.get(track) ?? null;
  }

  get received() {
    return [...this.#receiving.values()];
  }

  /**
   * @param {string} participant
   * @returns {WayQuality | null}
   */
  qualityOf(participant) {
    return this.#quality.get(participant) ?? null;
  }

  stop() {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.refused();
  }

  #tell() {
    if (!this.#view || !this.#understood) return;
    const text = JSON.stringify(this.#view);
    if (text === this.#sent || !this.#send({ type: 'view', ...this.#view })) return;
    this.#sent = text;
    this.#tellAfter(BETWEEN_MS);
  }

  /** @param {number} wait milliseconds */
  #tellAfter(wait) {
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#tell();
    }, wait);
  }

  /**
   * @param {string} participant
   * @param {Reasons | null} because
   */
  #answer(participant, because) {
    const waiting = this.#asked.get(participant) ?? [];
    this.#asked.delete(participant);
    for (const resolve of waiting) resolve(because);
  }
}
