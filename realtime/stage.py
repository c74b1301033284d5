"""What a session shows: each step becomes a scene, as the user has set it with keys and options."""

from __future__ import annotations

import time
from typing import Final

from posesync.pose.config import Config
from posesync.pose.types import Image

from .coach import Step
from .expert import Expert
from .overlay import Overlay, Scene
from .statistics import Figures, SessionStatistics, statistics_lines
from .window import Command

#: s between two looks at the statistics: figures that change with every picture cannot be read.
_FIGURES: Final = 0.25


class Stage:
    """Draws steps. Used by the main thread alone.

    Args:
        expert: who is shown beside the performer.
        config: ``[display]``.
        statistics: of the session, for the panel of details.
        provider: where the models run.

    Attributes:
        hurried: whether the panel says that the detector is spared.
    """

    def __init__(self, expert: Expert, config: Config, statistics: SessionStatistics, provider: str) -> None:
        display = config.section("display")
        self._overlay = Overlay(display["height"], mirror=display["mirror"], follow=display["follow"])
        self._details: bool = display["statistics"]
        self._expert = expert
        self._statistics = statistics
        self._provider = provider
        self._figures: Figures | None = None
        self._figures_at = 0.0
        self.hurried = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a picture, px."""
        return self._overlay.width, self._overlay.height

    def obey(self, command: Command) -> None:
        """Change what is shown; commands that are not about that are let pass."""
        if command is Command.MIRROR:
            self._overlay.mirror = not self._overlay.mirror
        elif command is Command.DETAILS:
            self._details = not self._details

    def picture(self, step: Step, notice: str | None = None) -> Image:
        """Draw a step, (height, width, 3) uint8 BGR, with one line over it if need be."""
        now = time.monotonic()
        if self._figures is None or now - self._figures_at >= _FIGURES:
            self._figures, self._figures_at = self._statistics.figures(self._provider), now
        figures = self._figures
        return self._overlay.draw(
            Scene(
                time=step.frame.time,
                image=step.frame.image,
                keypoints=step.keypoints,
                position=step.position,
                duration=self._expert.reference.duration,
                joints=dict(step.feedback.joints),
                score=step.feedback.score,
                expert_image=self._expert.image_at(step.expert_time),
                expert_keypoints=step.expert_pose,
                expert_size=self._expert.size,
                fps=figures.fps,
                notice=notice,
                statistics=statistics_lines(figures, hurried=self.hurried) if self._details else None,
            )
        )
