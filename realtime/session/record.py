"""What a log holds besides the frames: its header, and pictures of the worst moments."""

from __future__ import annotations

from collections import deque
from functools import partial
from importlib import metadata
from typing import Any, Final

from posesync.pose.frame_source import SourceInfo
from posesync.pose.types import Frame, Image
from posesync.realtime.coaching.cues import Cue
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.moment import Judged, Moment
from posesync.realtime.tracking.position import Position

from .moments import MomentCollector

#: s for which a frame that was not judged is kept.
LONGEST_HELD: Final = 1.0


def log_header(expert: Expert, camera: SourceInfo, models: dict[str, Any]) -> dict[str, Any]:
    """Return the first line of a session's log, without ``schema``.

    Args:
        expert: the expert to follow.
        camera: where the frames come from.
        models: as the estimator describes them.
    """
    reference = expert.reference
    return {
        "posesync": metadata.version("posesync"),
        "reference": {
            "file": reference.origin.file,
            "sha256": reference.origin.sha256,
            "duration": round(reference.duration, 4),
            "samples": len(reference),
            "sections": [[part.start, part.end, part.name] for part in expert.sections()],
        },
        "camera": {
            "name": camera.name,
            "kind": camera.kind,
            "width": camera.width,
            "height": camera.height,
            "fps": None if camera.fps is None else round(float(camera.fps), 4),
        },
        "models": models,
    }


class WorstMoments:
    """Keeps pictures of a session's worst moments.

    A frame is judged some 0.2 s after it was taken, 0.5 s at most, so the newest ones are kept until then.

    Args:
        expert: the expert whose pictures are put beside the performer's.
    """

    def __init__(self, expert: Expert) -> None:
        self._expert = expert
        self._collector = MomentCollector()
        self._frames: deque[Frame] = deque()

    def add(self, frame: Frame, moment: Moment) -> None:
        """Take a frame with its moment, and consider the frames judged with it."""
        self._frames.append(frame)
        for judged in moment.judged:
            while self._frames and self._frames[0].time < judged.time:
                self._frames.popleft()
            if self._frames and self._frames[0].time == judged.time:
                self._look_at(self._frames.popleft(), judged, moment.cue)
        while self._frames and self._frames[0].time < frame.time - LONGEST_HELD:
            self._frames.popleft()

    def to_list(self) -> list[dict[str, Any]]:
        """Return the moments as in the log; see :meth:`.moments.MomentCollector.to_list`."""
        return self._collector.to_list()

    def _look_at(self, frame: Frame, judged: Judged, cue: Cue | None) -> None:
        self._collector.update(
            judged.time,
            judged.position,
            judged.feedback.score,
            joints=judged.feedback.joints,
            image=frame.image,
            keypoints=judged.keypoints,
            expert_image=partial(_picture, self._expert, judged.position),
            expert_keypoints=judged.expert_pose,
            expert_size=self._expert.size,
            cue=None if cue is None else cue.text,
        )


def _picture(expert: Expert, position: Position) -> Image | None:
    return None if position.time is None else expert.image_at(position.time)
