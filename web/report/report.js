/** The report of one call: reads it, and draws its parts in the chosen language and profile. */

import { byId, el, icon } from '../dom.js';
import { bandKey, drawCharts, legend } from './charts.js';
import { clock, day, figure, number, shortDay } from './figures.js';
import { eventList, isTrouble, laneKey, lanes, spells } from './happened.js';
import { emptyState, load, problemState, startPage } from './page.js';
import { gradesTable, peopleTable } from './people.js';
import { sidesTable, trackFolds } from './tracks.js';
import { overall, worseGrades } from './verdict.js';
import { counted, voteBars } from './votes.js';
import { say, sayIf } from './words.js';

/** @typedef {import('./types.js').Bands} Bands */
/** @typedef {import('./types.js').Chart} Chart */
/** @typedef {import('./types.js').Direction} Direction */
/** @typedef {import('./types.js').Report} Report */

const call = decodeURIComponent(location.pathname.split('/').filter(Boolean).at(-1) ?? '');
const data = `/api/admin/calls/${encodeURIComponent(call)}`;
/** Of each line, at most: more than a chart is wide on paper helps nobody. */
const POINTS = 240;
const holder = byId('report', HTMLElement);

/** @type {Report | null} */
let report = null;
/** @type {Chart | null} */
let chart = null;
/** @type {Bands} */
let bands = {};
/** @type {unknown} */
let problem = null;
let profile = '';
/** @type {Direction} */
let direction = 'outbound';
let focus = '';

/**
 * @param {string} title
 * @param {string} hint
 * @param {...(Node | string)} parts
 */
function section(title, hint, ...parts) {
  return el('section', { class: 'section' }, el('h2', {}, title),
    ...(hint ? [el('p', { class: 'hint' }, hint)] : []), ...parts);
}

/**
 * @param {Report} of
 * @param {number} until
 */
function head(of, until) {
  // A PDF is called by it.
  document.title = `${of.room} · ${shortDay(of.started)} ${clock(of.started)} · ${say('report.title')}`;
  const end = of.ended === null ? say('report.running') : clock(of.ended);
  const download = (/** @type {'csv' | 'json'} */ format) => el('a', {
    class: 'button', href: `${data}.${format}`, id: `export-${format}`, download: true,
  }, icon('download'), format.toUpperCase());
  const print = el('button', { class: 'button', type: 'button', id: 'print' }, icon('print'), say('report.print'));
  print.onclick = () => window.print();
  return el('div', { class: 'report-head' },
    el('div', {},
      el('p', { class: 'over' }, say('report.title')),
      el('h1', {}, of.room),
      el('p', { class: 'lead' }, `${day(of.started)}, ${clock(of.started)}–${end} · `,
        figure(until - of.started, 'duration'))),
    el('div', { class: 'report-actions' }, download('csv'), download('json'), print));
}

/**
 * @param {string} name
 * @param {Node | string} value
 * @param {string} more
 */
function sum(name, value, more) {
  return el('div', { class: 'card sum' }, el('dt', { class: 'sum-name' }, name),
    el('dd', {}, el('span', { class: 'sum-value' }, value), el('br'), el('span', { class: 'sum-more' }, more)));
}

/** @param {Report} of */
function sums(of) {
  const graded = of.people.flatMap((person) => {
    const grades = worseGrades(person, profile);
    return grades ? [{ person, grades }] : [];
  });
  graded.sort((a, b) => (a.grades.overall ?? 0) - (b.grades.overall ?? 0));
  const worst = graded[0];
  const rated = of.people.flatMap(({ name, downAudio, downVideo }) =>
    /** @type {const} */ ([['audio', downAudio], ['video', downVideo]]).flatMap(([medium, summary]) =>
      (summary?.mos.mean == null ? [] : [{ name, medium, mos: summary.mos.mean }])));
  rated.sort((a, b) => a.mos - b.mos);
  const lowest = rated[0];
  const voters = of.people.filter(({ votes }) => votes.audio || votes.video).length;
  // What goes back and forth a hundred times in a minute is one disturbance.
  const troubles = spells(of.events).filter((entry) => entry.some(isTrouble)).length;
  return el('dl', { class: 'cards' },
    sum(say('sum.worst'), worst ? overall(worst.grades) : '–',
      worst ? say('sum.worstOf', { name: worst.person.name }) : say('sum.unknown')),
    sum(say('sum.mos'), lowest ? figure(lowest.mos, 'mos') : '–',
      lowest ? say('sum.mosOf', { name: lowest.name, medium: say(`media.${lowest.medium}`).toLocaleLowerCase() }) : say('sum.unknown')),
    sum(say('sum.people'), number(of.people.length, 0),
      voters ? say('sum.voters', { count: voters }) : say('sum.noVotes')),
    sum(say('sum.troubles'), number(troubles, 0), say('sum.troublesHint')));
}

/**
 * @template {string} Value
 * @param {string} name
 * @param {string} label
 * @param {{value: Value, text: string}[]} options
 * @param {Value} chosen
 * @param {(value: Value) => void} choose
 */
function choice(name, label, options, chosen, choose) {
  return el('div', { class: 'segments screen-only', role: 'radiogroup', 'aria-label': label },
    ...options.map(({ value, text }) => {
      const input = el('input', { type: 'radio', name, value, class: 'visually-hidden', checked: value === chosen });
      input.onchange = () => choose(value);
      return el('label', { class: 'segment' }, input, el('span', {}, text));
    }));
}

