"""One performer, kept: which of the people in the frame is the one who practises.

Chosen at acquisition (large, central, sure), then kept by overlap and continuity of the centre. Everybody
else is followed too, only so that nobody who is known to be somebody else can inherit the lock. When the
performer is out of sight, they may come back near the last place at once, or anywhere after ``patience`` s;
bystanders who stay in view count as somebody else for twice as long.

Who was there first may be a spectator. So whoever has the lock and stands still gives it up to somebody
clearly larger who moves on the spot: never to one who walks by, and the longer the holder has moved before,
the longer they may stand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from math import hypot
from typing import Final

from .settings import POSE_DEFAULTS
from .track import CONFIRMED, START_SCORE, Track, shared
from .types import Box

#: Seconds that a bystander out of sight is remembered.
MEMORY: Final = 1.0
#: Two boxes of which one lies in the other by more than this part, 0..1, may be the same body.
SAME_BODY: Final = 0.5
#: How many times the patience it takes until somebody known to be a bystander becomes the performer.
BYSTANDER_PATIENCE: Final = 2.0
#: How many times as tall as the performer somebody must be to be taken for the performer instead.
LARGER: Final = 1.35
#: Score from which somebody so much larger is waited for at first sight, and for how many seconds.
MAYBE_SCORE: Final = 0.2
HESITATION: Final = 0.3
#: How near the lower edge of the picture a box is cut off by it, of its height.
CUT: Final = 0.01
#: Who has the lock may stand still for as many seconds as they moved, and at most for so many.
MOST_CREDIT: Final = 20.0


class Lock(str, Enum):
    """Whether there is a performer.

    SEARCHING: nobody found so far. LOCKED: this frame shows the performer. LOST: there was one; they are out
    of sight, and are taken up again when they come back.
    """

    SEARCHING = "searching"
    LOCKED = "locked"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Succession:
    """Somebody has taken the place of a performer who only stood there.

    Attributes:
        box: the first sight of the new performer, px.
        since: when that was, s.
        before: since when the other had been taken for the performer, s.
    """

    box: Box
    since: float
    before: float


class Performer:
    """The lock on one performer.

    Args:
        patience: seconds out of sight after which anybody who comes becomes the performer.

    Attributes:
        state: see :class:`Lock`.
        acquisitions: how often a performer was chosen afresh; when it grows, it may be somebody else.
        succeeded: how this frame gave the lock to somebody else; None after every other frame.
    """

    def __init__(self, patience: float = POSE_DEFAULTS.patience) -> None:
        self.patience = patience
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        self.state = Lock.SEARCHING
        self.acquisitions = 0
        self.succeeded: Succession | None = None
        self._since = 0.0  # when the performer of now was first seen, s
        self._asked = float("inf")  # when it was first doubtful whom to choose, s
        self._credit = 0.0  # s that the performer may stand still
        self._track: Track | None = None
        self._others: list[Track] = []

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

    @property
    def replaceable(self) -> bool:
        """Whether the performer stands still, and has for so long that somebody may take their place."""
        return self._track is not None and self._credit <= 0

    def take(self, box: Box, time: float) -> None:
        """Make somebody the performer whom the caller knows to be it, at ``time``, s."""
        self._track, self._credit, self._since = Track.start(box, time), 0.0, time
        self.state = Lock.LOCKED
        self.acquisitions += 1

    def update(self, boxes: list[Box], time: float, frame_size: tuple[int, int]) -> Box | None:
        """Take in the people of one frame.

        Args:
            boxes: everybody who was found, full-frame px.
            time: of the frame, s; increasing.
            frame_size: (width, height), px.

        Returns:
            The performer's box, or None when they are not among them; ``state`` says which.
        """
        self.succeeded = None
        mine, rest = self._assign(boxes, time)
        if mine is not None and self._track is not None:
            self._spend(mine, time)
            self.state = Lock.LOCKED
            if self._give_way(time, frame_size[1]):
                mine = self._track.box
        elif self._track is None or self.unseen(time) > self.patience:
            sure = [box for box in boxes if box.score >= START_SCORE]
            waiting = self.unseen(time) <= BYSTANDER_PATIENCE * self.patience
            free = self._unknown(sure, time) if self._track is not None and waiting else sure
            mine = max(free, key=lambda box: _prominence(box, frame_size), default=None)
            if mine is not None and self._hesitates(mine, boxes, time):
                mine = None
            if mine is not None:
                self.take(mine, time)
                self._others = self._beside(sure, mine, time)
                return mine
        if mine is None and self._track is not None:
            self.state = Lock.LOST
        self._others = [other for other in self._others if time - other.time <= MEMORY]
        if mine is not None:
            self._others += self._beside(rest, mine, time)
        return mine

    def _hesitates(self, best: Box, boxes: list[Box], time: float) -> bool:
        """Whether somebody clearly larger than who would be chosen at first sight may be sure in a moment."""
        larger = [box for box in boxes if box.score >= MAYBE_SCORE and box.height > LARGER * best.height]
        if self._track is not None or not any(shared(box, best) < SAME_BODY for box in larger):
            return False
        self._asked = min(self._asked, time)
        return time - self._asked < HESITATION

    def _spend(self, mine: Box, time: float) -> None:
        """Move the performer on; who moves earns the time for which they may then stand."""
        assert self._track is not None
        elapsed = time - self._track.time
        self._track = self._track.moved(mine, time)
        credit = self._credit + (elapsed if self._track.stirs else -elapsed)
        self._credit = min(max(credit, 0.0), MOST_CREDIT)

    def _give_way(self, time: float, height: int) -> bool:
        """Hand the lock to who is clearly larger and performs, if the one who has it only stands there.

        Somebody cut off below while the other is not is at the camera, not in front of it.
        """
        holder = self._track
        if holder is None or not self.replaceable or holder.stirs:
            return False
        lowest = max((1.0 - CUT) * height, holder.box.bottom)
        rivals = [
            other
            for other in self._others
            if other.time == time
            and other.tall > LARGER * holder.tall
            and other.box.bottom <= lowest
            and other.performs
        ]
        if not rivals:
            return False
        self._track = max(rivals, key=lambda other: other.tall)
        self._others = [other for other in self._others if other is not self._track] + [holder]
        since, box = self._track.first
        self.succeeded = Succession(box, since, self._since)
        self._credit, self._since = 0.0, since
        self.acquisitions += 1
        return True

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
    def _beside(boxes: list[Box], mine: Box, time: float) -> list[Track]:
        """New bystanders.

        Only beside the performer is somebody surely somebody else; and parts of the performer are nobody.
        """
        return [
            Track.start(box, time)
            for box in boxes
            if box is not mine and box.score >= START_SCORE and shared(box, mine) < SAME_BODY
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


def _prominence(box: Box, frame_size: tuple[int, int]) -> float:
    """How likely a person is the performer at first sight: large × central × sure."""
    width, height = frame_size
    x, y = box.center
    off = hypot((x - width / 2) / max(width, 1), (y - height / 2) / max(height, 1))
    return box.area * (1.0 - off) * box.score
