"""Recorded people as keypoints in a webcam's picture, by a short name: what ``replay.py`` shows.

    utd:1                one of UTD-MHAD's subjects, eight actions in a row; utd:1:other, utd:1:27,26: others
    pose_trainer:NAME    one exercise, OpenPose (bicep_good_1, frontraise_bad_3, shoulderpressgood5 …)
    tennis:PLAYER:SHOT   one stroke of a second, MoveNet (tennis:1:forehand, tennis:6:serve:3 for the fourth)
    ballet:1, ballet:2   the two dancers of the original PoseSync's demo, MoveNet
    FILE.npz             keypoints (T, 17, 3) and times (T,); size (2,) where the picture is not 1280 × 720

The data is in ``../shared/data/people`` and its SOURCES.md; it is no part of the product.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from _people_data import joined

Array = npt.NDArray[np.float64]

DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data" / "people"
FPS: Final = 30.0
SIZE: Final = (1280, 720)
#: wave, squat, basketball shoot, boxing, lunge, stand to sit, sit to stand, bowling
SEQUENCE: Final = (3, 27, 7, 13, 26, 25, 24, 12)
#: clap, throw, jog in place, swipe, arm curl, draw a circle, tennis serve, draw a triangle
OTHERS: Final = (4, 5, 22, 1, 16, 9, 17, 11)
#: Those of an action's moments that people do alike.
MOMENTS: Final = ("rise50", "peak", "fall50")
#: COCO's numbers of the 13 joints that UTD-MHAD and the tennis strokes have.
JOINTS: Final = (0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
#: Keypoints wander so far, in torsos, and a joint so many times that: as measured on MoveNet.
JITTER: Final = 0.0125
_UNEASY: Final = np.array([1.0, 0.8, 0.8, 1.0, 1.0, 1.4, 1.4, 0.8, 0.8, 1.0, 1.0, 1.3, 1.3])
#: s over which that wandering forgets itself.
_WANDER: Final = 0.05
#: m from the camera, and the focal length as a share of the picture's height times that distance.
_DISTANCE: Final = 3.2
_FOCUS: Final = 0.38
#: Share of the picture that a person may take who comes in other pixels than the picture's own.
_ROOM: Final = (0.8, 0.84)
#: Frames that a pause between two actions may last.
_PAUSE: Final = (10, 45)

_OPENPOSE: Final = {
    "nose": 0, "l_eye": 1, "r_eye": 2, "l_ear": 3, "r_ear": 4, "l_shoulder": 5, "r_shoulder": 6, "l_elbow": 7,
    "r_elbow": 8, "l_wrist": 9, "r_wrist": 10, "l_hip": 11, "r_hip": 12, "l_knee": 13, "r_knee": 14,
    "l_ankle": 15, "r_ankle": 16,
}  # fmt: skip


class NoRecordingError(Exception):
    """Raised when there is no such person; the text lists those there are."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A recorded person.

    Attributes:
        name: as it was asked for.
        keypoints: (T, 17, 3) x px, y px, confidence 0..1, in a picture of ``size``.
        times: (T,) s, from 0.
        size: width, height of the picture, px.
        marks: what happens when, s: the same name is the same moment of the same movement in another person.
        apart: (from, to) s in which they do what the other one of a pair does not.
    """

    name: str
    keypoints: Array
    times: Array
    size: tuple[int, int] = SIZE
    marks: tuple[tuple[str, float], ...] = ()
    apart: tuple[tuple[float, float], ...] = ()

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return float(self.times[-1])


def record(name: str, *, yaw: float = 0.0, pauses: bool = False) -> Recording:
    """The person of that name.

    Args:
        name: see the module.
        yaw: degrees by which the camera stands further round; of the people in 3-D alone (utd).
        pauses: between some actions of a sequence stand still for a moment, as performers do.

    Raises:
        NoRecordingError: there is none.
    """
    kind, _, rest = name.partition(":")
    makers: dict[str, Callable[[str], Recording]] = {
        "utd": lambda who: _utd(who, yaw, pauses=pauses),
        "pose_trainer": _pose_trainer,
        "tennis": _tennis,
        "ballet": _ballet,
    }
    if name.endswith(".npz"):
        return _file(Path(name))
    if kind not in makers:
        raise NoRecordingError(f"{name!r} is nobody: give one of {', '.join(makers)}, or a file (.npz)")
    if yaw and kind != "utd":
        raise NoRecordingError(f"{name} is recorded flat: a yaw is for utd")
    try:
        return replace(makers[kind](rest), name=name)
    except FileNotFoundError as error:
        raise NoRecordingError(f"{name} is in {DATA}, which is not here ({error.filename})") from None


def truth(expert: Recording, performer: Recording) -> Callable[[float], float | None] | None:
    """Performer's time → expert's, s: straight lines between the marks of both.

    None beyond them, and where the performer does something else. Without two common marks nothing is known.
    """
    theirs = dict(expert.marks)
    pairs = sorted((when, theirs[mark]) for mark, when in performer.marks if mark in theirs)
    if len(pairs) < 2:
        return None
    own, other = np.array(pairs).T

    def known(time: float) -> float | None:
        if not own[0] <= time <= own[-1] or any(begin <= time <= end for begin, end in performer.apart):
            return None
        return float(np.interp(time, own, other))

    return known


# -- in 3-D --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _mhad() -> tuple[Any, dict[tuple[int, int, int], int], dict[str, Any]]:
    data = dict(np.load(DATA / "skeleton" / "utd_mhad.npz", allow_pickle=False))
    names = zip(data["action"].tolist(), data["subject"].tolist(), data["trial"].tolist(), strict=True)
    return data, {name: row for row, name in enumerate(names)}, _events("utd_mhad")


def _events(group: str) -> dict[str, Any]:
    events: dict[str, Any] = json.loads((DATA / "skeleton_events.json").read_text())[group]
    return events


def _utd(rest: str, yaw: float, *, pauses: bool) -> Recording:
    """``SUBJECT[:other|:ACTION,ACTION…]``."""
    who, _, what = rest.partition(":")
    data, rows, events = _mhad()
    if not who.isdigit() or int(who) not in data["subject"]:
        raise NoRecordingError(f"utd has the subjects {sorted(set(data['subject'].tolist()))}, not {who!r}")
    subject = int(who)
    order = {"": SEQUENCE, "other": OTHERS}.get(what) or tuple(int(n) for n in what.split(",") if n.isdigit())
    keys = [key for action in order if (key := _trial(action, subject, rows, events)) is not None]
    if not keys:
        raise NoRecordingError(f"utd: no action {what!r} of subject {subject}: 1 to 27, 'other' or nothing")
    rng = np.random.default_rng(zlib.crc32(rest.encode()))
    parts = [_metres(data, rows[key]) for key in keys]
    holds = [int(rng.integers(*_PAUSE)) if pauses and rng.random() < 0.5 else 0 for _ in parts]
    xyz, offsets = joined(parts, holds)
    marks = [mark for key, offset in zip(keys, offsets, strict=True) for mark in _marks(key, offset, events)]
    marks += [(f"{key[0]}:begin", offset / FPS) for key, offset in zip(keys, offsets, strict=True)]
    keypoints = _project(xyz, yaw, rng)
    return Recording("", keypoints, np.arange(len(keypoints)) / FPS, SIZE, tuple(marks))


def _trial(
    action: int, subject: int, rows: dict[tuple[int, int, int], int], events: dict[str, Any]
) -> tuple[int, int, int] | None:
    """The execution whose moments are marked, if one is; another of each subject's four."""
    wanted = [(action, subject, (subject + turn) % 4 + 1) for turn in range(4)]
    there = [key for key in wanted if key in rows]
    marked = [key for key in there if _label(key) in events]
    return (marked or there or [None])[0]


