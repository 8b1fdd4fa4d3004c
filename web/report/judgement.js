/** What votes, estimates and groups come to, in sentences. */

import { number, text } from '../operator/figures.js';
import { say, sayIf } from './words.js';

/** @typedef {import('./types.js').Statistic} Statistic */
/** @typedef {import('./types.js').Trait} Trait */

/** Half a step of the scale of five: what is nearer is the same category. */
const CLOSE = 0.5;

/**
 * What the difference between votes and estimates comes to. That an interval holds zero does not
 * mean that both agree: it has to be narrow too.
 *
 * @param {Statistic} difference vote minus estimate
 * @param {number} needed votes, below which nothing is concluded
 */
export function judgement({ n, mean, low, high }, needed) {
  if (n < needed || mean === null || low === null || high === null) {
    return say('opinions.unsure', { count: n, needed });
  }
  if (low > -CLOSE && high < CLOSE) return say('opinions.agree');
  if (low <= 0 && high >= 0) return say('opinions.undecided');
  return say(mean > 0 ? 'opinions.happier' : 'opinions.lessHappy', { value: number(Math.abs(mean), 2, 1) });
}

/** @type {Record<import('./types.js').Feature, import('../operator/figures.js').Unit>} */
const UNITS = { loss: 'percent', delay: 'ms', jitter: 'ms', freezes: 'fps', vote: 'score' };

/** @param {Trait} trait */
function traitText({ feature, mean, level }) {
  return sayIf(`trait.${feature}.${level}`, feature, { value: text(mean, UNITS[feature]) });
}

/** @param {Trait[]} traits of a group, the most telling first */
export function shared(traits) {
  const telling = traits.filter(({ level, mean }) => level !== 'usual' && mean !== null);
  return telling.length
    ? say('groups.share', { traits: telling.map(traitText).join('; ') }) : say('groups.nothing');
}
