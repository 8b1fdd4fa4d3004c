/** What somebody, or everybody in a room, has lived through so far in the call: the worst first. */

import { el } from '../shared/dom.js';
import { findingText, spanText } from '../report/lived.js';
import { w } from './words.js';

/** @typedef {import('../report/types.js').FindingList} FindingList */

/** Seconds between two questions; the history is written every five. */
const EVERY = 10;
const MOST = 100;
/** Lines of a whole room, and of one person. */
const LINES = 5;

export class Lived {
  #holder;
  #asked = '';
  #at = -Infinity;
  /** @type {FindingList | null} */
  #told = null;

  /** @param {HTMLElement} holder hidden while there is nothing to say */
  constructor(holder) {
    this.#holder = holder;
    holder.hidden = true;
  }

  /**
   * @param {string} call
   * @param {number} now Unix time
   * @param {string} [participant] only what this one lived through
   */
  show(call, now, participant = '') {
    if (call !== this.#asked) {
      this.#asked = call;
      this.#told = null;
      this.#at = -Infinity;
    }
    if (Math.abs(now - this.#at) >= EVERY) {
      this.#at = now;
      void this.#ask(call);
    }
    this.#draw(participant);
  }

  /** @param {string} call */
  async #ask(call) {
    try {
      const answer = await fetch(`/api/admin/findings?call=${encodeURIComponent(call)}&limit=${MOST}`);
      const told = answer.ok ? await answer.json() : null;
      if (call === this.#asked) this.#told = told;
    } catch {
      // Asked again in a moment; the live figures do without.
    }
  }

  /** @param {string} participant */
  #draw(participant) {
    const rows = (this.#told?.findings ?? [])
      .filter(({ participants }) => !participant || participants.includes(participant));
    this.#holder.hidden = rows.length === 0;
    if (!rows.length) return;
    const lines = rows.slice(0, LINES).map(({ finding }) => `${findingText(finding)}\n${spanText(finding)}`);
    const said = lines.join('\n');
    if (this.#holder.dataset.said === said) return;
    this.#holder.dataset.said = said;
    this.#holder.replaceChildren(el('h3', {}, w('lived.title')), el('ul', {}, ...lines.map((line) => {
      const [text = '', span = ''] = line.split('\n');
      return el('li', {}, el('span', {}, text), el('small', {}, span));
    })));
  }
}
