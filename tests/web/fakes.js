/** A signaling server and peer connections that exist on paper only. */

/** One WebSocket; the test plays the server. */
export class FakeSocket {
  /** @type {FakeSocket[]} */
  static all = [];

  constructor(url) {
    this.url = url;
    this.readyState = 0;
    this.sent = [];
    FakeSocket.all.push(this);
  }

  static get last() {
    return FakeSocket.all.at(-1);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  // What the server does.

  open() {
    this.readyState = 1;
    this.onopen();
  }

  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  /** @param {number} code */
  drop(code = 1006) {
    this.readyState = 3;
    this.onclose({ code });
  }

  sentOf(type) {
    return this.sent.filter((message) => message.type === type);
  }
}

let lastTrack = 0;

export class FakeTrack {
  /**
   * @param {string} kind
   * @param {{width?: number, height?: number}} [settings]
   */
  constructor(kind, settings = { width: 1280, height: 720 }) {
    this.kind = kind;
    this.id = `track-${(lastTrack += 1)}`;
    this.settings = settings;
  }

  getSettings() {
    return this.settings;
  }
}

export class FakeStream {
  #tracks = new Set();

  getTracks() {
    return [...this.#tracks];
  }

  addTrack(track) {
    this.#tracks.add(track);
  }

  removeTrack(track) {
    this.#tracks.delete(track);
  }
}

const FOREVER = new Promise(() => {});

/** Descriptions are the list of mids, so that a test can read them. */
export class FakeConnection {
  /** @type {FakeConnection[]} */
  static all = [];

  constructor() {
    this.connectionState = 'new';
    this.signalingState = 'stable';
    this.transceivers = [];
    this.localDescription = null;
    this.iceRestarts = 0;
    /** Once true, nothing asked is ever answered, as with a connection closed meanwhile. */
    this.stuck = false;
    FakeConnection.all.push(this);
  }

  addTransceiver(track, { direction, sendEncodings = [{}] }) {
    const transceiver = {
      mid: null,
      direction,
      parameters: { encodings: sendEncodings },
      sender: {
        track,
        getParameters: () => structuredClone(transceiver.parameters),
        setParameters: async (parameters) => { transceiver.parameters = parameters; },
        replaceTrack: async (next) => {
          if (this.stuck) await FOREVER;
          transceiver.sender.track = next;
        },
      },
      receiver: { track: new FakeTrack('video') },
    };
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers() {
    return this.transceivers;
  }

  async createOffer({ iceRestart = false } = {}) {
    this.iceRestarts += iceRestart ? 1 : 0;
    return { type: 'offer' };
  }

  async createAnswer() {
    return { type: 'answer' };
  }

  async setLocalDescription({ type }) {
    if (this.stuck) await FOREVER;
    if (type === 'rollback') {
      this.signalingState = 'stable';
      return;
    }
    this.transceivers.forEach((transceiver, index) => { transceiver.mid ??= String(index); });
    this.localDescription = { type, sdp: this.transceivers.map(({ mid }) => mid).join() };
    this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable';
  }

  async setRemoteDescription({ type, sdp }) {
    if (this.stuck) await FOREVER;
    if (type === 'answer') {
      this.signalingState = 'stable';
      return;
    }
    if (sdp === 'broken') throw new Error('cannot parse');
    for (const mid of sdp.split(',')) {
      if (!this.transceivers.some((one) => one.mid === mid)) {
        this.addTransceiver(null, { direction: 'recvonly' });
        this.transceivers.at(-1).mid = mid;
      }
    }
  }

  become(state) {
    this.connectionState = state;
    this.onconnectionstatechange();
  }

  close() {
    this.connectionState = 'closed';
    this.signalingState = 'closed';
  }
}

export const environment = {
  WebSocket: FakeSocket,
  RTCPeerConnection: FakeConnection,
  MediaStream: FakeStream,
};

/** Let everything that waits for a promise go on. */
export async function settle() {
  for (let turn = 0; turn < 30; turn += 1) await null;
}
