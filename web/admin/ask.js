/** What the admin asks of the server besides looking. No DOM. */

/**
 * @typedef {object} Capture
 * @property {string} id
 * @property {string} participant
 * @property {string} name
 * @property {string} room
 * @property {number} started Unix time
 * @property {boolean} headersOnly
 * @property {number} seconds
 * @property {number} limitBytes
 * @property {number} bytes
 * @property {number} packets
 * @property {'running' | 'done' | 'failed'} state
 */

/** The server said no; `code` has a sentence. */
export class Refused extends Error {
  /** @param {string} code @param {number} [seconds] to wait */
  constructor(code, seconds = 0) {
    super(code);
    this.code = code;
    this.seconds = seconds;
  }
}

/** @type {Record<number, string>} codes of answers without one of their own */
const CODES = { 401: 'loggedOut', 403: 'forbidden', 429: 'tooMany', 404: 'notFound' };

/**
 * @param {string} path
 * @param {object | null} [body] null: only ask
 * @returns {Promise<any>}
 */
async function ask(path, body = null) {
  let answer;
  try {
    answer = await fetch(`/api/admin/${path}`, body === null ? {} : {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Refused('unreachable');
  }
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  throw new Refused(told.error ?? CODES[answer.status] ?? 'failed',
    Number(answer.headers.get('Retry-After') ?? 0));
}

/** @returns {Promise<boolean>} */
export const loggedIn = async () => (await ask('session')).admin;
/** @param {string} token */
export const logIn = (token) => ask('login', { token });
export const logOut = () => ask('logout', {});
/** @param {string} participant */
export const remove = (participant) => ask(`participants/${encodeURIComponent(participant)}/remove`, {});
/** @param {string} room */
export const closeRoom = (room) => ask(`rooms/${encodeURIComponent(room)}/close`, {});
/** @returns {Promise<Capture[]>} */
export const captures = async () => (await ask('captures')).captures;
/** @param {{participant: string, headersOnly: boolean, seconds: number, limitBytes: number}} wanted */
export const startCapture = (wanted) => ask('captures', wanted);
/** @param {string} id */
export const stopCapture = (id) => ask(`captures/${encodeURIComponent(id)}/stop`, {});
/** @param {string} id */
export const captureFile = (id) => `/api/admin/captures/${encodeURIComponent(id)}/file`;
