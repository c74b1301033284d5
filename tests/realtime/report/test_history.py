"""The history: what it keeps, and that it is never lost."""

from __future__ import annotations

import json
import logging
import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest
from posesync.pose.errors import OutputError
from posesync.realtime.commands.history import history as history_command
from posesync.realtime.report import History, PastSession, make_report, write_report
from posesync.realtime.report.page import render_page
from session_logs import HEADER, write_log

BEGIN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def session(number: int, reference: str = "aa", score: float | None = 80.0) -> PastSession:
    return PastSession(
        sha256=f"{number:064x}",
        at=BEGIN + timedelta(days=number),
        reference=reference,
        name=f"{reference}.mp4",
        score=score,
        form=score,
        timing=None,
        speed=0.9,
        coverage=1.0,
        reached=10.0,
        duration=12.0,
        seconds=30.0,
        joints={"left_elbow": 12.0},
        sections={(0.0, 5.0): 70.0, (5.0, 12.0): None},
    )


def test_sessions_come_back_as_they_were_kept(tmp_path: Path) -> None:
    path = tmp_path / "data" / "history.sqlite3"
    with History(path) as past:
        for number in (3, 1, 2):
            assert past.add(session(number))
        assert past.add(session(4, "bb"))
        assert not past.add(session(3)), "the same log again is the same session"
    with History(path) as past:
        found = past.sessions("aa")
        assert [s.sha256[-1] for s in found] == ["1", "2", "3"]
        assert [s.sha256[-1] for s in past.sessions(limit=2)] == ["3", "4"]
        assert found[0].at == session(1).at
        assert (found[0].score, found[0].timing, found[0].sections) == (80.0, None, session(1).sections)
        assert found[0].joints["left_elbow"] == 12.0
        assert found[0].joints["left_knee"] is None
        assert past.sessions("a%") == []


@pytest.mark.parametrize(
    "content",
    [
        b"this is no database at all, but some text that is long enough " * 40,
        b"SQLite format 3\x00" + b"x" * 4000,
    ],
)
def test_a_damaged_file_is_moved_aside_and_said_in_one_line(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "history.sqlite3"
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING), History(path) as past:
        assert past.add(session(1))
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert "is damaged: it was moved to history.sqlite3.damaged-" in said[0]
    (aside,) = tmp_path.glob("*.damaged-*")
    assert aside.read_bytes() == content
    with History(path) as past:
        assert len(past.sessions()) == 1


def test_damage_that_shows_later_is_moved_aside_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "history.sqlite3"
    with sqlite3.connect(path) as other:
        other.executescript("CREATE TABLE sessions (other TEXT); PRAGMA user_version = 1;")
    other.close()
    with caplog.at_level(logging.WARNING), History(path) as past:
        assert past.add(session(1))
    assert len(caplog.records) == 1
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1


def test_two_damaged_files_in_one_second_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    for content in (b"one" * 1000, b"two" * 1000):
        path.write_bytes(content)
        History(path).close()
    kept = {p.read_bytes()[:3] for p in tmp_path.glob("*.damaged-*")}
    assert kept == {b"one", b"two"}


