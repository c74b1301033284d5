"""Reads back the outputs of a session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
from posesync.pose.skeleton import JOINT_NAMES


def read_log(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """Header, frame lines and summary of a log, whose form is checked on the way."""
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    header, *lines, last = [json.loads(line) for line in text.splitlines()]
    assert header["schema"] == 1
    assert {"posesync", "reference", "camera", "models"} <= set(header)
    assert set(last) == {"summary"}
    for line in lines:
        assert {"t", "position", "speed", "state", "confidence", "score", "joints"} <= set(line)
        assert set(line["joints"]) == set(JOINT_NAMES)
    times = [line["t"] for line in lines]
    assert times == sorted(set(times))
    assert last["summary"]["frames"] == len(lines)
    return header, lines, last["summary"]


def playable(path: Path) -> list[float]:
    """The time of every frame of a recording, decoded, s from the first."""
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        times = [frame.time for frame in container.decode(video=0)]
    return [time - times[0] for time in times]
