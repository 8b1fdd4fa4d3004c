/** What a `Conference` (conference.js) takes and reports: requests, events and refusals. */

/** @typedef {import('./messages.js').ChatMessage} ChatMessage */
/** @typedef {import('./messages.js').ErrorCode} ErrorCode */
/** @typedef {import('./messages.js').Participant} Participant */

/** @typedef {'idle' | 'joining' | 'joined' | 'reconnecting' | 'ended'} State */
/** @typedef {import('./connections.js').Direction} Direction */
/** @typedef {import('./subscriber.js').Role} Role */
/** @typedef {{room: string, name: string, password?: string}} JoinRequest */

/**
 * @typedef {object} ConferenceEvents Event name and `detail`.
 * @property {{state: State, reason: string}} state `reason` of `ended`: `left`,
 *   `resumedElsewhere`, `removed` or an error code
 * @property {{silent: boolean}} silence the server has not answered for a moment, or does again
 * @property {{participant: Participant}} participantJoined
 * @property {{participant: Participant, reason: string}} participantLeft
 * @property {{participant: Participant}} participantChanged its tracks or their mute state
 * @property {{participant: string, role: Role}} media `streamOf` has changed
 * @property {ChatMessage} chat
 * @property {{lines: string[]}} chatWaiting what was written here and has not come back from the server
 * @property {{levels: Map<string, number>}} speaking who speaks now, 0 loudest to 127
 * @property {{direction: Direction, state: RTCPeerConnectionState, reason: string}} connection
 * @property {{code: ErrorCode, message: string}} problem a request was refused
 * @property {{}} receiving `view.receivingOf` has changed
 * @property {{}} quality `view.qualityOf` has changed
 */

/** An event target whose events have typed details. */
export class ConferenceEventTarget extends EventTarget {
  /**
   * Only for the conference itself.
   *
   * @template {keyof ConferenceEvents} Name
   * @param {Name} name
   * @param {ConferenceEvents[Name]} detail
   */
  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /**
   * `addEventListener` with the detail's type.
   *
   * @template {keyof ConferenceEvents} Name
   * @param {Name} name
   * @param {(detail: ConferenceEvents[Name]) => void} listener
   * @param {AbortSignal} [signal] until when
   */
  on(name, listener, signal) {
    const options = signal && { signal };
    this.addEventListener(
      name, (event) => listener(/** @type {CustomEvent} */ (event).detail), options,
    );
  }
}

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
