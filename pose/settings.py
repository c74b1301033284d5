"""Settings of how the camera is read and keypoints are found."""

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
    """Settings of how the performer is found; ``[detector]`` in a settings file, every field a key."""

    kind: str = choice(
        "auto",
        "How the performer is found. auto: by YOLOv5 where its weights are present or can be fetched, else "
        "by MoveNet's own keypoints.",
        DETECTORS,
    )
    model: str = text(
        "",
        "file or name",
        "Another detector: the file of a YOLO person detector as ONNX, or a name that posesync models lists. "
        "Empty: YOLOv5n.",
    )
    every: str = choice(
        "frame",
        "When the detector runs. frame: on every frame, unless the machine is too slow for the camera; auto: "
        "only while the performer is held with little certainty.",
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
    """Settings of the network that finds the keypoints; ``[pose]`` in a settings file, every field a key."""

    model: str = choice(
        "lightning",
        "The network that finds the keypoints. lightning: fast, comes with PoseSync; thunder: more precise, "
        "four times slower; mediapipe (extra [mediapipe]): three times slower, sees feet. docs/models.md "
        "compares them.",
        POSES,
    )
    file: str = text(
        "",
        "file",
        "Another file for the network: a MoveNet single-pose ONNX or a MediaPipe .task. Empty: the file that "
        "posesync models lists.",
    )
    provider: str = choice(
        "auto",
        "Where the models run. auto: CUDA or DirectML when the installed ONNX Runtime has it and it starts, "
        "else the CPU. tensorrt builds its engines on first use, which takes minutes, and keeps them in your "
        "cache.",
        ("auto", *PROVIDERS),
    )
    threads: int = number(
        1,
        "threads",
        1,
        64,
        "Threads per model on the CPU. The models are small: one thread is the most economical.",
    )


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Settings for a lost camera; ``[camera]`` in a settings file, every field a key."""

    lost_timeout: float = number(
        30.0, "s", 0, 86400, "How long a session waits for a lost camera before it ends."
    )
    retry_interval: float = number(1.0, "s", 0.05, 60, "Time between two attempts to open a lost camera.")


_DETECTOR: Final = DetectorSettings()
_NETWORK: Final = NetworkSettings()


@dataclass(frozen=True, slots=True)
class PoseSettings:
    """How keypoints are found.

    Attributes:
        pose: ``lightning`` (embedded), ``thunder`` (more precise, slower, its file must be there) or
            ``mediapipe`` (PoseLandmarker, feet too; needs the package mediapipe and its file).
        detector: ``yolov5``, ``keypoints`` (MoveNet's own, no detector), or ``auto``: YOLOv5 when its weights
            are present or can be fetched, else keypoints.
        every: ``frame``: the detector runs on every frame; ``auto``: only when the lock is weak.
        provider: ``auto`` or a key of :data:`posesync.pose.onnx_session.PROVIDERS`.
        threads: threads inside one operator of a network, 1 or more.
        patience: s out of sight after which somebody else may become the performer.
        pose_model: path of another file for ``pose``, a MoveNet single-pose ONNX or a ``.task``; "" for the
            listed one.
        detector_model: path of any YOLO person detector as ONNX, or a name in the list of models; "" for
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
        """Return the settings that two sections of a settings file ask for."""
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
        """Refuse unknown names, naming the known ones, and values out of range."""
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


#: The settings of a model or a performer that is given none.
POSE_DEFAULTS: Final = PoseSettings()
