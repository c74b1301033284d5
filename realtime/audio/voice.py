"""Speaks cues: offline, in its own thread, and never late.

A cue is about one moment. A cue that could not be spoken within a second or two is dropped, and a newer one
replaces one that waits: nothing ever queues up.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from posesync.realtime.pipeline.queues import Mailbox
from posesync.realtime.pipeline.workers import Worker, WorkerState

from .device import Channel, SoundDevice
from .espeak import Espeak, MonoSamples, VoiceMissing
from .track import RATE, Samples

logger = logging.getLogger(__name__)

#: s after which a cue that has not begun is no longer spoken.
STALE: Final = 1.5
#: s between two checks whether the cue is over.
_TICK: Final = 0.02


class Voice(Protocol):
    """Turns text into speech."""

    rate: int
    """Samples per s."""

    def speak(self, text: str) -> MonoSamples:
        """Return the samples of spoken ``text``, (N,) float32 −1..1."""
        ...


class Speaker(Worker):
    """Speaks the newest cue and drops outdated ones.

    Args:
        device: the open device.
        voice: used by this thread alone from now on.
        stale: s after which a cue that waits is dropped.
        clock: s, monotonic.
    """

    def __init__(
        self,
        device: SoundDevice,
        voice: Voice,
        *,
        stale: float = STALE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("voice")
        self._device, self._voice, self._stale, self._clock = device, voice, stale, clock
        self._inbox: Mailbox[tuple[str, float]] = Mailbox(lambda cue: cue[1])
        self._muted = threading.Event()
        self._speaking: str | None = None
        self.spoken = 0
        self.dropped = 0

    @classmethod
    def open(cls, device: SoundDevice) -> Speaker | None:
        """Return a speaker with the installed voice; None, with one line in the log, where there is none."""
        try:
            return cls(device, Espeak())
        except VoiceMissing as error:
            logger.warning("%s", error)
            return None

    @property
    def speaking(self) -> bool:
        """Whether a cue is being heard now."""
        return self._speaking is not None

    @property
    def muted(self) -> bool:
        """Whether nothing is spoken; setting it silences the current cue."""
        return self._muted.is_set()

    @muted.setter
    def muted(self, value: bool) -> None:
        if value:
            self._muted.set()
            self._device.fade_out(Channel.VOICE)
        else:
            self._muted.clear()

    def say(self, text: str) -> None:
        """Speak ``text`` next, replacing a cue that waits; return at once.

        A cue that is being spoken already is not repeated.
        """
        if text.strip() and not self.muted and text != self._speaking:
            self._inbox.put((text, self._clock()))

    def stop(self) -> None:
        """Ask the thread to end, even in mid-word."""
        super().stop()
        self._inbox.close()
        self._device.fade_out(Channel.VOICE)

    def _work(self) -> None:
        self.state = WorkerState.RUNNING
        while not self._stop.is_set() and not self._inbox.finished:
            taken = self._inbox.take(0.2)
            if taken is None:
                continue
            (text, said), replaced = taken
            self.dropped += len(replaced)
            if self.muted or self._clock() - said > self._stale:
                self.dropped += 1
                continue
            self._speaking = text
            try:
                self._speak(text)
            finally:
                self._speaking = None

    def _finish(self) -> None:
        self._inbox.close()
        if self.error is not None:
            logger.warning("the voice failed (%s): cues stay on screen", self.error)

    def _speak(self, text: str) -> None:
        samples = to_stereo(self._voice.speak(text), self._voice.rate)
        if self.muted or self._stop.is_set() or not len(samples):
            return
        self._device.play(Channel.VOICE, samples)
        self.spoken += 1
        while not self._stop.is_set() and self._device.is_busy(Channel.VOICE):
            self._stop.wait(_TICK)


def to_stereo(samples: MonoSamples, rate: int) -> Samples:
    """Return (N,) at ``rate`` per s as (M, 2) at RATE, interpolated linearly, which is enough for speech."""
    if not len(samples):
        return np.zeros((0, 2), np.float32)
    moments = np.arange(round(len(samples) * RATE / rate)) * (rate / RATE)
    wave = np.interp(moments, np.arange(len(samples)), samples)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)
