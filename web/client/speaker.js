/**
 * Who counts as the speaker: the loudest, for long enough, until somebody else is.
 *
 * On a constrained network only the speaker's video keeps moving, and each change costs a keyframe:
 * who puts in a few words while another speaks on is not followed.
 */

/** Quieter than this is no speech, in -dBov (RFC 6464). */
export const QUIET = 55;
/** A cough is no speech. */
const SPEAKS_FOR_MS = 800;
/** How long somebody must be louder than a speaker who goes on. */
const INTERRUPTS_FOR_MS = 2500;
/** Who has been silent for this long has stopped. */
const PAUSE_MS = 1000;

export class Speaker {
  #current = '';
  #heardAt = 0;
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
    if ((levels.get(this.#current) ?? QUIET) < QUIET) this.#heardAt = now;
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
    const goesOn = now - this.#heardAt < PAUSE_MS;
    const needed = goesOn ? INTERRUPTS_FOR_MS : SPEAKS_FOR_MS;
    if (this.#current && now - this.#since < needed) return false;
    this.#current = loudest;
    this.#heardAt = now;
    this.#next = '';
    return true;
  }
}
