/** The arithmetic of lines over time: stretches without a gap, and how high they go. No DOM. */

/** Seconds between two samples of a busy server that are no gap yet. */
const LATE = 3;

/**
 * Stretches of points without a gap: a figure that was not known, or no samples at all, ends one.
 *
 * @param {readonly number[]} at Unix times
 * @param {readonly (number | null)[]} values
 * @param {number} step seconds of a point
 * @returns {[number, number][][]}
 */
export function stretches(at, values, step) {
  /** @type {[number, number][][]} */
  const found = [];
  let last = -Infinity;
  at.forEach((time, index) => {
    const value = values[index];
    if (value == null || !Number.isFinite(value)) return;
    if (time - last > Math.max(step * 1.5, LATE)) found.push([]);
    found.at(-1)?.push([time, value]);
    last = time;
  });
  return found;
}

/**
 * @param {[number, number][][]} lines
 * @param {(time: number) => number} x
 * @param {(value: number) => number} y
 * @returns {string} for the `d` of a path; a point that stands alone is a short dash
 */
export function linePath(lines, x, y) {
  const at = (/** @type {number} */ value) => value.toFixed(1);
  return lines.map((points) => {
    const [first] = points;
    if (points.length === 1 && first) return `M${at(x(first[0]))} ${at(y(first[1]))}h2`;
    return points.map(([time, value], index) =>
      `${index ? 'L' : 'M'}${at(x(time))} ${at(y(value))}`).join('');
  }).join('');
}

/**
 * The most of some columns.
 *
 * @param {readonly (number | null)[][]} columns
 * @param {number} least
 */
export function topOf(columns, least) {
  let most = least;
  for (const column of columns) {
    for (const value of column) if (value != null && value > most) most = value;
  }
  return most;
}
