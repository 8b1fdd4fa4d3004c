"""The conference's messages, as the server reads them."""

from __future__ import annotations

from typing import Any, cast

from signaling.access.authenticator import GuestByName
from signaling.conference.requests import Requests
from signaling.connection.message_table import MessageTable

TABLE = MessageTable(Requests(cast(Any, None), GuestByName()).part())

KINDS = tuple(TABLE.rules)
decode = TABLE.decode
