/**
 * One peer connection at a time, and what is asked of it.
 *
 * What is asked of a peer connection is never answered once that connection is closed: its promises
 * stay open for good (WebRTC, 4.4.1.2 "chain an operation"). So nobody awaits one without also
 * waiting for the end (`unlessClosed`).
 */

/** The connection or the socket went away under what was asked. */
export class Interrupted extends Error {}

export class ConnectionSlot {
  /** @type {RTCPeerConnection | null} */
  #connection = null;
  #closing = new AbortController();
  #PeerConnection;
  #stateChanged;

  /**
   * @param {typeof RTCPeerConnection} PeerConnection
   * @param {(connection: RTCPeerConnection) => void} stateChanged of the connection that is held
   */
  constructor(PeerConnection, stateChanged) {
    this.#PeerConnection = PeerConnection;
    this.#stateChanged = stateChanged;
  }

  get connection() {
    return this.#connection;
  }

  /** A new connection; the slot must be empty. */
  open() {
    const connection = new this.#PeerConnection({ bundlePolicy: 'max-bundle' });
    this.#connection = connection;
    this.#closing = new AbortController();
    connection.onconnectionstatechange = () => {
      if (connection === this.#connection) this.#stateChanged(connection);
    };
    return connection;
  }

  close() {
    this.#connection?.close();
    this.#connection = null;
    this.#closing.abort();
  }

  /**
   * @template T
   * @param {Promise<T>} asked of the connection that is held
   * @returns {Promise<T>} rejects with `Interrupted` when it is closed first
   */
  unlessClosed(asked) {
    const { signal } = this.#closing;
    return new Promise((resolve, reject) => {
      const interrupt = () => reject(new Interrupted());
      if (signal.aborted) interrupt();
      signal.addEventListener('abort', interrupt, { once: true });
      asked.then(resolve, reject).finally(() => signal.removeEventListener('abort', interrupt));
    });
  }
}
