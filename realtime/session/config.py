"""Every setting in one tree; reads settings from a TOML file and checks them against it.

The sections of the tree are the settings classes of the rooms, which describe each key and its range
(:mod:`posesync.pose.keys`); ``configs/default.toml`` and ``docs/settings.md`` are written from it.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from posesync.pose.errors import ConfigError
from posesync.pose.keys import Setting, Value, keys_of, to_value
from posesync.pose.settings import CameraSettings, DetectorSettings, NetworkSettings
from posesync.pose.textual import decode_text
from posesync.realtime.audio.settings import SoundSettings
from posesync.realtime.coaching.settings import (
    CueSettings,
    FeedbackSettings,
    FramingSettings,
    GuidanceSettings,
    PracticeSettings,
)
from posesync.realtime.tracking.settings import TrackerSettings

from .settings import CacheSettings, DisplaySettings, SessionSettings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_CONFIG_BYTES = 1_000_000
#: Tables in one another, at most; settings need two.
MAX_DEPTH = 20
#: Names of a value's origin when no file gave it.
DEFAULT = "default"
COMMAND_LINE = "command line"

#: TOML files in the presets' folder that are not presets.
_NO_PRESETS = ("default.toml", "models.toml", "shared.toml")


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting with the value in force; each field is a section, whose fields are its keys.

    Attributes:
        origins: ``section.key`` → where its value came from: DEFAULT, COMMAND_LINE, or the preset or file.
    """

    detector: DetectorSettings = field(default_factory=DetectorSettings)
    pose: NetworkSettings = field(default_factory=NetworkSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    practice: PracticeSettings = field(default_factory=PracticeSettings)
    guidance: GuidanceSettings = field(default_factory=GuidanceSettings)
    cues: CueSettings = field(default_factory=CueSettings)
    sound: SoundSettings = field(default_factory=SoundSettings)
    session: SessionSettings = field(default_factory=SessionSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    display: DisplaySettings = field(default_factory=DisplaySettings)
    feedback: FeedbackSettings = field(default_factory=FeedbackSettings)
    framing: FramingSettings = field(default_factory=FramingSettings)
    tracking: TrackerSettings = field(default_factory=TrackerSettings)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    def value(self, name: str) -> Value:
        """Return the value of ``section.key``, as a file would give it."""
        section, key = name.split(".")
        return to_value(getattr(getattr(self, section), key))


def load_config(
    path: str | Path | None = None, overrides: Mapping[str, Value | None] | None = None
) -> Config:
    """Return the defaults, changed by a file and then by ``overrides``.

    Args:
        path: a TOML file, the name of a preset (:func:`preset_names`), or None for the defaults.
        overrides: ``section.key`` → value, None to leave the key as it is; they win over the file.

    Raises:
        ConfigError: the file is missing or not TOML, a key is unknown (the nearest valid one is named), a
            value has the wrong type or is out of range.
    """
    settings = default_settings()
    values: dict[str, dict[str, object]] = {}
    origins = dict.fromkeys(settings, DEFAULT)
    given: list[tuple[str, object, str]] = []
    if path is not None:
        tables, where = _open(Path(path))
        given += [(name, value, where) for name, value in _flatten(tables, where)]
    given += [(name, value, COMMAND_LINE) for name, value in (overrides or {}).items() if value is not None]
    for name, value, where in given:
        if name not in settings:
            raise ConfigError(
                f"{where}: unknown key {name}{_nearest(name, settings)}: correct it or leave it out"
            )
        setting, (section, key) = settings[name], name.split(".")
        values.setdefault(section, {})[key] = setting.to_field(setting.accept(name, value, where))
        origins[name] = where
    plain = Config()
    changed: dict[str, Any] = {name: replace(getattr(plain, name), **keys) for name, keys in values.items()}
    return replace(plain, origins=origins, **changed)


def preset_names() -> tuple[str, ...]:
    """Return the names of the presets that come with PoseSync; each can be given in place of a file."""
    files = (entry.name for entry in resources.files("posesync.configs").iterdir())
    return tuple(sorted(name[:-5] for name in files if name.endswith(".toml") and name not in _NO_PRESETS))


@lru_cache(maxsize=1)
def default_settings() -> dict[str, Setting]:
    """Return ``section.key`` → its description and range, in the order of the tree."""
    plain = Config()
    return {
        f"{section.name}.{key}": setting
        for section in fields(plain)
        if section.name != "origins"
        for key, setting in keys_of(getattr(plain, section.name)).items()
    }


def _open(path: Path) -> tuple[dict[str, Any], str]:
    """Return the tables of a file or preset, and its name for messages; a file wins over a preset."""
    if str(path) in preset_names() and not path.is_file():
        text = (resources.files("posesync.configs") / f"{path}.toml").read_text(encoding="utf-8")
        return tomllib.loads(text), f"preset {path}"
    return _read(path), str(path)


def _read(path: Path) -> dict[str, Any]:
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ConfigError(f"{path} is a pipe or a device, expected a TOML file of settings")
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(
                f"{path} is larger than {MAX_CONFIG_BYTES} bytes, expected a TOML file of settings"
            )
        tables: dict[str, Any] = tomllib.loads(decode_text(path.read_bytes()))
        if _depth(tables) > MAX_DEPTH:
            raise ValueError(f"tables in tables, expected {MAX_DEPTH} at most")
    except FileNotFoundError:
        raise ConfigError(
            f"no such config file: {path}: check the path given to --config, or name a preset "
            f"({', '.join(preset_names())})"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"cannot read {path} ({error.strerror}): check the path given to --config"
        ) from None
    except (ValueError, RecursionError) as error:  # a number of 5000 digits or endless [[[[… raise these too
        reason = str(error).replace("\n", " ")
        raise ConfigError(f"{path} is not TOML ({reason}): correct it, or start from default.toml") from None
    return tables


def _depth(tables: Mapping[str, Any]) -> int:
    """Return how deep tables lie in one another: dotted keys make thousands, more than can be printed."""
    depth, level = 0, [tables]
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [inner for table in level for inner in table.values() if isinstance(inner, Mapping)]
    return depth


def _flatten(tables: Mapping[str, Any], where: str) -> Iterator[tuple[str, object]]:
    for section, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(
                f"{where}: unknown key {section}{_nearest(section, default_settings())}: "
                "keys stand in a [section], correct it or leave it out"
            )
        for key, value in table.items():
            yield f"{section}.{key}", value


def _nearest(name: str, settings: Mapping[str, Setting]) -> str:
    """Return a hint at the valid key that was most likely meant, or else the valid keys."""
    key = name.rpartition(".")[2]
    by_key = {known.rpartition(".")[2]: known for known in settings}
    close = difflib.get_close_matches(name, settings, 1, 0.6)
    close = close or [by_key[match] for match in difflib.get_close_matches(key, by_key, 1, 0.6)]
    return f", did you mean {close[0]}?" if close else f" (valid: {', '.join(settings)})"
