"""Each pose network and detector on the real clips: how near to Thunder, how long, in one run.

    python benchmarks/models.py [--every 3]        a table on standard output

Quality: PCK@0.1, the part of the keypoints that Thunder is sure of (confidence above 0.4) that lie within a
tenth of the body's size of Thunder's, and the median distance in hundredths of that size; all get the same
crops, and who sees nobody is wrong. Thunder is no truth: it stands for one. Time: processor time of one
estimate, median.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import _environment  # noqa: F401
import numpy as np
from _fetched import fetched
from posesync.pose.detector import PersonDetector
from posesync.pose.errors import ModelError
from posesync.pose.estimator import PoseEstimator
from posesync.pose.mediapipe_pose import MediaPipePose
from posesync.pose.model_files import find_model, list_models
from posesync.pose.movenet import MoveNet
from posesync.pose.settings import POSE_MODELS, PoseSettings
from posesync.pose.sources import open_source

SURE = 0.4


def networks() -> dict[str, Any]:
    """Return every pose network available here, Thunder first."""
    made: dict[str, Any] = {}
    for name in ("thunder", "lightning", "mediapipe"):
        with suppress(ModelError):
            kind = MediaPipePose if name == "mediapipe" else MoveNet
            made[name] = kind(find_model(POSE_MODELS[name]), provider="cpu")
    return made


def timed(function: Callable[[], Any], spent: list[float]) -> Any:
    """Call it; its processor time goes into ``spent``, ms."""
    start = time.process_time()
    result = function()
    spent.append((time.process_time() - start) * 1e3)
    return result


def measure(every: int) -> tuple[dict[str, list[float]], dict[str, dict[str, list[float]]]]:
    """Name → ms of each estimate; clip → name → distances in body sizes."""
    pose = networks()
    guide = PoseEstimator(PoseSettings(detector="yolov5", pose="thunder", provider="cpu"))
    detector = guide.detector
    spent: dict[str, list[float]] = {name: [] for name in (*pose, "yolov5n 320", "yolov5n 640")}
    errors: dict[str, dict[str, list[float]]] = {}
    for path in sorted(fetched().values()):
        clip = errors.setdefault(path.stem, {name: [] for name in pose if name != "thunder"})
        guide.reset()
        with open_source(path) as source:
            for frame in source:
                result = guide.update(frame)
                if frame.index % every or result.box is None:
                    continue
                crop = guide._crop(result.box)
                found = {
                    name: timed(partial(pose[name].estimate, frame.image, crop), spent[name]) for name in pose
                }
                if isinstance(detector, PersonDetector):
                    for size in (320, 640):
                        timed(partial(detector.detect, frame.image, None, size), spent[f"yolov5n {size}"])
                truth = found.pop("thunder")
                sure = truth.confidence > SURE
                if sure.sum() < 6:
                    continue
                body = float(np.ptp(truth.xy[sure], axis=0).max())
                for name, keypoints in found.items():
                    clip[name] += (np.linalg.norm(keypoints.xy - truth.xy, axis=1)[sure] / body).tolist()
    return spent, errors


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=3, help="use every so many frames")
    every = parser.parse_args().every
    try:
        spent, errors = measure(every)
    except ModelError as error:  # Thunder is the judge, and YOLOv5 says where the person is
        sys.exit(str(error))
    lightning = float(np.median(spent["lightning"]))
    names = list(next(iter(errors.values())))
    print("| clip | " + " | ".join(f"{name}: PCK@0.1, median" for name in names) + " |")
    print("| --- |" + " --- |" * len(names))
    pooled: dict[str, list[float]] = {name: [] for name in names}
    for clip, found in errors.items():
        for name in names:
            pooled[name] += found[name]
        print(f"| {clip} | " + " | ".join(_quality(found[name]) for name in names) + " |")
    print("| all | " + " | ".join(_quality(pooled[name]) for name in names) + " |\n")
    print("| model | CPU ms | × Lightning | frames |\n| --- | --- | --- | --- |")
    for name, times in spent.items():
        print(f"| {name} | {np.median(times):.1f} | {np.median(times) / lightning:.2f} | {len(times)} |")
    print("\n| model | licence | origin |\n| --- | --- | --- |")
    for status in list_models():
        print(f"| {status.name} | {status.info.licence} | {status.info.origin} |")


def _quality(distances: list[float]) -> str:
    array = np.asarray(distances)
    return f"{100 * (array < 0.1).mean():.1f} %, {100 * np.median(array):.1f}" if len(array) else "–"


if __name__ == "__main__":
    main()
