import assert from 'node:assert/strict';
import { afterEach, beforeEach, test, mock } from 'node:test';

import { Conference } from '../../../web/client/conference.js';
import { FakeConnection, FakeSocket, FakeTrack, environment, settle } from '../fakes.js';

const ANA = { id: 'a', name: 'Ana', tracks: [] };
const REQUEST = { room: 'kopi', name: 'Budi' };
const JOIN = { type: 'join', version: 1, features: [], ...REQUEST };

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  FakeSocket.all = [];
  FakeConnection.all = [];
});

afterEach(() => mock.timers.reset());

function welcome(change = {}) {
  return {
    type: 'welcome', version: 1, participant: 'me', token: 'secret', resumed: false,
    room: { name: 'kopi', capacity: 10, hasPassword: false }, participants: [], chat: [], ...change,
  };
}

function refusal(code, change = {}) {
  return { type: 'error', code, message: 'no', fatal: false, ...change };
}

function newConference() {
  return new Conference('wss://here/ws', environment);
}

function eventsOf(conference, ...names) {
  const events = [];
  for (const name of names) conference.on(name, (detail) => events.push({ event: name, ...detail }));
  return events;
}

async function joined(change) {
  const conference = newConference();
  const inside = conference.join(REQUEST);
  FakeSocket.last.open();
  FakeSocket.last.say(welcome(change));
  await inside;
  return conference;
}

async function answerPublish(socket = FakeSocket.last) {
  await settle();
  const { id, tracks } = socket.sentOf('publish').at(-1);
  socket.say({
    type: 'published', id, sdp: 'answer', tracks: tracks.map(({ mid }) => ({ mid, track: `t${mid}` })),
  });
  await settle();
}

test('join sends version, room and name, and resolves on welcome', async () => {
  const conference = await joined({ participants: [ANA] });
  assert.deepEqual(FakeSocket.last.sent, [JOIN]);
  assert.equal(conference.state, 'joined');
  assert.equal(conference.id, 'me');
  assert.deepEqual(conference.participants, [ANA]);
});

test('a refused join rejects with its code and may be tried again', async () => {
  const conference = newConference();
  const first = conference.join(REQUEST);
  FakeSocket.last.open();
  FakeSocket.last.say(refusal('wrongPassword', { retryAfter: 7 }));
  await assert.rejects(first, { code: 'wrongPassword', retryAfter: 7 });
  assert.equal(conference.state, 'idle');
  const second = conference.join({ ...REQUEST, password: 'right' });
  FakeSocket.last.open();
  FakeSocket.last.say(welcome());
  await second;
  assert.equal(FakeSocket.last.sent[0].password, 'right');
});

test('a prepared socket says nothing until somebody joins, then at once', async () => {
  const conference = newConference();
  conference.prepare();
  conference.prepare();
  FakeSocket.last.open();
  mock.timers.tick(60_000);
  assert.deepEqual(FakeSocket.last.sent, []);
  const inside = conference.join(REQUEST);
  assert.deepEqual(FakeSocket.last.sent, [JOIN]);
  FakeSocket.last.say(welcome());
  await inside;
  assert.equal(FakeSocket.all.length, 1);
});

test('a prepared socket that opens late, or was closed for waiting, is no obstacle', async () => {
  const conference = newConference();
  conference.prepare();
  FakeSocket.last.open();
  FakeSocket.last.say(refusal('notJoined', { fatal: true }));
  FakeSocket.last.drop(1008);
  assert.equal(conference.state, 'idle');
  conference.prepare();
  const inside = conference.join(REQUEST);
  FakeSocket.last.open();
  assert.deepEqual(FakeSocket.last.sent, [JOIN]);
  FakeSocket.last.say(welcome());
  await inside;
});

test('a server that does not answer rejects the join as unreachable', async () => {
  const conference = newConference();
  const joining = conference.join(REQUEST);
  FakeSocket.last.drop();
  await assert.rejects(joining, { code: 'unreachable' });
});

test('a socket that never opens is given up', async () => {
  const joining = newConference().join(REQUEST);
  mock.timers.tick(8000);
  await assert.rejects(joining, { code: 'unreachable' });
});