def _label(key: tuple[int, int, int]) -> str:
    return "a{}_s{}_t{}".format(*key)


def _marks(key: tuple[int, int, int], offset: int, events: dict[str, Any]) -> list[tuple[str, float]]:
    known = events.get(_label(key), {})
    return [(f"{key[0]}:{name}", (offset + known[name]) / FPS) for name in MOMENTS if name in known]


def _metres(data: dict[str, Any], row: int) -> Array:
    """(T, 13, 3) m, y up; nan where a joint was not measured."""
    start, length = int(data["start"][row]), int(data["length"][row])
    joints = data["xyz_mm"][start : start + length].astype(float)
    joints[joints == -32768] = np.nan
    return np.asarray(joints / 1000)


def _project(joints: Array, yaw: float, rng: np.random.Generator) -> Array:
    """(T, 13, 3) m → (T, 17, 3) px, as an estimator in front of a webcam would give them."""
    centred = joints - np.nanmean(joints[:, 7:9], axis=(0, 1))
    cos, sin = np.cos(np.deg2rad(yaw)), np.sin(np.deg2rad(yaw))
    x, y, z = np.moveaxis(centred, -1, 0)
    x = -x  # Kinect shows people as a mirror does; a camera does not
    x, depth = cos * x + sin * z, cos * z - sin * x + _DISTANCE
    width, height = SIZE
    focus = _FOCUS * height * _DISTANCE
    px = np.stack([width / 2 + focus * x / depth, height / 2 - focus * y / depth], -1)
    torso = np.nanmedian(np.linalg.norm(px[:, 1:3].mean(1) - px[:, 7:9].mean(1), axis=-1))
    noise, keep = rng.standard_normal(px.shape), np.exp(-1 / FPS / _WANDER)
    for now in range(1, len(noise)):
        noise[now] = keep * noise[now - 1] + np.sqrt(1 - keep * keep) * noise[now]
    seen = np.isfinite(px).all(-1)
    points = np.zeros((len(px), 17, 3))
    points[:, JOINTS, :2] = np.nan_to_num(px + JITTER * torso * _UNEASY[:, None] * noise)
    sure = np.clip(0.8 + 0.05 * rng.standard_normal(seen.shape), 0.4, 1.0)
    points[:, JOINTS, 2] = np.where(seen, sure, 0.0)
    return points


