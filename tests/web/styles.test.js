/** The style sheets: what they select is given by a page, a script or the server's error page. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { ROOT, filesIn, read } from './modules.js';

test('every class in a style sheet is given somewhere', () => {
  const sources = [...filesIn('', '.js'), ...filesIn('', '.html')].map(read)
    .concat(readFileSync(new URL('signaling/edge/answers.py', ROOT), 'utf8')).join('\n');
  const words = new Set(sources.match(/[\w-]+/g));
  for (const sheet of filesIn('', '.css')) {
    const rules = read(sheet).replace(/\/\*[^]*?\*\/|"[^"]*"|url\([^)]*\)/g, '');
    for (const [, name] of rules.matchAll(/\.(-?[a-zA-Z_][\w-]*)/g)) {
      // A number at the end is put there by a script.
      const given = words.has(name) || words.has(name.replace(/\d+$/, ''));
      assert.ok(given, `${sheet} .${name}`);
    }
  }
});
