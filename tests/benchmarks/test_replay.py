"""The replay for visual inspection: it shows the product's own output for the given people, reproducibly."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import _drawn as drawn  # noqa: E402
import _recordings as recordings  # noqa: E402
import _sheets as sheets  # noqa: E402
import _stand_in as stand_in  # noqa: E402
import commands  # noqa: E402
from _recordings import Recording  # noqa: E402

needs_data = pytest.mark.skipif(not recordings.DATA.is_dir(), reason="../shared/data/people is not here")
SIZE = (640, 360)
BODY = np.array(
    [[320, 60], [326, 55], [314, 55], [332, 60], [308, 60], [350, 110], [290, 110], [360, 160], [280, 160],
     [365, 205], [275, 205], [338, 210], [302, 210], [340, 270], [300, 270], [342, 330], [298, 330]]
)  # fmt: skip


def waver(name: str, *, pace: float = 1.0, wide: float = 1.0) -> Recording:
    """Somebody who raises one arm, then the other, within 4 s at ``pace`` 1; ``wide`` is their build."""
    times = np.arange(0, 4.0 / pace, 1 / 30)
    place = times * pace
    points = np.zeros((len(times), 17, 3))
    points[..., :2] = (BODY - [320, 210]) * [wide, 1.0] + [320, 210]
    points[..., 2] = 0.9
    for shoulder, elbow, wrist, side, begin in ((5, 7, 9, 1, 0.3), (6, 8, 10, -1, 2.2)):
        turn = np.pi * np.sin(np.pi * np.clip((place - begin) / 1.6, 0, 1)) * 0.9
        along = np.stack([side * np.sin(turn) * wide, np.cos(turn)], -1)
        points[:, elbow, :2] = points[:, shoulder, :2] + 50 * along
        points[:, wrist, :2] = points[:, shoulder, :2] + 98 * along
    marks = (("begin", 0.0), ("top", 1.1 / pace), ("other top", 3.0 / pace))
    return Recording(name, points, times, SIZE, marks)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> stand_in.Replayed:
    """A broad performer, slower, behind a slim expert."""
    folder = tmp_path_factory.mktemp("replay")
    return stand_in.replay(waver("slim"), waver("broad", pace=0.8, wide=1.3), folder)


def test_every_frame_of_the_performer_is_in_the_log_and_on_film(replayed: stand_in.Replayed) -> None:
    performer, rows = waver("broad", pace=0.8, wide=1.3), sheets.read_log(replayed.log)
    assert [row.time for row in rows] == pytest.approx(performer.times, abs=1e-5)
    assert len(sheets._times(replayed.video)) == len(rows)
    assert np.mean([row.place is not None for row in rows]) > 0.5, "nobody was followed"
    assert "<html" in replayed.report.read_text(encoding="utf-8")
    assert replayed.result.ended == "end of source"


def test_the_same_people_give_the_same_log(replayed: stand_in.Replayed, tmp_path: Path) -> None:
    again = stand_in.replay(waver("slim"), waver("broad", pace=0.8, wide=1.3), tmp_path)
    assert sheets.read_log(again.log) == sheets.read_log(replayed.log)


def test_the_keypoints_reach_the_coach_as_they_were_recorded() -> None:
    performer = waver("anybody")
    with stand_in.standing_in(performer), stand_in.DrawnSource(performer) as source:
        estimator = stand_in.PoseEstimator()
        for frame, wanted in zip(source, performer.keypoints, strict=True):
            np.testing.assert_allclose(estimator.update(frame).keypoints.to_array(), wanted, rtol=1e-6)
    assert not hasattr(stand_in.PoseEstimator, "recorded")
    assert isinstance(stand_in.PoseEstimator.provider, property), "the estimator is itself again"


def test_a_smaller_picture_has_smaller_keypoints() -> None:
    performer = waver("anybody")
    with stand_in.standing_in(performer, lambda _: 7):
        frame = stand_in.Frame(np.zeros((180, 320, 3), np.uint8), 0.0, 0)
        found = stand_in.PoseEstimator().update(frame).keypoints.to_array()
    np.testing.assert_allclose(found[:, :2], performer.keypoints[7, :, :2] / 2, rtol=1e-6)


def test_the_figure_is_where_the_keypoints_are() -> None:
    pose = waver("anybody").keypoints[0]
    empty, image = drawn.draw(np.zeros((17, 3)), SIZE), drawn.draw(pose, SIZE)
    changed = np.abs(image.astype(int) - empty).sum(2) > 30
    for x, y in pose[:, :2].astype(int):
        assert changed[y - 3 : y + 4, x - 3 : x + 4].any()
    assert not changed[:, :150].any()
    assert changed.mean() < 0.2


def test_a_sheet_shows_what_was_asked_for(replayed: stand_in.Replayed) -> None:
    rows = sheets.read_log(replayed.log)
    sheet = sheets.contact_sheet(replayed.video, rows, count=5, columns=2, span=(1.0, 2.0))
    assert sheet.shape[1] == 2 * (520 + 4)
    assert sheet.shape[0] == 3 * (round(520 * 9 / 16) + 26 + 4)
    with pytest.raises(ValueError, match="it lasts"):
        sheets.contact_sheet(replayed.video, rows, span=(90.0, 91.0))


def test_truth_runs_between_common_marks_alone() -> None:
    known = recordings.truth(waver("expert"), waver("performer", pace=0.5))
    assert known is not None
    assert known(2.2) == pytest.approx(1.1)
    assert known(4.1) == pytest.approx(2.05)
    assert known(6.5) is None
    assert (
        recordings.truth(waver("expert"), Recording("nobody", np.zeros((2, 17, 3)), np.arange(2.0))) is None
    )


def test_a_file_of_keypoints_is_a_recording(tmp_path: Path) -> None:
    given = waver("somebody")
    np.savez(tmp_path / "a.npz", keypoints=given.keypoints, times=given.times + 5, size=given.size)
    found = recordings.record(str(tmp_path / "a.npz"))
    assert (found.size, found.times[0]) == (SIZE, 0.0)
    np.testing.assert_allclose(found.keypoints, given.keypoints)
    for wrong in ("nobody:1", str(tmp_path / "b.npz")):
        with pytest.raises(recordings.NoRecordingError):
            recordings.record(wrong)


@needs_data
@pytest.mark.parametrize(
    "name", ["utd:1", "utd:2:other", "utd:3:27,26", "pose_trainer:bicep_good_1", "tennis:1:serve", "ballet:2"]
)
def test_recorded_people_are_in_the_picture(name: str) -> None:
    found = recordings.record(name)
    assert found.keypoints.shape == (len(found.times), 17, 3)
    seen = found.keypoints[..., 2] > 0
    inside = (found.keypoints[..., :2] >= 0).all(-1) & (found.keypoints[..., :2] <= found.size).all(-1)
    assert seen.mean() > 0.5
    assert inside[seen].mean() > 0.97
    assert (np.diff(found.times) > 0).all()


@needs_data
def test_two_recorded_people_are_replayed(tmp_path: Path) -> None:
    expert, performer = (recordings.record(f"utd:{who}:27") for who in (1, 2))
    done = stand_in.replay(expert, performer, tmp_path, options={"display.view": "ghost"})
    assert len(sheets.read_log(done.log)) == len(performer.times)
    known = recordings.truth(expert, performer)
    assert known is not None
    assert known(dict(performer.marks)["27:peak"]) == pytest.approx(dict(expert.marks)["27:peak"])


@pytest.mark.browser
def test_the_page_is_photographed_at_three_widths(tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api", reason="needs playwright")
    pytest.importorskip("fastapi", reason="needs posesync[web]")
    import _replay_page as page

    files = page.photograph(waver("slim"), waver("broad", pace=0.8, wide=1.3), tmp_path, times=1)
    widths = [page.cv2.imread(str(file)).shape[1] for file in files if not file.name.startswith("page-")]
    assert widths == [390, 820, 1280] * 3
    answers = json.loads((tmp_path / "heard.json").read_text())["answers"]
    seen = [any(confidence > 0 for *_, confidence in answer["keypoints"]) for answer in answers]
    assert np.mean(seen) > 0.9, "the numbers in the frames were not read"
    assert any(answer["position"] is not None for answer in answers)


# -- through the command: how a log is judged ----------------------------------------------------------------


def log_of(
    places: dict[float, float | None], confidence: float, state: str = "following"
) -> list[sheets.Row]:
    return [sheets.Row(t, p, state, confidence, None, None) for t, p in places.items()]


def judged(rows: list[sheets.Row], kind: str = "beside") -> commands.Outcome:
    image = np.zeros((4, 4, 3), np.uint8)
    clip = commands.Clip("c", [image] * 61, [i / 30 for i in range(61)], [None] * 61, (image, image))
    pair = commands.Pair(kind, "a", "b", "", commands._same)
    return commands.judge(pair, "performer", rows, (clip, clip))


def test_a_log_that_is_right_meets_every_goal() -> None:
    times = [i / 30 for i in range(30, 91)]
    outcome = judged(log_of({t: t + 0.1 for t in times}, 0.8))
    assert (outcome.followed, outcome.coloured, outcome.early, outcome.missed) == (1.0, 1.0, None, ())


@pytest.mark.parametrize(
    ("off", "confidence", "state", "kind", "missed"),
    [
        (0.1, 0.2, "following", "beside", ("colours",)),
        (1.0, 0.8, "following", "beside", ("followed", "colours")),
        (0.1, 0.8, "finished", "beside", ("followed", "colours", "early end")),
        (1.0, 0.8, "following", "opposite", ("confidently wrong",)),
        (1.0, 0.4, "following", "opposite", ()),
    ],
)
def test_what_is_wrong_is_named(
    off: float, confidence: float, state: str, kind: str, missed: tuple[str, ...]
) -> None:
    times = [i / 30 for i in range(30, 80)]
    assert judged(log_of({t: t + off for t in times}, confidence, state), kind).missed == missed
