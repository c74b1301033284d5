"""The expert for the live loop: pose and picture of any moment, without delay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from posesync.pose.settings import PoseSettings
from posesync.pose.types import FloatArray, Image
from posesync.reference import Reference
from posesync.reference.prepare import Progress, prepare_reference
from posesync.reference.proxy import ProxyVideo
from posesync.reference.sections import SectionSpan, section_spans

from .feedback import expert_poses
from .opening import opening_time, practised_span

#: Suffix of a stored sequence (``Reference.save``), which has poses but no pictures.
REFERENCE_SUFFIX: Final = ".npz"


class Expert:
    """A reference with the pictures of its video, if there are any. May be used from any thread.

    Args:
        reference: the sequence that is shown, and gives the clock.
        proxy: the expert's video for display, or None.
        others: further takes of the same piece; the performer may follow any of them.
        section: (from, to) s to practise; None stands for the beginning or the end.
        loop: the section begins again where it ends.
        video: path of the expert's video, for its sound.
    """

    def __init__(
        self,
        reference: Reference,
        proxy: ProxyVideo | None = None,
        *,
        others: Sequence[Reference] = (),
        section: tuple[float | None, float | None] = (None, None),
        loop: bool = False,
        video: Path | None = None,
    ) -> None:
        self.reference = reference
        self.proxy = proxy
        self.others = tuple(others)
        self.section = section
        self.loop = loop
        self.video = video

    @property
    def takes(self) -> tuple[Reference, ...]:
        """Every take of the piece, the one that is shown first."""
        return (self.reference, *self.others)

    @property
    def opening(self) -> float:
        """The first moment of the section that is practised at which the expert is seen, s."""
        return opening_time(self.reference, self.practised)

    @property
    def practised(self) -> tuple[float, float]:
        """(from, to) s in the reference of the section that is practised."""
        return practised_span(self.reference, self.section)

    @property
    def is_part(self) -> bool:
        """Whether only a section is practised."""
        return self.section != (None, None)

    def sections(self) -> tuple[SectionSpan, ...]:
        """The sections of the piece, at times that are easy to find again in the video."""
        return section_spans(None, (float(self.reference.times[0]), float(self.reference.times[-1])))

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
        """Return the pose at ``time`` s: (17, 3) x px, y px, confidence."""
        reference = self.reference
        pose: FloatArray = expert_poses(reference.times, reference.keypoints, np.array([time]))[0]
        return pose

    def image_at(self, time: float) -> Image | None:
        """Return the frame nearest to ``time`` s, read-only, or None without pictures.

        Raises:
            ReferenceFileError: the stored frame is corrupt.
        """
        return None if self.proxy is None else self.proxy.frame_at(time)


def open_expert(
    path: Path | Sequence[Path],
    settings: PoseSettings,
    *,
    section: tuple[float | None, float | None] = (None, None),
    loop: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Expert:
    """Return the expert of a video, which is prepared first if need be, or of a stored sequence (``.npz``).

    Args:
        path: the video; of several takes of a piece, the first is the one that is shown.
        settings: how keypoints are found.
        section: (from, to) s to practise.
        loop: the section begins again where it ends.
        progress: called with how far preparing has come.

    Raises:
        SourceError: no such file, or not a video.
        ReferenceFileError: no person in it, too short, or a stored sequence that is corrupt or too new.
        ModelError: a model that preparing needs is missing.
        OutputError: the prepared reference cannot be kept.
    """
    paths = [path] if isinstance(path, Path) else list(path)
    (first, proxy), *others = [_open(one, settings, progress) for one in paths]
    for _, unused in others:
        if unused is not None:
            unused.close()
    return Expert(
        first,
        proxy,
        others=[reference for reference, _ in others],
        section=section,
        loop=loop,
        video=None if proxy is None else paths[0],
    )


def _open(
    path: Path, settings: PoseSettings, progress: Callable[[Progress], None] | None
) -> tuple[Reference, ProxyVideo | None]:
    if path.suffix.lower() == REFERENCE_SUFFIX:
        return Reference.load(path), None
    prepared = prepare_reference(path, settings=settings, progress=progress)
    return prepared.reference, prepared.proxy
