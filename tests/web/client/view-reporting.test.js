import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Looking } from '../../../web/client/view-reporting.js';

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

const view = (width) => ({
  tracks: [{ track: 't', width, height: 90, importance: 'tile' }],
  quality: 'auto', video: true, audio: true,
});

function looking() {
  const sent = [];
  const socket = { open: true };
  const one = new Looking((message) => socket.open && sent.push(message) > 0);
  return { one, sent, socket, widths: () => sent.map(({ tracks }) => tracks[0].width) };
}

test('the first view goes out at once, then the latest ten times a second', () => {
  const { one, widths } = looking();
  for (let width = 1; width <= 100; width += 1) {
    one.look(view(width));
    mock.timers.tick(10);
  }
  mock.timers.tick(100);
  const told = widths();
  assert.equal(told[0], 1);
  assert.equal(told.at(-1), 100);
  assert.ok(told.length <= 12, String(told));
});

test('the same view is not said twice, until the server is a new one', () => {
  const { one, widths } = looking();
  one.look(view(160));
  mock.timers.tick(1000);
  one.look(view(160));
  assert.deepEqual(widths(), [160]);
  one.again();
  assert.deepEqual(widths(), [160, 160]);
});

test('a view made while there is no socket is said when there is one', () => {
  const { one, socket, widths } = looking();
  socket.open = false;
  one.look(view(160));
  socket.open = true;
  one.again();
  assert.deepEqual(widths(), [160]);
});

test('a server that refuses is left alone until there is a new one', async () => {
  const { one, sent } = looking();
  one.look(view(160));
  one.refused();
  mock.timers.tick(100);
  one.look(view(320));
  assert.equal(sent.length, 1);
  assert.equal(await one.why('a'), null);
  one.again();
  assert.equal(sent.length, 2);
});

test('why is answered by the message, by a refusal, or by time', async () => {
  const { one, sent } = looking();
  const first = one.why('a');
  const other = one.why('b');
  assert.deepEqual(sent, [{ type: 'why', participant: 'a' }, { type: 'why', participant: 'b' }]);
  const because = { type: 'because', participant: 'a', step: 'signaling', side: 'theirs' };
  one.because(because);
  assert.equal(await first, because);
  one.refused();
  assert.equal(await other, null);
  one.again();
  const late = one.why('a');
  mock.timers.tick(3000);
  assert.equal(await late, null);
});

test('what the server says of tracks replaces, of people adds', () => {
  const { one } = looking();
  const state = { track: 't', state: 'flowing', layer: 2, limited: false };
  one.receiving({ tracks: [state, { ...state, track: 'u' }], estimate: 0 });
  one.receiving({ tracks: [state], estimate: 0 });
  assert.equal(one.receivingOf('t'), state);
  assert.equal(one.receivingOf('u'), null);
  const ana = { id: 'a', level: 'poor', loss: 8, rtt: 40, jitter: 3 };
  one.quality({ participants: [ana] });
  one.quality({ participants: [{ ...ana, id: 'b' }] });
  assert.equal(one.qualityOf('a'), ana);
  one.forget('a');
  assert.equal(one.qualityOf('a'), null);
});
