"""Values on the command line."""

from __future__ import annotations

import pytest
import typer
from posesync.realtime.commands.options import moment


@pytest.mark.parametrize(
    ("text", "seconds"), [("75", 75.0), ("0:10", 10.0), ("1:15.5", 75.5), ("1:00:00", 3600.0), ("0", 0.0)]
)
def test_moments(text: str, seconds: float) -> None:
    assert moment(text) == seconds


@pytest.mark.parametrize("text", ["", "abc", "-3", "1:2:3:4", "nan", "inf", "1:-5"])
def test_no_moments(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a time, expected"):
        moment(text)
