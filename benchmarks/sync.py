"""Two finished videos in sync: ours beside the original's published stages, same keypoints, one run.

    python benchmarks/sync.py                      # 2 min: accuracy, DTW, wall time and memory on short clips
    python benchmarks/sync.py --seconds 60         # wall time on two clips of a minute
    python benchmarks/sync.py --long 10            # memory: two 1080p videos of ten minutes (some 45 min)

Ratios within one run, so that a busy machine is busy for both; ``benchmarks/out/sync.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import _original_sync as original
import av
import numpy as np
from _clips import CAMERAS, CLIPS, clips
from _environment import ROOT
from _fetched import fetched
from _motions import Look, MotionClip
from clips import PerformanceCurve, retime
from posesync.pose.estimator import PoseEstimator
from posesync.pose.settings import PoseSettings
from posesync.pose.sources import open_source
from posesync.pose.writer import VideoWriter
from posesync.realtime.sync.layout import arrange
from posesync.reference import Reference, align
from posesync.reference.align import series
from posesync.reference.sync import Match
from posesync.reference.warping import Vectors, warp
from rich.console import Console
from rich.table import Table

Figures = dict[str, Any]
#: s of the walk that are performed again and again.
WALK_SECONDS: Final = 7.6


def reference(clip: MotionClip) -> Reference:
    """A clip's first estimate."""
    return Reference.from_keypoints(clip.keypoints, clip.times)


def summary(errors: list[Any]) -> Figures:
    """Median, p95 and worst, ms, of the errors of every frame of every case."""
    every = np.concatenate(errors) * 1e3
    return {
        "median": float(np.median(every)),
        "p95": float(np.percentile(every, 95)),
        "worst": float(every.max()),
    }


def camera_pairs() -> tuple[Figures, Figures, int]:
    """The acrobat seen from two sides at once: the identity is the truth. Ours, the original's."""
    ours, theirs, behind = [], [], 0
    found = clips()
    for first in CAMERAS:
        for second in CAMERAS:
            if first == second:
                continue
            a, b = found[first], found[second]
            match = Match(reference(a), reference(b), align(reference(a), reference(b)))
            ours.append(np.abs(match.attempt_times(a.times) - a.times))
            shown = original.time_in_b(a.keypoints, a.times, b.keypoints, b.times)
            theirs.append(np.abs(shown - a.times))
            behind += int(np.percentile(ours[-1], 95) > np.percentile(theirs[-1], 95) + 1e-9)
    return summary(ours), summary(theirs), behind


def retimed(names: tuple[str, ...], seeds: int, *, early: float = 0.0) -> tuple[Figures, Figures]:
    """Performed at eight paces of 0.6 to 1.6, every other time with a hold; seen again, at 25 to 50 fps.

    Args:
        names: of the clips.
        seeds: performances of each.
        early: s for which the performer stands in another pose before the piece and after it.
    """
    ours, theirs = [], []
    for name in names:
        clip = clips()[name]
        expert = reference(clip)
        for seed in range(seeds):
            rng = np.random.default_rng(100 + seed)
            segments = [(speed, clip.end / 8 / speed) for speed in rng.uniform(0.6, 1.6, 8).tolist()]
            if seed % 2:
                segments.insert(4, (0.0, 0.8))
            curve = PerformanceCurve.from_speeds(segments)
            times = np.arange(0, curve.duration + 2 * early, 1 / (25, 30, 50)[seed % 3])
            truth = np.array([curve(moment - early) for moment in times])
            view = clip.render(truth, Look(seed=1))
            keypoints = np.concatenate([view.xy, view.confidence[..., None]], axis=-1)
            piece = (times >= early) & (times <= early + curve.duration)
            keypoints[~piece, :, :2] = waiting(keypoints, rng)[~piece]
            attempt = Reference.from_keypoints(keypoints, times)
            match = Match(expert, attempt, align(expert, attempt, open_ends=None))
            ours.append(np.abs(match.expert_times(times) - truth)[piece])
            shown = original.time_in_b(keypoints, times, clip.keypoints, clip.times)
            theirs.append(np.abs(shown - truth)[piece])
    return summary(ours), summary(theirs)