test('people and their tracks are kept up to date', async () => {
  const conference = await joined();
  const events = eventsOf(conference, 'participantJoined', 'participantChanged', 'participantLeft');
  const track = { id: 't', kind: 'video', source: 'camera', muted: false };
  FakeSocket.last.say({ type: 'participantJoined', participant: ANA });
  FakeSocket.last.say({ type: 'trackPublished', participant: 'a', track });
  FakeSocket.last.say({ type: 'trackMuted', participant: 'a', track: 't', muted: true });
  assert.deepEqual(conference.participants[0].tracks, [{ ...track, muted: true }]);
  FakeSocket.last.say({ type: 'trackUnpublished', participant: 'a', track: 't' });
  assert.deepEqual(conference.participants[0].tracks, []);
  FakeSocket.last.say({ type: 'participantLeft', participant: 'a', reason: 'left' });
  assert.deepEqual(conference.participants, []);
  assert.deepEqual(events.map(({ event }) => event), [
    'participantJoined', 'participantChanged', 'participantChanged', 'participantChanged',
    'participantLeft',
  ]);
});

test('what is published in one breath goes into one offer', async () => {
  const conference = await joined();
  void conference.publish('microphone', new FakeTrack('audio'), true);
  void conference.publish('camera', new FakeTrack('video'));
  await answerPublish();
  assert.deepEqual(FakeSocket.last.sentOf('publish'), [{
    type: 'publish', id: 1, sdp: '0,1', restart: false,
    tracks: [
      { mid: '0', source: 'microphone', muted: true }, { mid: '1', source: 'camera', muted: false },
    ],
  }]);
});

test('one offer is open at a time; changes meanwhile go into the next', async () => {
  const conference = await joined();
  void conference.publish('microphone', new FakeTrack('audio'));
  await settle();
  void conference.publish('camera', new FakeTrack('video'));
  await settle();
  assert.equal(FakeSocket.last.sentOf('publish').length, 1);
  await answerPublish();
  assert.deepEqual(FakeSocket.last.sentOf('publish').map(({ id }) => id), [1, 2]);
});

test('mute is sent with the id that the server gave, and only when it changes', async () => {
  const conference = await joined();
  void conference.publish('microphone', new FakeTrack('audio'));
  await answerPublish();
  FakeSocket.last.sent.length = 0;
  conference.mute('microphone', true);
  conference.mute('microphone', true);
  assert.deepEqual(FakeSocket.last.sent, [{ type: 'mute', track: 't0', muted: true }]);
});

test('a camera turned off sends nothing and negotiates nothing', async () => {
  const conference = await joined();
  void conference.publish('camera', new FakeTrack('video'));
  await answerPublish();
  void conference.publish('camera', null, true);
  await settle();
  const [connection] = FakeConnection.all;
  assert.equal(connection.transceivers[0].sender.track, null);
  assert.equal(FakeSocket.last.sentOf('publish').length, 1);
  assert.deepEqual(FakeSocket.last.sentOf('mute').at(-1), { type: 'mute', track: 't0', muted: true });
});

test('a screen that ends becomes inactive, and its m-line is used again', async () => {
  const conference = await joined();
  void conference.publish('screen', new FakeTrack('video'));
  await answerPublish();
  void conference.unpublish('screen');
  await answerPublish();
  const [connection] = FakeConnection.all;
  assert.equal(connection.transceivers[0].direction, 'inactive');
  assert.deepEqual(FakeSocket.last.sentOf('publish').at(-1).tracks, []);
  void conference.publish('screen', new FakeTrack('video'));
  await answerPublish();
  assert.equal(connection.transceivers.length, 1);
  assert.equal(connection.transceivers[0].direction, 'sendonly');
});

test('a refused offer is reported, rolled back, and does not block the next', async () => {
  const conference = await joined();
  const events = eventsOf(conference, 'problem');
  void conference.publish('camera', new FakeTrack('video'));
  await settle();
  FakeSocket.last.say(refusal('noVp8', { id: 1 }));
  await settle();
  assert.equal(events[0].code, 'noVp8');
  assert.equal(FakeConnection.all[0].signalingState, 'stable');
  void conference.publish('microphone', new FakeTrack('audio'));
  await settle();
  assert.equal(FakeSocket.last.sentOf('publish').at(-1).id, 2);
});

test('a source whose m-line was rejected is reported, and may be tried again', async () => {
  const conference = await joined();
  const events = eventsOf(conference, 'problem');
  void conference.publish('camera', new FakeTrack('video'));
  await settle();
  const [{ mid }] = FakeSocket.last.sentOf('publish').at(-1).tracks;
  FakeSocket.last.say({
    type: 'published', id: 1, sdp: 'answer', tracks: [], rejected: [{ mid, code: 'noVp8' }],
  });
  await settle();
  assert.deepEqual(events.map(({ code }) => code), ['noVp8']);
  void conference.publish('microphone', new FakeTrack('audio'));
  await answerPublish();
  const sources = () => FakeSocket.last.sentOf('publish').at(-1).tracks.map(({ source }) => source);
  assert.deepEqual(sources(), ['microphone']);
  void conference.publish('camera', new FakeTrack('video'));
  await settle();
  assert.deepEqual(sources().sort(), ['camera', 'microphone']);
});

