/** Devices and the screen: whatever the browser gives, and whenever, is shown or stopped. */

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { LocalMedia } from '../../../web/room/local.js';
import { Publishing } from '../../../web/room/publishing.js';
import { settle } from '../fakes.js';

/** Every track that the browser has handed out in a test. */
let given = [];
/** Questions of the browser that are open: `{kind, give, refuse}`. */
let asked = [];

class Track extends EventTarget {
  constructor(kind) {
    super();
    this.kind = kind;
    this.enabled = true;
    this.readyState = 'live';
    given.push(this);
  }

  stop() {
    this.readyState = 'ended';
  }

  /** What the browser says when a device is unplugged, or its own "stop sharing" is pressed. */
  end() {
    this.readyState = 'ended';
    this.dispatchEvent(new Event('ended'));
  }

  getSettings() {
    return {};
  }
}

function question(method, constraints) {
  return new Promise((resolve, reject) => {
    asked.push({
      method,
      kinds: ['audio', 'video'].filter((kind) => constraints[kind]),
      give: (...kinds) => {
        const tracks = kinds.map((kind) => new Track(kind));
        resolve({ getTracks: () => tracks });
        return settle();
      },
      refuse: (name) => {
        reject(new DOMException('', name));
        return settle();
      },
    });
  });
}

Object.defineProperty(globalThis, 'navigator', {
  configurable: true,
  value: {
    mediaDevices: {
      getUserMedia: (constraints) => question('getUserMedia', constraints),
      getDisplayMedia: (constraints) => question('getDisplayMedia', constraints),
    },
  },
});
globalThis.isSecureContext = true;
globalThis.matchMedia = () => ({ matches: false });

/** @type {Record<string, string>} */
let stored = {};
globalThis.localStorage = {
  getItem: (key) => stored[key] ?? null,
  setItem: (key, value) => { stored[key] = value; },
};

beforeEach(() => {
  [given, asked, stored] = [[], [], {}];
});

/** Those that are captured now. */
const live = () => given.filter(({ readyState }) => readyState === 'live');

/** What the page knows of, and so shows. */
function shown(local) {
  const { microphone, camera, screen } = local;
  return [microphone.track, camera.track, screen?.screen, screen?.sound].filter(Boolean);
}

function nothingUnknownRuns(local) {
  assert.deepEqual(live().filter((track) => !shown(local).includes(track)), []);
  assert.deepEqual(shown(local).filter((track) => !live().includes(track)), []);
}

test('a screen chosen after the call is over is not captured, and not shown in the next', async () => {
  const local = new LocalMedia();
  const sharing = local.shareScreen();
  local.stop();
  await asked[0].give('video', 'audio');
  assert.equal(await sharing, false);
  assert.equal(local.screen, null);
  assert.deepEqual(live(), []);
});

test('a picker left open over the end of a call does not hinder the next call', async () => {
  const local = new LocalMedia();
  void local.shareScreen();
  local.stop();
  const again = local.shareScreen();
  await asked[1].give('video');
  assert.equal(await again, true);
  const { screen } = local;
  await asked[0].give('video', 'audio');
  assert.equal(local.screen, screen, 'the late one took its place');
  nothingUnknownRuns(local);
});

test('share pressed twice asks once and captures one screen', async () => {
  const local = new LocalMedia();
  const both = [local.shareScreen(), local.shareScreen()];
  assert.equal(asked.length, 1);
  await asked[0].give('video', 'audio');
  assert.deepEqual(await Promise.all(both), [true, true]);
  assert.equal(live().length, 2);
  nothingUnknownRuns(local);
  local.stopScreen();
  assert.deepEqual(live(), []);
});

test('a refused picker may be opened again', async () => {
  const local = new LocalMedia();
  const first = local.shareScreen();
  await asked[0].refuse('NotAllowedError');
  assert.equal(await first, false);
  void local.shareScreen();
  await asked[1].give('video');
  assert.equal(shown(local).length, 1);
});

test('sound without video is no screen, and is stopped', async () => {
  const local = new LocalMedia();
  const sharing = local.shareScreen();
  await asked[0].give('audio');
  assert.equal(await sharing, false);
  assert.deepEqual(live(), []);
  void local.shareScreen();
  assert.equal(asked.length, 2, 'it may be asked for again');
});

test("the browser's own end of sharing ends that screen, not the next one", async () => {
  const local = new LocalMedia();
  void local.shareScreen();
  await asked[0].give('video', 'audio');
  const [first] = given;
  first.end();
  assert.equal(local.screen, null);
  assert.deepEqual(live(), [], 'its sound is stopped as well');
  void local.shareScreen();
  await asked[1].give('video');
  first.end();
  assert.equal(shown(local).length, 1);
});

