"""Cases: an expert, another person who performs, and the moments of both that correspond."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from _motions import Array
from _people_data import (
    FPS,
    MOMENTS,
    SUBJECTS,
    Moments,
    Performance,
    actions,
    bucket,
    clock,
    exercise_files,
    film,
    marked_pair,
    project,
    seed_of,
    shaken,
    strokes,
)

#: wave, squat, basketball shot, boxing, lunge, stand to sit, sit to stand, bowling
SEQUENCE: Final = (3, 27, 7, 13, 26, 25, 24, 12)
SINGLE: Final = {"squat": 27, "lunge": 26, "shoot": 7, "stand to sit": 25, "sit to stand": 24}
YAWS: Final = (0, 20, 40)
#: Cases of a kind that a choice of few people should still give, by more trials of the same two.
_ENOUGH: Final = 8
#: Frames of the squat series' first repetition, and of the two that alternate in it.
SQUAT_PERIOD: Final = 81
_SQUAT_PAIR: Final = 165
SQUAT_COUNT: Final = 12
TENNIS: Final = "tennis"
SQUATS: Final = "video squat series"


@dataclass(frozen=True)
class Choice:
    """The people to run on.

    Attributes:
        subjects: of UTD-MHAD; files of others count as one of the four by their name, or their player.
        quick: a few cases of each kind.
    """

    subjects: tuple[int, ...] = SUBJECTS
    quick: bool = False

    def pairs(self) -> list[tuple[int, int, int]]:
        """(expert, performer, take): all ordered pairs of different people; if they are few, more takes."""
        everybody, count = self.subjects, len(self.subjects)
        both = [(a, everybody[(i + by) % count]) for by in range(1, count) for i, a in enumerate(everybody)]
        takes = min(4, max(1, _ENOUGH // len(both))) if both else 0
        every = [(a, b, take) for take in range(takes) for a, b in both]
        return every[:: max(1, len(every) // 3)][:3] if self.quick else every

    def some_pairs(self) -> list[tuple[int, int, int]]:
        """As :meth:`pairs`, for what takes long: everybody in as many roles, but not with everybody."""
        return self.pairs()[: 2 if self.quick else _ENOUGH]

    def has(self, subject: int) -> bool:
        """Return whether this subject is among the people to run."""
        return subject in self.subjects


@dataclass(frozen=True)
class Event:
    """One moment: ``expert`` s in the expert's video, ``performer`` s in the performer's."""

    name: str
    expert: float
    performer: float


@dataclass(frozen=True, eq=False)
class Case:
    """One performer before one expert.

    Attributes:
        group: the table's line.
        name: which of the group.
        expert: (T, 17, 3) x px, y px, confidence.
        expert_times: (T,) s.
        performer: (N, 17, 3).
        times: (N,) s.
        events: the moments that correspond, in order.
        loop: whether the tracker is told that the piece begins again where it ends.
        period: s; errors count modulo this (a series of the same movement); 0 where there is none.
        other: (from, to) s of the performer in which something else is done; None where nothing is.
    """

    group: str
    name: str
    expert: Array
    expert_times: Array
    performer: Array
    times: Array
    events: tuple[Event, ...] = ()
    loop: bool = False
    period: float = 0.0
    other: tuple[float, float] | None = None

    @property
    def last_event(self) -> float:
        """S of the performer at which the last event is over."""
        return max((event.performer for event in self.events), default=0.0)


def case_of(group: str, name: str, expert: Array, performer: Array, events: Sequence[Event] = ()) -> Case:
    """A case at 30 frames per second."""
    times = clock(len(expert)), clock(len(performer))
    return Case(group, name, expert, times[0], performer, times[1], tuple(events))


def linked(names: Sequence[object], expert: Sequence[Moments], performer: Sequence[Moments]) -> list[Event]:
    """The moments that both have, action by action; frames at 30 per second become s."""
    return [
        Event(f"{name}:{moment}", mine[moment] / FPS, theirs[moment] / FPS)
        for name, mine, theirs in zip(names, expert, performer, strict=True)
        for moment in MOMENTS
        if moment in mine and moment in theirs
    ]


def take_of(subject: int, take: int = 0) -> int:
    """Which trial of a subject: different people show different ones."""
    return (subject + take) % 4


def performer_of(order: Sequence[int], expert: int, subject: int, take: int) -> Performance:
    """Somebody performs a sequence, and stands still between half of its actions."""
    rng = np.random.default_rng(seed_of(expert, subject, *([take] if take else [])))
    holds = [int(rng.integers(10, 45)) if rng.random() < 0.5 else 0 for _ in order]
    return actions().perform(order, subject, take_of(subject, take), holds=holds)


@lru_cache
def sequences(choice: Choice, yaw: int = 0, order: tuple[int, ...] = SEQUENCE) -> list[Case]:
    """Several actions in a row, the performer filmed from ``yaw`` degrees further round than the expert."""
    cases = []
    for a, b, take in choice.pairs():
        expert = actions().perform(order, a, take_of(a, take))
        performer = performer_of(order, a, b, take)
        keypoints = project(expert.xyz, seed=seed_of("e", a, take))
        live = project(performer.xyz, seed=seed_of("p", b, yaw, take), yaw=yaw)
        events = linked(order, expert.moments, performer.moments)
        cases.append(case_of(f"sequence, yaw {yaw}", f"s{a}->s{b}/{take}", keypoints, live, events))
    return cases


@lru_cache
def singles(choice: Choice, lead: int = 0) -> list[Case]:
    """Return cases of one action; the performer stands still for ``lead`` frames first."""
    cases = []
    for name, action in SINGLE.items():
        for a, b, take in choice.pairs():
            expert, mine = actions().movement(action, a, take_of(a, take))
            live, theirs = actions().movement(action, b, take_of(b, take))
            if lead:
                live = np.concatenate([np.repeat(live[:1], lead, axis=0), live])
                theirs = {moment: theirs[moment] + lead for moment in MOMENTS if moment in theirs}
            seeds = seed_of("e", action, a, take), seed_of("p", action, b, take, lead)
            keypoints = project(expert, seed=seeds[0]), project(live, seed=seeds[1])
            events = linked([name], [mine], [theirs])
            cases.append(case_of("single action", f"{name} s{a}->s{b}/{take}", *keypoints, events))
    return cases


@lru_cache
def exercises(choice: Choice) -> list[Case]:
    """Pose-trainer by OpenPose: everybody who has events, before somebody whose execution is good."""
    files = {name: file for name, file in exercise_files().items() if choice.has(bucket(name))}
    cases = []
    for exercise in ("bicep", "frontraise", "shoulderpress"):
        names = [name for name, file in files.items() if file[0] == exercise]
        good = [name for name in names if "good" in name]
        for index, b in enumerate(names):
            others = [name for name in good if name != b]
            if not others:
                continue
            a = others[(index * 3 + 1) % len(others)]
            (_, expert, mine), (_, live, theirs) = files[a], files[b]
            events = linked([exercise], [mine], [theirs])
            cases.append(case_of("pose-trainer", f"{a}->{b}", expert, live, events))
    return cases[::5] if choice.quick else cases


@lru_cache
def tennis(choice: Choice) -> list[Case]:
    """Strokes of a second.

    The performer's begins up to 0.3 s later in the stroke and goes at another pace: else a clock would do.
    """
    every = [s for s in strokes() if choice.has((int(s[0].split()[-1]) - 1) % len(SUBJECTS) + 1)]
    cases = []
    for shot in ("forehand", "backhand", "serve"):
        of_shot = [stroke for stroke in every if stroke[1] == shot]
        players = sorted({stroke[0] for stroke in of_shot})
        for a, b in ((a, b) for a in players for b in players if a != b):
            rng = np.random.default_rng(seed_of(shot, a, b))
            mine, theirs = ([s for s in of_shot if s[0] == player] for player in (a, b))
            for count in range(4 if shot == "serve" else 2):
                expert, performer = mine[rng.integers(len(mine))], theirs[rng.integers(len(theirs))]
                cut, pace = rng.uniform(0, 0.3), rng.uniform(0.8, 1.25)
                live = _retimed(performer[3], cut, pace)
                hit = (len(expert[3]) // 2) / FPS
                group = TENNIS + (", other hand" if expert[2] != performer[2] else "")
                events = [Event(shot, hit, (hit - cut) / pace)]
                cases.append(case_of(group, f"{shot} {a}->{b}/{count}", expert[3], live, events))
    return cases[::6] if choice.quick else cases


def _retimed(keypoints: Array, cut: float, pace: float) -> Array:
    """From ``cut`` s on at ``pace`` times the speed, frames by linear interpolation."""
    own = cut + pace * np.arange(0, ((len(keypoints) - 1) / FPS - cut) / pace, 1 / FPS)
    low = np.minimum(own * FPS, len(keypoints) - 1.001).astype(int)
    part = (own * FPS - low)[:, None, None]
    moved: Array = keypoints[low] * (1 - part) + keypoints[low + 1] * part
    return moved


@lru_cache
def films(choice: Choice) -> list[Case]:
    """Two dancers on film, and a series of squats before its own first repetition.

    The dancers count as subject 4, the squats as 3.
    """
    cases = []
    if choice.has(4):
        pair = marked_pair("ballet")
        (expert, mine), (live, theirs) = film(pair["A"]), film(pair["B"])
        events = tuple(
            Event(e["event"], e["a"] / pair["fps_A"], e["b"] / pair["fps_B"]) for e in pair["events"]
        )
        cases.append(Case("video ballet", "1->2", expert, mine, live, theirs, events))
    if choice.has(3):
        cases.append(squat_series(loop=False))
    return cases


def grouped(cases: Iterable[Case]) -> dict[str, list[Case]]:
    """Cases by their group, in order."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case)
    return groups


