/** What a report begins with: who had trouble, when, and on whose side. */

import { clock, figure, number, text } from '../operator/figures.js';
import { findingText, lasting, spanText, verdictMark } from '../operator/findings.js';
import { el, icon } from '../shared/dom.js';
import { colourClass } from './plot.js';
import { byTrouble } from './visits.js';
import { say } from './words.js';

/** @typedef {import('./types.js').Person} Person */
/** @typedef {import('./types.js').Report} Report */

/** Findings of somebody that are shown at once. */
const FIRST = 3;
/** With more in trouble, who had short disturbances only gets a line instead of a card. */
const FEW = 1;
/** @type {Record<import('./types.js').Trouble, string>} */
const ICONS = {
  connection: 'pulse', frozen: 'camera', noVideo: 'camera-off', concealed: 'speaker', lowered: 'minus', sentLowered: 'minus',
};

/** @param {Report} report */
export function headline(report) {
  const troubled = report.people.filter(({ experience }) => experience.findings.length).length;
  const verdicts = new Set(report.people.map(({ experience }) => experience.verdict));
  if (troubled) {
    return line(verdicts.has('bad') ? 'bad' : 'some', 'warning',
      say('summary.troubled', { count: troubled, all: report.people.length }));
  }
  if (verdicts.has('good')) return line('good', 'check', say('summary.nobody'));
  return line('none', 'info', say(verdicts.has('unknown') ? 'summary.notKept' : 'summary.tooShort'));
}

/** @param {string} level @param {string} sign @param {string} sentence */
function line(level, sign, sentence) {
  return el('p', { class: 'headline', 'data-level': level }, icon(sign), el('span', {}, sentence));
}

/** What is summed up over all people: a name, the seconds of each, and whether half seconds count. */
const SUMS = /** @type {const} */ ([
  ['poorConnection', 'sum.connection'], ['frozenVideo', 'sum.frozen'],
  ['missingVideo', 'sum.missing'], ['concealedSound', 'sum.concealed'],
]);

/** @param {Report} report */
export function sums(report) {
  const voters = report.people.filter(({ votes }) => votes.audio || votes.video).length;
  const visits = report.people.reduce((total, person) => total + person.visits.length, 0);
  const more = [
    visits > report.people.length ? say('sum.visits', { count: visits }) : '',
    voters ? say('sum.voters', { count: voters }) : say('sum.noVotes'),
  ].filter(Boolean).join(', ');
  return el('dl', { class: 'cards' },
    sum(say('sum.people'), number(report.people.length, 0), more),
    ...SUMS.map(([field, name]) => {
      const some = report.people.filter(({ experience }) => experience[field] > 0)
        .sort((a, b) => b.experience[field] - a.experience[field]);
      const seconds = some.reduce((total, { experience }) => total + experience[field], 0);
      return sum(say(name), some.length ? lasting(seconds) : say('sum.none'), who(some), some.length === 0);
    }));
}

/** @param {Person[]} people */
function who(people) {
  const names = people.slice(0, 2).map(({ name }) => name).join(', ');
  return people.length > 2 ? `${names} ${say('list.andMore', { count: people.length - 2 })}` : names;
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} more
 * @param {boolean} [quiet]
 */
function sum(name, value, more, quiet = false) {
  return el('div', { class: `card sum${quiet ? ' quiet' : ''}` }, el('dt', { class: 'sum-name' }, name),
    el('dd', {}, el('span', { class: 'sum-value' }, value), el('span', { class: 'sum-more' }, more)));
}

/**
 * A card for each person who had trouble, the worst first, and a line for all others.
 *
 * @param {Report} report
 * @param {number} until
 */
export function findings(report, until) {
  const sorted = byTrouble(report.people);
  const troubled = sorted.filter(({ person }) => person.experience.findings.length);
  const others = sorted.filter(({ person }) => !person.experience.findings.length);
  const brief = troubled.length > FEW ? troubled.filter(({ person }) => person.experience.verdict !== 'bad') : [];
  const carded = troubled.filter((one) => !brief.includes(one));
  const parts = [];
  if (carded.length) {
    parts.push(el('ol', { class: 'finding-cards' }, ...carded.map(({ person, number }) => personCard(person, number, until))));
  }
  if (brief.length) {
    parts.push(el('div', { class: 'card brief avoid-break' }, el('h3', {}, say('summary.brief')),
      el('ul', {}, ...brief.map(({ person, number }) => briefly(person, number)))));
  }
  if (others.length) {
    parts.push(el('div', { class: 'card untroubled' },
      el('p', { class: 'hint' }, say(troubled.length ? 'summary.others' : 'summary.everybody')),
      el('ul', {}, ...others.map(({ person, number }) => el('li', {}, nameOf(person, number, until),
        verdictMark(person.experience.verdict))))));
  }
  return el('div', { class: 'findings-all' }, ...parts);
}

/** @param {Person} person @param {number} number of the colour */
function briefly({ experience }, number) {
  const [finding] = experience.findings;
  if (!finding) return '';
  return el('li', {}, el('i', { class: `swatch ${colourClass(number)}` }),
    el('span', { class: 'finding' }, findingText(finding)), el('small', {}, spanText(finding)));
}

/**
 * @param {Person} person
 * @param {number} number of the colour
 * @param {number} until
 */
function nameOf(person, number, until) {
  const { name, visits } = person;
  const stays = visits.length > 2
    ? `${say('people.visits', { count: visits.length })}, ${clock(person.joined)}–${end(person.left)}`
    : visits.map(({ joined, left }) => `${clock(joined)}–${end(left)}`).join(', ');
  const present = person.experience.present || (person.left ?? until) - person.joined;
  return el('span', { class: 'who' }, el('i', { class: `swatch ${colourClass(number)}` }),
    el('span', {}, el('b', {}, name), el('small', {}, `${stays} · ${text(present, 'duration')}`)));
}

/** @param {number | null} left */
function end(left) {
  return left === null ? say('people.stillHere') : clock(left);
}

/**
 * @param {Person} person
 * @param {number} number
 * @param {number} until
 */
function personCard(person, number, until) {
  const { experience } = person;
  const lines = experience.findings.map((finding) => el('li', { 'data-side': finding.side },
    icon(ICONS[finding.kind]),
    el('span', {}, el('span', { class: 'finding' }, findingText(finding)),
      el('small', {}, `${say(`finding.side.${finding.side}`)} · ${spanText(finding)}`))));
  const parts = [
    el('header', {}, nameOf(person, number, until), verdictMark(experience.verdict)),
    el('ul', { class: 'findings' }, ...lines.slice(0, FIRST)),
  ];
  if (lines.length > FIRST) {
    parts.push(el('details', { class: 'more-findings' },
      el('summary', {}, say('summary.more', { count: lines.length - FIRST })),
      el('ul', { class: 'findings' }, ...lines.slice(FIRST))));
  }
  if (experience.fullShare !== null && experience.fullShare < 99.5) {
    parts.push(el('p', { class: 'hint' }, ...around(say('summary.full'),
      figure(experience.fullShare, 'percent', `${person.participant}.experience.fullShare`))));
  }
  return el('li', { class: 'card person-card avoid-break' }, ...parts);
}

/**
 * @param {string} phrase with `{value}` in it
 * @param {Node} value
 */
function around(phrase, value) {
  const [before = '', after = ''] = phrase.split('{value}');
  return [before, value, after];
}