test('a busy server is asked again after the time it names', async () => {
  const conference = await joined();
  void conference.publish('camera', new FakeTrack('video'));
  await settle();
  FakeSocket.last.say(refusal('serverBusy', { id: 1, retryAfter: 3 }));
  await settle();
  mock.timers.tick(2999);
  await settle();
  assert.equal(FakeSocket.last.sentOf('publish').length, 1);
  mock.timers.tick(1);
  await settle();
  assert.equal(FakeSocket.last.sentOf('publish').length, 2);
});

test('an offer is answered, and a reused m-line changes hands', async () => {
  const conference = await joined({ participants: [ANA, { id: 'c', name: 'Citra', tracks: [] }] });
  const offered = (participant) => ({
    mid: '0', track: `t-${participant}`, participant, kind: 'video', source: 'camera',
  });
  FakeSocket.last.say({ type: 'offer', id: 4, sdp: '0', tracks: [offered('a')] });
  await settle();
  assert.deepEqual(FakeSocket.last.sentOf('answer'), [{ type: 'answer', id: 4, sdp: '0' }]);
  const [track] = conference.streamOf('a', 'person').getTracks();
  FakeSocket.last.say({ type: 'offer', id: 5, sdp: '0', tracks: [offered('c')] });
  await settle();
  assert.equal(conference.streamOf('a', 'person'), null);
  assert.deepEqual(conference.streamOf('c', 'person').getTracks(), [track]);
});

test('camera and microphone share a stream; the screen has its own', async () => {
  const conference = await joined({ participants: [ANA] });
  const tracks = ['microphone', 'camera', 'screen', 'screenAudio'].map((source, index) => ({
    mid: String(index), track: `t${index}`, participant: 'a', kind: 'video', source,
  }));
  FakeSocket.last.say({ type: 'offer', id: 1, sdp: '0,1,2,3', tracks });
  await settle();
  assert.equal(conference.streamOf('a', 'person').getTracks().length, 2);
  assert.equal(conference.streamOf('a', 'screen').getTracks().length, 2);
});

test('a subscribe offer that cannot be applied asks for a new connection', async () => {
  await joined();
  FakeSocket.last.say({ type: 'offer', id: 1, sdp: 'broken', tracks: [] });
  await settle();
  mock.timers.tick(0);
  assert.deepEqual(FakeSocket.last.sentOf('resubscribe'), [{ type: 'resubscribe' }]);
});

test('a dropped socket resumes with the token and leaves the media alone', async () => {
  const conference = await joined({ participants: [ANA] });
  void conference.publish('microphone', new FakeTrack('audio'));
  await answerPublish();
  FakeSocket.last.drop();
  assert.equal(conference.state, 'reconnecting');
  mock.timers.tick(1000);
  FakeSocket.last.open();
  assert.deepEqual(FakeSocket.last.sent, [{ type: 'resume', version: 1, token: 'secret' }]);
  FakeSocket.last.say(welcome({ resumed: true, token: 'next' }));
  await settle();
  assert.equal(conference.state, 'joined');
  assert.equal(conference.token, 'next');
  assert.equal(FakeConnection.all.length, 1);
  assert.equal(FakeSocket.last.sentOf('publish').length, 0);
});

test('who left meanwhile is gone after resuming, and chat is not reported twice', async () => {
  const line = { participant: 'a', name: 'Ana', text: 'Halo', at: 10 };
  const conference = await joined({ participants: [ANA], chat: [line] });
  const events = eventsOf(conference, 'participantLeft', 'chat');
  FakeSocket.last.drop();
  mock.timers.tick(1000);
  FakeSocket.last.open();
  FakeSocket.last.say(welcome({ resumed: true, chat: [line, { ...line, text: 'Lagi', at: 12 }] }));
  assert.deepEqual(events.map(({ event, text }) => [event, text]), [
    ['participantLeft', undefined], ['chat', 'Lagi'],
  ]);
  assert.equal(conference.chatHistory.length, 2);
});

test('an offer whose answer was lost with the socket is sent again', async () => {
  const conference = await joined();
  void conference.publish('microphone', new FakeTrack('audio'));
  await settle();
  FakeSocket.last.drop();
  mock.timers.tick(1000);
  FakeSocket.last.open();
  FakeSocket.last.say(welcome({ resumed: true }));
  await settle();
  assert.deepEqual(FakeSocket.last.sentOf('publish').map(({ id }) => id), [2]);
  assert.equal(FakeConnection.all.length, 1);
});

