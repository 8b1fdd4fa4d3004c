/**
 * Figures as people read them: a number in the page's language with the unit that fits.
 *
 * What is shown is rounded; `figure` keeps the exact number with it in a `<data>` element, the one
 * that the exports hold. A figure that is not known is a dash, never a zero.
 */

import { el } from '../shared/dom.js';
import { language } from '../shared/i18n.js';
import { say } from './words.js';

/** @typedef {number | null | undefined} Known a number, or that there is none */
/** @typedef {'ms' | 'percent' | 'rate' | 'mos' | 'count' | 'duration' | 'fps' | 'score'} Unit */

/** How each figure is written: `qos/figures.py` declares its unit, and a test compares. */
export const UNITS = /** @type {const} */ ({
  bitrate: 'rate', loss: 'percent', jitter: 'ms', roundTripTime: 'ms', delay: 'ms', meanInterArrival: 'ms',
  mos: 'mos', framesPerSecond: 'fps', freezeCount: 'count', freezesDuration: 'duration',
  jitterBufferDelay: 'ms', concealed: 'percent',
});

/** What is shown where there is no figure. */
export const NONE = '–';

/** With the 24 hours that both languages' clocks have. */
const TAGS = { id: 'id-ID', en: 'en-GB' };

/** @type {Map<string, Intl.NumberFormat>} made once: a dashboard writes hundreds of numbers a second */
const formats = new Map();

/**
 * @param {number} value
 * @param {number} [digits] at most, behind the point
 * @param {number} [least] digits, behind the point
 */
export function number(value, digits = 0, least = 0) {
  const key = `${language()} ${digits} ${least}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(TAGS[language()], {
      maximumFractionDigits: digits, minimumFractionDigits: least,
    });
    formats.set(key, format);
  }
  return format.format(value);
}

/**
 * @param {(value: number) => string} format
 * @returns {(value: Known) => string}
 */
const known = (format) => (value) => (value == null || !Number.isFinite(value) ? NONE : format(value));

/**
 * @param {number} bits a second
 * @param {number} digits of megabits
 */
function rate(bits, digits) {
  return bits >= 1e6 ? `${number(bits / 1e6, digits)} Mbit/s` : `${number(bits / 1e3, bits < 1e4 ? 1 : 0)} kbit/s`;
}

/** From bits a second; without digits that would flicker in figures of each second. */
export const bitrate = known((bits) => rate(bits, bits < 1e7 ? 1 : 0));

/** From seconds. */
export const milliseconds = known((seconds) =>
  `${number(seconds * 1000, seconds < 0.01 ? 1 : 0)} ${say('unit.ms')}`);

/** A loss that is not 0 must not look like it: some grades ask for exactly 0. */
export const percent = known((value) =>
  `${number(value, value !== 0 && Math.abs(value) < 0.1 ? 2 : value < 10 ? 1 : 0)} %`);

/** From a share of 1. */
export const share = known((value) => `${number(value * 100)} %`);

export const count = known((value) => number(value));

/** A mean opinion score, or an overall grade. */
export const score = known((value) => number(value, 1));
export const grade = known((value) => number(value, 2));

export const bytes = known((value) => {
  if (value >= 1e9) return `${number(value / 1e9, 1)} GB`;
  if (value >= 1e6) return `${number(value / 1e6)} MB`;
  return `${number(value / 1e3)} kB`;
});

export const degrees = known((value) => `${number(value)} °C`);

/** @param {number} seconds */
function parts(seconds) {
  return {
    days: Math.floor(seconds / 86400), hours: Math.floor(seconds / 3600) % 24,
    minutes: Math.floor(seconds / 60) % 60, seconds: seconds % 60,
  };
}

/** @param {number} seconds of something that goes on: its largest units are enough */
export function age(seconds) {
  const values = parts(Math.max(0, Math.floor(seconds)));
  if (values.days) return say('time.days', values);
  if (values.hours) return say('time.hours', values);
  return values.minutes ? say('time.minutes', values) : say('time.seconds', values);
}

/** From seconds. */
export const duration = known((seconds) => {
  const whole = Math.round(seconds);
  const values = parts(whole);
  if (whole >= 3600) return say('time.hours', { ...values, hours: Math.floor(whole / 3600) });
  return values.minutes ? say('time.minutesSeconds', values) : say('time.seconds', values);
});

/** @type {Record<Unit, (value: Known) => string>} */
const SHOWN = {
  ms: milliseconds,
  percent,
  rate: known((bits) => rate(bits, 2)),
  mos: known((value) => number(value, 2, 2)),
  score: known((value) => number(value, 2, 1)),
  count,
  fps: known((value) => number(value, 1)),
  duration,
};

/**
 * @param {Known} value
 * @param {Unit} unit
 */
export function text(value, unit) {
  return SHOWN[unit](value);
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
  const element = el('data', { value: String(value) }, text(value, unit));
  if (field) element.setAttribute('data-field', field);
  return element;
}

/**
 * @param {number} at Unix time, seconds
 * @param {Intl.DateTimeFormatOptions} options
 */
function moment(at, options) {
  return new Intl.DateTimeFormat(TAGS[language()], options).format(at * 1000);
}

/** @param {number} at Unix time, seconds */
export const day = (at) => moment(at, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

/** @param {number} at Unix time, seconds */
export const shortDay = (at) => moment(at, { day: 'numeric', month: 'short', year: 'numeric' });

/** @param {number} at Unix time, seconds */
export const dayOfYear = (at) => moment(at, { day: 'numeric', month: 'short' });

/** @param {number} at Unix time, seconds */
export const clock = (at) => moment(at, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

/** @param {number} at Unix time, seconds */
export const clockSeconds = (at) =>
  moment(at, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
