/** Tracks as cards: what the server counts beside what the receiving browser counts. */

import { bitrate, count, milliseconds, NONE, number, percent, score } from '../operator/figures.js';
import { fullLabelOf } from '../operator/words.js';
import { el, icon, setIcon } from '../shared/dom.js';
import { modelName } from './grades.js';
import { Keyed, setData, setText } from './show.js';
import { countOf } from './wire.js';
import { say, wordOf } from './words.js';

/**
 * @typedef {import('./wire.js').BrowserFigures} BrowserFigures
 * @typedef {import('./wire.js').Declared} Declared
 * @typedef {import('./wire.js').Person} Person
 * @typedef {import('./wire.js').Track} Track
 * @typedef {[server: string, browser: string] | null} Pair null: such a track has no such figure
 */

/** @type {Record<string, string>} */
const ICONS = { microphone: 'mic', camera: 'camera', screen: 'screen', screenAudio: 'speaker' };

/**
 * @param {number | null} width
 * @param {number | null} height
 */
const size = (width, height) => (width && height ? `${width}×${height}` : NONE);

/** @param {number | null | undefined} rate */
const frames = (rate) => (rate == null ? NONE : say('unit.fps', { value: number(rate, 0) }));

/** @type {Record<string, (value: number | null | undefined) => string>} by the unit that the server declares */
const SHOWN = { 'bit/s': bitrate, '%': percent, s: milliseconds, '1/s': frames };

/**
 * @typedef {(track: Track, browser: BrowserFigures | null) => Pair} Ends
 * @typedef {[label: string, ends: Ends]} Line
 */

/**
 * @param {Declared} declared
 * @returns {Line[]}
 */
function linesOf({ units, counters }) {
  const show = (/** @type {string} */ name, /** @type {number | null | undefined} */ value) =>
    (SHOWN[units[name] ?? ''] ?? count)(value);
  /** @type {(name: string, ends: Ends) => Line} */
  const line = (name, ends) => [fullLabelOf(name), ends];
  return [
    ...(/** @type {const} */ (['bitrate', 'loss', 'jitter', 'roundTripTime'])).map((name) =>
      line(name, ({ figures }, browser) => [show(name, figures[name]), show(name, browser?.[name])])),
    line('delay', ({ figures }) => [show('delay', figures.delay), '']),
    line('jitterBufferDelay', ({ direction }, browser) => (direction === 'inbound' ? null
      : ['', show('jitterBufferDelay', browser?.jitterBufferDelay)])),
    [say('figure.resolution'), (track, browser) => (track.kind === 'audio' ? null
      : [size(track.width, track.height), browser ? size(browser.width, browser.height) : NONE])],
    ...(/** @type {const} */ (['framesPerSecond', 'freezeCount'])).map((name) =>
      line(name, (track, browser) => (track.kind === 'audio' ? null
        : [show(name, track[name]), show(name, browser?.[name])]))),
    line('concealed', (track, browser) => (track.kind === 'video' || track.direction === 'inbound' ? null
      : ['', show('concealed', browser?.concealed)])),
    line('meanInterArrival', ({ figures }) => [show('meanInterArrival', figures.meanInterArrival), '']),
    ...counters.map(([name, kind]) => line(name, (track) =>
      (kind === 'both' || kind === track.kind ? [count(countOf(track, name)), ''] : null))),
  ];
}

export class TrackCards {
  #cards;

  /** @param {HTMLElement} holder @param {Declared} declared */
  constructor(holder, declared) {
    holder.replaceChildren();
    const lines = linesOf(declared);
    this.#cards = new Keyed(holder, (/** @type {Track} */ track) => new Card(track, lines));
  }

  /**
   * @param {Track[]} tracks
   * @param {readonly Person[]} people of the room, for names
   * @param {boolean} named whether to name the publisher
   */
  show(tracks, people, named) {
    const names = new Map(people.map(({ participant, name }) => [participant, name]));
    this.#cards.show(tracks, ({ direction, participant, track }) => `${direction} ${participant} ${track}`,
      (card, track) => card.show(track, named ? names.get(track.publisher) ?? '' : ''));
  }
}

class Card {
  #title = el('h4', {});
  #how = el('span', {});
  #state = el('span', { class: 'track-state' });
  #encoding = el('p', { class: 'track-note' });
  #grade = el('p', { class: 'track-grade' });
  #fresh = el('span', {});
  #lines;
  #icon = icon('camera');

  /** @param {Track} track @param {Line[]} lines */
  constructor(track, lines) {
    setIcon(this.#icon, ICONS[track.source] ?? 'camera');
    const outbound = track.direction === 'outbound';
    this.#lines = lines.filter(([, pair]) => pair(track, null)).map(([label, pair]) => {
      const [server, browser] = [el('td', {}), el('td', {})];
      return { pair, server, browser, root: el('tr', {}, el('th', { scope: 'row' }, label), server, browser) };
    });
    const head = el('tr', {}, el('td', {}), el('th', { scope: 'col' }, say('ends.server')),
      el('th', { scope: 'col' }, say('ends.browser')));
    this.root = el('li', { class: 'track', 'data-direction': track.direction },
      el('header', { class: 'track-head' }, this.#icon, this.#title),
      el('p', { class: 'track-how' }, this.#state, this.#how),
      el('details', { class: 'more' }, el('summary', {}, say('more.figures')),
        el('table', { class: outbound ? '' : 'one-end' },
          el('thead', {}, head), el('tbody', {}, ...this.#lines.map(({ root }) => root))),
        this.#encoding, this.#grade, el('p', { class: 'track-note' }, this.#fresh)));
  }

  /** @param {Track} track @param {string} name */
  show(track, name) {
    const source = wordOf('source', track.source);
    setText(this.#title, name ? say('track.of', { source, name }) : source);
    const state = track.muted ? 'muted' : track.state;
    setText(this.#state, wordOf('track', state));
    setData(this.#state, 'state', state);
    // What the layers of simulcast and time come to; of another layout the bare name is shown.
    const layer = [track.rid && wordOf('layer', track.rid),
      track.temporal !== null && wordOf('temporal', String(track.temporal))].filter(Boolean);
    setText(this.#encoding, [track.codec, ...layer].filter(Boolean).join(' · '));
    setText(this.#how, plainly(track));
    for (const { pair, server, browser } of this.#lines) {
      const [left, right] = pair(track, track.browser) ?? ['', ''];
      setText(server, left);
      setText(browser, right);
    }
    const { mos, mosModel } = track.figures;
    setText(this.#grade, mos === null ? '' : say('mos.line', { value: score(mos), model: modelName(mosModel) }));
    setText(this.#fresh, browserNote(track));
  }
}

/**
 * The figures of a track that mean most to who knows nothing of networks.
 *
 * @param {Track} track
 */
function plainly({ kind, width, height, framesPerSecond, figures }) {
  const parts = kind === 'video' && width ? [size(width, height), frames(framesPerSecond)] : [bitrate(figures.bitrate)];
  if ((figures.loss ?? 0) >= 0.5) parts.push(say('row.loss', { value: percent(figures.loss) }));
  return parts.join(' · ');
}

/** @param {Track} track how fresh the browser's figures are, and whether to believe them */
function browserNote({ browser, direction }) {
  if (!browser) return direction === 'outbound' ? say('browser.silent') : '';
  const age = say('browser.age', { count: Math.round(browser.age) });
  return browser.absurd ? `${age} ${say('browser.absurd')}` : age;
}
