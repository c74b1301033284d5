"""Turns a moment into the page's :class:`~.protocol.Answer`, as plain values."""

from __future__ import annotations

from typing import Any, Final

from posesync.pose.features import CONFIDENCE_FLOOR
from posesync.pose.skeleton import JOINT_NAMES, LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER
from posesync.pose.types import FloatArray
from posesync.realtime.coaching.cues import Cue
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.coaching.retarget import GhostBody
from posesync.realtime.coaching.start import Phase

from .frames import Waiting
from .protocol import finite

#: px; a point farther out of the picture is of no use to the page.
_FAR: Final = 1e5
_TORSO: Final = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]


class AnswerWriter:
    """Writes the answers of one session; used by its inference thread alone.

    Args:
        expert: the expert to follow.
    """

    def __init__(self, expert: Expert) -> None:
        self._ghost = GhostBody()
        self._width = expert.size[0]

    def restart(self) -> None:
        """Forget the ghost's body, for another performer or a new beginning."""
        self._ghost.reset()

    def write(
        self,
        moment: Moment,
        size: tuple[int, int],
        waiting: Waiting,
        *,
        waited: float,
        worked: float,
        dropped: int,
    ) -> dict[str, Any]:
        """Return the answer for one frame.

        Args:
            moment: the frame's moment.
            size: width and height of the frame, px.
            waiting: the frame as it arrived.
            waited: s that it waited for its turn.
            worked: s from then on.
            dropped: frames of the session that were not processed, so far.
        """
        position, timing, shown = moment.position, moment.timing, moment.shown
        return {
            "type": "answer",
            "seq": waiting.encoded.seq,
            "captured": waiting.encoded.captured,
            "ms": {"waited": round(1e3 * waited, 2), "worked": round(1e3 * worked, 2)},
            "phase": moment.practice.phase.value,
            "countdown": moment.practice.countdown,
            "hint": moment.practice.hint,
            "framing": moment.framing,
            "position": finite(position.time, 4),
            "speed": finite(position.speed, 4) or 0.0,
            "state": position.state.value,
            "confidence": finite(position.confidence, 3) or 0.0,
            "doubtful": moment.doubtful,
            "mirrored": position.mirrored,
            "jumped": position.jumped,
            "wrapped": position.wrapped,
            "repetition": position.repetition,
            "score": finite(moment.score, 1),
            "joints": {name: finite(moment.joints[name], 1) for name in JOINT_NAMES},
            "keypoints": _points(moment.keypoints, size),
            "ghost": self._place_ghost(moment, size) if shown.ghost else None,
            "focus": self._focus(moment.expert_pose),
            "show": {"expert": shown.expert, "ghost": shown.ghost},
            "level": shown.level.value,
            "cue": None if moment.cue is None else _cue(moment.cue),
            "said": moment.said,
            "timing": {
                "score": finite(timing.score, 1),
                "label": None if timing.label is None else timing.label.value,
                "speed": finite(timing.speed, 3),
            },
            "dropped": dropped,
        }

    def _focus(self, pose: FloatArray) -> float | None:
        """Return the expert's place across their frame, 0..1: a narrow page shows the part around it."""
        torso = pose[_TORSO]
        seen = torso[torso[:, 2] > CONFIDENCE_FLOOR]
        if not len(seen):
            return None
        return finite(min(max(float(seen[:, 0].mean()) / self._width, 0.0), 1.0), 4)

    def _place_ghost(self, moment: Moment, size: tuple[int, int]) -> list[list[float]] | None:
        """Return the expert's pose on the performer's body; None while there is none to draw."""
        ghost = self._ghost.follow(moment.time, moment.expert_pose, moment.keypoints, moment.position)
        if ghost is None or moment.practice.phase is not Phase.RUNNING:
            return None
        return _points(ghost, size)


def _cue(cue: Cue) -> dict[str, Any]:
    degrees = finite(cue.degrees, 1) or 0.0
    return {"joint": cue.joint, "text": cue.text, "degrees": degrees, "kind": cue.kind}


def _points(keypoints: FloatArray, size: tuple[int, int]) -> list[list[float]]:
    """Return (17, 3) px as shares of the frame; a NaN, or a point far outside, counts as not seen."""
    width, height = size
    points = []
    for x, y, confidence in keypoints.tolist():
        known = abs(x) < _FAR and abs(y) < _FAR and confidence > 0.0  # false for NaN
        points.append(
            [round(x / width, 5), round(y / height, 5), round(min(confidence, 1.0), 3)]
            if known
            else [0.0, 0.0, 0.0]
        )
    return points
