"""The benchmark on people: its figures, checked on made-up answers."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from posesync.realtime.tracking.position import Position, State

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import _people_cases as cases  # noqa: E402
import _people_data as data  # noqa: E402
import _people_figures as figures  # noqa: E402
import _people_others as others  # noqa: E402
import _people_presence as presence  # noqa: E402
import _people_repeats as repeats  # noqa: E402
import people  # noqa: E402
from _aims import Aims  # noqa: E402
from _people_confidence import confidence_rows  # noqa: E402

needs_data = pytest.mark.skipif(data.missing() is not None, reason="../shared/data/people is not here")
BODY = np.array(
    [[0, 1.6, 0], [0.2, 1.4, 0], [-0.2, 1.4, 0], [0.3, 1.1, 0], [-0.3, 1.1, 0], [0.35, 0.8, 0],
     [-0.35, 0.8, 0], [0.1, 0.9, 0], [-0.1, 0.9, 0], [0.12, 0.5, 0], [-0.12, 0.5, 0], [0.12, 0.1, 0],
     [-0.12, 0.1, 0]]
)  # fmt: skip
LEFT_WRIST = 5


def standing(frames: int) -> np.ndarray:
    return np.repeat(BODY[None], frames, axis=0)


def case_of(events=(), *, frames: int = 120, keypoints: np.ndarray | None = None) -> cases.Case:
    live = np.zeros((frames, 17, 3)) if keypoints is None else keypoints
    return cases.case_of("group", "case", live, live, events)


def trace_of(place, *, state=None, wrapped=None, settled=(), repetition: int = 0) -> figures.Trace:
    place = np.asarray(place, float)
    states = state or [State.LOST if np.isnan(p) else State.FOLLOWING for p in place]
    turns = wrapped if wrapped is not None else np.zeros(len(place), bool)
    answers = [
        Position(None if np.isnan(p) else float(p), 1.0, 1.0, s, wrapped=bool(w), repetition=repetition)
        for p, s, w in zip(place, states, turns, strict=True)
    ]
    return replace(figures.Trace.of(answers), settled=np.array(settled, float).reshape(-1, 2))


# -- projecting ------------------------------------------------------------------------------------------


def test_turning_the_body_brings_what_was_in_front_of_it_to_its_side() -> None:
    xyz = standing(1)
    xyz[0, LEFT_WRIST] = 0, 0.9, -0.5
    wrist = data.COCO[LEFT_WRIST]
    front, side = (data.view(xyz, yaw=yaw)[0, wrist, 0] for yaw in (0.0, 90.0))
    assert front == pytest.approx(360)
    assert abs(side - 360) == pytest.approx(0.5 * 0.38 * 720, rel=1e-6)


def test_what_is_nearer_is_larger() -> None:
    near, far = standing(1), standing(1)
    near[0, :7, 2], far[0, :7, 2] = -0.5, 0.5
    widths = [np.ptp(data.view(xyz)[0, 5:7, 0]) for xyz in (near, standing(1), far)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] / widths[2] == pytest.approx(3.7 / 2.7)


def test_jitter_has_the_size_it_says_and_lasts() -> None:
    exact = data.view(standing(3000))
    seen = data.shaken(exact, seed=3)
    torso = np.linalg.norm(exact[0, 5:7, :2].mean(axis=0) - exact[0, 11:13, :2].mean(axis=0))
    noise = (seen - exact)[:, 0, 0] / torso
    assert noise.std() == pytest.approx(data.JITTER, rel=0.15)
    assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(np.exp(-1 / 30 / 0.05), abs=0.06)
    assert not seen[:, 1:5, 2].any()
    assert np.array_equal(seen, data.shaken(exact, seed=3))


def test_joined_movements_begin_where_the_last_ended() -> None:
    walk = standing(10) + np.linspace(0, 1, 10)[:, None, None] * (1.0, 0.0, 0.0)
    whole, starts = data.joined([walk, walk + 5.0], [0, 4], gaps=6)
    assert starts == [0, 20]
    assert len(whole) == 30
    assert np.allclose(whole[10:14], whole[9])
    assert whole[20, 7:9, 0].mean() == pytest.approx(whole[9, 7:9, 0].mean(), abs=0.12)
    cut, starts = data.joined([walk, walk], [0, 0], gaps=[0, 0])
    assert starts == [0, 10]
    assert len(cut) == 20


def test_what_is_missing_is_said_in_one_line(tmp_path) -> None:
    said = data.missing(tmp_path)
    assert said is not None
    assert "\n" not in said
    assert "utd_mhad" in said
    assert "SOURCES.md" in said


# -- whom ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subjects", [(1, 2), (3, 4), (1, 2, 4), (1, 2, 3, 4)])
def test_only_those_who_are_asked_for_appear(subjects) -> None:
    pairs = cases.Choice(subjects).pairs()
    assert {s for a, b, _ in pairs for s in (a, b)} == set(subjects)
    assert all(a != b for a, b, _ in pairs)
    assert len(set(pairs)) == len(pairs) >= 6


def test_some_pairs_have_everybody_in_both_roles() -> None:
    some = cases.Choice().some_pairs()
    assert {a for a, *_ in some} == {b for _, b, _ in some} == set(data.SUBJECTS)


# -- edges -----------------------------------------------------------------------------------------------


def test_an_edge_moves_the_events_with_what_they_belong_to() -> None:
    keypoints = data.project(standing(120), seed=1)
    case = case_of([cases.Event("a", 0.5, 0.5), cases.Event("b", 3.5, 3.5)], keypoints=keypoints)
    nobody, still, after = (
        cases.EDGES[f"expert {what}"](case)
        for what in ("begins with nobody", "begins with stillness", "ends with stillness")
    )
    assert nobody.events[0] == cases.Event("a", 1.5, 0.5)
    assert not nobody.expert[:30, :, 2].any()
    assert still.events[0] == cases.Event("a", 2.0, 0.5)
    assert np.isinf(figures.first_movement(still.expert, still.expert_times))
    assert after.events == case.events
    assert len(after.expert) == len(after.expert_times) == 165
    black = cases.EDGES["performer black at both ends"](case)
    assert black.events[0] == cases.Event("a", 0.5, 1.5)
    assert len(black.times) == 180


def test_black_frames_in_the_middle_hide_no_event() -> None:
    keypoints = data.project(standing(120), seed=1)
    case = case_of([cases.Event("a", 0.5, 0.5), cases.Event("b", 3.5, 3.5)], keypoints=keypoints)
    middle = cases.EDGES["performer black in the middle"]
    assert middle(replace(case, events=(case.events[0], cases.Event("b", 1.5, 1.5)))) is None
    unseen = middle(case).performer[..., 2].max(axis=1) == 0
    assert unseen.sum() == 30
    assert not unseen[:20].any()
    assert not unseen[100:].any()


# -- errors ----------------------------------------------------------------------------------------------


def test_errors_count_at_the_events_and_silence_is_no_answer() -> None:
    case = case_of([cases.Event("a", 1.0, 1.0), cases.Event("b", 2.0, 2.0), cases.Event("c", 3.0, 3.0)])
    place = case.times + 0.1
    place[60] = np.nan
    found = figures.errors(case, place)
    assert found[[0, 2]] == pytest.approx([0.1, 0.1])
    assert np.isnan(found[1])
    total = figures.summary([found])
    assert total["median_ms"] == pytest.approx(100)
    assert total["within"] == total["coverage"] == pytest.approx(2 / 3, abs=1e-3)


def test_between_two_frames_the_clock_runs_on() -> None:
    case = case_of([cases.Event("a", 1.01, 1.01)])
    assert figures.errors(case, case.times) == pytest.approx([0.0])


def test_in_a_series_the_nearest_repetition_counts() -> None:
    case = replace(case_of([cases.Event("a", 0.5, 3.5)]), period=1.0)
    assert figures.errors(case, case.times + 0.05) == pytest.approx([0.05])
    assert figures.errors(case, case.times - 2.95) == pytest.approx([0.05])
    assert figures.errors(case, case.times + 0.95) == pytest.approx([-0.05])


@pytest.mark.parametrize(
    ("moment", "expected"),
    [(1.05, 2.05), (1.0, 2.0), (0.95, 2.0), (0.85, np.nan), (1.24, 9.0), (1.16, 2.1), (1.7, np.nan)],
)
def test_settled_places_are_read_at_the_events_time(moment, expected) -> None:
    settled = np.array([[1.0, 2.0], [1.1, 2.1], [1.3, 9.0], [2.0, 9.7]])
    assert figures.settled_at(settled, np.array([moment])) == pytest.approx([expected], nan_ok=True)


def test_without_settled_places_there_is_no_settled_error() -> None:
    assert np.isnan(figures.settled_errors(case_of([cases.Event("a", 1, 1)]), np.zeros((0, 2)))).all()


def test_finished_counts_as_early_only_before_the_last_event() -> None:
    case = case_of([cases.Event("a", 1.0, 1.0), cases.Event("b", 2.0, 2.0)])
    for frame, early in ((59, True), (60, False)):
        states = [State.FOLLOWING] * frame + [State.FINISHED] * (120 - frame)
        assert figures.finished_early(case, trace_of(case.times, state=states)) is early


# -- movement --------------------------------------------------------------------------------------------


def waving(begin: int, frames: int = 120) -> np.ndarray:
    xyz = standing(frames)
    xyz[begin:, LEFT_WRIST, 1] += np.linspace(0, 1, frames - begin)
    return data.project(xyz, seed=5)


def test_the_first_movement_is_found_and_jitter_is_none() -> None:
    times = data.clock(120)
    assert figures.first_movement(waving(60), times) == pytest.approx(2.0, abs=0.4)
    assert np.isinf(figures.first_movement(waving(119), times))


def test_one_bad_frame_and_an_absence_are_no_movement() -> None:
    keypoints = data.project(standing(120), seed=5)
    keypoints[40, 9, :2] += 300
    keypoints[70:80] = 0
    assert np.isinf(figures.first_movement(keypoints, data.clock(120)))


def test_a_movement_is_looked_for_from_a_moment_on() -> None:
    xyz = standing(120)
    xyz[30:60, LEFT_WRIST, 1] += 0.5
    xyz[90:, LEFT_WRIST, 1] += 0.5
    keypoints, times = data.project(xyz, seed=5), data.clock(120)
    assert figures.first_movement(keypoints, times) == pytest.approx(1.0, abs=0.15)
    assert figures.first_movement(keypoints, times, since=2.2) == pytest.approx(3.0, abs=0.15)


# -- who is present --------------------------------------------------------------------------------------


def change(*, noticed: float | None, back: float) -> dict:
    """A change from 1 s to 3 s of 5, whose tracker is away from ``noticed`` to ``back``."""
    xyz = standing(150)
    xyz[30:, LEFT_WRIST, 1] += 0.5
    xyz[90:, LEFT_WRIST, 0] += 0.5
    case = replace(case_of(keypoints=data.project(xyz, seed=2)), other=(0.9, 2.9))
    truth = np.where(case.times < 2.9, case.times, case.times - 2.0)
    truth[(case.times >= 0.9) & (case.times < 2.9)] = np.nan
    place = np.where(np.isnan(truth), 0.9, truth)
    if noticed is not None:
        place[(case.times >= noticed) & (case.times < back)] = np.nan
    return presence.change_figures(others.Change(case, truth), trace_of(place))


def test_a_change_is_noticed_after_the_first_movement() -> None:
    found = change(noticed=2.0, back=3.5)
    assert found["noticed_s"] == pytest.approx(1.0, abs=0.1)
    assert found["back_s"] == pytest.approx(0.5, abs=0.1)
    assert found["right_before"] == pytest.approx(1.0)


def test_what_is_never_noticed_or_never_right_again_says_so() -> None:
    assert change(noticed=None, back=0.0)["noticed_s"] == np.inf
    assert change(noticed=2.0, back=9.0)["back_s"] == np.inf


# -- again and again -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("expert", "performer", "wraps"), [(1, 6, 5), (3, 5, 1), (3, 6, 1), (3, 3, 0)])
def test_how_often_the_place_returns_to_the_start(expert, performer, wraps) -> None:
    assert figures.expected_wraps(expert, performer) == wraps


def test_wraps_are_what_the_tracker_says_or_where_the_place_returns() -> None:
    case = case_of(frames=121)
    place = np.r_[np.linspace(0, 4, 60), np.linspace(0, 4, 61)]
    assert repeats.count_wraps(case, trace_of(place), told=False) == 1
    assert repeats.count_wraps(case, trace_of(place), told=True) == 0
    assert repeats.count_wraps(case, trace_of(place, wrapped=np.arange(121) == 60), told=True) == 1
    small = np.r_[np.linspace(0, 4, 60), np.linspace(3, 4, 61)]
    assert repeats.count_wraps(case, trace_of(small), told=False) == 0


def test_a_repetition_is_followed_when_all_its_moments_are() -> None:
    case = case_of(frames=121)
    one = others.Repeats(case, np.array([[0.2, 0.5, 0.8]]), np.array([[0.2, 0.5, 0.8], [2.2, 2.5, 2.8]]))
    place = case.times % 2
    found = repeats.repeat_figures(one, trace_of(place, repetition=2), told=False)
    assert (found["followed"], found["of"], found["repetition"]) == (2, 2, 2)
    place[75] = 1.5
    assert repeats.repeat_figures(one, trace_of(place), told=False)["followed"] == 1


# -- confidence ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("high", "low", "expected"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.1], [0.9, 0.8], 0.0),
        ([0.5, 0.5], [0.5], 0.5),
        ([0.6], [0.5, 0.7], 0.5),
    ],
)
def test_auc(high, low, expected) -> None:
    assert figures.auc(np.array(high), np.array(low)) == pytest.approx(expected)


def test_confidence_that_means_what_it_says_has_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0, 1, 20_000)
    right = rng.uniform(0, 1, 20_000) < sure
    assert figures.calibration_error(sure, right) < 0.02
    assert figures.calibration_error(np.full(1000, 0.9), np.arange(1000) % 2 == 0) == pytest.approx(
        0.4, abs=0.03
    )


def test_the_reliability_tells_honest_from_boastful() -> None:
    rng = np.random.default_rng(0)
    whose = np.arange(6000) // 100
    sure = rng.uniform(0, 1, 6000)
    error = np.where(rng.uniform(0, 1, 6000) < sure, 0.1, np.inf)
    honest, boastful = Aims(12), Aims(12)
    rows = confidence_rows(sure, error, whose, honest)
    late = confidence_rows(sure, np.full(6000, 0.26), whose, Aims(12))
    assert (rows[-1]["right"], late[-1]["right"]) == (pytest.approx(0.5, abs=0.02), 0.0)
    confidence_rows(np.sqrt(sure), error, whose, boastful)
    assert [row["met"] for row in honest.rows] == [True, True, False]  # AUC of a uniform truth is 5/6
    assert not boastful.rows[0]["met"]
    assert not boastful.rows[1]["met"]
    for row in rows[:-1]:
        low, high = row["gap_interval"]
        assert low <= row["gap"] <= high


def test_frames_between_events_have_a_truth_in_between() -> None:
    case = case_of([cases.Event("a", 1.0, 0.5), cases.Event("b", 2.0, 1.0), cases.Event("c", 9.0, 3.9)])
    frames, truth = figures.between(replace(case, events=case.events[:2]))
    assert frames.tolist() == list(range(15, 30))
    assert truth[3] == pytest.approx(1.2)
    assert len(figures.between(replace(case, events=case.events[:1]))[0]) == 0


# -- all of it -------------------------------------------------------------------------------------------


class Silent:
    """Never answers: what nobody could miss."""

    def __init__(self, reference, *, loop: bool = False) -> None:
        del reference, loop

    def update(self, keypoints, time: float) -> Position:
        return Position(None, 0.0, 0.0, State.WAITING)


@needs_data
def test_a_tracker_that_says_nothing_meets_only_what_silence_meets() -> None:
    found = people.run(Silent, list(people.SECTIONS), quick=True)
    met = {row["aim"]: row["met"] for row in found["aims"]}
    assert met["strangers, from 2 s on: WAITING or LOST"]
    assert not met["true performers, 1 s after they move: WAITING or LOST"]
    assert not met["single action: median ≤ offline DTW's (ms)"]
    assert not met["single action: events answered"]
    assert not met["a change: the performer back after (s of movement, median)"]
    assert found["missed"] == sum(not value for value in met.values())


def test_without_the_recordings_it_says_so_and_runs_nothing(monkeypatch, capsys) -> None:
    monkeypatch.setattr(people, "missing", lambda: "the recordings are not here: put them there")
    monkeypatch.setattr(sys, "argv", ["people.py"])
    assert people.main() == 2
    assert capsys.readouterr().err == "the recordings are not here: put them there\n"


@pytest.mark.parametrize(
    ("arguments", "subjects"),
    [(["--subjects", "2,1"], (1, 2)), (["--leave-out", "1,2"], (3, 4)), ([], (1, 2, 3, 4))],
)
def test_people_are_chosen_or_left_out(arguments, subjects, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["people.py", *arguments])
    assert people._options().subjects == subjects


@pytest.mark.parametrize("arguments", [["--subjects", "1"], ["--subjects", "a"], ["--sections", "dances"]])
def test_a_choice_that_is_none_is_refused(arguments, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["people.py", *arguments])
    with pytest.raises(SystemExit):
        people._options()
    assert "error: " in capsys.readouterr().err


@needs_data
def test_people_left_out_are_left_out() -> None:
    some, rest = cases.Choice((1, 2)), cases.Choice((3, 4))
    for build in (cases.sequences, cases.singles, cases.exercises, cases.tennis, cases.films):
        names = [{(case.group, case.name) for case in build(choice)} for choice in (some, rest)]
        assert names[0].isdisjoint(names[1]), build.__name__
    assert all(cases.exercises(choice) and cases.tennis(choice) for choice in (some, rest))
