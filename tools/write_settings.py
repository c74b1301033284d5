"""Write configs/default.toml and docs/settings.md from the settings tree. A test compares them with it."""

from __future__ import annotations

import json
from pathlib import Path

from posesync.realtime.commands.config import settings_file
from posesync.realtime.session.config import Config, default_settings

ROOT = Path(__file__).resolve().parent.parent

_TOML = """\
# PoseSync's settings and their defaults. Copy what you want to change into a file of your own and name it
# with --config; keys you leave out keep these values, and what you give on the command line wins over the
# file. Above every key: what it does, and in the last line its unit and its range or choices.
#
# This file is written by tools/write_settings.py from the settings classes. PoseSync does not read it: a
# change here has no effect."""

_PAGE = """\
# Settings

Keys of a settings file (TOML), given with `--config my.toml`; `posesync config` prints the settings in force
and where each came from. An option on the command line wins over the file. This page and
[configs/default.toml](../configs/default.toml) are written by `tools/write_settings.py`."""

_HEAD = ("", "| key | default | unit · range | what it does |", "|---|---|---|---|")


def default_toml() -> str:
    """Return the text of configs/default.toml."""
    return settings_file(_TOML.split("\n"), Config())


def page() -> str:
    """Return the text of docs/settings.md: a table for each section."""
    lines, section = [_PAGE], ""
    for name, setting in default_settings().items():
        here, key = name.split(".")
        if here != section:
            section = here
            lines += ["", f"## [{section}]", *_HEAD]
        default = json.dumps(setting.default)  # as in TOML
        limits = setting.limits.replace("|", "\\|")
        lines.append(f"| `{key}` | `{default}` | {limits} | {setting.help} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both files."""
    (ROOT / "configs" / "default.toml").write_text(default_toml(), encoding="utf-8")
    (ROOT / "docs" / "settings.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
