"""How keypoints are found, as the user sets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .errors import ConfigError

#: Pose networks by the name a user gives → their entry in the list of models.
POSE_MODELS: Final = {
    "lightning": "movenet_lightning",
    "thunder": "movenet_thunder",
    "mediapipe": "pose_landmarker_full",
}
DETECTORS: Final = ("auto", "yolov5", "keypoints")
EVERY: Final = ("frame", "auto")
POSES: Final = tuple(POSE_MODELS)


@dataclass(frozen=True, slots=True)
class PoseSettings:
    """How keypoints are found.

    Attributes:
        pose: ``lightning`` (embedded), ``thunder`` (more precise, slower, its file must be there) or
            ``mediapipe`` (PoseLandmarker, feet too; needs the package mediapipe and its file).
        detector: ``yolov5``, ``keypoints`` (MoveNet's own, no detector), or ``auto``: YOLOv5 when its weights
            can be had, else keypoints.
        every: ``frame``: the detector runs on every frame; ``auto``: only when the lock is weak.
        provider: ``auto`` or a key of :data:`posesync.pose.onnx_session.PROVIDERS`.
        threads: threads inside one operator of a network, 1 or more.
        patience: s out of sight after which somebody else may become the performer.
        pose_model: path of another file for ``pose``, a MoveNet single-pose ONNX or a ``.task``; "" for ours.
        detector_model: path of any YOLO person detector as ONNX, or a name of the list of models; "" for
            YOLOv5n.

    Raises:
        ConfigError: a value is not one of these.
    """

    pose: str = "lightning"
    detector: str = "auto"
    every: str = "frame"
    provider: str = "auto"
    threads: int = 1
    patience: float = 1.5
    pose_model: str = ""
    detector_model: str = ""

    def __post_init__(self) -> None:
        """Refuse unknown names with the known ones."""
        for name, known in (("pose", POSES), ("detector", DETECTORS), ("every", EVERY)):
            value = getattr(self, name)
            if value not in known:
                raise ConfigError(
                    f"{name} is {value!r}, expected one of {', '.join(known)}: correct the setting"
                )
        if self.threads < 1:
            raise ConfigError(f"threads is {self.threads}, expected 1 or more: correct the setting")
        if not self.patience >= 0:
            raise ConfigError(f"patience is {self.patience}, expected 0 s or more: correct the setting")
