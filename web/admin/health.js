/** The load of the machine and its media workers. */

import {
  age, bitrate, bytes, count, degrees, milliseconds, number, share,
} from '../operator/figures.js';
import { byId, el } from '../shared/dom.js';
import { Keyed, figure, setData, setText } from './show.js';
import { say, wordOf } from './words.js';

/**
 * @typedef {import('./wire.js').Second} Second
 * @typedef {import('./wire.js').Worker} Worker
 */

/** Shares of a core from which a bar changes its colour. */
const BUSY = [0.6, 0.85];

/** A bar from empty to full, with its figure. */
export class Bar {
  #fill = el('i', {});
  #value = el('span', { class: 'bar-value' });

  /** @param {string} name */
  constructor(name) {
    this.root = el('div', { class: 'load' }, el('span', { class: 'bar-name' }, name),
      el('span', { class: 'bar-track', 'aria-hidden': 'true' }, this.#fill), this.#value);
  }

  /** @param {number} value 0 to 1 */
  show(value) {
    const bound = Math.min(Math.max(value, 0), 1);
    this.#fill.style.width = `${Math.round(bound * 100)}%`;
    setData(this.root, 'busy', String(BUSY.filter((least) => value >= least).length));
    setText(this.#value, share(value));
  }
}

export class Health {
  #machine = new Bar(say('health.machine'));
  #memory = new Bar(say('health.memory'));
  #facts;
  #workers;

  /** @param {number[]} bounds of the forwarding delay's buckets, seconds */
  constructor(bounds) {
    const names = /** @type {const} */ (['signaling', 'uptime', 'temperature', 'disk', 'history']);
    this.#facts = names.map((name) => ({ name, ...figure(say(`health.${name}`)) }));
    byId('machine', HTMLElement).replaceChildren(this.#machine.root, this.#memory.root,
      el('dl', { class: 'figures' }, ...this.#facts.map(({ root }) => root)));
    const holder = byId('workers', HTMLElement);
    holder.replaceChildren();
    this.#workers = new Keyed(holder, (/** @type {Worker} */ worker) => new WorkerCard(worker, bounds));
  }

  /** @param {Second} second */
  show({ server, workers }) {
    this.#machine.show(server.machineCpu);
    this.#memory.show(server.memoryUsed);
    const throttled = server.throttled.map((one) => wordOf('throttled', one)).join(', ');
    const texts = {
      signaling: `${share(server.cpu)} · ${bytes(server.rssBytes)}`,
      uptime: age(server.uptime),
      temperature: [server.temperature === null ? say('health.unknown') : degrees(server.temperature),
        throttled].filter(Boolean).join(' · '),
      disk: server.diskFree === null ? say('health.unknown') : say('health.free', { value: bytes(server.diskFree) }),
      history: wordOf('history', server.history),
    };
    for (const { name, show } of this.#facts) show(texts[name]);
    this.#workers.show(workers, ({ worker }) => String(worker), (card, worker) => card.show(worker));
  }
}

class WorkerCard {
  #cpu = new Bar(say('health.cpu'));
  #figures = {
    packets: figure(say('health.packets')), traffic: figure(say('health.traffic')),
    rooms: figure(say('health.rooms')), memory: figure(say('health.memory')),
    gathering: figure(say('health.gathering'), say('hint.gathering')),
  };
  #shedding = el('p', { class: 'problem' });
  #histogram;
  #drops = el('ul', { class: 'drops' });
  #noDrops = el('p', { class: 'hint' }, say('drops.none'));
  #reasons;

  /** @param {Worker} worker @param {number[]} bounds */
  constructor({ worker, pid }, bounds) {
    this.#histogram = new Histogram(bounds);
    this.#reasons = new Keyed(this.#drops, (/** @type {[string, number, number]} */ [reason]) => {
      const count = el('b', {});
      return { root: el('li', {}, el('span', { title: reason }, wordOf('drop', reason)), count), count };
    });
    this.root = el('li', { class: 'card worker' },
      el('h3', {}, say('worker.title', { number: worker + 1 }), el('small', {}, `pid ${pid}`)),
      this.#shedding, this.#cpu.root,
      el('dl', { class: 'figures' }, ...Object.values(this.#figures).map(({ root }) => root)),
      el('h4', {}, say('health.delay')), this.#histogram.root,
      el('h4', {}, say('health.drops')), this.#noDrops, this.#drops);
  }

  /** @param {Worker} worker */
  show(worker) {
    this.#cpu.show(worker.cpu);
    const { packets, traffic, rooms, memory, gathering } = this.#figures;
    packets.show(`↓ ${count(worker.packetsReceivedPerSecond)}  ↑ ${count(worker.packetsSentPerSecond)}`);
    traffic.show(`↓ ${bitrate(worker.bitrateReceived)}  ↑ ${bitrate(worker.bitrateSent)}`);
    rooms.show(count(worker.routers));
    memory.show(bytes(worker.rssBytes));
    gathering.show(milliseconds(worker.gatherMs / 1000));
    this.#shedding.hidden = worker.shedding === 0;
    setText(this.#shedding, say('trouble.shedding'));
    this.#histogram.show(worker.forwardingDelay);
    const reasons = Object.entries(worker.dropsTotal)
      .map(([reason, total]) => /** @type {[string, number, number]} */ ([reason, total, worker.drops[reason] ?? 0]))
      .sort((a, b) => b[1] - a[1]);
    this.#noDrops.hidden = reasons.length > 0;
    this.#reasons.show(reasons, ([reason]) => reason, (row, [, total, now]) => {
      setText(row.count, now ? say('drops.count', { total: number(total), now: number(now) }) : number(total));
      setData(row.root, 'now', String(now > 0));
    });
  }
}

/** Packets of the last second by how long they were in the server. */
class Histogram {
  #bars;
  #bounds;
  #sentence = el('p', { class: 'hint' });

  /** @param {number[]} bounds */
  constructor(bounds) {
    this.#bounds = bounds;
    const last = short((bounds.at(-1) ?? 0) * 1000);
    this.#bars = [...bounds, null].map((bound, place) => {
      const [bar, name] = [el('i', {}), el('span', {})];
      const inMs = bound === null ? null : bound * 1000;
      // There is room for a name at each power of ten, and none for two that are neighbours.
      if (inMs === null) name.textContent = `>${last}`;
      else if (place < bounds.length - 1 && isPowerOfTen(inMs)) name.textContent = short(inMs);
      const from = place ? short((bounds[place - 1] ?? 0) * 1000) : '0';
      return { bar, range: inMs === null ? `>${last}` : `${from}–${short(inMs)}`, root: el('li', {}, bar, name) };
    });
    this.root = el('div', { class: 'histogram' },
      el('ol', { 'aria-hidden': 'true' }, ...this.#bars.map(({ root }) => root)), this.#sentence);
  }

  /** @param {number[]} counts */
  show(counts) {
    const most = Math.max(1, ...counts);
    this.#bars.forEach(({ bar, range, root }, place) => {
      root.title = `${range} ${say('unit.ms')}: ${number(counts[place] ?? 0)}`;
      const height = ((counts[place] ?? 0) / most) * 100;
      bar.style.height = `${height && Math.max(height, 2)}%`;
    });
    const [half, nearly] = [quantile(counts, this.#bounds, 0.5), quantile(counts, this.#bounds, 0.95)];
    setText(this.#sentence, half === null || nearly === null ? say('health.noPackets')
      : say('health.quantiles', { half: milliseconds(half), nearly: milliseconds(nearly) }));
  }
}

/** @param {number} value above 0 */
function isPowerOfTen(value) {
  const exponent = Math.log10(value);
  return Math.abs(exponent - Math.round(exponent)) < 1e-6;
}

/** @param {number} inMs */
function short(inMs) {
  return number(inMs, inMs < 1 ? 2 : inMs < 10 ? 1 : 0);
}

/**
 * The bound below which this part of all lies; what is beyond the last bound counts as that.
 *
 * @param {readonly number[]} counts
 * @param {readonly number[]} bounds
 * @param {number} part 0 to 1
 */
export function quantile(counts, bounds, part) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (!all) return null;
  let sum = 0;
  for (let place = 0; place < counts.length; place += 1) {
    sum += counts[place] ?? 0;
    if (sum >= all * part) return bounds[Math.min(place, bounds.length - 1)] ?? null;
  }
  return bounds.at(-1) ?? null;
}
