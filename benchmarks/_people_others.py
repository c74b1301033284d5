"""Cases of performers who do something else, are replaced, or repeat a movement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from _motions import Array
from _people_cases import (
    SEQUENCE,
    SINGLE,
    Case,
    Choice,
    Event,
    case_of,
    linked,
    sequences,
    singles,
    squat_series,
    take_of,
)
from _people_data import FPS, MOMENTS, Moments, Performance, actions, project, seed_of

#: clap, throw, jog, swipe left, arm curl, draw a circle, tennis serve, draw a triangle
OTHERS: Final = (4, 5, 22, 1, 16, 9, 17, 11)
#: How many other actions before an expert of one action: some 10 s.
_OTHERS_OF_ONE: Final = 5
#: The piece that is left and come back to: after how many actions, and for how many others.
_BEFORE: Final = 2
_BETWEEN: Final = 3
#: Frames of stillness before the performer of a single action begins.
LEAD: Final = 15

TRUE: Final = "true performer"
STRANGER: Final = "stranger"


def _rotated(by: int, count: int) -> list[int]:
    """Other actions, from another one on for each pair."""
    return [OTHERS[(by + index) % len(OTHERS)] for index in range(count)]


@lru_cache
def strangers(choice: Choice) -> list[Case]:
    """Return cases of experts with somebody who does five to eight other things."""
    cases = []
    for number, (a, b, take) in enumerate(choice.pairs()):
        pieces = {"sequence": SEQUENCE} | {name: (action,) for name, action in SINGLE.items()}
        for index, (name, order) in enumerate(pieces.items()):
            expert = actions().perform(order, a, take_of(a, take))
            count = len(OTHERS) if name == "sequence" else _OTHERS_OF_ONE
            other = actions().perform(_rotated(number + index, count), b, take_of(b, take))
            keypoints = project(expert.xyz, seed=seed_of("e", a, take, order))
            live = project(other.xyz, seed=seed_of("o", b, take, number, index))
            group = f"{STRANGER}, {'sequence' if len(order) > 1 else 'single action'}"
            cases.append(case_of(group, f"{name} s{a}, others by s{b}/{take}", keypoints, live))
    return cases


@lru_cache
def true_performers(choice: Choice) -> list[Case]:
    """Return cases of experts with somebody who does the piece."""
    return sequences(choice) + singles(choice, lead=LEAD)


# -- a change in the middle ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """A piece left in the middle and come back to.

    Attributes:
        case: see :class:`~_people_cases.Case`; ``other`` has the part in which something else is done.
        truth: (N,) s in the expert's video, NaN in that part.
    """

    case: Case
    truth: Array


@lru_cache
def changes(choice: Choice) -> list[Change]:
    """Two true actions, three others by the same or another person, then on from the piece's third action."""
    found = []
    for number, (a, b, take) in enumerate(choice.pairs()):
        third = [s for s in choice.subjects if s not in (a, b)] or [a]
        for kind, other in (("same person", b), ("another person", third[number % len(third)])):
            found.append(_change(a, b, take, other, number, kind))
    return found


def _change(a: int, b: int, take: int, other: int, number: int, kind: str) -> Change:
    expert = actions().perform(SEQUENCE, a, take_of(a, take))
    order = [*SEQUENCE[:_BEFORE], *_rotated(number, _BETWEEN), *SEQUENCE[_BEFORE:]]
    who = [b] * _BEFORE + [other] * _BETWEEN + [b] * (len(SEQUENCE) - _BEFORE)
    # Another person is there from one frame to the next, as in a doorway or a cut.
    gaps = [0 if index and who[index] != who[index - 1] else 10 for index in range(len(order))]
    live = actions().perform(order, who, [take_of(s, take) for s in who], gaps=gaps)
    back = _BEFORE + _BETWEEN
    kept = [*range(_BEFORE), *range(back, len(order))]
    part = Performance(
        live.xyz, *(tuple(column[i] for i in kept) for column in (live.starts, live.ends, live.moments))
    )  # fmt: skip
    events = linked(SEQUENCE, expert.moments, part.moments)
    case = case_of(
        f"change, {kind}", f"s{a}->s{b}/{take}, others by s{other}",
        project(expert.xyz, seed=seed_of("e", a, take)), project(live.xyz, seed=seed_of("c", b, other, take)),
        events,
    )  # fmt: skip
    left = live.ends[_BEFORE - 1] / FPS, live.starts[back] / FPS
    case = replace(case, other=left)
    return Change(case, _truth(case, expert, part, events))


