"""Put faults into real sessions and check that each ends as it should.

    python benchmarks/faults.py                     every fault, one by one and together
    python benchmarks/faults.py --count 200         SIGINT or SIGTERM at 200 random moments
    python benchmarks/faults.py --kill 200          kill -9 at 200 random moments of five commands

A session has ended well when its exit code is right, its log is complete (header, a line for every captured
frame in order, summary), its recording plays to the last frame, no temporary file, thread or process is left
and no traceback was shown.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import av
from _killed import kill_many, print_kills

FAULTY = Path(__file__).with_name("_faulty.py")
#: s after which a session hangs.
PATIENCE = 90.0
#: s of a camera that is away for good.
LOST_TIMEOUT = 1.0


@dataclass
class Case:
    """One session with faults.

    spec: as benchmarks/_faulty.py takes it.
    ended: what the summary must say; None: no log is expected to be complete.
    code: the exit code.
    """

    name: str
    spec: dict[str, Any]
    ended: str = "camera lost"
    code: int = 2
    window: bool = False
    room: int | None = None
    left: tuple[str, ...] = ()
    says: str = ""


@dataclass
class Outcome:
    """The files and processes that a session left behind."""

    code: int
    ended: str = ""
    frames: int = 0
    recorded: int = 0
    problems: list[str] = field(default_factory=list)


#: A camera that ends for good after so many images; the session then ends with "camera lost", code 2.
LAST = 60
TOGETHER = [
    ["torn", 6, 4],
    ["stall", 12, 0.7],
    ["size", 16, 2.0],
    ["corrupt", 20, 6],
    ["dies", 28, 0.5],
    ["black", 34, 5],
    ["raises", 42, 3],
    ["size", 45, 0.5],
    ["none", 48, 3],
    ["noise", 52, 6],
]
FAILS_FOR_GOOD = list(range(20, 2000))
CASES = (
    Case("stalls 2 s", {"camera": [["stall", 20, 2.0]]}),
    Case("hiccup of 0.5 s", {"camera": [["silent", 20, 0.5]]}),
    Case("dies, returns", {"camera": [["dies", 20, 0.5]]}),
    Case("dies twice", {"camera": [["dies", 15, 0.4], ["dies", 40, 0.6]]}),
    Case("changes size", {"camera": [["size", 15, 2.0], ["size", 30, 0.25], ["size", 45, 1.0]]}),
    Case("black", {"camera": [["black", 15, 25]]}),
    Case("white, noise", {"camera": [["white", 15, 8], ["noise", 30, 12]]}),
    Case("corrupt JPEG", {"camera": [["corrupt", 10, 40]]}),
    Case("torn", {"camera": [["torn", 10, 40]]}),
    Case("grey, alpha", {"camera": [["grey", 10, 5], ["flat", 20, 5], ["alpha", 30, 5]]}),
    Case("16 bits, YUYV", {"camera": [["deep", 10, 5], ["two", 30, 5]]}),
    Case("bytes, 1 px", {"camera": [["bytes", 10, 5], ["tiny", 30, 5]]}),
    Case("empty, none", {"camera": [["empty", 10, 5], ["none", 30, 5]]}),
    Case("the driver raises", {"camera": [["raises", 20, 5]]}),
    Case("inference raises once", {"camera": [], "inference": [25]}),
    Case("inference raises 3 times", {"camera": [], "inference": [20, 25, 26]}),
    Case(
        "inference fails for good",
        {"camera": [], "inference": FAILS_FOR_GOOD},
        "failed",
        says="out of memory",
    ),
    Case("disk full", {"camera": [], "last": 300}, room=250_000, says="cannot be written further"),
    Case("window closed", {"camera": [], "last": 400, "display": [1.0, "button"]}, "quit", 0, window=True),
    Case(
        "screen lost",
        {"camera": [], "last": 400, "display": [1.0, "quit"]},
        "failed",
        window=True,
        says="screen",
    ),
    Case("X server killed", {"camera": [], "last": 400, "display": [1.0, "server"]}, "failed", window=True),
    Case("all together", {"camera": TOGETHER, "inference": [20, 33, 47]}),
    Case("all together, window", {"camera": TOGETHER, "inference": [20, 33, 47]}, window=True),
    Case(
        "all together, disk full",
        {"camera": TOGETHER, "inference": [20, 33], "last": 120},
        room=200_000,
        says="cannot be written further",
    ),
)


class Bench:
    """A folder with what every session needs: the expert, a performer, a configuration."""

    def __init__(self, folder: Path) -> None:
        from posesync.realtime.commands.demo_performance import perform

        self.folder = folder
        self.expert = Path(str(resources.files("posesync.realtime") / "media" / "demo_expert.mp4"))
        self.performer = folder / "performer.mp4"
        perform(self.expert, self.performer)
        self.config = folder / "faults.toml"
        self.config.write_text(
            f"[camera]\nlost_timeout = {LOST_TIMEOUT}\nretry_interval = 0.1\n[display]\nheight = 360\n"
        )
        self.environment = {
            **{key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")},
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_DATA_HOME": str(folder / "data"),
            "POSESYNC_OFFLINE": "1",
            "SDL_AUDIODRIVER": "dummy",
        }
        # Once, so that sessions begin at once.
        code = "from posesync.realtime.commands.app import run; import sys; sys.exit(run('posesync'))"
        arguments = ["prepare", str(self.expert), "--detector", "keypoints"]
        subprocess.run([sys.executable, "-c", code, *arguments], env=self.environment, check=True, stdout=-3)

    def start(
        self,
        out: Path,
        spec: dict[str, Any],
        *,
        camera: str = "0",
        window: bool = False,
        room: int | None = None,
    ) -> subprocess.Popen[str]:
        """A session in a process group of its own, writing into ``out``."""
        spec = {"clip": str(self.performer), "report": str(out / "report.json"), **spec}
        arguments = ["--reference", str(self.expert), "--camera", camera, "--config", str(self.config)]
        arguments += [
            "--detector",
            "keypoints",
            "--log",
            str(out / "s.jsonl"),
            "--record",
            str(out / "s.mp4"),
        ]
        environment = dict(self.environment)
        if window:
            environment.setdefault("SDL_VIDEODRIVER", "dummy")
        else:
            arguments.append("--headless")

        def limit() -> None:
            import resource

            if room is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

        return subprocess.Popen(
            [sys.executable, str(FAULTY), json.dumps(spec), *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=limit,
        )

    def finish(self, process: subprocess.Popen[str], out: Path) -> tuple[Outcome, str]:
        """Wait for the end and look at what is left."""
        try:
            _, said = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Outcome(-9, problems=[f"it hung for {PATIENCE:.0f} s"]), ""
        outcome = Outcome(process.returncode)
        if "Traceback" in said:
            outcome.problems.append("traceback: " + said[said.index("Traceback") :][:1500])
        if _group_lives(process.pid):
            outcome.problems.append("a process is left behind")
        report = out / "report.json"
        if report.exists():
            left = json.loads(report.read_text())
            if left["threads"]:
                outcome.problems.append(f"threads left: {left['threads']}")
            if left["trampled"]:
                outcome.problems.append("the camera was released while it was read")
        hidden = [path.name for path in out.iterdir() if path.name.startswith(".")]
        if hidden:
            outcome.problems.append(f"left behind: {hidden}")
        _read_outputs(out, outcome)
        return outcome, said


def _group_lives(group: int) -> bool:
    for _ in range(20):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True


def _read_outputs(out: Path, outcome: Outcome) -> None:
    log, video = out / "s.jsonl", out / "s.mp4"
    summary: dict[str, Any] = {}
    if log.exists():
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        summary = lines[-1].get("summary", {})
        outcome.ended = summary.get("ended", "")
        times = [line["t"] for line in lines if "t" in line]
        outcome.frames = len(times)
        if "posesync" not in lines[0] or not summary:
            outcome.problems.append("the log lacks header or summary")
        elif summary["frames"] != len(times):
            outcome.problems.append(f"{summary['frames']} frames in the summary, {len(times)} in the log")
        if times != sorted(set(times)):
            outcome.problems.append("times do not increase")
    if video.exists():
        try:
            with av.open(str(video)) as container:
                for _ in container.decode(video=0):
                    outcome.recorded += 1
        except (av.FFmpegError, OSError) as error:
            outcome.problems.append(f"the recording does not play: {error}")
        if not outcome.recorded:
            outcome.problems.append("the recording is empty")
    elif summary.get("timing", {}).get("shown"):
        outcome.problems.append("there is no recording")


@contextmanager
def _screen(bench: Bench, spec: dict[str, Any]) -> Iterator[None]:
    """An X server of the case's own, when one is to be killed."""
    if spec.get("display", ("", ""))[1] != "server":
        yield
        return
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24"], pass_fds=[write], stderr=-3
    )
    before = dict(bench.environment)
    try:
        number = os.read(read, 20).decode().strip()
        bench.environment.update(DISPLAY=f":{number}", SDL_VIDEODRIVER="x11")
        spec["display"] = [spec["display"][0], str(server.pid)]
        yield
    finally:
        bench.environment = before
        for end in (read, write):
            os.close(end)
        server.kill()
        server.wait()


