"""Detects people in a frame: YOLOv5 (Ultralytics, 2020) and its anchor-free successors in ONNX Runtime.

Everything that differs between exports is read from the session: float16 or float32 input, fixed or dynamic
size, which class is the person, and the output layout:

- [1, n, 5 + classes], rows with objectness: YOLOv5 as its own repository exports it;
- [1, 4 + classes, n], columns without: YOLOv5u, v8, v9, 11, 12, 26 as ``ultralytics`` exports them;
- [1, n, 6], corners, score and class of the boxes left after suppression inside the model: ``nms=True``, or
  models that need no suppression (YOLOv10, 26 with ``nms=False``).
"""

from __future__ import annotations

import ast
from enum import Enum
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from .errors import ModelError
from .letterbox import Letterbox, clip, stretched_size, whole
from .onnx_session import create_session, run
from .settings import POSE_DEFAULTS
from .types import Box, FloatArray, Image

#: Longest side of the input on every frame, and when looking for a performer in the whole frame.
TRACK_SIZE: Final = 320
ACQUIRE_SIZE: Final = 640

_STRIDE = 32
_GREY = 114  # what YOLOv5 was trained to see as padding
#: One step of a byte, as the network takes it.
_UNIT: Final = np.float32(1 / 255)
#: Longer metadata is not a list of classes.
_LONGEST_NAMES = 100_000
_INPUT_TYPES: Final[dict[str, type[np.floating[Any]]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}


class _Layout(Enum):
    """How the output is laid out; see the module."""

    ROWS = "rows"
    COLUMNS = "columns"
    FINAL = "final"


class PersonDetector:
    """Detector for YOLO's class person (0 unless the file says otherwise), with non-maximum suppression.

    Args:
        path: the ONNX file.
        provider, threads: passed to :func:`~posesync.pose.onnx_session.create_session`.
        score_threshold: boxes below this score, 0..1, are dropped; weak ones can still continue a lock.
        iou_threshold: when two boxes overlap more than this, 0..1, the weaker is dropped.

    Raises:
        ModelError: ONNX Runtime is missing, or the file is not such a model.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        provider: str = POSE_DEFAULTS.provider,
        threads: int = POSE_DEFAULTS.threads,
        score_threshold: float = 0.1,
        iou_threshold: float = 0.5,
    ) -> None:
        self.path = Path(path)
        self.score_threshold = score_threshold
        self.iou_threshold = iou_threshold
        self.session = create_session(path, provider=provider, threads=threads)
        inputs = self.session.get_inputs()
        shape = inputs[0].shape
        if len(inputs) != 1 or len(shape) != 4 or inputs[0].type not in _INPUT_TYPES or shape[1] != 3:
            raise self._unusable(f"input {inputs[0].type} {shape}", "one float image [1, 3, height, width]")
        if isinstance(shape[0], int) and shape[0] != 1:
            raise self._unusable(f"batch size {shape[0]}", "batch size 1")
        self._input = inputs[0].name
        self._dtype = _INPUT_TYPES[inputs[0].type]
        height, width = (side if isinstance(side, int) else None for side in shape[2:])
        #: (width, height) of the input when the model takes only one, else None.
        self.fixed_size = (width, height) if width is not None and height is not None else None
        self._person = self._person_class()
        # The first inference is slow, and its output shows the layout, so it runs here, not during a session.
        # At 160 px no number of predictions can be mistaken for a number of classes.
        output, width, height, _ = self._infer(np.zeros((160, 160, 3), np.uint8), Box(0, 0, 160, 160), 160)
        self._layout = self._find_layout(output.shape, _cells(width, height))
        self._split(output, width, height)

    def _unusable(self, got: str, expected: str) -> ModelError:
        return ModelError(
            f"model {self.path} is not a YOLO person detector ({got}, expected {expected}): "
            "name another with detector_model, or run `posesync models` to see what is available"
        )

    def detect(self, image: Image, region: Box | None = None, size: int = TRACK_SIZE) -> list[Box]:
        """Return the people in a frame, best score first.

        Args:
            image: (H, W, 3) uint8 BGR.
            region: where to look, frame px; the whole frame by default.
            size: longest side of the network's input, px, rounded up to multiples of 32; a model of fixed
                size ignores it.

        Returns:
            Boxes in full-frame px, clipped to the frame.

        Raises:
            ModelError: the model cannot be run or its output has an unknown layout.
        """
        region = whole(image) if region is None else region
        output, width, height, letterbox = self._infer(image, region, size)
        center_size, scores = self._split(output, width, height)
        keep = scores > self.score_threshold
        return self._boxes(center_size[keep], scores[keep], letterbox, image)

    def _infer(self, image: Image, region: Box, size: int) -> tuple[npt.NDArray[Any], int, int, Letterbox]:
        """Return the raw output, the input's width and height, and the letterbox used."""
        width, height = self.fixed_size or stretched_size(region, size, _STRIDE)
        letterbox = Letterbox.fit(region, width, height)
        # As cv2.dnn.blobFromImage with swapRB, bit by bit, in a third of its time.
        blob = np.empty((1, 3, height, width), np.float32)
        for plane, values in zip(blob[0, ::-1], cv2.split(letterbox.apply(image, _GREY)), strict=True):
            np.multiply(values, _UNIT, out=plane)
        output = run(self.session, {self._input: blob.astype(self._dtype, copy=False)}, str(self.path))
        return output, width, height, letterbox

    def _person_class(self) -> int:
        """Return the class that is the person according to the file's metadata; 0, as in COCO, without any.

        Raises:
            ModelError: the metadata lists classes, and person is not among them.
        """
        text = self.session.get_modelmeta().custom_metadata_map.get("names", "")
        try:
            names = ast.literal_eval(text) if len(text) < _LONGEST_NAMES else None
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return 0
        if isinstance(names, list):
            names = dict(enumerate(names))
        if not isinstance(names, dict) or any(str(name).isdigit() for name in names.values()):
            return 0  # no list, or an empty one
        for number, name in names.items():
            if isinstance(number, int) and number >= 0 and str(name).lower() == "person":
                return number
        shown = ", ".join(str(name)[:20] for name in list(names.values())[:4])
        raise self._unusable(f"its classes are {shown}", "a class person")

    def _find_layout(self, shape: tuple[int, ...], cells: int) -> _Layout:
        if len(shape) == 3 and shape[0] == 1:
            if shape[1] == 3 * cells and shape[2] > 5 + self._person:
                return _Layout.ROWS
            if shape[2] in (cells, 3 * cells) and shape[1] > 4 + self._person:
                return _Layout.COLUMNS
            if shape[2] == 6:
                return _Layout.FINAL
        raise self._unusable(
            f"output {list(shape)} for an input of {cells} cells",
            f"[1, {3 * cells}, 85], [1, 84, {cells}] or [1, 300, 6]",
        )

    def _split(self, output: npt.NDArray[Any], width: int, height: int) -> tuple[FloatArray, FloatArray]:
        """Return (n, 4) centre x, y, width, height in input px, and (n,) person scores, from any layout."""
        cells = _cells(width, height)
        if self._find_layout(output.shape, cells) is not self._layout:
            raise self._unusable(f"output {list(output.shape)}", f"{self._layout.value} as at first")
        # Half-precision values are compared and multiplied in single precision.
        found = output[0].astype(np.float32, copy=False)
        if self._layout is _Layout.ROWS:
            return found[:, :4], found[:, 4] * found[:, 5 + self._person]
        if self._layout is _Layout.COLUMNS:
            return found[:4].T, found[4 + self._person]
        corners, scores = found[:, :4], found[:, 4]
        people = np.rint(found[:, 5]) == self._person
        size = corners[:, 2:] - corners[:, :2]
        return np.hstack([corners[:, :2] + size / 2, size]), np.where(people, scores, 0.0)

    def _boxes(
        self, center_size: FloatArray, scores: FloatArray, letterbox: Letterbox, image: Image
    ) -> list[Box]:
        """Return the boxes left by non-maximum suppression, in frame px."""
        if not len(scores):
            return []
        corner = center_size[:, :2] - center_size[:, 2:] / 2
        rects = np.hstack([corner, center_size[:, 2:]])
        kept = cv2.dnn.NMSBoxes(rects.tolist(), scores.tolist(), self.score_threshold, self.iou_threshold)
        boxes = []
        for index in np.asarray(kept, dtype=int).reshape(-1):
            x, y, width, height = rects[index].tolist()
            (left, top), (right, bottom) = letterbox.to_frame(
                np.array([[x, y], [x + width, y + height]])
            ).tolist()
            box = clip(Box(left, top, right, bottom, min(float(scores[index]), 1.0)), image)
            if box.area > 0:
                boxes.append(box)
        return boxes


def _cells(width: int, height: int) -> int:
    """Return the number of cells in YOLO's three grids; there are one or three predictions per cell."""
    return sum((width // stride) * (height // stride) for stride in (8, 16, 32))
