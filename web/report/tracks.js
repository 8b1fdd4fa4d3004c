/** The two sides of what was received, and every single track. */

import { UNITS, figure, text } from '../operator/figures.js';
import { labelOf } from '../operator/words.js';
import { el } from '../shared/dom.js';
import { head, named, scrolling } from './people.js';
import { byVisit } from './visits.js';
import { say, sayIf } from './words.js';

/** @typedef {import('./types.js').Browser} Browser */
/** @typedef {import('./types.js').Person} Person */
/** @typedef {import('./types.js').Report} Report */
/** @typedef {import('./types.js').Summary} Summary */
/** @typedef {import('./types.js').Track} Track */

/**
 * @param {Summary} summary
 * @returns {Record<string, number | null>} what the browser counts too, as the server has it
 */
function serverSide(summary) {
  return {
    bitrate: summary.bitrate, loss: summary.loss.mean, jitter: summary.jitter.mean,
    roundTripTime: summary.roundTripTime.mean, framesPerSecond: summary.framesPerSecond,
  };
}

/** What both sides measure. The browser's rate is a track's, the server's that of all together. */
const SIDES = /** @type {const} */ (['loss', 'jitter', 'roundTripTime', 'framesPerSecond']);
const FIGURES = /** @type {const} */ (['bitrate', ...SIDES]);

/**
 * What each person received, by the server and by their own browser.
 *
 * @param {Report} report
 */
export function sidesTable(report) {
  const bodies = report.people.flatMap((person, number) => {
    const media = /** @type {const} */ (['audio', 'video']).flatMap((medium) => {
      const field = medium === 'audio' ? 'downAudio' : 'downVideo';
      const summary = person[field];
      return summary ? [{ medium, field, summary }] : [];
    });
    if (!media.length) return [];
    const rows = media.flatMap(({ medium, field, summary }, index) =>
      sideRows(person, medium, field, summary, index === 0
        ? el('th', { scope: 'rowgroup', rowspan: String(media.length * 2) }, named(person.name, number)) : null));
    return [el('tbody', { class: 'whole' }, ...rows)];
  });
  if (!bodies.length) return el('p', { class: 'card panel-card hint' }, say('sides.none'));
  return scrolling(say('sides.title'), el('table', { class: 'table sides' },
    el('thead', {}, el('tr', {}, head(say('people.who')),
      el('th', { scope: 'col', class: 'start' }, say('sides.medium')),
      el('th', { scope: 'col', class: 'start' }, say('sides.side')),
      ...SIDES.map((field) => head(labelOf(field))),
      head(say('figure.freezeCount')), head(say('sides.more')))),
    ...bodies));
}

/**
 * @param {Person} person
 * @param {'audio' | 'video'} medium
 * @param {string} field of the export
 * @param {Summary} summary
 * @param {HTMLElement | null} name
 */
function sideRows(person, medium, field, summary, name) {
  const path = (/** @type {string} */ rest) => `${person.participant}.${field}.${rest}`;
  const server = serverSide(summary);
  const { browser } = summary;
  const video = medium === 'video';
  const first = el('tr', { class: name ? '' : 'part' }, ...(name ? [name] : []),
    el('td', { class: 'start', rowspan: '2' }, say(`media.${medium}`)),
    el('td', { class: 'start' }, say('sides.server')),
    ...SIDES.map((one) => el('td', {}, figure(server[one], UNITS[one], path(exported(one))))),
    el('td', {}, video ? figure(summary.freezes, 'count', path('freezes')) : none()),
    el('td', {}));
  const second = el('tr', { class: 'browser-row' }, el('td', { class: 'start' }, say('sides.browser')),
    ...SIDES.map((one) => el('td', {}, figure(browser?.[one], UNITS[one], path(`browser.${one}`)))),
    el('td', {}, video ? figure(browser?.freezeCount, 'count', path('browser.freezeCount')) : none()),
    el('td', { class: 'browser-more' }, browser ? browserMore(browser) : say('sides.silent')));
  return [first, second];
}

