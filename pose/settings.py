"""How the camera is read and keypoints are found, as the user sets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .errors import ConfigError
from .keys import choice, number, text
from .providers import PROVIDERS

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
class DetectorSettings:
    """How the performer is found; ``[detector]`` in a settings file, every field a key."""

    kind: str = choice(
        "auto",
        "How the performer is found. auto: YOLOv5 where its weights are or can be fetched, else MoveNet's "
        "own keypoints.",
        DETECTORS,
    )
    model: str = text(
        "",
        "file or name",
        "Another detector: a YOLO person detector as ONNX, or a name that posesync models lists. Empty: "
        "YOLOv5n.",
    )
    every: str = choice(
        "frame",
        "When the detector runs. frame: on every frame, unless the machine is too slow for the camera; auto: "
        "only while the lock on the performer is weak.",
        EVERY,
    )
    patience: float = number(
        1.5,
        "s",
        0,
        60,
        "How long the performer may be out of sight before somebody else may become the performer.",
    )


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Who finds the keypoints, and where; ``[pose]`` in a settings file, every field a key."""

    model: str = choice(
        "lightning",
        "Who finds the keypoints: lightning is fast and comes with PoseSync, thunder is more precise and "
        "four times slower; mediapipe (extra [mediapipe]) is three times slower and sees feet. "
        "docs/models.md compares them.",
        POSES,
    )
    file: str = text(
        "",
        "file",
        "Another file for it, a MoveNet single-pose ONNX or a MediaPipe .task. Empty: where posesync models "
        "says.",
    )
    provider: str = choice(
        "auto",
        "Where the models run. auto: CUDA or DirectML when the installed ONNX Runtime has it and it starts, "
        "else cpu. tensorrt builds its engines on first use, which takes minutes, and keeps them in your "
        "cache.",
        ("auto", *PROVIDERS),
    )
    threads: int = number(
        1,
        "threads",
        1,
        64,
        "Threads per model on the processor. The models are small: one is the most economical.",
    )


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """What becomes of a lost camera; ``[camera]`` in a settings file, every field a key."""

    lost_timeout: float = number(
        30.0, "s", 0, 86400, "How long a session waits for a lost camera before it ends."
    )
    retry_interval: float = number(1.0, "s", 0.05, 60, "How often a lost camera is tried again.")


_DETECTOR: Final = DetectorSettings()
_NETWORK: Final = NetworkSettings()


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

    pose: str = _NETWORK.model
    detector: str = _DETECTOR.kind
    every: str = _DETECTOR.every
    provider: str = _NETWORK.provider
    threads: int = _NETWORK.threads
    patience: float = _DETECTOR.patience
    pose_model: str = _NETWORK.file
    detector_model: str = _DETECTOR.model

    @classmethod
    def of(cls, detector: DetectorSettings, network: NetworkSettings) -> PoseSettings:
        """What two sections of a settings file ask for."""
        return cls(
            pose=network.model,
            detector=detector.kind,
            every=detector.every,
            provider=network.provider,
            threads=network.threads,
            patience=detector.patience,
            pose_model=network.file,
            detector_model=detector.model,
        )

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


#: What a model or a performer takes that is not told otherwise.
POSE_DEFAULTS: Final = PoseSettings()
