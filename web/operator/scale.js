/** The arithmetic of a chart: which values fit, where lines go, how far one may zoom. No DOM. */

/** @typedef {[index: number, limit: number | null, word: string]} Band of a grade's table, the best first */
/** @typedef {'throughput' | 'delay' | 'jitter' | 'loss'} Graded */

/**
 * The next larger number that reads well: 1, 2 or 5 times a power of ten.
 *
 * @param {number} value above 0
 */
export function niceAbove(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const digit = [1, 2, 5, 10].find((one) => one * power >= value * 0.999999) ?? 10;
  return digit * power;
}

/**
 * Where the lines of the value axis go, 0 first.
 *
 * @param {number} top
 * @param {number} [most] lines
 */
export function steps(top, most = 4) {
  const step = niceAbove(top / most);
  const lines = [];
  for (let value = 0; value <= top * 1.000001; value += step) lines.push(Number(value.toPrecision(12)));
  return lines;
}

/** Seconds between two lines of the time axis. */
const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
  86400, 172800, 432000];

/**
 * @param {number} from Unix time
 * @param {number} to
 * @param {number} most lines
 * @param {number} [zone] seconds that the clock is ahead of universal time
 */
export function timeLines(from, to, most, zone = 0) {
  const step = TIMES.find((one) => (to - from) / one <= most) ?? 864000;
  const lines = [];
  for (let at = Math.ceil((from + zone) / step) * step - zone; at <= to; at += step) lines.push(at);
  return lines;
}

/**
 * @typedef {{from: number, to: number}} Range seconds, Unix time
 */

/** Seconds; nothing is measured more finely than one. */
const SHORTEST = 5;

/**
 * Zoom around a moment, and stay inside.
 *
 * @param {Range} range what is shown
 * @param {number} factor below 1: nearer
 * @param {number} around
 * @param {Range} whole what there is
 * @returns {Range}
 */
export function zoom(range, factor, around, whole) {
  const span = Math.min(Math.max((range.to - range.from) * factor, SHORTEST), whole.to - whole.from);
  const part = (around - range.from) / (range.to - range.from);
  return move({ from: around - part * span, to: around + (1 - part) * span }, 0, whole);
}

/**
 * @param {Range} range
 * @param {number} by seconds
 * @param {Range} whole
 * @returns {Range}
 */
export function move(range, by, whole) {
  const span = Math.min(range.to - range.from, whole.to - whole.from);
  const from = Math.min(Math.max(range.from + by, whole.from), whole.to - span);
  return { from, to: from + span };
}

/**
 * The bands of a figure as stripes from the least value up.
 *
 * @param {Band[]} bands from the best one on
 * @param {boolean} rising whether more is better, as with throughput
 * @returns {{from: number, to: number, index: number, word: string}[]}
 */
export function stripes(bands, rising) {
  let edge = rising ? Infinity : 0;
  return bands
    .map(([index, limit, word]) => {
      const next = limit ?? Infinity;
      const stripe = rising ? { from: next, to: edge } : { from: edge, to: next };
      edge = next;
      return { ...stripe, index, word };
    })
    .filter(({ from, to }) => to > from);
}

/**
 * The point nearest to a moment; null where there is none within `reach` seconds.
 *
 * @param {readonly {at: number, value: number | null}[]} points in order
 * @param {number} at
 * @param {number} reach
 */
export function nearest(points, at, reach) {
  let [low, high] = [0, points.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.at ?? 0) < at) low = middle;
    else high = middle;
  }
  const [left, right] = [points[low], points[high]];
  if (!left || !right) return null;
  const best = at - left.at <= right.at - at ? left : right;
  return Math.abs(best.at - at) <= reach ? best : null;
}
