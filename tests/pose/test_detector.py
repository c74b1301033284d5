"""The detector on real frames, with the real YOLOv5n and with other export formats."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from posesync.pose import model_files as models
from posesync.pose.detector import PersonDetector
from posesync.pose.errors import ModelError
from posesync.pose.letterbox import Letterbox, stretched_size, whole
from posesync.pose.sources import open_source
from posesync.pose.types import Box, Image

DATA = Path(__file__).resolve().parents[1] / "data"

#: The man on the block and the woman, in frame 80 of the walk; drawn by hand, px.
MAN = Box(575, 98, 694, 458)
WOMAN = Box(1100, 530, 1345, 928)


@pytest.fixture(scope="module")
def picture(clips: dict[str, Path]) -> Image:
    """Frame 80 of the walk: two people."""
    with open_source(clips["walk"]) as source:
        return next(frame.image for frame in source if frame.index == 80)


@pytest.fixture(scope="module")
def yolov5n(model_dir: Path | None) -> Path:
    if model_dir is None:
        pytest.skip("YOLOv5n is not on this machine")
    return model_dir / "yolov5n.onnx"


# -- the real model in other shapes --------------------------------------------------------------------------


def set_size(model: onnx.ModelProto, width: int, height: int) -> None:
    """Fix the input's size."""
    dims = model.graph.input[0].type.tensor_type.shape.dim
    for dim, side in zip(dims[2:], (height, width), strict=True):
        dim.Clear()
        dim.dim_value = side
    model.graph.output[0].type.tensor_type.shape.dim[1].Clear()


def fixed(model: onnx.ModelProto) -> onnx.ModelProto:
    set_size(model, 320, 192)
    return model


def half(model: onnx.ModelProto) -> onnx.ModelProto:
    """float16 in and out and 640 × 640, as the release's file."""
    set_size(model, 640, 640)
    graph = model.graph
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name == graph.input[0].name:
                node.input[i] = "wide"
        for i, name in enumerate(node.output):
            if name == graph.output[0].name:
                node.output[i] = "single"
    graph.node.insert(0, helper.make_node("Cast", [graph.input[0].name], ["wide"], to=TensorProto.FLOAT))
    graph.node.append(helper.make_node("Cast", ["single"], [graph.output[0].name], to=TensorProto.FLOAT16))
    for value in (graph.input[0], graph.output[0]):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    return model


def anchor_free(model: onnx.ModelProto) -> onnx.ModelProto:
    """[1, 84, n], objectness folded into the class scores."""
    graph = model.graph
    name = graph.output[0].name
    for node in graph.node:
        for i, output in enumerate(node.output):
            if output == name:
                node.output[i] = "rows"
    graph.initializer.append(numpy_helper.from_array(np.array([4, 1, 80]), "parts"))
    graph.node.extend(
        [
            helper.make_node("Split", ["rows", "parts"], ["xywh", "objectness", "classes"], axis=2),
            helper.make_node("Mul", ["objectness", "classes"], ["scores"]),
            helper.make_node("Concat", ["xywh", "scores"], ["joined"], axis=2),
            helper.make_node("Transpose", ["joined"], [name], perm=[0, 2, 1]),
        ]
    )
    output = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 84, None])
    graph.output[0].CopyFrom(output)
    return model


def dynamic_half(model: onnx.ModelProto) -> onnx.ModelProto:
    model = half(model)
    dims = model.graph.input[0].type.tensor_type.shape.dim
    dims[2].dim_param, dims[3].dim_param = "height", "width"
    return model


def batch_of_two(model: onnx.ModelProto) -> onnx.ModelProto:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    return model


def build(source: Path, folder: Path, change: Callable[[onnx.ModelProto], onnx.ModelProto]) -> Path:
    """The real model, changed."""
    path = folder / f"{change.__name__}.onnx"
    onnx.save(change(onnx.load(source)), path)
    return path


# -- tests ---------------------------------------------------------------------------------------------------


