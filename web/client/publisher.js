/**
 * The publish connection: what this participant sends.
 *
 * Theory of operation. The caller names what it sends by source (`set`, `remove`, `mute`); the
 * publisher keeps one transceiver for each source and negotiates whenever the list changed. At
 * most one offer is open; changes meanwhile go into the next. A track is exchanged without
 * negotiation (`replaceTrack`). `reset` throws the connection away and offers all sources again on
 * a new one; `restartIce` keeps it and looks for new paths through the network.
 */

import { ConnectionSlot, Interrupted } from './connection-slot.js';
import { cameraEncodings, encodingsFor, inTemporalLayers, sizeOf } from './encodings.js';
import { OfferRefused, Offers } from './offers.js';
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
 * @property {import('./encodings.js').Size | null} size of the video, as last known
 * @property {RTCRtpTransceiver | null} transceiver
 * @property {ActiveEncodings | null} encodings of its transceiver, when it is video
 * @property {string} id the server's track id; empty until it is published
 */

/** When the server names no time. */
const BUSY_RETRY_MS = 1000;

export class Publisher {
  /** @type {Map<Source, Sending>} */
  #sending = new Map();
  /** @type {Promise<void> | null} */
  #running = null;
  #wanted = false;
  #restart = false;
  #iceRestart = false;
  /** @type {Map<string, string[]>} encodings that the server wants, by its track id */
  #layers = new Map();
  #closed = false;
  #slot;
  #offers;
  #hooks;

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
    this.#slot = new ConnectionSlot(PeerConnection, hooks.stateChanged);
    this.#offers = new Offers(hooks.send);
  }

  get connection() {
    return this.#slot.connection;
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
   * Report to the others that this source is muted. The caller silences the track itself.
   *
   * @param {Source} source
   * @param {boolean} muted
   */
  mute(source, muted) {
    const sending = this.#sending.get(source);
    if (!sending || sending.muted === muted) return;
    sending.muted = muted;
    this.#sendMuted(sending);
  }

  /**
   * The video of a source has this size: another camera's, or the same one's, turned.
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
    if (!this.connection || !this.#offers.online) return false;
    this.#iceRestart = true;
    void this.#negotiate();
    return true;
  }

  /** @param {PublishedMessage} message */
  published(message) {
    this.#offers.published(message);
  }

  /**
   * @param {ErrorMessage} error
   * @returns {boolean} whether it answered our open offer
   */
  refused(error) {
    return this.#offers.refused(error);
  }

  /** The session is up (again): messages reach the server. */
  online() {
    this.#offers.setOnline(true);
    this.sendAllMuted();
  }

  /** Report of all that is published whether it is muted. */
  sendAllMuted() {
    for (const sending of this.#sending.values()) this.#sendMuted(sending);
  }

  /** The socket is gone; the connection lives on. */
  offline() {
    this.#offers.setOnline(false);
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
    this.#offers.interrupt();
    if (evenEmpty || this.#anythingToSend()) void this.#negotiate();
  }

  close() {
    this.#closed = true;
    this.#drop();
    this.#offers.close();
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
      await this.#slot.unlessClosed(transceiver.sender.replaceTrack(track));
    } catch (error) {
      // The next connection takes the new track from the start.
      if (!(error instanceof Interrupted)) throw error;
    }
  }

  #drop() {
    this.#slot.close();
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
  #sendMuted(sending) {
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
    if (!this.connection && !this.#restart && !this.#anythingToSend()) return;
    const connection = this.connection ?? this.#create();
    const offered = this.#offerAndAnswer(connection)
      .catch((error) => this.#afterRefusal(connection, error));
    try {
      await this.#slot.unlessClosed(offered);
    } catch (error) {
      // A connection closed by reset() fails with errors of its own.
      throw connection === this.connection ? error : new Interrupted();
    }
  }

  /**
   * @param {RTCPeerConnection} connection
   * @param {unknown} error of its offer; thrown again unless it was refused
   */
  async #afterRefusal(connection, error) {
    if (!(error instanceof OfferRefused)) throw error;
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
    const answer = await this.#offers.answered(
      () => ({
        sdp: connection.localDescription?.sdp ?? '', tracks: this.#offered(), restart: this.#restart,
      }),
      () => !this.#closed && connection === this.connection,
    );
    const rejected = this.#rejectedOf(answer);
    await connection.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
    this.#restart = false;
    for (const forget of rejected) forget();
    if (iceRestart) this.#iceRestart = false;
    for (const { mid, track } of answer.tracks) {
      const sending = [...this.#sending.values()].find((one) => one.transceiver?.mid === mid);
      if (!sending?.active) continue;
      sending.id = track;
      this.#sendMuted(sending);
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

  #offered() {
    return [...this.#sending.values()].flatMap(({ active, transceiver, source, muted }) =>
      active && transceiver?.mid ? [{ mid: transceiver.mid, source, muted }] : []);
  }

  #create() {
    const connection = this.#slot.open();
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
