"""The sound of a session: the expert's sound, the tones of the count-in, spoken cues.

Anything missing (a device, a sound track, the voice) gives one line in the log; the session continues.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from posesync.pose.errors import SourceError
from posesync.realtime.pipeline.workers import Worker, WorkerState
from posesync.realtime.tracking.position import Position

from .device import Channel, SoundDevice
from .follow import Aim, ClockSound, ExpertClock, FollowSound
from .head import PlayHead
from .settings import SoundMode, SoundSettings
from .track import RATE, Samples, SoundTrack
from .voice import Speaker

logger = logging.getLogger(__name__)

#: Samples handed over at a time: 93 ms; at most two such blocks wait.
BLOCK: Final = 4096
#: s between two checks whether the mixer needs more.
_TICK: Final = 0.01
#: Level of the expert's sound while a cue is spoken.
_DUCKED: Final = 0.35
_DEFAULT: Final = SoundSettings()


def tone(frequency: float = 660.0, seconds: float = 0.22, *, loudness: float = 0.3) -> Samples:
    """Return a soft bell, (N, 2): three partials that decay, the higher ones faster, from silence to silence.

    Args:
        frequency: Hz.
        seconds: length, s.
        loudness: 0..1, level of the loudest sample.
    """
    moment = np.arange(round(seconds * RATE)) / RATE
    wave = np.zeros_like(moment)
    for partial, share in ((1.0, 1.0), (2.0, 0.35), (3.01, 0.12)):
        wave += (
            share
            * np.sin(2 * np.pi * frequency * partial * moment)
            * np.exp(-5.0 * partial * moment / seconds)
        )
    attack, release = 0.006, 0.02
    wave *= np.clip(moment / attack, 0.0, 1.0) * np.clip((seconds - moment) / release, 0.0, 1.0)
    wave *= loudness / float(np.abs(wave).max())
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


class ExpertSound(Worker):
    """Plays the expert's sound in its own thread, controlled by :meth:`update`.

    Args:
        device: the open device.
        track: used by this thread alone from now on; closed when the thread ends.
        policy: decides when to play and from where.
        volume: 0..1.
        clock: s, monotonic; the clock of ``update``.

    Attributes:
        muted: the sound continues unheard.
        ducked: the sound is lowered, so that something else can be heard.
        ran_dry: how often the machine was too busy to hand over the next block in time.
    """

    def __init__(
        self,
        device: SoundDevice,
        track: SoundTrack,
        policy: FollowSound | ClockSound,
        *,
        volume: float = _DEFAULT.volume,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("sound")
        self._device, self._track, self._policy, self._clock = device, track, policy, clock
        self._head = PlayHead(track.read)
        self._volume = volume
        self._lock = threading.Lock()
        self._aim = Aim(False)
        self._aimed_at = 0.0
        self._paused = False
        self._out_until: float | None = None  # time at which the samples handed over will have been heard
        self._head_time = 0.0
        self.muted = False
        self.ducked = False
        self.ran_dry = 0

    def update(self, position: Position, now: float) -> None:
        """Follow the performer's position; call it for every moment, and while no moment comes."""
        aim = self._policy.update(now, position, self.heard(now))
        with self._lock:
            # A place that the thread has not moved to yet is still due.
            if aim.time is not None:
                self._aimed_at = now
            self._aim = Aim(aim.playing, self._aim.time if aim.playing and aim.time is None else aim.time)

    def heard(self, now: float) -> float | None:
        """Return what the loudspeaker plays at ``now``, s in the piece; None while it plays nothing."""
        with self._lock:
            if self._out_until is None or now >= self._out_until + 0.5:
                return None
            return self._head_time - max(0.0, self._out_until - now)

    @property
    def paused(self) -> bool:
        """Whether the sound is held, whatever the performer does."""
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self._paused = value

    def _work(self) -> None:
        self.state = WorkerState.RUNNING
        while not self._stop.is_set():
            self._obey()
            if self._head.silent:
                with self._lock:
                    self._out_until = None
            elif self._device.has_room(Channel.EXPERT):
                self._hand_over()
                continue
            self._stop.wait(_TICK)
        self._fade_away()

    def _obey(self) -> None:
        with self._lock:
            aim, aimed_at = self._aim, self._aimed_at
            self._aim = Aim(aim.playing)
        if aim.playing and not self._paused:
            self._head.play(None if aim.time is None else self._due(aim.time, aimed_at))
        else:
            self._head.hold()
        self._head.level = 0.0 if self.muted else self._volume * (_DUCKED if self.ducked else 1.0)

    def _due(self, time: float, aimed_at: float) -> float:
        """Return where to begin, s in the piece, for the sound to fit ``time`` at ``aimed_at`` when heard."""
        if self._head.silent:
            # Seeking takes time, so it comes before the clock is read.
            self._track.read(round(time * RATE), BLOCK)
        # Samples handed over now are heard after those that wait.
        return time + max(self._clock(), self._out_until or 0.0) - aimed_at

    def _hand_over(self) -> None:
        busy = self._device.is_busy(Channel.EXPERT)
        if not busy and self._out_until is not None:
            self.ran_dry += 1  # the machine is very busy, and there was a gap
            self._head.interrupted()
        samples = self._head.block(BLOCK)
        # The playing block has just begun, or there would be no room: the new block begins when it ends.
        begins = self._clock() + (BLOCK / RATE if busy else 0.0)
        self._device.feed(Channel.EXPERT, samples)
        with self._lock:
            self._out_until = begins + BLOCK / RATE
            self._head_time = self._head.time

    def _fade_away(self) -> None:
        """Fade out without a click and wait until that was heard, which takes two blocks at most."""
        self._head.hold()
        deadline = time.monotonic() + 3 * BLOCK / RATE
        while time.monotonic() < deadline and self._device.is_busy(Channel.EXPERT):
            if not self._head.silent and self._device.has_room(Channel.EXPERT):
                self._device.feed(Channel.EXPERT, self._head.block(BLOCK))
            time.sleep(_TICK)

    def _finish(self) -> None:
        self._track.close()
        if self.error is not None:
            logger.warning("the expert's sound failed (%s): continuing without it", self.error)


