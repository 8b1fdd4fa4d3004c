/**
 * What the figures mean, in words that need no knowledge of networks. The bounds are the server's
 * (`hello.levels`), the same by which a call shows its bars. No DOM.
 */

/**
 * @typedef {import('./wire.js').Bounds} Bounds
 * @typedef {import('./wire.js').Figures} Figures
 * @typedef {import('./wire.js').Level} Level
 * @typedef {import('./wire.js').Person} Person
 * @typedef {import('./wire.js').Room} Room
 * @typedef {import('./wire.js').Second} Second
 * @typedef {{good: Bounds, fair: Bounds}} Levels
 * @typedef {{direction: 'up' | 'down', figure: keyof Bounds, value: number}} Cause
 */

const names = new Intl.Collator();

/** From the worst. */
export const ORDER = /** @type {const} */ (['lost', 'poor', 'fair', 'waiting', 'good']);
const FIGURES = /** @type {const} */ (['loss', 'roundTripTime', 'jitter']);
/** Seconds in a row before a level falls, and before it rises. */
const WORSE_AFTER = 2;
const BETTER_AFTER = 4;

/** @param {Level} level 0: the worst */
export function rank(level) {
  return ORDER.indexOf(level);
}

/**
 * @param {Person} person
 * @param {Levels} levels
 * @returns {{level: Level, cause: Cause | null}} this very second
 */
export function judge(person, levels) {
  if (!person.connected) return { level: 'lost', cause: null };
  /** @type {Cause | null} */
  let worst = null;
  let most = 0;
  let known = false;
  for (const direction of /** @type {const} */ (['up', 'down'])) {
    for (const figure of FIGURES) {
      const value = person[direction][figure];
      if (value === null) continue;
      known = true;
      const share = value / levels.good[figure];
      if (share > most) {
        most = share;
        worst = { direction, figure, value };
      }
    }
  }
  if (!known) return { level: 'waiting', cause: null };
  if (!worst || most <= 1) return { level: 'good', cause: null };
  // What is furthest beyond good need not be what is furthest beyond fair.
  const poor = /** @type {const} */ (['up', 'down']).some((direction) =>
    FIGURES.some((figure) => (person[direction][figure] ?? 0) > levels.fair[figure]));
  return { level: poor ? 'poor' : 'fair', cause: worst };
}

/** A level that does not flap. */
class Steady {
  /** @type {Level} */
  level = 'waiting';
  /** @type {Cause | null} */
  cause = null;
  #worse = 0;
  #better = 0;

  /** @param {{level: Level, cause: Cause | null}} now */
  update(now) {
    if (this.level === 'waiting' || now.level === 'lost' || this.level === 'lost') {
      this.#settle(now);
      return;
    }
    const change = rank(now.level) - rank(this.level);
    this.#worse = change < 0 ? this.#worse + 1 : 0;
    this.#better = change > 0 ? this.#better + 1 : 0;
    if (this.#worse >= WORSE_AFTER || this.#better >= BETTER_AFTER) this.#settle(now);
    else if (now.cause) this.cause = now.cause;
  }

  /** @param {{level: Level, cause: Cause | null}} now */
  #settle(now) {
    this.level = now.level;
    this.cause = now.cause;
    this.#worse = 0;
    this.#better = 0;
  }
}

/** @typedef {{level: Level, cause: Cause | null}} Verdict */

/** Everybody's level from second to second. */
export class Judge {
  /** @type {Map<string, Steady>} */
  #people = new Map();
  #levels;

  /** @param {Levels} levels */
  constructor(levels) {
    this.#levels = levels;
  }

  /** @param {Second} second */
  update(second) {
    /** @type {Map<string, Steady>} */
    const people = new Map();
    for (const { people: here } of second.rooms) {
      for (const person of here) {
        const steady = this.#people.get(person.participant) ?? new Steady();
        steady.update(judge(person, this.#levels));
        people.set(person.participant, steady);
      }
    }
    this.#people = people;
  }

  /**
   * @param {string} participant
   * @returns {Verdict}
   */
  of(participant) {
    return this.#people.get(participant) ?? { level: 'waiting', cause: null };
  }

  /**
   * The people of a room, the worst off first.
   *
   * @param {Room} room
   */
  sorted(room) {
    return [...room.people].sort((a, b) =>
      rank(this.of(a.participant).level) - rank(this.of(b.participant).level) ||
      names.compare(a.name, b.name) || (a.participant < b.participant ? -1 : 1));
  }

  /**
   * @param {Room} room
   * @returns {{level: Level, counts: Record<Level, number>}}
   */
  room(room) {
    /** @type {Record<Level, number>} */
    const counts = { good: 0, fair: 0, poor: 0, lost: 0, waiting: 0 };
    for (const { participant } of room.people) counts[this.of(participant).level] += 1;
    const level = ORDER.find((one) => counts[one] > 0) ?? 'waiting';
    return { level, counts };
  }

  /**
   * Rooms that need a look come first: those with more people in trouble before others.
   *
   * @param {Room[]} rooms
   */
  rooms(rooms) {
    const weigh = (/** @type {Room} */ room) => {
      const { counts } = this.room(room);
      return (counts.lost + counts.poor) * 1000 + counts.fair;
    };
    return rooms
      .map((room) => ({ room, weight: weigh(room) }))
      .sort((a, b) => b.weight - a.weight || names.compare(a.room.room, b.room.room))
      .map(({ room }) => room);
  }
}

/**
 * People, not joins: whoever reloads the page is there twice for a moment, once without connection.
 *
 * @param {Person[]} people
 */
export function headCount(people) {
  const here = new Set(people.filter(({ connected }) => connected).map(({ name }) => name));
  return people.filter(({ connected, name }) => connected || !here.has(name)).length;
}

/** @typedef {'shedding' | 'workerBusy' | 'machineBusy' | 'memory' | 'hot' | 'throttled' | 'history' | 'disk'} Trouble */

const BUSY = 0.85;
const MEMORY = 0.92;
/** Degrees Celsius: a Raspberry Pi slows down at 80. */
const HOT = 78;
const LITTLE_DISK = 200e6;

/**
 * What is the matter with the machine, the worst first.
 *
 * @param {Second} second
 * @returns {Trouble[]}
 */
export function troubles({ server, workers }) {
  /** @type {[Trouble, boolean][]} */
  const all = [
    ['shedding', workers.some(({ shedding }) => shedding > 0)],
    ['throttled', server.throttled.length > 0],
    ['hot', (server.temperature ?? 0) >= HOT],
    ['workerBusy', workers.some(({ cpu }) => cpu >= BUSY)],
    ['machineBusy', server.machineCpu >= BUSY],
    ['memory', server.memoryUsed >= MEMORY],
    ['disk', server.diskFree !== null && server.diskFree < LITTLE_DISK],
    ['history', server.history !== 'ok' && server.history !== 'off'],
  ];
  return all.filter(([, is]) => is).map(([trouble]) => trouble);
}
