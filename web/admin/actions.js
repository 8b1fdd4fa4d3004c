/** What an admin does: remove somebody, close a room, capture packets; each after a question. */

import { Refused } from '../operator/ask.js';
import { bytes, clockSeconds, number } from '../operator/figures.js';
import { byId, el, icon, toast } from '../shared/dom.js';
import { captureFile, captures, closeRoom, remove, startCapture, stopCapture } from './requests.js';
import { Keyed, setText } from './show.js';
import { say, wordOf } from './words.js';

/** @typedef {import('./requests.js').Capture} Capture */

const MEGABYTE = 1_000_000;

/** @param {unknown} error */
export function sentenceOf(error) {
  const { code, seconds } = error instanceof Refused ? error : new Refused('failed');
  return wordOf('error', code, { seconds });
}

/**
 * @param {() => Promise<unknown>} act
 * @param {string} done
 */
async function attempt(act, done) {
  try {
    await act();
    toast(done);
    return true;
  } catch (error) {
    toast(sentenceOf(error), 'problem');
    return false;
  }
}

/**
 * Ask whether to do what cannot be undone.
 *
 * @param {string} title
 * @param {string} text
 * @param {string} yes
 * @returns {Promise<boolean>}
 */
function confirmed(title, text, yes) {
  const dialog = byId('confirm', HTMLDialogElement);
  setText(byId('confirm-title', HTMLElement), title);
  setText(byId('confirm-text', HTMLElement), text);
  const act = byId('confirm-yes', HTMLButtonElement);
  setText(act, yes);
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === 'yes');
  });
}

/** @param {string} participant @param {string} name */
export async function askRemove(participant, name) {
  if (!(await confirmed(say('remove.title', { name }), say('remove.text'), say('remove.yes')))) return;
  await attempt(() => remove(participant), say('remove.done', { name }));
}

/** @param {string} room @param {number} count people in it */
export async function askClose(room, count) {
  if (!(await confirmed(say('close.title', { room }), say('close.text', { count }), say('close.yes')))) return;
  await attempt(() => closeRoom(room), say('close.done', { room }));
}

/** @param {string} participant @param {string} name @param {() => void} started */
export function askCapture(participant, name, started) {
  const dialog = byId('capture', HTMLDialogElement);
  setText(byId('capture-title', HTMLElement), say('capture.title', { name }));
  dialog.returnValue = '';
  dialog.showModal();
  dialog.onclose = async () => {
    if (dialog.returnValue !== 'yes') return;
    const wanted = {
      participant,
      headersOnly: !byId('capture-whole', HTMLInputElement).checked,
      seconds: Number(byId('capture-seconds', HTMLSelectElement).value),
      limitBytes: Number(byId('capture-size', HTMLSelectElement).value) * MEGABYTE,
    };
    if (await attempt(() => startCapture(wanted), say('capture.started', { name }))) started();
  };
}

/** Captures that run or are done, requested while the page shows them. */
export class Captures {
  #holder;
  #list;
  #rows;

  /** @param {HTMLElement} holder hidden while there are none */
  constructor(holder) {
    this.#holder = holder;
    this.#list = byId('captures-list', HTMLElement);
    this.#rows = new Keyed(this.#list, (/** @type {Capture} */ capture) => new Row(capture, this));
  }

  async refresh() {
    let all;
    try {
      all = await captures();
    } catch {
      // The connection's own state is shown already; the list stays as it was.
      return;
    }
    this.#holder.hidden = all.length === 0;
    this.#rows.show(all, ({ id, state }) => `${id} ${state}`, (row, capture) => row.show(capture));
  }

  clear() {
    this.#rows.clear();
  }
}

class Row {
  #size = el('span', { class: 'hint' });

  /** @param {Capture} capture @param {Captures} all */
  constructor({ id, name, room, started, state, headersOnly }, all) {
    const what = say('capture.of', { name, room, time: clockSeconds(started) });
    this.root = el('li', { class: 'capture' }, el('span', {}, el('b', {}, what), ' ',
      el('span', { class: 'hint' }, say(headersOnly ? 'capture.headers' : 'capture.wholePackets'))),
      this.#size, ...controls(id, state, all));
  }

  /** @param {Capture} capture */
  show({ state, packets, bytes: size }) {
    const much = say('capture.size', { packets: number(packets), size: bytes(size) });
    setText(this.#size, `${wordOf('capture', state)} · ${much}`);
  }
}

/** @param {string} id @param {Capture['state']} state @param {Captures} all */
function controls(id, state, all) {
  if (state === 'running') {
    const stop = el('button', { type: 'button', class: 'button small' }, say('capture.stop'));
    stop.onclick = async () => {
      await attempt(() => stopCapture(id), say('capture.stopped'));
      await all.refresh();
    };
    return [stop];
  }
  if (state !== 'done') return [];
  return [el('a', { class: 'button small', href: captureFile(id), download: true }, icon('arrow'),
    say('capture.download'))];
}