def test_finds_both_people_where_they_are(yolov5n: Path, picture: Image) -> None:
    boxes = PersonDetector(yolov5n).detect(picture, size=640)
    sure = [box for box in boxes if box.score > 0.35]
    assert len(sure) == 2
    for person in (MAN, WOMAN):
        assert max(box.iou(person) for box in sure) > 0.85
    assert boxes == sorted(boxes, key=lambda box: -box.score)


def test_zoomed_region_at_320_sees_what_640_sees_in_the_whole(yolov5n: Path, picture: Image) -> None:
    detector = PersonDetector(yolov5n)
    region = Box(350, 0, 950, 700)
    best = detector.detect(picture, region, 320)[0]
    assert best.iou(MAN) > 0.85
    assert best.score > 0.35
    assert all(box.right <= 960 for box in detector.detect(picture, region, 320)), "nobody from outside"


@pytest.mark.parametrize("change", [fixed, half, dynamic_half, anchor_free])
def test_every_export_gives_the_same_people(
    yolov5n: Path, picture: Image, tmp_path: Path, change: Callable[[onnx.ModelProto], onnx.ModelProto]
) -> None:
    detector = PersonDetector(build(yolov5n, tmp_path, change))
    assert detector.fixed_size == {"fixed": (320, 192), "half": (640, 640)}.get(change.__name__)
    region = Box(350, 0, 1350, 990)
    boxes = [box for box in detector.detect(picture, region, 640) if box.score > 0.3]
    # At 320 × 192 both people are only 75 px high: the boxes are coarser.
    for person in (MAN, WOMAN):
        assert max(box.iou(person) for box in boxes) > (0.6 if change is fixed else 0.85)
    if change is not fixed:
        expected = PersonDetector(yolov5n).detect(picture, region, 640)
        for box in boxes:
            twin = max(expected, key=box.iou)
            assert box.iou(twin) > (0.93 if change is half else 0.98)
            assert box.score == pytest.approx(twin.score, abs=0.1 if change is half else 0.01)


def test_nobody_in_an_empty_picture(yolov5n: Path, clips: dict[str, Path]) -> None:
    detector = PersonDetector(yolov5n)
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    for image in (np.zeros((480, 640, 3), np.uint8), noise, np.full((7, 5, 3), 200, np.uint8)):
        assert [box for box in detector.detect(image, size=320) if box.score > 0.3] == []


def test_boxes_stay_in_the_frame(yolov5n: Path, picture: Image) -> None:
    cut = np.ascontiguousarray(picture[150:400, 560:760])
    for box in PersonDetector(yolov5n).detect(cut, Box(-200, -200, 400, 500), 320):
        assert 0 <= box.left < box.right <= 200
        assert 0 <= box.top < box.bottom <= 250


def test_wrong_models_are_refused_in_one_line(yolov5n: Path, tmp_path: Path, model_dir: Path | None) -> None:
    movenet = models.PACKAGED / "movenet_lightning.onnx"
    for path in (movenet, build(yolov5n, tmp_path, batch_of_two), build(yolov5n, tmp_path, no_grid)):
        with pytest.raises(ModelError, match="not a YOLO person detector") as caught:
            PersonDetector(path)
        assert "\n" not in str(caught.value)


def no_grid(model: onnx.ModelProto) -> onnx.ModelProto:
    """Only the first 100 predictions: no layout we know."""
    graph = model.graph
    for node in graph.node:
        for i, output in enumerate(node.output):
            if output == graph.output[0].name:
                node.output[i] = "rows"
    for name, value in (("from", 0), ("to", 100), ("axis", 1)):
        graph.initializer.append(numpy_helper.from_array(np.array([value]), name))
    graph.node.append(helper.make_node("Slice", ["rows", "from", "to", "axis"], [graph.output[0].name]))
    graph.output[0].type.tensor_type.shape.dim[1].Clear()
    return model


# -- boxes as ultralytics makes them -------------------------------------------------------------------------


