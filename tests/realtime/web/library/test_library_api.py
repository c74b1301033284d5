"""The library over the wire: experts in and out, media with ranges, history and reports, hostile requests."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from clips import PerformanceCurve, retime
from fastapi import FastAPI
from posesync.realtime.report.history import HISTORY_FILE, History
from posesync.realtime.report.writing import write_report
from posesync.realtime.session.config import load_config
from posesync.realtime.web.library.experts import ExpertStore
from posesync.realtime.web.library.routes import router
from posesync.realtime.web.library.uploads import Uploads
from session_logs import HEADER, write_log
from wire import Wire, wire

CONFIG = load_config(None, {"detector.kind": "keypoints"})
PATIENCE = 1.0  # s, of uploads


@pytest.fixture(scope="module")
def given_clip(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the server is given when it starts: 1.2 s of the acrobat, small."""
    path = tmp_path_factory.mktemp("given") / "given.mp4"
    retime(clips["cam01"], path, PerformanceCurve((0, 1.2), (0, 1.2)), duration=1.2, size=(180, 320))
    return path


@pytest.fixture(scope="module")
def take(given_clip: Path) -> Path:
    """What is uploaded: the same with another content."""
    path = given_clip.with_name("take.mp4")
    path.write_bytes(given_clip.read_bytes() + b"\0\0\0\x08free")
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="module")
def store(data: Path, given_clip: Path) -> Iterator[ExpertStore]:
    store = ExpertStore(CONFIG, [given_clip], folder=data / "experts")
    store.start()
    yield store
    store.close()


@pytest.fixture(scope="module")
def ask(data: Path, store: ExpertStore) -> Iterator[Wire]:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    uploads = Uploads(store.folder, most=3_000_000, patience=PATIENCE)
    app.include_router(router(store, data / "sessions", data / HISTORY_FILE, uploads=uploads))
    with wire(app) as client:
        yield client


@pytest.fixture(scope="module")
def ready(ask: Wire) -> str:
    """Id of the expert that the server was given, once it is ready."""
    (expert,) = [e for e in ask("GET", "/api/experts").json["experts"] if not e["uploaded"]]
    until = time.monotonic() + 60
    while expert["state"] != "ready":
        assert expert["state"] != "failed", expert["detail"]
        assert time.monotonic() < until
        time.sleep(0.05)
        expert = ask("GET", f"/api/experts/{expert['id']}").json
    return expert["id"]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_library_lists_its_experts(ask: Wire, ready: str, given_clip: Path) -> None:
    assert ready == hashlib.sha256(given_clip.read_bytes()).hexdigest()[:16]
    expert = ask("GET", f"/api/experts/{ready}").json
    assert expert in ask("GET", "/api/experts").json["experts"]
    assert (expert["name"], expert["state"], expert["uploaded"]) == ("given.mp4", "ready", False)
    assert (expert["width"], expert["height"]) == (180, 320)
    assert all(len(section) == 3 for section in expert["sections"])
    assert ask("GET", "/api/experts").json["upload"] == {"bytes": 3_000_000, "seconds": 3600.0}


def test_a_video_goes_up_and_away_again(ask: Wire, ready: str, take: Path, store: ExpertStore) -> None:
    name = quote("../Tänzerin „A“\r\n.mp4", safe="")
    answer = ask("POST", "/api/experts", headers={"X-File-Name": name}, body=take.read_bytes())
    assert answer.status == 202
    expert = answer.json
    assert (expert["name"], expert["uploaded"]) == ("Tänzerin „A“ .mp4", True)
    assert expert["id"] == hashlib.sha256(take.read_bytes()).hexdigest()[:16]
    assert files(store.folder) == [f"{expert['id']}.json", f"{expert['id']}.mp4"]
    # The same again, in pieces without a length, is the same expert.
    data = take.read_bytes()
    again = ask("POST", "/api/experts", body=(data[i : i + 9999] for i in range(0, len(data), 9999)))
    assert (again.status, again.json["id"], again.json["name"]) == (202, expert["id"], expert["name"])
    assert (
        ask("GET", f"/media/{expert['id']}/video.mp4").error[0] in (409,)
        or store.get(expert["id"]).state == "ready"
    )
    assert ask("DELETE", f"/api/experts/{expert['id']}").status == 204
    assert ask("GET", f"/api/experts/{expert['id']}").error == (404, "unknown")
    assert ask("DELETE", f"/api/experts/{expert['id']}").error == (404, "unknown")
    assert ask("DELETE", f"/api/experts/{ready}").error == (403, "not-uploaded")
    assert files(store.folder) == []


def test_what_failed_can_be_tried_again(ask: Wire, ready: str) -> None:
    assert ask("POST", f"/api/experts/{ready}/prepare").json["state"] == "ready"
    assert ask("POST", "/api/experts/none/prepare").error == (404, "unknown")


