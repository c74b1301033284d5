"""The demo's performer: the expert clip performed anew, at a known tempo, size and frame rate.

The truth is known for every frame, so the demo can say how far off the tracker really is.
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

#: (tempo relative to the expert's, s of the expert's video that it lasts); tempo 0: a hold of so many s.
TEMPO: Final = ((1.0, 0.8), (0.7, 0.7), (1.4, 0.9), (0.0, 1.5), (0.8, 0.7), (1.3, 0.8), (1.0, 10.0))
#: Another size and another frame rate than the expert's.
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
        """The demo's curve through ``duration`` s of expert."""
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
        """Of the performance, s."""
        return float(self.live[-1])

    def at(self, time: float) -> float:
        """Expert time, s, at ``time`` s of the performance."""
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
    """How far off the tracker was against a known tempo.

    Attributes:
        median: s.
        p95: s.
        coverage: 0..1, share of processed frames with a position.
    """

    median: float
    p95: float
    coverage: float


def tracking_error(lines: list[dict[str, Any]], curve: TempoCurve) -> TrackingError | None:
    """Compare the frame lines of a session's log with the truth; None when there was no position at all."""
    lines = [line for line in lines if not line.get("dropped")]
    errors = [abs(line["position"] - curve.at(line["t"])) for line in lines if line["position"] is not None]
    if not errors:
        return None
    median, p95 = np.percentile(errors, [50, 95])
    return TrackingError(float(median), float(p95), len(errors) / len(lines))
