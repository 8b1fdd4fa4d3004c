/** Dark or light: as the system says, or as chosen. */

import { remember, settings } from '../settings.js';

const darkSystem = matchMedia('(prefers-color-scheme: dark)');

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
