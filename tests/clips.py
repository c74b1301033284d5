"""Makes test clips with a known truth from the real ones: encoded, so that tests decode real video."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
_CLOCK = 90_000  # ticks per second of every clip written here


@dataclass(frozen=True)
class PerformanceCurve:
    """How a performer goes through the expert's video: piecewise linear, live time (s) → expert time (s)."""

    times: tuple[float, ...]
    positions: tuple[float, ...]

    def __call__(self, time: float) -> float:
        return float(np.interp(time, self.times, self.positions))

    @property
    def duration(self) -> float:
        return self.times[-1] - self.times[0]

    @classmethod
    def from_speeds(cls, segments: Sequence[tuple[float, float]], start: float = 0.0) -> PerformanceCurve:
        """``segments`` of (speed, seconds), from expert time ``start``; speed 0 is a hold."""
        times, positions = [0.0], [start]
        for speed, seconds in segments:
            times.append(times[-1] + seconds)
            positions.append(positions[-1] + speed * seconds)
        return cls(tuple(times), tuple(positions))

    @classmethod
    def varied(cls, expert: float, *, hold: float = 1.5) -> PerformanceCurve:
        """Through ``expert`` seconds once, 0.6 to 1.6 times as quick, and a hold of ``hold`` s half-way."""
        eighth = expert / 8
        speeds = [0.6, 1.0, 1.6, 0.8, 0.0, 1.6, 0.6, 1.0, 1.4]
        return cls.from_speeds([(v, eighth / v) if v else (0.0, hold) for v in speeds])


