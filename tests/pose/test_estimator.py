"""The estimator on real clips with real models and two people in the picture."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from posesync.pose import estimator as module
from posesync.pose import model_files as models
from posesync.pose.errors import ConfigError, ModelError
from posesync.pose.estimator import PoseEstimator, PoseResult, presence
from posesync.pose.performer import Lock
from posesync.pose.settings import PoseSettings
from posesync.pose.skeleton import LEFT_HIP, LEFT_SHOULDER, NOSE, RIGHT_HIP, RIGHT_SHOULDER
from posesync.pose.sources import open_source
from posesync.pose.types import Box, Frame, Image


@dataclass
class Counted:
    """An estimator that has seen a clip: what it found, and how often its detector ran at which size."""

    estimator: PoseEstimator
    results: dict[int, PoseResult] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        detector = self.estimator.detector
        if detector is None:
            return
        detect = detector.detect

        def counting(image: Image, region: Box | None = None, size: int = 320) -> list[Box]:
            self.sizes.append(size)
            return detect(image, region, size)

        detector.detect = counting  # type: ignore[method-assign]


def variants(model_dir: Path | None) -> list[str]:
    return ["yolov5", "auto", "keypoints"] if model_dir is not None else ["keypoints"]


@pytest.fixture(scope="module")
def walk(clips: dict[str, Path], model_dir: Path | None) -> dict[str, Counted]:
    """The walk at 10 frames a second, seen once by every kind of estimator at the same time."""
    settings = {
        "yolov5": PoseSettings(detector="yolov5"),
        "auto": PoseSettings(detector="yolov5", every="auto"),
        "keypoints": PoseSettings(detector="keypoints"),
    }
    seen = {name: Counted(PoseEstimator(settings[name])) for name in variants(model_dir)}
    with open_source(clips["walk"]) as source:
        for frame in source:
            if frame.index % 3 == 0:
                for counted in seen.values():
                    counted.results[frame.index] = counted.estimator.update(frame)
    return seen


@pytest.fixture(scope="module")
def acrobat(clips: dict[str, Path]) -> list[Frame]:
    """A few frames of the acrobat, half as large."""
    frames = []
    with open_source(clips["cam01"]) as source:
        for frame in source:
            if frame.index % 6 == 0:
                small = cv2.resize(frame.image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
                frames.append(Frame(np.asarray(small, np.uint8), frame.time, len(frames)))
    return frames


@pytest.fixture
def need_yolov5(model_dir: Path | None) -> None:
    if model_dir is None:
        pytest.skip("YOLOv5n is not on this machine")


# -- one performer among two people --------------------------------------------------------------------------


def the_man(index: int, box: Box) -> bool:
    """Whether a box can be the man's; the woman walks on the lawn (y > 560), right to left, until frame 205.

    He stands on the block until frame 160, somersaults, and from frame 190 on is right of the middle.
    """
    x, y = box.center
    if index <= 160:
        return y < 500
    return x > 780


def test_lock_never_goes_from_the_man_to_the_woman(walk: dict[str, Counted]) -> None:
    for name, counted in walk.items():
        # Without a detector he may be lost in the somersault for longer than the patience.
        last = 150 if name == "keypoints" else 230
        for index, result in counted.results.items():
            if result.box is not None and index < last:
                assert the_man(index, result.box), f"{name}: frame {index}, {result.box}"


def test_man_is_followed_through_glare(walk: dict[str, Counted]) -> None:
    for name, counted in walk.items():
        locked = [index for index, result in counted.results.items() if result.lock is Lock.LOCKED]
        first = [index for index in locked if index < 146]
        assert len(first) >= 48, f"{name}: {len(first)} of 49"
        if name != "keypoints":
            assert len(locked) >= 0.85 * len(counted.results), name
            assert counted.estimator._performer.acquisitions == 1, name


def test_keypoints_are_the_persons_in_the_box(walk: dict[str, Counted]) -> None:
    """Hips and shoulders lie in the box, the head above the hips while he stands on the block."""
    torso = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]
    for name, counted in walk.items():
        right = 0
        standing = [result for index, result in counted.results.items() if index < 100]
        for result in standing:
            assert result.box is not None
            xy, box = result.keypoints.xy, result.box
            inside = (xy[torso] >= (box.left, box.top)) & (xy[torso] <= (box.right, box.bottom))
            right += bool(inside.all() and xy[NOSE, 1] < xy[[LEFT_HIP, RIGHT_HIP], 1].min())
        assert right >= 0.96 * len(standing), f"{name}: {right} of {len(standing)}"
        assert np.mean([presence(result.keypoints) for result in standing]) > 0.7, name


def test_lost_is_explicit_and_empty(walk: dict[str, Counted]) -> None:
    for counted in walk.values():
        lost = [result for result in counted.results.values() if result.lock is Lock.LOST]
        assert lost, "nobody can follow him through the sun"
        for result in lost:
            assert result.box is None
            assert not result.keypoints.confidence.any()


def test_detector_acquires_at_640_and_follows_at_320(walk: dict[str, Counted], need_yolov5: None) -> None:
    sizes = walk["yolov5"].sizes
    assert sizes[0] == 640
    assert set(sizes[1:10]) <= {320, 256}
    assert sizes.count(640) <= 0.2 * len(sizes)
    assert len(sizes) - sizes.count(640) >= len(walk["yolov5"].results) - 2, "on every frame"


def test_auto_runs_the_detector_only_when_the_lock_is_weak(
    walk: dict[str, Counted], need_yolov5: None
) -> None:
    assert len(walk["auto"].sizes) < 0.5 * len(walk["yolov5"].sizes)
    differences = []
    for index, result in walk["auto"].results.items():
        every = walk["yolov5"].results[index]
        if index < 100:
            seen = (result.keypoints.confidence > 0.4) & (every.keypoints.confidence > 0.4)
            differences.append(np.abs(result.keypoints.xy - every.keypoints.xy)[seen].mean())
    assert np.median(differences) < 6, "px, of a man 370 px high"


def test_in_a_hurry_the_detector_runs_as_with_auto(acrobat: list[Frame], need_yolov5: None) -> None:
    always, auto = (
        Counted(PoseEstimator(PoseSettings(detector="yolov5", every=every))) for every in ("frame", "auto")
    )
    for frame in acrobat:
        hurried = always.estimator.update(frame, hurried=True)
        assert np.array_equal(hurried.keypoints.xy, auto.estimator.update(frame).keypoints.xy)
    assert always.sizes == auto.sizes


# -- loss, reset, change -------------------------------------------------------------------------------------


def black(like: Frame, time: float) -> Frame:
    return Frame(np.zeros_like(like.image), time, 0)


@pytest.mark.parametrize(("away", "acquisitions"), [(0.4, 1), (3.0, 2)])
def test_performer_who_leaves_is_lost_and_followed_again(
    acrobat: list[Frame], detector: str, away: float, acquisitions: int
) -> None:
    estimator = PoseEstimator(PoseSettings(detector=detector))
    for frame in acrobat[:3]:
        assert estimator.update(frame).lock is Lock.LOCKED
    gone = acrobat[2].time
    for step in np.arange(0.1, away, 0.1):
        result = estimator.update(black(acrobat[0], gone + float(step)))
        assert (result.lock, result.box) == (Lock.LOST, None)
    again = estimator.update(Frame(acrobat[3].image, gone + away, 0))
    assert again.lock is Lock.LOCKED
    assert estimator._performer.acquisitions == acquisitions


@pytest.mark.parametrize("kind", ["black", "noise"])
def test_nobody_is_never_locked(acrobat: list[Frame], detector: str, kind: str) -> None:
    estimator = PoseEstimator(PoseSettings(detector=detector))
    random = np.random.default_rng(3)
    for i in range(4):
        image = np.zeros((360, 640, 3), np.uint8)
        if kind == "noise":
            image = random.integers(0, 256, image.shape, np.uint8)
        result = estimator.update(Frame(image, i / 10, i))
        assert (result.lock, result.box) == (Lock.SEARCHING, None)
        assert not result.keypoints.confidence.any()


def test_same_frames_give_the_same_result_also_after_a_reset(acrobat: list[Frame], detector: str) -> None:
    estimator = PoseEstimator(PoseSettings(detector=detector))
    first = [estimator.update(frame).keypoints.to_array() for frame in acrobat[:6]]
    estimator.reset()
    assert estimator.lock is Lock.SEARCHING
    second = [estimator.update(frame).keypoints.to_array() for frame in acrobat[:6]]
    np.testing.assert_array_equal(first, second)


def test_another_frame_size_starts_again_with_the_same_pose(acrobat: list[Frame], detector: str) -> None:
    estimator = PoseEstimator(PoseSettings(detector=detector))
    large = estimator.update(acrobat[0])
    image = cv2.resize(acrobat[0].image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    small = estimator.update(Frame(np.asarray(image, np.uint8), 0.1, 1))
    assert estimator._performer.acquisitions == 1
    seen = (large.keypoints.confidence > 0.4) & (small.keypoints.confidence > 0.4)
    assert seen.sum() >= 10
    assert np.median(np.abs(large.keypoints.xy - small.keypoints.xy / 0.6)[seen]) < 8


@pytest.mark.parametrize("shape", [(1, 1, 3), (20, 400, 3), (300, 9, 3)])
def test_odd_frames_do_no_harm(detector: str, shape: tuple[int, int, int]) -> None:
    estimator = PoseEstimator(PoseSettings(detector=detector))
    assert estimator.update(Frame(np.full(shape, 128, np.uint8), 0.0, 0)).lock is Lock.SEARCHING


# -- settings and models -------------------------------------------------------------------------------------


def test_auto_without_yolov5_says_so_in_one_line_and_goes_on(
    acrobat: list[Frame], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(models.MODEL_DIR_VARIABLE, raising=False)
    with caplog.at_level(logging.WARNING):
        estimator = PoseEstimator(PoseSettings(detector="auto"))
    assert len(caplog.records) == 1
    assert "\n" not in caplog.text.strip()
    assert "detector keypoints" in caplog.text
    assert estimator.describe()["detector"] == "keypoints"
    assert estimator.update(acrobat[0]).lock is Lock.LOCKED
    with pytest.raises(ModelError, match="not on this machine"):
        PoseEstimator(PoseSettings(detector="yolov5"))


def test_describe_names_every_model_with_its_checksum(need_yolov5: None) -> None:
    described = PoseEstimator(PoseSettings(detector="yolov5")).describe()
    assert set(described) == {"detector", "pose"}
    assert described["pose"].startswith("movenet_lightning.onnx sha256:9281e21d")
    assert described["detector"].startswith("yolov5n.onnx sha256:")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pose": "heavy"}, "pose is 'heavy', expected one of lightning, thunder"),
        ({"detector": "yolo"}, "detector is 'yolo'"),
        ({"every": "second"}, "every is 'second'"),
        ({"threads": 0}, "threads is 0"),
        ({"patience": -1.0}, "patience is -1.0"),
        ({"patience": float("nan")}, "patience is nan"),
    ],
)
def test_settings_name_what_is_wrong(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PoseSettings(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(1920, 1080), (720, 1280), (600, 600)])
def test_search_without_a_detector_covers_the_frame(size: tuple[int, int]) -> None:
    width, height = size
    crops = module._search_crops(np.zeros((height, width, 3), np.uint8))
    for x in np.linspace(1, width - 1, 40):
        for y in (1, height / 2, height - 1):
            assert sum(c.left <= x <= c.right and c.top <= y <= c.bottom for c in crops) >= 1
    assert len(crops) <= 4
