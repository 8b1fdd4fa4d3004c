/** Figures as people read them: with their unit, in the page's language. */

import { language } from '../shared/i18n.js';
import { w } from './words.js';

export const NONE = '–';

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/**
 * @param {number} value
 * @param {number} digits behind the point, at most
 */
export function number(value, digits = 0) {
  const key = `${language()}${digits}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(language() === 'id' ? 'id-ID' : 'en-GB',
      { maximumFractionDigits: digits });
    formats.set(key, format);
  }
  return format.format(value);
}

/**
 * @template T
 * @param {(value: number) => T} format
 * @returns {(value: number | null | undefined) => T | string}
 */
const known = (format) => (value) =>
  value === null || value === undefined || !Number.isFinite(value) ? NONE : format(value);

export const bitrate = known((value) => {
  if (value >= 1e6) return `${number(value / 1e6, value < 1e7 ? 1 : 0)} Mbit/s`;
  return `${number(value / 1e3, value < 1e4 && value > 0 ? 1 : 0)} kbit/s`;
});

/** From seconds. */
export const milliseconds = known((value) => {
  const inMs = value * 1000;
  return `${number(inMs, inMs < 10 ? 1 : 0)} ${w('unit.ms')}`;
});

/** A loss that is not 0 must not look like it: some grades ask for exactly 0. */
export const percent = known((value) =>
  `${number(value, value > 0 && value < 0.1 ? 2 : value < 10 ? 1 : 0)} %`);

/** From a share of 1. */
export const share = known((value) => `${number(value * 100)} %`);

export const score = known((value) => number(value, 1));
export const grade = known((value) => number(value, 2));
export const plain = known((value) => number(value));

export const bytes = known((value) => {
  if (value >= 1e9) return `${number(value / 1e9, 1)} GB`;
  if (value >= 1e6) return `${number(value / 1e6)} MB`;
  return `${number(value / 1e3)} kB`;
});

export const degrees = known((value) => `${number(value)} °C`);

/**
 * A model's name, with what must be known of it: nobody has published figures of VP8 for G.1070.
 *
 * @param {string} model
 */
export function modelName(model) {
  // The label says so itself, in English only.
  const [table] = model.split(';');
  return model.startsWith('G.1070') ? w('mos.noVp8', { model: table ?? model }) : model;
}

/** @param {number} seconds how long something has gone on */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [
    Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60,
  ];
  if (days) return w('time.days', { days, hours });
  if (hours) return w('time.hours', { hours, minutes });
  if (minutes) return w('time.minutes', { minutes });
  return w('time.seconds', { seconds: whole });
}

/**
 * @param {number} at Unix time, seconds
 * @param {boolean} [seconds]
 */
export function clock(at, seconds = true) {
  return new Date(at * 1000).toLocaleTimeString(language() === 'id' ? 'id-ID' : 'en-GB',
    { hour: '2-digit', minute: '2-digit', ...(seconds ? { second: '2-digit' } : {}) });
}

/** @param {number} at Unix time, seconds */
export function day(at) {
  return new Date(at * 1000).toLocaleDateString(language() === 'id' ? 'id-ID' : 'en-GB',
    { day: 'numeric', month: 'short' });
}