test('an expired session is joined anew with new connections', async () => {
  const conference = await joined();
  void conference.publish('microphone', new FakeTrack('audio'));
  await answerPublish();
  FakeSocket.last.drop();
  mock.timers.tick(1000);
  FakeSocket.last.open();
  FakeSocket.last.say(refusal('sessionExpired'));
  assert.deepEqual(FakeSocket.last.sentOf('join'), [JOIN]);
  FakeSocket.last.say(welcome({ participant: 'me2' }));
  await settle();
  assert.equal(conference.id, 'me2');
  assert.equal(FakeConnection.all.length, 2);
  assert.equal(FakeSocket.last.sentOf('publish').length, 1);
});

test('a room that filled up meanwhile ends the call with the reason', async () => {
  const conference = await joined();
  const events = eventsOf(conference, 'state');
  FakeSocket.last.drop();
  mock.timers.tick(1000);
  FakeSocket.last.open();
  FakeSocket.last.say(refusal('sessionExpired'));
  FakeSocket.last.say(refusal('roomFull', { fatal: true }));
  assert.deepEqual(events.at(-1), { event: 'state', state: 'ended', reason: 'roomFull' });
});

test('a session that another page took ends here and is not fought for', async () => {
  const conference = await joined();
  const events = eventsOf(conference, 'state');
  const sockets = FakeSocket.all.length;
  FakeSocket.last.drop(4001);
  mock.timers.tick(60_000);
  assert.deepEqual(events.at(-1), { event: 'state', state: 'ended', reason: 'resumedElsewhere' });
  assert.equal(FakeSocket.all.length, sockets);
});

test('who is removed while away stays out as well', async () => {
  const conference = await joined();
  const events = eventsOf(conference, 'state');
  FakeSocket.last.drop();
  mock.timers.tick(1000);
  FakeSocket.last.open();
  FakeSocket.last.say({ ...refusal('removed'), fatal: true });
  mock.timers.tick(60_000);
  assert.deepEqual([events.at(-1).state, events.at(-1).reason], ['ended', 'removed']);
  assert.deepEqual(FakeSocket.last.sentOf('join'), []);
});

test('who is removed stays out and learns why', async () => {
  const conference = await joined();
  const events = eventsOf(conference, 'state');
  FakeSocket.last.drop(4002);
  mock.timers.tick(60_000);
  assert.deepEqual(events.map(({ state, reason }) => [state, reason]), [['ended', 'removed']]);
  assert.equal(FakeSocket.all.length, 1);
});

test('reset publishes again with restart on a new connection', async () => {
  const conference = await joined();
  void conference.publish('camera', new FakeTrack('video'));
  await answerPublish();
  FakeSocket.last.say({ type: 'reset', reason: 'workerLost' });
  await settle();
  const publish = FakeSocket.last.sentOf('publish').at(-1);
  assert.equal(publish.restart, true);
  assert.equal(FakeConnection.all.length, 2);
  assert.equal(FakeConnection.all[0].connectionState, 'closed');
  await answerPublish();
  void conference.publish('microphone', new FakeTrack('audio'));
  await answerPublish();
  assert.equal(FakeSocket.last.sentOf('publish').at(-1).restart, false);
});

for (const open of ['an offer', 'a track']) {
  test(`reset goes on though the closed connection never takes ${open}`, async () => {
    const conference = await joined();
    void conference.publish('camera', new FakeTrack('video'));
    await answerPublish();
    FakeConnection.all[0].stuck = true;
    if (open === 'an offer') void conference.publish('microphone', new FakeTrack('audio'));
    const off = open === 'a track' ? conference.publish('camera', null, true) : null;
    await settle();
    FakeSocket.last.say({ type: 'reset', reason: 'workerLost' });
    await settle();
    await off;
    if (open === 'a track') void conference.publish('microphone', new FakeTrack('audio'));
    await answerPublish();
    assert.equal(FakeConnection.all.length, 2);
    const { restart, tracks } = FakeSocket.last.sentOf('publish').at(-1);
    assert.equal(restart, true);
    assert.equal(tracks.at(-1).source, 'microphone');
  });
}

test('a new subscribe connection is answered though the closed one never is', async () => {
  await joined({ participants: [ANA] });
  FakeSocket.last.say({ type: 'offer', id: 1, sdp: '0', tracks: [] });
  await settle();
  FakeConnection.all[0].stuck = true;
  FakeSocket.last.say({ type: 'offer', id: 2, sdp: '0', tracks: [] });
  await settle();
  FakeSocket.last.say({ type: 'reset', reason: 'workerLost' });
  FakeSocket.last.say({ type: 'offer', id: 3, sdp: '0', tracks: [], restart: true });
  await settle();
  assert.deepEqual(FakeSocket.last.sentOf('answer').map(({ id }) => id), [1, 3]);
});