test('whatever was asked for before the end is stopped when it comes', async () => {
  const local = new LocalMedia();
  void local.turn('camera', true);
  void local.turn('microphone', true);
  await settle();
  local.stop();
  // Also what is asked only now: a change that waited for another must not begin after the end.
  for (const { kinds, give } of asked) await give(...kinds);
  assert.deepEqual(live(), []);
  assert.equal(local.camera.on || local.microphone.on, false);
});

test('a camera asked for before the end does not take the place of one asked for after', async () => {
  const local = new LocalMedia();
  void local.turn('camera', true);
  local.stop();
  void local.turn('camera', true);
  await settle();
  await asked[1].give('video');
  const { track } = local.camera;
  await asked[0].give('video');
  assert.equal(local.camera.track, track);
  nothingUnknownRuns(local);
});

test('a camera switched off while it starts stays off', async () => {
  const local = new LocalMedia();
  const turning = local.turn('camera', true);
  await settle();
  void local.turn('camera', false);
  await asked[0].give('video');
  await turning;
  assert.equal(local.camera.on, false);
  assert.deepEqual(live(), []);
});

test('of two devices chosen one after the other only the last runs, whichever comes first', async () => {
  for (const order of [[1, 2], [2, 1]]) {
    [given, asked] = [[], []];
    const local = new LocalMedia();
    void local.turn('camera', true);
    await settle();
    await asked[0].give('video');
    void local.choose('camera');
    void local.choose('camera');
    await settle();
    assert.deepEqual(live(), [], 'the old one is closed first');
    for (const place of order) await asked[place].give('video');
    assert.equal(live().length, 1);
    nothingUnknownRuns(local);
  }
});

test('muting is at once, though the browser still asks for the camera', async () => {
  const local = new LocalMedia();
  void local.turn('microphone', true);
  await settle();
  await asked[0].give('audio');
  void local.turn('camera', true);
  void local.turn('microphone', false);
  assert.equal(local.microphone.track.enabled, false);
  assert.equal(local.microphone.on, false);
});

test('to start again leaves what is on as it is', async () => {
  const local = new LocalMedia();
  void local.start();
  await asked[0].give('audio', 'video');
  void local.start();
  await settle();
  assert.equal(asked.length, 1);
  nothingUnknownRuns(local);
});

test('the end during a question for both stops both', async () => {
  const local = new LocalMedia();
  const starting = local.start();
  local.stop();
  await asked[0].give('audio', 'video');
  await starting;
  assert.deepEqual(live(), []);
});

test('one of both that works is kept only until the end', async () => {
  const local = new LocalMedia();
  void local.start();
  await asked[0].refuse('NotReadableError');
  await asked[1].give('audio');
  local.stop();
  await asked[2].give('video');
  assert.deepEqual(live(), []);
});

test('one of both switched off during the question comes back alone', async () => {
  const local = new LocalMedia();
  void local.start();
  void local.turn('camera', false);
  await asked[0].give('audio', 'video');
  assert.equal(local.microphone.on, true);
  assert.equal(local.camera.on, false);
  nothingUnknownRuns(local);
});

test('nothing is asked of the browser any more once it is too late', async () => {
  const local = new LocalMedia();
  void local.start();
  local.stop();
  await asked[0].refuse('NotReadableError');
  assert.equal(asked.length, 1);
});

test('an unplugged device is reported, closed and may be turned on again', async () => {
  const local = new LocalMedia();
  const gone = [];
  local.addEventListener('gone', ({ detail }) => gone.push(detail));
  void local.turn('camera', true);
  await settle();
  await asked[0].give('video');
  given[0].end();
  assert.deepEqual(gone, ['camera']);
  assert.equal(local.camera.on, false);
  void local.turn('camera', true);
  await settle();
  await asked[1].give('video');
  nothingUnknownRuns(local);
});

test('a refused device is reported, and its question is over', async () => {
  const local = new LocalMedia();
  const turning = local.turn('camera', true);
  assert.equal(local.camera.starting, true);
  await asked[0].refuse('NotAllowedError');
  await turning;
  assert.equal(local.camera.problem.problem, 'denied');
  assert.equal(local.camera.starting, false);
});

test('the call gets another camera once it is there, and at once of one that is off', async () => {
  const local = new LocalMedia();
  const calls = [];
  const publishing = new Publishing({
    publish: async (source, track, muted) => calls.push(['publish', source, track, muted]),
    unpublish: async (source) => calls.push(['unpublish', source]),
    mute: () => {},
  }, local);
  void local.turn('camera', true);
  await asked[0].give('video');
  void local.choose('camera');
  await asked[1].give('video');
  void local.turn('camera', false);
  assert.deepEqual(calls, [
    ['publish', 'camera', given[0], false],
    ['publish', 'camera', given[1], false],
    ['publish', 'camera', null, true],
  ]);
  publishing.stop();
});
