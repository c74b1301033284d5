"""Cleans values of unknown origin, and formats numbers for readers."""

from __future__ import annotations

import codecs
import json
import math
from typing import Final

_UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}"
#: What separates words in many languages, and is not "printable".
_SPACES: Final = "\u00a0\u2007\u2009\u200a\u202f\u3000"
#: First characters that make a spreadsheet treat text as a formula, also in full width.
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def number(value: object, low: float, high: float) -> float | None:
    """Return ``value`` as a float when it is a number from ``low`` to ``high``, else None."""
    if type(value) not in (int, float):
        return None
    return float(value) if low <= value <= high else None  # type: ignore[operator, arg-type]


def clean_text(value: object, limit: int = 200) -> str:
    """Return one line of printable text, cut to ``limit`` characters; "" for values that are not text.

    Control characters, lone surrogates and marks that change the direction of writing become ``�``.
    """
    if not isinstance(value, str):
        return ""
    text = " ".join(value[: 4 * limit].split())
    text = "".join(character if character.isprintable() else _UNKNOWN for character in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def visible(text: str) -> str:
    """Return text that a terminal shows and does not obey: for the edge, where it is printed.

    Control characters but the line feed, lone surrogates (bytes of a name that are not UTF-8) and marks that
    change the direction of writing become ``�``.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == "\n" or character in _SPACES else _UNKNOWN
        for character in text
    )


def one_line(text: str) -> str:
    """Return text of unknown origin as one line that a terminal does not obey; nothing is cut off."""
    return visible(" ".join(text.split()))


def plain_json(text: str, encoding: str = "utf-8") -> str:
    """Return JSON in which all is escaped that a terminal would obey, or that ``encoding`` cannot express."""

    def shown(character: str) -> bool:
        return character == "\n" or (character.isprintable() and character.encode(encoding, "ignore") != b"")

    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(character if shown(character) else json.dumps(character)[1:-1] for character in text)


def spreadsheet_cell(text: str) -> str:
    """Return text that a spreadsheet does not take for a formula: quoted when it begins like one."""
    begins = text.lstrip().startswith(_FORMULA) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if begins else text


def decode_text(data: bytes) -> str:
    """Return the text of a file: UTF-8, or UTF-16 with its mark, as PowerShell's ``>`` writes it.

    Raises:
        UnicodeDecodeError: it is neither.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def clock(seconds: float) -> str:
    """Return minutes and seconds as in ``1:05``, with hours only when there are some."""
    whole = int(seconds + 0.5)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def span(seconds: float) -> str:
    """Return a duration: as :func:`clock`, but ``2.4 s`` under ten seconds."""
    return f"{seconds:.1f} s" if seconds < 9.95 else clock(seconds)


def moment(seconds: float, step: float = 1.0) -> str:
    """Return a place in the piece: as :func:`clock`, with tenths when ``step`` is under a second."""
    if step >= 1.0 and abs(seconds - round(seconds)) < 0.05:
        return clock(seconds)
    return tenths(seconds)


def tenths(seconds: float) -> str:
    """Return minutes, seconds and tenths, as in ``1:02.5``."""
    minutes, rest = divmod(round(max(0.0, seconds), 1), 60)
    return f"{int(minutes)}:{rest:04.1f}"


def whole(value: float | None, unit: str = "") -> str:
    """Return a rounded number with its unit, ``–`` for none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.0f}{unit}"


def joint_name(joint: str) -> str:
    """Return a joint's name for readers: ``left elbow``, and arm for the shoulder's angle."""
    return joint.replace("_shoulder", "_arm").replace("_", " ")
