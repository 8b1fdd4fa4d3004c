/** Which hosts are this machine. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isThisMachine } from '../../../web/room/invitation.js';

test('this machine has many names, and others none of them', () => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]', 'kelas.localhost']) {
    assert.equal(isThisMachine(host), true, host);
  }
  for (const host of ['192.168.1.7', 'rapat.example', 'localhost.example', '1.127.0.0', '']) {
    assert.equal(isThisMachine(host), false, host);
  }
});
