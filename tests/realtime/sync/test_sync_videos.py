"""Synchronised videos, from files to a file: picture, sound, and messages for bad input."""

from __future__ import annotations

import csv
import json
import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import PerformanceCurve, encode, frames_of, retime, rotate
from limits import small_files
from outputs import playable
from posesync.pose.errors import ConfigError, OutputError, PoseSyncError, ReferenceFileError
from posesync.pose.settings import PoseSettings
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.textual import tenths
from posesync.realtime.coaching.settings import FeedbackSettings
from posesync.realtime.commands.app import run
from posesync.realtime.sync import job as sync_job
from posesync.realtime.sync.job import run_sync
from posesync.realtime.sync.layout import MAX_HEIGHT, MAX_WIDTH, arrange
from posesync.realtime.sync.options import SyncOptions, check_outputs
from posesync.realtime.sync.picture import GhostPlacer, SyncPainter, lead_words
from posesync.realtime.sync.sound import extract_sound, lay_under
from posesync.realtime.sync.tracks import Judgement, Track, judge
from posesync.realtime.sync.video import write_video
from posesync.reference import Alignment, Origin, Reference
from posesync.reference.sync import Match

SIZE = (480, 270)
#: The attempt: a second of black, then the piece at two paces.
CURVE = PerformanceCurve.from_speeds([(0.8, 1.5), (1.3, 1.0)])


