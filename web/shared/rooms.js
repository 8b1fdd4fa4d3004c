/** Rooms: their names and addresses, what the server reports of one, and the link that brings others in. */

/** Two words and a number: easy to say on the telephone, not easy to guess. */
const WORDS = {
  id: [
    ['melati', 'kenanga', 'cempaka', 'anggrek', 'teratai', 'mawar', 'kamboja', 'bambu', 'cemara',
      'pinang', 'rusa', 'merak', 'elang', 'camar', 'kancil', 'penyu', 'lumba', 'gajah', 'danau',
      'bukit', 'pantai', 'kebun', 'sawah', 'telaga', 'pelangi', 'senja', 'fajar', 'bintang'],
    ['biru', 'hijau', 'jingga', 'ungu', 'putih', 'emas', 'perak', 'teduh', 'sejuk', 'hangat',
      'cerah', 'riang', 'ramah', 'tenang', 'lincah', 'gagah', 'mungil', 'segar', 'permai',
      'damai'],
  ],
  en: [
    ['amber', 'azure', 'bright', 'calm', 'clear', 'coral', 'gentle', 'golden', 'green', 'happy',
      'kind', 'lucky', 'merry', 'misty', 'quiet', 'silver', 'sunny', 'violet', 'warm', 'wise'],
    ['badger', 'beach', 'cedar', 'comet', 'falcon', 'fern', 'garden', 'harbour', 'heron', 'hill',
      'lake', 'lemon', 'maple', 'meadow', 'otter', 'pine', 'planet', 'river', 'robin', 'sparrow',
      'star', 'tulip', 'valley', 'whale', 'willow', 'wren'],
  ],
};

const LONGEST = 64;

/**
 * @param {'id' | 'en'} language
 * @param {(below: number) => number} [random] an integer from 0 up to, not including, `below`
 */
export function randomRoomName(language, random = secureRandom) {
  const words = WORDS[language].map((list) => list[random(list.length)]);
  return `${words.join('-')}-${100 + random(900)}`;
}

/** @param {number} below */
function secureRandom(below) {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return value % below;
}

/** What an address is copied with: marks of direction, spaces, ends of sentences and folders. */
const MARKS = '\\s\\u200e\\u200f\\u061c\\u202a-\\u202c\\u2066-\\u2069\\ufeff';
const MARKED = new RegExp(`^[${MARKS}]+`);
const AROUND = new RegExp(`^[/${MARKS}]+|[/${MARKS}]+$`, 'g');
const END = new RegExp(`[./${MARKS}]+$`);

/** A room's address: with its scheme, from its host on, or from the path on. */
const ADDRESS = /^(?:https?:\/\/[^/]+|[^\s/]+[.:][^\s/]*)?\/r\/([^?#]*)/i;

/**
 * A room name as typed, or the address of a room pasted in its place.
 *
 * The server has the last word on what means what (signaling/naming/room_addresses.py).
 *
 * @param {string} typed
 * @returns {string} empty when it cannot be a name
 */
export function roomName(typed) {
  const address = ADDRESS.exec(typed.replace(MARKED, ''));
  const whole = (address ? decoded(address[1] ?? '') : typed).replace(AROUND, '');
  // Where there is nothing but dots, they are the name, and no end of a sentence.
  const name = whole.replace(END, '') || whole;
  const usable = [...name].length <= LONGEST && !/[\u0000-\u001f\u007f-\u009f]/.test(name)
    && name !== '.' && name !== '..';
  return usable ? name : '';
}

/** @param {string} name */
export function roomPath(name) {
  return `/r/${encodeURIComponent(name)}`;
}

/**
 * @param {string} path of the page
 * @returns {string}
 */
export function roomFromPath(path) {
  return decoded(path.replace(/^\/r\//i, '').replace(/\/+$/, '')).trim();
}

/**
 * What is encoded well, decoded; a percent sign may also be one.
 *
 * @param {string} text
 */
function decoded(text) {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

/**
 * @typedef {object} RoomState
 * @property {boolean} exists
 * @property {boolean} needsPassword
 * @property {number} participants
 * @property {number} capacity
 * @property {boolean} full
 * @property {boolean} mayCreate
 * @property {string[]} [lookAlikes] other rooms whose names look like this one
 */

/**
 * @param {string} name
 * @returns {Promise<RoomState | null>} null when the server cannot be reached
 */
export async function askRoom(name) {
  try {
    const response = await fetch(`/api/rooms/${encodeURIComponent(name)}`);
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/**
 * Whether a page's host means the machine that the page is shown on.
 *
 * @param {string} host
 */
export function isThisMachine(host) {
  return /^(?:localhost|.*\.localhost|127(?:\.\d+){3}|\[?::1\]?)$/i.test(host);
}

export class Invitation {
  #base = '';
  #room;

  /**
   * Asks the server at once, where the page's own address is of no use to others: when somebody
   * presses the button, the browser lets the clipboard be written only without waiting.
   *
   * @param {string} room
   */
  constructor(room) {
    this.#room = room;
    if (isThisMachine(location.hostname)) void this.#ask();
  }

  get link() {
    return new URL(roomPath(this.#room), this.#base || location.href).href;
  }

  /** Whether nobody on another machine can follow it. */
  get onlyHere() {
    return !this.#base && isThisMachine(location.hostname);
  }

  async #ask() {
    try {
      const response = await fetch('/api/invitation');
      if (response.ok) this.#base = (await response.json()).base;
    } catch {
      // Then the page warns that the link leads nowhere else.
    }
  }
}
