"""A stand-in for the tracker with scripted answers, live and settled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from posesync.pose.types import FloatArray, Frame
from posesync.realtime.coaching.settling import Seen
from posesync.realtime.tracking.position import Position, State

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


def seen(k: int, position: Position, *, fps: float = FPS) -> Seen:
    """Frame ``k`` with its live answer."""
    return Seen(Frame(np.zeros((2, 2, 3), np.uint8), k / fps, k), np.zeros((17, 3)), position)
