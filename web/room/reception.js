/**
 * What is seen here, reported to the server, and how well it arrives, shown to the person.
 *
 * Each second the tiles are checked for video that does not move, each two seconds the browser's
 * statistics are read. Everything else follows the conference's events.
 */

import { DigestMaker } from '../client/digest.js';
import {
  Episode, ReceptionMeter, SteadyGrade, gradeOfServer, gradeReception, isWorse, roundTripMs, troubles,
} from '../client/quality.js';
import { Speaker } from '../client/speaker.js';
import { byId, toast } from '../shared/dom.js';
import { language, t } from '../shared/i18n.js';
import { settings } from '../shared/settings.js';
import { Sight } from './sight.js';

/** @typedef {import('../client/messages.js').Participant} Participant */
/** @typedef {import('../client/messages.js').Track} Track */
/** @typedef {import('../client/conference.js').Conference} Conference */
/** @typedef {import('../client/quality.js').Grade} Grade */
/** @typedef {import('../client/quality.js').Reception} TrackReception */
/** @typedef {import('./tile.js').Tile} Tile */
/** @typedef {import('./tiles.js').Stage} Stage */

const CHECK_EVERY_MS = 1000;
/** Video that has not moved for so long counts as waiting, then the page offers to explain it. */
const WAITS_AFTER_MS = 2000;
const ASKS_AFTER_MS = 5000;
/** From this many tiles with the same trouble on, each states it in short. */
const MANY = 3;
/** The state of a tile that shows what it should. */
const SHOWN = { text: '', stopped: false, ask: false };
/** Checks of the tiles between two readings of the statistics. */
const CHECKS_PER_READING = 2;

export class Reception {
  /** @type {Map<Tile, {frames: number, at: number}>} when a tile last showed a new frame */
  #moved = new Map();
  #meter = new ReceptionMeter();
  #digests = new DigestMaker();
  /** @type {Map<string, SteadyGrade>} by participant */
  #grades = new Map();
  /** @type {Map<string, {side: 'theirs' | 'yours', words: string}>} by participant, if not good */
  #troubled = new Map();
  /** @type {Map<string, TrackReception>} by track */
  #received = new Map();
  /** Tracks that were meant to flow at the last reading. */
  #watched = new Set();
  #speaker = new Speaker();
  #episode = new Episode();
  #removeToast = () => {};
  #checks = 0;
  /** Milliseconds, as last read. */
  #rtt = 0;
  #scheduled = false;
  #sight;
  #conference;
  #stage;
  #self;
  #signal;

