/**
 * What is asked of a peer connection is never answered once that connection is closed: its
 * promises stay open for good (WebRTC, 4.4.1.2 "chain an operation"). Nobody may wait for them
 * without also waiting for the end.
 */

/** The connection or the socket went away under what was asked. */
export class Interrupted extends Error {}

/**
 * @template T
 * @param {Promise<T>} asked of a connection
 * @param {AbortSignal | undefined} closed aborts when that connection is closed
 * @returns {Promise<T>} rejects with `Interrupted` when it is closed first
 */
export function unlessClosed(asked, closed) {
  if (!closed) return asked;
  return new Promise((resolve, reject) => {
    const interrupt = () => reject(new Interrupted());
    if (closed.aborted) interrupt();
    closed.addEventListener('abort', interrupt, { once: true });
    asked.then(resolve, reject).finally(() => closed.removeEventListener('abort', interrupt));
  });
}
