"""An output that fails costs that output: what it holds is kept, the other goes on, and it is said once."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from outputs import playable
from posesync.pose.errors import OutputError
from posesync.pose.writer import VideoWriter
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.session import durable
from posesync.realtime.session.log import SessionLog
from posesync.realtime.session.outputs import Outputs

HEADER = {"posesync": "1.2.3", "reference": {}, "camera": {}, "models": {}}
FRAMES = 90


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outputs:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "out").mkdir()
    return Outputs(tmp_path / "out" / "s.jsonl", tmp_path / "out" / "s.mp4", HEADER, (64, 48), 30.0)


def go_on(outputs: Outputs, make_moment: Callable[..., Moment], frames: range) -> None:
    rng = np.random.default_rng(0)
    for k in frames:
        outputs.add(make_moment(k / 30), [])
        outputs.record(lambda: rng.integers(0, 255, (48, 64, 3), np.uint8), k / 30)


def failing_write(
    cls: type, name: str, after: int, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = getattr(cls, name), [0]

    def write(self: object, *given: object, **more: object) -> object:
        calls[0] += 1
        if calls[0] > after:
            raise error
        return real(self, *given, **more)

    monkeypatch.setattr(cls, name, write)


class Failing:
    """An open file whose writes, or flushes, fail from a moment on."""

    def __init__(self, file: object, method: str, number: int, after: int) -> None:
        self._file, self._method, self._number, self._left = file, method, number, after

    def __getattr__(self, name: str) -> object:
        found = getattr(self._file, name)
        if name != self._method:
            return found

        def call(*given: object) -> object:
            self._left -= 1
            if self._left < 0:
                raise OSError(self._number, os.strerror(self._number))
            return found(*given)

        return call


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT])
@pytest.mark.parametrize("method", ["write", "flush"])
def test_a_log_that_cannot_be_written_ends_and_the_recording_goes_on(
    method: str, number: int, outputs: Outputs, make_moment: Callable[..., Moment]
) -> None:
    assert outputs.log is not None
    outputs.log._file = Failing(outputs.log._file, method, number, 30)  # type: ignore[assignment]
    go_on(outputs, make_moment, range(FRAMES))
    outputs.close({"ended": "quit"})
    (missing,) = outputs.missing
    assert missing.what == "log"
    assert missing.words.startswith("The log has stopped: ")
    assert "its first 31 lines are kept" in missing.message, "with the header"
    folder = outputs.log.path.parent
    times = [json.loads(line).get("t") for line in outputs.log.path.read_text().splitlines()]
    assert times[1:31] == [round(k / 30, 6) for k in range(30)]
    assert len(times) <= 32, "one that came through as the file was closed"
    assert len(playable(folder / "s.mp4")) == FRAMES
    assert sorted(path.name for path in folder.iterdir()) == ["s.jsonl", "s.mp4"]


def test_a_recording_that_cannot_be_written_ends_and_the_log_goes_on(
    outputs: Outputs, make_moment: Callable[..., Moment], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outputs.video is not None
    assert outputs.log is not None
    real = outputs.video._container

    class Full:
        left = 60

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

        def mux(self, packets: object) -> None:
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real.mux(packets)

    outputs.video._container = Full()
    go_on(outputs, make_moment, range(FRAMES))
    drawn: list[int] = []
    outputs._writer.finish()  # type: ignore[union-attr]
    assert not outputs.recording
    outputs.record(lambda: drawn.append(1) or np.zeros((48, 64, 3), np.uint8), 9.0)  # type: ignore[func-returns-value]
    assert drawn == [], "nothing is drawn for nothing"
    outputs.close({"ended": "quit"})
    (missing,) = outputs.missing
    assert missing.what == "recording"
    assert missing.words == "The recording has stopped: the disk is full."
    *lines, last = [json.loads(line) for line in outputs.log.path.read_text().splitlines()]
    assert len(lines) == 1 + FRAMES
    assert last["summary"]["missing"] == ["recording: the disk is full"], "the log says what is missing"
    assert 1.0 < playable(outputs.video.path)[-1] < 2.1


def test_a_folder_that_is_removed_is_noticed_and_costs_only_what_lay_in_it(
    outputs: Outputs, make_moment: Callable[..., Moment], monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs.abort()
    (folder,) = [path.parent for path in [outputs.log.path]]  # type: ignore[union-attr]
    monkeypatch.setattr(durable, "EVERY", 0.02)
    again = Outputs(folder / "s.jsonl", folder / "s.mp4", HEADER, (64, 48), 30.0)
    go_on(again, make_moment, range(10))
    shutil.rmtree(folder)
    for k in range(10, 2000):
        go_on(again, make_moment, range(k, k + 1))
        if len(again.missing) == 2:
            break
        threading.Event().wait(0.01)
    assert {missing.what for missing in again.missing} == {"log", "recording"}
    assert all("the folder does not exist" in missing.reason for missing in again.missing)
    again.close({"ended": "quit"})
    assert len(again.missing) == 2


@pytest.mark.parametrize("what", ["log", "recording"])
def test_any_other_error_costs_no_more(
    what: str, outputs: Outputs, make_moment: Callable[..., Moment], monkeypatch: pytest.MonkeyPatch
) -> None:
    cls = SessionLog if what == "log" else VideoWriter
    failing_write(cls, "write", 30, ValueError("a mistake of ours"), monkeypatch)
    go_on(outputs, make_moment, range(FRAMES))
    outputs.close({"ended": "quit"})
    (missing,) = outputs.missing
    assert (missing.what, missing.reason) == (what, "a mistake of ours")
    assert outputs.log is not None
    lines = outputs.log.path.read_text().splitlines()
    assert len(lines) == (2 + FRAMES if what == "recording" else 31)


@pytest.mark.parametrize("what", ["log", "recording"])
def test_a_full_disk_at_the_very_end(
    what: str, outputs: Outputs, make_moment: Callable[..., Moment], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on(outputs, make_moment, range(FRAMES))
    outputs._writer.finish()  # type: ignore[union-attr]
    if what == "log":
        outputs.log._file = Failing(outputs.log._file, "flush", errno.ENOSPC, 0)  # type: ignore[assignment,union-attr]
    else:
        monkeypatch.setattr("posesync.pose.writer.count_pictures", lambda _: 60)  # the last flush, unreported
    outputs.close({"ended": "quit"})
    assert [(missing.what, missing.reason) for missing in outputs.missing] == [(what, "the disk is full")]
    assert len(outputs.log.path.read_text().splitlines()) >= 1 + FRAMES  # type: ignore[union-attr]
    assert len(playable(outputs.video.path)) == FRAMES  # type: ignore[union-attr]


def test_what_was_asked_for_must_begin_and_what_was_not_may_be_missing(tmp_path: Path) -> None:
    gone = tmp_path / "none" / "s.jsonl"
    with pytest.raises(OutputError):
        Outputs(gone, None, HEADER, (64, 48), 30.0)
    outputs = Outputs(gone, None, HEADER, (64, 48), 30.0, required=False)
    assert [missing.what for missing in outputs.missing] == ["log"]
    outputs.close({})


def test_every_line_is_with_the_system_at_once(outputs: Outputs, make_moment: Callable[..., Moment]) -> None:
    go_on(outputs, make_moment, range(5))
    outputs._writer.finish()  # type: ignore[union-attr]
    part = outputs.log.written_to  # type: ignore[union-attr]
    assert part is not None
    assert part.read_bytes().count(b"\n") == 1 + 5
    outputs.abort()
