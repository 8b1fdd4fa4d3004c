/** How long to wait between attempts to connect. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { backoffMs } from '../../../web/client/socket.js';

test('waiting grows, is bounded and is spread', () => {
  assert.equal(backoffMs(0, 0.5), 250);
  assert.equal(backoffMs(3, 0.5), 2000);
  assert.equal(backoffMs(50, 0.5), 8000);
  assert.ok(backoffMs(5, 0) < backoffMs(5, 1));
});
