"""Kills commands at random moments, starts another one, and looks at what is lost and what is left behind."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import av
from _web_server import SignedIn, sign_in

if TYPE_CHECKING:
    from faults import Bench

FAULTY: Final = Path(__file__).with_name("_faulty.py")
PROGRAM: Final = "from posesync.realtime.commands.cli import main; main()"
#: s of a session that a kill may cost.
MOST_LOST: Final = 1.0
#: s after which a command hangs.
PATIENCE: Final = 120.0


@dataclass
class Killed:
    """One kill, and what the next start made of it.

    Attributes:
        command: the one that was killed.
        session: whether there was a session of more than a second.
        log_lost: s at the end of the session that are missing in its log; None without a session.
        video_lost: the same of its recording.
        litter: bytes that nobody will ever need.
        problems: what is not as it should be.
    """

    command: str
    session: bool = False
    log_lost: float | None = None
    video_lost: float | None = None
    litter: int = 0
    problems: list[str] = field(default_factory=list)


class Run:
    """One command with folders of its own for state, cache, temporary files and outputs."""

    def __init__(
        self, bench: Bench, folder: Path, rng: random.Random, most_lost: float, finished: Path
    ) -> None:
        self.bench, self.folder, self.rng, self.most_lost = bench, folder, rng, most_lost
        self.finished = finished
        self.data, self.cache, self.temp, self.out = (
            folder / name for name in ("data", "cache", "temp", "out")
        )
        for made in (self.data, self.temp, self.out):
            made.mkdir(parents=True)
        shutil.copytree(bench.environment["XDG_CACHE_HOME"], self.cache)
        self.log, self.video = self.out / "s.jsonl", self.out / "s.mp4"
        self.environment = bench.environment | {
            "XDG_DATA_HOME": str(self.data),
            "XDG_CACHE_HOME": str(self.cache),
            "TMPDIR": str(self.temp),
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, *arguments: str, program: Sequence[str] = ("-c", PROGRAM)) -> subprocess.Popen[str]:
        """A command in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, *program, *arguments],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kill it, with its children or alone: then they end by themselves."""
        if self.rng.random() < 0.5:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.02)
        raise TimeoutError("its children did not end")

    def next_start(self) -> list[str]:
        """What the next start says; sometimes two at once, sometimes one that is killed itself."""
        chance = self.rng.random()
        if chance < 0.2:
            first = self.start("history", "--json")
            time.sleep(self.rng.uniform(0.2, 1.5))
            self.kill(first)
        starts = [self.start("history", "--json") for _ in range(2 if 0.2 <= chance < 0.4 else 1)]
        return [process.communicate(timeout=PATIENCE)[0] for process in starts]

    def litter(self) -> dict[str, int]:
        """Path → bytes of what nobody will ever need."""
        found = {}
        for place in (self.data, self.cache, self.temp, self.out):
            for path in place.rglob("*"):
                parts = path.relative_to(place).parts
                hidden = any(part.startswith(".") or part.endswith((".part", "-journal")) for part in parts)
                entry = "unfinished" in parts and path.name != "lock"
                if path.is_file() and (hidden or entry or place == self.temp):
                    found[str(path.relative_to(self.folder))] = path.stat().st_size
        return found


# -- the commands --------------------------------------------------------------------------------------------


def kill_live(run: Run) -> Killed:
    """A camera, headless or with a window, with log and recording."""
    note = run.folder / "captured"
    spec = {"clip": str(run.bench.performer), "report": str(run.folder / "left.json"), "camera": []}
    arguments = ["--reference", str(run.bench.expert), "--camera", "0", "--config", str(run.bench.config)]
    arguments += ["--detector", "keypoints", "--log", str(run.log), "--record", str(run.video)]
    if run.rng.random() < 0.7:
        arguments.append("--headless")
    run.environment.setdefault("SDL_VIDEODRIVER", "dummy")
    process = run.start(json.dumps(spec | {"note": str(note)}), *arguments, program=[str(FAULTY)])
    begun = run.rng.random() < 0.7  # otherwise also while it starts
    if begun:
        _wait_for(lambda: note.exists() and note.stat().st_size > 0, PATIENCE / 4)
    time.sleep(run.rng.uniform(0.0, 4.0))
    run.kill(process)
    killed = Killed("live")
    run.next_start()
    captured = [at for (at,) in struct.iter_unpack("d", note.read_bytes())] if note.exists() else []
    length = captured[-1] - captured[0] if captured else 0.0
    _check_session(run, killed, run.log, length)
    if killed.session:
        killed.video_lost = length - _playing(run.video, killed)
        if killed.video_lost > run.most_lost:
            killed.problems.append(f"{killed.video_lost:.2f} s of the recording of {length:.2f} s are lost")
    return killed


def kill_serve(run: Run) -> Killed:
    """A server with a performer at its socket."""
    process = run.start(
        "serve", "--reference", str(run.bench.expert), "--port", "0", "--no-open", "--detector", "keypoints"
    )
    answered: list[float] = []
    page = threading.Thread(target=_practise, args=(process, run.bench.performer, answered), daemon=True)
    page.start()
    _wait_for(lambda: bool(answered) or process.poll() is not None, run.rng.uniform(0.1, 20.0))
    time.sleep(run.rng.uniform(0.0, 4.0))
    run.kill(process)
    page.join(20)
    length = answered[-1] - answered[0] if answered else 0.0
    run.next_start()
    killed = Killed("serve")
    logs = list((run.data / "posesync" / "sessions").glob("*.jsonl"))
    _check_session(run, killed, logs[0] if logs else run.log, length)
    return killed


def kill_prepare(run: Run) -> Killed:
    """One video anew, or two of them in processes of their own."""
    videos = [str(run.bench.expert), str(run.bench.performer)][: run.rng.choice((1, 2))]
    process = run.start("prepare", *videos, "--force", "--detector", "keypoints", "--jobs", "2")
    time.sleep(run.rng.uniform(0.1, 5.0))
    run.kill(process)
    run.next_start()
    return Killed("prepare")


def kill_report(run: Run) -> Killed:
    """The report of a session."""
    shutil.copy(run.finished, run.log)
    before = run.log.read_bytes()
    process = run.start("report", str(run.log))
    time.sleep(run.rng.uniform(0.1, 1.8))
    run.kill(process)
    run.next_start()
    killed, page = Killed("report"), run.log.with_suffix(".html")
    if run.log.read_bytes() != before:
        killed.problems.append("the log is not what it was")
    if page.exists() and not page.read_text(encoding="utf-8").rstrip().endswith("</html>"):
        killed.problems.append("the report is cut off")
    return killed


def kill_sync(run: Run) -> Killed:
    """Two videos into one, with path and plot."""
    outputs = ["-o", str(run.video), "--path", str(run.out / "p.csv"), "--plot", str(run.out / "p.png")]
    process = run.start(
        "sync", str(run.bench.expert), str(run.bench.performer), *outputs, "--detector", "keypoints"
    )
    time.sleep(run.rng.uniform(0.1, 6.0))
    run.kill(process)
    run.next_start()
    killed = Killed("sync")
    if run.video.exists():
        _playing(run.video, killed)
    return killed


COMMANDS: Final[dict[str, Callable[[Run], Killed]]] = {
    "live": kill_live,
    "serve": kill_serve,
    "prepare": kill_prepare,
    "report": kill_report,
    "sync": kill_sync,
}


# -- what is left --------------------------------------------------------------------------------------------


def _check_session(run: Run, killed: Killed, log: Path, length: float) -> None:
    """Compare the recovered log, its report and the history with what was captured, ``length`` s."""
    killed.session = length > run.most_lost
    lines: list[dict[str, Any]] = []
    if log.exists():
        try:
            lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        except ValueError as error:
            killed.problems.append(f"the log cannot be read: {error}")
    if not killed.session:
        return
    times = [line["t"] for line in lines if "t" in line]
    killed.log_lost = length - (times[-1] if times else 0.0)
    if killed.log_lost > run.most_lost:
        killed.problems.append(f"{killed.log_lost:.2f} s of the log of {length:.2f} s are lost")
    if not log.with_suffix(".html").exists():
        killed.problems.append("there is no report")
    said = run.start("history", "--json").communicate(timeout=PATIENCE)[0]
    if len(json.loads(said)["sessions"]) != 1:
        killed.problems.append(f"the history does not have the session once: {said[:300]}")


def _playing(video: Path, killed: Killed) -> float:
    """How many seconds of a recording play; 0 when it is missing."""
    last = 0.0
    try:
        with av.open(str(video)) as container:
            for frame in container.decode(video=0):
                last = float(frame.time or 0.0)
    except (av.FFmpegError, OSError) as error:
        killed.problems.append(f"the recording does not play: {error}")
    return last


def _wait_for(ready: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not ready() and time.monotonic() < end:
        time.sleep(0.02)


def _practise(process: subprocess.Popen[str], performer: Path, answered: list[float]) -> None:
    """A page: frame after frame in real time, and when the answered ones were captured, s."""
    import cv2
    from _faulty import read_images
    from posesync.realtime.web.practice.protocol import EncodedFrame, pack_frame
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    jpegs = [
        cv2.imencode(".jpg", cv2.resize(image, (640, 360)))[1].tobytes() for image in read_images(performer)
    ]
    try:
        entered: SignedIn = sign_in(process)
        with connect(
            f"ws://{entered.host}/ws/practice/{entered.expert}",
            additional_headers={"Cookie": entered.cookie, "Origin": f"http://{entered.host}"},
        ) as socket:
            began = time.monotonic()
            for number in range(10_000):
                captured = time.monotonic() - began
                jpeg = jpegs[number % len(jpegs)]
                socket.send(pack_frame(EncodedFrame(number, captured, 0, 640, 360, jpeg)))
                while (message := json.loads(socket.recv(timeout=20))).get("seq") != number:
                    if message["type"] == "ended":
                        return
                answered.append(captured)
                time.sleep(max(0.0, began + (number + 1) / 30 - time.monotonic()))
    except (OSError, WebSocketException, TimeoutError, ValueError, KeyError, SystemExit):
        return  # it was killed


# -- all of them ---------------------------------------------------------------------------------------------


def make_session(bench: Bench, folder: Path) -> Path:
    """The log of a complete session."""
    log = folder / "finished.jsonl"
    arguments = ["live", "--reference", str(bench.expert), "--camera", str(bench.performer), "--headless"]
    arguments += ["--detector", "keypoints", "--log", str(log), "--no-report"]
    subprocess.run([sys.executable, "-c", PROGRAM, *arguments], env=bench.environment, check=True, stdout=-3)
    return log


def kill_many(
    bench: Bench, folder: Path, count: int, *, seed: int = 0, jobs: int = 2, most_lost: float = MOST_LOST
) -> list[Killed]:
    """Kill so many commands, each kind in turn, and print each one that did not end well."""
    kinds = list(COMMANDS)
    finished = make_session(bench, folder)

    def one(number: int) -> Killed:
        kind, place = kinds[number % len(kinds)], folder / f"kill{number}"
        run = Run(bench, place, random.Random(f"{seed} {number}"), most_lost, finished)
        try:
            killed = COMMANDS[kind](run)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            killed = Killed(kind, problems=[f"{type(error).__name__}: {error}"])
        litter = run.litter()
        killed.litter = sum(litter.values())
        if litter:
            killed.problems.append(f"litter: {litter}")
        for problem in killed.problems:
            print(f"BAD {number} {kind}: {problem}", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        return killed

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, range(count)))


def print_kills(killed: Sequence[Killed]) -> int:
    """Print a line for each command; return how many kills did not end well."""
    print("command   kills  sessions  lost  most lost of log, recording  litter")
    counts = Counter(each.command for each in killed)
    for kind in counts:
        of = [each for each in killed if each.command == kind]
        lost = [each for each in of if any("lost" in p or "history" in p for p in each.problems)]
        logs = [each.log_lost for each in of if each.log_lost is not None]
        videos = [each.video_lost for each in of if each.video_lost is not None]
        most = " ".join(f"{max(values):6.2f} s" if values else "       –" for values in (logs, videos))
        sessions, litter = sum(each.session for each in of), sum(each.litter for each in of)
        print(f"{kind:8} {len(of):6} {sessions:9} {len(lost):5} {most:>28} {litter:7} B")
    bad = sum(bool(each.problems) for each in killed)
    print(f"{len(killed)} kills, {bad} bad")
    return bad
