"""Turns a performer's keypoints into a moment: position in the piece, feedback and cue.

Drawings compare the performer with the expert at the live place; judgements (score, timing, cues, log,
report) wait until the place has settled (:mod:`posesync.realtime.coaching.settling`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from posesync.pose.types import FloatArray, Keypoints
from posesync.realtime.tracking.observation import checked_pose
from posesync.realtime.tracking.position import Position, State
from posesync.realtime.tracking.settings import TrackerSettings
from posesync.realtime.tracking.tracker import Tracker
from posesync.reference import Reference

from .confidence import DoubtWatch
from .cue_queue import CueQueue
from .cues import Cue
from .feedback import Feedback, compare_nearest, expert_poses
from .framing import TOO_FAR, FramingWatch, SizeWatch, check_framing, expert_weights
from .moment import NO_TIMING, RUNNING, Judged, Moment
from .motion import MotionMeter, hand_raised
from .opening import opening_time, practised_span
from .scoring import FORM_SLACK, TimingMeter
from .settings import CueSettings, FeedbackSettings, FramingSettings, PracticeSettings
from .settling import Seen, Settling
from .start import Phase, Practice, PracticeStatus

#: s for which the last score stays when there is no new one: a limb out of sight must not make it flicker.
SCORE_STAYS: Final = 1.0

_SLACK: Final = np.array(FORM_SLACK)
_MATCHED: Final = FORM_SLACK.index(0.0)
_WAITING: Final = Position(None, 0.0, 0.0, State.WAITING)
_PRACTISED: Final = (State.FOLLOWING, State.HOLDING)


class Coach:
    """Follows one performer through a piece and compares; the same keypoints give the same moments.

        coach = Coach(reference)
        moment = coach.update(keypoints, time)

    Args:
        reference: the expert's movement, or several takes of the same piece: the first is shown and gives the
            clock; the performer may do as any of them does.
        section: (from, to) s of the reference to practise; None stands for its beginning or end.
        loop: the section starts again where it ends.
        feedback: tolerance and score curve.
        cues: which differences give a cue, and when.
        framing: when framing advice is given.
        practice: what starts the piece; None: the first frame.
        tracking: how the performer is followed.

    Raises:
        InvalidDataError: no reference, an empty section, or takes that have nothing in common.
    """

    def __init__(
        self,
        reference: Reference | Sequence[Reference],
        *,
        section: tuple[float | None, float | None] = (None, None),
        loop: bool = False,
        feedback: FeedbackSettings | None = None,
        cues: CueSettings | None = None,
        framing: FramingSettings | None = None,
        practice: PracticeSettings | None = None,
        tracking: TrackerSettings | None = None,
    ) -> None:
        self._takes = (reference,) if isinstance(reference, Reference) else tuple(reference)
        self._given, self._tracking = (section, loop), tracking
        self._tracker = self._track(section, loop=loop)
        self._reference = self._takes[0]
        self._span = practised_span(self._reference, section)
        self._feedback = feedback or FeedbackSettings()
        self._cues = CueQueue(cues)
        self._cue: Cue | None = None
        self._meter, self._timing = TimingMeter(), NO_TIMING
        self._settling = Settling()
        self._doubt = DoubtWatch()
        self._left: list[Judged] = []  # judged at a restart, and to be given with the next moment
        self._score: float | None = None
        self._scored_at = 0.0
        self._practice = Practice(practice)
        self._watch, self._sizes, self._motion = FramingWatch(framing), SizeWatch(), MotionMeter()
        self._wanted = expert_weights(self._reference.keypoints)
        self._shown = opening_time(self._reference, self._span)

    def update(
        self, keypoints: FloatArray | Keypoints, time: float, *, size: tuple[int, int] | None = None
    ) -> Moment:
        """Return the moment for the next frame's keypoints.

        Args:
            keypoints: (17, 3) x px, y px, confidence 0..1 of the performer, in COCO order, in the camera's
                picture (not its mirror image); confidence 0, or NaN, where nothing is seen.
            time: of the frame, s, on any clock that only goes forward.
            size: width and height of the picture, px, for advice on where to stand; None for no advice.

        Raises:
            InvalidDataError: keypoints of another shape, or a time that is not finite or goes backwards while
                the piece runs.
        """
        pose = checked_pose(keypoints)
        framing = self._frame(pose, time, size)
        status = self._begin(time, pose)
        position = _WAITING
        if status.phase is Phase.RUNNING:
            position = self._tracker.update(pose, time)
        if position.time is not None:
            self._shown = position.time
        around = self._poses(self._shown)
        feedback, _ = self._compare(pose, around, position)
        before, left = self._cue, self._left
        self._left = []
        decided = self._settling.update(Seen(time, pose, position))
        judged = [self._judge(seen, position.state) for seen in decided]
        sure = None if position.time is None else position.confidence
        doubtful = self._doubt.update(sure, time)
        if doubtful or position.state not in _PRACTISED:
            self._cues.drop()
            self._cue = None
        return Moment(
            time,
            pose,
            position,
            feedback,
            self._shown,
            around[_MATCHED],
            judged=(*left, *judged),
            doubtful=doubtful,
            score=self._score_now(time, judged, known=position.time is not None and not doubtful),
            cue=self._cue,
            said=self._cue is not None and (before is None or before.text != self._cue.text),
            timing=NO_TIMING if doubtful or position.state is not State.FOLLOWING else self._timing,
            framing=framing,
            practice=status,
        )

    def _judge(self, seen: Seen, now: State) -> Judged:
        """Compare a frame with the expert at its settled place, and take pace and cue from it.

        Args:
            seen: the frame.
            now: the live state some 0.2 s later, when the frame is judged.
        """
        position = seen.position
        place = self._shown if position.time is None else position.time
        around = self._poses(place)
        feedback, alike = self._compare(seen.keypoints, around, position)
        self._timing = self._meter.update(position, seen.time)
        self._cue = self._advise(seen, alike, now)
        return Judged(seen.time, seen.keypoints, position, feedback, around[_MATCHED], self._timing)

    def _score_now(self, time: float, judged: list[Judged], *, known: bool) -> float | None:
        """Return the score to show: the last one, if it is recent and the place is ``known``."""
        for one in judged:
            if one.feedback.score is not None:
                self._score, self._scored_at = one.feedback.score, time
        if not known or time - self._scored_at > SCORE_STAYS:
            self._score = None
        return self._score

    def _begin(self, time: float, keypoints: FloatArray) -> PracticeStatus:
        """Return whether the piece runs, or else what it waits for; this frame may start it."""
        if self._practice.phase is Phase.RUNNING:  # nothing can start it a second time
            return RUNNING
        moving = self._motion.update(time, keypoints)
        return self._practice.update(time, self._watch.good, moving, hand_raised(keypoints))

    def _frame(self, keypoints: FloatArray, time: float, size: tuple[int, int] | None) -> str | None:
        """Return advice on where to stand, once its cause has lasted long enough, or None."""
        word = check_framing(keypoints, size, expert_seen=self._wanted)
        if size is not None and self._sizes.is_other(keypoints, size[1], time) and word == TOO_FAR:
            word = None
        return self._watch.update(word, time)

    def _poses(self, place: float) -> FloatArray:
        """Return the expert's poses (K, 17, 3) around ``place`` s, as early or late as one may be."""
        return expert_poses(self._reference.times, self._reference.keypoints, place + _SLACK)

    def _compare(
        self, keypoints: FloatArray, around: FloatArray, position: Position
    ) -> tuple[Feedback, FloatArray]:
        """Return the feedback, and the expert's pose that it refers to.

        That pose is the most similar one around the matched time: the tracker being early or late is not the
        performer's mistake.
        """
        if position.time is None:
            return Feedback.none(), around[_MATCHED]
        found, nearest = compare_nearest(
            keypoints, around, mirrored=position.mirrored, settings=self._feedback
        )
        return found, around[nearest]

    def _advise(self, seen: Seen, expert_pose: FloatArray, now: State) -> Cue | None:
        """Return the cue to show now; a performer who is not in the piece gets none."""
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

    def _track(self, section: tuple[float | None, float | None], *, loop: bool) -> Tracker:
        return Tracker(self._takes, self._tracking, section=section, loop=loop)

    def restart(self) -> None:
        """Forget performer and position; the next frame starts from the beginning."""
        self._watch.reset()
        self._sizes.reset()
        self._begin_anew()
        self._practice.restart()

    def change_performer(self) -> None:
        """Forget what was seen so far, because somebody else has taken the performer's place."""
        self._watch.reset()
        self._begin_anew()

    def begin(self) -> None:
        """Start the piece with the next frame, without waiting any longer."""
        self._practice.skip()

    def practise(self, section: tuple[float, float] | None) -> None:
        """Repeat another section (from, to) s, or practise what the coach was made for when None.

        Raises:
            InvalidDataError: the section is empty.
        """
        chosen, loop = self._given if section is None else (section, True)
        self._tracker = self._track(chosen, loop=loop)
        self._span = section or practised_span(self._reference, chosen)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._left += (self._judge(seen, State.WAITING) for seen in self._settling.finish())
        self._settling.reset()
        self._tracker.reset()
        self._cues.reset()
        self._doubt.reset()
        self._meter.reset()
        self._cue, self._timing, self._score = None, NO_TIMING, None
        self._shown = opening_time(self._reference, self._span)
