"""eSpeak NG as a library: turns text into samples on this machine, in milliseconds.

The extra ``[voice]`` installs it as a wheel (espeakng-loader: only the library and its data); without the
extra, the system's libespeak-ng is used if there is one. It only returns samples and never opens a device, so
that one mixer plays everything. API: espeak-ng/src/include/espeak-ng/speak_lib.h.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib
import os
import threading
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .device import quiet_stderr

#: (N,) float32, −1..1.
MonoSamples = npt.NDArray[np.float32]

_SYNCHRONOUS: Final = 2  # AUDIO_OUTPUT_SYNCHRONOUS: no device, and espeak_Synth returns when done
_DONT_EXIT: Final = 0x8000  # espeakINITIALIZE_DONT_EXIT: missing data gives an error, not an exit
_PARAMETER_RATE: Final = 1
_UTF8: Final = 1
_CALLBACK: Final = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)

#: Characters of a path to the data, at most: N_PATH_HOME is 160, and the library appends to the path.
_LONGEST_PATH: Final = 140

#: Characters of a cue that are spoken; eSpeak accepts more, but nobody listens to more.
LONGEST: Final = 200


class VoiceMissing(Exception):  # noqa: N818 - caught where it is raised for; no error of the session
    """There is no voice on this machine; the message says what to install."""


class Espeak:
    """The initialised library. There is one per process, shared by all instances.

    Args:
        language: an eSpeak voice, such as ``en``, ``en-us``, ``de``.
        words_per_minute: 80..450.

    Raises:
        VoiceMissing: neither the extra nor the system's library is installed, or it has no such voice.
    """

    _lock = threading.Lock()
    _loaded: tuple[Any, int] | None = None

    def __init__(self, language: str = "en", *, words_per_minute: int = 165) -> None:
        with self._lock:
            if Espeak._loaded is None:
                Espeak._loaded = _load()
            self._library, self.rate = Espeak._loaded
            if self._library.espeak_SetVoiceByName(language.encode()) != 0:
                raise VoiceMissing(f"no voice: eSpeak NG has none called {language}; cues stay on screen")
            self._library.espeak_SetParameter(_PARAMETER_RATE, words_per_minute, 0)

    def speak(self, text: str) -> MonoSamples:
        """Return the samples of spoken ``text``; empty when eSpeak refuses it."""
        parts: list[npt.NDArray[np.int16]] = []

        def collect(wave: Any, count: int, _events: Any) -> int:
            if wave and count > 0:
                parts.append(np.ctypeslib.as_array(wave, (count,)).copy())
            return 0

        data = text[:LONGEST].replace("\0", " ").encode("utf-8", "replace") + b"\0"
        with self._lock:
            callback = _CALLBACK(collect)  # the reference must outlive the call
            self._library.espeak_SetSynthCallback(callback)
            refused = self._library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 0, 0, _UTF8, None, None)
            self._library.espeak_SetSynthCallback(_CALLBACK())  # ours is gone after the return
        if refused or not parts:
            return np.zeros(0, np.float32)
        samples: MonoSamples = np.concatenate(parts).astype(np.float32) / 32768.0
        return samples


def _load() -> tuple[Any, int]:
    """Return the initialised library and its sample rate, 1/s."""
    path, data = _find()
    try:
        library = ctypes.CDLL(path)
        with quiet_stderr():  # the library prints errors there directly
            place = None if data is None else os.fsencode(data)
            rate = library.espeak_Initialize(_SYNCHRONOUS, 0, place, _DONT_EXIT)
    except (OSError, AttributeError) as error:
        raise VoiceMissing(f"no voice: {path} cannot be used ({error}); cues stay on screen") from None
    if rate <= 0:
        why = " (it takes no path as long as this)" if len(data or "") > _LONGEST_PATH else ""
        raise VoiceMissing(f"no voice: eSpeak NG does not find its data in {data}{why}; cues stay on screen")
    return library, int(rate)


def _find() -> tuple[str, str | None]:
    """Return the paths of the library and of its data; None for data that the library finds by itself."""
    try:
        loader = importlib.import_module("espeakng_loader")
        return str(loader.get_library_path()), str(loader.get_data_path())
    except (ImportError, OSError):
        pass
    system = ctypes.util.find_library("espeak-ng")
    if system is None:
        raise VoiceMissing(
            "no voice: eSpeak NG is not installed; pip install 'posesync[voice]' "
            "(or your system's libespeak-ng1) to hear cues; they stay on screen"
        )
    return system, None
