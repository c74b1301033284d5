"""Movements to benchmark on, as keypoints at any moment of their own time.

A 3-D performance is interpolated in space first and projected afterwards, so a live frame between two frames
of the source is a pose of its own, not a copy of a reference frame. A real clip is interpolated between
MoveNet's keypoints. Either way :meth:`Motion.render` returns what a perfect estimator would see; noise comes
later (:mod:`_disturb`).
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from posesync.pose.skeleton import SWAP_LEFT_RIGHT

Array = npt.NDArray[np.floating[Any]]

DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
FOCAL: Final = 900.0
IMAGE_CENTER: Final = np.array([640.0, 360.0])

# The 13 joints of the data: head, then left and right of shoulder, elbow, wrist, hip, knee, ankle.
_COCO_FROM_13: Final = np.array([0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
_LIMBS_13: Final = ((1, 3), (3, 5), (2, 4), (4, 6), (7, 9), (9, 11), (8, 10), (10, 12))
_LIMB_PART: Final = ("upper_arm", "forearm", "upper_arm", "forearm", "thigh", "shin", "thigh", "shin")
PARTS: Final = ("torso", "shoulders", "hips", "upper_arm", "forearm", "thigh", "shin")


@dataclass(frozen=True)
class Look:
    """How a performer and their camera differ from the expert's.

    Attributes:
        yaw: degrees the camera stands to the side.
        height: body size as a factor.
        proportions: factor of each of ``PARTS``.
        style: degrees (standard deviation) by which each bone strays from the expert's direction, slowly
            varying: another person's way of doing the same movement.
        roll: degrees (standard deviation) of slow camera roll, as of a handheld phone.
        mirrored: left and right exchanged.
        seed: of everything random above.
    """

    yaw: float = 0.0
    height: float = 1.0
    proportions: tuple[float, ...] = (1.0,) * len(PARTS)
    style: float = 0.0
    roll: float = 0.0
    mirrored: bool = False
    seed: int = 0


@dataclass(frozen=True)
class View:
    """What a perfect estimator sees.

    Attributes:
        xy: (N, 17, 2) px.
        confidence: (N, 17) 0..1.
        torso: (N,) px, the length of the trunk seen square on: the unit of jitter.
        hidden: (N, 17) 0..1, how far a keypoint is behind the body.
    """

    xy: Array
    confidence: Array
    torso: Array
    hidden: Array


def smooth_noise(rng: np.random.Generator, times: Array, period: float, shape: tuple[int, ...] = ()) -> Array:
    """(N, *shape) Gaussian noise of unit variance, changing over ``period`` s, cubic between knots."""
    if len(times) == 0:
        return np.zeros((0, *shape))
    start = float(times.min())
    count = int((float(times.max()) - start) / period) + 5
    knots = rng.standard_normal((count, *shape))
    values = interpolate(knots, (times - start) / period + 1.0)
    # Catmull-Rom between independent knots has a mean variance of about 0.73.
    noise: Array = values / np.sqrt(0.73)
    return noise


def interpolate(samples: Array, position: Array) -> Array:
    """Catmull-Rom interpolation of (T, ...) samples at fractional indices (N,), clipped to the ends."""
    last = len(samples) - 1
    position = np.clip(position, 0.0, last)
    index = np.minimum(position.astype(int), max(last - 1, 0))
    u = (position - index).reshape(-1, *(1,) * (samples.ndim - 1))
    p0, p1 = samples[np.maximum(index - 1, 0)], samples[index]
    p2, p3 = samples[np.minimum(index + 1, last)], samples[np.minimum(index + 2, last)]
    cubic = 3 * (p1 - p2) + p3 - p0
    result: Array = p1 + 0.5 * u * (p2 - p0 + u * (2 * p0 - 5 * p1 + 4 * p2 - p3 + u * cubic))
    return result


class Motion:
    """A movement that can be rendered at any moment.

    Attributes:
        name: of the movement.
        start: s, first moment worth using (a still beginning says nothing about where one is).
        end: s, last such moment.
        projected: whether the view can be changed (3-D) or is fixed (a clip).
    """

    name: str
    start: float
    end: float
    projected: bool

    def render(
        self,
        times: Array,
        look: Look,
        *,
        clock: Array | None = None,
        blend: Array | None = None,
        rest: Array | None = None,
    ) -> View:
        """The view at ``times`` (N,) s of the motion.

        Args:
            times: seconds in the motion, in any order.
            look: who performs, seen from where.
            clock: (N,) s of the viewer, over which style and camera wander; ``times`` by default.
            blend: (N, 2) second moment and its share 0..1, for passing from one pose to another.
            rest: (N,) share 0..1 of a relaxed standing pose.
        """
        raise NotImplementedError

    def activity(self, times: Array) -> Array:
        """(N,) how fast the body moves, torso lengths per second, mean over the keypoints."""
        step = 0.05
        before, after = self.render(times - step, Look()), self.render(times + step, Look())
        moved = np.linalg.norm(after.xy[:, 5:] - before.xy[:, 5:], axis=-1).mean(axis=1)
        activity: Array = moved / (2 * step) / np.median(before.torso)
        return activity


class Motion3D(Motion):
    """A performance in 3-D, looked at through a pinhole camera."""

    projected = True

    def __init__(
        self, name: str, xyz: Array, fps: float, start: float, end: float, yaw: float, distance: float
    ) -> None:
        """Take (T, 13, 3) metres, y up; ``yaw`` degrees and ``distance`` m of the expert's camera."""
        self.name, self.start, self.end = name, start, end
        self._xyz, self._fps, self._yaw, self._distance = xyz, fps, yaw, distance
        used = xyz[int(start * fps) : int(end * fps) + 1, 7:9].mean(axis=1)
        self._center = (used.min(axis=0) + used.max(axis=0)) / 2
        self._rest = _resting(xyz[0])

    def cut(self, start: float, end: float) -> Motion3D:
        """The same, of which only ``start`` … ``end`` s is used; filmed from the same place."""
        other = copy(self)
        other.start, other.end = start, end
        return other

    def like(self, xyz: Array, fps: float) -> Motion3D:
        """Another movement (T, 13, 3) of the same performer in the same place, used whole."""
        other = self.cut(0.0, (len(xyz) - 1) / fps)
        other._xyz, other._fps = xyz, fps
        return other

    def joints(self, times: Array) -> Array:
        """(N, 13, 3) metres at ``times``."""
        return interpolate(self._xyz, times * self._fps)

    def render(
        self,
        times: Array,
        look: Look,
        *,
        clock: Array | None = None,
        blend: Array | None = None,
        rest: Array | None = None,
    ) -> View:
        """See :meth:`Motion.render`."""
        xyz = self.joints(times)
        if blend is not None:
            share = blend[:, 1, None, None]
            xyz = xyz * (1 - share) + self.joints(blend[:, 0]) * share
        if rest is not None and rest.any():
            standing = self._rest[None] - self._rest[7:9].mean(0) + xyz[:, 7:9].mean(1, keepdims=True)
            xyz = xyz * (1 - rest[:, None, None]) + standing * rest[:, None, None]
        clock = times if clock is None else clock
        xyz = rebuild(xyz, look, clock)
        if look.mirrored:
            xyz = (xyz - self._center) * [-1.0, 1.0, 1.0] + self._center
        body = _with_head(xyz)[:, SWAP_LEFT_RIGHT] if look.mirrored else _with_head(xyz)
        return self._project(body, look, clock)

    def _project(self, body: Array, look: Look, clock: Array) -> View:
        angle = np.radians(self._yaw + look.yaw)
        forward = np.array([-np.sin(angle), 0.0, -np.cos(angle)])
        right = np.array([np.cos(angle), 0.0, -np.sin(angle)])
        relative = body - self._center
        depth = np.maximum(relative @ forward + self._distance, 0.8)
        xy = np.stack([relative @ right, -relative[..., 1]], axis=-1) * (FOCAL / depth)[..., None]
        if look.roll:
            rng = np.random.default_rng([look.seed, 77])
            turn = np.radians(look.roll) * smooth_noise(rng, clock, 1.5)
            cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
            xy = np.stack([cos * xy[..., 0] - sin * xy[..., 1], sin * xy[..., 0] + cos * xy[..., 1]], -1)
        trunk = np.linalg.norm(body[:, 5:7].mean(1) - body[:, 11:13].mean(1), axis=-1)
        torso = FOCAL * trunk / depth[:, 11:13].mean(axis=1)
        hidden = _hidden(xy, depth, torso)
        base = np.array([0.7] * 5 + [0.85, 0.85, 0.75, 0.75, 0.65, 0.65, 0.8, 0.8, 0.75, 0.75, 0.7, 0.7])
        confidence = base * (1 - 0.45 * hidden)
        return View(xy + IMAGE_CENTER, confidence, torso, hidden)


