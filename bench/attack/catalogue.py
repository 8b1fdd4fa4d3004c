"""All attacks by name, in the order in which they are made."""

from __future__ import annotations

from bench.attack import connections, media, signaling
from bench.attack.attack import Attack

ATTACKS: dict[str, type[Attack]] = {
    "srtcp-ssrcs": media.SrtcpSsrcs,
    "sdp-feedback": signaling.SdpFeedback,
    "idle-connections": connections.IdleConnections,
    "address-theft": media.AddressTheft,
    "reflection": media.Reflection,
    "publish-storm": signaling.PublishStorm,
    "fat-audio": media.FatAudio,
    "packet-flood": media.PacketFlood,
    "room-hoarding": signaling.RoomHoarding,
    "tcp-hoarding": connections.TcpHoarding,
    "password-race": signaling.PasswordRace,
    "renegotiation": media.Renegotiation,
    "chat-flood": signaling.ChatFlood,
    "invisible-names": signaling.InvisibleNames,
    "http-junk": connections.HttpJunk,
}
