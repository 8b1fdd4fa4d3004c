/** How tiles fill an area: pure arithmetic. */

/**
 * @typedef {object} Grid
 * @property {number} columns
 * @property {number} rows
 * @property {number} width of a tile, in pixels
 * @property {number} height of a tile, in pixels
 */

/** Tiles are cropped to fill, within these shapes (width to height). */
const TALLEST = 3 / 4;
const WIDEST = 16 / 9;

/**
 * The grid that shows `count` equal tiles largest, found by trying each number of columns.
 *
 * @param {number} count of tiles
 * @param {number} width of the area, in pixels
 * @param {number} height of the area, in pixels
 * @param {number} gap between tiles, in pixels
 * @param {{tallest?: number, widest?: number}} [shape] bounds of width to height
 * @returns {Grid}
 */
export function bestGrid(count, width, height, gap, { tallest = TALLEST, widest = WIDEST } = {}) {
  let best = { columns: 1, rows: Math.max(1, count), width: 0, height: 0 };
  let bestScore = 0;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const tile = fit(
      (width - gap * (columns - 1)) / columns,
      (height - gap * (rows - 1)) / rows,
      tallest,
      widest,
    );
    // A narrow crop shows less of a wide picture, so it counts for less.
    const visible = Math.min(1, tile.width / tile.height / WIDEST);
    const score = tile.width * tile.height * Math.sqrt(visible || 0);
    if (score > bestScore) {
      best = { columns, rows, ...tile };
      bestScore = score;
    }
  }
  return best;
}

/**
 * The largest tile within a cell.
 *
 * @param {number} width
 * @param {number} height
 * @param {number} tallest
 * @param {number} widest
 */
function fit(width, height, tallest, widest) {
  if (width <= 0 || height <= 0) return { width: 0, height: 0 };
  const shape = Math.min(widest, Math.max(tallest, width / height));
  return {
    width: Math.floor(Math.min(width, height * shape)),
    height: Math.floor(Math.min(height, width / shape)),
  };
}
