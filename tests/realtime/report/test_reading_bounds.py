"""What a log becomes in memory is bounded, not only its bytes; nothing is waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from posesync.pose.errors import SourceError
from posesync.realtime.report import reading

HEADER = b'{"posesync": "0", "schema": 1}\n'


@pytest.mark.parametrize("line", [b'{"t":0}\n', b"x\n"])
def test_tiny_lines_are_counted(line: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_FRAMES", 100)
    log = tmp_path / "a.jsonl"
    log.write_bytes(HEADER + b'{"t":0}\n' * 99)
    assert len(reading.read_session(log)) == 99
    log.write_bytes(HEADER + line * 102)
    with pytest.raises(SourceError, match="more than 100 lines"):
        reading.read_session(log)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_pipe_is_no_log_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    with pytest.raises(SourceError, match="pipe"):
        reading.read_session(tmp_path / "a.jsonl")
