/** Small help with elements. */

import { t } from './i18n.js';

/**
 * The element of the page with this id, which must be of this type.
 *
 * @template {HTMLElement} Type
 * @param {string} id
 * @param {new () => Type} type
 * @returns {Type}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`#${id} is no ${type.name}`);
  return element;
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | boolean>} [attributes] true: present; false: absent
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

/**
 * One of several choices that exclude each other.
 *
 * @template {string} Value
 * @param {string} name of the group
 * @param {Value} value
 * @param {string} text
 * @param {boolean} checked
 * @param {(value: Value) => void} choose
 */
export function segment(name, value, text, checked, choose) {
  const input = el('input', { type: 'radio', name, value, class: 'visually-hidden', checked });
  const caption = el('span', {}, text);
  input.onchange = () => choose(value);
  return { root: el('label', { class: 'segment' }, input, caption), input, caption };
}

/**
 * A row of such choices, made anew when they or the language change.
 *
 * @template {string} Value
 * @param {string} name of the group
 * @param {string} label
 * @param {{value: Value, text: string}[]} options
 * @param {Value} chosen
 * @param {(value: Value) => void} choose
 */
export function segmentRow(name, label, options, chosen, choose) {
  return el('div', { class: 'segments', role: 'radiogroup', 'aria-label': label },
    ...options.map(({ value, text }) => segment(name, value, text, value === chosen, choose).root));
}

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An icon of those that the page holds, unseen by screen readers.
 *
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Show another icon in an element that holds one.
 *
 * @param {Element} holder
 * @param {string} name
 */
export function setIcon(holder, name) {
  const href = `#icon-${name}`;
  const use = holder.querySelector('use');
  if (use && use.getAttribute('href') !== href) use.setAttribute('href', href);
}

/**
 * Name a button for everybody: pointer, keyboard and screen reader.
 *
 * @param {Element} button
 * @param {string} label
 * @param {string} [key] its keyboard shortcut
 */
export function label(button, label, key = '') {
  button.setAttribute('aria-label', label);
  button.setAttribute('data-tip', key ? `${label} (${key})` : label);
}

/**
 * The first letters of a name, for who sends no video.
 *
 * @param {string} name
 */
export function initials(name) {
  const words = name.trim().split(/\s+/);
  const first = [...(words[0] ?? '')][0] ?? '';
  const last = words.length > 1 ? ([...(words.at(-1) ?? '')][0] ?? '') : '';
  return (first + last).toLocaleUpperCase();
}

/**
 * A steady colour for somebody, as a hue in degrees.
 *
 * @param {string} name
 */
export function hue(name) {
  let sum = 7;
  for (const character of name) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 3600;
  return sum % 360;
}

/**
 * @param {string} name
 * @returns {HTMLElement}
 */
export function avatar(name) {
  const element = el('span', { class: 'avatar', 'aria-hidden': 'true' }, initials(name));
  element.style.setProperty('--hue', String(hue(name)));
  return element;
}

/** As many are shown at the same time. */
const TOASTS = 3;

/**
 * Show a message for a few seconds, and have it read aloud.
 *
 * @param {string} text
 * @param {'info' | 'problem'} [mood]
 * @returns {() => void} removes it earlier
 */
export function toast(text, mood = 'info') {
  const close = el('button', { class: 'toast-close', type: 'button' }, icon('close'));
  const alert = mood === 'problem';
  const element = el('div', { class: `toast ${mood}`, ...(alert && { role: 'alert' }) },
    el('span', {}, text), close);
  // A status that comes into the page together with its text is not read by all screen readers.
  if (!alert) announce(text);
  close.setAttribute('aria-label', t('control.close'));
  const remove = () => element.remove();
  close.onclick = remove;
  const shown = byId('toasts', HTMLElement);
  shown.append(element);
  // When a class comes in at once, the newest are enough.
  while (shown.childElementCount > TOASTS) shown.firstElementChild?.remove();
  setTimeout(remove, mood === 'problem' ? 9000 : 4000);
  return remove;
}

/** Remove all messages at once. */
export function clearToasts() {
  byId('toasts', HTMLElement).replaceChildren();
}

/**
 * Have a text read by screen readers, unseen.
 *
 * @param {string} text
 */
export function announce(text) {
  const line = el('p', {}, text);
  byId('live', HTMLElement).append(line);
  setTimeout(() => line.remove(), 5000);
}
