/** When this machine's network changes: another one, or one again after none. */

/**
 * The browser knows at once when a cable is pulled or Wi-Fi is lost.
 *
 * @param {() => void} lost
 * @param {AbortSignal} signal the end of the call
 */
export function onNetworkLoss(lost, signal) {
  addEventListener('offline', lost, { signal });
}

/**
 * The Network Information API also reports each new guess of the rate, which is no change of network.
 *
 * @param {() => void} changed
 * @param {AbortSignal} signal the end of the call
 */
export function onNetworkChange(changed, signal) {
  addEventListener('online', changed, { signal });
  const connection = /** @type {(EventTarget & {type?: string}) | undefined} */ (
    'connection' in navigator ? navigator.connection : undefined
  );
  let type = connection?.type;
  connection?.addEventListener('change', () => {
    const before = type;
    type = connection.type;
    if (type !== before && type !== 'none') changed();
  }, { signal });
}
