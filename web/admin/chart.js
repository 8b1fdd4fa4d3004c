/**
 * A zoomable chart over time with grade bands behind it, on a canvas.
 *
 * Wheel, pinch and the keys + and - zoom, dragging and the arrow keys move, 0 shows all. It draws
 * when something has changed and somebody can see it, once a frame at most.
 */

import { clock, clockSeconds, dayOfYear } from '../operator/figures.js';
import { move, nearest, steps, niceAbove, stripes, timeLines, zoom } from '../operator/scale.js';
import { el } from '../shared/dom.js';
import { setText } from './show.js';
import { colour, onTheme, onVisible, prepare } from './visible.js';
import { say, wordOf } from './words.js';

/**
 * @typedef {import('../operator/scale.js').Range} Range
 * @typedef {{at: number, value: number | null}} Point
 * @typedef {{name: string, ink: string, dash: number[], points: readonly Point[]}} Line
 * @typedef {object} ChartView
 * @property {string} title
 * @property {Line[]} lines
 * @property {import('./wire.js').Band[]} bands
 * @property {boolean} rising more is better
 * @property {Range} whole
 * @property {number} gap seconds between two points beyond which a line is broken
 * @property {(value: number | null) => string} format
 * @property {number} [floor] the least value of the axis; 0 unless given
 * @property {number} [top] the most value of the axis; as the points need unless given
 */

const LEFT = 74;
const RIGHT = 12;
const BOTTOM = 26;
const TOP = 10;

export class Chart {
  #canvas = el('canvas', { tabindex: '0', role: 'img' });
  #tip = el('div', { class: 'chart-tip', 'aria-hidden': 'true', hidden: true });
  /** @type {ChartView | null} */
  #view = null;
  /** @type {Range | null} what is looked at; null: all, as it grows */
  #range = null;
  #visible = false;
  #waiting = false;
  /** @type {number | null} where the pointer is */
  #pointer = null;
  /** @type {Map<number, number>} pointers that are down, by id: their x */
  #down = new Map();

