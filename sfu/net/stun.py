"""STUN binding messages for ICE, RFC 8489 and RFC 8445: only what an ICE-lite agent needs.

Sans-I/O. A check from a browser is parsed (`parse`), its user name picks the transport, the
transport's password checks it (`StunMessage.check_integrity`), and `binding_success` answers.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
import zlib
from functools import lru_cache

MAGIC_COOKIE = 0x2112A442
BINDING = 0x0001

CLASS_REQUEST = 0
CLASS_INDICATION = 1
CLASS_SUCCESS = 2
CLASS_ERROR = 3

_USERNAME = 0x0006
_MESSAGE_INTEGRITY = 0x0008
_ERROR_CODE = 0x0009
_XOR_MAPPED_ADDRESS = 0x0020
_PRIORITY = 0x0024
_USE_CANDIDATE = 0x0025
_FINGERPRINT = 0x8028
_ICE_CONTROLLED = 0x8029
_ICE_CONTROLLING = 0x802A

_FINGERPRINT_XOR = 0x5354554E
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_COOKIE_BYTES = MAGIC_COOKIE.to_bytes(4, "big")

MAX_USERNAME = 513
"""RFC 8489 clause 14.3 (bytes)."""


class StunMessage:
    """A parsed STUN message; not yet authenticated."""

    __slots__ = (
        "_data",
        "_integrity_at",
        "cls",
        "controlling",
        "method",
        "priority",
        "transaction_id",
        "use_candidate",
        "username",
        "xor_mapped",
    )

    def __init__(self, data: bytes, method: int, cls: int, transaction_id: bytes) -> None:
        self._data = data
        self._integrity_at = -1
        self.method = method
        self.cls = cls
        self.transaction_id = transaction_id
        self.username: bytes = b""
        self.priority = 0
        self.use_candidate = False
        self.controlling = False
        self.xor_mapped: bytes = b""

    @property
    def size(self) -> int:
        """Of the datagram, in bytes."""
        return len(self._data)

    def check_integrity(self, password: bytes) -> bool:
        """Whether MESSAGE-INTEGRITY (RFC 8489 clause 14.5) is there and right for `password`."""
        at = self._integrity_at
        if at < 0:
            return False
        # The length field counts up to and with this attribute, whatever follows it.
        signed = b"".join(
            (self._data[:2], struct.pack("!H", at + 24 - 20), self._data[4:at]),
        )
        expected = hmac.digest(password, signed, "sha1")
        return hmac.compare_digest(expected, self._data[at + 4 : at + 24])

    def mapped_address(self) -> tuple[str, int] | None:
        """The decoded XOR-MAPPED-ADDRESS (RFC 8489 clause 14.2), or None."""
        value = self.xor_mapped
        if len(value) not in (8, 20) or value[1] != (1 if len(value) == 8 else 2):
            return None
        port = int.from_bytes(value[2:4], "big") ^ (MAGIC_COOKIE >> 16)
        mask = _COOKIE_BYTES + self.transaction_id
        raw = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
        return str(ipaddress.ip_address(raw)), port


def parse(data: bytes) -> StunMessage | None:
    """Read a message; None when it is not well-formed STUN. Never raises."""
    size = len(data)
    if size < 20 or size & 3:
        return None
    kind, length, cookie, transaction_id = _HEADER.unpack_from(data)
    if kind & 0xC000 or cookie != MAGIC_COOKIE or length != size - 20:
        return None
    method = (kind & 0x000F) | (kind & 0x00E0) >> 1 | (kind & 0x3E00) >> 2
    cls = (kind & 0x0010) >> 4 | (kind & 0x0100) >> 7
    message = StunMessage(data, method, cls, transaction_id)
    return message if _read_attributes(message, data, size) else None


def _read_attributes(message: StunMessage, data: bytes, size: int) -> bool:
    at = 20
    while at < size:
        if at + 4 > size:
            return False
        kind, length = _ATTRIBUTE.unpack_from(data, at)
        start = at + 4
        if start + length > size:
            return False
        if kind == _FINGERPRINT:
            # RFC 8489 clause 14.7: the last attribute, over everything before it.
            if length != 4 or start + 4 != size:
                return False
            crc = zlib.crc32(data[:at]) ^ _FINGERPRINT_XOR
            return crc == int.from_bytes(data[start : start + 4], "big")
        if message._integrity_at >= 0:
            pass  # RFC 8489 clause 14.5: whatever follows MESSAGE-INTEGRITY is ignored.
        elif kind == _MESSAGE_INTEGRITY:
            if length != 20:
                return False
            message._integrity_at = at
        elif not _take(message, kind, data[start : start + length]):
            return False
        at = start + (length + 3 & ~3)
    return at == size


def _take(message: StunMessage, kind: int, value: bytes) -> bool:
    if kind == _USERNAME:
        if len(value) > MAX_USERNAME:
            return False
        message.username = value
    elif kind == _PRIORITY:
        message.priority = int.from_bytes(value, "big")
    elif kind == _USE_CANDIDATE:
        message.use_candidate = True
    elif kind == _ICE_CONTROLLING:
        message.controlling = True
    elif kind == _XOR_MAPPED_ADDRESS:
        message.xor_mapped = value
    return True


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) & 3)


def _header(cls: int, length: int, transaction_id: bytes) -> bytes:
    kind = BINDING | (cls & 1) << 4 | (cls & 2) << 7
    return _HEADER.pack(kind, length, MAGIC_COOKIE, transaction_id)


def _seal(cls: int, transaction_id: bytes, body: bytes, password: bytes) -> bytes:
    """Header, `body`, MESSAGE-INTEGRITY and FINGERPRINT."""
    signed = _header(cls, len(body) + 24, transaction_id) + body
    mac = hmac.digest(password, signed, "sha1")
    body += _attribute(_MESSAGE_INTEGRITY, mac)
    message = _header(cls, len(body) + 8, transaction_id) + body
    crc = zlib.crc32(message) ^ _FINGERPRINT_XOR
    return message + _attribute(_FINGERPRINT, crc.to_bytes(4, "big"))


@lru_cache(maxsize=1024)
def _packed(host: str) -> bytes:
    ip = ipaddress.ip_address(host.partition("%")[0])
    if ip.version == 6 and ip.ipv4_mapped is not None:
        # A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d; the peer knows itself as IPv4.
        ip = ip.ipv4_mapped
    return ip.packed


def _xor_address(address: tuple[str, int], transaction_id: bytes) -> bytes:
    ip = _packed(address[0])
    size = len(ip)
    mask = int.from_bytes((_COOKIE_BYTES + transaction_id)[:size], "big")
    masked = (int.from_bytes(ip, "big") ^ mask).to_bytes(size, "big")
    family = 1 if size == 4 else 2
    return struct.pack("!BBH", 0, family, address[1] ^ (MAGIC_COOKIE >> 16)) + masked


def binding_success(transaction_id: bytes, address: tuple[str, int], password: bytes) -> bytes:
    """The answer to a check that came from `address` (text IP, port); RFC 8445 clause 7.3."""
    body = _attribute(_XOR_MAPPED_ADDRESS, _xor_address(address, transaction_id))
    return _seal(CLASS_SUCCESS, transaction_id, body, password)


def binding_error(transaction_id: bytes, code: int, reason: str, password: bytes) -> bytes:
    """An error answer, RFC 8489 clause 14.8."""
    value = struct.pack("!HBB", 0, code // 100, code % 100) + reason.encode()
    return _seal(CLASS_ERROR, transaction_id, _attribute(_ERROR_CODE, value), password)


def binding_request(
    transaction_id: bytes,
    username: str,
    password: bytes,
    *,
    priority: int = 0x6E001EFF,
    controlling: int | None = None,
    use_candidate: bool = False,
) -> bytes:
    """A connectivity check, RFC 8445 clause 7.2; `controlling` is the tie-breaker (64 bits)."""
    body = _attribute(_USERNAME, username.encode())
    body += _attribute(_PRIORITY, priority.to_bytes(4, "big"))
    if controlling is None:
        body += _attribute(_ICE_CONTROLLED, bytes(8))
    else:
        body += _attribute(_ICE_CONTROLLING, controlling.to_bytes(8, "big"))
        if use_candidate:
            body += _attribute(_USE_CANDIDATE, b"")
    return _seal(CLASS_REQUEST, transaction_id, body, password)
