/** The dashboard's own sentences, in the language of all pages. */

import { language, onLanguage, phrase } from '../shared/i18n.js';
import en from './locales/en.js';
import id from './locales/id.js';

/** @typedef {keyof typeof en} Word */
/** @typedef {import('../shared/i18n.js').Phrase} Phrase */

/** @type {Record<'id' | 'en', Record<Word, Phrase>>} */
export const WORDS = { id, en };

/**
 * @param {Word} word
 * @param {Record<string, string | number>} [values] `count` picks the plural form
 */
export function w(word, values = {}) {
  return phrase(/** @type {any} */ (WORDS[language()]), language(), /** @type {any} */ (word), values);
}

/**
 * A word put together from parts, or the last part itself where there is none: what a newer
 * server says is shown rather than hidden.
 *
 * @param {string} group
 * @param {string} name
 * @param {Record<string, string | number>} [values]
 */
export function wordOf(group, name, values = {}) {
  const word = `${group}.${name}`;
  return word in en ? w(/** @type {Word} */ (word), values) : name;
}

/** @type {Record<string, (element: Element, text: string) => void>} by data attribute */
const PLACES = {
  'data-w': (element, text) => { element.textContent = text; },
  'data-w-label': (element, text) => { element.setAttribute('aria-label', text); },
};

/**
 * Put the current language into everything under `root` that asks for it by attribute.
 *
 * @param {ParentNode} root
 */
export function fillIn(root) {
  for (const [attribute, put] of Object.entries(PLACES)) {
    for (const element of root.querySelectorAll(`[${attribute}]`)) {
      put(element, w(/** @type {Word} */ (element.getAttribute(attribute))));
    }
  }
}

onLanguage(() => fillIn(document));
