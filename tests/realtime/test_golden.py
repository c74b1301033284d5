"""Every annotator and every view against an inspected picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from golden import check_golden
from posesync.pose.skeleton import JOINT_NAMES
from posesync.realtime.coaching.scoring import Timing
from posesync.realtime.display.ghost import draw_ghost
from posesync.realtime.display.overlay import Layout, Overlay, Scene
from posesync.realtime.display.panels import (
    draw_countdown,
    draw_details,
    draw_memory,
    draw_notice,
    make_label,
)
from posesync.realtime.display.progress import ProgressRow
from posesync.realtime.display.strip import Strip
from posesync.realtime.drawing import annotators as paint
from posesync.realtime.drawing.text import TextPainter
from posesync.realtime.tracking.position import Position, State
from test_feedback import standing, turned

FIGURE = (0, 0, 200, 260)
OFF = {**dict.fromkeys(JOINT_NAMES, 0.0), "left_elbow": -60.0, "right_knee": 30.0, "right_shoulder": 16.0}


def shaded(width: int, height: int) -> np.ndarray:
    """A picture in which every place has a colour of its own."""
    y, x = np.mgrid[0:height, 0:width]
    return np.dstack([60 + 90 * x / width, 60 + 80 * y / height, 150 - 70 * x / width]).astype(np.uint8)


def small(value: float) -> int:
    return max(1, round(value * 0.5))


def picture(canvas: np.ndarray) -> None:
    image = shaded(400, 300)
    image[100:140, 250:330] = (40, 220, 240)
    view = paint.View((100, 50, 300, 250), (10, 20, 120, 100), flip=True)
    paint.draw_picture(canvas, image, view)
    dark = paint.View((0, 0, 400, 300), (140, 20, 56, 42))
    paint.draw_picture(canvas, image, dark, brightness=0.55)
    paint.draw_picture(canvas, image[::4, ::4], paint.View((0, 0, 100, 75), (10, 130, 180, 120)))


def boxes(canvas: np.ndarray) -> None:
    paint.draw_box(canvas, (10, 10, 120, 60), paint.CALM, radius=20)
    paint.draw_box(canvas, (60, 40, 120, 60), paint.SHADOW, radius=8, opacity=0.6)
    paint.round_corners(canvas, (10, 120, 180, 130), 30, paint.BACKGROUND)
    for k, color in enumerate((paint.GOOD, paint.FAIR, paint.POOR)):
        paint.dot(canvas, 40.5 + 50 * k, 180.25, 12.5, color)
        paint.dot(canvas, 40.5 + 50 * k, 215, 12.5, paint.faded(color, 0.6))


def gauges(canvas: np.ndarray) -> None:
    for k, value in enumerate((-1.0, -0.4, 0.0, 0.7, 5.0)):
        color = paint.GOOD if value == 0 else paint.FAIR
        paint.draw_gauge(canvas, (30, 20 + 50 * k, 140, 14), value, color)


def skeleton(canvas: np.ndarray, **options: object) -> None:
    pose = standing()
    paint.draw_skeleton(canvas, pose[:, :2], pose[:, 2], FIGURE, **options)  # type: ignore[arg-type]


def ghost(canvas: np.ndarray, pose: np.ndarray, **options: object) -> None:
    draw_ghost(canvas, pose[:, :2], pose[:, 2], FIGURE, **options)  # type: ignore[arg-type]


def half_a_ghost(canvas: np.ndarray) -> None:
    pose = turned(standing(), "right_elbow", -70.0)
    pose[13:, 2] = 0.0
    pose[:, 1] -= 40
    ghost(canvas, pose, color=paint.FAIR, opacity=0.3)


def panels(canvas: np.ndarray) -> None:
    text = TextPainter()
    make_label(text, small, "You").lay(canvas, 6, 6)
    draw_details(canvas, text, small, (0, 0, 200, 200), (("dropped", "12"), ("processed", "30.1 fps")))
    draw_notice(canvas, text, small, (100, 90, 100, 100), "Camera lost")
    canvas[180:250, 20:180] = paint.SURFACE
    draw_memory(canvas, text, small, (20, 180, 160, 70))


def lines(canvas: np.ndarray) -> None:
    text = TextPainter()
    text.draw(canvas, "left 0.93×", 10, 40, size=30, color=paint.TEXT, bold=True)
    text.draw(canvas, "Übung – Größe", 100, 80, size=20, color=paint.FAIR, align="center")
    text.draw(canvas, "right", 190, 120, size=40, color=paint.GOOD, align="right", background=(0, 0, 0))
    fitted, size = text.fit("raise your left elbow, then your right", 180, ((40, 1), (26, 3)), bold=True)
    for k, line in enumerate(fitted):
        text.draw(canvas, line, 10, 160 + 32 * k, size=size, color=paint.TEXT, bold=True)


ANNOTATORS: dict[str, Callable[[np.ndarray], None]] = {
    "picture": picture,
    "boxes": boxes,
    "gauges": gauges,
    "skeleton": lambda canvas: skeleton(canvas, differences=OFF),
    "skeleton-faded": lambda canvas: skeleton(canvas, differences=OFF, fade=0.75),
    "skeleton-expert": lambda canvas: skeleton(canvas, width=3.0, dots=False),
    "ghost": lambda canvas: ghost(canvas, standing()),
    "ghost-half": half_a_ghost,
    "panels": panels,
    "countdown": lambda canvas: draw_countdown(canvas, TextPainter(), small, FIGURE, "3"),
    "text": lines,
}


@pytest.mark.parametrize("name", ANNOTATORS)
def test_annotator(name: str) -> None:
    canvas = shaded(200, 260)
    ANNOTATORS[name](canvas)
    check_golden(f"annotator-{name}", canvas)


def moment(**changes: object) -> Scene:
    """A performer whose left arm and right knee are off, on a shaded picture, beside an expert on another."""
    expert = standing() * (1.5, 1.5, 1.0) + (10, 0, 0)
    performer = turned(turned(standing(), "left_elbow", -60.0), "right_knee", 30.0) * (1.35, 1.35, 1.0)
    performer[:, 0] += 180
    base = Scene(
        time=1.0,
        image=shaded(640, 360)[:, ::-1],
        keypoints=performer,
        position=Position(1.3, 0.8, 0.9, State.FOLLOWING),
        duration=4.0,
        joints={**dict.fromkeys(JOINT_NAMES, 0.0), "left_elbow": -60.0, "right_knee": 30.0},
        score=72.0,
        expert_image=shaded(320, 400) // 2,
        expert_keypoints=expert,
        expert_size=(320, 400),
        fps=30.0,
        cue="straighten your left elbow",
        timing=0.8,
        pace=Timing.DRAGGING,
        sections=((0.0, 1.0, "Intro"), (1.0, 3.0, "Chorus"), (3.0, 4.0, "End")),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


WAITING = Position(None, 0.0, 0.0, State.WAITING)
VIEWS: dict[str, dict[str, object]] = {
    **{layout.value: {"view": layout} for layout in Layout},
    "doubt": {
        "view": Layout.GHOST,
        "position": Position(1.3, 0.8, 0.2, State.FOLLOWING),
        "doubtful": True,
        "cue": None,
        "score": None,
        "timing": None,
        "pace": None,
    },
    "framing": {"framing": "step back, I cannot see your feet", "position": WAITING, "score": None},
    "count-in": {"countdown": "3", "position": WAITING, "score": None, "view": Layout.GHOST, "cue": None},
    "from-memory": {"show_expert": False, "practised": (1.0, 3.0), "lead": 0.9, "cue": None},
    "two-lines": {"cue": "straighten your left elbow and lean a little less to the right"},
}


@pytest.mark.parametrize("name", VIEWS)
def test_view(name: str) -> None:
    check_golden(f"view-{name}", Overlay(360).draw(moment(**VIEWS[name])))


@pytest.mark.parametrize(
    "part", [(ProgressRow, "_timing"), (ProgressRow, "_clock"), (Strip, "_message"), (Overlay, "_skeleton"),
             (Overlay, "_draw_ghost"), (Overlay, "_finish")]
)  # fmt: skip
def test_a_part_that_is_left_out_is_noticed(part: tuple[type, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSESYNC_GOLDEN", raising=False)
    monkeypatch.setattr(*part, lambda *_, **__: None)
    with pytest.raises(AssertionError, match="differs by"):
        check_golden("view-ghost", Overlay(360).draw(moment(**VIEWS["ghost"])))
