"""The expert's real sound: decoded from video files, through the mixer, compared with SDL's output."""

from __future__ import annotations

import itertools
import logging
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from clips import truncate
from posesync.pose.errors import SourceError
from posesync.realtime.audio.device import Channel, SoundDevice
from posesync.realtime.audio.follow import ClockSound, ExpertClock, FollowSettings, FollowSound
from posesync.realtime.audio.playback import BLOCK, ExpertSound, SessionSound, tone
from posesync.realtime.audio.settings import SoundMode, SoundSettings
from posesync.realtime.audio.track import RATE, SoundTrack
from posesync.realtime.tracking.position import Position, State
from sounds import clip, frequency_of, largest_step, sweep, write_wave

Written = Callable[[], npt.NDArray[np.int16]]


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 4 s with a tone of 440 Hz."""
    return clip(tmp_path_factory.mktemp("sound") / "expert.mp4", 4.0, 4.0)


@pytest.fixture(scope="module")
def loud(talking: Path) -> float:
    """How loud that tone is, as it was encoded."""
    track = SoundTrack(talking)
    samples = track.read(RATE, RATE)
    track.close()
    return float(np.abs(samples).max())


def click_limit(loud: float) -> float:
    """The largest step of that tone while it fades: its own, and the steepest of half a cosine."""
    return 32767 * loud * (1.05 * 2 * np.pi * 440 / RATE + np.pi / 2 / (0.014 * RATE))


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Written:
    """SDL writes what it would play into a file; returns what it wrote, (N, 2), once the device is closed."""
    path = tmp_path / "out.raw"
    monkeypatch.setenv("SDL_AUDIODRIVER", "disk")
    monkeypatch.setenv("SDL_DISKAUDIOFILE", str(path))
    return lambda: np.fromfile(path, np.int16).reshape(-1, 2)


def following(time: float | None, state: State = State.FOLLOWING) -> Position:
    return Position(time, 1.0, 0.9, State.LOST if time is None else state)


@pytest.mark.parametrize("rate", [RATE, 48_000, 22_050])
def test_any_place_gives_the_samples_of_that_place(rate: int, tmp_path: Path) -> None:
    track = SoundTrack(write_wave(tmp_path / "sweep.wav", sweep(5.0, rate), rate))
    expected = np.append(sweep(5.0), np.zeros(RATE))
    allowed = 1e-3 if rate == RATE else 0.02
    for start in (0, 100, 150_000, 30_000, 31_000, 219_000, 5):
        np.testing.assert_allclose(
            track.read(start, 1000)[:, 1], expected[start : start + 1000], atol=allowed
        )
    track.close()


def test_out_of_a_video_the_tone_is_a_tone_with_no_seam(talking: Path, loud: float) -> None:
    track = SoundTrack(talking)
    assert track.duration == pytest.approx(4.0, abs=0.1)
    sound = np.concatenate([track.read(start, 1000) for start in range(10_000, 150_000, 1000)])
    assert frequency_of(sound) == pytest.approx(440.0, abs=0.1)
    assert largest_step(sound) < 1.05 * loud * 2 * np.pi * 440 / RATE
    np.testing.assert_allclose(track.read(60_000, 500), sound[50_000:50_500], atol=0.02)
    assert not track.read(10 * RATE, 100).any()
    assert not track.read(-5000, 100).any()


def test_the_first_picture_is_the_beginning(tmp_path: Path) -> None:
    """The pictures of this file begin 1 s after its sound; the sound's first second is before the piece."""
    track = SoundTrack(clip(tmp_path / "late.mkv", 2.0, 3.0, first=1.0))
    assert track.read(round(1.8 * RATE), 2000).any()
    assert not track.read(round(2.1 * RATE), 2000).any()


