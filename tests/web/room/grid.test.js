import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bestGrid, cornerPays } from '../../../web/room/grid.js';

const GAP = 10;
const AREAS = [[1342, 680], [1896, 992], [374, 690], [3800, 2000], [600, 600], [760, 330]];

/** Columns on an ordinary laptop, and on a phone held upright. */
const EXPECTED = [
  [1, 1, 1], [2, 2, 1], [3, 2, 1], [4, 2, 1], [5, 3, 2], [9, 3, 2], [10, 4, 2],
];

for (const [count, laptop, phone] of EXPECTED) {
  test(`${count} tiles: ${laptop} columns on a laptop, ${phone} on a phone`, () => {
    assert.equal(bestGrid(count, 1342, 755, GAP).columns, laptop);
    assert.equal(bestGrid(count, 374, 690, GAP).columns, phone);
  });
}

test('tiles fit the area, hold their shape and use the space', () => {
  for (const [width, height] of AREAS) {
    for (let count = 1; count <= 10; count += 1) {
      const grid = bestGrid(count, width, height, GAP);
      const where = `${count} in ${width}x${height}`;
      assert.ok(grid.columns * grid.rows >= count, where);
      assert.ok(grid.width * grid.columns + GAP * (grid.columns - 1) <= width, where);
      assert.ok(grid.height * grid.rows + GAP * (grid.rows - 1) <= height, where);
      const shape = grid.width / grid.height;
      assert.ok(shape > (width < height ? 0.73 : 1.75) && shape < 1.80, `${where}: ${shape}`);
      assert.ok(count * grid.width * grid.height > 0.45 * width * height, where);
    }
  }
});

/** Where one's own video would be: below on a laptop, above on a phone. */
const LAPTOP = { left: 1100, top: 516, right: 1326, bottom: 644 };
const PHONE = { left: 258, top: 12, right: 362, bottom: 151 };

for (const [others, laptop, phone] of [[1, true, true], [2, true, true], [3, false, true]]) {
  test(`beside ${others} one's own video is in the corner: ${laptop} on a laptop, ${phone} on a phone`, () => {
    assert.equal(cornerPays(others, 1342, 660, GAP, LAPTOP), laptop);
    assert.equal(cornerPays(others, 374, 690, GAP, PHONE), phone);
  });
}

test('three in a wide room: no video is cut, and none lies on a face', () => {
  for (const [width, height] of [[1256, 620], [1342, 660], [1896, 950], [3800, 1900], [744, 260]]) {
    const { width: wide, height: high } = bestGrid(2, width, height, GAP);
    assert.ok(Math.abs(wide / high - 16 / 9) < 0.02, `${width}x${height}: ${wide}x${high}`);
    // A corner that reaches far into the area covers somebody.
    const large = { left: width / 2, top: height / 4, right: width, bottom: height };
    assert.equal(cornerPays(2, width, height, GAP, large), false);
  }
});

test('a lone tile fills a phone to the last pixel', () => {
  assert.deepEqual(bestGrid(1, 374, 724, GAP, { tallest: 0.4 }),
    { columns: 1, rows: 1, width: 374, height: 724 });
});

test('no tile and no area are no error', () => {
  assert.equal(bestGrid(0, 800, 600, GAP).columns, 1);
  assert.deepEqual(bestGrid(3, 0, 0, GAP), { columns: 1, rows: 3, width: 0, height: 0 });
});
