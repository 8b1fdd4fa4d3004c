/** The dashboard: logs in, listens, and shows what its address names. */

import { bitrate, count } from '../operator/figures.js';
import { showPlace, startFrame } from '../operator/frame.js';
import { byId } from '../shared/dom.js';
import { onLanguage, startLanguage } from '../shared/i18n.js';
import { Captures, askCapture, askClose, askRemove, sentenceOf } from './actions.js';
import { Health } from './health.js';
import { Judge, headCount, troubles } from './judge.js';
import { Live } from './live.js';
import { Overview } from './overview.js';
import { PersonView } from './person.js';
import { RecentFigures } from './recent.js';
import { logIn, loggedIn } from './requests.js';
import { RoomView } from './roomview.js';
import { nextPage, routeOf } from './route.js';
import { overall } from './sentences.js';
import { levelMark, setData, setText } from './show.js';
import { say, sayIf, wordOf } from './words.js';

/**
 * @typedef {import('./wire.js').Hello} Hello
 * @typedef {import('./wire.js').Second} Second
 * @typedef {import('./wire.js').Detail} Detail
 */

/** Milliseconds without figures after which the page shows that it is behind. */
const STALE_MS = 3500;
const PROFILE = 'adminProfile';

const recent = new RecentFigures();
const stateMark = levelMark(false);
const captures = new Captures(byId('captures', HTMLElement));
const profile = byId('profile', HTMLSelectElement);
/** The tables of studies: their grades, and their bands in the chart, while this is open. */
const studies = byId('studies', HTMLDetailsElement);

/** @type {Live | null} */
let live = null;
/** @type {Hello | null} */
let hello = null;
/** @type {Judge} */
let judge;
/** @type {{overview: Overview, room: RoomView, person: PersonView, health: Health} | null} */
let views = null;
/** @type {Second | null} */
let second = null;
/** @type {Detail | null} */
let detail = null;
let route = routeOf(location.hash);
let heardAt = -Infinity;

/** @param {string} name */
const at = (name) => byId(name, HTMLElement);

/** The room and person that the address names, as far as they are there. */
function shown() {
  for (const room of second?.rooms ?? []) {
    if (room.room === route.room) return { room, person: undefined };
    const person = room.people.find(({ participant }) => participant === route.participant);
    if (person) return { room, person };
  }
  return null;
}

function makeViews() {
  if (!hello) return;
  views?.overview.clear();
  views = {
    overview: new Overview(at('rooms'), at('rooms-empty'), judge, recent),
    room: new RoomView(judge, recent, hello),
    person: new PersonView(judge, recent, hello),
    health: new Health(hello.delayBounds),
  };
  profile.replaceChildren(...Object.keys(hello.profiles).map((name) =>
    new Option(wordOf('profile', name), name, false, name === chosenProfile())));
}

function chosenProfile() {
  let kept = '';
  try {
    kept = localStorage.getItem(PROFILE) ?? '';
  } catch {
    // Nothing stored: the first one.
  }
  const names = Object.keys(hello?.profiles ?? {});
  return names.includes(kept) ? kept : names[0] ?? 'tiphon';
}

function draw() {
  if (!second || !views || !hello) return;
  drawState(second);
  const found = shown();
  const place = route.server ? 'server' : found ? (found.person ? 'person' : 'room')
    : route.room || route.participant ? 'gone' : 'overview';
  for (const name of ['overview', 'room', 'person', 'server', 'gone']) at(`view-${name}`).hidden = name !== place;
  setData(document.body, 'view', place);
  showPlace(place === 'server' ? 'server' : 'overview');
  const bands = hello.profiles[second.profile];
  if (place === 'overview') views.overview.show(second);
  else if (place === 'server') views.health.show(second);
  else if (found?.person) {
    views.person.show(found.person, found.room, second.at, studies.open ? bands : undefined);
  }
  else if (found) views.room.show(found.room, second.at);
  setText(at('grade-note'), sayIf(`profile.${second.profile}.hint`));
  drawDetail();
}

function drawDetail() {
  const found = shown();
  if (!detail || !found || !views || !hello || !second) return;
  if (found.person && detail.participant === found.person.participant) {
    views.person.showTracks(detail, found.room);
  } else if (!found.person && !detail.participant && detail.room === found.room.room) {
    views.room.showTracks(detail, found.room);
  }
}

