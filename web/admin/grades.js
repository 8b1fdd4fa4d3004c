/** Grades by the chosen profile, as marks with words. */

import { grade, NONE } from '../operator/figures.js';
import { el } from '../shared/dom.js';
import { setData, setText } from './show.js';
import { say, wordOf } from './words.js';

/**
 * @typedef {import('./wire.js').Grades} Grades
 * @typedef {import('./wire.js').Profile} Profile
 */

/**
 * A model's name, with what must be known of it: nobody has published figures of VP8 for G.1070.
 *
 * @param {string} model
 */
export function modelName(model) {
  // The label names the gap itself, in English only.
  const [table] = model.split(';');
  return model.startsWith('G.1070') ? say('mos.noVp8', { model: table ?? model }) : model;
}

/**
 * The word of an overall grade.
 *
 * @param {Profile | undefined} profile
 * @param {number | null} overall
 */
export function overallWord(profile, overall) {
  if (overall === null || !profile) return '';
  return profile.overall.find(([least]) => overall >= least - 1e-9)?.[1] ?? '';
}

/**
 * `3.25 · satisfying`, or a dash.
 *
 * @param {Profile | undefined} profile
 * @param {number | null} overall
 * @param {string} [between] the number and the word
 */
export function overallText(profile, overall, between = ' · ') {
  const word = overallWord(profile, overall);
  return word ? `${grade(overall)}${between}${wordOf('grade', word)}` : NONE;
}

const PARTS = /** @type {const} */ (['throughput', 'delay', 'jitter', 'loss']);

/** The four indices of somebody, with the overall grade before them. */
export class GradeMarks {
  #overall = el('strong', {});
  #word = el('span', {});
  #parts = PARTS.map((part) => ({ part, value: el('b', {}), root: el('li', {}) }));

  constructor() {
    for (const { part, value, root } of this.#parts) {
      root.append(el('span', {}, say(`figure.${part}`)), value);
    }
    this.root = el('div', { class: 'grades' },
      el('p', { class: 'grade-overall' }, this.#overall, this.#word),
      el('ul', { class: 'grade-parts' }, ...this.#parts.map(({ root }) => root)));
  }

  /** @param {Profile | undefined} profile @param {Grades} grades */
  show(profile, grades) {
    const word = overallWord(profile, grades.overall);
    setText(this.#overall, grade(grades.overall));
    setText(this.#word, word ? wordOf('grade', word) : say('grade.none'));
    for (const { part, value, root } of this.#parts) {
      const index = grades[part];
      setText(value, index === null ? NONE : String(index));
      setData(root, 'index', index === null ? '' : String(index));
    }
  }
}
