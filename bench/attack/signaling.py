"""Attacks by messages: what one participant's cost the others."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
import unicodedata

from bench.attack.attack import Attack, Verdict, timed
from bench.attack.intruder import Intruder
from bench.light import sdp
from bench.light.signaling import PROTOCOL, ParticipantError

SLOWEST_ANSWER = 1.0
"""Seconds that the answer to any one message may take."""
SDP_BYTES = 210_000
FORMATS = 100
GUESSES = 100
VERIFIED_GUESSES = 10
"""Wrong passwords that may be tried in a burst by one address at one room (docs/security.md)."""
CHAT_RATE, CHAT_BURST = 2, 10
"""Lines that others get of one person (docs/protocol.md)."""


def swollen_offer(intruder: Intruder, line: str) -> str:
    """An offer of `SDP_BYTES` with a hundred formats, in which a line is repeated; `%d` in the
    line becomes a number."""
    text, intruder.streams = sdp.publish_offer(
        0, sdp.Credentials(), intruder.certificate.fingerprint, ("video",)
    )
    more = [n for n in range(FORMATS) if n not in (sdp.VP8, sdp.RTX)]
    usual = f" {sdp.VP8} {sdp.RTX}\r\n"
    # What is appended belongs to the last m-line, and there is only one.
    text = text.replace(usual, f"{usual.rstrip()} {' '.join(map(str, more))}\r\n", 1)
    text += "".join(f"a=rtpmap:{n} VP8/90000\r\n" for n in more)
    rows, number = [], 0
    left = SDP_BYTES - len(text)
    while left > 0:
        rows.append((line % number if "%d" in line else line) + "\r\n")
        left -= len(rows[-1])
        number += 1
    return text + "".join(rows)


class SdpFeedback(Attack):
    """Work on a description must be linear in its size."""

    title = "offers of 210 kB: feedback for all of a hundred formats, parameters, SSRCs, rids"
    lines = (
        "a=rtcp-fb:* nack",
        "a=rtcp-fb:%d nack",
        "a=fmtp:96 a%d=1",
        "a=ssrc:%d cname:x",
        "a=ssrc-group:FID %d 1",
        "a=rid:r%d send",
        "a=extmap:%d urn:x",
        "a=candidate:%d 1 udp 1 127.0.0.1 9 typ host",
        "a=x:%d",
    )

    async def prepare(self) -> None:
        self._offers: list[tuple[Intruder, str]] = []
        for number, line in enumerate(self.lines, 1):
            one = await self.intruder(number, self.room())
            self._offers.append((one, swollen_offer(one, line)))
        self._slowest = 0.0
        self._sent = 0

    async def run(self, until: float) -> None:
        number = 1
        while time.monotonic() < until:
            for one, offer in self._offers:
                if one.ended.is_set() or time.monotonic() >= until:
                    continue
                answers = sum(one.counts.values())
                await one.send_offer(number, offer, restart=True)
                self._sent += 1
                _, seconds = await timed(self._answered(one, answers))
                self._slowest = max(self._slowest, seconds)
            number += 1
            await asyncio.sleep(0.3)

    async def _answered(self, one: Intruder, answers: int) -> None:
        until = time.monotonic() + 10
        while (
            sum(one.counts.values()) == answers
            and not one.ended.is_set()
            and time.monotonic() < until
        ):
            await asyncio.sleep(0.005)

    async def verdict(self) -> Verdict:
        text = f"{self._sent} offers, each answered within {1e3 * self._slowest:.0f} ms"
        return Verdict(self._sent > 0 and self._slowest < SLOWEST_ANSWER, text)


class PublishStorm(Attack):
    """Repeated messages of one participant must not become work for all others."""

    title = "eight people publish 40 times a second; two others read at leisure"

    async def prepare(self) -> None:
        self._readers = [await self.intruder(n, self.room(), f"reader {n}") for n in (1, 2)]
        self._stormers = [await self.intruder(n, self.room()) for n in range(11, 19)]
        self._sent = 0

    async def run(self, until: float) -> None:
        await asyncio.gather(*(self._storm(n, one, until) for n, one in enumerate(self._stormers)))

    async def _storm(self, place: int, one: Intruder, until: float) -> None:
        number = 0
        credentials = sdp.Credentials()
        while time.monotonic() < until:
            if one.ended.is_set():
                # Whoever is put out comes back.
                await asyncio.sleep(0.2)
                one = await self.intruder(11 + place)
                with contextlib.suppress(ParticipantError):
                    await one.join(self.room())
                continue
            number += 1
            kinds = ("audio", "video") if number % 2 else ("audio",)
            offer, one.streams = sdp.publish_offer(
                place, credentials, one.certificate.fingerprint, kinds
            )
            await one.send_offer(number, offer, restart=number % 2 == 1)
            self._sent += 1
            await asyncio.sleep(1 / 40)

    async def verdict(self) -> Verdict:
        cut_off = sum(one.ended.is_set() for one in self._readers)
        offers = max(one.counts["offer"] for one in self._readers)
        text = f"{self._sent} offers in; a reader was sent {offers}; {cut_off} of 2 cut off"
        return Verdict(self._sent > 0 and not cut_off, text)


class ChatFlood(Attack):
    """A room's chat is for reading."""

    title = "one person sends 2,000 characters of chat 40 times a second to five others"

    async def prepare(self) -> None:
        self._readers = [await self.intruder(n, self.room(), f"reader {n}") for n in range(1, 6)]
        self._flooder = await self.intruder(11, self.room())
        self._sent = 0

    async def run(self, until: float) -> None:
        self._began = time.monotonic()
        while time.monotonic() < until and not self._flooder.ended.is_set():
            await self._flooder.send("chat", text="x" * 2000)
            self._sent += 1
            await asyncio.sleep(1 / 40)
        while time.monotonic() < until:
            await asyncio.sleep(0.05)
        self._lasted = time.monotonic() - self._began

    async def verdict(self) -> Verdict:
        most = max(one.counts["chat"] for one in self._readers)
        cut_off = sum(one.ended.is_set() for one in self._readers)
        allowed = CHAT_BURST + CHAT_RATE * self._lasted + 1
        text = f"{self._sent} lines sent, {most} shown; {cut_off} of 5 readers cut off"
        return Verdict(0 < most <= allowed and not cut_off, text)


