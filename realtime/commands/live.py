"""``posesync live``: follow a performer through an expert's video."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer
from posesync.pose.errors import OutputError, PoseSyncError
from posesync.pose.unfinished import Entry
from posesync.realtime.coaching.expert import open_expert
from posesync.realtime.display.loop import check_session, run_session
from posesync.realtime.report import default_history_path, write_report
from posesync.realtime.report.keeping import new_log
from posesync.realtime.report.recovery import begin_session
from posesync.realtime.session.config import load_config
from posesync.realtime.session.options import SessionOptions, SessionResult, pose_settings
from posesync.realtime.session.outputs import Missing

from . import options as shared
from .console import preparing, say

logger = logging.getLogger(__name__)


def live(
    reference: Annotated[
        list[Path],
        typer.Option(
            "--reference",
            "-r",
            help="The expert: a video, or a stored sequence (.npz). More of them: takes of the same piece.",
        ),
    ],
    camera: Annotated[
        str, typer.Option(help="The performer: camera number or name, video file, folder of images, or URL.")
    ] = "0",
    headless: Annotated[
        bool, typer.Option("--headless", help="No window; a file is processed frame by frame.")
    ] = False,
    log: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write a log of every frame (session.jsonl).", show_default=False),
    ] = None,
    record: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Record what is shown (.mp4).", show_default=False),
    ] = None,
    start: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--from",
            parser=shared.moment,
            metavar="<0:10>",
            help="Practise from here on.",
            show_default=False,
        ),
    ] = None,
    end: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--to", parser=shared.moment, metavar="<0:25>", help="Practise up to here.", show_default=False
        ),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again where the section ends.")] = False,
    config: shared.ConfigFile = None,
    pose: shared.Pose = None,
    detector: shared.Detector = None,
    provider: shared.Provider = None,
    mirror: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option("--mirror/--no-mirror", help="Show the performer as in a mirror.", show_default=False),
    ] = None,
    view: shared.View = None,
    begin: shared.Begin = None,
    preview: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(
            "--preview/--no-preview",
            help=f"Show what is practised in slow motion until it begins; key {shared.KEYS['slow'].label}.",
            show_default=False,
        ),
    ] = None,
    guidance: shared.Guidance = None,
    sound: shared.Sound = None,
    voice: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option("--voice/--no-voice", help="Speak the cues (extra [voice]).", show_default=False),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write a report beside the log at the end.")
    ] = True,
) -> None:
    """Follow a performer: show the matched expert frame beside them, with state, score and corrections.

    Ctrl-C or Q ends the session; log and recording are completed, and a report is written.
    """
    settings = load_config(
        config,
        {
            "pose.model": pose,
            "detector.kind": detector,
            "pose.provider": provider,
            "display.mirror": mirror,
            "display.view": view,
            "display.preview": preview,
            "practice.start": begin,
            "guidance.level": guidance,
            "sound.mode": sound,
            "sound.voice": voice,
        },
    )
    wanted = SessionOptions(camera, headless, log, record)
    page = None if log is None or not report else _page(log)
    check_session(wanted, shared.files_read(config, settings, reference), page=page)
    shared.tidy_cache(settings)
    with preparing(reference[0].name) as progress:
        expert = open_expert(
            reference, pose_settings(settings), section=(start, end), loop=loop, progress=progress
        )
    if log is None and not headless and settings.session.keep:
        wanted = _keeping(wanted)
    missing: list[Missing] = []
    with reporting(wanted.log if report else None, missing) as entry:
        result = run_session(replace(wanted, entry=entry), expert, settings)
        missing += result.missing
        for line in describe_result(result, wanted):
            say(line)
    if missing:
        raise OutputError("; ".join(each.message for each in missing))


def _keeping(wanted: SessionOptions) -> SessionOptions:
    """Add the log that PoseSync keeps of every session; a disk without room costs nothing but the log."""
    try:
        return replace(wanted, log=new_log(), required=wanted.record is not None)
    except OutputError as error:
        logger.warning("the session is not kept: %s", error)
        return wanted


@contextmanager
def reporting(log: Path | None, missing: list[Missing]) -> Iterator[Entry | None]:
    """Write a report from the log when the block ends, however it ends.

    After an error nothing is printed about it: the last line must be the error's.

    Args:
        log: the log, or None for no report.
        missing: gets the report when it cannot be written.

    Yields:
        The session in the register of unfinished ones, until its report is written; None without a report.
    """
    if log is None:
        yield None
        return
    entry = begin_session(default_history_path())
    try:
        yield entry
    except BaseException:
        with suppress(PoseSyncError):
            _report(log)
        entry.leave()  # what could not be completed is left to the next start
        raise
    try:
        if _report(log):
            say(f"report: {_page(log)}")
    except PoseSyncError as error:
        missing.append(Missing.of("report", error))
        entry.leave()
    else:
        entry.end()


def _report(log: Path | None) -> bool:
    """Write the report of a session that has left a log; return False when there is no log."""
    if log is None or not log.is_file():
        return False
    write_report(log, _page(log), history=default_history_path())
    return True


def _page(log: Path) -> Path:
    return log.with_suffix(".html")


def describe_result(result: SessionResult, wanted: SessionOptions) -> list[str]:
    """Return a summary of a session in a few lines."""
    summary, timing = result.summary, result.timing
    fps, score = timing["fps"], summary["score"]
    lines = [
        f"{summary['processed']} frames in {summary['duration']:.1f} s of camera time"
        + (f", {summary['dropped']} dropped" if summary["dropped"] else "")
        + (f", {fps:.0f} fps on {timing['provider']}" if fps else ""),
        f"followed {100 * summary['coverage']:.0f} % of the time, reached {summary['reached']:.1f} of "
        f"{summary['reference_duration']:.1f} s" + (f", score {score:.0f}" if score is not None else ""),
    ]
    if result.ended != "end of source":
        lines.append(f"ended: {result.ended}")
    written = (("log", wanted.log), ("video", wanted.record))
    lines += [f"{what}: {path}" for what, path in written if path and path.is_file()]
    return lines
