"""How camera frames travel from the page to the server: WebSocket with JPEGs, or WebRTC (aiortc)?

    python benchmarks/transport.py --quick             # one round, 2 min
    python benchmarks/transport.py                     # three rounds
    python benchmarks/transport.py --only offline      # what works without any network

A real headless Chromium with a fake camera (the real walk, 720p30) and a server of its own, the same for
every way: a BGR array, its number read, an answer. The ways take turns, so that a busy machine is busy for
all. Ratios first; all in ``benchmarks/out/transport.json``. Needs playwright, psutil, the extra ``[web]``
and, for WebRTC, ``pip install aiortc``.
"""

from __future__ import annotations

import argparse
import importlib.metadata as metadata
import json
import os
import platform
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from rich.console import Console

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
os.environ.setdefault("POSESYNC_OFFLINE", "1")
MODELS: Final = ROOT.parent / "shared" / "models"
if MODELS.is_dir():
    os.environ.setdefault("POSESYNC_MODEL_DIR", str(MODELS))

for _name in ("playwright", "psutil", "fastapi", "uvicorn"):
    if find_spec(_name) is None:
        sys.exit(f"{_name} is not installed: pip install 'posesync[web,dev]'")

from _fetched import fetched  # noqa: E402
from _transport_browser import CHROMIUM, Variant, measure  # noqa: E402
from _transport_clip import camera_file  # noqa: E402
from _transport_quality import quality  # noqa: E402
from _transport_report import ALONE, cost_table, latency_table, ratios, ratios_table, summarize  # noqa: E402

SOCKETS: Final = (
    Variant("main"), Variant("bitmap"), Variant("frame"), Variant("track"),
    Variant("frame", deflate=True), Variant("main", 1280), Variant("bitmap", 1280), Variant("frame", 1280),
)  # fmt: skip
PEERS: Final = (
    Variant("rtc"), Variant("rtc", eager=True), Variant("rtc", codec="H264"),
    Variant("rtc", 1280), Variant("rtc", 1280, eager=True),
)  # fmt: skip
#: A server that needs 50 ms a frame: does the newest still win, and who pays for what is not looked at?
BUSY: Final = (Variant("frame", work=50), Variant("rtc", work=50))
PAIRS: Final = (
    ("WebRTC VP8 640", "WebSocket frame 640"),
    ("WebRTC VP8 640 (patched)", "WebSocket frame 640"),
    ("WebRTC H264 640", "WebSocket frame 640"),
    ("WebRTC VP8 1280", "WebSocket frame 1280"),
    ("WebRTC VP8 1280 (patched)", "WebSocket frame 1280"),
    ("WebRTC VP8 640 busy 50", "WebSocket frame 640 busy 50"),
    ("WebSocket main 640", "WebSocket frame 640"),
    ("WebSocket bitmap 640", "WebSocket frame 640"),
    ("WebSocket track 640", "WebSocket frame 640"),
    ("WebSocket frame 640 (deflate)", "WebSocket frame 640"),
    ("WebSocket frame 1280", "WebSocket frame 640"),
)
WEIGHED: Final = (
    "aiortc",
    "aioice",
    "pylibsrtp",
    "pyopenssl",
    "pyee",
    "google-crc32c",
    "dnspython",
    "ifaddr",
)


def weight() -> dict[str, Any]:
    """What WebRTC adds to an installation: size of each package as installed, and what aiortc asks for."""
    sizes: dict[str, float] = {}
    for name in (*WEIGHED, "websockets"):
        try:
            files = metadata.files(name) or []
        except metadata.PackageNotFoundError:
            continue
        paths = [Path(str(file.locate())) for file in files]
        sizes[name] = sum(path.stat().st_size for path in paths if path.is_file()) / 1e6
    if "aiortc" not in sizes:
        return {"installed_mb": sizes}
    about = metadata.metadata("aiortc")
    return {
        "installed_mb": sizes,
        "aiortc": about["Version"],
        "python": about["Requires-Python"],
        "requires": metadata.requires("aiortc"),
    }


