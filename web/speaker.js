/** Who counts as the speaker: the loudest, for long enough, until somebody else is. */

/** Quieter than this is no speech, in -dBov (RFC 6464). */
export const QUIET = 55;
/** A cough is no speech. */
const SPEAKS_FOR_MS = 800;

export class Speaker {
  #current = '';
  #next = '';
  #since = 0;

  /** Participant id; empty until somebody has spoken. */
  get current() {
    return this.#current;
  }

  /**
   * @param {ReadonlyMap<string, number>} levels 0 (loudest) to 127, by participant
   * @param {number} now milliseconds
   * @returns {boolean} whether the speaker is another one now
   */
  hear(levels, now) {
    const [loudest, level] = [...levels].reduce(
      (best, one) => (one[1] < best[1] ? one : best), ['', QUIET]);
    if (level >= QUIET || loudest === this.#current) {
      this.#next = '';
      return false;
    }
    if (loudest !== this.#next) {
      this.#next = loudest;
      this.#since = now;
    }
    if (this.#current && now - this.#since < SPEAKS_FOR_MS) return false;
    this.#current = loudest;
    this.#next = '';
    return true;
  }
}
