/** The room page: lobby, call, goodbye. */

import { Conference } from '../client/conference.js';
import { ConferenceError } from '../client/events.js';
import { announce, byId, label } from '../shared/dom.js';
import { errorText, onLanguage, startLanguage, t } from '../shared/i18n.js';
import { languageChoice, startTheme, themeChoice } from '../shared/preferences.js';
import { roomFromPath } from '../shared/rooms.js';
import { remember, settings, withRoom } from '../shared/settings.js';
import { Call } from './call.js';
import { deviceChoice, receptionChoice } from './choices.js';
import { helpDialog } from './keyboard.js';
import { Lobby } from './lobby.js';
import { LocalMedia } from './local.js';
import { OpinionQuestion, worthAsking } from './opinion.js';
import { Publishing } from './publishing.js';

/** @typedef {import('../client/events.js').JoinRequest} JoinRequest */
/** @typedef {{room: string, name: string, token: string}} Kept what a reload needs to come back */

const KEPT = 'session';

const room = roomFromPath(location.pathname);
const local = new LocalMedia();
const lobby = new Lobby(room, local, (request) => void enter(request));
/** @type {Conference | null} */
let conference = null;
/** @type {Conference | null} whose socket is open before anybody joins */
let prepared = null;
/** @type {Call | null} */
let call = null;
let goodbyeReason = '';
const opinion = new OpinionQuestion();

/** For tests and diagnosis in the browser's console; not to be changed from there. */
Object.defineProperty(window, 'conference', { get: () => conference });

/** @param {'lobby' | 'call' | 'goodbye'} view */
function show(view) {
  for (const id of ['lobby', 'call', 'goodbye']) byId(id, HTMLElement).hidden = id !== view;
  // A field of the view that is gone must not go on swallowing shortcuts until the next frame.
  const focused = document.activeElement;
  if (focused instanceof HTMLElement && focused.closest('[hidden]')) focused.blur();
  document.title = `${room} · ${t('app.name')}`;
}

function newConference() {
  return new Conference(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`, {
    WebSocket, RTCPeerConnection, MediaStream,
    watched: () => document.visibilityState === 'visible',
  });
}

/** Somebody is about to press the button: have the socket open by then. */
function prepare() {
  prepared ??= newConference();
  prepared.prepare();
}

/**
 * @param {JoinRequest} request
 * @param {string} [token] of a session to go on with
 */
async function enter(request, token = '') {
  const entering = prepared ?? newConference();
  prepared = null;
  conference = entering;
  // The offers are prepared while the server is being asked.
  const publishing = new Publishing(entering, local);
  try {
    await (token ? entering.resume(token, request) : entering.join(request));
  } catch (error) {
    publishing.stop();
    if (token) openLobby();
    const { code, retryAfter } = error instanceof ConferenceError
      ? error : new ConferenceError('internal', String(error));
    lobby.refused(code, retryAfter);
    return;
  }
  lobby.close();
  remember({ recent: withRoom(settings().recent, room, Date.now()) });
  keep({ room, name: request.name, token: entering.token });
  show('call');
  call = new Call(entering, local, request.name);
  // Whoever cannot see the page hears where they are, and who with.
  byId('call-room', HTMLElement).focus();
  const others = entering.participants.length;
  announce(others ? t('live.inside', { count: others }) : t('room.alone'));
  let met = entering.participants.length > 0;
  entering.on('participantJoined', () => { met = true; });
  entering.on('state', ({ state, reason }) => {
    if (state === 'joined') keep({ room, name: request.name, token: entering.token });
    if (state !== 'ended') return;
    publishing.stop();
    if (worthAsking(reason, met)) {
      opinion.ask({ room, participant: entering.id, token: entering.token });
    } else {
      opinion.close();
    }
    sayGoodbye(reason);
  });
}

/** @param {string} reason `left` or an error code */
function sayGoodbye(reason) {
  call?.close();
  call = null;
  local.stop();
  keep(null);
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  goodbyeReason = reason;
  showGoodbye();
  show('goodbye');
  byId('goodbye-title', HTMLElement).focus();
}

function showGoodbye() {
  const left = goodbyeReason === 'left';
  byId('goodbye-title', HTMLElement).textContent = t(left ? 'bye.left' : 'bye.ended');
  byId('goodbye-room', HTMLElement).textContent = room;
  byId('goodbye-reason', HTMLElement).textContent =
    left ? t('bye.thanks') : errorText(goodbyeReason, { seconds: 10 });
}

function openLobby() {
  show('lobby');
  lobby.open();
}

/** @param {Kept | null} kept */
function keep(kept) {
  try {
    if (kept) sessionStorage.setItem(KEPT, JSON.stringify(kept));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // Without storage a reload asks for the name again.
  }
}

/** @returns {Kept | null} the session that this page had before it was reloaded */
function kept() {
  const [navigation] = performance.getEntriesByType('navigation');
  // A duplicated tab has the storage of the first, and must not take its place.
  if (!navigation || !('type' in navigation) || navigation.type !== 'reload') return null;
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null');
    return found?.room === room ? found : null;
  } catch {
    return null;
  }
}

function dialogs() {
  const dialog = byId('settings-dialog', HTMLDialogElement);
  const refresh = deviceChoice(
    byId('call-devices', HTMLElement),
    (device) => void local.choose(device),
    (id) => call?.speaker(id),
  );
  receptionChoice(() => call?.receptionChosen());
  byId('check-connection', HTMLButtonElement).onclick = () => {
    dialog.close();
    call?.checkConnections();
  };
  themeChoice(byId('theme', HTMLElement));
  languageChoice(byId('language', HTMLElement));
  for (const id of ['settings', 'lobby-settings']) {
    byId(id, HTMLButtonElement).onclick = () => {
      void refresh();
      byId('call-devices', HTMLElement).hidden = id !== 'settings';
      byId('check-connection', HTMLElement).hidden = id !== 'settings';
      dialog.showModal();
    };
  }
  for (const one of document.querySelectorAll('dialog')) {
    // A click on the dialog itself is one beside its content.
    one.addEventListener('click', (event) => {
      if (event.target === one) one.close();
    });
    for (const close of one.querySelectorAll('[data-close-dialog]')) {
      close.addEventListener('click', () => one.close());
    }
  }
  helpDialog();
}

async function start() {
  startTheme();
  dialogs();
  onLanguage(showGoodbye);
  onLanguage(() => label(byId('lobby-settings', HTMLElement), t('control.settings')));
  startLanguage();
  for (const sign of ['focusin', 'input', 'pointerenter', 'pointerdown', 'keydown']) {
    byId('join', HTMLFormElement).addEventListener(sign, prepare);
  }
  byId('rejoin', HTMLButtonElement).onclick = openLobby;
  addEventListener('pagehide', () => local.stop());
  const session = kept();
  keep(null);
  if (!session) {
    openLobby();
    return;
  }
  await local.start();
  await enter({ room, name: session.name }, session.token);
}

void start();
