"""The presets, the origin of each value, and the command that prints them."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import pytest
from posesync.pose.errors import ConfigError
from posesync.realtime.commands.config import as_json_text, as_toml
from posesync.realtime.session.config import (
    COMMAND_LINE,
    DEFAULT,
    default_settings,
    load_config,
    preset_names,
)


def test_the_presets_are_those_of_the_project() -> None:
    assert preset_names() == ("dance", "exercise", "slow-practice")


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_changes_what_it_names(name: str) -> None:
    config, default = load_config(name), load_config()
    changed = [key for key, origin in config.origins.items() if origin == f"preset {name}"]
    assert len(changed) >= 3
    assert any(config.value(key) != default.value(key) for key in changed)
    assert {origin for key, origin in config.origins.items() if key not in changed} == {DEFAULT}


@pytest.mark.parametrize("name", preset_names())
def test_every_key_of_a_preset_has_its_unit_and_range_above_it(name: str) -> None:
    text = (resources.files("posesync.configs") / f"{name}.toml").read_text(encoding="utf-8")
    section, above, count = "", "", 0
    for line in text.splitlines():
        if match := re.match(r"\[([\w-]+)\]$", line):
            section = match[1]
        elif match := re.match(r"(\w+) =", line):
            assert above == f"# {default_settings()[f'{section}.{match[1]}'].limits}", f"{section}.{match[1]}"
            count += 1
        above = line
    assert count >= 3


def test_origins_tell_file_preset_and_command_line_apart(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text("[feedback]\ntolerance = 5\nhalf_score = 40\n")
    config = load_config(path, {"feedback.half_score": 50.0})
    assert config.origins["feedback.tolerance"] == str(path)
    assert config.origins["feedback.half_score"] == COMMAND_LINE
    assert config.origins["camera.lost_timeout"] == DEFAULT
    assert set(config.origins) == set(default_settings())


def test_a_file_comes_before_a_preset_of_its_name_but_a_folder_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dance").mkdir()
    assert load_config("dance").origins["feedback.tolerance"] == "preset dance"
    Path("exercise").write_text("[feedback]\ntolerance = 44\n")
    assert load_config("exercise").feedback.tolerance == 44.0


def test_an_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no such config file: danse.*\(dance, exercise, slow-practice\)"):
        load_config("danse")


@pytest.mark.parametrize("name", [None, *preset_names()])
def test_what_the_command_prints_gives_the_same_configuration(name: str | None, tmp_path: Path) -> None:
    config = load_config(name, {"pose.model": "thunder"})
    text = as_toml(config)
    for key, setting in default_settings().items():
        assert f"# {setting.limits}\n{key.split('.')[1]} = " in text
    assert 'From: command line, instead of "lightning".' in text
    path = tmp_path / "printed.toml"
    path.write_text(text, encoding="utf-8")
    assert load_config(path) == config
    told = json.loads(as_json_text(config))["settings"]
    assert told["pose.model"]["from"] == "command line"
    assert told["feedback.tolerance"]["from"] == (f"preset {name}" if name else "default")


def test_a_hostile_file_name_stays_within_its_comment(tmp_path: Path) -> None:
    path = tmp_path / "a\nb = 1.toml"
    try:
        path.write_text("[feedback]\ntolerance = 5\n")
    except OSError:
        pytest.skip("no such file name here")
    printed = tmp_path / "printed.toml"
    printed.write_text(as_toml(load_config(path)), encoding="utf-8")
    assert load_config(printed).feedback.tolerance == 5.0
