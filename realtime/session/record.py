"""What is written down of a session besides its frames: who danced what, and the worst moments."""

from __future__ import annotations

from functools import partial
from importlib import metadata
from typing import Any

from posesync.pose.frame_source import SourceInfo
from posesync.pose.types import Image
from posesync.realtime.coaching.coach import Step
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.tracking.position import Position

from .moments import MomentCollector


def log_header(expert: Expert, camera: SourceInfo, models: dict[str, Any]) -> dict[str, Any]:
    """The first line of a session's log, without ``schema``.

    Args:
        expert: who is followed.
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


def look_back(moments: MomentCollector, step: Step, expert: Expert) -> None:
    """Keep the pictures of what was judged with the step if it is among the worst moments."""
    for judged in step.judged:
        moments.update(
            judged.time,
            judged.position,
            judged.feedback.score,
            joints=judged.feedback.joints,
            image=judged.frame.image,
            keypoints=judged.keypoints,
            expert_image=partial(_picture, expert, judged.position),
            expert_keypoints=judged.expert_pose,
            expert_size=expert.size,
            cue=None if step.cue is None else step.cue.text,
        )


def _picture(expert: Expert, position: Position) -> Image | None:
    return None if position.time is None else expert.image_at(position.time)
