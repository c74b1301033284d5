"""One camera frame becomes one step: keypoints, position in the piece, feedback, and what to say of it.

What is drawn is compared with the expert at the live place; what is judged (score, timing, cues, log, report)
waits until the place has settled (:mod:`posesync.realtime.coaching.settling`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

import numpy as np
from posesync.pose.errors import ModelError
from posesync.pose.estimator import PoseEstimator, PoseResult
from posesync.pose.performer import Lock
from posesync.pose.types import FloatArray, Frame, Keypoints
from posesync.realtime.tracking.position import Position, State
from posesync.realtime.tracking.settings import TrackerSettings

from .confidence import DoubtWatch
from .cue_queue import CueQueue
from .cues import Cue
from .expert import Expert
from .feedback import Feedback, compare_nearest
from .framing import TOO_FAR, FramingWatch, SizeWatch, check_framing, expert_weights
from .scoring import FORM_SLACK, TimingMeter, TimingReading
from .settings import CueSettings, FeedbackSettings, FramingSettings, PracticeSettings
from .settling import Seen, Settling
from .start import MotionMeter, Phase, Practice, PracticeStatus, hand_raised

logger = logging.getLogger(__name__)

#: So many failures of the models in a row are no hiccup (a GPU short of memory) any more.
PATIENCE: Final = 10
#: s for which the last score is shown while there is none: a limb out of sight must not make it flicker.
SCORE_STAYS: Final = 1.0

_SLACK: Final = np.array(FORM_SLACK)
_MATCHED: Final = FORM_SLACK.index(0.0)
_NO_TIMING: Final = TimingReading(None, None, None)
_RUNNING: Final = PracticeStatus(Phase.RUNNING)
_WAITING: Final = Position(None, 0.0, 0.0, State.WAITING)
_PRACTISED: Final = (State.FOLLOWING, State.HOLDING)


@dataclass(frozen=True, slots=True)
class Judged:
    """A frame against the expert at the place where the performer was, as known some 0.2 s later.

    Attributes:
        frame: the camera's.
        keypoints: (17, 3) of the performer, px in the frame.
        position: the answer for that frame; ``time``, ``jumped``, ``wrapped`` and ``repetition`` are those of
            the settled place, or of the live one where none settled.
        feedback: against the expert at that place, its score for form alone; empty without a place.
        expert_pose: (17, 3) of the expert there.
        timing: the performer's pace up to then.
    """

    frame: Frame
    keypoints: FloatArray
    position: Position
    feedback: Feedback
    expert_pose: FloatArray
    timing: TimingReading = _NO_TIMING

    @property
    def time(self) -> float:
        """Of the frame, s since the camera's first."""
        return self.frame.time


@dataclass(frozen=True, slots=True)
class Step:
    """Everything known about one frame, and about those before it that were judged with it.

    Attributes:
        frame: the camera's frame.
        keypoints: (17, 3) of the performer, px in the frame; confidence 0 where nobody is seen.
        lock: whether the performer is held, looked for or lost.
        position: where in the reference the performer is, now.
        feedback: against the expert at that place; empty without a position. It is for drawing.
        expert_time: s in the reference to be shown: the position, else the last one, else the beginning.
        expert_pose: (17, 3) of the expert at that time.
        judged: the frames that were judged with this one, the oldest first: each once, some 0.2 s after it
            was taken, 0.5 s at most. Empty until something has settled.
        doubtful: there is a place, but it is too uncertain to be stated.
        score: 0..100, form, as last judged; to be shown. None without a place, or with a doubtful one.
        cue: the correction to show now, or None; like ``score``.
        said: whether ``cue`` is new with this frame.
        timing: the performer's pace, as last judged, while they move on; like ``score``.
        framing: what to change about where the performer stands, or None.
        practice: whether the piece has begun, and what is counted until then.
    """

    frame: Frame
    keypoints: FloatArray
    lock: Lock
    position: Position
    feedback: Feedback
    expert_time: float
    expert_pose: FloatArray
    judged: tuple[Judged, ...] = ()
    doubtful: bool = False
    score: float | None = None
    cue: Cue | None = None
    said: bool = False
    timing: TimingReading = _NO_TIMING
    framing: str | None = None
    practice: PracticeStatus = _RUNNING


