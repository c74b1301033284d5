"""What the practice page shows and says, in a real browser: pictures in any room, words, keys, parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from modules import empty_page, run
from posesync.realtime.coaching.confidence import doubt_of
from posesync.realtime.display.strip import status_of
from posesync.realtime.drawing.annotators import error_color, score_color
from posesync.realtime.tracking.position import Position, State
from test_overlay import scene

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright, empty_page(playwright) as opened:
        yield opened


# -- pictures ------------------------------------------------------------------------------------------------

ROOMS = [(1440, 700), (752, 900), (344, 560), (560, 260), (100, 100)]


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("layout", ["sideBySide", "place", "inset"])
def test_pictures_lie_inside_and_keep_their_shape(page: Any, room: tuple[int, int], layout: str) -> None:
    body = """
      const room = { x: 3, y: 5, width: given.room[0], height: given.room[1] };
      const found = [];
      for (const you of [[1280, 720], [720, 1280]])
       for (const expert of [[1920, 1080], [540, 960], [600, 600]])
        for (const focus of [null, 0.02, 0.5, 1]) {
          const first = { width: you[0], height: you[1], focus };
          const second = { width: expert[0], height: expert[1], focus: null };
          const large = m.place(first, room);
          if (given.layout === 'place') found.push([first, large]);
          if (given.layout === 'inset') found.push([second, m.inset(room, large, second, true)]);
          if (given.layout === 'sideBySide') {
            const [a, b] = m.sideBySide(room, first, second);
            const apart = a.box.x + a.box.width <= b.box.x || a.box.y + a.box.height <= b.box.y;
            found.push([first, a], [second, b, apart]);
          }
        }
      return found;"""
    for picture, placed, *apart in run(page, "practice/placement", body, {"room": room, "layout": layout}):
        box, full, left = placed["box"], placed["full"], placed["left"]
        assert box["x"] >= 3 - 1e-6
        assert box["y"] >= 5 - 1e-6
        assert box["x"] + box["width"] <= 3 + room[0] + 1e-6
        assert box["y"] + box["height"] <= 5 + room[1] + 1e-6
        assert full["width"] / full["height"] == pytest.approx(picture["width"] / picture["height"])
        assert box["height"] == pytest.approx(full["height"])
        assert -1e-6 <= left <= full["width"] - box["width"] + 1e-6
        if picture["focus"] is None:
            assert box["width"] == pytest.approx(full["width"]), "all is shown of whom nobody has found"
        else:
            person = picture["focus"] * full["width"] - left
            assert -1e-6 <= person <= box["width"] + 1e-6
        assert all(apart), "one picture covers the other"


def test_two_pictures_fill_a_tall_screen_above_each_other_and_a_wide_one_side_by_side(page: Any) -> None:
    body = """
      return given.map(([width, height, focus]) => {
        const wide = { width: 1280, height: 720, focus };
        const [a, b] = m.sideBySide({ x: 0, y: 0, width, height }, wide, wide);
        return a.box.y === b.box.y;
      });"""
    rooms = [[1440, 600, None], [360, 640, None], [1424, 700, 0.5], [344, 560, 0.5], [804, 960, 0.5]]
    assert run(page, "practice/placement", body, rooms) == [True, False, True, False, False]


@pytest.mark.parametrize("room", [(804, 960), (344, 640), (1264, 640), (1000, 620)])
def test_people_who_are_found_leave_no_blank_bands(page: Any, room: tuple[int, int]) -> None:
    body = """
      const [width, height] = given;
      const wide = { width: 1280, height: 720, focus: 0.5 };
      const boxes = m.sideBySide({ x: 0, y: 0, width, height }, wide, wide).map((placed) => placed.box);
      return boxes.reduce((sum, box) => sum + box.width * box.height, 0) / (width * height);"""
    assert run(page, "practice/placement", body, room) > 0.9


def test_colours_are_the_windows(page: Any) -> None:
    degrees, scores = [0, 9, 15, 22, -30, 38, 90], [0, 35, 47, 60, 70, 85, 100]
    body = "return [given[0].map((d) => m.errorColor(d)), given[1].map((s) => m.scoreColor(s))];"
    errors, points = run(page, "practice/drawing", body, [degrees, scores])
    for got, blue_first in zip(
        errors + points, [*map(error_color, degrees), *map(score_color, scores)], strict=True
    ):
        assert got == pytest.approx(list(blue_first[::-1]), abs=1)


# -- words and keys ------------------------------------------------------------------------------------------


def answer(**more: Any) -> dict[str, Any]:
    return {
        "phase": "running", "countdown": None, "hint": None, "framing": None, "position": 1.0,
        "state": "following", "confidence": 0.9, "doubtful": False, "cue": None, "said": False,
        "timing": {"score": 90, "label": "on time", "speed": 1.0}, **more,
    }  # fmt: skip


CUE = {"joint": "left_elbow", "text": "bend your left elbow more", "degrees": 30, "kind": "bend"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"phase": "framing", "framing": "step back, I cannot see all of you"},
            "Step back, I cannot see all of you",
        ),
        ({"phase": "ready", "hint": "stand still"}, "Stand still"),
        ({"phase": "count-in", "framing": "come closer"}, "Get ready"),
        ({"cue": CUE}, "Bend your left elbow more"),
        ({"cue": CUE, "framing": "come closer"}, "Come closer"),
        ({"state": "waiting", "position": None}, "Waiting for your first moves"),
        ({"state": "lost", "position": None}, "Not in the piece right now"),
        ({"state": "finished"}, "Finished"),
        ({"state": "holding"}, "Holding"),
        ({}, "Following"),
    ],
)
def test_one_message_at_a_time(page: Any, change: dict[str, Any], words: str) -> None:
    assert run(page, "practice/words", "return m.messageOf(given).text;", answer(**change)) == words


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("doubtful", [False, True])
@pytest.mark.parametrize("speed", [None, 0.0, 0.06, 0.84, 1.0, 1.23])
def test_what_the_tracker_knows_is_said_in_the_windows_words(
    page: Any, state: State, doubtful: bool, speed: float | None
) -> None:
    place = None if state in (State.WAITING, State.LOST) else 1.0
    given = answer(
        state=state.value, position=place, doubtful=doubtful,
        timing={"score": None, "label": None, "speed": speed},
    )  # fmt: skip
    words, _, more = status_of(
        scene(position=Position(place, 0.8, 0.3, state), doubtful=doubtful, timing=speed)
    )
    told = run(
        page, "practice/words", "const { text, more } = m.messageOf(given); return [text, more];", given
    )
    assert told == [words, more]


@pytest.mark.parametrize("confidence", [0.9, 0.5, 0.3, 0.1])
def test_doubt_fades_as_in_the_window(page: Any, confidence: float) -> None:
    faded = run(page, "practice/drawing", "return m.doubt(given);", answer(confidence=confidence))
    assert faded == pytest.approx(doubt_of(confidence)), "as the window fades"


def test_what_is_new_is_said_once(page: Any) -> None:
    body = """
      const speech = new m.Speech();
      return given.map(([answer, now]) => speech.update(answer, now));"""
    told = [
        (answer(phase="count-in", state="waiting", countdown="3"), 0.0, "3"),
        (answer(phase="count-in", state="waiting", countdown="3"), 0.5, None),
        (answer(phase="count-in", state="waiting", countdown="2"), 1.0, "2"),
        (answer(), 2.0, "Following"),
        (answer(cue=CUE, said=True), 3.0, "Bend your left elbow more"),
        (answer(cue=CUE), 3.1, None),
        (answer(cue=CUE, said=True), 5.0, None),
        (answer(cue=CUE, said=True), 10.0, "Bend your left elbow more"),
        (answer(state="holding"), 11.0, None),
        (answer(state="lost", position=None), 12.0, "Not in the piece right now"),
        (answer(state="finished"), 13.0, "Finished"),
        (answer(), 14.0, "Following"),
        (answer(doubtful=True), 20.5, "Looking for your place in the piece"),
        (answer(doubtful=True, state="holding"), 20.6, None),
        (answer(), 21.0, "Following"),
    ]
    said = run(page, "practice/words", body, [[a, now] for a, now, _ in told])
    assert said == [words for *_, words in told]


FINISHED = {"score": 88.0, "coverage": 0.97, "repetitions": 1, "states": {"following": 600, "finished": 20}}


@pytest.mark.parametrize(
    ("why", "change", "title"),
    [
        ("asked", {}, "Well done"),
        ("asked", {"score": 6.0}, "Session over"),
        ("asked", {"score": None}, "Session over"),
        ("asked", {"coverage": 0.2}, "Session over"),
        ("asked", {"repetitions": 0, "states": {"following": 450, "finished": 0}}, "Session over"),
        ("idle", {}, "The session has ended"),
        ("failed", {}, "The session has failed"),
    ],
)
def test_only_what_was_earned_is_praised(page: Any, why: str, change: dict[str, Any], title: str) -> None:
    ended = {"why": why, "report": "/reports/a", "summary": {**FINISHED, **change}}
    assert run(page, "practice/words", "return m.endWords(given).title;", ended) == title
    without = {"why": "asked", "report": None, "summary": {"missing": ["The log has stopped: why."]}}
    assert (
        run(page, "practice/words", "return m.endWords(given).text;", without) == "The log has stopped: why."
    )
    bare = {"why": "asked", "report": None, "summary": None}
    assert run(page, "practice/words", "return m.endWords(given).title;", bare) == "Session over"


@pytest.mark.parametrize(
    ("event", "asked"),
    [
        ({"key": " "}, "pause"), ({"key": "V"}, "view"), ({"key": "Escape"}, "whole"), ({"key": "?"}, "help"),
        ({"key": "Enter"}, "begin"), ({"key": "r", "ctrlKey": True}, None), ({"key": "x"}, None),
        ({"key": " ", "target": {"tagName": "BUTTON"}}, None),
        ({"key": "m", "target": {"tagName": "BUTTON"}}, "mirror"),
        ({"key": "c", "target": {"tagName": "SELECT"}}, None),
        ({"key": "n", "target": {"tagName": "INPUT", "type": "range"}}, "sound"),
    ],
)  # fmt: skip
def test_keys(page: Any, event: dict[str, Any], asked: str | None) -> None:
    assert run(page, "practice/controls", "return m.asked(given);", event) == asked


def test_no_key_asks_for_two_things(page: Any) -> None:
    keys = run(page, "shared", "return Object.values(m.KEYS).map((entry) => entry.key);")
    assert len(set(keys)) == len(keys) > 10


@pytest.mark.parametrize(
    ("ends", "part"),
    [([1, 4], [1, 4]), ([4, 1], [1, 4]), ([-3, 4], [0, 4]), ([5, 99], [5, 10]), ([3, 3.2], [2.6, 3.6]),
     ([0, 0], [0, 1]), ([10, 10], [9, 10])],
)  # fmt: skip
def test_a_dragged_part(page: Any, ends: list[float], part: list[float]) -> None:
    assert run(page, "practice/timeline", "return m.part(...given, 10);", ends) == pytest.approx(part)


def test_the_section_around_a_place(page: Any) -> None:
    sections = [[0, 2, "one"], [2, 5, "two"], [6, 9, "three"]]
    body = "return given[1].map((place) => m.sectionAt(given[0], place, 10)[2]);"
    assert run(page, "practice/timeline", body, [sections, [0, 1.9, 2, 5.5, 9.5]]) == [
        "one", "one", "two", "two", "three",
    ]  # fmt: skip
    assert run(page, "practice/timeline", "return m.sectionAt([], 3, 10);") == [0, 10, ""]


@pytest.mark.parametrize(
    ("seconds", "tenths", "words"),
    [(0, False, "0:00"), (59.6, False, "1:00"), (62.54, True, "1:02.5"), (59.96, True, "1:00.0"),
     (3671, False, "1:01:11"), (None, True, "–"), (-1, False, "0:00")],
)  # fmt: skip
def test_times(page: Any, seconds: float | None, tenths: bool, words: str) -> None:
    assert run(page, "common", "return m.formatTime(...given);", [seconds, tenths]) == words


def test_the_waits_grow_and_stay(page: Any) -> None:
    waits = run(page, "practice/connection", "return [0, 1, 2, 3, 4, 5, 99].map(m.waitBefore);")
    assert waits == sorted(waits)
    assert waits[0] < 0.5
    assert waits[-1] == waits[-2] <= 5
