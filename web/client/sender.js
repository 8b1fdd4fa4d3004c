/** The senders of tracks: how they are made, in browsers that know less too, and what they encode. */

import { inTemporalLayers, vp8Only } from './encodings.js';

/** @typedef {import('./encodings.js').Encoding} Encoding */

/**
 * @param {RTCPeerConnection} connection
 * @param {MediaStreamTrack} track
 * @param {RTCRtpEncodingParameters[] | undefined} encodings undefined for audio
 */
export function addSending(connection, track, encodings) {
  if (!encodings) return connection.addTransceiver(track, { direction: 'sendonly' });
  try {
    return connection.addTransceiver(track, {
      direction: 'sendonly', sendEncodings: inTemporalLayers(encodings),
    });
  } catch {
    // A browser that knows temporal layers, but not these.
    return connection.addTransceiver(track, { direction: 'sendonly', sendEncodings: encodings });
  }
}

/** @param {RTCRtpTransceiver} transceiver */
export function preferVp8(transceiver) {
  const codecs = vp8Only(globalThis.RTCRtpSender?.getCapabilities?.('video')?.codecs ?? []);
  if (codecs.length > 0) transceiver.setCodecPreferences?.(codecs);
}

/**
 * Older Firefox ignores `sendEncodings` and takes them from `setParameters` only.
 *
 * @param {RTCRtpSender} sender
 * @param {RTCRtpEncodingParameters[]} encodings
 */
export async function ensureEncodings(sender, encodings) {
  const parameters = sender.getParameters();
  if (parameters.encodings?.length === encodings.length) return;
  parameters.encodings = encodings;
  try {
    await sender.setParameters(parameters);
  } catch {
    // A browser that refuses sends one plain stream, which the server takes as well.
  }
}

/**
 * Which encodings of a video are really encoded, and how: those that the video is large enough for
 * (`fit`) and that somebody receives (`want`).
 *
 * `setParameters` takes what `getParameters` gave in the same turn and allows one call at a time,
 * so calls are queued and each reads the parameters afresh. Nothing is asked of the encoder when
 * it already does what is wanted.
 */
export class ActiveEncodings {
  /** @type {ReadonlySet<string> | null} null: all */
  #wanted = null;
  /** @type {readonly Encoding[]} low to high; empty: as they were offered */
  #fitting = [];
  #queue = Promise.resolve();
  #sender;

  /** @param {RTCRtpSender} sender */
  constructor(sender) {
    this.#sender = sender;
  }

  /**
   * @param {readonly string[] | null} rids to send, `''` being that of a lone stream; null: all
   * @returns {Promise<void>} once it is so, or the browser has refused
   */
  want(rids) {
    this.#wanted = rids && new Set(rids);
    return this.apply();
  }

  /**
   * The video has another size now.
   *
   * @param {readonly Encoding[]} encodings for that size, low to high
   */
  fit(encodings) {
    this.#fitting = encodings;
    return this.apply();
  }

  /** See to it again: a negotiation or another track may have changed it. */
  apply() {
    this.#queue = this.#queue.then(() => this.#set());
    return this.#queue;
  }

  async #set() {
    const parameters = this.#sender.getParameters();
    const encodings = parameters.encodings ?? [];
    const active = this.#activeAmong(encodings);
    let changed = false;
    for (const encoding of encodings) {
      const wanted = { ...this.#shapeOf(encoding, encodings.length), active: active.has(encoding) };
      const before = { active: true, ...encoding };
      changed ||= Object.entries(wanted).some(
        ([name, value]) => before[/** @type {keyof typeof before} */ (name)] !== value);
      Object.assign(encoding, wanted);
    }
    if (!changed) return;
    try {
      await this.#sender.setParameters(parameters);
    } catch {
      // Not at this moment, with an offer open: `apply` follows every negotiation.
    }
  }

  /**
   * @param {RTCRtpEncodingParameters[]} encodings of the sender
   * @returns {Set<RTCRtpEncodingParameters>}
   */
  #activeAmong(encodings) {
    /** @param {RTCRtpEncodingParameters} encoding */
    const wanted = ({ rid = '' }) => this.#wanted?.has(rid) ?? true;
    const there = encodings.filter(({ rid }) =>
      this.#fitting.find((one) => one.rid === rid)?.active ?? true);
    const active = there.filter(wanted);
    const highest = there.at(-1);
    // Who watches a layer that this camera has no more sees the best that it has.
    if (active.length === 0 && highest && encodings.some(wanted)) active.push(highest);
    return new Set(active);
  }

  /**
   * @param {RTCRtpEncodingParameters & {scalabilityMode?: string}} encoding
   * @param {number} count of the sender's encodings
   */
  #shapeOf({ rid, scalabilityMode }, count) {
    // Where the browser took no layers, all that there is goes into the one stream.
    const fitting = count === 1
      ? this.#fitting.filter(({ active }) => active).at(-1)
      : this.#fitting.find((one) => one.rid === rid);
    if (!fitting) return {};
    const { scaleResolutionDownBy, maxBitrate } = fitting;
    // Only where the browser knows temporal layers.
    const modes = scalabilityMode && { scalabilityMode: fitting.scalabilityMode };
    return { scaleResolutionDownBy, maxBitrate, ...modes };
  }
}
