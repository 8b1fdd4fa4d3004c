/**
 * A participant's side of the conference: one WebSocket, two peer connections, no DOM.
 *
 * Theory of operation. A `Conference` is used once: `join` (or `resume`, after a reload), any
 * number of `publish` / `mute` / `chat`, then `leave`. In between it heals itself:
 *
 *   - the WebSocket drops: state `reconnecting`; the session is resumed with its token, and media
 *     flows on meanwhile. A session that has expired is joined anew under the same name.
 *   - a peer connection breaks or the network changes: an ICE restart first; what that does not
 *     cure, or what the server has closed, is built again, with growing pauses while that is no help.
 *   - `reset` (the media worker was lost): publish again at once; the server offers anew by itself.
 *
 * States: idle -> joining -> joined <-> reconnecting -> ended. A refused `join` goes back to idle.
 * Events are `CustomEvent`s; see `ConferenceEvents` in events.js for their details.
 */

import { Chat } from './chat.js';
import { Connections } from './connections.js';
import { ConferenceError, ConferenceEventTarget } from './events.js';
import { Link } from './link.js';
import { FEATURES, PROTOCOL_VERSION } from './messages.js';
import { ReasonRequests } from './reasons.js';
import { Roster } from './roster.js';
import { REMOVED, RESUMED_ELSEWHERE } from './socket.js';
import { ViewReporting } from './view-reporting.js';

/** @typedef {import('./messages.js').ErrorCode} ErrorCode */
/** @typedef {import('./messages.js').ServerMessage} ServerMessage */
/** @typedef {import('./messages.js').Source} Source */
/** @typedef {import('./messages.js').Welcome} Welcome */
/** @typedef {import('./events.js').JoinRequest} JoinRequest */
/** @typedef {import('./events.js').State} State */
/** @typedef {import('./subscriber.js').Role} Role */

/** @type {ReadonlySet<ErrorCode>} Refusals of a return that waiting may cure. */
const TRANSIENT = new Set(['tooMany', 'serverBusy', 'internal', 'notJoined', 'alreadyJoined']);

