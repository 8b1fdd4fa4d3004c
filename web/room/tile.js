/** One tile: a person or a screen, with its marks. */

import { avatar, el, hue, icon } from '../shared/dom.js';
import { t } from '../shared/i18n.js';

/** Milliseconds. Shorter silence is a pause between words: a mark that flickers with each tires. */
const PAUSE_MS = 600;

/** One person or one screen. */
export class Tile {
  /** Hidden from who listens: the tile is named, and without frames it is read as broken media. */
  #video = el('video', { playsinline: true, autoplay: true, 'aria-hidden': 'true' });
  #audio = el('audio', { autoplay: true });
  #name = el('span', { class: 'tile-name', dir: 'auto' });
  #mark = el('span', { class: 'tile-muted', role: 'img' }, icon('mic-off'));
  #bars = el('span', { class: 'bars', role: 'img' }, el('i'), el('i'), el('i'));
  #face = el('div', { class: 'tile-face' });
  #state = el('p', { class: 'tile-state' });
  #stateText = el('span', { class: 'tile-state-text' });
  #why = el('button', { class: 'tile-why', type: 'button' });
  #menu = el('button', { class: 'tile-menu', type: 'button', 'aria-haspopup': 'menu' }, icon('more'));
  #wanted = false;
  #stopped = false;
  /** @type {MediaStreamTrack | null} what the video element plays */
  #track = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pausing;
  /** Whether a frame of that track has come since it is this tile's. */
  #own = false;
  #blocked;

  /**
   * @param {'person' | 'self' | 'screen'} kind
   * @param {() => void} blocked called when the browser wants a touch before it plays sound
   * @param {{menu: (button: HTMLElement) => void, why: () => void}} [actions] none on one's own
   */
  constructor(kind, blocked, actions) {
    this.#blocked = blocked;
    this.kind = kind;
    this.#state.append(icon('camera-off'), this.#stateText, this.#why);
    this.element = el('article', { class: `tile ${kind}` },
      this.#face, this.#video, this.#state,
      el('div', { class: 'tile-label' }, this.#mark, this.#name, this.#bars));
    this.#state.hidden = true;
    this.#bars.hidden = true;
    if (actions) {
      this.element.append(this.#menu);
      this.#menu.onclick = () => actions.menu(this.#menu);
      this.#why.onclick = () => actions.why();
    }
    // Sound has an element of its own: a video element waits for a frame that may never come.
    this.#video.muted = true;
    if (kind !== 'self') this.element.append(this.#audio);
    this.#mark.hidden = true;
    if (kind === 'self') this.#video.classList.add('mirrored');
    this.#video.onresize = () => {
      this.element.classList.toggle('upright', this.#video.videoHeight > this.#video.videoWidth);
    };
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
    this.#menu.setAttribute('aria-label', t('tile.menu', { name: caption }));
    this.element.style.setProperty('--hue', String(hue(name)));
  }

  get caption() {
    return this.#name.textContent ?? '';
  }

  /** @param {MediaStream | null} stream */
  stream(stream) {
    for (const element of [this.#video, this.#audio]) {
      if (element.srcObject !== stream) element.srcObject = stream;
    }
    const [track = null] = stream?.getVideoTracks() ?? [];
    if (track !== this.#track) {
      this.#track = track;
      this.#waitForFrame();
    }
    this.play();
  }

  /**
   * A track may have been somebody else's a moment ago (an m-line that is used again), and Firefox
   * paints its last frame until the next one comes. Nothing is shown before that.
   */
  #waitForFrame() {
    const [video, track, since] = [this.#video, this.#track, performance.now()];
    this.#own = this.kind === 'self' || !video.requestVideoFrameCallback;
    this.showVideo(this.#wanted);
    if (this.#own || !track) return;
    /** @type {VideoFrameRequestCallback} */
    const presented = (_now, { receiveTime = since }) => {
      if (this.#track !== track) return;
      this.#own = receiveTime >= since;
      if (this.#own) this.showVideo(this.#wanted);
      else video.requestVideoFrameCallback(presented);
    };
    video.requestVideoFrameCallback(presented);
  }

  /** Start what should be playing; also after a touch, when the browser had held it back. */
  play() {
    if (this.#video.srcObject) void this.#video.play().catch(() => {});
    if (!this.#audio.srcObject || !this.#audio.isConnected) return;
    this.#audio.play().catch((error) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.#blocked();
    });
  }

  /** @param {boolean} shown whether there is video to show */
  showVideo(shown) {
    this.#wanted = shown;
    this.element.classList.toggle('with-video', shown && this.#own && !this.#stopped);
  }

  /** Frames shown so far. */
  get frames() {
    return this.#video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;
  }

  /**
   * State why there is no moving video.
   *
   * @param {string} text empty when there is one
   * @param {boolean} stopped the last frame is old: show the initials instead
   * @param {boolean} offerWhy
   * @param {string} [whole] the same at length, for who points at it
   */
  state(text, stopped, offerWhy, whole = text) {
    this.#stopped = stopped;
    this.showVideo(this.#wanted);
    this.#state.hidden = !text;
    this.element.classList.toggle('stated', Boolean(text));
    if (this.#stateText.textContent !== text) this.#stateText.textContent = text;
    if (this.#state.title !== whole) this.#state.title = whole;
    this.#why.hidden = !offerWhy;
    this.#why.textContent = t('tile.why');
  }

  /**
   * @param {import('../client/messages.js').Level} level
   * @param {string} words
   */
  quality(level, words) {
    this.#bars.hidden = false;
    this.#bars.dataset.level = level;
    if (this.#bars.title === words) return;
    this.#bars.title = words;
    this.#bars.setAttribute('aria-label', words);
  }

  /** @param {boolean} silent another device plays the sound */
  silent(silent) {
    this.#audio.muted = silent;
  }

  /** @param {boolean} muted */
  muted(muted) {
    this.#mark.hidden = !muted;
    this.#mark.setAttribute('aria-label', t('room.mutedMark'));
  }

  /** @param {boolean} speaking now; shown on through the pauses between words */
  speaking(speaking) {
    if (speaking) {
      clearTimeout(this.#pausing);
      this.#pausing = undefined;
      if (!this.element.classList.contains('speaking')) this.element.classList.add('speaking');
    } else if (this.element.classList.contains('speaking')) {
      this.#pausing ??= setTimeout(() => this.stopSpeaking(), PAUSE_MS);
    }
  }

  /** Whoever is shown as speaking has stopped for good: the microphone is off. */
  stopSpeaking() {
    clearTimeout(this.#pausing);
    this.#pausing = undefined;
    this.element.classList.remove('speaking');
  }

  /** @param {string} id of an audio output device */
  speaker(id) {
    void this.#audio.setSinkId?.(id).catch(() => {});
  }

  remove() {
    this.stopSpeaking();
    this.#video.srcObject = null;
    this.#audio.srcObject = null;
    this.element.remove();
  }
}
