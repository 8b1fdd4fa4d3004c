/** Two drawings of votes and estimates: means with their intervals, and vote against estimate. */

import { number, text } from '../operator/figures.js';
import { el } from '../shared/dom.js';
import { t } from '../shared/i18n.js';
import { say } from './words.js';

/** @typedef {import('./types.js').OpinionOf} OpinionOf */
/** @typedef {import('./types.js').Statistic} Statistic */

const LOW = 1;
const HIGH = 5;
const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {number} value 1 to 5
 * @returns {string} how far along that is
 */
function share(value) {
  return `${((Math.min(HIGH, Math.max(LOW, value)) - LOW) / (HIGH - LOW)) * 100}%`;
}

/**
 * @param {string} name
 * @param {Statistic} of
 * @param {string} kind
 */
function interval(name, { mean, low, high, n }, kind) {
  const track = el('div', { class: 'interval-track' });
  if (low !== null && high !== null) {
    const bar = el('i', { class: `interval-bar ${kind}` });
    bar.style.setProperty('left', share(low));
    bar.style.setProperty('right', `calc(100% - ${share(high)})`);
    track.append(bar);
  }
  if (mean !== null) {
    const dot = el('i', { class: `interval-mean ${kind}` });
    dot.style.setProperty('left', share(mean));
    track.append(dot);
  }
  const label = low === null || high === null
    ? `${name}: ${text(mean, 'score')}, n = ${n}`
    : `${name}: ${text(mean, 'score')} (${number(low, 2)} … ${number(high, 2)}), n = ${n}`;
  track.setAttribute('role', 'img');
  track.setAttribute('aria-label', label);
  track.title = label;
  return el('div', { class: 'interval' }, el('span', { class: 'interval-name' }, name), track);
}

/** @param {OpinionOf} of */
export function intervals(of) {
  const axis = el('div', { class: 'interval-axis', 'aria-hidden': 'true' });
  for (const value of [1, 2, 3, 4, 5]) {
    const mark = el('span', {}, String(value));
    mark.style.setProperty('left', share(value));
    axis.append(mark);
  }
  return el('div', { class: 'intervals' },
    interval(say('opinions.votes'), of.votes, 'people'),
    interval(say('opinions.model'), of.model, 'model'), axis);
}

/** Points beside each other before another row begins. */
const ABREAST = 5;

/** @param {number} place 0 in the middle, then right and left in turns */
const aside = (place) => Math.ceil(place / 2) * (place % 2 ? 1 : -1) * 0.065;

/**
 * Votes that fall on one point lie beside each other, in the same order each time.
 *
 * @param {{vote: number, mos: number}[]} pairs
 * @returns {{x: number, y: number}[]} 1 to 5 each
 */
export function spreadOut(pairs) {
  /** @type {Map<string, number>} */
  const taken = new Map();
  return pairs.map(({ vote, mos }) => {
    const place = `${vote} ${mos.toFixed(1)}`;
    const before = taken.get(place) ?? 0;
    taken.set(place, before + 1);
    return { x: mos + aside(before % ABREAST), y: vote + Math.max(-0.4, Math.min(0.4, aside(Math.floor(before / ABREAST)))) };
  });
}

/**
 * @param {'audio' | 'video'} medium
 * @param {OpinionOf['pairs']} pairs
 */
export function scatter(medium, pairs) {
  if (!pairs.length) return el('p', { class: 'hint' }, say('opinions.noPairs'));
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0.7 0.5 4.6 5');
  svg.setAttribute('aria-hidden', 'true');
  /**
   * @param {string} tag
   * @param {Record<string, string | number>} attributes
   */
  const add = (tag, attributes) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
    svg.append(element);
  };
  for (const value of [1, 2, 3, 4, 5]) {
    add('path', { class: 'plot-grid', d: `M0.7 ${6 - value}H5.3` });
    add('path', { class: 'plot-grid', d: `M${value} 0.5V5.5` });
  }
  add('path', { class: 'scatter-agree', d: 'M0.7 5.3L5.3 0.7' });
  for (const { x, y } of spreadOut(pairs)) {
    add('circle', { class: `scatter-dot ${medium}`, cx: x.toFixed(3), cy: (6 - y).toFixed(3), r: 0.045 });
  }
  const words = /** @type {const} */ (['excellent', 'good', 'fair', 'poor', 'bad']);
  return el('figure', { class: 'scatter', 'aria-label': say('opinions.scatter') },
    el('figcaption', {}, el('b', {}, say('opinions.scatter')), el('span', { class: 'hint' }, say('opinions.scatterHint'))),
    el('div', { class: 'scatter-y', 'aria-hidden': 'true' }, ...words.map((word) => el('span', {}, t(`opinion.${word}`)))),
    el('div', { class: 'scatter-area' }, svg),
    el('div', { class: 'scatter-x', 'aria-hidden': 'true' }, ...[1, 2, 3, 4, 5].map((value) => {
      const mark = el('span', {}, String(value));
      mark.style.setProperty('left', `${((value - 0.7) / 4.6) * 100}%`);
      return mark;
    })),
    el('p', { class: 'hint scatter-name' }, say('opinions.axisModel')));
}