test('reset with nothing published asks for nothing', async () => {
  await joined();
  FakeSocket.last.say({ type: 'reset', reason: 'workerLost' });
  await settle();
  assert.equal(FakeSocket.last.sentOf('publish').length, 0);
});

for (const how of ['own state', 'server']) {
  test(`a failed publish connection is built again (reported by ${how})`, async () => {
    const conference = await joined();
    void conference.publish('camera', new FakeTrack('video'));
    await answerPublish();
    if (how === 'server') {
      FakeSocket.last.say({
        type: 'transport', connection: 'publish', state: 'failed', reason: 'iceTimeout',
      });
    } else {
      FakeConnection.all[0].become('failed');
    }
    mock.timers.tick(0);
    await settle();
    assert.equal(FakeSocket.last.sentOf('publish').at(-1).restart, true);
    assert.equal(FakeConnection.all.length, 2);
  });
}

test('a connection that stays disconnected looks for new paths; one that recovers does not', async () => {
  const conference = await joined();
  void conference.publish('camera', new FakeTrack('video'));
  await answerPublish();
  const [connection] = FakeConnection.all;
  connection.become('connected');
  connection.become('disconnected');
  mock.timers.tick(1900);
  connection.become('connected');
  mock.timers.tick(1900);
  await settle();
  assert.equal(connection.iceRestarts, 0);
  FakeSocket.last.say({ type: 'pong', t: 1 });
  connection.become('disconnected');
  mock.timers.tick(2000);
  await answerPublish();
  assert.equal(connection.iceRestarts, 1);
  assert.equal(FakeSocket.last.sentOf('publish').at(-1).restart, false);
  assert.equal(FakeConnection.all.length, 1);
});

test('new paths that connect keep the connection; those that do not are followed by a new one', async () => {
  const conference = await joined();
  void conference.publish('camera', new FakeTrack('video'));
  await answerPublish();
  const [connection] = FakeConnection.all;
  connection.become('connected');
  connection.become('failed');
  await answerPublish();
  connection.become('connecting');
  mock.timers.tick(3000);
  connection.become('connected');
  mock.timers.tick(1900);
  FakeSocket.last.say({ type: 'pong', t: 1 });
  await settle();
  assert.equal(FakeConnection.all.length, 1);
  connection.become('failed');
  await answerPublish();
  for (let second = 0; second < 6; second += 1) {
    mock.timers.tick(1000);
    FakeSocket.last.say({ type: 'pong', t: 1 });
  }
  mock.timers.tick(0);
  await settle();
  assert.equal(connection.iceRestarts, 2);
  assert.equal(FakeConnection.all.length, 2);
  assert.equal(FakeSocket.last.sentOf('publish').at(-1).restart, true);
});

async function receiving() {
  const conference = await joined({ participants: [ANA] });
  const tracks = [{ mid: '0', track: 't', participant: 'a', kind: 'video', source: 'camera' }];
  FakeSocket.last.say({ type: 'offer', id: 1, sdp: '0', tracks });
  await settle();
  return { conference, connection: FakeConnection.all[0] };
}

test('another network restarts ICE in both directions at once, and tries the socket', async () => {
  const { conference, connection } = await receiving();
  void conference.publish('camera', new FakeTrack('video'));
  await answerPublish();
  connection.become('connected');
  conference.networkChanged();
  await answerPublish();
  assert.deepEqual(FakeSocket.last.sentOf('restartIce'), [{ type: 'restartIce' }]);
  assert.equal(FakeConnection.all[1].iceRestarts, 1);
  mock.timers.tick(1500);
  assert.equal(conference.state, 'joined', 'the answer proved the socket');
  conference.networkChanged();
  mock.timers.tick(1500);
  assert.equal(conference.state, 'reconnecting');
});

test('new paths found while the old ones still worked change no state, and are enough', async () => {
  const { conference, connection } = await receiving();
  connection.become('connected');
  conference.networkChanged();
  for (let second = 0; second < 10; second += 1) {
    FakeSocket.last.say({ type: 'pong', t: 1 });
    mock.timers.tick(1000);
  }
  await settle();
  assert.equal(FakeSocket.last.sentOf('restartIce').length, 1);
  assert.equal(FakeSocket.last.sentOf('resubscribe').length, 0);
});

