/** The stage: where the tiles are and how large. */

import { bestGrid, cornerPays } from './grid.js';

/** @typedef {import('./tile.js').Tile} Tile */

/** Between tiles; grows with the text, as all distances of the page. */
const GAP_REM = 0.625;
/** Up to this many people one sees oneself in a corner; with more, among the others. */
const CORNER_UP_TO = 4;

/** Bounds of width to height where they differ from those of the grid. */
const SCREEN_SHAPE = { tallest: 0.4, widest: 4 };
const STRIP_SHAPE = { tallest: 1, widest: 16 / 9 };
/** One person on a phone held upright may fill it. */
const LONE_SHAPE = { tallest: 0.4, widest: 16 / 9 };

/**
 * One's own video in the corner: on a phone above, where no thumb is, as narrow as a face; else
 * below, in the shape of a camera. Lengths in pixels but for those named otherwise.
 */
const PHONE_WIDTH = 760;
const PHONE_CORNER = { width: 104, height: 139, inset: 12 };
const CORNER = { share: 0.17, leastRem: 10.625, mostRem: 20, shape: 16 / 9, insetRem: 1 };

export class Stage {
  /** @type {Map<string, Tile>} */
  #people = new Map();
  /** @type {Map<string, Tile>} */
  #screens = new Map();
  /** @type {Tile | null} */
  #pinned = null;
  #places;
  #self;

  /**
   * @param {{stage: HTMLElement, people: HTMLElement, screens: HTMLElement, corner: HTMLElement,
   *   alone: HTMLElement}} places
   * @param {Tile} self
   * @param {AbortSignal} signal the end of the call: the places are the next call's then
   */
  constructor(places, self, signal) {
    this.#places = places;
    this.#self = self;
    const sizes = new ResizeObserver(() => this.layout());
    sizes.observe(places.stage);
    signal.addEventListener('abort', () => sizes.disconnect(), { once: true });
  }

  /**
   * @param {'person' | 'screen'} role
   * @param {string} participant
   */
  tile(role, participant) {
    return this.#of(role).get(participant) ?? null;
  }

  get pinned() {
    return this.#pinned;
  }

  /** @param {Tile | null} tile to be shown large, instead of screens */
  pin(tile) {
    this.#pinned = tile;
    this.layout();
  }

  get tiles() {
    return [...this.#people.values(), ...this.#screens.values()];
  }

  /**
   * @param {'person' | 'screen'} role
   * @param {string} participant
   * @param {Tile} tile
   */
  add(role, participant, tile) {
    this.#of(role).set(participant, tile);
    this.layout();
  }

  /**
   * @param {'person' | 'screen'} role
   * @param {string} participant
   */
  remove(role, participant) {
    const tile = this.#of(role).get(participant);
    if (tile && tile === this.#pinned) this.#pinned = null;
    tile?.remove();
    this.#of(role).delete(participant);
    this.layout();
  }

  clear() {
    for (const tile of this.tiles) tile.remove();
    this.#pinned = null;
    this.#people.clear();
    this.#screens.clear();
  }

  /** Give every tile its place and size. */
  layout() {
    const { stage, people, screens, corner, alone } = this.#places;
    const large = this.#pinned ? [this.#pinned] : [...this.#screens.values()];
    const presenting = large.length > 0;
    const others = this.tiles.length - large.length;
    const { clientWidth: width, clientHeight: height } = stage;
    const gap = rem() * GAP_REM;
    const box = cornerBox(width, height);
    const inCorner = others > 0 && others < CORNER_UP_TO && !presenting
      && (others === 1 || cornerPays(others, width, height, gap, box));
    corner.style.setProperty('--corner-width', `${box.right - box.left}px`);
    corner.style.setProperty('--corner-height', `${box.bottom - box.top}px`);
    for (const tile of this.tiles) put(tile, large.includes(tile) ? screens : people);
    put(this.#self, inCorner ? corner : people);
    corner.hidden = !inCorner;
    alone.hidden = others > 0 || presenting;
    screens.hidden = !presenting;
    const wide = width > height * 1.1;
    stage.classList.toggle('presenting', presenting);
    stage.classList.toggle('wide', wide);
    const count = others + (inCorner ? 0 : 1);
    const strip = presenting ? stripSize(width, height, wide, count, gap) : { width, height };
    arrange(people, count, strip, gap, presenting);
    if (presenting) {
      const rest = wide
        ? { width: width - strip.width - gap, height }
        : { width, height: height - strip.height - gap };
      arrange(screens, large.length, rest, gap, false);
    }
  }

  /** @param {'person' | 'screen'} role */
  #of(role) {
    return role === 'person' ? this.#people : this.#screens;
  }
}

/**
 * @param {Tile} tile
 * @param {HTMLElement} place
 */
function put(tile, place) {
  if (tile.element.parentElement === place) return;
  place.append(tile.element);
  // A video that moves in the page stops.
  tile.play();
}

/** Pixels of the page's unit of length. */
function rem() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}

/**
 * @param {number} width of the stage
 * @param {number} height of the stage
 * @returns {import('./grid.js').Box} within the stage
 */
function cornerBox(width, height) {
  if (innerWidth <= PHONE_WIDTH) {
    const { inset, ...size } = PHONE_CORNER;
    const right = width - inset;
    return { left: right - size.width, top: inset, right, bottom: inset + size.height };
  }
  const most = Math.min(CORNER.mostRem * rem(), innerWidth * CORNER.share);
  const wide = Math.max(CORNER.leastRem * rem(), most);
  const [right, bottom] = [width - CORNER.insetRem * rem(), height - CORNER.insetRem * rem()];
  return { left: right - wide, top: bottom - wide / CORNER.shape, right, bottom };
}

/**
 * The part of the stage that people keep beside a screen.
 *
 * @param {number} width
 * @param {number} height
 * @param {boolean} wide
 * @param {number} count
 * @param {number} gap
 */
function stripSize(width, height, wide, count, gap) {
  const share = count > 4 ? 0.26 : 0.2;
  const most = wide
    ? { width: Math.round(Math.max(150, width * share)), height }
    : { width, height: Math.round(Math.max(96, height * (share + 0.06))) };
  // No wider than its tiles are: the rest is for what is shown large.
  const grid = bestGrid(count, most.width, most.height, gap, STRIP_SHAPE);
  return wide
    ? { width: grid.columns * (grid.width + gap) - gap, height }
    : { width, height: grid.rows * (grid.height + gap) - gap };
}

/**
 * @param {HTMLElement} area
 * @param {number} count
 * @param {{width: number, height: number}} size of the area
 * @param {number} gap
 * @param {boolean} strip
 */
function arrange(area, count, { width, height }, gap, strip) {
  const screens = area.classList.contains('screens');
  const grid = bestGrid(count, width, height, gap,
    screens ? SCREEN_SHAPE : strip ? STRIP_SHAPE : count === 1 ? LONE_SHAPE : {});
  area.style.width = `${width}px`;
  area.style.height = `${height}px`;
  area.style.setProperty('--tile-width', `${grid.width}px`);
  area.style.setProperty('--tile-height', `${grid.height}px`);
  area.classList.toggle('tiny', grid.width < 190 || grid.height < 110);
}
