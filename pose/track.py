"""Tracks a person from frame to frame: where they should be next, and whether they move."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from statistics import median
from typing import Final

from .types import Box

#: Distance, in body sizes, that a centre may be from its expected place: at once, and per second unseen.
REACH: Final = 0.25
REACH_PER_SECOND: Final = 1.5
#: Greatest ratio of the areas of two boxes of one person.
AREA_RATIO: Final = 4.0
#: Weight of a box's score against overlap (0..1) and distance (body sizes).
SCORE_WEIGHT: Final = 0.3
#: Score from which a box may start a track; a weaker one only continues somebody known (ByteTrack, 2022).
START_SCORE: Final = 0.35
#: s unseen after which only a box of START_SCORE brings the performer back.
WEAK_TIME: Final = 0.3
#: Share of its size by which a body may shrink in a second, as somebody steps back.
SHRINK: Final = 0.4
#: Sightings after which a bystander is confirmed; until then the performer has the first claim on a box.
CONFIRMED: Final = 3
#: s for which somebody must have been there to replace a performer who stands still.
WATCH: Final = 0.5
#: s over which movement is measured: longer than the turning point of a slow exercise.
SPAN: Final = 1.0
#: Share of their size by which somebody who moves changes an edge or a side of their box within SPAN; jitter
#: is half of that.
STIR: Final = 0.15
#: Least overlap with the box of WATCH s before; a passer-by has less.
STAYS: Final = 0.3
#: s over which the velocity of a box is averaged.
_VELOCITY_TIME = 0.15


@dataclass(frozen=True, slots=True)
class Track:
    """The track of one person.

    Attributes:
        box: the last box, px.
        time: time of that box, s.
        size: size of the whole body, px: a box that is suddenly smaller shows only part of it.
        velocity: velocity of the centre, px/s.
        hits: how often the person was seen.
        first: box and time of the first sighting.
        past: (s, box, whether keypoints drew it) of the last SPAN s, oldest first.
    """

    box: Box
    time: float
    size: float
    velocity: tuple[float, float] = (0.0, 0.0)
    hits: int = 1
    first: tuple[float, Box] = (0.0, Box(0, 0, 0, 0))
    past: tuple[tuple[float, Box, bool], ...] = ()

    @classmethod
    def start(cls, box: Box, time: float) -> Track:
        """Return a new track."""
        return cls(box, time, _longer(box), first=(time, box), past=((time, box, False),))

    @property
    def tall(self) -> float:
        """Height over SPAN, px; two people in one box for a moment do not count."""
        return median(box.height for _, box, _ in self.past)

    @property
    def stirs(self) -> bool:
        """Whether the person moved within SPAN; arms and legs move the edges of the box, too.

        A detector and keypoints draw different boxes around the same body, so each is compared with its own.
        """
        change = 0.0
        for kind in (False, True):
            boxes = [box for _, box, drawn in self.past if drawn is kind]
            shapes = [(b.left, b.top, b.right, b.bottom, b.width, b.height) for b in boxes]
            changes = (max(values) - min(values) for values in zip(*shapes, strict=True))
            change = max(change, *changes) if shapes else change
        return change > STIR * self.size

    @property
    def performs(self) -> bool:
        """Whether the person was there for WATCH s and moved, without walking through."""
        before = [box for time, box, _ in self.past if self.time - time >= WATCH]
        there = bool(before) and self.hits >= CONFIRMED
        return there and self.stirs and before[-1].iou(self.box) > STAYS

    def expected(self, time: float) -> Box:
        """Return the expected box at ``time``; the velocity is used for a quarter of a second."""
        step = min(max(time - self.time, 0.0), 0.25)
        x, y = self.velocity[0] * step, self.velocity[1] * step
        box = self.box
        return Box(box.left + x, box.top + y, box.right + x, box.bottom + y, box.score)

    def affinity(self, box: Box, time: float) -> float:
        """Return how well a box continues this track; -inf when it cannot."""
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

    def moved(self, box: Box, time: float, *, drawn: bool = False) -> Track:
        """Return the track after the person was seen again in ``box``; ``drawn``: by keypoints."""
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
        past = (*(seen for seen in self.past if time - seen[0] <= SPAN), (time, box, drawn))
        return Track(box, time, size, velocity, self.hits + 1, self.first, past)


def _longer(box: Box) -> float:
    """Return the longer side of a box, at least 1 px."""
    return max(box.width, box.height, 1.0)


def _distance(a: Box, b: Box) -> float:
    """Return the distance between two centres, px."""
    return hypot(a.center[0] - b.center[0], a.center[1] - b.center[1])


def shared(a: Box, b: Box) -> float:
    """Return the share of the smaller of two boxes that lies in the other, 0..1."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    return max(width, 0.0) * max(height, 0.0) / max(min(a.area, b.area), 1.0)
