import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cameraEncodings, inTemporalLayers } from '../../web/encodings.js';
import { ActiveEncodings } from '../../web/simulcast.js';

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

test('only the lowest layer of a picture has layers in time', () => {
  const modes = inTemporalLayers(cameraEncodings(1280, 720)).map((one) => one.scalabilityMode);
  assert.deepEqual(modes, ['L1T3', 'L1T1', 'L1T1']);
});
