"""Output of the commands: results on standard output, progress and problems on standard error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import progress as bars
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from posesync.reference.prepare import Progress


def out() -> Console:
    """Return standard output, looked up on each call so that redirection works; lines are never wrapped."""
    return Console(highlight=False, soft_wrap=True)


def err() -> Console:
    """Return standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(message: str, *, style: str = "") -> None:
    """Print one line of result."""
    out().print(Text(message, style=style))


def note(message: str) -> None:
    """Print one line beside the results, which a program may read."""
    err().print(Text(message, style="yellow"))


def fail(message: str) -> None:
    """Print one line about an error."""
    line = " ".join(message.split())
    err().print(Text.assemble(("error: ", "bold red"), line))


class _Handler(logging.Handler):
    """Prints each record as one line, without repeats (two estimators may lack the same model)."""

    def __init__(self) -> None:
        super().__init__()
        self._last = ""

    def emit(self, record: logging.LogRecord) -> None:
        line = " ".join(record.getMessage().split())
        if line == self._last:
            return
        self._last = line
        warns = record.levelno >= logging.WARNING
        err().print(Text.assemble((f"{record.levelname.lower()}: ", "yellow" if warns else "dim"), line))


def set_up_logging() -> None:
    """Show warnings on standard error, one line each, and the GPU in use, if any."""
    root = logging.getLogger("posesync")
    for handler in [handler for handler in root.handlers if isinstance(handler, _Handler)]:
        root.removeHandler(handler)  # left by an earlier command of the same process
    root.addHandler(_Handler())
    root.propagate = False
    logging.getLogger("posesync.pose.onnx_session").setLevel(logging.INFO)


@contextmanager
def preparing(name: str) -> Iterator[Callable[[Progress], None]]:
    """Show frames, frames per second and time left in a bar while an expert's video is prepared.

    It appears with the first report, so nothing is shown when the reference comes from the cache.
    """
    bar = bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(bar_width=None),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[fps]:.0f} fps"),
        bars.TextColumn("{task.fields[left]}"),
        console=err(),
        transient=True,
    )
    task: list[bars.TaskID] = []

    def report(progress: Progress) -> None:
        if not bar.console.is_terminal:
            return
        if not task:
            bar.start()
            task.append(bar.add_task(f"preparing {name}", fps=0.0, left=""))
        left = progress.remaining
        bar.update(
            task[0],
            completed=progress.frames,
            total=progress.total,
            fps=progress.fps,
            left=f"{left:.0f} s left" if left is not None else "",
        )

    try:
        yield report
    finally:
        if task:
            bar.stop()
