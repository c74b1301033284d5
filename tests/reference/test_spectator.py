"""An expert's video in which somebody stood by before the expert came."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from _rooms import Clip
from posesync.pose.settings import PoseSettings
from posesync.reference import prepare_reference


def test_the_expert_is_followed_from_their_first_sight_and_nobody_is_before(
    watched: tuple[Path, Clip], tmp_path: Path
) -> None:
    video, clip = watched
    settings = PoseSettings(detector="yolov5")
    with prepare_reference(video, settings=settings, cache_dir=tmp_path / "one") as prepared:
        keypoints, times = prepared.reference.keypoints, prepared.reference.times
    before = round(clip.empty / clip.interval)
    sure = keypoints[..., 2] > 0.2
    assert not sure[:before].any(), "the bystander is not the expert"
    right = []
    for i, box in enumerate(clip.boxes, start=before):
        assert box is not None
        x, y = np.median(keypoints[i, sure[i], :2], axis=0) if sure[i].any() else (-1.0, -1.0)
        right.append(box.left <= x <= box.right and box.top <= y <= box.bottom)
    assert all(right[round(0.3 / clip.interval) :])
    with prepare_reference(video, settings=settings, cache_dir=tmp_path / "two") as again:
        np.testing.assert_array_equal(again.reference.keypoints, keypoints)
        np.testing.assert_array_equal(again.reference.times, times)
