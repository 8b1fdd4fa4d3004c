/** Keeps what the conference publishes in step with the local devices. */

/** @typedef {import('./local.js').LocalMedia} LocalMedia */
/** @typedef {import('../client/messages.js').Source} Source */
/** @typedef {import('../client/conference.js').Conference} Conference */

export class Publishing {
  /** @type {Map<Source, MediaStreamTrack | null>} */
  #published = new Map();
  #closing = new AbortController();
  #conference;
  #local;

  /**
   * @param {Conference} conference
   * @param {LocalMedia} local
   */
  constructor(conference, local) {
    this.#conference = conference;
    this.#local = local;
    local.addEventListener('change', () => this.#update(), { signal: this.#closing.signal });
    this.#update();
  }

  stop() {
    this.#closing.abort();
  }

  #update() {
    const { microphone, camera, screen } = this.#local;
    this.#device('microphone', microphone);
    this.#device('camera', camera);
    this.#screenPart('screen', screen?.screen ?? null);
    this.#screenPart('screenAudio', screen?.sound ?? null);
  }

  /**
   * A device once published stays so, and is muted while it is off. While another one starts in its
   * place nothing is reported: it would be taken back in a moment.
   *
   * @param {Source} source
   * @param {import('./local.js').DeviceState} state
   */
  #device(source, { track, on, starting }) {
    if (starting) return;
    const known = this.#published.get(source);
    if (track === known || (!track && known === undefined)) {
      this.#conference.mute(source, !on);
      return;
    }
    this.#published.set(source, track);
    void this.#conference.publish(source, track, !on);
  }

  /**
   * @param {Source} source
   * @param {MediaStreamTrack | null} track
   */
  #screenPart(source, track) {
    const known = this.#published.get(source) ?? null;
    if (track === known) return;
    this.#published.set(source, track);
    if (track) void this.#conference.publish(source, track);
    else void this.#conference.unpublish(source);
  }
}
