"""Sessions on recorded keypoints, and what a person saw and was told in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from _motions import Array
from _people_data import FPS
from posesync.realtime.coaching.cues import Cue, find_cues
from posesync.realtime.coaching.feedback import compare_nearest, expert_poses
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.coaching.settings import CueSettings
from posesync.realtime.display.overlay import SMOOTHING_SECONDS
from posesync.realtime.session.statistics import SessionStatistics
from posesync.reference import Reference

#: (takes, loop=…) → a coach.
Factory = Callable[..., Any]
#: Degrees from which a claim about a joint is true.
LEAST: Final = 8.0
#: s by which a performer may be early or late: what they do is compared with the most alike pose therein.
SLACK: Final = np.linspace(-0.2, 0.2, 9)
_ENDED: Final = "end of the takes"


def posesync(takes: Sequence[Reference], *, loop: bool = False) -> Any:
    """Our coach with its default settings."""
    from posesync.realtime.coaching.coach import Coach

    return Coach(takes, loop=loop)


@dataclass(frozen=True, eq=False)
class Performance:
    """Somebody before an expert.

    Attributes:
        name: which of its group.
        takes: keypoints (T, 17, 3) of the expert's takes at 30 per second; the first gives the clock.
        performer: (N, 17, 3).
        moments: (E, 2) s: moments of the performer and of the first take that correspond, in order.
        loop: the piece begins again where it ends.
    """

    name: str
    takes: tuple[Array, ...]
    performer: Array
    moments: Array = field(default_factory=lambda: np.zeros((0, 2)))
    loop: bool = False

    @property
    def minutes(self) -> float:
        """How long it lasts."""
        return len(self.performer) / FPS / 60

    def expert_at(self, place: Array) -> Array:
        """(K, 17, 3) of the first take at K places, s."""
        first = self.takes[0]
        return expert_poses(np.arange(len(first)) / FPS, first, place)

    @cached_property
    def true_places(self) -> Array:
        """(N,) s: where each of the performer's frames truly is; NaN outside the marked moments."""
        times = np.arange(len(self.performer)) / FPS
        if len(self.moments) < 2:
            return np.full(len(times), np.nan)
        mine, theirs = self.moments.T
        return np.interp(times, mine, theirs, left=np.nan, right=np.nan)


@dataclass(frozen=True, eq=False)
class Session:
    """What a coach made of a performance.

    Attributes:
        performance: what was done.
        score: 0..100 of the whole session, as statistics and report give it; NaN without one.
        numbers: (N,) the number on screen, NaN where there was none.
        mirrored: (N,) whether the performer did the piece with left and right exchanged.
        claims: (N) the cue that was on screen as true with each frame, or None.
        said: the cues as they came up.
    """

    performance: Performance
    score: float
    numbers: Array
    mirrored: Array
    claims: tuple[Cue | None, ...]
    said: tuple[Cue, ...]

    @property
    def scored(self) -> float:
        """Share of the frames with a number on screen."""
        return float(np.isfinite(self.numbers).mean())


def hold(factory: Factory, performance: Performance) -> Session:
    """Run a coach over one performance, frame by frame, as a camera would give it the frames."""
    takes = [Reference.from_keypoints(take, np.arange(len(take)) / FPS) for take in performance.takes]
    coach, statistics = factory(takes, loop=performance.loop), SessionStatistics()
    moments: list[Moment] = []
    for number, keypoints in enumerate(performance.performer):
        moments.append(coach.update(keypoints, number / FPS))
        statistics.add(moments[-1], now=number / FPS)
    score = statistics.summary(_ENDED, takes[0].duration)["score"]
    return Session(
        performance,
        np.nan if score is None else float(score),
        shown([np.nan if moment.score is None else moment.score for moment in moments]),
        np.array([moment.position.mirrored for moment in moments]),
        tuple(moment.cue for moment in moments),
        tuple(moment.cue for moment in moments if moment.said and moment.cue is not None),
    )


def shown(scores: Sequence[float]) -> Array:
    """(N,) the number as it is drawn: smoothed, and gone where there is none."""
    drawn, last, share = [], np.nan, -np.expm1(-1 / FPS / SMOOTHING_SECONDS)
    for score in scores:
        if np.isfinite(score):
            last = score if not np.isfinite(last) else last + share * (score - last)
        drawn.append(last if np.isfinite(score) else np.nan)
    return np.array(drawn)


def truths(session: Session) -> list[int]:
    """Of each frame with a claim on screen whose true place is known: 1 true, −1 the opposite, 0 neither.

    A claim is true when the same error is there by ``LEAST`` degrees, against the expert's most alike pose
    around the place that the events give, not the one that the tracker found.
    """
    performance = session.performance
    places = performance.true_places
    found = []
    for index in np.flatnonzero(np.isfinite(places)):
        claim = session.claims[index]
        if claim is not None:
            found.append(truth_of(claim, performance, int(index), bool(session.mirrored[index])))
    return found


def truth_of(claim: Cue, performance: Performance, index: int, mirrored: bool) -> int:
    """Return 1, −1 or 0 for a claim about one frame, see :func:`truths`."""
    around = performance.expert_at(performance.true_places[index] + SLACK)
    pose = performance.performer[index]
    _, alike = compare_nearest(pose, around, mirrored=mirrored)
    now = find_cues(pose, around[alike], mirrored=mirrored, settings=CueSettings(least=LEAST))
    same = [cue for cue in now if cue.joint == claim.joint]
    if not same:
        return 0
    return 1 if any(cue.degrees * claim.degrees > 0 for cue in same) else -1
