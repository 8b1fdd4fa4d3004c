/** The words of the report pages, apart from the room's, which need not carry them. */

import { language, onLanguage } from '../shared/i18n.js';
import en from './locales/en.js';
import id from './locales/id.js';

/** @typedef {keyof typeof en} Word */
/** @typedef {string | {one: string, other: string}} Phrase */

/** @type {Record<'id' | 'en', Record<Word, Phrase>>} */
export const WORDS = { id, en };

/**
 * @param {Word} key
 * @param {Record<string, string | number>} [values] for the `{names}` in it; `count` picks the
 *   plural form
 */
export function say(key, values = {}) {
  const phrase = WORDS[language()][key];
  const plural = new Intl.PluralRules(language()).select(Number(values.count ?? 0));
  const text = typeof phrase === 'string' ? phrase : plural === 'one' ? phrase.one : phrase.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** @param {string} key that is put together from parts */
export function isWord(key) {
  return key in en;
}

/**
 * A phrase whose key is put together, or what stands in for it when there is none.
 *
 * @param {string} key
 * @param {string} [otherwise]
 * @param {Record<string, string | number>} [values]
 */
export function sayIf(key, otherwise = '', values = {}) {
  return isWord(key) ? say(/** @type {Word} */ (key), values) : otherwise;
}

/** Fill in what the page's own markup asks for, now and whenever the language changes. */
export function startWords() {
  onLanguage(() => {
    for (const element of document.querySelectorAll('[data-w]')) {
      element.textContent = say(/** @type {Word} */ (element.getAttribute('data-w')));
    }
    for (const element of document.querySelectorAll('[data-w-label]')) {
      element.setAttribute(
        'aria-label', say(/** @type {Word} */ (element.getAttribute('data-w-label'))),
      );
    }
  });
}
