/** Choices that only a room has: what is received, and which devices are used. */

import { byId, el, label, setIcon } from '../shared/dom.js';
import { onLanguage, t } from '../shared/i18n.js';
import { segments } from '../shared/preferences.js';
import { remember, settings } from '../shared/settings.js';
import { canChooseSpeaker, listDevices } from './media.js';

/** Switches of the page and what they are remembered as. */
const SWITCHES = /** @type {const} */ ([
  ['audio-only', 'audioOnly'], ['sound-elsewhere', 'soundElsewhere'],
]);

/**
 * What is received: how good the video, whether any, and whether there is sound. The controls are
 * those of the page, so that it can explain what each does.
 *
 * @param {() => void} chosen
 */
export function receptionChoice(chosen) {
  const quality = byId('quality', HTMLElement);
  segments(
    quality,
    'quality',
    [
      { value: 'auto', text: () => t('settings.qualityAuto') },
      { value: 'low', text: () => t('settings.qualityLow') },
      { value: 'high', text: () => t('settings.qualityHigh') },
    ],
    () => settings().quality,
    (value) => {
      remember({ quality: value });
      chosen();
    },
  );
  onLanguage(() => quality.setAttribute('aria-label', t('settings.quality')));
  for (const [id, name] of SWITCHES) {
    const input = byId(id, HTMLInputElement);
    input.onchange = () => {
      remember({ [name]: input.checked });
      chosen();
    };
  }
  showReceptionChoice();
}

/** Set the switches as remembered. */
export function showReceptionChoice() {
  for (const [id, name] of SWITCHES) byId(id, HTMLInputElement).checked = settings()[name];
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

/** @type {Record<'microphone' | 'camera', [on: string, off: string]>} */
const DEVICE_ICONS = { microphone: ['mic', 'mic-off'], camera: ['camera', 'camera-off'] };

/** What pressing the button does. */
const DEVICE_ACTS = /** @type {const} */ ({
  microphone: ['control.mute', 'control.unmute'], camera: ['control.cameraOff', 'control.cameraOn'],
});

/**
 * A button that turns a device on or off.
 *
 * @param {HTMLButtonElement} button
 * @param {'microphone' | 'camera'} device
 * @param {boolean} on
 * @param {string} [key] its keyboard shortcut
 */
export function showDeviceButton(button, device, on, key = '') {
  const now = on ? 0 : 1;
  button.classList.toggle('off', !on);
  setIcon(button, DEVICE_ICONS[device][now]);
  label(button, t(DEVICE_ACTS[device][now]), key);
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
