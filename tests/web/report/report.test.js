import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { linePath, stretches, topOf } from '../../../web/report/line.js';
import { query, dayStart } from '../../../web/report/search.js';
import { eventText, isTrouble, spells, together } from '../../../web/report/events.js';
import { judgement, shared } from '../../../web/report/judgement.js';
import { spreadOut } from '../../../web/report/opinion_charts.js';
import { counted, VOTES } from '../../../web/report/votes.js';
import { WORDS } from '../../../web/report/words.js';

const ROOT = new URL('../../../', import.meta.url);

/** @param {string} path @param {RegExp} pattern */
function listed(path, pattern) {
  return [...(pattern.exec(readFileSync(new URL(path, ROOT), 'utf8'))?.[1] ?? '').matchAll(/"(\w+)"/g)]
    .map(([, word]) => word);
}

test('every grade, event, trait and level that the server names has words', () => {
  const kinds = listed('signaling/meter/samples.py', /EventKind = Literal\[([^\]]*)\]/);
  const features = listed('signaling/records/report.py', /Feature = Literal\[([^\]]*)\]/);
  const levels = listed('signaling/records/report.py', /Level = Literal\[([^\]]*)\]/)
    .filter((level) => level !== 'usual');
  assert.ok(kinds.length > 5 && features.length > 3 && levels.length > 3);
  for (const kind of kinds) assert.ok(`event.${kind}` in WORDS.en, kind);
  for (const feature of features) {
    for (const level of levels) assert.ok(`trait.${feature}.${level}` in WORDS.en, `${feature} ${level}`);
  }
  const grades = readFileSync(new URL('qos/grades.py', ROOT), 'utf8');
  const words = ['verySatisfying', 'lessSatisfying', 'withinLimit', 'missed', 'unacceptable', 'veryGood', 'medium'];
  for (const word of words) {
    assert.match(grades, new RegExp(`"${word}"`));
    assert.ok(`grade.${word}` in WORDS.en, word);
  }
  const profiles = [...(/PROFILES: [^=]*= \(([^)]*)\)/.exec(grades)?.[1] ?? '').matchAll(/"([\w-]+)"/g)];
  assert.equal(profiles.length, 5);
  for (const [, profile] of profiles) assert.ok(`profile.${profile}.hint` in WORDS.en, profile);
});

test('a vote is asked in the words that the server takes, best first', () => {
  assert.deepEqual(VOTES, listed('signaling/records/report.py', /^Word = Literal\[([^\]]*)\]/m));
});

test('a line breaks where nothing was known, and where no samples were', () => {
  const lines = stretches([0, 10, 20, 30, 100, 110], [1, 2, null, 3, 4, 5], 10);
  assert.deepEqual(lines, [[[0, 1], [10, 2]], [[30, 3]], [[100, 4], [110, 5]]]);
  assert.equal(linePath(lines, (at) => at, (value) => value),
    'M0.0 1.0L10.0 2.0M30.0 3.0h2M100.0 4.0L110.0 5.0');
});

test('the top holds all lines and is never below the least', () => {
  assert.equal(topOf([[1, null, 7], [3]], 5), 7);
  assert.equal(topOf([[null]], 5), 5);
});

test('events that would lie on each other are one mark, led by the most telling', () => {
  const at = (time, kind) => ({ at: time, kind, participant: 'a', name: 'Bo', detail: '' });
  const groups = together([
    at(0, 'joined'), at(0.5, 'published'), at(30, 'qualityChanged'), at(30.1, 'networkChanged'), at(60, 'left'),
  ], 5);
  assert.deepEqual(groups.map((group) => group.map(({ kind }) => kind)),
    [['joined'], ['networkChanged', 'qualityChanged'], ['left']]);
});

