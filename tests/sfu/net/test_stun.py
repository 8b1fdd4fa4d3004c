"""STUN against an independent implementation, and against nonsense."""

from __future__ import annotations

import struct

import pytest
from aioice import stun as oracle
from hypothesis import given
from hypothesis import strategies as st

from sfu.net import stun

TRANSACTION = bytes(range(12))
PASSWORD = b"a password"


def request(**changes: object) -> bytes:
    fields: dict[str, object] = {"controlling": 7, "use_candidate": True, **changes}
    return stun.binding_request(TRANSACTION, "ours:theirs", PASSWORD, **fields)  # type: ignore[arg-type]


def test_a_request_reads_back_and_the_oracle_agrees() -> None:
    message = stun.parse(request())
    assert message is not None
    assert (message.method, message.cls) == (stun.BINDING, stun.CLASS_REQUEST)
    assert message.username == b"ours:theirs"
    assert message.use_candidate
    assert message.controlling
    assert message.check_integrity(PASSWORD)
    assert not message.check_integrity(b"another")
    theirs = oracle.parse_message(request())
    assert theirs.attributes["USERNAME"] == "ours:theirs"
    assert theirs.attributes["ICE-CONTROLLING"] == 7


def test_the_oracle_s_request_is_read() -> None:
    theirs = oracle.Message(oracle.Method.BINDING, oracle.Class.REQUEST, TRANSACTION)
    theirs.attributes["USERNAME"] = "ours:theirs"
    theirs.attributes["PRIORITY"] = 1234
    theirs.add_message_integrity(PASSWORD)
    theirs.add_fingerprint()
    message = stun.parse(bytes(theirs))
    assert message is not None
    assert message.check_integrity(PASSWORD)
    assert message.priority == 1234


@pytest.mark.parametrize(
    ("source", "mapped"),
    [
        (("192.0.2.1", 32853), ("192.0.2.1", 32853)),
        (("::ffff:10.1.2.3", 1), ("10.1.2.3", 1)),
        (("2001:db8::1", 65535), ("2001:db8::1", 65535)),
        (("fe80::1%eth0", 5000), ("fe80::1", 5000)),
    ],
)
def test_the_answer_maps_the_source(source: tuple[str, int], mapped: tuple[str, int]) -> None:
    answer = stun.binding_success(TRANSACTION, source, PASSWORD)
    theirs = oracle.parse_message(answer)
    assert theirs.attributes["XOR-MAPPED-ADDRESS"] == mapped
    ours = stun.parse(answer)
    assert ours is not None
    assert ours.mapped_address() == mapped
    assert ours.check_integrity(PASSWORD)


def test_an_error_answer_is_read_by_the_oracle() -> None:
    theirs = oracle.parse_message(stun.binding_error(TRANSACTION, 487, "Role Conflict", PASSWORD))
    assert theirs.attributes["ERROR-CODE"] == (487, "Role Conflict")


def spoil(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        request()[:19],
        request()[:-1],
        request() + b"\0\0\0\0",
        spoil(request(), 4, b"\0\0\0\0"),
        spoil(request(), 2, b"\0\0"),
        spoil(request(), 0, b"\xc0"),
        spoil(request(), 22, b"\xff\xff"),
        spoil(request(), len(request()) - 1, b"\0"),
    ],
    ids=["empty", "short", "cut", "long", "cookie", "length", "kind", "attribute", "fingerprint"],
)
def test_malformed_messages_are_none(datagram: bytes) -> None:
    assert stun.parse(datagram) is None


def test_a_message_without_integrity_is_not_authentic() -> None:
    message = stun.parse(struct.pack("!HHI12s", 1, 0, stun.MAGIC_COOKIE, TRANSACTION))
    assert message is not None
    assert not message.check_integrity(PASSWORD)


def test_what_follows_integrity_counts_for_nothing() -> None:
    plain = request()
    # Behind MESSAGE-INTEGRITY: a user name that nobody signed.
    body = plain[20:-8] + struct.pack("!HH", 6, 4) + b"evil"
    message = stun.parse(plain[:2] + struct.pack("!H", len(body)) + plain[4:20] + body)
    assert message is not None
    assert message.username == b"ours:theirs"
    assert message.check_integrity(PASSWORD)


@given(st.binary(max_size=200))
def test_nothing_raises(datagram: bytes) -> None:
    message = stun.parse(datagram)
    if message is not None:
        assert not message.check_integrity(PASSWORD)
        message.mapped_address()


@given(st.integers(0, len(request()) - 9), st.integers(1, 255))
def test_no_changed_byte_stays_unseen(at: int, flip: int) -> None:
    # The last 8 bytes are FINGERPRINT, which comes after what is signed.
    spoiled = bytearray(request())
    spoiled[at] ^= flip
    message = stun.parse(bytes(spoiled))
    assert message is None or not message.check_integrity(PASSWORD)
