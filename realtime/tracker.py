"""Where in the expert's video is the performer now? The online aligner.

Two rows of online time warping (:mod:`posesync.realtime.position_filter`) run side by side: a fine one in a
window around the performer, which follows, and a coarse one over the whole piece
(:mod:`posesync.realtime.relocaliser`), which finds the performer at the start, after a jump and after an
absence. docs/tracking.md has the method.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from posesync.pose.errors import InvalidDataError
from posesync.pose.skeleton import NUM_KEYPOINTS
from posesync.pose.types import FloatArray, Keypoints
from posesync.reference import Reference
from posesync.reference.takes import on_one_clock
from posesync.reference.takes import section as cut

from .follower import Follower
from .observation import Observation, PoseHistory
from .position import Position, State
from .position_filter import Evidence, Likeness, SpeedModel
from .reference_table import ReferenceTable
from .relocaliser import Place, Relocaliser, RelocaliserSettings


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Settings of :class:`Tracker`, all in seconds; the defaults suit dance, exercise and sport alike.

    Attributes:
        cell: s, grid of the fine row.
        motion_span: s over which velocities are measured.
        window_back: s of the piece kept behind the performer.
        window_ahead: s of the piece kept ahead of the performer.
        lost_after: s without a person, or with one who does something else, until LOST.
        coast: s without a person during which the performer is assumed to move on.
        jump_margin: how many times more probable another place must be.
        jump_contrast: how many times worse the present place must fit.
        jump_after: s for which both must last.
        mirror: whether to try the mirrored performer as well.
        minimum_seen: share of the body that must be in view for a pose to count.
    """

    cell: float = 1 / 30
    motion_span: float = 0.2
    window_back: float = 1.5
    window_ahead: float = 2.0
    lost_after: float = 0.8
    coast: float = 0.5
    jump_margin: float = 6.0
    jump_contrast: float = 2.5
    jump_after: float = 0.4
    mirror: bool = True
    minimum_seen: float = 0.12
    evidence: Evidence = field(default_factory=Evidence)
    speeds: SpeedModel = field(default_factory=SpeedModel)
    relocaliser: RelocaliserSettings = field(default_factory=RelocaliserSettings)


