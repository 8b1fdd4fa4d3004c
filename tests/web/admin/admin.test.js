/** The dashboard's pure parts: names for columns, verdicts, scales, routes, words. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pastOf, together } from '../../../web/admin/history.js';
import { Judge, headCount, judge, troubles } from '../../../web/admin/judge.js';
import { KEPT, RecentFigures } from '../../../web/admin/recent.js';
import { hashOf, nextPage, routeOf } from '../../../web/admin/route.js';
import { overall, roomSentence } from '../../../web/admin/sentences.js';
import { move, nearest, niceAbove, steps, stripes, timeLines, zoom } from '../../../web/operator/scale.js';
import { Decoder } from '../../../web/admin/wire.js';

const LEVELS = {
  good: { loss: 3, roundTripTime: 0.3, jitter: 0.04 },
  fair: { loss: 10, roundTripTime: 0.8, jitter: 0.1 },
};
const WELL = { bitrate: 1e6, loss: 0, jitter: 0.002, roundTripTime: 0.03, delay: 0.02, mos: 4 };
const UNKNOWN = { bitrate: null, loss: null, jitter: null, roundTripTime: null, delay: null, mos: null };

const person = (name, change = {}, up = {}, down = {}) => ({
  participant: name, name, joined: 0, connected: true, protocol: 'udp', estimate: null, target: null,
  speaking: false, up: { ...WELL, ...up }, down: { ...WELL, ...down },
  grades: { overall: 4, throughput: 4, delay: 4, jitter: 4, loss: 4 }, ...change,
});
const room = (name, ...people) => ({ call: name, room: name, worker: 0, started: 0, capacity: 10, people });
const second = (at, ...rooms) => ({ at, profile: 'tiphon', server: SERVER, workers: [], rooms });
const SERVER = {
  cpu: 0.1, rssBytes: 1, memoryUsed: 0.3, machineCpu: 0.2, uptime: 5, temperature: 50, throttled: [],
  diskFree: 1e10, history: 'ok',
};

test('columns get their names, and words their text', () => {
  const decoder = new Decoder({
    columns: {
      short: ['bitrate', 'loss'], full: ['bitrate', 'mosModel'], grades: ['overall', 'loss'],
      person: ['participant', 'connected', 'speaking', 'up', 'down', 'grades'],
      room: ['room', 'people'],
      track: ['track', 'codec', 'muted', 'figures', 'grades', 'browser'],
      browser: ['age', 'loss'],
    },
  });
  const figures = decoder.second({ at: 5, rooms: [['A', [['p1', 1, 0, [8, 2], [9, 3], [4, 3]]]]] });
  assert.deepEqual(figures.rooms[0].people[0], {
    participant: 'p1', connected: true, speaking: false, up: { bitrate: 8, loss: 2 },
    down: { bitrate: 9, loss: 3 }, grades: { overall: 4, loss: 3 },
  });
  const detail = decoder.detail({
    words: ['VP8', 'a model'], ways: [[1, 1], [2, 1]],
    tracks: [['t', 0, 1, [5, 1], [4, 4], [2, 7]], ['u', 0, 0, [5, 1], [4, 4], null]],
  });
  assert.equal(detail.ways.down.mosModel, 'a model');
  assert.deepEqual(detail.tracks[0], {
    track: 't', codec: 'VP8', muted: true, figures: { bitrate: 5, mosModel: 'a model' },
    grades: { overall: 4, loss: 4 }, browser: { age: 2, loss: 7 },
  });
  assert.equal(detail.tracks[1].browser, null);
});

for (const [what, somebody, level, cause] of [
  ['all is well', person('a'), 'good', null],
  ['a bound itself is still good', person('a', {}, { loss: 3 }), 'good', null],
  ['loss of what they send', person('a', {}, { loss: 4 }), 'fair', ['up', 'loss', 4]],
  ['far too much loss', person('a', {}, {}, { loss: 11 }), 'poor', ['down', 'loss', 11]],
  ['the worst figure is named', person('a', {}, { loss: 4 }, { jitter: 0.09 }), 'fair', ['down', 'jitter', 0.09]],
  ['poor by another than the worst', person('a', {}, { loss: 9.9, jitter: 0.101 }), 'poor', ['up', 'loss', 9.9]],
  ['away', person('a', { connected: false }), 'lost', null],
  ['nothing known', person('a', {}, UNKNOWN, UNKNOWN), 'waiting', null],
  ['one direction known', person('a', {}, UNKNOWN), 'good', null],
]) {
  test(`a verdict: ${what}`, () => {
    const verdict = judge(somebody, LEVELS);
    assert.equal(verdict.level, level);
    assert.deepEqual(verdict.cause && [verdict.cause.direction, verdict.cause.figure, verdict.cause.value], cause);
  });
}

test('a level falls after two bad seconds and rises after four good ones', () => {
  const own = new Judge(LEVELS);
  const levels = [0, 0, 9, 0, 9, 9, 0, 0, 0, 0].map((loss, at) => {
    own.update(second(at, room('A', person('p', {}, { loss }))));
    return own.of('p').level;
  });
  assert.deepEqual(levels,
    ['good', 'good', 'good', 'good', 'good', 'fair', 'fair', 'fair', 'fair', 'good']);
});

test('who loses the connection is away at once, and back at once', () => {
  const own = new Judge(LEVELS);
  const levels = [true, false, true].map((connected, at) => {
    own.update(second(at, room('A', person('p', { connected }))));
    return own.of('p').level;
  });
  assert.deepEqual(levels, ['good', 'lost', 'good']);
  own.update(second(9));
  assert.equal(own.of('p').level, 'waiting');
});

test('rooms and people come worst first, and by name where they are the same', () => {
  const own = new Judge(LEVELS);
  const rooms = [
    room('B', person('b2'), person('b1')),
    room('A', person('a1')),
    room('F', person('f1'), person('f2', {}, { loss: 5 })),
    room('P', person('p1'), person('p2', {}, { loss: 50 }), person('p3', { connected: false })),
  ];
  own.update(second(1, ...rooms));
  assert.deepEqual(own.rooms(rooms).map((one) => one.room), ['P', 'F', 'A', 'B']);
  assert.deepEqual(own.sorted(rooms[3]).map((one) => one.name), ['p3', 'p2', 'p1']);
  assert.deepEqual(own.sorted(rooms[0]).map((one) => one.name), ['b1', 'b2']);
  const { level, counts } = own.room(rooms[3]);
  assert.deepEqual([level, counts.poor, counts.lost], ['lost', 1, 1]);
});

test('the machine is well, or one says what it has', () => {
  const worker = { cpu: 0.3, shedding: 0 };
  const of = (server, ...workers) =>
    troubles({ at: 0, profile: '', rooms: [], server: { ...SERVER, ...server }, workers });
  assert.deepEqual(of({}, worker), []);
  assert.deepEqual(of({ history: 'off', temperature: null, diskFree: null }), []);
  assert.deepEqual(of({ history: 'the disk is full', temperature: 85, throttled: ['throttled'] },
    { cpu: 0.9, shedding: 2 }), ['shedding', 'throttled', 'hot', 'workerBusy', 'history']);
});

test('what was is kept for a while, each second once', () => {
  const recent = new RecentFigures();
  for (let at = 0; at < KEPT + 50; at += 1) {
    recent.add(second(at, room('A', person('p'))));
    recent.add(second(at, room('A', person('p'))));
  }
  const moments = recent.of('p');
  assert.equal(moments.length, KEPT);
  assert.equal(moments.at(-1).at, KEPT + 49);
  recent.add(second(999));
  assert.deepEqual(recent.of('p'), []);
});

test('numbers that read well', () => {
  assert.deepEqual([0.0007, 1, 1.1, 2.1, 6, 99, 1e6].map(niceAbove), [0.001, 1, 2, 5, 10, 100, 1e6]);
  assert.deepEqual(steps(10), [0, 5, 10]);
  assert.deepEqual(steps(0.2), [0, 0.05, 0.1, 0.15, 0.2]);
});

test('lines of the time axis stand at round times', () => {
  assert.deepEqual(timeLines(1003, 1062, 6), [1010, 1020, 1030, 1040, 1050, 1060]);
  assert.ok(timeLines(0, 30 * 86400, 8).length <= 9);
  // Midnight is midnight where one is.
  assert.deepEqual(timeLines(0, 86400 * 2, 2, 7 * 3600), [61200, 147600]);
});

test('zooming keeps the moment under the pointer, and stays within what there is', () => {
  const whole = { from: 0, to: 100 };
  const near = zoom(whole, 0.5, 20, whole);
  assert.deepEqual(near, { from: 10, to: 60 });
  assert.equal((20 - near.from) / (near.to - near.from), 0.2);
  assert.deepEqual(zoom(near, 10, 20, whole), whole);
  assert.deepEqual(zoom({ from: 0, to: 10 }, 1e-9, 0, whole), { from: 0, to: 5 });
  assert.deepEqual(move({ from: 90, to: 100 }, 50, whole), { from: 90, to: 100 });
  assert.deepEqual(move({ from: 10, to: 20 }, -50, whole), { from: 0, to: 10 });
});

test('bands become stripes, for what should be little and for what should be much', () => {
  const loss = stripes([[4, 0, 'veryGood'], [3, 3, 'good'], [2, null, 'medium']], false);
  assert.deepEqual(loss, [
    { from: 0, to: 3, index: 3, word: 'good' }, { from: 3, to: Infinity, index: 2, word: 'medium' },
  ]);
  const rate = stripes([[4, 2.1e6, 'veryGood'], [0, 0, 'bad']], true);
  assert.deepEqual(rate.map(({ from, to }) => [from, to]), [[2.1e6, Infinity], [0, 2.1e6]]);
});

test('the nearest point, unless all are too far away', () => {
  const points = [1, 2, 5, 9].map((at) => ({ at, value: at }));
  assert.equal(nearest(points, 3, 10).at, 2);
  assert.equal(nearest(points, 4, 10).at, 5);
  assert.equal(nearest(points, 7.1, 1), null);
  assert.equal(nearest([], 1, 10), null);
});

for (const route of [
  { room: 'kelas 5B/李 #1%', participant: '' }, { room: '', participant: 'p1' },
  { room: '', participant: '', server: true }, { room: '', participant: '', server: false },
]) {
  test(`an address leads back to ${JSON.stringify(route)}`, () => {
    const { server = false, ...place } = routeOf(hashOf(route));
    assert.deepEqual({ ...place, server }, { server: false, ...route });
  });
}

test('after the login one goes where one wanted to, but never away from here', () => {
  const next = (to) => nextPage(`?next=${encodeURIComponent(to)}`, 'https://here.example');
  assert.equal(next('/admin/reports/c1'), '/admin/reports/c1');
  for (const to of ['', '/', '//evil.example', 'https://evil.example/admin/', '/admin/../r/x',
    '/admin/\\..\\..\\x', 'javascript:alert(1)']) {
    assert.equal(next(to), '', to);
  }
});

test('a history becomes lines, and nothing stays nothing', () => {
  const series = (direction, change = {}) => ({
    participant: 'p', direction, track: '', kind: 'both',
    points: { at: [10, 20], loss: [1, null] }, ...change,
  });
  const chart = { step: 10, series: [series('inbound'), series('outbound', { kind: 'audio' })] };
  assert.deepEqual(pastOf(chart, 'p', 'loss'), {
    up: [{ at: 10, value: 1 }, { at: 20, value: null }], down: [], gap: 25,
  });
  assert.equal(pastOf(chart, 'other', 'loss'), null);
});

test('the page goes on where the history ends, each second once', () => {
  const points = (...times) => times.map((at) => ({ at, value: at }));
  const past = { up: points(1, 5, 6, 7), down: [], gap: 2.5 };
  const recent = { up: points(7, 8), down: points(7), gap: 3 };
  assert.deepEqual(together(past, recent, 4), { up: points(5, 6, 7, 8), down: points(7), gap: 3 });
  assert.equal(together(null, recent, 4), recent);
  assert.deepEqual(together(past, { up: [], down: [], gap: 3 }, 6).up, points(6, 7));
});

// Words.

test('who reloads the page is counted once', () => {
  const here = (name, connected) => ({ name, connected });
  assert.equal(headCount([here('Rani', false), here('Rani', true), here('Budi', true), here('Ana', false)]), 3);
});

test('sentences are whole, and of nobody else when all fare alike', () => {
  const own = new Judge(LEVELS);
  const outcome = (...rooms) => {
    for (let at = 0; at < 5; at += 1) own.update(second(at, ...rooms));
    return { ...overall(second(9, ...rooms), own, []), rooms: rooms.map((one) => roomSentence(one, own)) };
  };
  const fair = (name) => person(name, {}, { loss: 5 });
  assert.equal(outcome(room('A', fair('a'), person('b'))).rooms[0], '1 of 2 is fairly connected, the others well.');
  const alike = outcome(room('A', fair('a'), fair('b')));
  assert.equal(alike.rooms[0], 'All 2 are fairly connected.');
  assert.equal(alike.title, 'The 1 room runs fairly');
  const bad = outcome(room('A', person('Ani', {}, { loss: 50 })));
  assert.equal(bad.detail, 'Worst off: Ani in “A”: 50 % of what they send is lost.');
});
