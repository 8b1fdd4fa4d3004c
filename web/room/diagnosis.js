/**
 * Why somebody is not seen or heard: the server's answer and the page's own state as a list of
 * steps, from the other person's connection to our screen. No DOM.
 */

import { WHY_STEPS } from '../client/messages.js';

/** @typedef {import('../client/messages.js').Reasons} Reasons */
/** @typedef {import('../client/messages.js').Side} Side */
/** @typedef {import('../client/messages.js').Source} Source */
/** @typedef {import('../client/messages.js').Track} Track */
/** @typedef {import('../client/messages.js').WhyStep} WhyStep */

/**
 * @typedef {WhyStep | 'audioOnly' | 'soundElsewhere' | 'notDecoded' | 'rough' | 'unknown'} Step the
 *   server's, and what only the page knows; `rough`: it flows, and not all of it arrives or in time
 * @typedef {{source: Source | '', step: Step, side: Side}} Verdict `source` is empty when it is
 *   about the whole person
 * @typedef {'ok' | 'failed' | 'unknown'} State
 * @typedef {{line: Line, state: State}} Check
 */

/**
 * @typedef {object} Own what the page knows by itself
 * @property {boolean} online our own signaling is up
 * @property {string} ice state of our subscribe connection; empty when there is none
 * @property {string} dtls the same
 * @property {boolean} audioOnly
 * @property {boolean} soundElsewhere
 * @property {readonly Track[]} tracks what the other person publishes
 * @property {ReadonlySet<string>} arriving ids of tracks that are being decoded now
 * @property {Side | ''} rough whose connection to the server is not good; empty: neither's
 */

/** Lines of the list, in the order that media takes, with the step and side that fails each. */
const LINES = /** @type {const} */ ([
  ['theirSignaling', 'signaling', 'theirs'],
  ['published', 'notPublished', 'theirs'],
  ['theirIce', 'ice', 'theirs'],
  ['theirDtls', 'dtls', 'theirs'],
  ['theirNetwork', 'rough', 'theirs'],
  ['turnedOn', 'muted', 'theirs'],
  ['packets', 'noPackets', 'theirs'],
  ['keyframe', 'noKeyframe', 'theirs'],
  ['yourSignaling', 'signaling', 'yours'],
  ['negotiation', 'negotiation', 'yours'],
  ['yourIce', 'ice', 'yours'],
  ['yourDtls', 'dtls', 'yours'],
  ['yourNetwork', 'rough', 'yours'],
  ['shown', 'hidden', 'yours'],
  ['bandwidth', 'pausedByBandwidth', 'yours'],
  ['server', 'shed', 'yours'],
  ['decoded', 'notDecoded', 'yours'],
]);

/** @typedef {(typeof LINES)[number][0]} Line */

/** Steps that mean that all is well, or is as somebody wants it. */
const NO_FAULT = new Set(['flowing', 'muted', 'audioOnly', 'soundElsewhere', 'notLoudest', 'notPublished']);

/** @param {Verdict} verdict */
export function isFault({ step }) {
  return !NO_FAULT.has(step);
}

/**
 * The verdict on each track, and on the person as a whole.
 *
 * @param {Reasons | null} reasons null when the server did not answer
 * @param {Own} own
 * @returns {Verdict[]}
 */
export function verdicts(reasons, own) {
  if (!own.online) return [{ source: '', step: 'signaling', side: 'yours' }];
  const found = ofTracks(reasons, own);
  const flows = found.some(({ step }) => step === 'flowing');
  return flows && own.rough ? [...found, { source: '', step: 'rough', side: own.rough }] : found;
}

/**
 * @param {Reasons | null} reasons
 * @param {Own} own
 * @returns {Verdict[]}
 */
