/** All rooms as cards, those with trouble first. */

import { age, bitrate, percent } from '../operator/figures.js';
import { avatar, el } from '../shared/dom.js';
import { headCount } from './judge.js';
import { hashOf } from './route.js';
import { reason, roomSentence } from './sentences.js';
import { Keyed, levelMark, setData, setText } from './show.js';
import { Trend } from './spark.js';
import { onVisible } from './visible.js';
import { say } from './words.js';

/**
 * @typedef {import('./judge.js').Judge} Judge
 * @typedef {import('./recent.js').RecentFigures} RecentFigures
 * @typedef {import('./wire.js').Person} Person
 * @typedef {import('./wire.js').Room} Room
 * @typedef {import('./wire.js').Second} Second
 */

export class Overview {
  #cards;
  #judge;
  #empty;

  /**
   * @param {HTMLElement} holder
   * @param {HTMLElement} empty shown while there is no room
   * @param {Judge} judge
   * @param {RecentFigures} recent
   */
  constructor(holder, empty, judge, recent) {
    this.#judge = judge;
    this.#empty = empty;
    this.#cards = new Keyed(holder, (/** @type {Room} */ { room }) => new Card(room, judge, recent));
  }

  /** @param {Second} second */
  show(second) {
    this.#empty.hidden = second.rooms.length > 0;
    this.#cards.show(this.#judge.rooms(second.rooms), ({ room }) => room,
      (card, room) => card.show(room, second.at));
  }

  clear() {
    this.#cards.clear();
  }
}

/** One room and its people. Off the screen it costs nothing. */
class Card {
  #mark = levelMark(false);
  #facts = el('span', { class: 'room-facts' });
  #sentence = el('p', { class: 'room-sentence' });
  #list = el('ul', { class: 'room-people' });
  #people;
  #judge;
  #visible = true;
  /** @type {[Room, number] | null} what was not drawn while it was off the screen */
  #missed = null;

  /** @param {string} name @param {Judge} judge @param {RecentFigures} recent */
  constructor(name, judge, recent) {
    this.#judge = judge;
    const title = el('a', { class: 'room-name', href: hashOf({ room: name, participant: '' }) }, name);
    this.root = el('li', { class: 'card room-card' },
      el('header', { class: 'room-head' }, this.#mark.root, el('h3', {}, title), this.#facts),
      this.#sentence, this.#list);
    this.#people = new Keyed(this.#list, (/** @type {Person} */ person) =>
      new Row(person, judge, recent));
    onVisible(this.root, (visible) => {
      this.#visible = visible;
      if (visible && this.#missed) this.show(...this.#missed);
    });
  }

  /** @param {Room} room @param {number} now */
  show(room, now) {
    const { level } = this.#judge.room(room);
    setData(this.root, 'level', level);
    if (!this.#visible) {
      this.#missed = [room, now];
      return;
    }
    this.#missed = null;
    this.#mark.show(level);
    setText(this.#facts, say('room.facts', {
      count: headCount(room.people), capacity: room.capacity, time: age(now - room.started),
    }));
    setText(this.#sentence, roomSentence(room, this.#judge));
    this.#people.show(this.#judge.sorted(room), ({ participant }) => participant,
      (row, person) => row.show(person));
  }
}

class Row {
  #mark = levelMark(false);
  #name = el('span', { class: 'row-name' });
  #why = el('span', { class: 'row-why' });
  #rate = el('span', { class: 'row-rate' });
  #loss = el('small', {});
  #traffic = el('span', {});
  #trend;
  #judge;
  #participant;

  /** @param {Person} person @param {Judge} judge @param {RecentFigures} recent */
  constructor({ participant, name }, judge, recent) {
    this.#judge = judge;
    this.#trend = new Trend(recent, participant);
    this.#participant = participant;
    setText(this.#name, name);
    this.root = el('li', {},
      el('a', { class: 'row', href: hashOf({ room: '', participant }) },
        avatar(name), el('span', { class: 'row-who' }, this.#name, this.#why), this.#mark.root,
        this.#trend.root, this.#rate));
    this.#rate.append(this.#traffic, this.#loss);
  }

  /** @param {Person} person */
  show(person) {
    const verdict = this.#judge.of(this.#participant);
    setData(this.root, 'level', verdict.level);
    this.#mark.show(verdict.level);
    setText(this.#why, reason(verdict));
    setText(this.#traffic, `↓ ${bitrate(person.down.bitrate)}`);
    setText(this.#loss, say('row.loss', { value: percent(worse(person)) }));
    this.#trend.show(verdict.level);
  }
}

/** @param {Person} person */
function worse({ up, down }) {
  if (up.loss === null) return down.loss;
  return down.loss === null ? up.loss : Math.max(up.loss, down.loss);
}
