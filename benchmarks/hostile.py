"""Attack a real ``posesync serve`` from all sides while somebody practises.

    python benchmarks/hostile.py                      # 100 000 messages, 10 000 connections, 6 min
    python benchmarks/hostile.py --quick

One performer sends 30 frames per s all the time; their rate is measured alone, beside two who perform as
well, during each attack, and alone again, all in one run. It fails when the server dies or says that
something unexpected happened, when the performer's rate falls below 80 % of what it was before (95 %
afterwards), when a stranger is answered otherwise than expected, or when memory or open files do not come
back. What is compared: attacks that hold sessions, with the time beside two others, as their pictures are
worked on too; all else, with the time alone.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import cv2
import numpy as np
from posesync.pose.sources import open_source
from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).resolve().parent.parent
CLIENT: Final = Path(__file__).with_name("_hostile_client.py")
PROGRAM: Final = "from posesync.realtime.commands.cli import main; main()"
SIZE: Final = (640, 360)
#: Share of the rate alone that is left during an attack, and afterwards.
DURING, AFTER = 0.8, 0.95
#: MB and files that may be more afterwards: what an allocator keeps, and the log of a session.
MORE_MEMORY, MORE_FILES = 60.0, 2
#: s until sessions without a page have ended.
GRACE: Final = 20.0
ATTACKS: Final = ("fuzz", "connects", "crowd", "deaf", "slow", "large")
#: Those that hold two sessions, whose pictures are worked on.
WITH_SESSIONS: Final = ("fuzz", "deaf")


@dataclass
class Server:
    """A running server.

    Attributes:
        process: its own.
        host: ``127.0.0.1:port``.
        cookie: what lets in.
        expert: id of the expert.
        log: file of its standard error.
    """

    process: subprocess.Popen[str]
    host: str
    cookie: str
    expert: str
    log: Path

    def usage(self) -> tuple[float, int]:
        """Resident MB, and open files; zeros where there is no /proc."""
        proc = Path("/proc") / str(self.process.pid)
        try:
            pages = int((proc / "statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(list((proc / "fd").iterdir()))
        except OSError:
            return 0.0, 0

    def processor(self) -> float:
        """Processor time so far, s; 0 where there is no /proc."""
        try:
            fields = (Path("/proc") / str(self.process.pid) / "stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:
            return 0.0

    def troubles(self) -> list[str]:
        """Lines of its log that speak of something unexpected."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        words = re.compile(r"unexpected|traceback|error|exception", re.IGNORECASE)
        return [line for line in lines if words.search(line)]


@contextmanager
def serving(folder: Path, clip: Path, options: list[str]) -> Iterator[Server]:
    """``posesync serve`` with an expert that is ready; ended by Ctrl-C."""
    log = folder / "server.log"
    command = [sys.executable, "-c", PROGRAM, "serve", "--reference", str(clip), "--port", "0", "--no-open"]
    environment = {**os.environ, "XDG_DATA_HOME": str(folder / "data"), "PYTHONUNBUFFERED": "1"}
    environment.setdefault("POSESYNC_OFFLINE", "1")
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=errors, env=environment, text=True
        )
    try:
        assert process.stdout is not None
        found = next(filter(None, (re.search(r"http://\S+", line) for line in process.stdout)), None)
        if found is None:
            sys.exit(f"posesync serve did not start: {log.read_text()}")
        threading.Thread(target=process.stdout.read, daemon=True).start()
        address = urlsplit(found.group())
        answer = _get(address.netloc, f"/?{address.query}")
        cookie = str(answer.getheader("Set-Cookie")).partition(";")[0]
        yield Server(process, address.netloc, cookie, _ready(address.netloc, cookie), log)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _get(host: str, path: str, cookie: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", path, headers={"Cookie": cookie})
    return connection.getresponse()


def _ready(host: str, cookie: str) -> str:
    """The expert's id, as soon as they are ready."""
    for _ in range(600):
        found = json.loads(_get(host, "/api/experts", cookie).read())["experts"][0]
        if found["state"] == "ready":
            return str(found["id"])
        if found["state"] == "failed":
            sys.exit(f"the expert could not be prepared: {found['detail']}")
        time.sleep(0.2)
    sys.exit("the expert was not ready within 2 min")


@dataclass
class Bench:
    """A server, somebody who practises there, and what was measured."""

    server: Server
    folder: Path
    plan: dict[str, Any]
    windows: dict[str, tuple[float, float]] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    _performer: subprocess.Popen[str] | None = None

    def begin(self, warm: float) -> None:
        """Start the practice of one performer."""
        self._performer = self._perform()
        time.sleep(warm)

    def _perform(self) -> subprocess.Popen[str]:
        performer = self._client("behave", stdin=subprocess.PIPE)
        assert performer.stdout is not None
        if performer.stdout.readline().strip() != "performing":
            sys.exit("a performer could not begin: see above")
        return performer

    def in_company(self, name: str, seconds: float, warm: float) -> None:
        """Measure for a while beside two others who practise."""
        others = [self._perform() for _ in range(2)]
        time.sleep(warm)
        self.alone(name, seconds)
        for other in others:
            other.communicate("\n")

    def alone(self, name: str, seconds: float) -> None:
        """Measure for a while without an attack."""
        with self._window(name):
            time.sleep(seconds)

    @contextmanager
    def _window(self, name: str) -> Iterator[None]:
        began, used = time.monotonic(), self.server.processor()
        yield
        self.windows[name] = (began, time.monotonic())
        self.used[name] = (self.server.processor() - used) / (time.monotonic() - began)

    def attack(self, name: str, **plan: Any) -> None:
        """Run one attack to its end."""
        with self._window(name):
            out, _ = self._client(name, **plan).communicate()
        self.said[name] = json.loads(out) if out else {"tally": {"UNEXPECTED the client failed": 1}}

    def end(self) -> dict[str, Any]:
        """Return the performer's measurements."""
        assert self._performer is not None
        out, _ = self._performer.communicate("\n")
        noted: dict[str, Any] = json.loads(out.splitlines()[-1])
        return noted

    def _client(self, name: str, *, stdin: int | None = None, **plan: Any) -> subprocess.Popen[str]:
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps({**self.plan, **plan}))
        command = [sys.executable, str(CLIENT), name, str(file)]
        return subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, text=True)


