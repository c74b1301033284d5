"""``posesync config``: the settings in force, and where each came from."""

from __future__ import annotations

import json
import textwrap

import typer
from posesync.pose.config import DEFAULT, Config, Setting, Value, default_settings, load_config, preset_names

from . import options as shared

SCHEMA = 1
_WIDTH = 100


def config(
    config: shared.ConfigFile = None,
    pose: shared.Pose = None,
    detector: shared.Detector = None,
    provider: shared.Provider = None,
    as_json: bool = typer.Option(False, "--json", help="Print JSON, for programs."),
) -> None:
    """Print every setting with its value and where the value came from.

    What is printed is a settings file itself: posesync config > my.toml, then --config my.toml.
    """
    effective = load_config(
        config, {"pose.model": pose, "detector.kind": detector, "pose.provider": provider}
    )
    typer.echo(as_json_text(effective) if as_json else as_toml(effective), nl=False)


def as_toml(effective: Config) -> str:
    """A commented settings file that gives the same configuration again."""
    lines = [
        "# PoseSync's settings in force. Change what you like and use the file with --config FILE.",
        f"# Presets: {', '.join(preset_names())}, as in --config {preset_names()[0]}.",
    ]
    section = ""
    for name, setting in default_settings().items():
        here, key = name.split(".")
        if here != section:
            section = here
            lines += ["", f"[{section}]"]
        else:
            lines.append("")
        lines += [f"# {line}" for line in textwrap.wrap(setting.help, _WIDTH)]
        origin = effective.origins[name]
        changed = "" if origin == DEFAULT else f", instead of {_toml(setting.default)}"
        lines += [
            f"# From: {_one_line(origin)}{changed}.",
            f"# {setting.limits}",
            f"{key} = {_toml(effective.values[here][key])}",
        ]
    return "\n".join(lines) + "\n"


def as_json_text(effective: Config) -> str:
    """Every key with value, origin, default, unit and range."""
    settings = {name: _entry(setting, effective, name) for name, setting in default_settings().items()}
    return json.dumps({"schema": SCHEMA, "settings": settings}, ensure_ascii=False, indent=2) + "\n"


def _entry(setting: Setting, effective: Config, name: str) -> dict[str, object]:
    section, key = name.split(".")
    return {
        "value": effective.values[section][key],
        "from": effective.origins[name],
        "default": setting.default,
        "unit": setting.unit,
        "expected": setting.expected,
    }


def _toml(value: Value) -> str:
    """A value as TOML; strings are choices, but a JSON string is a TOML string in any case."""
    return json.dumps(value, ensure_ascii=False)


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
