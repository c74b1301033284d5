"""The lock on one performer: decides which of the people in the frame is the one who practises.

The performer is chosen at acquisition (large, central, sure), then kept by overlap and continuity of the
centre. Everybody else is tracked too, so that a known bystander cannot inherit the lock. A performer who is
out of sight may come back near the last place at once, or anywhere after ``patience`` s; bystanders who stay
in view keep counting as bystanders for twice as long.

The person seen first may be a spectator. So a performer who stands still loses the lock to somebody clearly
larger who moves on the spot, though never to a passer-by; the longer the performer has moved before, the
longer they may stand still. A poster, in whose pixels nothing changes at all, earns no such time, and loses
the lock to anybody who moves on the spot, unless they are tiny beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from math import hypot
from typing import Final

from .settings import POSE_DEFAULTS
from .track import CONFIRMED, START_SCORE, Track, shared
from .types import Box

#: s for which a bystander out of sight is remembered.
MEMORY: Final = 1.0
#: Two boxes may be the same body when more than this share, 0..1, of one lies in the other.
SAME_BODY: Final = 0.5
#: Multiple of the patience after which a known bystander may become the performer.
BYSTANDER_PATIENCE: Final = 2.0
#: Multiple of the performer's height that somebody must have to replace them.
LARGER: Final = 1.35
#: The same for somebody who replaces a picture of a person: a performer far away beside a life-size poster.
BESIDE_A_PICTURE: Final = 0.3
#: Score from which acquisition waits for somebody so much larger to become sure, and for how many s.
MAYBE_SCORE: Final = 0.2
HESITATION: Final = 0.3
#: Share of the picture's height from its lower edge within which a box is cut off by it.
CUT: Final = 0.01
#: s for which a performer may stand still, at most; otherwise as long as they moved before.
MOST_CREDIT: Final = 20.0
#: s of that which a picture of a person may have earned by jitter before it was known to be one.
JITTER_CREDIT: Final = 1.5


class Lock(str, Enum):
    """Whether there is a performer.

    SEARCHING: nobody found so far. LOCKED: this frame shows the performer. LOST: the performer is out of
        sight
    and is followed again when they come back.
    """

    SEARCHING = "searching"
    LOCKED = "locked"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Succession:
    """Somebody has replaced a performer who only stood there.

    Attributes:
        box: the box in which the new performer was first seen, px.
        since: time of that, s.
        before: time since which the other had been taken for the performer, s.
    """

    box: Box
    since: float
    before: float


class Performer:
    """The lock on one performer.

    Args:
        patience: s out of sight after which any newcomer becomes the performer.

    Attributes:
        state: see :class:`Lock`.
        acquisitions: how often a performer was chosen; when it grows, it may be somebody else.
        succeeded: set when this frame gave the lock to somebody else; None after every other frame.
    """

    def __init__(self, patience: float = POSE_DEFAULTS.patience) -> None:
        self.patience = patience
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        self.state = Lock.SEARCHING
        self.acquisitions = 0
        self.succeeded: Succession | None = None
        self._since = 0.0  # time at which the current performer was first seen, s
        self._asked = float("inf")  # time since which it is doubtful whom to choose, s
        self._credit = 0.0  # s for which the performer may still stand still
        self._track: Track | None = None
        self._others: list[Track] = []

    @property
    def box(self) -> Box | None:
        """The box in which the performer was last seen, px; None before there is one."""
        return self._track.box if self._track else None

    def expected(self, time: float) -> Box | None:
        """Return the performer's expected box at ``time`` (s), px; None before there is one."""
        return self._track.expected(time) if self._track else None

    def unseen(self, time: float) -> float:
        """Return the seconds since the performer was last seen; infinite before there is one."""
        return time - self._track.time if self._track else float("inf")

    def continues(self, box: Box, time: float) -> bool:
        """Return whether a box can be the performer's at ``time``, judged by continuity alone."""
        return self._track is not None and self._track.affinity(box, time) > float("-inf")

    @property
    def replaceable(self) -> bool:
        """Whether the performer has stood still for so long that somebody may replace them."""
        return self._track is not None and self._credit <= 0

    def take(self, box: Box, time: float) -> None:
        """Lock on the person in ``box`` at ``time``, s, whom the caller knows to be the performer."""
        self._track, self._credit, self._since = Track.start(box, time), 0.0, time
        self.state = Lock.LOCKED
        self.acquisitions += 1

    def others(self, time: float) -> list[Box]:
        """Return where everybody else was seen within the last MEMORY s before ``time``, px."""
        return [other.box for other in self._others if time - other.time <= MEMORY]

    def update(
        self,
        boxes: list[Box],
        time: float,
        frame_size: tuple[int, int],
        *,
        frozen: bool = False,
        moving: Box | None = None,
        drawn: bool = False,
    ) -> Box | None:
        """Update the lock with the people of one frame.

        Args:
            boxes: everybody who was found, full-frame px.
            time: time of the frame, s; increasing.
            frame_size: (width, height), px.
            frozen: whether nothing changes where the performer is, as in a picture of a person.
            moving: where something moves elsewhere, px; only somebody there replaces a picture of a person.
            drawn: whether the performer's box comes from keypoints, while others come from a detector.

        Returns:
            The performer's box, or None when they are not among the people; see ``state``.
        """
        self.succeeded = None
        mine, rest = self._assign(boxes, time)
        if mine is not None and self._track is not None:
            self._spend(mine, time, frozen=frozen, drawn=drawn)
            self.state = Lock.LOCKED
            if self._give_way(time, frame_size[1], frozen=frozen, moving=moving):
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
        """Return whether to wait for somebody clearly larger than ``best``, who may be sure in a moment."""
        larger = [box for box in boxes if box.score >= MAYBE_SCORE and box.height > LARGER * best.height]
        if self._track is not None or not any(shared(box, best) < SAME_BODY for box in larger):
            return False
        self._asked = min(self._asked, time)
        return time - self._asked < HESITATION

    def _spend(self, mine: Box, time: float, *, frozen: bool, drawn: bool) -> None:
        """Move the performer on; moving earns the time for which they may then stand still."""
        assert self._track is not None
        elapsed = time - self._track.time
        self._track = self._track.moved(mine, time, drawn=drawn)
        moves = self._track.stirs and not frozen
        credit = self._credit + (elapsed if moves else -elapsed)
        self._credit = min(max(credit, 0.0), MOST_CREDIT)
        if frozen and self._credit <= JITTER_CREDIT:
            self._credit = 0.0

    def _give_way(self, time: float, height: int, *, frozen: bool, moving: Box | None) -> bool:
        """Hand the lock to somebody clearly larger who performs, if the performer only stands there.

        Somebody who is cut off at the lower edge while the performer is not is handling the camera. A picture
        of a person gives way to smaller people, too, and to those who are cut off.
        """
        holder = self._track
        if holder is None or not self.replaceable or (holder.stirs and not frozen):
            return False
        if frozen and moving is None:
            return False
        lowest = float("inf") if frozen else max((1.0 - CUT) * height, holder.box.bottom)
        least = BESIDE_A_PICTURE if frozen else LARGER
        rivals = [
            other
            for other in self._others
            if other.time == time
            and other.tall > least * holder.tall
            and other.box.bottom <= lowest
            and other.performs
            and (not frozen or (moving is not None and shared(other.box, moving) > 0))
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
        """Note as bystanders everybody else in the frame in which the performer was last seen.

        Needed when the detector looks only around the performer: the reach of a performer who is out of
        sight grows, and must not grow over somebody who was there all the time.

        Args:
            boxes: everybody found in that frame, full-frame px.
            time: time of that frame, s.
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
        """Return new bystanders.

        Only a box beside the performer is surely another person; parts of the performer are not.
        """
        return [
            Track.start(box, time)
            for box in boxes
            if box is not mine and box.score >= START_SCORE and shared(box, mine) < SAME_BODY
        ]

    def _unknown(self, boxes: list[Box], time: float) -> list[Box]:
        """Return the boxes that are not where a bystander was just seen."""
        here = [track.box for track in self._others if track.time == time and track.hits >= CONFIRMED]
        return [box for box in boxes if box not in here]

    def _assign(self, boxes: list[Box], time: float) -> tuple[Box | None, list[Box]]:
        """Return the performer's box, if any, and the boxes that match nobody; update the bystanders.

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
    """Return the score of a person as performer at first sight: large × central × sure."""
    width, height = frame_size
    x, y = box.center
    off = hypot((x - width / 2) / max(width, 1), (y - height / 2) / max(height, 1))
    return box.area * (1.0 - off) * box.score
