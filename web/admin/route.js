/** What the page looks at, as part of its address. No DOM. */

/** @typedef {{room: string, participant: string, server?: boolean}} Route empty: everything */

/**
 * @param {string} hash with or without the leading #
 * @returns {Route}
 */
export function routeOf(hash) {
  const [, kind, rest = ''] = /^#?\/?(\w*)\/?(.*)$/.exec(hash) ?? [];
  let name = rest;
  try {
    name = decodeURIComponent(rest);
  } catch {
    // Not ours; taken as it is.
  }
  if (kind === 'room' && name) return { room: name, participant: '' };
  if (kind === 'person' && name) return { room: '', participant: name };
  return { room: '', participant: '', server: kind === 'server' };
}

/**
 * @param {Route} route
 */
export function hashOf({ room, participant, server }) {
  if (participant) return `#/person/${encodeURIComponent(participant)}`;
  if (room) return `#/room/${encodeURIComponent(room)}`;
  return server ? '#/server' : '#/';
}

/**
 * The page of the admin's that somebody wanted before they had to log in; empty for none.
 *
 * @param {string} search of the address
 * @param {string} origin ours
 */
export function nextPage(search, origin) {
  const next = new URLSearchParams(search).get('next') ?? '';
  if (!next.startsWith('/admin/')) return '';
  // As the browser itself will read it: `//`, `\\` and dots may lead elsewhere.
  const url = new URL(next, origin);
  return url.origin === origin && url.pathname.startsWith('/admin/') ? url.pathname : '';
}
