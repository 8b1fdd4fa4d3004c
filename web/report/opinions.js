/** Votes beside what the model estimates, and sessions that are alike. */

import { ask } from '../operator/ask.js';
import { figure, number, shortDay, text } from '../operator/figures.js';
import { byId, el, icon } from '../shared/dom.js';
import { t } from '../shared/i18n.js';
import { judgement, shared } from './judgement.js';
import { intervals, scatter } from './opinion_charts.js';
import { emptyState, problemState, startPage } from './page.js';
import { counted, voteBars } from './votes.js';
import { say } from './words.js';

/** @typedef {import('./types.js').Group} Group */
/** @typedef {import('./types.js').OpinionOf} OpinionOf */
/** @typedef {import('./types.js').Opinions} Opinions */

const holder = byId('opinions', HTMLElement);

/** @type {Opinions | null} */
let opinions = null;
/** @type {unknown} */
let problem = null;

/**
 * @param {'audio' | 'video'} medium
 * @param {OpinionOf} of
 * @param {number} needed votes for a conclusion
 */
function statistics(medium, of, needed) {
  const path = (/** @type {string} */ field) => `${medium}.${field}`;
  const row = (/** @type {'votes' | 'model' | 'difference'} */ one) => {
    const { n, mean, sd, low, high } = of[one];
    const interval = low === null || high === null
      ? [el('span', { class: 'none' }, '–')]
      : [figure(low, 'score', path(`${one}.low`)), ' … ', figure(high, 'score', path(`${one}.high`))];
    return el('tr', {}, el('th', { scope: 'row' }, say(`opinions.${one}`)),
      el('td', {}, figure(n, 'count', path(`${one}.n`))),
      el('td', {}, figure(mean, 'score', path(`${one}.mean`))),
      el('td', {}, figure(sd, 'score', path(`${one}.sd`))), el('td', {}, ...interval));
  };
  const head = (/** @type {string} */ name) => el('th', { scope: 'col' }, name);
  return el('div', { class: 'card panel-card medium avoid-break' },
    el('h3', {}, say(`media.${medium}`)),
    el('p', { class: 'judgement' }, judgement(of.difference, needed)),
    intervals(of),
    el('table', { class: 'table plain' },
      el('thead', {}, el('tr', {}, head(say('opinions.statistic')), head(say('opinions.n')),
        head(say('opinions.mean')), head(say('opinions.sd')), head(say('opinions.interval')))),
      el('tbody', {}, row('votes'), row('model'), row('difference'))),
    scatter(medium, of.pairs));
}

/** @param {Group} group */
function groupCard(group) {
  const share = number(group.share * 100, 0);
  const rows = group.examples.slice(0, 5).map((session) =>
    el('li', {}, el('a', { href: `/admin/reports/${encodeURIComponent(session.call)}` },
      `${session.name} · ${session.room} · ${shortDay(session.joined)}`),
    el('span', { class: 'hint' }, [text(session.loss, 'percent'), text(session.delay, 'ms'),
      session.vote === null ? '' : `${number(session.vote, 1)}/5`].filter(Boolean).join(' · '))));
  return el('div', { class: `card panel-card group${group.bad ? ' bad' : ''} avoid-break` },
    el('h3', {}, icon(group.bad ? 'warning' : 'check'), say(group.bad ? 'groups.bad' : 'groups.usual')),
    el('p', { class: 'hint' }, say('groups.size', { count: group.sessions, share: `${share} %` })),
    el('p', { class: 'group-text' }, shared(group.traits)),
    ...(rows.length ? [el('p', { class: 'field-name' }, say('groups.examples')), el('ul', { class: 'examples' }, ...rows)] : []));
}

/** @param {Opinions} of */
function parts(of) {
  const voted = of.audio.votes.n + of.video.votes.n;
  const section = (/** @type {string} */ title, /** @type {string} */ hint, /** @type {Node} */ body) =>
    el('section', { class: 'section' }, el('h2', {}, title), el('p', { class: 'hint' }, hint), body);
  const votes = voted === 0
    ? [emptyState('chat', say('opinions.none'), say('opinions.noneHint'))]
    : [
      section(say('opinions.against'), say('opinions.againstHint'),
        el('div', { class: 'media' }, statistics('audio', of.audio, of.votesNeeded), statistics('video', of.video, of.votesNeeded))),
      section(say('votes.title'), say('method.votes'), el('div', { class: 'vote-bars' },
        voteBars('audio', { ...counted([]), ...of.audio.counts }),
        voteBars('video', { ...counted([]), ...of.video.counts }))),
    ];
  const groups = of.groups.length
    ? el('div', { class: 'groups' }, ...of.groups.map(groupCard))
    : el('p', { class: 'card panel-card hint' }, say('groups.none'));
  return [...votes, section(say('groups.title'), say('groups.hint', { count: of.sessions }), groups)];
}

function redraw() {
  document.title = `${say('opinions.title')} · ${t('app.name')}`;
  if (problem) holder.replaceChildren(problemState(problem));
  else if (opinions) holder.replaceChildren(...parts(opinions));
}

async function start() {
  startPage(redraw);
  try {
    opinions = await ask('opinions');
  } catch (error) {
    problem = error;
  }
  holder.removeAttribute('aria-busy');
  redraw();
}

void start();
