/**
 * After a call: how did it sound, how did it look? One optional question, in the words of ITU-T
 * P.800, sound and video apart, and no numerals, because a number would be a scale of its own.
 */

import { byId, el } from '../shared/dom.js';
import { onLanguage, t } from '../shared/i18n.js';

/** The categories of ITU-T P.800 Annex B, best first. */
export const OPINIONS = /** @type {const} */ (['excellent', 'good', 'fair', 'poor', 'bad']);

/** What is asked about. */
export const ASKED = /** @type {const} */ (['audio', 'video']);

/** @typedef {(typeof OPINIONS)[number]} Opinion */
/** @typedef {(typeof ASKED)[number]} Asked */
/** @typedef {{room: string, participant: string, token: string}} Voter who was in which room */
/** @typedef {Voter & {audio: Opinion | null, video: Opinion | null}} Vote */

/** How a call ends for good: only then is it over, and can be judged. */
const NOT_OVER = new Set(['resumedElsewhere', 'unreachable']);

/**
 * Is there something to ask? Not of who met nobody, and not while the call goes on elsewhere.
 *
 * @param {string} reason why the call ended here: `left` or an error code
 * @param {boolean} met whether anybody else was in the room
 */
export function worthAsking(reason, met) {
  return met && !NOT_OVER.has(reason);
}

/**
 * @param {Voter} voter
 * @param {FormData} chosen
 * @returns {Vote | null} null while nothing is chosen
 */
export function voteOf(voter, chosen) {
  const [audio, video] = ASKED.map(
    (asked) => OPINIONS.find((word) => word === chosen.get(asked)) ?? null,
  );
  return audio || video ? { ...voter, audio: audio ?? null, video: video ?? null } : null;
}

/** The question on the page that follows a call. */
export class OpinionQuestion {
  #form = byId('opinion', HTMLFormElement);
  #send = byId('opinion-send', HTMLButtonElement);
  #result = byId('opinion-result', HTMLElement);
  /** @type {'' | 'thanks' | 'failed' | 'choose'} */
  #answer = '';
  /** @type {Voter | null} */
  #voter = null;

  constructor() {
    for (const asked of ASKED) this.#choices(asked);
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#vote();
    });
    this.#form.addEventListener('change', () => this.#showResult(''));
    byId('opinion-skip', HTMLButtonElement).onclick = () => this.#skip();
    onLanguage(() => this.#showResult(this.#answer));
  }

  /** @param {Voter} voter */
  ask(voter) {
    this.#voter = voter;
    this.#form.reset();
    this.#form.hidden = false;
    this.#send.disabled = false;
    this.#showResult('');
  }

  /** Another call begins, or there is nothing to ask. */
  close() {
    this.#form.hidden = true;
    this.#showResult('');
  }

  /** @param {Asked} asked */
  #choices(asked) {
    byId(`opinion-${asked}`, HTMLElement).append(
      ...OPINIONS.map((word) =>
        el('label', { class: 'opinion-choice' },
          el('input', { type: 'radio', name: asked, value: word, class: 'visually-hidden' }),
          el('span', { 'data-t': `opinion.${word}` }))),
    );
  }

  #skip() {
    this.close();
    byId('goodbye-title', HTMLElement).focus();
  }

  async #vote() {
    const vote = this.#voter && voteOf(this.#voter, new FormData(this.#form));
    if (!vote) {
      this.#showResult('choose');
      return;
    }
    this.#send.disabled = true;
    const taken = await sendVote(vote);
    this.#send.disabled = false;
    if (taken) this.#form.hidden = true;
    this.#showResult(taken ? 'thanks' : 'failed');
    if (taken) this.#result.focus();
  }

  /** @param {'' | 'thanks' | 'failed' | 'choose'} answer */
  #showResult(answer) {
    this.#answer = answer;
    this.#result.hidden = !answer;
    this.#result.classList.toggle('bad', answer === 'failed');
    this.#result.textContent = answer ? t(RESULTS[answer]) : '';
  }
}

const RESULTS = /** @type {const} */ ({
  thanks: 'opinion.thanks', failed: 'opinion.failed', choose: 'opinion.choose',
});

/**
 * @param {Vote} vote
 * @returns {Promise<boolean>} whether the server took it
 */
async function sendVote(vote) {
  try {
    const answer = await fetch('/api/votes', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(vote),
    });
    return answer.ok;
  } catch {
    return false;
  }
}
