"""A practice in a real browser, and the errors of what the page received and showed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
from browsing import Camera, sent_frames

Floats = npt.NDArray[np.float64]
#: s after the camera's file has begun anew, which is a jump of the performer: to be found again is the
#: tracker's own measure (benchmarks/tracking.py), not that of the way through the browser.
SETTLING = 2.0


@dataclass(frozen=True)
class Heard:
    """What went on in a page; times are s on the page's clock.

    Attributes:
        numbers: seq of each frame that was sent → its number in the camera's file.
        captured: seq → when it was captured.
        answers: the server's, each with ``at``, when it came.
        others: all other messages.
        seeks: (n, 2): when, and to where, the expert's video was sought.
        shown: (n, 4): when, currentTime, playbackRate, whether it stood.
        own: (n, 2): when, frames that the self-view has shown.
    """

    numbers: dict[int, int]
    captured: dict[int, float]
    answers: list[dict[str, Any]]
    others: list[dict[str, Any]]
    seeks: Floats
    shown: Floats
    own: Floats

    @classmethod
    def of(cls, page: Any) -> Heard:
        """What a page with browsing.LISTEN has heard so far."""
        frames = sent_frames(page)
        got = [{**json.loads(text), "at": at} for at, text in page.evaluate("() => window.heard.got")]

        def table(name: str, columns: int) -> Floats:
            rows = page.evaluate(f"() => window.heard.{name}")
            return np.array(rows, dtype=np.float64).reshape(-1, columns)

        return cls(
            {seq: number for seq, _, _, number in frames if number is not None},
            {seq: captured for seq, captured, _, _ in frames},
            [message for message in got if message["type"] == "answer"],
            [message for message in got if message["type"] != "answer"],
            table("seeks", 2),
            table("shown", 4),
            table("own", 2),
        )

    def running(self) -> list[dict[str, Any]]:
        """Answers since the piece has begun, of frames whose number is known."""
        return [a for a in self.answers if a["phase"] == "running" and a["seq"] in self.numbers]


def is_seen(answer: dict[str, Any]) -> bool:
    """Whether anybody was found in the frame."""
    return any(confidence > 0.0 for _, _, confidence in answer["keypoints"])


def position_errors(heard: Heard, camera: Camera, *, seen: bool = False) -> Floats:
    """|position − truth|, s, while following, but for the s after the camera's file began anew.

    Args:
        heard: what went on in the page.
        camera: what it showed.
        seen: leave out the frames in which nobody was found, where a position is a guess.
    """
    errors, settled, before = [], -np.inf, -1
    for answer in heard.running():
        number = heard.numbers[answer["seq"]]
        if number < before:
            settled = answer["captured"] + SETTLING
        before = number
        if (
            answer["state"] == "following"
            and answer["position"] is not None
            and answer["captured"] >= settled
            and (is_seen(answer) or not seen)
        ):
            errors.append(abs(answer["position"] - camera.truth[number]))
    return np.array(errors)


def followed(heard: Heard, camera: Camera) -> float:
    """Share 0..1 of the answers with somebody in view, during the performance, that had a position."""
    performing = [a for a in heard.running() if heard.numbers[a["seq"]] >= camera.lead and is_seen(a)]
    placed = [a["position"] is not None for a in performing]
    return float(np.mean(placed)) if placed else 0.0


def round_trips(heard: Heard) -> Floats:
    """ms from capture to answer, of every answer."""
    return np.array([1e3 * (a["at"] - a["captured"]) for a in heard.answers])


def steering_errors(heard: Heard) -> Floats:
    """|currentTime − position|, s, whenever the expert's video plays and the performer is followed.

    The position at that very moment: between those of the frames captured before and after it, which the
    page itself cannot know yet.
    """
    following = [a for a in heard.running() if a["state"] == "following" and a["position"] is not None]
    if len(following) < 2:
        return np.zeros(0)
    times = np.array([a["captured"] for a in following])
    positions = np.array([a["position"] for a in following])
    playing = heard.shown[heard.shown[:, 3] == 0]
    after = np.searchsorted(times, playing[:, 0]).clip(1, len(times) - 1)
    # Only between frames that follow one another: across a gap nobody knows.
    near = (times[after] - times[after - 1] < 0.3) & (playing[:, 0] >= times[after - 1])
    near &= playing[:, 0] <= times[after]
    expected = np.interp(playing[near, 0], times, positions)
    return np.abs(playing[near, 1] - expected)


def rate(times: Floats) -> float:
    """Events per s."""
    return (len(times) - 1) / float(times[-1] - times[0]) if len(times) > 1 else 0.0


def own_rate(heard: Heard) -> tuple[float, float]:
    """Frames per s of the self-view: over the whole time, and in its worst second."""
    if len(heard.own) < 2:
        return 0.0, 0.0
    times, frames = heard.own.T
    whole = (frames[-1] - frames[0]) / (times[-1] - times[0])
    ends = np.searchsorted(times, times + 1.0)
    inside = ends < len(times)
    spans = times[ends[inside]] - times[inside]
    each = (frames[ends[inside]] - frames[inside]) / spans
    return float(whole), float(each.min()) if len(each) else float(whole)


def library(address: str) -> str:
    """The library's address, from the one that was printed."""
    return urlsplit(address)._replace(path="/").geturl()


def open_practice(page: Any, address: str, name: str) -> None:
    """From an address, of the library or of the practice itself, to ``name``, until it can begin."""
    page.goto(address)
    if "/practice/" not in page.url:
        card = page.locator(".expert", has_text=name)
        card.locator("a[href^='/practice/']").click()
        page.wait_for_url("**/practice/*")
    turn_on = page.get_by_role("button", name="Turn on the camera")
    turn_on.or_(page.locator("#begin:visible")).first.wait_for()
    if turn_on.is_visible():
        turn_on.click()
    page.locator("#begin").wait_for()


def begin(page: Any) -> None:
    """Begin at once, whatever is still waited for."""
    page.keyboard.press("Enter")
    page.wait_for_function(
        """() => window.heard.got.some(([, text]) => text.includes('"phase":"running"'))"""
    )


def wait_until_shown(page: Any, number: int, *, first: int = 0, patience: float = 60.0) -> None:
    """Until the camera's file is at the frame ``number``, after it has been at ``first`` or before."""
    until, begun = time.monotonic() + patience, first == 0
    while time.monotonic() < until:
        now = page.evaluate("() => window.heard.number(window.heard.sent.at(-1)[1])")
        begun = begun or (now is not None and now <= first)
        if begun and now is not None and now >= number:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"the camera did not come to its frame {number} within {patience:g} s")


def end(page: Any) -> dict[str, Any]:
    """End the session; what the server said of its end."""
    page.keyboard.press("q")
    got = page.wait_for_function(
        '() => window.heard.got.map(([, text]) => text).find((text) => text.includes(\'"type":"ended"\'))',
        timeout=30_000,
    )
    ended: dict[str, Any] = json.loads(got.json_value())
    page.locator("#card").wait_for()
    return ended


def pause(page: Any) -> None:
    """Pause, with the help closed if it was open."""
    if page.locator("#help[open]").count():
        page.keyboard.press("Escape")
        page.locator("#help").wait_for(state="hidden")
    page.keyboard.press("Space")
    page.locator("#notice", has_text="Paused").wait_for()
