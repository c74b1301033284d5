"""The command line: one module per subcommand, put together here."""

from __future__ import annotations

import sys

import typer
from posesync.pose.errors import PoseSyncError

from . import demo, live, models, prepare
from .console import fail, set_up_logging

HELP = "Real-time movement coaching from a webcam: follows your pace through an expert's video."


def build_app(program: str) -> typer.Typer:
    """The Typer application of ``posesync`` or, with one command only, of ``posesync-live``."""
    app = typer.Typer(
        name=program,
        help=HELP,
        add_completion=False,
        pretty_exceptions_enable=False,
        no_args_is_help=program == "posesync",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command("live")(live.live)
    if program == "posesync":
        app.command("prepare")(prepare.prepare)
        app.command("demo")(demo.demo)
        app.command("models")(models.models)
    return app


def run(program: str, arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code; a PoseSyncError becomes one line and code 2.

    Args:
        program: ``posesync`` or ``posesync-live``.
        arguments: without the program's name; those of the process when None.
    """
    set_up_logging()
    try:
        build_app(program)(args=sys.argv[1:] if arguments is None else arguments, prog_name=program)
    except PoseSyncError as error:
        fail(str(error))
        return error.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
