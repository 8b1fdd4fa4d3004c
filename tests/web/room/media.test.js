/** Loudness of a microphone, and names of device failures. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { loudness, problemOf } from '../../../web/room/media.js';

test('loudness is 0 for silence and 1 for full scale', () => {
  assert.equal(loudness(new Float32Array(128)), 0);
  assert.equal(loudness(new Float32Array(128).fill(1)), 1);
  const quiet = loudness(new Float32Array(128).fill(0.01));
  assert.ok(Math.abs(quiet - 1 / 3) < 0.01, String(quiet));
});

test('device failures have names', () => {
  const named = (name) => problemOf(new DOMException('', name));
  assert.equal(named('NotAllowedError'), 'denied');
  assert.equal(named('NotFoundError'), 'missing');
  assert.equal(named('NotReadableError'), 'inUse');
  assert.equal(named('SecurityError'), 'insecure');
  assert.equal(named('OverconstrainedError'), 'failed');
});
