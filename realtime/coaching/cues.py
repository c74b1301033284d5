"""Finds corrections in words a performer can follow: ``raise your left elbow``, ``lean less to the right``.

A joint is blamed for its *own* rotation, not for that of the limb that carries it: each limb's direction is
compared in the frame of its carrier (forearm against upper arm, upper arm against trunk). So an arm that is
raised too high is one error of the shoulder, although elbow and wrist are out of place as well. Left and
right, in and out, forward and back are the performer's own. docs/feedback.md has the rules and how often they
are right.

Images are flat. A limb that points at the camera has no reliable direction; neither has a pose seen from an
angle at which "out" and "forward" look alike. Such cases give no cue.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import Final

from posesync.pose.features import swap_left_right
from posesync.pose.types import FloatArray

from .body import Body
from .settings import CueSettings

#: Share of a rotation that must show as bending or raising for the words to be about that.
_DOMINANT: Final = 0.5
#: Degrees from hanging up to which a leg moves "out" or "forward"; from there on it is "lifted".
_LOW_LEG: Final = 45.0
#: Degrees from upright beyond which "lean" has no meaning.
_UPRIGHT: Final = 55.0
#: Degrees a trunk leans before it can lean less.
_LEANS: Final = 4.0
#: Degrees up to which the expert's elbow or knee may be bent for the words to be about the whole arm or leg.
_STRAIGHT: Final = 50.0
_IMPORTANCE: Final = {"trunk": 1.3, "shoulder": 1.15, "hip": 1.15, "elbow": 1.0, "knee": 1.0}
#: Directions that correct too much of something; the others correct too little.
_REDUCES: Final = frozenset({"bend", "lower", "in", "back", "right"})


@dataclass(frozen=True, slots=True)
class Cue:
    """One correction.

    Attributes:
        joint: one of ``JOINT_NAMES``, or ``trunk``; the performer's own left and right.
        text: what to do, as in ``raise your left elbow``.
        degrees: the joint's rotation from the expert's, −180..180; positive for too straight, too high, too
            far out, too far forward or too far to the left.
        kind: the direction to go: ``bend``, ``straighten``, ``raise``, ``lower``, ``in``, ``out``,
            ``forward``, ``back``, ``left`` or ``right``.
    """

    joint: str
    text: str
    degrees: float
    kind: str


def find_cues(
    performer: FloatArray,
    expert: FloatArray,
    *,
    mirrored: bool = False,
    settings: CueSettings | None = None,
) -> list[Cue]:
    """Return every correction for one moment, the most important first; empty when nothing is wrong.

    The same two poses always give the same words. Which cue is shown, and when, is decided by
    :class:`~posesync.realtime.coaching.cue_queue.CueQueue`.

    Args:
        performer: (17, 3) x px, y px, confidence 0..1.
        expert: (17, 3), the matched moment, in the expert's own frame.
        mirrored: the performer does the piece with left and right exchanged.
        settings: the least degrees and weights; see :class:`CueSettings`.

    Raises:
        InvalidDataError: another shape.
    """
    theirs = Body.of(swap_left_right(expert) if mirrored else expert)
    return cues_between(Body.of(performer), theirs, settings or CueSettings())


def cues_between(performer: Body, expert: Body, settings: CueSettings) -> list[Cue]:
    """Return :func:`find_cues` for two bodies; the expert's left and right are already the performer's."""
    if performer.facing.contradicts(expert.facing):
        return []
    pair = _Pair(performer, expert, settings)
    found = [_lean(pair)]
    for side in ("left", "right"):
        found += [_arm(pair, side), _elbow(pair, side), _leg(pair, side), _knee(pair, side)]
    cues = [cue for cue in found if cue is not None]
    return sorted(cues, key=lambda cue: urgency(cue.joint, cue.degrees), reverse=True)


def urgency(joint: str, degrees: float) -> float:
    """Return the rank of a correction: degrees, weighted up near the trunk, which moves everything else."""
    return abs(degrees) * _IMPORTANCE[joint.rpartition("_")[2]]


@dataclass(frozen=True, slots=True)
class _Pair:
    """Performer and expert, with the expert's left and right as the performer's."""

    ours: Body
    theirs: Body
    settings: CueSettings

    def seen(self, *limbs: str) -> bool:
        """Return whether both show all these limbs reliably."""
        return all(
            self.ours.limbs[name].weight_against(self.theirs.limbs[name]) >= self.settings.min_weight
            for name in limbs
        )

    def turn(self, limb: str, carrier: str | None = None) -> complex:
        """Return the rotation from the expert's direction to the performer's, in the carrier's frame."""
        ours, theirs = self.ours.limbs[limb].direction, self.theirs.limbs[limb].direction
        if carrier is None:
            return ours / theirs
        carried = self.ours.limbs[carrier].direction / self.theirs.limbs[carrier].direction
        return ours / theirs / carried

    def matters(self, turn: complex) -> bool:
        return abs(_degrees(turn)) >= self.settings.least


def _degrees(turn: complex) -> float:
    return math.degrees(cmath.phase(turn))


def _cue(joint: str, kind: str, text: str, turn: complex) -> Cue:
    size = abs(_degrees(turn))
    return Cue(joint, text, size if kind in _REDUCES else -size, kind)