/** @param {Second} now */
function drawState(now) {
  const all = troubles(now);
  const state = overall(now, judge, all);
  setData(at('state'), 'level', state.level);
  stateMark.show(state.level);
  setText(at('state-title'), state.title);
  setText(at('state-detail'), state.detail);
  const sum = (/** @type {'bitrateReceived' | 'bitrateSent'} */ name) =>
    now.workers.reduce((total, worker) => total + worker[name], 0);
  setText(at('stat-rooms'), count(now.rooms.length));
  setText(at('stat-people'), count(now.rooms.reduce((total, { people }) => total + headCount(people), 0)));
  setText(at('stat-in'), bitrate(sum('bitrateReceived')));
  setText(at('stat-out'), bitrate(sum('bitrateSent')));
  setText(at('stat-server'), say(all.length ? 'server.look' : 'server.well'));
  setData(at('stat-server'), 'level', all.length ? 'poor' : 'good');
}

function drawFresh() {
  // Not by the time of day, which may be set while the page is open.
  const [heard, silent] = [heardAt > -Infinity, performance.now() - heardAt];
  const stale = silent > STALE_MS;
  setData(at('fresh'), 'stale', String(stale));
  setText(at('fresh-text'), stale
    ? say(heard ? 'fresh.stale' : 'fresh.connecting', { count: Math.round(silent / 1000) })
    : say('fresh.live'));
}

function watch() {
  const { room, participant } = route;
  live?.watch({ profile: chosenProfile(), room: room.slice(0, 300), participant: participant.slice(0, 300) });
}

function follow() {
  const before = document.body.dataset.view;
  route = routeOf(location.hash);
  detail = null;
  watch();
  draw();
  if (document.body.dataset.view !== before) {
    scrollTo(0, 0);
    // Where a screen reader goes on: at the title of what came.
    const title = at('main').querySelector('section:not([hidden]) [data-focus]');
    if (title instanceof HTMLElement) title.focus({ preventScroll: true });
  }
}

function listen() {
  at('login').hidden = true;
  at('dashboard').hidden = false;
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  live = new Live(`${scheme}//${location.host}/api/admin/live`, {
    hello(message) {
      hello = message;
      judge ??= new Judge(message.levels);
      makeViews();
      watch();
    },
    second(message) {
      heardAt = performance.now();
      if (message.at !== second?.at) {
        judge.update(message);
        recent.add(message);
        void refreshCaptures(message);
      }
      second = message;
      draw();
      drawFresh();
    },
    detail(message) {
      detail = message;
      drawDetail();
    },
    lost() {
      drawFresh();
      void checkSession();
    },
    refused: askForToken,
  }, { profile: chosenProfile(), room: route.room, participant: route.participant });
}

/** @param {Second} now */
async function refreshCaptures({ at: time }) {
  if (Math.round(time) % 3 === 0) await captures.refresh();
}

async function checkSession() {
  try {
    if (!(await loggedIn())) askForToken();
  } catch {
    // The server is away; the live connection keeps trying.
  }
}

function askForToken() {
  live?.close();
  live = null;
  at('dashboard').hidden = true;
  at('login').hidden = false;
  byId('token', HTMLInputElement).focus();
}

byId('login-form', HTMLFormElement).addEventListener('submit', async (event) => {
  event.preventDefault();
  const [token, problem] = [byId('token', HTMLInputElement), at('login-problem')];
  try {
    await logIn(token.value.trim());
    token.value = '';
    problem.hidden = true;
    const next = nextPage(location.search, location.origin);
    if (next) location.assign(next);
    else listen();
  } catch (error) {
    setText(problem, sentenceOf(error));
    problem.hidden = false;
    token.select();
  }
});

byId('remove', HTMLButtonElement).onclick = () => {
  const person = shown()?.person;
  if (person) void askRemove(person.participant, person.name);
};
byId('start-capture', HTMLButtonElement).onclick = () => {
  const person = shown()?.person;
  if (person) askCapture(person.participant, person.name, () => void captures.refresh());
};
byId('close-room', HTMLButtonElement).onclick = () => {
  const room = shown()?.room;
  if (room) void askClose(room.room, room.people.length);
};

studies.ontoggle = draw;

profile.onchange = () => {
  try {
    localStorage.setItem(PROFILE, profile.value);
  } catch {
    // Not remembered, but used.
  }
  watch();
};

at('state-mark').replaceChildren(stateMark.root);
startFrame(() => say('nav.logout'));
onLanguage(() => {
  document.title = say('page.title');
  captures.clear();
  makeViews();
  draw();
  drawFresh();
});
startLanguage();
addEventListener('hashchange', follow);
addEventListener('online', () => live?.retry());
setInterval(drawFresh, 1000);
try {
  if (await loggedIn()) listen();
  else askForToken();
} catch {
  listen();
}
