"""The expert as the live loop needs them: any moment's pose and picture at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from posesync.pose.estimator import PoseSettings
from posesync.pose.types import FloatArray, Image
from posesync.reference import Reference
from posesync.reference.prepare import Progress, prepare_reference
from posesync.reference.proxy import ProxyVideo

from .feedback import expert_pose

#: Suffix of a stored sequence (``Reference.save``), which has poses but no pictures.
REFERENCE_SUFFIX: Final = ".npz"


class Expert:
    """A reference, with the pictures of its video where there are some. One thread at a time.

    Args:
        reference: the sequence.
        proxy: the expert's video for display, or None.
    """

    def __init__(self, reference: Reference, proxy: ProxyVideo | None = None) -> None:
        self.reference = reference
        self.proxy = proxy

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frame that the keypoints refer to, px."""
        origin = self.reference.origin
        if origin.width and origin.height:
            return origin.width, origin.height
        points = self.reference.keypoints
        seen = points[points[..., 2] > 0]
        if not len(seen):
            return 640, 480
        return max(2, int(np.ceil(seen[:, 0].max() * 1.1))), max(2, int(np.ceil(seen[:, 1].max() * 1.1)))

    def pose_at(self, time: float) -> FloatArray:
        """(17, 3) x px, y px, confidence at ``time`` s."""
        return expert_pose(self.reference.times, self.reference.keypoints, time)

    def image_at(self, time: float) -> Image | None:
        """The frame nearest to ``time`` s, read-only, or None without pictures.

        Raises:
            ReferenceFileError: the stored frame is corrupt.
        """
        return None if self.proxy is None else self.proxy.frame_at(time)


def open_expert(
    path: Path, settings: PoseSettings, *, progress: Callable[[Progress], None] | None = None
) -> Expert:
    """The expert of a video, prepared first if need be, or of a stored sequence (``.npz``).

    Raises:
        SourceError: no such file, or not a video.
        ReferenceFileError: no person in it, too short, or a stored sequence that is corrupt or too new.
        ModelError: a model that preparing needs is missing.
        OutputError: the prepared reference cannot be kept.
    """
    if path.suffix.lower() == REFERENCE_SUFFIX:
        return Expert(Reference.load(path))
    prepared = prepare_reference(path, settings=settings, progress=progress)
    return Expert(prepared.reference, prepared.proxy)