class MotionClip(Motion):
    """MoveNet's keypoints of a real clip; ``other`` is a second, independent estimate of the same frames."""

    projected = False

    def __init__(self, name: str, times: Array, keypoints: Array, other: Array) -> None:
        """Take (T,) s and twice (T, 17, 3): the second is what the performer's view is rendered from."""
        # Without a person there is nothing to align: the walker leaves the picture after 5 s, and
        # what comes afterwards is the other person.
        seen = np.convolve(keypoints[:, 5:, 2].mean(axis=1), np.full(9, 1 / 9), "valid")
        gone = np.flatnonzero(seen < 0.4)
        used = slice(0, int(gone[0]) + 4 if len(gone) else len(times))
        times, keypoints, other = times[used], keypoints[used], other[used]
        self.name, self.start, self.end = name, float(times[0]), float(times[-1])
        self.times, self.keypoints, self._other = times, keypoints, other
        trunk = keypoints[:, 5:7, :2].mean(1) - keypoints[:, 11:13, :2].mean(1)
        self._torso = float(np.median(np.linalg.norm(trunk, axis=-1)))

    def render(
        self,
        times: Array,
        look: Look,
        *,
        clock: Array | None = None,
        blend: Array | None = None,
        rest: Array | None = None,
    ) -> View:
        """See :meth:`Motion.render`: ``look.seed`` other than 0 is the performer; only mirroring applies."""
        del clock, blend, rest
        source = self._other if look.seed else self.keypoints
        index = np.interp(times, self.times, np.arange(len(self.times)))
        low = np.minimum(index.astype(int), len(source) - 2)
        share = (index - low)[:, None, None]
        frames = source[low] * (1 - share) + source[low + 1] * share
        # Between two frames of which one did not see a joint there is no position to interpolate.
        frames[..., 2] = np.minimum(source[low, :, 2], source[low + 1, :, 2])
        if look.mirrored:
            frames = frames[:, SWAP_LEFT_RIGHT]
            frames[..., 0] = 2 * IMAGE_CENTER[0] - frames[..., 0]
        torso = np.full(len(times), self._torso)
        return View(frames[..., :2], frames[..., 2], torso, np.zeros(frames.shape[:2]))


