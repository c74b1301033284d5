"""Turns each moment into a picture and a sound, as the user has set them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from posesync.configs.shared import SHARED
from posesync.pose.types import Image
from posesync.realtime.audio.follow import ExpertClock
from posesync.realtime.audio.playback import SessionSound
from posesync.realtime.audio.settings import SoundMode
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.coaching.preview import SlowPreview
from posesync.realtime.coaching.settings import GuidanceLevel
from posesync.realtime.coaching.start import Phase
from posesync.realtime.pipeline.workers import Processed
from posesync.realtime.session.config import Config
from posesync.realtime.session.core import SessionCore
from posesync.realtime.session.outputs import Missing
from posesync.realtime.session.statistics import Figures, statistics_lines

from .keys import Command
from .overlay import Overlay, Scene

#: s for which a key's effect is named on screen.
_SAY: Final = 1.5
#: s for which is said what has happened; a performer does not always look.
_TELL: Final = 6.0
_WORDS: Final = SHARED.words


class Stage:
    """Draws moments and plays their sound. Used by the main thread alone; close it at the end.

    Args:
        core: of the session; gives the expert, and the figures for the details panel.
        config: ``[display]`` and ``[sound]`` are used.
        audible: whether to play sound.

    Attributes:
        hurried: whether the details panel shows that the detector runs less.
        practised: (from, to) s of the section that the key L has chosen, or None.
    """

    def __init__(
        self,
        core: SessionCore,
        config: Config,
        *,
        audible: bool = False,
    ) -> None:
        display = config.display
        self._overlay = Overlay(
            display.height,
            mirror=display.mirror,
            follow=display.follow,
            layout=display.view,
        )
        self._details = display.statistics
        self._preview_first = display.preview
        self._core = core
        self._expert = expert = core.expert
        self._sections = expert.sections()
        self._clock: ExpertClock | None = None
        self._sound: SessionSound | None = None
        if audible:
            self._clock, self._sound = self._open_sound(config)
        self._preview = SlowPreview(expert.practised)
        self._figures: Figures | None = None
        self._figures_at = 0.0
        self._said: tuple[str, float] | None = None  # words, and until when, s, monotonic
        self._told = 0
        self._spoken: str | None = None
        self._count: str | None = None
        self._paused = False
        self.hurried = False
        self.practised: tuple[float, float] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of a picture, px."""
        return self._overlay.width, self._overlay.height

    def obey(self, command: Command, moment: Moment | None) -> None:
        """Change what is shown or heard; other commands are ignored.

        Args:
            command: what the user asked for.
            moment: the one on the screen, or None before the first.
        """
        if command is Command.MIRROR:
            self._overlay.mirror = not self._overlay.mirror
        elif command is Command.DETAILS:
            self._details = not self._details
        elif command is Command.VIEW:
            self._overlay.layout = self._overlay.layout.next()
            self.say(_WORDS.views[self._overlay.layout.value])
        elif command is Command.SLOW:
            self._toggle_preview(moment)
        elif command is Command.SOUND and self._sound is not None:
            self._sound.muted = not self._sound.muted
            self.say(_WORDS.sound_off if self._sound.muted else _WORDS.sound_on)

    def hear(self, moment: Moment) -> None:
        """Play the sound of a new moment: the expert's, the count-in, a new cue."""
        now = time.monotonic()
        if self._clock is not None and moment.practice.phase is Phase.RUNNING and not self._clock.started:
            self._clock.start(now)
        if self._sound is None:
            return
        # Compared with the last moment heard, because slow drawing skips moments and with them their marks.
        count, self._count = self._count, moment.practice.countdown
        if count != self._count:
            self._sound.count(last=self._count is None)
        cue = moment.cue.text if moment.cue is not None else None
        if cue is not None and cue != self._spoken:
            self._sound.say(cue)
        self._spoken = cue
        self._sound.update(moment.position, now)

    def pause(self, *, paused: bool) -> None:
        """Pause or resume the expert."""
        self._paused = paused
        self._hold()

    def _hold(self) -> None:
        """Stop the expert's clock and sound during a pause or the slow preview, else let them run."""
        now, paused = time.monotonic(), self._paused or self._preview.running
        if self._clock is not None and self._clock.running is paused:
            (self._clock.pause if paused else self._clock.resume)(now)
        if self._sound is not None:
            self._sound.paused = paused

    def restart(self) -> None:
        """Reset the expert's clock, because the performer starts again."""
        if self._clock is not None:
            self._clock.reset()

    def close(self) -> None:
        """End the sound. May be called twice."""
        if self._sound is not None:
            self._sound.close()

    def say(self, words: str, seconds: float = _SAY) -> None:
        """Show briefly what a key has changed, or for so many seconds what has happened."""
        self._said = words, time.monotonic() + seconds

    def tell(self, missing: Sequence[Missing]) -> None:
        """Say which outputs have ended since the last time."""
        if len(missing) > self._told:
            self.say(" ".join([*(each.words for each in missing), _WORDS.goes_on]), _TELL)
            self._told = len(missing)

    def say_guidance(self, level: GuidanceLevel) -> None:
        """Show briefly how much guidance there is now."""
        self.say(_WORDS.guidance_is.format(level=_WORDS.guidance[level.value]))

    def toggle_loop(self, moment: Moment) -> tuple[float, float] | None:
        """Start or stop repeating the part of the piece at ``moment``; return it, (from, to) s, or None."""
        if self.practised is not None:
            self.practised = None
            self.say(_WORDS.whole_piece)
        else:
            before = [part for part in self._sections if part.start <= moment.expert_time]
            part = before[-1] if before else self._sections[0]
            self.practised = part.start, part.end
            self.say(_WORDS.part_is.format(part=part.name))
        if self._clock is not None:
            part_of = self.practised or self._expert.practised
            self._clock.practise(*part_of, loop=self._expert.loop or self.practised is not None)
        return self.practised

    def picture(self, processed: Processed, notice: str | None = None) -> Image:
        """Return the picture of a frame with its moment and ``notice``, (height, width, 3) uint8 BGR."""
        now = time.monotonic()
        if self._figures is None or now - self._figures_at >= SHARED.limits.figures_every:
            self._figures, self._figures_at = self._core.statistics.figures(self._core.provider), now
        figures = self._figures
        frame, moment = processed.frame, processed.moment
        place, words = self._expert_place(moment, now)
        pose = moment.expert_pose if place == moment.expert_time else self._expert.pose_at(place)
        running = moment.practice.phase is Phase.RUNNING
        return self._overlay.draw(
            Scene(
                time=frame.time,
                image=frame.image,
                keypoints=moment.keypoints,
                position=moment.position,
                duration=self._expert.reference.duration,
                joints=dict(moment.joints),
                score=moment.score,
                expert_image=self._expert.image_at(place) if moment.shown.expert else None,
                expert_keypoints=pose,
                expert_size=self._expert.size,
                fps=figures.fps,
                notice=notice or self._words(now) or words or moment.practice.hint,
                statistics=statistics_lines(figures, hurried=self.hurried) if self._details else None,
                cue=moment.cue.text if moment.cue is not None else None,
                timing=moment.timing.speed,
                pace=moment.timing.label,
                doubtful=moment.doubtful,
                lead=self._clock.lead(moment.position.time, now) if self._clock is not None else None,
                sections=tuple((part.start, part.end, part.name) for part in self._sections),
                practised=self.practised or (self._expert.practised if self._expert.is_part else None),
                framing=moment.framing,
                countdown=moment.practice.countdown,
                show_ghost=moment.shown.ghost and running,
                show_expert=moment.shown.expert,
            )
        )

    def _expert_place(self, moment: Moment, now: float) -> tuple[float, str | None]:
        """Return the time in the piece that the expert's picture shows, s, and a notice about it or None."""
        if self._preview_first:
            self._preview_until_begun(moment, now)
        slow = self._preview.time(now)
        if slow is not None:
            return slow, "Slow preview"
        if self._clock is not None and self._clock.running:
            return self._clock.time(now), None
        return moment.expert_time, None

    def _preview_until_begun(self, moment: Moment, now: float) -> None:
        if moment.practice.phase is Phase.RUNNING:
            self._preview_first = False
            self._preview.stop()
        elif not self._preview.running:
            self._preview.start(now, repeat=True)
        self._hold()

    def _toggle_preview(self, moment: Moment | None) -> None:
        now, self._preview_first = time.monotonic(), False
        if self._preview.running:
            self._preview.stop()
        else:
            running = moment is not None and moment.practice.phase is Phase.RUNNING
            at = moment.expert_time if moment is not None and running else None
            self._preview.start(now, at, repeat=True)
        self._hold()

    def _open_sound(self, config: Config) -> tuple[ExpertClock | None, SessionSound]:
        settings = config.sound
        begin, end = self._expert.practised
        clock = ExpertClock(begin, end, loop=self._expert.loop) if settings.mode is SoundMode.CLOCK else None
        starts = [part.start for part in self._sections]
        return clock, SessionSound.open(settings, self._expert.video, clock=clock, starts=starts)

    def _words(self, now: float) -> str | None:
        return self._said[0] if self._said is not None and now < self._said[1] else None