function ofTracks(reasons, own) {
  const { step, side, tracks = [] } = reasons ?? {};
  if (tracks.length > 0) {
    return tracks.map((one) => seenFromHere(one.track, { ...one, step: known(one.step) }, own));
  }
  if (step) return [{ source: '', step: known(step), side: side ?? 'theirs' }];
  if (own.tracks.length === 0) return [{ source: '', step: 'notPublished', side: 'theirs' }];
  return own.tracks.map((track) => seenFromHere(track.id, {
    source: track.source,
    step: track.muted ? 'muted' : own.arriving.has(track.id) ? 'flowing' : 'unknown',
    side: 'theirs',
  }, own));
}

/**
 * A newer server may name steps that this page does not know.
 *
 * @param {WhyStep} step
 * @returns {Step}
 */
function known(step) {
  return WHY_STEPS.includes(step) ? step : 'unknown';
}

/**
 * The page's own state names some steps more exactly.
 *
 * @param {string} track
 * @param {Verdict} verdict
 * @param {Own} own
 * @returns {Verdict}
 */
function seenFromHere(track, { source, step, side }, own) {
  const video = source === 'camera' || source === 'screen';
  const arrives = own.arriving.has(track);
  const reaches = ['flowing', 'hidden', 'unknown', 'negotiation'].includes(step);
  if (reaches && video && own.audioOnly) return { source, step: 'audioOnly', side: 'yours' };
  if (reaches && !video && own.soundElsewhere) {
    return { source, step: 'soundElsewhere', side: 'yours' };
  }
  // What is seen and heard needs no explanation, whatever the server knew a moment ago.
  if (arrives && step !== 'muted') return { source, step: 'flowing', side: 'yours' };
  if (!reaches) return { source, step, side };
  if (step === 'hidden') return { source, step, side };
  if (own.ice && !isUp(own.ice)) return { source, step: 'ice', side: 'yours' };
  if (own.dtls && own.dtls !== 'connected') return { source, step: 'dtls', side: 'yours' };
  // Silence is not sent by everybody, so sound that does not come now is no fault.
  if (step === 'flowing' && video) return { source, step: 'notDecoded', side: 'yours' };
  return { source, step, side };
}

/** @param {string} ice */
function isUp(ice) {
  return ice === 'connected' || ice === 'completed';
}

/**
 * The steps as a list: what has been passed, what fails, and what cannot be known.
 *
 * @param {Verdict} verdict
 * @param {Own} own
 * @returns {Check[]}
 */
export function checklist(verdict, own) {
  const sound = verdict.source === 'microphone' || verdict.source === 'screenAudio';
  const lines = LINES.filter(([line]) => !sound || !['keyframe', 'shown', 'bandwidth', 'decoded'].includes(line));
  return lines.map(([line, step, side]) => ({ line, state: stateOf(line, step, side, verdict, own) }));
}

/**
 * @param {Line} line
 * @param {Step} step
 * @param {Side} side
 * @param {Verdict} verdict
 * @param {Own} own
 * @returns {State}
 */
function stateOf(line, step, side, verdict, own) {
  if (line === 'yourSignaling') return own.online ? 'ok' : 'failed';
  if (!own.online) return 'unknown';
  if (verdict.step === 'flowing') return 'ok';
  const fails = verdict.step === step && (verdict.side === side || !hasSides(step));
  if (fails) return 'failed';
  if (line === 'yourIce') return own.ice ? (isUp(own.ice) ? 'ok' : 'failed') : 'unknown';
  if (line === 'yourDtls') return own.dtls ? (own.dtls === 'connected' ? 'ok' : 'failed') : 'unknown';
  return rank(step) < rank(verdict.step) ? 'ok' : 'unknown';
}

/** @param {Step} step */
function hasSides(step) {
  return step === 'signaling' || step === 'ice' || step === 'dtls' || step === 'rough';
}

/**
 * The server names the first step that fails, so earlier ones are well.
 *
 * @param {Step} step
 */
function rank(step) {
  // Audio only counts as hidden; what is not decoded has passed every other step.
  if (step === 'audioOnly' || step === 'soundElsewhere') return WHY_STEPS.indexOf('hidden');
  if (step === 'notDecoded' || step === 'rough') return WHY_STEPS.indexOf('flowing');
  return WHY_STEPS.indexOf(/** @type {WhyStep} */ (step));
}
