/**
 * The panel that explains why somebody is not seen or heard: for each person what is wrong and what
 * to do about it, and all steps as a list.
 */

import { avatar, byId, el, icon } from '../shared/dom.js';
import { onLanguage, t } from '../shared/i18n.js';
import { settings } from '../shared/settings.js';
import { checklist, isFault, verdicts } from './diagnosis.js';

/** @typedef {import('./diagnosis.js').Own} Own */
/** @typedef {import('./diagnosis.js').Verdict} Verdict */
/** @typedef {import('../client/messages.js').Reasons} Reasons */
/** @typedef {import('../client/messages.js').Participant} Participant */
/** @typedef {import('../client/conference.js').Conference} Conference */

/**
 * @typedef {object} Explained of one person
 * @property {string} id
 * @property {string} name
 * @property {boolean} waiting for the server's first answer
 * @property {Verdict[]} found
 * @property {string} quality of the connection, in words, when it is not good
 * @property {ReturnType<typeof steps>} checks
 */

const ASK_EVERY_MS = 2000;

const dialog = byId('why-dialog', HTMLDialogElement);
const list = byId('why-list', HTMLElement);

/** What is shown first: what one looks for. */
const SOURCES = /** @type {const} */ (['screen', 'camera', 'microphone', 'screenAudio', '']);

const STATE_ICONS = { ok: 'check', failed: 'close', off: 'minus', unknown: 'minus' };

export class Why {
  /** @type {Map<string, Reasons | null>} by participant */
  #answers = new Map();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #asking;
  /** The participant whose list is open. */
  #open = '';
  #shown = '';
  #conference;
  #reception;

  /**
   * @param {Conference} conference
   * @param {import('./reception.js').Reception} reception
   * @param {AbortSignal} signal the end of the call
   */
  constructor(conference, reception, signal) {
    this.#conference = conference;
    this.#reception = reception;
    dialog.addEventListener('close', () => {
      // Dispatched a frame later, when it may be open again.
      if (!dialog.open) clearInterval(this.#asking);
    }, { signal });
    signal.addEventListener('abort', () => clearInterval(this.#asking));
    onLanguage(() => {
      if (dialog.open) this.#show();
    }, signal);
  }

  /** @param {string} [participant] whose list is to be open; the first one's when not given */
  open(participant) {
    this.#open = participant ?? this.#conference.participants[0]?.id ?? '';
    this.#answers.clear();
    this.#shown = '';
    this.#show();
    if (!dialog.open) dialog.showModal();
    clearInterval(this.#asking);
    this.#asking = setInterval(() => this.#ask(), ASK_EVERY_MS);
    this.#ask();
  }

  #ask() {
    for (const { id } of this.#conference.participants) {
      void this.#conference.askReasons(id).then((answer) => {
        this.#answers.set(id, answer);
        if (dialog.open) this.#show();
      });
    }
  }

  #show() {
    const { participants } = this.#conference;
    const people = participants.map((one) => this.#explain(one));
    // Drawn anew only for changes: whoever reads or moves about in it is not to be disturbed.
    const text = JSON.stringify([document.documentElement.lang, people]);
    if (text === this.#shown) return;
    this.#shown = text;
    const focused = [...list.querySelectorAll('summary')].indexOf(
      /** @type {HTMLElement} */ (document.activeElement));
    list.replaceChildren(...people.map((person) => this.#person(person)));
    if (focused >= 0) list.querySelectorAll('summary')[focused]?.focus();
    byId('why-nobody', HTMLElement).hidden = participants.length > 0;
  }

  /**
   * @param {Participant} participant
   * @returns {Explained}
   */
  #explain(participant) {
    const own = this.#own(participant);
    const waiting = !this.#answers.has(participant.id);
    const found = verdicts(this.#answers.get(participant.id) ?? null, own)
      .sort((one, other) => SOURCES.indexOf(one.source) - SOURCES.indexOf(other.source));
    const first = found.find(isFault) ?? found[0];
    return {
      id: participant.id, name: participant.name, waiting, found,
      quality: this.#reception.qualityOf(participant.id)?.words ?? '',
      checks: first ? steps(first, own) : [],
    };
  }

  /**
   * @param {Participant} participant
   * @returns {Own}
   */
  #own({ id, tracks }) {
    const connection = this.#conference.subscribeConnection;
    const transport = connection?.getReceivers()[0]?.transport;
    const { audioOnly, soundElsewhere } = settings();
    return {
      online: this.#conference.state === 'joined',
      ice: connection?.iceConnectionState ?? '',
      dtls: transport?.state ?? '',
      audioOnly, soundElsewhere, tracks,
      arriving: this.#reception.arriving,
      rough: this.#reception.qualityOf(id)?.side ?? '',
    };
  }

  /** @param {Explained} person */
  #person({ id, name, waiting, found, quality, checks }) {
    const faulty = found.some(isFault);
    const trouble = found.filter(isFault).every(({ step }) => step === 'rough') ? 'why.rough' : 'why.trouble';
    const whole = found.every(({ step }) => step === 'flowing');
    const sound = whole ? 'why.well' : 'why.unbroken';
    const summary = t(waiting ? 'why.checking' : faulty ? trouble : sound);
    const details = el('details', { class: 'why-person', 'data-participant': id },
      el('summary', {},
        avatar(name), el('span', { class: 'person-name', dir: 'auto' }, name),
        el('span', { class: waiting ? 'why-sum' : `why-sum ${faulty ? 'failed' : 'ok'}` }, summary),
        icon('chevron')),
      ...(waiting ? [] : [
        el('ul', { class: 'why-verdicts' }, ...found.map((verdict) => verdictRow(verdict, name, quality))),
        el('ol', { class: 'why-steps', 'aria-label': t('why.steps') },
          ...checks.map(({ line, state }) => checkRow(t(`why.line.${line}`, { name }), state))),
      ]));
    details.open = id === this.#open;
    details.ontoggle = () => {
      if (details.open) this.#open = id;
      else if (this.#open === id) this.#open = '';
    };
    return details;
  }
}

/**
 * All steps; where they end because somebody chose so, nothing has failed.
 *
 * @param {Verdict} verdict
 * @param {Own} own
 * @returns {{line: import('./diagnosis.js').Check['line'], state: keyof typeof STATE_ICONS}[]}
 */
function steps(verdict, own) {
  return checklist(verdict, own).map(({ line, state }) =>
    ({ line, state: state === 'failed' && !isFault(verdict) && !line.startsWith('your') ? 'off' : state }));
}

/**
 * @param {Verdict} verdict
 * @param {string} name
 * @param {string} quality in words
 */
function verdictRow(verdict, name, quality) {
  const { source, step, side } = verdict;
  const sided = ['signaling', 'ice', 'dtls', 'rough'].includes(step);
  const key = sided ? `${step}.${side}` : step;
  const text = t(/** @type {import('../shared/i18n.js').Key} */ (`why.say.${key}`), { name, quality });
  return el('li', { class: isFault(verdict) ? 'why-verdict failed' : 'why-verdict', 'data-step': step },
    icon(isFault(verdict) ? 'warning' : step === 'flowing' ? 'check' : 'info'),
    el('span', {}, ...(source ? [el('strong', {}, `${t(`why.source.${source}`)}. `)] : []), text));
}

/**
 * @param {string} text
 * @param {keyof typeof STATE_ICONS} state
 */
function checkRow(text, state) {
  return el('li', { class: `why-step ${state}` },
    icon(STATE_ICONS[state]), el('span', {}, text),
    el('span', { class: 'visually-hidden' }, t(`why.state.${state}`)));
}