# -- flat ----------------------------------------------------------------------------------------------------


def _pose_trainer(name: str) -> Recording:
    data = np.load(DATA / "skeleton" / "pose_trainer.npz", allow_pickle=False)
    names = data["name"].tolist()
    if name not in names:
        raise NoRecordingError(f"pose_trainer has {', '.join(sorted(names))}; not {name!r}")
    row, joints = names.index(name), data["joints"].tolist()
    found = data["xyc"][data["start"][row] : data["start"][row] + data["length"][row]]
    points = np.zeros((len(found), 17, 3))
    for joint, number in _OPENPOSE.items():
        points[:, number] = found[:, joints.index(joint)]
    event = _events("pose_trainer").get(name, {})
    marks = tuple((f"{event['exercise']}:{m}", event[m] / FPS) for m in MOMENTS if m in event)
    return Recording("", fit(points), np.arange(len(points)) / FPS, SIZE, marks)


def _tennis(rest: str) -> Recording:
    """``PLAYER:SHOT[:NUMBER]``."""
    player, shot, number = (*rest.split(":"), "", "")[:3]
    number = number or "0"
    data = np.load(DATA / "skeleton" / "tennis_movenet.npz", allow_pickle=False)
    rows = np.flatnonzero((data["player"] == f"player {player}") & (data["shot"] == shot))
    if not number.isdigit() or int(number) >= len(rows):
        raise NoRecordingError(
            f"tennis:{rest}: player 1 to 6, forehand, backhand or serve, one of those {len(rows)} from 0"
        )
    yx = data["yx"][rows[int(number)]].astype(float)
    points = np.zeros((len(yx), 17, 3))
    points[:, JOINTS, 0], points[:, JOINTS, 1] = yx[..., 1] * SIZE[1], yx[..., 0] * SIZE[1]
    points[:, JOINTS, 2] = 0.8 * (yx != 0).any(-1)
    stroke = float(data["event_frame"]) / FPS
    return Recording("", fit(points), np.arange(len(points)) / FPS, SIZE, ((shot, stroke),))


def _ballet(number: str) -> Recording:
    if number not in ("1", "2"):
        raise NoRecordingError(f"ballet:{number}: there are 1 and 2")
    data = np.load(DATA / "kp" / f"posesync__BalletDance_{number}.lightning.npz", allow_pickle=False)
    pairs = json.loads((DATA / "annotations.json").read_text())["pairs"]
    pair = next(pair for pair in pairs if pair["id"] == "ballet")
    side = "ab"[int(number) - 1]
    fps = pair[f"fps_{side.upper()}"]
    marks = tuple((event["event"], event[side] / fps) for event in pair["events"])
    apart = tuple((begin / fps, end / fps) for begin, end in pair["unscored"][side.upper()])
    return Recording("", data["kp"].astype(float), data["t"] - data["t"][0], SIZE, marks, apart)


def _file(path: Path) -> Recording:
    if not path.is_file():
        raise NoRecordingError(f"there is no file {path}")
    with np.load(path, allow_pickle=False) as data:
        kept = {name: data[name] for name in data.files}
    points, times = (next((kept[n] for n in names if n in kept), None) for names in (_POINTS, _TIMES))
    if points is None or times is None or points.shape != (len(times), 17, 3):
        raise NoRecordingError(f"{path} holds {sorted(kept)}: expected keypoints (T, 17, 3) and times (T,)")
    width, height = (int(n) for n in kept.get("size", SIZE))
    return Recording(str(path), points.astype(float), times - times[0], (width, height))


_POINTS: Final = ("keypoints", "kp")
_TIMES: Final = ("times", "t")


def fit(points: Array) -> Array:
    """(T, 17, 3) in any pixels → in the picture's: as large as its room allows, in the middle of it."""
    seen = points[points[..., 2] > 0][:, :2]
    low, high = np.quantile(seen, (0.005, 0.995), axis=0)
    scale = min(_ROOM * np.array(SIZE) / np.maximum(high - low, 1.0))
    moved = points.copy()
    moved[..., :2] = (points[..., :2] - (low + high) / 2) * scale + np.array(SIZE) / 2
    return moved
