/**
 * How well media arrives here, from the browser's own statistics, and how good that is.
 *
 * The bounds follow what people notice: loss from 2 % on shows, from 5 % on hurts; a round trip
 * of 300 ms makes people talk over each other (ITU-T G.114, clause 4).
 */

/** @typedef {import('./messages.js').Level} Level */
/** @typedef {import('./messages.js').ParticipantQuality} ParticipantQuality */

/**
 * @typedef {object} Reception of one m-line since the time before
 * @property {'audio' | 'video'} kind
 * @property {number} packets that should have come
 * @property {number} lost of them, and not repaired
 * @property {number} delayMs in the jitter buffer
 * @property {number} frames decoded
 * @property {number} frozenMs
 * @property {number} samples played
 * @property {number} concealed of them: made up for what was lost, where it was not silence anyway
 */

/**
 * @typedef {object} Grade
 * @property {Level} level
 * @property {number} loss percent
 * @property {number} rtt milliseconds
 * @property {number} jitter milliseconds
 * @property {number} frozenMs
 * @property {number} concealed percent
 */

/** @type {readonly Level[]} */
const LEVELS = ['good', 'fair', 'poor', 'lost'];

/** From where on something is fair, and poor. */
const BOUNDS = /** @type {const} */ ({
  loss: [2, 5], rtt: [300, 600], jitter: [200, 500], frozenMs: [1, 500], concealed: [1, 3],
});

/** Fields of an `inbound-rtp` report that count up, by the names that they have here. */
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

/**
 * @typedef {object} Growth of one m-line from one reading to the next
 * @property {any} report the newer `inbound-rtp` report
 * @property {(name: keyof typeof COUNTS) => number | undefined} of by how much a count has grown;
 *   undefined when the browser does not report it
 */

/** What the browser counts of what it receives, from one reading of `getStats` to the next. */
export class InboundCounts {
  /** @type {Map<string, any>} by report id */
  #before = new Map();

  /** The next reading is a first one. */
  forget() {
    this.#before.clear();
  }

  /**
   * @param {Iterable<any>} reports of the subscribe connection's `getStats`
   * @returns {Growth[]} of each m-line that has an earlier reading to compare with
   */
  next(reports) {
    const before = this.#before;
    this.#before = new Map();
    /** @type {Growth[]} */
    const grown = [];
    for (const report of reports) {
      if (report.type !== 'inbound-rtp' || report.mid === undefined) continue;
      this.#before.set(report.id, report);
      const earlier = before.get(report.id);
      // A new connection counts from zero again.
      if (!earlier || (report.packetsReceived ?? 0) < (earlier.packetsReceived ?? 0)) continue;
      grown.push({
        report,
        of: (name) => {
          const [now, then] = [report[COUNTS[name]], earlier[COUNTS[name]]];
          return now === undefined ? undefined : Math.max(0, now - (then ?? 0));
        },
      });
    }
    return grown;
  }
}

/**
 * Samples that were made up where it was not silence anyway.
 *
 * @param {Growth} growth
 */
export function audiblyConcealed({ of }) {
  const concealed = of('concealed');
  return concealed === undefined ? undefined : Math.max(0, concealed - (of('silent') ?? 0));
}

export class ReceptionMeter {
  #counts = new InboundCounts();

  /**
   * @param {Iterable<any>} reports of the subscribe connection's `getStats`
   * @returns {Map<string, Reception>} by mid; what has no earlier reading to compare with is left out
   */
  next(reports) {
    return new Map(this.#counts.next(reports).map((growth) =>
      [growth.report.mid, receptionOf(growth)]));
  }
}

/**
 * @param {Growth} growth
 * @returns {Reception}
 */
function receptionOf(growth) {
  /** @param {keyof typeof COUNTS} name */
  const grown = (name) => growth.of(name) ?? 0;
  return {
    kind: growth.report.kind,
    packets: grown('received') + grown('lost'),
    lost: grown('lost'),
    delayMs: grown('emitted') > 0 ? (grown('delay') / grown('emitted')) * 1000 : 0,
    frames: grown('frames'),
    frozenMs: grown('frozen') * 1000,
    samples: grown('samples'),
    concealed: audiblyConcealed(growth) ?? 0,
  };
}

/**
 * The round trip of the path in use, in milliseconds; 0 when not known.
 *
 * @param {Iterable<any>} reports
 */
