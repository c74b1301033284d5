"""The stage: what is shown of the expert before the piece begins, and what the keys change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from idle import IdleEstimator
from posesync.pose.types import Frame
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.coaching.start import Phase, PracticeStatus
from posesync.realtime.display import stage as stage_module
from posesync.realtime.display.keys import Command
from posesync.realtime.display.overlay import Overlay, Scene
from posesync.realtime.display.stage import Stage
from posesync.realtime.pipeline.workers import Processed
from posesync.realtime.session.config import load_config
from posesync.realtime.session.core import SessionCore


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
    return Stage(SessionCore(IdleEstimator(), expert, config, waits=False), config)  # type: ignore[arg-type]


def processed(moment: Moment) -> Processed:
    return Processed(Frame(np.zeros((48, 64, 3), np.uint8), moment.time, 0), moment, 0.0, 0.0)


def test_the_piece_is_shown_slowly_until_it_begins(
    expert: Expert, make_moment: Callable[..., Moment], scenes: list[Scene], clock: Clock
) -> None:
    stage = make_stage(expert, preview=True)
    counting = PracticeStatus(Phase.COUNT_IN, countdown="3")
    waiting = replace(make_moment(0.0, None), practice=counting, expert_pose=expert.pose_at(0.0))
    shown = []
    for _ in range(4):
        stage.picture(processed(waiting))
        shown.append(scenes[-1].expert_keypoints)
        clock.now += 1.0
    assert scenes[-1].notice == "Slow preview"
    for index, pose in enumerate(shown):
        assert np.allclose(pose, expert.pose_at(expert.practised[0] + 0.5 * index)), "half as fast"
    begun = make_moment(4.0, 1.0)
    stage.picture(processed(begun))
    assert scenes[-1].notice is None
    assert np.array_equal(scenes[-1].expert_keypoints, begun.expert_pose)


def test_a_key_names_what_it_changed_for_a_moment(
    expert: Expert, make_moment: Callable[..., Moment], scenes: list[Scene], clock: Clock
) -> None:
    stage, moment = make_stage(expert), make_moment(0.0, 3.0)
    for command, words in (
        (Command.VIEW, "ghost"),
        (Command.VIEW, "corner"),
    ):
        stage.obey(command, moment)
        stage.picture(processed(moment))
        assert scenes[-1].notice == words
    clock.now += 2.0
    stage.picture(processed(moment))
    assert scenes[-1].notice is None


def test_a_part_is_looped_and_left_again(
    expert: Expert, make_moment: Callable[..., Moment], scenes: list[Scene], clock: Clock
) -> None:
    stage, moment = make_stage(expert), make_moment(0.0, 3.0)
    section = stage.toggle_loop(moment)
    assert section is not None
    assert section[0] <= 3.0 < section[1]
    stage.picture(processed(moment))
    assert scenes[-1].practised == section
    assert stage.toggle_loop(moment) is None
    stage.picture(processed(moment))
    assert scenes[-1].practised is None
