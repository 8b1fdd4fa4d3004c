/** The list of people. */

import { avatar, byId, el, icon } from '../shared/dom.js';
import { t } from '../shared/i18n.js';

/**
 * @typedef {object} Person
 * @property {string} name
 * @property {boolean} self
 * @property {boolean} microphone on
 * @property {boolean} camera on
 * @property {boolean} screen shared
 */

/** @param {Person[]} people */
export function showPeople(people) {
  byId('people-list', HTMLElement).replaceChildren(...people.map(row));
  byId('people-count', HTMLElement).textContent = String(people.length);
}

/** @param {Person} person */
function row({ name, self, microphone, camera, screen }) {
  return el('li', { class: 'person-row' },
    avatar(name),
    el('span', { class: 'person-name', dir: 'auto', title: name },
      self ? t('room.youNamed', { name }) : name),
    ...(screen ? [mark('screen', t('people.sharing'), true)] : []),
    mark(microphone ? 'mic' : 'mic-off',
      t(microphone ? 'people.microphoneOn' : 'people.microphoneOff'), microphone),
    mark(camera ? 'camera' : 'camera-off',
      t(camera ? 'people.cameraOn' : 'people.cameraOff'), camera));
}

/**
 * @param {string} image
 * @param {string} text
 * @param {boolean} on
 */
function mark(image, text, on) {
  return el('span', { class: on ? 'mark on' : 'mark', role: 'img', 'aria-label': text, title: text },
    icon(image));
}
