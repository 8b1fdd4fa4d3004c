/** The list of past calls: search by room, person and day, the newest or the worst first. */

import { ask } from '../operator/ask.js';
import { figure } from '../operator/figures.js';
import { findingText, verdictMark, whenText } from '../operator/findings.js';
import { announce, byId, el, icon } from '../shared/dom.js';
import { t } from '../shared/i18n.js';
import { emptyState, problemState, startPage } from './page.js';
import { queryOf, searchOf } from './search.js';
import { say } from './words.js';

/** @typedef {import('./types.js').CallList} CallList */
/** @typedef {import('./types.js').CallRow} CallRow */

const PAGE = 30;
/** Milliseconds without a key until what was typed is looked for. */
const TYPING = 250;
const NAMES = 4;

const form = byId('search', HTMLFormElement);
const holder = byId('calls', HTMLElement);
const found = byId('found', HTMLElement);
const more = byId('more', HTMLButtonElement);

const worst = byId('worst', HTMLElement);
/** Seconds that are of late, and how many lines they get. */
const LATE = 7 * 86_400;
const LINES = 5;

/** @type {import('./types.js').FindingList | null} */
let late = null;
/** @type {CallRow[]} */
let calls = [];
let total = 0;
/** @type {unknown} */
let problem = null;
let request = new AbortController();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing;

/** @param {CallRow} call */
function row(call) {
  const names = call.names.slice(0, NAMES).join(', ');
  const others = call.people - Math.min(call.names.length, NAMES);
  const people = others > 0 ? `${names} ${say('list.andMore', { count: others })}` : names;
  const marks = el('span', { class: 'call-marks' });
  if (call.votes) marks.append(el('span', { class: 'mark-name' }, say('list.votes', { count: call.votes })));
  marks.append(verdictMark(call.verdict));
  const length = call.ended === null
    ? el('span', { class: 'running' }, say('list.running'))
    : el('span', { class: 'call-long' }, figure(call.ended - call.started, 'duration'));
  return el('li', {}, el('a', { class: 'call-row', href: `/admin/reports/${encodeURIComponent(call.call)}` },
    el('span', {}, el('span', { class: 'call-room-name' }, call.room),
      el('span', { class: 'call-people' }, `${say('list.people', { count: call.people })}${people ? ` · ${people}` : ''}`)),
    el('span', {}, el('span', { class: 'call-when' }, whenText(call.started, Date.now() / 1000)), length),
    marks, ...worstOf(call)));
}

/** @param {CallRow} call */
function worstOf({ finding, troubled }) {
  if (!finding) return [];
  const others = troubled > 1 ? ` ${say('list.othersToo', { count: troubled - 1 })}` : '';
  return [el('span', { class: 'call-worst' }, el('span', { class: 'finding' }, findingText(finding)), others)];
}

/** The worst findings of late, before anything else. */
function showWorst() {
  if (!late?.calls) {
    worst.hidden = true;
    return;
  }
  const now = Date.now() / 1000;
  worst.hidden = false;
  const { findings, troubled } = late;
  const lines = findings.map(({ call, room, finding }) => el('li', {},
    el('a', { class: 'worst-row', href: `/admin/reports/${encodeURIComponent(call)}` },
      el('time', { datetime: new Date(finding.began * 1000).toISOString() }, whenText(finding.began, now)),
      el('span', { class: 'finding' }, findingText(finding)),
      el('span', { class: 'worst-room' }, room))));
  const more = troubled - findings.length;
  worst.replaceChildren(
    el('h2', {}, say('late.title')),
    findings.length
      ? el('ol', { class: 'card worst-list' }, ...lines)
      : el('p', { class: 'headline', 'data-level': 'good' }, icon('check'), el('span', {}, say('late.nobody', { count: late.calls }))),
    ...(more > 0 ? [el('p', { class: 'hint' }, say('late.more', { count: more }))] : []));
}

function redraw() {
  document.title = `${say('list.title')} · ${t('app.name')}`;
  showWorst();
  holder.setAttribute('aria-busy', 'false');
  more.hidden = Boolean(problem) || calls.length >= total;
  found.textContent = problem || !total ? '' : say('list.found', { count: total });
  if (problem) {
    holder.replaceChildren(problemState(problem));
  } else if (calls.length) {
    holder.replaceChildren(el('ul', { class: 'card call-list' }, ...calls.map(row)));
  } else if (searchOf(form)) {
    const clear = el('button', { class: 'button', type: 'button' }, say('list.clear'));
    clear.onclick = () => {
      form.reset();
      void search();
    };
    holder.replaceChildren(emptyState('search', say('list.noMatch'), say('list.noMatchHint'), clear));
  } else {
    holder.replaceChildren(emptyState('clock', say('list.none'), say('list.noneHint')));
  }
}

/** @param {number} [offset] of the page: 0 for a new search */
async function search(offset = 0) {
  clearTimeout(typing);
  request.abort();
  request = new AbortController();
  const { signal } = request;
  const query = queryOf(form, offset, PAGE);
  history.replaceState(null, '', searchOf(form) ? `?${searchOf(form)}` : location.pathname);
  if (!query) {
    found.textContent = say('list.badDates');
    return;
  }
  holder.setAttribute('aria-busy', 'true');
  try {
    const page = /** @type {CallList} */ (await ask(`calls?${query}`, { signal }));
    calls = offset ? [...calls, ...page.calls] : page.calls;
    total = page.total;
    problem = null;
  } catch (error) {
    if (signal.aborted) return;
    problem = error;
  }
  redraw();
  if (!problem && !offset) announce(found.textContent ?? '');
}

for (const [name, value] of new URLSearchParams(location.search)) {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = value;
}
form.addEventListener('submit', (event) => {
  event.preventDefault();
  void search();
});
form.addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(() => void search(), TYPING);
});
more.onclick = () => void search(calls.length);
/** It helps, but the list below does without. */
async function readLate() {
  const since = Math.floor(Date.now() / 1000 - LATE);
  try {
    late = await ask(`findings?from=${since}&limit=${LINES}`);
  } catch {
    late = null;
  }
  showWorst();
}

startPage(redraw);
void search();
void readLate();