def rebuild(xyz: Array, look: Look, clock: Array) -> Array:
    """Rebuild (N, 13, 3) from bone directions with other lengths and, for another style, other directions."""
    if look.height == 1.0 and look.style == 0.0 and set(look.proportions) == {1.0}:
        return xyz
    size = {part: look.height * factor for part, factor in zip(PARTS, look.proportions, strict=True)}
    rng = np.random.default_rng([look.seed, 33])

    def bone(vector: Array, part: str) -> Array:
        length = np.linalg.norm(vector, axis=-1, keepdims=True)
        if look.style:
            turn = np.radians(look.style) * _style(rng, clock)
            vector = vector + np.cross(turn, vector)
            vector = vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9) * length
        return vector * size[part]

    out = np.empty_like(xyz)
    root = xyz[:, 7:9].mean(axis=1)
    neck = xyz[:, 1:3].mean(axis=1)
    half_hip, half_shoulder = (xyz[:, 7] - xyz[:, 8]) / 2, (xyz[:, 1] - xyz[:, 2]) / 2
    new_neck = root + bone(neck - root, "torso")
    hip, shoulder = half_hip * size["hips"], half_shoulder * size["shoulders"]
    out[:, 7], out[:, 8], out[:, 1], out[:, 2] = (
        root + hip,
        root - hip,
        new_neck + shoulder,
        new_neck - shoulder,
    )
    out[:, 0] = new_neck + (xyz[:, 0] - neck) * look.height
    for (a, b), part in zip(_LIMBS_13, _LIMB_PART, strict=True):
        out[:, b] = out[:, a] + bone(xyz[:, b] - xyz[:, a], part)
    return out