# -- uploads that are refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({}, b"PK\x03\x04" + bytes(3000), (415, "not-a-video")),
        ({"X-File-Name": "evil.mp4"}, b"MZ" + bytes(3000), (415, "not-a-video")),
        ({}, b"", (400, "empty")),
        ({}, bytes(3_000_001), (413, "too-large")),
        ({"Content-Length": str(1 << 40)}, b"x", (413, "too-large")),
    ],
)
def test_a_refused_upload_leaves_nothing(headers, body, expected, ask: Wire, store: ExpertStore) -> None:
    answer = ask("POST", "/api/experts", headers=headers, body=body)
    assert answer.error == expected
    assert files(store.folder) == []


def post(length: int, name: str = "x") -> bytes:
    return (
        f"POST /api/experts HTTP/1.1\r\nHost: localhost\r\nX-File-Name: {name}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def gone(folder: Path, patience: float = 5.0) -> bool:
    """Return whether nothing stays; it takes a moment until a lost sender is noticed."""
    until = time.monotonic() + patience
    while files(folder) and time.monotonic() < until:
        time.sleep(0.02)
    return files(folder) == []


def test_who_goes_away_or_stalls_leaves_nothing(ask: Wire, store: ExpertStore, take: Path) -> None:
    data = take.read_bytes()
    ask.raw(post(len(data)) + data[:-100], leave=True)
    assert gone(store.folder)
    begun = time.monotonic()
    answer = ask.raw(post(len(data)) + data[:1000])
    assert b" 408 " in answer.splitlines()[0]
    assert b"too-slow" in answer
    assert time.monotonic() - begun < PATIENCE + 3
    assert gone(store.folder)


def test_others_are_served_while_somebody_stalls(ask: Wire, store: ExpertStore) -> None:
    with (
        socket.create_connection(("127.0.0.1", ask.port)) as first,
        socket.create_connection(("127.0.0.1", ask.port)) as second,
    ):
        for connection in (first, second):
            connection.sendall(post(100_000) + b"x")
        until = time.monotonic() + 5
        while len(files(store.folder)) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        begun = time.monotonic()
        assert ask("GET", "/api/experts").status == 200
        assert ask("POST", "/api/experts", body=b"x").error == (429, "busy")
        assert time.monotonic() - begun < 0.8
    assert gone(store.folder)


# -- media ---------------------------------------------------------------------------------------------------


def test_the_video_is_given_in_ranges(ask: Wire, ready: str, store: ExpertStore) -> None:
    path = f"/media/{ready}/video.mp4"
    whole = store.video(ready).read_bytes()
    size = len(whole)
    full = ask("GET", path)
    assert (full.status, full.body) == (200, whole)
    assert full.headers["content-type"] == "video/mp4"
    assert full.headers["accept-ranges"] == "bytes"
    for asked, part in (
        ("bytes=0-", whole),
        ("bytes=100-199", whole[100:200]),
        ("bytes=-50", whole[-50:]),
        (f"bytes={size - 1}-{size + 999}", whole[-1:]),
    ):
        answer = ask("GET", path, headers={"Range": asked})
        assert (answer.status, answer.body) == (206, part), asked
        assert answer.headers["content-range"].endswith(f"/{size}")
    beyond = ask("GET", path, headers={"Range": f"bytes={size}-"})
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    for validator in (full.headers["etag"], full.headers["last-modified"]):
        assert ask("GET", path, headers={"Range": "bytes=0-9", "If-Range": validator}).body == whole[:10]
    stale = ask("GET", path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (stale.status, len(stale.body)) == (200, size)
    head = ask("HEAD", path)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(size))


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=", "lines=1-2", "bytes=--1", "bytes=" + "0-1," * 500, "bytes=" + "9" * 9000]
)
def test_an_odd_range_is_answered_in_order(asked: str, ask: Wire, ready: str) -> None:
    assert ask("GET", f"/media/{ready}/video.mp4", headers={"Range": asked}).status in (200, 206, 400, 416)


def test_the_picture_is_a_jpeg(ask: Wire, ready: str) -> None:
    answer = ask("GET", f"/media/{ready}/thumbnail.jpg")
    assert (answer.status, answer.headers["content-type"], answer.body[:3]) == (
        200,
        "image/jpeg",
        b"\xff\xd8\xff",
    )


@pytest.mark.parametrize("before", ["/media/", "/api/experts/", "/reports/"])
@pytest.mark.parametrize(
    "name",
    [
        "..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "....//", "%00", "%ff%fe", "x" * 5000, "*", "~root",
        "C:%5Cwindows", "%E2%80%AE", "0" * 16, "take.mp4", "..;/",
    ],
)  # fmt: skip
def test_no_name_is_a_path(before: str, name: str, ask: Wire, ready: str) -> None:
    after = "/video.mp4" if before == "/media/" else ""
    answer = ask("GET", f"{before}{name}{after}")
    assert answer.status in (404, 307), "307: the same without its last slash"
    assert b"root:" not in answer.body
    assert len(answer.body) < 300


