/**
 * The publish connection: what this participant sends.
 *
 * Theory of operation. The caller names what it sends by source (`set`, `remove`, `mute`); the
 * publisher keeps one transceiver for each source and negotiates whenever the list changed. At
 * most one offer is open; changes meanwhile go into the next. A track is exchanged without
 * negotiation (`replaceTrack`). An offer whose answer never came because the WebSocket dropped is
 * sent again, with the next id, once the session has resumed: the server may or may not have seen
 * the first, and its answer fits either way. `reset` throws the connection away and offers all
 * sources again on a new one; `restartIce` keeps it and offers it new ways through the network.
 */

import { cameraEncodings, encodingsFor, inTemporalLayers, sizeOf } from './encodings.js';
import { Interrupted, unlessClosed } from './interruptible.js';
import { ActiveEncodings, addSending, ensureEncodings, preferVp8 } from './sender.js';

/** @typedef {import('./messages.js').ErrorMessage} ErrorMessage */
/** @typedef {import('./messages.js').Published} PublishedMessage */
/** @typedef {import('./messages.js').Source} Source */

/**
 * @typedef {object} Sending One source.
 * @property {Source} source
 * @property {MediaStreamTrack | null} track null while its device is off
 * @property {boolean} muted
 * @property {boolean} active false once removed; its transceiver waits to be used again
 * @property {import('./encodings.js').Size | null} size of the pictures, as last known
 * @property {RTCRtpTransceiver | null} transceiver
 * @property {ActiveEncodings | null} encodings of its transceiver, when it is video
 * @property {string} id the server's track id; empty until it is published
 */

/** The server refused an offer. */
class Refused extends Error {
  /** @param {ErrorMessage} answer */
  constructor(answer) {
    super(answer.message);
    this.answer = answer;
  }
}

const BUSY_RETRY_MS = 1000;

export class Publisher {
  /** @type {RTCPeerConnection | null} */
  #connection = null;
  #closing = new AbortController();
  /** @type {Map<Source, Sending>} */
  #sending = new Map();
  /** @type {{id: number, resolve: (m: PublishedMessage) => void, reject: (e: Error) => void} | null} */
  #open = null;
  /** @type {Promise<void> | null} */
  #running = null;
  /** @type {Array<() => void>} */
  #waitingForSocket = [];
  #online = false;
  #wanted = false;
  #restart = false;
  #iceRestart = false;
  /** @type {Map<string, string[]>} encodings that the server wants, by its track id */
  #layers = new Map();
  #closed = false;
  #lastId = 0;
  #hooks;
  #PeerConnection;

  /**
   * @param {{
   *   send: (message: import('./messages.js').ClientMessage) => boolean,
   *   refused: (error: ErrorMessage) => void,
   *   broken: () => void,
   *   stateChanged: (connection: RTCPeerConnection) => void,
   * }} hooks `broken`: the connection is of no more use; `reset` is needed.
   * @param {typeof RTCPeerConnection} PeerConnection
   */
  constructor(hooks, PeerConnection) {
    this.#hooks = hooks;
    this.#PeerConnection = PeerConnection;
  }

  get connection() {
    return this.#connection;
  }

  /** Whether a new connection has been offered and not yet answered. */
  get restarting() {
    return this.#restart;
  }

  /** @param {Source} source */
  trackId(source) {
    return this.#sending.get(source)?.id ?? '';
  }