@lru_cache
def squat_series(*, loop: bool) -> Case:
    """Twelve squats of one person, two of them again and again, before the first of them."""
    pair = marked_pair("squat_rep1_rep2")
    keypoints, times = film(pair["A"])
    rate = float(pair["fps_A"])
    found = [
        (event["event"], event["a"] / rate, (event[side] + _SQUAT_PAIR * again) / rate)
        for again in range(SQUAT_COUNT // 2)
        for event in pair["events"]
        for side in "ab"
    ]
    events = tuple(Event(*event) for event in sorted(found, key=lambda event: event[2]))
    first = slice(0, SQUAT_PERIOD)
    return Case(
        SQUATS, "rep 1->12 reps", keypoints[first], times[first], keypoints, times, events,
        loop=loop, period=SQUAT_PERIOD / rate,
    )  # fmt: skip


# -- edges -----------------------------------------------------------------------------------------------

UNCUT: Final = "uncut"
_NOBODY: Final = round(1.0 * FPS)
_STILL: Final = round(1.5 * FPS)


def _nobody(frames: int = _NOBODY) -> Array:
    return np.zeros((frames, 17, 3))


def _later(case: Case, expert: float = 0.0, performer: float = 0.0) -> tuple[Event, ...]:
    return tuple(replace(e, expert=e.expert + expert, performer=e.performer + performer) for e in case.events)


def _edged(case: Case, before: Array | None = None, after: Array | None = None) -> Case:
    """The expert's video with something before or after it."""
    parts = [part for part in (before, case.expert, after) if part is not None]
    expert = np.concatenate(parts)
    moved = _later(case, expert=0.0 if before is None else len(before) / FPS)
    return replace(case, expert=expert, expert_times=clock(len(expert)), events=moved)


def _held(case: Case, frame: int, seed: str) -> Array:
    """A pose of the expert held with jitter of its own: the mean of a moment, which has nearly none."""
    low = max(0, frame - 4) if frame else 0
    pose = case.expert[low : low + 5].mean(axis=0, keepdims=True)
    return shaken(np.repeat(pose, _STILL, axis=0), seed=seed_of(seed, case.name))


def _black_ends(case: Case) -> Case:
    live = np.concatenate([_nobody(), case.performer, _nobody()])
    return replace(case, performer=live, times=clock(len(live)), events=_later(case, performer=_NOBODY / FPS))


def _black_middle(case: Case) -> Case | None:
    """A second of black frames in the middle of the longest time without an event; the movement goes on."""
    at = sorted(event.performer for event in case.events)
    begin, end = max(pairwise(at), key=lambda pair: pair[1] - pair[0], default=(0.0, 0.0))
    if end - begin < 2 * _NOBODY / FPS:
        return None
    first = round((begin + end) / 2 * FPS) - _NOBODY // 2
    live = case.performer.copy()
    live[first : first + _NOBODY] = 0.0
    return replace(case, performer=live)


#: What is done to a case; None where it has no room for it.
EDGES: Final[dict[str, Callable[[Case], Case | None]]] = {
    "expert begins with nobody": lambda case: _edged(case, before=_nobody()),
    "expert ends with nobody": lambda case: _edged(case, after=_nobody()),
    "expert begins with stillness": lambda case: _edged(case, before=_held(case, 0, "before")),
    "expert ends with stillness": lambda case: _edged(case, after=_held(case, len(case.expert), "after")),
    "performer black at both ends": _black_ends,
    "performer black in the middle": _black_middle,
}


@lru_cache
def edges(choice: Choice) -> dict[str, dict[str, list[Case]]]:
    """By group and edge, the uncut cases first: sequences and single actions with what is not the piece.

    In a single action everything is near an edge.
    """
    pairs, some = len(choice.pairs()), len(choice.some_pairs())
    bases = {
        "sequence": sequences(choice)[:some],
        "single action": [case for i, case in enumerate(singles(choice)) if i % pairs < some],
    }
    found: dict[str, dict[str, list[Case]]] = {}
    for group, whole in bases.items():
        found[group] = {UNCUT: whole}
        for name, edge in EDGES.items():
            cut = [case for case in map(edge, whole) if case is not None]
            if len(cut) == len(whole):
                found[group][name] = [replace(case, group=f"{group}, {name}") for case in cut]
    return found