test('what broke while the socket was away finds new paths on resuming', async () => {
  const { connection } = await receiving();
  connection.become('connected');
  FakeSocket.last.drop();
  connection.become('failed');
  mock.timers.tick(1000);
  FakeSocket.last.open();
  FakeSocket.last.say(welcome({ resumed: true }));
  await settle();
  assert.deepEqual(FakeSocket.last.sentOf('restartIce'), [{ type: 'restartIce' }]);
  assert.equal(FakeConnection.all.length, 1);
});

test('messages and fields of a newer server are ignored', async () => {
  const conference = newConference();
  const inside = conference.join(REQUEST);
  FakeSocket.last.open();
  FakeSocket.last.say({ type: 'waiting', since: 5 });
  FakeSocket.last.say({ ...welcome(), features: ['future'], motto: 'x' });
  await inside;
  FakeSocket.last.say({ type: 'confetti', colour: 'red' });
  assert.equal(conference.state, 'joined');
});

test('a server that does not know restartIce is asked for a new connection instead', async () => {
  const { conference, connection } = await receiving();
  const events = eventsOf(conference, 'problem');
  connection.become('connected');
  connection.become('failed');
  FakeSocket.last.say(refusal('badMessage'));
  mock.timers.tick(0);
  assert.deepEqual(FakeSocket.last.sentOf('resubscribe'), [{ type: 'resubscribe' }]);
  assert.deepEqual(events, []);
});

test('a page that is looked at returns within a second or so of the network, try after try', async () => {
  const conference = await joined();
  FakeSocket.last.drop();
  for (let tries = 0; tries < 20; tries += 1) {
    mock.timers.tick(1400);
    assert.equal(FakeSocket.all.length, tries + 2);
    FakeSocket.last.drop();
  }
  conference.networkChanged();
  FakeSocket.last.open();
  FakeSocket.last.say(welcome({ resumed: true }));
  assert.equal(conference.state, 'joined');
});

test('layers that nobody receives rest, whenever the message comes', async () => {
  const conference = await joined();
  void conference.publish('camera', new FakeTrack('video'));
  await settle();
  FakeSocket.last.say({ type: 'layers', track: 't0', rids: ['q'] });
  await answerPublish();
  const [{ sender }] = FakeConnection.all[0].transceivers;
  const active = () => sender.getParameters().encodings
    .filter((encoding) => encoding.active).map(({ rid }) => rid);
  assert.deepEqual(active(), ['q']);
  FakeSocket.last.say({ type: 'layers', track: 't0', rids: ['q', 'h', 'f'] });
  await settle();
  assert.deepEqual(active(), ['q', 'h', 'f']);
  FakeSocket.last.say({ type: 'layers', track: 'unknown', rids: [] });
  await settle();
  assert.deepEqual(active(), ['q', 'h', 'f']);
  FakeSocket.last.say({ type: 'layers', track: 't0', rids: [] });
  void conference.unpublish('camera');
  await answerPublish();
  void conference.publish('camera', new FakeTrack('video'));
  await settle();
  const { id } = FakeSocket.last.sentOf('publish').at(-1);
  FakeSocket.last.say({ type: 'published', id, sdp: 'answer', tracks: [{ mid: '0', track: 'new' }] });
  await settle();
  assert.deepEqual(active(), ['q', 'h', 'f'], 'a new track begins with all');
});

test('what is sent follows the camera: another one, and the same one turned', async () => {
  const conference = await joined();
  void conference.publish('camera', new FakeTrack('video', { width: 640, height: 360 }));
  await settle();
  await answerPublish();
  const [{ sender }] = FakeConnection.all[0].transceivers;
  const scales = () => sender.getParameters().encodings
    .filter(({ active }) => active)
    .map(({ rid, scaleResolutionDownBy }) => `${rid}/${scaleResolutionDownBy}`);
  assert.deepEqual(scales(), ['q/2', 'h/1']);
  void conference.publish('camera', new FakeTrack('video'));
  await settle();
  assert.deepEqual(scales(), ['q/4', 'h/2', 'f/1']);
  conference.cameraSized({ width: 240, height: 320 });
  await settle();
  assert.deepEqual(scales(), ['q/1']);
  // A browser that does not know the size of a new camera yet reports it with the first frame.
  void conference.publish('camera', new FakeTrack('video', {}));
  await settle();
  assert.deepEqual(scales(), ['q/1']);
  conference.cameraSized({ width: 1280, height: 720 });
  await settle();
  assert.deepEqual(scales(), ['q/4', 'h/2', 'f/1']);
  assert.equal(FakeSocket.last.sentOf('publish').length, 1, 'nothing is negotiated for it');
});

