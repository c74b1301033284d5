"""What is written down of a session besides its frames: who danced what, and the worst moments."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from posesync.pose.frame_source import SourceInfo

from .coach import Step
from .expert import Expert
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
    """Keep the step's pictures if it is among the worst moments."""
    moments.update(
        step.frame.time,
        step.position,
        step.feedback.score,
        joints=step.feedback.joints,
        image=step.frame.image,
        keypoints=step.keypoints,
        expert_image=lambda: expert.image_at(step.expert_time),
        expert_keypoints=step.expert_pose,
        expert_size=expert.size,
        cue=None if step.cue is None else step.cue.text,
    )
