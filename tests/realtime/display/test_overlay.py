"""What is drawn: found again in the pixels."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from posesync.pose.features import swap_left_right
from posesync.pose.skeleton import JOINT_NAMES
from posesync.realtime.coaching.scoring import Timing
from posesync.realtime.display.overlay import KEYS, Layout, Overlay, Scene
from posesync.realtime.display.strip import status_of
from posesync.realtime.drawing import annotators as paint
from posesync.realtime.tracking.position import Position, State
from test_feedback import standing, turned


def scene(**changes: object) -> Scene:
    """A performer on grey beside an expert on grey."""
    pose = standing()
    base = Scene(
        time=1.0,
        image=np.full((200, 200, 3), 90, np.uint8),
        keypoints=pose,
        position=Position(2.0, 0.9, 0.9, State.FOLLOWING),
        duration=4.0,
        joints=dict.fromkeys(JOINT_NAMES, 0.0),
        score=93.0,
        expert_image=np.full((200, 200, 3), 60, np.uint8),
        expert_keypoints=pose,
        expert_size=(200, 200),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def count(image: np.ndarray, color: paint.Color, tolerance: int = 24) -> int:
    return int((np.abs(image.astype(int) - color).max(axis=-1) <= tolerance).sum())


def halves(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The performer's and the expert's half, without the strip."""
    height, width = image.shape[:2]
    return image[: height * 4 // 5, : width // 2], image[: height * 4 // 5, width // 2 :]


@pytest.mark.parametrize("height", [360, 720, 1080])
def test_the_canvas_is_16_to_9_and_even(height: int) -> None:
    image = Overlay(height).draw(scene())
    assert image.shape == (height, height * 16 // 9, 3)
    assert image.dtype == np.uint8


def test_a_limb_that_is_off_turns_red_and_thicker() -> None:
    right = Overlay().draw(scene())
    wrong = Overlay().draw(scene(joints={**dict.fromkeys(JOINT_NAMES, 0.0), "left_elbow": -60.0}))
    assert count(halves(right)[0], paint.POOR) == 0
    assert count(halves(wrong)[0], paint.POOR) > 200
    assert count(halves(wrong)[1], paint.POOR) == 0


def test_the_mirror_flips_both_pictures_or_with_a_mirrored_performer_only_one() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[:, :100] = (200, 40, 40)  # blue on the left
    blank = np.zeros((17, 3))
    both = scene(image=image, expert_image=image, keypoints=blank, expert_keypoints=blank)
    for mirror, mirrored, expected in ((False, False, "LL"), (True, False, "RR"), (True, True, "RL")):
        position = replace(both.position, mirrored=mirrored)
        drawn = Overlay(mirror=mirror).draw(replace(both, position=position))
        sides = ""
        for half in halves(drawn):
            blue = (np.abs(half.astype(int) - (200, 40, 40)).max(axis=-1) < 12).nonzero()[1]
            inside = (half.max(axis=-1) >= 0).nonzero()[1].mean()
            panel = np.flatnonzero((half[200] != paint.BACKGROUND).any(axis=-1))
            sides += "L" if blue.mean() < (panel[0] + panel[-1]) / 2 else "R"
            assert inside > 0
        assert sides == expected


def test_the_skeleton_lies_on_the_person_also_when_mirrored_and_cropped() -> None:
    image = np.full((400, 1600, 3), 90, np.uint8)
    pose = standing()
    pose[:, 0] += 1300  # far from the middle of a wide picture
    cv2.circle(image, (int(pose[10, 0]), int(pose[10, 1])), 9, (0, 0, 255), -1)
    for mirror in (False, True):
        blank = scene(image=image, keypoints=pose, expert_image=None)
        drawn = Overlay(mirror=mirror).draw(blank)
        armless = pose.copy()
        armless[7:11, 2] = 0.0
        plain = Overlay(mirror=mirror).draw(replace(blank, keypoints=armless))
        red = (np.abs(plain.astype(int) - (0, 0, 255)).max(axis=-1) < 40).nonzero()
        assert len(red[0]) > 50, "the wrist is not in the crop"
        y, x = int(np.mean(red[0])), int(np.mean(red[1]))
        around = drawn[y - 6 : y + 7, x - 6 : x + 7]
        assert count(around, paint.TEXT, 60) > 10 or count(around, paint.SHADOW, 40) > 10


def test_the_progress_bar_shows_the_share_of_the_piece() -> None:
    for share in (0.25, 0.5, 0.75):
        drawn = Overlay().draw(scene(position=Position(4 * share, 1.0, 1.0, State.FOLLOWING), score=None))
        row = drawn[659, 24:624]
        filled = count(row[None], paint.GOOD, 10) / len(row)
        assert filled == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("state", list(State))
def test_every_state_looks_different(state: State) -> None:
    time = None if state in (State.WAITING, State.LOST) else 2.0
    drawn = Overlay().draw(scene(position=Position(time, 0.0, 0.0, state)))
    strips = {
        other: Overlay().draw(scene(position=Position(time, 0.0, 0.0, other)))[580:650, :700].tobytes()
        for other in State
        if other is not state
    }
    assert drawn[580:650, :700].tobytes() not in strips.values()
    expert = halves(drawn)[1]
    assert (count(expert, (60, 60, 60), 2) == 0) == (time is None), "without a position the expert is dimmed"


def test_notice_and_details_are_drawn_when_there_are_some() -> None:
    plain = Overlay().draw(scene())
    noticed = Overlay().draw(scene(notice="Camera lost · waiting for it, 3 s"))
    detailed = Overlay().draw(scene(statistics=(("dropped", "12"), ("processed", "30.1 fps"))))
    assert (plain != noticed).any(axis=-1).sum() > 3000
    assert (plain != detailed).any(axis=-1).sum() > 3000
    assert [key for key, _ in KEYS] == ["Q", "Space", "M", "R", "H", "V", "L", "G", "S", "N"]


@pytest.mark.parametrize("size", [(200, 200), (90, 1600), (1600, 90), (17, 13), (1920, 1080)])
@pytest.mark.parametrize("follow", [True, False])
def test_any_shape_of_picture_fits(size: tuple[int, int], follow: bool) -> None:
    image = np.full((size[1], size[0], 3), 130, np.uint8)
    drawn = Overlay(follow=follow).draw(scene(image=image, expert_image=image, expert_size=size))
    assert count(halves(drawn)[0], (130, 130, 130), 3) > 500


def test_wild_keypoints_do_no_harm() -> None:
    pose = standing()
    pose[:, :2] *= np.array([1e9, -1e9])
    drawn = Overlay().draw(scene(keypoints=pose))
    assert drawn.shape == (720, 1280, 3)


def band(image: np.ndarray) -> np.ndarray:
    """Where the message is, without the score."""
    return image[580:645, :1095]


@pytest.mark.parametrize(("height", "capital"), [(720, 38), (1080, 57)], ids=["720p", "1080p"])
def test_the_cue_is_legible_from_three_metres(height: int, capital: int) -> None:
    """On a screen 19 cm high, 27 px of 720 are 7 mm; the limit of sight at 3 m is 4.4 mm."""
    plain, cued = (Overlay(height).draw(scene(cue=cue)) for cue in (None, "II"))
    inked = (np.abs(cued.astype(int) - paint.FAIR).max(axis=-1) < 60) & (plain != cued).any(axis=-1)
    letters = inked[:, round(height / 720 * 40) :]
    rows = np.flatnonzero(letters.any(axis=1))
    assert rows[-1] - rows[0] + 1 == pytest.approx(capital, rel=0.12)
    for color in (paint.FAIR, paint.TEXT):
        assert contrast(color, paint.BACKGROUND) > 7  # WCAG 2, AAA


def contrast(a: paint.Color, b: paint.Color) -> float:
    """As WCAG 2 defines it, 1..21."""

    def luminance(color: paint.Color) -> float:
        share = np.array(color[::-1]) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    "words", ["lift", "straighten your right knee " * 3, "左ひじを上げて " * 12, "x" * 500]
)
def test_any_cue_stays_off_the_score_and_the_bar(words: str) -> None:
    plain, cued = Overlay().draw(scene(cue="a")), Overlay().draw(scene(cue=words))
    changed = (plain != cued).any(axis=-1)
    assert changed.any()
    assert not changed[580:, 1100:].any()
    assert not changed[652:].any()
    assert not changed[:450].any(), "it grows over too much of the pictures"


def test_framing_goes_before_the_cue_and_the_cue_before_the_state() -> None:
    state, cue, framing, both = (
        band(Overlay().draw(scene(**given))).tobytes()
        for given in ({}, {"cue": "left"}, {"framing": "step back"}, {"cue": "left", "framing": "step back"})
    )
    assert len({state, cue, framing}) == 3
    assert both == framing


@pytest.mark.parametrize(
    ("timing", "pace", "lead", "side"),
    [
        (0.6, Timing.DRAGGING, None, -1), (1.0, Timing.ON_TIME, None, 0), (1.6, Timing.RUSHING, None, 1),
        (None, None, -1.0, -1), (1.6, Timing.RUSHING, 0.0, 0), (None, None, 1.0, 1),
    ],
)  # fmt: skip
def test_the_timing_bar_shows_the_way_and_lights_the_word(
    timing: float | None, pace: Timing | None, lead: float | None, side: int
) -> None:
    drawn = Overlay().draw(scene(timing=timing, pace=pace, lead=lead, score=None))
    row = drawn[648:676]
    slow, gauge, fast = row[:, 780:880], row[:, 885:1020], row[:, 1022:1100]
    color = paint.FAIR if side else paint.GOOD
    columns = (np.abs(gauge.astype(int) - color).max(axis=-1) < 20).nonzero()[1]
    assert np.sign(round((columns.mean() - (952 - 885)) / 12)) == side
    assert (count(slow, paint.FAIR) > 50, count(fast, paint.FAIR) > 50) == (side < 0, side > 0)


@pytest.mark.parametrize(("pace", "lit"), [(Timing.ON_TIME, False), (Timing.RUSHING, True)])
def test_the_word_for_the_pace_is_the_one_that_was_judged(pace: Timing, lit: bool) -> None:
    """Between the limits either word may be right; a second limit of the bar's own would contradict it."""
    drawn = Overlay().draw(scene(timing=1.15, pace=pace, score=None))
    assert (count(drawn[648:676, 1022:1100], paint.FAIR) > 50) == lit


def test_nothing_is_stated_of_a_doubtful_place() -> None:
    doubtful = Position(1.3, 0.8, 0.3, State.FOLLOWING)
    seen = {"position": doubtful, "doubtful": True, "score": None, "cue": None}
    plain, timed = (Overlay().draw(scene(**seen, timing=t, pace=p)) for t, p in
                    ((None, None), (1.6, Timing.RUSHING)))  # fmt: skip
    assert (plain == timed).all(), "no pace"
    assert count(plain, paint.FAIR) == 0


@pytest.mark.parametrize(
    ("change", "words", "more"),
    [
        ({"timing": 0.84}, "Following", "0.8× the expert’s pace"),
        ({"timing": 0.02}, "Following", ""),
        ({"timing": None}, "Following", ""),
        ({"doubtful": True, "timing": 0.84}, "Looking for your place in the piece", ""),
    ],
)  # fmt: skip
def test_one_state_one_true_sentence(change: dict[str, Any], words: str, more: str) -> None:
    following = Position(1.3, 0.02, 0.9, State.FOLLOWING)
    assert status_of(scene(position=following, **change))[::2] == (words, more)


def test_a_pace_that_becomes_known_is_shown_at_once_and_then_held() -> None:
    overlay, drawn = Overlay(), []
    for time, timing in ((1.0, None), (1.03, 0.9), (1.06, 1.3), (1.4, 1.3)):
        drawn.append(overlay.draw(scene(time=time, timing=timing))[580:640, 220:700].copy())
    changed = [bool((a != b).any()) for a, b in itertools.pairwise(drawn)]
    assert changed == [True, False, True]


def test_without_a_position_there_is_no_timing() -> None:
    lost = Position(None, 0.0, 0.0, State.LOST)
    plain, timed = (Overlay().draw(scene(position=lost, timing=timing)) for timing in (None, 1.7))
    assert (plain == timed).all()


def test_sections_leave_gaps_and_the_present_one_is_named() -> None:
    sections = ((0.0, 1.0, "Intro"), (1.0, 3.0, "Chorus"), (3.0, 4.0, "End"))
    plain, parted = (Overlay().draw(scene(sections=given)) for given in ((), sections))
    row = (plain != parted)[662, 24:624].any(axis=-1)
    gaps = np.flatnonzero(row)
    assert {round(int(x) / 150) for x in gaps} == {1, 3}
    assert len(gaps) <= 10
    assert count(parted[672:692, 174:260], paint.NEUTRAL, 60) > 50
    practised = Overlay().draw(scene(practised=(1.0, 3.0)))
    assert practised[662, 600].max() < plain[662, 600].max(), "what is not practised steps back"
    assert (practised[662, 400] == plain[662, 400]).all()


@pytest.mark.parametrize("layout", list(Layout))
def test_doubt_takes_the_colour_away(layout: Layout) -> None:
    off = {**dict.fromkeys(JOINT_NAMES, 0.0), "left_elbow": -60.0, "right_knee": 30.0}
    colourful = []
    for confidence in (0.9, 0.35, 0.1):
        position = Position(2.0, 0.9, confidence, State.FOLLOWING)
        drawn = Overlay().draw(scene(joints=off, position=position, view=layout)).astype(int)
        colourful.append(int((drawn.max(axis=-1) - drawn.min(axis=-1)).sum()))
    assert colourful[0] > 1.1 * colourful[1] > 1.2 * colourful[2]


def test_the_layout_can_change_between_two_pictures() -> None:
    overlay = Overlay()
    pictures = []
    for layout in (*Layout, Layout.SIDE_BY_SIDE):
        overlay.layout = layout
        pictures.append(overlay.draw(scene()))
    assert (pictures[0] == pictures[-1]).all()
    assert len({picture.tobytes() for picture in pictures}) == 3
    assert (overlay.draw(scene(view=Layout.GHOST)) == pictures[1]).all(), "a scene may ask for its own"
    assert [layout.next() for layout in Layout] == [*list(Layout)[1:], Layout.SIDE_BY_SIDE]


def test_the_small_picture_keeps_out_of_the_performer_s_way() -> None:
    overlay = Overlay(mirror=False, layout=Layout.PICTURE_IN_PICTURE)
    wide = np.full((360, 640, 3), 90, np.uint8)
    for shift, left in ((-60.0, False), (120.0, False), (400.0, True), (200.0, True), (-60.0, False)):
        pose = standing()
        pose[:, 0] += shift
        drawn = overlay.draw(scene(image=wide, keypoints=pose))
        spots = (np.abs(drawn[:580].astype(int) - 60).max(axis=-1) < 2).nonzero()[1]
        assert len(spots) > 20_000
        assert (spots.mean() < 640) == left


@pytest.mark.parametrize("layout", list(Layout))
def test_the_expert_can_be_hidden(layout: Layout) -> None:
    shown, hidden = (Overlay().draw(scene(view=layout, show_expert=show)) for show in (True, False))
    grey = [count(picture[:580], (60, 60, 60), 1) for picture in (shown, hidden)]
    assert (grey[0] > 10_000) == (layout is not Layout.GHOST)
    assert grey[1] < 100


def test_the_ghost_fits_a_performer_in_the_expert_s_pose_also_mirrored() -> None:
    expert = turned(standing(), "left_elbow", 50.0)
    mirrored = swap_left_right(expert)
    mirrored[:, 0] += 200
    for pose, flipped in ((expert, False), (mirrored, True)):
        given = scene(
            keypoints=pose * (1, 1, 0.999), expert_keypoints=expert, view=Layout.GHOST,
            position=Position(2.0, 1.0, 1.0, State.FOLLOWING, mirrored=flipped),
        )  # fmt: skip
        with_ghost, without = (Overlay().draw(replace(given, show_ghost=show)) for show in (True, False))
        ghost = (with_ghost != without).any(axis=-1)
        assert ghost.sum() > 8_000
        skeleton = (np.abs(without[:580].astype(int) - 90).max(axis=-1) > 30)[60:560, 360:920]
        inside = cv2.morphologyEx(ghost.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((31, 31)))[60:560, 360:920]
        assert inside[skeleton].mean() > 0.97


def test_the_ghost_waits_for_the_beginning_and_leaves_who_is_lost() -> None:
    for state, shown in ((State.WAITING, True), (State.LOST, False)):
        given = scene(position=Position(None, 0.0, 0.0, state), view=Layout.GHOST)
        with_ghost, without = (Overlay().draw(replace(given, show_ghost=show)) for show in (True, False))
        assert (with_ghost != without).any() == shown


@pytest.mark.parametrize("count_in", ["3", "10", "begin", "左ひじ", "much too long for a disc"])
def test_the_count_in_is_huge_and_stays_on_the_picture(count_in: str) -> None:
    plain, counted = (Overlay().draw(scene(countdown=given)) for given in (None, count_in))
    rows, columns = (plain != counted).any(axis=-1).nonzero()
    assert rows.max() < 580
    assert rows.max() - rows.min() > 300
    assert columns.max() - columns.min() < 360
