"""SRTP in place, RFC 3711 and RFC 7714, on libsrtp through pylibsrtp's binding.

The only module that touches `pylibsrtp._binding`: its public API copies each packet three times,
which the packet path cannot afford. The binding is private, so the version is pinned.

Hot callers take `SrtpContext.pointer` and call `protect` / `unprotect` on memory of an `Arena`
themselves; the methods of `SrtpContext` are for RTCP and everything that is rare.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib

from sfu.net.sources import Sources

protect: Final[Callable[[Any, Any, Any], int]] = lib.srtp_protect
"""`protect(context pointer, packet pointer, length pointer) -> error code`, in place.

The packet must have `SrtpProfile.tag_length` bytes of room behind it. The stream is made at its
first packet. Never call it twice for one SSRC and sequence number with different bytes: with GCM
that gives the key away (RFC 7714 clause 8.1)."""

unprotect: Final[Callable[[Any, Any, Any], int]] = lib.srtp_unprotect
"""`unprotect(context pointer, packet pointer, length pointer) -> error code`, in place."""

OK: Final[int] = lib.srtp_err_status_ok
AUTH_FAILED: Final = 7
REPLAYED: Final = 9
TOO_OLD: Final = 10

WINDOW: Final = 1024
"""Replay window in packets; libsrtp's default of 128 is less than one large video frame late."""

PROBE_ROUNDS: Final = 12
CLEARLY: Final = 0.9
"""Share of the other's time below which a profile is really faster."""

MAX_TRAILER: Final = 16 + 4 + 128
"""Bytes that SRTCP protection may add."""


@dataclass(frozen=True)
class SrtpProfile:
    """A DTLS-SRTP protection profile (RFC 5764 clause 4.1.2, RFC 7714 clause 14.2)."""

    name: str
    openssl_name: bytes
    libsrtp_id: int
    key_length: int
    salt_length: int
    tag_length: int
    """Bytes that protection adds to an RTP packet."""


AEAD_AES_128_GCM: Final = SrtpProfile(
    "AEAD_AES_128_GCM",
    b"SRTP_AEAD_AES_128_GCM",
    Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    16,
    12,
    16,
)
AES128_CM_SHA1_80: Final = SrtpProfile(
    "AES128_CM_SHA1_80",
    b"SRTP_AES128_CM_SHA1_80",
    Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    16,
    14,
    10,
)
PROFILES: Final = (AEAD_AES_128_GCM, AES128_CM_SHA1_80)


class Arena:
    """A block of memory that Python, libsrtp and the kernel share.

    `data` is the Python side; `pointer + offset` is libsrtp's; `address + offset` the kernel's.
    """

    __slots__ = ("address", "data", "pointer")

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)
        self.pointer: Any = ffi.from_buffer("char[]", self.data)
        self.address = int(ffi.cast("uintptr_t", self.pointer))


def length_cell() -> Any:
    """An `int *` for the calls above; `cell[0]` is the value."""
    return ffi.new("int *")


class SrtpContext:
    """The keys and streams of one direction of one transport."""

    __slots__ = ("_arena", "_cell", "_session", "pointer", "profile", "sources")

    def __init__(self, profile: SrtpProfile, key_salt: bytes, *, inbound: bool) -> None:
        """`key_salt` is the master key followed by the salt (`DtlsConnection.srtp_keys`)."""
        policy = Policy(
            key=key_salt,
            ssrc_type=Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=profile.libsrtp_id,
        )
        policy.window_size = WINDOW
        self.profile = profile
        self._session = Session(policy)
        self.pointer: Any = self._session._srtp[0]
        self._cell = length_cell()
        self._arena = Arena(2048)
        self.sources = Sources(self.remove_stream)
        """What may come in; of no use to an outbound context, whose SSRCs are ours."""

    def _apply(self, function: Callable[[Any, Any, Any], int], packet: bytes) -> bytes | None:
        size = len(packet)
        if size + MAX_TRAILER > 2048:
            return None
        self._arena.data[:size] = packet
        self._cell[0] = size
        if function(self.pointer, self._arena.pointer, self._cell) != OK:
            return None
        return bytes(self._arena.data[: self._cell[0]])

    def protect(self, packet: bytes) -> bytes | None:
        """A protected copy of an RTP packet, or None if libsrtp refuses."""
        return self._apply(lib.srtp_protect, packet)

    def unprotect(self, packet: bytes) -> bytes | None:
        """The plain RTP packet, or None: not authentic, replayed, too old."""
        return self._apply(lib.srtp_unprotect, packet)

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """A protected copy of a compound RTCP packet, or None if libsrtp refuses."""
        return self._apply(lib.srtp_protect_rtcp, packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """The plain RTCP packet, or None: not authentic, replayed, too old."""
        return self._apply(lib.srtp_unprotect_rtcp, packet)

    def remove_stream(self, ssrc: int) -> bool:
        """Forget a stream: libsrtp looks streams up one after another, so the list stays short.

        Its replay list is gone too (RFC 3711 clause 3.3.2): of an inbound context only `sources`
        may do so. False when there was none.
        """
        network_order = struct.unpack("=I", struct.pack("!I", ssrc))[0]
        return bool(lib.srtp_remove_stream(self.pointer, network_order) == OK)


def fastest_first(clock: Callable[[], float]) -> tuple[SrtpProfile, ...]:
    """The profiles in order of measured speed on this machine; takes some milliseconds.

    A Raspberry Pi 4 has no AES instructions, there AES-CM with HMAC-SHA1 may win over GCM; the
    server's order is the one that counts in the handshake (RFC 5764 clause 4.1.1). Profiles take
    turns, so that a busy moment hits all of them; a later one must be faster by `CLEARLY`.
    """
    probes = [_Probe(profile) for profile in PROFILES]
    for _ in range(PROBE_ROUNDS):
        for probe in probes:
            probe.run(clock)
    order: list[_Probe] = []
    for probe in probes:
        at = len(order)
        while at and probe.best < order[at - 1].best * CLEARLY:
            at -= 1
        order.insert(at, probe)
    return tuple(probe.profile for probe in order)


class _Probe:
    """Rounds of 40 packets of 1112 bytes; the best one counts."""

    def __init__(self, profile: SrtpProfile) -> None:
        key = bytes(range(profile.key_length + profile.salt_length))
        self.profile = profile
        self.best = sys.float_info.max
        self._context = SrtpContext(profile, key, inbound=False)
        self._arena, self._cell = Arena(1112 + MAX_TRAILER), length_cell()
        self._sequence = 0

    def run(self, clock: Callable[[], float]) -> None:
        begin = clock()
        for _ in range(40):
            self._sequence += 1
            struct.pack_into("!HHII", self._arena.data, 0, 0x8060, self._sequence, 0, 1)
            self._cell[0] = 1112
            protect(self._context.pointer, self._arena.pointer, self._cell)
        self.best = min(self.best, clock() - begin)
