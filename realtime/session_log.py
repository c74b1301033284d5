"""session.jsonl: one line per captured frame, a header before and a summary after them.

    {"posesync": version, "schema": 1, "reference": {…}, "camera": {…}, "models": {…}}
    {"t": 0.033, "position": 1.25, "speed": 0.97, "state": "following", "confidence": 0.93, "score": 91.2,
     "joints": {"left_elbow": -4.1, …}, "timing": 88.0}                        (in one line)
    {"summary": {…}}

``score`` is that of form, ``timing`` that of pace. ``cue``: the correction that is shown from this frame on;
``mirrored`` and ``jumped`` are there when true.

A frame that was captured but replaced by a newer one before it could be processed has ``"dropped": true``,
no position and the state of the frame before it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from posesync.pose.errors import OutputError
from posesync.pose.skeleton import JOINT_NAMES

from .position import State

if TYPE_CHECKING:  # the coach knows the report's sections, and the report the log's version
    from .coach import Step

SCHEMA: Final = 1


class SessionLog:
    """Writes a log under a temporary name beside its own, which it gets when it is complete.

    Args:
        path: of the log.
        header: what line 1 says, without ``schema``.

    Raises:
        OutputError: from every method: the folder is missing or read-only, or the disk is full.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._state = State.WAITING
        self._bytes = 0
        self._file: IO[bytes] | None = None
        try:
            self._file = self._part.open("wb")
            version = header.get("posesync")
            self._line(
                {"posesync": version, "schema": SCHEMA, **{k: header[k] for k in header if k != "posesync"}}
            )
        except (OSError, OutputError) as error:
            self.abort()
            if isinstance(error, OSError):
                raise self._problem(error) from None
            raise

    def write(self, step: Step) -> None:
        """Add a processed frame."""
        position, feedback = step.position, step.feedback
        self._state = position.state
        self._line(
            {
                "t": round(step.frame.time, 6),
                "position": _round(position.time, 4),
                "speed": _round(position.speed, 4),
                "state": position.state.value,
                "confidence": _round(position.confidence, 4),
                "score": _round(feedback.score, 2),
                "joints": {name: _round(feedback.joints[name], 2) for name in JOINT_NAMES},
                "timing": _round(step.timing.score, 2),
                **({"cue": step.cue.text} if step.said and step.cue is not None else {}),
                **({"mirrored": True} if position.mirrored else {}),
                **({"jumped": True} if position.jumped else {}),
            }
        )

    def drop(self, time: float) -> None:
        """Add a frame captured at ``time`` s that was not processed."""
        self._line(
            {
                "t": round(time, 6),
                "position": None,
                "speed": 0.0,
                "state": self._state.value,
                "confidence": 0.0,
                "score": None,
                "joints": dict.fromkeys(JOINT_NAMES),
                "dropped": True,
            }
        )

    def close(self, summary: Mapping[str, Any]) -> None:
        """Add the summary and put the log in its place. On a full disk the complete lines are kept."""
        if self._file is None:
            return
        try:
            try:
                self._line({"summary": dict(summary)})
                self._file.flush()
                os.fsync(self._file.fileno())
            finally:
                self._finish()
        except OSError as error:
            raise self._problem(error) from None

    def abort(self) -> None:
        """Leave nothing behind."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):
                file.close()
        self._part.unlink(missing_ok=True)

    def _finish(self) -> None:
        file, self._file = self._file, None
        assert file is not None
        with suppress(OSError):  # when what the buffer still held does not fit, the cut keeps whole lines
            file.close()
        if self._part.stat().st_size != self._bytes:
            _cut_to_whole_lines(self._part)
        self._part.replace(self.path)

    def _line(self, values: Mapping[str, Any]) -> None:
        assert self._file is not None
        data = json.dumps(values, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        try:
            self._file.write(data)
        except OSError as error:
            raise self._problem(error) from None
        self._bytes += len(data)

    def _problem(self, error: OSError) -> OutputError:
        reason = error.strerror or type(error).__name__
        return OutputError(
            f"cannot write the log {self.path} ({reason}): free some space or choose another place with --log"
        )


def _cut_to_whole_lines(path: Path) -> None:
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.truncate(data.rfind(b"\n") + 1)


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)
