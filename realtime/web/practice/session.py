"""One performer in the browser: a session in its own thread, with a log and a report like any other."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from posesync.configs.shared import SHARED
from posesync.pose.errors import OutputError, PoseSyncError
from posesync.pose.estimator import PoseEstimator
from posesync.pose.frame_source import SourceInfo
from posesync.pose.unfinished import Entry
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.settings import GuidanceLevel
from posesync.realtime.pipeline.workers import InferenceWorker, Processed
from posesync.realtime.report import write_report
from posesync.realtime.report.keeping import new_log
from posesync.realtime.report.recovery import begin_session
from posesync.realtime.session.config import Config
from posesync.realtime.session.core import SessionCore
from posesync.realtime.session.options import pose_settings
from posesync.realtime.session.outputs import Missing, Outputs

from .answers import AnswerWriter
from .frames import FrameClock, JpegInbox, Waiting
from .protocol import (
    MOST_BYTES,
    Begin,
    Command,
    EncodedFrame,
    FrameWanted,
    Loop,
    Pause,
    ProtocolError,
    Restart,
    SetGuidance,
    Trouble,
    Welcome,
)

logger = logging.getLogger(__name__)

#: The frames that a page is asked to send.
FRAMES: Final = FrameWanted(**asdict(SHARED.socket.frames), bytes=MOST_BYTES)
#: s; a shorter section is refused.
SHORTEST_LOOP: Final = SHARED.limits.shortest_taken


@dataclass(frozen=True, slots=True)
class Finished:
    """How a session ended.

    Attributes:
        report: the file, or None when there was nothing to report or it could not be written.
        summary: as in the log.
    """

    report: Path | None
    summary: dict[str, Any]


class PracticeSession:
    """Takes frames and sends answers. Making one loads the models, so do not do it in an event loop's thread.

    Args:
        name: unique and unguessable; a page resumes the session with it.
        expert: the expert to follow; closed by :meth:`finish`.
        config: settings.
        folder: where log and report are kept.
        history: the history's file, for the report; None for no history.
        tell: called with every message for the page, as JSON text, in the inference thread; the flag says
            whether it is an answer, of which only the newest is of use.

    Attributes:
        empty: no frame has been processed so far.
        paused: frames are ignored.
        heard: when the page last sent something, s, monotonic.

    Raises:
        ModelError: a model is missing or cannot be run.
    """

    def __init__(
        self,
        name: str,
        expert: Expert,
        config: Config,
        *,
        folder: Path,
        history: Path | None,
        tell: Callable[[str, bool], None],
    ) -> None:
        self.name = name
        self.expert = expert
        self._folder, self._history, self._tell = folder, history, tell
        self._core = SessionCore(PoseEstimator(pose_settings(config)), expert, config, waits=True)
        self._answers = AnswerWriter(expert)
        self._outputs: Outputs | None = None
        self._entry: Entry | None = None
        self._missing: list[Missing] = []
        self._told = 0
        self._clock = FrameClock()
        self._inbox = JpegInbox(self._refuse)
        self._worker = InferenceWorker(self._core, self._inbox, None, self._take_down)
        self._seq = -1
        self._finishing = threading.Lock()
        self._finished: Finished | None = None
        self.empty = True
        self.paused = False
        self.heard = time.monotonic()
        self._worker.start()

    # -- the page's side: the event loop's thread ----------------------------------------------------------

    def welcome(self, *, resumed: bool) -> str:
        """Return the first message of a connection."""
        self.heard = time.monotonic()
        return Welcome(
            session=self.name,
            duration=round(self.expert.reference.duration, 4),
            start=round(self.expert.opening, 4),
            size=self.expert.size,
            sections=[(part.start, part.end, part.name) for part in self.expert.sections()],
            frame=FRAMES,
            guidance=self._core.level.value,
            resumed=resumed,
        ).model_dump_json()

    def put(self, frame: EncodedFrame) -> None:
        """Take a frame; it replaces one that has not been processed yet. Never waits.

        Raises:
            ProtocolError: its number is not higher than the last one's; it is ignored.
        """
        now = self.heard = time.monotonic()
        if frame.seq <= self._seq:
            raise ProtocolError("order", f"frame {frame.seq} after {self._seq}: numbers must go up")
        self._seq = frame.seq
        if not self.paused:
            self._inbox.put(Waiting(frame, self._clock.time(frame.captured, now), now))

    def renumber(self) -> None:
        """Accept frame numbers from 0 again, as a page that reconnects sends them."""
        self._seq = -1

    def obey(self, command: Command) -> None:
        """Carry out a command of the page, except for the end, which is the hub's task.

        Raises:
            ProtocolError: the section is too short or outside the piece.
        """
        self.heard = time.monotonic()
        ask = self._worker.ask
        if isinstance(command, Pause):
            self.paused = command.on
        elif isinstance(command, Begin):
            ask(self._core.begin)
        elif isinstance(command, Restart):
            ask(self._core.restart)
            ask(self._answers.restart)
        elif isinstance(command, SetGuidance):
            self._core.choose_guidance(GuidanceLevel(command.level))
        elif isinstance(command, Loop):
            ask(partial(self._core.practise, self._section(command)))

    def _section(self, loop: Loop) -> tuple[float, float] | None:
        if loop.section is None:
            return None
        first, last = (float(self.expert.reference.times[end]) for end in (0, -1))
        begin, end = max(first, loop.section[0]), min(last, loop.section[1])
        if end - begin < SHORTEST_LOOP:
            raise ProtocolError(
                "section",
                f"a section of {end - begin:.2f} s, expected {SHORTEST_LOOP:g} s or more of the piece",
            )
        return begin, end

    @property
    def failed(self) -> BaseException | None:
        """Return the error that ended the session early, or None."""
        return self._worker.error

    def finish(self, ended: str) -> Finished:
        """End the session, complete its log and write its report; slow. Later calls return the same.

        Args:
            ended: as in the log's summary: ``quit``, ``idle``, ``interrupted`` or ``failed``.
        """
        with self._finishing:
            if self._finished is None:
                self._finished = self._finish(ended)
            return self._finished

    # -- the inference thread ------------------------------------------------------------------------------

    def _take_down(self, processed: Processed, missed: Sequence[float]) -> None:
        """Answer first, because the performer waits for it; then count and log."""
        self.empty, waiting = False, self._inbox.taken  # before the answer, after which a page may leave
        assert waiting is not None
        now, began = time.monotonic(), self._inbox.taken_at
        height, width = processed.frame.image.shape[:2]
        answer = self._answers.write(
            processed.moment,
            (width, height),
            waiting,
            waited=began - waiting.at,
            worked=now - began,
            dropped=self._core.statistics.dropped + len(missed),
        )
        self._tell(json.dumps(answer, allow_nan=False, separators=(",", ":")), True)
        if self._outputs is None:  # opened with the first frame: a page that never sends one leaves no log
            self._outputs = self._open(SourceInfo("browser", "camera", width, height))
        self._core.note(processed, missed)
        self._tell_missing()

    def _open(self, camera: SourceInfo) -> Outputs:
        """Begin the log; a disk that has no room for one costs the log, not the practice."""
        log: Path | None = None
        try:
            log = new_log(self._folder, self.name[:6])
        except OutputError as error:
            self._missing.append(Missing.of("log", error))
            logger.warning("%s", error)
        else:
            self._entry = begin_session(self._history)
        size = (camera.width, camera.height)
        return self._core.open(camera, log=log, size=size, entry=self._entry, required=False)

    def _tell_missing(self) -> None:
        """Tell the page, once, which outputs have ended."""
        missing = [*self._missing, *self._core.missing]
        for each in missing[self._told :]:
            message = f"{each.words} {SHARED.words.goes_on}"
            self._tell(Trouble(code=each.what, message=message).model_dump_json(), False)
        self._told = len(missing)

    def _refuse(self, waiting: Waiting, error: ProtocolError) -> None:
        trouble = Trouble(code=error.code, message=str(error), seq=waiting.encoded.seq)
        self._tell(trouble.model_dump_json(), False)

    # -- the end -------------------------------------------------------------------------------------------

    def _finish(self, ended: str) -> Finished:
        self._inbox.close()
        self._worker.stop()
        self._worker.join()
        if self._worker.error is not None:
            ended = "failed"
            logger.warning("a session in the browser ended: %s", self._worker.error)
        summary, _ = self._core.summarise(ended)
        report = None
        done = False
        try:
            self._core.close(summary)
            report = self._report()
            done = True
        except PoseSyncError as error:
            logger.warning("%s", error)
            self._missing.append(Missing.of("report", error))
        finally:
            if self._entry is not None:
                (self._entry.end if done else self._entry.leave)()
            if self.expert.proxy is not None:
                self.expert.proxy.close()
        summary.pop("moments", None)
        if missing := [each.words for each in (*self._missing, *self._core.missing)]:
            summary["missing"] = missing
        return Finished(report, summary)

    def _report(self) -> Path | None:
        if self._outputs is None or self._outputs.log is None:
            return None
        log = self._outputs.log.path
        if not log.is_file():  # nothing of it could be kept
            return None
        target = log.with_suffix(".html")
        write_report(log, target, history=self._history)
        return target
