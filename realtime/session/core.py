"""One session for window and page: a frame goes in, a moment comes out and is counted and logged.

Window and page own how frames arrive and how moments are drawn; everything else of a session is here, once.
Two threads may use it: one turns frames into moments (:meth:`SessionCore.process`, and all that changes the
practice), the other writes them down in order (:meth:`SessionCore.note`). Guidance may be chosen from any.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from posesync.pose.errors import ModelError
from posesync.pose.estimator import PoseEstimator, PoseResult
from posesync.pose.frame_source import SourceInfo
from posesync.pose.performer import Lock
from posesync.pose.types import FloatArray, Frame, Keypoints
from posesync.pose.unfinished import Entry
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.guidance import Shown
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.coaching.settings import GuidanceLevel
from posesync.realtime.pipeline.workers import Processed

from .config import Config
from .options import make_coach, make_guidance, make_worst_moments
from .outputs import Missing, Outputs
from .record import WorstMoments, log_header
from .statistics import SessionStatistics

logger = logging.getLogger(__name__)

#: Failures of the models in a row that end the session; fewer may be a hiccup (a GPU short of memory).
PATIENCE: Final = 10


class SessionCore:
    """Chains estimator, coach and guidance, and keeps statistics, log, recording and worst moments.

    Args:
        estimator: finds the performer's keypoints.
        expert: the expert to follow.
        config: settings.
        waits: wait for the performer to get ready; False for a file, in which nobody does.

    Attributes:
        expert: the expert to follow.
        statistics: of the session.
        provider: where the models run.
    """

    def __init__(self, estimator: PoseEstimator, expert: Expert, config: Config, *, waits: bool) -> None:
        self.expert = expert
        self.statistics = SessionStatistics()
        self.provider = estimator.provider
        self._models = estimator.describe()
        self._config = config
        self._estimator = estimator
        self._coach = make_coach(expert, config, waits=waits)
        self._guidance = make_guidance(expert, config)
        self._guiding = threading.Lock()
        self._outputs: Outputs | None = None
        self._worst: WorstMoments | None = None
        self._failures = 0

    # -- frames become moments -----------------------------------------------------------------------------

    def process(self, frame: Frame, *, hurried: bool = False) -> Moment:
        """Return the moment for the next frame; a frame on which the models fail counts as showing nobody.

        Args:
            frame: the next one.
            hurried: run the detector less (:class:`posesync.realtime.pipeline.throttle.DetectorThrottle`).

        Raises:
            ModelError: the models have failed PATIENCE times in a row.
        """
        result = self._look(frame, hurried=hurried)
        if result.succeeded is not None:
            self._coach.change_performer()
        height, width = frame.image.shape[:2]
        return self.update(result.keypoints.to_array(), frame.time, size=(width, height), lock=result.lock)

    def update(
        self,
        keypoints: FloatArray,
        time: float,
        *,
        size: tuple[int, int] | None = None,
        lock: Lock | None = None,
    ) -> Moment:
        """Return the moment for keypoints that were found elsewhere; see :meth:`.Coach.update`.

        Args:
            keypoints: (17, 3) x px, y px, confidence 0..1.
            time: of the frame, s.
            size: width and height of the picture, px.
            lock: how well the performer is held.
        """
        moment = self._coach.update(keypoints, time, size=size)
        with self._guiding:
            shown = self._guidance.update(time, moment.position.time, moment.score)
        return replace(moment, shown=shown, lock=lock)

    def _look(self, frame: Frame, *, hurried: bool) -> PoseResult:
        """Return the estimate for a frame: nobody when the models fail, an error when they keep failing."""
        try:
            result = self._estimator.update(frame, hurried=hurried)
        except ModelError as error:
            self._failures += 1
            if self._failures >= PATIENCE:
                raise
            logger.warning("%s; going on without the frame at %.2f s", error, frame.time)
            return PoseResult(Keypoints.empty(), None, Lock.SEARCHING)
        self._failures = 0
        return result

    def restart(self) -> None:
        """Start again with the next frame, for another performer or from the top."""
        self._estimator.reset()
        self._coach.restart()
        with self._guiding:
            self._guidance.finish()

    def begin(self) -> None:
        """Start the piece with the next frame, without waiting any longer."""
        self._coach.begin()

    def practise(self, section: tuple[float, float] | None) -> None:
        """Repeat another section (from, to) s, or practise what the expert was opened for when None."""
        self._coach.practise(section)

    # -- guidance ------------------------------------------------------------------------------------------

    @property
    def level(self) -> GuidanceLevel:
        """Return the level of guidance at the performer's place."""
        return self._guidance.level

    def choose_guidance(self, level: GuidanceLevel | None = None) -> Shown:
        """Choose how much of the expert is shown from now on, for the whole piece.

        Args:
            level: the level; None: one level less, and from NONE back to FULL.

        Returns:
            How much of the expert to show now, for the last moment.
        """
        with self._guiding:
            if level is None:
                self._guidance.next()
            else:
                self._guidance.choose(level)
            return self._guidance.shown_now()

    # -- statistics, log, recording ------------------------------------------------------------------------

    def open(
        self,
        camera: SourceInfo,
        *,
        log: Path | None,
        record: Path | None = None,
        size: tuple[int, int],
        entry: Entry | None = None,
        required: bool = True,
    ) -> Outputs:
        """Open the log and the recording; without a log no pictures of the worst moments are kept.

        Args:
            camera: where the frames come from.
            log: path of session.jsonl, or None.
            record: path of the recording, or None.
            size: width, height of the pictures recorded, px.
            entry: in the register of unfinished sessions; ended by the caller. None: ended with the session.
            required: an output that cannot be begun is an error; otherwise the session goes on without it.

        Returns:
            Log and recording. The caller records pictures with it; the core writes the log and closes both.

        Raises:
            OutputError: a folder is missing or read-only.
        """
        header = log_header(self.expert, camera, self._models)
        self._outputs = Outputs(log, record, header, size, camera.fps or 30.0, entry=entry, required=required)
        if self._outputs.log is not None:
            self._worst = make_worst_moments(self.expert, self._config)
        return self._outputs

    @property
    def missing(self) -> Sequence[Missing]:
        """Return the outputs that have failed so far."""
        return () if self._outputs is None else self._outputs.missing

    def note(self, processed: Processed, missed: Sequence[float] = ()) -> None:
        """Count and log one moment; call it in the order of the frames.

        Args:
            processed: the moment and its frame.
            missed: s, the times of the frames dropped before it.
        """
        moment = processed.moment
        self.statistics.add(moment, len(missed), now=time.monotonic(), latency=processed.latency)
        if self._outputs is not None:
            self._outputs.add(moment, missed)
        if self._worst is not None:
            self._worst.add(processed.frame, moment)

    def note_missed(self, missed: Sequence[float]) -> None:
        """Count and log the frames captured at the very end, at these times in s, and never processed."""
        self.statistics.dropped += len(missed)
        self.statistics.last_time = missed[-1]
        if self._outputs is not None:
            self._outputs.add_missed(missed)

    def summarise(
        self, ended: str, *, timed: bool = True, warning: str | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the log's summary, and separately the figures that depend on the clock.

        Args:
            ended: why the session ended.
            timed: also put the clock's figures into the summary; False for a file, whose log must be the same
                on every run.
            warning: what was wrong with the source.
        """
        summary = self.statistics.summary(ended, self.expert.reference.duration)
        timing = self.statistics.figures(self.provider, whole=True).to_dict()
        if self._outputs is not None and self._outputs.unrecorded:
            timing["unrecorded"] = self._outputs.unrecorded
        if timed:
            summary["timing"] = timing
        if warning:
            summary["warning"] = warning
        if self._worst is not None:
            summary["moments"] = self._worst.to_list()
        return summary, timing

    def close(self, summary: Mapping[str, Any]) -> None:
        """Complete log and recording; a session that failed before its first moment leaves neither.

        What cannot be completed is in :attr:`missing`.
        """
        if self._outputs is None:
            return
        if summary["ended"] == "failed" and not self.statistics.processed:
            self._outputs.abort()
        else:
            self._outputs.close(summary)
