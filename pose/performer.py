"""One performer, kept: which of the people in the frame is the one who practises.

Chosen at acquisition (large, central, sure), then kept by overlap and continuity of the centre. Everybody
else is followed too, only so that nobody who is known to be somebody else can inherit the lock. When the
performer is out of sight, they may come back near the last place at once, or anywhere after ``patience`` s;
bystanders who stay in view count as somebody else for twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from math import hypot
from typing import Final

from .types import Box

#: How far, in body sizes, a centre may be from where it was expected: at once, and more per second unseen.
REACH: Final = 0.25
REACH_PER_SECOND: Final = 1.5
#: The larger of two boxes of one person has at most this many times the area of the smaller.
AREA_RATIO: Final = 4.0
#: Seconds that a bystander out of sight is remembered.
MEMORY: Final = 1.0
#: What a sure box is worth against overlap (0..1) and distance (body sizes).
SCORE_WEIGHT: Final = 0.3
#: Score from which a box may start a track; a weaker one only continues somebody known (ByteTrack, 2022).
START_SCORE: Final = 0.35
#: Seconds unseen after which only a box of START_SCORE brings the performer back.
WEAK_TIME: Final = 0.3
#: Two boxes of which one lies in the other by more than this part, 0..1, may be the same body.
SAME_BODY: Final = 0.5
#: The part of a body's size by which it may shrink in a second, as somebody steps back.
SHRINK: Final = 0.4
#: How many times the patience it takes until somebody known to be a bystander becomes the performer.
BYSTANDER_PATIENCE: Final = 2.0
#: A bystander who was seen so often is somebody; until then the performer has the first claim on a box.
CONFIRMED: Final = 3
#: Seconds over which the velocity of a box is averaged.
_VELOCITY_TIME = 0.15


class Lock(str, Enum):
    """Whether there is a performer.

    SEARCHING: nobody found so far. LOCKED: this frame shows the performer. LOST: there was one; they are out
    of sight, and are taken up again when they come back.
    """

    SEARCHING = "searching"
    LOCKED = "locked"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class _Track:
    """Somebody.

    Attributes:
        box: the last one, px.
        time: when it was seen, s.
        size: of the whole body, px: a box that suddenly is smaller shows only part of it.
        velocity: of the centre, px/s.
        hits: how often it was seen.
    """

    box: Box
    time: float
    size: float
    velocity: tuple[float, float] = (0.0, 0.0)
    hits: int = 1

    @classmethod
    def start(cls, box: Box, time: float) -> _Track:
        """A new track."""
        return cls(box, time, _longer(box))

    def expected(self, time: float) -> Box:
        """Where the box should be now; the velocity is trusted for a quarter of a second."""
        step = min(max(time - self.time, 0.0), 0.25)
        x, y = self.velocity[0] * step, self.velocity[1] * step
        box = self.box
        return Box(box.left + x, box.top + y, box.right + x, box.bottom + y, box.score)

    def affinity(self, box: Box, time: float) -> float:
        """How well a box continues this track: -inf when it cannot be."""
        expected = self.expected(time)
        unseen = max(time - self.time, 0.0)
        if unseen > WEAK_TIME and box.score < START_SCORE:
            return float("-inf")
        areas = sorted((max(box.area, 1.0), max(expected.area, 1.0)))
        overlap = expected.iou(box)
        distance = _distance(box, expected) / self.size
        reach = REACH + REACH_PER_SECOND * unseen
        if areas[1] > AREA_RATIO * areas[0] or (distance > reach and overlap < 0.3):
            return float("-inf")
        return overlap - distance + SCORE_WEIGHT * box.score

    def moved(self, box: Box, time: float) -> _Track:
        """The track after it was seen again."""
        elapsed = max(time - self.time, 0.0)
        size = max(_longer(box), self.size * (1.0 - min(SHRINK * elapsed, 1.0)))
        velocity = self.velocity
        if elapsed > 0:
            weight = elapsed / (elapsed + _VELOCITY_TIME)
            (x, y), (old_x, old_y) = box.center, self.box.center
            velocity = (
                velocity[0] + weight * ((x - old_x) / elapsed - velocity[0]),
                velocity[1] + weight * ((y - old_y) / elapsed - velocity[1]),
            )
        return _Track(box, time, size, velocity, self.hits + 1)


def _longer(box: Box) -> float:
    """The longer side, at least 1 px."""
    return max(box.width, box.height, 1.0)


def _distance(a: Box, b: Box) -> float:
    """Distance between two centres, px."""
    return hypot(a.center[0] - b.center[0], a.center[1] - b.center[1])


class Performer:
    """The lock on one performer.

    Args:
        patience: seconds out of sight after which anybody who comes becomes the performer.

    Attributes:
        state: see :class:`Lock`.
        acquisitions: how often a performer was chosen afresh; when it grows, it may be somebody else.
    """

    def __init__(self, patience: float = 1.5) -> None:
        self.patience = patience
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        self.state = Lock.SEARCHING
        self.acquisitions = 0
        self._track: _Track | None = None
        self._others: list[_Track] = []

    @property
    def box(self) -> Box | None:
        """Where the performer was last seen, px; None before there is one."""
        return self._track.box if self._track else None

    def expected(self, time: float) -> Box | None:
        """Where the performer should be at ``time`` (s), px; None before there is one."""
        return self._track.expected(time) if self._track else None

    def unseen(self, time: float) -> float:
        """Seconds since the performer was last seen; infinite before there is one."""
        return time - self._track.time if self._track else float("inf")

    def continues(self, box: Box, time: float) -> bool:
        """Whether a box can be the performer's at ``time``, by continuity alone."""
        return self._track is not None and self._track.affinity(box, time) > float("-inf")

    def update(self, boxes: list[Box], time: float, frame_size: tuple[int, int]) -> Box | None:
        """Take in the people of one frame.

        Args:
            boxes: everybody who was found, full-frame px.
            time: of the frame, s; increasing.
            frame_size: (width, height), px.

        Returns:
            The performer's box, or None when they are not among them; ``state`` says which.
        """
        mine, rest = self._assign(boxes, time)
        if mine is not None and self._track is not None:
            self._track = self._track.moved(mine, time)
            self.state = Lock.LOCKED
        elif self._track is None or self.unseen(time) > self.patience:
            sure = [box for box in boxes if box.score >= START_SCORE]
            waiting = self.unseen(time) <= BYSTANDER_PATIENCE * self.patience
            free = self._unknown(sure, time) if self._track is not None and waiting else sure
            mine = max(free, key=lambda box: _prominence(box, frame_size), default=None)
            if mine is not None:
                self._track = _Track.start(mine, time)
                self._others = self._beside(sure, mine, time)
                self.state = Lock.LOCKED
                self.acquisitions += 1
                return mine
        if mine is None and self._track is not None:
            self.state = Lock.LOST
        self._others = [other for other in self._others if time - other.time <= MEMORY]
        if mine is not None:
            self._others += self._beside(rest, mine, time)
        return mine

    def was_beside(self, boxes: list[Box], time: float) -> None:
        """Take in the people of the frame in which the performer was last seen: all others are somebody else.

        For who looks only where the performer is: the reach of a performer who is out of sight grows, and
        must not grow over somebody who was there all the time.

        Args:
            boxes: everybody who was found there, full-frame px.
            time: of that frame, s.
        """
        if self._track is None:
            return
        there = [replace(track, hits=CONFIRMED) for track in self._beside(boxes, self._track.box, time)]
        met = [
            other
            for other in self._others
            if not any(other.affinity(track.box, time) > float("-inf") for track in there)
        ]
        self._others = met + there

    @staticmethod
    def _beside(boxes: list[Box], mine: Box, time: float) -> list[_Track]:
        """New bystanders.

        Only beside the performer is somebody surely somebody else; and parts of the performer are nobody.
        """
        return [
            _Track.start(box, time)
            for box in boxes
            if box is not mine and box.score >= START_SCORE and _shared(box, mine) < SAME_BODY
        ]

    def _unknown(self, boxes: list[Box], time: float) -> list[Box]:
        """Those of the boxes that are not where a bystander was just seen."""
        here = [track.box for track in self._others if track.time == time and track.hits >= CONFIRMED]
        return [box for box in boxes if box not in here]

    def _assign(self, boxes: list[Box], time: float) -> tuple[Box | None, list[Box]]:
        """The performer's box, if any, and the boxes of nobody known; bystanders are moved on.

        Greedy, best affinity first: a bystander who passes in front continues as that bystander.
        """
        first = 1 if self._track is not None and self.unseen(time) <= self.patience else 0
        tracks = ([self._track] if self._track is not None and first else []) + self._others
        pairs = sorted(
            (
                (i < first or track.hits >= CONFIRMED, track.affinity(box, time), -i, -j)
                for i, track in enumerate(tracks)
                for j, box in enumerate(boxes)
            ),
            reverse=True,
        )
        taken: dict[int, int] = {}
        used: set[int] = set()
        for _, affinity, i, j in pairs:
            if affinity > float("-inf") and -i not in taken and -j not in used:
                taken[-i] = -j
                used.add(-j)
        self._others = [
            track.moved(boxes[taken[i]], time) if i in taken else track
            for i, track in enumerate(tracks[first:], start=first)
        ]
        mine = boxes[taken[0]] if first and 0 in taken else None
        return mine, [box for j, box in enumerate(boxes) if j not in used]


def _shared(a: Box, b: Box) -> float:
    """The part of the smaller of two boxes that lies in the other, 0..1."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    return max(width, 0.0) * max(height, 0.0) / max(min(a.area, b.area), 1.0)


def _prominence(box: Box, frame_size: tuple[int, int]) -> float:
    """How likely a person is the performer at first sight: large × central × sure."""
    width, height = frame_size
    x, y = box.center
    off = hypot((x - width / 2) / max(width, 1), (y - height / 2) / max(height, 1))
    return box.area * (1.0 - off) * box.score
