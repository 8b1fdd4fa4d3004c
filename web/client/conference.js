/**
 * A participant's side of the conference: one WebSocket, two peer connections, no DOM.
 *
 * Theory of operation. A `Conference` is used once: `join` (or `resume`, after a reload), any
 * number of `publish` / `mute` / `chat`, then `leave`. In between it heals itself:
 *
 *   - the WebSocket drops: state `reconnecting`; the session is resumed with its token, and media
 *     flows on meanwhile. A session that has expired is joined anew under the same name.
 *   - a peer connection breaks or the network changes: an ICE restart first; what that does not
 *     cure, or what the server gave up, is built again, with growing pauses while that is no help.
 *   - `reset` (the media worker was lost): publish again at once; the server offers anew by itself.
 *
 * States: idle -> joining -> joined <-> reconnecting -> ended. A refused `join` goes back to idle.
 * Events are `CustomEvent`s; see `ConferenceEvents` in events.js for their details.
 */

import { ChatQueue } from './chat-queue.js';
import { Connections } from './connections.js';
import { ConferenceError, ConferenceEventTarget } from './events.js';
import { FEATURES, PROTOCOL_VERSION } from './messages.js';
import { Roster } from './roster.js';
import {
  REMOVED, RESUMED_ELSEWHERE, SignalingSocket, backoffMs, openWithinMs, retryMs,
} from './socket.js';
import { Looking } from './view-reporting.js';

/** @typedef {import('./messages.js').ChatMessage} ChatMessage */
/** @typedef {import('./messages.js').ErrorCode} ErrorCode */
/** @typedef {import('./messages.js').ServerMessage} ServerMessage */
/** @typedef {import('./messages.js').Source} Source */
/** @typedef {import('./messages.js').Welcome} Welcome */
/** @typedef {import('./events.js').JoinRequest} JoinRequest */
/** @typedef {import('./events.js').State} State */
/** @typedef {import('./streams.js').Role} Role */

/** @type {ReadonlySet<ErrorCode>} Errors on the way back that waiting may cure. */
const PASSING = new Set(['tooMany', 'serverBusy', 'internal', 'notJoined', 'alreadyJoined']);

