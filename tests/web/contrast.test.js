/** Colours of text against what is behind it, computed: 4.5 to 1 (WCAG 2.2, 1.4.3). */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const LEAST = 4.5;

/** Pairs of a text and what it stands on, by the names of their colours. */
const PAIRS = [
  ...['text', 'text-soft', 'accent-text', 'danger-text'].flatMap((ink) =>
    ['page', 'surface', 'sunken', 'hover'].map((paper) => [ink, paper])),
  ['accent-text', 'accent-soft'], ['danger-text', 'danger-soft'], ['warn-text', 'warn-soft'],
  ['accent-ink', 'accent'], ['accent-ink', 'accent-hover'],
  ['white', 'danger'], ['white', 'danger-hover'],
  ...['good', 'fair', 'poor'].map((level) => [level, `${level}-soft`]),
  ...[0, 1, 2, 3, 4].map((grade) => [`grade-${grade}`, `grade-${grade}-soft`]),
];

const CSS = ['theme/tokens.css', 'css/admin.css', 'css/admin-detail.css', 'css/report.css']
  .map((file) => readFileSync(new URL(`../../web/${file}`, import.meta.url), 'utf8')).join('\n');

/** @param {'light' | 'dark'} theme */
function coloursOf(theme) {
  const colours = new Map([['white', '#ffffff']]);
  for (const [, selector, body] of CSS.matchAll(/(:root[^{}]*)\{([^}]*)\}/g)) {
    if (selector.includes('dark') && theme === 'light') continue;
    for (const [, name, value] of body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{3,6})\b/g)) {
      colours.set(name, value);
    }
  }
  return colours;
}

/** @param {string} colour as #rgb or #rrggbb */
function luminance(colour) {
  const digits = colour.length === 4 ? [...colour.slice(1)].map((one) => one + one)
    : colour.slice(1).match(/../g) ?? [];
  const [red, green, blue] = digits.map((pair) => {
    const share = parseInt(pair, 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @param {string} one @param {string} other */
function contrast(one, other) {
  const [dark, bright] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}

for (const theme of /** @type {const} */ (['light', 'dark'])) {
  test(`what is written can be read, ${theme}`, () => {
    const colours = coloursOf(theme);
    const weak = PAIRS.flatMap(([ink, paper]) => {
      const [text, behind] = [colours.get(ink), colours.get(paper)];
      assert.ok(text && behind, `${ink} and ${paper} are colours`);
      const ratio = contrast(text, behind);
      return ratio < LEAST ? [`${ink} ${text} on ${paper} ${behind}: ${ratio.toFixed(2)}`] : [];
    });
    assert.deepEqual(weak, []);
  });
}

test('black on white is 21 to 1', () => {
  assert.equal(Math.round(contrast('#000', '#ffffff') * 100) / 100, 21);
});
