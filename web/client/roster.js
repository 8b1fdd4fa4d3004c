/** Who else is in the room, and what they publish. */

/** @typedef {import('./messages.js').Participant} Participant */
/** @typedef {import('./messages.js').Track} Track */

export class Roster {
  /** @type {Map<string, Participant>} in order of arrival */
  #participants = new Map();
  #hooks;

  /**
   * @param {{
   *   joined: (participant: Participant) => void,
   *   left: (participant: Participant, reason: string) => void,
   *   changed: (participant: Participant) => void,
   * }} hooks
   */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  get participants() {
    return [...this.#participants.values()];
  }

  /**
   * Exactly these are in the room now: each change since the last message is reported by itself.
   *
   * @param {Participant[]} present
   */
  replace(present) {
    const ids = new Set(present.map(({ id }) => id));
    for (const { id } of this.participants) if (!ids.has(id)) this.remove(id, 'lost');
    for (const participant of present) {
      if (!this.#participants.has(participant.id)) this.add(participant);
      else this.#change(participant.id, () => participant.tracks);
    }
  }

  /** @param {Participant} participant */
  add(participant) {
    this.#participants.set(participant.id, participant);
    this.#hooks.joined(participant);
  }

  /**
   * @param {string} id
   * @param {string} reason
   */
  remove(id, reason) {
    const participant = this.#participants.get(id);
    if (!participant) return;
    this.#participants.delete(id);
    this.#hooks.left(participant, reason);
  }

  /**
   * @param {string} id
   * @param {Track} track
   */
  publish(id, track) {
    this.#change(id, (tracks) => [...tracks.filter((one) => one.id !== track.id), track]);
  }

  /**
   * @param {string} id
   * @param {string} track its id
   */
  unpublish(id, track) {
    this.#change(id, (tracks) => tracks.filter((one) => one.id !== track));
  }

  /**
   * @param {string} id
   * @param {string} track its id
   * @param {boolean} muted
   */
  mute(id, track, muted) {
    this.#change(id, (tracks) => tracks.map((one) => (one.id === track ? { ...one, muted } : one)));
  }

  /**
   * @param {string} id
   * @param {(tracks: Track[]) => Track[]} change
   */
  #change(id, change) {
    const before = this.#participants.get(id);
    if (!before) return;
    const participant = { ...before, tracks: change(before.tracks) };
    this.#participants.set(id, participant);
    this.#hooks.changed(participant);
  }
}