def _truth(case: Case, expert: Performance, part: Performance, events: list[Event]) -> Array:
    """Where the performer is at each frame: straight lines through the events and the actions' ends."""
    knots = [(event.performer, event.expert) for event in events]
    for mine, theirs in ((expert.starts, part.starts), (expert.ends, part.ends)):
        knots += [(live / FPS, place / FPS) for place, live in zip(mine, theirs, strict=True)]
    at, place = np.array(sorted(knots)).T
    truth = np.interp(case.times, at, np.maximum.accumulate(place))
    assert case.other is not None
    truth[(case.times >= case.other[0]) & (case.times < case.other[1])] = np.nan
    return truth


# -- again and again -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Repeats:
    """An expert of a few repetitions and a performer of more.

    Attributes:
        case: see :class:`~_people_cases.Case`.
        expert: (E, 3) s of the expert's rise, peak and fall in each repetition.
        performer: (P, 3) s of the performer's.
    """

    case: Case
    expert: Array
    performer: Array


REPEATED: Final = {"shoot": 7, "squat": 27, "lunge": 26}
COUNTS: Final = ((1, 6), (3, 5), (3, 6))
#: Frames of rest between the performer's repetitions. None after the last: whether somebody who stands at the
#: end of a squat has begun the next is nobody's to say.
_REST: Final = 8


@lru_cache
def repetitions(choice: Choice) -> list[Repeats]:
    """Shots, squats, lunges: the expert does one or three, another person five or six."""
    return [
        _repeats(name, counts, pair, loop)
        for name in REPEATED
        for counts in (COUNTS[:2] if choice.quick else COUNTS)
        for loop in ((False,) if choice.quick else (False, True))
        for pair in choice.some_pairs()
    ]


def _repeats(name: str, counts: tuple[int, int], pair: tuple[int, int, int], loop: bool) -> Repeats:
    (a, b, take), action = pair, REPEATED[name]
    mine, theirs = counts
    expert = _series(action, a, mine, 0, take)
    performer = _series(action, b, theirs, _REST, take + 1)
    seeds = seed_of("e", name, a, mine), seed_of("p", name, b, theirs)
    case = case_of(
        f"{name} {mine}/{theirs}", f"s{a}->s{b}/{take}",
        project(expert.xyz, seed=seeds[0]), project(performer.xyz, seed=seeds[1]),
    )  # fmt: skip
    return Repeats(replace(case, loop=loop), _moments(expert.moments), _moments(performer.moments))


def _series(action: int, subject: int, count: int, rest: int, first: int) -> Performance:
    takes = [(first + index) % 4 for index in range(count)]
    return actions().perform([action] * count, subject, takes, holds=[rest] * count, gaps=6)


def _moments(found: tuple[Moments, ...]) -> Array:
    """(P, 3) s; what a repetition lacks is the moment at which it began to rise."""
    return np.array([[one.get(name, one["rise50"]) for name in MOMENTS] for one in found]) / FPS


#: One action twice in a piece that does not close on itself: within it, and at both of its ends.
TWICE: Final = {
    "shot twice in a dance": (3, 7, 27, 7, 12),
    "a dance that ends as it begins": (7, 3, 26, 12, 7),
}


@lru_cache
def twice(choice: Choice) -> list[Case]:
    """Dances in which one action occurs twice, performed once by another person."""
    count = len(choice.some_pairs())
    return [
        replace(case, group=name)
        for name, order in TWICE.items()
        for case in sequences(choice, order=order)[:count]
    ]


@lru_cache
def squats() -> list[Case]:
    """The series on film, with and without being told that it repeats."""
    return [squat_series(loop=False), squat_series(loop=True)]
