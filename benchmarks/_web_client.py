"""Performers at the practice socket, in a separate process: a camera in real time, as on the page.

    python benchmarks/_web_client.py PLAN.json        # started by web.py

Says ``measuring`` and ``measured`` around the window, ends the sessions when its parent sends a line, then
prints its figures as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from posesync.realtime.web.practice.protocol import EncodedFrame, pack_frame
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

#: Of the page: s after which an unanswered frame counts as settled.
_GIVEN_UP: Final = 1.5
_FPS: Final = 30.0
#: s of standing at the end of each performance, before the next begins.
_REST: Final = 0.5


@dataclass(frozen=True)
class Clip:
    """A performance as a browser sends it.

    Attributes:
        jpegs: one per frame of the camera.
        truth: (N,) s in the expert's video that each shows.
        size: (width, height) px.
    """

    jpegs: list[bytes]
    truth: npt.NDArray[np.float64]
    size: tuple[int, int]

    @classmethod
    def load(cls, path: Path) -> Clip:
        """Read what :func:`web.performance` wrote."""
        with np.load(path, allow_pickle=False) as data:
            ends = np.cumsum(data["lengths"])
            jpegs = [part.tobytes() for part in np.split(data["bytes"], ends[:-1])]
            return cls(jpegs, data["truth"], (int(data["size"][0]), int(data["size"][1])))

    @property
    def period(self) -> int:
        """Frames from one performance's beginning to the next one's."""
        return len(self.jpegs) + round(_REST * _FPS)


@dataclass
class Performer:
    """One session: sends, receives, notes.

    Attributes:
        rows: per answer: s when it came, s of the round trip since capture, ms waited and worked on the
            server, s of position error (NaN where there is none to be had), 1 where a position was expected.
        sent: s of each frame sent.
        left_out: s of each frame left out because two were unanswered.
        most: frames that may be unanswered.
        missed: frames that this process was too late for: its own fault, never the server's.
    """

    clip: Clip
    socket: ClientConnection
    welcome_ms: float
    most: int
    rows: list[tuple[float, ...]] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    left_out: list[float] = field(default_factory=list)
    missed: int = 0
    troubles: list[str] = field(default_factory=list)
    ended: dict[str, Any] = field(default_factory=dict)
    _flying: dict[int, tuple[float, int]] = field(default_factory=dict)
    _known: dict[int, tuple[float, int]] = field(default_factory=dict)

    async def perform(self, start: float, until: float) -> None:
        """Be a camera from ``start`` to ``until`` s (monotonic), one performance after the other."""
        number = sequence = skipped = 0
        while (due := start + number / _FPS) < until:
            if (left := due - time.monotonic()) > 0:
                await asyncio.sleep(left)
            place = number % self.clip.period
            if place == 0:
                await self._say({"type": "restart"})
                await self._say({"type": "begin"})
            if self._has_room(due):
                sequence += 1
                self._flying[sequence] = self._known[sequence] = (due, place)
                await self.socket.send(self._message(sequence, due, skipped, place))
                self.sent.append(due)
                skipped = 0
            else:
                skipped += 1
                self.left_out.append(due)
            late = int((time.monotonic() - start) * _FPS) - number - 1
            self.missed += max(0, late)
            # A performance's first frame carries its commands: never stepped over.
            number += 1 + min(max(0, late), self.clip.period - 1 - place)

    async def listen(self) -> None:
        """Take answers until the session has ended."""
        try:
            async for text in self.socket:
                self._take(time.monotonic(), json.loads(text))
        except ConnectionClosed as error:
            self.troubles.append(str(error))

    def _take(self, now: float, message: dict[str, Any]) -> None:
        if message["type"] == "answer":
            self._note(now, message)
        elif message["type"] == "ended":
            self.ended = message
        elif message["type"] == "error":
            self.troubles.append(message["message"])

    async def end(self) -> float:
        """Ask for the end; s until the report is written."""
        begun = time.monotonic()
        await self._say({"type": "end"})
        while not self.ended and time.monotonic() - begun < 30:
            await asyncio.sleep(0.02)
        return time.monotonic() - begun

    async def _say(self, command: dict[str, Any]) -> None:
        await self.socket.send(json.dumps(command))

    def _has_room(self, now: float) -> bool:
        self._flying = {key: one for key, one in self._flying.items() if now - one[0] < _GIVEN_UP}
        return len(self._flying) < self.most

    def _message(self, sequence: int, captured: float, skipped: int, place: int) -> bytes:
        width, height = self.clip.size
        jpeg = self.clip.jpegs[min(place, len(self.clip.jpegs) - 1)]
        return pack_frame(EncodedFrame(sequence, captured, min(skipped, 65535), width, height, jpeg))

    def _note(self, now: float, answer: dict[str, Any]) -> None:
        captured, place = self._known.pop(answer["seq"])
        for key in [key for key in self._flying if key <= answer["seq"]]:
            del self._flying[key]
        performing = place < len(self.clip.jpegs) and answer["phase"] == "running"
        error = float("nan")
        if performing and answer["position"] is not None:
            error = abs(answer["position"] - float(self.clip.truth[place]))
        spent = answer["ms"]
        self.rows.append((now, now - captured, spent["waited"], spent["worked"], error, float(performing)))

    def figures(self, begin: float, end: float) -> dict[str, Any]:
        """Return the figures from ``begin`` to ``end`` s."""
        rows = np.array([row for row in self.rows if begin <= row[0] < end], float).reshape(-1, 6)
        errors, performing = 1e3 * rows[:, 4], rows[:, 5] > 0
        seconds = end - begin
        gaps = np.diff(rows[:, 0]) if len(rows) > 1 else np.array([np.inf])
        return {
            "welcome_ms": self.welcome_ms,
            "answers_fps": len(rows) / seconds,
            "sent_fps": sum(begin <= at < end for at in self.sent) / seconds,
            "left_out_fps": sum(begin <= at < end for at in self.left_out) / seconds,
            "missed": self.missed,
            "longest_gap_ms": 1e3 * float(gaps.max()),
            "round_trip_ms": _spread(1e3 * rows[:, 1]),
            "waited_ms": _spread(rows[:, 2]),
            "worked_ms": _spread(rows[:, 3]),
            "elsewhere_ms": _spread(1e3 * rows[:, 1] - rows[:, 2] - rows[:, 3]),
            "error_ms": _spread(errors[np.isfinite(errors)]),
            "coverage": float(np.isfinite(errors[performing]).mean()) if performing.any() else None,
            "troubles": self.troubles[:5],
        }


def _spread(values: npt.NDArray[np.float64]) -> dict[str, float | None]:
    if not len(values):
        return {"p50": None, "p95": None, "worst": None}
    p50, p95 = np.quantile(values, (0.5, 0.95)).tolist()
    return {"p50": p50, "p95": p95, "worst": float(values.max())}


async def _join(plan: dict[str, Any], clip: Clip) -> Performer:
    """A connection, welcomed."""
    begun = time.monotonic()
    socket = await connect(
        plan["url"],
        origin=plan["origin"],
        additional_headers={"Cookie": plan["cookie"]},
        compression=None,
        max_size=1 << 22,
        ping_interval=None,
        open_timeout=30,
    )
    welcome = json.loads(await asyncio.wait_for(socket.recv(), 60))
    if welcome["type"] != "welcome":
        sys.exit(f"the practice socket says {welcome}, expected its welcome")
    return Performer(clip, socket, 1e3 * (time.monotonic() - begun), plan["unanswered"])


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    """All sessions of a plan at once, evenly out of step, as strangers are."""
    clip = Clip.load(Path(plan["frames"]))
    count = plan["sessions"]
    performers = [await _join(plan, clip) for _ in range(count)]
    listening = [asyncio.create_task(performer.listen()) for performer in performers]
    start = time.monotonic() + 0.1
    begin = start + plan["warm"]
    end = begin + plan["seconds"]
    performing = [
        asyncio.create_task(performer.perform(start + number / (count * _FPS), end + 0.5))
        for number, performer in enumerate(performers)
    ]
    await asyncio.sleep(max(0.0, begin - time.monotonic()))
    print("measuring", flush=True)
    await asyncio.sleep(max(0.0, end - time.monotonic()))
    print("measured", flush=True)
    await asyncio.gather(*performing)
    await asyncio.to_thread(sys.stdin.readline)  # the parent weighs the server with all sessions open
    ended = await asyncio.gather(*(performer.end() for performer in performers))
    await asyncio.wait(listening, timeout=10)
    found = [performer.figures(begin, end) for performer in performers]
    for one, performer, seconds in zip(found, performers, ended, strict=True):
        one |= {"end_s": seconds, "report": performer.ended.get("report"), "why": performer.ended.get("why")}
    return {"sessions": found}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(json.loads(Path(sys.argv[1]).read_text())))), flush=True)
