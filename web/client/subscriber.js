/**
 * The subscribe connection: what this participant receives.
 *
 * The server offers; each offer names every track and the m-line that carries it. Offers are
 * answered one after another. An m-line may carry another participant's track in the next offer:
 * the browser's track object then stays the same, only what it carries changes.
 */

import { ConnectionSlot } from './connection-slot.js';

/** @typedef {import('./messages.js').Offer} Offer */
/** @typedef {import('./messages.js').OfferedTrack} OfferedTrack */

/** @typedef {OfferedTrack & {media: MediaStreamTrack}} RemoteTrack */
/** @typedef {'person' | 'screen'} Role A person's camera and microphone, or their screen. */

export class Subscriber {
  #slot;
  #queue = Promise.resolve();
  /** @type {RemoteTrack[]} */
  #tracks = [];
  #hooks;

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
    this.#slot = new ConnectionSlot(PeerConnection, hooks.stateChanged);
  }

  get connection() {
    return this.#slot.connection;
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
    this.#slot.close();
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
    const connection = this.connection ?? this.#slot.open();
    try {
      await this.#slot.unlessClosed(apply(connection, offer.sdp));
    } catch {
      if (connection === this.connection) this.#hooks.broken();
      return;
    }
    if (connection !== this.connection) return;
    this.#hold(received(connection, offer.tracks));
    this.#hooks.send({
      type: 'answer', id: offer.id, sdp: connection.localDescription?.sdp ?? '',
    });
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

/** The media streams of the others: which track plays where. */
export class Streams {
  /** @type {Map<string, MediaStream>} by role and participant */
  #streams = new Map();
  #Stream;

  /** @param {typeof MediaStream} Stream */
  constructor(Stream) {
    this.#Stream = Stream;
  }

  /**
   * @param {string} participant
   * @param {Role} role
   * @returns {MediaStream | null}
   */
  of(participant, role) {
    return this.#streams.get(`${role} ${participant}`) ?? null;
  }

  /**
   * Hold exactly these tracks from now on.
   *
   * @param {RemoteTrack[]} tracks
   * @returns {{participant: string, role: Role}[]} whose streams have changed
   */
  hold(tracks) {
    /** @type {Map<string, Set<MediaStreamTrack>>} */
    const wanted = new Map([...this.#streams.keys()].map((key) => [key, new Set()]));
    for (const { source, participant, media } of tracks) {
      const key = `${source.startsWith('screen') ? 'screen' : 'person'} ${participant}`;
      wanted.set(key, (wanted.get(key) ?? new Set()).add(media));
    }
    return [...wanted].flatMap(([key, media]) => {
      if (!this.#fill(key, media)) return [];
      const [role, participant] = /** @type {[Role, string]} */ (key.split(' '));
      return [{ participant, role }];
    });
  }

  /**
   * @param {string} key
   * @param {Set<MediaStreamTrack>} media
   * @returns {boolean} whether anything changed
   */
  #fill(key, media) {
    const stream = this.#streams.get(key) ?? new this.#Stream();
    const old = stream.getTracks().filter((track) => !media.has(track));
    const fresh = [...media].filter((track) => !stream.getTracks().includes(track));
    for (const track of old) stream.removeTrack(track);
    for (const track of fresh) stream.addTrack(track);
    if (media.size === 0) this.#streams.delete(key);
    else this.#streams.set(key, stream);
    return old.length + fresh.length > 0;
  }
}
