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
 * Exponent of what is visible: 0 would fill the area at any price, 1 would crop nothing. An upright
 * phone has width for faces only; a wide screen can show who sits beside.
 */
const CROP_COSTS = { tall: 0.3, wide: 0.45 };

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
    // A narrow crop shows less of a wide picture, so it counts for less; but not by as much as it
    // cuts off, for what is beside a face is missed least.
    const visible = Math.min(1, tile.width / tile.height / WIDEST);
    const score = tile.width * tile.height * (visible || 0) ** (width < height ? CROP_COSTS.tall : CROP_COSTS.wide);
    if (score > bestScore) {
      best = { columns, rows, ...tile };
      bestScore = score;
    }
  }
  return best;
}

/**
 * Whether the others are seen larger when one's own picture is laid over a corner instead of having
 * a tile: two and two fill a wide area as well as three do.
 *
 * @param {number} others
 * @param {number} width of the area, in pixels
 * @param {number} height of the area, in pixels
 * @param {number} gap between tiles, in pixels
 */
export function cornerPays(others, width, height, gap) {
  const apart = bestGrid(others, width, height, gap);
  const among = bestGrid(others + 1, width, height, gap);
  return apart.width * apart.height > among.width * among.height;
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
  // What division left a hair below a whole pixel is that pixel.
  return {
    width: Math.floor(Math.min(width, height * shape) + 1e-6),
    height: Math.floor(Math.min(height, width / shape) + 1e-6),
  };
}
