"""How long the pictures of a file last according to its container, and how much of it is missing."""

from __future__ import annotations

import re
from typing import Any, Final

import av

#: Formats that give all their streams the length of the whole file.
_WHOLE_ONLY: Final = frozenset({"asf"})
_TAG: Final = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)")


class FileLength:
    """What a container promises about the length of its pictures.

    Some containers give each stream its own length; others only that of the whole file, whose sound may go
    on for longer than its pictures. There, only the end of all streams tells whether the file breaks off.

    Attributes:
        promised: s from the first picture to the end of the last, or None when nothing is promised. For a
            container that knows only the whole file's length, no picture comes later than this.
        is_shared: whether :meth:`see` has to be shown every packet of the file.
    """

    def __init__(self, promised: float | None, end: float | None = None) -> None:
        """Use :meth:`of`; ``end`` is the whole file's, s on its own clock, where only this is known."""
        self.promised = promised
        self.is_shared = end is not None
        self._end = end
        self._seen: float | None = None

    @classmethod
    def of(cls, container: Any, stream: Any) -> FileLength:
        """Return what a PyAV container says about a video stream of it."""
        start = 0.0
        if stream.start_time is not None and stream.time_base is not None:
            start = float(stream.start_time * stream.time_base)
        kinds = set(container.format.name.split(","))
        if stream.duration is not None and stream.time_base is not None:
            length = float(stream.duration * stream.time_base)
            return cls(max(0.0, length - start), length) if kinds & _WHOLE_ONLY else cls(length)
        if "matroska" in kinds and (tagged := _tagged_end(stream.metadata)) is not None:
            return cls(max(0.0, tagged - start))
        if container.duration is None:
            return cls(None)
        end = container.duration / av.time_base
        if "matroska" not in kinds and container.start_time is not None:  # theirs is the time of the end
            end += container.start_time / av.time_base
        return cls(max(0.0, end - start), end)

    def see(self, packet: Any) -> None:
        """Note a packet of any stream."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            moment = float((stamp + (packet.duration or 0)) * packet.time_base)
            self._seen = moment if self._seen is None else max(self._seen, moment)

    def missing(self, reached: float) -> float:
        """Return how much is missing, s, when the last picture ends at ``reached`` s; nothing if negative."""
        if self.promised is None:
            return 0.0
        short = self.promised - reached
        return short if self._end is None else min(short, self._end - (self._seen or 0.0))


def _tagged_end(metadata: dict[str, str]) -> float | None:
    """Return the end of a Matroska track, s on the file's clock, as most writers note it in a tag."""
    for name, text in metadata.items():
        if name.upper().split("-")[0] == "DURATION" and (found := _TAG.fullmatch(text.strip())):
            end = 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3])
            return end if end > 0 else None
    return None
