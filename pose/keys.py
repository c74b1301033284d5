"""Keys of the settings file: fields of frozen dataclasses, each with description, unit and range.

A section of the settings file is a dataclass; those of its fields that are made by :func:`number`,
:func:`choice`, :func:`switch` or :func:`text` are its keys. A field's default is the default everywhere.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

from .errors import ConfigError

Value = bool | int | float | str
Number = TypeVar("Number", int, float)
Choice = TypeVar("Choice", bound=str | Enum)
T = TypeVar("T")

#: Name of a key's :class:`Setting` in the metadata of its field.
_METADATA: Final = "setting"
_TYPE_NAMES: Final = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What a key may be.

    Attributes:
        default: as in a file; it also gives the type.
        unit: s, px, degrees, …; ``name`` for a choice and ``switch`` for yes or no.
        help: what it does.
        low: least value of a number, None for others.
        high: greatest value of a number, None for others.
        choices: the values of a choice, empty for others.
        enum: the type of the field, where that is an enumeration of ``choices``.
    """

    default: Value
    unit: str
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    enum: type[Enum] | None = None

    @property
    def limits(self) -> str:
        """Unit and range in one line, ``s · 0..60``."""
        if isinstance(self.default, bool):
            among = "true | false"
        elif self.low is not None and self.high is not None:
            among = f"{self.low:g}..{self.high:g}"
        else:
            among = " | ".join(self.choices) or "any"
        return f"{self.unit} · {among}"

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
        # Compared before it is converted: a whole number may be too large for a float.
        fits = type(value) is wanted or (wanted is float and type(value) is int)
        if fits and self.low is not None and self.high is not None:
            fits = self.low <= value <= self.high  # type: ignore[operator]
        if fits and self.choices:
            fits = value in self.choices
        if not fits:
            raise ConfigError(
                f"{where}: {name} is {_show(value)}, expected {self.expected}: correct it or leave it out"
            )
        return wanted(value)  # type: ignore[arg-type, call-overload]

    def to_field(self, value: Value) -> object:
        """An accepted value as the field holds it."""
        return value if self.enum is None else self.enum(value)


def number(default: Number, unit: str, low: float, high: float, does: str) -> Number:
    """A field that is a key: ``default`` and what may replace it, from ``low`` to ``high`` ``unit``."""
    return _field(default, Setting(default, unit, does, low=low, high=high))


def choice(default: Choice, does: str, among: Sequence[str] = ()) -> Choice:
    """A field that is a key: a name among these, or among the values of the default's enumeration."""
    if isinstance(default, Enum):
        names = tuple(str(member.value) for member in type(default))
        return _field(default, Setting(default.value, "name", does, choices=names, enum=type(default)))
    return _field(default, Setting(default, "name", does, choices=tuple(among)))


def switch(default: bool, does: str) -> bool:
    """A field that is a key: yes or no."""
    return _field(default, Setting(default, "switch", does))


def text(default: str, unit: str, does: str) -> str:
    """A field that is a key: any text, which is a ``unit``."""
    return _field(default, Setting(default, unit, does))


def keys_of(section: Any) -> dict[str, Setting]:
    """Key → what it may be, of a section: a dataclass or an object of it, in the order of its fields."""
    return {
        item.name: item.metadata[_METADATA]
        for item in dataclasses.fields(section)
        if _METADATA in item.metadata
    }


def to_value(value: object) -> Value:
    """What a field holds, as in a file."""
    plain = value.value if isinstance(value, Enum) else value
    if not isinstance(plain, (bool, int, float, str)):
        raise TypeError(f"{plain!r} is no value of a key, expected a switch, a number or a text")
    return plain


def _field(default: T, setting: Setting) -> T:
    return dataclasses.field(default=default, metadata={_METADATA: setting})


def _show(value: object) -> str:
    kind = {bool: "a switch", int: "a number", float: "a number", str: "a text"}.get(type(value))
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    if len(text) > 60:
        text = text[:57] + "…"
    return f"{text} ({kind})" if kind else f"{text} (a {type(value).__name__})"