/** @param {string} field of both sides, as the server's is called in the export */
function exported(field) {
  return field === 'bitrate' || field === 'framesPerSecond' ? field : `${field}.mean`;
}

const none = () => el('span', { class: 'none' }, '–');

/** @param {Browser} browser */
function browserMore({ jitterBufferDelay, concealed, freezesDuration, absurd }) {
  const parts = [];
  if (jitterBufferDelay !== null) parts.push(say('tracks.buffer', { value: text(jitterBufferDelay, UNITS.jitterBufferDelay) }));
  if (concealed !== null) parts.push(say('tracks.concealed', { value: text(concealed, UNITS.concealed) }));
  if (freezesDuration) parts.push(say('tracks.frozen', { value: text(freezesDuration, UNITS.freezesDuration) }));
  if (absurd) parts.push(say('tracks.absurd', { count: absurd }));
  return parts.join(' · ') || '–';
}

/**
 * Each person's tracks, folded away: what they sent, and where it was kept what they got of whom.
 *
 * @param {Report} report
 */
export function trackFolds(report) {
  const nameOf = new Map([...byVisit(report)].map(([participant, { person }]) => [participant, person.name]));
  const folds = report.people.flatMap((person, number) => (person.tracks.length === 0 ? [] : [
    el('details', { class: 'card fold' }, el('summary', {}, named(say('tracks.of', { name: person.name }), number)),
      el('div', { class: 'scroll-x', tabindex: '0', role: 'region', 'aria-label': person.name },
        trackTable(person, nameOf))),
  ]));
  return folds.length ? folds : [el('p', { class: 'card panel-card hint' }, say('tracks.none'))];
}

/**
 * @param {Person} person
 * @param {Map<string, string>} nameOf
 */
function trackTable(person, nameOf) {
  const columns = [
    say('tracks.track'), say('figure.codec'), say('figure.size'),
    ...FIGURES.map(labelOf), say('figure.delay'),
    say('figure.meanInterArrival'), say('figure.freezeCount'), say('figure.mos'), say('figure.mosModel'),
  ];
  const tracks = [...person.tracks].sort((a, b) => a.direction.localeCompare(b.direction)
    || a.publisher.localeCompare(b.publisher) || a.kind.localeCompare(b.kind));
  return el('table', { class: 'table tracks' },
    el('thead', {}, el('tr', {}, ...columns.map(head))),
    el('tbody', {}, ...tracks.map((track) => trackRow(track, person, nameOf))));
}

/**
 * @param {Track} track
 * @param {Person} person
 * @param {Map<string, string>} nameOf
 */
function trackRow(track, person, nameOf) {
  const { summary } = track;
  const source = sayIf(`source.${track.source}`, track.source);
  const name = track.direction === 'inbound'
    ? say('tracks.sent', { source })
    : say('tracks.received', { source, name: nameOf.get(track.publisher) ?? track.publisher });
  const path = (/** @type {string} */ field) => `${person.participant}.${track.track}.${track.direction}.${field}`;
  const server = serverSide(summary);
  const cell = (/** @type {number | null} */ value, /** @type {import('../operator/figures.js').Unit} */ unit, /** @type {string} */ field) =>
    el('td', {}, figure(value, unit, path(field)));
  return el('tr', {}, el('th', { scope: 'row' }, name), el('td', {}, track.codec),
    el('td', { class: 'digits' }, summary.width ? `${summary.width} × ${summary.height}` : '–'),
    ...FIGURES.map((one) => cell(server[one] ?? null, UNITS[one], exported(one))),
    cell(summary.delay.mean, UNITS.delay, 'delay.mean'),
    cell(summary.meanInterArrival, UNITS.meanInterArrival, 'meanInterArrival'),
    cell(summary.freezes, UNITS.freezeCount, 'freezes'),
    cell(summary.mos.mean, UNITS.mos, 'mos.mean'),
    el('td', { class: 'start model' }, summary.mosModel || '–'));
}
