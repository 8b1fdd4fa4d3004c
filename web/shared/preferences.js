/** Choices that every page has, and that look the same on each: language and theme. */

import { el } from './dom.js';
import { language, onLanguage, setLanguage, t } from './i18n.js';
import { remember, settings } from './settings.js';

const darkSystem = matchMedia('(prefers-color-scheme: dark)');

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
export function segments(holder, name, options, chosen, choose) {
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

/** @param {'system' | 'light' | 'dark'} theme */
export function setTheme(theme) {
  remember({ theme });
  applyTheme();
}

function applyTheme() {
  const { theme } = settings();
  const shown = theme === 'system' ? (darkSystem.matches ? 'dark' : 'light') : theme;
  document.documentElement.dataset.theme = shown;
}

export function startTheme() {
  applyTheme();
  darkSystem.addEventListener('change', applyTheme);
}
