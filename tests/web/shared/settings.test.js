/** What is remembered of rooms. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withRoom } from '../../../web/shared/settings.js';

test('recent rooms are newest first, once each, and few', () => {
  let recent = [];
  for (let at = 0; at < 9; at += 1) recent = withRoom(recent, `room ${at % 8}`, at);
  assert.deepEqual(recent.map(({ name }) => name),
    ['room 0', 'room 7', 'room 6', 'room 5', 'room 4', 'room 3']);
});
