"""What is held and what is not, from made-up windows; and the offers that are attacks."""

import dataclasses
import io

import pytest
from rich.console import Console

from bench import arguments, output
from bench.attack.catalogue import ATTACKS
from bench.attack.intruder import Intruder
from bench.attack.measure import Window, judged
from bench.attack.signaling import SDP_BYTES, swollen_offer
from bench.context import UsageError
from bench.reports import page, tables

QUIET = Window(0.0, 2.0, 20.0, 0.5, 300, (), ())
HELD = {"held": True, "text": "nothing"}


def row(during, answer=HELD, after=QUIET):
    return judged("fat-audio", answer, QUIET, during, after)


def test_an_attack_that_nobody_notices_is_held():
    assert row(QUIET)["held"]
    assert row(dataclasses.replace(QUIET, delay_p99_ms=3.0))["held"]


@pytest.mark.parametrize(
    "change",
    [
        {"loss_percent": 0.005},
        {"delay_p99_ms": 3.1},
        {"healthz_ms": 200.0},
        {"memory_mib": 16.5},
        {"log_bytes": 1_000_001},
        {"problems": ("a transport was lost",)},
    ],
)
def test_whatever_the_call_or_the_box_notices_is_not_held(change):
    found = row(dataclasses.replace(QUIET, **change))
    assert not found["held"]
    assert len(found["noticed"]) == 1


def test_what_the_attack_got_counts_too():
    assert not row(QUIET, {"held": False, "text": "all of it"})["held"]


def test_the_delay_is_held_against_the_longer_of_the_two_windows_beside_it():
    during = dataclasses.replace(QUIET, delay_p99_ms=5.9)
    assert not row(during)["held"]
    assert row(during, after=dataclasses.replace(QUIET, delay_p99_ms=4.0))["held"]


def test_a_load_generator_that_was_too_slow_makes_a_row_invalid_and_not_unheld():
    found = row(dataclasses.replace(QUIET, bottlenecks=("late",)))
    assert found["held"]
    assert found["invalid"] == ["late"]


def test_the_outcome_is_shown_on_the_terminal_and_written_in_each_form():
    found = row(dataclasses.replace(QUIET, loss_percent=16.0))
    found.pop("invalid")
    outcome = {"scenario": "attack", "title": "attack", "attacks": [found], "held": False,
               "valid": True, "problems": [], "machine": {}, "commit": "x", "command": "x",
               "at": "x"}  # fmt: skip
    console = Console(file=io.StringIO(), width=200)
    tables.show(console, "attack", {**outcome, "machine": {"model": "x", "cores": 2,
                "kernel": "x", "python": "x", "governor": "x", "temperatureC": None}})  # fmt: skip
    shown = console.file.getvalue()
    assert "16.00 % lost" in shown
    assert "not held" in shown
    assert '"packetLossPercent": 16.0' in output.as_json(outcome)
    assert page.render(outcome)


async def test_a_swollen_offer_has_its_size_and_is_one_m_line():
    one = Intruder("http://127.0.0.1:9", "127.0.0.1")
    offer = swollen_offer(one, "a=rtcp-fb:* nack")
    await one.close()
    assert SDP_BYTES <= len(offer) < SDP_BYTES + 100
    assert offer.count("\r\nm=") == 1
    assert offer.count("a=rtcp-fb:* nack\r\n") > 10_000


def test_names_and_their_nearest_are_known_to_the_command_line():
    assert arguments.parser("attack").parse_args([]).names == list(ATTACKS)
    with pytest.raises(UsageError, match="no attack fat"):
        arguments.parser("attack").parse_args(["fat"])
