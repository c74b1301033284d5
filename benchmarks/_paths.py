"""A performer's way through a piece, known exactly: play, hold, jump, stand by, leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from _motions import Array

#: Resolution of the integrated tempo curve, s. Positions in between are linear: exact to 0.01 ms.
_STEP: Final = 0.005
#: A body comes to rest, and starts, within this time, s.
RAMP: Final = 0.15

Speed = Callable[[Array], Array]


class Event(NamedTuple):
    """Something the tracker must notice.

    ``kind`` is hold (``start``…``end``: the performer does not move), jump (``start``: they leave the old
    place, ``end``: they are at the new one), away (``start``…``end``: out of the picture) or begin (``start``
    = ``end``: first moment of the piece). Times in live seconds.
    """

    kind: str
    start: float
    end: float


@dataclass
class Path:
    """Built piece by piece; live time runs from 0, moments are seconds in the motion.

    Attributes:
        moment: where the performer is now.
        clock: live time now.
        events: what happened so far.
    """

    moment: float
    clock: float = 0.0
    speed: float = 1.0
    events: list[Event] = field(default_factory=list)
    _times: list[Array] = field(default_factory=list)
    _moments: list[Array] = field(default_factory=list)
    _flags: list[Array] = field(default_factory=list)

    def play(self, until: float, speed: float | Speed = 1.0) -> Path:
        """Move on to moment ``until`` at a constant speed or along a curve of live time."""
        self._begin()
        length = until - self.moment
        if length <= 0:
            return self
        if callable(speed):
            ticks = self.clock + np.arange(0.0, length / 0.3, _STEP)
            pace = np.asarray(speed(ticks), float)
            covered = np.concatenate([[0.0], np.cumsum((pace[1:] + pace[:-1]) / 2 * _STEP)])
            count = int(np.searchsorted(covered, length))
            times = np.append(ticks[:count], np.interp(length, covered, ticks))
            moments = self.moment + np.append(covered[:count], length)
            self.speed = float(np.interp(times[-1], ticks, pace))
        else:
            times = np.array([self.clock, self.clock + length / speed])
            moments = np.array([self.moment, until])
            self.speed = speed
        self._add(times, moments)
        return self

    def hold(self, seconds: float) -> Path:
        """Come to rest, stand still for ``seconds``, start again."""
        u = np.linspace(0.0, 1.0, 16)
        brake = self.speed * RAMP * (u - u * u / 2)
        self._add(self.clock + u * RAMP, self.moment + brake)
        start = self.clock
        self._add(np.array([start, start + seconds]), np.full(2, self.moment))
        self.events.append(Event("hold", start, self.clock))
        self._add(self.clock + u * RAMP, self.moment + self.speed * RAMP * u * u / 2)
        return self

    def jump(self, to: float, transition: float = 0.0) -> Path:
        """Go to another moment, passing through ``transition`` s that belong to neither."""
        start = self.clock
        if transition > 0:
            self._add(np.array([start, start + transition]), np.full(2, self.moment), blend_to=to)
        self.moment = to
        self.events.append(Event("jump", start, self.clock))
        return self

    def stand(self, seconds: float) -> Path:
        """Stand relaxed before the piece, ending in its first pose within the last 0.4 s."""
        self._add(np.array([self.clock, self.clock + seconds]), np.full(2, self.moment), standing=True)
        return self

    def away(self, seconds: float, to: float) -> Path:
        """Be out of the picture, then go on from ``to``."""
        start = self.clock
        self._add(np.array([start, start + seconds]), np.full(2, self.moment), visible=False)
        self.moment = to
        self.events.append(Event("away", start, self.clock))
        return self

    def _begin(self) -> None:
        if not any(event.kind == "begin" for event in self.events):
            self.events.append(Event("begin", self.clock, self.clock))

    def _add(
        self,
        times: Array,
        moments: Array,
        *,
        blend_to: float = np.nan,
        standing: bool = False,
        visible: bool = True,
    ) -> None:
        self._times.append(times)
        self._moments.append(moments)
        self._flags.append(np.array([blend_to, float(standing), float(visible)]))
        self.clock, self.moment = float(times[-1]), float(moments[-1])

    def at(self, times: Array) -> Track:
        """What happens at live ``times`` (N,) s."""
        ends = np.array([piece[-1] for piece in self._times])
        which = np.minimum(np.searchsorted(ends, times, side="right"), len(ends) - 1)
        moment, start, length = np.empty_like(times), np.empty_like(times), np.empty_like(times)
        for index in np.unique(which):
            inside = which == index
            moment[inside] = np.interp(times[inside], self._times[index], self._moments[index])
            start[inside] = self._times[index][0]
            length[inside] = self._times[index][-1] - self._times[index][0]
        flags = np.array(self._flags)[which]
        standing, visible, blending = flags[:, 1] > 0, flags[:, 2] > 0, np.isfinite(flags[:, 0])
        share = np.where(blending, (times - start) / np.maximum(length, 1e-9), 0.0)
        share = share * share * (3 - 2 * share)
        blend = np.column_stack([np.where(blending, flags[:, 0], moment), share])
        rest = np.where(standing, np.clip((start + length - times) / 0.4, 0.0, 1.0), 0.0)
        truth = np.where(blending | standing | ~visible, np.nan, moment)
        return Track(moment, truth, blend, rest, visible)


class Track(NamedTuple):
    """A path sampled at N live times.

    ``moment`` (N,) s in the motion, ``truth`` (N,) the same but NaN where the performer is nowhere in the
    piece, ``blend`` (N, 2) and ``rest`` (N,) as :meth:`_motions.Motion.render` takes them, ``visible``
    (N,) bool.
    """

    moment: Array
    truth: Array
    blend: Array
    rest: Array
    visible: np.ndarray
