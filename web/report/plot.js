/**
 * One chart over a call's time axis: grade bands behind, a line a person, events as marks.
 *
 * The drawing is stretched to the place it has and all words lie beside it as text, so that a
 * phone, a wall and a sheet of paper show the same chart without drawing it again.
 */

import { clock, clockSeconds } from '../operator/figures.js';
import { niceAbove, steps as stepsTo, stripes, timeLines } from '../operator/scale.js';
import { el } from '../shared/dom.js';
import { linePath, stretches } from './line.js';

/** @typedef {import('./types.js').Band} Band */

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {number} colour number of it
 * @property {readonly number[]} at
 * @property {readonly (number | null)[]} values
 * @property {readonly (number | null)[]} [worst]
 * @property {boolean} [faint]
 */

/**
 * @typedef {object} Plot
 * @property {string} title
 * @property {string} hint
 * @property {string} summary for who does not see the drawing
 * @property {number} since
 * @property {number} until
 * @property {number} step seconds of a point
 * @property {number} top of the axis, about
 * @property {number} [bottom] of the axis
 * @property {Line[]} lines
 * @property {Band[]} bands
 * @property {boolean} rising more is better
 * @property {(value: number) => string} text
 * @property {{at: number, kind: string}[]} marks
 */

const WIDTH = 1000;
const HEIGHT = 200;
/** Marks from which on they stand at the foot only, and how high they are there. */
const MANY_MARKS = 16;
const FOOT = 9;
const SVG = 'http://www.w3.org/2000/svg';
const COLOURS = 10;

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** @param {number} number of a person */
export function colourClass(number) {
  return `line-${number % COLOURS}${number >= COLOURS ? ' dashed' : ''}`;
}

/**
 * @param {Plot} plot
 * @returns {HTMLElement}
 */
export function drawPlot(plot) {
  const bottom = plot.bottom ?? 0;
  const step = niceAbove((plot.top - bottom) / 4);
  const top = bottom + Math.ceil((plot.top - bottom) / step - 1e-9) * step;
  const steps = stepsTo(top - bottom).map((above) => bottom + above);
  const span = Math.max(1, plot.until - plot.since);
  const x = (/** @type {number} */ time) => ((time - plot.since) / span) * WIDTH;
  const y = (/** @type {number} */ value) => HEIGHT - ((value - bottom) / (top - bottom)) * HEIGHT;

  const area = el('div', { class: 'plot-area' }, drawing(plot, top, x, y, steps));
  for (const step of steps) {
    const text = el('span', { class: 'plot-y' }, plot.text(step));
    text.style.setProperty('top', `${(y(step) / HEIGHT) * 100}%`);
    area.append(text);
  }
  area.append(...timeAxis(plot.since, plot.until));
  cursor(area, plot);
  return el('figure', { class: 'chart card', 'aria-label': `${plot.title}. ${plot.summary}` },
    el('figcaption', {}, el('h3', {}, plot.title), el('span', { class: 'hint' }, plot.hint)), area);
}

/**
 * @param {Plot} plot
 * @param {number} top
 * @param {(time: number) => number} x
 * @param {(value: number) => number} y
 * @param {number[]} steps
 */
function drawing(plot, top, x, y, steps) {
  const svg = shape('svg', {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true',
  });
  for (const { index, from, to } of stripes(plot.bands, plot.rising)) {
    if (from >= top) continue;
    const upper = y(Math.min(to, top));
    svg.append(shape('rect', { class: `band-${index}`, x: 0, width: WIDTH, y: upper, height: y(from) - upper }));
  }
  for (const step of steps) {
    svg.append(shape('path', { class: 'plot-grid', d: `M0 ${y(step)}H${WIDTH}` }));
  }
  const places = new Map(plot.marks.map(({ at, kind }) => [x(at).toFixed(1), kind]));
  // A forest of lines would hide the curves: then they stand at the foot only.
  const many = places.size > MANY_MARKS;
  for (const [place, kind] of places) {
    svg.append(shape('path', {
      class: `plot-mark ${kind}${many ? ' low' : ''}`, d: `M${place} ${many ? HEIGHT - FOOT : 0}V${HEIGHT}`,
    }));
  }
  for (const line of plot.lines) {
    if (line.worst && !line.faint) {
      svg.append(shape('path', {
        class: `plot-worst ${colourClass(line.colour)}`,
        d: linePath(stretches(line.at, line.worst, plot.step), x, y),
      }));
    }
    svg.append(shape('path', {
      class: `plot-line ${colourClass(line.colour)}${line.faint ? ' faint' : ''}`,
      d: linePath(stretches(line.at, line.values, plot.step), x, y),
    }));
  }
  return svg;
}

/**
 * @param {number} since
 * @param {number} until
 */
export function timeAxis(since, until) {
  const zone = -new Date(since * 1000).getTimezoneOffset() * 60;
  const times = timeLines(since, until, 7, zone);
  const short = (times[1] ?? until) - (times[0] ?? since) < 60;
  return times.map((time, index) => {
    const share = (time - since) / Math.max(1, until - since);
    const text = el('span', { class: `plot-x${index % 2 ? ' second' : ''}` },
      short ? clockSeconds(time) : clock(time));
    if (share < 0.02) text.classList.add('first');
    if (share > 0.98) text.classList.add('last');
    text.style.setProperty('left', `${share * 100}%`);
    return text;
  });
}

/**
 * The value of each line under the pointer.
 *
 * @param {HTMLElement} area
 * @param {Plot} plot
 */
function cursor(area, plot) {
  const line = el('i', { class: 'plot-cursor', hidden: true });
  const box = el('div', { class: 'plot-tip', hidden: true });
  area.append(line, box);
  area.addEventListener('pointermove', (event) => {
    const { left, width } = area.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - left) / width));
    const time = plot.since + share * (plot.until - plot.since);
    const rows = plot.lines.filter(({ faint }) => !faint).flatMap((one) => {
      const value = valueAt(one, time, plot.step);
      return value == null ? [] : [{ one, value }];
    });
    rows.sort((a, b) => b.value - a.value);
    line.hidden = box.hidden = rows.length === 0;
    line.style.setProperty('left', `${share * 100}%`);
    box.style.setProperty('left', `${share * 100}%`);
    box.classList.toggle('before', share > 0.6);
    box.replaceChildren(el('b', {}, clockSeconds(time)), ...rows.slice(0, 8).map(({ one, value }) =>
      el('span', {}, el('i', { class: `swatch ${colourClass(one.colour)}` }),
        el('span', {}, one.name), el('b', {}, plot.text(value)))));
  });
  area.addEventListener('pointerleave', () => { line.hidden = box.hidden = true; });
}

/**
 * @param {Line} line
 * @param {number} time
 * @param {number} step
 */
function valueAt(line, time, step) {
  // The last point that has begun by then.
  let [low, high] = [0, line.at.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((line.at[middle] ?? Infinity) <= time) low = middle + 1;
    else high = middle;
  }
  const at = line.at[low - 1];
  return at !== undefined && time - at < step * 1.5 ? line.values[low - 1] : null;
}
