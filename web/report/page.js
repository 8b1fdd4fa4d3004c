/** What the report pages share: their head, and asking the server for what they show. */

import { startFrame } from '../admin/frame.js';
import { el, icon } from '../shared/dom.js';
import { onLanguage, startLanguage } from '../shared/i18n.js';
import { say, startWords } from './words.js';

/**
 * @param {() => void} redraw all that depends on the language
 */
export function startPage(redraw) {
  startFrame(() => say('nav.logout'));
  startWords();
  onLanguage(redraw);
  startLanguage();
}

/** @typedef {'signIn' | 'notFound' | 'busy' | 'failed'} Problem */

/** An answer that is none, in a word that the page has a sentence for. */
export class LoadError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem);
    this.problem = problem;
  }
}

/**
 * @param {string} url of the server's own
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function load(url, signal) {
  let answer;
  try {
    answer = await fetch(url, { headers: { Accept: 'application/json' }, signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new LoadError('failed');
  }
  if (answer.status === 401 || answer.status === 403) throw new LoadError('signIn');
  if (answer.status === 404) throw new LoadError('notFound');
  if (answer.status === 429 || answer.status === 503) throw new LoadError('busy');
  if (!answer.ok) throw new LoadError('failed');
  try {
    return await answer.json();
  } catch {
    throw new LoadError('failed');
  }
}

/**
 * A page part that has nothing to show, and says why and what to do.
 *
 * @param {string} picture an icon's name
 * @param {string} title
 * @param {string} hint
 * @param {...Node} more
 */
export function emptyState(picture, title, hint, ...more) {
  return el('div', { class: 'empty' }, icon(picture), el('h2', {}, title), el('p', {}, hint), ...more);
}

/** @param {unknown} error of `load` */
export function problemState(error) {
  const problem = error instanceof LoadError ? error.problem : 'failed';
  const more = problem === 'signIn'
    ? [el('a', { class: 'button primary', href: '/admin' }, say('page.signIn'))] : [];
  return emptyState('warning', say(`problem.${problem}`), say(`problem.${problem}Hint`), ...more);
}
