"""Checks whether the camera sees enough of the performer, and finds the most useful advice when it does not.

Pure functions. Directions are the performer's own: "move to the left" means to their left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import check_keypoints, keypoint_weights
from posesync.pose.skeleton import (
    LEFT_ANKLE,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    NOSE,
    NUM_KEYPOINTS,
    RIGHT_ANKLE,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
)
from posesync.pose.types import FloatArray

from .settings import FramingSettings

BoolArray = npt.NDArray[np.bool_]

#: Weight, 0..1, from which a keypoint counts as seen.
SEEN: Final = 0.35
#: Number of seen keypoints from which somebody is in view.
SOMEBODY: Final = 4
#: Share of the frame's height or width that counts as its edge.
_EDGE: Final = 0.03
#: Share of the frame's height, at its edges, within which MoveNet places guesses of keypoints outside.
_BRINK: Final = 0.015
#: Share of the body's height by which shoulders must be crossed for the body to be seen from behind.
_TURNED: Final = 0.1
#: Share of the frame's height that must be free on one side for the camera to be turned to the other.
_ROOM: Final = 0.2
#: The part of a body that should be seen has too few pixels below this share of the frame's height.
_FAR: Final = 0.25
TOO_FAR: Final = "come closer"
#: Share of the height of _SIZE_SECONDS ago below which walking away cannot shrink anybody.
_SHRUNK: Final = 0.6
_SIZE_SECONDS: Final = 0.5
#: s after which a much smaller person is accepted as the performer.
PATIENCE: Final = 10.0
NOBODY: Final = "nobody in view"
#: A body part whose mean weight is lower in the expert's video is not required of the performer either.
_SHOWN: Final = 0.3

#: From head to feet. Arms are not required: they come and go behind the body.
_PARTS: Final = {
    "head": (NOSE,),
    "hips": (LEFT_HIP, RIGHT_HIP),
    "knees": (LEFT_KNEE, RIGHT_KNEE),
    "feet": (LEFT_ANKLE, RIGHT_ANKLE),
}
_TRUNK: Final = (LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP)


@dataclass(frozen=True, slots=True)
class _Extent:
    """Where the seen keypoints lie, as shares of the frame 0..1: left < right, top < bottom."""

    left: float
    right: float
    top: float
    bottom: float


def check_framing(
    keypoints: FloatArray, size: tuple[int, int] | None, *, expert_seen: FloatArray | None = None
) -> str | None:
    """Return the most useful advice on how the performer stands in the picture; None when all is well.

    Args:
        keypoints: (17, 3) x px, y px, confidence 0..1, in the camera's picture (not its mirror image).
        size: width and height of that picture, px; None: unknown, which leaves only "nobody in view".
        expert_seen: (17,) mean weight 0..1 of each of the expert's keypoints: parts that the expert does not
            show are not required. None requires the whole body.

    Raises:
        InvalidDataError: another shape.
    """
    points = check_keypoints(keypoints)
    if points.shape != (NUM_KEYPOINTS, 3):
        raise InvalidDataError(f"keypoints have shape {points.shape}: pass one pose, (17, 3)")
    seen = keypoint_weights(points[:, 2]) >= SEEN
    if int(seen.sum()) < SOMEBODY or not seen[list(_TRUNK)].any():
        return NOBODY
    if size is None:
        return None
    place = points[seen, :2] / np.array(size, dtype=np.float64)
    (left, top), (right, bottom) = place.min(axis=0).tolist(), place.max(axis=0).tolist()
    extent = _Extent(left, right, top, bottom)
    wanted = _wanted(expert_seen)
    height = points[:, 1] / size[1]
    inside = seen & (height > _BRINK) & (height < 1.0 - _BRINK)
    missing = [part for part in wanted if not inside[list(_PARTS[part])].any()]
    return (
        _aside(points, seen, extent, size[1])
        or _cut_off(missing, extent)
        or _distance(missing, wanted, extent)
        or (f"I cannot see your {missing[-1]}: is something in the way?" if missing else None)
    )


def expert_weights(keypoints: FloatArray) -> FloatArray:
    """Return how well an expert is seen: (17,) mean weights 0..1 over a reference's (T, 17, 3) keypoints.

    Raises:
        InvalidDataError: another shape, or no sample.
    """
    points = check_keypoints(keypoints)
    if points.ndim != 3 or not len(points):
        raise InvalidDataError(f"keypoints have shape {points.shape}: pass at least one sample, (T, 17, 3)")
    weights: FloatArray = keypoint_weights(points[..., 2]).mean(axis=0)
    return weights


def _wanted(expert_seen: FloatArray | None) -> list[str]:
    """Return the parts that should be seen, from head to feet."""
    if expert_seen is None:
        return list(_PARTS)
    if np.shape(expert_seen) != (NUM_KEYPOINTS,):
        raise InvalidDataError(
            f"expert_seen has shape {np.shape(expert_seen)}: pass one weight a keypoint, (17,)"
        )
    return [part for part in _PARTS if float(np.max(expert_seen[list(_PARTS[part])])) >= _SHOWN]


def _cut_off(missing: list[str], extent: _Extent) -> str | None:
    """Return advice when the picture's upper or lower edge cuts off the body, else None."""
    above = "head" in missing and extent.top < _ROOM
    lost = [part for part in missing if part != "head"]
    # The seen part ends so near the lower edge that the next keypoint down would lie beyond it.
    below = bool(lost) and extent.bottom > 1.0 - _reach(lost[0])
    if above and below:
        return "step back, I cannot see all of you"
    if below:
        part = lost[-1]
        turn = extent.top > 2 * _ROOM  # with this much free space above, the camera points too high
        return f"{'tilt the camera down' if turn else 'step back'}, I cannot see your {part}"
    if above:
        turn = extent.bottom < 1.0 - _ROOM
        return f"{'tilt the camera up' if turn else 'step back'}, I cannot see your head"
    return None


