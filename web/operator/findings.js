/** Findings as sentences: what somebody had trouble with, when, for how long, on whose side, and why. */

import { el } from '../shared/dom.js';
import { language } from '../shared/i18n.js';
import { clock, clockSeconds, number, shortDay, text } from './figures.js';
import { isWord, say, sayIf } from './words.js';


/**
 * @typedef {'connection' | 'frozen' | 'noVideo' | 'concealed' | 'lowered' | 'sentLowered'} Trouble
 * @typedef {'own' | 'server' | 'other' | 'unknown'} Side
 * @typedef {'good' | 'some' | 'bad' | 'short' | 'unknown'} Verdict
 *
 * @typedef {object} Finding one stretch of trouble that somebody had
 * @property {string} participant
 * @property {string} name
 * @property {Trouble} kind
 * @property {Side} side
 * @property {string} cause
 * @property {string} other
 * @property {string} otherName
 * @property {number} began
 * @property {number} ended
 * @property {number} times
 * @property {number} seconds
 * @property {number | null} share percent
 * @property {number} badness
 *
 * @typedef {{kind: Trouble, side: Side, cause: string, began: number, ended: number}} Span
 *
 * @typedef {{call: string, room: string, participants: string[], finding: Finding}} FindingRow
 * @typedef {{findings: FindingRow[], troubled: number, calls: number}} FindingList
 */

/** Where a verdict stands between good (4) and bad (0), for its colour; null for no verdict. */
const STEP = /** @type {const} */ ({ good: 4, some: 2, bad: 0, short: null, unknown: null });

/**
 * A duration as one speaks of it: nobody counts half seconds of half a minute.
 *
 * @param {number} seconds
 */
export function lasting(seconds) {
  return seconds < 9.95 ? say('finding.seconds', { value: number(seconds, 1) }) : text(seconds, 'duration');
}

/**
 * One finding as a sentence.
 *
 * @param {Finding} finding
 */
export function findingText(finding) {
  const { kind, side, cause, name, otherName, seconds, share } = finding;
  const values = {
    name: name || say('finding.somebody'),
    other: otherName || say('finding.another'),
    time: lasting(seconds),
    share: share === null ? '' : text(share, 'percent'),
  };
  if (kind === 'connection' && side === 'own' && cause === 'loss' && share !== null) {
    return say('finding.lost', values);
  }
  const own = `finding.what.${kind}.${cause}`;
  const what = sayIf(isWord(own) ? own : `finding.what.${kind}`, kind, values);
  const why = sayIf(`finding.why.${side}.${cause}`, '', values);
  return why ? say('finding.because', { what, why }) : `${what}.`;
}

/**
 * A moment as seen from another: today, yesterday, a date.
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
  return times > 1 ? say('finding.times', values) : say('finding.once', values);
}

/** @param {Verdict} verdict */
export function verdictMark(verdict) {
  const step = STEP[verdict];
  return el('span', { class: `grade${step === null ? '' : ` g${step}`}` }, say(`finding.verdict.${verdict}`));
}
