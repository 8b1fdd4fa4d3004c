/** The charts of a call: which there are, and whose lines they show. */

import { number, text } from '../operator/figures.js';
import { el } from '../shared/dom.js';
import { chartMarks } from './events.js';
import { wordOfIndex } from './grades.js';
import { topOf } from './line.js';
import { colourClass, drawPlot } from './plot.js';
import { byVisit } from './visits.js';
import { say } from './words.js';

/** @typedef {import('./types.js').Bands} Bands */
/** @typedef {import('./types.js').Chart} Chart */
/** @typedef {import('./types.js').Direction} Direction */
/** @typedef {import('./types.js').Report} Report */

/**
 * @typedef {object} Kind
 * @property {'voice' | 'video' | 'loss' | 'delay' | 'jitter' | 'bitrate'} name of its words
 * @property {'loss' | 'delay' | 'jitter' | 'bitrate' | 'mos'} field
 * @property {'audio' | 'video' | 'both'} medium the models of voice and of video make no common mean
 * @property {string} worst column of the single seconds' worst, if there is one
 * @property {import('./types.js').Graded | ''} graded
 * @property {number} least top of the axis
 * @property {number} [bottom]
 * @property {boolean} rising more is better
 * @property {(value: number) => string} text of a step of the axis
 */

/** @type {Kind[]} */
const KINDS = [
  { name: 'loss', medium: 'both', field: 'loss', worst: 'lossWorst', graded: 'loss', least: 4, rising: false, text: (value) => `${number(value, 2)} %` },
  { name: 'delay', medium: 'both', field: 'delay', worst: 'delayWorst', graded: 'delay', least: 0.16, rising: false, text: ms },
  { name: 'bitrate', medium: 'both', field: 'bitrate', worst: '', graded: 'throughput', least: 400e3, rising: true, text: (value) => text(value, 'rate') },
  { name: 'jitter', medium: 'both', field: 'jitter', worst: 'jitterWorst', graded: 'jitter', least: 0.02, rising: false, text: ms },
  ...(/** @type {const} */ ([['voice', 'audio'], ['video', 'video']])).map(([name, medium]) => ({
    name, medium, field: /** @type {const} */ ('mos'), worst: 'mosWorst', graded: /** @type {const} */ (''),
    least: 5, bottom: 1, rising: true, text: (/** @type {number} */ value) => number(value, 1),
  })),
];

/** @param {number} seconds */
function ms(seconds) {
  return `${number(seconds * 1000, 1)} ms`;
}

/**
 * @param {Report} report
 * @param {Chart} chart
 * @param {{profile: string, direction: Direction, focus: string, bands: Bands}} choice `focus`: the
 *   participant whose lines stand out, or empty
 */
export function drawCharts(report, chart, { profile, direction, focus, bands }) {
  const known = byVisit(report);
  // What somebody is sent is kept by medium, what they send by track.
  const series = chart.series.filter((one) =>
    one.direction === direction && (direction === 'inbound' || !one.track));
  return KINDS.map((kind) => {
    const shown = series.filter(({ kind: medium, points }) =>
      medium === kind.medium && points[kind.field]?.some((value) => value !== null));
    const lines = shown.map(({ participant, points }) => {
      const { person, number: colour } = known.get(participant) ?? { person: null, number: 0 };
      const focused = person?.participant === focus;
      return {
        name: person?.name ?? participant,
        colour,
        at: points.at,
        values: points[kind.field] ?? [],
        ...(focused && kind.worst ? { worst: points[kind.worst] ?? [] } : {}),
        faint: Boolean(focus) && !focused,
      };
    });
    // Who stands out is drawn last, over the others.
    lines.sort((a, b) => Number(b.faint) - Number(a.faint));
    const columns = lines.flatMap(({ values, worst, faint }) => (worst && !faint ? [values, worst] : [values]));
    const figure = drawPlot({
      title: say(`chart.${kind.name}`),
      hint: say(`chart.${kind.name}Hint`),
      summary: say('chart.people', { count: new Set(lines.map(({ colour }) => colour)).size }),
      since: chart.since,
      until: chart.until,
      step: chart.step,
      top: kind.field === 'mos' ? 5 : topOf(columns, kind.least),
      ...(kind.bottom ? { bottom: kind.bottom } : {}),
      lines,
      bands: (kind.graded && bands[profile]?.video[kind.graded]) || [],
      rising: kind.rising,
      text: kind.text,
      marks: chartMarks(report.events),
    });
    if (!lines.length) figure.append(el('p', { class: 'plot-nothing' }, say('chart.nothing')));
    return figure;
  });
}

/**
 * Names with their colours; pressing one makes its lines stand out.
 *
 * @param {Report} report
 * @param {string} focus
 * @param {(participant: string) => void} choose
 */
export function legend(report, focus, choose) {
  return el('div', { class: 'legend', role: 'group', 'aria-label': say('chart.legend') },
    ...report.people.map(({ participant, name }, number) => {
      const pressed = participant === focus;
      const button = el('button', {
        class: `legend-person ${colourClass(number)}${focus && !pressed ? ' away' : ''}`,
        type: 'button', 'aria-pressed': String(pressed), 'data-participant': participant,
      }, el('i', { class: 'swatch' }), name);
      button.onclick = () => choose(pressed ? '' : participant);
      return button;
    }));
}

/**
 * What the colours behind the lines mean.
 *
 * @param {Bands} bands
 * @param {string} profile
 */
export function bandKey(bands, profile) {
  const all = Object.values(bands[profile]?.video ?? {}).flat();
  const indices = [...new Set(all.map(([index]) => index))].sort((a, b) => b - a);
  return el('p', { class: 'band-key', hidden: indices.length === 0 },
    ...indices.map((index) => el('span', {}, el('i', { class: `key-${index}` }), wordOfIndex(bands, profile, index))));
}
