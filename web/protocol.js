/**
 * A participant's side of the conference: one WebSocket, two peer connections, no DOM.
 *
 * Theory of operation. A `Conference` is used once: `join` (or `resume`, after a reload), any
 * number of `publish` / `mute` / `chat`, then `leave`. In between it heals itself:
 *
 *   - the WebSocket drops: state `reconnecting`; the session is resumed with its token, and media
 *     flows on meanwhile. A session that has expired is joined anew under the same name.
 *   - a peer connection fails (its own state, or the server's `transport` message): it is built
 *     again, with growing pauses while that does not help.
 *   - `reset` (the media worker was lost): publish again at once; the server offers anew by itself.
 *
 * States: idle -> joining -> joined <-> reconnecting -> ended. A refused `join` goes back to idle.
 * Events are `CustomEvent`s; see `ConferenceEvents` for their details.
 */

import { ConferenceError } from './errors.js';
import { PROTOCOL_VERSION } from './messages.js';
import { Publisher } from './publisher.js';
import { Repair } from './repair.js';
import { Roster } from './roster.js';
import { RESUMED_ELSEWHERE, SignalingSocket, backoffMs } from './socket.js';
import { Streams } from './streams.js';
import { Subscriber } from './subscriber.js';

export { ConferenceError };

/** @typedef {import('./messages.js').ChatMessage} ChatMessage */
/** @typedef {import('./messages.js').ErrorCode} ErrorCode */
/** @typedef {import('./messages.js').Participant} Participant */
/** @typedef {import('./messages.js').ServerMessage} ServerMessage */
/** @typedef {import('./messages.js').Source} Source */
/** @typedef {import('./messages.js').Welcome} Welcome */

/** @typedef {'idle' | 'joining' | 'joined' | 'reconnecting' | 'ended'} State */
/** @typedef {'publish' | 'subscribe'} Direction */
/** @typedef {import('./streams.js').Role} Role */
/** @typedef {{room: string, name: string, password?: string}} JoinRequest */

/**
 * @typedef {object} ConferenceEvents Event name and `detail`.
 * @property {{state: State, reason: string}} state `reason` of `ended`: `left`,
 *   `resumedElsewhere` or an error code
 * @property {{participant: Participant}} participantJoined
 * @property {{participant: Participant, reason: string}} participantLeft
 * @property {{participant: Participant}} participantChanged its tracks or their mute state
 * @property {{participant: string, role: Role}} media `streamOf` has changed
 * @property {ChatMessage} chat
 * @property {{levels: Map<string, number>}} speaking who speaks now, 0 loudest to 127
 * @property {{direction: Direction, state: RTCPeerConnectionState, reason: string}} connection
 * @property {{code: ErrorCode, message: string}} problem a request was refused
 */

/** @type {readonly Direction[]} */
const DIRECTIONS = ['publish', 'subscribe'];
/** @type {ReadonlySet<ErrorCode>} Errors on the way back that waiting may cure. */
const PASSING = new Set(['tooMany', 'serverBusy', 'internal', 'notJoined', 'alreadyJoined']);

