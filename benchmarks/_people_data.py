"""Real people from ``../shared/data/people`` (SOURCES.md there), as an estimator would see them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from _motions import Array

DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data" / "people"
#: Of the recordings of skeletons and OpenPose, frames per second.
FPS: Final = 30.0
SUBJECTS: Final = (1, 2, 3, 4)
#: Events that correspond between two executions: halfway up, at the peak, halfway down again.
MOMENTS: Final = ("rise50", "peak", "fall50")
#: Where the 13 joints (head, shoulders, elbows, wrists, hips, knees, ankles) stand in COCO's 17.
COCO: Final = (0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
#: How much each of them jitters, relative to the others.
_NOISE = np.array([1.0, 0.8, 0.8, 1.0, 1.0, 1.4, 1.4, 0.8, 0.8, 1.0, 1.0, 1.3, 1.3])
#: Jitter of a keypoint, torso lengths (standard deviation), and s over which it lasts.
JITTER: Final = 0.0125
_JITTER_LASTS: Final = 0.05
#: Side of the picture, px, and m from the camera to the performer.
_SIZE: Final = 720
_DISTANCE: Final = 3.2
_NEEDED = (
    "skeleton/utd_mhad.npz", "skeleton/pose_trainer.npz", "skeleton/tennis_movenet.npz",
    "skeleton_events.json", "annotations.json",
    "kp/posesync__BalletDance_1.lightning.npz", "kp/posesync__BalletDance_2.lightning.npz",
    "kp/Real-Time-Squat-Analysis-Using-MediaPipe__squat2.lightning.npz",
)  # fmt: skip
_OPENPOSE = {
    "nose": 0, "l_eye": 1, "r_eye": 2, "l_ear": 3, "r_ear": 4, "l_shoulder": 5, "r_shoulder": 6,
    "l_elbow": 7, "r_elbow": 8, "l_wrist": 9, "r_wrist": 10, "l_hip": 11, "r_hip": 12, "l_knee": 13,
    "r_knee": 14, "l_ankle": 15, "r_ankle": 16,
}  # fmt: skip

Moments = Mapping[str, float]


def missing(folder: Path = DATA) -> str | None:
    """Return what is missing and what to do about it, in one line; None when nothing is."""
    absent = [name for name in _NEEDED if not (folder / name).exists()]
    if not absent:
        return None
    return (
        f"{folder} lacks {', '.join(absent)}: the recordings of people are not part of the repository; "
        "put them there as ../shared/data/SOURCES.md describes"
    )


def seed_of(*parts: object) -> int:
    """A seed that is the same on every machine and in every run."""
    return zlib.crc32(repr(parts).encode())


def clock(frames: int, rate: float = FPS) -> Array:
    """(N,) s of frames at an even rate."""
    return np.arange(frames) / rate


def bucket(name: str) -> int:
    """Which of the four subjects a file without a known person counts as, when people are left out."""
    return zlib.crc32(name.encode()) % len(SUBJECTS) + 1


# -- 3-D to keypoints ------------------------------------------------------------------------------------


def view(xyz: Array, *, yaw: float = 0.0) -> Array:
    """Exact keypoints (T, 17, 3) px of joints (T, 13, 3) m, y up, z away from us, turned by yaw degrees."""
    centred = xyz - xyz[:, 7:9].mean(axis=(0, 1))
    cos, sin = np.cos(np.deg2rad(yaw)), np.sin(np.deg2rad(yaw))
    across, up, depth = centred[..., 0], centred[..., 1], centred[..., 2]
    away = cos * depth - sin * across + _DISTANCE
    focal = 0.38 * _SIZE * _DISTANCE
    keypoints = np.zeros((len(xyz), 17, 3))
    keypoints[:, COCO, 0] = _SIZE / 2 + focal * (cos * across + sin * depth) / away
    keypoints[:, COCO, 1] = _SIZE / 2 - focal * up / away
    keypoints[:, COCO, 2] = 1.0
    return keypoints


def shaken(keypoints: Array, *, seed: int, jitter: float = JITTER) -> Array:
    """The same as an estimator gives them: jitter that lasts a moment, and confidences about 0.8."""
    rng = np.random.default_rng(seed)
    px = keypoints[:, COCO, :2]
    torso = np.median(np.linalg.norm(px[:, 1:3].mean(axis=1) - px[:, 7:9].mean(axis=1), axis=-1))
    noise = rng.standard_normal(px.shape)
    stays = np.exp(-(1 / FPS) / _JITTER_LASTS)
    for index in range(1, len(noise)):
        noise[index] = stays * noise[index - 1] + np.sqrt(1 - stays**2) * noise[index]
    out = np.zeros_like(keypoints)
    out[:, COCO, :2] = px + jitter * torso * _NOISE[None, :, None] * noise
    out[:, COCO, 2] = np.clip(0.8 + 0.05 * rng.standard_normal(px.shape[:2]), 0.4, 1.0)
    return out


def project(xyz: Array, *, seed: int, yaw: float = 0.0) -> Array:
    """Keypoints (T, 17, 3) as an estimator gives them of joints (T, 13, 3) m."""
    return shaken(view(xyz, yaw=yaw), seed=seed)


def joined(
    parts: Sequence[Array], holds: Sequence[int], gaps: Sequence[int] | int = 10
) -> tuple[Array, list[int]]:
    """Movements (T, 13, 3) one after the other, and the frame at which each begins.

    Each begins where the hips of the last ended; before part i (but the first) stand ``holds[i]`` frames of
    stillness and ``gaps[i]`` frames in which one pose turns into the other (0: a cut).
    """
    blocks: list[Array] = []
    starts, total = [], 0
    for index, part in enumerate(parts):
        moved = part - _ground(part[:3])
        if blocks:
            last = blocks[-1][-1]
            moved = moved + _ground(last[None])
            gap = gaps if isinstance(gaps, int) else gaps[index]
            turn = (1 - np.cos(np.pi * np.arange(1, gap + 1) / (gap + 1))) / 2
            between = [np.repeat(last[None], holds[index], axis=0)]
            between.append(last + (moved[0] - last) * turn[:, None, None])
            blocks += [block for block in between if len(block)]
            total += sum(map(len, between))
        starts.append(total)
        blocks.append(moved)
        total += len(moved)
    return np.concatenate(blocks), starts


def _ground(poses: Array) -> Array:
    """(3,) m: the middle of the hips where they were measured, without its height."""
    middle: Array = np.nanmean(poses[:, 7:9], axis=(0, 1))
    return middle * (1.0, 0.0, 1.0)


# -- recordings ------------------------------------------------------------------------------------------


@lru_cache
def read_json(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / name).read_text())
    return found


@lru_cache
def read_arrays(name: str) -> dict[str, Any]:
    with np.load(DATA / name, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


@dataclass(frozen=True)
class Performance:
    """Several actions of one or more people in a row.

    Attributes:
        xyz: (T, 13, 3) m.
        starts, ends: frame at which each action begins, and after which it has ended.
        moments: of each action what happens when, in frames of the whole.
    """

    xyz: Array
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    moments: tuple[Moments, ...]


class Actions:
    """UTD-MHAD: 27 actions × 4 subjects × 4 trials as 13 joints in space."""

    def __init__(self) -> None:
        """Read the file; :func:`actions` keeps it."""
        self._data = read_arrays("skeleton/utd_mhad.npz")
        self._events = read_json("skeleton_events.json")["utd_mhad"]
        columns = (self._data[name].astype(int) for name in ("action", "subject", "trial"))
        self._rows = {key: row for row, key in enumerate(zip(*columns, strict=True))}
        self._marked = {int(name[1:].split("_")[0]) for name in self._events}

    def movement(self, action: int, subject: int, take: int) -> tuple[Array, Moments]:
        """(T, 13, 3) m and the frames of its events; take 0..3, the next one where it is missing."""
        for later in range(4):
            key = (action, subject, (take + later) % 4 + 1)
            moments = self._events.get("a{}_s{}_t{}".format(*key), {})
            if key in self._rows and (moments or action not in self._marked):
                start, length = (int(self._data[name][self._rows[key]]) for name in ("start", "length"))
                return self._data["xyz_mm"][start : start + length] / 1000.0, moments
        raise LookupError(f"no trial of action {action} by subject {subject} in {DATA}")

    def perform(
        self,
        order: Sequence[int],
        subject: int | Sequence[int],
        take: int | Sequence[int],
        *,
        holds: Sequence[int] | None = None,
        gaps: Sequence[int] | int = 10,
    ) -> Performance:
        """Actions in a row; subject and take for all, or for each; see :func:`joined`."""
        who = [subject] * len(order) if isinstance(subject, int) else subject
        takes = [take] * len(order) if isinstance(take, int) else take
        found = [self.movement(*key) for key in zip(order, who, takes, strict=True)]
        xyz, starts = joined([part for part, _ in found], holds or [0] * len(order), gaps)
        moments = tuple(
            {name: start + known[name] for name in MOMENTS if name in known}
            for start, (_, known) in zip(starts, found, strict=True)
        )
        ends = tuple(start + len(part) for start, (part, _) in zip(starts, found, strict=True))
        return Performance(xyz, tuple(starts), ends, moments)


@lru_cache
def actions() -> Actions:
    """The recordings, read once."""
    return Actions()


def from_openpose(data: Mapping[str, Any], start: int, length: int) -> Array:
    """Keypoints (length, 17, 3) of pose-trainer's frames from ``start`` on."""
    joints = list(map(str, data["joints"]))
    keypoints = np.zeros((length, 17, 3))
    for joint, place in _OPENPOSE.items():
        keypoints[:, place] = data["xyc"][start : start + length, joints.index(joint)]
    return keypoints


