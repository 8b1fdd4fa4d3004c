"""The rows of the network table: what is done to the network, and who judges the outcome.

A schedule drives the `Call` and leaves marks; `begin` and `end` bound the window. Everybody joins
over links that lose nothing, so that a row measures its network and not the joining.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.impair import judge
from bench.impair.call import Call, Seat
from bench.impair.line import Profile

JOIN_SECONDS = 30.0
SETTLE_SECONDS = 8.0
"""From the first frame of everybody to the window: bandwidth estimates rise meanwhile."""
IMPAIRED_SECONDS = 4.0
"""From the impairment to the window of a steady row."""
OUTAGE_SECONDS = 8.0
RECOVERY_SECONDS = 15.0


@dataclass(frozen=True)
class Row:
    """One network."""

    title: str
    publishers: int
    seconds: float
    """Of the window (steady rows) or of the impairment, by default."""
    schedule: Callable[[Call, float], None]
    judge: judge.Judge
    of_publisher: bool = False
    """Whether the impaired link is the last publisher's and not the viewer's."""
    congestion: str = ""
    """TCP's congestion control at the server, as the kernel calls it; empty: its default."""
    linked: tuple[int, ...] = ()
    """Seats behind link programs: numbers of publishers, that of the viewer being `publishers`."""


def _assemble(call: Call, settle: float = SETTLE_SECONDS) -> None:
    call.announce("publishers join")
    call.publish()
    call.admit_viewer()
    call.viewer_sees_all(JOIN_SECONDS)
    call.watch(settle, "settling on clean links")


def _steady(impair: Callable[[Call], None]) -> Callable[[Call, float], None]:
    """Impair, let it settle, measure."""

    def schedule(call: Call, seconds: float) -> None:
        _assemble(call)
        impair(call)
        call.mark("impaired")
        call.watch(IMPAIRED_SECONDS, "settling on the impaired link")
        call.mark("begin")
        call.watch(seconds, "measuring")
        call.mark("end")

    return schedule


def _lossy(percent: float) -> Callable[[Call], None]:
    def impair(call: Call) -> None:
        call.viewer.spoke.rate(2000, 2000)
        call.viewer.spoke.loss(percent)

    return impair


def _viewer(call: Call) -> Seat:
    return call.viewer


def _last_publisher(call: Call) -> Seat:
    return call.publishers[-1]


def _linked(
    profile: Profile, seat: Callable[[Call], Seat] = _viewer
) -> Callable[[Call, float], None]:
    """The same profile in both directions of that seat's link.

    Its distance is there from the start: who is far away was so before joining, and a round trip
    that grows in the middle of a call is another network.
    """
    distance = Profile(delay_ms=profile.delay_ms)
    steady = _steady(lambda call: seat(call).spoke.impair(profile, profile))

    def schedule(call: Call, seconds: float) -> None:
        seat(call).spoke.impair(distance, distance)
        steady(call, seconds)

    return schedule


def _cut(call: Call, seconds: float) -> None:
    call.viewer.spoke.rate(5000)
    _assemble(call)
    call.mark("begin")
    call.watch(5, "measuring 5 Mbit/s")
    call.viewer.spoke.rate(500)
    call.mark("cut")
    call.watch(seconds, "measuring 500 kbit/s")
    call.viewer.spoke.rate(5000)
    call.mark("restored")
    call.watch(RECOVERY_SECONDS, "measuring the recovery")
    call.mark("end")


def _uplink(call: Call, seconds: float) -> None:
    _assemble(call)
    call.mark("begin")
    call.watch(8, "measuring whole uplinks")
    call.publishers[-1].spoke.rate(up_kbps=300)
    call.mark("cut")
    call.watch(seconds, f"measuring with the uplink of {call.publishers[-1].name} cut")
    call.publishers[-1].spoke.rate()
    call.mark("restored")
    call.watch(RECOVERY_SECONDS, "measuring the recovery")
    call.mark("end")


def _outage(call: Call, seconds: float) -> None:
    _assemble(call)
    call.mark("begin")
    call.watch(3, "measuring before")
    cut_off = (call.viewer, call.publishers[-1])
    for seat in cut_off:
        seat.spoke.down()
    call.mark("down")
    call.watch(OUTAGE_SECONDS, f"the links of {' and '.join(s.name for s in cut_off)} are down")
    for seat in cut_off:
        seat.spoke.up()
    call.mark("up")
    call.watch(seconds, "measuring the return")
    call.mark("end")