  constructor() {
    this.root = el('div', { class: 'chart' }, this.#canvas, this.#tip);
    onVisible(this.#canvas, (visible) => {
      this.#visible = visible;
      this.#ask();
    });
    onTheme(() => this.#ask());
    new ResizeObserver(() => this.#ask()).observe(this.#canvas);
    this.#listen();
  }

  /** @param {ChartView} view */
  show(view) {
    this.#view = view;
    if (this.#range) this.#range = move(this.#range, 0, view.whole);
    this.#ask();
  }

  /** Look at everything again. */
  reset() {
    this.#range = null;
    this.#ask();
  }

  /** @param {number} factor below 1: nearer */
  zoomBy(factor) {
    const { from, to } = this.#shown();
    this.#zoom(factor, (from + to) / 2);
  }

  get zoomed() {
    return this.#range !== null;
  }

  /** @returns {Range} */
  #shown() {
    return this.#range ?? this.#view?.whole ?? { from: 0, to: 1 };
  }

  /** @param {number} factor @param {number} around */
  #zoom(factor, around) {
    if (!this.#view) return;
    const { whole } = this.#view;
    const range = zoom(this.#shown(), factor, around, whole);
    this.#range = range.to - range.from >= (whole.to - whole.from) * 0.999 ? null : range;
    this.#ask();
  }

  /** @param {number} seconds */
  #move(seconds) {
    if (!this.#view || !this.#range) return;
    this.#range = move(this.#range, seconds, this.#view.whole);
    this.#ask();
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener('wheel', (event) => {
      // Without a modifier the page scrolls on, unless one has begun to look closely.
      if (!event.ctrlKey && !event.metaKey && !event.shiftKey && !this.zoomed) return;
      event.preventDefault();
      this.#zoom(event.deltaY > 0 ? 1.25 : 0.8, this.#time(event.offsetX));
    }, { passive: false });
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#down.set(event.pointerId, event.offsetX);
    };
    canvas.onpointermove = (event) => this.#moved(event);
    canvas.onpointerup = canvas.onpointercancel = (event) => this.#down.delete(event.pointerId);
    canvas.onpointerleave = () => {
      this.#pointer = null;
      this.#ask();
    };
    canvas.ondblclick = (event) => this.#zoom(0.4, this.#time(event.offsetX));
    canvas.onkeydown = (event) => this.#key(event);
  }

  /** @param {PointerEvent} event */
  #moved(event) {
    const before = this.#down.get(event.pointerId);
    this.#pointer = event.offsetX;
    if (before !== undefined) {
      const others = [...this.#down].filter(([id]) => id !== event.pointerId);
      const other = others[0]?.[1];
      if (other === undefined) this.#move(this.#time(before) - this.#time(event.offsetX));
      else {
        const factor = Math.abs(before - other) / Math.max(1, Math.abs(event.offsetX - other));
        this.#zoom(factor, this.#time((event.offsetX + other) / 2));
      }
      this.#down.set(event.pointerId, event.offsetX);
    }
    this.#ask();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { from, to } = this.#shown();
    const span = to - from;
    /** @type {Record<string, () => void>} */
    const keys = {
      '+': () => this.zoomBy(0.6),
      '=': () => this.zoomBy(0.6),
      '-': () => this.zoomBy(1 / 0.6),
      0: () => this.reset(),
      ArrowLeft: () => this.#move(-span / 5),
      ArrowRight: () => this.#move(span / 5),
    };
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  /** @param {number} x CSS pixels */
  #time(x) {
    const { from, to } = this.#shown();
    const width = Math.max(1, this.#canvas.clientWidth - LEFT - RIGHT);
    return from + ((x - LEFT) / width) * (to - from);
  }

  #ask() {
    if (this.#waiting || !this.#visible) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#draw();
    });
  }

  #draw() {
    const view = this.#view;
    const paper = view && prepare(this.#canvas);
    if (!view || !paper) return;
    const { context, width, height } = paper;
    const range = this.#shown();
    const floor = view.floor ?? 0;
    const top = view.top ?? this.#top(view, range);
    const x = (/** @type {number} */ at) =>
      LEFT + ((at - range.from) / (range.to - range.from)) * (width - LEFT - RIGHT);
    const y = (/** @type {number} */ value) =>
      height - BOTTOM - ((value - floor) / (top - floor)) * (height - BOTTOM - TOP);
    context.font = `500 12px ${colour('--font')}`;
    drawBands(context, view, width, top, y);
    drawAxes(context, view, range, { x, y, width, height, floor, top });
    context.save();
    context.beginPath();
    context.rect(LEFT, 0, width - LEFT - RIGHT, height - BOTTOM + 1);
    context.clip();
    for (const line of view.lines) drawLine(context, line, range, view.gap, x, y);
    context.restore();
    this.#point(context, view, range, x, y, height);
    this.#describe(view, range);
  }

  /** @param {ChartView} view @param {Range} range */
  #top(view, range) {
    let most = 0;
    for (const { points } of view.lines) {
      for (const { at, value } of points) {
        if (at >= range.from && at <= range.to && value !== null && value > most) most = value;
      }
    }
    // Somewhat above the first band, so that one sees where good begins or ends.
    const first = stripes(view.bands, view.rising).find(({ from, to }) =>
      (view.rising ? from : to) > 0 && Number.isFinite(view.rising ? from : to));
    const least = first ? (view.rising ? first.from : first.to) * 1.15 : 0;
    return niceAbove(Math.max(most * 1.08, least, 1e-3));
  }

