/** Choices that look the same on every page: language, theme, devices. */

import { el } from './dom.js';
import { language, onLanguage, setLanguage, t } from './i18n.js';
import { canChooseSpeaker, listDevices } from './media.js';
import { remember, settings } from './settings.js';
import { setTheme } from './theme/theme.js';

/**
 * A row of mutually exclusive choices, as radio buttons.
 *
 * @template {string} Value
 * @param {HTMLElement} holder
 * @param {string} name of the group
 * @param {{value: Value, text: () => string}[]} options
 * @param {() => Value} chosen
 * @param {(value: Value) => void} choose
 */
function segments(holder, name, options, chosen, choose) {
  const inputs = options.map(({ value, text }) => {
    const input = el('input', { type: 'radio', name, value, class: 'visually-hidden' });
    const caption = el('span', {}, text());
    input.onchange = () => choose(value);
    onLanguage(() => {
      caption.textContent = text();
      input.checked = chosen() === value;
    });
    input.checked = chosen() === value;
    return el('label', { class: 'segment' }, input, caption);
  });
  holder.replaceChildren(...inputs);
}

/** @param {HTMLElement} holder */
export function languageChoice(holder) {
  segments(
    holder,
    'language',
    [{ value: 'id', text: () => 'ID' }, { value: 'en', text: () => 'EN' }],
    language,
    setLanguage,
  );
  const [indonesian, english] = holder.querySelectorAll('input');
  indonesian?.setAttribute('aria-label', 'Bahasa Indonesia');
  english?.setAttribute('aria-label', 'English');
  onLanguage(() => holder.setAttribute('aria-label', t('settings.language')));
}

/** @param {HTMLElement} holder */
export function themeChoice(holder) {
  segments(
    holder,
    'theme',
    [
      { value: 'system', text: () => t('settings.system') },
      { value: 'light', text: () => t('settings.light') },
      { value: 'dark', text: () => t('settings.dark') },
    ],
    () => settings().theme,
    setTheme,
  );
  onLanguage(() => holder.setAttribute('aria-label', t('settings.appearance')));
}

/**
 * The pickers for camera, microphone and speaker, kept up to date as devices come and go.
 *
 * @param {HTMLElement} holder
 * @param {(device: 'camera' | 'microphone', id: string) => void} chosen
 * @param {(id: string) => void} speakerChosen
 * @returns {() => Promise<void>} reads the devices again: their names are known only once one of
 *   them has been opened
 */
export function deviceChoice(holder, chosen, speakerChosen) {
  const kinds = /** @type {const} */ (['camera', 'microphone', 'speaker']);
  const shown = kinds.filter((kind) => kind !== 'speaker' || canChooseSpeaker());
  const selects = shown.map((kind) => {
    const caption = el('span', { class: 'field-name' });
    const select = el('select', { class: 'input select' });
    onLanguage(() => { caption.textContent = t(`lobby.${kind}`); });
    caption.textContent = t(`lobby.${kind}`);
    select.onchange = () => {
      remember({ [kind]: select.value });
      if (kind === 'speaker') speakerChosen(select.value);
      else chosen(kind, select.value);
    };
    holder.append(el('label', { class: 'field', 'data-device': kind }, caption, select));
    return { kind, select };
  });
  const refresh = async () => {
    const devices = await listDevices();
    for (const { kind, select } of selects) fill(select, devices[kind], settings()[kind]);
  };
  navigator.mediaDevices?.addEventListener?.('devicechange', () => void refresh());
  onLanguage(() => void refresh());
  return refresh;
}

/**
 * @param {HTMLSelectElement} select
 * @param {MediaDeviceInfo[]} devices
 * @param {string} chosen device id
 */
function fill(select, devices, chosen) {
  const named = devices.filter(({ deviceId }) => deviceId !== 'default');
  select.replaceChildren(
    el('option', { value: '' }, t('lobby.defaultDevice')),
    ...named.map(({ deviceId, label }, index) =>
      el('option', { value: deviceId },
        label || t('lobby.unnamedDevice', { number: index + 1 }))),
  );
  select.value = named.some(({ deviceId }) => deviceId === chosen) ? chosen : '';
}
