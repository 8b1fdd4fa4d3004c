/** The pages' modules as files: what there are, what they name, and what a page needs of them. */

import { readFileSync, readdirSync } from 'node:fs';

export const ROOT = new URL('../../', import.meta.url);
export const WEB = new URL('web/', ROOT);

/** @param {string} path below web/ */
export function read(path) {
  return readFileSync(new URL(path, WEB), 'utf8');
}

/**
 * @param {string} folder below web/, with its slash; empty: all
 * @param {string} suffix
 * @returns {string[]} paths below web/
 */
export function filesIn(folder, suffix) {
  return readdirSync(new URL(folder, WEB), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(suffix)).map((name) => folder + name).sort();
}

/** @param {string} source */
export function withoutComments(source) {
  return source.replace(/\/\*[^]*?\*\//g, '').replace(/(^|\s)\/\/ .*$/gm, '$1');
}

/**
 * @param {string} path of a module below web/
 * @param {{types?: boolean}} [options] `types`: what its comments import, too
 * @returns {string[]} the modules that it names, below web/
 */
export function importsOf(path, { types = false } = {}) {
  const source = types ? read(path) : withoutComments(read(path));
  const found = [
    ...source.matchAll(/^(?:import|export)\s[^;]*?'(\.{1,2}\/[^']+)';/gm),
    ...source.matchAll(/\bimport\('([^']+)'\)/g),
  ].map(([, name]) => new URL(name, new URL(path, WEB)).pathname.slice(WEB.pathname.length));
  return [...new Set(found)];
}

/**
 * @param {string} entry
 * @returns {string[]} all modules that a page with this script loads, but for the script itself
 */
export function neededBy(entry) {
  const found = new Set([entry]);
  for (const path of found) for (const other of importsOf(path)) found.add(other);
  found.delete(entry);
  return [...found].sort();
}

/**
 * @param {string} page
 * @returns {string[]} the modules that it asks for before its script names them
 */
export function preloadedBy(page) {
  return [...read(page).matchAll(/rel="modulepreload" href="\/static\/([^"]+)"/g)]
    .map(([, name]) => name).sort();
}