  /**
   * The values where the pointer is.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {ChartView} view
   * @param {Range} range
   * @param {(at: number) => number} x
   * @param {(value: number) => number} y
   * @param {number} height
   */
  #point(context, view, range, x, y, height) {
    const at = this.#pointer === null ? null : this.#time(this.#pointer);
    this.#tip.hidden = at === null || at < range.from || at > range.to;
    if (at === null || this.#tip.hidden) return;
    const found = view.lines.map((line) => ({
      line, point: nearest(line.points, at, Math.max(view.gap, (range.to - range.from) / 100)),
    }));
    const moment = found.find(({ point }) => point)?.point?.at ?? at;
    context.strokeStyle = colour('--text-soft');
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x(moment), TOP);
    context.lineTo(x(moment), height - BOTTOM);
    context.stroke();
    for (const { line, point } of found) {
      if (!point || point.value === null) continue;
      context.fillStyle = colour(line.ink);
      context.beginPath();
      context.arc(x(point.at), y(point.value), 4, 0, 7);
      context.fill();
    }
    const text = found.map(({ line, point }) => `${line.name}: ${view.format(point?.value ?? null)}`);
    const span = view.whole.to - view.whole.from;
    const when = span > 86400 * 1.5 ? `${dayOfYear(moment)} ${clock(moment)}` : clockSeconds(moment);
    this.#tip.replaceChildren(el('b', {}, when), ...text.map((one) => el('span', {}, one)));
    const right = x(moment) > this.#canvas.clientWidth / 2;
    this.#tip.style.left = right ? '' : `${x(moment) + 12}px`;
    this.#tip.style.right = right ? `${this.#canvas.clientWidth - x(moment) + 12}px` : '';
  }

  /** @param {ChartView} view @param {Range} range */
  #describe(view, range) {
    const parts = view.lines.map(({ name, points }) => {
      const values = points.filter(({ at }) => at >= range.from && at <= range.to)
        .map(({ value }) => value).filter((value) => value !== null);
      if (!values.length) return say('chart.nothing', { name });
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return say('chart.summary', {
        name,
        least: view.format(values.reduce((a, b) => Math.min(a, b))),
        mean: view.format(mean),
        most: view.format(values.reduce((a, b) => Math.max(a, b))),
      });
    });
    const text = [view.title, `${clockSeconds(range.from)} – ${clockSeconds(range.to)}`, ...parts,
      say('chart.keys')].join('. ');
    if (this.#canvas.getAttribute('aria-label') !== text) this.#canvas.setAttribute('aria-label', text);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ChartView} view
 * @param {number} width
 * @param {number} top
 * @param {(value: number) => number} y
 */
function drawBands(context, view, width, top, y) {
  for (const { from, to, index, word } of stripes(view.bands, view.rising)) {
    if (from >= top) continue;
    const [upper, lower] = [y(Math.min(to, top)), y(from)];
    context.fillStyle = colour(`--band-${index}`);
    context.fillRect(LEFT, upper, width - LEFT - RIGHT, lower - upper);
    if (lower - upper < 15) continue;
    context.fillStyle = colour('--band-ink');
    context.textAlign = 'right';
    context.textBaseline = 'top';
    context.fillText(wordOf('grade', word), width - RIGHT - 6, upper + 3);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ChartView} view
 * @param {Range} range
 * @param {{x: (at: number) => number, y: (value: number) => number, width: number,
 *   height: number, floor: number, top: number}} place
 */
function drawAxes(context, view, range, { x, y, width, height, floor, top }) {
  context.strokeStyle = colour('--line');
  context.fillStyle = colour('--text-soft');
  context.lineWidth = 1;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  for (const step of steps(top - floor)) {
    const line = Math.round(y(floor + step)) + 0.5;
    context.beginPath();
    context.moveTo(LEFT, line);
    context.lineTo(width - RIGHT, line);
    context.stroke();
    context.fillText(view.format(floor + step), LEFT - 8, line);
  }
  context.textAlign = 'center';
  context.textBaseline = 'top';
  const most = Math.max(2, Math.floor((width - LEFT) / 110));
  const long = range.to - range.from > 86400 * 1.5;
  const zone = -new Date(range.to * 1000).getTimezoneOffset() * 60;
  for (const at of timeLines(range.from, range.to, most, zone)) {
    const seconds = range.to - range.from < 600;
    const text = long ? dayOfYear(at) : (seconds ? clockSeconds : clock)(at);
    // One that would be cut off at the edge cannot be read.
    if (x(at) + context.measureText(text).width / 2 <= width) {
      context.fillText(text, x(at), height - BOTTOM + 8);
    }
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Line} line
 * @param {Range} range
 * @param {number} gap
 * @param {(at: number) => number} x
 * @param {(value: number) => number} y
 */
function drawLine(context, { points, ink, dash }, range, gap, x, y) {
  context.strokeStyle = colour(ink);
  context.lineWidth = 2;
  context.lineJoin = 'round';
  context.setLineDash(dash);
  context.beginPath();
  let before = -Infinity;
  for (const { at, value } of points) {
    if (at < range.from - gap || at > range.to + gap) continue;
    if (value === null) {
      before = -Infinity;
      continue;
    }
    if (at - before > gap) context.moveTo(x(at), y(value));
    else context.lineTo(x(at), y(value));
    before = at;
  }
  context.stroke();
  context.setLineDash([]);
}

/** @param {Line[]} lines what the lines of a chart mean */
export function legend(lines) {
  return el('ul', { class: 'legend' }, ...lines.map(({ name, dash, ink }) => {
    const text = el('span', {});
    setText(text, name);
    return el('li', { 'data-ink': ink, 'data-dash': String(dash.length > 0) },
      el('i', { 'aria-hidden': 'true' }), text);
  }));
}