def test_a_long_track_takes_no_more_memory(tmp_path: Path) -> None:
    track = SoundTrack(write_wave(tmp_path / "long.wav", np.tile(sweep(10.0), 12)))
    track.read(0, 4096)
    tracemalloc.start()
    for start in range(0, 120 * RATE, 40_960):
        track.read(start, 4096)
    assert tracemalloc.get_traced_memory()[1] < 3e6  # all of it would be 42 MB
    tracemalloc.stop()


def test_past_its_end_nothing_is_looked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    track = SoundTrack(write_wave(tmp_path / "short.wav", sweep(1.0)))
    seeks: list[int] = []
    seek = track._seek
    monkeypatch.setattr(track, "_seek", lambda start: (seeks.append(start), seek(start)))
    for start in range(0, 20 * RATE, 40_960):
        track.read(start, 4096)
    assert len(seeks) <= 1
    assert track.read(RATE // 2, 100).any()  # and back again


def test_a_broken_off_file_is_heard_up_to_the_break(talking: Path, tmp_path: Path) -> None:
    track = SoundTrack(truncate(talking, tmp_path / "broken.mp4", 0.6))
    assert track.read(20_000, 1000).any()
    assert not track.read(round(3.9 * RATE), 1000).any()


@pytest.mark.parametrize("kind", ["silent", "none", "garbage", "folder"])
def test_no_sound_is_an_error_in_one_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "expert.mp4"
    if kind == "silent":
        clip(path, 0.5, 0.0)
    elif kind == "garbage":
        path.write_bytes(b"\x00\x01garbage" * 500)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(SourceError) as caught:
        SoundTrack(path)
    assert "\n" not in str(caught.value)
    assert "expert.mp4" in str(caught.value)


@pytest.mark.parametrize("frequency", [440.0, 990.0])
def test_a_tone_is_one_and_begins_and_ends_in_silence(frequency: float) -> None:
    sound = tone(frequency, 0.3)
    assert len(sound) == round(0.3 * RATE)
    assert np.abs(sound).max() == pytest.approx(0.3)
    assert np.abs(sound[[0, -1]]).max() < 1e-4
    spectrum = np.abs(np.fft.rfft(sound[:, 0]))
    assert np.argmax(spectrum) * RATE / len(sound) == pytest.approx(frequency, rel=0.02)
    assert (
        largest_step(sound) < 0.3 * 2 * np.pi * frequency / RATE * 1.7
    )  # its partials; a click would be more


def test_what_is_fed_is_written_without_a_seam(written: Written) -> None:
    device = SoundDevice.open()
    assert device is not None
    wave = np.repeat(0.3 * np.sin(2 * np.pi * 441 * np.arange(30_000) / RATE)[:, None], 2, axis=1).astype(
        np.float32
    )
    for start in range(0, len(wave), 3000):
        while not device.has_room(Channel.EXPERT):
            time.sleep(0.005)
        device.feed(Channel.EXPERT, wave[start : start + 3000])
    while device.is_busy(Channel.EXPERT):
        time.sleep(0.005)
    device.close()
    device.close()
    sound = written()
    heard = sound[np.flatnonzero(sound[:, 0])[0] :][: len(wave) - 100]
    assert largest_step(heard) < 0.3 * 32767 * 2 * np.pi * 441 / RATE * 1.02


def run(
    sound: ExpertSound, schedule: list[tuple[float, Callable[[float], Position]]]
) -> list[tuple[float, float | None]]:
    """Drive a sound in real time, 50 times a second; (s, heard) at each moment, heard in s of the piece."""
    seen, begin = [], time.monotonic()
    sound.start()
    for until, place in schedule:
        while (passed := time.monotonic() - begin) < until:
            position = place(passed)
            sound.update(position, time.monotonic())
            now = time.monotonic()
            seen.append((now if position.time is None else position.time, sound.heard(now)))
            time.sleep(0.02)
    sound.stop()
    assert sound.join()
    assert sound.error is None
    return seen


Schedule = list[tuple[float, Callable[[float], Position]]]


def recorded(
    make: Callable[[SoundDevice], tuple[ExpertSound, Schedule]],
    written: Written,
    *,
    in_time: Callable[[], bool] = lambda: True,
) -> tuple[list[tuple[float, float | None]], npt.NDArray[np.int16]]:
    """Run what ``make`` makes and read what SDL wrote; again when this machine was too busy to be in time."""
    for _ in range(4):
        device = SoundDevice.open()
        assert device is not None
        sound, schedule = make(device)
        seen = run(sound, schedule)
        device.close()
        if not sound.ran_dry and in_time():
            break
    else:
        pytest.skip("this machine is too busy to play sound without a hole")
    return seen, written()


def test_followed_held_and_begun_again_without_a_click(talking: Path, loud: float, written: Written) -> None:
    def make(device: SoundDevice) -> tuple[ExpertSound, Schedule]:
        policy = FollowSound(settings=FollowSettings(begin_after=0.1))
        return ExpertSound(device, SoundTrack(talking), policy, volume=0.8), [
            (1.0, lambda t: following(t)),
            (1.8, lambda t: following(1.0, State.HOLDING)),
            (2.8, lambda t: following(2.0 + t - 1.8)),
        ]

    seen, out = recorded(make, written)
    assert largest_step(out) < click_limit(0.8 * loud)
    sounds = np.flatnonzero(np.abs(out[:, 0]) > 500)
    assert (np.diff(sounds) > 0.2 * RATE).sum() == 1  # one hole: while held
    assert len(sounds) > 0.8 * RATE
    assert any(heard is None for _, heard in seen)
    apart = [abs(heard - place) for place, heard in seen if heard is not None and 0.3 < place < 0.9]
    assert np.median(apart) < 0.1


def test_on_the_clock_it_plays_what_the_clock_says(written: Written, tmp_path: Path) -> None:
    clock = ExpertClock(2.0, 4.5)
    path = write_wave(tmp_path / "sweep.wav", sweep(6.0))
    read: list[float] = []  # when the sound's thread has looked at the time

    def looked() -> float:
        read.append(time.monotonic())
        return read[-1]

    def make(device: SoundDevice) -> tuple[ExpertSound, Schedule]:
        read.clear()
        clock.start(time.monotonic())
        sound = ExpertSound(device, SoundTrack(path), ClockSound(clock), volume=1.0, clock=looked)
        return sound, [(1.5, lambda t: following(None))]

    def in_time() -> bool:
        """Whether the thread could go on at once, and the file that is the loudspeaker kept its time.

        The thread looks when it chooses the place and when it hands over a block: two of them to begin with,
        then one whenever one has been played.
        """
        if len(read) < 4:
            return False
        late = np.array(read[2:]) - read[2] - np.arange(len(read) - 2) * BLOCK / RATE
        return read[1] - read[0] < 0.02 and float(np.median(late)) < 0.03 and float(late.max()) < 0.1

    seen, out = recorded(make, written, in_time=in_time)
    late = [abs(heard - clock.time(now)) for now, heard in seen if heard is not None]
    assert np.median(late) < 0.05
    first = np.flatnonzero(out[:, 0])[0]

    def place(moment: float) -> float:
        """What is heard ``moment`` s after the first sound: the pitch tells, 300 Hz + 100 Hz per s."""
        piece = out[first + round(moment * RATE) :][: round(0.1 * RATE)]
        return (frequency_of(piece) - 300) / 100 - 0.05

    assert place(0.2) == pytest.approx(clock.time(read[0]) + 0.2, abs=0.03)  # whenever the thread began
    assert place(1.0) - place(0.2) == pytest.approx(0.8, abs=0.03)


def test_muted_ducked_and_paused(talking: Path, loud: float, written: Written) -> None:
    def make(device: SoundDevice) -> tuple[ExpertSound, Schedule]:
        clock = ExpertClock(0.0, 4.0)
        sound = ExpertSound(device, SoundTrack(talking), ClockSound(clock), volume=1.0)
        clock.start(time.monotonic())

        def state(
            *, muted: bool = False, ducked: bool = False, paused: bool = False
        ) -> Callable[[float], Position]:
            def place(_: float) -> Position:
                sound.muted, sound.ducked, sound.paused = muted, ducked, paused
                return following(None)

            return place

        return sound, [
            (0.6, state()),
            (1.2, state(ducked=True)),
            (1.8, state(muted=True)),
            (2.3, state(paused=True)),
        ]

    _, out = recorded(make, written)
    wave = np.abs(out[:, 0].astype(float)) / 32767
    peaks = [wave[start : start + 2048].max() for start in range(0, len(wave) - 2048, 2048)]
    levels = [sum(abs(peak - level) < 0.02 for peak in peaks) for level in (loud, loud * 0.35, 0.0)]
    assert min(levels) >= 4
    assert largest_step(out) < click_limit(loud)


@pytest.mark.parametrize(
    ("mode", "video", "line"),
    [
        (SoundMode.FOLLOW, "mute", "has no sound"),
        (SoundMode.FOLLOW, None, "no video"),
        (SoundMode.CLOCK, "talking", "no video"),  # nobody gave it a clock
    ],
)
def test_an_expert_without_sound_is_one_line(
    mode: SoundMode,
    video: str | None,
    line: str,
    talking: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = {
        "mute": lambda: clip(tmp_path / "mute.mp4", 0.5, 0.0),
        "talking": lambda: talking,
        None: lambda: None,
    }
    with caplog.at_level(logging.WARNING):
        sound = SessionSound.open(SoundSettings(mode=mode), path[video]())
    sound.update(following(1.0), time.monotonic())
    sound.count()
    sound.say("raise your left elbow")
    sound.muted = sound.paused = True
    assert (sound.muted, sound.paused) == (True, False)
    sound.close()
    assert [record.message.count("\n") for record in caplog.records] == [0]
    assert line in caplog.text


def test_no_device_is_one_line_and_nothing_on_stderr(
    talking: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", "no such driver")
    with caplog.at_level(logging.WARNING):
        sound = SessionSound.open(SoundSettings(mode=SoundMode.FOLLOW, voice=True), talking)
        sound.update(following(1.0), time.monotonic())
        sound.count(last=True)
        sound.close()
    assert len(caplog.records) == 1
    assert "continuing without sound" in caplog.text
    assert capfd.readouterr().err == ""


def test_off_opens_no_device(talking: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SoundDevice, "open", lambda: pytest.fail("a device was opened"))
    SessionSound.open(SoundSettings(mode=SoundMode.OFF, tones=False, voice=False), talking).close()


def test_a_whole_session_of_it(talking: Path, written: Written) -> None:
    threads = threading.active_count()
    clock = ExpertClock(0.0, 4.0)
    sound = SessionSound.open(SoundSettings(mode=SoundMode.CLOCK, volume=0.5), talking, clock=clock)
    for last in (False, False, True):
        sound.count(last=last)
        time.sleep(0.15)
    clock.start(time.monotonic())
    for _ in range(20):
        sound.update(following(None), time.monotonic())
        time.sleep(0.02)
    sound.close()
    sound.close()
    assert threading.active_count() == threads
    out = written()
    assert np.abs(out).max() > 2000
    quiet = [not out[start : start + 200].any() for start in range(0, len(out), 200)]
    assert not all(quiet)
    assert any(a and not b for a, b in itertools.pairwise(quiet))


def test_a_track_that_fails_ends_the_sound_and_not_the_session(
    talking: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    clock = ExpertClock(0.0, 4.0)
    monkeypatch.setattr(SoundTrack, "read", lambda *_: 1 / 0)
    sound = SessionSound.open(SoundSettings(mode=SoundMode.CLOCK), talking, clock=clock)
    clock.start(time.monotonic())
    with caplog.at_level(logging.WARNING):
        sound.update(following(None), time.monotonic())
        time.sleep(0.2)
        sound.update(following(None), time.monotonic())
        sound.close()
    assert "continuing without it" in caplog.text
