/** What people lived through, in sentences: what, when, for how long, on whose side, and why. */

import { el } from '../shared/dom.js';
import { language } from '../shared/i18n.js';
import { clock, clockSeconds, number, shortDay, text } from './figures.js';
import { isWord, say, sayIf } from './words.js';

/** @typedef {import('./types.js').Experience} Experience */
/** @typedef {import('./types.js').Finding} Finding */
/** @typedef {import('./types.js').Person} Person */
/** @typedef {import('./types.js').Report} Report */
/** @typedef {import('./types.js').Verdict} Verdict */

/** Where a verdict stands between good (4) and bad (0), for its colour; null for no verdict. */
const STEP = /** @type {const} */ ({ good: 4, some: 2, bad: 0, short: null, unknown: null });

/**
 * A duration as one says it: nobody counts half seconds of half a minute.
 *
 * @param {number} seconds
 */
export function lasting(seconds) {
  return seconds < 9.95 ? say('lived.seconds', { value: number(seconds, 1) }) : text(seconds, 'duration');
}

/**
 * One finding as a sentence.
 *
 * @param {Finding} finding
 */
export function findingText(finding) {
  const { kind, side, cause, name, otherName, seconds, share } = finding;
  const values = {
    name: name || say('event.somebody'),
    other: otherName || say('lived.another'),
    time: lasting(seconds),
    share: share === null ? '' : text(share, 'percent'),
  };
  if (kind === 'connection' && side === 'own' && cause === 'loss' && share !== null) {
    return say('lived.lost', values);
  }
  const own = `lived.what.${kind}.${cause}`;
  const what = sayIf(isWord(own) ? own : `lived.what.${kind}`, kind, values);
  const why = sayIf(`lived.why.${side}.${cause}`, '', values);
  return why ? say('lived.because', { what, why }) : `${what}.`;
}

/**
 * A moment as one speaks of it from another: today, yesterday, a date.
 *
 * @param {number} at Unix time, seconds
 * @param {number} now
 */
export function whenText(at, now) {
  const days = Math.round((midnight(now) - midnight(at)) / 86_400_000);
  if (days !== 0 && days !== 1) return `${shortDay(at)}, ${clock(at)}`;
  const word = new Intl.RelativeTimeFormat(language(), { numeric: 'auto' }).format(-days, 'day');
  return `${word.charAt(0).toLocaleUpperCase(language())}${word.slice(1)} ${clock(at)}`;
}

/** @param {number} at Unix time, seconds */
function midnight(at) {
  return new Date(at * 1000).setHours(0, 0, 0, 0);
}

/**
 * From when to when, within a call whose day is known.
 *
 * @param {Finding} finding
 */
export function spanText({ began, ended, times }) {
  const values = { from: clockSeconds(began), to: clockSeconds(ended), count: times };
  return times > 1 ? say('lived.times', values) : say('lived.once', values);
}

/** @param {Verdict} verdict */
export function verdictMark(verdict) {
  const step = STEP[verdict];
  return el('span', { class: `grade${step === null ? '' : ` g${step}`}` }, say(`lived.verdict.${verdict}`));
}

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
 * People in the order of how badly they fared.
 *
 * @param {Person[]} people
 * @returns {{person: Person, number: number}[]} `number`: their colour
 */
export function byTrouble(people) {
  const worst = (/** @type {Person} */ { experience }) => experience.findings[0]?.badness ?? 0;
  return people.map((person, number) => ({ person, number }))
    .sort((a, b) => worst(b.person) - worst(a.person) || a.number - b.number);
}
