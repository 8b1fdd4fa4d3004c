/** Choices that every page has, and that look the same on each: language and theme. */

import { label, segment, setIcon } from './dom.js';
import { language, onLanguage, setLanguage, t } from './i18n.js';
import { remember, settings } from './settings.js';

const darkSystem = matchMedia('(prefers-color-scheme: dark)');

/**
 * A row of choices that exclude each other, kept in the page's language.
 *
 * @template {string} Value
 * @param {HTMLElement} holder
 * @param {string} name of the group
 * @param {{value: Value, text: () => string}[]} options
 * @param {() => Value} chosen
 * @param {(value: Value) => void} choose
 */
export function segments(holder, name, options, chosen, choose) {
  holder.replaceChildren(...options.map(({ value, text }) => {
    const { root, input, caption } = segment(name, value, text(), chosen() === value, choose);
    onLanguage(() => {
      caption.textContent = text();
      input.checked = chosen() === value;
    });
    return root;
  }));
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
 * A button that changes between light and dark.
 *
 * @param {HTMLButtonElement} button
 */
export function themeButton(button) {
  const isDark = () => document.documentElement.dataset.theme === 'dark';
  const show = () => {
    setIcon(button, isDark() ? 'sun' : 'moon');
    label(button, `${t('settings.appearance')}: ${t(isDark() ? 'settings.light' : 'settings.dark')}`);
  };
  button.onclick = () => {
    setTheme(isDark() ? 'light' : 'dark');
    show();
  };
  onLanguage(show);
}

/** @param {'system' | 'light' | 'dark'} theme */
function setTheme(theme) {
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
