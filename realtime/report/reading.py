"""Reads session.jsonl as hostile input: whatever a line holds, the result is arrays within their ranges.

A line that cannot be used is counted and skipped; only a file that is not a PoseSync log is refused.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
from posesync.pose.errors import SourceError
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.textual import clean_text, decode_text, number
from posesync.pose.types import FloatArray
from posesync.realtime.session.log import SCHEMA
from posesync.realtime.tracking.position import State

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int_]

#: Bytes; a log of 30 minutes at 30 fps takes about 16 MB.
MAX_LOG_BYTES: Final = 1 << 29
#: Bytes; the last line holds ten small pictures, every other one a few hundred bytes.
MAX_LINE_BYTES: Final = 8 << 20
MAX_FRAME_BYTES: Final = 64 << 10
_SUMMARY: Final = b'{"summary"'
#: Lines of a log: 9 hours at 30 fps. Tiny lines would take fifty times their size.
MAX_FRAMES: Final = 1_000_000
#: s; a later time is not a measurement.
_LATEST: Final = 1e6
#: Cues kept: two in five seconds for a day.
_MAX_CUES: Final = 40_000

STATES: Final = tuple(State)
_STATE_CODES: Final = {state.value: code for code, state in enumerate(STATES)}
_LOST: Final = STATES.index(State.LOST)
#: Key of a frame's line → least and greatest value; a value outside counts as not given.
_RANGES: Final = {
    "position": (0.0, _LATEST),
    "speed": (0.0, 100.0),
    "confidence": (0.0, 1.0),
    "score": (0.0, 100.0),
    "form": (0.0, 100.0),
    "timing": (0.0, 100.0),
    "repetition": (0.0, _LATEST),
}
_FLAGS: Final = ("dropped", "mirrored", "jumped", "wrapped")
_UNSEEN: Final[tuple[None, ...]] = (None,) * len(JOINT_NAMES)


@dataclass(frozen=True, slots=True)
class CueSaid:
    """A correction that was shown.

    Attributes:
        time: s since the camera's first frame.
        position: s in the reference, or None.
        text: its words.
    """

    time: float
    position: float | None
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class SessionData:
    """A log as arrays, with N frames in the order of their times.

    Attributes:
        header: line 1; its values are untrusted.
        summary: that of the last line, untrusted too; empty when the log was cut off.
        times: (N,) s since the camera's first frame, not decreasing.
        positions: (N,) s in the reference, NaN without one.
        speeds: (N,) 1.0 = the expert's, NaN where not given.
        confidences: (N,) 0..1 or NaN.
        scores: (N,) 0..100 or NaN.
        forms: (N,) 0..100 or NaN; equal to ``scores`` in a log that does not separate form and timing.
        timings: (N,) 0..100 or NaN.
        joints: (N, 8) signed degrees −180..180, performer − expert, or NaN; in the order of JOINT_NAMES.
        states: (N,) index into STATES.
        dropped: (N,) whether the frame was captured but never processed.
        mirrored: (N,) whether the piece was done with left and right exchanged.
        jumped: (N,) whether the position was reached by a jump.
        wrapped: (N,) whether it returned to the start there, as the piece was finished and began again.
        repetitions: (N,) periods of the movement finished so far, NaN where not given.
        cues: corrections in the order in which they were shown.
        notes: problems of the file, one line each, ready to be shown.
        sha256: sha256 of the file, hexadecimal.
    """

    header: Mapping[str, Any]
    summary: Mapping[str, Any]
    times: FloatArray
    positions: FloatArray
    speeds: FloatArray
    confidences: FloatArray
    scores: FloatArray
    forms: FloatArray
    timings: FloatArray
    joints: FloatArray
    states: IntArray
    dropped: BoolArray
    mirrored: BoolArray
    jumped: BoolArray
    wrapped: BoolArray
    repetitions: FloatArray
    cues: tuple[CueSaid, ...]
    notes: tuple[str, ...]
    sha256: str

    def __len__(self) -> int:
        return len(self.times)

    def part(self, name: str) -> Mapping[str, Any]:
        """Return a table of the header, such as ``reference`` or ``camera``; empty when it is not a table."""
        found = self.header.get(name)
        return found if isinstance(found, Mapping) else {}

    @property
    def duration(self) -> float:
        """Length of the reference, s: from the header, else the furthest place reached."""
        named = number(self.part("reference").get("duration"), 0.0, _LATEST)
        reached = float(np.nanmax(self.positions)) if np.isfinite(self.positions).any() else 0.0
        return max(named or 0.0, reached)


def read_session(path: Path) -> SessionData:
    """Return a log.

    Truncated or damaged lines are left out and mentioned in ``notes``.

    Raises:
        SourceError: missing, unreadable, empty, too large, not a log of PoseSync, of a newer version, or
            without a single frame.
    """
    rows = _Rows()
    digest = hashlib.sha256()
    header: Mapping[str, Any] | None = None
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise SourceError(f"{path} is a pipe or a device, expected a log: give a session.jsonl")
        size = path.stat().st_size
        if size > MAX_LOG_BYTES:
            raise SourceError(
                f"{path} has {size} bytes, expected at most {MAX_LOG_BYTES}: is it a session's log?"
            )
        with _open(path) as file:
            while line := file.readline(MAX_LINE_BYTES):
                digest.update(line)
                if header is None:
                    header = _header(line, path)
                else:
                    rows.add(line)
                    if len(rows.times) > MAX_FRAMES or rows.damaged > MAX_FRAMES:
                        raise SourceError(
                            f"{path} has more than {MAX_FRAMES} lines, expected fewer: is it a session's log?"
                        )
    except FileNotFoundError:
        raise SourceError(f"no such log: {path}: give the file named with --log in a session") from None
    except IsADirectoryError:
        raise SourceError(f"{path} is a folder, expected a log: give the session.jsonl in it") from None
    except OSError as error:
        raise SourceError(f"cannot read {path} ({error.strerror or error}): check its permissions") from None
    if header is None:
        raise SourceError(f"{path} is empty, expected a session's log: record one with posesync live --log")
    if not rows.times:
        raise SourceError(f"{path} holds no frame of a session, nothing to report: record a longer one")
    return rows.finish(header, digest.hexdigest())


def _open(path: Path) -> IO[bytes]:
    """Open a log; one that another program wrote again, in UTF-16 or with a mark, as UTF-8 without."""
    file = path.open("rb")
    try:
        begin = file.read(3)
        if begin == codecs.BOM_UTF8:
            return file
        file.seek(0)
        if not begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return file
        with file:
            return io.BytesIO(decode_text(file.read()).encode())
    except UnicodeDecodeError:
        raise SourceError(
            f"{path} is no log of PoseSync: give the file named with --log in a session"
        ) from None
    except BaseException:
        file.close()
        raise


def _header(line: bytes, path: Path) -> Mapping[str, Any]:
    found = _parse(line)
    if found is None or "posesync" not in found or "schema" not in found:
        raise SourceError(f"{path} is no log of PoseSync: give the file named with --log in a session")
    schema = found["schema"]
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        given = clean_text(json.dumps(schema), 20)
        raise SourceError(
            f"{path} is a log of version {given}, expected {SCHEMA}: update with pip install -U posesync, or "
            f"report it with the PoseSync that wrote it ({clean_text(found['posesync'], 20)})"
        )
    return found


def _parse(line: bytes) -> dict[str, Any] | None:
    """Return the object that a line holds, or None. NaN and Infinity, which are not JSON, become None."""
    try:
        found = _DECODER.decode(line.decode())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _nothing(_constant: str) -> None:
    return None


#: Made once: json.loads would make one for every line.
_DECODER: Final = json.JSONDecoder(parse_constant=_nothing)


@dataclass(slots=True)
class _Rows:
    """Collects columns line by line."""

    times: list[float] = field(default_factory=list)
    # Rows in flat lists: a list for each row would keep the garbage collector busy.
    values: list[Any] = field(default_factory=list)
    joints: list[Any] = field(default_factory=list)
    states: list[int] = field(default_factory=list)
    flags: list[Any] = field(default_factory=list)
    cues: list[CueSaid] = field(default_factory=list)
    summary: dict[str, Any] | None = None
    damaged: int = 0
    broken_off: bool = False

    def add(self, line: bytes) -> None:
        """Add one line after the header."""
        too_long = len(line) > MAX_FRAME_BYTES and not line.startswith(_SUMMARY)
        found = None if too_long else _parse(line)
        self.broken_off = found is None and not line.endswith(b"\n")
        if found is None or self.summary is not None:
            self.damaged += not self.broken_off
            return
        if "summary" in found:
            self.summary = found["summary"] if isinstance(found["summary"], dict) else {}
            return
        time = number(found.get("t"), 0.0, _LATEST)
        if time is None or (self.times and time < self.times[-1]):
            self.damaged += 1
            return
        self._frame(time, found)

    def _frame(self, time: float, found: dict[str, Any]) -> None:
        self.times.append(time)
        self.values.extend(map(found.get, _RANGES))
        joints = found.get("joints")
        self.joints.extend(map(joints.get, JOINT_NAMES) if isinstance(joints, dict) else _UNSEEN)
        state = found.get("state")
        self.states.append(_STATE_CODES.get(state, _LOST) if isinstance(state, str) else _LOST)
        self.flags.extend(map(found.get, _FLAGS))
        cue = found.get("cue")
        if isinstance(cue, str) and cue.strip() and len(self.cues) < _MAX_CUES:
            place = number(found.get("position"), *_RANGES["position"])
            self.cues.append(CueSaid(time, place, clean_text(cue, 120)))

    def finish(self, header: Mapping[str, Any], sha256: str) -> SessionData:
        each = enumerate(_RANGES.items())
        columns = {name: _column(self.values[i :: len(_RANGES)], *limits) for i, (name, limits) in each}
        if not np.isfinite(columns["form"]).any():
            columns["form"] = columns["score"]
        flags = np.array([flag is True for flag in self.flags])
        dropped, mirrored, jumped, wrapped = (flags[i :: len(_FLAGS)] for i in range(len(_FLAGS)))
        return SessionData(
            header=header,
            summary=self.summary or {},
            times=np.array(self.times),
            positions=columns["position"],
            speeds=columns["speed"],
            confidences=columns["confidence"],
            scores=columns["score"],
            forms=columns["form"],
            timings=columns["timing"],
            joints=_column(self.joints, -180.0, 180.0).reshape(-1, len(JOINT_NAMES)),
            states=np.array(self.states, np.int_),
            dropped=dropped,
            mirrored=mirrored,
            jumped=jumped,
            wrapped=wrapped,
            repetitions=columns["repetition"],
            cues=tuple(self.cues),
            notes=self._notes(),
            sha256=sha256,
        )

    def _notes(self) -> tuple[str, ...]:
        notes = []
        if self.broken_off:
            notes.append("The log ends in the middle of a line; the complete lines are reported.")
        elif self.summary is None:
            notes.append("The log has no summary: the session did not end properly. Its frames are reported.")
        if self.damaged:
            lines = "1 line" if self.damaged == 1 else f"{self.damaged} lines"
            notes.append(f"{lines} of the log could not be read and were left out.")
        return tuple(notes)


def _column(values: list[Any], low: float, high: float) -> FloatArray:
    """Return the numbers within the limits, NaN for everything else."""
    plain = [value if type(value) is float or _is_small(value) else np.nan for value in values]
    column = np.array(plain, np.float64)
    with np.errstate(invalid="ignore"):
        column[~((column >= low) & (column <= high))] = np.nan
    return column


def _is_small(value: object) -> bool:
    """Return whether it is a whole number that a float can hold."""
    return type(value) is int and -1e15 < value < 1e15
