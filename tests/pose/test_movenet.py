"""MoveNet against the original TensorFlow.js model, on real pictures."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from posesync.pose import model_files as models
from posesync.pose.errors import ModelError
from posesync.pose.estimator import PRESENT, presence
from posesync.pose.letterbox import Letterbox, square, whole
from posesync.pose.movenet import MoveNet, crop_around
from posesync.pose.skeleton import LEFT_HIP, LEFT_KNEE, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER
from posesync.pose.types import Box, Keypoints

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
LIGHTNING = models.PACKAGED / "movenet_lightning.onnx"
STORED = json.loads((DATA / "movenet_tfjs.json").read_text(encoding="utf-8"))["outputs"]


@pytest.fixture(scope="module")
def movenet() -> MoveNet:
    return MoveNet(LIGHTNING)


def read(name: str) -> np.ndarray:
    """A stored picture, BGR."""
    image = cv2.imread(str(DATA / name))
    assert image is not None
    return np.asarray(image)


@pytest.mark.parametrize("name", sorted(STORED))
def test_equals_tensorflow_js(movenet: MoveNet, name: str) -> None:
    image = read(name)
    assert np.abs(movenet.infer(image[..., ::-1]) - np.array(STORED[name])).max() < 1e-3
    keypoints = movenet.estimate(image, whole(image))
    expected = np.array(STORED[name])
    np.testing.assert_allclose(keypoints.xy, expected[:, 1::-1] * 192, atol=0.2)
    np.testing.assert_allclose(keypoints.confidence, expected[:, 2], atol=1e-3)


def test_keypoints_come_back_in_full_frame_pixels(movenet: MoveNet) -> None:
    """The picture, four times as large, somewhere in a larger frame: keypoints move with it."""
    name = "walk_30.png"
    frame = np.zeros((1000, 1500, 3), np.uint8)
    frame[100:868, 600:1368] = cv2.resize(read(name), (768, 768), interpolation=cv2.INTER_CUBIC)
    keypoints = movenet.estimate(frame, Box(600, 100, 1368, 868))
    expected = np.array(STORED[name])
    seen = expected[:, 2] > 0.4
    assert seen.sum() > 10
    assert np.abs(keypoints.xy - (expected[:, 1::-1] * 768 + (600, 100)))[seen].max() < 20


def test_keypoint_outside_the_frame_was_not_seen(movenet: MoveNet) -> None:
    """The man cut off at the thighs: knees and ankles may be guessed, but not believed."""
    image = np.ascontiguousarray(read("walk_30.png")[:108])
    keypoints = movenet.estimate(image, Box(0, 0, 192, 192))
    outside = keypoints.xy[:, 1] > 108
    assert (keypoints.confidence[outside] == 0).all()
    assert keypoints.confidence[[LEFT_SHOULDER, RIGHT_SHOULDER]].min() > 0.4
    assert ((keypoints.xy[keypoints.confidence > 0] >= 0).all(axis=1)).all()


@pytest.mark.parametrize("kind", ["black", "white", "noise", "wall"])
def test_an_empty_picture_has_no_person(movenet: MoveNet, kind: str) -> None:
    image = {
        "black": np.zeros((300, 300, 3), np.uint8),
        "white": np.full((300, 300, 3), 255, np.uint8),
        "noise": np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8),
        "wall": read("cam03_20.png")[:60, :60].copy(),
    }[kind]
    assert presence(movenet.estimate(image, whole(image))) < PRESENT


def with_input(dtype: int, folder: Path) -> Path:
    """Lightning with another input type, as other conversions have it."""
    model = onnx.load(LIGHTNING)
    graph = model.graph
    name = graph.input[0].name
    for node in graph.node:
        for i, source in enumerate(node.input):
            if source == name:
                node.input[i] = "bytes"
    graph.node.insert(0, helper.make_node("Cast", [name], ["bytes"], to=TensorProto.UINT8))
    graph.input[0].type.tensor_type.elem_type = dtype
    path = folder / "movenet.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("dtype", [TensorProto.INT32, TensorProto.FLOAT])
def test_other_input_types(movenet: MoveNet, tmp_path: Path, dtype: int) -> None:
    image = read("cam01_60.png")
    other = MoveNet(with_input(dtype, tmp_path)).infer(image[..., ::-1])
    np.testing.assert_allclose(other, movenet.infer(image[..., ::-1]), atol=1e-5)


def test_wrong_models_are_refused(tmp_path: Path, model_dir: Path | None) -> None:
    wrong = [with_input(TensorProto.DOUBLE, tmp_path)]
    if model_dir is not None:
        wrong.append(model_dir / "yolov5n.onnx")
    for path in wrong:
        with pytest.raises(ModelError, match="not a MoveNet single-pose model") as caught:
            MoveNet(path)
        assert "\n" not in str(caught.value)


def test_thunder_has_its_own_size(model_dir: Path | None) -> None:
    if model_dir is None or not (model_dir / "movenet_thunder.onnx").is_file():
        pytest.skip("Thunder is not on this machine")
    thunder = MoveNet(model_dir / "movenet_thunder.onnx")
    assert thunder.size == 256
    image = read("cam03_20.png")
    keypoints = thunder.estimate(image, whole(image))
    expected = np.array(STORED["cam03_20.png"])
    both = (keypoints.confidence > 0.5) & (expected[:, 2] > 0.5)
    assert both.sum() > 8
    assert np.median(np.abs(keypoints.xy - expected[:, 1::-1] * 192)[both]) < 4


# -- the crop rule -------------------------------------------------------------------------------------------


def standing(**changes: tuple[float, float, float]) -> Keypoints:
    """Shoulders 100 px above hips at (300, 400), knees 100 below; nothing else seen."""
    array = np.zeros((17, 3))
    array[[LEFT_SHOULDER, RIGHT_SHOULDER]] = (320, 300, 0.9), (280, 300, 0.9)
    array[[LEFT_HIP, RIGHT_HIP]] = (310, 400, 0.9), (290, 400, 0.9)
    array[LEFT_KNEE] = (300, 500, 0.9)
    for name, value in changes.items():
        array[{"left_hip": LEFT_HIP, "left_knee": LEFT_KNEE}[name]] = value
    return Keypoints.from_array(array)


@pytest.mark.parametrize(
    ("keypoints", "center", "half"),
    [
        (standing(), (300, 400), 190),  # 1.9 × torso
        (standing(left_knee=(300, 600, 0.9)), (300, 400), 240),  # 1.2 × body
        (standing(left_knee=(300, 900, 0.1)), (300, 400), 190),  # what is not seen does not count
        (standing(left_hip=(310, 400, 0.0)), (290, 400), 190),  # one hip is enough
    ],
)
def test_crop_rule(keypoints: Keypoints, center: tuple[float, float], half: float) -> None:
    crop = crop_around(keypoints)
    assert crop is not None
    assert crop.center == pytest.approx(center)
    assert (crop.width / 2, crop.height / 2) == pytest.approx((half, half))


def test_no_crop_without_a_torso() -> None:
    assert crop_around(Keypoints.empty()) is None
    array = standing().to_array()
    array[[LEFT_HIP, RIGHT_HIP], 2] = 0.1
    assert crop_around(Keypoints.from_array(array)) is None


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 4), st.floats(-900, 900))
def test_crop_holds_the_body_and_moves_with_it(seed: int, scale: float, shift: float) -> None:
    random = np.random.default_rng(seed)
    xy, confidence = random.uniform(100, 700, (17, 2)), random.uniform(0, 1, 17)
    crop = crop_around(Keypoints(xy, confidence))
    moved = crop_around(Keypoints(xy * scale + shift, confidence))
    if crop is None or moved is None:
        assert crop is moved is None
        return
    seen = xy[confidence > 0.2]
    assert (seen >= (crop.left, crop.top)).all()
    assert (seen <= (crop.right, crop.bottom)).all()
    assert moved.width == pytest.approx(crop.width * scale, rel=1e-5)
    np.testing.assert_allclose(moved.center, np.array(crop.center) * scale + shift, rtol=1e-5, atol=1e-3)


def test_larger_frame_gives_the_same_input(movenet: MoveNet) -> None:
    """Antialiasing: a crop from a frame three times as large looks like the crop from the small one."""
    small = read("cam01_60.png")
    large = cv2.resize(small, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    a = Letterbox.fit(square((96, 96), 96), 192, 192).apply(small)
    b = Letterbox.fit(square((288, 288), 288), 192, 192).apply(np.asarray(large, np.uint8))
    assert np.abs(a.astype(int) - b.astype(int)).mean() < 6


@pytest.mark.slow
def test_embedded_file_is_what_the_converter_makes(tmp_path: Path) -> None:
    """Needs npm and its registry."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on this machine")
    subprocess.run(
        [npm, "pack", "--silent", "@vladmandic/human@3.3.6"], cwd=tmp_path, check=True, timeout=170
    )
    (tarball,) = tmp_path.glob("*.tgz")
    with tarfile.open(tarball) as archive:
        for suffix in ("json", "bin"):
            member = archive.extractfile(f"package/models/movenet-lightning.{suffix}")
            assert member is not None
            (tmp_path / f"movenet-lightning.{suffix}").write_bytes(member.read())
    made = tmp_path / "made.onnx"
    command = [sys.executable, str(ROOT / "tools" / "convert_movenet.py")]
    source = str(tmp_path / "movenet-lightning.json")
    subprocess.run([*command, source, str(made), "--fp16-weights"], check=True, timeout=120)
    ours, theirs = onnx.load(LIGHTNING), onnx.load(made)
    assert ours.graph == theirs.graph
    image = read("walk_30.png")[..., ::-1]
    np.testing.assert_array_equal(MoveNet(made).infer(image), MoveNet(LIGHTNING).infer(image))