def pictures(clip: Path, folder: Path, count: int = 90) -> list[str]:
    """Frames of a clip as a page sends them: files."""
    files = []
    with open_source(clip) as source:
        for number, frame in zip(range(count), source, strict=False):
            small = cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_AREA)
            file = folder / f"{number}.jpg"
            file.write_bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())
            files.append(str(file))
    return files


def rates(noted: dict[str, Any], windows: dict[str, tuple[float, float]]) -> dict[str, dict[str, float]]:
    """Of the performer in each window: answers per s, in the worst 5 s too; round trip; longest gap."""
    answered = np.array(noted["answered"], float).reshape(-1, 2)
    found = {}
    for name, (began, ended) in windows.items():
        rows = answered[(answered[:, 0] >= began) & (answered[:, 0] < ended)]
        edges = np.arange(began, max(ended - 5.0, began + 0.1), 1.0)
        each = [((rows[:, 0] >= edge) & (rows[:, 0] < edge + 5.0)).sum() / 5.0 for edge in edges]
        gaps = np.diff(np.concatenate([[began], rows[:, 0], [ended]]))
        found[name] = {
            "seconds": ended - began,
            "fps": len(rows) / (ended - began),
            "worst_fps": float(min(each)) if ended - began > 6 else len(rows) / (ended - began),
            "p50_ms": 1e3 * float(np.median(rows[:, 1])) if len(rows) else float("nan"),
            "gap_ms": 1e3 * float(gaps.max()),
        }
    return found


def problems(bench: Bench, found: dict[str, dict[str, float]], before: Any, after: Any) -> list[str]:
    """Return everything that is not as it should be."""
    wrong = [f"the server said: {line}" for line in bench.server.troubles()[:10]]
    if bench.server.process.poll() is not None:
        wrong.append(f"the server ended with {bench.server.process.returncode}")
    for name, row in found.items():
        least = AFTER if name == "after" else DURING
        rate = found["beside two" if name in WITH_SESSIONS and "beside two" in found else "alone"]["fps"]
        if row["fps"] < least * rate and name != "beside two":
            wrong.append(f"{name}: {row['fps']:.1f} fps, expected {least:.0%} of {rate:.1f}")
    for name, said in bench.said.items():
        wrong += [
            f"{name}: {count} × {what}" for what, count in said["tally"].items() if "UNEXP" in what and count
        ]
    if after[0] > before[0] + MORE_MEMORY:
        wrong.append(f"{after[0] - before[0]:.0f} MB more than before, expected {MORE_MEMORY:.0f} at most")
    if after[1] > before[1] + MORE_FILES:
        wrong.append(f"{after[1]} open files, {before[1]} before")
    return wrong


