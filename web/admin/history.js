/** What the server remembers of somebody in a call, for a chart. No DOM. */

import { ask } from '../operator/ask.js';

/**
 * @typedef {{at: number, value: number | null}} Point
 * @typedef {{up: Point[], down: Point[], gap: number}} Past
 * @typedef {object} Series
 * @property {string} participant
 * @property {'inbound' | 'outbound'} direction
 * @property {string} track
 * @property {string} kind `both`: sound and video together
 * @property {Record<string, (number | null)[]>} points by figure; `at` is Unix time
 */

/**
 * @param {string} call
 * @param {string} participant
 * @param {string} field a figure's name
 * @param {number} from Unix time
 * @param {number} to
 * @returns {Promise<Past | null>} null when there is none, or none can be had
 */
export async function history(call, participant, field, from, to) {
  const query = new URLSearchParams({
    call, participant, since: String(Math.floor(from)), until: String(Math.ceil(to)), points: '600',
  });
  try {
    return pastOf(await ask(`series?${query}`), participant, field);
  } catch {
    return null;
  }
}

/**
 * @param {{step: number, series: Series[]}} chart
 * @param {string} participant
 * @param {string} field
 * @returns {Past | null} null when nothing is known
 */
export function pastOf({ step, series }, participant, field) {
  /** @param {'inbound' | 'outbound'} direction @returns {Point[]} */
  const points = (direction) => {
    const found = series.find((one) => one.participant === participant &&
      one.direction === direction && !one.track && one.kind === 'both');
    const values = found?.points[field] ?? [];
    return (found?.points.at ?? []).map((at, place) => ({ at: at ?? 0, value: values[place] ?? null }));
  };
  const [up, down] = [points('inbound'), points('outbound')];
  return up.length || down.length ? { up, down, gap: Math.max(step * 2.5, 3) } : null;
}

/**
 * What was kept, up to where the page's own seconds begin.
 *
 * @param {Past | null} past
 * @param {Past} recent
 * @param {number} since Unix time; what is older is left out
 * @returns {Past}
 */
export function together(past, recent, since) {
  if (!past) return recent;
  /** @param {'up' | 'down'} direction */
  const line = (direction) => {
    const begins = recent[direction][0]?.at ?? Infinity;
    return [...past[direction].filter(({ at }) => at >= since && at < begins), ...recent[direction]];
  };
  return { up: line('up'), down: line('down'), gap: Math.max(past.gap, recent.gap) };
}
