"""MoveNet (Google, 2021): finds 17 keypoints of the person nearest the centre of a square crop."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from .errors import ModelError
from .letterbox import Letterbox, seen_in, square
from .onnx_session import create_session, run
from .settings import POSE_DEFAULTS
from .skeleton import LEFT_HIP, LEFT_SHOULDER, NUM_KEYPOINTS, RIGHT_HIP, RIGHT_SHOULDER
from .types import Box, FloatArray, Image, Keypoints

#: Confidence above which a keypoint is good enough to place the next crop by, as in Google's crop rule.
CROP_CONFIDENCE: Final = 0.2
#: Half-size of the crop, in torso reaches and in body reaches, from the same rule.
TORSO_FACTOR: Final = 1.9
BODY_FACTOR: Final = 1.2

_INPUT_TYPES: Final[dict[str, type[np.generic]]] = {
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
    "tensor(float)": np.float32,
}
_TORSO = (LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP)


class MoveNet:
    """MoveNet single-pose, Lightning (192 px) or Thunder (256 px).

    Args:
        path: the ONNX file; ``tools/convert_movenet.py`` makes it.
        provider, threads: passed to :func:`~posesync.pose.onnx_session.create_session`.

    Raises:
        ModelError: ONNX Runtime is missing, or the file is not such a model.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        provider: str = POSE_DEFAULTS.provider,
        threads: int = POSE_DEFAULTS.threads,
    ) -> None:
        self.path = Path(path)
        self.session = create_session(path, provider=provider, threads=threads)
        (first, *others), output = self.session.get_inputs(), self.session.get_outputs()[0]
        shape = first.shape
        fits = (
            not others
            and first.type in _INPUT_TYPES
            and len(shape) == 4
            and shape[0] == 1
            and shape[1] == shape[2]
            and isinstance(shape[1], int)
            and shape[3] == 3
            and list(output.shape) == [1, 1, NUM_KEYPOINTS, 3]
        )
        if not fits:
            raise ModelError(
                f"model {path} is not a MoveNet single-pose model "
                f"(input {first.type} {shape}, output {output.shape}, "
                "expected [1, size, size, 3] and [1, 1, 17, 3]): delete it and run "
                f"`posesync models {self.path.stem}` to get the right one"
            )
        self._input = first.name
        self._dtype = _INPUT_TYPES[first.type]
        #: Side of the square input, px.
        self.size: int = shape[1]
        self.infer(np.zeros((self.size, self.size, 3), np.uint8))  # the first inference is slow

    @property
    def providers(self) -> list[str]:
        """ONNX Runtime's providers, the one in use first."""
        return list(self.session.get_providers())

    def infer(self, image: Image) -> FloatArray:
        """Run the network on one picture.

        Args:
            image: (size, size, 3) uint8 **RGB**.

        Returns:
            (17, 3): y and x in units of the input's side, confidence 0..1.

        Raises:
            ModelError: the model cannot be run.
        """
        output: Any = run(
            self.session, {self._input: image[None].astype(self._dtype, copy=False)}, str(self.path)
        )
        return np.asarray(output[0, 0], dtype=np.float32)

    def estimate(self, image: Image, crop: Box) -> Keypoints:
        """Return the keypoints of the person nearest the centre of a crop.

        A point that the network places outside the frame cannot have been seen: its confidence is 0.

        Args:
            image: (H, W, 3) uint8 BGR.
            crop: frame px, square (else the square around it); it may reach outside the frame.

        Returns:
            Keypoints in full-frame px.

        Raises:
            ModelError: the model cannot be run.
        """
        letterbox = Letterbox.fit(crop, self.size, self.size)
        # Not a reversed view, which ONNX Runtime would copy pixel by pixel.
        output = self.infer(np.asarray(cv2.cvtColor(letterbox.apply(image), cv2.COLOR_BGR2RGB), np.uint8))
        xy = letterbox.to_frame(output[:, 1::-1] * self.size).astype(np.float32)
        return Keypoints(xy, seen_in(image, xy, output[:, 2]).astype(np.float32))


def torso_seen(keypoints: Keypoints) -> bool:
    """Return whether at least one shoulder and one hip are sure enough to place a crop by."""
    seen = keypoints.confidence > CROP_CONFIDENCE
    return bool((seen[LEFT_SHOULDER] or seen[RIGHT_SHOULDER]) and (seen[LEFT_HIP] or seen[RIGHT_HIP]))


def crop_around(keypoints: Keypoints) -> Box | None:
    """Return the square crop that shows a whole person, or None when the torso was not seen.

    Google's rule for MoveNet: centred on the middle of the hips, half-size
    max(1.9 × torso reach, 1.2 × body reach); a reach is the largest distance along x or y from the centre.
    """
    if not torso_seen(keypoints):
        return None
    seen = keypoints.confidence > CROP_CONFIDENCE
    hips = [index for index in (LEFT_HIP, RIGHT_HIP) if seen[index]]
    center = keypoints.xy[hips].mean(axis=0)
    reach = np.abs(keypoints.xy - center).max(axis=1)
    torso = max(float(reach[index]) for index in _TORSO if seen[index])
    half = max(TORSO_FACTOR * torso, BODY_FACTOR * float(reach[seen].max()))
    return square((float(center[0]), float(center[1])), max(half, 1.0))