export class Conference extends EventTarget {
  /** @type {State} */
  #state = 'idle';
  #roster = new Roster({
    joined: (participant) => this.#emit('participantJoined', { participant }),
    left: (participant, reason) => this.#emit('participantLeft', { participant, reason }),
    changed: (participant) => this.#emit('participantChanged', { participant }),
  });
  /** @type {ChatMessage[]} */
  #chat = [];
  /** @type {import('./messages.js').RoomInfo | null} */
  #room = null;
  /** @type {SignalingSocket | null} */
  #socket = null;
  /** @type {JoinRequest | null} */
  #request = null;
  /** @type {{resolve: () => void, reject: (error: ConferenceError) => void} | null} */
  #entering = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  #resumed = false;
  #id = '';
  #token = '';
  #attempt = 0;
  #url;
  #environment;
  #streams;
  #repairs;
  #publisher;
  #subscriber;

  /**
   * @param {string} url of the WebSocket, `wss://.../ws`
   * @param {{
   *   WebSocket: typeof WebSocket, RTCPeerConnection: typeof RTCPeerConnection,
   *   MediaStream: typeof MediaStream,
   * }} [environment]
   */
  constructor(url, environment = globalThis) {
    super();
    this.#url = url;
    this.#environment = environment;
    this.#streams = new Streams(environment.MediaStream);
    this.#repairs = {
      publish: new Repair(() => this.#rebuild('publish')),
      subscribe: new Repair(() => this.#rebuild('subscribe')),
    };
    this.#publisher = new Publisher(
      {
        send: (message) => this.#send(message),
        refused: ({ code, message }) => this.#emit('problem', { code, message }),
        broken: () => this.#repairs.publish.now(),
        stateChanged: (connection) => this.#watch('publish', connection),
      },
      environment.RTCPeerConnection,
    );
    this.#subscriber = new Subscriber(
      {
        send: (message) => this.#send(message),
        tracks: (tracks) => {
          for (const changed of this.#streams.hold(tracks)) this.#emit('media', changed);
        },
        broken: () => this.#repairs.subscribe.now(),
        stateChanged: (connection) => this.#watch('subscribe', connection),
      },
      environment.RTCPeerConnection,
    );
  }

  get state() {
    return this.#state;
  }

  /** Our own participant id; empty before the first welcome. */
  get id() {
    return this.#id;
  }

  /** Opaque; `resume` takes it after a reload. */
  get token() {
    return this.#token;
  }

  get room() {
    return this.#room;
  }

  /** Everybody else, in order of arrival. */
  get participants() {
    return this.#roster.participants;
  }

  /** The last hundred messages. */
  get chatHistory() {
    return [...this.#chat];
  }

  get publishConnection() {
    return this.#publisher.connection;
  }

  get subscribeConnection() {
    return this.#subscriber.connection;
  }

  /**
   * What is received of a participant: camera and microphone in one stream, screen and its sound
   * in another, so that each pair is played in step.
   *
   * @param {string} participant
   * @param {Role} role
   * @returns {MediaStream | null}
   */
  streamOf(participant, role) {
    return this.#streams.of(participant, role);
  }

  /**
   * Enter a room. Resolves when inside; rejects with `ConferenceError`, after which `join` may be
   * called again.
   *
   * @param {JoinRequest} request
   * @returns {Promise<void>}
   */
  join(request) {
    this.#request = request;
    return this.#enter();
  }

  /**
   * Return to a session of an earlier page, which must have ended less than 30 s ago. What that
   * page published ends; publish again. Should the session have expired, this joins anew.
   *
   * @param {string} token
   * @param {JoinRequest} request
   * @returns {Promise<void>}
   */
  async resume(token, request) {
    this.#request = request;
    this.#token = token;
    this.#publisher.reset(true, true);
    await this.#enter();
    if (this.#resumed && !this.#subscriber.connection) this.#send({ type: 'resubscribe' });
  }

  /**
   * Send `track` as `source` from now on, or with null keep the source and send nothing.
   *
   * @param {Source} source
   * @param {MediaStreamTrack | null} track
   * @param {boolean} [muted]
   */
  publish(source, track, muted = false) {
    return this.#publisher.set(source, track, muted);
  }

  /** @param {Source} source */
  unpublish(source) {
    return this.#publisher.remove(source);
  }

  /**
   * Tell the room. The caller silences the track itself (`track.enabled`), so it works at once.
   *
   * @param {Source} source
   * @param {boolean} muted
   */
  mute(source, muted) {
    this.#publisher.mute(source, muted);
  }

  /**
   * @param {string} text
   * @returns {boolean} false when there is no connection at the moment
   */
  chat(text) {
    return this.#send({ type: 'chat', text });
  }

  /** Try the server now rather than at the next scheduled moment. */
  retryNow() {
    if (this.#state !== 'reconnecting' || this.#socket) return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  leave() {
    this.#send({ type: 'leave' });
    this.#end('left');
  }

  // Connecting.

  /** @returns {Promise<void>} */
  #enter() {
    if (this.#state !== 'idle') return Promise.reject(new Error(`join() while ${this.#state}`));
    this.#setState('joining');
    return new Promise((resolve, reject) => {
      this.#entering = { resolve, reject };
      this.#connect();
    });
  }

  #connect() {
    const socket = new SignalingSocket(
      this.#url,
      {
        opened: () => this.#introduce(),
        message: (message) => this.#take(message),
        closed: (code) => this.#lost(socket, code),
      },
      this.#environment.WebSocket,
    );
    this.#socket = socket;
  }

  #introduce() {
    if (this.#token) {
      this.#send({ type: 'resume', version: PROTOCOL_VERSION, token: this.#token });
    } else if (this.#request) {
      this.#send({ type: 'join', version: PROTOCOL_VERSION, ...this.#request });
    }
  }

  /**
   * @param {SignalingSocket} socket
   * @param {number} code
   */
  #lost(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#publisher.offline();
    if (code === RESUMED_ELSEWHERE) {
      // Two pages with one token would otherwise take the session from each other for ever.
      this.#end('resumedElsewhere');
      return;
    }
    if (this.#state === 'joining' && !this.#token) {
      this.#refuse(new ConferenceError('unreachable', 'the server cannot be reached'));
    } else if (this.#state !== 'ended' && this.#state !== 'idle') {
      if (this.#state === 'joined') this.#setState('reconnecting');
      this.#connectLater(backoffMs(this.#attempt));
      this.#attempt += 1;
    }
  }

  /** @param {number} wait milliseconds */
  #connectLater(wait) {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  /** @param {ConferenceError} error */
  #refuse(error) {
    this.#socket?.close();
    this.#socket = null;
    this.#setState('idle');
    this.#entering?.reject(error);
    this.#entering = null;
  }

  /** @param {string} reason */
  #end(reason) {
    if (this.#state === 'ended') return;
    clearTimeout(this.#retry);
    for (const repair of Object.values(this.#repairs)) repair.stop();
    this.#setState('ended', reason);
    this.#publisher.close();
    this.#subscriber.reset();
    this.#socket?.close();
    this.#socket = null;
    this.#entering?.reject(new ConferenceError('unreachable', reason));
    this.#entering = null;
  }

  /** @param {import('./messages.js').ClientMessage} message */
  #send(message) {
    return this.#socket?.send(message) ?? false;
  }

  // Messages.

  /** @param {ServerMessage} message */
  #take(message) {
    switch (message.type) {
      case 'welcome': return this.#welcome(message);
      case 'error': return this.#error(message);
      case 'published': return this.#publisher.published(message);
      case 'offer': return void this.#subscriber.offered(message);
      case 'participantJoined': return this.#roster.add(message.participant);
      case 'participantLeft': return this.#roster.remove(message.participant, message.reason);
      case 'trackPublished': return this.#roster.publish(message.participant, message.track);
      case 'trackUnpublished': return this.#roster.unpublish(message.participant, message.track);
      case 'trackMuted':
        return this.#roster.mute(message.participant, message.track, message.muted);
      case 'chat': return this.#said(message);
      case 'speaking':
        return this.#emit('speaking', {
          levels: new Map(message.participants.map(({ id, level }) => [id, level])),
        });
      case 'transport': return this.#transport(message);
      case 'reset': return this.#reset();
      default: return undefined;
    }
  }

  /** @param {Welcome} welcome */
  #welcome(welcome) {
    const returned = this.#state === 'reconnecting';
    this.#id = welcome.participant;
    this.#token = welcome.token;
    this.#room = welcome.room;
    this.#resumed = welcome.resumed;
    this.#attempt = 0;
    if (returned && !welcome.resumed) {
      this.#publisher.reset(false);
      this.#subscriber.reset();
    }
    this.#setState('joined');
    this.#roster.replace(welcome.participants);
    const known = this.#chat.at(-1)?.at ?? 0;
    for (const line of welcome.chat) if (line.at > known) this.#said(line);
    this.#publisher.online();
    if (returned && welcome.resumed) this.#repairBroken();
    this.#entering?.resolve();
    this.#entering = null;
  }

  /** @param {import('./messages.js').ErrorMessage} error */
  #error(error) {
    const inside = this.#state === 'joined';
    if (inside) {
      if (!this.#publisher.refused(error)) {
        this.#emit('problem', { code: error.code, message: error.message });
      }
    } else if (error.code === 'sessionExpired') {
      this.#token = '';
      if (!error.fatal) this.#introduce();
      else this.#connectAgain(0);
    } else if (this.#state === 'joining' && !this.#token) {
      this.#refuse(new ConferenceError(error.code, error.message, error.retryAfter));
    } else if (PASSING.has(error.code)) {
      this.#connectAgain(error.retryAfter ? error.retryAfter * 1000 : backoffMs(this.#attempt++));
    } else {
      this.#end(error.code);
    }
  }

  /** @param {number} wait milliseconds */
  #connectAgain(wait) {
    this.#socket?.close();
    this.#socket = null;
    this.#connectLater(wait);
  }

  /** @param {ChatMessage} message */
  #said({ participant, name, text, at }) {
    const line = { participant, name, text, at };
    this.#chat = [...this.#chat, line].slice(-100);
    this.#emit('chat', line);
  }

  // Media.

  /**
   * @param {Direction} direction
   * @param {RTCPeerConnection} connection
   */
  #watch(direction, connection) {
    const state = connection.connectionState;
    this.#repairs[direction].see(state);
    this.#emit('connection', { direction, state, reason: '' });
  }

  /** @param {import('./messages.js').Transport} message */
  #transport({ connection: direction, state, reason }) {
    if (state === 'connected') return;
    const current = this.#connectionOf(direction);
    // Old news of a connection that has been given up already.
    if (!current || (direction === 'publish' && this.#publisher.restarting)) return;
    this.#emit('connection', { direction, state: 'failed', reason });
    this.#repairs[direction].now();
  }

  /** @param {Direction} direction */
  #rebuild(direction) {
    // Without a socket nothing can be built; #repairBroken follows on resuming.
    if (this.#state !== 'joined') return;
    if (direction === 'publish') {
      this.#publisher.reset(true);
    } else {
      this.#subscriber.reset();
      this.#send({ type: 'resubscribe' });
    }
  }

  #repairBroken() {
    for (const direction of DIRECTIONS) {
      const state = this.#connectionOf(direction)?.connectionState ?? '';
      if (['failed', 'disconnected'].includes(state)) this.#repairs[direction].now();
    }
  }

  #reset() {
    for (const repair of Object.values(this.#repairs)) repair.stop();
    for (const direction of DIRECTIONS) {
      if (this.#connectionOf(direction)) {
        this.#emit('connection', { direction, state: 'failed', reason: 'workerLost' });
      }
    }
    this.#subscriber.reset();
    this.#publisher.reset(true);
  }

  /** @param {Direction} direction */
  #connectionOf(direction) {
    return direction === 'publish' ? this.publishConnection : this.subscribeConnection;
  }

  // Telling the caller.

  /**
   * @param {State} state
   * @param {string} [reason]
   */
  #setState(state, reason = '') {
    if (state === this.#state) return;
    this.#state = state;
    this.#emit('state', { state, reason });
  }

  /**
   * @template {keyof ConferenceEvents} Name
   * @param {Name} name
   * @param {ConferenceEvents[Name]} detail
   */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /**
   * `addEventListener` with the detail's type.
   *
   * @template {keyof ConferenceEvents} Name
   * @param {Name} name
   * @param {(detail: ConferenceEvents[Name]) => void} listener
   */
  on(name, listener) {
    this.addEventListener(name, (event) => listener(/** @type {CustomEvent} */ (event).detail));
  }
}
