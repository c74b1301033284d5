"""The demo's performer: the expert's clip, retimed to a known tempo, at another size and frame rate.

The truth is known for every frame, so the demo can measure the tracker's real error.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from posesync.pose.sources import open_source
from posesync.pose.types import FloatArray, Image
from posesync.pose.writer import VideoWriter

#: (tempo relative to the expert's, s of the expert's video that it lasts); with tempo 0, s of a hold.
TEMPO: Final = ((1.0, 0.8), (0.7, 0.7), (1.4, 0.9), (0.0, 1.5), (0.8, 0.7), (1.3, 0.8), (1.0, 10.0))
#: px and frames per second, different from the expert's.
SIZE: Final = (384, 480)
FPS: Final = Fraction(25)


@dataclass(frozen=True, slots=True)
class TempoCurve:
    """Where in the expert's video the performer is: piecewise linear.

    Attributes:
        live: (N,) s of the performance, increasing.
        expert: (N,) s of the expert's video, never decreasing.
    """

    live: FloatArray
    expert: FloatArray

    @classmethod
    def over(cls, duration: float) -> TempoCurve:
        """Return the demo's curve over ``duration`` s of the expert's video."""
        live, expert = [0.0], [0.0]
        for tempo, length in TEMPO:
            if expert[-1] >= duration:
                break
            step = min(length, duration - expert[-1]) if tempo else 0.0
            live.append(live[-1] + (step / tempo if tempo else length))
            expert.append(expert[-1] + step)
        return cls(np.array(live), np.array(expert))

    @property
    def duration(self) -> float:
        """Length of the performance, s."""
        return float(self.live[-1])

    def at(self, time: float) -> float:
        """Return the expert's time, s, at ``time`` s of the performance."""
        return float(np.interp(time, self.live, self.expert))


def perform(expert: Path, performance: Path) -> TempoCurve:
    """Write the performance of an expert's clip (a short one: it is held in memory) and return its tempo.

    Raises:
        SourceError: the clip cannot be read.
        OutputError: the performance cannot be written.
    """
    times: list[float] = []
    images: list[Image] = []
    with open_source(expert) as source:
        for frame in source:
            times.append(frame.time)
            images.append(cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_AREA))  # type: ignore[arg-type]
    curve = TempoCurve.over(times[-1])
    stamps = np.array(times)
    with VideoWriter(performance, *SIZE, FPS, crf=20) as writer:
        for k in range(int(curve.duration * FPS) + 1):
            nearest = int(np.abs(stamps - curve.at(k / float(FPS))).argmin())
            writer.write(images[nearest])
    return curve


@dataclass(frozen=True, slots=True)
class TrackingError:
    """The tracker's error against a known tempo.

    Attributes:
        median: s.
        p95: s.
        coverage: 0..1, share of processed frames with a position.
    """

    median: float
    p95: float
    coverage: float


def tracking_error(lines: list[dict[str, Any]], curve: TempoCurve) -> TrackingError | None:
    """Return the error of a session log's frame lines against the truth; None without any position."""
    lines = [line for line in lines if not line.get("dropped")]
    errors = [abs(line["position"] - curve.at(line["t"])) for line in lines if line["position"] is not None]
    if not errors:
        return None
    median, p95 = np.percentile(errors, [50, 95])
    return TrackingError(float(median), float(p95), len(errors) / len(lines))
