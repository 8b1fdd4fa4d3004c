/** The last minutes of everybody, for sparklines and the live chart. No DOM. */

/**
 * @typedef {import('./wire.js').Figures} Figures
 * @typedef {import('./wire.js').Second} Second
 * @typedef {{at: number, up: Figures, down: Figures, grade: number | null}} Moment
 */

/** Seconds that are kept. */
export const KEPT = 300;

export class RecentFigures {
  /** @type {Map<string, Moment[]>} */
  #people = new Map();

  /** @param {Second} second */
  add(second) {
    /** @type {Map<string, Moment[]>} */
    const people = new Map();
    for (const room of second.rooms) {
      for (const { participant, up, down, grades } of room.people) {
        const moments = this.#people.get(participant) ?? [];
        // The server sends the same second again when something else is watched.
        if (moments.at(-1)?.at !== second.at) {
          moments.push({ at: second.at, up, down, grade: grades.overall });
          if (moments.length > KEPT) moments.shift();
        }
        people.set(participant, moments);
      }
    }
    this.#people = people;
  }

  /**
   * @param {string} participant
   * @returns {readonly Moment[]} the oldest first
   */
  of(participant) {
    return this.#people.get(participant) ?? [];
  }
}
