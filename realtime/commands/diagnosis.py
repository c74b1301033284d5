"""Checks of `posesync doctor` on the live part: screen, sound, and the speed of a session."""

from __future__ import annotations

import importlib
import logging
import os
import platform
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from posesync.pose import diagnosis as base
from posesync.pose.diagnosis import Finding, Severity
from posesync.pose.errors import DisplayError, PoseSyncError
from posesync.pose.files import scratch_folder
from posesync.pose.onnx_session import import_onnxruntime
from posesync.pose.providers import PROVIDERS, not_started, spoken

if TYPE_CHECKING:
    from posesync.realtime.session.config import Config

logger = logging.getLogger(__name__)

#: s that the speed test lasts.
SPEED_TEST: Final = 3.0
#: Frames per second from which a session feels immediate, and below which it does not.
SMOOTH: Final = 30.0
ROUGH: Final = 15.0
#: s after which a check that hangs (a driver, usually) is given up.
LIMIT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the machine.

    Attributes:
        topic: topic of the finding when the check itself fails.
        ask: returns findings; it may raise and it may hang.
        main_thread: it must run in the main thread (windows on macOS), so it is not guarded against hanging.
    """

    topic: str
    ask: Callable[[], Sequence[Finding]]
    main_thread: bool = False


def checks(config: Config, cache: Path) -> list[Check]:
    """Return every check, in the order in which a user would fix their findings.

    Modules that may be broken are imported by the checks, not by this module.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # it would be printed among the results
    installed = base.installed_packages()

    def models() -> Sequence[Finding]:
        from posesync.pose.model_files import list_models

        return base.check_models(list_models(), pose="" if config.pose.file else config.pose.model)

    def codecs() -> Sequence[Finding]:
        from posesync.pose.media_diagnosis import check_codecs

        with scratch_folder() as folder:
            return check_codecs(folder)

    def cameras() -> Sequence[Finding]:
        from posesync.pose.media_diagnosis import check_cameras

        return check_cameras()

    return [
        Check("machine", check_machine),
        Check("packages", lambda: base.check_packages(installed)),
        Check("libraries", base.check_modules),
        Check("ONNX Runtime", lambda: base.check_runtime(installed, provider=config.pose.provider)),
        Check("models", models),
        Check("cache", lambda: base.check_cache(cache)),
        Check("video", codecs),
        Check("camera", cameras),
        Check("screen", check_screen, main_thread=True),
        Check("sound", check_sound),
        Check("speed", lambda: check_speed(config), main_thread=True),
    ]


def examine(asked: Sequence[Check], *, limit: float = LIMIT) -> Iterator[Finding]:
    """Run checks one after the other; one that fails or hangs is a finding itself.

    Args:
        asked: the checks.
        limit: s that a check may take.
    """
    for check in asked:
        if check.main_thread:
            yield from _answer(check)
            continue
        answers: list[Sequence[Finding]] = []
        thread = threading.Thread(
            target=lambda check=check, answers=answers: answers.append(_answer(check)),
            name=f"doctor-{check.topic}",
            daemon=True,
        )
        thread.start()
        thread.join(limit)
        if answers:
            yield from answers[0]
        else:
            text = f"no answer within {limit:.0f} s: a driver hangs"
            yield Finding(check.topic, Severity.WARNING, text, "unplug devices or restart, then try again")


def _answer(check: Check) -> Sequence[Finding]:
    try:
        return check.ask()
    except PoseSyncError as error:
        return [base.from_error(check.topic, error, Severity.BLOCKER)]
    except ImportError as error:
        text, how = f"not checked, a library is broken ({error})", "repair the library first"
        return [Finding(check.topic, Severity.NOTE, text, how)]
    except Exception as error:
        # The doctor must finish whatever is broken: that is its purpose.
        logger.debug("check %s failed", check.topic, exc_info=True)
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return [
            Finding(
                check.topic,
                Severity.BLOCKER,
                f"could not be checked ({reason})",
                "repair the problems above, then run posesync doctor again",
            )
        ]


