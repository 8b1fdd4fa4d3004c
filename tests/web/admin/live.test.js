/** The dashboard's connection: it sends what it watches, comes back, and knows when it is refused. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Live } from '../../../web/admin/live.js';
import { FakeSocket } from '../fakes.js';

const HELLO = { type: 'hello', columns: { room: ['room', 'people'], person: [] }, profiles: {} };
const WATCH = { profile: 'tiphon', room: '', participant: '' };

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

function start() {
  /** @type {string[]} */
  const seen = [];
  const note = (name) => () => seen.push(name);
  const live = new Live('wss://here/api/admin/live', {
    hello: note('hello'), second: ({ at }) => seen.push(`second ${at}`), detail: note('detail'),
    lost: note('lost'), refused: note('refused'),
  }, WATCH, /** @type {any} */ (FakeSocket));
  return { live, seen };
}

test('it says what it watches when it is greeted, and again when that changes', () => {
  const { live, seen } = start();
  const socket = FakeSocket.last;
  socket.open = () => { socket.readyState = 1; };
  socket.open();
  socket.say(HELLO);
  socket.say({ type: 'second', at: 5, rooms: [] });
  live.watch({ ...WATCH, participant: 'p1' });
  assert.deepEqual(socket.sent.map(({ participant }) => participant), ['', 'p1']);
  assert.deepEqual(seen, ['hello', 'second 5']);
});

test('a connection that ends is made anew, with growing pauses', () => {
  const { seen } = start();
  const before = FakeSocket.all.length;
  FakeSocket.last.drop();
  assert.deepEqual(seen, ['lost']);
  mock.timers.tick(1000);
  assert.equal(FakeSocket.all.length, before + 1);
  FakeSocket.last.drop();
  mock.timers.tick(100);
  assert.equal(FakeSocket.all.length, before + 1);
  mock.timers.tick(1000);
  assert.equal(FakeSocket.all.length, before + 2);
});

test('one that falls silent counts as ended', () => {
  const { seen } = start();
  const first = FakeSocket.last;
  first.say(HELLO);
  mock.timers.tick(7000);
  first.say({ type: 'second', at: 1, rooms: [] });
  mock.timers.tick(7000);
  assert.deepEqual(seen, ['hello', 'second 1']);
  mock.timers.tick(2000);
  assert.deepEqual(seen, ['hello', 'second 1', 'lost']);
  mock.timers.tick(1000);
  assert.notEqual(FakeSocket.last, first);
});

test('a session that has ended is not tried again', () => {
  const { seen } = start();
  const count = FakeSocket.all.length;
  FakeSocket.last.drop(4401);
  mock.timers.tick(60_000);
  assert.deepEqual(seen, ['refused']);
  assert.equal(FakeSocket.all.length, count);
});

test('one that was closed stays closed', () => {
  const { live, seen } = start();
  const count = FakeSocket.all.length;
  live.close();
  FakeSocket.last.drop();
  live.retry();
  mock.timers.tick(60_000);
  assert.deepEqual(seen, []);
  assert.equal(FakeSocket.all.length, count);
});
