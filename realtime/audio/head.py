"""Place and level of the expert's sound: hold, move and mute without a click. Pure: samples in and out.

Sound that is cut in mid-wave clicks. For every request a :class:`PlayHead` first fades out and then in
again, on half a cosine, whose slope is continuous, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from .track import RATE, Samples

#: s of a fade: long enough to avoid a click, short enough to avoid an audible gap.
FADE: Final = 0.015


class PlayHead:
    """A play head in the sound, from which blocks are taken in order.

    Args:
        read: (number of the first sample, count) → (count, 2); as :meth:`SoundTrack.read`.
        fade: s from silence to full and back.
    """

    def __init__(self, read: Callable[[int, int], Samples], *, fade: float = FADE) -> None:
        self._read = read
        self._step = 1.0 / max(1, round(fade * RATE))
        self._phase = 0.0  # of the fade: 0 silence, 1 full level
        self._cursor = 0
        self._jump: int | None = None
        self._held = True
        self.level = 1.0

    @property
    def time(self) -> float:
        """The place of the next sample, s in the sound."""
        return (self._cursor if self._jump is None else self._jump) / RATE

    @property
    def silent(self) -> bool:
        """Whether it is held and the fade is over: blocks are silence until :meth:`play`."""
        return self._held and self._phase == 0.0

    def play(self, time: float | None = None) -> None:
        """Play from ``time`` s, or from where it was held."""
        self._held = False
        if time is not None:
            self._jump = round(time * RATE)

    def interrupted(self) -> None:
        """Begin with a fade again, after the device ran out of samples."""
        self._phase = 0.0

    def hold(self) -> None:
        """Fade out and stay at the current place."""
        self._held = True

    def block(self, count: int) -> Samples:
        """Return the next ``count`` samples, (count, 2). At ``level`` 0 the sound continues unheard."""
        out = np.zeros((count, 2), np.float32)
        done = 0
        while done < count:
            if self._phase == 0.0 and self._jump is not None:
                self._cursor, self._jump = self._jump, None
            goal = 0.0 if self._held or self._jump is not None else _phase_of(self.level)
            if self._phase == 0.0 and goal == 0.0:
                self._cursor += 0 if self._held else count - done
                break
            ramp = self._ramp(goal, count - done)
            out[done : done + len(ramp)] = self._read(self._cursor, len(ramp)) * _gain(ramp)[:, None]
            self._cursor += len(ramp)
            done += len(ramp)
        return out

    def _ramp(self, goal: float, room: int) -> Samples:
        """Return the fade's phase over the next samples, moving towards ``goal`` or staying there."""
        way = goal - self._phase
        if way == 0.0:
            return np.full(room, goal, np.float32)
        steps = max(1, int(np.ceil(abs(way) / self._step - 1e-6)))
        ramp: Samples = self._phase + np.sign(way) * self._step * np.arange(1, min(steps, room) + 1)
        ramp = np.clip(ramp, min(self._phase, goal), max(self._phase, goal)).astype(np.float32)
        self._phase = goal if steps <= room else float(ramp[-1])
        return ramp


def _gain(phase: Samples) -> Samples:
    gain: Samples = (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)
    return gain


def _phase_of(level: float) -> float:
    """Return the phase at which the fade is as loud as ``level``, 0..1."""
    return float(np.arccos(1.0 - 2.0 * min(max(level, 0.0), 1.0)) / np.pi)