export class Conference extends ConferenceEventTarget {
  /** @type {State} */
  #state = 'idle';
  /** @type {import('./messages.js').RoomInfo | null} */
  #room = null;
  /** @type {JoinRequest | null} */
  #request = null;
  /** @type {{resolve: () => void, reject: (error: ConferenceError) => void} | null} */
  #entering = null;
  #resumed = false;
  #id = '';
  #token = '';
  #link;
  #connections;
  #roster = new Roster({
    joined: (participant) => this.emit('participantJoined', { participant }),
    left: (participant, reason) => {
      this.#view.forget(participant.id);
      this.emit('participantLeft', { participant, reason });
    },
    changed: (participant) => this.emit('participantChanged', { participant }),
  });
  #view = new ViewReporting((message) => this.#link.send(message));
  #reasons = new ReasonRequests((message) => this.#link.send(message));
  #chat = new Chat({
    send: (message) => this.#link.send(message),
    line: (line) => this.emit('chat', line),
    waiting: (lines) => this.emit('chatWaiting', { lines }),
  });

  /** @type {{[Type in ServerMessage['type']]?: (message: Extract<ServerMessage, {type: Type}>) => void}} */
  #handlers = {
    welcome: (message) => this.#welcome(message),
    error: (message) => this.#error(message),
    participantJoined: ({ participant }) => this.#roster.add(participant),
    participantLeft: ({ participant, reason }) => this.#roster.remove(participant, reason),
    trackPublished: ({ participant, track }) => this.#roster.publish(participant, track),
    trackUnpublished: ({ participant, track }) => this.#roster.unpublish(participant, track),
    trackMuted: ({ participant, track, muted }) => this.#roster.mute(participant, track, muted),
    chat: (message) => this.#chat.heard(message, message.participant === this.#id),
    speaking: ({ participants }) => this.emit('speaking', { levels: levelsOf(participants) }),
    published: (message) => this.#connections.publisher.published(message),
    layers: (message) => this.#connections.publisher.layers(message),
    offer: (message) => void this.#connections.offered(message),
    transport: (message) => this.#connections.transport(message),
    reset: () => {
      this.#view.reportAgain();
      this.#connections.reset();
    },
    receiving: (message) => {
      this.#view.receiving(message);
      this.emit('receiving', {});
    },
    quality: (message) => {
      this.#view.quality(message);
      this.emit('quality', {});
    },
    because: (message) => this.#reasons.answered(message),
  };

  /**
   * @param {string} url of the WebSocket, `wss://.../ws`
   * @param {{
   *   WebSocket: typeof WebSocket, RTCPeerConnection: typeof RTCPeerConnection,
   *   MediaStream: typeof MediaStream, watched?: () => boolean,
   * }} [environment] `watched`: whether somebody looks at the page, and so waits; without it
   *   somebody always does
   */
  constructor(url, environment = globalThis) {
    super();
    this.#link = new Link(url, environment, {
      opened: () => this.#introduce(),
      message: (message) => this.#receive(message),
      silent: (silent) => this.emit('silence', { silent }),
      lost: (code) => this.#lost(code),
    });
    this.#connections = new Connections(
      {
        send: (message) => this.#link.send(message),
        refused: ({ code, message }) => this.emit('problem', { code, message }),
        media: (participant, role) => this.emit('media', { participant, role }),
        state: (direction, state, reason) =>
          this.emit('connection', { direction, state, reason }),
        resubscribed: () => this.#view.reportAgain(),
      },
      environment,
    );
  }

  get state() {
    return this.#state;
  }

  /** Whether the server has not answered for a moment. */
  get silent() {
    return this.#link.silent;
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
    return this.#chat.history;
  }

  get publishConnection() {
    return this.#connections.publisher.connection;
  }

  get subscribeConnection() {
    return this.#connections.subscriber.connection;
  }

  /** What is seen and heard here, and what the server reports of it. */
  get view() {
    return this.#view;
  }

  /** What is received, and in which m-line of the subscribe connection. */
  get receivedTracks() {
    return this.#connections.subscriber.tracks;
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
    return this.#connections.streamOf(participant, role);
  }

  /** Open the socket already, so that `join` waits for no handshake. May be called any time. */
  prepare() {
    if (this.#state === 'idle' && !this.#link.exists) this.#link.connect();
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
    this.#connections.publisher.reset(true, true);
    await this.#enter();
    if (this.#resumed && !this.subscribeConnection) this.#link.send({ type: 'resubscribe' });
  }

  /**
   * Send `track` as `source` from now on, or with null keep the source and send nothing.
   *
   * @param {Source} source
   * @param {MediaStreamTrack | null} track
   * @param {boolean} [muted]
   */
  publish(source, track, muted = false) {
    return this.#connections.publisher.set(source, track, muted);
  }

  /** @param {Source} source */
  unpublish(source) {
    return this.#connections.publisher.remove(source);
  }

  /**
   * Report it to the room. The caller silences the track itself (`track.enabled`), so that it works
   * at once.
   *
   * @param {Source} source
   * @param {boolean} muted
   */
  mute(source, muted) {
    this.#connections.publisher.mute(source, muted);
  }

  /** @param {import('./encodings.js').Size} size of the camera's video now: sending follows */
  cameraSized(size) {
    this.#connections.publisher.sized('camera', size);
  }

  /**
   * @param {string} text waits for the server; the event `chat` comes when the room has it
   * @returns {boolean} false when it is not taken: too much waits already, or the call is over
   */
  chat(text) {
    return ['joined', 'reconnecting'].includes(this.#state) && this.#chat.say(text);
  }

  /**
   * Why is this participant not seen or heard?
   *
   * @param {string} participant
   * @returns {Promise<import('./messages.js').Reasons | null>} null when the server does not answer
   */
  async askReasons(participant) {
    return this.#view.supported ? this.#reasons.ask(participant) : null;
  }

  /** This machine has another network, or has one again: look for new paths at once. */
  networkChanged() {
    if (this.#link.exists && this.#state === 'joined') {
      this.#link.check();
      this.#connections.networkChanged();
    } else if (this.#state === 'reconnecting') {
      this.#link.connect(true);
    }
  }

  /** The browser reports that there is no network any more. */
  networkLost() {
    if (this.#state === 'joined') this.#link.check();
  }

  leave() {
    this.#link.send({ type: 'leave' });
    this.#end('left');
  }

  // Connecting.

  /** @returns {Promise<void>} */
  #enter() {
    if (this.#state !== 'idle') return Promise.reject(new Error(`join() while ${this.#state}`));
    this.#setState('joining');
    return new Promise((resolve, reject) => {
      this.#entering = { resolve, reject };
      if (this.#link.exists) this.#introduce();
      else this.#link.connect();
    });
  }

  #introduce() {
    if (this.#token) {
      this.#link.send({ type: 'resume', version: PROTOCOL_VERSION, token: this.#token });
    } else if (this.#request) {
      const own = { version: PROTOCOL_VERSION, features: FEATURES };
      this.#link.send({ type: 'join', ...own, ...this.#request });
    }
  }

  /** @param {number} code of the socket's close */
  #lost(code) {
    this.#connections.offline();
    this.#chat.offline();
    if (code === RESUMED_ELSEWHERE) {
      // Two pages with one token would otherwise take the session from each other for ever.
      this.#end('resumedElsewhere');
    } else if (code === REMOVED) {
      this.#end('removed');
    } else if (this.#state === 'joining' && !this.#token) {
      this.#refuse(new ConferenceError('unreachable', 'the server cannot be reached'));
    } else if (this.#state !== 'ended' && this.#state !== 'idle') {
      if (this.#state === 'joined') this.#setState('reconnecting');
      this.#link.connectSoon(this.#isReturning);
    }
  }

  get #isReturning() {
    return this.#state === 'reconnecting';
  }

  /** @param {ConferenceError} error */
  #refuse(error) {
    this.#link.drop();
    this.#setState('idle');
    this.#entering?.reject(error);
    this.#entering = null;
  }

  /** @param {string} reason */
  #end(reason) {
    if (this.#state === 'ended') return;
    this.#view.stop();
    this.#reasons.cancel();
    this.#setState('ended', reason);
    this.#chat.offline();
    this.#connections.close();
    this.#link.drop();
    this.#entering?.reject(new ConferenceError(/** @type {ErrorCode} */ (reason), reason));
    this.#entering = null;
  }

  // Messages.

  /** @param {ServerMessage} message of a type that may be a newer server's: then it is ignored */
  #receive(message) {
    if (!Object.hasOwn(this.#handlers, message.type)) return;
    const handler = /** @type {(message: ServerMessage) => void} */ (this.#handlers[message.type]);
    handler(message);
  }

  /** @param {Welcome} welcome */
  #welcome(welcome) {
    const returned = this.#isReturning;
    const before = this.#id;
    this.#id = welcome.participant;
    this.#token = welcome.token;
    this.#room = welcome.room;
    this.#resumed = welcome.resumed;
    this.#link.succeeded();
    this.#setState('joined');
    this.#roster.replace(welcome.participants);
    // In the history we may still stand under the id of an earlier session.
    this.#chat.online(welcome.chat, (id) => id === this.#id || id === before);
    this.#connections.online(returned && !welcome.resumed);
    if (returned && welcome.resumed) this.#connections.resumed();
    this.#view.reportAgain();
    this.#entering?.resolve();
    this.#entering = null;
  }

  /** @param {import('./messages.js').ErrorMessage} error */
  #error(error) {
    if (this.#state === 'joined') {
      if (!this.#connections.publisher.refused(error)) this.#requestRefused(error);
    } else if (this.#state === 'idle') {
      // Prepared, and nobody came: the server closes the socket.
    } else if (error.code === 'sessionExpired') {
      this.#token = '';
      if (!error.fatal) this.#introduce();
      else this.#connectAgain(0);
    } else if (this.#state === 'joining' && !this.#token) {
      this.#refuse(new ConferenceError(error.code, error.message, error.retryAfter));
    } else if (TRANSIENT.has(error.code)) {
      this.#connectAgain(error.retryAfter ? error.retryAfter * 1000 : null);
    } else {
      this.#end(error.code);
    }
  }

  /** @param {number | null} wait milliseconds; null: the server named none */
  #connectAgain(wait) {
    this.#link.drop();
    if (wait === null) this.#link.connectLater(this.#isReturning);
    else this.#link.connectAfter(wait, this.#isReturning);
  }

  /** @param {import('./messages.js').ErrorMessage} error that answers no open offer */
  #requestRefused(error) {
    const { code, message, request, retryAfter } = error;
    if (this.#chat.refused(error)) return;
    if (code === 'tooMany' && request) {
      const wait = (retryAfter || 1) * 1000;
      if (request === 'view') this.#view.postpone(wait);
      else this.#connections.askAgain(request, wait);
    } else if (code !== 'badMessage' || request === 'chat') {
      this.emit('problem', { code, message });
    } else {
      // An older server, which does not know all messages. The call goes on without.
      this.#view.refused();
      this.#reasons.cancel();
      this.#connections.restartRefused();
    }
  }

  /**
   * @param {State} state
   * @param {string} [reason]
   */
  #setState(state, reason = '') {
    if (state === this.#state) return;
    this.#state = state;
    this.emit('state', { state, reason });
  }
}

/** @param {{id: string, level: number}[]} participants */
function levelsOf(participants) {
  return new Map(participants.map(({ id, level }) => [id, level]));
}
