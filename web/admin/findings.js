/** The findings of a running call, of a whole room or of one person: the worst first. */

import { ask } from '../operator/ask.js';
import { findingText, spanText } from '../operator/findings.js';
import { el } from '../shared/dom.js';
import { say } from './words.js';

/** @typedef {import('../operator/findings.js').FindingList} FindingList */

/** Seconds between two requests; the history is written every five. */
const EVERY = 10;
const MOST = 100;
/** Lines of a whole room, and of one person. */
const LINES = 5;

export class Findings {
  #holder;
  #asked = '';
  #at = -Infinity;
  /** @type {FindingList | null} */
  #list = null;

  /** @param {HTMLElement} holder hidden while there are none */
  constructor(holder) {
    this.#holder = holder;
    holder.hidden = true;
  }

  /**
   * @param {string} call
   * @param {number} now Unix time
   * @param {string} [participant] only their findings
   */
  show(call, now, participant = '') {
    if (call !== this.#asked) {
      this.#asked = call;
      this.#list = null;
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
      const answer = await ask(`findings?call=${encodeURIComponent(call)}&limit=${MOST}`);
      if (call === this.#asked) this.#list = answer;
    } catch {
      // Asked again in a moment; the live figures do without.
    }
  }

  /** @param {string} participant */
  #draw(participant) {
    const rows = (this.#list?.findings ?? [])
      .filter(({ participants }) => !participant || participants.includes(participant));
    this.#holder.hidden = rows.length === 0;
    if (!rows.length) return;
    const lines = rows.slice(0, LINES).map(({ finding }) => `${findingText(finding)}\n${spanText(finding)}`);
    const shown = lines.join('\n');
    if (this.#holder.dataset.shown === shown) return;
    this.#holder.dataset.shown = shown;
    this.#holder.replaceChildren(el('h3', {}, say('findings.title')), el('ul', {}, ...lines.map((line) => {
      const [text = '', span = ''] = line.split('\n');
      return el('li', {}, el('span', {}, text), el('small', {}, span));
    })));
  }
}