/** @param {Report} of */
function profileChoice(of) {
  const select = el('select', { class: 'input select profile', id: 'profile', 'aria-label': say('grades.profile') },
    ...of.profiles.map((one) => el('option', { value: one, selected: one === profile }, sayIf(`profile.${one}`, one))));
  select.onchange = () => {
    profile = select.value;
    redraw('#profile');
  };
  return el('div', { class: 'chart-tools' },
    el('label', { class: 'field profile-field screen-only' }, el('span', { class: 'field-name' }, say('grades.profile')), select),
    el('p', { class: 'hint profile-said' }, el('b', { class: 'print-only' }, sayIf(`profile.${profile}`, profile)),
      sayIf(`profile.${profile}.hint`)));
}

/** @param {Report} of */
function course(of) {
  const [title, hint] = [say('chart.title'), say('chart.hint')];
  if (!chart) return section(title, hint, el('p', { class: 'hint' }, say('chart.loading')));
  if (!chart.series.length) return section(title, '', el('p', { class: 'hint' }, say('chart.none')));
  const tools = el('div', { class: 'chart-tools' },
    legend(of, focus, (participant) => {
      focus = participant;
      redraw(`[data-participant="${CSS.escape(participant)}"]`);
    }),
    el('b', { class: 'print-only' }, say(direction === 'outbound' ? 'way.received' : 'way.sent')),
    choice('direction', say('way.way'), [
      { value: 'outbound', text: say('way.received') }, { value: 'inbound', text: say('way.sent') },
    ], direction, (value) => {
      direction = value;
      redraw(`[name="direction"][value="${value}"]`);
    }));
  const drawn = drawCharts(of, chart, { profile, direction, focus, bands });
  const opening = section(title, hint, tools, el('div', { class: 'charts' }, ...drawn.slice(0, 2)));
  // One sheet of paper holds the title and the first charts.
  opening.classList.add('avoid-break');
  return el('div', {}, opening, bandKey(bands, profile), el('div', { class: 'charts' }, ...drawn.slice(2)));
}

/**
 * A part that paper does without when all in it is closed.
 *
 * @param {HTMLElement} part
 */
function folds(part) {
  part.classList.add('folds');
  return part;
}

/** Paper has no pointer to ask a mark what it means: there the list of events is open. */
function printing() {
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...holder.querySelectorAll('details')].filter((fold) =>
      fold.matches('.events:not([open])'));
    for (const fold of opened) fold.open = true;
  });
  addEventListener('afterprint', () => {
    for (const fold of opened) fold.open = false;
  });
}

/** @param {Report} of */
function method(of) {
  const models = [...new Set(of.people.flatMap(({ downAudio, downVideo, tracks }) =>
    [downAudio, downVideo, ...tracks.map(({ summary }) => summary)].map((one) => one?.mosModel ?? '')))]
    .filter(Boolean).sort();
  const notes = [
    models.length ? say('method.models', { models: models.join('; ') }) : say('method.noModels'),
    say('method.vp8'), say('method.delay'), say('method.meanInterArrival'), say('method.averages'),
    say('method.sides'), say('method.votes'),
  ];
  return el('ul', { class: 'notes-list' }, ...notes.map((note) => el('li', {}, note)));
}

/**
 * @param {Report} of
 */
function parts(of) {
  const until = of.ended ?? of.made;
  const votes = of.people.map((person) => person.votes);
  const voted = votes.some(({ audio, video }) => audio || video);
  return [
    head(of, until),
    sums(of),
    section(say('people.title'), say('people.hint'), peopleTable(of, profile, until)),
    section(say('event.title'), say('event.hint'), lanes(of, until), laneKey(), eventList(of)),
    course(of),
    section(say('grades.title'), say('grades.hint'), profileChoice(of), gradesTable(of, profile, bands)),
    section(say('votes.title'), say('votes.hint'), voted
      ? el('div', { class: 'vote-bars' },
        voteBars('audio', counted(votes.map(({ audio }) => audio))),
        voteBars('video', counted(votes.map(({ video }) => video))))
      : el('p', { class: 'card panel-card hint' }, say('votes.none'))),
    section(say('sides.title'), say('sides.hint'), sidesTable(of)),
    folds(section(say('tracks.title'), say('tracks.hint'), ...trackFolds(of))),
    section(say('method.title'), '', method(of)),
  ];
}

/**
 * @param {string} [focused] what the keyboard was on, and shall be on again
 */
function redraw(focused = '') {
  if (problem) {
    holder.replaceChildren(problemState(problem));
  } else if (report && report.people.length === 0) {
    holder.replaceChildren(head(report, report.ended ?? report.made),
      emptyState('people', say('report.nobody'), say('report.nobodyHint')));
  } else if (report) {
    const open = [...holder.querySelectorAll('details')].map((fold) => fold.open);
    holder.replaceChildren(...parts(report));
    holder.querySelectorAll('details').forEach((fold, index) => { fold.open = open[index] ?? false; });
  }
  const target = focused ? holder.querySelector(focused) : null;
  if (target instanceof HTMLElement) target.focus();
}

/** @param {Promise<void>} reading */
async function draw(reading) {
  try {
    await reading;
  } catch (error) {
    problem = error;
  }
  redraw();
}

async function start() {
  startPage(redraw);
  printing();
  // The course takes a while to read; who looks at the report need not wait for it.
  const answers = Promise.all([
    load(`/api/admin/series?points=${POINTS}&tracks=1&call=${encodeURIComponent(call)}`),
    load('/api/admin/grades'),
  ]);
  // Looked at below, when the report is there.
  answers.catch(() => {});
  await draw(load(data).then((loaded) => {
    report = loaded;
    profile = loaded.profiles[0] ?? 'tiphon';
  }));
  await draw(answers.then((loaded) => {
    [chart, bands] = loaded;
  }));
  holder.removeAttribute('aria-busy');
}

void start();