def exercise_files() -> dict[str, tuple[str, Array, Moments]]:
    """Pose-trainer's files: name → (exercise, keypoints (T, 17, 3) by OpenPose, frames of its events)."""
    data = read_arrays("skeleton/pose_trainer.npz")
    files: dict[str, tuple[str, Array, Moments]] = {}
    for name, known in sorted(read_json("skeleton_events.json")["pose_trainer"].items()):
        start, length = (int(data[column][known["index"]]) for column in ("start", "length"))
        keypoints = from_openpose(data, start, length)
        files[name] = (known["exercise"], keypoints, known)
    return files


def strokes() -> list[tuple[str, str, bool, Array]]:
    """Tennis: (player, stroke, left-handed, keypoints (30, 17, 3) by MoveNet); hit at frame 15."""
    data = read_arrays("skeleton/tennis_movenet.npz")
    found: list[tuple[str, str, bool, Array]] = []
    for yx, player, shot, left in zip(
        data["yx"].astype(float), data["player"], data["shot"], data["left_handed"], strict=True
    ):
        keypoints = np.zeros((len(yx), 17, 3))
        keypoints[:, COCO, :2] = yx[..., ::-1] * 256
        keypoints[:, COCO, 2] = 0.8 * (yx != 0).any(axis=-1)
        found.append((str(player), str(shot), bool(left), keypoints))
    return found


def film(file: str) -> tuple[Array, Array]:
    """Keypoints (T, 17, 3) by MoveNet Lightning of a video and its times (T,) s, the first 0."""
    data = read_arrays(f"kp/{Path(file).stem}.lightning.npz")
    return data["kp"].astype(float), data["t"] - data["t"][0]


def marked_pair(name: str) -> dict[str, Any]:
    """What a person marked in two videos: ``A``, ``B``, ``fps_A``, ``fps_B`` and ``events`` in frames."""
    return next(dict(pair) for pair in read_json("annotations.json")["pairs"] if pair["id"] == name)
