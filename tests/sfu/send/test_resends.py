"""What is kept to be sent again, and how much may be."""

from __future__ import annotations

from sfu.receive.nack import BURST
from sfu.send.resends import RING, Resends


def test_nothing_is_kept_until_it_begins() -> None:
    resends = Resends(100)
    assert not resends.keeps
    assert resends.kept(7) is None
    resends.begin_keeping()
    assert resends.keeps
    assert resends.kept(7) is None


def test_what_was_kept_is_given_back_until_a_later_one_takes_its_place() -> None:
    resends = Resends(100)
    resends.begin_keeping()
    for seq in (65535, 0, 1):
        resends.keep(seq, b"packet %d" % seq)
    assert [resends.kept(seq) for seq in (65535, 0, 1)] == [
        b"packet 65535",
        b"packet 0",
        b"packet 1",
    ]
    resends.keep(RING, b"later")
    assert resends.kept(0) is None
    assert resends.kept(RING) == b"later"


def test_more_may_be_sent_again_as_more_is_sent() -> None:
    resends = Resends(100)
    resends.media_sent(0)
    for seq in range(int(BURST)):
        assert resends.limiter.allows(seq, 1.0, 0.0)
        resends.limiter.resent(seq, 1.0)
    assert resends.limiter.spent
    resends.media_sent(40)
    assert not resends.limiter.spent
    resends.media_sent(40)
    for seq in range(1000, 1010):
        resends.limiter.resent(seq, 2.0)
    assert resends.limiter.spent


def test_what_was_sent_again_is_counted() -> None:
    resends = Resends(100)
    resends.note(50)
    resends.note(70)
    assert (resends.packets, resends.octets) == (2, 120)
