"""``posesync demo``: live coaching without camera and network, compared with a known truth."""

from __future__ import annotations

import json
import os
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from posesync.pose.errors import DisplayError, OutputError
from posesync.pose.files import make_private_folder, scratch_folder
from posesync.pose.model_files import OFFLINE_VARIABLE
from posesync.pose.paths import free_name
from posesync.realtime.coaching.expert import open_expert
from posesync.realtime.display.loop import check_session, run_session
from posesync.realtime.display.window import check_display
from posesync.realtime.session.config import load_config
from posesync.realtime.session.options import SessionOptions, pose_settings

from . import options as shared
from .console import preparing, say
from .demo_performance import perform, tracking_error
from .live import describe_result


def demo(
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", help="The video to write; by default demo.mp4.", show_default=False),
    ] = None,
    log: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The log to write; by default beside the video.", show_default=False),
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="No window, even if there is a screen.")
    ] = False,
    config: shared.ConfigFile = None,
    pose: shared.Pose = None,
    detector: shared.Detector = None,
    provider: shared.Provider = None,
) -> None:
    """Follow a performer who walks at a known, changing pace, and print the tracker's error.

    The expert comes with PoseSync; the performer is the same walk, slower, faster and once standing still,
    at another size and frame rate, played as a camera. Needs neither camera nor network.
    """
    os.environ.setdefault(OFFLINE_VARIABLE, "1")
    settings = load_config(
        config,
        {"pose.model": pose, "detector.kind": detector, "pose.provider": provider, "display.mirror": False},
    )
    # Under a name that nobody gave, nothing is replaced.
    output = output or free_name(Path("demo.mp4"), *([] if log else [".jsonl"]))
    log = log or output.with_suffix(".jsonl")
    _make_folder(output.parent)
    clip = resources.files("posesync.realtime") / "media" / "demo_expert.mp4"
    with resources.as_file(clip) as expert_clip, scratch_folder() as scratch:
        performance = scratch / "performer.mp4"
        wanted = SessionOptions(str(performance), headless or not _has_screen(), log, output)
        check_session(
            SessionOptions(str(expert_clip), wanted.headless, log, output),
            shared.files_read(config, settings),
        )
        curve = perform(expert_clip, performance)
        with preparing(expert_clip.name) as progress:
            expert = open_expert(expert_clip, pose_settings(settings), progress=progress)
        result = run_session(wanted, expert, settings)
    for line in describe_result(result, wanted):
        say(line)
    if result.missing:
        raise OutputError("; ".join(each.message for each in result.missing))
    error = tracking_error(_frame_lines(log), curve)
    if error is None:
        say("the performer was never found", style="yellow")
    else:
        say(
            f"true tracking error: median {1000 * error.median:.0f} ms, p95 {1000 * error.p95:.0f} ms, "
            f"over {100 * error.coverage:.0f} % of the frames",
            style="bold",
        )


def _make_folder(folder: Path) -> None:
    """Create the folder for the demo, which a fresh clone does not have."""
    try:
        make_private_folder(folder)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {folder} ({error.strerror}): choose another --output"
        ) from None


def _has_screen() -> bool:
    try:
        check_display()
    except DisplayError:
        return False
    return True


def _frame_lines(log: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if "t" in line]
