"""Log and recording of a session, opened together and closed whatever happens."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from posesync.pose.errors import OutputError
from posesync.pose.types import Image
from posesync.pose.writer import VideoWriter
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.pipeline.workers import OutputWorker

from .log import SessionLog

#: Jobs that may wait: a few pictures, 3 MB each at 720p, and their lines in the log.
_ROOM: Final = 8
#: Preset of x264: a picture costs less than half as much as with ``veryfast``, for a file a third larger.
_PRESET: Final = "superfast"


class Outputs:
    """Log and recording of one session, written by a separate thread; either may be left out.

    An error in that thread is raised by the next call, or by :meth:`close`.

    Attributes:
        unrecorded: pictures that are missing in the recording because encoding could not keep up.

    Args:
        log: path of session.jsonl, or None.
        record: path of the recording, or None.
        header: the log's first line.
        size: width, height of the pictures recorded, px.
        fps: frames per second of the recording, about; every picture carries its own time.

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
    ) -> None:
        self.log: SessionLog | None = None
        self.video: VideoWriter | None = None
        self.unrecorded = 0
        self._log_broken = False
        self._writer: OutputWorker | None = None
        try:
            if log is not None:
                self.log = SessionLog(log, header)
            if record is not None:
                self.video = VideoWriter(record, size[0], size[1], fps, preset=_PRESET)
        except BaseException:
            self.abort()
            raise

        if self.log is not None or self.video is not None:
            self._writer = OutputWorker(_ROOM)
            self._writer.start()

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
        if self.video is not None and self._writer is not None:
            given = self._writer.give(partial(self.video.write, picture(), time), patient=patient)
            self.unrecorded += not given

    def close(self, summary: Mapping[str, Any]) -> None:
        """Complete both files, the second even when the first cannot be completed.

        Raises:
            OutputError: one of them could not be written; what was written so far is kept.
        """
        try:
            if self._writer is not None:
                self._writer.finish()
        finally:
            try:
                if self.log is not None:
                    self.log.close(summary)
            finally:
                if self.video is not None:
                    self.video.close()
        if self._writer is not None and self._writer.error is not None:
            raise self._writer.error

    def abort(self) -> None:
        """Close and delete both unfinished files."""
        if self._writer is not None:
            self._writer.finish()
        if self.log is not None:
            self.log.abort()
        if self.video is not None:
            self.video.abort()

    def _log(self, moment: Moment | None, missed: Sequence[float]) -> None:
        if self.log is None or self._log_broken:
            return
        self._log_broken = True  # until all is written: no line may follow an incomplete one
        for time in missed:
            self.log.drop(time)
        if moment is not None:
            self.log.write(moment)
        self._log_broken = False


def check_output(path: Path | None, option: str) -> None:
    """Refuse a path that cannot be written to, before any work is done.

    Raises:
        OutputError: the folder is missing or read-only, or the path is a folder.
    """
    if path is None:
        return
    if path.is_dir():
        raise OutputError(f"{path} is a folder, expected the name of a file: give {option} a file name")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"there is no folder {folder}: make it, or choose another {option}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"the folder {folder} may not be written to: choose another {option}")
