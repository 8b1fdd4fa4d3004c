/** How the modules hang together: who may name whom, how large they are, how pages load them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import ts from 'typescript';

import {
  filesIn, importsOf, neededBy, preloadedBy, read, withoutComments,
} from './modules.js';

const MODULES = filesIn('', '.js');
const LONGEST_FILE = 500;
const LONGEST_FUNCTION = 60;

/** Folders, and the folders that their modules may name beside their own. */
const MAY_NAME = {
  client: [],
  theme: [],
  shared: ['client'],
  start: ['shared'],
  room: ['client', 'shared'],
  operator: ['shared'],
  admin: ['client', 'shared', 'operator'],
  report: ['shared', 'operator'],
};

test('the client works without a page: it names no document, and nothing outside its folder', () => {
  const modules = filesIn('client/', '.js');
  assert.ok(modules.length > 10);
  const page = /(?<![.\w#])(document|window|localStorage|sessionStorage|navigator|location|HTML\w*Element|addEventListener)\b/;
  for (const path of modules) {
    for (const other of importsOf(path, { types: true })) {
      assert.ok(other.startsWith('client/'), `${path} names ${other}`);
    }
    assert.equal(page.exec(withoutComments(read(path)))?.[0], undefined, path);
  }
});

test('folders name each other one way', () => {
  for (const path of MODULES) {
    const [folder = ''] = path.split('/');
    assert.ok(folder in MAY_NAME, `${path} is in no folder that is known`);
    for (const other of importsOf(path, { types: true })) {
      const [named = ''] = other.split('/');
      assert.ok(named === folder || MAY_NAME[folder].includes(named), `${path} names ${other}`);
    }
  }
});

test('no module imports itself through others, not for a type either', () => {
  /** @type {Set<string>} whose imports are known to lead nowhere back */
  const done = new Set();
  /** @param {string} path @param {string[]} chain */
  const walk = (path, chain) => {
    assert.ok(!chain.includes(path), [...chain.slice(chain.indexOf(path)), path].join(' -> '));
    if (done.has(path)) return;
    for (const other of importsOf(path, { types: true })) walk(other, [...chain, path]);
    done.add(path);
  };
  for (const path of MODULES) walk(path, []);
});

test('a file has one subject, and a function fits a screen', () => {
  for (const path of MODULES) {
    const text = read(path);
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
    const line = (/** @type {number} */ at) => file.getLineAndCharacterOfPosition(at).line;
    assert.ok(text.split('\n').length - 1 <= LONGEST_FILE, `${path} is too long`);
    const walk = (/** @type {ts.Node} */ node) => {
      if (ts.isFunctionLike(node)) {
        const lines = line(node.end) - line(node.getStart(file)) + 1;
        assert.ok(lines <= LONGEST_FUNCTION, `${path}:${line(node.pos) + 1} has ${lines} lines`);
      }
      ts.forEachChild(node, walk);
    };
    walk(file);
  }
});

for (const [page, script] of [['room.html', 'room/main.js'], ['admin.html', 'admin/main.js']]) {
  test(`${page} asks for every module at once, not one after another`, () => {
    assert.deepEqual(preloadedBy(page), neededBy(script));
  });
}

test('every module is a page\'s script or is needed by one', () => {
  const scripts = filesIn('', '.html').flatMap((page) =>
    [...read(page).matchAll(/<script[^>]* src="\/static\/([^"]+)"/g)].map(([, path]) => path));
  const used = new Set(scripts.flatMap((script) => [script, ...neededBy(script)]));
  // Types alone, which no browser loads.
  const types = MODULES.filter((path) => !used.has(path));
  for (const path of types) assert.doesNotMatch(withoutComments(read(path)), /function|class/, path);
});
