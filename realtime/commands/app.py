"""Builds and runs the command line from one module per subcommand."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module

import typer
from posesync.pose.errors import OutputError, PoseSyncError

from .console import fail, note, set_up_logging

HELP = "Real-time movement coaching from a webcam: follows your pace through an expert's video."


#: What SQLite leaves beside the history when a process that writes to it is killed.
HISTORY_JOURNAL = "history.sqlite3-journal"
#: The commands of ``posesync``: each is a module with a function of the same name.
COMMANDS = (
    "live",
    "serve",
    "prepare",
    "sync",
    "report",
    "history",
    "demo",
    "models",
    "cache",
    "config",
    "doctor",
)


def build_app(program: str, only: str | None = None) -> typer.Typer:
    """Return the Typer application of ``posesync`` or, with one command only, of ``posesync-live``.

    Args:
        program: ``posesync`` or ``posesync-live``.
        only: the command that is called, so that the others need not be imported: the doctor must run even
            when a library that the others need is broken.
    """
    app = typer.Typer(
        name=program,
        help=HELP,
        add_completion=False,
        pretty_exceptions_enable=False,
        no_args_is_help=program == "posesync",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    names = ("live",) if program == "posesync-live" else (only,) if only else COMMANDS
    for name in names:
        app.command(name)(getattr(import_module(f".{name}", __package__), name))
    if only:
        app.callback()(lambda: None)  # keeps the command's name in the command line
    return app


def _recover() -> None:
    """Recover what killed processes have left, and remove their temporary files; mostly there is nothing."""
    from posesync.pose.files import sweep
    from posesync.pose.folders import cache_folder
    from posesync.pose.unfinished import register_dir

    unfinished = sweep()
    with suppress(ImportError):  # the doctor must run when a library is broken: next time, then
        if unfinished or register_dir().with_name(HISTORY_JOURNAL).exists():
            from posesync.realtime.report.recovery import recover_sessions

            recover_sessions(unfinished, note)
    with suppress(ImportError, OutputError):  # who has no home has no cache
        if any(cache_folder().glob("*/.*.lock")):
            from posesync.reference.cache import sweep_all

            sweep_all()


def run(program: str, arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code; a PoseSyncError becomes one line and code 2.

    Args:
        program: ``posesync`` or ``posesync-live``.
        arguments: without the program's name; those of the process when None.
    """
    set_up_logging()
    given = sys.argv[1:] if arguments is None else arguments
    only = given[0] if program == "posesync" and given and given[0] in COMMANDS else None
    try:
        _recover()
        build_app(program, only)(args=given, prog_name=program)
    except PoseSyncError as error:
        fail(str(error))
        return error.exit_code
    except ImportError as error:
        fail(f"a part of PoseSync cannot be imported ({error}): run posesync doctor")
        return PoseSyncError.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
