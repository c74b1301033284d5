"""What a session writes while it runs: log and recording, opened together, closed whatever happens."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from posesync.pose.errors import OutputError
from posesync.pose.types import Image
from posesync.pose.writer import VideoWriter

from .coach import Step
from .session_log import SessionLog


class Outputs:
    """Log and recording of one session; either may be left out.

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
        self._record = record
        try:
            if log is not None:
                self.log = SessionLog(log, header)
            if record is not None:
                self.video = VideoWriter(record, size[0], size[1], fps)
        except BaseException:
            self.abort()
            raise

    def add(self, step: Step, missed: list[float]) -> None:
        """Log one processed frame and those dropped before it."""
        if self.log is not None:
            for time in missed:
                self.log.drop(time)
            self.log.write(step)

    def add_missed(self, missed: list[float]) -> None:
        """Log frames that were captured at the very end and never processed."""
        if self.log is not None:
            for time in missed:
                self.log.drop(time)

    def record(self, picture: Callable[[], Image], time: float) -> None:
        """Record what ``picture`` draws, at ``time`` s; nothing is drawn when nothing is recorded."""
        if self.video is not None:
            self.video.write(picture(), time)

    def close(self, summary: Mapping[str, Any]) -> None:
        """Complete both files, the second also when the first cannot be completed."""
        try:
            if self.log is not None:
                self.log.close(summary)
        finally:
            if self.video is not None:
                self.video.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        if self.log is not None:
            self.log.abort()
        if self.video is not None:
            self.video.abort()


def check_output(path: Path | None, option: str) -> None:
    """Refuse a place that cannot be written to before any work is done.

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
