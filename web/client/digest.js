/**
 * What the browser counts of what it receives, reported to the server each few seconds.
 *
 * It is made from the same `getStats` that the page reads for itself. Counts are differences to the
 * digest before; what the browser does not report is left out.
 */

import { InboundCounts, audiblyConcealed } from './quality.js';

/** @typedef {import('./messages.js').Digest} Digest */
/** @typedef {import('./messages.js').DigestTrack} DigestTrack */
/** @typedef {import('./quality.js').Growth} Growth */

const EVERY_MS = 5000;
/** Without a digest for so long the counts begin anew: the page was suspended. */
const FORGET_MS = 60_000;
/** Tracks in one digest; the server takes no more. */
const MOST_TRACKS = 64;

export class DigestMaker {
  #counts = new InboundCounts();
  /** Milliseconds: when the last one was made, and when the next is due. */
  #at = -Infinity;
  #due = -Infinity;

  /**
   * @param {readonly any[]} reports of the subscribe connection's `getStats`
   * @param {readonly {mid: string, track: string}[]} tracks what is received, in which m-line
   * @param {number} rttMs 0 when not known
   * @param {number} now milliseconds
   * @returns {Digest | null} null while none is due
   */
  next(reports, tracks, rttMs, now) {
    if (now < this.#due) return null;
    const elapsed = now - this.#at;
    const begins = elapsed > FORGET_MS;
    // `getStats` is read at its own times; on average it is one digest each `EVERY_MS` all the same.
    this.#due = begins ? now + EVERY_MS : Math.max(this.#due + EVERY_MS, now + EVERY_MS / 2);
    this.#at = now;
    if (begins) this.#counts.forget();
    const byMid = new Map(tracks.map(({ mid, track }) => [mid, track]));
    const found = this.#counts.next(reports).flatMap((growth) => {
      const track = byMid.get(growth.report.mid);
      return track ? [digestOf(track, growth)] : [];
    });
    if (begins || found.length === 0) return null;
    return {
      type: 'digest',
      seconds: elapsed / 1000,
      ...(rttMs > 0 && { roundTripTime: rttMs / 1000 }),
      tracks: found.slice(0, MOST_TRACKS),
    };
  }
}

/**
 * @param {string} track
 * @param {Growth} growth
 * @returns {DigestTrack}
 */
function digestOf(track, growth) {
  const { report, of } = growth;
  const [received, lost, emitted] = [of('received'), of('lost'), of('emitted')];
  const common = {
    packets: received === undefined ? undefined : received + (lost ?? 0),
    lost,
    bytes: of('bytes'),
    jitter: report.jitter,
    buffer: emitted ? (of('delay') ?? 0) / emitted : undefined,
  };
  const own = report.kind === 'audio'
    ? { samples: of('samples'), concealed: audiblyConcealed(growth) }
    : {
      frames: of('frames'),
      width: report.frameWidth,
      height: report.frameHeight,
      freezes: of('freezes'),
      frozen: of('frozen'),
    };
  const known = Object.entries({ ...common, ...own }).filter(([, value]) => Number.isFinite(value));
  return { track, ...Object.fromEntries(known) };
}
