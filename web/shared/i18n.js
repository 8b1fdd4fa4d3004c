/** The pages' language: Indonesian or English, as the browser prefers or as chosen. */

import en from './locales/en.js';
import id from './locales/id.js';
import { remember, settings } from './settings.js';

/** @typedef {keyof typeof en} Key */
/** @typedef {'id' | 'en'} Language */
/** @typedef {string | {one: string, other: string}} Phrase */

/** @type {Record<Language, Record<Key, Phrase>>} */
export const LOCALES = { id, en };

/**
 * Indonesian for who reads Indonesian or Malay before English, English otherwise.
 *
 * @param {readonly string[]} preferred language tags, best first
 * @returns {Language}
 */
export function chooseLanguage(preferred) {
  for (const tag of preferred) {
    const language = tag.toLowerCase().split('-')[0];
    if (language === 'id' || language === 'ms' || language === 'jv' || language === 'su') {
      return 'id';
    }
    if (language === 'en') return 'en';
  }
  return 'en';
}

/** @type {Language} */
let current = 'en';

export function language() {
  return current;
}

/**
 * @template {string} Word
 * @param {Record<Word, Phrase>} locale
 * @param {Language} of
 * @param {Word} key
 * @param {Record<string, string | number>} values
 */
export function phrase(locale, of, key, values) {
  const entry = locale[key];
  const plural = new Intl.PluralRules(of).select(Number(values.count ?? 0));
  const text = typeof entry === 'string' ? entry : plural === 'one' ? entry.one : entry.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => isolated(String(values[name] ?? whole)));
}

/** Hebrew, Arabic and their neighbours. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/**
 * A name that is written from right to left must not turn the sentence around it (Unicode UAX 9:
 * first strong isolate).
 *
 * @param {string} value
 */
function isolated(value) {
  return RIGHT_TO_LEFT.test(value) ? `\u2068${value}\u2069` : value;
}

/**
 * @param {Key} key
 * @param {Record<string, string | number>} [values] for the `{names}` in it; `count` picks the
 *   plural form
 */
export function t(key, values = {}) {
  return phrase(LOCALES[current], current, key, values);
}

/**
 * A sentence for an error code of the protocol, for one of our own, or for no particular one.
 *
 * @param {string} code
 * @param {Record<string, string | number>} [values]
 */
export function errorText(code, values) {
  const key = /** @type {Key} */ (`error.${code}`);
  return t(key in en ? key : 'error.internal', values);
}

/** @type {Record<string, (element: Element, text: string) => void>} by data attribute */
const PLACES = {
  'data-t': (element, text) => { element.textContent = text; },
  'data-t-label': (element, text) => { element.setAttribute('aria-label', text); },
  'data-t-title': (element, text) => { element.setAttribute('title', text); },
  'data-t-placeholder': (element, text) => { element.setAttribute('placeholder', text); },
};

/**
 * Put the current language into everything under `root` that asks for it by attribute.
 *
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const [attribute, put] of Object.entries(PLACES)) {
    for (const element of root.querySelectorAll(`[${attribute}]`)) {
      put(element, t(/** @type {Key} */ (element.getAttribute(attribute))));
    }
  }
}

/** @type {Set<() => void>} */
const followers = new Set();

/**
 * Call `redraw` whenever the language changes.
 *
 * @param {() => void} redraw
 * @param {AbortSignal} [signal] until when; without one for as long as the page lives
 */
export function onLanguage(redraw, signal) {
  followers.add(redraw);
  signal?.addEventListener('abort', () => followers.delete(redraw), { once: true });
}

/** @param {Language} chosen */
export function setLanguage(chosen) {
  remember({ language: chosen });
  use(chosen);
}

/** Once a page, before anything is shown. */
export function startLanguage() {
  use(settings().language || chooseLanguage(navigator.languages ?? [navigator.language]));
}

/** @param {Language} chosen */
function use(chosen) {
  current = chosen;
  document.documentElement.lang = chosen;
  translate(document);
  for (const redraw of followers) redraw();
}
