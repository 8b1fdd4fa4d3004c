/** Room names and addresses. */

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

/**
 * A room name as typed, or the address of a room pasted in its place.
 *
 * @param {string} typed
 * @returns {string} empty when it cannot be a name
 */
export function roomName(typed) {
  const text = typed.trim();
  const address = /^https?:\/\/[^/]+\/r\/([^/?#]+)/i.exec(text);
  const name = address?.[1] ? decoded(address[1]).trim() : text;
  const usable = [...name].length <= LONGEST && !/[\u0000-\u001f\u007f-\u009f]/.test(name);
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
  return decoded(path.replace(/^\/r\//, '').replace(/\/$/, '')).trim();
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
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
