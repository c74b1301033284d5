"""Confidence limits: how sure of the place the tracker must be for each use of it.

A position's ``confidence`` is the probability that it is right within 0.25 s. It is 0.6 to 0.95 while a
performer is followed, and 0.1 to 0.4 where the place is wrong.
"""

from __future__ import annotations

from typing import Final

from posesync.configs.shared import SHARED

#: More likely right than not: everything is shown in full colour.
SURE_FROM: Final = SHARED.limits.sure_from
#: Wrong three times out of four: nothing that depends on the place keeps its colour.
DOUBTFUL_AT: Final = SHARED.limits.doubtful_at
#: Below this nothing that depends on the place is stated, and from FOUND_FROM on it is again: with a single
#: limit, words would flicker.
LOOKING_BELOW: Final = 0.375
FOUND_FROM: Final = 0.45
#: s for which confidence must stay past a limit: a dip of a tenth of a second is not worth a word.
LASTING: Final = 0.3
#: For cues and the worst moments. Less than even odds is enough, because they use the settled place, which is
#: right more often than the live one that the confidence refers to.
JUDGED_FROM: Final = 0.4
#: For the expert's sound: music that stops disturbs more than music that is a little off.
HEARD_FROM: Final = 0.3


class DoubtWatch:
    """Decides whether the place is too doubtful for a score, a cue or a pace to be shown."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, for a new beginning."""
        self._doubtful: bool | None = None  # None while there is no place
        self._since: float | None = None  # s, time since which confidence suggests the opposite

    def update(self, confidence: float | None, time: float) -> bool:
        """Return whether the place is doubtful, given the confidence at ``time`` s; None means no place."""
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
    """Return how far drawings that depend on the place are to fade, 0..1."""
    return min(max((SURE_FROM - confidence) / (SURE_FROM - DOUBTFUL_AT), 0.0), 1.0)
