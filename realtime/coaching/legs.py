"""Keeps left and right legs apart over time.

MoveNet Lightning exchanges left and right ankles (and knees) for a few frames at a time, in 3–35 % of the
frames in which they are apart. A single frame cannot show this; the frames around it can, because legs do not
jump. The vector from the right to the left ankle is followed. When it reverses faster than legs move, the
labels were exchanged; the label that was given for longer is the true one. When the ankles pass each other in
the image, that memory is void, and until it is built up again the identity is in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from posesync.pose.features import check_keypoints, keypoint_weights
from posesync.pose.skeleton import LEFT_ANKLE, LEFT_HIP, LEFT_KNEE, RIGHT_ANKLE, RIGHT_HIP, RIGHT_KNEE
from posesync.pose.types import FloatArray

from .body import Body

#: Trunk lengths per second by which the vector between two ankles can change: a fast kick.
_FASTEST: Final = 8.0
#: Trunk lengths by which two keypoints jitter; two that are closer together have no direction …
_JITTER: Final = 0.06
#: … and at this distance a leg points in the same direction, within 9°, whichever of them is its end.
_HARMLESS: Final = 0.12
#: s for which the order must stay the same before it counts as known …
_SURE_AFTER: Final = 0.4
#: … and after which it grows no surer: the labels that were given for longer within this memory win.
_MEMORY: Final = 1.0
#: s without the pair in view after which its identity is forgotten.
_FORGET: Final = 0.3
#: Trunk lengths, beyond what speed explains, by which hips leap only when they belong to somebody else.
_LEAP: Final = 0.5

_PAIRS: Final = ((LEFT_ANKLE, RIGHT_ANKLE), (LEFT_KNEE, RIGHT_KNEE))


@dataclass(frozen=True, slots=True)
class Legs:
    """A pose whose legs keep the labels they had before.

    Attributes:
        keypoints: (17, 3), with exchanged ankles or knees put back.
        body: the same as a :class:`Body`.
        certain: whether the identity of the legs is known; without it no leg should be corrected. Feet or
            knees so close together that it makes no difference, or out of view, count as known.
    """

    keypoints: FloatArray
    body: Body
    certain: bool


class _Pair:
    """Two keypoints of one kind; vectors are in trunk lengths, from the right one to the left."""

    def __init__(self) -> None:
        self.held: complex | None = None
        self.known = (
            0.0  # s for which the labels given agreed with those held, minus s for which they did not
        )
        self.gone = 0.0
        self.matters = False

    @property
    def certain(self) -> bool:
        return not self.matters or self.known >= _SURE_AFTER

    def update(self, way: complex | None, dt: float) -> bool:
        """Return whether the labels are exchanged in this frame."""
        self.gone += dt
        self.matters = way is not None and abs(way) >= _HARMLESS
        if way is None:
            if self.gone > _FORGET:
                self.held, self.known = None, 0.0
            return False
        elapsed, self.gone = self.gone, 0.0
        apart = abs(way) >= _JITTER
        if not apart or self.held is None:
            return self._begin(way if apart else None)
        reach = _FASTEST * elapsed + _HARMLESS
        as_named, exchanged = abs(way - self.held), abs(way + self.held)
        if min(as_named, exchanged) > reach or exchanged < as_named <= reach:
            # Another person, a cut, or legs that may have passed each other since.
            return self._begin(way)
        if as_named <= exchanged:
            self.held, self.known = way, min(self.known + dt, _MEMORY)
            return False
        self.known -= dt
        if self.known < 0.0:  # the labels held were the exchanged ones
            self.held, self.known = way, -self.known
            return False
        self.held = -way
        return True

    def _begin(self, way: complex | None) -> bool:
        self.held, self.known = way, 0.0
        return False


class LegIdentity:
    """Holds left and right legs apart from frame to frame, of one performer on one clock."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, for somebody else or another place in the piece."""
        self._pairs = tuple(_Pair() for _ in _PAIRS)
        self._time: float | None = None
        self._hips: complex | None = None
        self._scale = 0.0

    def update(self, time: float, keypoints: FloatArray) -> Legs:
        """Return the legs of the pose (17, 3) seen at ``time`` s.

        A time that runs backwards, or a leap, starts the memory again.

        Raises:
            InvalidDataError: another shape.
        """
        pose = check_keypoints(keypoints)
        body = Body.of(pose)
        # The scale of a single frame would be as wrong as its keypoints.
        self._scale = scale = body.scale if self._scale <= 0.0 else 0.9 * self._scale + 0.1 * body.scale
        dt = 0.0 if self._time is None else time - self._time
        hips = (_spot(pose, LEFT_HIP) + _spot(pose, RIGHT_HIP)) / 2
        leapt = self._hips is not None and abs(hips - self._hips) > (_FASTEST * dt + _LEAP) * scale
        if dt < 0.0 or leapt:
            self.reset()
            dt, self._scale, scale = 0.0, body.scale, body.scale
        self._time, self._hips = time, hips if np.isfinite(hips) else self._hips
        seen = keypoint_weights(np.where(np.isfinite(pose).all(axis=1), pose[:, 2], 0.0))
        certain, exchanged = True, False
        for pair, (left, right) in zip(self._pairs, _PAIRS, strict=True):
            visible = scale > 0.0 and min(seen[left], seen[right]) > 0.0
            way = (_spot(pose, left) - _spot(pose, right)) / scale if visible else None
            if pair.update(way, dt):
                pose = pose if exchanged else pose.copy()
                pose[[left, right]] = pose[[right, left]]
                exchanged = True
            certain = certain and pair.certain
        return Legs(pose, Body.of(pose) if exchanged else body, certain)


def _spot(pose: FloatArray, keypoint: int) -> complex:
    return complex(pose[keypoint, 0], pose[keypoint, 1])