test('a size that is known before there is a connection counts in the first offer', async () => {
  const conference = await joined();
  void conference.publish('camera', new FakeTrack('video', {}));
  conference.cameraSized({ width: 320, height: 240 });
  await settle();
  const [{ sender }] = FakeConnection.all[0].transceivers;
  assert.deepEqual(sender.getParameters().encodings.map(({ active }) => active), [true, false, false]);
});

test('a browser that refuses temporal layers sends without', async () => {
  const conference = await joined();
  const add = FakeConnection.prototype.addTransceiver;
  mock.method(FakeConnection.prototype, 'addTransceiver', function refuse(track, options) {
    if (options.sendEncodings?.some((encoding) => encoding.scalabilityMode)) throw new Error('no');
    return add.call(this, track, options);
  });
  void conference.publish('camera', new FakeTrack('video'));
  await answerPublish();
  mock.restoreAll();
  assert.deepEqual(FakeConnection.all[0].transceivers[0].parameters.encodings.map(({ rid }) => rid),
    ['q', 'h', 'f']);
});

test('a socket that stops answering pings shows soon, and later counts as dropped', async () => {
  const conference = await joined();
  const events = eventsOf(conference, 'silence');
  mock.timers.tick(750);
  FakeSocket.last.say({ type: 'pong', t: 1 });
  mock.timers.tick(1500);
  assert.equal(conference.silent, false);
  mock.timers.tick(750);
  assert.equal(conference.silent, true);
  mock.timers.tick(1500);
  assert.equal(conference.state, 'joined', 'a network may be slow');
  mock.timers.tick(1500);
  assert.equal(conference.state, 'reconnecting');
  assert.deepEqual(events.map(({ silent }) => silent), [true, false]);
});

test('a server that answers late is silent for a moment, and keeps its socket', async () => {
  const conference = await joined();
  mock.timers.tick(3000);
  assert.equal(conference.silent, true);
  FakeSocket.last.say({ type: 'pong', t: 1 });
  assert.equal(conference.silent, false);
  mock.timers.tick(1500);
  assert.equal(conference.state, 'joined');
  assert.equal(FakeSocket.all.length, 1);
});

test('a lost network shows at once, unless the server answers all the same', async () => {
  const conference = await joined();
  conference.networkLost();
  FakeSocket.last.say({ type: 'pong', t: 1 });
  mock.timers.tick(700);
  assert.equal(conference.silent, false);
  conference.networkLost();
  mock.timers.tick(400);
  assert.equal(conference.silent, true);
  mock.timers.tick(1100);
  assert.equal(conference.state, 'reconnecting');
});

test('resume after a reload asks for media anew, even with nothing to send', async () => {
  const conference = newConference();
  const inside = conference.resume('kept', REQUEST);
  FakeSocket.last.open();
  assert.deepEqual(FakeSocket.last.sent, [{ type: 'resume', version: 1, token: 'kept' }]);
  FakeSocket.last.say(welcome({ resumed: true }));
  await inside;
  await settle();
  const [publish] = FakeSocket.last.sentOf('publish');
  assert.deepEqual([publish.restart, publish.tracks], [true, []]);
  assert.equal(FakeSocket.last.sentOf('resubscribe').length, 1);
});

test('resume of an expired session joins anew', async () => {
  const conference = newConference();
  const inside = conference.resume('old', REQUEST);
  FakeSocket.last.open();
  FakeSocket.last.say(refusal('sessionExpired', { fatal: true }));
  mock.timers.tick(0);
  FakeSocket.last.open();
  assert.deepEqual(FakeSocket.last.sent, [JOIN]);
  FakeSocket.last.say(welcome());
  await inside;
  assert.equal(FakeSocket.last.sentOf('resubscribe').length, 0);
});

test('leave says so, ends, and nothing is tried again', async () => {
  const conference = await joined();
  const events = eventsOf(conference, 'state');
  const socket = FakeSocket.last;
  conference.leave();
  assert.deepEqual(socket.sent.at(-1), { type: 'leave' });
  assert.deepEqual(events, [{ event: 'state', state: 'ended', reason: 'left' }]);
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1);
});

test('chat written while the server is away waits for it, within reason', async () => {
  const conference = await joined();
  const events = eventsOf(conference, 'chatWaiting');
  FakeSocket.last.drop();
  assert.equal(conference.chat('Halo'), true);
  assert.deepEqual(events.at(-1).lines, ['Halo']);
  let more = 0;
  while (more < 1000 && conference.chat('Halo')) more += 1;
  assert.ok(more < 100, 'what waits is bounded');
  mock.timers.tick(1000);
  FakeSocket.last.open();
  FakeSocket.last.say(welcome({ resumed: true }));
  assert.deepEqual(sentChat(), ['Halo']);
});

