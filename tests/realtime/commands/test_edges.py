"""The edges of the command line: odd names, consoles of other encodings, closed and full streams, no home."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from posesync.realtime.commands import cli
from posesync.realtime.commands.app import run
from session_logs import write_log

PROGRAM = [sys.executable, "-c", "from posesync.realtime.commands import cli; cli.main()"]


def call(
    *arguments: str, stdout: int = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """The program in a process of its own."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the file system refuses such names")
@pytest.mark.parametrize(
    "name",
    [
        b"caf\xe9",
        b"[red]a[/red]",
        b"[/red]a",
        b"\x1b[31mred\x1b]0;t\x07",
        b"two\nlines",
        b"bidi\xe2\x80\xaefdp",
    ],
    ids=ascii,
)
def test_a_name_is_only_a_name(
    name: bytes,
    expert_clip: Path,
    detector: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    video, copy, log = (os.fsdecode(name + suffix) for suffix in (b".mp4", b"2.mp4", b".jsonl"))
    for file in (video, copy):
        Path(file).parent.mkdir(exist_ok=True)  # of a name with markup that closes
        shutil.copy(expert_clip, file)
    options = ["--detector", detector]
    assert run("posesync", ["prepare", video, copy, *options]) == 0
    assert run("posesync", ["live", "--headless", "-r", video, "--camera", copy, "--log", log, *options]) == 0
    assert run("posesync", ["report", log, "--json"]) == 0
    assert run("posesync", ["history"]) == 0
    assert run("posesync", ["report", video]) == 2
    said = "".join(capfd.readouterr())
    assert all(character.isprintable() or character == "\n" for character in said), ascii(said)
    assert name.replace(b"\x1b", b"").decode("utf-8", "ignore")[:3] in said


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp932", "utf-8"])
@pytest.mark.parametrize(
    "command", [["models"], ["history"], ["config"], ["doctor"], ["config", "--json"]], ids=" ".join
)
def test_a_console_of_another_encoding_is_written_to(
    command: list[str], encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command == ["doctor"] and encoding in ("cp932", "utf-8"):
        pytest.skip("ten seconds each")
    done = call(*command, PYTHONIOENCODING=f"{encoding}:strict", PYTHONUTF8="0")
    assert done.returncode in ((0, 1) if command == ["doctor"] else (0,)), done.stderr
    assert b"Traceback" not in done.stderr
    # To a console without any encoding, as under LANG=C, a settings file goes in its own: TOML is UTF-8.
    text = done.stdout.decode("utf-8" if (encoding, command) == ("ascii", ["config"]) else encoding)
    assert text.strip()
    if "--json" in command:
        json.loads(text)


@pytest.mark.skipif(sys.platform == "win32", reason="has neither")
def test_a_full_standard_output_is_one_line_and_code_2() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = call("config", stdout=full.fileno())
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1), done.stderr
    assert done.stderr.startswith(b"error: standard output cannot be written")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_are_no_reason_to_fail(closed: str, tmp_path: Path) -> None:
    log = write_log(tmp_path / "s.jsonl", 60)
    words = " ".join(f"'{word}'" for word in [*PROGRAM, "report", str(log), "--no-history"])
    done = subprocess.run(["sh", "-c", f"{words} {closed}"], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "s.html").read_text(encoding="utf-8").endswith("</html>\n")


@pytest.mark.skipif(sys.platform == "win32", reason="every user has a folder there")
@pytest.mark.parametrize(
    ("command", "code"),
    [("history", 2), ("prepare e.mp4", 2), ("live --headless -r e.mp4", 2), ("config", 0)],
)
def test_a_user_without_a_home_gets_one_line_and_no_litter(
    command: str,
    code: int,
    expert_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import pwd

    def nobody(_number: int) -> pwd.struct_passwd:
        raise KeyError

    shutil.copy(expert_clip, tmp_path / "e.mp4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert run("posesync", command.split()) == code
    said = capsys.readouterr().err
    if code:
        assert said.startswith("error: this user has no home folder")
        assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["e.mp4"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_logs_and_settings_that_another_program_wrote_again(
    encoding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "s.jsonl", 60)
    text = log.read_text(encoding="utf-8")
    log.write_text(text, encoding=encoding, newline="\r\n")
    assert run("posesync", ["report", str(log), "--json", "--no-history"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == []
    settings = tmp_path / "my.toml"
    settings.write_text("[pose]\nthreads = 2\n", encoding=encoding)
    assert run("posesync", ["config", "--config", str(settings), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["pose.threads"]["value"] == 2


@pytest.mark.parametrize(
    "error",
    [
        ValueError("\x1b[31mbad\nthing"),
        RecursionError("deep"),
        MemoryError(),
        UnicodeDecodeError("x", b"", 0, 1, "y"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_last_net_says_one_line_and_keeps_the_details(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def fall(program: str) -> int:
        raise error

    monkeypatch.setattr("posesync.realtime.commands.app.run", fall)
    assert cli._guarded("posesync") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: unexpected {type(error).__name__}")
    assert line.isprintable()
    if sys.platform == "linux":
        (kept,) = (tmp_path / "posesync" / "problems").iterdir()
        assert str(kept) in line
        assert "Traceback" in kept.read_text(encoding="utf-8")
        assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
