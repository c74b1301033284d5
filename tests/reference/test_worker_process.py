"""Processes of our own: what they import, and when they end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from downloads import imported, plant

WORKS = """
import sys

from posesync.reference import worker_process
from posesync.reference.worker_process import WorkerProcess, serve

if "3.10" in sys.argv:
    worker_process._SAFE = ("-c", worker_process._BOOT)
if __name__ == "__main__":
    worker = WorkerProcess(serve, str.upper)
    worker.connection.send("done in order")
    print(worker.connection.recv())
    worker.end()
"""
HANGS = """
import signal
import sys
import time

from posesync.reference import worker_process


def hang(connection):
    if "deaf" in sys.argv:  # a decoder that never comes back
        worker_process._GRACE = 0.5
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    connection.send("hangs")
    time.sleep(600)


if __name__ == "__main__":
    connection, process = worker_process.start_process(hang)
    connection.recv()
    print(process.pid, flush=True)
    time.sleep(600)
"""

CLEANS_UP = """
import time

from posesync.reference.worker_process import start_process


def work(connection):
    try:
        connection.send("works")
        time.sleep(600)
    finally:
        connection.send("cleans up")
        time.sleep(0.3)
        connection.send("clean")


if __name__ == "__main__":
    connection, process = start_process(work)
    for _ in range(2):
        connection.recv()
        process.terminate()
    print(connection.recv())
    process.join()
    print(process.exitcode)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "programs").mkdir()
    return tmp_path / "programs" / "program.py"


@pytest.mark.parametrize(
    ("options", "version", "path"),
    [((), "", None), (("-E",), "", None), ((), "3.10", None), (("-E",), "3.10", None), ((), "", "")],
    ids=["plain", "deaf to the environment", "as on 3.10", "both", "an empty place in the path"],
)
def test_nothing_is_imported_from_the_current_folder(
    options: tuple[str, ...], version: str, path: str | None, program: Path, tmp_path: Path
) -> None:
    program.write_text(WORKS)
    downloads = plant(tmp_path / "downloads", ["multiprocessing", "pickle", "selectors", "signal", "numpy"])
    if path is not None:  # the parent itself must not see it
        program.write_text(f"import os\nos.environ['PYTHONPATH'] = {os.pathsep!r} + '/none'\n{WORKS}")
        plant(downloads, ["sitecustomize"])
    done = subprocess.run(
        [sys.executable, *options, program, version],
        cwd=downloads,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert imported(downloads) == []
    assert (done.stdout, done.returncode) == ("('done', 'DONE IN ORDER')\n", 0), done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_process_that_is_told_twice_to_end_cleans_up(program: Path) -> None:
    program.write_text(CLEANS_UP)
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "clean\n143\n", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", ["asleep", "deaf"])
def test_a_process_that_hangs_does_not_outlive_its_parent(how: str, program: Path) -> None:
    program.write_text(HANGS)
    with subprocess.Popen([sys.executable, program, how], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = Path("/proc") / parent.stdout.readline().strip()
        assert child.exists()
        parent.kill()
    until = time.monotonic() + 20
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