def check_case(bench: Bench, case: Case, out: Path) -> Outcome:
    """Run one case and add what is not as it should be."""
    spec = {"last": LAST, **case.spec}
    with _screen(bench, spec):
        process = bench.start(out, spec, window=case.window, room=case.room)
        outcome, said = bench.finish(process, out)
    if outcome.code != case.code:
        outcome.problems.append(f"exit code {outcome.code}, not {case.code}: {said.strip()[-300:]}")
    if outcome.ended != case.ended:
        outcome.problems.append(f"ended {outcome.ended!r}, not {case.ended!r}: {said.strip()[-300:]}")
    if case.says not in said:
        outcome.problems.append(f"{case.says!r} was not said: {said.strip()[-300:]}")
    if not outcome.recorded and not outcome.problems:
        outcome.problems.append("nothing was recorded")
    return outcome


#: How a session can be running when a signal comes: name → camera, window.
MODES = {
    "file": ("performer", False),
    "file in a window": ("performer", True),
    "camera": ("0", False),
    "camera in a window": ("0", True),
}


def check_signal(bench: Bench, out: Path, rng: random.Random, *, latest: float) -> tuple[str, Outcome]:
    """One session with a signal at a random moment, sometimes two; returns what happened, in words."""
    mode = rng.choice(list(MODES))
    camera, window = MODES[mode]
    spec: dict[str, Any] = (
        {"camera": [["dies", 25, 0.5], ["torn", 40, 5]], "last": 110} if camera == "0" else {}
    )
    process = bench.start(out, spec, camera="0" if camera == "0" else str(bench.performer), window=window)
    time.sleep(rng.uniform(0.1, latest))
    sent = 0
    for pause in (0.0, rng.uniform(0, 0.3)) if rng.random() < 0.3 else (0.0,):
        time.sleep(pause)
        if process.poll() is None:
            process.send_signal(rng.choice([signal.SIGINT, signal.SIGTERM]))
            sent += 1
    outcome, said = bench.finish(process, out)
    things = sorted(path.name for path in out.iterdir() if path.name != "report.json")
    if outcome.code < 0 and not things:
        # The signal came before Python had started, so the program could not report anything.
        outcome.problems = []
        return "before Python was up", outcome
    if outcome.code in (130, 143):
        if things:
            outcome.problems.append(f"code {outcome.code}, but {things} are there")
        return "before the session", outcome
    wanted = {"interrupted": 0, "end of source": 0, "camera lost": 2}.get(outcome.ended)
    if outcome.code != wanted:
        outcome.problems.append(f"{mode}: code {outcome.code} with {outcome.ended!r}: {said.strip()[-300:]}")
    if not sent:
        return "after the end", outcome
    return f"in the session ({mode})" if outcome.ended == "interrupted" else "while it ended", outcome


