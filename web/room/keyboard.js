/** Keyboard shortcuts of a call, and the dialog that lists them. */

import { byId, el } from '../shared/dom.js';
import { onLanguage, t } from '../shared/i18n.js';

/** @typedef {'mute' | 'camera' | 'share' | 'chat' | 'people' | 'copy' | 'help'} Action */

/** @type {Record<string, Action>} */
const KEYS = {
  m: 'mute', v: 'camera', s: 'share', c: 'chat', p: 'people', l: 'copy', '?': 'help',
};

/**
 * The action of a key press, if it is one: not while writing, not with a modifier.
 *
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, repeat: boolean}} event
 * @param {boolean} writing whether the key goes into a text field
 * @returns {Action | null}
 */
export function actionOf(event, writing) {
  if (writing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return null;
  return KEYS[event.key.toLowerCase()] ?? null;
}

/**
 * @param {Action} action
 * @returns {string} its key as it stands on the keyboard
 */
export function keyOf(action) {
  const [key = ''] = Object.entries(KEYS).find(([, one]) => one === action) ?? [];
  return key.toUpperCase();
}

export function helpDialog() {
  const list = byId('help-keys', HTMLElement);
  const show = () => list.replaceChildren(
    ...Object.entries(KEYS).flatMap(([key, action]) => [
      el('dt', {}, t(`help.${action}`)), el('dd', {}, el('kbd', {}, key.toUpperCase())),
    ]),
    el('dt', {}, t('help.escape')), el('dd', {}, el('kbd', {}, 'Esc')),
  );
  onLanguage(show);
  show();
}

/** @param {Element | null} focused */
export function isWriting(focused) {
  return focused instanceof HTMLTextAreaElement || focused instanceof HTMLSelectElement
    || (focused instanceof HTMLInputElement && focused.type !== 'radio'
      && focused.type !== 'checkbox');
}