class Tracker:
    """Follows one performer through a reference, frame by frame.

    Args:
        reference: the expert's movement, or several takes of the same piece: the first gives the clock, and
            each moment is compared with whichever take is nearest.
        settings: see :class:`TrackerSettings`.
        section: (from, to) s of the reference to practise; None stands for its beginning or end.
        loop: the section begins again where it ends.

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
        self._end = table.start + table.span
        self._loop = loop
        delay = chosen.motion_span / 2
        self._fine = Follower(
            table,
            chosen.speeds,
            delay=delay,
            back=chosen.window_back,
            ahead=chosen.window_ahead,
            loop=loop,
        )
        self._coarse = Relocaliser(
            table.every(max(1, round(chosen.relocaliser.period / chosen.cell))),
            chosen.speeds,
            chosen.evidence,
            chosen.relocaliser,
            mirror=chosen.mirror,
            delay=delay,
            loop=loop,
        )
        self._null, self._random = _typical_differences(table)
        self._history = PoseHistory(chosen.motion_span)
        self.reset()

    def reset(self) -> None:
        """Forget the performer; the next pose is the first."""
        self._coarse.restart()
        self._history.clear()
        self._time: float | None = None
        self._place: float | None = None  # shown place, s in the reference; None = not locked
        self._raw: float | None = None  # the place before it is kept from running backwards
        self._mirrored = False
        self._state = State.WAITING
        self._speed = 0.0
        self._standing = 0.0
        self._away = 0.0  # s out of sight, counted less where the expert is too
        self._gone = 0.0  # s out of sight
        self._astray = 0.0
        self._elsewhere = 0.0
        self._behind = 0.0
        self._pending = 0.0
        self._sure = 0.0
        self._residual = self.settings.evidence.pose_scale
        self._misfit = 0.0
        self._here = 0.0
        self._mass = 0.0
        self._doubt = 0.0
        self._last = Position(None, 0.0, 0.0, State.WAITING)

    def update(self, keypoints: FloatArray | Keypoints, time: float) -> Position:
        """Take the performer's pose at ``time`` and say where in the reference they are.

        Args:
            keypoints: (17, 3) x px, y px, confidence 0..1; a keypoint with NaN counts as not seen, all
                confidences 0 mean that nobody is there.
            time: s on any clock that only goes forward. A repeated time repeats the answer.

        Raises:
            InvalidDataError: another shape, or a time that is not finite or goes backwards.
        """
        pose = _checked(keypoints)
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
        self._pending = 0.0
        self._coarse.wait(dt)
        self._gone += dt
        if self._place is None:
            return self._position()
        # It is little surprise to see nobody where the expert's own video shows hardly anyone.
        self._away += dt * min(1.0, self._fine.expected(self._place) / 0.5)
        if self._away > self.settings.lost_after:
            self._lose()
        else:
            if self._away <= self.settings.coast:
                self._fine.predict(self._place, min(dt, 0.5))
                self._fine.miss(self._gone, dt, self.settings.evidence)
                self._advance(self._place, dt)
            self._mass *= math.exp(-dt / 0.4)
        return self._position()

    def _somebody(self, seen: Observation, dt: float) -> Position:
        self._away = self._gone = 0.0
        dt = min(dt, 0.5)
        self._pending += dt
        likeness = self._likeness()
        looked = self._pending >= self.settings.relocaliser.period - 1e-3 or self._state is State.WAITING
        if looked:
            self._coarse.update(seen, self._pending, likeness)
            self._pending = 0.0
        jumped = False
        if self._place is not None:
            self._fine.predict(self._place, dt)
            view = seen.mirrored() if self._mirrored else seen
            difference = self._fine.correct(view, dt, self.settings.evidence, likeness)
            self._residual += (difference - self._residual) * -math.expm1(-dt / 3.0)
            self._misfit += (difference - self._misfit) * -math.expm1(-dt / 0.4)
            jumped = self._advance(self._place, dt)
        if looked:
            jumped = self._relocate(self.settings.relocaliser.period) or jumped
        return self._position(jumped=jumped)

    def _likeness(self) -> Likeness:
        """How alike performer and expert have been of late.

        As the performer's difference from where they are nears that of two random poses of the piece (an
        expert filmed from behind, say), poses tell little, and the tracker leans on the pace it knows.
        """
        base = self.settings.evidence.pose_scale
        alike = self._residual / self._random
        return Likeness(max(base, 0.7 * self._residual), 1.0 / (1.0 + 4.0 * max(0.0, alike - 0.6)))

    def _advance(self, shown: float, dt: float) -> bool:
        """Take over the fine row's place; return whether what is shown jumped.

        What is shown never runs backwards frame by frame: it waits, or jumps when it has been wrong for long.
        """
        found = self._fine.estimate()
        self._mass, self._standing = found.probability, found.standing
        # Pace as the place moves: the speeds believed in are few and drawn towards the expert's.
        pace = found.pace if self._raw is None else min(max((found.time - self._raw) / dt, 0.0), 3.0)
        self._speed += (pace - self._speed) * -math.expm1(-dt / 0.3)
        self._raw = place = found.time
        if self._fine.is_past_end(place):
            self._raw = self._place = place - self._fine.wrap()
            return True
        if place >= shown:
            self._place, self._behind = place, 0.0
            return False
        self._behind = self._behind + dt if shown - place > 0.25 else 0.0
        if self._behind > 0.3:
            self._place, self._behind = place, 0.0
            return True
        return False

    # -- elsewhere ------------------------------------------------------------------------------------------

    def _relocate(self, dt: float) -> bool:
        best = self._coarse.best()
        difference = float(self._coarse.difference[int(best.mirrored), best.cell])
        fits = difference < self._null
        rival = float(self._coarse.difference.min())
        if self._place is None:
            # Nothing in the whole piece may look much more like the performer than the place that locks.
            sure = best.probability > 0.6 and difference < 1.5 * rival + 0.15 * self._null
            self._sure = self._sure + dt if best.probability > 0.9 else 0.0
            if sure or (fits and self._sure > 0.4):
                self._lock(best)
                return True
            return False
        here = self._coarse.near(self._place, is_mirrored=self._mirrored)
        away = abs(best.time - self._place) > 0.6
        self._doubt = best.probability if away else 0.0
        # A place that still fits is not given up for one that fits better: a chorus and its repetition never
        # look exactly alike, and the performer is closer now to the one, now to the other.
        gain = -math.expm1(-dt / 0.2)
        self._here += (self._coarse.fit_near(self._place, is_mirrored=self._mirrored) - self._here) * gain
        fails = self._here > self.settings.jump_contrast * difference + 0.1 * self._null
        elsewhere = (away and fails) or (not away and best.mirrored != self._mirrored)
        clear = fits and best.probability > max(0.5, self.settings.jump_margin * here)
        self._elsewhere = self._elsewhere + dt if elsewhere and clear else 0.0
        if self._elsewhere >= self.settings.jump_after:
            back = best.time < self._place
            self._lock(best)
            return away or back
        # Another camera may make every place fit badly: astray is who fits badly here and better elsewhere.
        astray = self._misfit > 1.2 * self._null and self._here > 1.5 * rival
        self._astray = self._astray + dt if astray else 0.0
        if self._astray > self.settings.lost_after:
            self._lose()
        return False

    def _lock(self, place: Place) -> None:
        """Start the fine row from what the coarse one believes around ``place``."""
        row = self._coarse.filters[int(place.mirrored)]
        self._fine.start(place.time, row)
        self._place, self._mirrored, self._raw = place.time, place.mirrored, None
        believed = row.belief[:, place.cell]
        self._speed = float(row.speeds @ believed / max(float(believed.sum()), 1e-30))
        self._elsewhere = self._astray = self._behind = self._doubt = self._standing = 0.0
        difference = float(self._coarse.difference[int(place.mirrored), place.cell])
        self._residual = self._here = self._misfit = difference
        self._mass = place.probability
        self._state = State.FOLLOWING

    def _lose(self) -> None:
        self._place = None
        self._state = State.LOST
        self._speed = self._mass = self._standing = 0.0
        self._elsewhere = self._astray = self._behind = 0.0
        self._history.clear()

    # -- answer ---------------------------------------------------------------------------------------------

    def _position(self, *, jumped: bool = False) -> Position:
        if self._place is None:
            return Position(None, 0.0, 0.0, self._state, self._mirrored)
        standing = self._standing > (0.4 if self._state is State.HOLDING else 0.6)
        if self._place >= self._end - 0.1 and not self._loop:
            self._state = State.FINISHED
        else:
            self._state = State.HOLDING if standing else State.FOLLOWING
        fit = min(1.0, max(0.0, 1.5 - self._misfit / self._null))
        confidence = min(1.0, max(0.0, self._mass * fit * (1.0 - self._doubt)))
        speed = 0.0 if self._state is State.HOLDING else max(0.0, self._speed)
        return Position(self._place, speed, confidence, self._state, self._mirrored, jumped)


def _checked(keypoints: FloatArray | Keypoints) -> FloatArray:
    array = keypoints.to_array() if isinstance(keypoints, Keypoints) else keypoints
    try:
        pose = np.array(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidDataError(f"keypoints are not numbers ({error}): pass an array (17, 3)") from None
    if pose.shape != (NUM_KEYPOINTS, 3):
        raise InvalidDataError(
            f"keypoints have shape {pose.shape}, expected (17, 3): pass x px, y px, confidence of one person"
        )
    finite = np.isfinite(pose)
    if not finite.all():
        pose[~finite.all(axis=1)] = 0.0
    return pose


def _typical_differences(table: ReferenceTable, samples: int = 200) -> tuple[float, float]:
    """Differences below which one in five, and half, of random pairs of the expert's own poses lie, rad²."""
    pick = np.unique(np.linspace(0, len(table) - 1, samples).astype(int))
    rows = table.pose_rows[0][pick].astype(np.float64)
    size = rows.shape[1] // 3
    weights, weighted, squares = rows[:, 2 * size :], rows[:, size : 2 * size], rows[:, :size]
    live = np.concatenate([weights, -2.0 * weighted, squares], axis=1)
    # [W Z², W Z, W] · [w, −2 w z, w z²] for every pair at once
    difference = rows @ live.T / np.maximum(weights @ weights.T, 0.05 * size)
    apart = np.abs(pick[:, None] - pick[None, :]) * table.cell > 0.5
    pairs = np.maximum(difference[apart], 0.0)
    fifth, half = np.quantile(pairs, [0.2, 0.5]) if len(pairs) else (0.0, 0.0)
    return max(float(fifth), 0.1), max(float(half), 0.2)
