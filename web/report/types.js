/**
 * What the server reports of past calls, as types: `signaling/records/report.py` describes the fields.
 * Seconds, bits a second, percent for loss; null where a figure is not known. No behaviour.
 *
 * @typedef {'excellent' | 'good' | 'fair' | 'poor' | 'bad'} Word
 * @typedef {'inbound' | 'outbound'} Direction `inbound`: from a person to the server
 * @typedef {{mean: number | null, worst: number | null}} Spread
 * @typedef {import('../operator/scale.js').Graded} Graded
 *
 * @typedef {object} Grades
 * @property {string} profile
 * @property {number | null} overall
 * @property {string} words
 * @property {number | null} throughput
 * @property {number | null} delay
 * @property {number | null} jitter
 * @property {number | null} loss
 *
 * @typedef {object} Summary
 * @property {number} seconds
 * @property {number} packets
 * @property {number} packetsLost
 * @property {number | null} bitrate
 * @property {Spread} loss
 * @property {Spread} jitter
 * @property {Spread} delay
 * @property {Spread} roundTripTime
 * @property {number | null} meanInterArrival
 * @property {Spread} mos
 * @property {string} mosModel
 * @property {number | null} framesPerSecond
 * @property {number | null} width
 * @property {number | null} height
 * @property {number} freezes
 * @property {number | null} estimateBps
 * @property {number | null} targetBps
 * @property {Browser | null} browser
 * @property {Grades[]} grades
 *
 * @typedef {object} Track
 * @property {string} track
 * @property {Direction} direction
 * @property {string} publisher
 * @property {'audio' | 'video'} kind
 * @property {string} source
 * @property {string} codec
 * @property {Summary} summary
 *
 * @typedef {object} Browser what the receiving browser counts of the same
 * @property {number | null} bitrate
 * @property {number | null} loss
 * @property {number | null} jitter
 * @property {number | null} roundTripTime
 * @property {number | null} jitterBufferDelay
 * @property {number | null} concealed
 * @property {number | null} framesPerSecond
 * @property {number} freezeCount
 * @property {number} freezesDuration
 * @property {number} absurd
 *
 * @typedef {import('../operator/findings.js').Finding} Finding
 * @typedef {import('../operator/findings.js').FindingList} FindingList
 * @typedef {import('../operator/findings.js').Side} Side
 * @typedef {import('../operator/findings.js').Span} Span
 * @typedef {import('../operator/findings.js').Trouble} Trouble
 * @typedef {import('../operator/findings.js').Verdict} Verdict
 *
 * @typedef {object} Experience how a call was for one person; seconds
 * @property {Verdict} verdict
 * @property {number} present
 * @property {number} poorConnection
 * @property {number} frozenVideo
 * @property {number} missingVideo
 * @property {number} concealedSound
 * @property {number} loweredVideo
 * @property {number | null} fullShare percent
 * @property {Finding[]} findings the worst first
 *
 * @typedef {{participant: string, joined: number, left: number | null}} Visit
 *
 * @typedef {object} Person
 * @property {string} participant of the first visit
 * @property {string} name
 * @property {number} joined
 * @property {number | null} left
 * @property {Visit[]} visits
 * @property {Experience} experience
 * @property {Span[]} spells
 * @property {Summary} up
 * @property {Summary} down
 * @property {Summary | null} downAudio
 * @property {Summary | null} downVideo
 * @property {Track[]} tracks
 * @property {{audio: Word | null, video: Word | null}} votes
 *
 * @typedef {object} Event
 * @property {number} at
 * @property {string} kind
 * @property {string} participant
 * @property {string} name
 * @property {string} detail
 *
 * @typedef {object} Report
 * @property {string} call
 * @property {string} room
 * @property {number} started
 * @property {number | null} ended
 * @property {number} made
 * @property {Person[]} people
 * @property {Event[]} events
 * @property {number} eventsLeftOut
 * @property {string[]} profiles
 *
 * @typedef {object} CallRow
 * @property {string} call
 * @property {string} room
 * @property {number} started
 * @property {number | null} ended
 * @property {number} people
 * @property {string[]} names
 * @property {Verdict} verdict
 * @property {number} troubled people
 * @property {Finding | null} finding the worst
 * @property {number | null} loss
 * @property {number | null} mos
 * @property {number} votes
 *
 * @typedef {{calls: CallRow[], total: number, offset: number}} CallList
 *
 * @typedef {Record<string, (number | null)[]> & {at: number[]}} Columns
 *
 * @typedef {object} Series
 * @property {string} participant
 * @property {Direction} direction
 * @property {string} track empty for a direction of a person
 * @property {'audio' | 'video' | 'both'} kind
 * @property {Columns} points
 *
 * @typedef {{call: string, since: number, until: number, step: number, series: Series[]}} Chart
 *
 * @typedef {import('../operator/scale.js').Band} Band
 * @typedef {Record<string, Record<'audio' | 'video', Partial<Record<Graded, Band[]>>>>} Bands
 *
 * @typedef {object} Statistic
 * @property {number} n
 * @property {number | null} mean
 * @property {number | null} sd
 * @property {number | null} low
 * @property {number | null} high
 *
 * @typedef {object} OpinionOf
 * @property {Record<Word, number>} counts
 * @property {Statistic} votes
 * @property {Statistic} model
 * @property {Statistic} difference
 * @property {{call: string, participant: string, vote: number, mos: number}[]} pairs
 *
 * @typedef {'loss' | 'delay' | 'jitter' | 'freezes' | 'vote'} Feature
 * @typedef {'muchLower' | 'lower' | 'usual' | 'higher' | 'muchHigher'} Level
 * @typedef {{feature: Feature, mean: number | null, overall: number | null, level: Level}} Trait
 *
 * @typedef {object} SessionRow
 * @property {string} call
 * @property {string} room
 * @property {string} participant
 * @property {string} name
 * @property {number} joined
 * @property {number | null} loss
 * @property {number | null} delay
 * @property {number | null} jitter
 * @property {number} freezes
 * @property {number | null} vote
 *
 * @typedef {object} Group
 * @property {number} sessions
 * @property {number} share
 * @property {boolean} bad
 * @property {Trait[]} traits
 * @property {SessionRow[]} examples
 *
 * @typedef {object} Opinions
 * @property {number} since
 * @property {number} until
 * @property {OpinionOf} audio
 * @property {OpinionOf} video
 * @property {number} votesNeeded
 * @property {number} sessions
 * @property {Group[]} groups
 */

export {};
