/** What a camera sends at a size, and in which codec. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cameraEncodings, vp8Only } from '../../../web/client/encodings.js';

test('simulcast layers follow what a browser will send at that size', () => {
  const scales = (width, height) => cameraEncodings(width, height)
    .filter(({ active }) => active)
    .map(({ rid, scaleResolutionDownBy }) => `${rid}/${scaleResolutionDownBy}`);
  assert.deepEqual(scales(1280, 720), ['q/4', 'h/2', 'f/1']);
  assert.deepEqual(scales(960, 540), ['q/4', 'h/2', 'f/1']);
  assert.deepEqual(scales(640, 360), ['q/2', 'h/1']);
  assert.deepEqual(scales(360, 640), ['q/2', 'h/1']);
  assert.deepEqual(scales(320, 180), ['q/1']);
});

test('there are always three encodings, so that any camera may follow any other', () => {
  for (const [width, height] of [[160, 120], [640, 480], [1920, 1080]]) {
    assert.deepEqual(cameraEncodings(width, height).map(({ rid }) => rid), ['q', 'h', 'f']);
  }
});

test('VP8 keeps its retransmissions, and without VP8 there is no preference', () => {
  const codecs = ['video/VP9', 'video/VP8', 'video/rtx', 'video/red'].map((mimeType) => ({ mimeType }));
  assert.deepEqual(vp8Only(codecs).map(({ mimeType }) => mimeType), ['video/VP8', 'video/rtx']);
  assert.deepEqual(vp8Only([{ mimeType: 'video/rtx' }]), []);
});