def run(
    bench: Bench, options: argparse.Namespace
) -> tuple[dict[str, dict[str, float]], Any, Any, dict[str, Any]]:
    """All of it; the performer's rates, the usage before and after, and what the performer noted."""
    bench.begin(options.warm)
    if options.company:
        bench.in_company("beside two", options.seconds, options.warm)
        time.sleep(options.grace)
    bench.alone("alone", options.seconds)
    before = bench.server.usage()
    for name in options.attacks:
        count = {
            "fuzz": options.messages,
            "connects": options.connections,
            "crowd": options.crowd,
            "large": options.large,
        }.get(name, 0)
        bench.attack(name, count=count, seconds=options.lasting, seed=options.seed, nice=options.nice)
        memory, files = bench.server.usage()
        sys.stderr.write(f"{name}: {memory:.0f} MB, {files} files, {bench.said[name]['tally']}\n")
    time.sleep(options.grace)
    bench.alone("after", options.seconds)
    after = bench.server.usage()
    noted = bench.end()
    return rates(noted, bench.windows), before, after, noted


def tables(
    bench: Bench, found: dict[str, dict[str, float]], before: tuple[float, int], after: tuple[float, int]
) -> Iterator[Table]:
    """The rates, and what the attackers were answered."""
    table = Table(title="Somebody who practises at 30 fps")
    headings = ("during", "s", "answers/s", "in the worst 5 s", "round trip p50 ms", "longest gap ms")
    for heading in (*headings, "server's processors"):
        table.add_column(heading, justify="left" if heading == "during" else "right")
    for name, row in found.items():
        cells = (f"{row[key]:.1f}" for key in ("seconds", "fps", "worst_fps", "p50_ms", "gap_ms"))
        table.add_row(name, *cells, f"{bench.used[name]:.2f}")
    yield table
    answers = Table(title="What the attackers were answered")
    answers.add_column("attack")
    answers.add_column("answers", overflow="fold")
    for name, said in bench.said.items():
        answers.add_row(name, ", ".join(f"{what}: {count}" for what, count in sorted(said["tally"].items())))
        if "kinds" in said:
            kinds = sorted(said["kinds"].items(), key=lambda item: -item[1])
            answers.add_row("", ", ".join(f"{count} {kind}" for kind, count in kinds))
    yield answers
    usage = Table(title="The server")
    for heading in ("", "before", "after"):
        usage.add_column(heading, justify="right" if heading else "left")
    usage.add_row("resident MB", f"{before[0]:.0f}", f"{after[0]:.0f}")
    usage.add_row("open files", str(before[1]), str(after[1]))
    yield usage


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--crowd", type=int, default=2000, help="connections that say nothing")
    parser.add_argument("--large", type=int, default=50_000_000, help="bytes of what is far too large")
    parser.add_argument(
        "--no-company", dest="company", action="store_false", help="no time beside two others"
    )
    parser.add_argument("--lasting", type=float, default=30.0, help="s of an attack that has no count")
    parser.add_argument("--seconds", type=float, default=10.0, help="alone, before and after")
    parser.add_argument("--warm", type=float, default=3.0, help="s before anything is measured")
    parser.add_argument("--grace", type=float, default=GRACE, help="s until forgotten sessions have ended")
    parser.add_argument("--attacks", nargs="+", default=list(ATTACKS), choices=ATTACKS)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--nice", type=int, default=19, help="of the attackers, who have other computers")
    parser.add_argument("--quick", action="store_true", help="a twentieth of it")
    parser.add_argument("--serve", nargs=argparse.REMAINDER, default=[], help="further options of the server")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "out" / "hostile.json")
    options = parser.parse_args()
    if options.quick:
        options.messages, options.connections, options.crowd = 5000, 500, 200
        options.lasting, options.seconds = 8.0, 5.0
    return options


def main() -> int:
    """Run, print, store; 1 when something is not as it should be."""
    options = arguments()
    console = Console()
    clip = Path(str(resources.files("posesync.realtime") / "media" / "demo_expert.mp4"))
    with tempfile.TemporaryDirectory(prefix="posesync-hostile-") as name:
        folder = Path(name)
        with serving(folder, clip, options.serve) as server:
            host, _, port = server.host.partition(":")
            plan = {"host": host, "port": int(port), "cookie": server.cookie, "expert": server.expert}
            bench = Bench(server, folder, {**plan, "jpegs": pictures(clip, folder), "size": list(SIZE)})
            found, before, after, noted = run(bench, options)
            wrong = problems(bench, found, before, after)
        ended = server.process.returncode
    wrong += [f"the performer was told: {text}" for text in noted["trouble"]]
    wrong += ["the performer was cut off"] if noted["lost"] else []
    wrong += [f"the server ended with {ended} after Ctrl-C"] if ended else []
    for table in tables(bench, found, before, after):
        console.print(table)
    for line in wrong:
        console.print(f"[red]BAD[/] {line}", highlight=False)
    console.print("all as it should be" if not wrong else f"{len(wrong)} things are not as they should be")
    options.out.parent.mkdir(exist_ok=True)
    result = {
        "rates": found,
        "processors": bench.used,
        "before": before,
        "after": after,
        "answers": bench.said,
        "problems": wrong,
    }
    options.out.write_text(json.dumps(result, indent=1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
