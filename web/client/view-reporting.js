/**
 * What this participant sees and hears, as reported to the server, and what the server reports of it.
 *
 * Theory of operation. `report` takes the whole view each time; what differs from the last one sent
 * goes out at once, and then at most ten times a second. `reportAgain` sends it anew, for a server
 * or a connection that does not have it. A server that does not know these messages refuses the
 * first one (`refused`); none is sent from then on until the next `reportAgain`.
 */

/** @typedef {import('./messages.js').ClientMessage} ClientMessage */
/** @typedef {import('./messages.js').ParticipantQuality} ParticipantQuality */
/** @typedef {import('./messages.js').ReceivedTrack} ReceivedTrack */
/** @typedef {Omit<import('./messages.js').View, 'type'>} View */

/** Between two reports. */
const BETWEEN_MS = 100;

export class ViewReporting {
  /** @type {View | null} */
  #view = null;
  /** The view that was sent last, as JSON. */
  #sent = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;
  #supported = true;
  /** @type {Map<string, ReceivedTrack>} by track */
  #receiving = new Map();
  /** @type {Map<string, ParticipantQuality>} by participant */
  #quality = new Map();
  #send;

  /** @param {(message: ClientMessage) => boolean} send false when it did not reach the socket */
  constructor(send) {
    this.#send = send;
  }

  /** Whether the server knows these messages, as far as we know. */
  get supported() {
    return this.#supported;
  }

  /** @param {View} view */
  report(view) {
    this.#view = view;
    if (!this.#pause) this.#sendView();
  }

  /** The session or the subscribe connection is new. */
  reportAgain() {
    this.#supported = true;
    this.#sent = '';
    if (!this.#pause) this.#sendView();
  }

  /**
   * The server had too many views: the newest goes out when it takes them again.
   *
   * @param {number} wait milliseconds
   */
  postpone(wait) {
    clearTimeout(this.#pause);
    this.#sent = '';
    this.#sendAfter(wait);
  }

  /** @param {import('./messages.js').Digest} digest what the browser counts of what it receives */
  reportDigest(digest) {
    if (this.#supported) this.#send(digest);
  }

  /** The server refused a message that it does not know. */
  refused() {
    this.#supported = false;
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
   * @returns {ReceivedTrack | null} null when the server has not reported it
   */
  receivingOf(track) {
    return this.#receiving.get(track) ?? null;
  }

  get received() {
    return [...this.#receiving.values()];
  }

  /**
   * @param {string} participant
   * @returns {ParticipantQuality | null}
   */
  qualityOf(participant) {
    return this.#quality.get(participant) ?? null;
  }

  stop() {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#supported = false;
  }

  #sendView() {
    if (!this.#view || !this.#supported) return;
    const text = JSON.stringify(this.#view);
    if (text === this.#sent || !this.#send({ type: 'view', ...this.#view })) return;
    this.#sent = text;
    this.#sendAfter(BETWEEN_MS);
  }

  /** @param {number} wait milliseconds */
  #sendAfter(wait) {
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#sendView();
    }, wait);
  }
}