def test_a_file_that_another_program_holds_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    with History(path) as past:
        past.add(session(1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    log = write_log(tmp_path / "s.jsonl", 60)
    with pytest.raises(OutputError, match=r"program has locked the history .*posesync report") as caught:
        History(path, patience=0.05)
    assert "\n" not in str(caught.value)
    other.execute("ROLLBACK")
    other.close()
    assert make_report(log, history=path).comparison.trouble is None
    with History(path) as past:
        assert len(past.sessions()) == 2
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_locked_history_costs_the_comparison_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = tmp_path / "history.sqlite3", tmp_path / "r.html"
    History(path).close()
    monkeypatch.setattr("posesync.realtime.report.writing.History", partial(History, patience=0.05))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with caplog.at_level(logging.WARNING):
        write_report(write_log(tmp_path / "s.jsonl", 60), target, history=path)
    other.close()
    assert len(caplog.records) == 1
    assert "another program has locked" in caplog.records[0].getMessage()
    assert "could not be used" in target.read_text(encoding="utf-8")


def test_a_newer_history_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 2")
    other.close()
    before = path.read_bytes()
    with pytest.raises(OutputError, match=r"version 2, expected 1 or older.*left as it is"):
        History(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_unusable_history_path_gives_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot use the history"):
        History(tmp_path / "file" / "history.sqlite3")
    with pytest.raises(OutputError, match="cannot use the history"):
        History(tmp_path)


def test_hostile_rows_are_made_harmless(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    History(path).close()
    with sqlite3.connect(path) as other:
        row = [
            "'\"<script>",
            "2026-01-01T00:00:00+00:00",
            "ab" * 32,
            "<script>\u202e",
            "high",
            1e9,
            b"\xff",
            "x",
        ]
        row += [5, None, None, None, "[" * 5000, '[[0, 5, "x"], [1], 7]']
        other.execute(f"INSERT INTO sessions VALUES ({','.join('?' * 14)})", row)
        row[:2] = ["other", "no date"]
        other.execute(f"INSERT INTO sessions VALUES ({','.join('?' * 14)})", row)
        row[:2] = ["third", b"\xff\xfe"]
        other.execute(f"INSERT INTO sessions VALUES ({','.join('?' * 14)})", row)
    other.close()
    with History(path) as past:
        (found,) = past.sessions()
    assert (found.score, found.form, found.timing, found.coverage) == (None, None, None, None)
    assert found.sections == {(0.0, 5.0): None}
    made = make_report(write_log(tmp_path / "s.jsonl", 60), history=path)
    assert "<script" not in render_page(made.analysis, made.comparison)


def test_a_report_compares_with_the_sessions_before(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    first = write_log(tmp_path / "1.jsonl", 900, at=1_700_000_000)
    better = write_log(tmp_path / "2.jsonl", 900, at=1_700_100_000, bad=(20.0, 21.0))
    other = {**HEADER, "reference": {**HEADER["reference"], "sha256": "cd" * 32}}  # type: ignore[dict-item]
    elsewhere = write_log(tmp_path / "3.jsonl", 900, at=1_700_050_000, header=other)
    for log in (first, elsewhere):
        assert make_report(log, history=path).comparison.earlier == ()
    made = make_report(better, history=path)
    (before,) = made.comparison.earlier
    assert before.at.timestamp() == 1_700_000_000
    change = made.comparison.change
    assert change is not None
    assert change == pytest.approx(65 * (100 - 33) / 900, abs=0.3)
    page = render_page(made.analysis, made.comparison)
    assert "5 points more than the last time, and your best so far." in page
    again = make_report(better, history=path).comparison
    assert len(again.earlier) == 1, "a report made again does not compare a session with itself"
    assert make_report(first, history=path).comparison.earlier == (), "nor with what came later"


def test_the_command_lists_what_was_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "history.sqlite3"

    def call(**how: object) -> str:
        history_command(**{"reference": None, "limit": 20, "as_json": False, "path": path, **how})  # type: ignore[arg-type]
        return capsys.readouterr().out

    assert "no sessions yet" in call()
    video = tmp_path / "piece.mp4"
    video.write_bytes(b"a video")
    sha = "2f66aaf0b4d49d0c95f5bd4cca92ea5f9f0fc1c3d5ff71fa1c9a1e1a7ef3ba0e"
    with History(path) as past:
        past.add(session(1))
        past.add(replace(session(2, score=None), reference=sha))
    assert "aa.mp4" in call()
    assert [s["score"] for s in json.loads(call(as_json=True))["sessions"]] == [80.0, None]
    assert json.loads(call(as_json=True, reference=video))["sessions"] == []
