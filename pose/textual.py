"""Cleans values of unknown origin, and formats numbers for readers."""

from __future__ import annotations

import math


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
    text = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
    return text if len(text) <= limit else text[: limit - 1] + "…"


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
