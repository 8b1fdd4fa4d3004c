import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cameraEncodings, inTemporalLayers } from '../../../web/client/encodings.js';
import { ActiveEncodings } from '../../../web/client/sender.js';

/** A sender that, as browsers do, takes one change at a time, made from what it gave last. */
class Sender {
  calls = 0;
  #busy = false;
  #given = null;

  constructor(encodings) {
    this.encodings = encodings;
  }

  getParameters() {
    this.#given = { encodings: structuredClone(this.encodings) };
    return this.#given;
  }

  async setParameters(parameters) {
    this.calls += 1;
    if (this.#busy) throw new DOMException('', 'InvalidStateError');
    if (parameters !== this.#given) throw new DOMException('', 'InvalidModificationError');
    this.#busy = true;
    for (let turn = 0; turn < 5; turn += 1) await null;
    this.#busy = false;
    this.encodings = parameters.encodings;
  }

  get active() {
    return this.encodings.map(({ active }) => active ?? true);
  }
}

test('overlapping wishes end with the last one', async () => {
  const sender = new Sender(cameraEncodings(1280, 720));
  const encodings = new ActiveEncodings(sender);
  const wishes = [['q'], [], ['q', 'h'], ['f']].map((rids) => encodings.want(rids));
  await Promise.all(wishes);
  assert.deepEqual(sender.active, [false, false, true]);
});

test('the encoder is asked nothing when it does already what is wanted', async () => {
  const sender = new Sender(cameraEncodings(1280, 720));
  const encodings = new ActiveEncodings(sender);
  await encodings.want(['q', 'h', 'f']);
  await encodings.want(null);
  assert.equal(sender.calls, 0);
  await encodings.want(['q']);
  await encodings.apply();
  assert.equal(sender.calls, 1);
});

test('another size changes what is sent: scale, rate and how many layers', async () => {
  const sender = new Sender(inTemporalLayers(cameraEncodings(640, 360)));
  const encodings = new ActiveEncodings(sender);
  assert.deepEqual(sender.active, [true, true, false]);
  for (const [width, height] of [[1280, 720], [320, 240], [640, 360]]) {
    const fitting = inTemporalLayers(cameraEncodings(width, height));
    await encodings.fit(fitting);
    assert.deepEqual(sender.encodings, fitting, `${width}x${height}`);
  }
  assert.equal(sender.calls, 3);
});

test('a larger camera sends of its layers those that somebody receives', async () => {
  const sender = new Sender(cameraEncodings(640, 360));
  const encodings = new ActiveEncodings(sender);
  await encodings.fit(cameraEncodings(640, 360));
  await encodings.want(['q', 'f']);
  assert.deepEqual(sender.active, [true, false, false]);
  await encodings.fit(cameraEncodings(1280, 720));
  assert.deepEqual(sender.active, [true, false, true]);
});

test('who watched a layer that the new camera has no more gets the best that it has', async () => {
  const sender = new Sender(cameraEncodings(1280, 720));
  const encodings = new ActiveEncodings(sender);
  await encodings.want(['f']);
  await encodings.fit(cameraEncodings(640, 360));
  assert.deepEqual(sender.active, [false, true, false]);
  await encodings.want([]);
  assert.deepEqual(sender.active, [false, false, false], 'nobody looks');
});

test('where a browser took no layers, the one stream carries the whole video', async () => {
  const sender = new Sender([{ maxBitrate: 1 }]);
  const encodings = new ActiveEncodings(sender);
  await encodings.fit(inTemporalLayers(cameraEncodings(1280, 720)));
  assert.deepEqual(sender.encodings,
    [{ maxBitrate: 1_500_000, scaleResolutionDownBy: 1, active: true }]);
});

test('a lone stream has the rid of no name', async () => {
  const sender = new Sender([{ maxBitrate: 1 }]);
  const encodings = new ActiveEncodings(sender);
  await encodings.want([]);
  assert.deepEqual(sender.active, [false]);
  await encodings.want(['']);
  assert.deepEqual(sender.active, [true]);
});

test('a sender without encodings yet, or one that refuses, is tried again by apply', async () => {
  const sender = new Sender([]);
  const encodings = new ActiveEncodings(sender);
  await encodings.want(['q']);
  sender.encodings = [{ rid: 'q' }, { rid: 'f' }];
  sender.setParameters = () => Promise.reject(new DOMException('', 'InvalidStateError'));
  await encodings.apply();
  delete sender.setParameters;
  await encodings.apply();
  assert.deepEqual(sender.active, [true, false]);
});

test('only the lowest layer of a video has layers in time', () => {
  const modes = inTemporalLayers(cameraEncodings(1280, 720)).map((one) => one.scalabilityMode);
  assert.deepEqual(modes, ['L1T3', 'L1T1', 'L1T1']);
  const lone = inTemporalLayers(cameraEncodings(320, 180)).map((one) => one.scalabilityMode);
  assert.deepEqual(lone, ['L1T1', 'L1T1', 'L1T1']);
});
