"""Free memory goes back to the system."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import weakref

import pytest
from posesync.realtime.pipeline.memory import release_free_memory


class Circle:
    def __init__(self) -> None:
        self.itself = self


def test_circles_are_collected() -> None:
    gc.disable()
    try:
        known = weakref.ref(Circle())
        assert known() is not None
        release_free_memory()
        assert known() is None
    finally:
        gc.enable()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own")
def test_large_blocks_leave_no_holes() -> None:
    """Of pictures that are free, with something small and lasting after each, nothing is kept."""
    script = """
        import sys
        import numpy as np
        from posesync.realtime.pipeline.memory import keep_large_blocks_apart

        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4096

        np.ones(20_000_000, np.uint8)  # glibc learns from the first large block that is freed
        keep_large_blocks_apart()
        before, pictures, small = resident(), [], []
        for _ in range(60):
            pictures.append(np.ones(3_000_000, np.uint8))
            small.append(np.ones(50_000, np.uint8))
        pictures.clear()
        print(resident() - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) < 20e6
