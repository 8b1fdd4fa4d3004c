/**
 * What the browser counts of what it receives, reported to the server each few seconds.
 *
 * It is made from the same `getStats` that the page reads for itself. Counts are differences to the
 * digest before; what the browser does not report is left out.
 */

/** @typedef {import('./messages.js').Digest} Digest */
/** @typedef {import('./messages.js').DigestTrack} DigestTrack */

const EVERY_MS = 5000;
/** Without a digest for so long the counts begin anew: the page was suspended. */
const FORGET_MS = 60_000;
/** Tracks in one digest; the server takes no more. */
const MOST_TRACKS = 64;

/** Fields of a report that count up, by the name that they have in a digest. */
const COUNTS = /** @type {const} */ ({
  received: 'packetsReceived',
  lost: 'packetsLost',
  bytes: 'bytesReceived',
  samples: 'totalSamplesReceived',
  concealed: 'concealedSamples',
  silent: 'silentConcealedSamples',
  frames: 'framesDecoded',
  freezes: 'freezeCount',
  frozen: 'totalFreezesDuration',
  delay: 'jitterBufferDelay',
  emitted: 'jitterBufferEmittedCount',
});

export class DigestMaker {
  /** @type {Map<string, any>} by report id */
  #before = new Map();
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
    const before = begins ? new Map() : this.#before;
    this.#before = new Map();
    const byMid = new Map(tracks.map(({ mid, track }) => [mid, track]));
    /** @type {DigestTrack[]} */
    const found = [];
    for (const report of reports) {
      if (report.type !== 'inbound-rtp' || report.mid === undefined) continue;
      this.#before.set(report.id, report);
      const track = byMid.get(report.mid);
      const earlier = before.get(report.id);
      // A new connection counts from zero again.
      const again = earlier && (report.packetsReceived ?? 0) < (earlier.packetsReceived ?? 0);
      if (track && earlier && !again) found.push(difference(track, earlier, report));
    }
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
 * @param {any} before
 * @param {any} now
 * @returns {DigestTrack}
 */
function difference(track, before, now) {
  /** @param {keyof typeof COUNTS} name */
  const grown = (name) => {
    const field = COUNTS[name];
    return now[field] === undefined ? undefined : Math.max(0, now[field] - (before[field] ?? 0));
  };
  const lost = grown('lost');
  const emitted = grown('emitted');
  const common = {
    packets: sum(grown('received'), lost),
    lost,
    bytes: grown('bytes'),
    jitter: now.jitter,
    buffer: emitted ? (grown('delay') ?? 0) / emitted : undefined,
  };
  const own = now.kind === 'audio'
    ? { samples: grown('samples'), concealed: audible(grown('concealed'), grown('silent')) }
    : {
      frames: grown('frames'),
      width: now.frameWidth,
      height: now.frameHeight,
      freezes: grown('freezes'),
      frozen: grown('frozen'),
    };
  const known = Object.entries({ ...common, ...own }).filter(([, value]) => Number.isFinite(value));
  return { track, ...Object.fromEntries(known) };
}

/** @param {number | undefined} one @param {number | undefined} other */
function sum(one, other) {
  return one === undefined ? undefined : one + (other ?? 0);
}

/**
 * What was made up where it was not silence anyway.
 *
 * @param {number | undefined} concealed
 * @param {number | undefined} silent
 */
function audible(concealed, silent) {
  return concealed === undefined ? undefined : Math.max(0, concealed - (silent ?? 0));
}
