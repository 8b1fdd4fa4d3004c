/** Cheap changes of the page: only what differs is written. */

import { el, icon, setIcon } from '../shared/dom.js';
import { say } from './words.js';

/**
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string} value
 */
export function setData(element, name, value) {
  if (element.getAttribute(`data-${name}`) !== value) element.setAttribute(`data-${name}`, value);
}

/**
 * Children of a list that live as long as what they show, in its order.
 *
 * @template Item
 * @template {{root: HTMLElement}} Row
 */
export class Keyed {
  /** @type {Map<string, Row>} */
  #rows = new Map();
  #parent;
  #make;

  /**
   * @param {HTMLElement} parent
   * @param {(item: Item) => Row} make
   */
  constructor(parent, make) {
    this.#parent = parent;
    this.#make = make;
  }

  /**
   * @param {readonly Item[]} items
   * @param {(item: Item) => string} key
   * @param {(row: Row, item: Item) => void} update
   */
  show(items, key, update) {
    /** @type {Map<string, Row>} */
    const rows = new Map();
    for (const item of items) {
      const row = this.#rows.get(key(item)) ?? this.#make(item);
      rows.set(key(item), row);
      update(row, item);
    }
    for (const [old, row] of this.#rows) if (!rows.has(old)) row.root.remove();
    this.#rows = rows;
    let next = this.#parent.firstElementChild;
    for (const { root } of rows.values()) {
      if (root === next) next = next.nextElementSibling;
      else this.#parent.insertBefore(root, next);
    }
  }

  /** All anew, as when the language changes. */
  clear() {
    for (const { root } of this.#rows.values()) root.remove();
    this.#rows.clear();
  }
}

/** @typedef {import('./wire.js').Level} Level */

/** A form for each level, so that colour is never alone. @type {Record<Level, string>} */
const ICONS = { good: 'check', fair: 'minus', poor: 'warning', lost: 'close', waiting: 'clock' };

/** @param {boolean} [word] with the word beside the mark; else for screen readers only */
export function levelMark(word = true) {
  const text = el('span', { class: word ? 'level-word' : 'visually-hidden' });
  const root = el('span', { class: 'level' }, icon('clock'), text);
  return {
    root,
    /** @param {Level} level */
    show(level) {
      if (root.dataset.level !== level) {
        root.dataset.level = level;
        setIcon(root, ICONS[level]);
      }
      setText(text, say(`level.${level}`));
    },
  };
}

/**
 * A figure with its name.
 *
 * @param {string} name
 * @param {string} [hint] more about it
 */
export function figure(name, hint = '') {
  const value = el('dd', {});
  const root = el('div', { class: 'figure' }, el('dt', hint ? { title: hint } : {}, name), value);
  /** @param {string} text */
  const show = (text) => setText(value, text);
  return { root, show };
}
