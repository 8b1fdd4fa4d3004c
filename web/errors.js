/** What the conference's promises reject with. */

/** @typedef {import('./messages.js').ErrorCode} ErrorCode */

/** Why a join or a request was refused; `code` is a protocol error code or `unreachable`. */
export class ConferenceError extends Error {
  /**
   * @param {ErrorCode | 'unreachable'} code
   * @param {string} message
   * @param {number | null} [retryAfter] seconds
   */
  constructor(code, message, retryAfter = null) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}
