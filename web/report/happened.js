/** What happened in a call: on the time axis, a lane a person, and as a list in words. */

import { el, icon } from '../dom.js';
import { clockSeconds } from './figures.js';
import { colourClass, timeAxis } from './plot.js';
import { say, sayIf } from './words.js';

/** @typedef {import('./types.js').Event} Event */
/** @typedef {import('./types.js').Person} Person */
/** @typedef {import('./types.js').Report} Report */

/** Of each kind: its icon, and whether it is trouble. */
const MARKS = /** @type {Record<string, [icon: string, trouble: boolean]>} */ ({
  joined: ['arrow', false],
  left: ['leave', false],
  networkChanged: ['shuffle', true],
  layerDropped: ['minus', true],
  layerRaised: ['check', false],
  qualityChanged: ['pulse', true],
  shed: ['warning', true],
  workerLost: ['warning', true],
  removed: ['close', true],
});

/** Those that a chart draws a line for: what may explain a bend. */
const IN_CHARTS = new Set(['networkChanged', 'layerDropped', 'shed', 'workerLost']);

/** @param {Event} event */
export function isTrouble(event) {
  if (event.kind === 'qualityChanged') return event.detail === 'poor' || event.detail === 'lost';
  return MARKS[event.kind]?.[1] ?? false;
}

/** @param {Event[]} events */
export function chartMarks(events) {
  return events.filter(({ kind }) => IN_CHARTS.has(kind))
    .map(({ at }) => ({ at, kind: 'trouble' }));
}

/**
 * An event in words.
 *
 * @param {Event} event
 */
export function eventText({ kind, name, detail }) {
  const known = sayIf(`event.${kind}.${detail}`) || sayIf(`event.${kind}`, kind);
  return known.replace('{name}', name || say('event.somebody')).replace('{detail}', sayIf(`detail.${detail}`, detail));
}

/**
 * @param {Report} report
 * @param {number} until
 */
export function lanes(report, until) {
  const span = Math.max(1, until - report.started);
  const share = (/** @type {number} */ at) =>
    `${Math.min(100, Math.max(0, ((at - report.started) / span) * 100))}%`;
  const rows = report.people.map((person, number) =>
    lane(person.name, number, share, report.events.filter(({ participant }) =>
      participant === person.participant), [person.joined, person.left ?? until]));
  const ofAll = report.events.filter(({ participant, kind }) => !participant && kind in MARKS);
  if (ofAll.length) rows.push(lane(say('event.server'), -1, share, ofAll, null));
  return el('div', { class: 'card lanes', role: 'group', 'aria-label': say('event.lanes') },
    ...rows, el('div', { class: 'lane-axis', 'aria-hidden': 'true' }, ...timeAxis(report.started, until)));
}

/**
 * @param {string} name
 * @param {number} number of the colour, -1 for none
 * @param {(at: number) => string} share
 * @param {Event[]} events
 * @param {[number, number] | null} stay
 */
function lane(name, number, share, events, stay) {
  const way = el('div', { class: 'lane-way' });
  if (stay) {
    const bar = el('i', { class: 'lane-stay' });
    bar.style.setProperty('left', share(stay[0]));
    bar.style.setProperty('right', `calc(100% - ${share(stay[1])})`);
    way.append(bar);
  }
  for (const event of events) {
    const mark = MARKS[event.kind];
    if (!mark) continue;
    const text = `${clockSeconds(event.at)} ${eventText(event)}`;
    const element = el('span', {
      class: `lane-mark${isTrouble(event) ? ' trouble' : ''}`, role: 'img', 'aria-label': text, title: text,
    }, icon(mark[0]));
    element.style.setProperty('left', share(event.at));
    way.append(element);
  }
  return el('div', { class: `lane ${number < 0 ? '' : colourClass(number)}` },
    el('div', { class: 'lane-name' }, el('i', { class: 'swatch' }), el('span', {}, name)), way);
}

/** The icons of the lanes, in words. */
export function laneKey() {
  return el('p', { class: 'band-key lane-key' },
    ...['joined', 'left', 'networkChanged', 'layerDropped', 'layerRaised', 'qualityChanged'].map((kind) =>
      el('span', {}, icon(MARKS[kind]?.[0] ?? ''), sayIf(`key.${kind}`))));
}

/** @param {Report} report */
export function eventTable(report) {
  const rows = report.events.map((event) => el('tr', {},
    el('td', { class: 'start' }, clockSeconds(event.at)),
    el('td', { class: 'wrap' }, eventText(event))));
  const table = el('table', { class: 'table event-table' },
    el('thead', {}, el('tr', {},
      el('th', { scope: 'col' }, say('event.time')), el('th', { scope: 'col', class: 'wrap' }, say('event.what')))),
    el('tbody', {}, ...rows));
  const parts = [el('summary', {}, say('event.list', { count: report.events.length })), table];
  if (report.eventsLeftOut) {
    parts.push(el('p', { class: 'hint' }, say('event.leftOut', { count: report.eventsLeftOut })));
  }
  return el('details', { class: 'card fold' }, ...parts);
}
