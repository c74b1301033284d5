"""Settings from a TOML file, checked against the shipped defaults.

``configs/default.toml`` is data and specification at once: the value of a key gives its type, the last
comment line above it its unit and what it may be (``# s · 0..3600`` or ``# name · frame | auto``).
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from .errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Value = bool | int | float | str

MAX_CONFIG_BYTES = 1_000_000
#: Where a value came from when no file gave it.
DEFAULT = "default"
COMMAND_LINE = "command line"

#: What else is in the folder of the presets.
_NO_PRESETS = ("default.toml", "models.toml")
_SECTION = re.compile(r"^\[([\w.-]+)\]\s*$")
_KEY = re.compile(r"^([\w-]+)\s*=")
_LIMITS = re.compile(r"^#\s*(?P<unit>[^·]+?)\s*·\s*(?P<range>.+?)\s*$")
_BOUNDS = re.compile(r"^(-?[\d.]+?)\.\.(-?[\d.]+)$")
_TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What a key may be.

    Attributes:
        default: its value in ``default.toml``, which also gives its type.
        unit: s, px, degrees, …; ``name`` for a choice and ``switch`` for yes or no.
        low: least value of a number, None for others.
        high: greatest value of a number, None for others.
        choices: the values of a choice, empty for others.
        help: what it does.
        limits: unit and range as in the file, ``s · 0..60``.
    """

    default: Value
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    help: str
    limits: str

    @property
    def expected(self) -> str:
        """What may be given, in words."""
        if self.choices:
            return " or ".join((", ".join(self.choices[:-1]), self.choices[-1]))
        text = _TYPE_NAMES[type(self.default)]
        if self.low is not None and self.high is not None:
            text += f" from {self.low:g} to {self.high:g} {self.unit}"
        return text

    def accept(self, name: str, value: object, where: str) -> Value:
        """``value`` with the type of the default.

        Raises:
            ConfigError: wrong type or out of range; it names key, expected and got.
        """
        wanted = type(self.default)
        if wanted is float and type(value) is int:
            value = float(value)
        fits = type(value) is wanted
        if fits and self.low is not None and self.high is not None:
            fits = self.low <= value <= self.high  # type: ignore[operator]
        if fits and self.choices:
            fits = value in self.choices
        if not fits:
            raise ConfigError(
                f"{where}: {name} is {_show(value)}, expected {self.expected}: correct it or leave it out"
            )
        return value  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting with the value in force.

    Attributes:
        values: section → key → value; every key of ``default.toml`` is there.
        origins: ``section.key`` → where its value came from: DEFAULT, COMMAND_LINE, or the preset or file.
    """

    values: Mapping[str, Mapping[str, Value]]
    origins: Mapping[str, str] = field(default_factory=dict)

    def section(self, name: str) -> dict[str, Any]:
        """One table, ready to be passed on as keyword arguments."""
        return dict(self.values[name])


def load_config(
    path: str | Path | None = None, overrides: Mapping[str, Value | None] | None = None
) -> Config:
    """The defaults, changed by a file and then by ``overrides``.

    Args:
        path: a TOML file, the name of a preset (:func:`preset_names`), or None for the defaults.
        overrides: ``section.key`` → value, None to leave it; they win over the file.

    Raises:
        ConfigError: the file is missing or not TOML, a key is unknown (the nearest valid one is named), a
            value has the wrong type or is out of range.
    """
    settings = default_settings()
    values: dict[str, dict[str, Value]] = {}
    for name, setting in settings.items():
        section, key = name.split(".")
        values.setdefault(section, {})[key] = setting.default
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
        section, key = name.split(".")
        values[section][key] = settings[name].accept(name, value, where)
        origins[name] = where
    return Config(values, origins)


def preset_names() -> tuple[str, ...]:
    """The presets that come with PoseSync; each name can be given in place of a file."""
    files = (entry.name for entry in resources.files("posesync.configs").iterdir())
    return tuple(sorted(name[:-5] for name in files if name.endswith(".toml") and name not in _NO_PRESETS))


@lru_cache(maxsize=1)
def default_settings() -> dict[str, Setting]:
    """``section.key`` → what it may be, in the order of ``default.toml``."""
    text = (resources.files("posesync.configs") / "default.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    settings: dict[str, Setting] = {}
    section = ""
    comments: list[str] = []
    for line in text.splitlines():
        if match := _SECTION.match(line):
            section = match[1]
        elif match := _KEY.match(line):
            settings[f"{section}.{match[1]}"] = _parse_setting(tables[section][match[1]], comments)
        comments = [*comments, line] if line.startswith("#") else []
    return settings


def _parse_setting(default: Value, comments: list[str]) -> Setting:
    limits = _LIMITS.match(comments[-1]) if comments else None
    if limits is None:
        raise ConfigError("default.toml: a key lacks its line of unit and range: reinstall posesync")
    bounds = _BOUNDS.match(limits["range"])
    free = bounds is not None or isinstance(default, bool) or limits["range"] == "any"
    choices = () if free else tuple(limits["range"].split(" | "))
    return Setting(
        default=default,
        unit=limits["unit"],
        low=float(bounds[1]) if bounds else None,
        high=float(bounds[2]) if bounds else None,
        choices=choices,
        help=" ".join(line.lstrip("# ") for line in comments[:-1]),
        limits=f"{limits['unit']} · {limits['range']}",
    )


def _open(path: Path) -> tuple[dict[str, Any], str]:
    """The tables of a file or a preset, and what to call it. A file comes before a preset of its name."""
    if str(path) in preset_names() and not path.is_file():
        text = (resources.files("posesync.configs") / f"{path}.toml").read_text(encoding="utf-8")
        return tomllib.loads(text), f"preset {path}"
    return _read(path), str(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(
                f"{path} is larger than {MAX_CONFIG_BYTES} bytes, expected a TOML file of settings"
            )
        tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"no such config file: {path}: check the path given to --config, or name a preset "
            f"({', '.join(preset_names())})"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"cannot read {path} ({error.strerror}): check the path given to --config"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = str(error).replace("\n", " ")
        raise ConfigError(f"{path} is not TOML ({reason}): correct it, or start from default.toml") from None
    return tables


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
    """A hint at the valid key that was most likely meant, or ''."""
    key = name.rpartition(".")[2]
    by_key = {known.rpartition(".")[2]: known for known in settings}
    close = difflib.get_close_matches(name, settings, 1, 0.6)
    close = close or [by_key[match] for match in difflib.get_close_matches(key, by_key, 1, 0.6)]
    return f", did you mean {close[0]}?" if close else f" (valid: {', '.join(settings)})"


def _show(value: object) -> str:
    kind = {bool: "a switch", int: "a number", float: "a number", str: "a text"}.get(type(value))
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    if len(text) > 60:
        text = text[:57] + "…"
    return f"{text} ({kind})" if kind else f"{text} (a {type(value).__name__})"