class SessionSound:
    """All sound of a session; make one with :meth:`open`. Missing parts are silent.

    Args:
        device: the open device, or None.
        expert: the expert's sound, or None.
        speaker: speaks the cues, or None.
        tones: whether the count-in is heard.
    """

    def __init__(
        self, device: SoundDevice | None, expert: ExpertSound | None, speaker: Speaker | None, *, tones: bool
    ) -> None:
        self._device, self._expert, self._speaker = device, expert, speaker
        self._tones = {last: tone(990.0, 0.4) if last else tone() for last in (False, True)} if tones else {}
        self._muted = False
        for worker in (expert, speaker):
            if worker is not None:
                worker.start()

    @classmethod
    def open(
        cls,
        settings: SoundSettings,
        video: Path | None,
        *,
        clock: ExpertClock | None = None,
        starts: Sequence[float] = (),
    ) -> SessionSound:
        """Open the parts that ``settings`` ask for and the machine supports.

        Args:
            settings: what is heard.
            video: the expert's video, for its sound; None gives no sound.
            clock: the expert's clock, for clock mode; without it that mode has no sound.
            starts: s in the piece at which sections begin.
        """
        wanted = settings.mode is not SoundMode.OFF
        device = SoundDevice.open() if wanted or settings.tones or settings.voice else None
        expert = speaker = None
        if device is not None and wanted:
            policy: FollowSound | ClockSound | None = FollowSound(starts)
            if settings.mode is SoundMode.CLOCK:
                policy = None if clock is None else ClockSound(clock)
            expert = _open_expert(device, video, policy, settings.volume)
        if device is not None and settings.voice:
            speaker = Speaker.open(device)
        return cls(device, expert, speaker, tones=settings.tones)

    @property
    def muted(self) -> bool:
        """Whether nothing is heard; the expert's sound continues unheard."""
        return self._muted

    @muted.setter
    def muted(self, value: bool) -> None:
        self._muted = value
        if self._expert is not None:
            self._expert.muted = value
        if self._speaker is not None:
            self._speaker.muted = value

    @property
    def paused(self) -> bool:
        """Whether the expert's sound is held."""
        return self._expert is not None and self._expert.paused

    @paused.setter
    def paused(self, value: bool) -> None:
        if self._expert is not None:
            self._expert.paused = value

    def update(self, position: Position, now: float) -> None:
        """Follow the performer's position at ``now`` s of ``time.monotonic``."""
        if self._expert is not None:
            self._expert.ducked = self._speaker is not None and self._speaker.speaking
            self._expert.update(position, now)

    def count(self, *, last: bool = False) -> None:
        """Play the tone of a number of the count-in; ``last`` is the start itself."""
        if self._device is not None and self._tones and not self._muted:
            self._device.play(Channel.TONE, self._tones[last])

    def say(self, text: str) -> None:
        """Speak a cue, unless it is outdated before its turn comes."""
        if self._speaker is not None:
            self._speaker.say(text)

    def close(self) -> None:
        """End the threads and close the device. May be called twice."""
        workers = [worker for worker in (self._expert, self._speaker) if worker is not None]
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join()
        self._expert = self._speaker = None
        if self._device is not None:
            self._device.close()


def _open_expert(
    device: SoundDevice, video: Path | None, policy: FollowSound | ClockSound | None, volume: float
) -> ExpertSound | None:
    if video is None or policy is None:
        logger.warning("no sound of the expert: there is no video; give the video as --reference to hear it")
        return None
    try:
        track = SoundTrack(video)
    except SourceError as error:
        logger.warning("%s", error)
        return None
    return ExpertSound(device, track, policy, volume=volume)
