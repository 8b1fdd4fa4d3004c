/**
 * The live WebSocket's messages as objects. The server sends arrays whose columns `hello` names;
 * here they get their names back. No DOM.
 */

/** @typedef {'good' | 'fair' | 'poor' | 'lost' | 'waiting'} Level */

/**
 * @typedef {object} Figures of a track or a direction; null: not known. Seconds, bit/s, percent.
 * @property {number | null} bitrate
 * @property {number | null} loss
 * @property {number | null} jitter
 * @property {number | null} roundTripTime
 * @property {number | null} delay
 * @property {number | null} mos
 */

/**
 * @typedef {Figures & {
 *   mosModel: string, meanInterArrival: number | null, packetsPerSecond: number | null,
 *   packets: number, packetsLost: number,
 * }} FullFigures
 */

/**
 * @typedef {object} Grades 4 the best
 * @property {number | null} overall
 * @property {number | null} throughput
 * @property {number | null} delay
 * @property {number | null} jitter
 * @property {number | null} loss
 */

/**
 * @typedef {object} Person
 * @property {string} participant
 * @property {string} name
 * @property {number} joined Unix time
 * @property {boolean} connected
 * @property {'udp' | 'tcp' | null} protocol
 * @property {number | null} estimate bit/s
 * @property {number | null} target bit/s
 * @property {boolean} speaking
 * @property {Figures} up
 * @property {Figures} down
 * @property {Grades} grades
 */

/**
 * @typedef {object} Room
 * @property {string} call
 * @property {string} room
 * @property {number} worker
 * @property {number} started Unix time
 * @property {number} capacity
 * @property {Person[]} people
 */

/**
 * @typedef {object} BrowserFigures
 * @property {number} age
 * @property {number | null} bitrate
 * @property {number | null} loss
 * @property {number | null} jitter
 * @property {number | null} roundTripTime
 * @property {number | null} jitterBufferDelay
 * @property {number | null} concealed
 * @property {number | null} framesPerSecond
 * @property {number | null} width
 * @property {number | null} height
 * @property {number} freezeCount
 * @property {number} freezesDuration
 * @property {boolean} absurd
 */

/**
 * @typedef {object} Track
 * @property {string} participant who sends it to the server, or gets it from there
 * @property {string} track
 * @property {'inbound' | 'outbound'} direction
 * @property {string} publisher
 * @property {'audio' | 'video'} kind
 * @property {string} source
 * @property {string} codec
 * @property {string} state
 * @property {boolean} muted
 * @property {string} rid
 * @property {number | null} temporal
 * @property {number | null} width
 * @property {number | null} height
 * @property {number | null} framesPerSecond
 * @property {number} freezeCount
 * @property {number | null} audioLevel
 * @property {FullFigures} figures
 * @property {Grades} grades
 * @property {BrowserFigures | null} browser
 */

/**
 * @typedef {object} Worker
 * @property {number} worker
 * @property {number} pid
 * @property {number} cpu
 * @property {number} rssBytes
 * @property {number} packetsReceivedPerSecond
 * @property {number} packetsSentPerSecond
 * @property {number} bitrateReceived
 * @property {number} bitrateSent
 * @property {number} transports
 * @property {number} routers
 * @property {number} gatherMs
 * @property {number} shedding
 * @property {Record<string, number>} drops
 * @property {Record<string, number>} dropsTotal
 * @property {number[]} forwardingDelay
 */

/**
 * @typedef {object} ServerFigures
 * @property {number} cpu
 * @property {number} rssBytes
 * @property {number} memoryUsed
 * @property {number} machineCpu
 * @property {number} uptime
 * @property {number | null} temperature
 * @property {string[]} throttled
 * @property {number | null} diskFree
 * @property {string} history
 */

/**
 * @typedef {object} Second
 * @property {number} at Unix time
 * @property {string} profile
 * @property {ServerFigures} server
 * @property {Worker[]} workers
 * @property {Room[]} rooms
 */

/**
 * @typedef {object} Detail
 * @property {number} at
 * @property {string} room
 * @property {string} participant
 * @property {{up: FullFigures, down: FullFigures} | null} ways
 * @property {Track[]} tracks
 */

/** @typedef {import('../operator/scale.js').Band} Band */
/** @typedef {import('../operator/scale.js').Graded} Graded */

/**
 * @typedef {{
 *   audio: Record<Graded, Band[]>, video: Record<Graded, Band[]>,
 *   overall: [least: number, word: string][],
 * }} Profile
 */

/** @typedef {{loss: number, roundTripTime: number, jitter: number}} Bounds */

/**
 * @typedef {object} Declared what the server says of figures, see `qos/figures.py`
 * @property {Record<string, string>} units by figure
 * @property {[name: string, kind: '' | 'audio' | 'video' | 'both'][]} counters of tracks, and of
 *   which kind of track each is shown
 */

/**
 * @typedef {Declared & {
 *   columns: Record<string, string[]>, profiles: Record<string, Profile>,
 *   levels: {good: Bounds, fair: Bounds}, delayBounds: number[],
 * }} Hello `delayBounds` in seconds
 */

/**
 * @param {Track} track
 * @param {string} name one of `Declared.counters`
 * @returns {number | null}
 */
export function countOf(track, name) {
  return /** @type {any} */ (track)[name] ?? null;
}

/**
 * @param {string[]} columns
 * @param {unknown[]} row
 * @returns {any}
 */
function named(columns, row) {
  /** @type {Record<string, unknown>} */
  const object = {};
  for (let place = 0; place < columns.length; place += 1) {
    object[/** @type {string} */ (columns[place])] = row[place];
  }
  return object;
}

/** Gives columns their names. */
export class Decoder {
  #columns;

  /** @param {Hello} hello */
  constructor(hello) {
    this.#columns = hello.columns;
  }

  /**
   * @param {any} message
   * @returns {Second}
   */
  second(message) {
    return { ...message, rooms: message.rooms.map((/** @type {unknown[]} */ row) => this.#room(row)) };
  }

  /**
   * @param {any} message
   * @returns {Detail}
   */
  detail(message) {
    const ways = message.ways && {
      up: this.#full(message.ways[0], message.words),
      down: this.#full(message.ways[1], message.words),
    };
    return {
      ...message,
      ways,
      tracks: message.tracks.map((/** @type {unknown[]} */ row) => this.#track(row, message.words)),
    };
  }

  /** @param {string} name @param {unknown[]} row */
  #named(name, row) {
    return named(this.#columns[name] ?? [], row);
  }

  /** @param {unknown[]} row */
  #room(row) {
    const room = this.#named('room', row);
    room.people = room.people.map((/** @type {unknown[]} */ person) => this.#person(person));
    return room;
  }

  /** @param {unknown[]} row */
  #person(row) {
    const person = this.#named('person', row);
    person.connected = Boolean(person.connected);
    person.speaking = Boolean(person.speaking);
    person.up = this.#named('short', person.up);
    person.down = this.#named('short', person.down);
    person.grades = this.#named('grades', person.grades);
    return person;
  }

  /** @param {unknown[]} row @param {string[]} words */
  #full(row, words) {
    const figures = this.#named('full', row);
    figures.mosModel = words[figures.mosModel] ?? '';
    return figures;
  }

  /** @param {unknown[]} row @param {string[]} words */
  #track(row, words) {
    const track = this.#named('track', row);
    track.codec = words[track.codec] ?? '';
    track.muted = Boolean(track.muted);
    track.figures = this.#full(track.figures, words);
    track.grades = this.#named('grades', track.grades);
    track.browser = track.browser && this.#named('browser', track.browser);
    return track;
  }
}
