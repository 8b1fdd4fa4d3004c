/** A line of the last two minutes, as small as a word. */

import { el } from '../shared/dom.js';
import { colour, onTheme, prepare } from './visible.js';

/** @typedef {import('./wire.js').Level} Level */

/** Colour of a line by level. @type {Record<Level, string>} */
const INKS = {
  good: '--good', fair: '--fair', poor: '--poor', lost: '--poor', waiting: '--text-soft',
};

/** Seconds. */
export const SPAN = 120;

/** @type {Map<HTMLCanvasElement, () => void>} */
const waiting = new Map();

/**
 * Draw with the next frame, together with all others that are due.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {() => void} draw
 */
function soon(canvas, draw) {
  if (!waiting.size) {
    requestAnimationFrame(() => {
      const due = [...waiting.values()];
      waiting.clear();
      for (const one of due) one();
    });
  }
  waiting.set(canvas, draw);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {readonly {at: number, value: number | null}[]} points
 * @param {string} ink name of a colour
 */
function drawSpark(canvas, points, ink) {
  const paper = prepare(canvas);
  const last = points.at(-1);
  if (!paper || !last) return;
  const { context, width, height } = paper;
  const top = Math.max(1, ...points.map(({ value }) => value ?? 0));
  const x = (/** @type {number} */ at) => width - 2 - ((last.at - at) / SPAN) * (width - 4);
  const y = (/** @type {number} */ value) => height - 2 - (value / top) * (height - 4);
  context.beginPath();
  let from = 0;
  let to = 0;
  for (const { at, value } of points) {
    if (value === null || last.at - at > SPAN) continue;
    if (to) context.lineTo(x(at), y(value));
    else context.moveTo(from = x(at), y(value));
    to = x(at);
  }
  context.strokeStyle = colour(ink);
  context.lineWidth = 1.5;
  context.lineJoin = 'round';
  context.stroke();
  context.lineTo(to, height);
  context.lineTo(from, height);
  context.globalAlpha = 0.14;
  context.fillStyle = colour(ink);
  context.fill();
  context.globalAlpha = 1;
}

/** @type {WeakMap<Element, Trend>} by canvas, so that a theme redraws those that are on the page */
const trends = new WeakMap();
onTheme(() => {
  for (const canvas of document.querySelectorAll('canvas.spark')) trends.get(canvas)?.draw();
});

/** What somebody receives, as such a line. */
export class Trend {
  /** @type {Level} */
  #level = 'waiting';
  #recent;
  #participant;

  /** @param {import('./recent.js').RecentFigures} recent @param {string} participant */
  constructor(recent, participant) {
    this.#recent = recent;
    this.#participant = participant;
    this.root = el('canvas', { class: 'spark', 'aria-hidden': 'true' });
    trends.set(this.root, this);
  }

  /** @param {Level} level its colour */
  show(level) {
    this.#level = level;
    soon(this.root, () => this.draw());
  }

  draw() {
    if (!this.root.isConnected) return;
    const points = this.#recent.of(this.#participant)
      .map(({ at, down }) => ({ at, value: down.bitrate }));
    drawSpark(this.root, points, INKS[this.#level]);
  }
}
