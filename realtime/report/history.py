"""The history of sessions, in one small SQLite file, with which a new session is compared.

The file is never lost: a damaged one is moved aside, one of a newer PoseSync or locked by another program is
left unchanged, and each case gives a one-line message.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

from posesync.pose.errors import OutputError
from posesync.pose.files import make_private_folder, new_private_file
from posesync.pose.folders import data_folder
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.textual import clean_text, number

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")

HISTORY_FILE: Final = "history.sqlite3"
#: Version of the tables; increased when an older PoseSync could no longer use them.
SCHEMA: Final = 1
#: s to wait while another program writes.
PATIENCE: Final = 2.0
#: How every SQLite file begins.
_MAGIC: Final = b"SQLite format 3\0"
#: Suffixes of the database and of the files that SQLite keeps beside it.
_COMPANIONS: Final = ("", "-journal", "-wal", "-shm")
_COLUMNS: Final = (
    "sha256", "at", "reference", "name", "score", "form", "timing", "speed", "coverage", "reached",
    "duration", "seconds", "joints", "sections",
)  # fmt: skip
_CREATE: Final = """
CREATE TABLE IF NOT EXISTS sessions (
    sha256 TEXT PRIMARY KEY, at TEXT NOT NULL, reference TEXT NOT NULL, name TEXT NOT NULL,
    score REAL, form REAL, timing REAL, speed REAL, coverage REAL, reached REAL, duration REAL, seconds REAL,
    joints TEXT NOT NULL, sections TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_of ON sessions (reference, at);
"""
_INSERT: Final = (
    f"INSERT OR IGNORE INTO sessions ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
)
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM sessions"  # noqa: S608


@dataclass(frozen=True, slots=True)
class PastSession:
    """One session in the history; None where there was nothing to measure.

    Attributes:
        sha256: sha256 of its log, which identifies the session.
        at: time at which its log was completed.
        reference: sha256 of the expert's video, "" when the log does not give it.
        name: name of the expert's video.
        score: mean 0..100.
        form: mean 0..100.
        timing: mean 0..100.
        speed: median pace, 1.0 = the expert's.
        coverage: share 0..1 of the time that was followed.
        reached: s in the reference.
        duration: length of the reference, s.
        seconds: length of the session, s.
        joints: joint → mean absolute difference, degrees.
        sections: (from s, to s) → mean score.
    """

    sha256: str
    at: datetime
    reference: str
    name: str
    score: float | None
    form: float | None
    timing: float | None
    speed: float | None
    coverage: float | None
    reached: float | None
    duration: float | None
    seconds: float | None
    joints: Mapping[str, float | None]
    sections: Mapping[tuple[float, float], float | None]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "log_sha256": self.sha256,
            "at": self.at.isoformat(timespec="seconds"),
            "reference": {"file": self.name, "sha256": self.reference},
            **{name: getattr(self, name) for name in _NUMBERS},
            "joints": dict(self.joints),
            "sections": [{"from": a, "to": b, "score": score} for (a, b), score in self.sections.items()],
        }


_NUMBERS: Final = {
    "score": (0.0, 100.0),
    "form": (0.0, 100.0),
    "timing": (0.0, 100.0),
    "speed": (0.0, 100.0),
    "coverage": (0.0, 1.0),
    "reached": (0.0, 1e6),
    "duration": (0.0, 1e6),
    "seconds": (0.0, 1e6),
}


def default_history_path() -> Path:
    """Return the path of this user's history."""
    return data_folder() / HISTORY_FILE


def chosen_history(path: Path | None) -> Path:
    """Return the history's file: the one that the user named, or their own.

    Only :func:`default_history_path` can be a damaged history. Another file that is none is something else.

    Raises:
        OutputError: the file named is something else.
    """
    if path is None:
        return default_history_path()
    try:
        with path.open("rb") as file:
            begin = file.read(len(_MAGIC))
    except OSError:  # it is new, or cannot be read, which is said when it is opened
        return path
    if begin and begin != _MAGIC:
        raise OutputError(f"{path} is no history of PoseSync's: choose another --history")
    return path


class History:
    """The open history file; a context manager.

    Args:
        path: path of the file; created when missing. None: :func:`default_history_path`.
        patience: s to wait while another program writes.

    Raises:
        OutputError: from every method: another program has locked the file, a newer PoseSync wrote it, or it
            cannot be read or written. A damaged one is moved aside and a new one started, with a warning.
    """

    def __init__(self, path: Path | None = None, *, patience: float = PATIENCE) -> None:
        self.path = path or default_history_path()
        self._patience = patience
        with self._told():
            try:
                self._connection = self._open()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._move_aside()
                self._connection = self._open()

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, session: PastSession) -> bool:
        """Add a session; False when it is already there."""
        row = (
            session.sha256,
            session.at.astimezone(timezone.utc).isoformat(timespec="seconds"),
            session.reference,
            session.name,
            *(getattr(session, name) for name in _NUMBERS),
            json.dumps(dict(session.joints)),
            json.dumps([[*span, score] for span, score in session.sections.items()]),
        )

        def insert() -> bool:
            with self._connection:
                return self._connection.execute(_INSERT, row).rowcount > 0

        return self._persistently(insert)

    def sessions(self, reference: str | None = None, limit: int = 1000) -> list[PastSession]:
        """Return the newest ``limit`` sessions, the oldest of them first.

        Args:
            reference: sha256 of the expert's video, or the beginning of it; None: all.
            limit: how many to return, at most.
        """
        # No LIKE: a text from a log may contain its wildcards.
        where = "" if reference is None else " WHERE substr(reference, 1, length(?1)) = ?1"
        order = f"{_SELECT}{where} ORDER BY at DESC, sha256 LIMIT {int(limit)}"
        given = () if reference is None else (reference,)

        def select() -> list[tuple[Any, ...]]:
            return self._connection.execute(order, given).fetchall()

        rows = self._persistently(select)
        return [session for row in reversed(rows) if (session := _session(row))]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _persistently(self, work: Callable[[], _Result]) -> _Result:
        """Do ``work``, and again with a new file when the old one turns out to be damaged."""
        with self._told():
            try:
                return work()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
            self._connection.close()
            self._move_aside()
            self._connection = self._open()
            return work()

    def _open(self) -> sqlite3.Connection:
        make_private_folder(self.path.parent)
        with suppress(
            FileExistsError
        ):  # SQLite would let others read it, and gives its journal the same mode
            new_private_file(self.path).close()
        connection = sqlite3.connect(self.path, timeout=self._patience)
        try:
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA:
                raise OutputError(
                    f"the history {self.path} is of version {version}, expected {SCHEMA} or older: a newer "
                    "PoseSync wrote it, so update with pip install -U posesync; it was left as it is"
                )
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("database disk image is malformed")
            if version < SCHEMA:
                connection.executescript(f"{_CREATE}PRAGMA user_version = {SCHEMA};")
        except BaseException:
            connection.close()
            raise
        return connection

    def _move_aside(self) -> None:
        stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
        aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        count = 1
        while aside.exists():
            count += 1
            aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}-{count}")
        for ending in _COMPANIONS:
            with suppress(FileNotFoundError):
                self.path.with_name(self.path.name + ending).rename(aside.with_name(aside.name + ending))
        logger.warning(
            "the history %s is damaged: it was moved to %s and a new one started", self.path, aside.name
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn errors of SQLite and of the system into one line."""
        try:
            yield
        except sqlite3.Error as error:
            reason = " ".join(str(error).split())
            if "locked" in reason:
                raise OutputError(
                    f"another program has locked the history {self.path}: end it, then run posesync report "
                    "on the log to add the session"
                ) from None
            raise OutputError(
                f"cannot use the history {self.path} ({reason}): check its folder, permissions and disk"
            ) from None
        except OSError as error:
            raise OutputError(
                f"cannot use the history {self.path} ({error.strerror or error}): check the folder and its "
                "permissions"
            ) from None


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether the file itself is damaged, as opposed to the disk, permissions or another program."""
    reason = str(error)
    damaged = ("not a database", "malformed", "no such table", "no such column", "has no column", "corrupt")
    return any(words in reason for words in damaged)


def _session(row: tuple[Any, ...]) -> PastSession | None:
    """Return a row as a session; None when it has no valid time."""
    values = dict(zip(_COLUMNS, row, strict=True))
    try:
        at = datetime.fromisoformat(str(values["at"])).astimezone()
    except (ValueError, OverflowError, OSError):
        return None
    return PastSession(
        sha256=clean_text(values["sha256"], 64),
        at=at,
        reference=clean_text(values["reference"], 64),
        name=clean_text(values["name"], 120),
        joints=_joints(values["joints"]),
        sections=_sections(values["sections"]),
        **{name: number(values[name], *limits) for name, limits in _NUMBERS.items()},
    )


def _joints(text: object) -> dict[str, float | None]:
    found = _loaded(text)
    given = found if isinstance(found, dict) else {}
    return {name: number(given.get(name), 0.0, 180.0) for name in JOINT_NAMES}


def _sections(text: object) -> dict[tuple[float, float], float | None]:
    found = _loaded(text)
    sections: dict[tuple[float, float], float | None] = {}
    for entry in found if isinstance(found, list) else []:
        if isinstance(entry, list) and len(entry) == 3:
            start, end = number(entry[0], 0.0, 1e6), number(entry[1], 0.0, 1e6)
            if start is not None and end is not None:
                sections[start, end] = number(entry[2], 0.0, 100.0)
    return sections


def _loaded(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
