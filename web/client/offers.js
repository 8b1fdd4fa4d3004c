/**
 * Offers of the publish connection, sent until the server answers them.
 *
 * Theory of operation. At most one offer is open. One whose answer never came because the WebSocket
 * dropped is sent again, with the next id, once the session has resumed: the server may or may not
 * have seen the first, and its answer fits in both cases.
 */

import { Interrupted } from './connection-slot.js';

/** @typedef {import('./messages.js').ErrorMessage} ErrorMessage */
/** @typedef {import('./messages.js').Publish} PublishMessage */
/** @typedef {import('./messages.js').Published} PublishedMessage */

/** The server refused an offer. */
export class OfferRefused extends Error {
  /** @param {ErrorMessage} answer */
  constructor(answer) {
    super(answer.message);
    this.answer = answer;
  }
}

export class Offers {
  /** @type {{id: number, resolve: (m: PublishedMessage) => void, reject: (e: Error) => void} | null} */
  #open = null;
  /** @type {Array<() => void>} */
  #waiting = [];
  #online = false;
  #lastId = 0;
  #send;

  /** @param {(message: PublishMessage) => boolean} send false when it did not reach the socket */
  constructor(send) {
    this.#send = send;
  }

  /** Whether messages reach the server. */
  get online() {
    return this.#online;
  }

  /** The session is up, or the socket is gone. @param {boolean} online */
  setOnline(online) {
    this.#online = online;
    if (online) this.#goOn();
    else this.interrupt();
  }

  /** The open offer is of no more use: `answered` rejects with `Interrupted`, or asks again. */
  interrupt() {
    this.#open?.reject(new Interrupted());
  }

  /** No offer will be sent any more. */
  close() {
    this.interrupt();
    this.#goOn();
  }

  /**
   * Send an offer until an answer to it comes.
   *
   * @param {() => Omit<PublishMessage, 'type' | 'id'>} offer as it is when it is sent
   * @param {() => boolean} isWanted whether it still is; else this rejects with `Interrupted`
   * @returns {Promise<PublishedMessage>} rejects with `OfferRefused` when the server refuses
   */
  async answered(offer, isWanted) {
    for (;;) {
      if (!this.#online) await new Promise((resolve) => this.#waiting.push(() => resolve(null)));
      if (!isWanted()) throw new Interrupted();
      try {
        const answer = await this.#request(offer());
        if (isWanted()) return answer;
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
      }
    }
  }

  /** @param {PublishedMessage} message */
  published(message) {
    if (this.#open?.id === message.id) this.#open.resolve(message);
  }

  /**
   * @param {ErrorMessage} error
   * @returns {boolean} whether it answered our open offer
   */
  refused(error) {
    if (!this.#open || this.#open.id !== error.id) return false;
    this.#open.reject(new OfferRefused(error));
    return true;
  }

  /**
   * @param {Omit<PublishMessage, 'type' | 'id'>} offer
   * @returns {Promise<PublishedMessage>}
   */
  #request(offer) {
    const id = ++this.#lastId;
    /** @type {Promise<PublishedMessage>} */
    const answer = new Promise((resolve, reject) => {
      this.#open = { id, resolve, reject };
    });
    // The socket may have closed under us while its event is still to come.
    if (!this.#send({ type: 'publish', id, ...offer })) this.setOnline(false);
    return answer.finally(() => {
      if (this.#open?.id === id) this.#open = null;
    });
  }

  #goOn() {
    for (const go of this.#waiting.splice(0)) go();
  }
}