def _style(rng: np.random.Generator, clock: Array) -> Array:
    """(N, 3) unit-variance turning vectors: half a habit, half changing over about a second."""
    habit = rng.standard_normal(3)
    wander: Array = np.sqrt(0.5) * habit + np.sqrt(0.5) * smooth_noise(rng, clock, 1.0, (3,))
    return wander


def _with_head(xyz: Array) -> Array:
    """(N, 17, 3): the face is put where the trunk says a head would be; the tracker does not look at it."""
    body = xyz[:, _COCO_FROM_13]
    neck, root = xyz[:, 1:3].mean(axis=1), xyz[:, 7:9].mean(axis=1)
    up = _unit(neck - root)
    left = _unit(xyz[:, 1] - xyz[:, 2])
    front = np.cross(left, up)
    trunk = np.linalg.norm(neck - root, axis=-1, keepdims=True)
    offsets = (
        (0.45, 0.0, 0.22),
        (0.52, 0.08, 0.18),
        (0.52, -0.08, 0.18),
        (0.48, 0.16, 0.0),
        (0.48, -0.16, 0.0),
    )
    for index, (u, s, f) in enumerate(offsets):
        body[:, index] = neck + trunk * (u * up + s * left + f * front)
    return body


def _hidden(xy: Array, depth: Array, torso: Array) -> Array:
    """(N, 17) 0..1: how far behind the trunk an arm or a leg is."""
    top, bottom = xy[:, 5:7].mean(axis=1), xy[:, 11:13].mean(axis=1)
    axis = bottom - top
    along = ((xy - top[:, None]) * axis[:, None]).sum(-1) / np.maximum((axis**2).sum(-1), 1e-6)[:, None]
    foot = top[:, None] + np.clip(along, 0.0, 1.0)[..., None] * axis[:, None]
    near = np.linalg.norm(xy - foot, axis=-1) / np.maximum(torso, 1e-6)[:, None]
    behind = depth - (depth[:, 5:7].mean(1) + depth[:, 11:13].mean(1))[:, None] / 2
    hidden: Array = np.clip((0.45 - near) / 0.2, 0, 1) * np.clip((behind - 0.05) / 0.1, 0, 1)
    return hidden


def _resting(pose: Array) -> Array:
    """(13, 3): the same body standing relaxed, arms hanging, facing the camera of yaw 0."""
    length = {pair: float(np.linalg.norm(pose[pair[1]] - pose[pair[0]])) for pair in _LIMBS_13}
    trunk = float(np.linalg.norm(pose[1:3].mean(0) - pose[7:9].mean(0)))
    out = np.zeros((13, 3))
    for left, right, half in ((7, 8, pose[7] - pose[8]), (1, 2, pose[1] - pose[2])):
        side = float(np.linalg.norm(half)) / 2
        out[left, 0], out[right, 0] = side, -side
    out[1:3, 1] = trunk
    out[0, 1] = trunk + 0.1
    for a, b in _LIMBS_13:
        lean = 0.12 * (1 if a % 2 else -1)
        out[b] = out[a] + length[a, b] * np.array([lean, -np.sqrt(1 - lean**2), 0.0])
    return out


def _unit(vector: Array) -> Array:
    unit: Array = vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)
    return unit


@lru_cache(maxsize=1)
def performances() -> dict[str, Motion3D]:
    """The 3-D performances in ``../shared/data`` by name; empty where there are none."""
    found: dict[str, Motion3D] = {}
    # The dancer stands still for 8.4 s first and after 61 s: there is nothing to be aligned there.
    for name, start, end, yaw, distance in (
        ("dance", 8.4, 61.0, 0.0, 4.6),
        ("capoeira", 0.2, 24.6, 20.0, 5.5),
    ):
        path = DATA / f"{name}_3d.npz"
        if path.is_file():
            with np.load(path, allow_pickle=False) as data:
                xyz, fps = data["xyz_mm"].astype(np.float64) / 1000.0, float(data["fps"])
            found[name] = Motion3D(name, xyz, fps, start, end, yaw, distance)
    return found
