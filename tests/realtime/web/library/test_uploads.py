"""Uploads: only complete videos are accepted, whatever is sent and however slowly; nothing else stays."""

from __future__ import annotations

import asyncio
import io
import os
import time
import zipfile
from collections import namedtuple
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import quote

import av
import cv2
import numpy as np
import pytest
from clips import encode, truncate
from hypothesis import given
from hypothesis import strategies as st
from limits import small_files
from posesync.realtime.web.library import inspection, uploads
from posesync.realtime.web.library.inspection import Refusal, inspect, inspect_in_child
from posesync.realtime.web.library.uploads import UploadError, Uploads, shown_name
from starlette.requests import ClientDisconnect


def black(seconds: float, rate: int = 10):
    image = np.zeros((48, 64, 3), np.uint8)
    return ((k / rate, image) for k in range(round(seconds * rate)))


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("video") / "v.mp4", black(2.0), fps=10, audio=2.0)


async def pieces(data: bytes, size: int = 1000, pause: float = 0.0) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        if pause:
            await asyncio.sleep(pause)
        yield data[start : start + size]
    yield b""


def receive(taker: Uploads, chunks: AsyncIterator[bytes], declared: int | str | None = None) -> bytes:
    """What was received; the file must have been there."""

    async def run() -> bytes:
        async with taker.receive(chunks, None if declared is None else str(declared)) as path:
            assert path.suffix in (".mp4", ".webm", ".mkv")
            return path.read_bytes()

    return asyncio.run(run())


def refused(
    taker: Uploads, chunks: AsyncIterator[bytes], declared: int | str | None = None
) -> tuple[int, str]:
    with pytest.raises(UploadError) as caught:
        receive(taker, chunks, declared)
    assert "\n" not in str(caught.value)
    assert str(taker._folder) not in str(caught.value), "a path of the server is nobody's business"
    return caught.value.status, caught.value.code


@pytest.fixture
def folder(tmp_path: Path):
    """Where uploads go; empty again after each test."""
    folder = tmp_path / "experts"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def test_a_video_comes_in_whole_and_goes_unless_taken(video: Path, folder: Path) -> None:
    data = video.read_bytes()
    assert receive(Uploads(folder), pieces(data), len(data)) == data


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (3 << 30, (413, "too-large")),
        ("9" * 30, (400, "length")),
        ("-5", (400, "length")),
        ("1_0", (400, "length")),
        ("٣", (400, "length")),
        ("", (400, "length")),
    ],
)
def test_a_declared_length_is_not_believed(declared, expected, folder: Path) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    assert refused(Uploads(folder), never(), declared) == expected


@pytest.mark.parametrize(
    ("declared", "sent", "expected"),
    [
        (5000, 4000, (400, "broken-off")),
        (None, 60_000, (413, "too-large")),
        (100, 60_000, (413, "too-large")),
        (0, 0, (400, "empty")),
        (None, 0, (400, "empty")),
        (None, 4000, (415, "not-a-video")),
    ],
)
def test_what_comes_is_held_to_the_limits(declared, sent: int, expected, folder: Path) -> None:
    taker = Uploads(folder, most=50_000)
    assert refused(taker, pieces(b"x" * sent), declared) == expected


def test_a_sender_who_leaves_leaves_nothing(folder: Path) -> None:
    async def leaving() -> AsyncIterator[bytes]:
        yield b"x" * 3_000_000
        assert any(folder.iterdir()), "it goes to the disk as it comes"
        raise ClientDisconnect

    assert refused(Uploads(folder), leaving(), 9_000_000) == (400, "broken-off")


def test_a_cancelled_upload_leaves_nothing(folder: Path) -> None:
    async def run() -> None:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 100_000
                await asyncio.sleep(0.01)

        async def upload() -> None:
            async with Uploads(folder).receive(endless(), None):
                pass

        task = asyncio.create_task(upload())
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


@pytest.mark.parametrize("pause", [0.04, 5.0])
def test_who_sends_too_slowly_is_sent_away(pause: float, folder: Path) -> None:
    """A trickle, and silence."""
    taker = Uploads(folder, patience=0.3, slowest=50_000)
    begun = time.monotonic()
    assert refused(taker, pieces(b"x" * 50_000, 100, pause)) == (408, "too-slow")
    assert time.monotonic() - begun < 2.0


def test_only_so_many_at_once(video: Path, folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(uploads, "inspect_in_child", lambda *_: ".mp4")

    async def run() -> list[object]:
        taker = Uploads(folder, at_once=1)

        async def one() -> str:
            async with taker.receive(pieces(video.read_bytes(), 4000, 0.01), None):
                return "taken"

        both = await asyncio.gather(one(), one(), return_exceptions=True)
        return [*both, await one()]

    first, second, later = asyncio.run(run())
    assert first == later == "taken", "a place is free again"
    assert isinstance(second, UploadError)
    assert (second.status, second.code) == (429, "busy")


def test_some_disk_stays_free(folder: Path, monkeypatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda _: usage(9 << 30, 6 << 30, 3 << 30))
    assert refused(Uploads(folder), pieces(b"x"), 3 << 29) == (507, "disk")
    monkeypatch.setattr(uploads, "_ROOM_EVERY", 1000)
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda _: usage(9 << 30, 8 << 30, 1 << 30))
    assert refused(Uploads(folder), pieces(b"x" * 5000)) == (507, "disk")


def test_a_full_disk_is_said(folder: Path) -> None:
    with small_files(100_000), pytest.raises(UploadError) as caught:
        receive(Uploads(folder), pieces(os.urandom(3_000_000), 65536))
    assert (caught.value.status, caught.value.code) == (507, "disk")


