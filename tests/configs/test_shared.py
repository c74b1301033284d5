"""One table for window and page: what is written from it is up to date, and nothing in it is said twice."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from posesync.configs.shared import SHARED, Message, Shared, parse_shared
from posesync.realtime.coaching.guidance import GuidanceLevel
from posesync.realtime.coaching.scoring import Timing
from posesync.realtime.display.keys import Command
from posesync.realtime.display.scene import Layout
from posesync.realtime.display.strip import KEYS
from posesync.realtime.tracking.position import State

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "write_shared.py"
TABLE = ROOT / "configs" / "shared.toml"
STATIC = ROOT / "realtime" / "web" / "static"
WRITTEN = (STATIC / "js" / "shared.js", STATIC / "shared.css")


def test_what_is_written_from_the_table_is_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, str(TOOL), "--check"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (checked.stdout, checked.returncode) == ("", 0), "run python tools/write_shared.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_shared", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_key(shared: Shared) -> Shared:
    return replace(shared, keys={**shared.keys, "pause": replace(shared.keys["pause"], key="p")})


@pytest.mark.parametrize(
    ("change", "files"),
    [
        (with_key, ["README.md", "browser.md", "shared.js"]),
        (lambda s: replace(s, colours=replace(s.colours, good="#00ff00")), ["shared.css", "shared.js"]),
        (lambda s: replace(s, limits=replace(s.limits, fair_at=23.0)), ["shared.js"]),
        (lambda s: replace(s, words=replace(s.words, doubtful=Message("Where?", "plain"))), ["shared.js"]),
        (lambda s: replace(s, socket=replace(s.socket, version=2)), ["shared.js"]),
        (lambda s: replace(s, ghost=replace(s.ghost, opacity=0.5)), ["shared.js"]),
    ],
)
def test_a_change_of_the_table_shows_in_what_is_written(
    tool: ModuleType, change: Callable[[Shared], Shared], files: list[str]
) -> None:
    stale = [path.name for path, text in tool.outputs(change(SHARED)).items() if path.read_text() != text]
    assert sorted(stale) == files


def test_an_entry_that_nobody_knows_is_refused() -> None:
    text = TABLE.read_text(encoding="utf-8")
    with pytest.raises(TypeError, match="poor_form"):
        parse_shared(text.replace("poor_from", "poor_form"))
    with pytest.raises(TypeError, match="least_pace"):
        parse_shared(text.replace("\nleast_pace = 0.1", ""))


def test_every_entry_is_described() -> None:
    described = False
    for number, line in enumerate(TABLE.read_text(encoding="utf-8").splitlines(), 1):
        # What is in a key's or a state's table is described once, above the first of them.
        described = line.startswith(("#", "[keys.", "[words.states.")) or (described and line != "")
        assert described or not line or line.startswith("["), f"line {number}: {line}"


# -- what the table names is what there is -------------------------------------------------------------------


def test_every_key_of_the_window_is_a_command_and_stands_in_the_strip() -> None:
    in_window = {asked for asked, key in SHARED.keys.items() if key.window}
    assert in_window == {command.value for command in Command}
    assert sorted(KEYS) == sorted((key.label, key.strip) for key in SHARED.keys.values() if key.strip)
    pressed = [key for entry in SHARED.keys.values() for key in entry.in_window]
    assert len(pressed) == len(set(pressed))


def test_every_state_level_view_and_pace_has_its_words() -> None:
    words = SHARED.words
    assert list(words.states) == [state.value for state in State]
    assert list(words.guidance) == [level.value for level in GuidanceLevel]
    assert list(words.views) == [layout.value for layout in Layout]
    assert set(words.timing) == {pace.value for pace in Timing}
    assert {said.tone for said in words.states.values()} <= {"plain", "good", "calm", "bad"}


def test_a_part_that_can_be_chosen_is_taken() -> None:
    assert SHARED.limits.shortest_taken <= SHARED.limits.shortest_part


def test_the_settings_name_the_keys_of_the_window() -> None:
    text = (ROOT / "configs" / "default.toml").read_text(encoding="utf-8")
    named = re.findall(r"\bkey ([A-Z])\b.*\n(?:#.*\n)*(\w+) =", text)
    keys = SHARED.keys
    assert sorted(named) == sorted(
        [(keys["view"].label, "view"), (keys["slow"].label, "preview"), (keys["details"].label, "statistics")]
    )


def test_the_page_about_the_views_has_the_limits() -> None:
    text = (ROOT / "docs" / "views.md").read_text(encoding="utf-8")
    limits = SHARED.limits
    assert f"amber ({limits.fair_at:g}°) to red ({limits.poor_from:g}° and more)" in text
    assert f"*{SHARED.words.doubtful.text}*" in text


def test_the_protocol_s_document_has_the_codes() -> None:
    text = (ROOT / "docs" / "browser-protocol.md").read_text(encoding="utf-8")
    codes = dataclasses.astuple(SHARED.socket.closing)
    assert {int(code) for code in re.findall(r"\| (4\d{3}) \|", text)} == set(codes)


# -- nothing is said twice -----------------------------------------------------------------------------------


def sources(*endings: str) -> Iterator[tuple[str, str]]:
    """Name and text of window, page and coach; the report has a paper's colours and words of its own."""
    for file in sorted((ROOT / "realtime").rglob("*")):
        if file.suffix in endings and file not in WRITTEN and "report" not in file.parts:
            yield str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")


