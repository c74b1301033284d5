"""How sure of the place the tracker must be for what is made of it: all limits in one place.

A position's ``confidence`` is the probability that it is right within 0.25 s. Somebody who is followed has
0.6 to 0.95, a place that was lost 0.1 to 0.4.
"""

from __future__ import annotations

from typing import Final

#: More likely right than not: everything is shown in full colour.
SURE_FROM: Final = 0.5
#: Wrong three times of four: nothing that depends on the place keeps its colour.
DOUBTFUL_AT: Final = 0.25
#: Below it nothing is stated of the place, and from FOUND_FROM on it is again: with one limit, words would
#: flicker.
LOOKING_BELOW: Final = 0.375
FOUND_FROM: Final = 0.45
#: Cues and the worst moments. Less than even odds will do, as they judge the settled place, which is right
#: more often than the live one that the number is about.
JUDGED_FROM: Final = 0.4
#: The expert's sound: music that stops disturbs more than music that is a little off.
HEARD_FROM: Final = 0.3


class DoubtWatch:
    """Whether the place is so doubtful that nothing is stated of it: no score, no cue, no pace."""

    def __init__(self) -> None:
        self._doubtful = False

    def reset(self) -> None:
        """Forget everything: a new beginning."""
        self._doubtful = False

    def update(self, confidence: float | None) -> bool:
        """Take the next confidence, None where there is no place: then there is nothing to doubt."""
        limit = FOUND_FROM if self._doubtful else LOOKING_BELOW
        self._doubtful = confidence is not None and confidence < limit
        return self._doubtful


def doubt_of(confidence: float) -> float:
    """How far what depends on the place is to fade, 0..1."""
    return min(max((SURE_FROM - confidence) / (SURE_FROM - DOUBTFUL_AT), 0.0), 1.0)
