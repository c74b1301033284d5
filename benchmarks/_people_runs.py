"""Runs of a tracker and of its peers over cases, each done once: sections share them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

from _motions import Array
from _people_cases import Case
from _people_figures import Trace
from _people_peers import fingerprint, peer
from posesync.reference import Reference

#: (reference, loop=…) → something with ``update(keypoints, time)``.
Factory = Callable[..., Any]
OURS: Final = "posesync"
Work = list[tuple[str, Case]]
#: Peers' answers by embedding, method and case: they do not depend on the tracker.
_known: dict[tuple[str, str, Case], Array] = {}
_forked: list[tuple[str, Case]] = []
_factory: list[Factory] = []


def posesync(reference: Reference, *, loop: bool = False) -> Any:
    """Our tracker with its default settings."""
    from posesync.realtime.tracking.tracker import Tracker

    return Tracker(reference, loop=loop)


def follow(factory: Factory, case: Case) -> Trace:
    """Run a tracker over one case, frame by frame, as a camera would give it the frames."""
    tracker = factory(Reference.from_keypoints(case.expert, case.expert_times), loop=case.loop)
    return Trace.of(
        [
            tracker.update(keypoints, float(now))
            for keypoints, now in zip(case.performer, case.times, strict=True)
        ]
    )


class Runs:
    """What one tracker and its peers answered.

    Args:
        factory: makes the tracker.
        jobs: processes (forked, so that factories may be lambdas).
    """

    def __init__(self, factory: Factory = posesync, jobs: int = 1) -> None:
        self._traces: dict[Case, Trace] = {}
        self._factory, self._jobs, self._embedding = factory, jobs, fingerprint()

    def prepare(self, wanted: Iterable[tuple[str, Case]]) -> None:
        """Do all of these, in as many processes as were asked for: (name of the method, case)."""
        missing = [(name, case) for name, case in dict.fromkeys(wanted) if not self._has(name, case)]
        for (name, case), answer in zip(missing, self._answers(missing), strict=True):
            self._keep(name, case, answer)

    def trace(self, case: Case) -> Trace:
        """Our answers."""
        self.prepare([(OURS, case)])
        return self._traces[case]

    def peer(self, name: str, case: Case) -> Array:
        """(N,) s in the expert's video, a peer's answers."""
        self.prepare([(name, case)])
        return _known[self._embedding, name, case]

    def _has(self, name: str, case: Case) -> bool:
        return case in self._traces if name == OURS else (self._embedding, name, case) in _known

    def _keep(self, name: str, case: Case, answer: Any) -> None:
        if name == OURS:
            self._traces[case] = answer
        else:
            _known[self._embedding, name, case] = answer

    def _answers(self, work: Sequence[tuple[str, Case]]) -> Iterable[Any]:
        _factory[:] = [self._factory]
        if self._jobs == 1 or len(work) < 2 * self._jobs:
            return [_answer(name, case) for name, case in work]
        # Set before the fork: cases and lambdas are inherited, not sent.
        _forked[:] = work
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(self._jobs, mp_context=context) as pool:
            return list(pool.map(_forked_answer, range(len(work)), chunksize=4))


def _answer(name: str, case: Case) -> Any:
    return follow(_factory[0], case) if name == OURS else peer(name, case)


def _forked_answer(index: int) -> Any:
    return _answer(*_forked[index])
