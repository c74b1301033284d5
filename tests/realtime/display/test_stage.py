"""The stage: what is shown of the expert before the piece begins, and what the keys change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from posesync.realtime.coaching.coach import Step
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.start import Phase, PracticeStatus
from posesync.realtime.display import stage as stage_module
from posesync.realtime.display.overlay import Overlay, Scene
from posesync.realtime.display.stage import Stage
from posesync.realtime.display.window import Command
from posesync.realtime.session.config import load_config
from posesync.realtime.session.statistics import SessionStatistics


@pytest.fixture
def scenes(monkeypatch: pytest.MonkeyPatch) -> list[Scene]:
    """What the overlay is given."""
    given: list[Scene] = []
    draw = Overlay.draw

    def noting(self: Overlay, scene: Scene) -> np.ndarray:
        given.append(scene)
        return draw(self, scene)

    monkeypatch.setattr(Overlay, "draw", noting)
    return given


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stage_module, "time", clock)
    return clock


def make_stage(expert: Expert, **display: object) -> Stage:
    config = load_config(None, {"display.height": 360, **{f"display.{k}": v for k, v in display.items()}})  # type: ignore[arg-type]
    return Stage(expert, config, SessionStatistics(), "CPU")


def test_the_piece_is_shown_slowly_until_it_begins(
    expert: Expert, make_step: Callable[..., Step], scenes: list[Scene], clock: Clock
) -> None:
    stage = make_stage(expert, preview=True)
    counting = PracticeStatus(Phase.COUNT_IN, countdown="3")
    waiting = replace(make_step(0.0, None), practice=counting, expert_pose=expert.pose_at(0.0))
    shown = []
    for _ in range(4):
        stage.picture(waiting)
        shown.append(scenes[-1].expert_keypoints)
        clock.now += 1.0
    assert scenes[-1].notice == "Slow preview"
    for index, pose in enumerate(shown):
        assert np.allclose(pose, expert.pose_at(expert.start + 0.5 * index)), "half as fast"
    begun = make_step(4.0, 1.0)
    stage.picture(begun)
    assert scenes[-1].notice is None
    assert np.array_equal(scenes[-1].expert_keypoints, begun.expert_pose)


def test_a_key_names_what_it_changed_for_a_moment(
    expert: Expert, make_step: Callable[..., Step], scenes: list[Scene], clock: Clock
) -> None:
    stage, step = make_stage(expert), make_step(0.0, 3.0)
    for command, words in (
        (Command.VIEW, "ghost"),
        (Command.VIEW, "corner"),
        (Command.GUIDANCE, "guidance: at mistakes"),
    ):
        stage.obey(command, step)
        stage.picture(step)
        assert scenes[-1].notice == words
    clock.now += 2.0
    stage.picture(step)
    assert scenes[-1].notice is None


def test_a_part_is_looped_and_left_again(
    expert: Expert, make_step: Callable[..., Step], scenes: list[Scene], clock: Clock
) -> None:
    stage, step = make_stage(expert), make_step(0.0, 3.0)
    section = stage.toggle_loop(step)
    assert section is not None
    assert section[0] <= 3.0 < section[1]
    stage.picture(step)
    assert scenes[-1].practised == section
    assert stage.toggle_loop(step) is None
    stage.picture(step)
    assert scenes[-1].practised is None
