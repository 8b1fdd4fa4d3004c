/** Grades in words: what a profile makes of figures, as a mark with its colour and its word. */

import { number } from '../operator/figures.js';
import { el } from '../shared/dom.js';
import { sayIf } from './words.js';

/** @typedef {import('./types.js').Bands} Bands */
/** @typedef {import('./types.js').Grades} Grades */
/** @typedef {import('./types.js').Summary} Summary */

/** How good a category is, 4 the best, for its colour. The word always stands beside it. */
const STEP = /** @type {Record<string, number>} */ ({
  verySatisfying: 4, satisfying: 3, lessSatisfying: 2, unsatisfying: 0,
  met: 4, withinLimit: 2, missed: 0,
  excellent: 4, good: 3, poor: 1, unacceptable: 0,
  // `tooShort` has no colour: it is no verdict.
});

/**
 * @param {string} key of a category
 * @param {string} [more] beside the word
 */
export function verdict(key, more = '') {
  const step = STEP[key];
  const word = sayIf(`grade.${key}`, '–');
  return el('span', { class: `grade${step === undefined ? '' : ` g${step}`}` },
    more ? `${word} · ${more}` : word);
}

/**
 * @param {Bands} bands
 * @param {string} profile
 * @param {number} index
 */
export function wordOfIndex(bands, profile, index) {
  const rows = Object.values(bands[profile]?.video ?? {}).flat();
  return sayIf(`grade.${rows.find(([one]) => one === index)?.[2]}`, String(index));
}

/**
 * @param {Bands} bands
 * @param {string} profile
 * @param {number | null} index
 */
export function indexVerdict(bands, profile, index) {
  if (index === null) return el('span', { class: 'none' }, '–');
  return el('span', { class: `grade g${index}` }, wordOfIndex(bands, profile, index));
}

/**
 * @param {Summary} summary
 * @param {string} profile
 * @returns {Grades | null}
 */
export function gradesOf(summary, profile) {
  return summary.grades.find((one) => one.profile === profile) ?? null;
}

/** @param {Grades | null} grades */
export function overall(grades) {
  if (!grades?.words) return el('span', { class: 'none' }, '–');
  return verdict(grades.words, grades.overall === null ? '' : number(grades.overall, 2));
}