# -- the past ------------------------------------------------------------------------------------------------


def session(
    data: Path, name: str, *, at: float, sha256: str, report: bool = True, history: bool = True
) -> Path:
    """A session as it is kept, with its report or without, in the history or not."""
    folder = data / "sessions"
    folder.mkdir(exist_ok=True)
    reference = {**HEADER["reference"], "sha256": sha256, "file": f"{name}.mp4"}
    log = write_log(folder / f"{name}.jsonl", 60, header={**HEADER, "reference": reference}, at=at)
    write_report(log, log.with_suffix(".html"), history=data / HISTORY_FILE if history else None)
    if not report:
        log.with_suffix(".html").unlink()
    return log


def test_history_and_reports_are_brought_together(
    data: Path, ask: Wire, ready: str, given_clip: Path
) -> None:
    assert ask("GET", "/api/history").json == {"sessions": []}
    assert not (data / HISTORY_FILE).exists(), "looking makes no file"
    own = hashlib.sha256(given_clip.read_bytes()).hexdigest()
    session(data, "2026-01-01 10.00.00", at=1.7e9, sha256=own)
    session(data, "2026-01-02 10.00.00", at=1.7e9 + 100, sha256="cd" * 32, report=False)
    unknown = session(data, "2026-01-03 10.00.00", at=1.7e9 + 200, sha256=own, history=False)
    lost = session(data, "2026-01-04 10.00.00", at=1.7e9 + 300, sha256=own, history=False)
    lost.unlink()
    os.utime(lost.with_suffix(".html"), (1.7e9 + 300, 1.7e9 + 300))
    sessions = ask("GET", "/api/history").json["sessions"]
    assert [s["expert"] for s in sessions] == [ready, None, ready, None]
    assert [s["report"] is not None for s in sessions] == [True, False, True, True]
    assert [s["score"] is not None for s in sessions] == [True, True, False, False]
    assert sessions[2]["reference"] == {"file": "2026-01-03 10.00.00.mp4", "sha256": own}
    assert [s["at"] for s in sessions] == sorted(s["at"] for s in sessions)
    assert sessions[2]["log_sha256"] == hashlib.sha256(unknown.read_bytes()).hexdigest()
    for one in sessions:
        if one["report"] is not None:
            assert re.fullmatch("/reports/[0-9a-f]{16}", one["report"])
            page = ask("GET", one["report"])
            assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert b"</html>" in page.body


def test_reports_are_out_of_the_folder_only(data: Path, ask: Wire, tmp_path: Path) -> None:
    folder = data / "sessions"
    folder.mkdir(exist_ok=True)
    secret = tmp_path / "secret.html"
    secret.write_text("secret")
    (folder / "link.html").symlink_to(secret)
    (folder / ".hidden.html").write_text("hidden")
    (folder / "folder.html").mkdir()
    try:
        for stem in ("link", ".hidden", "folder"):
            identity = hashlib.sha256(f"{stem}.jsonl".encode()).hexdigest()[:16]
            assert ask("GET", f"/reports/{identity}").error == (404, "unknown")
        assert "link" not in json.dumps(ask("GET", "/api/history").json)
    finally:
        (folder / "link.html").unlink()
        (folder / ".hidden.html").unlink()
        (folder / "folder.html").rmdir()


def test_a_history_that_cannot_be_used_is_said(data: Path, ask: Wire) -> None:
    path = data / HISTORY_FILE
    History(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    try:
        answer = ask("GET", "/api/history")
        assert answer.error == (503, "history")
        assert "newer" in answer.json["error"]["message"]
    finally:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 1")
        connection.close()


@pytest.mark.parametrize(
    "header", [b"", b"{", b'{"reference": 5}', b'{"reference": {"sha256": 5, "file": [1]}}', b"[" * 99_999]
)
def test_an_odd_log_costs_only_its_name(header: bytes, data: Path, ask: Wire) -> None:
    folder = data / "sessions"
    folder.mkdir(exist_ok=True)
    (folder / "odd.jsonl").write_bytes(header + b"\n")
    (folder / "odd.html").write_text("report")
    try:
        sessions = ask("GET", "/api/history").json["sessions"]
        (odd,) = [s for s in sessions if s["log_sha256"] == hashlib.sha256(header + b"\n").hexdigest()]
        assert odd["reference"] == {"file": "", "sha256": ""}
        assert ask("GET", odd["report"]).body == b"report"
    finally:
        (folder / "odd.jsonl").unlink()
        (folder / "odd.html").unlink()