def waiting(keypoints: Any, rng: np.random.Generator) -> Any:
    """(T, 17, 2) somebody who stands with their arms across, and is seen with some jitter."""
    body = np.median(keypoints[..., :2], axis=0)
    trunk = float(np.linalg.norm(body[5:7].mean(0) - body[11:13].mean(0)))
    arms = body.copy()
    arms[7], arms[8] = body[5] + (0.5 * trunk, 0.1 * trunk), body[6] + (-0.5 * trunk, 0.1 * trunk)
    arms[9], arms[10] = body[5] + (trunk, 0.0), body[6] + (-trunk, 0.0)
    return arms + rng.normal(0, 0.01 * trunk, (len(keypoints), 17, 2))


def dtw_speed(frames: int) -> Figures:
    """CPU time of the warping alone, both with closed ends, ``frames`` × ``frames``."""
    walk = clips()["walk"]
    times = np.linspace(walk.start, walk.end, frames)
    poses = []
    for seed in (0, 1):
        view = walk.render(times, Look(seed=seed))
        poses.append(np.concatenate([view.xy, view.confidence[..., None]], axis=-1))
    a, b = (Reference.from_keypoints(pose, np.arange(frames) / 30) for pose in poses)
    warp(Vectors(*series(a, b, a.times, b.times)))
    runs = []
    for _ in range(5):
        start = time.process_time()
        warp(Vectors(*series(a, b, a.times, b.times)))
        runs.append(time.process_time() - start)
    start = time.process_time()
    original.correspond(list(poses[0][..., :2]), list(poses[1][..., :2]))
    theirs = time.process_time() - start
    ours = float(np.median(runs))
    return {"frames": frames, "ours_s": ours, "original_s": theirs, "times_faster": theirs / ours}


def make_clips(folder: Path, seconds: float, size: tuple[int, int]) -> tuple[Path, Path]:
    """The walk again and again, with sound, and the same at another pace; H.264."""
    made = []
    for name, pace in (("expert", 1.0), ("attempt", 0.9)):
        once, target = folder / f"once-{name}.mp4", folder / f"{name}.mp4"
        walk = PerformanceCurve.from_speeds([(pace, WALK_SECONDS / pace)])
        sound = name == "expert"
        retime(CLIPS / "walk.mp4", once, walk, duration=walk.duration, fps=30, size=size, audio=sound)
        repeat(once, target, seconds)
        made.append(target)
    return made[0], made[1]


def bare(videos: tuple[Path, Path], target: Path) -> Figures:
    """Decoding, models and encoding alone, one after the other in one thread of ours."""
    wall, busy = time.perf_counter(), time.process_time()
    count = 0
    layout = None
    for video in videos:
        estimator = PoseEstimator(PoseSettings())
        with open_source(video) as source:
            layout = arrange([(source.info.width, source.info.height)] * 2)
            for count, frame in enumerate(source, start=1):  # noqa: B007
                estimator.update(frame)
    assert layout is not None
    with open_source(videos[0]) as source, VideoWriter(target, layout.width, layout.height, 30) as writer:
        canvas = np.zeros((layout.height, layout.width, 3), np.uint8)
        x, y, w, h = layout.panels[0]
        image = next(iter(source)).image
        for k in range(count):
            canvas[y : y + h, x : x + w] = np.roll(image, k, axis=1)[:h, :w]
            writer.write(canvas, k / 30)
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - busy, "frames": 2 * count}


def whole(videos: tuple[Path, Path], folder: Path) -> Figures:
    """``posesync sync`` in a process of its own, with nothing cached, start-up included."""
    code = (
        "import sys, resource; from posesync.realtime.commands.app import run\n"
        "rc = run('posesync', sys.argv[1:])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(rc)"
    )
    arguments = ["sync", *map(str, videos), "-o", str(folder / "synced.mp4")]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall, "cpu_s": cpu, "peak_mb": int(done.stderr.split()[-1]) / 1024, "said": done.stdout}


def wall_time(seconds: float) -> Figures:
    """``posesync sync`` against its three unavoidable parts, 720p."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        videos = make_clips(folder, seconds, (1280, 720))
        alone = bare(videos, folder / "bare.mp4")
        ours = whole(videos, folder)
    ratios = {f"{kind}_ratio": ours[f"{kind}_s"] / alone[f"{kind}_s"] for kind in ("wall", "cpu")}
    return {"seconds": seconds, "bare": alone, "sync": ours, **ratios}


def long_videos(minutes: float) -> Figures:
    """Peak memory with two long 1080p videos, everything real but that the clips repeat themselves."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return {"minutes": minutes, **whole(make_clips(folder, minutes * 60, (1920, 1080)), folder)}