class RoomHoarding(Attack):
    """Rooms are for everybody: one address cannot have them all."""

    title = "one address makes as many rooms as it can; then somebody else wants one"

    async def prepare(self) -> None:
        self._made = 0

    async def run(self, until: float) -> None:
        number = 0
        while time.monotonic() < until:
            batch = []
            for _ in range(16):
                number += 1
                batch.append(self._make(self.room(str(number))))
            await asyncio.gather(*batch)
            await asyncio.sleep(0.05)

    async def _make(self, room: str) -> None:
        one = await self.intruder(1)
        try:
            await one.join(room)
            self._made += 1
        except ParticipantError:
            # To hold connections is another attack.
            await one.close()

    async def verdict(self) -> Verdict:
        text = f"{self._made} rooms made by one address"
        try:
            await self.intruder(200, self.room("somebody else"))
        except ParticipantError as error:
            return Verdict(False, f"{text}; nobody else can: {error}")
        return Verdict(self._made > 0, f"{text}; others still can")


class PasswordRace(Attack):
    """Guesses are counted before they are verified, not after."""

    title = f"{GUESSES} guesses at a password at the same moment, over and over"
    password = "the right one"

    async def prepare(self) -> None:
        owner = await self.intruder(1)
        await owner.join(self.room(), "owner", self.password)
        self._guessers = [await self.intruder(2) for _ in range(20)]
        for one in self._guessers:
            await one.connect()
        self._guesses = 0
        self._late = await self.intruder(200)
        await self._late.connect()

    async def run(self, until: float) -> None:
        await asyncio.gather(*(self._guess(one) for one in self._guessers))
        while time.monotonic() < until:
            await asyncio.sleep(0.05)

    async def _guess(self, one: Intruder) -> None:
        with contextlib.suppress(ParticipantError):
            asked = [
                one.send("join", version=PROTOCOL, room=self.room(), name="guesser",
                         password=secrets.token_hex(4))
                for _ in range(GUESSES // len(self._guessers))
            ]  # fmt: skip
            await asyncio.gather(*asked)
            self._guesses += len(asked)
            while not one.ended.is_set():
                if (await one.receive())["type"] == "closed":
                    return

    async def verdict(self) -> Verdict:
        verified = sum(one.counts["error wrongPassword"] for one in self._guessers)
        entered = sum(one.counts["welcome"] for one in self._guessers)
        text = f"{verified} of {self._guesses} guesses were verified"
        # Wrong guesses of one participant lock nobody else out.
        answer = await self._late.ask_to_join(self.room(), "late", self.password)
        if answer["type"] != "welcome":
            return Verdict(False, f"{text}; who knows it is not let in: {answer.get('code')}")
        return Verdict(0 < verified <= VERIFIED_GUESSES and not entered, text)


INVISIBLE = (
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u00ad",
    "\u202e",
    "\u2066",
    "\u3164",
    "\u115f",
    "\U000e0041",
    "\u180e",
    "\ufe0f",
)
"""Invisible characters, and those that reverse the text beside them."""


class InvisibleNames(Attack):
    """Names that look the same must be the same."""

    title = "names of rooms and people with invisible characters"

    async def prepare(self) -> None:
        self._base = self.room("twin")
        await self.intruder(1, self._base, "Rani")
        self._deceived = self._tried = 0
        self._worst = ""

    async def run(self, until: float) -> None:
        for number, mark in enumerate(INVISIBLE, 2):
            if time.monotonic() >= until:
                break
            place = len(self._base) // 2
            await self._try(number, f"{self._base[:place]}{mark}{self._base[place:]}", "Sari", mark)
            await self._try(number, self._base, f"Ra{mark}ni", mark)
            await self._try(number, f"{self._base} {number}", mark * 3, mark)

    async def _try(self, number: int, room: str, name: str, mark: str) -> None:
        self._tried += 1
        one = await self.intruder(number)
        with contextlib.suppress(ParticipantError):
            await one.connect()
            answer = await one.ask_to_join(room, name)
            if answer["type"] == "welcome":
                shown = answer["room"]["name"] + await self._name_of(one, room)
                if mark in shown:
                    self._deceived += 1
                    self._worst = unicodedata.name(mark, f"U+{ord(mark):04X}")
        await one.close()

    async def _name_of(self, one: Intruder, room: str) -> str:
        """As another participant is shown it."""
        other = await self.intruder(250)
        await other.connect()
        answer = await other.ask_to_join(one.welcome["room"]["name"], "other")
        await other.close()
        mine = one.welcome["participant"]
        return next((p["name"] for p in answer.get("participants", ()) if p["id"] == mine), "")

    async def verdict(self) -> Verdict:
        text = f"{self._deceived} of {self._tried} were shown as they were sent"
        if self._worst:
            text += f", with {self._worst}"
        return Verdict(self._tried > 0 and not self._deceived, text)
