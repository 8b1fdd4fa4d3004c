from __future__ import annotations

import pytest

from signaling.edge.hosts import OwnNames, split_host

NAMES = OwnNames("Meet-Box.school.example", ["Rapat.School.example", "*.wild.example"])


@pytest.mark.parametrize(
    "host",
    [
        "meet-box.school.example:8443",
        "MEET-BOX",
        "meet-box.local",
        "meet-box.lan:80",
        "meet-box.home.arpa.",
        "rapat.school.example",
        "rapat.school.example.:443",
        "one.wild.example",
        "localhost:8443",
        "meet.localhost",
        # An address is no name that somebody could point elsewhere.
        "192.168.1.5:8443",
        "203.0.113.9",
        "[2001:db8::1]:8443",
        "[fe80::1]",
    ],
)
def test_own_names_and_all_addresses(host: str) -> None:
    assert NAMES.include(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "meet-box.evil.example",
        "meet-box.school.example.evil.example",
        "evil.example:8443",
        "school.example",
        "wild.example",
        "a.b.wild.example",
        "192.168.1.5.evil.example",
        "1.2.3",
        "localhost.evil.example",
        "rapat.school.example@evil.example",
        "evil.example/rapat.school.example",
        "evil.example#rapat.school.example",
        "[::1",
        "rapat.school.example:port",
        "rapat.school.example:99999",
        "\udcff\udcfe[",
    ],
)
def test_names_of_others(host: str) -> None:
    assert not NAMES.include(host)


def test_a_machine_without_a_name_has_no_empty_one() -> None:
    names = OwnNames("", [""])
    assert not names.include("")
    assert not names.include(".local")
    assert not names.include("x.local")
    assert names.include("localhost")


def test_split() -> None:
    assert split_host("box:8443") == ("box", "8443")
    assert split_host("[::1]:1") == ("::1", "1")
    assert split_host("box") == ("box", "")
    assert split_host("box?x") == ("", "")