def repeat(source: Path, target: Path, seconds: float) -> None:
    """Repeat the same packets until the video has ``seconds`` s."""
    with av.open(str(source)) as container, av.open(str(target), "w") as sink:
        length = float(container.streams.video[0].duration * container.streams.video[0].time_base)
        copies = {stream: sink.add_stream_from_template(stream) for stream in container.streams}
        for offset in np.arange(0.0, seconds - 1e-6, length).tolist():
            container.seek(0)
            left = seconds - offset
            for packet in container.demux():
                if packet.dts is None:
                    continue
                end = float((packet.pts + packet.duration) * packet.time_base)
                if end > min(left, length + 1e-3):  # the sound's last packet would meet the next one's first
                    continue
                packet.pts += round(offset / packet.time_base)
                packet.dts += round(offset / packet.time_base)
                packet.stream = copies[packet.stream]
                sink.mux(packet)


def show(found: Figures, console: Console) -> None:
    """Tables, ours beside theirs and beside the aims."""
    if "accuracy" in found:
        show_accuracy(found, console)
    if wall := found.get("wall"):
        ratios = f"wall {wall['wall_ratio']:.2f}, CPU {wall['cpu_ratio']:.2f}"
        console.print(f"two clips of {wall['seconds']:g} s, to decoding + models + encoding alone: {ratios}")
        console.print(f"(aim: wall 1.5); peak {wall['sync']['peak_mb']:.0f} MB")
    if long := found.get("long"):
        console.print(f"1080p, {long['minutes']:g} min each: peak {long['peak_mb']:.0f} MB (aim: 700)")


def show_accuracy(found: Figures, console: Console) -> None:
    """What was measured on keypoints."""
    table = Table(title="error of the matched moment, ms (median / p95 / worst)")
    for column in ("case", "PoseSync", "original's stages"):
        table.add_column(column)
    for name, case in found["accuracy"].items():
        cells = ("{median:.0f} / {p95:.0f} / {worst:.0f}".format(**case[who]) for who in ("ours", "original"))
        table.add_row(name, *cells)
    console.print(table)
    console.print(f"camera pairs on which ours is behind at p95: {found['camera_pairs_behind']} of 12")
    dtw = found["dtw"]
    size, ours, theirs = f"{dtw['frames']} × {dtw['frames']}", 1e3 * dtw["ours_s"], dtw["original_s"]
    console.print(f"DTW {size}: {ours:.1f} ms, {theirs:.2f} s: {dtw['times_faster']:.0f} times (aim: 500)")


def main() -> None:
    """Run the benchmark, print its tables and store the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=6.0, help="of the clips for the wall time; 0: none")
    parser.add_argument("--long", type=float, default=0.0, help="minutes of the long videos; 0: none")
    parser.add_argument("--frames", type=int, default=600, help="of the warping that is timed")
    parser.add_argument("--seeds", type=int, default=6, help="performances of each clip")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "out" / "sync.json")
    parser.add_argument("--only-videos", action="store_true", help="leave out accuracy and DTW")
    options = parser.parse_args()
    fetched()
    found: Figures = {"load": os.getloadavg()}
    if not options.only_videos:
        found |= on_keypoints(options.seeds, options.frames)
    if options.seconds:
        found["wall"] = wall_time(options.seconds)
    if options.long:
        found["long"] = long_videos(options.long)
    show(found, Console(width=110))
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1))


def on_keypoints(seeds: int, frames: int) -> Figures:
    """Everything that needs no video."""
    ours, theirs, behind = camera_pairs()
    accuracy = {"acrobat, camera pairs": {"ours": ours, "original": theirs}}
    for case, names, early in (
        ("walk, retimed", ("walk",), 0.0),
        ("acrobat, retimed", ("cam01", "cam03"), 0.0),
        ("walk, filmed 1 s early and late", ("walk",), 1.0),
    ):
        ours, theirs = retimed(names, seeds, early=early)
        accuracy[case] = {"ours": ours, "original": theirs}
    return {"accuracy": accuracy, "camera_pairs_behind": behind, "dtw": dtw_speed(frames)}


if __name__ == "__main__":
    main()
