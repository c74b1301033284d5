"""Log and recording of a session. Either may fail, and then ends, and the session goes on without it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from posesync.configs.shared import SHARED
from posesync.pose.errors import OutputError
from posesync.pose.files import reason_of
from posesync.pose.types import Image
from posesync.pose.unfinished import Entry
from posesync.pose.writer import VideoWriter
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.pipeline.workers import OutputWorker

from .durable import DiskSync
from .log import SessionLog

logger = logging.getLogger(__name__)

#: Jobs that may wait: a few pictures, 3 MB each at 720p, and their lines in the log.
_ROOM: Final = 8
#: Preset of x264: a picture costs less than half as much as with ``veryfast``, for a file a third larger.
_PRESET: Final = "superfast"


@dataclass(frozen=True, slots=True)
class Missing:
    """An output that ended before the session, or never began.

    Attributes:
        what: ``log``, ``recording`` or ``report``.
        reason: why, in a few words for a screen.
        message: the same in one line: what is kept, and what to do.
    """

    what: str
    reason: str
    message: str

    @property
    def words(self) -> str:
        """Return it as window and page say it."""
        return SHARED.words.missing[self.what].format(reason=self.reason)

    @classmethod
    def of(cls, what: str, error: Exception) -> Missing:
        """Return what an error says."""
        message = (
            str(error) if isinstance(error, OutputError) else f"the {what} has ended: {reason_of(error)}"
        )
        return cls(what, reason_of(error), message)


class Outputs:
    """Log and recording of one session, written by a separate thread; either may be left out.

    One that cannot be written any further is ended at once: what it holds is kept and can be read.

    Attributes:
        missing: the outputs that failed so far, in that order.
        unrecorded: pictures that are missing in the recording because encoding could not keep up.

    Args:
        log: path of session.jsonl, or None.
        record: path of the recording, or None.
        header: the log's first line.
        size: width, height of the pictures recorded, px.
        fps: frames per second of the recording, about; every picture carries its own time.
        entry: in the register of unfinished sessions; the caller ends it. None: one of its own.
        required: an output that cannot be begun is an error; otherwise it is missing, as if it failed later.

    Raises:
        OutputError: a folder is missing or read-only.
    """

    def __init__(
        self,
        log: Path | None,
        record: Path | None,
        header: Mapping[str, Any],
        size: tuple[int, int],
        fps: float,
        *,
        entry: Entry | None = None,
        required: bool = True,
    ) -> None:
        self.log: SessionLog | None = None
        self.video: VideoWriter | None = None
        self.missing: list[Missing] = []
        self.unrecorded = 0
        self._lost: dict[str, OSError] = {}
        self._writer: OutputWorker | None = None
        self._sync: DiskSync | None = None
        self._own: Entry | None = None
        if entry is None and (log is not None or record is not None):
            entry = self._own = Entry.begin({"session": None}, durable=True)
        try:
            if log is not None:
                self.log = self._begin("log", required, lambda: SessionLog(log, header, entry=entry))
            if record is not None:
                self.video = self._begin(
                    "recording",
                    required,
                    lambda: VideoWriter(record, *size, fps, preset=_PRESET, prompt=True, entry=entry),
                )
        except BaseException:
            self.abort()
            raise
        self._start()

    def _start(self) -> None:
        """Start the threads, when there is something to write."""
        files = {}
        if self.log is not None and self.log.written_to is not None:
            files["log"] = self.log.written_to
        if self.video is not None:
            files["recording"] = self.video.written_to
        if files:
            self._writer = OutputWorker(_ROOM)
            self._writer.start()
            self._sync = DiskSync(files, self._lost.__setitem__)

    @property
    def recording(self) -> bool:
        """Whether pictures are being recorded."""
        return self.video is not None and self._works("recording")

    def add(self, moment: Moment, missed: Sequence[float]) -> None:
        """Log one processed frame and the frames dropped before it, at the times ``missed`` in s."""
        if self.log is not None and self._writer is not None:
            self._writer.push(partial(self._log, moment, missed))

    def add_missed(self, missed: Sequence[float]) -> None:
        """Log the frames captured at the very end, at these times in s, and never processed."""
        if self.log is not None and self._writer is not None:
            self._writer.push(partial(self._log, None, missed))

    def record(self, picture: Callable[[], Image], time: float, *, patient: bool = True) -> None:
        """Record the picture for ``time`` s; it is drawn only when there is a recording.

        Args:
            picture: draws it; called at once, and its image must not be changed afterwards.
            time: s.
            patient: wait while the encoder is behind; False leaves the picture out instead.
        """
        if self.recording and self._writer is not None:
            given = self._writer.give(partial(self._record, picture(), time), patient=patient)
            self.unrecorded += not given

    def close(self, summary: Mapping[str, Any]) -> None:
        """Complete both files; what cannot be completed is in :attr:`missing`, and kept as far as it goes.

        Args:
            summary: the log's last line; the outputs missing by then are added to it.
        """
        self._stop()
        if self.video is not None:
            self._guard("recording", self.video.close)
        if self.log is not None:
            gone = [f"{missing.what}: {missing.reason}" for missing in self.missing]
            self._guard("log", partial(self.log.close, {**summary, "missing": gone} if gone else summary))
        self._end()

    def abort(self) -> None:
        """Close and delete both unfinished files."""
        self._stop()
        if self.log is not None:
            self.log.abort()
        if self.video is not None:
            self.video.abort()
        self._end()

    # -- inside --------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        if self._sync is not None:
            self._sync.stop()
        if self._writer is not None:
            self._writer.finish()

    def _end(self) -> None:
        if self._own is not None:
            self._own.end()

    def _begin(self, what: str, required: bool, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except OutputError as error:
            if required:
                raise
            self._miss(what, error)
            return None

    def _works(self, what: str) -> bool:
        return all(missing.what != what for missing in self.missing)

    def _miss(self, what: str, error: Exception) -> None:
        missing = Missing.of(what, error)
        self.missing.append(missing)
        logger.warning("%s", missing.message)

    def _guard(self, what: str, work: Callable[[], object]) -> None:
        """Do a part of an output's work; an error costs that output, and nothing else."""
        if not self._works(what):
            return
        try:
            if (lost := self._lost.get(what)) is not None:
                raise lost
            work()
        except Exception as error:
            logger.debug("%s", what, exc_info=error)
            try:
                self._keep(what, error)
            except Exception as final:  # says more: what is kept
                error = final
            self._miss(what, error)

    def _keep(self, what: str, error: Exception) -> None:
        """Keep what an output holds; raises an error that says how much."""
        if self._sync is not None:
            self._sync.release(what)
        if what == "log" and self.log is not None:
            self.log.give_up(error)
        elif self.video is not None:
            self.video.give_up(error)

    def _log(self, moment: Moment | None, missed: Sequence[float]) -> None:
        self._guard("log", partial(self._write_lines, moment, missed))

    def _write_lines(self, moment: Moment | None, missed: Sequence[float]) -> None:
        assert self.log is not None
        for time in missed:
            self.log.drop(time)
        if moment is not None:
            self.log.write(moment)

    def _record(self, image: Image, time: float) -> None:
        assert self.video is not None
        self._guard("recording", partial(self.video.write, image, time))