def _lean(pair: _Pair) -> Cue | None:
    ours, theirs = pair.ours.limbs["trunk"].direction, pair.theirs.limbs["trunk"].direction
    turn = pair.turn("trunk")
    upright = abs(_degrees(ours / 1j)) <= _UPRIGHT and abs(_degrees(theirs / 1j)) <= _UPRIGHT
    if not (pair.seen("trunk") and pair.matters(turn) and upright):
        return None
    axis, plus, minus = pair.ours.left, "left", "right"
    if axis is None:
        axis, plus, minus = pair.ours.forward, "forward", "back"
    if axis is None:
        return None
    beyond = _dot(ours - theirs, axis) > 0.0  # the performer leans further to `plus` than the expert
    towards, away = (plus, minus) if beyond else (minus, plus)
    own = _degrees(ours / 1j) * (-1.0 if _dot(1.0, axis) > 0.0 else 1.0)  # to `plus`
    way = "to the {}" if plus == "left" else "{}"
    if (own if beyond else -own) >= _LEANS:
        return _cue("trunk", away, f"lean less {way.format(towards)}", turn)
    return _cue("trunk", away, f"lean more {way.format(away)}", turn)


def _arm(pair: _Pair, side: str) -> Cue | None:
    limb = f"{side}_upper_arm"
    # Where only half a body is seen, the shoulders tell how the trunk leans.
    carrier = "shoulders" if pair.ours.cut or pair.theirs.cut else "trunk"
    turn = pair.turn(limb, carrier)
    if not (pair.seen(limb, carrier) and pair.matters(turn)):
        return None
    ours = pair.ours.limbs[limb].direction
    kind = _raise_or_lower(ours, ours / turn, pair.ours.up) or _sideways(pair.ours, side, ours / turn - ours)
    straight = abs(_bend(pair.theirs, side, "upper_arm", "forearm")) <= _STRAIGHT
    return _limb_cue(f"{side}_shoulder", kind, f"{side} {'arm' if straight else 'elbow'}", turn)


def _leg(pair: _Pair, side: str) -> Cue | None:
    limb = f"{side}_thigh"
    turn = pair.turn(limb)
    if not (pair.seen(limb, "trunk") and pair.matters(turn)):
        return None
    ours, up = pair.ours.limbs[limb].direction, pair.ours.up
    target = ours / turn
    kind = _raise_or_lower(ours, target, up)
    low = max(_raised(ours, up), _raised(target, up)) < _LOW_LEG
    sideways = _sideways(pair.ours, side, target - ours)
    if low and sideways:
        return _limb_cue(f"{side}_hip", sideways, f"{side} leg", turn)
    return _limb_cue(f"{side}_hip", kind or sideways, f"{side} knee", turn)


def _elbow(pair: _Pair, side: str) -> Cue | None:
    return _fold(pair, side, ("elbow", "upper_arm", "forearm"))


def _knee(pair: _Pair, side: str) -> Cue | None:
    return _fold(pair, side, ("knee", "thigh", "shin"))


def _fold(pair: _Pair, side: str, parts: tuple[str, str, str]) -> Cue | None:
    joint, upper, lower = parts
    carrier, limb = f"{side}_{upper}", f"{side}_{lower}"
    turn = pair.turn(limb, carrier)
    if not (pair.seen(carrier, limb) and pair.matters(turn)):
        return None
    ours, theirs = abs(_bend(pair.ours, side, upper, lower)), abs(_bend(pair.theirs, side, upper, lower))
    name = f"{side}_{joint}"
    if abs(ours - theirs) >= _DOMINANT * abs(_degrees(turn)):
        if ours > theirs:
            return _cue(name, "straighten", f"straighten your {side} {joint}", turn)
        return _cue(name, "bend", f"bend your {side} {joint} more", turn)
    # Bent equally far, but to the other side: the upper arm or thigh is rolled about its own axis.
    now = pair.ours.limbs[limb].direction
    way = now / turn - now
    part = f"{side} {'forearm' if joint == 'elbow' else 'foot'}"
    if abs(_dot(way, pair.ours.up)) > abs(_dot(way, 1j * pair.ours.up)):
        return _limb_cue(name, "raise" if _dot(way, pair.ours.up) > 0.0 else "lower", part, turn)
    return _limb_cue(name, _sideways(pair.ours, side, way), part, turn)


def _limb_cue(joint: str, kind: str | None, part: str, turn: complex) -> Cue | None:
    if kind is None:
        return None
    lift = "lift" if part.endswith(("knee", "foot")) else "raise"
    words = {
        "raise": f"{lift} your {part}",
        "lower": f"lower your {part}",
        "out": f"move your {part} out to the side",
        "in": f"move your {part} in",
        "forward": f"move your {part} forward",
        "back": f"move your {part} back",
    }
    return _cue(joint, kind, words[kind], turn)


def _raise_or_lower(now: complex, target: complex, up: complex) -> str | None:
    """Return ``raise`` or ``lower`` when ``target`` is mainly up or down from ``now``; None for sideways."""
    change = _raised(target, up) - _raised(now, up)
    if abs(change) < _DOMINANT * abs(_degrees(target / now)):
        return None
    return "raise" if change > 0.0 else "lower"


def _raised(direction: complex, up: complex) -> float:
    """Return degrees 0..180 from hanging down."""
    return abs(_degrees(-direction / up))


def _sideways(body: Body, side: str, way: complex) -> str | None:
    """Return the performer's word for a movement across the image; None when the view is ambiguous."""
    if (left := body.left) is not None:
        outwards = _dot(way, left) * (1.0 if side == "left" else -1.0)
        return "out" if outwards > 0.0 else "in"
    if (forward := body.forward) is not None:
        return "forward" if _dot(way, forward) > 0.0 else "back"
    return None


def _bend(body: Body, side: str, upper: str, lower: str) -> float:
    """Return degrees −180..180 from straight; the sign is the side of the image to which it is bent."""
    return _degrees(body.limbs[f"{side}_{lower}"].direction / body.limbs[f"{side}_{upper}"].direction)


def _dot(a: complex, b: complex) -> float:
    return (a * b.conjugate()).real
