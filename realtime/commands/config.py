"""``posesync config``: the settings in force, and the origin of each."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Sequence

import typer
from posesync.pose.keys import Setting, Value
from posesync.realtime.session.config import DEFAULT, Config, default_settings, load_config, preset_names

from . import options as shared
from .console import put, put_json

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

    The output is itself a settings file: posesync config > my.toml, then --config my.toml.
    """
    effective = load_config(
        config, {"pose.model": pose, "detector.kind": detector, "pose.provider": provider}
    )
    put_json(as_json_text(effective)) if as_json else put(as_toml(effective))


def as_toml(effective: Config) -> str:
    """Return a commented settings file that gives the same configuration."""
    head = [
        "# PoseSync's settings in force. Change what you like and use the file with --config FILE.",
        f"# Presets: {', '.join(preset_names())}, as in --config {preset_names()[0]}.",
    ]

    def origin(name: str, setting: Setting) -> list[str]:
        where = effective.origins[name]
        changed = "" if where == DEFAULT else f", instead of {_toml(setting.default)}"
        return [f"# From: {_one_line(where)}{changed}."]

    return settings_file(head, effective, origin)


def settings_file(
    head: Sequence[str], values: Config, note: Callable[[str, Setting], Sequence[str]] = lambda *_: ()
) -> str:
    """Every key as TOML, with what it does, what may be said of it besides, and its unit and range above it.

    Args:
        head: the first lines.
        values: what the keys are set to.
        note: further lines of comment, given the key and what it may be.
    """
    lines, section = list(head), ""
    for name, setting in default_settings().items():
        here, key = name.split(".")
        lines.append("")
        if here != section:
            section = here
            lines.append(f"[{section}]")
        lines += [f"# {line}" for line in textwrap.wrap(setting.help, _WIDTH)]
        lines += [*note(name, setting), f"# {setting.limits}", f"{key} = {_toml(values.value(name))}"]
    return "\n".join(lines) + "\n"


def as_json_text(effective: Config) -> str:
    """Return every key with value, origin, default, unit and range."""
    settings = {name: _entry(setting, effective, name) for name, setting in default_settings().items()}
    return json.dumps({"schema": SCHEMA, "settings": settings}, ensure_ascii=False, indent=2) + "\n"


def _entry(setting: Setting, effective: Config, name: str) -> dict[str, object]:
    return {
        "value": effective.value(name),
        "from": effective.origins[name],
        "default": setting.default,
        "unit": setting.unit,
        "expected": setting.expected,
    }


def _toml(value: Value) -> str:
    """Return a value as TOML; a JSON string is always a valid TOML string."""
    return json.dumps(value, ensure_ascii=False)


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
