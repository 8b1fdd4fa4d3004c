/** How a track gets a sender: what is asked of browsers, and what of those that know less. */

import { inTemporalLayers, vp8Only } from './encodings.js';

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
