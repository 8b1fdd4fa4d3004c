/** The start page: choose a room, or make one up. */

import { byId, el, icon } from '../shared/dom.js';
import { language, onLanguage, startLanguage, t } from '../shared/i18n.js';
import { languageChoice, startTheme, themeButton } from '../shared/preferences.js';
import { randomRoomName, roomName, roomPath } from '../shared/rooms.js';
import { remember, settings } from '../shared/settings.js';

const form = byId('form', HTMLFormElement);
const room = byId('room', HTMLInputElement);
const problem = byId('problem', HTMLElement);
const recent = byId('recent', HTMLElement);

function showRecent() {
  const rooms = settings().recent;
  recent.hidden = rooms.length === 0;
  byId('recent-list', HTMLElement).replaceChildren(
    ...rooms.map(({ name }) =>
      el('li', {}, el('a', { class: 'chip', href: roomPath(name), title: name },
        icon('clock'), el('bdi', {}, name)))),
  );
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const name = roomName(room.value);
  problem.hidden = Boolean(name);
  room.setAttribute('aria-invalid', String(!name));
  if (name) {
    location.assign(roomPath(name));
  } else {
    problem.textContent = t('start.badName');
    room.focus();
  }
});

room.oninput = () => {
  problem.hidden = true;
  room.removeAttribute('aria-invalid');
};

byId('random', HTMLButtonElement).onclick = () => {
  room.value = randomRoomName(language());
  room.dispatchEvent(new Event('input'));
  room.focus();
};

byId('forget', HTMLButtonElement).onclick = () => {
  remember({ recent: [] });
  showRecent();
  room.focus();
};

startTheme();
languageChoice(byId('language', HTMLElement));
themeButton(byId('theme', HTMLButtonElement));
onLanguage(() => { document.title = t('app.name'); });
startLanguage();
showRecent();
if (matchMedia('(pointer: fine)').matches) room.focus();
