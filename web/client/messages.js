/**
 * The messages of the signaling protocol, version 1, as types (docs/protocol.md describes them).
 *
 * This module holds no behaviour: the version, the error codes and the shapes that
 * `tsc --checkJs` holds the other modules to.
 */

export const PROTOCOL_VERSION = 1;

/**
 * What this client can do beyond the base of version 1, for `join`.
 *
 * @type {string[]}
 */
export const FEATURES = [];

/** Every code that an `error` message may carry. */
export const ERROR_CODES = /** @type {const} */ ([
  'badMessage',
  'badVersion',
  'notJoined',
  'alreadyJoined',
  'badRoomName',
  'badName',
  'passwordRequired',
  'wrongPassword',
  'roomFull',
  'createNotAllowed',
  'notAllowed',
  'tooMany',
  'sessionExpired',
  'removed',
  'badSdp',
  'noOpus',
  'noVp8',
  'unknownTrack',
  'notNegotiating',
  'serverBusy',
  'internal',
]);

/** Why a `transport` failed or closed. */
export const TRANSPORT_REASONS = /** @type {const} */ ([
  'fingerprintMismatch',
  'dtlsFailed',
  'dtlsTimeout',
  'iceTimeout',
  'consentExpired',
]);

/** What the server reports of a track that it sends us. */
export const DOWN_STATES = /** @type {const} */ ([
  'flowing', 'noPackets', 'noKeyframe', 'hidden', 'pausedByBandwidth', 'shed', 'notLoudest',
]);

/** The steps of an answer to `why`. */
export const WHY_STEPS = /** @type {const} */ ([
  'signaling', 'notPublished', 'ice', 'dtls', 'muted', 'noPackets', 'noKeyframe', 'negotiation',
  'hidden', 'pausedByBandwidth', 'shed', 'notLoudest', 'flowing',
]);

/**
 * @typedef {(typeof ERROR_CODES)[number]} ErrorCode
 * @typedef {'audio' | 'video'} Kind
 * @typedef {'microphone' | 'camera' | 'screen' | 'screenAudio'} Source
 * @typedef {{id: string, kind: Kind, source: Source, muted: boolean}} Track
 * @typedef {{id: string, name: string, tracks: Track[]}} Participant
 * @typedef {{participant: string, name: string, text: string, at: number}} ChatMessage
 *   `at` is Unix time in seconds.
 * @typedef {{name: string, capacity: number, hasPassword: boolean}} RoomInfo
 * @typedef {{mid: string, track: string, participant: string, kind: Kind, source: Source}} OfferedTrack
 * @typedef {'screen' | 'main' | 'tile'} Importance of a video: a screen, the speaker or pinned
 *   tile, any other.
 * @typedef {'auto' | 'low' | 'high'} Quality
 * @typedef {{track: string, width: number, height: number, importance: Importance}} TrackView
 *   Size in device pixels; 0: not seen.
 * @typedef {(typeof DOWN_STATES)[number]} DownState
 * @typedef {{track: string, state: DownState, layer: number, limited: boolean}} ReceivedTrack
 * @typedef {'good' | 'fair' | 'poor' | 'lost'} Level
 * @typedef {{id: string, level: Level, loss: number, rtt: number, jitter: number}} ParticipantQuality
 *   Of somebody's network to the server: loss in percent, times in milliseconds.
 * @typedef {(typeof WHY_STEPS)[number]} WhyStep
 * @typedef {'theirs' | 'yours'} Side
 * @typedef {{track: string, source: Source, step: WhyStep, side: Side}} TrackReason
 */

