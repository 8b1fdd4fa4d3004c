import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DigestMaker } from '../../../web/client/digest.js';

const TRACKS = [{ mid: '0', track: 'ta' }, { mid: '1', track: 'tv' }];

/** What `getStats` would say after `n` seconds. */
const reports = (n) => [
  { type: 'candidate-pair', id: 'p' },
  {
    type: 'inbound-rtp', id: 'a', kind: 'audio', mid: '0', packetsReceived: 49 * n, packetsLost: n,
    bytesReceived: 4900 * n, jitter: 0.004, jitterBufferDelay: 2400 * n,
    jitterBufferEmittedCount: 48_000 * n, totalSamplesReceived: 48_000 * n,
    concealedSamples: 1440 * n, silentConcealedSamples: 480 * n,
  },
  {
    type: 'inbound-rtp', id: 'v', kind: 'video', mid: '1', packetsReceived: 100 * n, packetsLost: 0,
    bytesReceived: 100_000 * n, jitter: 0.002, framesDecoded: 30 * n, frameWidth: 640,
    frameHeight: 360, freezeCount: n, totalFreezesDuration: 0.25 * n,
  },
];

test('counts are those since the digest before', () => {
  const maker = new DigestMaker();
  assert.equal(maker.next(reports(10), TRACKS, 0, 10_000), null);
  assert.deepEqual(maker.next(reports(15), TRACKS, 30, 15_000), {
    type: 'digest',
    seconds: 5,
    roundTripTime: 0.03,
    tracks: [
      {
        track: 'ta', packets: 250, lost: 5, bytes: 24_500, jitter: 0.004, buffer: 0.05,
        samples: 240_000, concealed: 4800,
      },
      {
        track: 'tv', packets: 500, lost: 0, bytes: 500_000, jitter: 0.002, frames: 150, width: 640,
        height: 360, freezes: 5, frozen: 1.25,
      },
    ],
  });
});

test('with a reading each two seconds there is one each five, on average', () => {
  const maker = new DigestMaker();
  let count = 0;
  let seconds = 0;
  for (let n = 0; n <= 100; n += 2) {
    const digest = maker.next(reports(n), TRACKS, 0, n * 1000);
    count += digest ? 1 : 0;
    seconds += digest?.seconds ?? 0;
  }
  assert.ok(count >= 18 && count <= 20, String(count));
  assert.ok(seconds >= 94, String(seconds));
});

test('what a browser does not say is left out, and what it cannot mean too', () => {
  const maker = new DigestMaker();
  const bare = (n) => [{
    type: 'inbound-rtp', id: 'v', kind: 'video', mid: '1', packetsReceived: 100 * n, jitter: NaN,
  }];
  maker.next(bare(1), TRACKS, 0, 0);
  assert.deepEqual(maker.next(bare(2), TRACKS, 0, 5000).tracks, [{ track: 'tv', packets: 100 }]);
});

test('late packets make no negative loss', () => {
  const maker = new DigestMaker();
  const lost = (packetsLost) => [{ ...reports(1)[1], packetsReceived: 60 - packetsLost, packetsLost }];
  maker.next(lost(5), TRACKS, 0, 0);
  assert.equal(maker.next(lost(3), TRACKS, 0, 5000).tracks[0].lost, 0);
});

test('a new connection and m-lines that nobody uses are left out', () => {
  const maker = new DigestMaker();
  maker.next(reports(10), TRACKS, 0, 0);
  assert.equal(maker.next(reports(2), TRACKS, 0, 5000), null);
  const [digest] = [maker.next(reports(7), TRACKS.slice(1), 0, 10_000)];
  assert.deepEqual(digest.tracks.map(({ track }) => track), ['tv']);
});

test('after a long sleep it begins anew', () => {
  const maker = new DigestMaker();
  maker.next(reports(0), TRACKS, 0, 0);
  assert.equal(maker.next(reports(70), TRACKS, 0, 70_000), null);
  assert.equal(maker.next(reports(75), TRACKS, 0, 75_000).seconds, 5);
});

test('it is bounded', () => {
  const maker = new DigestMaker();
  const many = (n) => Array.from({ length: 100 }, (_, i) => ({ ...reports(n)[2], id: `v${i}`, mid: `${i}` }));
  const tracks = Array.from({ length: 100 }, (_, i) => ({ mid: `${i}`, track: `t${i}` }));
  maker.next(many(0), tracks, 0, 0);
  assert.equal(maker.next(many(5), tracks, 0, 5000).tracks.length, 64);
});
