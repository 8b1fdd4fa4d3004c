/** What this browser remembers: name, devices, theme, language, recent rooms. */

/** @typedef {{name: string, at: number}} RecentRoom `at`: Unix time in milliseconds */

/**
 * @typedef {object} Settings
 * @property {string} name
 * @property {'system' | 'light' | 'dark'} theme
 * @property {'' | 'id' | 'en'} language empty: as the browser prefers
 * @property {string} microphone device id; empty: the system's choice
 * @property {string} camera
 * @property {string} speaker
 * @property {boolean} microphoneOn
 * @property {boolean} cameraOn
 * @property {import('../client/messages.js').Quality} quality of the video that is received
 * @property {boolean} audioOnly receive no video
 * @property {boolean} soundElsewhere another device in this room plays the sound
 * @property {RecentRoom[]} recent
 */

/** @type {Settings} */
const DEFAULTS = {
  name: '',
  theme: 'system',
  language: '',
  microphone: '',
  camera: '',
  speaker: '',
  microphoneOn: true,
  cameraOn: true,
  quality: 'auto',
  audioOnly: false,
  soundElsewhere: false,
  recent: [],
};

const KEY = 'settings';
const RECENT_ROOMS = 6;

/** @returns {Settings} */
export function settings() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
  } catch {
    return { ...DEFAULTS };
  }
}

/** @param {Partial<Settings>} change */
export function remember(change) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...settings(), ...change }));
  } catch {
    // Storage may be full or forbidden; the page works without a memory.
  }
}

/**
 * @param {RecentRoom[]} recent
 * @param {string} name
 * @param {number} at
 * @returns {RecentRoom[]} newest first, each room once
 */
export function withRoom(recent, name, at) {
  return [{ name, at }, ...recent.filter((room) => room.name !== name)].slice(0, RECENT_ROOMS);
}
