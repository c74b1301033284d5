"""How sure of the place the tracker must be for what is made of it: all limits in one place.

A position's ``confidence`` is the probability that it is right within 0.25 s. Somebody who is followed has
0.6 to 0.95, a place that was lost 0.1 to 0.4.
"""

from __future__ import annotations

from typing import Final

from posesync.configs.shared import SHARED

#: More likely right than not: everything is shown in full colour.
SURE_FROM: Final = SHARED.limits.sure_from
#: Wrong three times of four: nothing that depends on the place keeps its colour.
DOUBTFUL_AT: Final = SHARED.limits.doubtful_at
#: Below it nothing is stated of the place, and from FOUND_FROM on it is again: with one limit, words would
#: flicker.
LOOKING_BELOW: Final = 0.375
FOUND_FROM: Final = 0.45
#: s for which it must have been so: a dip of a tenth of a second is not worth a word.
LASTING: Final = 0.3
#: Cues and the worst moments. Less than even odds will do, as they judge the settled place, which is right
#: more often than the live one that the number is about.
JUDGED_FROM: Final = 0.4
#: The expert's sound: music that stops disturbs more than music that is a little off.
HEARD_FROM: Final = 0.3


class DoubtWatch:
    """Whether the place is so doubtful that nothing is stated of it: no score, no cue, no pace."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: a new beginning."""
        self._doubtful: bool | None = None  # None while there is no place
        self._since: float | None = None  # s since when it looks otherwise

    def update(self, confidence: float | None, time: float) -> bool:
        """Take the confidence at ``time`` s, None where there is no place: then there is nothing to doubt."""
        if confidence is None:
            self.reset()
            return False
        seems = confidence < (FOUND_FROM if self._doubtful else LOOKING_BELOW)
        if self._doubtful is None:
            self._doubtful = seems
        if seems == self._doubtful:
            self._since = None
        elif self._since is None:
            self._since = time
        elif time - self._since >= LASTING:
            self._doubtful, self._since = seems, None
        return self._doubtful


def doubt_of(confidence: float) -> float:
    """How far what depends on the place is to fade, 0..1."""
    return min(max((SURE_FROM - confidence) / (SURE_FROM - DOUBTFUL_AT), 0.0), 1.0)
