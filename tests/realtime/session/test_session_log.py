"""The log: its form, and that nothing half-written is ever left."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from posesync.pose.errors import OutputError
from posesync.realtime.coaching.cues import Cue
from posesync.realtime.coaching.moment import Judged, Moment
from posesync.realtime.session.log import SessionLog
from posesync.realtime.session.statistics import SessionStatistics, statistics_lines
from posesync.realtime.tracking.position import State

HEADER = {"posesync": "1.2.3", "reference": {"file": "Übung.mp4"}, "camera": {}, "models": {}}


def test_lines_are_as_the_design_says(tmp_path: Path, make_moment: Callable[..., Moment]) -> None:
    path = tmp_path / "session.jsonl"
    log = SessionLog(path, HEADER)
    log.write(make_moment(0.0, None))
    log.drop(1 / 30)
    log.write(make_moment(2 / 30, 1.23456789))
    assert not path.exists()
    log.close({"frames": 3})
    header, first, dropped, second, last = [json.loads(line) for line in path.read_text().splitlines()]
    assert list(header)[:2] == ["posesync", "schema"]
    assert header == {**HEADER, "schema": 1}
    assert (first["position"], first["state"], first["score"]) == (None, "lost", None)
    assert set(first["joints"].values()) == {None}
    assert dropped["dropped"] is True
    assert dropped["state"] == "lost"
    assert second["t"] == 0.066667
    assert second["position"] == 1.2346
    assert second["joints"]["left_elbow"] == -12.35 or second["joints"]["left_elbow"] == -12.34
    assert last == {"summary": {"frames": 3}}
    assert list(tmp_path.iterdir()) == [path]


def undecided(moment: Moment) -> Moment:
    """A moment that nothing is judged with."""
    return replace(moment, judged=())


def judged(moment: Moment, place: float, score: float = 70.0, **more: object) -> Judged:
    """The moment's frame, at its settled place."""
    position = replace(moment.position, time=place, **more)  # type: ignore[arg-type]
    feedback = replace(moment.feedback, score=score)
    return Judged(moment.time, moment.keypoints, position, feedback, moment.expert_pose)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()][1:-1]


def test_a_row_has_the_settled_place_and_the_rest_of_its_own_frame(
    tmp_path: Path, make_moment: Callable[..., Moment]
) -> None:
    path = tmp_path / "session.jsonl"
    log = SessionLog(path, HEADER)
    moments = [undecided(make_moment(k / 30, 1.0 + k / 10)) for k in range(6)]
    cue = Cue("left_elbow", "bend your left elbow more", 30.0, "bend")
    for k, moment in enumerate(moments):
        if k == 4:
            log.drop(moment.time - 0.01)
            moment = replace(moment, cue=cue, said=True)
        settled = judged(moments[k - 3], k - 3, wrapped=k == 5, repetition=k) if k >= 3 else None
        log.write(replace(moment, judged=() if settled is None else (settled,)))
    log.close({})
    rows = rows_of(path)
    assert [row["t"] for row in rows] == [0.0, 0.033333, 0.066667, 0.1, 0.123333, 0.133333, 0.166667]
    assert [row["position"] for row in rows] == [0.0, 1.0, 2.0, 2.0, None, 2.0, 2.0], "later, the live ones"
    assert [row["score"] for row in rows] == [70.0, 70.0, 70.0, 90.0, None, 90.0, 90.0]
    assert [row["repetition"] for row in rows] == [3, 4, 5, 0, 0, 0, 0]
    assert [row.get("wrapped", False) for row in rows] == [False, False, True, *[False] * 4]
    assert [row.get("cue") for row in rows] == [None] * 5 + [cue.text, None], "when it was shown"
    assert [row.get("dropped", False) for row in rows] == [False] * 4 + [True, False, False]


def test_no_row_waits_long(tmp_path: Path, make_moment: Callable[..., Moment]) -> None:
    """What a crash may cost: with a part of a log cut off by it, all but the newest rows are there."""
    log = SessionLog(tmp_path / "session.jsonl", HEADER)
    written = 0
    for k in range(200):
        log.drop(k / 30 - 0.01)
        log.write(undecided(make_moment(k / 30)))
        for file in tmp_path.iterdir():
            written = max(written, file.read_bytes().count(b'"dropped"'))
    assert written >= 200 - 0.7 * 30 - 40, "0.6 s, and what the file's own buffer holds"


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9), st.sampled_from(["", "jumped", "wrapped"]))))
def test_places_run_backwards_only_where_a_row_says_so(
    tmp_path_factory: pytest.TempPathFactory,
    make_moment: Callable[..., Moment],
    places: list[tuple[float, float, str]],
) -> None:
    """Settled places that go forward, live ones behind and ahead of them, and an end at any moment."""
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    log = SessionLog(path, HEADER)
    moments = [undecided(make_moment(k / 30, live)) for k, (live, _, _) in enumerate(places)]
    last = 0.0
    for k, moment in enumerate(moments):
        found = []
        if k >= 3:
            _, settled, told = places[k - 3]
            last = settled if told else max(last, settled)
            found = [judged(moments[k - 3], last, **({told: True} if told else {}))]
        log.write(replace(moment, judged=tuple(found)))
    log.close({})
    rows = rows_of(path)
    assert [row["t"] for row in rows] == [round(k / 30, 6) for k in range(len(places))]
    for before, row in pairwise(rows):
        assert row["position"] >= before["position"] or "jumped" in row or "wrapped" in row


