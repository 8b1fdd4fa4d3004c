/** The chart of one person: which figure, how far back, and the grade bands behind it. */

import { bitrate, milliseconds, percent, score } from '../operator/figures.js';
import { fullLabelOf } from '../operator/words.js';
import { el, icon, segmentRow } from '../shared/dom.js';
import { Chart, legend } from './chart.js';
import { history, together } from './history.js';
import { say } from './words.js';

/**
 * @typedef {import('./chart.js').Line} Line
 * @typedef {import('./chart.js').Point} Point
 * @typedef {import('./recent.js').RecentFigures} RecentFigures
 * @typedef {import('./wire.js').Person} Person
 * @typedef {import('./wire.js').Profile} Profile
 * @typedef {'throughput' | 'loss' | 'delay' | 'jitter' | 'mos'} Name
 * @typedef {{field: 'bitrate' | 'loss' | 'delay' | 'jitter' | 'mos', rising: boolean,
 *   format: (value: number | null) => string, floor?: number, top?: number}} Kind
 */

/** @type {Record<Name, Kind>} */
const KINDS = {
  throughput: { field: 'bitrate', rising: true, format: bitrate },
  loss: { field: 'loss', rising: false, format: percent },
  delay: { field: 'delay', rising: false, format: milliseconds },
  jitter: { field: 'jitter', rising: false, format: milliseconds },
  mos: { field: 'mos', rising: true, format: score, floor: 1, top: 5 },
};

/** Seconds back, at most to when they came; the first goes on with what the page itself sees. */
const SPANS = { live: 300, hour: 3600, call: Infinity };
/** Seconds after which what lies further back is requested again. */
const FRESH = 15;

/** @typedef {keyof typeof SPANS} Span */

export class Timeline {
  #chart = new Chart();
  #recent;
  /** @type {Name} */
  #name = 'throughput';
  /** @type {Span} */
  #span = 'live';
  #participant = '';
  #call = '';
  #joined = 0;
  #now = 0;
  /** @type {Profile | undefined} */
  #profile;
  #note = el('p', { class: 'hint', role: 'status' });
  #legend = el('div', {});
  /** @type {{up: Point[], down: Point[], gap: number} | null} */
  #past = null;
  #askedAt = 0;

  /** @param {HTMLElement} holder @param {RecentFigures} recent */
  constructor(holder, recent) {
    this.#recent = recent;
    const names = /** @type {Name[]} */ (Object.keys(KINDS));
    const spans = /** @type {Span[]} */ (Object.keys(SPANS));
    const figures = segmentRow('figure', say('choose.figure'),
      names.map((value) => ({ value, text: say(`chart.${value}`) })), this.#name, (name) => {
        this.#name = name;
        this.#again();
      });
    const ranges = segmentRow('span', say('choose.span'),
      spans.map((value) => ({ value, text: say(`span.${value}`) })), this.#span, (span) => {
        this.#span = span;
        this.#again();
      });
    const buttons = el('div', { class: 'chart-buttons' },
      button('plus', say('chart.nearer'), () => this.#chart.zoomBy(0.6)),
      button('minus', say('chart.further'), () => this.#chart.zoomBy(1 / 0.6)),
      button('all', say('chart.all'), () => this.#chart.reset()));
    holder.replaceChildren(el('div', { class: 'chart-tools' }, figures, ranges, buttons),
      this.#chart.root, el('div', { class: 'chart-foot' }, this.#legend, this.#note));
  }

  /** @param {Person} person @param {string} call @param {number} now @param {Profile | undefined} profile */
  show({ participant, joined }, call, now, profile) {
    const other = participant !== this.#participant;
    this.#participant = participant;
    this.#call = call;
    this.#joined = joined;
    this.#now = now;
    this.#profile = profile;
    if (other) this.#again();
    else this.#update();
  }

  #update() {
    if (this.#now - this.#askedAt >= FRESH && this.#isBehind()) void this.#ask();
    this.#draw();
  }

  #again() {
    this.#past = null;
    this.#askedAt = 0;
    this.#note.textContent = '';
    this.#chart.reset();
    if (this.#now) this.#update();
  }

  async #ask() {
    this.#askedAt = this.#now;
    const asked = { participant: this.#participant, span: this.#span, name: this.#name };
    const past = await history(this.#call, asked.participant, KINDS[asked.name].field,
      this.#since(), this.#now);
    const still = asked.participant === this.#participant && asked.span === this.#span &&
      asked.name === this.#name;
    if (!still) return;
    this.#past = past;
    this.#note.textContent = past || asked.span === 'live' ? '' : say('chart.noHistory');
    this.#draw();
  }

  #draw() {
    const kind = KINDS[this.#name];
    const live = this.#span === 'live';
    const recent = this.#pageLines(kind);
    const { up, down, gap } = live ? together(this.#past, recent, this.#since()) : this.#past ?? recent;
    const lines = [
      { name: say('direction.down'), ink: '--line-down', dash: [], points: down },
      { name: say('direction.up'), ink: '--line-up', dash: [6, 4], points: up },
    ];
    if (this.#legend.lang !== document.documentElement.lang) {
      this.#legend.lang = document.documentElement.lang;
      this.#legend.replaceChildren(legend(lines));
    }
    const first = Math.min(up[0]?.at ?? this.#now, down[0]?.at ?? this.#now);
    const from = Math.min(this.#now - 60, Math.max(this.#since(), this.#past && !live ? 0 : first));
    this.#chart.show({
      title: fullLabelOf(this.#name),
      lines,
      bands: this.#name === 'mos' ? [] : this.#profile?.video[this.#name] ?? [],
      rising: kind.rising,
      whole: { from, to: this.#now },
      gap,
      format: kind.format,
      ...(kind.floor === undefined ? {} : { floor: kind.floor, top: kind.top }),
    });
  }

  /** Whether the history may have what is not shown yet. */
  #isBehind() {
    if (this.#span !== 'live') return true;
    const first = this.#recent.of(this.#participant)[0]?.at ?? this.#now;
    // Written every few seconds only: what came just before the page was opened comes later.
    const known = this.#past?.down.at(-1)?.at ?? this.#past?.up.at(-1)?.at ?? this.#since();
    return first - known > 2;
  }

  /** Since when there may be anything. */
  #since() {
    return Math.max(this.#joined, this.#now - SPANS[this.#span]);
  }

  /** What the page itself has seen. @param {Kind} kind */
  #pageLines({ field }) {
    const moments = this.#recent.of(this.#participant);
    return {
      up: moments.map(({ at, up }) => ({ at, value: up[field] })),
      down: moments.map(({ at, down }) => ({ at, value: down[field] })),
      gap: 3,
    };
  }
}

/** @param {string} mark @param {string} name @param {() => void} act */
function button(mark, name, act) {
  const sign = mark === 'minus' ? icon('minus') : el('span', { 'aria-hidden': 'true' }, mark === 'plus' ? '+' : '↔');
  const made = el('button', { type: 'button', class: 'round small', 'aria-label': name, 'data-tip': name }, sign);
  made.onclick = act;
  return made;
}