def offline() -> dict[str, Any]:
    """The two ways where there is no network but the loopback, as on a laptop in flight mode (Linux).

    Returns:
        By variant: ms until the first answer, or the error; ``skipped`` where no such place can be made.
    """
    place = ["unshare", "--user", "--map-root-user", "--net"]
    inside = [*place, "sh", "-c", 'ip link set lo up && exec "$0" "$@"', sys.executable, __file__, "--probe"]
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(inside, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    except OSError as error:
        return {"skipped": f"{error}"}
    try:
        said, trouble = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its server and browser too
        return {"skipped": "nothing within 120 s"}
    if process.returncode:
        return {"skipped": (trouble.strip().splitlines() or ["no reason given"])[-1]}
    return dict(json.loads(said.splitlines()[-1]))


def probe() -> dict[str, Any]:
    """One short run of each way: does it connect, and with which candidates?"""
    found = {}
    for variant in (Variant("frame"), Variant("rtc")):
        turn = measure(variant, camera_file(), warm=0.5, seconds=1.0, pictures=0)
        keys = ("error", "first_ms", "candidates")
        found[variant.name] = {key: turn[key] for key in keys if key in turn}
    return found


def rounds(count: int, variants: list[Variant], warm: float, seconds: float) -> dict[str, list[Any]]:
    """All variants in turns, every other round backwards, so that drift is nobody's advantage."""
    camera = camera_file()
    turns: dict[str, list[Any]] = {variant.name: [] for variant in variants}
    for number in range(count):
        for variant in variants if number % 2 == 0 else variants[::-1]:
            turn = measure(variant, camera, warm=warm, seconds=seconds, pictures=12)
            if kept := turn.pop("kept", None):
                turn["quality"] = quality(kept)
            turns[variant.name].append(turn)
            p50 = turn.get("latency_ms", {}).get("p50")
            sys.stderr.write(f"round {number + 1}: {variant.name}: {turn.get('error') or p50}\n")
    return turns


def main() -> None:
    """Run, print, store."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round, no busy server")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="measured in each turn")
    parser.add_argument(
        "--warm", type=float, default=4.0, help="unmeasured before, for WebRTC's rate control"
    )
    parser.add_argument("--ways", nargs="+", help="only these, by the names in the tables")
    parser.add_argument("--only", choices=("socket", "rtc", "offline"), help="leave the others out")
    parser.add_argument("--probe", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "out" / "transport.json")
    options = parser.parse_args()
    if options.probe:
        print(json.dumps(probe()))
        return
    has_peers = find_spec("aiortc") is not None and options.only != "socket"
    if not has_peers and options.only != "socket":
        sys.stderr.write("aiortc is not installed, WebRTC is left out: pip install aiortc to measure it\n")
    if options.quick:
        options.rounds, options.seconds = 1, 5.0
    variants = [Variant("none"), *(SOCKETS if options.only != "rtc" else ())]
    variants += [variant for variant in (*PEERS, *(() if options.quick else BUSY))
                 if has_peers or variant.kind != "rtc"]  # fmt: skip
    if options.ways:
        variants = [variant for variant in variants if variant.name in (ALONE, *options.ways)]
    if not Path(CHROMIUM).exists():
        sys.exit(f"{CHROMIUM} does not exist: install Chromium, the benchmark drives the system's own")
    fetched()
    console = Console() if sys.stdout.isatty() else Console(width=170)
    found: dict[str, Any] = {
        "machine": {"cpus": os.cpu_count(), "load": os.getloadavg(), "system": platform.platform()},
        "weight": weight(),
        "offline": offline() if has_peers else None,
    }
    if options.only != "offline":
        turns = rounds(options.rounds, variants, options.warm, options.seconds)
        rows = summarize(turns)
        pairs = [pair for pair in PAIRS if all(name in turns for name in pair)]
        found |= {"rows": rows, "ratios": ratios(turns, pairs), "turns": turns}
        for table in (ratios_table(found["ratios"]), latency_table(rows), cost_table(rows)):
            console.print(table)
        if ALONE in rows and "error" not in rows[ALONE]:
            share = rows[ALONE]["browser_share"]
            console.print(f"camera and self-view alone: {share:.2f} processors of the browser's")
    console.print("without any network:", found["offline"])
    console.print("weight:", found["weight"])
    console.print(f"load before: {found['machine']['load'][0]:.1f} on {os.cpu_count()} processors")
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1, default=str))


if __name__ == "__main__":
    main()
