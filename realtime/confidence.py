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
#: Cues and the worst moments. Less than even odds will do, as they judge the settled place, which is right
#: more often than the live one that the number is about.
JUDGED_FROM: Final = 0.4
#: The expert's sound: music that stops disturbs more than music that is a little off.
HEARD_FROM: Final = 0.3


def doubt_of(confidence: float) -> float:
    """How far what depends on the place is to fade, 0..1."""
    return min(max((SURE_FROM - confidence) / (SURE_FROM - DOUBTFUL_AT), 0.0), 1.0)
