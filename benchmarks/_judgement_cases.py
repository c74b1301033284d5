"""Performances to judge: labelled takes before good ones, and healthy people who all do it right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from _judgement_data import CORRESPONDING, Take, labelled
from _judgement_sessions import Performance
from _motions import Array
from _people_cases import Choice, sequences, take_of
from _people_data import FPS, Moments, actions, project, seed_of
from _people_others import repetitions

#: Experts of an exercise; and how many sets of takes, where there are enough good ones.
EXPERTS: Final = 4
SETS: Final = 4
TAKES: Final = 4
ENOUGH: Final = 8
#: Repetitions in a row of a take that is done in a loop.
AGAIN: Final = 5
#: UTD-MHAD's actions, and those done again and again: squat, lunge, basketball shot.
ACTIONS: Final = range(1, 28)


@dataclass(frozen=True, eq=False)
class Judged:
    """One exercise's takes before its experts.

    Attributes:
        exercise: its name.
        takes: all of them, good and bad.
        experts: which of them are the expert: one index, or several of the same piece.
        performances: by expert and take; None where the take is the expert's own.
    """

    exercise: str
    takes: Sequence[Take]
    experts: Sequence[tuple[int, ...]]
    performances: Sequence[Sequence[Performance | None]]

    @property
    def good(self) -> Array:
        """(takes,) as the people filmed judged."""
        return np.array([take.good for take in self.takes])


def one_take() -> list[Judged]:
    """Every take before a few good ones."""
    found = []
    for exercise, takes in labelled().items():
        good = [index for index, take in enumerate(takes) if take.good]
        found.append(_before(exercise, takes, [(index,) for index in _spread(good, EXPERTS)]))
    return found


def several_takes() -> list[Judged]:
    """Every take before four good ones at once, in exercises that have enough of them."""
    found = []
    for exercise, takes in labelled().items():
        good = [index for index, take in enumerate(takes) if take.good]
        if len(good) < ENOUGH:
            continue
        rng = np.random.default_rng(seed_of("sets", exercise))
        sets = [tuple(int(i) for i in rng.choice(good, TAKES, replace=False)) for _ in range(SETS)]
        found.append(_before(exercise, takes, sets))
    return found


def _spread(indices: Sequence[int], count: int) -> list[int]:
    count = min(count, len(indices))
    return [indices[round(i * (len(indices) - 1) / max(count - 1, 1))] for i in range(count)]


def _before(exercise: str, takes: Sequence[Take], experts: Sequence[tuple[int, ...]]) -> Judged:
    rows = [
        [None if i in chosen else _performed(takes, chosen, take) for i, take in enumerate(takes)]
        for chosen in experts
    ]
    return Judged(exercise, takes, experts, rows)


def _performed(takes: Sequence[Take], chosen: tuple[int, ...], take: Take) -> Performance:
    first = takes[chosen[0]]
    return Performance(
        f"{take.name} before {first.name}",
        tuple(takes[index].keypoints for index in chosen),
        take.keypoints,
        linked(first.moments, take.moments, CORRESPONDING),
    )


def linked(expert: Moments, performer: Moments, names: Sequence[str]) -> Array:
    """(E, 2) s: the performer's and the expert's time of the moments that both have, both increasing."""
    both = sorted((performer[n] / FPS, expert[n] / FPS) for n in names if n in expert and n in performer)
    kept: list[tuple[float, float]] = []
    for mine, theirs in both:
        if not kept or (mine > kept[-1][0] and theirs > kept[-1][1]):
            kept.append((mine, theirs))
    return np.array(kept).reshape(-1, 2)


def again_and_again(performance: Performance) -> Performance:
    """The same, several times in a row before an expert in a loop."""
    return Performance(
        performance.name, performance.takes, np.tile(performance.performer, (AGAIN, 1, 1)), loop=True
    )


def correct(choice: Choice) -> dict[str, list[Performance]]:
    """UTD-MHAD's healthy people before one another, by group: everybody does it right."""
    pairs = choice.pairs()
    found = {
        "one action": [_action(n, *pairs[(n + k) % len(pairs)]) for n in ACTIONS for k in range(3)],
        "one action, yaw 20": [_action(n, *pairs[n % len(pairs)], yaw=20.0) for n in ACTIONS],
        "the same person": [_twice(n, choice.subjects[n % len(choice.subjects)]) for n in ACTIONS],
        "eight actions": [
            _of_case(case.name, case.expert, case.performer, [(e.performer, e.expert) for e in case.events])
            for case in sequences(choice)
        ],
    }  # fmt: skip
    found["repetitions"] = [
        _of_case(one.case.name, one.case.expert, one.case.performer, (), loop=True)
        for one in repetitions(choice)
        if one.case.loop and len(one.expert) == 1
    ]
    return found


def _of_case(
    name: str, expert: Array, performer: Array, moments: Sequence[tuple[float, float]], *, loop: bool = False
) -> Performance:
    ordered = linked({str(i): b * FPS for i, (_, b) in enumerate(moments)},
                     {str(i): a * FPS for i, (a, _) in enumerate(moments)},
                     [str(i) for i in range(len(moments))])  # fmt: skip
    return Performance(name, (expert,), performer, ordered, loop)


def _action(number: int, a: int, b: int, take: int, *, yaw: float = 0.0) -> Performance:
    (expert, mine), (performer, theirs) = (
        actions().movement(number, who, take_of(who, take)) for who in (a, b)
    )
    return Performance(
        f"action {number} s{b} before s{a}/{take}",
        (project(expert, seed=seed_of("e", number, a, take)),),
        project(performer, seed=seed_of("p", number, b, take), yaw=yaw),
        linked(mine, theirs, CORRESPONDING),
    )


def _twice(number: int, who: int) -> Performance:
    (expert, mine), (performer, theirs) = (actions().movement(number, who, take) for take in (0, 1))
    return Performance(
        f"action {number} s{who} again",
        (project(expert, seed=seed_of("e", number, who)),),
        project(performer, seed=seed_of("p", number, who)),
        linked(mine, theirs, CORRESPONDING),
    )