def constant(path: Path, output: np.ndarray, size: tuple[int, int], names: str = "") -> Path:
    """A model of ``size`` (width, height) px that gives ``output`` whatever it sees."""
    width, height = size
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, height, width])
    result = helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(output.shape))
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["values", "nothing"], ["output0"]),
    ]
    values = [
        numpy_helper.from_array(output.astype(np.float32), "values"),
        numpy_helper.from_array(np.float32(0), "zero"),
    ]
    graph = helper.make_graph(nodes, "constant", [image], [result], values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if names:
        helper.set_model_props(model, {"names": names})
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("name", ["yolov5n", "yolov5s", "yolov5m", "yolo11n"])
def test_boxes_are_those_of_ultralytics(name: str, tmp_path: Path) -> None:
    """What networks with random weights gave, and what ultralytics' predict made of it: see tools/."""
    with np.load(DATA / "yolo_boxes.npz", allow_pickle=False) as stored:
        columns, expected = stored[f"{name}_output"], stored[f"{name}_boxes"]
        least = float(stored[f"{name}_least"])
    output = np.zeros((1, 84, columns.shape[1]), np.float32)
    output[0, :5] = columns
    path = constant(tmp_path / "model.onnx", output, (320, 192))
    detector = PersonDetector(path, score_threshold=least, iou_threshold=0.617)
    boxes = detector.detect(np.zeros((192, 320, 3), np.uint8))
    found = np.array([(box.left, box.top, box.right, box.bottom, box.score) for box in boxes])
    assert len(expected) > 20
    assert len(found) == len(expected)
    for box in expected:
        distance = np.abs(found[:, :4] - box[:4]).max(axis=1)
        assert distance.min() < 1
        assert found[distance.argmin(), 4] == pytest.approx(box[4], abs=1e-3)


NAMES = {0: "dog", 3: "Person", 2: "cat"}


@pytest.mark.parametrize("layout", ["rows", "columns", "final"])
def test_the_person_is_the_class_of_that_name_in_every_layout(layout: str, tmp_path: Path) -> None:
    cells = 40 * 24 + 20 * 12 + 10 * 6
    dog, person = (50.0, 50.0, 40.0, 60.0), (200.0, 100.0, 60.0, 120.0)
    if layout == "final":
        output = np.zeros((1, 300, 6), np.float32)
        output[0, 0] = (30, 20, 70, 80, 0.9, 0)
        output[0, 1] = (170, 40, 230, 160, 0.8, 3)
    elif layout == "rows":
        output = np.zeros((1, 3 * cells, 9), np.float32)
        output[0, 7, :6] = (*dog, 1.0, 0.9)
        output[0, 9] = (*person, 1.0, 0.0, 0.0, 0.0, 0.8)
    else:
        output = np.zeros((1, 8, cells), np.float32)
        output[0, :5, 7] = (*dog, 0.9)
        output[0, :, 9] = (*person, 0.0, 0.0, 0.0, 0.8)
    image = np.zeros((192, 320, 3), np.uint8)
    (box,) = PersonDetector(constant(tmp_path / "a.onnx", output, (320, 192), repr(NAMES))).detect(image)
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((170, 40, 230, 160))
    assert box.score == pytest.approx(0.8)
    (box,) = PersonDetector(constant(tmp_path / "b.onnx", output, (320, 192))).detect(image)
    assert (box.left, box.score) == (pytest.approx(30), pytest.approx(0.9)), "class 0 without names"
    with pytest.raises(ModelError, match=r"its classes are dog, cat, expected a class person"):
        PersonDetector(constant(tmp_path / "c.onnx", output, (320, 192), "{0: 'dog', 1: 'cat'}"))


@pytest.mark.parametrize(
    "names", ["{", "[" * 5000, "7", "{0: '0', 1: '1'}", "__import__('os')", "x" * 200_000]
)
def test_odd_metadata_do_no_harm(names: str, tmp_path: Path) -> None:
    output = np.zeros((1, 84, 1260), np.float32)
    assert PersonDetector(constant(tmp_path / "a.onnx", output, (320, 192), names))._person == 0


# -- geometry ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "longest", "expected"),
    [
        (1280, 720, 320, (320, 192)),
        (1920, 1080, 640, (640, 384)),
        (720, 1280, 320, (192, 320)),
        (640, 480, 320, (320, 256)),
        (500, 500, 320, (320, 320)),
        (4000, 10, 320, (320, 32)),
    ],
)
def test_short_letterbox(width: int, height: int, longest: int, expected: tuple[int, int]) -> None:
    assert stretched_size(Box(0, 0, width, height), longest) == expected


