/** Findings as sentences. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { findingText, lasting, spanText, whenText } from '../../../web/operator/findings.js';
import { WORDS } from '../../../web/operator/words.js';
import { ROOT } from '../modules.js';

const finding = (change = {}) => ({
  participant: 'p1', name: 'Rani', kind: 'connection', side: 'own', cause: 'loss', other: '', otherName: '',
  began: 1000, ended: 1032, times: 1, seconds: 32, share: 7, badness: 64, ...change,
});

for (const [change, sentence] of [
  [{}, 'Rani lost 7 % on their own network for 32 s.'],
  [{ cause: 'cut', share: null, seconds: 95 }, 'Rani was cut off for 1 min 35 s: nothing came through on their own network.'],
  [{ side: 'server', cause: 'busy' }, 'Rani had a poor connection for 32 s: the server had too much to do.'],
  [{ kind: 'frozen', side: 'other', otherName: 'Budi', seconds: 2.44 },
    'Video froze for Rani, 2.4 s in all: packets were lost on the network of Budi.'],
  [{ kind: 'frozen', side: 'other', seconds: 2.4 },
    'Video froze for Rani, 2.4 s in all: packets were lost on the network of somebody else.'],
  [{ kind: 'concealed', seconds: 0.35, share: 4 },
    'Rani heard gaps, 0.4 s of sound was missing: packets were lost on their own network.'],
  [{ kind: 'noVideo', cause: 'narrow', share: null }, 'Rani saw no video for 32 s: their own network could not carry more.'],
  [{ kind: 'frozen', side: 'unknown', cause: 'somethingNew', seconds: 3 }, 'Video froze for Rani, 3 s in all.'],
]) {
  test(sentence, () => assert.equal(findingText(finding(change)), sentence));
}

test('every kind, and every side with a cause, that the server names has words in both languages', () => {
  const source = readFileSync(new URL('signaling/records/spells.py', ROOT), 'utf8');
  const listed = (/** @type {string} */ name) =>
    [...(new RegExp(`^${name} = Literal\\[([^\\]]*)\\]`, 'm').exec(source)?.[1] ?? '').matchAll(/"(\w+)"/g)].map(([, word]) => word);
  const [kinds, sides, causes] = [listed('Kind'), listed('Side'), listed('Cause')];
  assert.ok(kinds.length > 4 && sides.length === 4 && causes.length > 8);
  for (const words of [WORDS.en, WORDS.id]) {
    for (const kind of kinds) assert.ok(`finding.what.${kind}` in words, kind);
    for (const side of sides) assert.ok(`finding.side.${side}` in words, side);
    for (const cause of causes) assert.ok(sides.some((side) => `finding.why.${side}.${cause}` in words), cause);
  }
});

test('a moment is named from today', () => {
  const now = new Date(2026, 2, 10, 15, 0).getTime() / 1000;
  const at = (day, hours, minutes) => new Date(2026, 2, day, hours, minutes).getTime() / 1000;
  assert.equal(whenText(at(10, 0, 5), now), 'Today 00:05');
  assert.equal(whenText(at(9, 13, 33), now), 'Yesterday 13:33');
  assert.match(whenText(at(8, 23, 59), now), /2026.* 23:59$/);
});

test('several spells are one line with how often', () => {
  assert.match(spanText(finding()), /^\d\d:16:40 to \d\d:17:12$/);
  assert.match(spanText(finding({ times: 3 })), /, 3 times$/);
});

test('short times keep a digit and long ones do not', () => {
  assert.deepEqual([0.35, 9.94, 12.4, 75].map(lasting), ['0.4 s', '9.9 s', '12 s', '1 min 15 s']);
});
