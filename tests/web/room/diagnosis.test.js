import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checklist, isFault, verdicts } from '../../../web/room/diagnosis.js';
import { LOCALES } from '../../../web/shared/i18n.js';
import { WHY_STEPS } from '../../../web/client/messages.js';

const CAMERA = { id: 'c', kind: 'video', source: 'camera', muted: false };
const MICROPHONE = { id: 'm', kind: 'audio', source: 'microphone', muted: false };
const OWN = {
  online: true, ice: 'connected', dtls: 'connected', audioOnly: false, soundElsewhere: false,
  tracks: [CAMERA, MICROPHONE], arriving: new Set(), rough: '',
};

const because = (step, side = 'theirs') => ({
  type: 'because', participant: 'a', tracks: [{ track: 'c', source: 'camera', step, side }],
});

function failing(verdict, own = OWN) {
  return checklist(verdict, own).filter(({ state }) => state === 'failed').map(({ line }) => line);
}

const verdict = (step, side = 'theirs', own = OWN) => verdicts(because(step, side), own)[0];

for (const [step, side, line] of [
  ['signaling', 'theirs', 'theirSignaling'], ['notPublished', 'theirs', 'published'],
  ['ice', 'theirs', 'theirIce'], ['ice', 'yours', 'yourIce'], ['dtls', 'theirs', 'theirDtls'],
  ['dtls', 'yours', 'yourDtls'], ['muted', 'theirs', 'turnedOn'], ['noPackets', 'theirs', 'packets'],
  ['noKeyframe', 'theirs', 'keyframe'], ['negotiation', 'yours', 'negotiation'],
  ['hidden', 'yours', 'shown'], ['pausedByBandwidth', 'yours', 'bandwidth'], ['shed', 'theirs', 'server'],
]) {
  test(`${step} of ${side} fails one line, ${line}`, () => {
    assert.deepEqual(failing(verdict(step, side)), [line]);
  });
}

test('what comes before the failing step is in order, what comes after is not known', () => {
  const states = Object.fromEntries(
    checklist(verdict('noPackets'), OWN).map(({ line, state }) => [line, state]));
  for (const line of ['theirSignaling', 'published', 'theirIce', 'theirDtls', 'turnedOn', 'yourSignaling', 'yourIce']) {
    assert.equal(states[line], 'ok', line);
  }
  for (const line of ['keyframe', 'shown', 'decoded']) assert.equal(states[line], 'unknown', line);
});

test('our own connection is what the page sees, not what the server hopes', () => {
  const own = { ...OWN, ice: 'disconnected' };
  assert.deepEqual(verdict('flowing', 'yours', own), { source: 'camera', step: 'ice', side: 'yours' });
  assert.deepEqual(failing(verdict('noPackets', 'theirs', own), own), ['packets', 'yourIce']);
  const handshake = { ...OWN, dtls: 'connecting' };
  assert.equal(verdict('flowing', 'yours', handshake).step, 'dtls');
});

test('a step that only a newer server knows is not known here', () => {
  for (const reasons of [because('noKey'), { ...because(''), tracks: [], step: 'noKey' }]) {
    const [found] = verdicts(reasons, OWN);
    assert.equal(found.step, 'unknown');
    assert.ok(LOCALES.en[`why.say.${found.step}`]);
  }
});

test('data that comes and is not decoded is our own device', () => {
  assert.deepEqual(failing(verdict('flowing', 'yours')), ['decoded']);
  assert.equal(isFault(verdict('flowing', 'yours')), true);
});

test('what arrives is well, whatever the server says of the moment before', () => {
  const own = { ...OWN, arriving: new Set(['c']) };
  for (const step of ['flowing', 'noPackets', 'noKeyframe', 'pausedByBandwidth']) {
    assert.equal(verdict(step, 'theirs', own).step, 'flowing');
  }
  assert.ok(checklist(verdict('flowing', 'yours', own), own).every(({ state }) => state === 'ok'));
});

test('what flows over a bad connection is not well, and it shows whose that is', () => {
  for (const [side, line] of [['theirs', 'theirNetwork'], ['yours', 'yourNetwork']]) {
    const own = { ...OWN, arriving: new Set(['c']), rough: side };
    const found = verdicts(because('flowing'), own);
    assert.deepEqual(found.map(({ step }) => step), ['flowing', 'rough']);
    assert.equal(isFault(found[1]), true);
    assert.deepEqual(failing(found[1], own), [line]);
  }
  // What does not flow at all has a better reason.
  const own = { ...OWN, rough: 'theirs' };
  assert.deepEqual(verdicts(because('noPackets'), own).map(({ step }) => step), ['noPackets']);
});

test('silence is no fault', () => {
  const quiet = {
    type: 'because', participant: 'a',
    tracks: [{ track: 'm', source: 'microphone', step: 'flowing', side: 'yours' }],
  };
  const [sound] = verdicts(quiet, OWN);
  assert.equal(isFault(sound), false);
  assert.ok(!checklist(sound, OWN).some(({ line }) => line === 'keyframe'));
});

test('what the person has chosen is named as their choice', () => {
  const own = { ...OWN, audioOnly: true, soundElsewhere: true };
  assert.equal(verdict('hidden', 'yours', own).step, 'audioOnly');
  assert.equal(isFault(verdict('hidden', 'yours', own)), false);
  const [, sound] = verdicts(null, own);
  assert.equal(sound.step, 'soundElsewhere');
});

test('away from the server there is one thing to say', () => {
  const own = { ...OWN, online: false };
  assert.deepEqual(verdicts(because('noPackets'), own), [{ source: '', step: 'signaling', side: 'yours' }]);
  assert.deepEqual(failing(verdicts(null, own)[0], own), ['yourSignaling']);
});

test('a server that does not say leaves what the page knows', () => {
  const steps = (change) => verdicts(null, { ...OWN, ...change }).map(({ step }) => step);
  assert.deepEqual(steps({ tracks: [] }), ['notPublished']);
  assert.deepEqual(steps({ tracks: [{ ...CAMERA, muted: true }] }), ['muted']);
  assert.deepEqual(steps({ arriving: new Set(['c', 'm']) }), ['flowing', 'flowing']);
  assert.deepEqual(steps({ ice: 'checking' }), ['ice', 'ice']);
  assert.deepEqual(steps({}), ['unknown', 'unknown']);
});

test('a person who is away is reported without tracks', () => {
  const away = { type: 'because', participant: 'a', step: 'signaling', side: 'theirs' };
  assert.deepEqual(verdicts(away, OWN), [{ source: '', step: 'signaling', side: 'theirs' }]);
});

test('every step and every line has a sentence in both languages', () => {
  const steps = [...WHY_STEPS, 'audioOnly', 'soundElsewhere', 'notDecoded', 'unknown'].flatMap((step) =>
    ['signaling', 'ice', 'dtls'].includes(step) ? [`${step}.theirs`, `${step}.yours`] : [step]);
  const lines = checklist(verdict('flowing'), OWN).map(({ line }) => line);
  for (const locale of Object.values(LOCALES)) {
    for (const key of steps) assert.ok(locale[`why.say.${key}`], key);
    for (const line of lines) assert.ok(locale[`why.line.${line}`], line);
  }
});