class Coach:
    """Estimator, tracker and feedback in a row; the same frames give the same steps.

    Args:
        estimator: finds the performer's keypoints.
        expert: who is followed.
        feedback: tolerance and score curve.
        cues: what is worth a word, and when.
        framing: when framing is worth a word.
        practice: what begins the piece; None: the first frame.
        tracking: how the performer is followed.
    """

    def __init__(
        self,
        estimator: PoseEstimator,
        expert: Expert,
        feedback: FeedbackSettings | None = None,
        *,
        cues: CueSettings | None = None,
        framing: FramingSettings | None = None,
        practice: PracticeSettings | None = None,
        tracking: TrackerSettings | None = None,
    ) -> None:
        self._estimator = estimator
        self._expert = expert
        self._tracker, self._tracking = expert.tracker(settings=tracking), tracking
        self._feedback = feedback or FeedbackSettings()
        self._cues = CueQueue(cues)
        self._cue: Cue | None = None
        self._meter, self._timing = TimingMeter(), _NO_TIMING
        self._settling = Settling()
        self._doubt = DoubtWatch()
        self._left: list[Judged] = []  # judged when something else began, and not told of yet
        self._score: float | None = None
        self._scored_at = 0.0
        self._practice = Practice(practice)
        self._watch, self._sizes, self._motion = FramingWatch(framing), SizeWatch(), MotionMeter()
        self._wanted = expert_weights(expert.reference.keypoints)
        self._section: tuple[float, float] | None = None
        self._shown = expert.opening()
        self._failures = 0

    def process(self, frame: Frame, *, hurried: bool = False) -> Step:
        """Take the next frame. One on which the models fail is one in which nobody is seen.

        Args:
            frame: the next one.
            hurried: spare the detector (:class:`posesync.realtime.pipeline.throttle.DetectorThrottle`).

        Raises:
            ModelError: the models have failed PATIENCE times in a row.
        """
        result = self._look(frame, hurried=hurried)
        if result.succeeded is not None:  # what was seen so far was somebody else
            self._watch.reset()
            self._begin_anew()
        keypoints = result.keypoints.to_array()
        framing = self._frame(frame, keypoints)
        status = self._begin(frame.time, keypoints)
        position = _WAITING
        if status.phase is Phase.RUNNING:
            position = self._tracker.update(keypoints, frame.time)
        if position.time is not None:
            self._shown = position.time
        around = self._expert.poses_at(self._shown + _SLACK)
        feedback, _ = self._compare(keypoints, around, position)
        before, left = self._cue, self._left
        self._left = []
        decided = self._settling.update(Seen(frame, keypoints, position))
        judged = [self._judge(seen, position.state) for seen in decided]
        sure = None if position.time is None else position.confidence
        doubtful = self._doubt.update(sure, frame.time)
        if doubtful or position.state not in _PRACTISED:
            self._cues.drop()
            self._cue = None
        return Step(
            frame,
            keypoints,
            result.lock,
            position,
            feedback,
            self._shown,
            around[_MATCHED],
            judged=(*left, *judged),
            doubtful=doubtful,
            score=self._score_now(frame.time, judged, known=position.time is not None and not doubtful),
            cue=self._cue,
            said=self._cue is not None and (before is None or before.text != self._cue.text),
            timing=_NO_TIMING if doubtful or position.state is not State.FOLLOWING else self._timing,
            framing=framing,
            practice=status,
        )

    def _judge(self, seen: Seen, now: State) -> Judged:
        """Compare a frame with the expert at its settled place, and take pace and cue from it.

        Args:
            seen: the frame.
            now: the state some 0.2 s later, when it is judged.
        """
        position = seen.position
        place = self._shown if position.time is None else position.time
        around = self._expert.poses_at(place + _SLACK)
        feedback, alike = self._compare(seen.keypoints, around, position)
        self._timing = self._meter.update(position, seen.time)
        self._cue = self._advise(seen, alike, now)
        return Judged(seen.frame, seen.keypoints, position, feedback, around[_MATCHED], self._timing)

    def _score_now(self, time: float, judged: list[Judged], *, known: bool) -> float | None:
        """The score to show: the last one, while the place is ``known`` and it is not old."""
        for one in judged:
            if one.feedback.score is not None:
                self._score, self._scored_at = one.feedback.score, time
        if not known or time - self._scored_at > SCORE_STAYS:
            self._score = None
        return self._score

    def _begin(self, time: float, keypoints: FloatArray) -> PracticeStatus:
        """Whether the piece runs; until then, whether this moment begins it."""
        if self._practice.phase is Phase.RUNNING:  # the signs to start are not looked for any more
            return _RUNNING
        moving = self._motion.update(time, keypoints)
        return self._practice.update(time, self._watch.good, moving, hand_raised(keypoints))

    def _frame(self, frame: Frame, keypoints: FloatArray) -> str | None:
        """What to change about where the performer stands, once that has lasted."""
        height, width = frame.image.shape[:2]
        word = check_framing(keypoints, (width, height), expert_seen=self._wanted)
        if self._sizes.is_other(keypoints, height, frame.time) and word == TOO_FAR:
            word = None
        return self._watch.update(word, frame.time)

    def _compare(
        self, keypoints: FloatArray, around: FloatArray, position: Position
    ) -> tuple[Feedback, FloatArray]:
        """Feedback, and the expert's pose that it refers to.

        Of the moments around the matched one that which is most alike: what the tracker is early or late by
        is no mistake of the performer's.
        """
        if position.time is None:
            return Feedback.none(), around[_MATCHED]
        found, nearest = compare_nearest(
            keypoints, around, mirrored=position.mirrored, settings=self._feedback
        )
        return found, around[nearest]

    def _advise(self, seen: Seen, expert_pose: FloatArray, now: State) -> Cue | None:
        """The cue to show now. Who is at rest before, after or outside the piece is not corrected."""
        position = seen.position
        practised = position.state in _PRACTISED and now in _PRACTISED
        return self._cues.update(
            seen.time,
            seen.keypoints,
            expert_pose,
            mirrored=position.mirrored,
            confidence=position.confidence if practised else 0.0,
            jumped=position.jumped,
            wrapped=position.wrapped,
        )

    def _look(self, frame: Frame, *, hurried: bool) -> PoseResult:
        """Who is in the frame; nobody when the models fail, unless they do so again and again."""
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
        """Forget performer and position: the next frame is a new beginning."""
        self._estimator.reset()
        self._watch.reset()
        self._sizes.reset()
        self._begin_anew()
        self._practice.restart()

    def begin(self) -> None:
        """Begin the piece with the next frame, whatever is still waited for."""
        self._practice.skip()

    def practise(self, section: tuple[float, float] | None) -> None:
        """Practise another section (s, s) over and over, or what the expert was opened for when None."""
        self._tracker, self._section = self._expert.tracker(section, self._tracking), section
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._left += (self._judge(seen, State.WAITING) for seen in self._settling.finish())
        self._settling.reset()
        self._tracker.reset()
        self._cues.reset()
        self._doubt.reset()
        self._meter.reset()
        self._cue, self._timing, self._score = None, _NO_TIMING, None
        self._shown = self._expert.opening(self._section)
