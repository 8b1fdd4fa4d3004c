/** What is seen and heard here, as reported to the server. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { ViewReporting } from '../../../web/client/view-reporting.js';

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

const view = (width) => ({
  tracks: [{ track: 't', width, height: 90, importance: 'tile' }],
  quality: 'auto', video: true, audio: true,
});

function reporting() {
  const sent = [];
  const socket = { open: true };
  const one = new ViewReporting((message) => socket.open && sent.push(message) > 0);
  return { one, sent, socket, widths: () => sent.map(({ tracks }) => tracks[0].width) };
}

test('the first view goes out at once, then the latest ten times a second', () => {
  const { one, widths } = reporting();
  for (let width = 1; width <= 100; width += 1) {
    one.report(view(width));
    mock.timers.tick(10);
  }
  mock.timers.tick(100);
  const sent = widths();
  assert.equal(sent[0], 1);
  assert.equal(sent.at(-1), 100);
  assert.ok(sent.length <= 12, String(sent));
});

test('the same view is not sent twice, until the server is a new one', () => {
  const { one, widths } = reporting();
  one.report(view(160));
  mock.timers.tick(1000);
  one.report(view(160));
  assert.deepEqual(widths(), [160]);
  one.reportAgain();
  assert.deepEqual(widths(), [160, 160]);
});

test('a view made while there is no socket is sent when there is one', () => {
  const { one, socket, widths } = reporting();
  socket.open = false;
  one.report(view(160));
  socket.open = true;
  one.reportAgain();
  assert.deepEqual(widths(), [160]);
});

test('a server that refuses is left alone until there is a new one', () => {
  const { one, sent } = reporting();
  one.report(view(160));
  one.refused();
  mock.timers.tick(100);
  one.report(view(320));
  assert.equal(sent.length, 1);
  assert.equal(one.supported, false);
  one.reportAgain();
  assert.equal(sent.length, 2);
});

test('what the server reports of tracks replaces, of people adds', () => {
  const { one } = reporting();
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