def check_machine() -> list[Finding]:
    """Report versions and processor."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    details = {
        "posesync": metadata.version("posesync"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": cores,
    }
    text = "PoseSync {posesync}, Python {python}, {system}".format(**details)
    return [Finding("machine", Severity.OK, f"{text}, {cores} cores", details=details)]


def check_screen() -> list[Finding]:
    """Check whether a window can be opened."""
    from posesync.realtime.display.window import check_display

    try:
        check_display()
        pygame = importlib.import_module("pygame")
        try:
            pygame.display.init()
            driver, sizes = pygame.display.get_driver(), pygame.display.get_desktop_sizes()
        except pygame.error as error:
            raise DisplayError(f"SDL cannot use the screen ({error}): add --headless") from None
        finally:
            pygame.display.quit()
    except DisplayError as error:
        text, _, _ = str(error).rpartition(": ")
        how = "sit at the machine or forward its screen; --headless --record out.mp4 works without one"
        return [Finding("screen", Severity.WARNING, text, how, {"screen": False})]
    sizes_text = ", ".join(f"{width} × {height}" for width, height in sizes)
    details = {"screen": True, "driver": driver, "sizes": [list(size) for size in sizes]}
    return [Finding("screen", Severity.OK, f"{sizes_text} ({driver})", details=details)]


def check_sound() -> list[Finding]:
    """Check whether there is a sound device."""
    pygame = importlib.import_module("pygame")
    with _quiet():
        try:
            pygame.mixer.init()
            rate, _, channels = pygame.mixer.get_init()
        except pygame.error as error:
            how = "connect headphones or a loudspeaker if you want to hear the expert's music"
            return [Finding("sound", Severity.NOTE, f"no sound device ({error})", how, {"sound": False})]
        finally:
            pygame.mixer.quit()
    details = {"sound": True, "rate": rate, "channels": channels}
    return [Finding("sound", Severity.OK, f"{rate} Hz, {channels} channels", details=details)]


class _quiet:  # noqa: N801
    """Discards what is written to file descriptor 2 for a moment: ALSA prints its problems there directly."""

    def __enter__(self) -> None:
        sys.stderr.flush()
        self._kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)

    def __exit__(self, *_: object) -> None:
        os.dup2(self._kept, 2)
        os.close(self._kept)


def check_speed(config: Config, *, seconds: float = SPEED_TEST) -> list[Finding]:
    """Measure the frames per second to expect: real models on a real clip, drawn as in a window.

    Raises:
        ModelError: a model is missing or cannot be run.
    """
    from . import speed_test

    measured = speed_test.measure(config, seconds=seconds)
    wanted = config.pose.provider
    place = spoken(measured.providers[0])
    text = (
        f"expect {measured.fps:.0f} fps at 720p on {place} ({measured.detector} + MoveNet "
        f"{config.pose.model}), {measured.latency_ms:.0f} ms from camera to picture"
    )
    findings = [_verdict(text, measured.fps, measured.to_dict())]
    available = import_onnxruntime().get_available_providers()
    if PROVIDERS.get(wanted) in available:
        problem = not_started([PROVIDERS[wanted]], measured.providers)
        if problem:
            said, _, how = problem.rpartition(": ")
            findings.append(Finding("provider", Severity.WARNING, said, how))
    return findings


def _verdict(text: str, fps: float, details: dict[str, Any]) -> Finding:
    if fps >= SMOOTH:
        return Finding("speed", Severity.OK, text, details=details)
    how = 'close other programs; set detector.every = "auto" or use --detector keypoints'
    if fps >= ROUGH:
        return Finding("speed", Severity.NOTE, text, how, details)
    return Finding("speed", Severity.WARNING, f"{text}: you will lag behind yourself", how, details)
