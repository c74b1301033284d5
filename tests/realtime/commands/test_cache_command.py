"""``posesync cache``: what it shows, and that it deletes nothing without being told."""

from __future__ import annotations

from pathlib import Path

import pytest
from posesync.realtime.commands.app import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with two entries of 1 MB, a model, and a log beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in "ab":
        path = tmp_path / "posesync" / "references" / f"{name * 32}-0"
        path.mkdir(parents=True)
        (path / "proxy.mov").write_bytes(b"x" * 1_000_000)
    (tmp_path / "posesync" / "models").mkdir()
    (tmp_path / "posesync" / "models" / "m.onnx").write_bytes(b"x")
    return tmp_path / "posesync" / "references"


def test_show_deletes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("posesync", ["cache"]) == 0
    said = capsys.readouterr().out
    assert "2 entries, 2.0 MB in" in said
    assert "would be deleted" not in said
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(("answer", "left"), [("n\n", 2), ("y\n", 0)])
def test_clear_asks(
    answer: str, left: int, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert run("posesync", ["cache", "clear"]) == 0
    said = capsys.readouterr().out
    assert "delete 2 entries, 2.0 MB?" in said
    assert ("deleted 2 entries" in said) is (left == 0)
    assert len(list(folder.glob("*-0"))) == left
    assert (folder.parent / "models" / "m.onnx").exists()


def test_limit_takes_the_setting(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    big = folder / f"{'c' * 32}-0"
    big.mkdir()
    with (big / "proxy.mov").open("wb") as file:
        file.truncate(150_000_000)
    assert run("posesync", ["cache", "limit", "--limit", "0.1", "--yes"]) == 0
    assert "deleted 3 entries, 152.0 MB" in capsys.readouterr().out
    assert list(folder.glob("*-0")) == []
