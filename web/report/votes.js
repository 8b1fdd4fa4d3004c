/** Votes, counted by category. */

import { number } from '../operator/figures.js';
import { el } from '../shared/dom.js';
import { t } from '../shared/i18n.js';
import { say } from './words.js';

/** @typedef {import('./types.js').Word} Word */

/** The categories of ITU-T P.800 Annex B, best first. */
export const VOTES = /** @type {const} */ (['excellent', 'good', 'fair', 'poor', 'bad']);

/**
 * @param {(Word | null)[]} votes
 * @returns {Record<Word, number>}
 */
export function counted(votes) {
  const counts = { excellent: 0, good: 0, fair: 0, poor: 0, bad: 0 };
  for (const vote of votes) if (vote) counts[vote] += 1;
  return counts;
}

/**
 * @param {'audio' | 'video'} medium
 * @param {Record<Word, number>} counts
 */
export function voteBars(medium, counts) {
  const most = Math.max(1, ...Object.values(counts));
  return el('div', { class: 'card panel-card avoid-break' },
    el('h3', {}, say(`media.${medium}`)),
    el('div', {}, ...VOTES.map((word) => {
      const bar = el('i');
      bar.style.setProperty('width', `${(counts[word] / most) * 100}%`);
      return el('div', { class: 'vote-row' }, el('span', {}, t(`opinion.${word}`)),
        el('span', { class: 'vote-bar', 'aria-hidden': 'true' }, bar), el('b', {}, number(counts[word], 0)));
    })));
}