def _reach(part: str) -> float:
    """Return the share of the frame's height from the lower edge within which a body counts as cut off.

    Shins are long, and look longer from near than from far.
    """
    return {"hips": 0.45, "knees": 0.35, "feet": 0.3}[part]


def _aside(points: FloatArray, seen: BoolArray, extent: _Extent, height: int) -> str | None:
    """Return advice when the picture's left or right edge cuts off the body, else None."""
    left, right = extent.left < _EDGE, extent.right > 1.0 - _EDGE
    if left and right:
        return "step back, I cannot see all of you"
    if not (left or right):
        return None
    # The picture's left is the right of a performer who faces the camera, the left of one seen from behind.
    crossed = 0.0
    if seen[LEFT_SHOULDER] and seen[RIGHT_SHOULDER]:
        crossed = float(points[RIGHT_SHOULDER, 0] - points[LEFT_SHOULDER, 0]) / height
    facing = crossed <= _TURNED * (extent.bottom - extent.top)
    return f"move to the {'left' if left == facing else 'right'}"


def _distance(missing: list[str], wanted: list[str], extent: _Extent) -> str | None:
    if missing or "feet" not in wanted:
        return None
    return TOO_FAR if extent.bottom - extent.top < _FAR else None


class SizeWatch:
    """Decides whether a much smaller person is still the performer: nobody shrinks in a moment.

    When the performer leaves the picture, a spectator in the background may be the only person seen, and
    must not be asked to come closer. A person who stays for ``PATIENCE`` s is accepted as the performer.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, for another performer or another camera."""
        self._height: float | None = None
        self._time = 0.0
        self._other_since: float | None = None

    def is_other(self, keypoints: FloatArray, height: int, time: float) -> bool:
        """Return whether (17, 3) keypoints, in a picture ``height`` px high, belong to another person."""
        points = check_keypoints(keypoints)
        seen = keypoint_weights(points[:, 2]) >= SEEN
        if int(seen.sum()) < SOMEBODY:
            return self._other_since is not None
        now = float(np.ptp(points[seen, 1])) / height
        passed, self._time = max(0.0, time - self._time), time
        if self._height is not None and now < _SHRUNK * self._height:
            self._other_since = time if self._other_since is None else self._other_since
            if time - self._other_since < PATIENCE:
                return True
            self._height = None
        self._other_since = None
        before = now if self._height is None else self._height
        self._height = before + (now - before) * -float(np.expm1(-passed / _SIZE_SECONDS))
        return False


class FramingWatch:
    """Shows framing advice only once it has held for a while, and keeps it long enough to be read.

    A dancer bends, turns and leaves the picture for a moment: none of that needs advice. The message that
    nobody is in view goes as soon as somebody is.

    Args:
        settings: how long it must hold. All must be well for ``good_after`` s before :attr:`good` says so.
    """

    def __init__(self, settings: FramingSettings | None = None) -> None:
        self._settings = settings or FramingSettings()
        self.reset()

    def reset(self) -> None:
        """Forget everything, for another performer or another camera."""
        self._wrong_since: float | None = None
        self._well_since: float | None = None
        self._said: str | None = None
        self._said_at = 0.0
        self.good = False

    def update(self, word: str | None, time: float) -> str | None:
        """Return the advice to show, if any, given what :func:`check_framing` returned at ``time`` s."""
        if word is None:
            self._wrong_since = None
            self._well_since = time if self._well_since is None else self._well_since
            if time - self._well_since >= self._settings.good_after:
                self.good = True
                # A performer who is back in view need not finish reading that nobody is.
                if self._said == NOBODY or time - self._said_at >= self._settings.at_least:
                    self._said = None
            return self._said
        self._well_since = None
        self._wrong_since = time if self._wrong_since is None else self._wrong_since
        if time - self._wrong_since >= self._settings.after:
            self.good = False
            if self._said is None or (word != self._said and time - self._said_at >= self._settings.at_least):
                self._said, self._said_at = word, time
        return self._said
