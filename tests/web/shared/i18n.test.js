import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { LOCALES, chooseLanguage, errorText, phrase, t } from '../../../web/shared/i18n.js';
import { ERROR_CODES } from '../../../web/client/messages.js';
import { ROOT, filesIn, read } from '../modules.js';

const PLACEHOLDER = /\{\w+\}/g;

/** @param {string | {one: string, other: string}} entry */
const forms = (entry) => (typeof entry === 'string' ? [entry] : [entry.one, entry.other]);

test('both languages have the same keys, with the same placeholders', () => {
  assert.deepEqual(Object.keys(LOCALES.id).sort(), Object.keys(LOCALES.en).sort());
  for (const [key, entry] of Object.entries(LOCALES.en)) {
    const names = (text) => (text.match(PLACEHOLDER) ?? []).sort();
    for (const other of forms(LOCALES.id[key])) {
      assert.deepEqual(names(other), names(forms(entry)[0]), key);
    }
  }
});

test('no sentence is empty', () => {
  for (const locale of Object.values(LOCALES)) {
    for (const [key, entry] of Object.entries(locale)) {
      for (const text of forms(entry)) assert.ok(text.trim(), key);
    }
  }
});

test('every error code has a sentence in both languages', () => {
  for (const code of [...ERROR_CODES, 'unreachable']) {
    for (const [language, locale] of Object.entries(LOCALES)) {
      assert.ok(locale[`error.${code}`], `${code} in ${language}`);
    }
  }
});

test('the error codes are those of the written protocol', () => {
  const written = readFileSync(new URL('docs/protocol.md', ROOT), 'utf8');
  const list = /^Error codes: (.*)$/m.exec(written)[1].replace(/\([^)]*\)/g, '');
  assert.deepEqual([...list.matchAll(/`(\w+)`/g)].map(([, code]) => code).sort(),
    [...ERROR_CODES].sort());
});

test('every key that a page or a script names exists, and every key is named somewhere', () => {
  const scripts = ['client/', 'room/', 'shared/', 'start/'].flatMap((folder) => filesIn(folder, '.js'))
    .filter((path) => !path.includes('/locales/'));
  const sources = [...scripts, 'index.html', 'room.html', 'admin.html', 'report.html', 'reports.html', 'opinions.html']
    .map(read).join('\n');
  const named = [
    ...sources.matchAll(/data-t(?:-\w+)?="([\w.]+)"/g),
    ...sources.matchAll(/'((?:app|start|lobby|room|control|tile|chat|people|settings|live|banner|bye|why|error)\.\w+)'/g),
  ].map(([, key]) => key);
  for (const key of named) assert.ok(key in LOCALES.en, key);
  // These are put together from parts.
  const composed = /^(media|error|help|live\.device|opinion|quality|why\.(source|state|line|say))\.|^lobby\.(camera|microphone|speaker)$/;
  for (const key of Object.keys(LOCALES.en)) {
    assert.ok(named.includes(key) || composed.test(key), `${key} is not used`);
  }
});

test('placeholders and plurals', () => {
  assert.equal(t('lobby.present', { count: 1 }), '1 person is in the room.');
  assert.equal(t('lobby.present', { count: 4 }), '4 people are in the room.');
  assert.equal(phrase(LOCALES.id, 'id', 'lobby.present', { count: 1 }),
    'Ada 1 orang di dalam ruang.');
  assert.equal(t('live.joined', { name: '{name}' }), '{name} joined.');
});

test('a name from right to left leaves the sentence around it as it is', () => {
  assert.equal(t('live.joined', { name: 'علي' }), '\u2068علي\u2069 joined.');
  assert.equal(t('live.joined', { name: 'Ömer 🎉' }), 'Ömer 🎉 joined.');
});

test('an unknown error code still gets a sentence', () => {
  assert.equal(errorText('somethingNew'), LOCALES.en['error.internal']);
});

for (const [tags, expected] of [
  [['id-ID', 'en-US'], 'id'], [['jv'], 'id'], [['ms-MY'], 'id'], [['en-GB', 'id'], 'en'],
  [['de', 'id'], 'id'], [['de'], 'en'], [[], 'en'],
]) {
  test(`a browser that prefers ${tags.join() || 'nothing'} gets ${expected}`, () => {
    assert.equal(chooseLanguage(tags), expected);
  });
}
