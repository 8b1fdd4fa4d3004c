/** Figures on the pages: labels and units are of those that `qos/figures.py` declares. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { UNITS } from '../../../web/operator/figures.js';
import { WORDS } from '../../../web/operator/words.js';
import { ROOT } from '../modules.js';

const TABLE = readFileSync(new URL('qos/figures.py', ROOT), 'utf8');
/** By name outside Python; a counter has no unit of its own. */
const DECLARED = new Map([...TABLE.matchAll(/\b(?:Figure|Counter)\(\s*"(\w+)",\s*"([^"]*)"/g)].map(([, name = '', unit]) =>
  [name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()), unit]));
/** What the report writes for a unit. */
const WRITTEN = {
  'bit/s': ['rate'], '%': ['percent'], s: ['ms', 'duration'], MOS: ['mos'], '1/s': ['fps'], count: ['count'],
};
/** What the tables of grades call the bitrate, and how a model is mentioned. */
const OTHERS = ['throughput', 'modelled'];

test('every figure that is declared has a label in both languages, and no other has', () => {
  assert.ok(DECLARED.size > 20 && DECLARED.has('nackCount') && DECLARED.has('roundTripTime'));
  const expected = [...DECLARED.keys(), ...OTHERS].map((name) => `figure.${name}`).sort();
  for (const words of Object.values(WORDS)) {
    assert.deepEqual(Object.keys(words).filter((key) => key.startsWith('figure.')).sort(), expected);
  }
});

for (const [name, written] of Object.entries(UNITS)) {
  test(`the report writes ${name} in its unit`, () => {
    assert.ok(WRITTEN[DECLARED.get(name)].includes(written), DECLARED.get(name));
  });
}
