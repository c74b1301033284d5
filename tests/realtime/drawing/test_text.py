"""Text in any script, in its place, and in as many lines as it needs."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from posesync.realtime.drawing.text import MAX_CHARACTERS, TextPainter, wrap_text


@pytest.mark.parametrize(
    "text", ["Übung Größe", "Привет", "0.93× −24°", "東京 ▲", "a\tb\n\x00", "", " ", "e\u0301" * 300]
)
def test_text_in_any_script(text: str) -> None:
    painter = TextPainter()
    canvas = np.zeros((60, 900, 3), np.uint8)
    width = painter.draw(canvas, text, 10, 40, size=28, color=(255, 255, 255))
    assert width == painter.width(text, 28)
    visible = "".join(text.split()).strip("\x00")
    assert (canvas.max() > 200) == bool(visible)


def test_text_keeps_to_its_side_and_to_the_canvas() -> None:
    painter = TextPainter()
    for align, x, low, high in (("left", 100, 98, 200), ("right", 100, 0, 102), ("center", 100, 50, 150)):
        canvas = np.zeros((40, 200, 3), np.uint8)
        painter.draw(canvas, "score", x, 30, size=20, color=(255, 255, 255), align=align)  # type: ignore[arg-type]
        columns = canvas.max(axis=(0, 2)).nonzero()[0]
        assert low <= columns.min()
        assert columns.max() <= high
    canvas = np.zeros((40, 200, 3), np.uint8)
    painter.draw(canvas, "half outside", -40, 5, size=30, color=(255, 255, 255))
    painter.draw(canvas, "wholly outside", 500, 500, size=30, color=(255, 255, 255))
    assert canvas[:, :100].max() > 0
    assert canvas[12:].max() == 0 or canvas[20:].max() == 0


@given(st.text(max_size=120), st.integers(3, 40))
def test_wrapping_keeps_every_letter_and_every_line_in_the_room(text: str, room: int) -> None:
    lines = wrap_text(text, len, room)
    assert "".join("".join(lines).split()) == "".join(text.split())
    marked = any(unicodedata.combining(letter) for letter in text)
    assert max(map(len, lines)) <= room or marked


@pytest.mark.parametrize(
    ("text", "room", "lines"),
    [
        ("raise your left elbow", 40, ["raise your left elbow"]),
        ("raise your left elbow a bit", 24, ["raise your left", "elbow a bit"]),  # not one word alone
        ("左ひじをもっと上げて", 5, ["左ひじをも", "っと上げて"]),
        ("足、手。", 3, ["足、", "手。"]),  # punctuation stays with what it ends
        ("unbreakable", 6, ["unbrea", "kable"]),
        ("\r000 ", 3, ["000"]),  # what is not seen takes no room
        ("", 6, [""]),
    ],
)
def test_where_lines_break(text: str, room: int, lines: list[str]) -> None:
    assert wrap_text(text, len, room) == lines


def test_text_is_fitted_in_the_largest_type_that_holds_it() -> None:
    painter = TextPainter()
    choices = ((40, 1), (30, 2), (20, 3))
    for text, size, lines in (
        ("bend more", 40, 1),
        ("bend your right knee a little more", 30, 2),
        ("bend your right knee a little more and look to the left hand side, then wait", 20, 3),
        ("long " * 80, 20, 3),
    ):
        fitted, used = painter.fit(text, 330, choices, bold=True)
        assert (used, len(fitted)) == (size, lines)
        assert all(painter.measure(line, used, bold=True) <= 330 for line in fitted)
        assert fitted[-1].endswith("…") == (len(text) > MAX_CHARACTERS)


@pytest.mark.parametrize("text", ["score", "raise your left elbow", "Übung 東京 0.93×", "a", ""])
def test_measuring_agrees_with_drawing(text: str) -> None:
    painter = TextPainter()
    for size in (15, 56, 200):
        assert painter.measure(text, size, bold=True) == pytest.approx(
            painter.width(text, size, bold=True), abs=0.1 * size
        )