/**
 * From client to server.
 *
 * @typedef {{
 *   type: 'join', version: number, room: string, name: string, password?: string, features: string[],
 * }} Join
 * @typedef {{type: 'resume', version: number, token: string}} Resume
 * @typedef {{mid: string, source: Source, muted: boolean}} PublishTrack
 * @typedef {{type: 'publish', id: number, sdp: string, tracks: PublishTrack[], restart: boolean}} Publish
 * @typedef {{type: 'mute', track: string, muted: boolean}} Mute
 * @typedef {{type: 'answer', id: number, sdp: string}} Answer
 * @typedef {{type: 'resubscribe'}} Resubscribe
 * @typedef {{type: 'chat', text: string, id: number}} SendChat
 * @typedef {{type: 'leave'}} Leave
 * @typedef {{type: 'ping', t: number}} Ping
 * @typedef {{
 *   type: 'view', tracks: TrackView[], quality: Quality, video: boolean, audio: boolean,
 * }} View
 * @typedef {{type: 'restartIce'}} RestartIce
 * @typedef {{type: 'why', participant: string}} Why
 * @typedef {{
 *   track: string, packets?: number, lost?: number, bytes?: number, jitter?: number,
 *   buffer?: number, samples?: number, concealed?: number, frames?: number, width?: number,
 *   height?: number, freezes?: number, frozen?: number,
 * }} DigestTrack What came of a track since the last digest; times in seconds.
 * @typedef {{
 *   type: 'digest', seconds: number, roundTripTime?: number, tracks: DigestTrack[],
 * }} Digest
 * @typedef {Join | Resume | Publish | Mute | Answer | Resubscribe | SendChat | Leave | Ping | View
 *   | RestartIce | Why | Digest} ClientMessage
 */

/**
 * From server to client.
 *
 * @typedef {{
 *   type: 'welcome', version: number, participant: string, token: string, resumed: boolean,
 *   room: RoomInfo, participants: Participant[], chat: ChatMessage[],
 *   features?: string[],
 * }} Welcome
 * @typedef {{
 *   type: 'error', code: ErrorCode, message: string, fatal: boolean,
 *   id?: number | null, retryAfter?: number | null, request?: string,
 * }} ErrorMessage `request`: the type of the message that is refused
 * @typedef {{
 *   type: 'published', id: number, sdp: string, tracks: {mid: string, track: string}[],
 *   rejected?: {mid: string, code: ErrorCode}[],
 * }} Published
 * @typedef {{type: 'offer', id: number, sdp: string, tracks: OfferedTrack[], restart?: boolean}} Offer
 * @typedef {{type: 'participantJoined', participant: Participant}} ParticipantJoined
 * @typedef {{
 *   type: 'participantLeft', participant: string, reason: 'left' | 'lost' | 'removed',
 * }} ParticipantLeft
 * @typedef {{type: 'trackPublished', participant: string, track: Track}} TrackPublished
 * @typedef {{type: 'trackUnpublished', participant: string, track: string}} TrackUnpublished
 * @typedef {{type: 'trackMuted', participant: string, track: string, muted: boolean}} TrackMuted
 * @typedef {{type: 'chat'} & ChatMessage} Chat
 * @typedef {{type: 'speaking', participants: {id: string, level: number}[]}} Speaking
 *   `level` is 0 (loudest) to 127 (silence), in -dBov (RFC 6464).
 * @typedef {{
 *   type: 'transport', connection: 'publish' | 'subscribe',
 *   state: 'connected' | 'failed' | 'closed', reason: string,
 * }} Transport
 * @typedef {{type: 'reset', reason: 'workerLost'}} Reset
 * @typedef {{type: 'closing', reason: 'shutdown'}} Closing
 * @typedef {{type: 'pong', t: number}} Pong
 * @typedef {{type: 'layers', track: string, rids: string[]}} Layers
 * @typedef {{type: 'receiving', tracks: ReceivedTrack[], estimate: number}} Receiving
 *   `estimate` is in bit/s, 0 when not known.
 * @typedef {{type: 'quality', participants: ParticipantQuality[]}} QualityMessage
 * @typedef {{
 *   type: 'because', participant: string, tracks?: TrackReason[], step?: WhyStep | null,
 *   side?: Side | null,
 * }} Reasons
 * @typedef {Welcome | ErrorMessage | Published | Offer | ParticipantJoined | ParticipantLeft
 *   | TrackPublished | TrackUnpublished | TrackMuted | Chat | Speaking | Transport | Reset
 *   | Closing | Pong | Layers | Receiving | QualityMessage | Reasons} ServerMessage
 */
