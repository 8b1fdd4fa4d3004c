"""Why a datagram or packet went no further: every drop has a name and is counted under it."""

from __future__ import annotations

from enum import StrEnum


class DropReason(StrEnum):
    """The value is the name shown in statistics."""

    EMPTY = "empty"
    OVERSIZED = "oversized"
    UNKNOWN_FIRST_BYTE = "unknownFirstByte"
    """Not STUN, DTLS or SRTP by RFC 7983."""
    UNVERIFIED_ADDRESS = "unverifiedAddress"
    """No authenticated STUN check has come from there."""
    STUN_MALFORMED = "stunMalformed"
    STUN_UNKNOWN_USER = "stunUnknownUser"
    STUN_BAD_INTEGRITY = "stunBadIntegrity"
    DTLS_UNVERIFIED = "dtlsUnverified"
    """The certificate is not the one that signaling announced."""
    SRTP_REPLAY = "srtpReplay"
    SRTP_AUTH = "srtpAuth"
    SRTP_NOT_READY = "srtpNotReady"
    """Media before the DTLS handshake is done."""
    RTP_MALFORMED = "rtpMalformed"
    UNKNOWN_PAYLOAD_TYPE = "unknownPayloadType"
    UNKNOWN_SSRC = "unknownSsrc"
    TOO_MANY_SSRCS = "tooManySsrcs"
    RTCP_MALFORMED = "rtcpMalformed"
    SEND_BUFFER_FULL = "sendBufferFull"
    SEND_REFUSED = "sendRefused"
    TOO_OLD = "tooOld"
    """Further behind the newest packet than SRTP lets us send."""
    PAUSED = "paused"
    PUBLISH_LIMIT = "publishLimit"
    """A publisher sends more than it may."""
