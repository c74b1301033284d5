"""The worst moments: the right ones, apart from each other, small, and cheap to look for."""

from __future__ import annotations

import base64
import json
import time as clock

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.types import FloatArray, Image
from posesync.realtime.session.moments import APART, MAX_JPEG_BYTES, MOMENTS, MomentCollector
from posesync.realtime.tracking.position import Position, State

RNG = np.random.default_rng(5)
IMAGE: Image = RNG.integers(0, 255, (720, 1280, 3), dtype=np.uint8)
JOINTS = dict.fromkeys(JOINT_NAMES, 20.0)


def body(x: float, y: float, height: float) -> FloatArray:
    """Somebody upright at (x, y) px."""
    shape = np.array(
        [(0, -0.9), (-0.03, -0.93), (0.03, -0.93), (-0.06, -0.9), (0.06, -0.9), (0.13, -0.72), (-0.13, -0.72),
         (0.2, -0.5), (-0.2, -0.5), (0.24, -0.3), (-0.24, -0.3), (0.09, -0.4), (-0.09, -0.4), (0.1, -0.2),
         (-0.1, -0.2), (0.1, 0), (-0.1, 0)]
    )  # fmt: skip
    return np.column_stack([shape * height + (x, y), np.full(17, 0.9)])


def feed(
    collector: MomentCollector,
    scores: list[float | None],
    *,
    fps: float = 25.0,
    speed: float = 1.0,
    **how: object,
) -> list[bool]:
    """Scores one after the other, from the beginning of the piece."""
    given = {
        "joints": JOINTS, "image": IMAGE, "keypoints": body(640, 650, 500),
        "expert_image": lambda: IMAGE[::2, ::2],
        "expert_keypoints": body(300, 320, 250), **how,
    }  # fmt: skip
    kept = []
    for k, score in enumerate(scores):
        position = Position(speed * k / fps, speed, 0.9, State.FOLLOWING)
        kept.append(collector.update(k / fps, position, score, **given))  # type: ignore[arg-type]
    return kept


def dips(*places: tuple[float, float], seconds: float = 40.0, fps: float = 25.0) -> list[float | None]:
    """95 throughout, but around each (s, score) for one second."""
    scores: list[float | None] = [95.0] * int(seconds * fps)
    for place, score in places:
        for k in range(int((place - 0.5) * fps), int((place + 0.5) * fps)):
            scores[k] = score
    return scores


def test_the_five_worst_are_kept_in_their_order() -> None:
    collector = MomentCollector()
    bad = [(3.0, 60.0), (8.0, 20.0), (13.0, 80.0), (18.0, 40.0), (23.0, 10.0), (28.0, 70.0), (33.0, 50.0)]
    feed(collector, dips(*bad))
    found = collector.to_list()
    assert len(found) == MOMENTS
    assert [round(m["position"] / 5) for m in found] == [5, 2, 4, 7, 1]
    assert [m["score"] for m in found] == sorted(m["score"] for m in found)
    json.dumps(found, allow_nan=False)


def test_pictures_are_small_jpegs_of_the_person() -> None:
    collector = MomentCollector()
    assert any(feed(collector, dips((3.0, 20.0)), cue="raise your left arm"))
    (found,) = collector.to_list()
    assert found["cue"] == "raise your left arm"
    assert found["joints"]["left_elbow"] == 20.0
    for who in ("performer", "expert"):
        data = base64.b64decode(found[who])
        assert len(data) <= MAX_JPEG_BYTES
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert max(picture.shape[:2]) == 300
        assert 0.8 <= picture.shape[0] / picture.shape[1] <= 1.9


def test_one_bad_frame_is_no_moment() -> None:
    scores: list[float | None] = [95.0] * 100
    scores[50] = 0.0
    collector = MomentCollector()
    feed(collector, scores)
    assert collector.to_list() == []


@pytest.mark.parametrize(
    "position",
    [
        Position(None, 0.0, 0.0, State.LOST),
        Position(1.0, 1.0, 0.1, State.FOLLOWING),
        Position(1.0, 1.0, 0.9, State.FOLLOWING, jumped=True),
    ],
)
def test_what_the_tracker_is_not_sure_of_does_not_count(position: Position) -> None:
    collector = MomentCollector()
    for k in range(50):
        assert not collector.update(
            k / 25, position, 5.0, joints=JOINTS, image=IMAGE, keypoints=body(640, 650, 500),
            expert_image=lambda: None,
            expert_keypoints=body(1, 1, 1),
        )  # fmt: skip
    assert collector.to_list() == []


@pytest.mark.parametrize(("told", "kept"), [("wrapped", True), ("jumped", False)])
def test_a_return_to_the_start_is_no_doubt(told: str, kept: bool) -> None:
    """A short exercise, badly done: every repetition may be judged, and a place that jumps may not."""
    collector = MomentCollector()
    for k in range(60):
        place = k % 8 / 25
        position = Position(place, 1.0, 0.9, State.FOLLOWING, **{told: k > 0 and place == 0.0})
        collector.update(
            k / 25, position, 5.0, joints=JOINTS, image=IMAGE, keypoints=body(640, 650, 500),
            expert_image=lambda: None, expert_keypoints=body(1, 1, 1),
        )  # fmt: skip
    assert bool(collector.to_list()) == kept


def test_half_a_person_at_the_edge_and_nobody_at_all() -> None:
    collector = MomentCollector()
    feed(collector, dips((3.0, 20.0)), keypoints=body(-30, 800, 500), expert_image=lambda: None)
    (found,) = collector.to_list()
    assert found["performer"]
    assert found["expert"] is None
    unseen = body(640, 650, 500) * (1, 1, 0)
    collector = MomentCollector()
    assert not any(feed(collector, dips((3.0, 20.0)), keypoints=unseen))


def test_the_expert_of_another_size_is_cut_out_at_the_same_place() -> None:
    one, other = MomentCollector(), MomentCollector()
    small = np.ascontiguousarray(cv2.resize(cv2.GaussianBlur(IMAGE, (0, 0), 8), (640, 360)))
    feed(one, dips((3.0, 20.0)), expert_image=lambda: small, expert_keypoints=body(300, 320, 250))
    feed(
        other,
        dips((3.0, 20.0)),
        expert_image=lambda: small,
        expert_keypoints=body(600, 640, 500),
        expert_size=(1280, 720),
    )
    assert one.to_list()[0]["expert"] == other.to_list()[0]["expert"]


@settings(max_examples=10)
@given(st.lists(st.floats(0, 100) | st.none(), min_size=5, max_size=25), st.floats(0.2, 3.0))
def test_kept_moments_are_apart_in_the_piece(levels: list[float | None], speed: float) -> None:
    collector = MomentCollector()
    small = np.zeros((90, 160, 3), np.uint8)
    scores = [level for level in levels for _ in range(6)]
    feed(collector, scores, speed=speed, image=small, keypoints=body(80, 80, 70), expert_image=lambda: None)
    places = [m["position"] for m in collector.to_list()]
    assert len(places) <= MOMENTS
    assert all(abs(a - b) >= APART - 1e-3 for i, a in enumerate(places) for b in places[:i])


def test_a_frame_that_is_not_kept_costs_next_to_nothing() -> None:
    collector = MomentCollector()
    began = clock.thread_time()
    kept = feed(collector, [95.0] * 2000)
    assert not any(kept)
    assert (clock.thread_time() - began) / 2000 < 100e-6
