/** What votes, estimates and groups come to, in sentences. */

import { number, text } from './figures.js';
import { say, sayIf } from './words.js';

/** @typedef {import('./types.js').Statistic} Statistic */
/** @typedef {import('./types.js').Trait} Trait */

/**
 * What the difference between votes and estimates comes to.
 *
 * @param {Statistic} difference vote minus estimate
 */
export function judgement({ n, mean, low, high }) {
  if (n < 2 || mean === null || low === null || high === null) return say('opinions.unsure');
  if (low <= 0 && high >= 0) return say('opinions.agree');
  return say(mean > 0 ? 'opinions.happier' : 'opinions.lessHappy', { value: number(Math.abs(mean), 2, 1) });
}

/** @type {Record<import('./types.js').Feature, import('./figures.js').Unit>} */
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