def main() -> int:
    """Run what is asked and print one line each, then the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=0, help="signals at so many random moments")
    parser.add_argument("--kill", type=int, default=0, help="kill -9 at so many random moments")
    parser.add_argument("--jobs", type=int, default=2, help="kills at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latest", type=float, default=7.0, help="s, the latest moment")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--keep", action="store_true", help="keep what a failed session wrote")
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="posesync-faults-"))
    tally: Counter[str] = Counter()
    bad = 0
    try:
        bench = Bench(folder)
        if wanted.kill:
            return bool(
                print_kills(kill_many(bench, folder, wanted.kill, seed=wanted.seed, jobs=wanted.jobs))
            )
        rng = random.Random(wanted.seed)
        todo: list[Case | None] = [None] * wanted.count or [
            case for case in CASES if wanted.only in case.name
        ]
        for number, case in enumerate(todo):
            out = folder / f"out{number}"
            out.mkdir()
            if case is None:
                what, outcome = check_signal(bench, out, rng, latest=wanted.latest)
            else:
                what, outcome = case.name, check_case(bench, case, out)
            tally[what] += 1
            bad += bool(outcome.problems)
            mark = "BAD" if outcome.problems else "ok "
            counts = f"{outcome.frames} frames, {outcome.recorded} recorded"
            print(f"{mark} {what}: code {outcome.code}, {outcome.ended or 'no log'}, {counts}", flush=True)
            for problem in outcome.problems:
                print(f"      {problem}", flush=True)
            if not (outcome.problems and wanted.keep):
                shutil.rmtree(out)
    finally:
        if not (bad and wanted.keep):
            shutil.rmtree(folder, ignore_errors=True)
    for what, count in sorted(tally.items()) if wanted.count else ():
        print(f"{count:4d} {what}")
    print(f"{len(todo) - bad} of {len(todo)} sessions ended well")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
