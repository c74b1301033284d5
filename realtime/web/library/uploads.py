"""Receives videos from a page: within limits, and inspected before use.

After any error, and whenever the sender leaves, nothing of a video stays. The sender's file name is not used:
the file gets a name of its own, and its suffix comes from its content.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote

import anyio
from posesync.pose.files import PartFile, output_error
from posesync.pose.textual import clean_text
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from . import upload_store
from .inspection import Refusal, inspect_in_child

#: Bytes of a video, at most.
MOST: Final = 2 << 30
#: s of a video, at most.
LONGEST: Final = 3600.0
#: Bytes that stay free on the disk.
FREE: Final = 2 << 30
#: Uploads in progress, at most.
AT_ONCE: Final = 2
#: s without data from the sender, and s before their speed counts.
PATIENCE: Final = 20.0
#: Bytes per s, at least; a slower sender only blocks a place.
SLOWEST: Final = 50_000

_BLOCK: Final = 1 << 20  # bytes written at once
_ROOM_EVERY: Final = 64 << 20  # bytes between two checks of the disk
_GIB: Final = 1 << 30


class UploadError(Exception):
    """An upload was refused.

    Attributes:
        status: HTTP status.
        code: one word for programs.
        unread: whether the sender may still be sending.
    """

    def __init__(self, status: int, code: str, message: str, *, unread: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.unread = unread


class Uploads:
    """Receives uploads into a folder. For the event loop's thread.

    Args:
        folder: where files are received; it must exist.
        most: bytes of a video, at most.
        longest: s of a video, at most.
        free: bytes that must stay free on the disk.
        at_once: uploads in progress, at most.
        patience: s without data from the sender, and s before their speed counts.
        slowest: bytes per s that are required from then on.
    """

    def __init__(
        self,
        folder: Path,
        *,
        most: int = MOST,
        longest: float = LONGEST,
        free: int = FREE,
        at_once: int = AT_ONCE,
        patience: float = PATIENCE,
        slowest: float = SLOWEST,
    ) -> None:
        self._folder = folder
        self._most, self._longest, self._free, self._at_once = most, longest, free, at_once
        self._patience, self._slowest = patience, slowest
        self._under_way = 0

    @property
    def limits(self) -> dict[str, float]:
        """Limits of a video: ``bytes`` and ``seconds``."""
        return {"bytes": self._most, "seconds": self._longest}

    @asynccontextmanager
    async def receive(self, chunks: AsyncIterator[bytes], declared: str | None) -> AsyncIterator[Path]:
        """Receive one video.

        Args:
            chunks: the body, as it arrives.
            declared: the header Content-Length, if there was one.

        Yields:
            The complete and inspected file, with one of :data:`.upload_store.SUFFIXES`; if it is still there
            when the block ends, it is deleted.

        Raises:
            UploadError: too large, too long, too slow, not a video, no room, interrupted, too many at once.
        """
        if self._under_way >= self._at_once:
            raise UploadError(
                429, "busy", f"{self._under_way} videos are on their way already: wait for one to arrive"
            )
        self._under_way += 1
        part: PartFile | None = None
        whole: Path | None = None
        try:
            length = self._length(declared)
            await run_in_threadpool(self._check_room, length or 0)
            part = await run_in_threadpool(PartFile, self._folder / "upload")
            path = part.path
            await self._write(chunks, part, length)
            found = await run_in_threadpool(inspect_in_child, path, self._longest)
            if isinstance(found, Refusal):
                raise UploadError(found.status, found.code, found.message, unread=False)
            whole = path.with_suffix(found)
            await run_in_threadpool(path.replace, whole)
            yield whole
        except OSError as error:
            raise UploadError(507, "disk", str(output_error(error, self._folder))) from error
        finally:
            self._under_way -= 1
            if whole is not None:
                whole.unlink(missing_ok=True)
            if part is not None:
                part.discard()

    def _length(self, declared: str | None) -> int | None:
        if declared is None:
            return None
        # int() would accept signs, blanks, underscores and other scripts' digits.
        if re.fullmatch(r"[0-9]{1,18}", declared) is None:
            raise UploadError(400, "length", "Content-Length is not a number: send the file's size")
        length = int(declared)
        if length > self._most:
            raise self._too_large()
        return length

    def _too_large(self) -> UploadError:
        return UploadError(
            413,
            "too-large",
            f"the video is larger than {self._most / _GIB:.3g} GB: cut it, or make it smaller",
        )

    def _check_room(self, needed: int) -> None:
        if shutil.disk_usage(self._folder).free - needed < self._free:
            raise UploadError(
                507,
                "disk",
                f"the disk has too little room, {self._free / _GIB:.3g} GB must stay free: delete something",
            )

    async def _write(self, chunks: AsyncIterator[bytes], part: PartFile, length: int | None) -> None:
        file = await run_in_threadpool(part.open)
        try:
            received = await self._pour(chunks, file)
            await run_in_threadpool(file.flush)
        finally:
            await run_in_threadpool(file.close)
        if received == 0:
            raise UploadError(400, "empty", "the file is empty: choose another video", unread=False)
        if length is not None and received != length:
            raise _broken_off()

    async def _pour(self, chunks: AsyncIterator[bytes], file: BinaryIO) -> int:
        """Write the chunks within the limits of size, speed and disk space; return the number of bytes."""
        buffer = bytearray()
        received, looked, begun = 0, 0, time.monotonic()
        while True:
            due = begun + self._patience + received / self._slowest - time.monotonic()
            chunk = await self._next(chunks, min(self._patience, due))
            if chunk is None:
                await run_in_threadpool(file.write, bytes(buffer))
                return received
            received += len(chunk)
            if received > self._most:
                raise self._too_large()
            buffer += chunk
            if len(buffer) >= _BLOCK:
                await run_in_threadpool(file.write, bytes(buffer))
                buffer.clear()
            if received - looked >= _ROOM_EVERY:
                looked = received
                await run_in_threadpool(self._check_room, 0)

    async def _next(self, chunks: AsyncIterator[bytes], patience: float) -> bytes | None:
        """Return the next chunk; None at the end."""
        try:
            # Not asyncio.wait_for, which before Python 3.12 may swallow the cancellation of the upload.
            with anyio.fail_after(max(patience, 0.0)):
                return await anext(chunks, None)
        except TimeoutError:
            raise UploadError(
                408, "too-slow", "the video came too slowly: check the network, then send it again"
            ) from None
        except ClientDisconnect:
            raise _broken_off() from None


def _broken_off() -> UploadError:
    return UploadError(400, "broken-off", "the video did not arrive as a whole: send it again", unread=False)


def shown_name(header: str) -> str:
    """Return a file's name from the percent-encoded header of an upload: one line, without folders.

    For display only; "" when there is nothing to show.
    """
    name = unquote(header[:2000], errors="replace")
    return clean_text(re.split(r"[/\\]", name)[-1], upload_store.NAME_LENGTH)
