"""The sound device: SDL's mixer through pygame-ce. Importing this module needs neither."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Any, Final

import numpy as np

from .track import RATE, Samples

logger = logging.getLogger(__name__)

#: Samples that the mixer requests at a time: 23 ms.
BUFFER: Final = 1024


class Channel(IntEnum):
    """The mixer's channels, which play at the same time."""

    EXPERT = 0
    TONE = 1
    VOICE = 2


class SoundDevice:
    """The open mixer; make one with :meth:`open`. Its methods may be called from any thread.

    Args:
        pygame: the module, its mixer initialised.
    """

    def __init__(self, pygame: Any) -> None:
        self._pygame = pygame
        pygame.mixer.set_num_channels(max(8, len(Channel)))
        self._channels = [pygame.mixer.Channel(number) for number in Channel]
        self._open = True

    @classmethod
    def open(cls) -> SoundDevice | None:
        """Open the system's default device; return None, with one line in the log, where there is none."""
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        try:
            pygame = importlib.import_module("pygame")
            with quiet_stderr():
                pygame.mixer.init(RATE, -16, 2, BUFFER, allowedchanges=0)
        except (ImportError, NotImplementedError) as error:
            logger.warning("no sound (%s): continuing without sound; reinstall pygame-ce to hear it", error)
            return None
        except pygame.error as error:
            logger.warning(
                "no sound device (%s): continuing without sound; connect headphones or a loudspeaker", error
            )
            return None
        return cls(pygame)

    def play(self, channel: Channel, samples: Samples) -> None:
        """Play ``samples`` now, replacing what the channel plays."""
        if self._open:
            self._channels[channel].play(self._sound(samples))

    def feed(self, channel: Channel, samples: Samples) -> None:
        """Queue ``samples`` after what the channel plays; see :meth:`has_room`."""
        if self._open:
            self._channels[channel].queue(self._sound(samples))

    def has_room(self, channel: Channel) -> bool:
        """Return whether nothing is queued after what the channel plays."""
        return self._open and self._channels[channel].get_queue() is None

    def is_busy(self, channel: Channel) -> bool:
        """Return whether the channel plays something."""
        return self._open and bool(self._channels[channel].get_busy())

    def fade_out(self, channel: Channel, seconds: float = 0.03) -> None:
        """Silence the channel, without a click."""
        if self._open:
            self._channels[channel].fadeout(round(1000 * seconds))

    def close(self) -> None:
        """Close the device. May be called twice."""
        if self._open:
            self._open = False
            with suppress(self._pygame.error):
                self._pygame.mixer.quit()

    def _sound(self, samples: Samples) -> Any:
        return self._pygame.mixer.Sound(buffer=to_int16(samples))


def to_int16(samples: Samples) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Return (N, 2) samples −1..1 as int16 for the mixer; louder values are clipped."""
    return np.ascontiguousarray(np.clip(samples, -1.0, 1.0) * 32767.0).astype(np.int16)


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Discard what is written to file descriptor 2: ALSA and libjack print their problems there directly."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, ValueError):  # a program without a console has no stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
