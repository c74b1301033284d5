"""The settings file: what is accepted, and the message for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from posesync.pose.errors import ConfigError
from posesync.pose.settings import CameraSettings
from posesync.realtime.session.config import default_settings, load_config


def test_every_default_lies_within_its_own_limits() -> None:
    settings = default_settings()
    assert len(settings) >= 10
    for name, setting in settings.items():
        assert setting.accept(name, setting.default, "default.toml") == setting.default
        assert setting.help, f"{name} is not explained"
        limited = setting.choices or setting.low is not None or isinstance(setting.default, bool)
        assert limited or setting.limits.endswith("· any")


def test_a_file_changes_only_what_it_names_and_options_win(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text('[camera]\nlost_timeout = 5\n[pose]\nmodel = "thunder"\n')
    config = load_config(path, {"pose.model": "lightning", "detector.kind": None})
    assert config.camera == CameraSettings(lost_timeout=5.0, retry_interval=1.0)
    assert isinstance(config.camera.lost_timeout, float)
    assert config.pose.model == "lightning"
    assert config.detector == load_config().detector


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[camera]\nlost_timout = 5\n", ["camera.lost_timout", "did you mean camera.lost_timeout?"]),
        ("[cammera]\nlost_timeout = 5\n", ["cammera.lost_timeout", "camera.lost_timeout?"]),
        ("lost_timeout = 5\n", ["lost_timeout", "[section]", "camera.lost_timeout?"]),
        ("[camera]\nzzz = 5\n", ["camera.zzz", "valid: detector.kind"]),
        ('[camera]\nlost_timeout = "5 s"\n', ["camera.lost_timeout", "'5 s' (a text)", "a number from 0 to"]),
        ("[camera]\nlost_timeout = true\n", ["camera.lost_timeout", "true (a switch)", "a number"]),
        ("[camera]\nlost_timeout = [1]\n", ["camera.lost_timeout", "[1] (a list)", "a number"]),
        ("[camera]\nlost_timeout = nan\n", ["camera.lost_timeout", "nan", "a number from 0 to"]),
        ("[camera.lost_timeout]\na = 1\n", ["camera.lost_timeout", "a dict", "a number"]),
        ("[pose]\nthreads = 1.5\n", ["pose.threads", "1.5", "a whole number from 1 to 64 threads"]),
        ("[pose]\nthreads = 65\n", ["pose.threads", "65", "from 1 to 64"]),
        ('[pose]\nmodel = "heavy"\n', ["pose.model", "'heavy'", "lightning, thunder or mediapipe"]),
        ("[display]\nmirror = 1\n", ["display.mirror", "1 (a number)", "true or false"]),
        ("[display\nmirror = true\n", ["not TOML", "line 1"]),
        ("[camera]\nlost_timeout = inf\n", ["camera.lost_timeout", "inf", "a number from 0 to 86400 s"]),
        (f"[camera]\nlost_timeout = {'9' * 400}\n", ["camera.lost_timeout", "999…", "from 0 to 86400 s"]),
        ("a = " + "[" * 20_000, ["not TOML", "start from default.toml"]),
    ],
)
def test_a_mistake_gives_one_line(tmp_path: Path, text: str, parts: list[str]) -> None:
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(path), *parts):
        assert part in message


def test_a_missing_or_binary_file_gives_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such config file"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not TOML"):
        load_config(tmp_path / "binary.toml")


@pytest.mark.parametrize(
    "text", [b"\xef\xbb\xbf[camera]\nlost_timeout = 5\n", b"[camera]\r\nlost_timeout = 5\r\n"]
)
def test_a_file_as_windows_editors_save_it_is_read(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "my.toml").write_bytes(text)
    assert load_config(tmp_path / "my.toml").camera.lost_timeout == 5.0
