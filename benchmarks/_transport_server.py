"""The other end, a process of its own: frames to BGR arrays, answered with the number painted in them.

    python benchmarks/_transport_server.py        # prints its port

Whatever the frames travelled by, the same happens to them: the newest waits in a slot for one frame, a
thread makes a BGR array of it and reads its number, the answer goes back.
"""

from __future__ import annotations

import asyncio
import io
import json
import socket
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.staticfiles import StaticFiles

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from _transport_clip import Image, number_in  # noqa: E402

_HEADER: Final = struct.Struct("<BBHIdHHI")
app = FastAPI()
_peers: set[Any] = set()
_kept: dict[int, Image] = {}
_wanted = 0

Decode = Callable[[], Image]
Answer = Callable[[dict[str, Any]], Awaitable[None]]


class Desk:
    """One session: a slot for the newest frame, and who works through it.

    Args:
        answer: sends an answer to the page.
        work: ms that what comes after decoding takes, without using the processor.
    """

    def __init__(self, answer: Answer, work: float) -> None:
        self._answer, self._work = answer, work / 1e3
        self._slot: tuple[Decode, dict[str, Any]] | None = None
        self._filled = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def put(self, decode: Decode, known: dict[str, Any]) -> None:
        """The newest frame; one that still waits is given up."""
        self._slot = (decode, known)
        self._filled.set()

    def close(self) -> None:
        """Stop working."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            assert self._slot is not None
            decode, known = self._slot
            found = await asyncio.to_thread(self._process, decode)
            await self._answer(known | found)

    def _process(self, decode: Decode) -> dict[str, Any]:
        global _wanted
        begun = time.perf_counter()
        image = decode()
        code = number_in(image)
        worked = time.perf_counter() - begun
        if _wanted and code is not None and code not in _kept:
            _kept[code] = image
            _wanted -= 1
        if self._work:
            time.sleep(self._work)
        return {"code": code, "worked": 1e3 * worked, "width": image.shape[1]}


@app.websocket("/ws")
async def practice(page: WebSocket) -> None:
    """Binary messages of the practice socket's layout."""
    await page.accept()
    desk = Desk(page.send_json, float(page.query_params.get("work", 0)))
    try:
        while True:
            message = await page.receive_bytes()
            sequence = _HEADER.unpack_from(message)[3]

            def decode(message: bytes = message) -> Image:
                data = np.frombuffer(message, np.uint8, offset=_HEADER.size)
                return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

            desk.put(decode, {"seq": sequence, "bytes": len(message)})
    except WebSocketDisconnect:
        pass
    finally:
        desk.close()


@app.post("/offer")
async def offer(request: Request) -> dict[str, str]:
    """WebRTC's signalling: the page's offer, our answer."""
    from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

    asked = request.query_params
    if asked.get("eager"):
        deliver_at_marker()
    # Without the empty list aiortc asks a STUN server on the internet.
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    _peers.add(peer)
    channel: list[Any] = []

    async def answer(found: dict[str, Any]) -> None:
        if channel and channel[0].readyState == "open":
            channel[0].send(json.dumps(found))

    desk = Desk(answer, float(asked.get("work", 0)))
    peer.on("datachannel", channel.append)

    @peer.on("track")
    def on_track(track: Any) -> None:
        reading = asyncio.create_task(_read(track, desk))
        track.on("ended", reading.cancel)

    @peer.on("connectionstatechange")
    async def on_state() -> None:
        if peer.connectionState in ("failed", "closed"):
            desk.close()
            await peer.close()
            _peers.discard(peer)

    await peer.setRemoteDescription(RTCSessionDescription((await request.json())["sdp"], "offer"))
    await peer.setLocalDescription(await peer.createAnswer())
    return {"sdp": peer.localDescription.sdp}


async def _read(track: Any, desk: Desk) -> None:
    from aiortc.mediastreams import MediaStreamError

    try:
        while True:
            frame = await track.recv()
            desk.put(lambda frame=frame: frame.to_ndarray(format="bgr24"), {})
    except MediaStreamError:
        desk.close()


def deliver_at_marker() -> None:
    """Teach aiortc's jitter buffer to give a frame away with its own last packet, not with the next frame's.

    No public switch does it; here it only shows how much of the latency is this one wait.
    """
    from aiortc.jitterbuffer import JitterBuffer, JitterFrame

    if getattr(JitterBuffer, "eager", False):
        return
    patient = JitterBuffer._remove_frame

    def remove_frame(self: Any, sequence_number: int) -> Any:
        packets: list[Any] = []
        for count in range(self.capacity):
            packet = self._packets[(self._origin + count) % self._capacity]
            if packet is None or (packets and packet.timestamp != packets[0].timestamp):
                break
            packets.append(packet)
            if packet.marker and self._is_video:
                frame = JitterFrame(b"".join(one._data for one in packets), packet.timestamp)
                self.remove(len(packets))
                return frame
        return patient(self, sequence_number)

    JitterBuffer._remove_frame, JitterBuffer.eager = remove_frame, True


@app.post("/keep")
async def keep(count: int) -> None:
    """Keep the next ``count`` different pictures."""
    global _wanted
    _kept.clear()
    _wanted = count


@app.get("/kept")
async def kept() -> Response:
    """The pictures kept, an ``.npz`` by number."""
    out = io.BytesIO()
    np.savez(out, **{str(code): image for code, image in _kept.items()})
    _kept.clear()
    return Response(out.getvalue(), media_type="application/octet-stream")


@app.post("/hang-up")
async def hang_up() -> None:
    """End all calls, so that none outlives its page."""
    for peer in list(_peers):
        await peer.close()
    _peers.clear()


app.mount("/", StaticFiles(directory=Path(__file__).with_name("_transport"), html=True))


def main() -> None:
    """Serve on a free port of the loopback, until the parent ends us."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        app, log_level="error", ws_per_message_deflate="--deflate" in sys.argv, access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
