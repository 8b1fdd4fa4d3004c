/** The head that the dashboard and the reports share: links, language, theme, log out. */

import { byId, label } from '../shared/dom.js';
import { onLanguage } from '../shared/i18n.js';
import { languageChoice, startTheme, themeButton } from '../shared/preferences.js';
import { logOut } from './ask.js';

/** @param {() => string} logOutText in the language of now */
export function startFrame(logOutText) {
  const out = byId('logout', HTMLButtonElement);
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
  themeButton(byId('theme', HTMLButtonElement));
  onLanguage(() => label(out, logOutText()));
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
