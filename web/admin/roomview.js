/** One room: everybody in it with all figures, and what they publish. */

import { age, bitrate, milliseconds, percent } from '../operator/figures.js';
import { fullLabelOf } from '../operator/words.js';
import { avatar, byId, el } from '../shared/dom.js';
import { Findings } from './findings.js';
import { headCount } from './judge.js';
import { hashOf } from './route.js';
import { reason, roomSentence } from './sentences.js';
import { Keyed, levelMark, setData, setText } from './show.js';
import { Trend } from './spark.js';
import { TrackCards } from './tracks.js';
import { say } from './words.js';

/**
 * @typedef {import('./judge.js').Judge} Judge
 * @typedef {import('./recent.js').RecentFigures} RecentFigures
 * @typedef {import('./wire.js').Declared} Declared
 * @typedef {import('./wire.js').Detail} Detail
 * @typedef {import('./wire.js').Person} Person
 * @typedef {import('./wire.js').Room} Room
 */

const FIGURES = ['bitrate', 'loss', 'delay', 'jitter', 'roundTripTime'];
const OTHERS = /** @type {const} */ (['network', 'transport']);

/** What the columns behind the name and the trend are called, in the language of now. */
const labels = () => [
  ...FIGURES.map((name) => fullLabelOf(name)), ...OTHERS.map((name) => say(`column.${name}`)),
];

export class RoomView {
  #mark = levelMark();
  #rows;
  #tracks;
  #judge;
  #findings;

  /** @param {Judge} judge @param {RecentFigures} recent @param {Declared} declared */
  constructor(judge, recent, declared) {
    this.#judge = judge;
    this.#findings = new Findings(byId('room-findings', HTMLElement));
    byId('room-mark', HTMLElement).replaceChildren(this.#mark.root);
    byId('room-columns', HTMLElement).replaceChildren(
      el('th', { scope: 'col' }, say('column.person')), el('th', { scope: 'col' }, say('column.trend')),
      ...labels().map((label) => el('th', { scope: 'col' }, label)));
    const body = byId('room-rows', HTMLElement);
    body.replaceChildren();
    this.#rows = new Keyed(body, (/** @type {Person} */ person) => new Row(person, judge, recent));
    this.#tracks = new TrackCards(byId('room-tracks', HTMLElement), declared);
  }

  /** @param {Room} room @param {number} now */
  show(room, now) {
    const { level } = this.#judge.room(room);
    this.#mark.show(level);
    setText(byId('room-title', HTMLElement), room.room);
    setText(byId('room-sentence', HTMLElement), roomSentence(room, this.#judge));
    setText(byId('room-facts', HTMLElement), [
      say('room.facts', {
        count: headCount(room.people), capacity: room.capacity, time: age(now - room.started),
      }),
      say('room.worker', { number: room.worker + 1 }),
    ].join(' · '));
    this.#rows.show(this.#judge.sorted(room), ({ participant }) => participant,
      (row, person) => row.show(person));
    byId('room-report', HTMLAnchorElement).href = `/admin/reports/${encodeURIComponent(room.call)}`;
    this.#findings.show(room.call, now);
  }

  /** @param {Detail} detail @param {Room} room */
  showTracks(detail, room) {
    this.#tracks.show(detail.tracks, room.people, true);
  }
}

class Row {
  #mark = levelMark(false);
  #why = el('span', { class: 'row-why' });
  #trend;
  #cells;
  #judge;

  /** @param {Person} person @param {Judge} judge @param {RecentFigures} recent */
  constructor({ participant, name }, judge, recent) {
    this.#judge = judge;
    this.#trend = new Trend(recent, participant);
    const link = el('a', { class: 'row-person', href: hashOf({ room: '', participant }) },
      avatar(name), el('span', { class: 'row-who' }, el('span', { class: 'row-name' }, name), this.#why),
      this.#mark.root);
    this.#cells = labels().map((label) => el('td', { 'data-label': label }));
    this.root = el('tr', {}, el('th', { scope: 'row' }, link),
      el('td', { class: 'cell-spark', 'data-label': say('column.trend') }, this.#trend.root), ...this.#cells);
  }

  /** @param {Person} person */
  show(person) {
    const verdict = this.#judge.of(person.participant);
    setData(this.root, 'level', verdict.level);
    this.#mark.show(verdict.level);
    setText(this.#why, reason(verdict));
    const { up, down } = person;
    const texts = [
      both(up.bitrate, down.bitrate, bitrate),
      both(up.loss, down.loss, percent),
      both(up.delay, down.delay, milliseconds),
      both(up.jitter, down.jitter, milliseconds),
      milliseconds(down.roundTripTime ?? up.roundTripTime),
      `${bitrate(person.estimate)}\n${bitrate(person.target)}`,
      person.protocol ? person.protocol.toUpperCase() : '–',
    ];
    this.#cells.forEach((cell, place) => setText(cell, texts[place] ?? ''));
    this.#trend.show(verdict.level);
  }
}

/**
 * @param {number | null} up
 * @param {number | null} down
 * @param {(value: number | null) => string} format
 */
function both(up, down, format) {
  return `↑ ${format(up)}\n↓ ${format(down)}`;
}
