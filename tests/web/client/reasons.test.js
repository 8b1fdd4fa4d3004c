/** Why somebody is not seen or heard: questions and their answers. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { ReasonRequests } from '../../../web/client/reasons.js';

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

test('a question is answered by the message, by a refusal, or by time', async () => {
  const sent = [];
  const requests = new ReasonRequests((message) => sent.push(message) > 0);
  const first = requests.ask('a');
  const other = requests.ask('b');
  assert.deepEqual(sent, [{ type: 'why', participant: 'a' }, { type: 'why', participant: 'b' }]);
  const reasons = { type: 'because', participant: 'a', step: 'signaling', side: 'theirs' };
  requests.answered(reasons);
  assert.equal(await first, reasons);
  requests.cancel();
  assert.equal(await other, null);
  const late = requests.ask('a');
  mock.timers.tick(3000);
  assert.equal(await late, null);
});

test('a question that reaches no socket is answered by nothing at once', async () => {
  assert.equal(await new ReasonRequests(() => false).ask('a'), null);
});