test('chat is taken by nobody once the call is over', async () => {
  const conference = await joined();
  conference.leave();
  assert.equal(conference.chat('Halo'), false);
});

const line = (text, at = 20) => ({ participant: 'me', name: 'Budi', text, at });
const sentChat = () => FakeSocket.last.sentOf('chat').map(({ text }) => text);

test('chat that is refused for now waits and is sent again, in order, and nothing is lost', async () => {
  const conference = await joined();
  const events = eventsOf(conference, 'chatWaiting', 'problem');
  conference.chat('satu');
  conference.chat('dua');
  assert.deepEqual(sentChat(), ['satu']);
  FakeSocket.last.say({ type: 'chat', ...line('satu') });
  assert.deepEqual(sentChat(), ['satu', 'dua']);
  const { id } = FakeSocket.last.sentOf('chat').at(-1);
  FakeSocket.last.say(refusal('tooMany', { id, request: 'chat', retryAfter: 2 }));
  mock.timers.tick(1999);
  assert.equal(sentChat().length, 2);
  mock.timers.tick(1);
  assert.deepEqual(sentChat(), ['satu', 'dua', 'dua']);
  FakeSocket.last.say({ type: 'chat', ...line('dua') });
  assert.deepEqual(events.map(({ lines }) => lines), [['satu'], ['satu', 'dua'], ['dua'], []]);
});

test('a chat line lost with the socket is sent again; one that arrived is not', async () => {
  for (const arrived of [true, false]) {
    const conference = await joined();
    conference.chat('Halo');
    FakeSocket.last.drop();
    mock.timers.tick(1000);
    FakeSocket.last.open();
    FakeSocket.last.say(welcome({ resumed: true, chat: arrived ? [line('Halo')] : [] }));
    assert.deepEqual(sentChat(), arrived ? [] : ['Halo']);
    conference.leave();
  }
});

test('a chat line that the server will never take is reported and does not block the next', async () => {
  const conference = await joined();
  const events = eventsOf(conference, 'problem');
  conference.chat('\u200b');
  FakeSocket.last.say(refusal('badMessage', { id: 1, request: 'chat' }));
  conference.chat('Halo');
  assert.deepEqual(sentChat(), ['\u200b', 'Halo']);
  assert.equal(events.length, 1);
  assert.equal(conference.view.supported, true);
});

test('views that are too many wait, and the newest goes out', async () => {
  const conference = await joined();
  const view = (quality) => ({ tracks: [], quality, video: true, audio: true });
  conference.view.report(view('auto'));
  FakeSocket.last.say(refusal('tooMany', { request: 'view', retryAfter: 1 }));
  conference.view.report(view('low'));
  conference.view.report(view('high'));
  mock.timers.tick(999);
  assert.equal(FakeSocket.last.sentOf('view').length, 1);
  mock.timers.tick(1);
  assert.deepEqual(FakeSocket.last.sentOf('view').map(({ quality }) => quality), ['auto', 'high']);
});

test('a mute that was one message too many is sent again as it is by then', async () => {
  const conference = await joined();
  void conference.publish('microphone', new FakeTrack('audio'));
  await answerPublish();
  conference.mute('microphone', true);
  FakeSocket.last.say(refusal('tooMany', { request: 'mute', retryAfter: 1 }));
  const before = FakeSocket.last.sentOf('mute').length;
  mock.timers.tick(1000);
  assert.equal(FakeSocket.last.sentOf('mute').length, before + 1);
  assert.equal(FakeSocket.last.sentOf('mute').at(-1).muted, true);
});

test('an offer refused as too many is made anew with what is wanted by then', async () => {
  const conference = await joined();
  void conference.publish('camera', new FakeTrack('video'));
  await settle();
  FakeSocket.last.say(refusal('tooMany', { id: 1, request: 'publish', retryAfter: 1 }));
  void conference.publish('microphone', new FakeTrack('audio'));
  await settle();
  mock.timers.tick(1000);
  await settle();
  const { id, tracks } = FakeSocket.last.sentOf('publish').at(-1);
  assert.equal(id, 2);
  assert.deepEqual(tracks.map(({ source }) => source), ['camera', 'microphone']);
});

test('a listener with a signal hears nothing after it, though the end of a call reports more', async () => {
  const { conference } = await receiving();
  const heard = [];
  const closing = new AbortController();
  conference.on('state', () => closing.abort());
  conference.on('media', ({ participant }) => heard.push(participant), closing.signal);
  conference.leave();
  assert.deepEqual(heard, []);
});
