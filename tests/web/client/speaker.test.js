/** Who counts as the speaker. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Speaker } from '../../../web/client/speaker.js';

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
