"""Writes session.jsonl: a header, one line per captured frame, and a summary.

    {"posesync": version, "schema": 1, "reference": {…}, "camera": {…}, "models": {…}}
    {"t": 0.033, "position": 1.25, "speed": 0.97, "state": "following", "confidence": 0.93, "score": 91.2,
     "joints": {"left_elbow": -4.1, …}, "timing": 88.0, "repetition": 2}       (in one line)
    {"summary": {…}}

``score`` is the score for form, ``timing`` the score for pace. ``cue``: the correction shown from this frame
on. ``repetition``: periods of the movement finished so far. ``mirrored``, ``jumped`` and ``wrapped`` (back at
the start by finishing the piece) are present when true; ``position`` runs backwards only on a line with
``jumped`` or ``wrapped``.

A line is written when its place has settled, some 0.2 s after its frame, 0.6 s at most: ``position``,
``score``, ``joints``, ``timing``, ``repetition``, ``jumped`` and ``wrapped`` are those of the settled place,
the others those of the live one. A line whose place has not settled when the session ends has live values.

A frame that was captured but replaced by a newer one before it could be processed has ``"dropped": true``,
no position and the state of the frame before it.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from posesync.pose.errors import OutputError
from posesync.pose.files import PartFile, keep_under_free_name, reason_of
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.unfinished import Entry
from posesync.realtime.coaching.feedback import Feedback
from posesync.realtime.coaching.moment import Judged, Moment
from posesync.realtime.coaching.scoring import TimingReading
from posesync.realtime.tracking.position import Position, State

SCHEMA: Final = 1
#: s that a line waits at most for its place to settle.
LONGEST_WAIT: Final = 0.6
#: Bytes read at once, from the end, to find the last complete line.
_BLOCK: Final = 1 << 16


class SessionLog:
    """Writes a log under a temporary name in the same folder, and renames it when it is complete.

    Every line is with the system as soon as it is written, so that a killed process does not take it along.

    Args:
        path: of the log.
        header: the object on line 1, without ``schema``.
        entry: who recovers the log after a kill, see :func:`recover`; None: nobody, it is removed.

    Raises:
        OutputError: from every method: the folder is missing or read-only, or the disk is full.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], *, entry: Entry | None = None) -> None:
        self.path = path
        self._part: PartFile | None = None
        self._waiting: deque[tuple[float, Moment | None]] = deque()  # a dropped frame has no moment
        self._state, self._repetition = State.WAITING, 0
        self._place: float | None = None
        self._bytes = self._lines = 0
        self._broken: OutputError | None = None
        self._file: IO[bytes] | None = None
        try:
            self._part = PartFile(path, entry=entry, kind="log")
            self._file = self._part.open()
            version = header.get("posesync")
            self._line(
                {"posesync": version, "schema": SCHEMA, **{k: header[k] for k in header if k != "posesync"}}
            )
        except (OSError, OutputError) as error:
            self.abort()
            if isinstance(error, OSError):
                raise self._problem(error) from None
            raise

    def write(self, moment: Moment) -> None:
        """Add a processed frame, and write the lines of frames whose places have settled with it."""
        self._waiting.append((moment.time, moment))
        for judged in moment.judged:
            self._settle(judged)
        while self._waiting and self._waiting[0][0] < moment.time - LONGEST_WAIT:
            self._write_first()

    def drop(self, time: float) -> None:
        """Add a frame captured at ``time`` s that was not processed."""
        self._waiting.append((time, None))
        self._write_dropped()

    def _settle(self, judged: Judged) -> None:
        """Write the line of a judged frame and all lines before it."""
        while self._waiting and self._waiting[0][0] < judged.time:
            self._write_first()
        if self._waiting and self._waiting[0][0] == judged.time:
            self._write_first(judged)
        self._write_dropped()

    def _write_dropped(self) -> None:
        """Write the lines of the dropped frames at the head of the queue."""
        while self._waiting and self._waiting[0][1] is None:
            self._write_first()

    def _write_first(self, judged: Judged | None = None) -> None:
        """Write the line that has waited longest, with the settled values of ``judged`` if given."""
        time, moment = self._waiting.popleft()
        if moment is None:
            self._line(self._dropped(time))
        elif judged is not None:
            self._line(self._processed(moment, judged.position, judged.feedback, judged.timing))
        else:
            self._line(self._processed(moment, moment.position, moment.feedback, moment.timing))

    def _processed(
        self, moment: Moment, position: Position, feedback: Feedback, timing: TimingReading
    ) -> dict[str, Any]:
        self._state, self._repetition = position.state, position.repetition
        broken = position.jumped or position.wrapped or self._place is None
        place = position.time
        if place is not None and self._place is not None and not broken:
            place = max(place, self._place)  # a live place may lie before the settled one logged last
        self._place = place
        return {
            "t": round(moment.time, 6),
            "position": _round(place, 4),
            "speed": _round(position.speed, 4),
            "state": position.state.value,
            "confidence": _round(position.confidence, 4),
            "score": _round(feedback.score, 2),
            "joints": {name: _round(feedback.joints[name], 2) for name in JOINT_NAMES},
            "timing": _round(timing.score, 2),
            "repetition": position.repetition,
            **({"cue": moment.cue.text} if moment.said and moment.cue is not None else {}),
            **({"mirrored": True} if position.mirrored else {}),
            **({"jumped": True} if position.jumped else {}),
            **({"wrapped": True} if position.wrapped else {}),
        }

    def _dropped(self, time: float) -> dict[str, Any]:
        return {
            "t": round(time, 6),
            "position": None,
            "speed": 0.0,
            "state": self._state.value,
            "confidence": 0.0,
            "score": None,
            "joints": dict.fromkeys(JOINT_NAMES),
            "repetition": self._repetition,
            "dropped": True,
        }

    @property
    def written_to(self) -> Path | None:
        """Return the hidden file that holds the lines so far; None once it has its name."""
        return None if self._file is None or self._part is None else self._part.path

    def close(self, summary: Mapping[str, Any]) -> None:
        """Write the waiting lines and the summary, and give the log its name.

        On a full disk the complete lines are kept.
        """
        if self._file is None:
            return
        try:
            try:
                while self._waiting and not self._broken:  # no line may follow an incomplete one
                    self._write_first()
                if self._broken:
                    raise self._broken
                self._line({"summary": dict(summary)})
            finally:
                self._finish()
        except OSError as error:
            raise self._problem(error) from None

    def give_up(self, error: Exception) -> None:
        """Keep the complete lines under the log's name after a failure; nothing more is written.

        Raises:
            OutputError: always; it says what is kept.
        """
        result, lines = "nothing of it is kept", self._lines
        if self._file is not None:
            with suppress(OSError):
                self._finish()
                result = f"its first {lines} lines are kept"
        reason = reason_of(error)
        raise OutputError(
            f"the log {self.path} cannot be written further ({reason}), {result}: free some space, or choose "
            "another place with --log",
            reason=reason,
        )

    def abort(self) -> None:
        """Close and delete the unfinished log."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):
                file.close()
        if self._part is not None:
            self._part.discard()

    def _finish(self) -> None:
        file, self._file = self._file, None
        assert file is not None
        assert self._part is not None
        with suppress(OSError):  # if the rest of the buffer does not fit, the file is cut to whole lines
            file.close()
        try:
            if self._part.path.stat().st_size != self._bytes:
                cut_to_whole_lines(self._part.path)
            self._part.take_place()
        except OSError:
            self._part.discard()
            raise

    def _line(self, values: Mapping[str, Any]) -> None:
        assert self._file is not None
        data = json.dumps(values, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n"
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            self._broken = self._problem(error)
            raise self._broken from None
        self._bytes += len(data)
        self._lines += 1

    def _problem(self, error: OSError) -> OutputError:
        reason = reason_of(error)
        return OutputError(
            f"cannot write the log {self.path} ({reason}): free some space or choose another place with "
            "--log",
            reason=reason,
        )


def cut_to_whole_lines(path: Path) -> int:
    """Cut a file after its last complete line; return the number of lines left, 2 at most.

    Raises:
        OSError: it cannot be read or changed.
    """
    with path.open("r+b") as file:
        end = place = file.seek(0, os.SEEK_END)
        while place > 0:
            size = min(_BLOCK, place)
            place -= size
            file.seek(place)
            found = file.read(size).rfind(b"\n")
            if found >= 0:
                place += found + 1
                break
        if place != end:
            file.truncate(place)
        file.seek(0)
        return sum(file.readline().endswith(b"\n") for _ in range(2))


def recover(part: Path, target: Path) -> Path | None:
    """Complete a log whose process was killed: its complete lines, without a summary.

    Repeated after it was interrupted, it comes to the same file.

    Args:
        part: the hidden file that was written.
        target: the name it was to get. A file that is there by now stays, and this one gets another name.

    Returns:
        Where it is now; None when it held no frame and was deleted.

    Raises:
        OSError: it cannot be read, changed or renamed.
    """
    if cut_to_whole_lines(part) < 2:
        part.unlink(missing_ok=True)
        return None
    return keep_under_free_name(part, target)


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)
