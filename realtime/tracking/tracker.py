"""The online aligner: finds where in the expert's video the performer is now.

Two rows of online time warping (:mod:`.online_warping`) run side by side: a fine one in a
window around the performer, which follows, and a coarse one over the whole piece
(:mod:`.relocaliser`), which finds the performer at the start, after a jump and after an
absence. docs/tracking.md has the method.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from posesync.pose.errors import InvalidDataError
from posesync.pose.types import FloatArray, Keypoints
from posesync.reference import Reference
from posesync.reference.takes import on_one_clock
from posesync.reference.takes import section as cut

from .evidence import Likeness
from .fixed_lag import FixedLagPlaces
from .follower import Follower
from .lock import Lock
from .observation import Observation, PoseHistory, checked_pose
from .online_warping import LONGEST_STEP
from .position import Position, State
from .progress import Ends, Periods, Progress
from .recognition import Recognition
from .reference_table import ReferenceTable
from .relocaliser import Place, Relocaliser
from .settings import TrackerSettings


class Tracker:
    """Follows one performer through a reference, frame by frame.

    Args:
        reference: the expert's movement, or several takes of the same piece: the first gives the clock, and
            each moment is compared with whichever take is nearest.
        settings: see :class:`TrackerSettings`.
        section: (from, to) s of the reference to practise; None stands for its beginning or end.
        loop: the section begins again where it ends, whatever it looks like there.

    Raises:
        InvalidDataError: no reference, an empty section, or takes that have nothing in common.
    """

    def __init__(
        self,
        reference: Reference | Sequence[Reference],
        settings: TrackerSettings | None = None,
        *,
        section: tuple[float | None, float | None] = (None, None),
        loop: bool = False,
    ) -> None:
        self.settings = chosen = settings or TrackerSettings()
        takes = [reference] if isinstance(reference, Reference) else on_one_clock(list(reference))
        if section != (None, None):
            takes = [cut(take, *section) for take in takes]
        table = ReferenceTable.build(takes, cell=chosen.cell, motion_span=chosen.motion_span)
        periods = Periods.of(table)
        self._ends = Ends.of(table, again=loop or periods.closed, loop=loop, within=chosen.finish_within)
        self._loop = loop
        delay = chosen.motion_span / 2
        self._fine = Follower(
            table,
            chosen.speeds,
            delay=delay,
            back=chosen.window_back,
            ahead=chosen.window_ahead,
            loop=self._ends.again,
        )
        self._coarse = Relocaliser(
            table.every(max(1, round(chosen.relocaliser.cell / chosen.cell))),
            replace(chosen.speeds, speeds=chosen.relocaliser.speeds, skip=0.0),
            chosen.evidence,
            chosen.relocaliser,
            mirror=chosen.mirror,
            delay=delay,
            loop=self._ends.again,
        )
        self._random = table.spread()
        self._recognition = Recognition(table, chosen.recognition, delay)
        self._progress = Progress(table, periods)
        self._settled = FixedLagPlaces(table.start, self._ends.end)
        self._history = PoseHistory(chosen.motion_span)
        self.reset()

    def reset(self) -> None:
        """Forget the performer; the next pose is the first."""
        self._coarse.restart()
        self._recognition.reset()
        self._progress.reset()
        self._settled = FixedLagPlaces(self._settled.start, self._settled.end)
        self._history.clear()
        self._time: float | None = None
        self._lock: Lock | None = None
        self._state = State.WAITING
        self._met = False  # whether the performer has been seen doing the piece
        self._sure = 0.0  # s for which one place has been almost certain, before the first lock
        self._last = Position(None, 0.0, 0.0, State.WAITING)

    def update(self, keypoints: FloatArray | Keypoints, time: float) -> Position:
        """Return where in the reference the performer is, given their pose at ``time``.

        Args:
            keypoints: (17, 3) x px, y px, confidence 0..1; a keypoint with NaN counts as not seen, all
                confidences 0 mean that nobody is there.
            time: s on any clock that only goes forward. A repeated time repeats the answer.

        Raises:
            InvalidDataError: another shape, or a time that is not finite or goes backwards.
        """
        pose = checked_pose(keypoints)
        dt = self._elapsed(time)
        if dt == 0.0:
            return self._last
        self._time = time
        seen = self._history.observe(pose, time)
        if seen.seen < self.settings.minimum_seen:
            self._last = self._nobody(dt)
        else:
            self._last = self._somebody(seen, dt)
        return self._last

    # -- input ---------------------------------------------------------------------------------------------

    def _elapsed(self, time: float) -> float:
        if not math.isfinite(time):
            raise InvalidDataError(
                f"time is {time}, expected finite seconds: pass the frame's own time stamp"
            )
        if self._time is None:
            return self.settings.cell
        if time < self._time:
            raise InvalidDataError(
                f"time {time:g} s is before the last one, {self._time:g} s: expected a clock that only goes "
                "forward; call reset() to start again"
            )
        return time - self._time

    # -- one frame ------------------------------------------------------------------------------------------

    def _nobody(self, dt: float) -> Position:
        self._coarse.wait(dt)
        lock = self._lock
        if lock is None:
            return self._position()
        gone = lock.gone + dt
        # Seeing nobody is little evidence where the expert's own video shows hardly anyone.
        away = lock.away + dt * min(1.0, self._fine.expected(lock.place) / 0.5)
        lock = replace(lock, gone=gone, away=away)
        if away > self.settings.lost_after:
            self._lose()
            return self._position()
        wrapped = False
        if away <= self.settings.coast:
            self._fine.predict(lock.raw, min(dt, 0.5))
            self._fine.miss(gone, dt, self.settings.evidence)
            lock, _, wrapped = self._advance(lock, dt)
        self._lock = lock
        return self._position(wrapped=wrapped)

    def _somebody(self, seen: Observation, dt: float) -> Position:
        dt = min(dt, LONGEST_STEP)
        likeness = self._likeness()
        absent = self._recognition.absent
        looked = self._coarse.update(seen, dt, likeness, eager=self._lock is None, astray=absent)
        jumped = wrapped = False
        lock = self._lock
        if lock is not None:
            self._fine.predict(lock.raw, dt)
            view = seen.mirrored() if lock.mirrored else seen
            difference = self._fine.correct(view, dt, self.settings.evidence, likeness)
            residual = lock.residual + (difference - lock.residual) * -math.expm1(-dt / 3.0)
            lock = replace(lock, residual=residual, gone=0.0, away=0.0)
            self._lock, jumped, wrapped = self._advance(lock, dt)
            self._recognise(view, dt)
        if looked:
            jumped = self._relocate(self._coarse.elapsed) or jumped
        return self._position(jumped=jumped, wrapped=wrapped and not jumped)

    def _likeness(self) -> Likeness:
        """Return how alike performer and expert have looked recently.

        As the difference at the performer's place nears that of two random poses of the piece (with an
        expert filmed from behind, for example), poses tell little, and the tracker relies on the known pace.
        """
        evidence = self.settings.evidence
        least = evidence.pose_share * self._random
        if self._lock is None:
            return Likeness(least)
        residual = self._lock.residual
        alike = residual / self._random
        trust = 1.0 / (1.0 + evidence.trust_fall * max(0.0, alike - evidence.trust_from))
        # The more a performer resembles the expert, the smaller a difference tells neighbouring moments
        # apart.
        least *= min(1.0, max(evidence.alike_least, alike / evidence.alike))
        return Likeness(max(least, evidence.residual_share * residual), trust)

    def _advance(self, lock: Lock, dt: float) -> tuple[Lock, bool, bool]:
        """Return the lock at the fine row's place, whether the place shown jumped, and whether it wrapped.

        The place shown never runs backwards frame by frame: it waits, or jumps after being wrong for long.
        """
        found = self._fine.estimate()
        # The pace is measured from the place itself: the row's speeds are few and biased towards the
        # expert's.
        pace = min(max((found.time - lock.raw) / dt, 0.0), 3.0)
        pace = lock.pace + (pace - lock.pace) * -math.expm1(-dt / 0.3)
        raw, jumped, wrapped, behind = found.time, False, False, 0.0
        if self._begins_again(raw, found.standing):
            self._progress.complete()
            self._progress.restart()
            over = self._fine.wrap()
            self._settled.wrap(over)
            raw -= over
            place, wrapped = raw, True
        else:
            place = min(raw, self._ends.end)
            if place < lock.place:
                settings = self.settings
                behind = lock.behind + dt if lock.place - place > settings.behind_most else 0.0
                if behind > settings.behind_after:
                    jumped, behind = True, 0.0
                else:
                    place = lock.place
        if not jumped:
            self._progress.follow(place if wrapped else lock.place, place)
        return (
            replace(
                lock, place=place, raw=raw, pace=pace, standing=found.standing, behind=behind,
                within=self._fine.within(max(place, raw)),
                ended=lock.ended + dt if place >= self._ends.finish else 0.0,
            ),
            jumped,
            wrapped,
        )  # fmt: skip

    def _begins_again(self, raw: float, standing: float) -> bool:
        """Return whether a performer believed at ``raw`` s is past the end and in the piece's beginning."""
        if not self._ends.again or raw < self._ends.onset:
            return False
        done = self._progress.share >= self.settings.wrap_share
        return self._loop or (standing < 0.5 and done)

    def _recognise(self, view: Observation, dt: float) -> None:
        """Update the evidence that the performer does this piece at all."""
        lock = self._lock
        assert lock is not None
        speed = 0.0 if lock.standing > 0.5 else min(lock.pace, 3.0)
        least, mean = self._coarse.typical(is_mirrored=lock.mirrored)
        place = lock.raw if lock.raw <= self._ends.end else lock.raw - (self._ends.end - self._ends.start)
        self._recognition.update(view, place, speed, least, mean, dt)
        self._met = self._met or self._recognition.met

    # -- elsewhere ------------------------------------------------------------------------------------------

    def _relocate(self, dt: float) -> bool:
        best = self._coarse.best()
        settings = self.settings
        difference = float(self._coarse.difference[int(best.mirrored), best.cell])
        lock = self._lock
        if lock is None:
            # No moment of the whole piece may resemble the performer much more than the place that locks.
            rival = float(self._coarse.difference.min())
            sure = best.probability > 0.6 and difference < 1.5 * rival + settings.lock_floor * self._random
            self._sure = self._sure + dt if best.probability > 0.9 else 0.0
            if sure or self._sure > 0.4:
                self._found(best)
                return True
            return False
        here = self._coarse.near(lock.place, is_mirrored=lock.mirrored)
        away = abs(best.time - lock.place) > 0.6
        # A place that still fits is not given up for one that fits better: a chorus and its repetition never
        # look exactly alike, and the performer resembles now the one, now the other.
        fit = self._coarse.fit_near(lock.place, is_mirrored=lock.mirrored)
        fit = lock.here + (fit - lock.here) * -math.expm1(-dt / 0.2)
        # A performer who does not seem to do the piece at all is more likely somewhere else in it.
        known = not self._recognition.absent
        fails = not known or fit > settings.jump_contrast * difference + settings.jump_floor * self._random
        other = (away and fails) or (not away and best.mirrored != lock.mirrored)
        clear = best.probability > max(0.5, settings.jump_margin * here)
        elsewhere = lock.elsewhere + dt if other and clear else 0.0
        if elsewhere >= settings.jump_after:
            back = best.time < lock.place
            self._found(best)
            return away or back
        self._lock = replace(lock, here=fit, elsewhere=elsewhere, doubt=best.probability if away else 0.0)
        return False

    def _found(self, place: Place) -> None:
        """Start the fine row from the coarse row's belief around ``place``."""
        row = self._coarse.filters[int(place.mirrored)]
        self._fine.start(place.time, row, self._coarse.age)
        believed = row.belief[:, place.cell]
        difference = float(self._coarse.difference[int(place.mirrored), place.cell])
        self._lock = Lock(
            place=place.time,
            raw=place.time,
            mirrored=place.mirrored,
            pace=float(row.speeds @ believed / max(float(believed.sum()), 1e-30)),
            standing=0.0,
            within=place.probability,
            residual=difference if self._lock is None else min(difference, self._lock.residual),
            here=difference,
        )
        if self._lock is not None:
            self._recognition.relocated()
        self._progress.jump(place.time)
        self._settled.clear()
        self._state = State.FOLLOWING

    def _lose(self) -> None:
        self._lock = None
        self._state = State.LOST
        self._settled.clear()
        self._sure = 0.0

    # -- answer ---------------------------------------------------------------------------------------------

    def _position(self, *, jumped: bool = False, wrapped: bool = False) -> Position:
        lock = self._lock
        if lock is None:
            return self._away(mirrored=self._last.mirrored)
        assert self._time is not None
        if self._recognition.absent:
            self._state = State.LOST if self._met else State.WAITING
            self._settled.clear()
            return self._away(mirrored=lock.mirrored)
        self._settled.follow(self._time)
        settled = self._fine.settle(self._time, lock.raw, self._likeness().trust)
        if settled is not None:
            self._settled.settle(*settled)
        jumped = jumped or self._last.time is None
        self._state = self._doing(lock)
        done = self._progress.finished
        confidence = lock.confidence(self.settings, self._recognition.score)
        speed = 0.0 if self._state is State.HOLDING else max(0.0, lock.pace)
        return Position(
            lock.place, speed, confidence, self._state, lock.mirrored, jumped, wrapped, done,
            self._settled.take(),
        )  # fmt: skip

    def _away(self, *, mirrored: bool) -> Position:
        """Return the answer while there is no place."""
        done = self._progress.finished
        return Position(None, 0.0, 0.0, self._state, mirrored, repetition=done, settled=self._settled.take())

    def _doing(self, lock: Lock) -> State:
        """Return the state of a performer who is followed."""
        standing = lock.standing > (0.4 if self._state is State.HOLDING else 0.6)
        at_end = lock.place >= self._ends.end - self.settings.finish_within
        if at_end or (lock.place >= self._ends.finish and standing):
            earned = self._progress.share >= self.settings.finish_share and self._recognition.score > 0.0
            if earned:
                self._progress.complete()
            # Between two repetitions the performer has not finished.
            settings = self.settings
            rest = settings.rest_after if self._ends.again else settings.finish_after
            if not self._loop and lock.ended >= rest and (earned or self._state is State.FINISHED):
                return State.FINISHED
        return State.HOLDING if standing else State.FOLLOWING