export class Conference extends ConferenceEventTarget {
  /** @type {State} */
  #state = 'idle';
  #roster = new Roster({
    joined: (participant) => this.emit('participantJoined', { participant }),
    left: (participant, reason) => {
      this.#looking.forget(participant.id);
      this.emit('participantLeft', { participant, reason });
    },
    changed: (participant) => this.emit('participantChanged', { participant }),
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
  #silent = false;
  #id = '';
  #token = '';
  #attempt = 0;
  #url;
  #environment;
  #connections;
  #looking = new Looking((message) => this.#send(message));
  #chatQueue = new ChatQueue({
    send: (message) => this.#send(message),
    changed: () => this.emit('chatWaiting', { lines: this.#chatQueue.lines }),
  });

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
    this.#url = url;
    this.#environment = environment;
    this.#connections = new Connections(
      {
        send: (message) => this.#send(message),
        refused: ({ code, message }) => this.emit('problem', { code, message }),
        media: (participant, role) => this.emit('media', { participant, role }),
        state: (direction, state, reason) =>
          this.emit('connection', { direction, state, reason }),
        resubscribed: () => this.#looking.again(),
      },
      environment,
    );
  }

  get state() {
    return this.#state;
  }

  /** Whether the server has not answered for a moment. */
  get silent() {
    return this.#silent;
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
    return this.#connections.publisher.connection;
  }

  get subscribeConnection() {
    return this.#connections.subscriber.connection;
  }

  /** What we look at, and what the server says of it. */
  get looking() {
    return this.#looking;
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
    if (this.#state === 'idle' && !this.#socket) this.#connect();
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
    if (this.#resumed && !this.subscribeConnection) this.#send({ type: 'resubscribe' });
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
   * Tell the room. The caller silences the track itself (`track.enabled`), so it works at once.
   *
   * @param {Source} source
   * @param {boolean} muted
   */
  mute(source, muted) {
    this.#connections.publisher.mute(source, muted);
  }

  /** @param {import('./encodings.js').Size} size of the camera's pictures now: sending follows */
  cameraSized(size) {
    this.#connections.publisher.sized('camera', size);
  }

  /**
   * @param {string} text waits for the server; the event `chat` tells when the room has it
   * @returns {boolean} false when it is not taken: too much waits already, or the call is over
   */
  chat(text) {
    return ['joined', 'reconnecting'].includes(this.#state) && this.#chatQueue.say(text);
  }

  /** This machine has another network, or has one again: find the ways through it at once. */
  networkChanged() {
    if (this.#socket && this.#state === 'joined') {
      this.#socket.check();
      this.#connections.networkChanged();
    } else if (this.#state === 'reconnecting') {
      clearTimeout(this.#retry);
      this.#socket?.close();
      this.#connect();
    }
  }

  /** The browser says that there is no network any more. */
  networkLost() {
    if (this.#state === 'joined') this.#socket?.check();
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
      if (this.#socket) this.#introduce();
      else this.#connect();
    });
  }

  #connect() {
    const socket = new SignalingSocket(
      this.#url,
      {
        opened: () => this.#introduce(),
        message: (message) => this.#take(message),
        silent: (silent) => this.#setSilent(silent),
        closed: (code) => this.#lost(socket, code),
      },
      this.#environment.WebSocket,
      this.#state === 'reconnecting' ? openWithinMs(this.#attempt) : undefined,
    );
    this.#socket = socket;
  }

  #introduce() {
    if (this.#token) {
      this.#send({ type: 'resume', version: PROTOCOL_VERSION, token: this.#token });
    } else if (this.#request) {
      const own = { version: PROTOCOL_VERSION, features: FEATURES };
      this.#send({ type: 'join', ...own, ...this.#request });
    }
  }

  /**
   * @param {SignalingSocket} socket
   * @param {number} code
   */
  #lost(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#setSilent(false);
    this.#connections.offline();
    this.#chatQueue.offline();
    if (code === RESUMED_ELSEWHERE) {
      // Two pages with one token would otherwise take the session from each other for ever.
      this.#end('resumedElsewhere');
      return;
    }
    if (code === REMOVED) {
      this.#end('removed');
      return;
    }
    if (this.#state === 'joining' && !this.#token) {
      this.#refuse(new ConferenceError('unreachable', 'the server cannot be reached'));
    } else if (this.#state !== 'ended' && this.#state !== 'idle') {
      if (this.#state === 'joined') this.#setState('reconnecting');
      this.#connectLater(retryMs(this.#attempt, this.#environment.watched?.() ?? true));
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
    this.#looking.stop();
    this.#setState('ended', reason);
    this.#chatQueue.offline();
    this.#connections.close();
    this.#socket?.close();
    this.#socket = null;
    this.#entering?.reject(new ConferenceError(/** @type {ErrorCode} */ (reason), reason));
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
      case 'participantJoined': return this.#roster.add(message.participant);
      case 'participantLeft': return this.#roster.remove(message.participant, message.reason);
      case 'trackPublished': return this.#roster.publish(message.participant, message.track);
      case 'trackUnpublished': return this.#roster.unpublish(message.participant, message.track);
      case 'trackMuted':
        return this.#roster.mute(message.participant, message.track, message.muted);
      case 'chat': return this.#said(message);
      case 'speaking':
        return this.emit('speaking', {
          levels: new Map(message.participants.map(({ id, level }) => [id, level])),
        });
      default: return this.#takeMedia(message);
    }
  }

  /** @param {ServerMessage} message about connections and what flows in them */
  #takeMedia(message) {
    switch (message.type) {
      case 'published': return this.#connections.publisher.published(message);
      case 'offer': return void this.#connections.offered(message);
      case 'layers': return this.#connections.publisher.layers(message);
      case 'transport': return this.#connections.transport(message);
      case 'reset':
        this.#looking.again();
        return this.#connections.reset();
      case 'receiving':
        this.#looking.receiving(message);
        return this.emit('receiving', {});
      case 'quality':
        this.#looking.quality(message);
        return this.emit('quality', {});
      case 'because': return this.#looking.because(message);
      default: return undefined;
    }
  }

  /** @param {Welcome} welcome */
  #welcome(welcome) {
    const returned = this.#state === 'reconnecting';
    const before = this.#id;
    this.#id = welcome.participant;
    this.#token = welcome.token;
    this.#room = welcome.room;
    this.#resumed = welcome.resumed;
    this.#attempt = 0;
    this.#setState('joined');
    this.#roster.replace(welcome.participants);
    const known = this.#chat.at(-1)?.at ?? 0;
    for (const line of welcome.chat) if (line.at > known) this.#said(line, before);
    this.#chatQueue.online();
    this.#connections.online(returned && !welcome.resumed);
    if (returned && welcome.resumed) this.#connections.resumed();
    this.#looking.again();
    this.#entering?.resolve();
    this.#entering = null;
  }

  /** @param {import('./messages.js').ErrorMessage} error */
  #error(error) {
    const inside = this.#state === 'joined';
    if (inside) {
      if (!this.#connections.publisher.refused(error)) this.#refused(error);
    } else if (this.#state === 'idle') {
      // Prepared, and nobody came: the server closes the socket.
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

  /** @param {import('./messages.js').ErrorMessage} error that answers no open offer */
  #refused(error) {
    const { code, message, request, retryAfter } = error;
    if (this.#chatQueue.refused(error)) return;
    if (code === 'tooMany' && request) {
      const wait = (retryAfter || 1) * 1000;
      if (request === 'view') this.#looking.wait(wait);
      else this.#connections.askAgain(request, wait);
    } else if (code !== 'badMessage' || request === 'chat') {
      this.emit('problem', { code, message });
    } else {
      // An older server, which does not know all that we say. The call goes on without.
      this.#looking.refused();
      this.#connections.restartRefused();
    }
  }

  /** @param {number} wait milliseconds */
  #connectAgain(wait) {
    this.#socket?.close();
    this.#socket = null;
    this.#connectLater(wait);
  }

  /**
   * @param {ChatMessage} message
   * @param {string} [before] who we were in an earlier session
   */
  #said({ participant, name, text, at }, before) {
    const line = { participant, name, text, at };
    this.#chat = [...this.#chat, line].slice(-100);
    if (participant === this.#id || participant === before) this.#chatQueue.heard();
    this.emit('chat', line);
  }

  // Telling the caller.

  /** @param {boolean} silent */
  #setSilent(silent) {
    if (silent !== this.#silent) this.emit('silence', { silent: this.#silent = silent });
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
