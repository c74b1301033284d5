"""Stand-ins with scripted answers, live and settled: for the tracker, and a coach that uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from posesync.pose.types import FloatArray
from posesync.realtime.coaching.coach import Coach
from posesync.realtime.coaching.settling import Seen
from posesync.realtime.tracking.position import Position, State
from posesync.reference import Reference

FPS = 30.0


def live(place: float | None, **more: object) -> Position:
    """A live answer at ``place`` s; LOST without one."""
    state = State.LOST if place is None else State.FOLLOWING
    return replace(Position(place, 1.0 if place is not None else 0.0, 0.8, state), **more)  # type: ignore[arg-type]


def settle(
    answers: Iterable[Position], truth: Callable[[float], float], *, late: int = 7, fps: float = FPS
) -> list[Position]:
    """The answers with ``settled``: ``late`` frames ago the performer was at ``truth`` of that time.

    As the tracker does it: one for each answer, none for those without a place, and none for those after
    which the performer was lost before they had settled.
    """
    out: list[Position] = []
    waiting: list[int] = []
    for k, answer in enumerate(answers):
        waiting = [*waiting, k] if answer.time is not None else []
        settled = None
        if waiting and waiting[0] <= k - late:
            time = waiting.pop(0) / fps
            settled = (time, truth(time))
        out.append(replace(answer, settled=settled))
    return out


class ScriptedTracker:
    """Gives the answers one after the other, whatever it is shown."""

    def __init__(self, answers: Iterable[Position]) -> None:
        self._answers = iter(answers)

    def update(self, keypoints: FloatArray, time: float) -> Position:
        return next(self._answers)

    def reset(self) -> None:
        """A performer who begins anew: the script goes on."""


class ScriptedCoach(Coach):
    """Follows by a script.

    Args:
        reference: the expert's.
        answers: of the tracker, one a frame.
    """

    def __init__(self, reference: Reference, answers: Iterable[Position]) -> None:
        self._script = ScriptedTracker(answers)
        super().__init__(reference)

    def _track(self, section: object, *, loop: bool) -> Any:
        return self._script


def seen(k: int, position: Position, *, fps: float = FPS) -> Seen:
    """Frame ``k`` with its live answer."""
    return Seen(k / fps, np.zeros((17, 3)), position)
