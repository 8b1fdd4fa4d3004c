from __future__ import annotations

from typing import get_args

import pytest

from signaling.access.permissions import Act
from signaling.connection.decoder import MessageError
from signaling.connection.message_table import MessageTable, Rule, Stage
from signaling.connection.session import Session
from signaling.messages import FromClient, FromServer, type_of
from tests.signaling.decoding import TABLE


class RaiseHand(FromClient):
    up: bool


class HandRaised(FromServer):
    participant: str


class Chat(FromClient):
    """The conference has one too."""


async def raise_hand(session: Session, message: RaiseHand) -> None:
    session.send(HandRaised(session.place[1].id))


def test_each_type_of_message_names_an_act_and_stages_that_there_are() -> None:
    assert TABLE.rules
    for kind, rule in TABLE.rules.items():
        assert rule.act in get_args(Act), kind
        assert rule.stages, kind
        assert rule.stages <= set(get_args(Stage)), kind


def test_what_makes_work_for_others_has_a_budget() -> None:
    assert {type_of(kind) for kind in TABLE.budgets} == {"publish", "mute", "view", "chat"}


def test_a_table_reads_the_messages_of_all_its_parts() -> None:
    table = MessageTable(TABLE.rules, {RaiseHand: Rule("chat", raise_hand)})
    assert table.decode('{"type":"raiseHand","up":true}') == RaiseHand(True)
    assert table.decode('{"type":"leave"}')
    with pytest.raises(MessageError, match="unknown message type 'raiseHand'"):
        TABLE.decode('{"type":"raiseHand","up":true}')


def test_two_rules_for_one_type_are_refused() -> None:
    for kind in (RaiseHand, Chat):
        rule = Rule("chat", raise_hand)
        with pytest.raises(ValueError, match="two rules"):
            MessageTable(TABLE.rules, {RaiseHand: rule}, {kind: rule})
