/** What is typed or pasted as a room, and a room's address. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  isThisMachine, randomRoomName, roomFromPath, roomName, roomPath,
} from '../../../web/shared/rooms.js';

for (const [typed, expected] of [
  ['  rapat RT 05 ', 'rapat RT 05'],
  ['https://rapat.example:8443/r/kelas%205B?x=1', 'kelas 5B'],
  ['会議', '会議'],
  ['', ''],
  ['   ', ''],
  ['x'.repeat(64), 'x'.repeat(64)],
  ['x'.repeat(65), ''],
  ['😀'.repeat(64), '😀'.repeat(64)],
  ['a\u0007b', ''],
  ['..', ''],
  ['https://box:8443/r/kelas%205B/', 'kelas 5B'],
  ['https://box:8443/r/kelas.', 'kelas'],
  ['HTTPS://Box:8443/R/kelas', 'kelas'],
  ['\u200ehttps://box/r/kelas\u200e', 'kelas'],
  ['\u2066box.local:8443/r/kelas\u2069', 'kelas'],
  ['/r/kelas//', 'kelas'],
  ['https://box/r/a/b', 'a/b'],
  ['https://box/r/100%', '100%'],
  ['https://box/r/kelas%205B%', 'kelas 5B%'],
  ['https://box/r/', ''],
  ['kelas/r/a', 'kelas/r/a'],
  ['kelas.', 'kelas'],
]) {
  test(`the room typed as ${JSON.stringify(typed.slice(0, 50))}`, () => {
    assert.equal(roomName(typed), expected);
  });
}

test('a room name survives its address', () => {
  for (const name of ['a/b', 'kelas 5B', '100%', '会議?#', "l'été"]) {
    assert.equal(roomFromPath(roomPath(name)), name);
  }
  assert.equal(roomFromPath('/r/%E0%A4%A'), '%E0%A4%A');
});

test('random names are names, in either language', () => {
  for (const language of /** @type {const} */ (['id', 'en'])) {
    for (const pick of [() => 0, (below) => below - 1]) {
      const name = randomRoomName(language, pick);
      assert.equal(roomName(name), name);
      assert.match(name, /^[a-z]+-[a-z]+-\d{3}$/);
    }
  }
});

test('this machine has many names, and others none of them', () => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]', 'kelas.localhost']) {
    assert.equal(isThisMachine(host), true, host);
  }
  for (const host of ['192.168.1.7', 'rapat.example', 'localhost.example', '1.127.0.0', '']) {
    assert.equal(isThisMachine(host), false, host);
  }
});
