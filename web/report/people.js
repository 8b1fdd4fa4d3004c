/** Who was in the call, how it went for them, and what a table of grades makes of it. */

import { UNITS, clock, figure, text } from '../operator/figures.js';
import { el } from '../shared/dom.js';
import { t } from '../shared/i18n.js';
import { gradesOf, indexVerdict, overall } from './grades.js';
import { colourClass } from './plot.js';
import { say } from './words.js';

/** @typedef {import('./types.js').Report} Report */
/** @typedef {import('./types.js').Person} Person */

/**
 * @param {string} name of the column, where a narrow screen has no head
 * @param {...(Node | string)} children
 */
function cell(name, ...children) {
  return el('td', { 'data-label': name }, ...children);
}

/** @param {string} name of a column */
export function head(name) {
  return el('th', { scope: 'col' }, name);
}

/**
 * @param {string} name
 * @param {number} number of the colour
 */
export function named(name, number) {
  return el('span', { class: 'who' }, el('i', { class: `swatch ${colourClass(number)}` }), el('span', {}, name));
}

/**
 * @param {Person} person
 * @param {number} number
 * @param {number} until
 */
function who(person, number, until) {
  const stay = `${clock(person.joined)}–${person.left === null ? say('people.stillHere') : clock(person.left)}`;
  const times = person.visits.length > 1
    ? `${stay}, ${say('people.visits', { count: person.visits.length })}` : stay;
  return el('th', { scope: 'row' }, el('span', { class: 'who' },
    el('i', { class: `swatch ${colourClass(number)}` }),
    el('span', {}, person.name,
      el('small', {}, `${times} · ${text(person.experience.present || (person.left ?? until) - person.joined, 'duration')}`))));
}

/**
 * @param {Report} report
 * @param {number} until
 */
export function peopleTable(report, until) {
  const names = {
    voice: say('people.voice'), video: say('people.video'),
    loss: say('figure.loss'), rate: say('figure.throughput'), delay: say('figure.delay'),
    jitter: say('figure.jitter'), rtt: say('figure.roundTripTime'), freezes: say('figure.freezeCount'),
    vote: say('people.vote'),
  };
  const rows = report.people.map((person, number) => {
    const { up, down, downAudio, downVideo, votes } = person;
    const of = (/** @type {import('../operator/figures.js').Known} */ value, /** @type {import('../operator/figures.js').Unit} */ unit, /** @type {string} */ field) =>
      figure(value, unit, `${person.participant}.${field}`);
    return el('tr', {}, who(person, number, until),
      cell(names.voice, of(downAudio?.mos.mean, UNITS.mos, 'downAudio.mos.mean')),
      cell(names.video, of(downVideo?.mos.mean, UNITS.mos, 'downVideo.mos.mean')),
      cell(names.loss, both(of(down.loss.mean, UNITS.loss, 'down.loss.mean'), of(up.loss.mean, UNITS.loss, 'up.loss.mean'))),
      cell(names.rate, both(of(down.bitrate, UNITS.bitrate, 'down.bitrate'), of(up.bitrate, UNITS.bitrate, 'up.bitrate'))),
      cell(names.delay, of(down.delay.mean, UNITS.delay, 'down.delay.mean')),
      cell(names.jitter, both(of(down.jitter.mean, UNITS.jitter, 'down.jitter.mean'), of(up.jitter.mean, UNITS.jitter, 'up.jitter.mean'))),
      cell(names.rtt, of(down.roundTripTime.mean, UNITS.roundTripTime, 'down.roundTripTime.mean')),
      cell(names.freezes, of(down.freezes, UNITS.freezeCount, 'down.freezes')),
      cell(names.vote, voteText(votes)));
  });
  return scrolling(say('people.title'), el('table', { class: 'table cardy' },
    el('thead', {}, el('tr', {}, head(say('people.who')), ...Object.values(names).map(head))),
    el('tbody', {}, ...rows)));
}

/**
 * @param {Node} down
 * @param {Node} up
 */
function both(down, up) {
  const direction = (/** @type {'down' | 'up'} */ which, /** @type {Node} */ value) => el('span', {},
    el('span', { class: 'arrow', role: 'img', 'aria-label': say(which === 'down' ? 'direction.received' : 'direction.sent') },
      which === 'down' ? '↓' : '↑'), ' ', value);
  return el('span', { class: 'directions' }, direction('down', down), direction('up', up));
}

/** @param {Person['votes']} votes */
function voteText({ audio, video }) {
  if (!audio && !video) return el('span', { class: 'none' }, '–');
  const parts = [];
  if (audio) parts.push(`${say('media.audio')}: ${t(`opinion.${audio}`)}`);
  if (video) parts.push(`${say('media.video')}: ${t(`opinion.${video}`)}`);
  return el('span', { class: 'vote-words' }, ...parts.map((part) => el('span', {}, part)));
}

/**
 * @param {string} name
 * @param {HTMLElement} table
 */
export function scrolling(name, table) {
  return el('div', { class: 'card scroll-x', tabindex: '0', role: 'region', 'aria-label': name }, table);
}

const GRADED = /** @type {const} */ (['throughput', 'delay', 'jitter', 'loss']);

/**
 * The grades of each person's two directions by a profile, figure by figure.
 *
 * @param {Report} report
 * @param {string} profile
 * @param {import('./types.js').Bands} bands
 */
export function gradesTable(report, profile, bands) {
  const bodies = report.people.map((person, number) => el('tbody', { class: 'whole' },
    .../** @type {const} */ (['down', 'up']).map((direction) => {
      const grades = gradesOf(person[direction], profile);
      const first = direction === 'down'
        ? [el('th', { scope: 'rowgroup', rowspan: '2' }, named(person.name, number))] : [];
      return el('tr', {}, ...first,
        el('td', { class: 'start' }, say(direction === 'down' ? 'direction.received' : 'direction.sent')),
        el('td', {}, overall(grades)),
        ...GRADED.map((one) => el('td', {}, indexVerdict(bands, profile, grades?.[one] ?? null))));
    })));
  return scrolling(say('grades.title'), el('table', { class: 'table grades-table' },
    el('thead', {}, el('tr', {}, head(say('people.who')),
      el('th', { scope: 'col', class: 'start' }, say('direction.title')), head(say('grades.overall')),
      ...GRADED.map((one) => head(say(`figure.${one}`))))),
    ...bodies));
}

