/** The dashboard's phrases. */

import { WORDS as SHARED, fillPage, vocabulary } from '../operator/words.js';
import en from './locales/en.js';
import id from './locales/id.js';

/** @typedef {keyof typeof WORDS.en} Word */

export const WORDS = { id: { ...SHARED.id, ...id }, en: { ...SHARED.en, ...en } };

export const { say, isWord, sayIf, wordOf } = vocabulary(WORDS);

fillPage(sayIf);
