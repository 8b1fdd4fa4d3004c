/** The report of one call: reads it, and draws its parts in the chosen language and profile. */

import { ask } from '../operator/ask.js';
import { clock, day, figure, shortDay } from '../operator/figures.js';
import { byId, el, icon, segmentRow } from '../shared/dom.js';
import { bandKey, drawCharts, legend } from './charts.js';
import { eventList, laneKey, lanes } from './events.js';
import { emptyState, problemState, startPage } from './page.js';
import { gradesTable, peopleTable } from './people.js';
import { headline, findings, sums } from './summary.js';
import { sidesTable, trackFolds } from './tracks.js';
import { counted, voteBars } from './votes.js';
import { say, sayIf } from './words.js';

/** @typedef {import('./types.js').Bands} Bands */
/** @typedef {import('./types.js').Chart} Chart */
/** @typedef {import('./types.js').Direction} Direction */
/** @typedef {import('./types.js').Report} Report */

const call = decodeURIComponent(location.pathname.split('/').filter(Boolean).at(-1) ?? '');
const data = `calls/${encodeURIComponent(call)}`;
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
/** Whether somebody asked for the tables of studies: only then their bands lie behind the charts. */
let studies = false;
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
    class: 'button', href: `/api/admin/${data}.${format}`, id: `export-${format}`, download: true,
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
    el('p', { class: 'hint profile-note' }, el('b', { class: 'print-only' }, sayIf(`profile.${profile}`, profile)),
      sayIf(`profile.${profile}.hint`)));
}

/** @param {Report} of */
function course(of) {
  const [title, hint] = [say('chart.title'), say('chart.hint')];
  if (!chart) return section(title, hint, el('p', { class: 'hint' }, say('chart.loading')));
  if (!chart.series.length) return section(title, '', el('p', { class: 'hint' }, say('chart.none')));
  const directions = segmentRow('direction', say('direction.title'), [
    { value: 'outbound', text: say('direction.received') }, { value: 'inbound', text: say('direction.sent') },
  ], direction, (value) => {
    direction = value;
    redraw(`[name="direction"][value="${value}"]`);
  });
  directions.classList.add('screen-only');
  const tools = el('div', { class: 'chart-tools' },
    legend(of, focus, (participant) => {
      focus = participant;
      redraw(`[data-participant="${CSS.escape(participant)}"]`);
    }),
    el('b', { class: 'print-only' }, say(direction === 'outbound' ? 'direction.received' : 'direction.sent')),
    directions);
  const drawn = drawCharts(of, chart, { profile: studies ? profile : '', direction, focus, bands });
  const opening = section(title, hint, tools, el('div', { class: 'charts' }, ...drawn.slice(0, 2)));
  // One sheet of paper holds the title and the first charts.
  opening.classList.add('avoid-break');
  return el('div', {}, opening, ...(studies ? [bandKey(bands, profile)] : []),
    el('div', { class: 'charts' }, ...drawn.slice(2)));
}

/**
 * What somebody may ask for, closed until then.
 *
 * @param {string} name for the style sheet
 * @param {string} title
 * @param {string} hint
 * @param {...(Node | string)} body
 */
function fold(name, title, hint, ...body) {
  return el('details', { class: `card fold ${name}` },
    el('summary', {}, el('span', {}, title, el('small', {}, hint))),
    el('div', { class: 'fold-body' }, ...body));
}

/** @param {Report} of */
function studyTables(of) {
  const made = fold('studies', say('grades.title'), say('grades.hint'), profileChoice(of), gradesTable(of, profile, bands));
  made.addEventListener('toggle', () => {
    if (made.open === studies) return;
    studies = made.open;
    redraw('.studies > summary');
  });
  return made;
}

/** Paper cannot be opened: the list of events and the figures of people are open there. */
function printing() {
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...holder.querySelectorAll('details')].filter((fold) =>
      fold.matches('.events:not([open]), .averages:not([open])'));
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
    section(say('summary.title'), '', headline(of), sums(of), findings(of, until)),
    section(say('event.title'), say('event.hint'), lanes(of, until), laneKey(), eventList(of)),
    section(say('votes.title'), say('votes.hint'), voted
      ? el('div', { class: 'vote-bars' },
        voteBars('audio', counted(votes.map(({ audio }) => audio))),
        voteBars('video', counted(votes.map(({ video }) => video))))
      : el('p', { class: 'card panel-card hint' }, say('votes.none'))),
    course(of),
    el('section', { class: 'section details' }, el('h2', { class: 'screen-only' }, say('details.title')),
      el('p', { class: 'hint screen-only' }, say('details.hint')),
      fold('averages', say('people.title'), say('people.hint'), peopleTable(of, until)),
      fold('sides', say('sides.title'), say('sides.hint'), sidesTable(of)),
      studyTables(of),
      fold('every-track', say('tracks.title'), say('tracks.hint'), ...trackFolds(of)),
      fold('method', say('method.title'), say('method.hint'), method(of))),
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
    ask(`series?points=${POINTS}&tracks=1&call=${encodeURIComponent(call)}`),
    ask('grades'),
  ]);
  // Looked at below, when the report is there.
  answers.catch(() => {});
  await draw(ask(data).then((loaded) => {
    report = loaded;
    profile = loaded.profiles[0] ?? 'tiphon';
  }));
  await draw(answers.then((loaded) => {
    [chart, bands] = loaded;
  }));
  holder.removeAttribute('aria-busy');
}

void start();
