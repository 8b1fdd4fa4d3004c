/** The link that brings others into a room. */

import { roomPath } from '../shared/rooms.js';

/**
 * Whether a page's host means the machine that the page is shown on.
 *
 * @param {string} host
 */
export function isThisMachine(host) {
  return /^(?:localhost|.*\.localhost|127(?:\.\d+){3}|\[?::1\]?)$/i.test(host);
}

export class Invitation {
  #base = '';
  #room;

  /**
   * Asks the server at once, where the page's own address is of no use to others: when somebody
   * presses the button, the browser lets the clipboard be written only without waiting.
   *
   * @param {string} room
   */
  constructor(room) {
    this.#room = room;
    if (isThisMachine(location.hostname)) void this.#ask();
  }

  get link() {
    return new URL(roomPath(this.#room), this.#base || location.href).href;
  }

  /** Whether nobody on another machine can follow it. */
  get onlyHere() {
    return !this.#base && isThisMachine(location.hostname);
  }

  async #ask() {
    try {
      const response = await fetch('/api/invitation');
      if (response.ok) this.#base = (await response.json()).base;
    } catch {
      // Then the page says that the link leads nowhere else.
    }
  }
}
