/** Whose visit it was, and in which order people stand. */

/** @typedef {import('./types.js').Person} Person */
/** @typedef {import('./types.js').Report} Report */

/**
 * Whose visit it was: events and charts name the participant of a visit.
 *
 * @param {Report} report
 * @returns {Map<string, {person: Person, number: number}>} by participant
 */
export function byVisit(report) {
  return new Map(report.people.flatMap((person, number) =>
    person.visits.map(({ participant }) => [participant, { person, number }])));
}

/**
 * People in the order of how much trouble they had.
 *
 * @param {Person[]} people
 * @returns {{person: Person, number: number}[]} `number`: their colour
 */
export function byTrouble(people) {
  const worst = (/** @type {Person} */ { experience }) => experience.findings[0]?.badness ?? 0;
  return people.map((person, number) => ({ person, number }))
    .sort((a, b) => worst(b.person) - worst(a.person) || a.number - b.number);
}
