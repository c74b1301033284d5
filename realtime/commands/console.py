"""Output of the commands: results on standard output, progress and problems on standard error.

Everything that a user sees in a terminal passes here: file names, titles and addresses come from strangers,
so nothing in them is markup, and nothing is obeyed by the terminal.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from posesync.pose.textual import one_line, plain_json, visible
from rich import progress as bars
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

if TYPE_CHECKING:
    from posesync.reference.prepare import Progress


class _Terminal(Console):
    """A console whose text is shown and never obeyed; what Rich itself tells the terminal passes."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, and clean what is text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def out() -> Console:
    """Return standard output, looked up on each call so that redirection works; lines are never wrapped."""
    return _Terminal(highlight=False, soft_wrap=True, markup=False, emoji=False)


def err() -> Console:
    """Return standard error."""
    return _Terminal(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def cell(text: str, style: str = "") -> Text:
    """Return text of unknown origin for a table: one line, whatever a file's name holds."""
    return Text(one_line(text), style=style)


def say(message: str, *, style: str = "") -> None:
    """Print one line of result."""
    out().print(cell(message, style))


def note(message: str) -> None:
    """Print one line beside the results, which a program may read."""
    err().print(Text(message, style="yellow"))


def fail(message: str) -> None:
    """Print one line about an error."""
    err().print(Text.assemble(("error: ", "bold red"), one_line(message)))


def put(text: str) -> None:
    """Print text for programs as it is: CSV, or TOML."""
    typer.echo(visible(text) if sys.stdout.isatty() else text, nl=False)


def put_json(text: str) -> None:
    """Print JSON for programs; what the console's encoding lacks is escaped."""
    typer.echo(plain_json(text, sys.stdout.encoding or "utf-8"), nl=False)


class _Handler(logging.Handler):
    """Prints each record as one line, without repeats (two estimators may lack the same model)."""

    def __init__(self) -> None:
        super().__init__()
        self._last = ""

    def emit(self, record: logging.LogRecord) -> None:
        line = one_line(record.getMessage())
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
        bars.TextColumn("{task.description}", markup=False),
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
            task.append(bar.add_task(one_line(f"preparing {name}"), fps=0.0, left=""))
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
