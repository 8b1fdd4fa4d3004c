/** The tiles: who is seen, how large, and with which marks. */

import { avatar, el, hue, icon } from './dom.js';
import { bestGrid } from './grid.js';
import { t } from './i18n.js';

const GAP = 10;
/** Up to this many people one sees oneself in a corner; with more, among the others. */
const CORNER_UP_TO = 4;

/** Bounds of width to height where they differ from those of the grid. */
const SCREEN_SHAPE = { tallest: 0.4, widest: 4 };
const STRIP_SHAPE = { tallest: 1, widest: 16 / 9 };
/** One person on a phone held upright may fill it. */
const LONE_SHAPE = { tallest: 9 / 16, widest: 16 / 9 };

/** One person or one screen. */
export class Tile {
  #video = el('video', { playsinline: true, autoplay: true });
  #audio = el('audio', { autoplay: true });
  #name = el('span', { class: 'tile-name' });
  #mark = el('span', { class: 'tile-muted', role: 'img' }, icon('mic-off'));
  #face = el('div', { class: 'tile-face' });
  #blocked;

  /**
   * @param {'person' | 'self' | 'screen'} kind
   * @param {() => void} blocked called when the browser wants a touch before it plays sound
   */
  constructor(kind, blocked) {
    this.#blocked = blocked;
    this.element = el('article', { class: `tile ${kind}` },
      this.#face, this.#video, el('div', { class: 'tile-label' }, this.#mark, this.#name));
    // Sound has an element of its own: a video element waits for a picture that may never come.
    this.#video.muted = true;
    if (kind !== 'self') this.element.append(this.#audio);
    this.#mark.hidden = true;
    if (kind === 'self') this.#video.classList.add('mirrored');
    this.showVideo(false);
  }

  get video() {
    return this.#video;
  }

  /**
   * @param {string} name
   * @param {string} [caption] instead of the name, as with a screen
   */
  name(name, caption = name) {
    if (this.#name.textContent === caption) return;
    this.#name.textContent = caption;
    this.#face.replaceChildren(avatar(name));
    this.element.setAttribute('aria-label', caption);
    this.element.style.setProperty('--hue', String(hue(name)));
  }

  /** @param {MediaStream | null} stream */
  stream(stream) {
    for (const element of [this.#video, this.#audio]) {
      if (element.srcObject !== stream) element.srcObject = stream;
    }
    this.play();
  }

  /** Start what should be playing; also after a touch, when the browser had held it back. */
  play() {
    if (this.#video.srcObject) void this.#video.play().catch(() => {});
    if (!this.#audio.srcObject || !this.#audio.isConnected) return;
    this.#audio.play().catch((error) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.#blocked();
    });
  }

  /** @param {boolean} shown */
  showVideo(shown) {
    this.element.classList.toggle('with-video', shown);
  }

  /** @param {boolean} muted */
  muted(muted) {
    this.#mark.hidden = !muted;
    this.#mark.setAttribute('aria-label', t('room.mutedMark'));
  }

  /** @param {boolean} speaking */
  speaking(speaking) {
    this.element.classList.toggle('speaking', speaking);
  }

  /** @param {string} id of an audio output device */
  speaker(id) {
    void this.#audio.setSinkId?.(id).catch(() => {});
  }

  remove() {
    this.#video.srcObject = null;
    this.#audio.srcObject = null;
    this.element.remove();
  }
}

/** Where the tiles are. */
export class Stage {
  /** @type {Map<string, Tile>} */
  #people = new Map();
  /** @type {Map<string, Tile>} */
  #screens = new Map();
  #places;
  #self;

  /**
   * @param {{stage: HTMLElement, people: HTMLElement, screens: HTMLElement, corner: HTMLElement,
   *   alone: HTMLElement}} places
   * @param {Tile} self
   */
  constructor(places, self) {
    this.#places = places;
    this.#self = self;
    new ResizeObserver(() => this.layout()).observe(places.stage);
  }

  /**
   * @param {'person' | 'screen'} role
   * @param {string} participant
   */
  tile(role, participant) {
    return this.#of(role).get(participant) ?? null;
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
    (role === 'person' ? this.#places.people : this.#places.screens).append(tile.element);
    this.layout();
  }

  /**
   * @param {'person' | 'screen'} role
   * @param {string} participant
   */
  remove(role, participant) {
    this.#of(role).get(participant)?.remove();
    this.#of(role).delete(participant);
    this.layout();
  }

  clear() {
    for (const tile of this.tiles) tile.remove();
    this.#people.clear();
    this.#screens.clear();
  }

  /** Give every tile its size. */
  layout() {
    const { stage, people, screens, corner, alone } = this.#places;
    const presenting = this.#screens.size > 0;
    const others = this.#people.size;
    const inCorner = others > 0 && others < CORNER_UP_TO && !presenting;
    const home = inCorner ? corner : people;
    if (this.#self.element.parentElement !== home) {
      home.append(this.#self.element);
      this.#self.play();
    }
    corner.hidden = !inCorner;
    alone.hidden = others > 0 || presenting;
    screens.hidden = !presenting;
    const { clientWidth: width, clientHeight: height } = stage;
    const wide = width > height * 1.1;
    stage.classList.toggle('presenting', presenting);
    stage.classList.toggle('wide', wide);
    const count = others + (inCorner ? 0 : 1);
    const strip = presenting ? stripSize(width, height, wide, count) : { width, height };
    arrange(people, count, strip.width, strip.height, presenting);
    if (presenting) {
      const rest = wide
        ? { width: width - strip.width - GAP, height }
        : { width, height: height - strip.height - GAP };
      arrange(screens, this.#screens.size, rest.width, rest.height, false);
    }
  }

  /** @param {'person' | 'screen'} role */
  #of(role) {
    return role === 'person' ? this.#people : this.#screens;
  }
}

/**
 * The part of the stage that people keep beside a screen.
 *
 * @param {number} width
 * @param {number} height
 * @param {boolean} wide
 * @param {number} count
 */
function stripSize(width, height, wide, count) {
  const share = count > 4 ? 0.26 : 0.2;
  return wide
    ? { width: Math.round(Math.max(150, width * share)), height }
    : { width, height: Math.round(Math.max(96, height * (share + 0.06))) };
}

/**
 * @param {HTMLElement} area
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @param {boolean} strip
 */
function arrange(area, count, width, height, strip) {
  const screens = area.classList.contains('screens');
  const grid = bestGrid(count, width, height, GAP,
    screens ? SCREEN_SHAPE : strip ? STRIP_SHAPE : count === 1 ? LONE_SHAPE : {});
  area.style.width = `${width}px`;
  area.style.height = `${height}px`;
  area.style.setProperty('--tile-width', `${grid.width}px`);
  area.style.setProperty('--tile-height', `${grid.height}px`);
  area.classList.toggle('tiny', grid.width < 190 || grid.height < 110);
}
