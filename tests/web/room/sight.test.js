/** What is seen, and how large. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isCovered, shownSize, wishedRatio } from '../../../web/room/sight.js';

const BOX = { left: 10, top: 10, right: 330, bottom: 190 };

test('a tile is as large as its device pixels, and nothing when unseen', () => {
  assert.deepEqual(shownSize(BOX, true, 1.5), { width: 480, height: 270 });
  assert.deepEqual(shownSize(BOX, false, 1.5), { width: 0, height: 0 });
});

test('a phone asks for two device pixels at most, others for what they have', () => {
  assert.equal(wishedRatio(3, true), 2);
  assert.equal(wishedRatio(1, true), 1);
  assert.equal(wishedRatio(3, false), 3);
});

test('a panel over the whole tile hides it, one beside it does not', () => {
  assert.equal(isCovered(BOX, { left: 0, top: 0, right: 390, bottom: 844 }), true);
  assert.equal(isCovered(BOX, { left: 200, top: 0, right: 390, bottom: 844 }), false);
});
