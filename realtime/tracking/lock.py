"""The lock on a performer who is followed: the place held, and how far it is to be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .settings import TrackerSettings


@dataclass(frozen=True, slots=True)
class Lock:
    """State of a performer who is followed; replaced as a whole with every frame.

    Attributes:
        place: s in the reference, as shown: it never runs back by itself.
        raw: s in the reference, as believed; it may lie past the end of a piece that begins again.
        mirrored: the performer does the piece with left and right exchanged.
        pace: the speed at which the place moves.
        standing: probability that the performer stands still.
        within: probability that ``place`` is right within 0.25 s.
        doubt: probability of a place elsewhere.
        residual: how much performer and expert differ, averaged over seconds.
        here: pose difference at this place, averaged over a moment.
        gone: s out of sight.
        away: the same, counted less where the expert is not seen either.
        ended: s for which the place has been at the end.
        behind: s for which ``raw`` has been well behind ``place``.
        elsewhere: s for which another place has been clearly better.
    """

    place: float
    raw: float
    mirrored: bool
    pace: float
    standing: float
    within: float
    residual: float
    here: float
    doubt: float = 0.0
    gone: float = 0.0
    away: float = 0.0
    behind: float = 0.0
    ended: float = 0.0
    elsewhere: float = 0.0

    def confidence(self, settings: TrackerSettings, recognised: float) -> float:
        """Return the probability that the place shown is right within 0.25 s.

        The row is overconfident: its frames are not independent evidence. How often it is right was fitted on
        people (benchmarks/people.py), from the row's own probability and the evidence for the piece.

        Args:
            settings: the fitted weights.
            recognised: nats for the performer doing this piece at all.
        """
        within = min(max(self.within, 0.02), 0.985)
        odds = settings.confidence_gain * math.log(within / (1.0 - within)) + settings.confidence_bias
        odds += settings.confidence_recognised * min(max(recognised, -5.0), 6.0)
        return (1.0 - self.doubt) / (1.0 + math.exp(-odds))
