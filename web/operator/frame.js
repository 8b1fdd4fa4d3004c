/** The head that the dashboard and the reports share: links, language, theme, log out. */

import { byId, label, setIcon } from '../shared/dom.js';
import { onLanguage, t } from '../shared/i18n.js';
import { languageChoice, setTheme, startTheme } from '../shared/preferences.js';
import { logOut } from './ask.js';

/** @param {() => string} logOutText in the language of now */
export function startFrame(logOutText) {
  const theme = byId('theme', HTMLButtonElement);
  const out = byId('logout', HTMLButtonElement);
  const dark = () => document.documentElement.dataset.theme === 'dark';
  const show = () => {
    setIcon(theme, dark() ? 'sun' : 'moon');
    label(theme, `${t('settings.appearance')}: ${t(dark() ? 'settings.light' : 'settings.dark')}`);
    label(out, logOutText());
  };
  theme.onclick = () => {
    setTheme(dark() ? 'light' : 'dark');
    show();
  };
  out.onclick = async () => {
    try {
      await logOut();
    } finally {
      // Nothing of what was shown stays behind.
      location.assign('/admin');
      if (location.pathname === '/admin') location.reload();
    }
  };
  startTheme();
  languageChoice(byId('language', HTMLElement));
  onLanguage(show);
  showPlace(document.body.dataset.view ?? '');
}

/**
 * Mark the link to the page, or the part of it, that is shown.
 *
 * @param {string} place
 */
export function showPlace(place) {
  for (const link of document.querySelectorAll('.admin-nav a')) {
    if (link.getAttribute('data-place') === place) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}
