/** The small pure pieces: room names, encodings, back-off, shortcuts, loudness, recent rooms. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cameraEncodings, vp8Only } from '../../web/encodings.js';
import { isThisMachine } from '../../web/invitation.js';
import { actionOf, keyOf } from '../../web/keyboard.js';
import { loudness, problemOf } from '../../web/media.js';
import { randomRoomName, roomFromPath, roomName, roomPath } from '../../web/rooms.js';
import { withRoom } from '../../web/settings.js';
import { backoffMs } from '../../web/socket.js';

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

test('simulcast layers follow what a browser will send at that size', () => {
  const scales = (width, height) => cameraEncodings(width, height)
    .filter(({ active }) => active)
    .map(({ rid, scaleResolutionDownBy }) => `${rid}/${scaleResolutionDownBy}`);
  assert.deepEqual(scales(1280, 720), ['q/4', 'h/2', 'f/1']);
  assert.deepEqual(scales(960, 540), ['q/4', 'h/2', 'f/1']);
  assert.deepEqual(scales(640, 360), ['q/2', 'h/1']);
  assert.deepEqual(scales(360, 640), ['q/2', 'h/1']);
  assert.deepEqual(scales(320, 180), ['q/1']);
});

test('there are always three encodings, so that any camera may follow any other', () => {
  for (const [width, height] of [[160, 120], [640, 480], [1920, 1080]]) {
    assert.deepEqual(cameraEncodings(width, height).map(({ rid }) => rid), ['q', 'h', 'f']);
  }
});

test('VP8 keeps its retransmissions, and without VP8 there is no preference', () => {
  const codecs = ['video/VP9', 'video/VP8', 'video/rtx', 'video/red'].map((mimeType) => ({ mimeType }));
  assert.deepEqual(vp8Only(codecs).map(({ mimeType }) => mimeType), ['video/VP8', 'video/rtx']);
  assert.deepEqual(vp8Only([{ mimeType: 'video/rtx' }]), []);
});

test('waiting grows, is bounded and is spread', () => {
  assert.equal(backoffMs(0, 0.5), 250);
  assert.equal(backoffMs(3, 0.5), 2000);
  assert.equal(backoffMs(50, 0.5), 8000);
  assert.ok(backoffMs(5, 0) < backoffMs(5, 1));
});

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

test('this machine has many names, and others none of them', () => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]', 'kelas.localhost']) {
    assert.equal(isThisMachine(host), true, host);
  }
  for (const host of ['192.168.1.7', 'rapat.example', 'localhost.example', '1.127.0.0', '']) {
    assert.equal(isThisMachine(host), false, host);
  }
});

test('recent rooms are newest first, once each, and few', () => {
  let recent = [];
  for (let at = 0; at < 9; at += 1) recent = withRoom(recent, `room ${at % 8}`, at);
  assert.deepEqual(recent.map(({ name }) => name),
    ['room 0', 'room 7', 'room 6', 'room 5', 'room 4', 'room 3']);
});