def quoted(name: str, text: str) -> set[str]:
    """Every text in a file's code."""
    if name.endswith(".py"):
        nodes = ast.walk(ast.parse(text))
        return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    found = re.findall(r"\"([^\"\n]*)\"|'([^'\n]*)'|`([^`\n]*)`|>([^<>\n]*)<", text)
    return {part.strip() for parts in found for part in parts}


def test_no_words_of_the_table_are_said_elsewhere() -> None:
    words = SHARED.words
    messages = [*words.states.values(), words.doubtful]
    plain = [text for text in dataclasses.astuple(words) if isinstance(text, str)]
    # What is the same as the name that the settings have for it is not only a word.
    named = [text for table in (words.views, words.guidance) for name, text in table.items() if text != name]
    helps = [key.page for key in SHARED.keys.values() if len(key.page) > 25]
    texts = {*named, *plain, *helps, *(text for said in messages for text in (said.text, said.more) if text)}
    texts |= {text[0].upper() + text[1:] for text in texts}
    assert len(texts) > 30
    files = [(name, quoted(name, body) & texts) for name, body in sources(".py", ".js", ".html")]
    assert [(name, twice) for name, twice in files if twice] == []


def test_no_colour_of_the_table_is_written_elsewhere() -> None:
    twice = []
    for name, text in sources(".py", ".js", ".css", ".html"):
        # In the light, the page's own colours hold; that its background is the dark's text is a coincidence.
        body = text.replace("--bg: #f3f5f7;", "", 1) if name.endswith("base.css") else text
        for code in dataclasses.astuple(SHARED.colours):
            red, green, blue = bytes.fromhex(code[1:])
            forms = rf"{code}|\b{red},? {green},? {blue}\b|0x{red:02x}, 0x{green:02x}, 0x{blue:02x}"
            if re.search(forms, body, re.IGNORECASE):
                twice.append((name, code))
    assert twice == []


def test_no_limit_of_the_table_is_a_number_elsewhere() -> None:
    names = "|".join(field.name for field in dataclasses.fields(SHARED.limits))
    number = re.compile(rf"\b_?({names})\b[\w: ]*= *[-.\d]", re.IGNORECASE)
    twice = [(name, found[0]) for name, text in sources(".py", ".js") for found in number.finditer(text)]
    assert twice == []
