/** What is seen, by whom most, and that the page loads all it needs at once. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { isCovered, shownSize, wishedRatio } from '../../web/sight.js';
import { Speaker } from '../../web/speaker.js';

const BOX = { left: 10, top: 10, right: 330, bottom: 190 };

test('a tile is as large as its device pixels, and nothing when unseen', () => {
  assert.deepEqual(shownSize(BOX, true, 1.5), { width: 480, height: 270 });
  assert.deepEqual(shownSize(BOX, false, 1.5), { width: 0, height: 0 });
});

test('a phone asks for two device pixels at most, others for what they have', () => {
  assert.equal(wishedRatio(3, true), 2);
  assert.equal(wishedRatio(1, true), 1);
  assert.equal(wishedRatio(3, false), 3);
});

test('a panel over the whole tile hides it, one beside it does not', () => {
  assert.equal(isCovered(BOX, { left: 0, top: 0, right: 390, bottom: 844 }), true);
  assert.equal(isCovered(BOX, { left: 200, top: 0, right: 390, bottom: 844 }), false);
});

test('the speaker is the loudest who goes on, and stays so in silence', () => {
  const speaker = new Speaker();
  const hear = (levels, now) => speaker.hear(new Map(Object.entries(levels)), now);
  assert.equal(hear({ ana: 90 }, 0), false);
  assert.equal(hear({ ana: 40 }, 100), true, 'the first to speak is the speaker at once');
  hear({ ana: 40, budi: 20 }, 200);
  assert.equal(speaker.current, 'ana', 'a cough is no speech');
  hear({ ana: 30, budi: 50 }, 500);
  hear({ budi: 20 }, 900);
  assert.equal(hear({ budi: 22 }, 1600), false);
  assert.equal(hear({ budi: 25 }, 1700), true);
  hear({}, 5000);
  assert.equal(speaker.current, 'budi');
});

test('who speaks on is not lost for a few words of another', () => {
  const speaker = new Speaker();
  const hear = (levels, now) => speaker.hear(new Map(Object.entries(levels)), now);
  hear({ ana: 30 }, 0);
  for (let now = 200; now <= 2600; now += 200) {
    assert.equal(hear({ ana: 30, budi: 25 }, now), false, `${now} ms`);
  }
  assert.equal(hear({ ana: 25, budi: 30 }, 2700), false, 'louder for a moment');
  for (let now = 2800; now <= 5200; now += 200) hear({ ana: 30, budi: 25 }, now);
  assert.equal(speaker.current, 'ana', 'it counts anew');
  assert.equal(hear({ ana: 30, budi: 25 }, 5400), true, 'clearly the louder one');
  hear({ budi: 30 }, 6000);
  hear({ ana: 30 }, 7100);
  assert.equal(hear({ ana: 30 }, 7900), true, 'budi has stopped');
});

test('every module of the room is asked for at once, not one after another', () => {
  const web = new URL('../../web/', import.meta.url);
  const found = new Set(['room.js']);
  for (const name of found) {
    const source = readFileSync(new URL(name, web), 'utf8').replace(/\/\*[^]*?\*\//g, '');
    for (const [, path] of source.matchAll(/^(?:import|export) [^;]*?'(\.[^']+)'/gm)) {
      found.add(new URL(path, new URL(name, 'https://page/')).pathname.slice(1));
    }
  }
  found.delete('room.js');
  const page = readFileSync(new URL('room.html', web), 'utf8');
  const asked = [...page.matchAll(/rel="modulepreload" href="\/static\/([^"]+)"/g)].map(([, name]) => name);
  assert.deepEqual(asked.sort(), [...found].sort());
});