# -- what is in it -------------------------------------------------------------------------------------------


def zipped(folder: Path) -> Path:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("movie.mp4", b"x" * 5000)
    (folder / "zip.mp4").write_bytes(buffer.getvalue())
    return folder / "zip.mp4"


def written(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def picture(folder: Path) -> Path:
    cv2.imwrite(str(folder / "p.png"), np.zeros((50, 50, 3), np.uint8))
    return folder / "p.png"


def sound(folder: Path) -> Path:
    with av.open(str(folder / "s.m4a"), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000)
        for start in range(0, 96_000, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
            frame.sample_rate, frame.pts = 48_000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return folder / "s.m4a"


def playlist(folder: Path) -> Path:
    """A file that would make FFmpeg read other files if it were accepted as a playlist."""
    secret = encode(folder / "secret.mp4", black(2.0), fps=10)
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    return written("list.mp4", text.encode())(folder)


def concat(folder: Path) -> Path:
    encode(folder / "secret.mp4", black(2.0), fps=10)
    return written("list.mp4", b"ffconcat version 1.0\nfile secret.mp4\n")(folder)


@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        (zipped, 415, "not-a-video"),
        (picture, 415, "not-a-video"),
        (sound, 415, "not-a-video"),
        (playlist, 415, "not-a-video"),
        (concat, 415, "not-a-video"),
        (written("e.mp4", b""), 415, "not-a-video"),
        (written("t.mp4", b"<html>" * 100), 415, "not-a-video"),
        (written("n.mp4", bytes(100_000)), 415, "not-a-video"),
        (written("f.mp4", b"\0\0\0\x18ftypmp42" + os.urandom(5000)), 415, "not-a-video"),
        (lambda f: truncate(encode(f / "v.avi", black(0.2), fps=10), f / "c.avi", 0.3), 415, "not-a-video"),
        (lambda f: encode(f / "short.mp4", black(0.5), fps=10), 422, "too-short"),
        (lambda f: encode(f / "long.mp4", black(12.0), fps=10), 422, "too-long"),
    ],
)
def test_what_is_no_usable_video_is_refused(
    make: Callable[[Path], Path], status: int, code: str, tmp_path: Path
) -> None:
    found = inspect(make(tmp_path), 10.0)
    assert isinstance(found, Refusal)
    assert (found.status, found.code) == (status, code), found.message
    assert "\n" not in found.message
    assert str(tmp_path) not in found.message


@pytest.mark.parametrize(
    ("name", "codec", "suffix"),
    [
        ("v.mp4", "libx264", ".mp4"),
        ("v.mov", "libx264", ".mov"),
        ("v.mkv", "libx264", ".mkv"),
        ("v.webm", "libvpx", ".webm"),
        ("v.flv", "libx264", ".flv"),
        ("v.ts", "libx264", ".ts"),
    ],
)
def test_the_ending_comes_from_what_is_in_it(name: str, codec: str, suffix: str, tmp_path: Path) -> None:
    path = encode(tmp_path / name, black(2.0), fps=10, codec=codec, options={"b": "100k"})
    assert inspect(path.rename(tmp_path / "upload.part"), 10.0) == suffix


def test_pictures_too_large_to_decode_are_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(inspection, "MAX_AREA", 64 * 48 - 1)
    found = inspect(encode(tmp_path / "v.mp4", black(2.0), fps=10), 10.0)
    assert isinstance(found, Refusal)
    assert (found.status, found.code) == (422, "too-big")


def test_a_length_in_a_header_is_not_believed(tmp_path: Path) -> None:
    data = bytearray(encode(tmp_path / "v.mp4", black(12.0), fps=10).read_bytes())
    for box, place in ((b"mvhd", 20), (b"mdhd", 20)):
        at = data.find(box) + place
        data[at : at + 4] = (1).to_bytes(4, "big")
    (tmp_path / "lies.mp4").write_bytes(data)
    found = inspect(tmp_path / "lies.mp4", 10.0)
    assert isinstance(found, Refusal)
    assert found.code == "too-long"


def dying(connection, path: Path, longest: float) -> None:
    os.abort() if "abort" in path.name else time.sleep(60)


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("name", ["abort.mp4", "hang.mp4"])
def test_a_decoder_that_crashes_or_hangs_ends_alone(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(inspection, "_serve", dying)
    begun = time.monotonic()
    found = inspect_in_child(tmp_path / name, 10.0, patience=3.0)
    assert isinstance(found, Refusal)
    assert found.status == 415
    assert time.monotonic() - begun < 6.0


# -- its name ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("dance.mp4", "dance.mp4"),
        (quote("Señorita – 日本.mp4"), "Señorita – 日本.mp4"),
        ("..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("C%3A%5Cfakepath%5Cdance.mp4", "dance.mp4"),
        ("%2e%2e%2f", ""),
        ("a%00b%0d%0aSet-Cookie%3A x", "a\ufffdb Set-Cookie: x"),
        ("%ff%fe", "\ufffd\ufffd"),
        ("%E2%80%AEgpj.exe", "\ufffdgpj.exe"),
        ("%zz%", "%zz%"),
        ("", ""),
        ("x" * 5000, "x" * 119 + "…"),
    ],
)  # fmt: skip
def test_a_name_is_only_shown(header: str, shown: str) -> None:
    assert shown_name(header) == shown


@given(st.text(st.characters(max_codepoint=255)) | st.text().map(lambda t: quote(t, errors="replace")))
def test_every_name_is_one_printable_line_without_folders(header: str) -> None:
    name = shown_name(header)
    assert len(name) <= 120
    assert name.isprintable()
    assert not {"/", "\\"} & set(name)
