/**
 * The two peer connections of a participant: their media, and their repair.
 *
 * Theory of operation. Each direction has one `Repair`, fed with the connection's own state, with
 * the server's `transport` messages and with changes of the network. While the WebSocket is away
 * nothing is asked for; `resumed` takes up what is still broken then.
 */

import { Publisher } from './publisher.js';
import { Repair } from './repair.js';
import { Streams, Subscriber } from './subscriber.js';

/** @typedef {'publish' | 'subscribe'} Direction */
/** @typedef {import('./messages.js').ClientMessage} ClientMessage */
/** @typedef {import('./messages.js').ErrorMessage} ErrorMessage */
/** @typedef {import('./subscriber.js').Role} Role */

/** @type {readonly Direction[]} */
const DIRECTIONS = ['publish', 'subscribe'];

export class Connections {
  #hooks;
  #streams;
  #repairs;
  /** Whether messages reach the server. */
  #online = false;

  /**
   * @param {{
   *   send: (message: ClientMessage) => boolean,
   *   refused: (error: ErrorMessage) => void,
   *   media: (participant: string, role: Role) => void,
   *   state: (direction: Direction, state: RTCPeerConnectionState, reason: string) => void,
   *   resubscribed: () => void,
   * }} hooks `resubscribed`: the subscribe connection is a new one
   * @param {{RTCPeerConnection: typeof RTCPeerConnection, MediaStream: typeof MediaStream}}
   *   environment
   */
  constructor(hooks, environment) {
    this.#hooks = hooks;
    this.#streams = new Streams(environment.MediaStream);
    this.publisher = new Publisher(
      {
        send: hooks.send,
        refused: hooks.refused,
        broken: () => this.#repairs.publish.now(),
        stateChanged: (connection) => this.#watch('publish', connection),
      },
      environment.RTCPeerConnection,
    );
    this.subscriber = new Subscriber(
      {
        send: hooks.send,
        tracks: (tracks) => {
          for (const { participant, role } of this.#streams.hold(tracks)) {
            hooks.media(participant, role);
          }
        },
        broken: () => this.#repairs.subscribe.now(),
        stateChanged: (connection) => this.#watch('subscribe', connection),
      },
      environment.RTCPeerConnection,
    );
    this.#repairs = {
      publish: new Repair({
        restart: () => this.publisher.restartIce(),
        rebuild: () => this.#rebuild('publish'),
      }),
      subscribe: new Repair({
        restart: () => Boolean(this.subscriber.connection && this.#online)
          && hooks.send({ type: 'restartIce' }),
        rebuild: () => this.#rebuild('subscribe'),
      }),
    };
  }

  /**
   * @param {string} participant
   * @param {Role} role
   */
  streamOf(participant, role) {
    return this.#streams.of(participant, role);
  }

  /**
   * The session is up: a new one, or the old one again.
   *
   * @param {boolean} lost whether the server has forgotten what was before
   */
  online(lost) {
    this.#online = true;
    if (lost) {
      this.publisher.reset(false);
      this.subscriber.reset();
    }
    this.publisher.online();
  }

  /** The session went on after a pause: what is not well now may need new paths. */
  resumed() {
    for (const direction of DIRECTIONS) {
      const state = this.#connectionOf(direction)?.connectionState ?? '';
      if (['failed', 'disconnected'].includes(state)) this.#repairs[direction].restart();
    }
  }

  offline() {
    this.#online = false;
    this.publisher.offline();
  }

  /** This machine has another network, or one again: do not wait until the old paths time out. */
  networkChanged() {
    for (const direction of DIRECTIONS) this.#repairs[direction].restart();
  }

  /**
   * The server had too many requests of this type to take one: ask for what is wanted by then.
   *
   * @param {string} request
   * @param {number} wait milliseconds
   */
  askAgain(request, wait) {
    setTimeout(() => {
      if (!this.#online) return;
      if (request === 'mute') this.publisher.sendAllMuted();
      else if (request === 'restartIce') this.#hooks.send({ type: 'restartIce' });
      else if (request === 'answer' || request === 'resubscribe') this.#rebuild('subscribe');
    }, wait);
  }

  /** The server does not know `restartIce`. */
  restartRefused() {
    if (this.#repairs.subscribe.restarting) this.#repairs.subscribe.now();
  }

  /** @param {import('./messages.js').Offer} offer */
  offered(offer) {
    if (offer.restart) this.#hooks.resubscribed();
    return this.subscriber.offered(offer);
  }

  /** @param {import('./messages.js').Transport} message */
  transport({ connection: direction, state, reason }) {
    if (state === 'connected') return;
    // It is about a connection that has been replaced already.
    if (!this.#connectionOf(direction)) return;
    if (direction === 'publish' && this.publisher.restarting) return;
    this.#hooks.state(direction, 'failed', reason);
    // The server has forgotten it, so a new path to it would be of no use.
    this.#repairs[direction].now();
  }

  /** The media worker was lost. */
  reset() {
    for (const repair of Object.values(this.#repairs)) repair.stop();
    for (const direction of DIRECTIONS) {
      if (this.#connectionOf(direction)) this.#hooks.state(direction, 'failed', 'workerLost');
    }
    this.subscriber.reset();
    this.publisher.reset(true);
  }

  close() {
    this.#online = false;
    for (const repair of Object.values(this.#repairs)) repair.stop();
    this.publisher.close();
    this.subscriber.reset();
  }

  /**
   * @param {Direction} direction
   * @param {RTCPeerConnection} connection
   */
  #watch(direction, connection) {
    const state = connection.connectionState;
    this.#repairs[direction].see(state);
    this.#hooks.state(direction, state, '');
  }

  /** @param {Direction} direction */
  #rebuild(direction) {
    // Without a socket nothing can be built; `resumed` follows.
    if (!this.#online) return;
    if (direction === 'publish') {
      this.publisher.reset(true);
    } else {
      this.subscriber.reset();
      this.#hooks.send({ type: 'resubscribe' });
      this.#hooks.resubscribed();
    }
  }

  /** @param {Direction} direction */
  #connectionOf(direction) {
    return this[direction === 'publish' ? 'publisher' : 'subscriber'].connection;
  }
}
