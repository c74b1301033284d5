"""``posesync prepare``: turns experts' videos into references once: one video, or a whole library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer
from posesync.pose.errors import ConfigError
from posesync.pose.settings import PoseSettings
from posesync.pose.textual import one_line
from posesync.realtime.session.config import load_config
from posesync.realtime.session.options import pose_settings
from posesync.reference.library import Advance, Done, Outcome, State, find_videos, prepare_library
from posesync.reference.prepare import Progress, prepare_reference
from rich import progress as bars
from rich.table import Table
from rich.text import Text

from . import options as shared
from .console import cell, err, out, preparing, say

#: Exit code when a video of a library could not be prepared.
SOME_FAILED = 1

_STYLES = {State.PREPARED: "green", State.KEPT: "", State.FAILED: "bold red"}


class Engine(str, Enum):
    """Where the videos of a library are prepared."""

    LOCAL = "local"
    DASK = "dask"


def prepare(
    videos: Annotated[
        list[Path],
        typer.Argument(help="The expert's video; several, or a folder: a library.", show_default=False),
    ],
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=256, help="Videos at once, of a library.")
    ] = 1,
    engine: Annotated[
        Engine, typer.Option(help="local: this machine; dask: a Dask cluster (extra [cluster]).")
    ] = Engine.LOCAL,
    scheduler: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="The Dask scheduler, tcp://host:8786.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Prepare again, even if already done.")] = False,
    config: shared.ConfigFile = None,
    pose: shared.Pose = None,
    detector: shared.Detector = None,
    provider: shared.Provider = None,
    pose_model: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--pose-model", help="Another file for --pose (.onnx, .task).", show_default=False),
    ] = None,
    detector_model: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--detector-model", help="Any YOLO person detector (.onnx).", show_default=False),
    ] = None,
) -> None:
    """Find the expert's movement in a video and keep it, so that sessions start at once.

    Several videos are a library: one that fails is listed in the closing table and does not stop the others,
    and an interrupted run continues where it stopped. The exit code is 1 when some failed.
    """
    loaded = load_config(
        config,
        {
            "pose.model": pose,
            "pose.file": pose_model,
            "pose.provider": provider,
            "detector.kind": detector,
            "detector.model": detector_model,
        },
    )
    settings = pose_settings(loaded)
    if (scheduler is not None) != (engine is Engine.DASK):
        raise ConfigError(
            "--engine dask and --scheduler belong together: give both, as in "
            "--engine dask --scheduler tcp://192.168.0.5:8786"
        )
    found = find_videos(videos)
    shared.tidy_cache(loaded)
    if len(found) == 1 and videos == found and engine is Engine.LOCAL:
        _prepare_one(found[0], settings, force)
        return
    with _library_bars(len(found)) as (done, advance):
        if scheduler is not None:
            from posesync.reference.cluster import prepare_on_cluster

            outcomes = prepare_on_cluster(found, scheduler, settings=settings, force=force, done=done)
        else:
            outcomes = prepare_library(
                found, settings=settings, jobs=jobs, force=force, done=done, advance=advance
            )
    console = out()
    console.soft_wrap = False
    if not console.is_terminal:
        console.width = 10_000  # a program that reads it from a pipe needs one line for each video
    console.print(closing_table(outcomes))
    say(summary(outcomes))
    if any(outcome.state is State.FAILED for outcome in outcomes):
        raise typer.Exit(SOME_FAILED)


def _prepare_one(video: Path, settings: PoseSettings, force: bool) -> None:
    with preparing(video.name) as progress:
        prepared = prepare_reference(video, settings=settings, progress=progress, force=force)
    with prepared:
        reference = prepared.reference
        seen = float(reference.seen.mean())
        how = "is prepared already" if prepared.cached else "is prepared"
        size = f"{reference.duration:.1f} s, {len(reference)} frames, {100 * seen:.0f} % with a person"
        say(f"{video.name} {how}: {size}")
        say(f"kept in {prepared.folder}", style="dim")


def closing_table(outcomes: list[Outcome]) -> Table:
    """Return a row for each video: its outcome, and why."""
    table = Table(box=None, pad_edge=False)
    for heading, justify in (("video", "left"), ("result", "left"), ("s", "right"), ("person", "right")):
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    table.add_column("remark", overflow="fold")
    for outcome in outcomes:
        ready = outcome.state is not State.FAILED
        table.add_row(
            cell(str(outcome.path)),
            Text(outcome.state.value, style=_STYLES[outcome.state]),
            f"{outcome.duration:.1f}" if ready else "",
            f"{100 * outcome.seen:.0f} %" if ready else "",
            cell(outcome.detail.removeprefix(f"{outcome.path} ")),
        )
    return table


def summary(outcomes: list[Outcome]) -> str:
    """Return how many videos had each outcome."""
    count = {state: sum(outcome.state is state for outcome in outcomes) for state in State}
    parts = [f"{count[State.PREPARED]} prepared"]
    if count[State.KEPT]:
        parts.append(f"{count[State.KEPT]} prepared already")
    if count[State.FAILED]:
        parts.append(f"{count[State.FAILED]} failed")
    return f"{len(outcomes)} videos: {', '.join(parts)}"


@contextmanager
def _library_bars(total: int) -> Iterator[tuple[Done, Advance]]:
    """Show a bar for the library and one for each video in progress; without a terminal, lines."""
    bar = bars.Progress(
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(bar_width=None),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[note]}"),
        console=err(),
        transient=True,
    )
    shows = bar.console.is_terminal
    library = bar.add_task("library", total=total, note="")
    tasks: dict[Path, bars.TaskID] = {}
    counted = {"done": 0, "failed": 0}

    def done(outcome: Outcome) -> None:
        counted["done"] += 1
        counted["failed"] += outcome.state is State.FAILED
        if (task := tasks.pop(outcome.path, None)) is not None:
            bar.remove_task(task)
        note = f"{counted['failed']} failed" if counted["failed"] else ""
        bar.update(library, completed=counted["done"], note=note)
        if not shows:
            err().print(
                cell(f"{counted['done']} of {total}: {outcome.path.name} {outcome.state.value}", "dim")
            )

    def advance(path: Path, progress: Progress) -> None:
        if path not in tasks:
            tasks[path] = bar.add_task(one_line(path.name), note="")
        left = f", {progress.remaining:.0f} s left" if progress.remaining is not None else ""
        bar.update(
            tasks[path], completed=progress.frames, total=progress.total, note=f"{progress.fps:.0f} fps{left}"
        )

    if shows:
        bar.start()
    try:
        yield done, advance
    finally:
        bar.stop()
