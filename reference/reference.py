"""The expert's movement: keypoints and features, each with its own time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from posesync.pose.errors import InvalidDataError, ReferenceFileError
from posesync.pose.features import Features, check_keypoints, extract_features
from posesync.pose.types import FloatArray

from . import storage


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a reference came from; every field is None or empty where it is not known.

    Attributes:
        file: name of the expert's video, without its folder.
        sha256: of that file.
        width: px of the upright picture.
        height: px of the upright picture.
        fps: average frames per second.
        settings: the settings that change the keypoints (detector, pose, …).
        models: the models that ran, as the pose estimator describes them (name, sha256).
        versions: versions of PoseSync and of the libraries that computed the numbers.
        warning: anything the user should know, for instance that the video is truncated.
    """

    file: str | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    warning: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Origin:
        """Read :meth:`to_dict`'s values; unknown keys are ignored, values of a wrong type become None."""
        known: dict[str, Any] = {}
        for item in fields(cls):
            value = values.get(item.name)
            if item.name in ("settings", "models", "versions"):
                known[item.name] = dict(value) if isinstance(value, Mapping) else {}
            elif item.name in ("width", "height"):
                known[item.name] = value if isinstance(value, int) else None
            elif item.name == "fps":
                known[item.name] = float(value) if isinstance(value, (int, float)) else None
            else:
                known[item.name] = value if isinstance(value, str) else None
        return cls(**known)


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A sequence of poses: one sample per frame of the expert's video, including frames without a person.

    Make one with :meth:`from_keypoints`, :meth:`load` or :func:`posesync.reference.prepare_reference`.
    The arrays are read-only.

    Attributes:
        times: (T,) float64, s, strictly increasing.
        keypoints: (T, 17, 3) float32, x px, y px, confidence 0..1; a frame without a person has confidence 0.
        features: values and weights (T, 28), see :class:`posesync.pose.features.Features`.
        origin: where the sequence came from.
    """

    times: FloatArray
    keypoints: FloatArray
    features: Features
    origin: Origin = Origin()

    def __len__(self) -> int:
        """Return the number of samples, T."""
        return len(self.times)

    @property
    def duration(self) -> float:
        """Seconds from the first sample to the last; 0 for a single sample."""
        return float(self.times[-1] - self.times[0])

    @property
    def seen(self) -> npt.NDArray[np.bool_]:
        """(T,) whether at least one feature was seen in each sample."""
        seen: npt.NDArray[np.bool_] = self.features.weights.max(axis=1) > 0
        return seen

    @classmethod
    def from_keypoints(
        cls, keypoints: FloatArray, times: FloatArray, *, origin: Origin | None = None
    ) -> Reference:
        """Return a reference from a sequence of keypoints.

        Args:
            keypoints: (T, 17, 3) x px, y px, confidence 0..1, T ≥ 1, COCO order. A keypoint with NaN or
                infinity counts as not seen; confidences are clipped to 0..1.
            times: (T,) s, finite and strictly increasing.
            origin: where they came from.

        Raises:
            InvalidDataError: wrong shapes or lengths, or times that are not finite and strictly increasing.
        """
        points = check_keypoints(keypoints)
        stamps = _check_times(times)
        if points.ndim != 3 or len(points) != len(stamps):
            raise InvalidDataError(
                f"keypoints have shape {points.shape} and times {stamps.shape}, "
                "expected (T, 17, 3) and (T,): pass one time per frame"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            points = points.astype(np.float32)
        points[~np.isfinite(points).all(axis=-1)] = 0.0
        np.clip(points[..., 2], 0.0, 1.0, out=points[..., 2])
        features = extract_features(points)
        for array in (stamps, points, features.values, features.weights):
            array.setflags(write=False)
        return cls(stamps, points, features, origin or Origin())

    def save(self, path: str | PathLike[str]) -> None:
        """Write to ``path`` (customarily ``.npz``), atomically: no half-written file is ever left.

        Raises:
            OutputError: the disk is full, the folder missing or not writable.
        """
        header = {"origin": self.origin.to_dict()}
        storage.write(Path(path), header, {"times": self.times, "keypoints": self.keypoints})

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Reference:
        """Return the reference that :meth:`save` wrote, with features computed by the current version.

        Raises:
            ReferenceFileError: missing, corrupt, not a reference, or of a newer format.
        """
        header, arrays = storage.read(Path(path), ("times", "keypoints"))
        origin = header.get("origin")
        try:
            return cls.from_keypoints(
                arrays["keypoints"],
                arrays["times"],
                origin=Origin.from_dict(origin if isinstance(origin, dict) else {}),
            )
        except InvalidDataError as error:
            raise ReferenceFileError(
                f"{path} is corrupt ({error}); run `posesync prepare` on the expert's video again"
            ) from None


def _check_times(times: FloatArray) -> FloatArray:
    """Return a copy of ``times`` as (T,) float64, T ≥ 1, finite and strictly increasing."""
    try:
        stamps = np.array(times, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidDataError(f"times are not numbers ({error}): pass seconds, shape (T,)") from None
    if stamps.ndim != 1 or len(stamps) == 0:
        raise InvalidDataError(
            f"times have shape {stamps.shape}, expected (T,) with T ≥ 1: pass one time per frame"
        )
    bad = ~np.isfinite(stamps)
    bad[1:] |= ~(np.diff(stamps) > 0)
    if bad.any():
        first = int(np.argmax(bad))
        before = f" after {stamps[first - 1]:g}" if first else ""
        raise InvalidDataError(
            f"times are {stamps[first]:g} s{before} at sample {first}, "
            "expected finite, strictly increasing seconds: sort the samples and drop repeated ones"
        )
    return stamps
