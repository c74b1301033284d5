from __future__ import annotations

import doctest
import itertools
import sys

import numpy as np
import pytest
from clips import PerformanceCurve
from dtaidistance import dtw
from hypothesis import given, settings
from hypothesis import strategies as st
from motion import perform
from posesync.pose.errors import InvalidDataError
from posesync.reference import Reference, align, warping

# The package exports the function of that name, which hides the module.
align_module = sys.modules["posesync.reference.align"]


def drawn(moments: np.ndarray, times: np.ndarray, **changes: float) -> Reference:
    keypoints = perform(moments)
    keypoints[..., :2] = keypoints[..., :2] * changes.get("scale", 1) + changes.get("shift", 0)
    if jitter := changes.get("jitter"):
        keypoints[..., :2] += np.random.default_rng(0).normal(0, jitter, keypoints[..., :2].shape)
    return Reference.from_keypoints(keypoints, times)


def performed(
    expert: Reference, curve: PerformanceCurve, fps: float, **changes: float
) -> tuple[Reference, np.ndarray]:
    """``expert`` as somebody performs it along ``curve``, and the expert's time at each of its samples."""
    times = np.arange(int(curve.duration * fps)) / fps
    truth = np.array([curve(moment) for moment in times])
    columns = expert.keypoints.reshape(len(expert), -1)
    keypoints = np.column_stack([np.interp(truth, expert.times, column) for column in columns.T])
    keypoints = keypoints.reshape(-1, 17, 3)
    keypoints[..., :2] = keypoints[..., :2] * changes.get("scale", 1) + changes.get("shift", 0)
    keypoints[..., :2] += np.random.default_rng(0).normal(
        0, changes.get("jitter", 0), keypoints[..., :2].shape
    )
    return Reference.from_keypoints(keypoints, times), truth


def errors(expert: Reference, other: Reference, truth: np.ndarray, **options) -> np.ndarray:
    return np.abs(align(expert, other, **options).time_in_a(other.times) - truth)


def test_the_c_library_is_what_runs(monkeypatch):
    """It is fast only there: the Python code of the same package takes some hundred times as long."""
    compiled = dtw.dtw_cc.warping_paths_ndim
    calls = []

    class Spy:
        def __getattr__(self, name: str):
            return getattr(original, name)

        def warping_paths_ndim(self, *args, **options):
            calls.append(args[0].shape)
            return compiled(*args, **options)

    original = dtw.dtw_cc
    monkeypatch.setattr(dtw, "dtw_cc", Spy())
    times = np.arange(40) / 30
    align(drawn(times, times), drawn(times[:30], times[:30]))
    assert calls == [(41, 31)]


@settings(max_examples=15)
@given(
    speeds=st.lists(st.sampled_from([0.6, 0.8, 1.0, 1.3, 1.6]), min_size=4, max_size=7),
    fps=st.sampled_from([12, 24, 30, 60]),
    scale=st.floats(0.2, 4),
)
def test_a_known_curve_is_found_whatever_rate_and_size(speeds, fps, scale):
    curve = PerformanceCurve.from_speeds([(speed, 1.0) for speed in speeds])
    grid = np.arange(0, curve.positions[-1], 1 / 30)
    expert = drawn(grid, grid)
    times = np.arange(int(curve.duration * fps)) / fps
    truth = np.array([curve(moment) for moment in times])
    found = errors(expert, drawn(truth, times, scale=scale, shift=55), truth)
    assert np.median(found) <= 0.033
    assert np.percentile(found, 95) <= 0.1


def test_the_walk_retimed_with_a_hold(sequences):
    walk = sequences("walk")
    curve = PerformanceCurve.varied(walk.duration, hold=1.5)
    other, truth = performed(walk, curve, 25, scale=0.6, jitter=1.0)
    found = errors(walk, other, truth)[other.seen]
    assert np.median(found) <= 0.033
    assert np.percentile(found, 95) <= 0.1


@pytest.mark.parametrize("pair", [("cam01", "cam03"), ("cam03", "cam01")])
@pytest.mark.parametrize("open_ends", [0.0, 0.4])
def test_two_cameras_of_one_performance_are_the_identity(pair, open_ends: float, sequences):
    a, b = map(sequences, pair)
    found = np.abs(align(a, b, open_ends=open_ends).time_in_b(a.times) - a.times)
    assert np.percentile(found, 95) <= 0.06


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize(("begin", "end"), [(1.2, 0.0), (0.0, 1.2), (1.0, 1.0)])
def test_open_ends_leave_unmatched_what_is_not_in_both(begin: float, end: float, swap: bool):
    times = np.arange(180) / 30
    expert = drawn(times, times)
    # Before and after the piece the performer does something that is not in it.
    moments = np.concatenate([30 + times[: int(begin * 30)], times, 40 + times[: int(end * 30)]])
    other = drawn(moments, np.arange(len(moments)) / 30)
    a, b = (other, expert) if swap else (expert, other)
    found = align(a, b, open_ends=1.4)
    expert_times, other_times = (found.times_b, found.times_a) if swap else (found.times_a, found.times_b)
    assert np.abs(expert_times - (other_times - int(begin * 30) / 30)).max() < 0.1
    closed = align(a, b)
    assert closed.cost > 3 * found.cost


