"""Runs a session, from the first frame of the camera to a complete log and recording.

A file without a window is processed frame by frame, in order and as fast as possible, so that the log is the
same on every run. A camera, and a file with a window, run live: only the newest frame counts. In both cases
reading, inference and writing run in separate threads (``pipeline.workers``), and drawing is done on the main
thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from posesync.configs.shared import SHARED
from posesync.pose.errors import SourceError
from posesync.pose.estimator import PoseEstimator
from posesync.pose.paths import Output, check_outputs
from posesync.pose.sources import FrameSource, open_source
from posesync.pose.types import Frame
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.pipeline.signals import StopSignals
from posesync.realtime.pipeline.workers import (
    Captured,
    CaptureWorker,
    DecodeWorker,
    InferenceWorker,
    Mailbox,
    Pipe,
    Processed,
    SequenceWorker,
    opencv_on_one_thread,
)
from posesync.realtime.session.config import Config
from posesync.realtime.session.core import SessionCore
from posesync.realtime.session.options import SessionOptions, SessionResult, pose_settings
from posesync.realtime.session.outputs import Outputs

from .keys import Command
from .stage import Stage
from .window import Window, check_display

logger = logging.getLogger(__name__)

#: s between two checks of keys and window; a new picture is drawn at once.
_TICK: Final = 1 / 60
#: Frames, and moments, that may wait for the next thread when a file is processed.
_AHEAD: Final = 2
#: s after which the picture is redrawn even without a new frame: notices count seconds.
_REDRAW: Final = 0.25


def check_session(
    options: SessionOptions, inputs: Sequence[tuple[str, Path]] = (), *, page: Path | None = None
) -> None:
    """Check for errors before the expert is prepared, which can take minutes.

    Args:
        options: of the session.
        inputs: (what it is, file) of all that is read besides the camera.
        page: the report that will be written, or None.

    Raises:
        OutputError: an output cannot be written at the path given, or would overwrite something.
        DisplayError: a window is wanted and there is no screen.
        SourceError: the camera is a file that cannot be read.
    """
    outputs = (
        ("--log", options.log, "a session's log"),
        ("--record", options.record, "a video"),
        ("--log", page, "a report"),
    )
    check_outputs(
        [Output(option, path, kind) for option, path, kind in outputs if path is not None],
        [*inputs, ("what --camera names", Path(options.camera))],
    )
    if not options.headless:
        check_display()
    if Path(options.camera).exists() and not options.camera.startswith("/dev/"):
        open_source(options.camera).close()


def run_session(
    options: SessionOptions, expert: Expert, config: Config, *, source: FrameSource | None = None
) -> SessionResult:
    """Run one session to its end.

    Ctrl-C and SIGTERM end it like the key q: log and recording are completed.

    Args:
        options: of the session.
        expert: the expert to follow.
        config: settings.
        source: frames to use instead of opening ``options.camera``; closed at the end.

    Raises:
        SourceError: there is no such camera, or it was lost and did not come back in time.
        ModelError: a model is missing or cannot be run.
        OutputError: log or recording cannot be begun. One that fails later is missing in the result.
        DisplayError: there is no screen for the window.
    """
    with StopSignals() as stop, opencv_on_one_thread():
        estimator = PoseEstimator(pose_settings(config))
        with source or open_source(options.camera) as frames:
            core = SessionCore(estimator, expert, config, waits=frames.is_live and not options.headless)
            return _Session(options, core, config, frames, stop).run()


class _Session:
    """A session on this machine: the core, its threads and window, and the two loops that connect them."""

    def __init__(
        self,
        options: SessionOptions,
        core: SessionCore,
        config: Config,
        source: FrameSource,
        stop: StopSignals,
    ) -> None:
        self._options = options
        self._core = core
        self._config = config
        self._source = source
        self._stop = stop
        self._stage = Stage(core, config, audible=not options.headless)

    @property
    def _deterministic(self) -> bool:
        return self._options.headless and not self._source.is_live

    def run(self) -> SessionResult:
        """Run the loop for this source, and complete the outputs whatever ends it."""
        window = None if self._options.headless else Window(*self._stage.size)
        try:
            outputs = self._core.open(
                self._source.info,
                log=self._options.log,
                record=self._options.record,
                size=self._stage.size,
                entry=self._options.entry,
                required=self._options.required,
            )
            ended = "failed"
            try:
                ended = self._every_frame(outputs) if self._deterministic else self._live(outputs, window)
            finally:
                summary, timing = self._core.summarise(
                    ended, timed=not self._deterministic, warning=self._source.warning
                )
                self._core.close(summary)
        finally:
            self._stage.close()
            if window is not None:
                window.close()
        if ended == "camera lost":
            raise SourceError(
                f"{self._source.info.name} was lost and did not come back within "
                f"{self._config.camera.lost_timeout:g} s: check its cable, then start again"
            )
        return SessionResult(ended, summary, timing, tuple(self._core.missing))

    # -- a file, every frame -------------------------------------------------------------------------------

    def _every_frame(self, outputs: Outputs) -> str:
        frames: Pipe[Frame] = Pipe(_AHEAD)
        moments: Pipe[Processed] = Pipe(_AHEAD)
        decode = DecodeWorker(self._source, frames)
        inference = SequenceWorker(self._core, frames, moments)
        decode.start()
        inference.start()
        try:
            while not (self._stop.asked or moments.finished):
                processed = moments.take(_TICK)
                if processed is not None:
                    self._take_down(processed, outputs)
        finally:
            for worker in (decode, inference):
                worker.stop()
            for pipe in (moments, frames):
                pipe.cut()
            for worker in (inference, decode):
                worker.join()
        for worker in (inference, decode):
            if worker.error is not None:
                raise worker.error
        return "interrupted" if self._stop.asked else "end of source"

    def _take_down(self, processed: Processed, outputs: Outputs) -> None:
        """Count, log and record one moment of a file."""
        self._core.note(processed)
        if outputs.recording:
            picture = self._stage.picture(processed)
            self._core.statistics.show(time.monotonic(), processed.at)
            outputs.record(lambda: picture, processed.frame.time)

    # -- live ----------------------------------------------------------------------------------------------

    def _live(self, outputs: Outputs, window: Window | None) -> str:
        frames: Mailbox[Captured] = Mailbox(lambda captured: captured.frame.time)
        moments: Mailbox[Processed] = Mailbox(lambda processed: processed.frame.time)
        capture = CaptureWorker(self._source, frames, self._config.camera)
        inference = InferenceWorker(self._core, frames, moments, self._core.note)
        capture.start()
        inference.start()
        try:
            ended = self._show(moments, capture, inference, outputs, window)
        finally:
            capture.stop()
            inference.stop()
            joined = [worker.join() for worker in (inference, capture)]
            if all(joined):
                self._note_unprocessed(frames)
        for worker in (inference, capture):
            if worker.error is not None:
                raise worker.error
        return ended

    def _show(
        self,
        moments: Mailbox[Processed],
        capture: CaptureWorker,
        inference: InferenceWorker,
        outputs: Outputs,
        window: Window | None,
    ) -> str:
        """Draw the newest moment and obey the keys, on the main thread; return why the session ended."""
        newest: Processed | None = None
        drawn = 0.0
        while not self._stop.asked:
            taken = moments.take(_TICK)
            if taken is not None:
                newest = taken[0]
            elif moments.finished:
                return "camera lost" if capture.gone else "end of source"
            for command in window.poll() if window is not None else []:
                if command is Command.QUIT:
                    return "quit"
                newest = self._obey(command, capture, inference, newest)
                drawn = 0.0
            now = time.monotonic()
            if newest is None or (taken is None and (window is None or now - drawn < _REDRAW)):
                continue
            drawn = now
            if taken is not None:
                self._stage.hear(newest.moment)
            self._stage.hurried = inference.hurried
            self._put_out(newest, taken is not None, capture, outputs, window)
        return "interrupted"

    def _put_out(
        self, newest: Processed, new: bool, capture: CaptureWorker, outputs: Outputs, window: Window | None
    ) -> None:
        """Draw one picture for both window and recording."""
        if window is None and not outputs.recording:
            return
        self._stage.tell(self._core.missing)
        picture = self._stage.picture(newest, _notice(capture))
        if new:
            outputs.record(lambda: picture, newest.frame.time, patient=False)
        if window is not None:
            window.show(picture)
        if new:
            self._core.statistics.show(time.monotonic(), newest.at)

    def _obey(
        self, command: Command, capture: CaptureWorker, inference: InferenceWorker, newest: Processed | None
    ) -> Processed | None:
        """Carry out a command; return the frame and moment to draw now."""
        moment = None if newest is None else newest.moment
        if command is Command.PAUSE:
            capture.paused = not capture.paused
            self._stage.pause(paused=capture.paused)
        elif command is Command.RESTART:
            inference.ask(self._core.restart)
            self._stage.restart()
        elif command is Command.BEGIN:
            inference.ask(self._core.begin)
        elif command is Command.LOOP and moment is not None:
            inference.ask(partial(self._core.practise, self._stage.toggle_loop(moment)))
        elif command is Command.GUIDANCE:
            shown = self._core.choose_guidance()
            self._stage.say_guidance(shown.level)
            if newest is not None:  # at once: during a pause no new frame would show the change
                return replace(newest, moment=replace(newest.moment, shown=shown))
        else:
            self._stage.obey(command, moment)
        return newest

    def _note_unprocessed(self, frames: Mailbox[Captured]) -> None:
        """Count a frame that was captured but not processed when the session ended as dropped."""
        left = frames.take(0.0)
        if left is not None:
            captured, missed = left
            self._core.note_missed([*missed, captured.frame.time])


def _notice(capture: CaptureWorker) -> str | None:
    """Return what the performer must know about the camera, or None."""
    since = capture.lost_since
    if since is not None:
        return f"Camera lost · waiting for it, {time.monotonic() - since:.0f} s"
    return SHARED.words.paused if capture.paused else None
