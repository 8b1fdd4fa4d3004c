/** One person: both directions, the chart, every track, and what can be done. */

import {
  age, bitrate, clock, milliseconds, number, percent, score,
} from '../operator/figures.js';
import { fullLabelOf, labelOf } from '../operator/words.js';
import { avatar, byId, el } from '../shared/dom.js';
import { Findings } from './findings.js';
import { modelName } from './grades.js';
import { GradeMarks } from './grades.js';
import { hashOf } from './route.js';
import { reason } from './sentences.js';
import { figure, levelMark, setText } from './show.js';
import { Timeline } from './timeline.js';
import { TrackCards } from './tracks.js';
import { say } from './words.js';

/**
 * @typedef {import('./judge.js').Judge} Judge
 * @typedef {import('./recent.js').RecentFigures} RecentFigures
 * @typedef {import('./wire.js').Declared} Declared
 * @typedef {import('./wire.js').Detail} Detail
 * @typedef {import('./wire.js').Figures} Figures
 * @typedef {import('./wire.js').FullFigures} FullFigures
 * @typedef {import('./wire.js').Person} Person
 * @typedef {import('./wire.js').Profile} Profile
 * @typedef {import('./wire.js').Room} Room
 */

/** Figures of one direction. */
class Direction {
  #throughput = figure(labelOf('bitrate'));
  #loss = figure(labelOf('loss'));
  #delay = figure(fullLabelOf('delay'), say('hint.delay'));
  #jitter = figure(labelOf('jitter'), say('hint.jitter'));
  #rtt = figure(labelOf('roundTripTime'));
  #mos = figure(fullLabelOf('mos'), say('hint.mos'));
  #spacing = figure(labelOf('meanInterArrival'), say('hint.spacing'));
  #packets = figure(labelOf('packetsPerSecond'));
  #model = el('p', { class: 'model-note' });

  /** @param {HTMLElement} holder */
  constructor(holder) {
    const first = [this.#throughput, this.#loss, this.#rtt];
    const more = [this.#delay, this.#jitter, this.#mos, this.#spacing, this.#packets];
    const figures = (/** @type {{root: HTMLElement}[]} */ some) =>
      el('dl', { class: 'figures' }, ...some.map(({ root }) => root));
    holder.replaceChildren(figures(first), el('details', { class: 'more' },
      el('summary', {}, say('more.figures')), figures(more), this.#model));
  }

  /** @param {Figures} figures */
  show(figures) {
    this.#throughput.show(bitrate(figures.bitrate));
    this.#loss.show(percent(figures.loss));
    this.#delay.show(milliseconds(figures.delay));
    this.#jitter.show(milliseconds(figures.jitter));
    this.#rtt.show(milliseconds(figures.roundTripTime));
    this.#mos.show(score(figures.mos));
  }

  /** @param {FullFigures} figures */
  showMore(figures) {
    this.#spacing.show(milliseconds(figures.meanInterArrival));
    this.#packets.show(figures.packetsPerSecond === null ? '–' : say('unit.perSecond', {
      value: number(figures.packetsPerSecond),
    }));
    setText(this.#model, figures.mos === null ? say('mos.none')
      : say('mos.model', { model: modelName(figures.mosModel) }));
  }
}

export class PersonView {
  #mark = levelMark();
  #up = new Direction(byId('direction-up', HTMLElement));
  #down = new Direction(byId('direction-down', HTMLElement));
  #grades = new GradeMarks();
  #sends;
  #gets;
  #estimate = figure(labelOf('estimateBps'), say('hint.estimate'));
  #target = figure(labelOf('targetBps'), say('hint.target'));
  #transport = figure(say('figure.transport'));
  #since = figure(say('figure.since'));
  #judge;
  #findings = new Findings(byId('person-findings', HTMLElement));
  #name = '';

  /** @param {Judge} judge @param {RecentFigures} recent @param {Declared} declared */
  constructor(judge, recent, declared) {
    this.#judge = judge;
    this.#sends = new TrackCards(byId('sends', HTMLElement), declared);
    this.#gets = new TrackCards(byId('gets', HTMLElement), declared);
    byId('person-mark', HTMLElement).replaceChildren(this.#mark.root);
    byId('person-grades', HTMLElement).replaceChildren(this.#grades.root);
    byId('person-facts', HTMLElement).replaceChildren(
      this.#estimate.root, this.#target.root, this.#transport.root, this.#since.root);
    this.timeline = new Timeline(byId('timeline', HTMLElement), recent);
  }

  /** @param {Person} person @param {Room} room @param {number} now @param {Profile | undefined} profile */
  show(person, room, now, profile) {
    if (person.name !== this.#name) {
      this.#name = person.name;
      byId('person-avatar', HTMLElement).replaceChildren(avatar(person.name));
      setText(byId('person-title', HTMLElement), person.name);
    }
    const back = byId('person-room', HTMLAnchorElement);
    setText(back, room.room);
    back.setAttribute('href', hashOf({ room: room.room, participant: '' }));
    const verdict = this.#judge.of(person.participant);
    this.#mark.show(verdict.level);
    setText(byId('person-sentence', HTMLElement), reason(verdict) || say('person.good'));
    this.#up.show(person.up);
    this.#down.show(person.down);
    this.#grades.show(profile, person.grades);
    this.#estimate.show(bitrate(person.estimate));
    this.#target.show(bitrate(person.target));
    this.#transport.show(person.protocol ? person.protocol.toUpperCase() : '–');
    this.#since.show(`${clock(person.joined)} (${age(now - person.joined)})`);
    this.timeline.show(person, room.call, now, profile);
    this.#findings.show(room.call, now, person.participant);
  }

  /** @param {Detail} detail @param {Room} room */
  showTracks(detail, room) {
    if (detail.ways) {
      this.#up.showMore(detail.ways.up);
      this.#down.showMore(detail.ways.down);
    }
    this.#sends.show(detail.tracks.filter(({ direction }) => direction === 'inbound'), room.people, false);
    this.#gets.show(detail.tracks.filter(({ direction }) => direction === 'outbound'), room.people, true);
  }
}