def frames_of(path: Path, size: tuple[int, int] | None = None) -> Iterator[tuple[float, Image]]:
    """(s since the first frame, BGR image) in order, scaled to ``size`` (width, height); ignores rotation."""
    width, height = size or size_of(path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        first: float | None = None
        for frame in container.decode(stream):
            first = frame.time if first is None else first
            yield frame.time - first, frame.to_ndarray(format="bgr24", width=width, height=height)


def encode(
    target: Path,
    frames: Iterable[tuple[float, Image]],
    *,
    fps: Fraction | int = 30,
    codec: str = "libx264",
    audio: float = 0.0,
    options: dict[str, str] | None = None,
    pixels: str = "yuv420p",
    pixel_aspect: Fraction | int = 1,
    tags: dict[str, int] | None = None,
) -> Path:
    """Encode (time s, image) pairs, with ``audio`` s of a 440 Hz tone; the index comes first in the file.

    ``pixels`` is the pixel format, ``tags`` are attributes of the codec such as its ``color_trc``.
    """
    with av.open(str(target), "w", options={"movflags": "faststart"}) as container:
        stream: Any = container.add_stream(
            codec, rate=fps, options=options or {"crf": "20", "preset": "ultrafast"}
        )
        tone: Any = container.add_stream("aac", rate=48_000) if audio else None
        stream.pix_fmt = pixels
        if pixel_aspect != 1:
            stream.codec_context.sample_aspect_ratio = Fraction(pixel_aspect)
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        stream.codec_context.time_base = Fraction(1, _CLOCK)
        for index, (time, image) in enumerate(frames):
            if index == 0:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
            if pixels != "yuv420p":
                frame = frame.reformat(format="yuv420p")  # so that its content is what it would be in 8 bits
            frame.pts, frame.time_base = round(time * _CLOCK), Fraction(1, _CLOCK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone is not None:
            _encode_tone(container, tone, audio)
    return target


def _encode_tone(container: Any, stream: Any, seconds: float) -> None:
    wave = np.sin(2 * np.pi * 440 * np.arange(int(seconds * 48_000)) / 48_000).astype(np.float32) * 0.3
    for start in range(0, len(wave) - 1024, 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def retime(
    source: Path,
    target: Path,
    curve: Callable[[float], float],
    *,
    duration: float,
    fps: Fraction | int = Fraction(25),
    size: tuple[int, int] | None = None,
    mirror: bool = False,
    audio: bool = False,
) -> npt.NDArray[np.float64]:
    """Re-encode ``source`` as performed along ``curve`` (live s → source s); return what was really shown.

    Each frame is the source's nearest one, so the truth is off the curve by half a source frame at most.

    Args:
        duration: of the clip made, s.
        fps: of the clip made.
        size: (width, height) px of the clip made; None keeps the source's (made even).
        mirror: flip left and right.
        audio: add a tone of the same length.

    Returns:
        (N, 2): the live time and the time of the source frame shown, s, of each frame.
    """
    own = size_of(source)
    moments = np.arange(int(np.floor(duration * fps + 1e-9))) / float(fps)
    truth = np.column_stack([moments, np.zeros_like(moments)])

    def performed() -> Iterator[tuple[float, Image]]:
        reader = _Nearest(source, size or (own[0] // 2 * 2, own[1] // 2 * 2))
        try:
            for row, moment in enumerate(moments):
                truth[row, 1], image = reader.at(curve(float(moment)))
                yield float(moment), np.ascontiguousarray(image[:, ::-1]) if mirror else image
        finally:
            reader.close()

    encode(target, performed(), fps=fps, audio=duration if audio else 0.0)
    return truth


class _Nearest:
    """The frame of a file nearest to a time; going back reopens the file. Holds two frames at most."""

    def __init__(self, source: Path, size: tuple[int, int]) -> None:
        self._source, self._size = source, size
        self._asked = -np.inf
        self._restart()

    def _restart(self) -> None:
        self._frames = frames_of(self._source, self._size)
        self._here = next(self._frames)
        self._ahead = next(self._frames, None)

    def at(self, time: float) -> tuple[float, Image]:
        if time < self._asked:
            self.close()
            self._restart()
        self._asked = time
        while self._ahead is not None and abs(self._ahead[0] - time) <= abs(self._here[0] - time):
            self._here, self._ahead = self._ahead, next(self._frames, None)
        return self._here

    def close(self) -> None:
        self._frames.close()  # type: ignore[attr-defined]


def truncate(source: Path, target: Path, fraction: float) -> Path:
    """The first ``fraction`` of the file's bytes, as a broken-off copy leaves them."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * fraction)])
    return target


def rotate(source: Path, target: Path, degrees: int) -> Path:
    """Store ``source`` (an MP4) unchanged but to be shown turned ``degrees`` clockwise, as phones do."""
    cosine = {0: 1, 90: 0, 180: -1, 270: 0}[degrees]
    sine = {0: 0, 90: 1, 180: 0, 270: -1}[degrees]
    return orient(source, target, (cosine, sine, -sine, cosine))


def orient(source: Path, target: Path, matrix: tuple[float, float, float, float]) -> Path:
    """Store ``source`` (an MP4) unchanged but to be shown by (a, b, c, d): x' = a x + c y, y' = b x + d y."""
    data = bytearray(source.read_bytes())
    # The track header's 3 × 3 matrix: 16.16 fixed point, the last column 2.30 (ISO/IEC 14496-12, 8.3.2).
    box = data.find(b"tkhd")
    assert box > 0, "not an MP4 with a track header"
    at = box + 4 + (40 if data[box + 4] == 0 else 52)
    a, b, c, d = (round(value * (1 << 16)) for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    target.write_bytes(data)
    return target


#: name → (matrix for :func:`orient`, how the stored image is made from the upright one).
ORIENTATIONS: dict[str, tuple[tuple[int, int, int, int], Callable[[Image], Image]]] = {
    "upright": ((1, 0, 0, 1), lambda image: image),
    "mirror": ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
    "half turn": ((-1, 0, 0, -1), lambda image: image[::-1, ::-1]),
    "flip": ((1, 0, 0, -1), lambda image: image[::-1]),
    "transpose": ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
    "quarter turn": ((0, 1, -1, 0), lambda image: np.rot90(image)),
    "three quarters": ((0, -1, 1, 0), lambda image: np.rot90(image, -1)),
    "transverse": ((0, -1, -1, 0), lambda image: image[::-1, ::-1].transpose(1, 0, 2)),
}


def size_of(path: Path) -> tuple[int, int]:
    """(width, height) px as stored."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return stream.width, stream.height
