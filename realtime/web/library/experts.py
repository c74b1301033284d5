"""The experts of a server: videos given at the start and uploaded ones, prepared one by one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from posesync.pose.digest import file_sha256
from posesync.pose.errors import ReferenceFileError, SourceError
from posesync.pose.files import output_error
from posesync.pose.folders import data_folder
from posesync.pose.textual import clean_text
from posesync.realtime.coaching.expert import REFERENCE_SUFFIX, Expert
from posesync.realtime.session.config import Config
from posesync.realtime.session.options import pose_settings
from posesync.reference import Reference
from posesync.reference.content import VideoContent
from posesync.reference.prepare import PROXY_FILE, REFERENCE_FILE, reference_cache_dir
from posesync.reference.proxy import ProxyVideo

from . import upload_store
from .preparing import NotWantedError, Preparer, Ready

logger = logging.getLogger(__name__)

State = Literal["waiting", "preparing", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class ExpertInfo:
    """An expert as shown in the library.

    Attributes:
        id: the first 16 hexadecimal digits of the sha256 of the video.
        name: name of the file as the user knows it, one line.
        state: ``waiting``, ``preparing``, ``ready`` or ``failed``.
        progress: progress of preparing, 0..1; None when not known.
        left: time left for preparing, s; None when not known.
        detail: why it failed, or what is wrong with the video; one line, else empty.
        duration: length of the piece, s; None until ready, like the rest.
        sections: (from s, to s, name).
        width: width of the video's upright pictures, px.
        height: height of the video's upright pictures, px.
        uploaded: whether it was uploaded and may be removed.
    """

    id: str
    name: str
    state: State
    progress: float | None
    left: float | None
    detail: str
    duration: float | None
    sections: tuple[tuple[float, float, str], ...]
    width: int | None
    height: int | None
    uploaded: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "sections": [list(part) for part in self.sections]}


@dataclass
class _Entry:
    """An expert and the state of its preparation."""

    path: Path
    name: str
    uploaded: bool
    state: State = "waiting"
    progress: float | None = None
    left: float | None = None
    detail: str = ""
    ready: Ready | None = None


class ExpertStore:
    """The experts of a server. Methods may be called from any thread but the event loop's: they block.

    Args:
        config: how keypoints are found.
        references: videos that stay where they are.
        folder: where uploaded ones are kept; the user's data folder when None.

    Raises:
        SourceError: a reference is missing, or not a video.
        OutputError: the folder cannot be created or read.
    """

    def __init__(self, config: Config, references: Sequence[Path], *, folder: Path | None = None) -> None:
        self.folder = folder or data_folder() / "experts"
        self._settings = pose_settings(config)
        self._change = threading.Condition()
        self._entries: dict[str, _Entry] = {}
        self._closing = False
        self._thread: threading.Thread | None = None
        for path in references:
            if path.suffix.lower() == REFERENCE_SUFFIX:
                raise SourceError(f"{path} has no pictures: give the expert's video, which the page shows")
            digest = VideoContent.of(path, reference_cache_dir()).sha256
            name = clean_text(path.name, upload_store.NAME_LENGTH)
            self._entries.setdefault(digest[:16], _Entry(path.absolute(), name, uploaded=False))
        for item in upload_store.items(self.folder):
            self._entries.setdefault(item.identity, _Entry(item.path, item.name, uploaded=True))

    def start(self) -> None:
        """Begin preparing in the background the experts that are not ready."""
        with self._change:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._work, name="experts", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop preparing; unfinished work is lost. May be called twice."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join()

    def list(self) -> Sequence[ExpertInfo]:
        """Return all experts, in the order in which they were added."""
        with self._change:
            return [_info(identity, entry) for identity, entry in self._entries.items()]

    def get(self, identity: str) -> ExpertInfo | None:
        """Return one expert; None when there is none with that id."""
        with self._change:
            entry = self._entries.get(identity)
            return None if entry is None else _info(identity, entry)

    def open(self, identity: str) -> Expert:
        """Return an expert for the use of one session; close its ``proxy`` in the end.

        Raises:
            SourceError: there is none of that id.
            ReferenceFileError: not ready, or it could not be prepared.
        """
        entry, ready = self._ready(identity)
        try:
            reference = Reference.load(ready.folder / REFERENCE_FILE)
            proxy = ProxyVideo.open(ready.folder / PROXY_FILE)
        except ReferenceFileError:
            raise self._again(identity, entry) from None
        # The name that the user knows, not that of the stored file: reports and history show it.
        named = replace(reference, origin=replace(reference.origin, file=entry.name))
        return Expert(named, proxy, video=entry.path)

    def video(self, identity: str) -> Path:
        """Return the copy of an expert's video that a browser plays, on the reference's clock.

        Raises:
            SourceError: there is none of that id.
            ReferenceFileError: not ready, or it could not be prepared.
        """
        entry, ready = self._ready(identity)
        if not ready.video.is_file():
            raise self._again(identity, entry)
        return ready.video

    def thumbnail(self, identity: str) -> Path:
        """Return a JPEG of an expert; raises as :meth:`video` does."""
        entry, ready = self._ready(identity)
        if not ready.thumbnail.is_file():
            raise self._again(identity, entry)
        return ready.thumbnail

    def add_upload(self, path: Path, name: str) -> ExpertInfo:
        """Add an uploaded video; one that is already there is not kept twice.

        Args:
            path: the checked file, on the file system of :attr:`folder`; it is moved away or deleted.
            name: the client's name for it; only shown, never used as a path.

        Raises:
            OutputError: it cannot be stored.
        """
        try:
            identity = file_sha256(path)[:16]
            with self._change:
                entry = self._entries.get(identity)
                if entry is None:
                    item = upload_store.put(self.folder, identity, path, name)
                    entry = self._entries[identity] = _Entry(item.path, item.name, uploaded=True)
                elif entry.state == "failed":
                    self._wait(entry)
                self._change.notify_all()
                return _info(identity, entry)
        except OSError as error:
            raise output_error(error, self.folder) from error
        finally:
            path.unlink(missing_ok=True)

    def retry(self, identity: str) -> ExpertInfo:
        """Prepare an expert again after a failure.

        Raises:
            SourceError: there is none of that id.
        """
        with self._change:
            entry = self._find(identity)
            if entry.state == "failed":
                self._wait(entry)
            return _info(identity, entry)

    def remove(self, identity: str) -> None:
        """Remove an uploaded expert with every file made of its video; running sessions continue.

        Raises:
            SourceError: there is none of that id, or it was not uploaded.
        """
        with self._change:
            entry = self._find(identity)
            if not entry.uploaded:
                raise SourceError(
                    f"{entry.name} was not uploaded: start posesync serve without it to remove it"
                )
            del self._entries[identity]
            self._change.notify_all()
            upload_store.discard(entry.path)

    # -- internals -----------------------------------------------------------------------------------------

    def _find(self, identity: str) -> _Entry:
        entry = self._entries.get(identity)
        if entry is None:
            raise SourceError("there is no such expert: choose one from the library")
        return entry

    def _ready(self, identity: str) -> tuple[_Entry, Ready]:
        with self._change:
            entry = self._find(identity)
            if entry.ready is not None:
                return entry, entry.ready
            if entry.state == "failed":
                raise ReferenceFileError(f"{entry.name} could not be prepared: {entry.detail}")
            raise ReferenceFileError(f"{entry.name} is not prepared yet: wait until it is")

    def _again(self, identity: str, entry: _Entry) -> ReferenceFileError:
        """Prepare an expert again whose files in the cache were deleted."""
        with self._change:
            if self._entries.get(identity) is entry and entry.ready is not None:
                self._wait(entry)
        return ReferenceFileError(f"{entry.name} is prepared again, its copy is gone: wait until it is")

    def _wait(self, entry: _Entry) -> None:
        entry.state, entry.progress, entry.left, entry.detail, entry.ready = "waiting", None, None, "", None
        self._change.notify_all()

    def _work(self) -> None:
        """Main loop of the thread: prepare the next waiting expert; the process lives while there is work."""
        preparer: Preparer | None = None
        try:
            while True:
                with self._change:
                    found = self._next()
                    if found is None and preparer is None and not self._closing:
                        self._change.wait()
                        continue
                    if self._closing:
                        return
                if found is None:
                    if preparer is not None:
                        preparer.end()
                    preparer = None
                else:
                    preparer = self._prepare(*found, preparer)
        finally:
            if preparer is not None:
                preparer.end(at_once=True)

    def _next(self) -> tuple[str, _Entry] | None:
        waiting = ((name, entry) for name, entry in self._entries.items() if entry.state == "waiting")
        return next(waiting, None)

    def _prepare(self, identity: str, entry: _Entry, preparer: Preparer | None) -> Preparer | None:
        """Prepare one expert; return the process for the next one, or None when it has ended."""

        def tell(progress: float | None, left: float | None) -> None:
            with self._change:
                entry.progress, entry.left = progress, left

        def wanted() -> bool:
            return not self._closing and self._entries.get(identity) is entry

        with self._change:
            entry.state = "preparing"
        result: Ready | str
        try:
            preparer = preparer or Preparer(self._settings)
            result = preparer.prepare(entry.path, tell, wanted)
        except NotWantedError:
            self._forget(identity, entry)
            return None
        except (ChildProcessError, OSError) as error:
            result, preparer = str(error), None
        with self._change:
            entry.progress = entry.left = None
            if isinstance(result, str):
                entry.state, entry.detail = "failed", _words(result, entry)
                logger.warning("%s could not be prepared: %s", entry.name, entry.detail)
            else:
                entry.state, entry.detail, entry.ready = "ready", _words(result.warning, entry), result
        self._forget(identity, entry)
        return preparer

    def _forget(self, identity: str, entry: _Entry) -> None:
        """Delete the files of an expert that was removed meanwhile."""
        with self._change:
            if not self._closing and self._entries.get(identity) is None:
                upload_store.discard(entry.path)


def _info(identity: str, entry: _Entry) -> ExpertInfo:
    ready = entry.ready
    return ExpertInfo(
        id=identity,
        name=entry.name,
        state=entry.state,
        progress=entry.progress,
        left=entry.left,
        detail=entry.detail,
        duration=None if ready is None else ready.duration,
        sections=() if ready is None else ready.sections,
        width=None if ready is None else ready.size[0],
        height=None if ready is None else ready.size[1],
        uploaded=entry.uploaded,
    )


def _words(text: str, entry: _Entry) -> str:
    """Return a message with the name that the user knows in place of the file's."""
    for stored in (str(entry.path), entry.path.name):
        text = text.replace(stored, entry.name)
    return clean_text(text, 400)
