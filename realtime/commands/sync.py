"""``posesync sync``: synchronises finished videos of one piece in one video."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional, cast

import typer
from posesync.pose.errors import ConfigError
from posesync.realtime.session.config import load_config
from posesync.realtime.session.options import pose_settings
from posesync.realtime.sync.job import SyncResult, run_sync
from posesync.realtime.sync.options import SyncOptions, check_outputs
from posesync.realtime.sync.picture import lead_words
from posesync.realtime.sync.video import Report
from posesync.reference.align import METRICS, Metric
from rich import progress as bars

from . import options as shared
from .console import err, put_json, say


def sync(
    videos: Annotated[
        list[Path], typer.Argument(help="The expert's video, then one attempt or more.", show_default=False)
    ],
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", help="The video to write (.mp4).", show_default=False),
    ] = None,
    ghost: Annotated[
        bool, typer.Option("--ghost", help="Lay the expert's pose over the attempt's picture.")
    ] = False,
    follow: Annotated[
        str, typer.Option(metavar="expert|attempt", help="Whose time base and sound to keep.")
    ] = "expert",
    closed: Annotated[
        bool, typer.Option("--closed", help="Both begin and end with the piece; by default ends are open.")
    ] = False,
    window: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Largest shift in s, beyond the difference of the lengths.", show_default=False),
    ] = None,
    metric: Annotated[str, typer.Option(metavar="features|angle-mae", help="What is compared.")] = "features",
    path: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write the warping path (.csv).", show_default=False),
    ] = None,
    plot: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Draw the cost matrix with the path (.png).", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")] = False,
    config: shared.ConfigFile = None,
    pose: shared.Pose = None,
    detector: shared.Detector = None,
    provider: shared.Provider = None,
) -> None:
    """Synchronise videos of one piece: each moment of the expert's beside the same moment of the attempt's.

    The movement found in a video is kept, so a second run, or one after Ctrl-C, begins with the warping.
    """
    _one_of("--follow", follow, ("expert", "attempt"))
    _one_of("--metric", metric, METRICS)
    if window is not None and not 0 < window < float("inf"):
        raise ConfigError(f"--window is {window}, expected more than 0 s: give seconds, or leave it out")
    settings = load_config(config, {"pose.model": pose, "detector.kind": detector, "pose.provider": provider})
    wanted = SyncOptions(
        videos=tuple(videos),
        output=output,
        ghost=ghost,
        follow_attempt=follow == "attempt",
        closed=closed,
        window=window,
        metric=cast(Metric, metric),
        path=path,
        plot=plot,
    )
    check_outputs(wanted, shared.files_read(config, settings))
    shared.tidy_cache(settings)
    with stages() as report:
        result = run_sync(wanted, pose_settings(settings), feedback=settings.feedback, report=report)
    if as_json:
        put_json(json.dumps(result.to_dict(), ensure_ascii=False, indent=2) + "\n")
        return
    for line in describe(result):
        say(line)


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"{option} is {value!r}, expected one of {', '.join(known)}: correct it")


@contextmanager
def stages() -> Iterator[Report]:
    """Show a bar for each stage; nothing without a terminal. Any thread may report."""
    bar = bars.Progress(
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(bar_width=None),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
        console=err(),
        transient=True,
    )
    if not bar.console.is_terminal:
        yield lambda *_: None
        return
    tasks: dict[str, bars.TaskID] = {}
    lock = threading.Lock()

    def report(what: str, done: int, total: int | None) -> None:
        with lock:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done, total=total)

    with bar:
        yield report


def describe(result: SyncResult) -> list[str]:
    """Return the result, a line or two for each attempt."""
    found = result.to_dict()
    lines = []
    for attempt in found["attempts"]:
        begin, end = attempt["attempt_matched_s"]
        begin_expert, end_expert = attempt["expert_matched_s"]
        lead = attempt["lead_s"]["end"]
        words = lead_words(lead)[0]
        score = attempt["score"]
        lines.append(
            f"{attempt['file']}: its {begin:.1f}–{end:.1f} s match {begin_expert:.1f}–{end_expert:.1f} s of "
            f"{found['expert']['file']}; at the end {words}"
            + (f"; score {score:.0f}" if score is not None else "")
            + ("; mirrored, with left and right exchanged" if attempt["mirrored"] else "")
        )
        tau, error = attempt["kendall_tau"], attempt["angle_mae_degrees"]
        lines.append(
            f"  Kendall's tau {'unknown' if tau is None else f'{tau:.2f}'}, "
            f"Angle-MAE {'unknown' if error is None else f'{error:.1f}°'}, "
            f"confidence {attempt['confidence']:.2f}"
        )
    lines += [f"{kind}: {path}" for kind, path in found["outputs"].items()]
    return lines if found["outputs"] else [*lines, "nothing is written: name a video with -o synced.mp4"]
