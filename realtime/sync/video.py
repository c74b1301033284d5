"""Writes a synchronised video: every source is decoded once, in step, drawn and encoded by picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from posesync.pose.features import swap_left_right
from posesync.pose.files import scratch_folder
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.types import FloatArray, Frame, Image
from posesync.pose.video_file import VideoFile
from posesync.pose.writer import VideoWriter
from posesync.realtime.pipeline.memory import keep_large_blocks_apart, release_free_memory
from posesync.reference.reference import Reference

from .layout import arrange
from .options import SyncOptions
from .picture import Cell, GhostPlacer, SyncPainter
from .sound import extract_sound, lay_under
from .tracks import Judgement, Track

#: Called with the current task, how much of it is done, and the total or None.
Report = Callable[[str, int, "int | None"], None]


def write_video(
    options: SyncOptions,
    tracks: Sequence[Track],
    judgements: Sequence[Judgement],
    times: FloatArray,
    report: Report,
    *,
    mirrored: Sequence[bool] = (),
) -> None:
    """Decode every video once, side by side, draw and encode. An interrupted run leaves no file.

    Args:
        options: what is shown.
        tracks: the expert's, then one for each attempt.
        judgements: one for each attempt.
        times: (T,) s, times of the pictures.
        report: called with how far it has come.
        mirrored: for each attempt, whether it does the piece with left and right exchanged.

    Raises:
        OutputError: the disk is full; the part written so far is kept and plays.
        SourceError: a video has changed meanwhile.
    """
    assert options.output is not None
    release_free_memory()  # the memory used for preparing and warping
    keep_large_blocks_apart()
    shown = tracks[1:] if options.ghost else tracks
    videos = options.videos[1:] if options.ghost else options.videos
    layout = arrange([_size(track.reference) for track in shown])
    base = tracks[1] if options.follow_attempt else tracks[0]
    sound_of = options.videos[1 if options.follow_attempt else 0]
    with scratch_folder() as folder:
        sound = folder / "sound.m4a"
        audible = extract_sound(sound_of, sound, float(base.reference.times[-1]) + 1.0)
        writer = VideoWriter(options.output, layout.width, layout.height, _rate(base.reference))
        players: list[_Player] = []
        try:
            for video, place in zip(videos, layout.panels, strict=True):
                players.append(_Player(video, place[3]))
            scenes = _Scenes(options, tracks, judgements, times, mirrored or [False] * len(judgements))
            painter = SyncPainter(layout)
            duration = float(times[-1] - times[0])
            for k, time in enumerate(times.tolist()):
                frames = [player.at(int(t.index[k])) for player, t in zip(players, shown, strict=True)]
                cells = scenes.ghost(k, frames) if options.ghost else scenes.beside(k, frames)
                writer.write(painter.draw(cells, time - float(times[0]), duration), time)
                report(f"writing {options.output.name}", k + 1, len(times))
            writer.close()
            if audible:
                lay_under(options.output, sound)
        except BaseException:
            # A file cut short by a full disk already has its name and plays; anything else is half a result.
            writer.abort()
            raise
        finally:
            for player in players:
                player.close()


class _Player:
    """Returns frames of a file by number, never backwards; holds one at a time."""

    def __init__(self, video: Path, height: int) -> None:
        self._source = VideoFile(video, max_height=height)
        self._shown: Frame | None = None

    def at(self, index: int) -> Image:
        """Return picture ``index`` (H, W, 3); after the end of a truncated file, its last picture."""
        while self._shown is None or self._shown.index < index:
            frame = self._source.read()
            if frame is None:
                break
            self._shown = frame
        assert self._shown is not None  # a file that opens has at least one frame
        return self._shown.image

    def close(self) -> None:
        self._source.close()


class _Scenes:
    """Assembles the cells of each picture."""

    def __init__(
        self,
        options: SyncOptions,
        tracks: Sequence[Track],
        judgements: Sequence[Judgement],
        times: FloatArray,
        mirrored: Sequence[bool],
    ) -> None:
        self._tracks, self._judgements, self._times = tracks, judgements, times
        self._placer, self._mirrored = GhostPlacer(), mirrored
        names = [path.name for path in options.videos]
        turned = zip(names[1:], mirrored, strict=True)
        self._titles = [names[0], *(f"{name}, mirrored" if other else name for name, other in turned)]
        if options.ghost:
            self._titles[1] = f"{self._titles[1]}, over it {self._titles[0]}"

    def beside(self, k: int, frames: Sequence[Image]) -> list[Cell]:
        """Return the cells of the expert, then of the attempts."""
        return [self._expert(k, frames[0])] + [
            self._attempt(k, number, image) for number, image in enumerate(frames[1:])
        ]

    def ghost(self, k: int, frames: Sequence[Image]) -> list[Cell]:
        """Return the cell of the attempt with the expert's pose over it."""
        expert, attempt = self._tracks[0], self._tracks[1]
        pose = None
        if expert.inside[k]:
            theirs = expert.reference.keypoints[expert.index[k]]
            ours = attempt.reference.keypoints[attempt.index[k]]
            theirs = swap_left_right(theirs) if self._mirrored[0] else theirs
            pose = self._placer.place(theirs, ours, float(self._times[k]))
        return [self._attempt(k, 0, frames[0], pose)]

    def _expert(self, k: int, image: Image) -> Cell:
        track = self._tracks[0]
        keypoints = track.reference.keypoints[track.index[k]]
        return Cell(image, keypoints, _size(track.reference), self._titles[0], bool(track.inside[k]))

    def _attempt(self, k: int, number: int, image: Image, ghost: FloatArray | None = None) -> Cell:
        track, judgement = self._tracks[number + 1], self._judgements[number]
        joints = {name: _number(judgement.joints[k, j]) for j, name in enumerate(JOINT_NAMES)}
        return Cell(
            image,
            track.reference.keypoints[track.index[k]],
            _size(track.reference),
            self._titles[number + 1],
            bool(track.inside[k]),
            joints,
            _number(judgement.score[k]),
            _number(judgement.lead[k]),
            judgement.words[k],
            ghost,
        )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _size(reference: Reference) -> tuple[int, int]:
    """Return width and height of the video's pictures, px."""
    return reference.origin.width or 640, reference.origin.height or 480


def _rate(reference: Reference) -> Fraction:
    """Return the frames per second of a video, from its frames' own times."""
    count = len(reference) - 1
    measured = count / reference.duration if count else 30.0
    return Fraction(reference.origin.fps or measured).limit_denominator(1001)
