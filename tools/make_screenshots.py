"""Draw every view of the overlay from the real clips, for docs/ and for inspection.

usage: make_screenshots.py CLIPS [FOLDER] [--all]

CLIPS is the folder that tools/fetch_clips.py fills. The pictures for docs/ are written to FOLDER (docs/ by
default); with --all, every view of both clips at 720p and 1080p, and each shrunk to a quarter: text that is
legible on those is legible from three metres.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("POSESYNC_OFFLINE", "1")
MODELS = ROOT.parent / "shared" / "models"
if MODELS.is_dir():
    os.environ.setdefault("POSESYNC_MODEL_DIR", str(MODELS))

from posesync.pose.estimator import PoseEstimator  # noqa: E402
from posesync.pose.settings import PoseSettings  # noqa: E402
from posesync.pose.sources import open_source  # noqa: E402
from posesync.pose.types import FloatArray, Frame, Image  # noqa: E402
from posesync.realtime.coaching.cues import find_cues  # noqa: E402
from posesync.realtime.coaching.feedback import compare_poses  # noqa: E402
from posesync.realtime.coaching.scoring import Timing  # noqa: E402
from posesync.realtime.display.overlay import Layout, Overlay, Scene  # noqa: E402
from posesync.realtime.tracking.position import Position, State  # noqa: E402

#: By name, of the performer, then of the expert: clip, frame, window left, top, width, height px (0: to the
#: edge). In the walk a man walks on a wall over the woman: the window is hers, as her own camera's would be.
Moment = tuple[str, int, tuple[int, int, int, int]]
MOMENTS: dict[str, tuple[Moment, Moment]] = {
    "walk": (("walk", 96, (480, 300, 1234, 0)), ("walk", 105, (760, 300, 450, 0))),
    "cam01": (("cam01", 30, (0, 0, 0, 0)), ("cam01", 62, (0, 0, 0, 0))),
}
SECTIONS = ((0.0, 0.9, "Intro"), (0.9, 2.2, "Verse"), (2.2, 3.4, "Chorus"), (3.4, 4.5, "Ending"))
#: JPEG quality, lowered until a picture has at most this many bytes.
QUALITY, BYTES = 90, 250_000


def pose(folder: Path, moment: Moment) -> tuple[Image, FloatArray]:
    """Return a moment's picture and its keypoints, found as in a session: frame after frame."""
    name, index, (left, top, width, height) = moment
    estimator = PoseEstimator(PoseSettings())
    with open_source(folder / f"{name}.mp4") as source:
        for frame in source:
            window = frame.image[
                top : top + height if height else None, left : left + width if width else None
            ]
            image = np.ascontiguousarray(window)
            if frame.index >= index - 15:
                found = estimator.update(Frame(image, frame.time, frame.index)).keypoints.to_array()
            if frame.index == index:
                return image, found
    sys.exit(f"{name}.mp4 has no frame {index}: fetch it again with tools/fetch_clips.py")


def scene(folder: Path, performer: Moment, expert: Moment) -> Scene:
    """Return two moments as a session would show them."""
    image, ours = pose(folder, performer)
    expert_image, theirs = pose(folder, expert)
    feedback, cues = compare_poses(ours, theirs), find_cues(ours, theirs)
    return Scene(
        time=1.0,
        image=image,
        keypoints=ours,
        position=Position(1.62, 0.84, 0.97, State.FOLLOWING),
        duration=4.5,
        joints=dict(feedback.joints),
        score=feedback.score,
        expert_image=expert_image,
        expert_keypoints=theirs,
        expert_size=(expert_image.shape[1], expert_image.shape[0]),
        fps=30.0,
        cue=cues[0].text if cues else None,
        timing=0.84,
        pace=Timing.DRAGGING,
        sections=SECTIONS,
    )


def variants(base: Scene) -> Iterator[tuple[str, Scene]]:
    """Yield the scenes with their names."""
    waiting = Position(None, 0.0, 0.0, State.WAITING)
    for layout in Layout:
        yield layout.value, replace(base, view=layout)
    wide: dict[str, Any] = {"view": Layout.GHOST}
    yield "doubt", replace(base, position=replace(base.position, confidence=0.15), cue=None, **wide)
    yield "framing", replace(base, framing="step back, I cannot see your feet", position=waiting, **wide)
    yield (
        "countdown",
        replace(base, countdown="3", cue=None, position=waiting, score=None, timing=None, **wide),
    )
    yield "from-memory", replace(base, show_expert=False, practised=(0.9, 2.2), cue=None)
    yield "clock", replace(base, lead=-0.7, view=Layout.PICTURE_IN_PICTURE, cue=None)
    yield (
        "long-cue",
        replace(base, cue="straighten your right knee and lean your trunk a little less to the left"),
    )
    yield (
        "unicode",
        replace(base, cue="подними левый локоть · 左ひじをもっと上げて", notice="Camera lost · waiting, 3 s"),
    )


def save(picture: Image, target: Path, limit: int = BYTES) -> None:
    """Write a JPEG of at most ``limit`` bytes."""
    for quality in range(QUALITY, 20, -5):
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done and len(data) <= limit:
            break
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data.tobytes())
    print(f"{target}: {len(data) / 1000:.0f} kB")


def quarter(picture: Image) -> Image:
    """Return the picture at a quarter of its width and height."""
    height, width = picture.shape[:2]
    return np.asarray(cv2.resize(picture, (width // 4, height // 4), interpolation=cv2.INTER_AREA), np.uint8)


def main(clips: Path, folder: Path, every: bool) -> None:
    """Draw and write the pictures."""
    scenes = {name: scene(clips, *moment) for name, moment in MOMENTS.items()}
    if not every:
        for layout in Layout:
            for clip, ending in (("walk", ""), ("cam01", "-portrait")):
                picture = Overlay(layout=layout).draw(scenes[clip])
                save(picture, folder / f"view-{layout.value}{ending}.jpg")
        return
    for height in (720, 1080):
        for clip, base in scenes.items():
            for name, each in variants(base):
                picture = Overlay(height).draw(each)
                cv2.imwrite(str(folder / f"{clip}-{name}-{height}.png"), picture)
                cv2.imwrite(str(folder / f"{clip}-{name}-{height}-quarter.png"), quarter(picture))


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--all"]
    if len(given) not in (1, 2):
        sys.exit(__doc__)
    main(Path(given[0]), Path(given[1]) if len(given) == 2 else ROOT / "docs", "--all" in sys.argv)