export function roundTripMs(reports) {
  for (const report of reports) {
    const used = report.type === 'candidate-pair' && report.nominated
      && report.state === 'succeeded' && report.currentRoundTripTime !== undefined;
    if (used) return report.currentRoundTripTime * 1000;
  }
  return 0;
}

/**
 * Several tracks as one grade.
 *
 * @param {readonly Reception[]} tracks
 * @param {number} rtt milliseconds
 * @returns {Grade}
 */
export function gradeReception(tracks, rtt) {
  /** @param {(track: Reception) => number} of */
  const sum = (of) => tracks.reduce((total, track) => total + of(track), 0);
  const percent = (/** @type {number} */ part, /** @type {number} */ whole) =>
    whole > 0 ? (100 * part) / whole : 0;
  return graded({
    loss: percent(sum(({ lost }) => lost), sum(({ packets }) => packets)),
    rtt,
    jitter: Math.max(0, ...tracks.map(({ delayMs }) => delayMs)),
    frozenMs: Math.max(0, ...tracks.map(({ frozenMs }) => frozenMs)),
    concealed: percent(sum(({ concealed }) => concealed), sum(({ samples }) => samples)),
  });
}

/** @param {Omit<Grade, 'level'>} measured @returns {Grade} */
function graded(measured) {
  let worst = 0;
  for (const [name, bounds] of Object.entries(BOUNDS)) {
    const value = measured[/** @type {keyof typeof BOUNDS} */ (name)];
    worst = Math.max(worst, bounds.filter((bound) => value >= bound).length);
  }
  return { level: LEVELS[worst] ?? 'good', ...measured };
}

/**
 * What the server measured, as a grade: its judgement stands.
 *
 * @param {ParticipantQuality} network
 * @returns {Grade}
 */
export function gradeOfServer({ level, loss, rtt, jitter }) {
  return { level, loss, rtt, jitter, frozenMs: 0, concealed: 0 };
}

/**
 * @param {Level} one
 * @param {Level} other
 * @returns {boolean}
 */
export function isWorse(one, other) {
  return LEVELS.indexOf(one) > LEVELS.indexOf(other);
}

/**
 * What is reported of a grade: phrases by the end of their key, each with its numbers.
 *
 * @param {Grade} grade
 * @returns {{phrase: 'loss' | 'rtt' | 'jitter' | 'frozen' | 'concealed', value: number}[]}
 */
export function troubles({ loss, rtt, jitter, frozenMs, concealed }) {
  /** @type {{phrase: 'loss' | 'rtt' | 'jitter' | 'frozen' | 'concealed', value: number}[]} */
  const found = [];
  if (loss >= 1) found.push({ phrase: 'loss', value: Math.round(loss) });
  if (frozenMs >= 100) found.push({ phrase: 'frozen', value: Math.ceil(frozenMs / 100) / 10 });
  if (concealed >= 1) found.push({ phrase: 'concealed', value: Math.round(concealed) });
  if (rtt >= BOUNDS.rtt[0]) found.push({ phrase: 'rtt', value: Math.round(rtt) });
  if (jitter >= BOUNDS.jitter[0]) found.push({ phrase: 'jitter', value: Math.round(jitter) });
  return found;
}

/** Looks that must be better before the mark is, so that it does not flicker. */
const BETTER_FOR = 3;

/** Worse at once, better after a while. */
export class SteadyGrade {
  /** @type {Grade | null} */
  #shown = null;
  #better = 0;

  /** @param {Grade} grade @returns {Grade} */
  next(grade) {
    if (this.#shown && isWorse(this.#shown.level, grade.level) && (this.#better += 1) < BETTER_FOR) {
      return this.#shown;
    }
    this.#better = 0;
    this.#shown = grade;
    return grade;
  }
}

const SURE_AFTER_MS = 5000;

/** Tells the beginning and the end of a time of trouble once each, when it is sure of them. */
export class Episode {
  #inside = false;
  /** @type {number | null} since when it has been otherwise */
  #since = null;

  /**
   * @param {boolean} trouble
   * @param {number} now milliseconds
   * @returns {'began' | 'ended' | ''}
   */
  see(trouble, now) {
    if (trouble === this.#inside) {
      this.#since = null;
      return '';
    }
    this.#since ??= now;
    if (now - this.#since < SURE_AFTER_MS) return '';
    this.#since = null;
    this.#inside = trouble;
    return trouble ? 'began' : 'ended';
  }
}
