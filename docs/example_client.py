"""A small participant: joins a room, publishes a tone and a video, receives the others.

python docs/example_client.py https://localhost:8443 "my room" "Ada" --seconds 10
"""

import argparse
import asyncio
import json
import math
import struct
import sys

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

TONE = struct.pack("<160h", *(int(8000 * math.sin(math.pi * n / 10)) for n in range(160)))


class Tone(AudioStreamTrack):
    async def recv(self):
        frame = await super().recv()
        frame.planes[0].update(TONE)
        return frame


async def publish(connection, socket):
    connection.addTransceiver(Tone(), "sendonly")
    connection.addTransceiver(VideoStreamTrack(), "sendonly")
    await connection.setLocalDescription(await connection.createOffer())
    audio, video = (transceiver.mid for transceiver in connection.getTransceivers())
    tracks = [{"mid": audio, "source": "microphone"}, {"mid": video, "source": "camera"}]
    sdp = connection.localDescription.sdp
    await socket.send_json({"type": "publish", "id": 1, "sdp": sdp, "tracks": tracks})


async def answer(connection, socket, offer):
    await connection.setRemoteDescription(RTCSessionDescription(offer["sdp"], "offer"))
    await connection.setLocalDescription(await connection.createAnswer())
    sdp = connection.localDescription.sdp
    await socket.send_json({"type": "answer", "id": offer["id"], "sdp": sdp})


async def count(track, counts):
    while True:
        await track.recv()
        counts[track.kind] += 1


async def run(url, room, name, seconds):
    counts, readers = {"audio": 0, "video": 0}, []
    up, down = RTCPeerConnection(), RTCPeerConnection()
    down.on("track", lambda track: readers.append(asyncio.ensure_future(count(track, counts))))
    async with aiohttp.ClientSession() as http, http.ws_connect(url + "/ws", ssl=False) as socket:
        await socket.send_json({"type": "join", "version": 1, "room": room, "name": name})
        try:
            async with asyncio.timeout(seconds):
                async for frame in socket:
                    message = json.loads(frame.data)
                    if message["type"] == "welcome":
                        await publish(up, socket)
                    elif message["type"] == "published":
                        await up.setRemoteDescription(
                            RTCSessionDescription(message["sdp"], "answer")
                        )
                    elif message["type"] == "offer":
                        await answer(down, socket, message)
                    elif message["type"] == "error":
                        sys.exit(message["message"])
        except TimeoutError:
            await socket.send_json({"type": "leave"})
        for reader in readers:
            reader.cancel()
        await asyncio.gather(up.close(), down.close())
    return counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for argument in ("url", "room", "name"):
        parser.add_argument(argument)
    parser.add_argument("--seconds", type=float, default=10)
    print(json.dumps(asyncio.run(run(**vars(parser.parse_args())))))