  /**
   * @param {Conference} conference
   * @param {Stage} stage
   * @param {Tile} self
   * @param {AbortSignal} signal the end of the call
   */
  constructor(conference, stage, self, signal) {
    this.#conference = conference;
    this.#stage = stage;
    this.#self = self;
    this.#signal = signal;
    this.#sight = new Sight(byId('panel', HTMLElement), () => this.viewChanged(), signal);
    conference.on('speaking', ({ levels }) => {
      const others = new Map(levels);
      others.delete(conference.id);
      if (this.#speaker.hear(others, performance.now())) this.viewChanged();
    }, signal);
    conference.on('receiving', () => this.#showStates(), signal);
    conference.on('quality', () => this.#showQuality(), signal);
    const timer = setInterval(() => this.#tick(), CHECK_EVERY_MS);
    signal.addEventListener('abort', () => clearInterval(timer));
  }

  /** Ids of tracks that came in since the last reading. */
  get arriving() {
    return new Set([...this.#received].flatMap(([track, { kind, frames, packets, lost }]) =>
      (kind === 'video' ? frames > 0 : packets > lost) ? [track] : []));
  }

  /**
   * What is wrong with the connection over which somebody arrives, and whose it is.
   *
   * @param {string} participant
   * @returns {{side: 'theirs' | 'yours', words: string} | null} null when it is good
   */
  qualityOf(participant) {
    // Over one's own bad connection everybody arrives badly.
    return this.#troubled.get(participant) ?? this.#troubled.get(this.#conference.id) ?? null;
  }

  /** @param {Tile} tile new on the stage */
  watch(tile) {
    this.#sight.watch(tile.element);
    tile.silent(settings().soundElsewhere);
  }

  /** @param {Tile} tile that leaves it */
  unwatch(tile) {
    this.#sight.unwatch(tile.element);
    this.#moved.delete(tile);
  }

  /** Another choice of what to receive, or another tile is large. */
  chosen() {
    for (const tile of this.#stage.tiles) tile.silent(settings().soundElsewhere);
    this.viewChanged();
    this.#showStates();
  }

  /** Report what is seen to the server, once everything that changes now has changed. */
  viewChanged() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#signal.aborted) this.#report();
    });
  }

  #report() {
    const { quality, audioOnly, soundElsewhere } = settings();
    const tracks = this.#videos().map(({ tile, participant, track }) => ({
      track: track.id,
      ...this.#sight.sizeOf(tile.element),
      importance: this.#importanceOf(tile, participant),
    }));
    this.#conference.view.report({
      tracks, quality, video: !audioOnly, audio: !soundElsewhere,
    });
  }

  /**
   * @param {Tile} tile
   * @param {string} participant
   * @returns {import('../client/messages.js').Importance}
   */
  #importanceOf(tile, participant) {
    const { pinned } = this.#stage;
    if (tile === pinned) return 'main';
    if (tile.kind === 'screen') return 'screen';
    return !pinned && participant === this.#speaker.current ? 'main' : 'tile';
  }

  /** Every video of the others that has a tile. */
  #videos() {
    return this.#conference.participants.flatMap(({ id, tracks }) => tracks.flatMap((track) => {
      if (track.kind !== 'video') return [];
      const tile = this.#stage.tile(track.source === 'screen' ? 'screen' : 'person', id);
      return tile ? [{ tile, participant: id, track }] : [];
    }));
  }

  #tick() {
    if (document.visibilityState === 'visible') this.#showStates();
    this.#checks += 1;
    if (this.#checks % CHECKS_PER_READING === 0) void this.#read();
    this.#showEpisode();
  }

  async #read() {
    const reports = await this.#conference.subscribeConnection?.getStats().catch(() => null);
    if (!reports || this.#signal.aborted) return;
    const all = [...reports.values()];
    const byMid = this.#meter.next(all);
    const watched = this.#watched;
    this.#watched = new Set();
    this.#received = new Map(this.#conference.receivedTracks.flatMap(({ mid, track }) => {
      const found = byMid.get(mid);
      if (!found) return [];
      if (this.#isSent(track)) this.#watched.add(track);
      // The browser counts a pause that was meant as a freeze, once it is over.
      return [[track, watched.has(track) ? found : { ...found, frozenMs: 0 }]];
    }));
    this.#rtt = roundTripMs(all);
    const { receivedTracks } = this.#conference;
    const digest = this.#digests.next(all, receivedTracks, this.#rtt, performance.now());
    if (digest) this.#conference.view.reportDigest(digest);
    this.#showQuality();
  }

  /**
   * Whether the server sends a track, as far as we know.
   *
   * @param {string} track
   */
  #isSent(track) {
    const state = this.#conference.view.receivingOf(track)?.state ?? 'flowing';
    return state === 'flowing' && !settings().audioOnly && document.visibilityState === 'visible';
  }

  // Showing.

  #showStates() {
    const now = performance.now();
    const shown = this.#videos().map(({ tile, track }) => {
      const still = this.#stillFor(tile, now);
      if (track.muted) this.#moved.delete(tile);
      return { tile, state: track.muted ? SHOWN : this.#stateOf(tile, track, still) };
    });
    const live = new Set(shown.map(({ tile }) => tile));
    for (const { tile, state } of shown) {
      const { text, stopped, ask } = state;
      const many = stopped && shown.filter((other) => other.state.text === text).length >= MANY;
      tile.state(many && !settings().audioOnly ? t('tile.paused') : text, stopped, ask, text);
    }
    for (const tile of this.#stage.tiles) if (!live.has(tile)) tile.state('', false, false);
  }

  /**
   * @param {Tile} tile
   * @param {number} now
   * @returns {number} milliseconds since its video last moved
   */
  #stillFor(tile, now) {
    const { frames } = tile;
    const known = this.#moved.get(tile);
    if (known?.frames === frames) return now - known.at;
    this.#moved.set(tile, { frames, at: now });
    return 0;
  }

  /**
   * @param {Tile} tile
   * @param {Track} track
   * @param {number} still milliseconds
   */
  #stateOf(tile, track, still) {
    if (settings().audioOnly) return { text: t('tile.audioOnly'), stopped: true, ask: false };
    const state = this.#conference.view.receivingOf(track.id)?.state;
    const ask = still >= ASKS_AFTER_MS;
    if (state === 'pausedByBandwidth') return { text: t('tile.pausedByBandwidth'), stopped: true, ask };
    if (state === 'shed') return { text: t('tile.shed'), stopped: true, ask };
    // A screen on which nothing moves sends next to nothing.
    const rests = track.source === 'screen' && tile.frames > 0 && state !== 'noPackets';
    const waits = still >= WAITS_AFTER_MS && !rests;
    return { text: waits ? t('tile.waiting') : '', stopped: false, ask: waits && ask };
  }

  #showQuality() {
    const { participants, view, id: own } = this.#conference;
    for (const { id, name, tracks } of participants) {
      const here = tracks.flatMap((track) => this.#received.get(track.id) ?? []);
      const reported = view.qualityOf(id);
      const there = reported && gradeOfServer(reported);
      const grade = this.#steady(id, worst(there, here.length > 0 ? gradeReception(here, 0) : null));
      if (!grade) continue;
      const whose = grade === there || !isWorse(grade.level, there?.level ?? 'good') ? 'their' : 'here';
      const words = qualityWords(whose, grade, name);
      this.#noteTrouble(id, grade, whose === 'their' ? 'theirs' : 'yours', words);
      this.#stage.tile('person', id)?.quality(grade.level, words);
    }
    const reported = view.qualityOf(own);
    const all = [...this.#received.values()];
    const mine = this.#steady(own,
      worst(reported && gradeOfServer(reported), all.length > 0 ? gradeReception(all, this.#rtt) : null));
    if (!mine) return;
    const words = qualityWords('your', mine, '');
    this.#self.quality(mine.level, words);
    this.#noteTrouble(own, mine, 'yours', words);
  }

  /**
   * @param {string} id of a participant
   * @param {Grade} grade
   * @param {'theirs' | 'yours'} side
   * @param {string} words
   */
  #noteTrouble(id, { level }, side, words) {
    if (level === 'good') this.#troubled.delete(id);
    else this.#troubled.set(id, { side, words });
  }

  /**
   * @param {string} id
   * @param {Grade | null} grade
   */
  #steady(id, grade) {
    const steady = this.#grades.get(id) ?? new SteadyGrade();
    this.#grades.set(id, steady);
    return grade && steady.next(grade);
  }

  #showEpisode() {
    const limited = this.#conference.view.received.some(({ limited, state }) =>
      limited || state === 'pausedByBandwidth');
    const change = this.#episode.see(limited && !settings().audioOnly, performance.now());
    if (!change) return;
    // The message before does not stand beside the one that replaces it.
    this.#removeToast();
    this.#removeToast = change === 'began'
      ? toast(t('live.videoLowered'), 'problem') : toast(t('live.videoBack'));
  }
}

/**
 * @param {Grade | null} one
 * @param {Grade | null} other
 */
function worst(one, other) {
  if (!one || !other) return one ?? other;
  return isWorse(other.level, one.level) ? other : one;
}

/**
 * @param {'their' | 'here' | 'your'} whose
 * @param {Grade} grade
 * @param {string} name
 */
export function qualityWords(whose, grade, name) {
  const verdict = t(`quality.${whose}.${grade.level}`, { name });
  const found = troubles(grade).map(({ phrase, value }) =>
    t(`quality.${phrase}`, { value: value.toLocaleString(language()) }));
  return found.length > 0 ? `${verdict}: ${found.join(', ')}` : verdict;
}
