/** What a published video sends: its simulcast layers, bit rates and codec order. */

/** @typedef {import('./messages.js').Source} Source */

/**
 * @typedef {RTCRtpEncodingParameters & {rid: string, active: boolean, scalabilityMode?: string}}
 *   Encoding of a layer
 */

const RIDS = /** @type {const} */ (['q', 'h', 'f']);

/**
 * Layers by the size of the video, low to high: `[scaleResolutionDownBy, maxBitrate]`.
 *
 * Chromium sends three layers only from 960x540 up and two from 480x270 up, and drops the highest
 * ones first: asking for more than it will send would cost the full size.
 *
 * @type {{pixels: number, layers: [number, number][]}[]}
 */
const LADDERS = [
  { pixels: 960 * 540, layers: [[4, 150_000], [2, 500_000], [1, 1_500_000]] },
  { pixels: 480 * 270, layers: [[2, 150_000], [1, 700_000]] },
  { pixels: 0, layers: [[1, 400_000]] },
];

/**
 * The send encodings of a camera, low to high. There are always three, because their number is
 * settled for good when they are first offered and another camera may follow; a small video
 * leaves the upper ones inactive.
 *
 * @param {number} width pixels
 * @param {number} height pixels
 * @returns {Encoding[]}
 */
export function cameraEncodings(width, height) {
  const layers = LADDERS.find(({ pixels }) => width * height >= pixels)?.layers ?? [];
  return RIDS.map((rid, place) => {
    const [scaleResolutionDownBy, maxBitrate] = layers[place] ?? [1, 400_000];
    return { rid, active: place < layers.length, scaleResolutionDownBy, maxBitrate };
  });
}

/** @type {RTCRtpEncodingParameters[]} */
export const SCREEN_ENCODINGS = [{ maxBitrate: 2_500_000, maxFramerate: 15 }];

/** @typedef {{width: number, height: number}} Size in pixels */

/** Of a camera whose video has not arrived yet. @type {Size} */
const USUAL = { width: 1280, height: 720 };

/**
 * @param {MediaStreamTrack | null} track
 * @returns {Size | null} null when the browser does not know it (yet)
 */
export function sizeOf(track) {
  const { width, height } = track?.getSettings() ?? {};
  return width && height ? { width, height } : null;
}

/**
 * @param {Source} source
 * @param {Size | null} size of its video; null: not known
 * @returns {RTCRtpEncodingParameters[] | undefined} undefined for audio
 */
export function encodingsFor(source, size) {
  if (source === 'screen') return SCREEN_ENCODINGS;
  if (source !== 'camera') return undefined;
  const { width, height } = size ?? USUAL;
  return cameraEncodings(width, height);
}

/**
 * The same encodings, the lowest in three temporal layers: where even that is too much for a
 * receiver, its rate can be lowered at any frame. The others have one: of what is not referred to
 * a decoder drops a packet that comes late, so a repaired loss would still cost a frame (with three
 * layers throughout 92 % of frames were decoded at 5 % loss, without 100 %).
 *
 * @template {RTCRtpEncodingParameters} Encoding
 * @param {Encoding[]} encodings low to high
 * @returns {(Encoding & {scalabilityMode: string})[]}
 */
export function inTemporalLayers(encodings) {
  const lone = encodings.filter(({ active = true }) => active).length === 1;
  return encodings.map((encoding, place) => ({
    ...encoding, scalabilityMode: place || lone ? 'L1T1' : 'L1T3',
  }));
}

/**
 * VP8 and its retransmission format, which is all that the server takes.
 *
 * @template {{mimeType: string}} Codec
 * @param {Codec[]} codecs
 * @returns {Codec[]} empty when there is no VP8
 */
export function vp8Only(codecs) {
  const kept = codecs.filter(({ mimeType }) => /^video\/(vp8|rtx)$/i.test(mimeType));
  return kept.some(({ mimeType }) => /vp8/i.test(mimeType)) ? kept : [];
}