def test_open_ends_change_nothing_where_both_are_whole():
    times = np.arange(120) / 30
    expert, other = drawn(times, times), drawn(times, times, jitter=4)
    found = align(expert, other, open_ends=0.9)
    assert np.abs(found.times_a - found.times_b).max() <= 0.1
    assert found.times_a[0] <= 0.1
    assert found.times_a[-1] >= times[-1] - 0.1


def test_the_window_is_in_seconds_and_holds():
    times = np.arange(150) / 30
    expert = drawn(times, times)
    # Holds for a second, then hurries: 1 s off the diagonal.
    curve = PerformanceCurve((0, 2, 3, 5 - 1 / 30), (0, 2, 2, 5 - 1 / 30))
    other = drawn(np.array([curve(moment) for moment in times]), times)
    free, tight = align(expert, other), align(expert, other, window=0.3)
    assert np.abs(free.times_a - free.times_b).max() > 0.8
    assert np.abs(tight.times_a - tight.times_b).max() <= 0.3 + 1 / 30


def test_a_sample_without_a_person_bends_nothing():
    times = np.arange(150) / 30
    keypoints = perform(times)
    keypoints[60:72] = 0
    other = Reference.from_keypoints(keypoints, times)
    found = errors(drawn(times, times), other, times)
    assert found.max() <= 0.14


def test_a_limb_seen_in_one_only_does_not_count():
    times = np.arange(120) / 30
    keypoints = perform(times)
    keypoints[:, 11:, 2] = 0  # half a body, as at a desk
    other = Reference.from_keypoints(keypoints, times)
    found = align(drawn(times, times), other)
    assert found.cost < 1e-3
    assert np.abs(found.times_a - found.times_b).max() <= 1 / 30


@settings(max_examples=25)
@given(
    n=st.integers(1, 40), m=st.integers(1, 40), seed=st.integers(0, 99), window=st.none() | st.floats(0.01, 2)
)
def test_a_path_never_runs_backwards_and_reaches_both_ends(n, m, seed, window):
    rng = np.random.default_rng(seed)
    a, b = (
        Reference.from_keypoints(perform(rng.uniform(0, 9, size)), np.cumsum(rng.uniform(0.01, 0.2, size)))
        for size in (n, m)
    )
    i, j = align(a, b, window=window).path.T
    assert (i[0], j[0], i[-1], j[-1]) == (0, 0, n - 1, m - 1)
    assert (np.diff(i) >= 0).all()
    assert (np.diff(j) >= 0).all()


