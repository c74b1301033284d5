"""Repairs a truncated fragmented MP4 (ISO/IEC 14496-12) in place: a full disk has no room for a copy."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Final

_HEADER: Final = 8
# Flags of a track run: the fields it has, before its samples and for each of them.
_OFFSET, _FIRST_FLAGS = 0x001, 0x004
_DURATION, _SIZE, _FLAGS, _SHIFT = 0x100, 0x200, 0x400, 0x800


def repair(path: Path) -> None:
    """Cut a file after its last complete picture, so that it decodes to the end without an error.

    The truncated fragment keeps its complete pictures; its index is shortened to them. A complete file is
    left unchanged, one without a beginning becomes empty.

    Raises:
        OSError: the file cannot be changed.
    """
    with path.open("r+b") as file:
        end = file.seek(0, 2)
        place, index = 0, None
        while place + _HEADER <= end:
            length, kind = _box(file, place)
            if length < _HEADER or place + length > end:
                if kind == b"mdat" and index is not None:
                    place = _shorten(file, index, place, end)
                break
            if kind == b"moof":
                index = place
            place += length
        file.truncate(place)


def _box(file: BinaryIO, place: int) -> tuple[int, bytes]:
    """Return the length and type of the box at ``place``; length 0 when it is cut off."""
    file.seek(place)
    head = file.read(_HEADER)
    if len(head) < _HEADER:
        return 0, b""
    length, kind = struct.unpack(">I4s", head)
    if length == 1:
        large = file.read(8)
        length = struct.unpack(">Q", large)[0] if len(large) == 8 else 0
    return length, kind


def _shorten(file: BinaryIO, index: int, data: int, end: int) -> int:
    """End the fragment whose index is at ``index`` after its last complete picture; return where it ends."""
    run = _find(file, index, data, (b"traf", b"trun"))
    if run is None:
        return index
    file.seek(run + _HEADER)
    flags, count = struct.unpack(">II", file.read(8))
    flags &= 0xFFFFFF
    if not flags & _SIZE or not flags & _OFFSET:
        return index  # not written by us
    offset = int.from_bytes(file.read(4), "big", signed=True)
    if flags & _FIRST_FLAGS:
        file.seek(4, 1)
    before = 4 if flags & _DURATION else 0
    width = 4 * bin(flags & (_DURATION | _SIZE | _FLAGS | _SHIFT)).count("1")
    table = file.read(min(width * count, end))
    kept, stop = 0, index + offset
    for number in range(len(table) // width):
        size = int.from_bytes(table[number * width + before :][:4], "big")
        if stop + size > end:
            break
        kept, stop = kept + 1, stop + size
    if not kept:
        return index
    file.seek(run + _HEADER + 4)
    file.write(struct.pack(">I", kept))
    file.seek(data)
    file.write(struct.pack(">I", stop - data))
    return stop


def _find(file: BinaryIO, box: int, end: int, path: tuple[bytes, ...]) -> int | None:
    """Return the offset of the box that ``path`` leads to inside the one at ``box``."""
    place = box + _HEADER
    while place + _HEADER <= end:
        length, kind = _box(file, place)
        if length < _HEADER:
            return None
        if kind == path[0]:
            return place if len(path) == 1 else _find(file, place, place + length, path[1:])
        place += length
    return None