@settings(max_examples=80)
@given(
    st.floats(-500, 1500), st.floats(-500, 1500), st.floats(2, 3000), st.floats(2, 3000),
    st.integers(32, 640), st.integers(32, 640),
)  # fmt: skip
def test_letterbox_shows_the_region_and_is_undone_exactly(
    left: float, top: float, width: float, height: float, in_width: int, in_height: int
) -> None:
    region = Box(left, top, left + width, top + height)
    letterbox = Letterbox.fit(region, in_width, in_height)
    corners = np.array([[region.left, region.top], [region.right, region.bottom]])
    inside = corners * letterbox.scale + (letterbox.offset_x, letterbox.offset_y)
    assert (inside >= -1e-6).all()
    assert (inside <= np.array([in_width, in_height]) + 1e-6).all()
    assert (inside[1] - inside[0] >= np.array([in_width, in_height]) - 1e-6).any(), "as large as can be"
    np.testing.assert_allclose(letterbox.to_frame(inside), corners, atol=1e-6)


@pytest.mark.parametrize("scale", [1.7, 1.0, 0.6, 0.5, 0.31, 0.2, 0.09])
def test_letterbox_puts_pixels_where_it_says(scale: float) -> None:
    """A blob on grey, found again at the mapped place whatever the scale."""
    image = np.full((900, 1200, 3), 90, np.uint8)
    center = np.array([517.0, 402.0])
    cv2.circle(image, (517, 402), 60, (255, 255, 255), -1, cv2.LINE_AA)
    size = round(700 * scale)
    letterbox = Letterbox.fit(Box(200, 100, 900, 800), size, size)
    weight = letterbox.apply(image, 90)[..., 0].astype(float) - 90
    rows, columns = np.indices(weight.shape) + 0.5
    found = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    np.testing.assert_allclose(letterbox.to_frame(found) - 0.5, center, atol=0.06 / scale)


def test_letterbox_fills_what_lies_outside() -> None:
    image = np.full((100, 100, 3), 255, np.uint8)
    shown = Letterbox.fit(Box(-100, 0, 100, 200), 64, 64).apply(image, 114)
    assert (shown[:30, 34:] == 255).all()
    assert (shown[34:] == 114).all()
    assert (shown[:, :30] == 114).all()
    nothing = Letterbox.fit(Box(500, 500, 2500, 2500), 64, 64).apply(image, 114)
    assert (nothing == 114).all()
    assert whole(image) == Box(0, 0, 100, 100)


_AGAIN = """
import sys
import numpy as np
from pathlib import Path
from posesync.pose.detector import ACQUIRE_SIZE, PersonDetector

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

image = np.zeros((720, 1280, 3), np.uint8)
detector = PersonDetector(Path(sys.argv[1]))
detector.detect(image, None, ACQUIRE_SIZE)
before = resident()
for _ in range(3):
    detector.detect(image, None, ACQUIRE_SIZE)
print(resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc to read the memory from")
def test_looking_for_the_performer_again_takes_no_more_memory(yolov5n: Path) -> None:
    command = [sys.executable, "-c", _AGAIN, str(yolov5n)]
    grown = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert grown < 2.0, "MB; ONNX Runtime's memory pattern costs 7 at the second time"