@pytest.fixture(scope="module")
def pair(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The walk with sound; and performed by somebody with a phone: black, turned, small, 20 fps, silent."""
    folder = tmp_path_factory.mktemp("sync")
    expert, plain, attempt = (folder / name for name in ("expert.mp4", "plain.mp4", "attempt.mp4"))
    whole = PerformanceCurve((0, 2.5), (0, 2.5))
    retime(clips["walk"], expert, whole, duration=2.5, fps=25, size=SIZE, audio=True)
    size = (432, 242)

    def filmed():
        made = folder / "retimed.mp4"
        retime(clips["walk"], made, CURVE, duration=CURVE.duration, fps=20, size=size)
        for k in range(20):
            yield k / 20, np.zeros((size[0], size[1], 3), np.uint8)
        for time, image in frames_of(made):
            yield 1.0 + time, np.ascontiguousarray(np.rot90(image))

    encode(plain, filmed(), fps=20)
    return expert, rotate(plain, attempt, 90)


@pytest.fixture(scope="module")
def done(pair: tuple[Path, Path], detector: str, _isolated: None, tmp_path_factory: pytest.TempPathFactory):
    """Both in sync, once: options and result."""
    folder = tmp_path_factory.mktemp("synced")
    options = SyncOptions(pair, output=folder / "out.mp4", path=folder / "path.csv", plot=folder / "plot.png")
    reports: list[tuple[str, int, int | None]] = []
    found = run_sync(options, PoseSettings(detector=detector), report=lambda *said: reports.append(said))
    return options, found, reports


def test_the_attempt_is_shown_at_the_moment_it_shows_the_same(done) -> None:
    _, result, _ = done
    match = result.matches[0]
    assert match.begins[1] > 0.9  # the black second is no part of the piece
    truth = 1.0 + np.interp(result.times, CURVE.positions, CURVE.times)
    errors = np.abs(match.attempt_times(result.times) - truth)[result.times <= CURVE.positions[-1]]
    assert np.median(errors) <= 0.033
    assert np.percentile(errors, 95) <= 0.1
    said = result.to_dict()["attempts"][0]
    assert said["score"] > 85
    assert said["lead_s"]["end"] == pytest.approx(CURVE.positions[-1] - CURVE.duration, abs=0.12)


def test_the_video_has_the_experts_times_and_sound(done, pair: tuple[Path, Path]) -> None:
    options, result, reports = done
    times = playable(options.output)
    assert times == pytest.approx(result.times - result.times[0], abs=2e-3)
    with av.open(str(options.output)) as video:
        width, height = video.streams.video[0].width, video.streams.video[0].height
        samples = np.concatenate([frame.to_ndarray()[0] for frame in video.decode(audio=0)])
    assert np.abs(samples).max() > 0.1
    assert len(samples) / 48_000 == pytest.approx(2.5, abs=0.15)
    panels = arrange([SIZE, (432, 242)])
    assert (width, height) == (panels.width, panels.height)
    stages = [what for what, _, _ in reports]
    assert {"preparing expert.mp4", "preparing attempt.mp4", "aligning", "writing out.mp4"} == set(stages)


def test_first_picture_and_sound_begin_together(done) -> None:
    with av.open(str(done[0].output)) as video:
        first = next(video.decode(video=0)).time
    with av.open(str(done[0].output)) as video:
        heard = next(video.decode(audio=0)).time
    assert heard == pytest.approx(first, abs=0.03)


def test_path_and_plot(done) -> None:
    options, result, _ = done
    with options.path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = result.matches[0].alignment
    assert len(rows) == len(found.path)
    assert float(rows[-1]["attempt_s"]) == pytest.approx(found.times_b[-1], abs=1e-3)
    assert [int(rows[7][name]) for name in ("expert_frame", "attempt_frame")] == found.path[7].tolist()
    picture = cv2.imread(str(options.plot))
    assert picture is not None
    assert min(picture.shape[:2]) > 160


def test_a_second_run_begins_with_the_warping(
    done, pair: tuple[Path, Path], detector: str, tmp_path: Path
) -> None:
    """Also the other options, on what is cached: ghost, the attempt's time base, closed, Angle-MAE."""
    options = SyncOptions(
        pair, output=tmp_path / "g.mp4", ghost=True, follow_attempt=True, closed=True, metric="angle-mae"
    )
    reports: list[str] = []
    result = run_sync(options, PoseSettings(detector=detector), report=lambda what, *_: reports.append(what))
    assert result.cached == 2
    assert not any("preparing" in what for what in reports)
    assert playable(options.output) == pytest.approx(result.matches[0].attempt.times, abs=2e-3)
    with av.open(str(options.output)) as video:
        assert not video.streams.audio
    assert not list(tmp_path.glob(".*"))


# -- every picture is the right one, without a model ---------------------------------------------------------


def numbered(
    path: Path, count: int, fps: int, size: tuple[int, int] = (96, 64), audio: float = 0.0
) -> Reference:
    """A video whose frame k is grey 3 k + 20, and a sequence of nobody to go with it."""
    images = ((k / fps, np.full((size[1], size[0], 3), 3 * k + 20, np.uint8)) for k in range(count))
    encode(path, images, fps=fps, audio=audio)
    origin = Origin(width=size[0], height=size[1], fps=float(fps))
    return Reference.from_keypoints(np.zeros((count, 17, 3)), np.arange(count) / fps, origin=origin)


def silent(count: int) -> Judgement:
    nothing = np.full(count, np.nan)
    return Judgement(nothing, nothing, np.full((count, 8), np.nan), ("",) * count)


def test_every_panel_shows_the_frame_it_shall(tmp_path: Path) -> None:
    """Three videos; the second holds, skips and leaves its recording, the third runs at another rate."""
    rng = np.random.default_rng(1)
    references = [numbered(tmp_path / f"{k}.mp4", 60, fps) for k, fps in enumerate((30, 25, 50))]
    index = [np.arange(60), np.sort(rng.integers(0, 60, 60)), np.sort(rng.integers(0, 60, 60))]
    inside = np.ones(60, bool)
    outside = np.arange(60) >= 5
    tracks = [Track(r, i, o) for r, i, o in zip(references, index, (inside, outside, inside), strict=True)]
    options = SyncOptions(tuple(tmp_path / f"{k}.mp4" for k in range(3)), output=tmp_path / "out.mp4")
    write_video(options, tracks, [silent(60), silent(60)], references[0].times, lambda *_: None)
    layout = arrange([(96, 64)] * 3)
    shown = [image for _, image in frames_of(tmp_path / "out.mp4")]
    assert len(shown) == 60
    for number, (x, y, w, h) in enumerate(layout.panels):
        # Below the title.
        grey = np.array([image[y + h * 3 // 4, x + w // 3 : x + w * 2 // 3].mean() for image in shown])
        source = np.array([image.mean() for _, image in frames_of(tmp_path / f"{number}.mp4")])
        wanted = source[index[number]] * np.where(tracks[number].inside, 1.0, 0.4)
        off = grey - wanted
        assert np.abs(off - np.median(off)).max() <= 1.4
        assert abs(np.median(off)) <= 6


def test_ctrl_c_while_writing_leaves_nothing(tmp_path: Path) -> None:
    reference = numbered(tmp_path / "a.mp4", 40, 20, audio=2.0)
    track = Track(reference, np.arange(40), np.ones(40, bool))
    options = SyncOptions((tmp_path / "a.mp4", tmp_path / "a.mp4"), output=tmp_path / "out.mp4")

    def interrupt(what: str, done: int, total: int | None) -> None:
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(options, [track, track], [silent(40)], reference.times, interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_full_disk_keeps_what_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = ((k / 20, rng.integers(0, 255, (240, 320, 3), np.uint8)) for k in range(60))
    encode(tmp_path / "a.mp4", noise, fps=20)
    origin = Origin(width=320, height=240, fps=20.0)
    reference = Reference.from_keypoints(np.zeros((60, 17, 3)), np.arange(60) / 20, origin=origin)
    track = Track(reference, np.arange(60), np.ones(60, bool))
    options = SyncOptions((tmp_path / "a.mp4", tmp_path / "a.mp4"), output=tmp_path / "out.mp4")
    with small_files(2_000_000), pytest.raises(OutputError, match="disk is full"):
        write_video(options, [track, track], [silent(60)], reference.times, lambda *_: None)


# -- left and right exchanged --------------------------------------------------------------------------------


def test_words_and_colours_of_a_mirrored_attempt_name_its_own_sides() -> None:
    """The expert bends the left elbow; the attempt the right one, as a mirror image, but hardly."""
    times = np.arange(60) / 20
    body = np.zeros((60, 17, 3))
    body[..., 2] = 0.9
    body[:, [5, 6, 7, 8, 9, 10], :2] = (120, 100), (80, 100), (120, 140), (80, 140), (120, 180), (80, 180)
    body[:, [11, 12, 13, 14, 15, 16], :2] = (
        (110, 200),
        (90, 200),
        (110, 260),
        (90, 260),
        (110, 320),
        (90, 320),
    )
    expert, attempt = body.copy(), body.copy()
    bent = np.sin(np.pi * times / 3)
    expert[:, 9, 0] += 40 * bent
    expert[:, 9, 1] -= 40 * bent
    attempt[:, 10, 0] -= 6 * bent
    attempt[:, 9, 0] = 120
    sides = [Reference.from_keypoints(side, times) for side in (expert, attempt)]
    path = np.arange(60)
    alignment = Alignment(times, times, np.zeros(60), np.column_stack([path, path]), np.ones(60))
    found = Match(*sides, alignment, mirrored=True)
    tracks = [Track(side, path, np.ones(60, bool)) for side in sides]
    judged = judge(found, *tracks, times, FeedbackSettings())
    middle = dict(zip(JOINT_NAMES, judged.joints[30].tolist(), strict=True))
    assert middle["right_elbow"] > 20
    assert abs(middle["left_elbow"]) < 1
    assert "right elbow" in judged.words[35]


# -- sound ---------------------------------------------------------------------------------------------------


def with_sound(path: Path, codec: str, *, late: float = 0.0) -> Path:
    """A second of grey with a tone; the first picture comes ``late`` s after the sound."""
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=20, options={"bf": "0"})
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sound: Any = container.add_stream(codec, rate=48_000)
        sound.layout = "mono"
        kind = sound.codec_context.format.name
        wave = np.sin(np.arange(48_000 * 2) / 20)
        size = sound.codec_context.frame_size or 960
        for k in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="bgr24")
            frame.pts, frame.time_base = round((late + k / 20) * 1000), Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        resampler = av.AudioResampler(format=kind, layout="mono", rate=48_000, frame_size=size)
        tone = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
        tone.sample_rate, tone.pts, tone.time_base = 48_000, 0, Fraction(1, 48_000)
        for part in [*resampler.resample(tone), *resampler.resample(None)]:
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    return path


@pytest.mark.parametrize(("codec", "name"), [("aac", "a.mp4"), ("libopus", "a.mkv"), ("pcm_s16le", "a.mov")])
@pytest.mark.parametrize("late", [0.0, 0.6])
def test_any_sound_begins_with_the_first_picture(codec: str, name: str, late: float, tmp_path: Path) -> None:
    video, sound = with_sound(tmp_path / name, codec, late=late), tmp_path / "sound.m4a"
    assert extract_sound(video, sound)
    with av.open(str(sound)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        frames = list(container.decode(audio=0))
    assert frames[0].time == pytest.approx(0.0, abs=0.05)
    assert frames[-1].time == pytest.approx(2.0 - late, abs=0.1)


def test_no_sound_is_no_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    numbered(tmp_path / "a.mp4", 10, 20)
    (tmp_path / "text.mp4").write_text("no video")
    with caplog.at_level(logging.WARNING):
        assert not extract_sound(tmp_path / "a.mp4", tmp_path / "s.m4a")
        assert caplog.text == ""
        assert not extract_sound(tmp_path / "text.mp4", tmp_path / "s.m4a")
        lay_under(tmp_path / "a.mp4", tmp_path / "text.mp4")
    assert "cannot be read" in caplog.text
    assert "is silent" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "text.mp4"]


# -- what stands where ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes",
    [
        [(1280, 720), (1280, 720)],
        [(1080, 1920), (1920, 1080)],
        [(1920, 1080)] * 4,
        [(720, 1280)] * 5,
        [(3840, 2160)],
        [(160, 120), (90, 160)],
        [(10, 4000), (4000, 10), (640, 480)],
        [(1280, 720)] * 16,
    ],
)
def test_panels_fit_and_do_not_overlap(sizes: list[tuple[int, int]]) -> None:
    layout = arrange(sizes)
    assert layout.width % 2 == layout.height % 2 == 0
    assert layout.width <= MAX_WIDTH + 16
    assert layout.height <= MAX_HEIGHT + 16
    taken = np.zeros((layout.height, layout.width), int)
    for x, y, w, h in (*layout.panels, *layout.captions, layout.bar):
        assert min(x, y) >= 0
        assert x + w <= layout.width
        assert y + h <= layout.height
        taken[y : y + h, x : x + w] += 1
    assert taken.max() == 1
    assert len({panel[3] for panel in layout.panels}) == 1


def test_the_ghost_stands_on_the_attempts_hips_in_their_size() -> None:
    expert = np.column_stack([np.random.default_rng(0).uniform(50, 300, (17, 2)), np.full(17, 0.9)])
    attempt = expert.copy()
    attempt[:, :2] = expert[:, :2] * 0.5 + (200, 40)
    placed = GhostPlacer().place(expert, attempt, 0.0)
    assert placed == pytest.approx(attempt, abs=1e-6)
    attempt[11:13, 2] = 0
    assert GhostPlacer().place(expert, attempt, 0.0) is None


def test_lead_in_words() -> None:
    assert lead_words(None)[0] == ""
    assert lead_words(0.05)[0] == "on time"
    assert lead_words(1.24)[0] == "1.2 s early"
    assert lead_words(-0.5)[0] == "0.5 s late"


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, "0:00.0"), (59.94, "0:59.9"), (599.967, "10:00.0")])
def test_the_clock_never_shows_sixty_seconds(seconds: float, shown: str) -> None:
    assert tenths(seconds) == shown


