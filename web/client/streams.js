/** The media streams of the others: which track plays where. */

/** @typedef {import('./subscriber.js').RemoteTrack} RemoteTrack */
/** @typedef {'person' | 'screen'} Role A person's camera and microphone, or their screen. */

export class Streams {
  /** @type {Map<string, MediaStream>} by role and participant */
  #streams = new Map();
  #Stream;

  /** @param {typeof MediaStream} Stream */
  constructor(Stream) {
    this.#Stream = Stream;
  }

  /**
   * @param {string} participant
   * @param {Role} role
   * @returns {MediaStream | null}
   */
  of(participant, role) {
    return this.#streams.get(`${role} ${participant}`) ?? null;
  }

  /**
   * Hold exactly these tracks from now on.
   *
   * @param {RemoteTrack[]} tracks
   * @returns {{participant: string, role: Role}[]} whose streams have changed
   */
  hold(tracks) {
    /** @type {Map<string, Set<MediaStreamTrack>>} */
    const wanted = new Map([...this.#streams.keys()].map((key) => [key, new Set()]));
    for (const { source, participant, media } of tracks) {
      const key = `${source.startsWith('screen') ? 'screen' : 'person'} ${participant}`;
      wanted.set(key, (wanted.get(key) ?? new Set()).add(media));
    }
    return [...wanted].flatMap(([key, media]) => {
      if (!this.#fill(key, media)) return [];
      const [role, participant] = /** @type {[Role, string]} */ (key.split(' '));
      return [{ participant, role }];
    });
  }

  /**
   * @param {string} key
   * @param {Set<MediaStreamTrack>} media
   * @returns {boolean} whether anything changed
   */
  #fill(key, media) {
    const stream = this.#streams.get(key) ?? new this.#Stream();
    const old = stream.getTracks().filter((track) => !media.has(track));
    const fresh = [...media].filter((track) => !stream.getTracks().includes(track));
    for (const track of old) stream.removeTrack(track);
    for (const track of fresh) stream.addTrack(track);
    if (media.size === 0) this.#streams.delete(key);
    else this.#streams.set(key, stream);
    return old.length + fresh.length > 0;
  }
}
