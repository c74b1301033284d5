"""Throttling the detector: soon after dropped frames, rarely in vain, over when the machine keeps up."""

from __future__ import annotations

import itertools

import pytest
from posesync.realtime.pipeline.throttle import FIRST, FORGIVEN, LONGEST, DetectorThrottle


def test_no_drop_no_haste() -> None:
    throttle = DetectorThrottle()
    assert not any(throttle.update(0, now / 30) for now in range(3000))


def test_one_drop_is_enough_and_it_passes() -> None:
    throttle = DetectorThrottle()
    assert throttle.update(1, 5.0)
    assert throttle.update(0, 5.0 + FIRST - 0.01)
    assert not throttle.update(0, 5.0 + FIRST)


@pytest.mark.parametrize("minutes", [30, 120])
def test_a_machine_that_is_too_slow_drops_hardly_any_frame(minutes: int) -> None:
    throttle, dropped = DetectorThrottle(), 0
    hurried = False
    for number in range(minutes * 60 * 30):
        missed = 0 if hurried else 1  # at leisure this machine loses every other frame
        dropped += missed
        hurried = throttle.update(missed, number / 30)
    assert dropped <= 0.001 * minutes * 60 * 30
    assert throttle.update(0, minutes * 60 + LONGEST) is False


def test_after_a_quiet_while_a_haste_is_short_again() -> None:
    throttle = DetectorThrottle()
    now = 0.0
    for _ in range(4):
        throttle.update(1, now)
        now = next(at for at in itertools.count(now, 1.0) if not throttle.update(0, at))
    now += FORGIVEN + 1.0
    assert throttle.update(1, now)
    assert not throttle.update(0, now + FIRST)