def test_a_title_that_is_too_long_is_cut() -> None:
    from posesync.realtime.sync.picture import Cell

    layout = arrange([(90, 160), (90, 160)])
    image = np.zeros((160, 90, 3), np.uint8)
    cells = [
        Cell(image, np.zeros((17, 3)), (90, 160), "x" * 400),
        Cell(image, np.zeros((17, 3)), (90, 160), "跳舞"),
    ]
    assert SyncPainter(layout).draw(cells, 0.0, 1.0).shape == (layout.height, layout.width, 3)


# -- bad input -----------------------------------------------------------------------------------------------


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    (tmp_path / "text.mp4").write_text("this is no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    numbered(tmp_path / "nobody.mp4", 50, 25)
    numbered(tmp_path / "brief.mp4", 5, 25)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("nobody.mp4", "1 video given, expected the expert's and 1 to 15 attempts"),
        ("none.mp4 nobody.mp4", "none.mp4 does not exist"),
        ("nobody.mp4 folder", "folder is not a file"),
        ("text.mp4 nobody.mp4", "text.mp4 is not a video"),
        ("empty.mp4 nobody.mp4", "the file is empty"),
        ("nobody.mp4 nobody.mp4 --detector keypoints", "nobody.mp4 shows no person"),
        ("brief.mp4 brief.mp4 --detector keypoints", "brief.mp4 is 0.20 s long"),
        (
            "nobody.mp4 brief.mp4 -o nobody.mp4",
            "is one of the videos given, which would be overwritten: choose",
        ),
        ("nobody.mp4 brief.mp4 -o out.avi", "use the suffix .mp4"),
        ("nobody.mp4 brief.mp4 -o none/out.mp4", "there is no folder"),
        ("nobody.mp4 brief.mp4 -o folder.mp4/../folder", "is a folder"),
        ("nobody.mp4 brief.mp4 --plot a.jpg", "use the suffix .png"),
        ("nobody.mp4 brief.mp4 --path a.csv --plot a.csv", "two results"),
        ("nobody.mp4 brief.mp4 brief.mp4 --ghost", "leave out --ghost"),
        ("nobody.mp4 brief.mp4 --metric cosine", "expected one of features, angle-mae"),
        ("nobody.mp4 brief.mp4 --follow me", "expected one of expert, attempt"),
        ("nobody.mp4 brief.mp4 --window 0", "expected more than 0 s"),
        ("nobody.mp4 brief.mp4 --window nan", "expected more than 0 s"),
    ],
)
def test_bad_input_gives_one_line(
    arguments: str, said: str, bad: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (bad / "folder.mp4").mkdir()
    before = sorted(path.name for path in bad.iterdir())
    monkeypatch.chdir(bad)
    assert run("posesync", ["sync", *arguments.split()]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert said in error
    assert sorted(path.name for path in bad.iterdir()) == before


def test_one_bad_video_stops_the_others(bad: Path, pair: tuple[Path, Path], detector: str) -> None:
    with pytest.raises(ReferenceFileError, match=r"nobody\.mp4 shows no person"):
        sync_job.prepare_all(
            [bad / "nobody.mp4", pair[0]], PoseSettings(detector="keypoints"), lambda *_: None, bad / "cache"
        )


def test_too_many_videos() -> None:
    with pytest.raises(ConfigError, match="17 videos given"):
        SyncOptions((Path("a.mp4"),) * 17)


def test_a_link_to_a_video_is_that_video(bad: Path) -> None:
    (bad / "link.mp4").symlink_to(bad / "nobody.mp4")
    options = SyncOptions((bad / "nobody.mp4", bad / "brief.mp4"), output=bad / "link.mp4")
    with pytest.raises(PoseSyncError, match="one of the videos"):
        check_outputs(options)


def test_the_command_prints_json_for_programs(
    done, pair: tuple[Path, Path], detector: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("posesync", ["sync", *map(str, pair), "--detector", detector, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["attempts"][0]["file"] == "attempt.mp4"
    assert -1 <= found["attempts"][0]["kendall_tau"] <= 1
    assert found["attempts"][0]["mirrored"] is False
    assert run("posesync", ["sync", *map(str, pair), "--detector", detector]) == 0
    said = capsys.readouterr().out
    assert "Kendall's tau" in said
    assert "Angle-MAE" in said
    assert "name a video with -o" in said
