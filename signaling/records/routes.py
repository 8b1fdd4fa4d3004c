"""The history over HTTP: lists, reports, charts, exports and opinions for admins, votes for people.

Queries run in a thread, a few at a time, so that neither media nor signaling waits for a disk.
Answers are the structs of `signaling.records.report`; errors are `{"error": code}`.
"""

from __future__ import annotations

import asyncio
import math
import time
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, cast
from urllib.parse import quote

import msgspec
from aiohttp import web

from signaling.meter.samples import Direction
from signaling.records import charts, exports, findings, queries
from signaling.records.report import Report, Word
from signaling.records.store import NoHistoryError, Records

MOST_TEXT = 128
"""Characters of a search, an id or a token."""
_VOTE_BYTES = 2048
_AT_ONCE = 2
_YEAR_9999 = 253_402_300_799.0

_Answer = TypeVar("_Answer")
Allowed = Callable[[web.Request], Awaitable[None]]
"""Raises `web.HTTPUnauthorized` (or another response) for who is no admin."""
Voter = Callable[[web.Request, str, str, str], str | None]
"""Request, room, participant and session token: the call that they may vote on, or None for who is
no such person. It may raise `web.HTTPTooManyRequests`; see `too_many`."""


class Vote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a page sends: words, or null for what was skipped."""

    room: str
    participant: str
    token: str
    audio: Word | None = None
    video: Word | None = None


def add_routes(app: web.Application, records: Records, allowed: Allowed, voter: Voter) -> None:
    """Everything of `docs/records.md`."""
    pages = _Routes(records, allowed, voter)
    app.router.add_get("/api/admin/calls", pages.calls)
    # The call's id has no point in it.
    app.router.add_get(r"/api/admin/calls/{call:[^./]+}", pages.report)
    app.router.add_get(r"/api/admin/calls/{call:[^./]+}.{form:csv|json}", pages.export)
    app.router.add_get("/api/admin/findings", pages.findings)
    app.router.add_get("/api/admin/series", pages.series)
    app.router.add_get("/api/admin/opinions", pages.opinions)
    app.router.add_post("/api/votes", pages.vote)


def too_many(seconds: float) -> web.HTTPTooManyRequests:
    """To raise for who votes too often."""
    return web.HTTPTooManyRequests(
        text='{"error":"tooMany"}',
        content_type="application/json",
        headers={"Retry-After": str(math.ceil(seconds))},
    )


class _Routes:
    def __init__(self, records: Records, allowed: Allowed, voter: Voter) -> None:
        self._records, self._allowed, self._voter = records, allowed, voter
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def calls(self, request: web.Request) -> web.Response:
        await self._allowed(request)
        wanted = queries.CallsWanted(
            search=_text(request, "search"),
            since=_number(request, "from", 0.0),
            until=_number(request, "to", _YEAR_9999),
            order=cast(
                Literal["newest", "worst"],
                _choice(request, "order", ("newest", "worst")) or "newest",
            ),
            offset=int(_number(request, "offset", 0, 1e9)),
            limit=int(_number(request, "limit", 50, queries.MOST_CALLS)),
        )
        return await self._answer(lambda: self._records.calls(wanted))

    async def findings(self, request: web.Request) -> web.Response:
        await self._allowed(request)
        wanted = findings.FindingsWanted(
            since=_number(request, "from", 0.0),
            until=_number(request, "to", _YEAR_9999),
            call=_text(request, "call"),
            limit=int(_number(request, "limit", 20, findings.MOST_FINDINGS)),
        )
        return await self._answer(lambda: self._records.findings(wanted))

    async def report(self, request: web.Request) -> web.Response:
        await self._allowed(request)
        call = request.match_info["call"]
        return await self._answer(lambda: self._records.report(call))

    async def export(self, request: web.Request) -> web.Response:
        await self._allowed(request)
        call, form = request.match_info["call"], request.match_info["form"]
        report = await self._ask(lambda: self._records.report(call))
        if report is None:
            raise _error(web.HTTPNotFound, "unknownCall")
        if form == "csv":
            body, kind = exports.as_csv(report).encode("utf-8-sig"), "text/csv"
        else:
            body, kind = exports.as_json(report), "application/json"
        headers = _private() | {"Content-Disposition": _attachment(report, form)}
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)

    async def series(self, request: web.Request) -> web.Response:
        await self._allowed(request)
        call = _text(request, "call")
        if not call:
            raise _error(web.HTTPBadRequest, "badQuery")
        begin, end = request.query.get("since"), request.query.get("until")
        wanted = charts.SeriesWanted(
            since=None if begin is None else _number(request, "since", 0),
            until=None if end is None else _number(request, "until", 0),
            points=int(_number(request, "points", 400, charts.MOST_POINTS)),
            participant=_text(request, "participant"),
            direction=cast(
                Direction | None, _choice(request, "direction", ("inbound", "outbound")) or None
            ),
            tracks=_choice(request, "tracks", ("0", "1")) == "1",
        )
        return await self._answer(lambda: self._records.series(call, wanted))

    async def opinions(self, request: web.Request) -> web.Response:
        await self._allowed(request)
        since, until = _number(request, "from", 0), _number(request, "to", _YEAR_9999)
        return await self._answer(lambda: self._records.opinions(since, until))

    async def vote(self, request: web.Request) -> web.Response:
        """204 when it was taken, whether or not it can be written at the moment."""
        if request.content_length is None or request.content_length > _VOTE_BYTES:
            raise _error(web.HTTPBadRequest, "badVote")
        try:
            vote = msgspec.json.decode(await request.read(), type=Vote)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _error(web.HTTPBadRequest, "badVote") from None
        if vote.audio is None and vote.video is None:
            raise _error(web.HTTPBadRequest, "badVote")
        if max(map(len, (vote.room, vote.participant, vote.token))) > MOST_TEXT:
            raise _error(web.HTTPBadRequest, "badVote")
        call = self._voter(request, vote.room, vote.participant, vote.token)
        if call is None:
            raise _error(web.HTTPForbidden, "notInCall")
        self._records.vote(call, vote.participant, vote.audio, vote.video)
        return web.Response(status=204)

    async def _answer(self, question: Callable[[], object]) -> web.Response:
        answer = await self._ask(question)
        if answer is None:
            raise _error(web.HTTPNotFound, "unknownCall")
        body = await asyncio.to_thread(msgspec.json.encode, answer)
        return web.Response(body=body, content_type="application/json", headers=_private())

    async def _ask(self, question: Callable[[], _Answer]) -> _Answer:
        async with self._turn:
            try:
                return await asyncio.to_thread(question)
            except NoHistoryError:
                raise _error(web.HTTPServiceUnavailable, "noHistory") from None


def _private() -> dict[str, str]:
    return {"Cache-Control": "no-store"}


def _error(kind: Any, code: str) -> web.HTTPException:
    error: web.HTTPException = kind(
        text=msgspec.json.encode({"error": code}).decode(), content_type="application/json"
    )
    return error


def _text(request: web.Request, name: str) -> str:
    text = request.query.get(name, "")
    if len(text) > MOST_TEXT:
        raise _error(web.HTTPBadRequest, "badQuery")
    return unicodedata.normalize("NFC", text)


def _choice(request: web.Request, name: str, choices: tuple[str, ...]) -> str:
    text = request.query.get(name, "")
    if text and text not in choices:
        raise _error(web.HTTPBadRequest, "badQuery")
    return text


def _number(request: web.Request, name: str, default: float, most: float = _YEAR_9999) -> float:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        raise _error(web.HTTPBadRequest, "badQuery") from None
    if not 0 <= value <= most:
        raise _error(web.HTTPBadRequest, "badQuery")
    return value


def _attachment(report: Report, form: str) -> str:
    """RFC 6266: the room's name as it is for those who understand it, and when the call began."""
    began = time.strftime("%Y-%m-%d-%H%M", time.localtime(report.started))
    letters = "".join(c if c.isalnum() or c in "-_" else "-" for c in report.room)
    plain = "".join(c if c.isascii() else "-" for c in letters).strip("-") or "call"
    name = quote(f"{letters.strip('-') or 'call'}-{began}.{form}")
    return f"attachment; filename=\"{plain}-{began}.{form}\"; filename*=UTF-8''{name}"
