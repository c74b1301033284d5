"""Spoken cues: only the newest, never late, can be muted; and real speech where the extra is installed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from posesync.realtime.audio import espeak as voice_espeak
from posesync.realtime.audio.device import Channel, SoundDevice
from posesync.realtime.audio.espeak import Espeak, MonoSamples, VoiceMissing
from posesync.realtime.audio.playback import SessionSound
from posesync.realtime.audio.settings import SoundMode, SoundSettings
from posesync.realtime.audio.track import RATE, Samples
from posesync.realtime.audio.voice import Speaker, to_stereo


class Voice:
    """Says anything in 0.15 s, after ``thinking`` s."""

    rate = 22_050

    def __init__(self, thinking: float = 0.0) -> None:
        self.thinking = thinking
        self.said: list[str] = []

    def speak(self, text: str) -> MonoSamples:
        self.said.append(text)
        time.sleep(self.thinking)
        return np.full(round(0.15 * self.rate), 0.1, np.float32)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundDevice]:
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    opened = SoundDevice.open()
    assert opened is not None
    yield opened
    opened.close()


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def end(speaker: Speaker) -> None:
    speaker.stop()
    assert speaker.join()
    assert speaker.error is None


def test_of_many_cues_the_one_in_the_mouth_and_the_newest_are_spoken(device: SoundDevice) -> None:
    voice = Voice()
    speaker = Speaker(device, voice)
    speaker.start()
    speaker.say("one")
    until(lambda: speaker.speaking)
    for text in ("two", "three", "four"):
        speaker.say(text)
    until(lambda: speaker.spoken == 2 and not speaker.speaking)
    assert voice.said == ["one", "four"]
    assert speaker.dropped == 2
    end(speaker)


def test_a_stale_cue_is_dropped(device: SoundDevice) -> None:
    now = [0.0]
    voice = Voice()
    speaker = Speaker(device, voice, clock=lambda: now[0])
    speaker.say("late")
    now[0] = 2.0
    speaker.start()
    until(lambda: speaker.dropped == 1)
    speaker.say("in time")
    until(lambda: speaker.spoken == 1)
    assert voice.said == ["in time"]
    end(speaker)


def test_what_is_being_said_is_not_said_twice(device: SoundDevice) -> None:
    voice = Voice()
    speaker = Speaker(device, voice)
    speaker.start()
    speaker.say("raise your left elbow")
    until(lambda: speaker.speaking)
    speaker.say("raise your left elbow")
    speaker.say("   ")
    until(lambda: not speaker.speaking)
    time.sleep(0.05)
    assert voice.said == ["raise your left elbow"]
    end(speaker)


def test_muted_it_says_nothing_and_falls_silent_in_mid_word(device: SoundDevice) -> None:
    class Slow(Voice):
        def speak(self, text: str) -> MonoSamples:
            self.said.append(text)
            return np.full(5 * self.rate, 0.1, np.float32)

    voice = Slow()
    speaker = Speaker(device, voice)
    speaker.start()
    speaker.say("a long one")
    until(lambda: device.is_busy(Channel.VOICE))
    speaker.muted = True
    until(lambda: not speaker.speaking, 1.0)
    speaker.say("unheard")
    time.sleep(0.05)
    assert (voice.said, speaker.muted) == (["a long one"], True)
    speaker.muted = False
    speaker.say("heard")
    until(lambda: speaker.speaking)
    end(speaker)  # in mid-word


def test_a_voice_that_breaks_is_one_line(device: SoundDevice, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Voice):
        def speak(self, text: str) -> MonoSamples:
            raise OSError("the library is gone")

    speaker = Speaker(device, Broken())
    with caplog.at_level(logging.WARNING):
        speaker.start()
        speaker.say("one")
        speaker.join()
        speaker.say("two")  # goes nowhere
    assert [record.message for record in caplog.records] == [
        "the voice failed (the library is gone): cues stay on screen"
    ]
    assert not speaker.speaking


def test_without_the_extra_it_is_one_line(
    device: SoundDevice, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(Espeak, "_loaded", None)
    monkeypatch.setattr(voice_espeak.importlib, "import_module", missing)
    monkeypatch.setattr(voice_espeak.ctypes.util, "find_library", lambda _: None)
    with caplog.at_level(logging.WARNING):
        assert Speaker.open(device) is None
    assert len(caplog.records) == 1
    assert "posesync[voice]" in caplog.text


def test_a_system_library_that_is_none_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "libespeak-ng.so"
    fake.write_bytes(b"not a library")
    monkeypatch.setattr(Espeak, "_loaded", None)
    monkeypatch.setattr(voice_espeak, "_find", lambda: (str(fake), None))
    with pytest.raises(VoiceMissing, match="cannot be used"):
        Espeak()


def test_data_that_is_not_found_is_one_line_and_nothing_on_stderr(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loader = pytest.importorskip("espeakng_loader")
    monkeypatch.setattr(Espeak, "_loaded", None)
    monkeypatch.setattr(loader, "get_data_path", lambda: tmp_path / ("far" * 60))
    with pytest.raises(VoiceMissing, match="as long as this"):
        Espeak()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("rate", [16_000, 22_050, RATE])
def test_speech_keeps_its_length_and_pitch(rate: int) -> None:
    mono = np.sin(2 * np.pi * 200 * np.arange(rate) / rate).astype(np.float32)
    stereo: Samples = to_stereo(mono, rate)
    assert stereo.shape == (RATE, 2)
    np.testing.assert_allclose(
        stereo[: RATE - 4, 0], np.sin(2 * np.pi * 200 * np.arange(RATE - 4) / RATE), atol=2e-3
    )
    assert to_stereo(np.zeros(0, np.float32), rate).shape == (0, 2)


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    try:
        return Espeak()
    except VoiceMissing as error:
        pytest.skip(str(error))


def test_real_speech(espeak: Espeak) -> None:
    cue, longer = (
        espeak.speak("raise your left elbow"),
        espeak.speak("raise your left elbow, and bend your knees"),
    )
    assert 0.7 < len(cue) / espeak.rate < 2.0
    assert len(longer) > 1.4 * len(cue)
    assert np.abs(cue).max() <= 1.0
    assert np.sqrt(np.mean(cue**2)) > 0.02
    assert not np.array_equal(cue, espeak.speak("raise your right elbow"))


@pytest.mark.parametrize("text", ["", "\0", "…", "größer 😀 <b>", "x" * 5000, "raise your elbow\0 now"])
def test_odd_text_does_no_harm(espeak: Espeak, text: str) -> None:
    assert len(espeak.speak(text)) / espeak.rate < 120.0


def test_two_that_speak_at_once_do_not_mix(espeak: Espeak) -> None:
    from concurrent.futures import ThreadPoolExecutor

    texts = ["raise your left elbow", "bend your right knee more", "lean less to the right", "well done"]
    alone = [len(espeak.speak(text)) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        together = [len(samples) for samples in pool.map(espeak.speak, texts * 3)]
    assert together == pytest.approx(alone * 3, rel=0.02)


def test_a_language_that_there_is_not() -> None:
    try:
        Espeak()
    except VoiceMissing as error:
        pytest.skip(str(error))
    with pytest.raises(VoiceMissing, match="none called xx-nowhere"):
        Espeak("xx-nowhere")


def test_a_session_speaks(espeak: Espeak, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "out.raw"
    monkeypatch.setenv("SDL_AUDIODRIVER", "disk")
    monkeypatch.setenv("SDL_DISKAUDIOFILE", str(path))
    sound = SessionSound.open(SoundSettings(mode=SoundMode.OFF, voice=True, tones=False), None)
    sound.say("well done")
    time.sleep(0.8)
    sound.close()
    out = np.fromfile(path, np.int16).astype(float) / 32768
    assert np.abs(out).max() > 0.1
