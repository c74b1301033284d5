"""The benchmark's ground truth: scenarios and scores are checked against their keypoints."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from posesync.pose.features import extract_features
from posesync.realtime.tracking.position import Position, State
from posesync.reference import Reference

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import _metrics as metrics  # noqa: E402
import _motions as motions  # noqa: E402
import _paths as paths  # noqa: E402
import _peers as peers  # noqa: E402
import _scenarios as scenarios  # noqa: E402
from _disturb import Disturbance, observe  # noqa: E402

PERFORMANCES = motions.performances()
needs_data = pytest.mark.skipif(not PERFORMANCES, reason="../shared/data is not here")
THREE_D = [name for name in scenarios.SCENARIOS if name not in ("cameras", scenarios.ANOTHER)]


def walker() -> motions.Motion3D:
    """A made-up movement that never repeats, so that everything but the data can be tested without it."""
    clock = np.arange(0, 30, 1 / 30)[:, None, None]
    rng = np.random.default_rng(3)
    pose = np.array(
        [[0, 1.6, 0], [0.2, 1.4, 0], [-0.2, 1.4, 0], [0.3, 1.1, 0], [-0.3, 1.1, 0], [0.35, 0.8, 0.1],
         [-0.35, 0.8, 0.1], [0.1, 0.9, 0], [-0.1, 0.9, 0], [0.12, 0.5, 0], [-0.12, 0.5, 0], [0.12, 0.1, 0],
         [-0.12, 0.1, 0]]
    )  # fmt: skip
    size = np.where(np.isin(np.arange(13), [7, 8]), 0.0, 0.25)[:, None]
    pitch, phase = rng.uniform(0.3, 0.8, (2, 13, 3)), rng.uniform(0, 6, (2, 13, 3))
    swing = np.sin(pitch[0] * clock * 2 + phase[0]) + 0.3 * np.sin(pitch[1] * clock * 3 + phase[1])
    return motions.Motion3D("walker", pose + size * swing, 30.0, 0.0, 29.0, 0.0, 4.0)


def outcome(case: scenarios.Case, answer: np.ndarray, states: list[State] | None = None) -> metrics.Outcome:
    """An outcome whose tracker said ``answer`` (NaN = lost), with confidence 1."""
    chosen = states or [State.LOST if np.isnan(a) else State.FOLLOWING for a in answer]
    answers = [
        Position(None if np.isnan(a) else float(a), 1.0, 1.0, s) for a, s in zip(answer, chosen, strict=True)
    ]
    return metrics.Outcome.from_positions(case, "test", answers, np.ones(len(answer)))


def case_of(path: paths.Path, rate: float = 30.0) -> scenarios.Case:
    times = np.arange(0.005, path.clock, 1 / rate)
    empty = np.zeros((0, 17, 3))
    truth = path.at(times).truth
    return scenarios.Case("x", "x", 0, empty[:, 0, 0], empty, times, empty, truth, tuple(path.events))


@needs_data
@pytest.mark.parametrize(
    ("scenario", "motion"),
    [*((name, "dance") for name in THREE_D), *((name, "capoeira") for name in ("plain", "skip", "repeats"))],
)
def test_live_keypoints_show_the_pose_that_the_truth_names(scenario: str, motion: str) -> None:
    case = scenarios.make_case(scenario, motion, 0, 20.0)
    assert np.isfinite(case.keypoints).all()
    assert (np.diff(case.times) > 0).all()
    known = np.isfinite(case.truth) & (case.keypoints[..., 2].max(axis=1) > 0)
    assert case.truth[known].min() >= -1e-9
    assert case.truth[known].max() <= case.reference_times[-1] + 1 / 30
    if case.mirrored:
        return
    # The pose at the true moment must be much nearer than poses elsewhere in the piece.
    live = extract_features(case.keypoints[known])
    there = np.clip(np.rint(case.truth[known] * 30).astype(int), 0, len(case.reference_times) - 1)
    reference = extract_features(case.reference_keypoints)

    def distance(index: np.ndarray) -> np.ndarray:
        weight = np.minimum(live.direction_weights, reference.direction_weights[index])[..., None]
        gap = np.abs(live.directions - reference.directions[index])
        return (weight * gap).sum((1, 2)) / np.maximum(weight.sum((1, 2)), 1e-6)

    elsewhere = np.roll(there, 211)
    assert np.median(distance(there)) < 0.6 * np.median(distance(elsewhere))


@needs_data
@pytest.mark.parametrize("scenario", ["tempo", "hold", "skip", "back", "24 fps"])
def test_without_noise_the_nearest_pose_is_where_the_truth_says(scenario: str) -> None:
    source = PERFORMANCES["dance"].cut(20.0, 45.0)
    rng = np.random.default_rng(4)
    plan = scenarios.SCENARIOS[scenario](scenarios.Setting(source, source.start, source.end, rng, 0))
    times = scenarios.frame_times(plan, rng)
    track, clean = plan.path.at(times), Disturbance(jitter=0.0)
    clock = np.arange(0, 25, 1 / 30)
    expert = observe(source.render(source.start + clock, motions.Look()), clock, clean, rng)
    view = source.render(track.moment, motions.Look(), blend=track.blend, rest=track.rest)
    nearest = peers.NearestPose(Reference.from_keypoints(expert, clock))
    live = observe(view, times, clean, rng)
    found = np.array([nearest.update(k, float(t)).time for k, t in zip(live, times, strict=True)], float)
    error = np.abs(found - (track.truth - source.start))
    assert np.nanmedian(error) <= 1 / 60 + 1e-6
    assert np.nanquantile(error, 0.95) <= 0.05


@needs_data
def test_cases_repeat_exactly_and_differ_by_seed() -> None:
    a = scenarios.make_case("mixed", "dance", 1, 20.0)
    scenarios.make_case.cache_clear()
    b, other = scenarios.make_case("mixed", "dance", 1, 20.0), scenarios.make_case("mixed", "dance", 3, 20.0)
    np.testing.assert_array_equal(a.keypoints, b.keypoints)
    np.testing.assert_array_equal(a.truth, b.truth)
    assert len(other.times) != len(a.times) or (other.truth != a.truth).any()


@needs_data
def test_live_and_reference_share_no_frame_and_no_noise() -> None:
    case = scenarios.make_case("plain", "dance", 2, 20.0)
    phase = np.abs(case.truth[:, None] - case.reference_times[None]).min(axis=1)
    assert np.median(phase) > 0.001
    near = np.searchsorted(case.reference_times, case.truth).clip(0, len(case.reference_times) - 1)
    gap = np.linalg.norm(case.keypoints[:, 5:, :2] - case.reference_keypoints[near, 5:, :2], axis=-1)
    assert np.median(gap) > 1.0


@needs_data
def test_another_piece_has_no_truth() -> None:
    case = scenarios.make_case(scenarios.ANOTHER, "dance>capoeira", 0, 20.0)
    assert np.isnan(case.truth).all()
    assert metrics.summarize([outcome(case, case.truth)])["unfounded"] == 0
    assert metrics.summarize([outcome(case, case.times)])["unfounded"] == 1


@needs_data
def test_repeats_show_the_section_three_times() -> None:
    rng = np.random.default_rng(1)
    source = PERFORMANCES["dance"]
    longer = scenarios.repeating(source, 20.0, 42.0, rng)
    assert 22.0 + 2 * 4.0 < longer.end < 22.0 + 2 * 6.0 + 2.0


def test_a_path_is_exact() -> None:
    path = (
        paths.Path(2.0).play(5.0, 0.5).hold(2.0).play(8.0).jump(3.0, 0.4).play(4.0).away(2.0, 6.0).play(7.0)
    )
    kinds = {event.kind: event for event in path.events}
    assert kinds["hold"].end - kinds["hold"].start == pytest.approx(2.0)
    assert kinds["jump"].end - kinds["jump"].start == pytest.approx(0.4)
    track = path.at(np.array([1.0, 6.0 + 0.15 + 1.0, kinds["jump"].end - 0.2, kinds["away"].start + 1.0]))
    assert track.truth[0] == pytest.approx(2.5)
    assert track.truth[1] == pytest.approx(5.0 + 0.5 * 0.15 / 2)
    assert np.isnan(track.truth[2:]).all()
    assert list(track.visible) == [True, True, True, False]
    after = path.at(np.array([kinds["jump"].end + 0.5, kinds["away"].end + 0.5]))
    np.testing.assert_allclose(after.truth, [3.5, 6.5])


def test_a_tempo_curve_is_integrated_exactly() -> None:
    path = paths.Path(0.0).play(20.0, lambda t: 1.0 + 0.5 * np.sin(t))
    times = np.linspace(0.5, path.clock - 0.1, 50)
    exact = times + 0.5 * (1 - np.cos(times))
    np.testing.assert_allclose(path.at(times).truth, exact, atol=1e-4)
    assert path.moment == pytest.approx(20.0)


def test_another_body_keeps_every_bone_direction_and_has_the_lengths_asked_for() -> None:
    source = walker()
    xyz = source.joints(np.linspace(1, 20, 40))
    look = motions.Look(height=1.1, proportions=(1.0, 0.9, 1.2, 0.8, 1.3, 1.1, 0.7))
    other = motions.rebuild(xyz, look, np.arange(40) / 30)
    for (a, b), factor in {(1, 3): 0.8, (3, 5): 1.3, (8, 10): 1.1, (10, 12): 0.7}.items():
        before, after = xyz[:, b] - xyz[:, a], other[:, b] - other[:, a]
        np.testing.assert_allclose(after, before * 1.1 * factor, atol=1e-9)


def test_mirroring_is_left_for_right_in_the_picture() -> None:
    source = walker()
    times = np.linspace(2, 10, 9)
    plain = source.render(times, motions.Look()).xy - motions.IMAGE_CENTER
    mirrored = source.render(times, motions.Look(mirrored=True)).xy - motions.IMAGE_CENTER
    expected = plain[:, motions.SWAP_LEFT_RIGHT] * [-1.0, 1.0]
    np.testing.assert_allclose(mirrored[:, 5:], expected[:, 5:], atol=1e-6)


def test_jitter_is_as_large_as_said_and_ankles_swap_as_often() -> None:
    source, rng = walker(), np.random.default_rng(0)
    times = np.arange(0, 25, 1 / 30)
    view = source.render(times, motions.Look())
    noisy = observe(view, times, Disturbance(jitter=0.02), rng)
    relative = (noisy[:, 11, :2] - view.xy[:, 11]) / view.torso[:, None]
    assert 0.011 < relative.std() < 0.024
    swapped = observe(view, times, Disturbance(jitter=0.0, ankle_swaps=0.2), rng)
    share = (np.abs(swapped[:, 15, :2] - view.xy[:, 16]).max(axis=1) < 1e-6).mean()
    assert 0.08 < share < 0.35


def test_scores_of_a_perfect_and_of_a_late_answer() -> None:
    case = case_of(paths.Path(0.0).play(5.0).jump(12.0).play(20.0))
    perfect = metrics.summarize([outcome(case, case.truth)])
    assert perfect["worst_ms"] == 0
    assert perfect["coverage"] == 1
    assert perfect["recover_p95_s"] <= 1 / 30
    assert perfect["false_jumps"] == 0
    late = np.where((case.times > 5.0) & (case.times < 6.5), case.truth - 7.0, case.truth)
    score = metrics.summarize([outcome(case, late)])
    assert score["recover_median_s"] == pytest.approx(1.5, abs=0.05)
    assert score["false_jumps"] == 0
    never = metrics.summarize([outcome(case, np.full(len(case.times), np.nan))])
    assert never["coverage"] == 0
    assert never["median_ms"] is None
    assert never["lock_worst_s"] == np.inf


def test_a_jump_without_a_reason_and_a_step_back_are_counted() -> None:
    case = case_of(paths.Path(0.0).play(20.0))
    astray = np.where((case.times > 8) & (case.times < 9), case.truth + 4.0, case.truth)
    assert metrics.false_jumps(outcome(case, astray)) == 2
    shaky = case.truth.copy()
    shaky[100] -= 0.1
    assert metrics.backward_steps(outcome(case, shaky)) == 1
    dropped = replace(
        case, times=np.delete(case.times, slice(100, 130)), truth=np.delete(case.truth, slice(100, 130))
    )
    assert metrics.false_jumps(outcome(dropped, dropped.truth)) == 0


def test_hold_and_absence_are_timed() -> None:
    case = case_of(paths.Path(0.0).play(5.0).hold(3.0).play(10.0).away(2.0, 10.0).play(15.0))
    hold, away = (next(e for e in case.events if e.kind == kind) for kind in ("hold", "away"))
    states = [
        State.HOLDING if hold.start + 0.5 <= t <= hold.end + 0.2
        else State.LOST if away.start + 0.8 <= t < away.end
        else State.FOLLOWING
        for t in case.times
    ]  # fmt: skip
    answer = np.where(np.isnan(case.truth), 9.9, case.truth)
    tried = outcome(case, answer, states)
    (figures,) = metrics.hold_figures(tried)
    assert figures["until_holding"] == pytest.approx(0.5, abs=0.04)
    assert figures["until_off"] == pytest.approx(0.2, abs=0.04)
    assert figures["moved"] == pytest.approx(0.0, abs=1e-9)
    (gone,) = metrics.away_figures(tried)
    assert gone["until_lost"] == pytest.approx(0.8, abs=0.04)
    assert gone["until_back"] <= 0.05


@pytest.mark.parametrize("peer", [peers.OpenEndDTW, peers.Dixon, peers.Arzt, peers.RecomputedDTW])
def test_peers_follow_an_undisturbed_performance(peer: peers.Factory) -> None:
    source, rng = walker(), np.random.default_rng(0)
    clock = np.arange(0, 20, 1 / 30)
    expert = observe(source.render(clock, motions.Look()), clock, Disturbance(0.002), rng)
    times = 0.011 + np.arange(0, 12, 1 / 29.97)
    live = observe(source.render(times * 1.1, motions.Look(seed=1)), times, Disturbance(0.002), rng)
    method = peer(Reference.from_keypoints(expert, clock))
    found = [method.update(k, float(t)).time for k, t in zip(live, times, strict=True)]
    assert np.median(np.abs(np.array(found, float) - times * 1.1)) < 0.15


def test_the_oracle_pairs_every_live_frame() -> None:
    source, rng = walker(), np.random.default_rng(0)
    clock = np.arange(0, 20, 1 / 30)
    expert = observe(source.render(clock, motions.Look()), clock, Disturbance(0.002), rng)
    times = np.arange(0, 8, 1 / 24)
    truth = 3.0 + 1.3 * times
    live = observe(source.render(truth, motions.Look(seed=1)), times, Disturbance(0.002), rng)
    found = peers.OfflineDTW(Reference.from_keypoints(expert, clock)).follow(live, truth)
    assert np.median(np.abs(np.array([p.time for p in found], float) - truth)) < 0.05
