"""The rooms and transports of one worker: opened and closed by signaling's commands.

Theory of operation. `execute` does what signaling commands; what transports report comes here too
(`TransportEvents`). Both keep the tables in step: routers and endpoints by id, each transport's
router, and for the receive path the endpoint of a user name and of an address. A transport is
forgotten in all of them at once, whoever ended it. A command that names what is gone is ignored
(see `control`).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable
from typing import Final

from sfu import control
from sfu.drops import DropReason
from sfu.net.dtls import Certificate
from sfu.net.srtp import SrtpProfile
from sfu.net.tcp import TcpSockets
from sfu.net.webrtc_transport import WebRtcTransport
from sfu.process.channel import Channel
from sfu.process.deadlines import Deadline, Deadlines
from sfu.process.shedding import STEPS, Shed
from sfu.receive.ingress import Ingress
from sfu.receive.publisher import Publisher
from sfu.room.endpoint import WebRtcEndpoint
from sfu.room.router import Router
from sfu.send.egress import Outbox
from sfu.send.forwarder import Forwarder
from sfu.send.subscriber import Subscriber

log = logging.getLogger("sfu.worker")


class WorkerRooms:
    """Routers and endpoints by id, and what is done with them; one a worker."""

    def __init__(
        self,
        channel: Channel,
        ingress: Ingress,
        forwarder: Forwarder,
        outbox: Outbox,
        tcp: TcpSockets,
        profiles: tuple[SrtpProfile, ...],
        address_size: int,
        deadlines: Deadlines,
        rounds: Deadline,
    ) -> None:
        """`rounds` is wanted when a transport is opened: there may have been none."""
        self.routers: dict[str, Router] = {}
        self.certificate: Final = Certificate.generate()
        """Of all transports of this worker."""
        self._shed = STEPS[0]
        self._channel = channel
        self._ingress = ingress
        self._forwarder = forwarder
        self._outbox = outbox
        self._tcp = tcp
        self._profiles = profiles
        self._address_size = address_size
        self._deadlines = deadlines
        self._rounds = rounds
        self._endpoints: dict[str, WebRtcEndpoint] = {}
        """By transport id."""
        self._router_of: dict[str, Router] = {}
        """The same."""

    def __bool__(self) -> bool:
        """Whether there is any transport."""
        return bool(self._router_of)

    def endpoints(self) -> list[WebRtcEndpoint]:
        """Of all transports."""
        return list(self._endpoints.values())

    def endpoints_of(self, transports: Iterable[str]) -> list[WebRtcEndpoint]:
        """Of those of these transports that exist."""
        return [self._endpoints[name] for name in transports if name in self._endpoints]

    def set_shed(self, shed: Shed) -> None:
        """What this worker can still afford."""
        self._shed = shed
        for router in self.routers.values():
            router.set_shed(shed)

    def close(self, now: float) -> None:
        """Close every room; `now` in monotonic seconds."""
        for router in list(self.routers.values()):
            self._close_router(router, now)

    # Commands.

    def execute(self, command: control.Command, now: float) -> None:
        """Do what signaling commands; `now` in monotonic seconds."""
        _COMMANDS[type(command)](self, command, now)

    def _open_router(self, command: control.OpenRouter, now: float) -> None:
        if command.router not in self.routers:
            router = Router(command.router, command.room, command.loudest)
            router.set_shed(self._shed)
            self.routers[command.router] = router

    def _close_router_by_id(self, command: control.CloseRouter, now: float) -> None:
        router = self.routers.get(command.router)
        if router is not None:
            self._close_router(router, now)

    def _close_router(self, router: Router, now: float) -> None:
        for transport in list(router.endpoints):
            self._close_endpoint(router, self._endpoints[transport], now)
        self.routers.pop(router.id, None)

    def _open_transport(self, command: control.OpenTransport, now: float) -> None:
        router = self.routers.get(command.router)
        if router is None or command.transport in self._router_of:
            return
        transport = WebRtcTransport(
            command, self.certificate, self._profiles, self, self._tcp.send_one, now
        )
        if command.direction == "publish":
            publisher = Publisher(transport, self._forwarder, secrets.randbits(32), self._deadlines)
            endpoint = WebRtcEndpoint(transport, publisher=publisher)
        else:
            subscriber = Subscriber(
                transport,
                self._forwarder,
                self._outbox,
                self._address_size,
                _random_seq,
                self._deadlines,
            )
            endpoint = WebRtcEndpoint(transport, subscriber=subscriber)
        router.add(endpoint)
        self._router_of[transport.id] = router
        self._endpoints[transport.id] = endpoint
        self._ingress.by_ufrag[command.ice_ufrag.encode()] = endpoint
        self._ingress.by_tag[transport.tag] = endpoint
        self._rounds.soon()

    def _connect_transport(self, command: control.ConnectTransport, now: float) -> None:
        endpoint = self._endpoints.get(command.transport)
        if endpoint is not None:
            endpoint.transport.connect(command, now)

    def _restart_ice(self, command: control.RestartIce, now: float) -> None:
        endpoint = self._endpoints.get(command.transport)
        if endpoint is not None:
            endpoint.transport.restart_ice(command.ice_ufrag, command.ice_pwd)
            self._ingress.by_ufrag.update(dict.fromkeys(endpoint.transport.ufrags, endpoint))

    def _set_up_tracks(self, command: control.SetUpTracks, now: float) -> None:
        endpoint = self._endpoints.get(command.transport)
        if endpoint is not None and endpoint.publisher is not None:
            self._router_of[command.transport].set_up_tracks(endpoint.publisher, command, now)

    def _set_down_tracks(self, command: control.SetDownTracks, now: float) -> None:
        endpoint = self._endpoints.get(command.transport)
        if endpoint is not None and endpoint.subscriber is not None:
            self._router_of[command.transport].set_down_tracks(endpoint.subscriber, command, now)

    def _set_view(self, command: control.SetView, now: float) -> None:
        endpoint = self._endpoints.get(command.transport)
        if endpoint is not None and endpoint.subscriber is not None:
            self._router_of[command.transport].set_view(endpoint.subscriber, command, now)

    def _close_transport(self, command: control.CloseTransport, now: float) -> None:
        endpoint = self._endpoints.get(command.transport)
        if endpoint is not None:
            self._close_endpoint(self._router_of[command.transport], endpoint, now)

    def _close_endpoint(self, router: Router, endpoint: WebRtcEndpoint, now: float) -> None:
        """End it: what waits is sent, with BYE and close_notify; nothing is kept."""
        self._outbox.flush(now)
        if endpoint.subscriber is not None:
            endpoint.subscriber.goodbye(now)
        endpoint.transport.close(now)
        self._forget(router, endpoint, now)

    def _forget(self, router: Router, endpoint: WebRtcEndpoint, now: float) -> None:
        router.transport_gone(endpoint)
        self._router_of.pop(endpoint.transport.id, None)
        self._endpoints.pop(endpoint.transport.id, None)
        self._ingress.by_tag.pop(endpoint.transport.tag, None)
        for ufrag in endpoint.transport.ufrags:
            self._ingress.by_ufrag.pop(ufrag, None)
        for address in endpoint.transport.addresses:
            if self._ingress.by_address.get(address) is endpoint:
                del self._ingress.by_address[address]
                self._tcp.dismiss(address, now)

    # What transports report (TransportEvents).

    def transport_changed(self, transport: WebRtcTransport, now: float) -> None:
        """Pass it on; a transport that is over is forgotten."""
        router = self._router_of.get(transport.id)
        if router is None:
            return
        endpoint = self._endpoints[transport.id]
        log.info(
            "%s transport is %s",
            transport.direction,
            f"{transport.state} ({transport.reason})" if transport.reason else transport.state,
            extra={"room": router.room, "participant": transport.participant},
        )
        if transport.state == "connected":
            router.transport_connected(endpoint, now)
        elif transport.is_over:
            self._forget(router, endpoint, now)
        if transport.state != "new":
            self._channel.send(
                control.TransportChanged(
                    transport=transport.id, state=transport.state, reason=transport.reason
                )
            )

    def transport_checked(self, transport: WebRtcTransport) -> None:
        """Report to signaling that the peer's checks arrive."""
        self._channel.send(control.TransportChanged(transport=transport.id, state="checked"))

    def ufrag_forgotten(self, transport: WebRtcTransport, ufrag: bytes) -> None:
        """Checks under this user name are nobody's now."""
        self._ingress.by_ufrag.pop(ufrag, None)

    def address_claimed(self, transport: WebRtcTransport, address: bytes) -> bool:
        """Datagrams from there are this transport's, if nobody else's; a connection may stay."""
        endpoint = self._endpoints.get(transport.id)
        owner = self._ingress.by_address.get(address)
        if endpoint is None:
            return False
        if owner is not None and owner is not endpoint:
            self._ingress.drops[DropReason.ADDRESS_TAKEN] += 1
            return False
        self._ingress.by_address[address] = endpoint
        self._tcp.verify(address)
        return True

    def address_proven(self, transport: WebRtcTransport, address: bytes, now: float) -> None:
        """Whoever had it is not there any more."""
        owner = self._ingress.by_address.pop(address, None)
        if owner is not None and owner.transport is not transport:
            owner.transport.address_lost(address, now)
        self.address_claimed(transport, address)

    def address_forgotten(self, transport: WebRtcTransport, address: bytes, now: float) -> None:
        """Datagrams from there are nobody's; a connection is closed."""
        endpoint = self._ingress.by_address.get(address)
        if endpoint is not None and endpoint.transport is transport:
            del self._ingress.by_address[address]
            self._tcp.dismiss(address, now)

    def connection_closed(self, address: bytes, now: float) -> None:
        """The far end of a connection is gone."""
        endpoint = self._ingress.by_address.pop(address, None)
        if endpoint is not None:
            endpoint.transport.address_lost(address, now)

    def address_selected(self, transport: WebRtcTransport, now: float) -> None:
        """The peer is to be sent to another address, or nowhere for now."""
        endpoint = self._endpoints.get(transport.id)
        if endpoint is not None and endpoint.subscriber is not None:
            endpoint.subscriber.address_selected(now)


_COMMANDS: Final[dict[type, Callable[..., None]]] = {
    control.OpenRouter: WorkerRooms._open_router,
    control.CloseRouter: WorkerRooms._close_router_by_id,
    control.OpenTransport: WorkerRooms._open_transport,
    control.ConnectTransport: WorkerRooms._connect_transport,
    control.RestartIce: WorkerRooms._restart_ice,
    control.SetUpTracks: WorkerRooms._set_up_tracks,
    control.SetDownTracks: WorkerRooms._set_down_tracks,
    control.SetView: WorkerRooms._set_view,
    control.CloseTransport: WorkerRooms._close_transport,
}


def _random_seq() -> int:
    """Below 32768: a first packet that is lost must not look like a wrap (RFC 3711 3.3.1)."""
    return secrets.randbits(15)