test('what goes back and forth is one entry, and hides nothing else', () => {
  const at = (time, kind, detail = 'camera', participant = 'a') => ({ at: time, kind, participant, name: 'Bo', detail });
  const flapping = [0, 1, 2, 3, 20].map((time) => at(time, time % 2 ? 'layerRaised' : 'layerDropped'));
  const entries = spells([
    ...flapping.slice(0, 4), at(4, 'joined', '', 'b'), at(5, 'layerDropped', 'screen'),
    at(6, 'layerDropped', 'camera', 'b'), flapping[4], at(51, 'layerDropped'),
    at(60, 'qualityChanged', 'poor'), at(61, 'qualityChanged', 'good'),
  ]);
  assert.deepEqual(entries.map((entry) => [entry[0].at, entry.length]),
    [[0, 5], [4, 1], [5, 1], [6, 1], [51, 1], [60, 1], [61, 1]]);
  assert.deepEqual(spells([]), []);
});

test('events are put into words, whatever names are in them', () => {
  const event = { at: 0, kind: 'published', participant: 'a', name: '{detail}', detail: 'camera' };
  assert.equal(eventText(event), '{detail} turned on: camera.');
  assert.equal(eventText({ ...event, kind: 'qualityChanged', name: 'Bo', detail: 'poor' }),
    'The connection of Bo became poor.');
  assert.equal(eventText({ ...event, kind: 'somethingNew' }), 'somethingNew');
  assert.ok(isTrouble({ ...event, kind: 'qualityChanged', detail: 'poor' }));
  assert.ok(!isTrouble({ ...event, kind: 'qualityChanged', detail: 'good' }));
});

test('days are those of whoever looks, the last one included', () => {
  const data = new FormData();
  for (const [name, value] of [['search', ' kopi '], ['from', '2026-03-01'], ['to', '2026-03-01'], ['order', 'worst']]) {
    data.set(name, value);
  }
  const asked = new URLSearchParams(query(data, 30, 10));
  assert.equal(asked.get('search'), 'kopi');
  assert.equal(Number(asked.get('to')) - Number(asked.get('from')), 86_400);
  assert.equal(Number(asked.get('from')), new Date(2026, 2, 1).getTime() / 1000);
  assert.equal(dayStart('2026-02-28', 1), dayStart('2026-03-01'));
  assert.deepEqual([asked.get('order'), asked.get('offset'), asked.get('limit')], ['worst', '30', '10']);
  data.set('to', '2026-02-28');
  assert.equal(query(data, 0, 10), '');
});

test('a difference is judged by its interval, not by its mean', () => {
  const difference = { n: 9, mean: -0.5, sd: 1, low: -1.2, high: 0.2 };
  assert.equal(judgement(difference, 9), WORDS.en['opinions.undecided']);
  assert.equal(judgement({ ...difference, mean: 0, low: -0.4, high: 0.3 }, 9), WORDS.en['opinions.agree']);
  assert.equal(judgement({ ...difference, high: -0.1 }, 9),
    'People were less happy than the model expects, by 0.5 on average.');
  assert.equal(judgement({ ...difference, low: 0.1, mean: 0.5, high: 0.9 }, 9),
    'People were happier than the model expects, by 0.5 on average.');
  assert.equal(judgement({ ...difference, n: 4 }, 15),
    '4 votes with an estimate; 15 are needed to say whether people and model agree.');
});

test('what a group shares is put into plain words', () => {
  const trait = { feature: 'loss', mean: 8, overall: 0.5, level: 'muchHigher' };
  assert.equal(shared([trait, { ...trait, feature: 'delay', mean: 0.2, level: 'usual' }]),
    'What they share: far more packets lost than usual (8 %).');
  assert.equal(shared([{ ...trait, feature: 'vote', mean: null, level: 'lower' }]), WORDS.en['groups.nothing']);
});

test('votes are counted by word, and skipped ones not at all', () => {
  assert.deepEqual(counted(['good', null, 'good', 'bad']),
    { excellent: 0, good: 2, fair: 0, poor: 0, bad: 1 });
});

test('points of the same vote and estimate lie beside each other', () => {
  const points = spreadOut(Array.from({ length: 40 }, () => ({ vote: 4, mos: 4.2 })));
  assert.equal(new Set(points.map(({ x, y }) => `${x} ${y}`)).size, 40);
  for (const { x, y } of points) assert.ok(Math.abs(y - 4) < 0.5 && Math.abs(x - 4.2) < 0.2);
});
