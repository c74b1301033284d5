"""Does a video give the same keypoints however its file says that it is to be shown?

    python benchmarks/display.py            # 8 orientations × pixel aspect 1, 2 × 8, 10 bit × size change
    python benchmarks/display.py --quick    # four of them

One clip is stored in every way and read as the product reads it. Its keypoints are compared with those of the
plain clip: distances in its pixels, over keypoints of confidence 0.5 or more in both. Where storing loses
resolution (pixels of twice the width, a smaller part), the plain clip is shrunk as much.

Each picture is looked at by itself. A person who is followed from picture to picture is not the measure: one
pixel that differs by one of 256 levels moves the crop, the crop the next keypoints, and after a second these
are 7 % of the torso apart. "One level of noise" is the plain clip with a random -1, 0 or 1 on each value: no
way to store it can be nearer than that, unless the pictures are the same to the last bit. The score is that
of the stored clip, followed as always, as a performance of the plain one.

Figures in ``benchmarks/out/display.json``; the exit code is the number of aims missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import av  # noqa: E402
import cv2  # noqa: E402
import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from _aims import Aims  # noqa: E402
from _fetched import CLIPS, ROOT  # noqa: E402
from posesync.pose.estimator import PoseEstimator  # noqa: E402
from posesync.pose.settings import PoseSettings  # noqa: E402
from posesync.pose.sources import open_source  # noqa: E402
from posesync.pose.types import Frame  # noqa: E402
from posesync.realtime.coaching.coach import Coach  # noqa: E402
from posesync.reference import Reference  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

sys.path.append(str(ROOT / "tests"))
from clips import ORIENTATIONS, Image, encode, frames_of, orient  # noqa: E402

ISSUE: Final = 14
FPS: Final = 30
SIZE: Final = (360, 640)
SECONDS: Final = 3.3
SURE: Final = 0.5  # confidence from which a keypoint counts
MEDIAN_PX: Final = 2.0
P95_TORSO: Final = 0.02
SCORE: Final = 95.0
NOISE: Final = "one level of noise"

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Case:
    """One way to store a clip: orientation, width of a pixel, bits, and whether it grows midway."""

    orientation: str = "upright"
    aspect: int = 1
    bits: int = 8
    grows: bool = False

    def __str__(self) -> str:
        return f"{self.orientation}, {self.aspect}:1, {self.bits} bit{', grows' * self.grows}"


ALL: Final = [
    Case(orientation, aspect, bits, grows)
    for grows in (False, True)
    for bits in (8, 10)
    for aspect in (1, 2)
    for orientation in ORIENTATIONS
]
QUICK: Final = [
    Case("mirror"),
    Case("transverse", 2, 10),
    Case("quarter turn", 1, 8, True),
    Case("flip", 2, 10, True),
]


def images_of(clip: Path, seconds: float = SECONDS) -> list[Image]:
    """The upright images of the plain clip."""
    found, due = [], 0.0
    for time, image in frames_of(clip, SIZE):
        if time >= due - 1e-3:
            found.append(image)
            due += 1 / FPS
        if len(found) >= seconds * FPS:
            break
    return found


def store(target: Path, images: list[Image], case: Case) -> Path:
    """Write the clip as ``case`` says."""
    matrix, turned = ORIENTATIONS[case.orientation]
    middle = len(images) // 2 if case.grows else len(images)
    data = b""
    for number, (begin, end, scale) in enumerate([(0, middle, 0.5), (middle, len(images), 1.0)]):
        if begin == end:
            continue
        factor = scale if case.grows else 1.0
        stored = [_resized(turned(image), factor / case.aspect, factor) for image in images[begin:end]]
        part = encode(
            target.with_suffix(f".{number}.ts"),
            (((begin + index) / FPS, image) for index, image in enumerate(stored)),
            pixels="yuv420p" if case.bits == 8 else "yuv420p10le",
            pixel_aspect=case.aspect,
            options={"qp": "0", "preset": "veryfast", "bf": "0"},
        )
        data += part.read_bytes()
    joined = target.with_suffix(".ts")
    joined.write_bytes(data)
    with av.open(str(joined)) as source, av.open(str(target), "w", format="mp4") as sink:
        stream = source.streams.video[0]
        copy = sink.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                sink.mux(packet)
    return orient(target, target, matrix)


def _resized(image: Image, across: float, down: float) -> Image:
    height, width = image.shape[:2]
    size = (round(width * across / 2) * 2, round(height * down / 2) * 2)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def keypoints_of(
    estimator: PoseEstimator, frames: Iterable[Frame], *, followed: bool = False
) -> tuple[Floats, Floats]:
    """(T, 17, 3) keypoints, in pixels of the plain clip, and (T,) s."""
    estimator.reset()
    poses, times = [], []
    for frame in frames:
        if not followed:
            estimator.reset()
        scale = SIZE[0] / frame.image.shape[1]
        poses.append(estimator.update(frame).keypoints.to_array() * (scale, scale, 1.0))
        times.append(frame.time)
    return np.array(poses), np.array(times)


def distances(found: Floats, plain: Floats) -> Floats:
    """Distances, px, of the keypoints that both are sure of."""
    sure = np.minimum(found[..., 2], plain[..., 2]) >= SURE
    return np.asarray(np.linalg.norm(found[..., :2] - plain[..., :2], axis=-1)[sure])


def torso(poses: Floats) -> float:
    """Median length of the trunk, px."""
    middles = [poses[:, pair, :2].mean(axis=1) for pair in ([5, 6], [11, 12])]
    return float(np.median(np.linalg.norm(middles[0] - middles[1], axis=-1)))


def score_of(found: Floats, times: Floats, reference: Reference) -> float:
    """Median score of a performance."""
    coach = Coach(reference)
    scores = [coach.update(pose, time).score for pose, time in zip(found, times, strict=True)]
    known = [score for score in scores if score is not None]
    return float(np.median(known)) if known else 0.0


def worse(folder: Path, images: list[Image], case: Case) -> Iterator[Frame]:
    """The plain clip with the resolution that the case leaves it, enlarged and shrunk by OpenCV."""
    middle = len(images) // 2 if case.grows else 0
    small = [_resized(image, 0.5 / case.aspect, 0.5) for image in images[:middle]]
    large = [_resized(image, 1 / case.aspect, 1.0) for image in images[middle:]]
    parts = [
        store(folder / f"part{number}.mp4", part, Case())
        for number, part in enumerate((small, large))
        if part
    ]
    size = (SIZE[0] // 2, SIZE[1] // 2) if case.grows else SIZE
    index = 0
    for part in parts:
        with open_source(part) as source:
            for frame in source:
                yield Frame(_scaled(frame.image, size), index / FPS, index)
                index += 1


def _scaled(image: Image, size: tuple[int, int]) -> Image:
    """The image in another size, without aliasing when it is halved."""
    height, width = image.shape[:2]
    weights = np.array([1, 3, 3, 1]) / 8
    across = weights if width == 2 * size[0] else np.array([1.0])
    down = weights if height == 2 * size[1] else np.array([1.0])
    # The filter's middle lies between two pixels, so that every other one of its values is the half's.
    anchor = (1 if len(across) > 1 else 0, 1 if len(down) > 1 else 0)
    if len(across) > 1 or len(down) > 1:
        image = np.asarray(cv2.sepFilter2D(image, -1, across, down, anchor=anchor), np.uint8)
        image = image[:: height // size[1], :: 2 if len(across) > 1 else 1]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def noisy(images: list[Image]) -> list[Image]:
    """The clip with a random -1, 0 or 1 on each value."""
    rng = np.random.default_rng(0)
    return [np.clip(i + rng.integers(-1, 2, i.shape), 0, 255).astype(np.uint8) for i in images]


def figures_of(found: Floats, plain: Floats) -> dict[str, float]:
    """How far two estimates of one clip are apart."""
    far = distances(found, plain)
    return {
        "median_px": float(np.median(far)),
        "p95_torso": float(np.percentile(far, 95)) / torso(plain),
        "keypoints": float(len(far)),
    }


def measure(folder: Path, images: list[Image], cases: list[Case]) -> dict[str, dict[str, float]]:
    """The figures of each case, and of noise of one level."""
    estimator = PoseEstimator(PoseSettings())
    upright = store(folder / "plain.mp4", images, Case())
    plain, times = keypoints_of(estimator, open_source(upright))
    reference = Reference.from_keypoints(
        keypoints_of(estimator, open_source(upright), followed=True)[0], times
    )
    disturbed = store(folder / "noise.mp4", noisy(images), Case())
    found = {NOISE: figures_of(keypoints_of(estimator, open_source(disturbed))[0], plain)}
    compared: dict[tuple[int, bool], Floats] = {(1, False): plain}
    for case in cases:
        kind = case.aspect, case.grows
        if kind not in compared:
            compared[kind] = keypoints_of(estimator, worse(folder, images, case))[0]
        stored = store(folder / "case.mp4", images, case)
        poses, _ = keypoints_of(estimator, open_source(stored))
        if len(poses) != len(plain):
            raise SystemExit(f"{case}: {len(poses)} pictures, expected {len(plain)}")
        followed, moments = keypoints_of(estimator, open_source(stored), followed=True)
        score = {"score": score_of(followed, moments, reference)}
        found[str(case)] = figures_of(poses, compared[kind]) | score
    return found


def main() -> None:
    """Run the benchmark, print its table and store the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="four cases only")
    parser.add_argument("--clip", type=Path, default=CLIPS / "cam01.mp4")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), images_of(options.clip), QUICK if options.quick else ALL)
    table = Table("stored", "median, px", "p95, % of the torso", "score", "keypoints")
    for name, row in found.items():
        score = f"{row['score']:.1f}" if "score" in row else ""
        far = f"{row['median_px']:.2f}", f"{100 * row['p95_torso']:.2f}"
        table.add_row(name, *far, score, f"{row['keypoints']:.0f}")
    aims, stored = Aims(ISSUE), [row for name, row in found.items() if name != NOISE]
    aims.add("largest median, px", MEDIAN_PX, max(row["median_px"] for row in stored))
    aims.add("largest p95, share of the torso", P95_TORSO, max(row["p95_torso"] for row in stored))
    aims.add("lowest score", SCORE, min(row["score"] for row in stored), least=True)
    console = Console()
    console.print(table, aims.table())
    out = ROOT / "benchmarks" / "out"
    out.mkdir(exist_ok=True)
    (out / "display.json").write_text(json.dumps({"cases": found, "aims": aims.rows}, indent=2))
    sys.exit(sum(not row["met"] for row in aims.rows))


if __name__ == "__main__":
    main()
