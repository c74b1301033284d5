"""Text of unknown origin, where it is printed, read and put into spreadsheets."""

from __future__ import annotations

import json

import pytest
from posesync.pose.textual import decode_text, one_line, plain_json, spreadsheet_cell, visible

NAMES = [
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x9b31m",
    "a\u202efdp",
    "\u2066x",
    "caf\udce9",
    "a\x00b",
    "a\x7fb",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_terminal_obeys_nothing(name: str) -> None:
    shown = visible(f"{name}\nnext")
    assert len(shown) == len(name) + 5
    assert all(character.isprintable() or character == "\n" for character in shown)
    shown.encode()


@pytest.mark.parametrize("text", ["Übung 3 – plié.mp4", "五\u3000六", "1\u202f000", "[/red]a.mp4", "a  b"])
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_a_name_with_a_line_feed_is_one_line() -> None:
    assert one_line("a.mp4\nerror: all is lost\r\n") == "a.mp4 error: all is lost"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "cp932", "ascii"])
@pytest.mark.parametrize("name", [*NAMES, "é ü 漢 😀", "plain"], ids=ascii)
def test_json_says_the_same_on_every_console(name: str, encoding: str) -> None:
    text = plain_json(json.dumps({"file": name}, ensure_ascii=False, indent=2), encoding)
    assert json.loads(text.encode(encoding).decode(encoding)) == {"file": name}
    assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "＝1", "＋1", "－1", "＠x", " =1", "\t=1", "\tx", "\rx"]
)
def test_nothing_is_a_formula(text: str) -> None:
    assert spreadsheet_cell(text) == f"'{text}"


def test_words_are_no_formula() -> None:
    assert spreadsheet_cell("Bend your left knee") == "Bend your left knee"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_is_read_as_it_was_written(encoding: str) -> None:
    mark = "\ufeff" if encoding.endswith("e") else ""
    assert decode_text(f"{mark}größe = 1\r\n".encode(encoding)) == "größe = 1\r\n"


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        decode_text(b"\xff\xfe\x00\xd8x")
    with pytest.raises(UnicodeDecodeError):
        decode_text(b"caf\xe9")
