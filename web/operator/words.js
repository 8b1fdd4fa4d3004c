/**
 * The phrases of the dashboard and the reports, apart from the room's, which need not carry them.
 *
 * Each page puts its own beside those that all share: `vocabulary({ en: { ...WORDS.en, ...en }, ...})`.
 */

import { language, onLanguage, phrase } from '../shared/i18n.js';
import en from './locales/en.js';
import id from './locales/id.js';

/** @typedef {import('../shared/i18n.js').Language} Language */
/** @typedef {import('../shared/i18n.js').Phrase} Phrase */
/** @typedef {Record<string, string | number>} Values for the `{names}` in it; `count` picks the plural form */

export const WORDS = { id, en };

/**
 * @template {string} Word
 * @param {Record<Language, Record<Word, Phrase>>} words
 */
export function vocabulary(words) {
  /**
   * @param {Word} word
   * @param {Values} [values]
   */
  const say = (word, values = {}) => phrase(words[language()], language(), word, values);
  /**
   * @param {string} key that is put together from parts
   * @returns {key is Word}
   */
  const isWord = (key) => key in words.en;
  /**
   * A phrase whose key is put together, or what stands in for it when there is none.
   *
   * @param {string} key
   * @param {string} [otherwise]
   * @param {Values} [values]
   */
  const sayIf = (key, otherwise = '', values = {}) => (isWord(key) ? say(key, values) : otherwise);
  /**
   * A word of a group, or its bare name where there is none: what a newer server reports is shown
   * rather than hidden.
   *
   * @param {string} group
   * @param {string} name
   * @param {Values} [values]
   */
  const wordOf = (group, name, values = {}) => sayIf(`${group}.${name}`, name, values);
  return { say, isWord, sayIf, wordOf };
}

export const { say, isWord, sayIf, wordOf } = vocabulary(WORDS);

/** Figures that are computed by a model. */
const MODELLED = ['delay', 'mos'];

/** @param {string} figure as `qos/figures.py` names it */
export const labelOf = (figure) => wordOf('figure', figure);

/** @param {string} figure whose label shall say where a model computes it */
export function fullLabelOf(figure) {
  const name = labelOf(figure);
  return MODELLED.includes(figure) ? say('figure.modelled', { name }) : name;
}

/** @type {Record<string, (element: Element, text: string) => void>} by data attribute */
const PLACES = {
  'data-w': (element, text) => { element.textContent = text; },
  'data-w-label': (element, text) => { element.setAttribute('aria-label', text); },
};

/**
 * Fill in what the page's own markup asks for, whenever the language changes.
 *
 * @param {(key: string) => string} text of a key
 */
export function fillPage(text) {
  onLanguage(() => {
    for (const [attribute, put] of Object.entries(PLACES)) {
      for (const element of document.querySelectorAll(`[${attribute}]`)) {
        put(element, text(element.getAttribute(attribute) ?? ''));
      }
    }
  });
}
