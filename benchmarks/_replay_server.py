"""``posesync serve`` with a recording in the estimator's place: every frame it is sent bears its number."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from _recordings import record
from _stand_in import standing_in
from posesync.pose.types import Frame
from posesync.realtime.commands import cli

TESTS: Final = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "realtime" / "web")]

import browsing  # noqa: E402

#: To be run as ``python -c``, with the recording's file in place of the name.
PROGRAM: Final = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    f"sys.path.insert(0, {str(Path(__file__).resolve().parent)!r})\n"
    "import _replay_server; _replay_server.main(RECORDING)"
)


def number_in(frame: Frame) -> int | None:
    """The number that :func:`browsing.stamped` has put into the corner; None where it is not clear."""
    image = frame.image
    cell = browsing._CELL * image.shape[1]
    left, number, inside = image.shape[1] - (browsing._BITS + 1) * cell, 0, max(1, round(cell / 2))
    for bit in range(browsing._BITS):
        x = round(left + (bit + 0.25) * cell)
        upper, lower = (
            float(image[y : y + inside, x : x + inside].mean())
            for y in (round(0.25 * cell), round(1.25 * cell))
        )
        if abs(upper - lower) < browsing._CLEAR:
            return None
        number |= int(upper > lower) << bit
    return number


def main(recording: str) -> None:
    """Serve as ``posesync`` does with the arguments of the command line.

    Args:
        recording: a file (.npz) with what stands before the camera.
    """
    with standing_in(record(recording), number_in):
        cli.main()
