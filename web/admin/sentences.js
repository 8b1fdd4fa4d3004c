/** The state of rooms and people in sentences. */

import { milliseconds, percent } from '../operator/figures.js';
import { say, wordOf } from './words.js';

/**
 * @typedef {import('./judge.js').Judge} Judge
 * @typedef {import('./judge.js').Trouble} Trouble
 * @typedef {import('./judge.js').Verdict} Verdict
 * @typedef {import('./wire.js').Room} Room
 * @typedef {import('./wire.js').Second} Second
 */

/**
 * Why somebody has trouble; empty for who has none.
 *
 * @param {Verdict} verdict
 */
export function reason({ level, cause }) {
  if (level === 'lost') return say('why.away');
  if (level === 'waiting') return say('why.waiting');
  if (!cause || level === 'good') return '';
  const value = cause.figure === 'loss' ? percent(cause.value) : milliseconds(cause.value);
  return wordOf('why', `${cause.direction}.${cause.figure}`, { value });
}

/**
 * @param {Room} room
 * @param {Judge} judge
 */
export function roomSentence(room, judge) {
  const { level, counts } = judge.room(room);
  const bad = counts.poor + counts.lost;
  if (level === 'good') return say('room.good');
  if (level === 'waiting') return say('room.waiting');
  if (bad) return say('room.bad', { count: bad, all: room.people.length });
  const all = room.people.length;
  return say(counts.fair === all ? 'room.allFair' : 'room.fair', { count: counts.fair, all });
}

/**
 * The state of everything: its level, a sentence, and what it rests on.
 *
 * @param {Second} second
 * @param {Judge} judge
 * @param {Trouble[]} troubles
 * @returns {{level: import('./wire.js').Level, title: string, detail: string}}
 */
export function overall({ rooms }, judge, troubles) {
  const verdicts = rooms.map((room) => ({ room, ...judge.room(room) }));
  const bad = verdicts.filter(({ counts }) => counts.poor + counts.lost > 0);
  const fair = verdicts.filter(({ level }) => level === 'fair');
  const machine = troubles.map((trouble) => wordOf('trouble', trouble)).join(' ');
  const worst = judge.rooms(bad.map(({ room }) => room))[0];
  if (bad.length) {
    const detail = worst && judge.sorted(worst)[0];
    const who = detail ? say('state.worst', {
      name: detail.name, room: worst.room, reason: reason(judge.of(detail.participant)),
    }) : '';
    return {
      level: 'poor',
      title: say('state.bad', { count: bad.length, all: rooms.length }),
      detail: [who, machine].filter(Boolean).join(' '),
    };
  }
  if (troubles.length) return { level: 'fair', title: say('state.machine'), detail: machine };
  if (!rooms.length) return { level: 'good', title: say('state.idle'), detail: say('state.idleDetail') };
  if (fair.length) {
    return {
      level: 'fair',
      title: say(fair.length === rooms.length ? 'state.allFair' : 'state.fair',
        { count: fair.length, all: rooms.length }),
      detail: say('state.fairDetail'),
    };
  }
  return { level: 'good', title: say('state.good'), detail: say('state.goodDetail') };
}
