"""Memory goes back to the system once after a session's end, and not during sessions."""

from __future__ import annotations

import asyncio

import pytest
from posesync.realtime.web.server import housekeeping
from posesync.realtime.web.server.housekeeping import MemoryReleaser


@pytest.mark.parametrize(
    ("running", "times"),
    [
        ([0] * 30, 0),
        ([0, 1, 2, 3] + [3] * 30, 0),
        ([1, 0] + [0] * 9, 0),  # not at once
        ([1, 0] + [0] * 30, 1),
        ([2, 1, 0] + [0] * 30, 1),
        ([2, 1] * 11, 1),  # also when sessions come and go all the time
        ([1, 0] + [0] * 15 + [1, 0] + [0] * 15, 2),
    ],
)
def test_it_is_done_a_second_after_a_session_has_ended(
    running: list[int], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    monkeypatch.setattr(housekeeping, "release_free_memory", lambda: done.append(1))

    async def tick() -> None:
        numbers = iter(running)
        releaser = MemoryReleaser(lambda: next(numbers))
        for _ in running:
            releaser.tick()
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(tick())
    assert len(done) == times
