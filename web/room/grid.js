/** How tiles fill an area: pure arithmetic. */

/**
 * @typedef {object} Grid
 * @property {number} columns
 * @property {number} rows
 * @property {number} width of a tile, in pixels
 * @property {number} height of a tile, in pixels
 */

/** The shape of most cameras, width to height: nothing of such a video is cut off. */
const WIDEST = 16 / 9;
/**
 * An area that is taller than wide, as an upright phone's, has width for faces only: tiles there may
 * be as tall as this, and video is cropped to fill them.
 */
const TALLEST = 3 / 4;
/** Exponent of what is visible: 0 would fill a tall area at any price, 1 would crop nothing. */
const CROP_COSTS = 0.3;
/** Between these shares of a tile's width and height there is a face. */
const FACE = { left: 1 / 3, right: 2 / 3, top: 0.1, bottom: 0.9 };

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
export function bestGrid(count, width, height, gap, shape = {}) {
  const { tallest = width < height ? TALLEST : WIDEST, widest = WIDEST } = shape;
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
    // A narrow crop shows less of a wide video, so it counts for less; but not by as much as it
    // cuts off, for what is beside a face is missed least.
    const visible = Math.min(1, tile.width / tile.height / WIDEST);
    const score = tile.width * tile.height * (visible || 0) ** CROP_COSTS;
    if (score > bestScore) {
      best = { columns, rows, ...tile };
      bestScore = score;
    }
  }
  return best;
}

/** @typedef {{left: number, top: number, right: number, bottom: number}} Box in pixels */

/**
 * Whether the others are seen larger when one's own video is laid over a corner instead of having
 * a tile, and nobody's face is under it. Two and two fill a wide area as well as three do.
 *
 * @param {number} others
 * @param {number} width of the area, in pixels
 * @param {number} height of the area, in pixels
 * @param {number} gap between tiles, in pixels
 * @param {Box} corner where one's own video would be
 */
export function cornerPays(others, width, height, gap, corner) {
  const apart = bestGrid(others, width, height, gap);
  const among = bestGrid(others + 1, width, height, gap);
  return apart.width * apart.height > among.width * among.height
    && places(others, apart, width, height, gap).every((tile) => !meet(faceOf(tile), corner));
}

/**
 * Where the tiles of a grid are: row after row in the middle of the area, the last row centred.
 *
 * @param {number} count
 * @param {Grid} grid
 * @param {number} width of the area
 * @param {number} height of the area
 * @param {number} gap
 * @returns {Box[]}
 */
function places(count, grid, width, height, gap) {
  const top = (height - grid.rows * (grid.height + gap) + gap) / 2;
  return Array.from({ length: count }, (_, place) => {
    const row = Math.floor(place / grid.columns);
    const inRow = Math.min(grid.columns, count - row * grid.columns);
    const x = (width - inRow * (grid.width + gap) + gap) / 2
      + (place % grid.columns) * (grid.width + gap);
    const y = top + row * (grid.height + gap);
    return { left: x, top: y, right: x + grid.width, bottom: y + grid.height };
  });
}

/** @param {Box} tile @returns {Box} */
function faceOf({ left, top, right, bottom }) {
  /** @param {number} from @param {number} to @param {number} share */
  const at = (from, to, share) => from + (to - from) * share;
  return {
    left: at(left, right, FACE.left), right: at(left, right, FACE.right),
    top: at(top, bottom, FACE.top), bottom: at(top, bottom, FACE.bottom),
  };
}

/** @param {Box} one @param {Box} other */
function meet(one, other) {
  return one.left < other.right && other.left < one.right
    && one.top < other.bottom && other.top < one.bottom;
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