def _tcp(call: Call, seconds: float) -> None:
    call.announce("publishers join, the last one without UDP")
    call.publish(udp_blocked=frozenset({len(call.publishers) - 1}))
    call.watch(5, "publishers settle")
    call.viewer.spoke.no_udp()
    call.admit_viewer()
    call.mark("begin")
    call.watch(seconds, "measuring the viewer's join without UDP")
    call.mark("end")


def _tcp_lossy(call: Call, seconds: float) -> None:
    call.viewer.spoke.no_udp()
    _assemble(call)
    call.viewer.spoke.impair(_TCP_LOSSY, _TCP_LOSSY)
    call.mark("impaired")
    call.watch(IMPAIRED_SECONDS, "settling on the impaired link")
    call.mark("begin")
    call.watch(seconds, "measuring")
    call.mark("end")


def _clean(call: Call, seconds: float) -> None:
    call.announce("publishers join")
    call.publish()
    call.watch(SETTLE_SECONDS, "publishers settle")
    call.admit_viewer()
    call.mark("begin")
    call.watch(seconds, "measuring the viewer's join")
    call.mark("end")


def _thin(call: Call) -> None:
    call.viewer.spoke.rate(300)


_FAR = Profile(delay_ms=75, loss_percent=2)
_FAR5 = Profile(delay_ms=50, loss_percent=5)
_TCP_LOSSY = Profile(delay_ms=50, loss_percent=2)
_WIFI = Profile(delay_ms=5, jitter_ms=10, loss_percent=1, burst=4, stall_ms=60, stall_every_s=1)
"""A busy access point: it loses in runs, and scans or repeats itself about once a second."""

ROWS = {
    "loss2": Row("2 % loss in both directions, 2 Mbit/s", 2, 40, _steady(_lossy(2)),
                 judge.loss(95, 0.5, 0.5)),
    "loss5": Row("5 % loss in both directions, 2 Mbit/s", 2, 40, _steady(_lossy(5)),
                 judge.loss(90, 1, 1)),
    "loss10": Row("10 % loss in both directions, 2 Mbit/s", 2, 40, _steady(_lossy(10)),
                  judge.loss(75, 4, 3)),
    "far": Row("150 ms round trip, 2 % loss in both directions", 2, 40, _linked(_FAR),
               judge.loss(95, 0.5, 0.5), linked=(2,)),
    "far5": Row("100 ms round trip, 5 % loss in both directions", 2, 40, _linked(_FAR5),
                judge.loss(90, 1, 1), linked=(2,)),
    "farup": Row("100 ms round trip, 5 % loss in both directions, of one publisher", 2, 40,
                 _linked(_FAR5, _last_publisher), judge.far_publisher,
                 of_publisher=True, linked=(1,)),
    "wifi": Row("stalls of 60 ms, 1 % loss in bursts of four, in both directions", 2, 40,
                _linked(_WIFI), judge.loss(95, 0.5, 1), linked=(2,)),
    "cut": Row("downlink cut from 5 Mbit/s to 500 kbit/s", 4, 25, _cut, judge.cut),
    "thin": Row("300 kbit/s downlink", 4, 30, _steady(_thin), judge.thin),
    "uplink": Row("one publisher's uplink cut to 300 kbit/s", 3, 20, _uplink, judge.uplink,
                  of_publisher=True),
    "outage": Row("link of the viewer and a publisher down for 8 s", 2, 15, _outage, judge.outage),
    "tcp": Row("UDP blocked for the viewer and a publisher", 2, 12, _tcp, judge.tcp),
    "tcplossy": Row("the viewer over TCP (CUBIC), 100 ms round trip, 2 % loss per direction", 2, 40,
                    _tcp_lossy, judge.tcp_lossy(95, 0.5), congestion="cubic", linked=(2,)),
    "tcplossybbr": Row("the same with BBR", 2, 40,
                       _tcp_lossy, judge.tcp_lossy(99, 0.9), congestion="bbr", linked=(2,)),
    "clean": Row("clean network, four tiles", 4, 10, _clean, judge.clean),
}  # fmt: skip
