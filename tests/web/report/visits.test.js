/** Whose visit it was, and the order of people. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { byTrouble, byVisit } from '../../../web/report/visits.js';

const someone = (name, findings, ...visits) => ({
  participant: visits[0], name, visits: visits.map((participant) => ({ participant })), experience: { findings },
});

test('visits lead to their person, and people keep their colour when the worst come first', () => {
  const people = [someone('Ada', [], 'a'), someone('Bo', [{ badness: 64 }], 'b', 'b2'), someone('Siti', [{ badness: 99 }], 'c')];
  assert.deepEqual([...byVisit({ people })].map(([id, { person, number }]) => [id, person.name, number]),
    [['a', 'Ada', 0], ['b', 'Bo', 1], ['b2', 'Bo', 1], ['c', 'Siti', 2]]);
  assert.deepEqual(byTrouble(people).map(({ person, number }) => [person.name, number]),
    [['Siti', 2], ['Bo', 1], ['Ada', 0]]);
});
