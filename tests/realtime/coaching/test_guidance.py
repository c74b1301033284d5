"""Guidance: withdrawn after good runs, brought back after poor ones, without flicker."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posesync.pose.errors import InvalidDataError
from posesync.realtime.coaching.guidance import Guidance
from posesync.realtime.coaching.settings import GuidanceLevel, GuidanceSettings

FULL, MISTAKES, NONE = GuidanceLevel
PIECE = [(0.0, 4.0), (4.0, 8.0)]


class Performer:
    """Goes through the piece at 10 frames per s, section by section, with a score for each."""

    def __init__(self, guidance: Guidance) -> None:
        self.guidance, self.now = guidance, 0.0
        self.changes: list[tuple[int, GuidanceLevel]] = []

    def through(self, scores: dict[int, float | None], start: float = 0.0, end: float = 8.0) -> None:
        for frame in range(round((end - start) * 10)):
            position = start + frame / 10
            self.guidance.update(self.now, position, scores[int(position // 4)])
            if self.guidance.changed is not None:
                self.changes.append(self.guidance.changed)
            self.now += 0.1


def levels(guidance: Guidance) -> list[GuidanceLevel]:
    """In force in each section, between two runs."""
    return [guidance.update(0.0, start, None).level for start, _ in PIECE]


def test_it_goes_where_it_goes_well_and_stays_where_it_does_not() -> None:
    guidance = Guidance(PIECE)
    performer = Performer(guidance)
    for _ in range(2):
        performer.through({0: 95.0, 1: 75.0})
    guidance.finish()
    assert levels(guidance) == [MISTAKES, FULL]
    assert performer.changes == [(0, MISTAKES)]
    for _ in range(2):
        performer.through({0: 95.0, 1: 75.0})
    guidance.finish()
    assert levels(guidance) == [NONE, FULL]


def test_a_poor_run_brings_it_back() -> None:
    guidance = Guidance(PIECE, GuidanceSettings(level=NONE))
    Performer(guidance).through({0: 40.0, 1: 90.0})
    guidance.finish()
    assert levels(guidance) == [MISTAKES, NONE]


@pytest.mark.parametrize(
    ("start", "end", "score"),
    [(0.0, 2.0, 99.0), (2.5, 4.0, 99.0), (0.0, 4.0, None), (0.0, 4.0, 80.0)],
    ids=["left half-way", "came late", "nobody seen", "middling"],
)
def test_what_was_not_a_good_run_counts_for_nothing(start: float, end: float, score: float | None) -> None:
    guidance = Guidance(PIECE)
    performer = Performer(guidance)
    for _ in range(4):
        performer.through({0: score, 1: None}, start, end)
    guidance.finish()
    assert levels(guidance) == [FULL, FULL]


def test_two_good_runs_must_follow_each_other() -> None:
    guidance = Guidance(PIECE)
    performer = Performer(guidance)
    for score in (95.0, 70.0, 95.0):
        performer.through({0: score, 1: None})
    guidance.finish()
    assert levels(guidance) == [FULL, FULL]


def test_a_loop_counts_every_time_round() -> None:
    guidance = Guidance([(0.0, 4.0)])
    performer = Performer(guidance)
    for _ in range(5):
        performer.through({0: 92.0}, 0.0, 4.0)
    assert guidance.level is NONE


def test_automatic_can_be_turned_off() -> None:
    guidance = Guidance(PIECE, GuidanceSettings(automatic=False))
    performer = Performer(guidance)
    for _ in range(6):
        performer.through({0: 95.0, 1: 30.0})
    assert levels(guidance) == [FULL, FULL]


def test_the_key_goes_round() -> None:
    guidance = Guidance(PIECE)
    assert [guidance.next() for _ in range(4)] == [MISTAKES, NONE, FULL, MISTAKES]
    assert levels(guidance) == [MISTAKES, MISTAKES]


@pytest.mark.parametrize(("level", "shown"), [(FULL, (True, True)), (NONE, (False, False))])
def test_what_a_level_shows_whatever_the_score(level: GuidanceLevel, shown: tuple[bool, bool]) -> None:
    guidance = Guidance(PIECE, GuidanceSettings(level=level))
    for frame, score in enumerate((95.0, None, 5.0, 80.0)):
        seen = guidance.update(frame / 10, frame / 10, score)
        assert (seen.expert, seen.ghost, seen.level) == (*shown, level)


def test_at_mistakes_the_ghost_comes_with_one_and_does_not_flicker() -> None:
    guidance = Guidance(PIECE, GuidanceSettings(level=MISTAKES))

    def ghost(now: float, score: float | None) -> bool:
        return guidance.update(now, 1.0, score).ghost

    assert not ghost(0.0, 90.0)
    assert ghost(0.1, 60.0)
    assert ghost(0.2, 95.0)  # it stays a while
    assert ghost(1.7, 72.0)  # better, but not yet mended
    assert not ghost(1.8, 80.0)
    assert not ghost(1.9, 72.0)


@given(st.lists(st.tuples(st.floats(0, 8), st.none() | st.floats(0, 100)), max_size=60))
@settings(max_examples=40)
def test_at_mistakes_a_ghost_stays_its_time(moments: list[tuple[float, float | None]]) -> None:
    guidance = Guidance(PIECE, GuidanceSettings(level=MISTAKES, automatic=False))
    shown = [guidance.update(index / 10, place, score).ghost for index, (place, score) in enumerate(moments)]
    runs, length = [], 0
    for ghost in shown:
        if not ghost and length:
            runs.append(length)
        length = length + 1 if ghost else 0
    assert all(run >= 15 for run in runs)  # 1.5 s at 10 per s; the last one may still be shown


@pytest.mark.parametrize("sections", [[], [(2.0, 2.0)], [(4.0, 8.0), (0.0, 4.0)], [(0.0, 5.0), (4.0, 8.0)]])
def test_sections_that_are_none_are_refused(sections: list[tuple[float, float]]) -> None:
    with pytest.raises(InvalidDataError, match="section"):
        Guidance(sections)
