"""Sounds with known samples, and measurements of what was played."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from clips import encode
from posesync.realtime.audio.track import RATE, Samples

#: Hz, of the tone that tone_reader gives: so low that its own steps hide no click. It is 0.3 loud.
LOW = 20.0
#: Its largest step from sample to sample.
TONE_STEP = 0.3 * 2 * np.pi * LOW / RATE


def clip(target: Path, seconds: float, sound: float, *, first: float = 0.0) -> Path:
    """A grey video with ``sound`` s of that tone, its first picture at ``first`` s of the file's clock."""
    image = np.full((48, 64, 3), 128, np.uint8)
    frames = [(first + number / 10, image) for number in range(round(seconds * 10))]
    return encode(target, frames, fps=10, audio=sound)


def sweep(seconds: float, rate: int = RATE) -> npt.NDArray[np.float64]:
    """A tone that rises from 300 Hz by 100 Hz a second: what is heard tells where it is from."""
    time = np.arange(round(seconds * rate)) / rate
    return 0.3 * np.sin(2 * np.pi * (300 * time + 50 * time**2))


def write_wave(target: Path, sound: npt.NDArray[np.float64], rate: int = RATE) -> Path:
    """``sound`` as a file without loss, mono, 16 bit."""
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return target


def tone_reader(frequency: float = LOW) -> Any:
    """``read`` of a sound track that goes on for ever."""

    def read(start: int, count: int) -> Samples:
        wave = 0.3 * np.sin(2 * np.pi * frequency * np.arange(start, start + count) / RATE)
        return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)

    return read


def largest_step(samples: npt.NDArray[Any]) -> float:
    """The click: the largest difference between neighbouring samples."""
    return float(np.abs(np.diff(samples[:, 0].astype(np.float64))).max())


def frequency_of(samples: npt.NDArray[Any]) -> float:
    """Of a tone, Hz, from its upward crossings of zero."""
    wave = samples[:, 0].astype(np.float64)
    crossings = np.flatnonzero((wave[:-1] < 0) & (wave[1:] >= 0))
    return float((len(crossings) - 1) / (crossings[-1] - crossings[0]) * RATE)
