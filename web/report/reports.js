/** The list of past calls: search by room, person and day, the newest or the worst first. */

import { announce, byId, el } from '../dom.js';
import { t } from '../i18n.js';
import { clock, figure, shortDay } from './figures.js';
import { emptyState, load, problemState, startPage } from './page.js';
import { queryOf, searchOf } from './search.js';
import { verdict } from './verdict.js';
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

/** @type {CallRow[]} */
let calls = [];
let total = 0;
/** @type {unknown} */
let problem = null;
let asked = new AbortController();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing;

/** @param {CallRow} call */
function row(call) {
  const names = call.names.slice(0, NAMES).join(', ');
  const others = call.people - Math.min(call.names.length, NAMES);
  const people = others > 0 ? `${names} ${say('list.andMore', { count: others })}` : names;
  const marks = el('span', { class: 'call-marks' });
  if (call.votes) marks.append(el('span', { class: 'mark-name' }, say('list.votes', { count: call.votes })));
  if (call.loss !== null) {
    marks.append(el('span', {}, el('span', { class: 'mark-name' }, `${say('list.loss')} `), figure(call.loss, 'percent')));
  }
  if (call.mos !== null) {
    marks.append(el('span', {}, el('span', { class: 'mark-name' }, `${say('list.mos')} `), figure(call.mos, 'mos')));
  }
  if (call.words) marks.append(verdict(call.words));
  const length = call.ended === null
    ? el('span', { class: 'running' }, say('list.running'))
    : el('span', { class: 'call-long' }, figure(call.ended - call.started, 'duration'));
  return el('li', {}, el('a', { class: 'call-row', href: `/admin/reports/${encodeURIComponent(call.call)}` },
    el('span', {}, el('span', { class: 'call-room-name' }, call.room),
      el('span', { class: 'call-people' }, `${say('list.people', { count: call.people })}${people ? ` · ${people}` : ''}`)),
    el('span', {}, el('span', { class: 'call-when' }, `${shortDay(call.started)}, ${clock(call.started)}`), length),
    marks));
}

function redraw() {
  document.title = `${say('list.title')} · ${t('app.name')}`;
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
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  const query = queryOf(form, offset, PAGE);
  history.replaceState(null, '', searchOf(form) ? `?${searchOf(form)}` : location.pathname);
  if (!query) {
    found.textContent = say('list.badDates');
    return;
  }
  holder.setAttribute('aria-busy', 'true');
  try {
    const page = /** @type {CallList} */ (await load(`/api/admin/calls?${query}`, signal));
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
startPage(redraw);
void search();
