/** Figures as people read them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { age, percent, text } from '../../../web/operator/figures.js';

for (const [value, unit, shown] of [
  [null, 'ms', '–'], [Number.NaN, 'mos', '–'], [0, 'percent', '0 %'], [0.0234, 'ms', '23 ms'],
  [0.0034, 'ms', '3.4 ms'], [0.04, 'percent', '0.04 %'], [3.333, 'percent', '3.3 %'],
  [32_100, 'rate', '32 kbit/s'], [1_863_728, 'rate', '1.86 Mbit/s'], [4, 'mos', '4.00'],
  [3725, 'duration', '1 h 2 min'], [59.6, 'duration', '1 min 0 s'],
]) {
  test(`${value} as ${unit} reads ${shown}`, () => assert.equal(text(value, unit), shown));
}

test('a little loss does not look like none', () => {
  assert.deepEqual([0, 0.02, 0.1, 12.3, null].map(percent), ['0 %', '0.02 %', '0.1 %', '12 %', '–']);
});

test('what goes on is as old as its largest units', () => {
  assert.deepEqual([-1, 59.9, 61, 3725, 200_000].map(age), ['0 s', '59 s', '1 min', '1 h 2 min', '2 d 7 h']);
});
