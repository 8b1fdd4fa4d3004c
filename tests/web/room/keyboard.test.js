/** Keyboard shortcuts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { actionOf, keyOf } from '../../../web/room/keyboard.js';

test('shortcuts work but not while writing, nor with a modifier', () => {
  const press = (key, change = {}) =>
    ({ key, ctrlKey: false, metaKey: false, altKey: false, repeat: false, ...change });
  assert.equal(actionOf(press('M'), false), 'mute');
  assert.equal(actionOf(press('?'), false), 'help');
  assert.equal(actionOf(press('m'), true), null);
  assert.equal(actionOf(press('c', { ctrlKey: true }), false), null);
  assert.equal(actionOf(press('m', { repeat: true }), false), null);
  assert.equal(keyOf('camera'), 'V');
});
