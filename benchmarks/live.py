"""The live loop: stage by stage, beside the bare models and beside others; whole sessions; for hours.

    python benchmarks/live.py --quick                             # 2 min: stages, ratios, sessions
    python benchmarks/live.py --mediapipe-python .mp/bin/python   # beside MediaPipe (mediapipe, av)
    python benchmarks/live.py --soak 30 --startup 10              # 30 min paced, ten-minute expert

What is compared runs in turns within one run, so that a busy machine is busy for both. Input: the real walk,
seen again at another pace, 720p H.264. Ratios first; all in ``benchmarks/out/live.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from _environment import MODELS, ROOT
from _fetched import CLIPS, fetched
from _live_peers import mediapipe, original_stages
from _live_report import aims, ratios_table, sessions_table, stages_table
from _live_sessions import ClipCamera, camera_session, file_session
from _live_stages import BareModels, frames_of, measure_stages
from _live_startup import make_expert, startup
from clips import PerformanceCurve, retime
from posesync.pose.settings import PoseSettings
from posesync.realtime.coaching.expert import Expert, open_expert
from posesync.realtime.session.config import load_config
from rich.console import Console

CACHE: Final = ROOT / ".cache" / "benchmarks"
WALK: Final = CLIPS / "walk.mp4"
EVERY: Final = ("auto", "frame")


def performance(name: str, size: tuple[int, int]) -> Path:
    """The walk performed at a changing pace, H.264, made once."""
    target = CACHE / f"live-{name}.mp4"
    if not target.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        curve = PerformanceCurve.varied(4.5)
        part = target.with_suffix(".part.mp4")
        retime(WALK, part, curve, duration=curve.duration, fps=30, size=size)
        part.replace(target)
    return target


def throughput(clip: Path, expert: Expert, rounds: int, options: argparse.Namespace) -> dict[str, Any]:
    """Stages, bare models, sessions and peers in turns."""
    settings = {every: PoseSettings(every=every) for every in EVERY}
    configs = {every: load_config(None, {"detector.every": every}) for every in EVERY}
    bare = BareModels(clip, settings["frame"])
    kinds = [(every, what) for every in EVERY for what in ("draw", "nothing", "record")]
    turns: dict[str, list[Any]] = {"bare": [], "mediapipe": [], **{f"{e} {w}": [] for e, w in kinds}}
    for _ in range(rounds):
        turns["bare"].append(bare.run(100))
        for every, what in kinds:
            turns[f"{every} {what}"].append(file_session(clip, expert, configs[every], what))
        if options.mediapipe_python:
            model = MODELS / "pose_landmarker_full.task"
            turns["mediapipe"].append(mediapipe(options.mediapipe_python, model, clip, 1))
    stages = {every: measure_stages(clip, expert, settings[every]) for every in EVERY}
    logs = {every: len({turn["log"] for w in ("draw", "nothing", "record") for turn in turns[f"{every} {w}"]})
            for every in EVERY}  # fmt: skip
    found = {
        "stages": stages,
        "bare": turns["bare"][-1],
        "sessions": {f"{e} {w}": _best(turns[f"{e} {w}"]) for e, w in kinds},
        "different_logs": logs,
        "turns": turns,
        "ratios": _ratios(turns, stages),
    }
    if turns["mediapipe"]:
        found["mediapipe"] = turns["mediapipe"][-1]
    if bare.has_detector:
        found["original"] = original_stages(frames_of(clip)[:120])
        ours = float(np.median([turn["cpu_ms"] for turn in turns["frame nothing"]]))
        found["ratios"]["cpu_to_original_stages"] = ours / found["original"]["cpu_ms_sum"]
    return found


def _best(turns: list[dict[str, Any]]) -> dict[str, Any]:
    """The quickest turn: other programs only ever slow one down."""
    return max(turns, key=lambda turn: turn["fps"])


def _ratios(turns: dict[str, list[Any]], stages: dict[str, Any]) -> dict[str, float]:
    """Each ratio within one round, then the median of the rounds."""
    pairs = list(zip(turns["bare"], turns["frame draw"], turns["auto draw"], strict=True))

    def bare(turn: dict[str, Any], key: str) -> float:
        return sum(float(model[key]) for model in turn.values())

    ratios = {
        "loop_to_bare": [frame["ms"] / bare(turn, "mean_ms") for turn, frame, _ in pairs],
        "loop_to_bare_cpu": [frame["cpu_ms"] / bare(turn, "cpu_ms") for turn, frame, _ in pairs],
        "auto_loop_to_bare_pose": [auto["ms"] / float(turn["pose"]["mean_ms"]) for turn, _, auto in pairs],
        "draw_to_pose": [
            stages[every]["draw"]["cpu_ms"] / stages[every]["pose"]["cpu_ms"] for every in stages
        ],
    }
    for key, theirs in (
        ("cpu_to_mediapipe", "cpu_ms"),
        ("cpu_to_mediapipe_without_its_decoding", "pose_cpu_ms"),
    ):
        if turns["mediapipe"]:
            both = zip(turns["auto nothing"], turns["mediapipe"], strict=True)
            ratios[key] = [ours["cpu_ms"] / peer[theirs] for ours, peer in both]
    return {name: float(np.median(values)) for name, values in ratios.items()}


def main() -> None:
    """Run the benchmark, print its tables and store the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one round, nothing paced")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mediapipe-python", type=Path, help="a Python that has mediapipe and av")
    parser.add_argument("--soak", type=float, default=3.0, help="minutes at 720p30; 0 leaves it out")
    parser.add_argument("--hd", type=float, default=0.5, help="minutes at 1080p60; 0 leaves it out")
    parser.add_argument("--startup", type=float, default=10.0, help="minutes of the long expert; 0: none")
    parser.add_argument("--only-paced", action="store_true", help="leave the throughput out")
    parser.add_argument("--every", choices=EVERY, default="frame", help="of the paced sessions")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "out" / "live.json")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.soak, options.hd, options.startup = 1, 0.0, 0.0, 0.0
    fetched()
    console = Console()
    clip = performance("720", (1280, 720))
    expert = open_expert(WALK, PoseSettings())
    config = load_config(None, {"detector.every": options.every})
    load = os.getloadavg()
    found: dict[str, Any] = {"machine": {"cpus": os.cpu_count(), "load": load, "system": platform.platform()}}
    # Paced sessions first: memory that the others leave behind would hide theirs.
    if options.soak:
        camera = ClipCamera(frames_of(clip), 30.0, options.soak * 60)
        found["soak 720p30"] = camera_session(camera, expert, config)
    if options.hd:
        camera = ClipCamera(frames_of(performance("1080", (1920, 1080))), 60.0, options.hd * 60)
        found["paced 1080p60"] = camera_session(camera, expert, config)
    if options.startup:
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            video = make_expert(performance("1080", (1920, 1080)), Path(folder), options.startup)
            # Twice: after the first, the file is in the system's own cache, as right after preparing.
            times = [startup(video, clip, Path(folder), Path(folder) / "out.mp4") for _ in range(2)]
            found["startup"] = times[-1] | {"first_run_s": times[0]["first_picture_s"]}
    if not options.only_paced:
        found |= throughput(clip, expert, options.rounds, options)
    asked = aims(found)
    found["aims"] = asked.rows
    if "ratios" in found:
        for table in (ratios_table(found["ratios"]), stages_table(found["stages"])):
            console.print(table)
        console.print(sessions_table(found["sessions"]))
        console.print(
            {key: found[key] for key in ("bare", "mediapipe", "original", "different_logs") if key in found}
        )
    for name in ("soak 720p30", "paced 1080p60", "startup"):
        if name in found:
            console.print(name, {key: value for key, value in found[name].items() if key != "memory"})
    console.print(asked.table())
    console.print(f"load before: {load[0]:.1f} on {os.cpu_count()} processors")
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1, default=str))


if __name__ == "__main__":
    main()