def test_the_path_costs_what_the_best_path_costs(monkeypatch):
    """Against the textbook recursion, cell by cell."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(23, 4)), rng.normal(size=(31, 4))
    local = np.linalg.norm(a[:, None] - b[None], axis=2)
    best = np.full((24, 32), np.inf)
    best[0, 0] = 0
    for i, j in itertools.product(range(23), range(31)):
        best[i + 1, j + 1] = local[i, j] + min(best[i, j], best[i, j + 1], best[i + 1, j])
    for compiled in (True, False):
        if not compiled:
            monkeypatch.setattr(dtw, "dtw_cc", None)
        pair = warping.Vectors(a, b)
        assert pair.accumulate(None)[1:, 1:] == pytest.approx(best[1:, 1:])
        path = warping.warp(pair)
        assert pair.distances(path).sum() == pytest.approx(best[-1, -1])


@pytest.mark.parametrize("penalty", [0.0, 0.4])
@pytest.mark.parametrize("window", [None, 2, 5, 40])
@pytest.mark.parametrize("shape", [(20, 20), (12, 31), (31, 12), (1, 7), (7, 1)])
def test_both_ways_to_fill_the_matrix_are_the_same(window, shape, penalty, monkeypatch):
    rng = np.random.default_rng(1)
    pair = warping.Vectors(rng.normal(size=(shape[0], 3)), rng.normal(size=(shape[1], 3)), penalty)
    compiled = pair.accumulate(window)
    monkeypatch.setattr(dtw, "dtw_cc", None)
    assert pair.accumulate(window)[1:, 1:] == pytest.approx(compiled[1:, 1:])


def test_angle_mae_is_what_its_path_minimises():
    """The path's cost is the textbook recursion's, with the weights of each pair of samples."""
    rng = np.random.default_rng(4)
    angles = [rng.uniform(0, 180, (length, 8)) for length in (17, 25)]
    weights = [rng.uniform(0, 1, (length, 8)) for length in (17, 25)]
    weights[0][5] = 0  # nothing seen
    pair = warping.Angles((angles[0], weights[0]), (angles[1], weights[1]), 60.0)
    best = np.full((18, 26), np.inf)
    best[0, 0] = 0
    for i, j in itertools.product(range(17), range(25)):
        weight = np.minimum(weights[0][i], weights[1][j])
        difference = np.abs(angles[0][i] - angles[1][j])
        local = (weight * difference).sum() / weight.sum() if weight.any() else 60.0
        best[i + 1, j + 1] = local + min(best[i, j], best[i, j + 1], best[i + 1, j])
    assert pair.distances(warping.warp(pair)).sum() == pytest.approx(best[-1, -1])


@pytest.mark.parametrize("metric", ["features", "angle-mae"])
def test_a_retimed_clip_is_found_by_either_metric(metric, sequences):
    walk = sequences("walk")
    other, truth = performed(walk, PerformanceCurve.varied(walk.duration, hold=0.5), 25, jitter=0.5)
    found = errors(walk, other, truth, metric=metric)[other.seen]
    assert np.median(found) <= 0.033
    assert np.percentile(found, 95) <= 0.1


@pytest.mark.parametrize("window", [None, 2.0])
def test_long_sequences_are_warped_piece_by_piece_as_if_whole(window, monkeypatch):
    times = np.arange(1200) / 30
    curve = PerformanceCurve.varied(times[-1], hold=3.0)
    expert = drawn(times, times)
    played = np.arange(int(curve.duration * 30)) / 30
    other = drawn(np.array([curve(moment) for moment in played]), played, jitter=2)
    whole = align(expert, other, window=window)
    monkeypatch.setattr(warping, "MAX_CELLS", 100_000)
    largest = 0
    accumulate = warping.Vectors.accumulate

    def spy(pair, window):
        nonlocal largest
        largest = max(largest, pair.shape[0] * pair.shape[1])
        return accumulate(pair, window)

    monkeypatch.setattr(warping.Vectors, "accumulate", spy)
    pieces = align(expert, other, window=window)
    assert largest <= 150_000
    assert np.abs(pieces.time_in_b(times) - whole.time_in_b(times)).max() <= 0.1
    assert pieces.cost == pytest.approx(whole.cost, rel=0.02)
    assert (np.diff(pieces.path, axis=0) >= 0).all()


def test_two_whole_recordings_need_no_limits():
    """Somebody begins to film early and stops late; the expert's video begins black."""
    times = np.arange(240) / 30
    expert_keypoints = perform(times)
    expert_keypoints[:30] = 0
    expert = Reference.from_keypoints(expert_keypoints, times)
    moments = np.concatenate([30 + np.arange(150) / 30, times, 40 + np.arange(120) / 30])
    other = drawn(moments, np.arange(len(moments)) / 30, jitter=2)
    found = align(expert, other, open_ends=None)
    assert np.abs(found.times_b - found.times_a - 5.0).max() <= 0.15
    assert found.times_a[0] == pytest.approx(1.0)


def test_open_ends_leave_out_none_of_several_repeats():
    """Ten times the same three seconds: what is left out is what does not fit, not what comes again."""
    times = np.arange(900) / 30
    expert = drawn(times % 3, times, jitter=2)
    curve = PerformanceCurve.varied(times[-1], hold=1.0)
    played = np.arange(int(curve.duration * 30)) / 30
    truth = np.array([curve(moment) for moment in played])
    other = drawn(truth % 3, played, jitter=3)
    found = np.abs(align(expert, other, open_ends=None).time_in_a(played) - truth)
    assert np.percentile(found, 95) <= 0.1


def test_confidence_tells_the_seen_from_the_unseen_and_alike_from_not():
    times = np.arange(150) / 30
    keypoints = perform(times)
    keypoints[60:90] = 0
    keypoints[100:130] = perform(50 + times[:30])
    found = align(drawn(times, times), Reference.from_keypoints(keypoints, times), window=0.2)
    at = found.path[:, 1]
    assert found.confidence[(at > 5) & (at < 55)].min() > 0.7
    assert found.confidence[(at > 62) & (at < 88)].max() == 0
    assert found.confidence[(at > 100) & (at < 130)].mean() < 0.5
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()


def test_the_example_in_the_documentation_runs():
    assert doctest.testmod(align_module).failed == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"window": 0.0}, "window is 0.0 s"),
        ({"window": float("nan")}, "window is nan s"),
        ({"step": -1.0}, "step is -1.0 s"),
        ({"metric": "cosine"}, "metric is 'cosine'"),
        ({"open_ends": -0.1}, "open ends are -0.1 s"),
        ({"open_ends": (1.0, 1.1)}, "half of the shorter"),
    ],
)
def test_limits_out_of_range(options, said: str):
    times = np.arange(120) / 30
    with pytest.raises(InvalidDataError, match=said):
        align(drawn(times, times), drawn(times, times), **options)


def test_nothing_in_common():
    times = np.arange(30) / 30
    upper, lower = perform(times), perform(times)
    upper[:, 11:, 2] = 0
    lower[:, :11, 2] = 0
    a, b = Reference.from_keypoints(upper, times), Reference.from_keypoints(lower, times)
    with pytest.raises(InvalidDataError, match="no joint or limb"):
        align(a, b)
