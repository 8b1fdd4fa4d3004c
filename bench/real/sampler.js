/**
 * Runs before any script of a page: keeps every peer connection and samples their statistics.
 *
 * `bench.start(ms)` begins; `bench.take()` gives the samples since the last call. Times are Unix
 * time in seconds, so that the pages of several browsers on one machine can be compared.
 */
(() => {
  const INBOUND = [
    'trackIdentifier', 'framesReceived', 'framesDecoded', 'framesDropped', 'keyFramesDecoded',
    'frameHeight', 'freezeCount', 'totalFreezesDuration', 'bytesReceived', 'headerBytesReceived',
    'packetsReceived', 'packetsLost', 'retransmittedPacketsReceived', 'fecPacketsReceived',
    'nackCount', 'pliCount', 'concealedSamples', 'silentConcealedSamples', 'concealmentEvents',
    'totalSamplesReceived', 'packetsDiscarded', 'jitterBufferDelay', 'jitterBufferEmittedCount',
    'jitter',
  ];
  const OUTBOUND = [
    'rid', 'mid', 'active', 'framesSent', 'framesEncoded', 'frameHeight', 'bytesSent', 'headerBytesSent',
    'packetsSent', 'retransmittedPacketsSent', 'nackCount', 'pliCount', 'targetBitrate',
    'qualityLimitationReason',
  ];
  const SOURCE = ['frames', 'totalAudioEnergy', 'totalSamplesDuration'];
  const WANTED = {
    'inbound-rtp': INBOUND, 'outbound-rtp': OUTBOUND, 'media-source': SOURCE,
  };
  /** @type {RTCPeerConnection[]} */
  const connections = [];
  /** @type {object[]} */
  let samples = [];
  const now = () => (performance.timeOrigin + performance.now()) / 1000;

  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...options) {
      super(...options);
      connections.push(this);
    }
  };

  /** The path that media takes, of one connection. */
  function path(reports) {
    for (const report of reports.values()) {
      // Firefox marks the pair itself.
      const pair = report.type === 'transport'
        ? reports.get(report.selectedCandidatePairId)
        : report.type === 'candidate-pair' && report.selected && report;
      if (!pair) continue;
      return {
        protocol: reports.get(pair.localCandidateId)?.protocol ?? '',
        rtt: pair.currentRoundTripTime ?? 0,
        available: pair.availableOutgoingBitrate ?? 0,
      };
    }
    return null;
  }

  async function statsOf(connection, serial) {
    const reports = await connection.getStats();
    const streams = [];
    for (const report of reports.values()) {
      const fields = WANTED[report.type];
      if (!fields) continue;
      const stream = { key: `${serial}/${report.id}`, type: report.type, kind: report.kind };
      for (const field of fields) if (report[field] !== undefined) stream[field] = report[field];
      streams.push(stream);
    }
    return { serial, state: connection.connectionState, path: path(reports), streams };
  }

  /** Who is which track; empty before the call. */
  function people() {
    const conference = window.conference;
    return (conference?.participants ?? []).map(({ id, name }) => {
      const stream = conference.streamOf(id, 'person');
      return {
        id, name,
        video: stream?.getVideoTracks()[0]?.id ?? '',
        audio: stream?.getAudioTracks()[0]?.id ?? '',
        screen: conference.streamOf(id, 'screen')?.getVideoTracks()[0]?.id ?? '',
      };
    });
  }

  function tiles() {
    return [...document.querySelectorAll('.tile:not(.self)')].map((tile) => {
      const { width, height } = tile.getBoundingClientRect();
      return [tile.getAttribute('aria-label'), Math.round(width), Math.round(height)];
    });
  }

  async function sample() {
    const open = connections
      .map((connection, serial) => [connection, serial])
      .filter(([connection]) => connection.connectionState !== 'closed');
    const at = now();
    const found = await Promise.all(open.map((pair) => statsOf(...pair)));
    samples.push({
      at, connections: found, people: people(), tiles: tiles(),
      id: window.conference?.id ?? '', state: window.conference?.state ?? '',
    });
  }

  window.bench = {
    /** When this page began: another value later means that it was loaded again. */
    began: performance.timeOrigin,
    pressed: 0,
    now,
    async start(interval) {
      for (let due = now(); ; due = Math.max(due + interval / 1000, now())) {
        await new Promise((done) => setTimeout(done, Math.max(0, (due - now()) * 1000)));
        await sample();
      }
    },
    /** A sample of this moment, for who does not `start`. */
    async snapshot() {
      await sample();
      return samples.pop();
    },
    take() {
      const taken = samples;
      samples = [];
      return taken;
    },
    enter(name, button) {
      const field = document.getElementById('name');
      field.value = name;
      field.dispatchEvent(new Event('input'));
      window.bench.pressed = now();
      document.getElementById(button).click();
    },
  };
})();
