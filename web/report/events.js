/** What happened in a call: on the time axis, a lane a person, and as a list in words. */

import { clockSeconds } from '../operator/figures.js';
import { el, icon } from '../shared/dom.js';
import { colourClass, timeAxis } from './plot.js';
import { byVisit } from './visits.js';
import { isWord, say, sayIf } from './words.js';

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

/** What is shown of several at once, the most important first. */
const IMPORTANCE = [
  'workerLost', 'removed', 'left', 'joined', 'shed', 'networkChanged', 'layerDropped', 'layerRaised', 'qualityChanged',
];

/**
 * Events whose marks would lie on each other, as one mark.
 *
 * @param {Event[]} events in the order of time
 * @param {number} near seconds
 * @returns {Event[][]} of each mark, the most important event first
 */
export function together(events, near) {
  /** @type {Event[][]} */
  const groups = [];
  let begin = -Infinity;
  for (const event of events) {
    if (!(event.kind in MARKS)) continue;
    if (event.at - begin > near) {
      groups.push([]);
      begin = event.at;
    }
    groups.at(-1)?.push(event);
  }
  return groups.map((group) =>
    [...group].sort((a, b) => IMPORTANCE.indexOf(a.kind) - IMPORTANCE.indexOf(b.kind)));
}

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
  const values = { name: name || say('finding.somebody'), detail: sayIf(`detail.${detail}`, detail) };
  const key = [`event.${kind}.${detail}`, `event.${kind}`].find(isWord);
  return key ? sayIf(key, '', values) : kind;
}

/**
 * @param {Report} report
 * @param {number} until
 */
export function lanes(report, until) {
  const span = Math.max(1, until - report.started);
  const share = (/** @type {number} */ at) =>
    `${Math.min(100, Math.max(0, ((at - report.started) / span) * 100))}%`;
  // As wide as a mark on a screen of middling size.
  const near = span / 60;
  const known = byVisit(report);
  const rows = report.people.map((person, number) =>
    lane(person.name, number, share, near,
      report.events.filter(({ participant }) => known.get(participant)?.person === person),
      person.visits.map(({ joined, left }) => [joined, left ?? until]), person.spells));
  const ofAll = report.events.filter(({ participant, kind }) => !participant && kind in MARKS);
  if (ofAll.length) rows.push(lane(say('event.server'), -1, share, near, ofAll, [], []));
  return el('div', { class: 'card lanes', role: 'group', 'aria-label': say('event.lanes') },
    ...rows, el('div', { class: 'lane-axis', 'aria-hidden': 'true' }, ...timeAxis(report.started, until)));
}

/**
 * @param {string} name
 * @param {number} number of the colour, -1 for none
 * @param {(at: number) => string} share
 * @param {number} near seconds that marks are apart at least
 * @param {Event[]} events
 * @param {[number, number][]} stays from when to when they were there
 * @param {import('./types.js').Span[]} spells
 */
function lane(name, number, share, near, events, stays, spells) {
  const track = el('div', { class: 'lane-track' });
  /** @param {string} kind @param {number} from @param {number} to */
  const bar = (kind, from, to) => {
    const element = el('i', { class: kind });
    element.style.setProperty('left', share(from));
    element.style.setProperty('right', `calc(100% - ${share(to)})`);
    track.append(element);
  };
  for (const [from, to] of stays) bar('lane-stay', from, to);
  // The cards above explain these in words.
  for (const { kind, began, ended } of spells) {
    if (!kind.endsWith('owered')) bar('lane-spell', began, ended);
  }
  for (const group of together(events, near)) {
    const [first] = group;
    if (!first) continue;
    const text = group.map((event) => `${clockSeconds(event.at)} ${eventText(event)}`).join('\n');
    const element = el('span', {
      class: `lane-mark${group.some(isTrouble) ? ' trouble' : ''}`, role: 'img', 'aria-label': text, title: text,
    }, icon(MARKS[first.kind]?.[0] ?? 'info'));
    element.style.setProperty('left', share(first.at));
    track.append(element);
  }
  return el('div', { class: `lane ${number < 0 ? '' : colourClass(number)}` },
    el('div', { class: 'lane-name' }, el('i', { class: 'swatch' }), el('span', {}, name)), track);
}

/** The icons of the lanes, in words. */
export function laneKey() {
  return el('p', { class: 'band-key lane-key' },
    el('span', {}, el('i', { class: 'key-spell' }), say('key.spell')),
    ...['joined', 'left', 'networkChanged', 'layerDropped', 'layerRaised', 'qualityChanged'].map((kind) =>
      el('span', {}, icon(MARKS[kind]?.[0] ?? ''), sayIf(`key.${kind}`))));
}

/** What may go back and forth many times while a network is at its edge. */
const RESTLESS = ['layerDropped', 'layerRaised', 'qualityChanged'];
/** Seconds between two of these that belong to one spell. */
const SPELL = 30;
/** As many are listed one by one. */
const FEW = 3;

/**
 * Events with what went back and forth as one entry: hundreds of lines would hide the others.
 *
 * @param {Event[]} events in the order of time
 * @returns {Event[][]} each entry's events, the entries in the order of their beginnings
 */
export function spells(events) {
  /** @type {Event[][]} */
  const entries = [];
  /** @type {Map<string, Event[]>} */
  const open = new Map();
  for (const event of events) {
    const kind = event.kind === 'layerRaised' ? 'layerDropped' : event.kind;
    const key = `${event.participant} ${kind} ${kind === 'layerDropped' ? event.detail : ''}`;
    const last = RESTLESS.includes(event.kind) ? open.get(key) : undefined;
    if (last && event.at - (last.at(-1)?.at ?? 0) <= SPELL) {
      last.push(event);
    } else {
      const entry = [event];
      entries.push(entry);
      open.set(key, entry);
    }
  }
  return entries.flatMap((entry) => (entry.length > FEW ? [entry] : entry.map((event) => [event])))
    .sort((a, b) => (a[0]?.at ?? 0) - (b[0]?.at ?? 0));
}

/** @param {Event[]} entry of `spells` */
function spellText(entry) {
  const [first] = entry;
  if (!first) return '';
  if (entry.length === 1) return eventText(first);
  const kind = first.kind === 'qualityChanged' ? 'quality' : 'layers';
  return say(`event.spell.${kind}`, {
    name: first.name || say('finding.somebody'), detail: sayIf(`detail.${first.detail}`, first.detail),
    count: entry.length, until: clockSeconds(entry.at(-1)?.at ?? first.at),
  });
}

/** @param {Report} report */
export function eventList(report) {
  const lines = spells(report.events).map((entry) => {
    const at = entry[0]?.at ?? 0;
    return el('li', {},
      el('time', { datetime: new Date(at * 1000).toISOString() }, clockSeconds(at)),
      el('span', {}, spellText(entry)));
  });
  const parts = [
    el('summary', {}, say('event.list', { count: report.events.length })),
    el('ol', { class: 'event-list' }, ...lines),
  ];
  if (report.eventsLeftOut) {
    parts.push(el('p', { class: 'hint' }, say('event.leftOut', { count: report.eventsLeftOut })));
  }
  return el('details', { class: 'card fold events' }, ...parts);
}
