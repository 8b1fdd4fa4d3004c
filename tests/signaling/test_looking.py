"""Looking, listening, restarts and quality over real WebSockets, with a fake media worker."""

from __future__ import annotations

import asyncio
import time

from sfu.control import (
    ConnectTransport,
    DownTrackState,
    DownTrackStates,
    LayersWanted,
    OpenRouter,
    OpenTransport,
    RestartIce,
    SetView,
    TransportChanged,
)
from signaling.conference.view import VIEW_INTERVAL
from tests.signaling.conftest import Serve
from tests.signaling.fakes import answer, offer, stats
from tests.signaling.people import stats as transport_stats


async def test_looking_and_why(serve: Serve) -> None:
    run = await serve(loudest=2)
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    published = await ada.publish()
    assert "5001 typ host tcptype passive" in published["sdp"]
    video = published["tracks"][1]["track"]
    await bo.take_offer()
    publish = await run.worker.expect(OpenTransport)
    subscribe = await run.worker.expect(OpenTransport, 2)
    assert run.worker.all(OpenRouter)[0].loudest == 2

    await bo.send("why", participant=ada.me)
    because = await bo.get("because")
    assert [(t["step"], t["side"]) for t in because["tracks"]] == [("ice", "theirs")] * 2
    await bo.send("why", participant="nobody")
    because = await bo.get("because")
    assert (because["step"], because["side"], because["tracks"]) == ("signaling", "theirs", [])
    await bo.send("why", participant=bo.me)
    assert (await bo.get("error"))["code"] == "badMessage"

    await bo.send("view", tracks=[{"track": video, "width": 640, "height": 360}])
    sent = await run.worker.expect(SetView)
    assert (sent.transport, sent.views[0].up_track) == (subscribe.transport, video)
    run.worker.send(LayersWanted(publish.transport, video, ("q",)))
    assert await ada.get("layers") == {"type": "layers", "track": video, "rids": ["q"]}
    state = DownTrackState(up_track=video, state="flowing", spatial=0)
    run.worker.send(DownTrackStates(transport=subscribe.transport, tracks=(state,), estimate_bps=9))
    received = await bo.get("receiving")
    assert (received["tracks"][0]["layer"], received["estimate"]) == (0, 9)


async def test_ice_restarts_over_the_wire(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    # There is nothing to restart yet.
    await bo.send("restartIce")
    first = await ada.publish(1)
    await bo.take_offer()
    await bo.send("restartIce")
    offered = await bo.get("offer")
    restart = await run.worker.expect(RestartIce)
    assert (offered["restart"], restart.ice_ufrag in offered["sdp"]) == (False, True)
    await bo.send("answer", id=offered["id"], sdp=answer(offered["sdp"], "newpeer"))
    assert (await run.worker.expect(ConnectTransport, 3)).remote_ufrag == "newpeer"
    tracks = [{"mid": "0", "source": "microphone"}, {"mid": "1", "source": "camera"}]
    await ada.send("publish", id=2, sdp=offer("chromium").replace("kncF", "newU"), tracks=tracks)
    second = await ada.get("published")
    assert second["tracks"] == first["tracks"]
    assert (await run.worker.expect(RestartIce, 2)).ice_ufrag in second["sdp"]
    assert len(run.worker.all(OpenTransport)) == 2
    assert not any(message["type"] == "error" for message in ada.seen + bo.seen)


async def test_a_storm_of_views_reaches_the_worker_as_a_few(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    video = (await ada.publish())["tracks"][1]["track"]
    await bo.take_offer()
    begun = time.monotonic()
    for side in range(1, 101):
        await bo.send("view", tracks=[{"track": video, "width": side, "height": side}])
    refused = await bo.get("error")
    assert (refused["code"], refused["request"], refused["fatal"]) == ("tooMany", "view", False)
    await asyncio.sleep(refused["retryAfter"])
    await bo.send("view", tracks=[{"track": video, "width": 200, "height": 200}])
    count = 1
    while (await run.worker.expect(SetView, count)).views[0].width < 200:
        count += 1
    assert count <= 2 + (time.monotonic() - begun) / VIEW_INTERVAL


async def test_quality_is_sent_to_everybody(serve: Serve) -> None:
    run = await serve()
    ada, bo = await run.joined(name="Ada"), await run.joined(name="Bo")
    await ada.publish()
    publish = await run.worker.expect(OpenTransport)
    run.worker.send(TransportChanged(transport=publish.transport, state="connected"))
    measured = transport_stats(publish.transport, 5, loss_percent=6.0, jitter_ms=11.0)
    run.worker.send(stats(per_transport=(measured, transport_stats("r-gone.1", 1))))
    for client in (ada, bo):
        assert (await client.get("quality"))["participants"] == [
            {"id": ada.me, "level": "fair", "loss": 6, "rtt": 0, "jitter": 11}
        ]
