"""Hands-free start: from standing in front of the camera to being in the piece.

Framing first, then a count-in, a first movement or a raised hand; and a preview of the section at reduced
speed. Pure logic: the clock is passed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from posesync.pose.errors import InvalidDataError
from posesync.pose.features import check_keypoints, keypoint_weights
from posesync.pose.skeleton import LEFT_HIP, LEFT_SHOULDER, LEFT_WRIST, RIGHT_HIP, RIGHT_SHOULDER, RIGHT_WRIST
from posesync.pose.types import FloatArray

from .settings import PracticeSettings, Start

#: Weight, 0..1, from which a keypoint counts as seen.
SEEN: Final = 0.35


class Phase(Enum):
    """Phase of a practice."""

    FRAMING = "framing"
    """The performer finds their place."""
    READY = "ready"
    """The performer is well in the picture; waiting for the sign to start."""
    COUNT_IN = "count-in"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class PracticeStatus:
    """One moment of a practice.

    Attributes:
        phase: the current phase.
        countdown: the number to show in huge digits, or None.
        hint: what the performer should do now, or None.
        tick: a new number of the count-in has begun: time for a beep.
        started: the piece begins at this moment.
    """

    phase: Phase
    countdown: str | None = None
    hint: str | None = None
    tick: bool = False
    started: bool = False


class Practice:
    """Steps through FRAMING → READY → COUNT_IN → RUNNING; READY only where a sign is needed to start.

    Args:
        settings: what begins the piece, and after how long; None: the first frame.
    """

    def __init__(self, settings: PracticeSettings | None = None) -> None:
        self.settings = settings or PracticeSettings(start=Start.NOW)
        self.restart()

    def restart(self) -> None:
        """Start again with the framing."""
        self.phase = Phase.FRAMING
        self._began: float | None = None
        self._good_since: float | None = None
        self._still_since: float | None = None
        self._was_still = False
        self._hand_since: float | None = None
        self._count_from = 0.0
        self._number: int | None = None
        self._skip = False

    def skip(self) -> None:
        """Begin with the next moment, whatever is being waited for, as the key does."""
        self._skip = True

    def update(
        self, time: float, framing_ok: bool, moving: float = 0.0, hand: bool = False
    ) -> PracticeStatus:
        """Add one moment and return the status.

        Args:
            time: s, any clock that only goes forward.
            framing_ok: the camera sees enough of the performer.
            moving: torso lengths per s (:class:`MotionMeter`).
            hand: a hand is raised (:func:`hand_raised`).
        """
        if self.phase is Phase.RUNNING:
            return PracticeStatus(Phase.RUNNING)
        if self._skip or self.settings.start is Start.NOW:
            return self._run()
        self._began = time if self._began is None else self._began
        well = framing_ok or time - self._began >= self.settings.patience
        self._good_since = (time if self._good_since is None else self._good_since) if well else None
        if self._good_since is None:
            self.phase, self._was_still, self._still_since, self._hand_since = (
                Phase.FRAMING,
                False,
                None,
                None,
            )
            return PracticeStatus(Phase.FRAMING)
        if self.phase is Phase.FRAMING and time - self._good_since >= self.settings.settle:
            if self.settings.start is Start.COUNT:
                self._begin_count(time)
            else:
                self.phase = Phase.READY
        if self.phase is Phase.READY:
            return self._wait_for_sign(time, moving, hand)
        if self.phase is Phase.COUNT_IN:
            return self._count(time)
        return PracticeStatus(Phase.FRAMING)

    def _wait_for_sign(self, time: float, moving: float, hand: bool) -> PracticeStatus:
        if self.settings.start is Start.HAND:
            self._hand_since = (time if self._hand_since is None else self._hand_since) if hand else None
            if self._hand_since is not None and time - self._hand_since >= self.settings.hand_for:
                self._begin_count(time)
                return self._count(time)
            return PracticeStatus(Phase.READY, hint="raise a hand above your head to start")
        if moving < self.settings.still:
            self._still_since = time if self._still_since is None else self._still_since
            self._was_still |= time - self._still_since >= self.settings.still_for
        else:
            self._still_since = None
        if self._was_still and moving >= self.settings.moving:
            return self._run()
        return PracticeStatus(Phase.READY, hint="start when you like" if self._was_still else "stand still")

    def _begin_count(self, time: float) -> None:
        self.phase, self._count_from, self._number = Phase.COUNT_IN, time, None

    def _count(self, time: float) -> PracticeStatus:
        left = self._count_from + self.settings.seconds - time
        if left <= 1e-9:
            return self._run()
        number = math.ceil(left - 1e-9)
        tick, self._number = number != self._number, number
        return PracticeStatus(Phase.COUNT_IN, countdown=str(number), tick=tick)

    def _run(self) -> PracticeStatus:
        self.phase, self._skip = Phase.RUNNING, False
        return PracticeStatus(Phase.RUNNING, started=True)


def hand_raised(keypoints: FloatArray) -> bool:
    """Return whether exactly one hand is clearly above the head, in the (17, 3) keypoints of one pose.

    Both arms up is a movement of many pieces; one hand held up is a sign.
    """
    points = check_keypoints(keypoints)
    seen = keypoint_weights(points[:, 2]) >= SEEN
    shoulders, wrists, head = [LEFT_SHOULDER, RIGHT_SHOULDER], [LEFT_WRIST, RIGHT_WRIST], [0, 1, 2, 3, 4]
    torso = _torso(points, seen)
    if torso is None or not seen[shoulders].all():
        return False
    top = float(points[head, 1][seen[head]].min()) if seen[head].any() else None
    level = float(points[shoulders, 1].min()) - 0.45 * torso  # y points down
    line = level if top is None else min(level, top)
    up = [bool(seen[wrist] and points[wrist, 1] < line) for wrist in wrists]
    return up[0] != up[1]


class MotionMeter:
    """Measures how much somebody moves, torso lengths per s, at any distance from the camera.

    Each keypoint is smoothed (MoveNet's jitter is not movement) and compared over :attr:`SPAN` s; the four
    that move most count, so one arm is enough. Keypoints that went out of sight meanwhile are left out.
    """

    #: s over which a displacement is measured.
    SPAN: Final = 0.3
    #: s, time constant of the smoothing.
    SMOOTHING: Final = 0.12

    def __init__(self) -> None:
        self._smooth: FloatArray | None = None
        self._seen = np.zeros(17, dtype=bool)
        self._time = -math.inf
        self._past: list[tuple[float, FloatArray, FloatArray]] = []

    def update(self, time: float, keypoints: FloatArray) -> float:
        """Return the movement, given the (17, 3) keypoints at ``time`` s; 0 while too little is known.

        Raises:
            InvalidDataError: another shape.
        """
        points = check_keypoints(keypoints)
        seen = keypoint_weights(points[:, 2]) >= SEEN
        torso = _torso(points, seen)
        if torso is None or time - self._time > 1.0 or time <= self._time:
            self._past.clear()
            self._smooth, self._seen, self._time = points[:, :2].copy(), seen, time
            return 0.0
        share = 1.0 - math.exp((self._time - time) / self.SMOOTHING)
        assert self._smooth is not None  # implied by self._time
        fresh = seen & ~self._seen  # a keypoint that comes into sight has no displacement yet
        self._smooth[fresh] = points[fresh, :2]
        self._smooth[seen] += share * (points[seen, :2] - self._smooth[seen])
        self._seen, self._time = seen, time
        steady = (seen & ~fresh).astype(np.float64)
        self._past.append((time, self._smooth.copy(), steady))
        while len(self._past) > 1 and time - self._past[1][0] >= self.SPAN:
            self._past.pop(0)
        return self._speed(torso)

    def _speed(self, torso: float) -> float:
        (begin, first, _), (end, last, _) = self._past[0], self._past[-1]
        if end - begin < 0.6 * self.SPAN:
            return 0.0
        steady = np.min([kept for _, _, kept in self._past], axis=0) > 0
        ways = np.linalg.norm(last - first, axis=1)[steady] / torso / (end - begin)
        return float(np.sort(ways)[-4:].mean()) if len(ways) >= 4 else 0.0


def _torso(points: FloatArray, seen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float | None:
    """Return the trunk's length, px, at least as the shoulders' width suggests; None without shoulders."""
    left, right = points[LEFT_SHOULDER, :2], points[RIGHT_SHOULDER, :2]
    if not (seen[LEFT_SHOULDER] and seen[RIGHT_SHOULDER]):
        return None
    width = float(np.linalg.norm(left - right))
    length = 0.0
    if seen[LEFT_HIP] or seen[RIGHT_HIP]:
        hips = [hip for hip in (LEFT_HIP, RIGHT_HIP) if seen[hip]]
        length = float(np.linalg.norm(points[hips, :2].mean(axis=0) - (left + right) / 2))
    return max(length, 1.3 * width, 1.0)


class SlowPreview:
    """Chooses the moment of the expert to show while a section is previewed slowly.

    Before practice it plays the whole section once; during practice it repeats the part around the performer.

    Args:
        section: (from, to) s of the piece.
        rate: 0.1..1, share of the expert's own speed.
        pause: s for which the last picture stays before the section begins again.
        longest: s of the piece; during practice, a longer section is cut to the part around the performer.

    Raises:
        InvalidDataError: an empty section, or a rate out of range.
    """

    def __init__(
        self, section: tuple[float, float], *, rate: float = 0.5, pause: float = 0.7, longest: float = 6.0
    ) -> None:
        if not section[0] < section[1]:
            raise InvalidDataError(f"the section {section} is empty: give (from, to) s with from < to")
        if not 0.1 <= rate <= 1.0:
            raise InvalidDataError(f"a preview at {rate} times the expert's speed: give 0.1 to 1")
        self._section, self.rate, self._pause, self._longest = section, rate, pause, longest
        self._window = section
        self._since: float | None = None
        self._repeat = False

    @property
    def running(self) -> bool:
        """Whether a preview runs; one that does not repeat is ended by :meth:`time`."""
        return self._since is not None

    @property
    def window(self) -> tuple[float, float]:
        """(from, to) s that is being shown."""
        return self._window

    def start(self, now: float, at: float | None = None, *, repeat: bool = False) -> None:
        """Begin at the section's start, or a little before ``at`` s where the performer is.

        Args:
            now: s, any clock that only goes forward.
            at: s in the piece; None previews the whole section.
            repeat: repeat until :meth:`stop`.
        """
        begin, end = self._section
        if at is not None and end - begin > self._longest:
            begin = min(max(begin, at - 0.4 * self._longest), end - self._longest)
            end = begin + self._longest
        self._window, self._since, self._repeat = (begin, end), now, repeat

    def stop(self) -> None:
        """End the preview and return to practice."""
        self._since = None

    def time(self, now: float) -> float | None:
        """Return the moment of the expert to show, s in the piece; None when nothing is previewed."""
        if self._since is None:
            return None
        begin, end = self._window
        whole = (end - begin) / self.rate + self._pause
        passed = max(0.0, now - self._since)
        if passed >= whole:
            if not self._repeat:
                self._since = None
                return None
            passed %= whole
        return min(end, begin + passed * self.rate)
