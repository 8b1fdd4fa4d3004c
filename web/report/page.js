/** What the report pages share: their head, and what they show when there is nothing to show. */

import { Refused } from '../operator/ask.js';
import { startFrame } from '../operator/frame.js';
import { el, icon } from '../shared/dom.js';
import { onLanguage, startLanguage } from '../shared/i18n.js';
import { say } from './words.js';

/**
 * @param {() => void} redraw all that depends on the language
 */
export function startPage(redraw) {
  startFrame(() => say('nav.logout'));
  onLanguage(redraw);
  startLanguage();
}

/** @typedef {'signIn' | 'notFound' | 'busy' | 'failed'} Problem in a word that the page has a sentence for */

/** @type {Record<number, Problem>} by the status of an answer */
const PROBLEMS = { 401: 'signIn', 403: 'signIn', 404: 'notFound', 429: 'busy', 503: 'busy' };

/**
 * A page part that has nothing to show, and explains why and what to do.
 *
 * @param {string} image an icon's name
 * @param {string} title
 * @param {string} hint
 * @param {...Node} more
 */
export function emptyState(image, title, hint, ...more) {
  return el('div', { class: 'empty' }, icon(image), el('h2', {}, title), el('p', {}, hint), ...more);
}

/** @param {unknown} error of `ask` */
export function problemState(error) {
  const problem = (error instanceof Refused && PROBLEMS[error.status]) || 'failed';
  const more = problem === 'signIn'
    ? [el('a', { class: 'button primary', href: '/admin' }, say('page.signIn'))] : [];
  return emptyState('warning', say(`problem.${problem}`), say(`problem.${problem}Hint`), ...more);
}
