/**
 * Cameras, microphones, speakers and screens: what the browser gives, with failures in words that
 * the pages have sentences for.
 */

/** @typedef {'microphone' | 'camera'} Device */
/** @typedef {'denied' | 'missing' | 'inUse' | 'insecure' | 'failed'} MediaProblem */

export class MediaError extends Error {
  /**
   * @param {Device} device
   * @param {MediaProblem} problem
   */
  constructor(device, problem) {
    super(`${device}: ${problem}`);
    this.device = device;
    this.problem = problem;
  }
}

/** @type {Record<string, MediaProblem>} by DOMException name */
const PROBLEMS = {
  NotAllowedError: 'denied',
  PermissionDeniedError: 'denied',
  SecurityError: 'insecure',
  NotFoundError: 'missing',
  DevicesNotFoundError: 'missing',
  NotReadableError: 'inUse',
  TrackStartError: 'inUse',
  AbortError: 'inUse',
};

/**
 * @param {unknown} error what getUserMedia rejected with
 * @returns {MediaProblem}
 */
export function problemOf(error) {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  return PROBLEMS[name] ?? 'failed';
}

/** Whether this page may use devices at all: browsers allow it over HTTPS only. */
export function devicesAllowed() {
  return Boolean(globalThis.isSecureContext && navigator.mediaDevices?.getUserMedia);
}

/** Whether this browser can share a screen; phones cannot. */
export function canShareScreen() {
  return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
}

/** Whether the speaker can be chosen. */
export function canChooseSpeaker() {
  return 'setSinkId' in HTMLMediaElement.prototype;
}

function onPhone() {
  return matchMedia('(pointer: coarse) and (max-width: 820px)').matches
    || matchMedia('(pointer: coarse) and (max-height: 500px)').matches;
}

/**
 * @param {Device} device
 * @param {string} id empty for the system's choice
 * @returns {MediaTrackConstraints}
 */
function constraints(device, id) {
  const chosen = id ? { deviceId: { exact: id } } : {};
  if (device === 'microphone') {
    return { ...chosen, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  }
  const size = onPhone() ? { width: 640, height: 360 } : { width: 1280, height: 720 };
  return {
    ...chosen,
    width: { ideal: size.width },
    height: { ideal: size.height },
    frameRate: { ideal: 30 },
    ...(!id && { facingMode: 'user' }),
  };
}

/**
 * Turn a device on.
 *
 * @param {Device} device
 * @param {string} [id] of a device that may be gone by now: then the system's choice is taken
 * @returns {Promise<MediaStreamTrack>}
 * @throws {MediaError}
 */
export async function openDevice(device, id = '') {
  if (!devicesAllowed()) throw new MediaError(device, 'insecure');
  const kind = device === 'microphone' ? 'audio' : 'video';
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ [kind]: constraints(device, id) });
    const [track] = stream.getTracks();
    if (track) return track;
  } catch (error) {
    const gone = id && error instanceof Error
      && ['OverconstrainedError', 'NotFoundError'].includes(error.name);
    if (gone) return openDevice(device);
    throw new MediaError(device, problemOf(error));
  }
  throw new MediaError(device, 'missing');
}

/**
 * Turn microphone and camera on with one question to the person, not two.
 *
 * @param {string} microphone device id
 * @param {string} camera device id
 * @returns {Promise<Record<Device, MediaStreamTrack | MediaError>>}
 */
export async function openBoth(microphone, camera) {
  const ids = { microphone, camera };
  let refused = false;
  try {
    if (!devicesAllowed()) throw new MediaError('camera', 'insecure');
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: constraints('microphone', microphone),
      video: constraints('camera', camera),
    });
    const [audio] = stream.getAudioTracks();
    const [video] = stream.getVideoTracks();
    if (audio && video) return { microphone: audio, camera: video };
  } catch (error) {
    refused = problemOf(error) === 'denied';
  }
  // One of the two may still work. What was refused just now is not asked for again.
  const blocked = refused ? await blockedDevices() : new Set();
  /** @param {Device} device */
  const open = (device) => {
    if (refused && (blocked.size !== 1 || blocked.has(device))) {
      return new MediaError(device, 'denied');
    }
    return openDevice(device, ids[device]).catch((error) => error);
  };
  return { microphone: await open('microphone'), camera: await open('camera') };
}

/** @returns {Promise<Set<Device>>} what this site may not use */
async function blockedDevices() {
  /** @type {Set<Device>} */
  const blocked = new Set();
  for (const device of /** @type {Device[]} */ (['microphone', 'camera'])) {
    try {
      const name = /** @type {PermissionName} */ (/** @type {string} */ (device));
      if ((await navigator.permissions.query({ name })).state === 'denied') blocked.add(device);
    } catch {
      // This browser does not tell.
    }
  }
  return blocked;
}

/**
 * @returns {Promise<{screen: MediaStreamTrack, sound: MediaStreamTrack | null} | null>} null when
 *   the person changed their mind
 */
export async function openScreen() {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 15, max: 15 } },
      audio: true,
    });
    const [screen] = stream.getVideoTracks();
    if (!screen) return null;
    screen.contentHint = 'detail';
    return { screen, sound: stream.getAudioTracks()[0] ?? null };
  } catch {
    return null;
  }
}

/**
 * @typedef {object} Devices
 * @property {MediaDeviceInfo[]} microphone
 * @property {MediaDeviceInfo[]} camera
 * @property {MediaDeviceInfo[]} speaker
 */

/** @returns {Promise<Devices>} */
export async function listDevices() {
  const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  /** @param {MediaDeviceKind} kind */
  const ofKind = (kind) => all.filter((device) => device.kind === kind && device.deviceId);
  return {
    microphone: ofKind('audioinput'),
    camera: ofKind('videoinput'),
    speaker: ofKind('audiooutput'),
  };
}

/** @param {MediaStreamTrack | null | undefined} track */
export function deviceOf(track) {
  return track?.getSettings().deviceId ?? '';
}

/** Reads how loud a microphone is, for as long as somebody looks. */
export class LevelMeter {
  /** @type {AudioContext | null} */
  #context = null;
  #frame = 0;

  /**
   * @param {MediaStreamTrack} track
   * @param {(level: number) => void} show called each frame with 0 to 1
   */
  start(track, show) {
    this.stop();
    const context = new AudioContext();
    this.#context = context;
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let shown = 0;
    const read = () => {
      // Browsers hold audio back until the page has been touched.
      if (context.state === 'suspended') void context.resume().catch(() => {});
      analyser.getFloatTimeDomainData(samples);
      shown = Math.max(loudness(samples), shown * 0.9);
      show(track.enabled ? shown : 0);
      this.#frame = requestAnimationFrame(read);
    };
    read();
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    void this.#context?.close().catch(() => {});
    this.#context = null;
  }
}

/**
 * @param {Float32Array} samples -1 to 1
 * @returns {number} 0 (below -60 dBFS) to 1 (full scale)
 */
export function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length + 1e-12);
  return Math.min(1, Math.max(0, (decibels + 60) / 60));
}
