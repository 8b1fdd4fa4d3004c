/**
 * The subscribe connection: what this participant receives.
 *
 * The server offers; each offer names every track and the m-line that carries it. Offers are
 * answered one after another. An m-line may carry another participant's track in the next offer:
 * the browser's track object then stays the same, only its meaning changes.
 */

import { unlessClosed } from './interruptible.js';

/** @typedef {import('./messages.js').Offer} Offer */
/** @typedef {import('./messages.js').OfferedTrack} OfferedTrack */

/** @typedef {OfferedTrack & {media: MediaStreamTrack}} RemoteTrack */

export class Subscriber {
  /** @type {RTCPeerConnection | null} */
  #connection = null;
  #closing = new AbortController();
  #queue = Promise.resolve();
  /** @type {RemoteTrack[]} */
  #tracks = [];
  #hooks;
  #PeerConnection;

  /**
   * @param {{
   *   send: (message: import('./messages.js').ClientMessage) => boolean,
   *   tracks: (tracks: RemoteTrack[]) => void,
   *   broken: () => void,
   *   stateChanged: (connection: RTCPeerConnection) => void,
   * }} hooks `broken`: an offer could not be applied; a new connection is needed.
   * @param {typeof RTCPeerConnection} PeerConnection
   */
  constructor(hooks, PeerConnection) {
    this.#hooks = hooks;
    this.#PeerConnection = PeerConnection;
  }

  get connection() {
    return this.#connection;
  }

  /** What the last offer named. */
  get tracks() {
    return this.#tracks;
  }

  /** @param {Offer} offer */
  offered(offer) {
    this.#queue = this.#queue.then(() => this.#answer(offer));
    return this.#queue;
  }

  /** Forget the connection and everything received by it. */
  reset() {
    this.#connection?.close();
    this.#connection = null;
    this.#closing.abort();
    this.#hold([]);
  }

  /** @param {RemoteTrack[]} tracks */
  #hold(tracks) {
    this.#tracks = tracks;
    this.#hooks.tracks(tracks);
  }

  /** @param {Offer} offer */
  async #answer(offer) {
    if (offer.restart) this.reset();
    const connection = this.#connection ?? this.#create();
    try {
      await unlessClosed(apply(connection, offer.sdp), this.#closing.signal);
    } catch {
      if (connection === this.#connection) this.#hooks.broken();
      return;
    }
    if (connection !== this.#connection) return;
    this.#hold(received(connection, offer.tracks));
    this.#hooks.send({
      type: 'answer', id: offer.id, sdp: connection.localDescription?.sdp ?? '',
    });
  }

  #create() {
    const connection = new this.#PeerConnection({ bundlePolicy: 'max-bundle' });
    this.#connection = connection;
    this.#closing = new AbortController();
    connection.onconnectionstatechange = () => {
      if (connection === this.#connection) this.#hooks.stateChanged(connection);
    };
    return connection;
  }
}

/**
 * @param {RTCPeerConnection} connection
 * @param {string} sdp of an offer
 */
async function apply(connection, sdp) {
  await connection.setRemoteDescription({ type: 'offer', sdp });
  await connection.setLocalDescription(await connection.createAnswer());
}

/**
 * @param {RTCPeerConnection} connection
 * @param {OfferedTrack[]} tracks
 * @returns {RemoteTrack[]}
 */
function received(connection, tracks) {
  const media = new Map(
    connection.getTransceivers().map(({ mid, receiver }) => [mid, receiver.track]),
  );
  return tracks.flatMap((track) => {
    const found = media.get(track.mid);
    return found ? [{ ...track, media: found }] : [];
  });
}
