"""MediaPipe's 33 landmarks as COCO keypoints with feet; and MediaPipe itself where it is installed."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from posesync.pose.errors import InvalidDataError, ModelError
from posesync.pose.estimator import PoseEstimator
from posesync.pose.landmarks import FOOT_NAMES, Landmarks
from posesync.pose.mediapipe_pose import NOWHERE, MediaPipePose
from posesync.pose.model_choice import model_digests
from posesync.pose.model_files import PACKAGED
from posesync.pose.movenet import MoveNet
from posesync.pose.performer import Lock
from posesync.pose.settings import PoseSettings
from posesync.pose.skeleton import KEYPOINT_NAMES
from posesync.pose.types import Box, Frame, Image

#: Name of each of MediaPipe's landmarks, from its documentation.
MEDIAPIPE_NAMES = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
    "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle", "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip
DATA = Path(__file__).resolve().parents[1] / "data"


def test_every_keypoint_is_the_landmark_of_its_name() -> None:
    numbered = np.column_stack([np.arange(33.0), np.arange(33.0) + 100, np.linspace(0, 1, 33)])
    found = Landmarks.from_landmarks(numbered)
    assert [MEDIAPIPE_NAMES[int(x)] for x in found.xy[:, 0]] == list(KEYPOINT_NAMES)
    feet = [MEDIAPIPE_NAMES[int(x)].replace("foot_index", "toe") for x in found.feet[:, 0]]
    assert feet == list(FOOT_NAMES)
    np.testing.assert_allclose(found.to_array()[:, 1], found.xy[:, 0] + 100)
    np.testing.assert_allclose(found.feet[:, 2], np.linspace(0, 1, 33)[29:], atol=1e-6)


def test_wrong_landmarks_are_refused() -> None:
    with pytest.raises(InvalidDataError, match=r"expected \(33, 3\)"):
        Landmarks.from_landmarks(np.zeros((17, 3)))
    with pytest.raises(InvalidDataError, match="feet have shape"):
        Landmarks(np.zeros((17, 2)), np.zeros(17), np.zeros((2, 3)))
    with pytest.raises(InvalidDataError, match="NaN"):
        Landmarks.from_landmarks(np.full((33, 3), np.nan))
    assert not Landmarks.empty().to_array().any()


def test_without_mediapipe_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    monkeypatch.setenv("https_proxy", "")
    monkeypatch.setenv("no_proxy", "")
    file = tmp_path / "any.task"
    file.write_bytes(b"x")
    with pytest.raises(ModelError, match=r"posesync\[mediapipe\].*--no-deps mediapipe") as caught:
        PoseEstimator(PoseSettings(pose="mediapipe", pose_model=str(file), detector="keypoints"))
    assert "\n" not in str(caught.value)
    # Its wheels report usage with curl, which heeds these: set before anything of it is loaded.
    assert os.environ["https_proxy"] == NOWHERE == "http://127.0.0.1:9"
    assert "googleapis" not in os.environ["no_proxy"]


def test_named_files_must_be_there_and_are_what_a_result_depends_on(tmp_path: Path) -> None:
    for settings in (
        PoseSettings(pose_model=str(tmp_path / "none.onnx"), detector="keypoints"),
        PoseSettings(detector_model=str(tmp_path / "none.onnx")),
    ):
        with pytest.raises(ModelError, match=r"none\.onnx does not exist"):
            PoseEstimator(settings)
    file = tmp_path / "own.task"
    file.write_bytes(b"one")
    settings = PoseSettings(pose="mediapipe", pose_model=str(file), detector="keypoints")
    before = model_digests(settings)
    file.write_bytes(b"two")
    assert model_digests(settings)["pose"] != before["pose"]
    assert before["detector"] == "keypoints"
    assert model_digests(PoseSettings(detector="keypoints"))["pose"] == (
        "9281e21d9d3b5a99ef33555ac144fc1fe6b34fd6344af1b6c0deacef40b98bf8"
    )


# -- MediaPipe itself ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def task(model_dir: Path | None) -> Path:
    if importlib.util.find_spec("mediapipe") is None:
        pytest.skip("MediaPipe is not installed")
    if model_dir is None or not (model_dir / "pose_landmarker_full.task").is_file():
        pytest.skip("pose_landmarker_full.task is not on this machine")
    return model_dir / "pose_landmarker_full.task"


@pytest.fixture
def own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What MediaPipe's import sets is gone after the test."""
    for name in ("https_proxy", "no_proxy", "GLOG_minloglevel"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def picture(name: str) -> Image:
    return np.asarray(cv2.imread(str(DATA / name)), np.uint8)


@pytest.mark.parametrize("name", ["cam01_60.png", "walk_30.png"])
def test_it_sees_the_body_where_movenet_sees_it(name: str, task: Path, own_variables: None) -> None:
    image = picture(name)
    crop = Box(0, 0, image.shape[1], image.shape[0])
    theirs = MoveNet(PACKAGED / "movenet_lightning.onnx").estimate(image, crop)
    found = MediaPipePose(task).estimate(image, crop)
    seen = (theirs.confidence > 0.4) & (found.confidence > 0.4)
    assert seen[5:].sum() >= 9
    size = np.ptp(theirs.xy[seen], axis=0).max()
    assert np.median(np.linalg.norm(found.xy - theirs.xy, axis=1)[seen]) < 0.07 * size
    assert found.feet[:, 1].max() > found.xy[5:11, 1].min()


def test_nobody_and_what_lies_outside_have_no_confidence(task: Path, own_variables: None) -> None:
    pose = MediaPipePose(task)
    assert not pose.estimate(np.zeros((200, 300, 3), np.uint8), Box(0, 0, 300, 200)).confidence.any()
    image = picture("cam01_60.png")[: image_half()]
    found = pose.estimate(np.ascontiguousarray(image), Box(0, 0, image.shape[1], image.shape[0]))
    outside = (found.xy < 0).any(axis=1) | (found.xy > (image.shape[1], image.shape[0])).any(axis=1)
    assert not found.confidence[outside].any()


def image_half() -> int:
    return picture("cam01_60.png").shape[0] // 2


def test_the_estimator_follows_with_it_and_gives_feet(
    clips: dict[str, Path], task: Path, own_variables: None
) -> None:
    estimator = PoseEstimator(PoseSettings(pose="mediapipe", detector="keypoints"))
    image = picture("cam01_60.png")
    for i in range(3):
        result = estimator.update(Frame(image, i / 30, i))
    assert result.lock is Lock.LOCKED
    assert result.feet is not None
    assert result.feet.shape == (4, 3)
    assert estimator.providers == ["CPUExecutionProvider"]
    assert estimator.describe()["pose"].startswith("pose_landmarker_full.task sha256:1338f417")


def test_a_file_that_is_no_landmarker_is_one_line(tmp_path: Path, task: Path, own_variables: None) -> None:
    file = tmp_path / "bad.task"
    file.write_bytes(task.read_bytes()[:100_000])
    with pytest.raises(ModelError, match="not a MediaPipe pose landmarker") as caught:
        MediaPipePose(file)
    assert "\n" not in str(caught.value)
