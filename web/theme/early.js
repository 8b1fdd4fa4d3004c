// Runs before the first paint, so that a dark page never flashes light. shared/preferences.js takes over.
(() => {
  let theme = 'system';
  try {
    theme = JSON.parse(localStorage.getItem('settings') ?? '{}').theme ?? 'system';
  } catch {
    // Nothing stored: as the system prefers.
  }
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const shown = theme === 'system' ? (dark ? 'dark' : 'light') : theme;
  document.documentElement.dataset.theme = shown;
})();
