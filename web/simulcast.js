/**
 * Which encodings of a video are really encoded: those that somebody receives.
 *
 * `setParameters` takes what `getParameters` gave in the same turn and allows one call at a time,
 * so calls are queued and each reads the parameters afresh. Nothing is asked of the encoder when
 * it already does what is wanted.
 */

export class ActiveEncodings {
  /** @type {ReadonlySet<string> | null} null: all */
  #wanted = null;
  #queue = Promise.resolve();
  #sender;

  /** @param {RTCRtpSender} sender */
  constructor(sender) {
    this.#sender = sender;
  }

  /**
   * @param {readonly string[] | null} rids to send, `''` being that of a lone stream; null: all
   * @returns {Promise<void>} once it is so, or the browser has refused
   */
  want(rids) {
    this.#wanted = rids && new Set(rids);
    return this.apply();
  }

  /** See to it again: a negotiation or another track may have changed it. */
  apply() {
    this.#queue = this.#queue.then(() => this.#set());
    return this.#queue;
  }

  async #set() {
    const parameters = this.#sender.getParameters();
    let changed = false;
    for (const encoding of parameters.encodings ?? []) {
      const active = this.#wanted?.has(encoding.rid ?? '') ?? true;
      changed ||= (encoding.active ?? true) !== active;
      encoding.active = active;
    }
    if (!changed) return;
    try {
      await this.#sender.setParameters(parameters);
    } catch {
      // Not at this moment, with an offer open: `apply` follows every negotiation.
    }
  }
}
