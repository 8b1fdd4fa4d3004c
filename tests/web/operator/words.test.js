/** The phrases of the dashboard and the reports: all there, in both languages, and all used. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { WORDS as ADMIN } from '../../../web/admin/words.js';
import { WORDS as SHARED } from '../../../web/operator/words.js';
import { WORDS as REPORT } from '../../../web/report/words.js';
import { LOCALES } from '../../../web/shared/i18n.js';
import { ROOT, filesIn, read } from '../modules.js';

const forms = (entry) => (typeof entry === 'string' ? [entry] : [entry.one, entry.other]);

const scripts = (folder) => filesIn(`${folder}/`, '.js').filter((path) => !path.includes('/locales/'))
  .map(read).join('\n');
const OPERATOR = scripts('operator');
const SOURCES = {
  admin: [OPERATOR, scripts('admin'), read('admin.html')].join('\n'),
  report: [OPERATOR, scripts('report'), ...['report', 'reports', 'opinions'].map((name) => read(`${name}.html`))].join('\n'),
};

/** Groups whose keys are put together from parts, as the scripts name them. @param {string} source */
function groups(source) {
  return [...source.matchAll(/wordOf\('(\w+)'/g), ...source.matchAll(/`([a-z][\w.]*)\.\$\{/g)].map(([, group]) => `${group}.`);
}

/** @param {string} source */
function named(source) {
  return new Set([
    ...source.matchAll(/\b(?:say|sayIf)\('([\w.-]+)'/g),
    ...source.matchAll(/data-w(?:-label)?="([\w.-]+)"/g),
    ...source.matchAll(/\? '([a-z]+\.[\w.]+)'/g), ...source.matchAll(/'\s*: '([a-z]+\.[\w.]+)'/g),
    ...source.matchAll(/'((?:figure|track|sum)\.\w+)'/g),
  ].map(([, key]) => key));
}

for (const [page, words] of [['operator', SHARED], ['admin', ADMIN], ['report', REPORT]]) {
  test(`${page}: both languages have the same words, with the same placeholders, and none is empty`, () => {
    assert.deepEqual(Object.keys(words.id).sort(), Object.keys(words.en).sort());
    for (const [key, entry] of Object.entries(words.en)) {
      const names = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
      for (const text of [...forms(words.id[key]), ...forms(entry)]) {
        assert.ok(text.trim(), key);
        assert.deepEqual(names(text), names(forms(entry)[0]), key);
      }
    }
  });
}

for (const [page, words] of [['admin', ADMIN], ['report', REPORT]]) {
  test(`${page}: every word that is named exists, and every word is named`, () => {
    const [names, prefixes] = [named(SOURCES[page]), groups(SOURCES[page])];
    for (const key of names) assert.ok(key in words.en || key in LOCALES.en, key);
    for (const key of Object.keys(words.en)) {
      // Of what both pages share, the other may be the one that names it.
      if (key in SHARED.en) continue;
      assert.ok(names.has(key) || prefixes.some((prefix) => key.startsWith(prefix)), `${key} is not used`);
    }
  });
}

test('every word that the pages share is named by one of them', () => {
  const both = `${SOURCES.admin}\n${SOURCES.report}`;
  const [names, prefixes] = [named(both), groups(both)];
  for (const key of Object.keys(SHARED.en)) {
    assert.ok(names.has(key) || prefixes.some((prefix) => key.startsWith(prefix)), `${key} is not used`);
  }
});

test('a page does not say again what all say', () => {
  for (const page of ['admin', 'report']) {
    const own = read(`${page}/locales/en.js`);
    for (const key of Object.keys(SHARED.en)) assert.ok(!own.includes(`'${key}'`), `${page} ${key}`);
  }
});

test('every reason to drop a packet has words', () => {
  const source = readFileSync(new URL('sfu/drops.py', ROOT), 'utf8');
  const reasons = [...source.matchAll(/^ {4}[A-Z_]+ = "(\w+)"/gm)].map(([, reason]) => reason);
  assert.ok(reasons.length > 20);
  for (const reason of reasons) assert.ok(`drop.${reason}` in ADMIN.en, reason);
});

test('one head on all pages', () => {
  const head = (/** @type {string} */ name) =>
    (/<header class="top admin-top">.*?<\/header>/s.exec(read(`${name}.html`))?.[0] ?? '').replace(/^\s+/gm, '');
  const first = head('admin');
  assert.ok(first.includes('/admin/reports') && first.includes('/admin#/server'));
  for (const name of ['report', 'reports', 'opinions']) assert.equal(head(name), first, name);
  for (const [, key] of first.matchAll(/data-w(?:-label)?="([\w.]+)"/g)) assert.ok(key in SHARED.en, key);
});