  /**
   * Send `track` as `source`, instead of what was sent as it before. With null the source stays
   * published and sends nothing: for a camera that is off.
   *
   * @param {Source} source
   * @param {MediaStreamTrack | null} track
   * @param {boolean} muted
   */
  async set(source, track, muted) {
    const sending = this.#sending.get(source);
    if (!sending) {
      this.#sending.set(source, {
        source, track, muted, active: true, size: sizeOf(track), transceiver: null,
        encodings: null, id: '',
      });
      return this.#negotiate();
    }
    sending.track = track;
    await this.#replaceTrack(sending);
    sending.size = sizeOf(track) ?? sending.size;
    this.#fit(sending);
    if (sending.active) {
      this.mute(source, muted);
      if (sending.transceiver || !track) return undefined;
    }
    sending.muted = muted;
    sending.active = true;
    return this.#negotiate();
  }

  /** @param {Source} source */
  async remove(source) {
    const sending = this.#sending.get(source);
    if (!sending?.active) return undefined;
    sending.active = false;
    sending.track = null;
    this.#layers.delete(sending.id);
    sending.id = '';
    await this.#replaceTrack(sending);
    return this.#negotiate();
  }

  /**
   * Tell the others that this source is muted. The caller silences the track itself.
   *
   * @param {Source} source
   * @param {boolean} muted
   */
  mute(source, muted) {
    const sending = this.#sending.get(source);
    if (!sending || sending.muted === muted) return;
    sending.muted = muted;
    this.#tellMuted(sending);
  }

  /**
   * The pictures of a source are of this size: another camera's, or the same one's, turned.
   *
   * @param {Source} source
   * @param {import('./encodings.js').Size} size
   */
  sized(source, size) {
    const sending = this.#sending.get(source);
    if (!sending) return;
    sending.size = size;
    this.#fit(sending);
  }

  /** @param {Sending} sending */
  #fit({ source, size, encodings }) {
    if (source !== 'camera' || !size) void encodings?.apply();
    else void encodings?.fit(inTemporalLayers(cameraEncodings(size.width, size.height)));
  }

  /** @param {import('./messages.js').Layers} message */
  layers({ track, rids }) {
    this.#layers.set(track, rids);
    const sending = [...this.#sending.values()].find(({ id }) => id === track);
    void sending?.encodings?.want(rids);
  }

  /**
   * Offer the connection again with new ICE credentials.
   *
   * @returns {boolean} false when there is none, or no server to offer it to
   */
  restartIce() {
    if (!this.#connection || !this.#online) return false;
    this.#iceRestart = true;
    void this.#negotiate();
    return true;
  }

  /** @param {PublishedMessage} message */
  published(message) {
    if (this.#open?.id === message.id) this.#open.resolve(message);
  }

  /**
   * @param {ErrorMessage} error
   * @returns {boolean} whether it answered our open offer
   */
  refused(error) {
    if (!this.#open || this.#open.id !== error.id) return false;
    this.#open.reject(new Refused(error));
    return true;
  }

  /** The session is up (again): messages reach the server. */
  online() {
    this.#online = true;
    for (const go of this.#waitingForSocket.splice(0)) go();
    this.tellMuted();
  }

  /** Tell of all that is published whether it is muted. */
  tellMuted() {
    for (const sending of this.#sending.values()) this.#tellMuted(sending);
  }

  /** The socket is gone; the connection lives on. */
  offline() {
    this.#online = false;
    this.#open?.reject(new Interrupted());
  }

  /**
   * Start over with a new connection, if there is anything to send.
   *
   * @param {boolean} restart whether the server may still hold an earlier one
   * @param {boolean} [evenEmpty] offer even when nothing is sent, to end what the earlier one sent
   */
  reset(restart, evenEmpty = false) {
    this.#drop();
    this.#restart = restart;
    this.#open?.reject(new Interrupted());
    if (evenEmpty || this.#anythingToSend()) void this.#negotiate();
  }

  close() {
    this.#closed = true;
    this.#drop();
    this.#open?.reject(new Interrupted());
    for (const go of this.#waitingForSocket.splice(0)) go();
  }

  #anythingToSend() {
    return [...this.#sending.values()].some(({ active, track }) => active && track);
  }

  /**
   * Send what the source has now.
   *
   * @param {Sending} sending
   */
  async #replaceTrack({ transceiver, track }) {
    if (!transceiver) return;
    try {
      await unlessClosed(transceiver.sender.replaceTrack(track), this.#closing.signal);
    } catch (error) {
      // The next connection takes the new track from the start.
      if (!(error instanceof Interrupted)) throw error;
    }
  }

  #drop() {
    this.#connection?.close();
    this.#connection = null;
    this.#closing.abort();
    this.#iceRestart = false;
    this.#layers.clear();
    for (const sending of this.#sending.values()) {
      sending.transceiver = null;
      sending.encodings = null;
      sending.id = '';
      if (!sending.active) this.#sending.delete(sending.source);
    }
  }

  /** @param {Sending} sending */
  #tellMuted(sending) {
    if (sending.id) {
      this.#hooks.send({ type: 'mute', track: sending.id, muted: sending.muted });
    }
  }

  /** Resolves when what is wanted now has been offered and answered. */
  #negotiate() {
    this.#wanted = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run() {
    // What the caller sets in one breath goes into one offer.
    await null;
    while (this.#wanted && !this.#closed) {
      this.#wanted = false;
      try {
        await this.#exchange();
      } catch (error) {
        if (this.#closed) return;
        // Superseded by reset(): the loop takes what is wanted now.
        if (error instanceof Interrupted) this.#wanted = true;
        else this.#hooks.broken();
      }
    }
  }

  async #exchange() {
    if (!this.#connection && !this.#restart && !this.#anythingToSend()) return;
    const connection = this.#connection ?? this.#create();
    const offered = this.#offerAndAnswer(connection)
      .catch((error) => this.#afterRefusal(connection, error));
    try {
      await unlessClosed(offered, this.#closing.signal);
    } catch (error) {
      // A connection closed by reset() fails in ways of its own.
      throw connection === this.#connection ? error : new Interrupted();
    }
  }

  /**
   * @param {RTCPeerConnection} connection
   * @param {unknown} error of its offer; thrown again unless it was refused
   */
  async #afterRefusal(connection, error) {
    if (!(error instanceof Refused)) throw error;
    if (connection.signalingState === 'have-local-offer') {
      await connection.setLocalDescription({ type: 'rollback' });
    }
    const { answer } = error;
    if (answer.code !== 'serverBusy' && answer.code !== 'tooMany') {
      this.#hooks.refused(answer);
      return;
    }
    const wait = answer.retryAfter ? answer.retryAfter * 1000 : BUSY_RETRY_MS;
    await new Promise((resolve) => setTimeout(resolve, wait));
    this.#wanted = true;
  }

  /** @param {RTCPeerConnection} connection */
  async #offerAndAnswer(connection) {
    for (const sending of this.#sending.values()) await this.#arrange(connection, sending);
    const iceRestart = this.#iceRestart;
    await connection.setLocalDescription(await connection.createOffer({ iceRestart }));
    const answer = await this.#ask(connection);
    const rejected = this.#rejectedOf(answer);
    await connection.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
    this.#restart = false;
    for (const forget of rejected) forget();
    if (iceRestart) this.#iceRestart = false;
    for (const { mid, track } of answer.tracks) {
      const sending = [...this.#sending.values()].find((one) => one.transceiver?.mid === mid);
      if (!sending?.active) continue;
      sending.id = track;
      this.#tellMuted(sending);
      void sending.encodings?.want(this.#layers.get(track) ?? null);
    }
  }

  /**
   * What to do about m-lines that the answer rejects, to be called when it is set: the browser has
   * stopped their transceivers then, and they have lost their mids. The source may be tried again.
   *
   * @param {PublishedMessage} answer
   */
  #rejectedOf({ rejected = [] }) {
    return rejected.map(({ mid, code }) => {
      const sending = [...this.#sending.values()].find((one) => one.transceiver?.mid === mid);
      return () => {
        if (sending) {
          Object.assign(sending, { active: false, transceiver: null, encodings: null, id: '' });
        }
        this.#hooks.refused({ type: 'error', code, message: '', fatal: false });
      };
    });
  }

  /**
   * Send the connection's open offer until an answer to it comes.
   *
   * @param {RTCPeerConnection} connection
   * @returns {Promise<PublishedMessage>}
   */
  async #ask(connection) {
    for (;;) {
      await this.#socket();
      if (this.#closed || connection !== this.#connection) throw new Interrupted();
      try {
        const answer = await this.#request(connection);
        if (connection === this.#connection) return answer;
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
      }
    }
  }

  #socket() {
    if (this.#online) return Promise.resolve();
    return /** @type {Promise<void>} */ (
      new Promise((resolve) => this.#waitingForSocket.push(resolve))
    );
  }

  /**
   * @param {RTCPeerConnection} connection
   * @returns {Promise<PublishedMessage>}
   */
  #request(connection) {
    const id = ++this.#lastId;
    /** @type {Promise<PublishedMessage>} */
    const answer = new Promise((resolve, reject) => {
      this.#open = { id, resolve, reject };
    });
    const sent = this.#hooks.send({
      type: 'publish',
      id,
      sdp: connection.localDescription?.sdp ?? '',
      tracks: this.#offered(),
      restart: this.#restart,
    });
    // The socket closed under us and its event is still to come.
    if (!sent) this.offline();
    return answer.finally(() => {
      if (this.#open?.id === id) this.#open = null;
    });
  }

  #offered() {
    return [...this.#sending.values()].flatMap(({ active, transceiver, source, muted }) =>
      active && transceiver?.mid ? [{ mid: transceiver.mid, source, muted }] : []);
  }

  #create() {
    const connection = new this.#PeerConnection({ bundlePolicy: 'max-bundle' });
    this.#connection = connection;
    this.#closing = new AbortController();
    connection.onconnectionstatechange = () => {
      if (connection === this.#connection) this.#hooks.stateChanged(connection);
    };
    // An offer must have an m-line, even one that only ends what was published before.
    if (!this.#anythingToSend()) connection.addTransceiver('audio', { direction: 'inactive' });
    return connection;
  }

  /**
   * Bring one source's transceiver to what is wanted.
   *
   * @param {RTCPeerConnection} connection
   * @param {Sending} sending
   */
  async #arrange(connection, sending) {
    const { transceiver, track, active } = sending;
    if (transceiver) {
      transceiver.direction = active ? 'sendonly' : 'inactive';
    } else if (active && track) {
      await this.#add(connection, sending, track);
    }
  }

  /**
   * @param {RTCPeerConnection} connection
   * @param {Sending} sending
   * @param {MediaStreamTrack} track
   */
  async #add(connection, sending, track) {
    const encodings = encodingsFor(sending.source, sending.size ?? sizeOf(track));
    const transceiver = addSending(connection, track, encodings);
    sending.transceiver = transceiver;
    if (!encodings) return;
    sending.encodings = new ActiveEncodings(transceiver.sender);
    preferVp8(transceiver);
    await ensureEncodings(transceiver.sender, encodings);
    this.#fit(sending);
  }
}
