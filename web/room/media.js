/**
 * Cameras, microphones, speakers and screens: what the browser gives, with failures by names that
 * the pages have sentences for. Whoever opens a device limits by an `AbortSignal` how long it may
 * stay open.
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
 * What the browser gives, held by signals: a track lives until the signal of its kind aborts. One
 * that comes later than that, or that nobody asked for, is stopped at once, so that no device runs
 * without somebody who knows of it. Nothing else in the pages asks a browser for devices.
 *
 * @param {() => Promise<MediaStream>} ask
 * @param {{audio?: AbortSignal, video?: AbortSignal}} lives by kind of track
 * @returns {Promise<{audio: MediaStreamTrack | null, video: MediaStreamTrack | null}>} null: not
 *   given, or aborted meanwhile
 */
async function obtain(ask, lives) {
  const stream = await ask();
  /** @type {{audio: MediaStreamTrack | null, video: MediaStreamTrack | null}} */
  const kept = { audio: null, video: null };
  for (const track of stream.getTracks()) {
    const kind = track.kind === 'audio' ? 'audio' : 'video';
    const life = lives[kind];
    if (!life || life.aborted || kept[kind]) {
      track.stop();
    } else {
      life.addEventListener('abort', () => track.stop(), { once: true });
      kept[kind] = track;
    }
  }
  return kept;
}

/**
 * Turn a device on.
 *
 * @param {Device} device
 * @param {AbortSignal} life the track is stopped when it aborts
 * @param {string} [id] of a device that may be gone by now: then the system's choice is taken
 * @returns {Promise<MediaStreamTrack | MediaError>}
 */
export async function openDevice(device, life, id = '') {
  if (!devicesAllowed()) return new MediaError(device, 'insecure');
  const kind = device === 'microphone' ? 'audio' : 'video';
  const wanted = { [kind]: constraints(device, id) };
  try {
    const given = await obtain(() => navigator.mediaDevices.getUserMedia(wanted), { [kind]: life });
    return given[kind] ?? new MediaError(device, 'missing');
  } catch (error) {
    const gone = id && error instanceof Error
      && ['OverconstrainedError', 'NotFoundError'].includes(error.name);
    if (gone && !life.aborted) return openDevice(device, life);
    return new MediaError(device, problemOf(error));
  }
}

/**
 * Turn microphone and camera on with one question to the person, not two.
 *
 * @param {Record<Device, {id: string, life: AbortSignal}>} wanted device ids, and until when each
 *   is to live
 * @returns {Promise<Record<Device, MediaStreamTrack | MediaError>>}
 */
export async function openBoth({ microphone, camera }) {
  let refused = false;
  /** @type {{audio: MediaStreamTrack | null, video: MediaStreamTrack | null}} */
  let given = { audio: null, video: null };
  if (devicesAllowed()) {
    try {
      given = await obtain(() => navigator.mediaDevices.getUserMedia({
        audio: constraints('microphone', microphone.id),
        video: constraints('camera', camera.id),
      }), { audio: microphone.life, video: camera.life });
    } catch (error) {
      refused = problemOf(error) === 'denied';
    }
  }
  // One of the two may still work. What was refused just now is not asked for again.
  const blocked = refused ? await blockedDevices() : new Set();
  /**
   * @param {Device} device
   * @param {{id: string, life: AbortSignal}} wanted
   */
  const open = (device, { id, life }) => {
    if (life.aborted || (refused && (blocked.size !== 1 || blocked.has(device)))) {
      return new MediaError(device, 'denied');
    }
    return openDevice(device, life, id);
  };
  return {
    microphone: given.audio ?? await open('microphone', microphone),
    camera: given.video ?? await open('camera', camera),
  };
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
      // This browser does not know.
    }
  }
  return blocked;
}

/**
 * @param {AbortSignal} life the tracks are stopped when it aborts
 * @returns {Promise<{screen: MediaStreamTrack, sound: MediaStreamTrack | null} | null>} null when
 *   the person changed their mind, or it is too late
 */
export async function openScreen(life) {
  try {
    const given = await obtain(() => navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 15, max: 15 } },
      audio: true,
    }), { audio: life, video: life });
    if (!given.video) {
      given.audio?.stop();
      return null;
    }
    given.video.contentHint = 'detail';
    return { screen: given.video, sound: given.audio };
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
