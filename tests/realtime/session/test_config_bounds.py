"""Settings from a hostile file: one line, and nothing is waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from posesync.pose.errors import ConfigError
from posesync.realtime.session.config import load_config


@pytest.mark.parametrize(
    "text",
    [
        "[pose]\nmodel" + ".a" * 3000 + " = 1",
        "[" + ".".join("a" * 3000) + "]",
        "pose = " + "{a=" * 3000 + "1" + "}" * 3000,
        "[pose]\nmodel = " + "[" * 3000 + "]" * 3000,
    ],
    ids=["dotted key", "dotted table", "inline tables", "arrays"],
)
def test_what_is_nested_deep_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "a.toml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.toml")
    with pytest.raises(ConfigError, match="pipe"):
        load_config(tmp_path / "a.toml")
