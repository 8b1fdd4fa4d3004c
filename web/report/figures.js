/**
 * Figures as people read them: a number in the page's language with the unit that fits.
 *
 * What is shown is rounded; the exact number stays with it in a `<data>` element, and is the one
 * that the exports hold. A figure that is not known is a dash, never a zero.
 */

import { el } from '../shared/dom.js';
import { language } from '../shared/i18n.js';

/** @typedef {number | null | undefined} Known a number, or that there is none */
/** @typedef {'ms' | 'percent' | 'rate' | 'mos' | 'count' | 'duration' | 'fps' | 'score'} Unit */

/** What is shown where there is no figure. */
export const NONE = '–';

/**
 * @param {number} value
 * @param {number} digits at most, behind the point
 * @param {number} [least] digits, behind the point
 */
export function number(value, digits, least = 0) {
  return new Intl.NumberFormat(language(), {
    maximumFractionDigits: digits, minimumFractionDigits: least,
  }).format(value);
}

/** @type {Record<Unit, (value: number) => string>} */
const SHOWN = {
  ms: (seconds) => milliseconds(seconds * 1000),
  percent: (value) => `${number(value, value !== 0 && Math.abs(value) < 0.1 ? 2 : value < 10 ? 1 : 0)} %`,
  rate: (bits) => rate(bits),
  mos: (value) => number(value, 2, 2),
  score: (value) => number(value, 2, 1),
  count: (value) => number(value, 0),
  fps: (value) => number(value, 1),
  duration: (seconds) => duration(seconds),
};

/** @param {number} ms */
function milliseconds(ms) {
  return `${number(ms, ms < 10 ? 1 : 0)} ms`;
}

/** @param {number} bits a second */
function rate(bits) {
  return bits >= 1e6 ? `${number(bits / 1e6, 2)} Mbit/s` : `${number(bits / 1e3, bits < 1e4 ? 1 : 0)} kbit/s`;
}

/** @param {number} seconds */
function duration(seconds) {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const id = language() === 'id';
  if (hours) return `${hours} ${id ? 'jam' : 'h'} ${minutes} ${id ? 'mnt' : 'min'}`;
  if (minutes) return `${minutes} ${id ? 'mnt' : 'min'} ${rest} ${id ? 'dtk' : 's'}`;
  return `${rest} ${id ? 'dtk' : 's'}`;
}

/**
 * @param {Known} value
 * @param {Unit} unit
 */
export function text(value, unit) {
  return value == null || !Number.isFinite(value) ? NONE : SHOWN[unit](value);
}

/**
 * A figure for the page, with the exact one in it.
 *
 * @param {Known} value
 * @param {Unit} unit
 * @param {string} [field] its name in the export
 * @returns {HTMLElement}
 */
export function figure(value, unit, field = '') {
  if (value == null || !Number.isFinite(value)) return el('span', { class: 'none' }, NONE);
  const element = el('data', { value: String(value) }, SHOWN[unit](value));
  if (field) element.setAttribute('data-field', field);
  return element;
}

/**
 * @param {number} at Unix time, seconds
 * @param {Intl.DateTimeFormatOptions} options
 */
function moment(at, options) {
  return new Intl.DateTimeFormat(language(), options).format(at * 1000);
}

/** @param {number} at Unix time, seconds */
export const day = (at) => moment(at, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

/** @param {number} at Unix time, seconds */
export const shortDay = (at) => moment(at, { day: 'numeric', month: 'short', year: 'numeric' });

/** @param {number} at Unix time, seconds */
export const clock = (at) => moment(at, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

/** @param {number} at Unix time, seconds */
export const clockSeconds = (at) =>
  moment(at, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
