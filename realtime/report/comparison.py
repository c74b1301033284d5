"""Compares a session with the earlier ones of the same reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from posesync.pose.textual import clean_text

from .analysis import Analysis
from .history import PastSession


@dataclass(frozen=True, slots=True)
class Comparison:
    """This session and the earlier ones.

    Attributes:
        now: this session.
        earlier: sessions of the same reference, the oldest first.
        trouble: why there is no history, one line, or None.
    """

    now: PastSession
    earlier: tuple[PastSession, ...] = ()
    trouble: str | None = None

    @property
    def last(self) -> PastSession | None:
        """The session before this one."""
        return self.earlier[-1] if self.earlier else None

    @property
    def best(self) -> float | None:
        """The best score before this session."""
        scores = [past.score for past in self.earlier if past.score is not None]
        return max(scores) if scores else None

    @property
    def change(self) -> float | None:
        """Change of the score since the last session, in points."""
        last = self.last
        if last is None or last.score is None or self.now.score is None:
            return None
        return self.now.score - last.score


def past_session(analysis: Analysis, at: datetime) -> PastSession:
    """Return the history's entry for a session whose log was completed ``at``."""
    reference = analysis.data.part("reference")
    return PastSession(
        sha256=analysis.data.sha256,
        at=at.astimezone(),
        reference=clean_text(reference.get("sha256"), 64),
        name=clean_text(reference.get("file"), 120),
        score=analysis.total.score,
        form=analysis.total.form,
        timing=analysis.total.timing,
        speed=analysis.total.speed,
        coverage=analysis.coverage,
        reached=analysis.reached,
        duration=analysis.data.duration,
        seconds=float(analysis.data.times[-1]),
        joints=analysis.total.joints,
        sections={(round(p.start, 2), round(p.end, 2)): figures.score for p, figures in analysis.sections},
    )


def compare(now: PastSession, all_sessions: Sequence[PastSession]) -> Comparison:
    """Return the comparison with earlier sessions of the same reference; none if the log names none."""
    earlier = [
        past
        for past in all_sessions
        if past.reference == now.reference
        and past.reference
        and past.sha256 != now.sha256
        and past.at <= now.at
    ]
    return Comparison(now, tuple(earlier))
