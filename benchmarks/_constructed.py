"""Poses with one known error: a limb of a real pose turned by a known angle, and whether a cue says so.

Cues are judged here by what their words mean (a raised elbow is nearer to the head), not by how the cue
was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from _motions import Array, Look, Motion3D, MotionClip
from posesync.pose.features import extract_features, keypoint_weights, swap_left_right
from posesync.pose.skeleton import JOINT_NAMES, JOINTS
from posesync.realtime.coaching.body import Body, Facing
from posesync.realtime.coaching.cues import Cue

JOINTS_TURNED: Final = (*JOINT_NAMES, "trunk")
#: What moves along with a joint, the keypoint it is turned at, and the limbs on either side of it.
_MOVED: Final = {
    "shoulder": ("elbow", "wrist"), "elbow": ("wrist",), "hip": ("knee", "ankle"), "knee": ("ankle",),
}  # fmt: skip
_NAMES: Final = {
    "shoulder": (5, 6), "elbow": (7, 8), "wrist": (9, 10),
    "hip": (11, 12), "knee": (13, 14), "ankle": (15, 16),
}  # fmt: skip
_LIMBS: Final = {
    "shoulder": ("trunk", "upper_arm"), "elbow": ("upper_arm", "forearm"), "hip": ("trunk", "thigh"),
    "knee": ("thigh", "shin"), "trunk": ("trunk",),
}  # fmt: skip


@dataclass(frozen=True)
class Turned:
    """One constructed error.

    Attributes:
        source: where the pose is from.
        joint: what was turned.
        degrees: by how much, counter-clockwise in the picture.
        performer: (17, 3) with the error.
        expert: (17, 3) without, as the performer should look (never mirrored).
        mirrored: hand the expert over with left and right exchanged.
        excluded: why nothing can be known of this case, or an empty text.
    """

    source: str
    joint: str
    degrees: float
    performer: Array
    expert: Array
    mirrored: bool
    excluded: str

    @property
    def shown_expert(self) -> Array:
        """The expert as their own camera saw them."""
        return swap_left_right(self.expert) if self.mirrored else self.expert


def part_of(joint: str) -> str:
    """``elbow`` of ``left_elbow``."""
    return joint.rpartition("_")[2]


def turn(pose: Array, joint: str, degrees: float) -> Array:
    """Return poses (..., 17, 3) with ``joint`` and all beyond it turned counter-clockwise in the picture."""
    out = np.array(pose, float)
    angle = np.radians(-degrees)  # y points down
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if joint == "trunk":
        pivot, moved = out[..., 11:13, :2].mean(axis=-2, keepdims=True), list(range(11))
    else:
        side = 0 if joint.startswith("left") else 1
        vertex = _NAMES[part_of(joint)][side]
        pivot = out[..., vertex : vertex + 1, :2].copy()
        moved = [_NAMES[name][side] for name in _MOVED[part_of(joint)]]
    out[..., moved, :2] = (out[..., moved, :2] - pivot) @ rotation.T + pivot
    return out


def why_excluded(expert: Array, performer: Array, joint: str) -> str:
    """Return why a picture cannot show this error, by the rules of docs/feedback.md; "" if it can."""
    side, part = joint.rpartition("_")[0], part_of(joint)
    limbs = [name if name == "trunk" else f"{side}_{name}" for name in _LIMBS[part]]
    for pose in (expert, performer):
        if not _seen(pose, joint):
            return "not seen"
        body = Body.of(pose)
        if any(body.limbs[name].weight <= 0.0 for name in limbs):
            return "foreshortened"
    if part == "trunk":
        up = [_trunk(pose) for pose in (expert, performer)]
        if any(np.degrees(np.arctan2(abs(u[0]), -u[1])) > 55.0 for u in up):
            return "trunk far from upright"
    if Body.of(performer).facing is Facing.UNCLEAR and not _grows(expert, performer, joint):
        return "seen from an angle"
    return ""


def _grows(expert: Array, performer: Array, joint: str) -> bool:
    """Return whether half of the rotation or more is in the interior angle: bent or raised, not sideways."""
    if joint == "trunk":
        return False
    before, after = (extract_features(pose).angles[JOINT_NAMES.index(joint)] for pose in (performer, expert))
    return abs(float(before - after)) >= 0.5 * abs(_turned_by(expert, performer, joint)) - 0.5


def _turned_by(expert: Array, performer: Array, joint: str) -> float:
    a, b, c = JOINTS[joint]
    tip = a if part_of(joint) == "shoulder" else c
    u, v = (pose[tip, :2] - pose[b, :2] for pose in (expert, performer))
    return float(np.degrees(np.arctan2(u[0] * v[1] - u[1] * v[0], u @ v)))


def _seen(pose: Array, joint: str) -> bool:
    needed = [5, 6, 11, 12] if joint == "trunk" else list(JOINTS[joint])
    if part_of(joint) in ("shoulder", "hip"):
        needed += [5, 6, 11, 12]
    return bool(keypoint_weights(pose[needed, 2]).min() >= 0.35)


def is_right(cue: Cue, case: Turned) -> bool:
    """The joint that was turned is named, and following the words leads to the expert's pose."""
    return cue.joint == case.joint and goes(cue.kind, case.joint, case.performer, case.expert)


def goes(kind: str, joint: str, now: Array, then: Array) -> bool:
    """Return whether the change from pose ``now`` to pose ``then`` is what ``kind`` means for this joint."""
    if kind in ("bend", "straighten"):
        angle = [float(extract_features(pose).angles[JOINT_NAMES.index(joint)]) for pose in (now, then)]
        return (angle[1] < angle[0]) == (kind == "bend")
    part, side = part_of(joint), 0 if joint.startswith("left") else 1
    if part == "trunk":
        way = _trunk(then) - _trunk(now)
    else:
        tip = _NAMES[_MOVED[part][0]][side]
        base = _NAMES[part][side]
        way = (then[tip, :2] - then[base, :2]) - (now[tip, :2] - now[base, :2])
    up = _trunk(now)
    if kind in ("raise", "lower"):
        return (float(way @ up) > 0.0) == (kind == "raise")
    if kind in ("forward", "back"):
        nose = now[0, :2] - now[3:5, :2].mean(axis=0)
        return (float(way @ (nose - (nose @ up) * up)) > 0.0) == (kind == "forward")
    left = now[5, :2] - now[6, :2] + now[11, :2] - now[12, :2]
    outwards = float(way @ left) * (1 if kind in ("left", "right") or side == 0 else -1)
    return (outwards > 0.0) == (kind in ("left", "out"))


def _trunk(pose: Array) -> Array:
    way: Array = pose[5:7, :2].mean(axis=0) - pose[11:13, :2].mean(axis=0)
    return way / max(float(np.linalg.norm(way)), 1e-9)


def poses(motion: Motion3D | MotionClip, count: int) -> Array:
    """``count`` poses (N, 17, 3) spread over a movement: MoveNet's of a clip, else a perfect estimator's."""
    times = np.linspace(motion.start, motion.end, count + 2)[1:-1]
    view = motion.render(times, Look())
    return np.concatenate([view.xy, view.confidence[..., None]], axis=-1)


def cases(source: str, expert: Array, degrees: float) -> Iterator[Turned]:
    """Return errors of one pose: every joint turned both ways, mirrored and not."""
    for joint in JOINTS_TURNED:
        for sign in (-1, 1):
            performer = turn(expert, joint, sign * degrees)
            excluded = why_excluded(expert, performer, joint)
            for mirrored in (False, True):
                yield Turned(source, joint, sign * degrees, performer, expert, mirrored, excluded)
