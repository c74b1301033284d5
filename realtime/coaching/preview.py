"""The slow preview of a section: which moment of the expert to show. Pure logic: the clock is passed in."""

from __future__ import annotations

from posesync.pose.errors import InvalidDataError


class SlowPreview:
    """Chooses the moment of the expert to show while a section is previewed slowly.

    Before practice it plays the whole section once; during practice it repeats the part around the performer.

    Args:
        section: (from, to) s of the piece.
        rate: 0.1..1, share of the expert's own speed.
        pause: s for which the last picture stays before the section begins again.
        longest: s of the piece; during practice, a longer section is cut to the part around the performer.

    Raises:
        InvalidDataError: an empty section, or a rate out of range.
    """

    def __init__(
        self, section: tuple[float, float], *, rate: float = 0.5, pause: float = 0.7, longest: float = 6.0
    ) -> None:
        if not section[0] < section[1]:
            raise InvalidDataError(f"the section {section} is empty: give (from, to) s with from < to")
        if not 0.1 <= rate <= 1.0:
            raise InvalidDataError(f"a preview at {rate} times the expert's speed: give 0.1 to 1")
        self._section, self.rate, self._pause, self._longest = section, rate, pause, longest
        self._window = section
        self._since: float | None = None
        self._repeat = False

    @property
    def running(self) -> bool:
        """Whether a preview runs; one that does not repeat is ended by :meth:`time`."""
        return self._since is not None

    @property
    def window(self) -> tuple[float, float]:
        """(from, to) s that is being shown."""
        return self._window

    def start(self, now: float, at: float | None = None, *, repeat: bool = False) -> None:
        """Begin at the section's start, or a little before ``at`` s where the performer is.

        Args:
            now: s, any clock that only goes forward.
            at: s in the piece; None previews the whole section.
            repeat: repeat until :meth:`stop`.
        """
        begin, end = self._section
        if at is not None and end - begin > self._longest:
            begin = min(max(begin, at - 0.4 * self._longest), end - self._longest)
            end = begin + self._longest
        self._window, self._since, self._repeat = (begin, end), now, repeat

    def stop(self) -> None:
        """End the preview and return to practice."""
        self._since = None

    def time(self, now: float) -> float | None:
        """Return the moment of the expert to show, s in the piece; None when nothing is previewed."""
        if self._since is None:
            return None
        begin, end = self._window
        whole = (end - begin) / self.rate + self._pause
        passed = max(0.0, now - self._since)
        if passed >= whole:
            if not self._repeat:
                self._since = None
                return None
            passed %= whole
        return min(end, begin + passed * self.rate)
