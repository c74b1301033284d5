"""Every polite request to end a session, from a closed terminal to the end of Windows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from posesync.realtime.commands import cli
from posesync.realtime.pipeline import console_close
from posesync.realtime.pipeline.signals import ENDING, StopSignals

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals of POSIX")

#: A session that waits to be ended, in a terminal of its own; then it prints, and tells how it went.
SESSION = """
import signal, sys, time
if "nohup" not in sys.argv:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
from pathlib import Path
from posesync.realtime.commands import app, cli
from posesync.realtime.pipeline.signals import StopSignals
def run(program):
    with StopSignals() as stop:
        Path(sys.argv[1]).write_text("begun")
        end = time.monotonic() + (2 if "nohup" in sys.argv else 60)
        while not stop.asked and time.monotonic() < end:
            time.sleep(0.01)
    print("the closing words", flush=True)
    print("and a warning", file=sys.stderr, flush=True)
    Path(sys.argv[1]).write_text(f"asked {stop.asked}")
    return 0
app.run = run
cli.main()
"""


@posix
@pytest.mark.parametrize("number", ENDING)
def test_a_request_to_end_is_noted(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StopSignals, "pending", False)
    monkeypatch.setattr(StopSignals, "ended", False)
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with StopSignals() as stop:
            os.kill(os.getpid(), number)
            assert stop.asked
        assert signal.getsignal(number) == signal.SIG_DFL
        StopSignals.ended = False
        with pytest.raises(SystemExit) as ended:
            cli._terminate(number, None)
        assert ended.value.code == 128 + number
    finally:
        signal.signal(number, before)


@posix
@pytest.mark.parametrize("how", ["closed", "nohup"])
def test_a_closed_terminal_ends_a_session_in_order(how: str, tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    told = tmp_path / "told"
    process = subprocess.Popen(
        [sys.executable, "-c", SESSION, str(told), how],
        stdin=theirs,
        stdout=theirs if how == "closed" else subprocess.DEVNULL,
        stderr=theirs if how == "closed" else subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: _make_controlling(theirs, how),
    )
    os.close(theirs)
    for _ in range(3000):
        if told.exists():
            break
        threading.Event().wait(0.02)
    os.close(ours)  # the kernel hangs up the terminal and tells its session
    assert process.wait(60) == 0, "what it prints goes nowhere"
    assert told.read_text() == f"asked {how == 'closed'}"


def _make_controlling(terminal: int, how: str) -> None:
    import fcntl
    import termios

    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    if how == "nohup":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def test_the_end_of_a_console_waits_for_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows kills the program when the handler returns: not before everything is written."""
    asked: list[int] = []
    monkeypatch.setattr(console_close, "_done", threading.Event())
    monkeypatch.setattr(console_close._thread, "interrupt_main", asked.append)
    assert not console_close.on_console_event(0), "Ctrl-C is Python's"
    assert not console_close.on_console_event(1), "Ctrl-Break too"
    handler = threading.Thread(target=console_close.on_console_event, args=(2,))
    handler.start()
    handler.join(0.2)
    assert handler.is_alive()
    assert asked == [signal.SIGTERM]
    console_close.everything_is_written()
    handler.join(10)
    assert not handler.is_alive()
