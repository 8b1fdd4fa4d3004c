/** What the operator's pages ask of the server. No DOM. */

/** The server refused, or could not be reached; each page has a sentence for `code`. */
export class Refused extends Error {
  /**
   * @param {string} code
   * @param {number} [seconds] to wait
   * @param {number} [status] of the answer; 0 for none
   */
  constructor(code, seconds = 0, status = 0) {
    super(code);
    this.code = code;
    this.seconds = seconds;
    this.status = status;
  }
}

/** @type {Record<number, string>} codes of answers without one of their own */
const CODES = { 401: 'loggedOut', 403: 'forbidden', 404: 'notFound', 429: 'tooMany' };

/**
 * @param {string} path below `/api/admin/`
 * @param {{body?: object, signal?: AbortSignal}} [options] `body`: post it; without one, only read
 * @returns {Promise<any>} rejects with `Refused`, or as `fetch` does when `signal` aborts
 */
export async function ask(path, { body, signal } = {}) {
  let response;
  try {
    response = await fetch(`/api/admin/${path}`, {
      signal: signal ?? null,
      ...(body && {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused('unreachable');
  }
  const answer = await response.json().catch(() => null);
  // An act may be answered with nothing.
  if (response.ok && (answer !== null || body)) return answer ?? {};
  throw new Refused(answer?.error ?? CODES[response.status] ?? 'failed',
    Number(response.headers.get('Retry-After') ?? 0), response.status);
}

export const logOut = () => ask('logout', { body: {} });
