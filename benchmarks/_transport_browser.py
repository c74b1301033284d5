"""One variant in one fresh Chromium with a fake camera: what it noted, and what it cost."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np
import psutil
from _transport_clip import CODES, FPS, Image
from playwright.sync_api import sync_playwright

CHROMIUM: Final = "/usr/bin/chromium"
_HERE: Final = Path(__file__).resolve().parent
_AT_MOST: Final = CODES / FPS * 1e3 * 0.9  # ms: an answer older than that could be the next round's


@dataclass(frozen=True)
class Variant:
    """One way for frames to travel.

    Attributes:
        kind: ``none`` (the camera alone), ``main`` (canvas on the main thread), ``bitmap`` (createImageBitmap
            shrinks, a worker encodes), ``frame`` (a VideoFrame goes to the worker), ``track`` (the worker
            reads the camera itself), or ``rtc``.
        longest: longest side px of what is sent.
        codec: of WebRTC.
        eager: aiortc's jitter buffer patched to give a frame away at its own last packet.
        work: ms that the server takes for each frame after decoding, asleep.
        deflate: WebSocket messages are compressed, as uvicorn does it unless told not to.
    """

    kind: str
    longest: int = 640
    codec: str = "VP8"
    eager: bool = False
    work: float = 0.0
    deflate: bool = False

    @property
    def name(self) -> str:
        """As the tables and the JSON call it."""
        way = {"rtc": f"WebRTC {self.codec}", "none": "camera alone"}.get(self.kind, f"WebSocket {self.kind}")
        size = "" if self.kind == "none" else f" {self.longest}"
        return way + size + (" (patched)" if self.eager else " (deflate)" if self.deflate else "") + (
            f" busy {self.work:.0f}" if self.work else "")  # fmt: skip

    def query(self) -> str:
        """The page's address, its part after the question mark."""
        bitrate = 3_000_000 if self.longest <= 640 else 6_000_000
        asked = {"kind": self.kind, "longest": self.longest, "codec": self.codec, "bitrate": bitrate}
        return urlencode(asked | {"work": self.work} | ({"eager": 1} if self.eager else {}))


@dataclass
class Server:
    """The running server: its process and where its pages are."""

    process: psutil.Process
    address: str

    def post(self, path: str) -> None:
        """Ask it for something."""
        urlopen(Request(f"{self.address}/{path}", method="POST"), timeout=10).close()

    def kept(self) -> dict[int, Image]:
        """The pictures it kept, by number."""
        with urlopen(f"{self.address}/kept", timeout=30) as reply:
            data = io.BytesIO(reply.read())
        with np.load(data, allow_pickle=False) as pictures:
            return {int(code): pictures[code] for code in pictures.files}