def test_aborting_leaves_the_old_log(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text("old")
    log = SessionLog(path, HEADER)
    log.abort()
    log.close({})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write the log .*choose another place"):
        SessionLog(tmp_path / "none" / "session.jsonl", HEADER)


def write_many(log: SessionLog, make_moment: Callable[..., Moment]) -> None:
    for k in range(200):
        log.write(make_moment(k / 30))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the size of files")
def test_a_full_disk_keeps_whole_lines(tmp_path: Path, make_moment: Callable[..., Moment]) -> None:
    import resource
    import signal

    path = tmp_path / "session.jsonl"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write past the limit fails with EFBIG
    log = SessionLog(path, HEADER)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        with pytest.raises(OutputError, match="free some space"):
            write_many(log, make_moment)
        with pytest.raises(OutputError, match="free some space"):
            log.close({"frames": 0})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) > 30
    assert [line["t"] for line in lines[1:]] == [round(k / 30, 6) for k in range(len(lines) - 1)]
    assert list(tmp_path.iterdir()) == [path]


def test_the_summary_counts(make_moment: Callable[..., Moment]) -> None:
    statistics = SessionStatistics()
    for k, position in enumerate([None, 1.0, 2.0, 1.5]):
        statistics.add(make_moment(k * 0.1, position), missed=k % 2, now=10 + k * 0.1, latency=0.02 * (k + 1))
    summary = statistics.summary("quit", 4.0)
    assert (summary["frames"], summary["processed"], summary["dropped"]) == (6, 4, 2)
    assert summary["reached"] == 2.0
    assert summary["coverage"] == 0.75
    assert summary["states"] == {"waiting": 0, "following": 3, "holding": 0, "lost": 1, "finished": 0}
    assert summary["score"] == 90.0
    assert summary["joints"]["left_knee"] == pytest.approx(12.345, abs=0.006)
    assert statistics.fps == pytest.approx(10.0)
    assert SessionStatistics().summary("quit", 4.0)["score"] is None
    guessed = make_moment(0.4, 3.0)
    guessed = replace(guessed, position=replace(guessed.position, confidence=0.1))
    statistics.add(guessed, now=10.4)
    assert statistics.summary("quit", 4.0)["coverage"] == 0.6, "a guess is not following"


def test_repetitions_are_counted_over_new_beginnings(make_moment: Callable[..., Moment]) -> None:
    statistics = SessionStatistics()
    told = [
        (0, {}),
        (1, {}),
        (0, {}),
        (1, {}),
        (2, {}),
        (0, {"state": State.WAITING}),
        (1, {}),
        (0, {"jumped": True}),
    ]
    for k, (count, more) in enumerate(told):
        moment = make_moment(k / 30)
        position = replace(moment.position, repetition=count, **more)  # type: ignore[arg-type]
        statistics.add(replace(moment, position=position), now=k / 30)
    assert statistics.summary("quit", 4.0)["repetitions"] == 2 + 1, "one that was taken back counts once"


def test_the_figures_say_how_fast_it_runs(make_moment: Callable[..., Moment]) -> None:
    statistics = SessionStatistics()
    assert dict(statistics_lines(statistics.figures("CPU"))) == {
        "captured": "…",
        "processed": "…",
        "shown": "…",
        "latency p50 / p95": "…",
        "dropped": "0",
        "running on": "CPU",
    }
    for k in range(100):  # 20 frames a second for 4 s, then 10; every second frame from then on is dropped
        now = 10 + min(k, 80) * 0.05 + max(k - 80, 0) * 0.1
        statistics.add(make_moment(k * 0.05), missed=int(k > 80), now=now, latency=0.02)
        if k % 2 == 0:
            statistics.show(now + 0.03, now)
    recent, whole = statistics.figures("CUDA"), statistics.figures("CUDA", whole=True)
    assert (recent.captured_fps, recent.fps) == pytest.approx((20.0, 10.0), rel=0.06)
    assert recent.shown_fps == pytest.approx(5.0, abs=0.6)
    assert whole.fps == pytest.approx(99 / 5.9)
    lines = dict(statistics_lines(recent))
    assert lines["dropped"] == "19 (16.0 %)"
    assert lines["latency p50 / p95"] == "30 / 30 ms"
    logged = whole.to_dict()
    assert (logged["shown"], logged["provider"]) == (50, "CUDA")
    assert logged["latency_ms"] == {"p50": 20.0, "p95": 20.0}
