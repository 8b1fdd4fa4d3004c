import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  Episode, ReceptionMeter, SteadyGrade, gradeOfServer, gradeReception, roundTripMs, troubles,
} from '../../../web/client/quality.js';

const VIDEO = { type: 'inbound-rtp', id: 'v', kind: 'video', mid: '1' };
const AUDIO = { type: 'inbound-rtp', id: 'a', kind: 'audio', mid: '0' };

const CLEAN = {
  kind: 'video', packets: 200, lost: 0, delayMs: 40, frames: 50, frozenMs: 0, samples: 0, concealed: 0,
};

test('what is shown is the difference to the look before', () => {
  const meter = new ReceptionMeter();
  const first = {
    packetsReceived: 1000, packetsLost: 100, jitterBufferDelay: 50, jitterBufferEmittedCount: 1000,
    framesDecoded: 500, totalFreezesDuration: 3,
  };
  assert.equal(meter.next([{ ...VIDEO, ...first }]).size, 0);
  const found = meter.next([{
    ...VIDEO, packetsReceived: 1090, packetsLost: 110, jitterBufferDelay: 55,
    jitterBufferEmittedCount: 1050, framesDecoded: 530, totalFreezesDuration: 3.5,
  }, { type: 'outbound-rtp', id: 'o', mid: '1' }, { ...AUDIO, mid: undefined }]);
  assert.deepEqual([...found], [['1', {
    kind: 'video', packets: 100, lost: 10, delayMs: 100, frames: 30, frozenMs: 500, samples: 0,
    concealed: 0,
  }]]);
});

test('silence that was made up is not missing sound', () => {
  const meter = new ReceptionMeter();
  meter.next([AUDIO]);
  const found = meter.next([{
    ...AUDIO, totalSamplesReceived: 96_000, concealedSamples: 9600, silentConcealedSamples: 8640,
  }]);
  assert.equal(found.get('0').concealed, 960);
});

test('packets that were repaired later, and a new connection, are no trouble', () => {
  const meter = new ReceptionMeter();
  meter.next([{ ...VIDEO, packetsReceived: 100, packetsLost: 10 }]);
  const repaired = meter.next([{ ...VIDEO, packetsReceived: 200, packetsLost: 5 }]).get('1');
  assert.deepEqual([repaired.packets, repaired.lost], [100, 0]);
  assert.equal(meter.next([{ ...VIDEO, packetsReceived: 20, packetsLost: 0 }]).size, 0);
});

for (const [what, change, rtt, level] of [
  ['nothing', {}, 20, 'good'],
  ['1 % loss', { lost: 2 }, 20, 'good'],
  ['2 % loss', { lost: 4 }, 20, 'fair'],
  ['5 % loss', { lost: 10 }, 20, 'poor'],
  ['a short freeze', { frozenMs: 200 }, 20, 'fair'],
  ['a long freeze', { frozenMs: 500 }, 20, 'poor'],
  ['1 % of sound missing', { samples: 96_000, concealed: 960 }, 20, 'fair'],
  ['3 % of sound missing', { samples: 96_000, concealed: 2880 }, 20, 'poor'],
  ['half a second late', { delayMs: 500 }, 20, 'poor'],
  ['300 ms there and back', {}, 300, 'fair'],
]) {
  test(`${what} is ${level}`, () => {
    assert.equal(gradeReception([CLEAN, { ...CLEAN, ...change, packets: 200 - CLEAN.packets }], rtt).level,
      level);
  });
}

test('no track is good, and divides by nothing', () => {
  assert.equal(gradeReception([], 0).level, 'good');
});

test('the words name what is wrong, and no more', () => {
  assert.deepEqual(troubles(gradeReception([CLEAN], 20)), []);
  const bad = gradeReception([{ ...CLEAN, lost: 16, frozenMs: 420 }], 350);
  assert.deepEqual(troubles(bad), [
    { phrase: 'loss', value: 8 }, { phrase: 'frozen', value: 0.5 }, { phrase: 'rtt', value: 350 },
  ]);
  const path = { id: 'a', level: 'poor', loss: 8.4, rtt: 40, jitter: 3 };
  assert.deepEqual(troubles(gradeOfServer(path)), [{ phrase: 'loss', value: 8 }]);
});

test('a grade falls at once and rises when it is sure', () => {
  const steady = new SteadyGrade();
  const good = gradeReception([CLEAN], 20);
  const poor = gradeReception([{ ...CLEAN, lost: 20 }], 20);
  const levels = [good, poor, good, good, poor, good, good, good].map((grade) => steady.next(grade).level);
  assert.deepEqual(levels, ['good', 'poor', 'poor', 'poor', 'poor', 'poor', 'poor', 'good']);
});

test('trouble is reported once when it stays, and its end once', () => {
  const episode = new Episode();
  const changes = [];
  for (let second = 0; second < 60; second += 1) {
    const trouble = second === 3 || (second >= 10 && second < 30 && second !== 20);
    const change = episode.see(trouble, second * 1000);
    if (change) changes.push([second, change]);
  }
  assert.deepEqual(changes, [[15, 'began'], [35, 'ended']]);
});

test('the round trip is that of the path in use', () => {
  const pair = { type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: 0.04 };
  assert.equal(roundTripMs([{ ...pair, nominated: false, currentRoundTripTime: 1 }, pair]), 40);
  assert.equal(roundTripMs([]), 0);
});