@contextmanager
def serving(deflate: bool) -> Iterator[Server]:
    """A server of its own; a fresh one for each variant, so that none inherits a patch or memory."""
    command = [sys.executable, str(_HERE / "_transport_server.py"), *(["--deflate"] if deflate else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                sys.exit("the benchmark's server did not start: see the message above")
            yield Server(psutil.Process(process.pid), f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:  # a call that never came about may leave a thread behind
                process.kill()


def measure(variant: Variant, camera: Path, *, warm: float, seconds: float, pictures: int) -> dict[str, Any]:
    """Run one variant: ``warm`` s unmeasured, ``seconds`` measured, then ``pictures`` kept for their quality.

    Returns:
        The figures of :func:`figures`, with ``first_ms`` until the first answer, ``cpu`` s by kind of process
        in the window, ``others`` processors that other programs kept busy, ``load`` and ``kept`` (images by
        number); or ``error`` alone.
    """
    with serving(variant.deflate) as server, sync_playwright() as playwright:
        arguments = [
            "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={camera}", "--no-sandbox",
        ]  # fmt: skip
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            problems: list[str] = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto(f"{server.address}/page.html?{variant.query()}")
            camera_settings = page.evaluate("bench.open()")
            time.sleep(1.0)
            first = page.evaluate("bench.begin()")
            time.sleep(warm)
            before, begun = page.evaluate("bench.collect()"), _Usage(server)
            time.sleep(seconds)
            usage, after = begun.since(), page.evaluate("bench.collect()")
            kept: dict[int, Image] = {}
            if pictures and variant.kind != "none":
                server.post(f"keep?count={pictures}")
                time.sleep(1.0 + pictures / 10)
                kept = server.kept()
            server.post("hang-up")
        except Exception as error:  # a way that does not work here is a result, not the benchmark's end
            return {"error": str(error).splitlines()[0]}
        finally:
            browser.close()
    found = figures(before, after) | usage
    found |= {"first_ms": first, "camera": camera_settings, "problems": problems, "kept": kept}
    return found


class _Usage:
    """Processor time of the server, of Chromium's processes and of everything, from now on."""

    def __init__(self, server: Server) -> None:
        self._server, self._begun = server, time.monotonic()
        self._before = self._now()
        self._all = psutil.cpu_times()

    def _now(self) -> dict[str, float]:
        spent = {"server": _spent(self._server.process)}
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):  # it may end while it is looked at
                if "chrom" in process.name():
                    kind = next((a[7:] for a in process.cmdline() if a.startswith("--type=")), "browser")
                    spent[kind] = spent.get(kind, 0.0) + _spent(process)
        return spent

    def since(self) -> dict[str, Any]:
        """``cpu`` s by kind of process, over ``wall`` s; processors ``others`` kept busy; server's MB."""
        now, wall, everything = self._now(), time.monotonic() - self._begun, psutil.cpu_times()
        cpu = {kind: spent - self._before.get(kind, 0.0) for kind, spent in now.items()}
        idle = (everything.idle + everything.iowait) - (self._all.idle + self._all.iowait)
        busy = sum(everything[:8]) - sum(self._all[:8]) - idle
        others = max(0.0, busy - sum(cpu.values())) / wall
        memory = self._server.process.memory_info().rss / 1e6
        load = psutil.getloadavg()[0]
        return {"cpu": cpu, "wall": wall, "others": others, "load": load, "server_mb": memory}


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def figures(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What the page's notes say about the window between two collections.

    Returns:
        ``frames`` of the camera in the window, ``shown`` per s in the self-view and its longest ``gap`` ms;
        ``answers`` per s, ``lost``: share of the camera's frames without an answer, ``left_out`` by the page
        itself; ``latency`` and its parts in ms (capture to page, encoding, server), ``bytes`` a frame.
    """
    shown = [record for record in after["shown"] if record[0] >= 0]
    seconds = (after["now"] - before["now"]) / 1e3
    captured = [record[1] for record in shown]
    frames = round((captured[-1] - captured[0]) * FPS / 1e3) + 1 if shown else 0
    answers = [answer for answer in after["answers"] if answer["code"] is not None]
    # What was answered in this window may have been shown in the one before.
    latencies = _latencies(before["shown"] + after["shown"], answers)
    delays = np.diff([record[2] for record in shown]) if len(shown) > 1 else np.zeros(1)
    found: dict[str, Any] = {
        "frames": frames,
        "shown_fps": len(shown) / seconds,
        "gap_ms": float(delays.max()),
        "answers_fps": len(answers) / seconds,
        "answered": len(answers),
        "lost": max(0.0, 1.0 - len(answers) / frames) if frames else None,
        "left_out": after["skipped"] - before["skipped"],
        "unread": len(after["answers"]) - len(answers),
        "latency_ms": _spread(latencies),
        "capture_to_page_ms": _spread([record[2] - record[1] for record in shown]),
        "has_capture_time": bool(shown and shown[-1][4]),
        "encode_ms": _spread([a["encode"] for a in answers if a.get("encode") is not None]),
        "decode_ms": _spread([a["worked"] for a in answers]),
        "bytes": float(np.mean([a["bytes"] for a in answers])) if answers and "bytes" in answers[0] else None,
        "width": sorted({a["width"] for a in answers}),
        "faults": after["faults"],
    }
    if after["peer"]:
        sent = {key: after["peer"][key] - before["peer"][key] for key in ("bytes", "frames", "encodeSeconds")}
        found["bytes"] = sent["bytes"] / max(sent["frames"], 1)
        found["sent_fps"] = sent["frames"] / seconds
        found["encode_ms"] = {"p50": 1e3 * sent["encodeSeconds"] / max(sent["frames"], 1), "p95": None}
        found["candidates"] = after["description"]
    return found


def _latencies(shown: list[list[float]], answers: list[dict[str, Any]]) -> list[float]:
    """Times from each answered frame's capture to its answer, ms; of frames that the self-view showed too."""
    by_code: dict[int, list[float]] = {}
    for record in shown:
        by_code.setdefault(int(record[0]), []).append(record[1])
    found = []
    for answer in answers:
        ages = [answer["at"] - captured for captured in by_code.get(answer["code"], ())]
        possible = [age for age in ages if 0 <= age < _AT_MOST]
        if possible:
            found.append(min(possible))
    return found


def _spread(values: list[float]) -> dict[str, float | None]:
    if not values:
        return {"p50": None, "p95": None}
    return {"p50": float(np.median(values)), "p95": float(np.quantile(values, 0.95))}
