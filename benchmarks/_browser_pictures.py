"""Takes pictures of the pages: every screen at three widths side by side, from a real session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from browsing import LISTEN, Camera, chromium, serving
from playwright.sync_api import sync_playwright
from posesync.realtime.report.history import HISTORY_FILE, History
from practising import begin, end, open_practice, pause, wait_until_shown

Image = npt.NDArray[np.uint8]
#: Sizes of the windows, px: a desktop, a tablet, a phone.
SIZES: Final = ((1440, 900), (768, 1024), (360, 740))
SCALE: Final = 0.6
#: s after a change of width.
_SETTLE: Final = 0.8
_GAP, _GROUND, _QUALITY = 16, (152, 146, 140), 80
#: Scores of the sessions that are made up for the picture of the progress, and days between them.
_BEFORE: Final = (58.0, 63.5, 61.0, 69.0, 74.5, 73.0, 78.5)


#: Screens that are also shown in the dark.
_BOTH: Final = ("library", "practice")


class Album:
    """Takes a page's picture at every width and puts them side by side.

    Args:
        page: whose pictures are taken.
        folder: for ``browser-NAME.jpg`` and ``browser-NAME-dark.jpg``.
    """

    def __init__(self, page: Any, folder: Path) -> None:
        self._page, self._folder = page, folder
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, name: str, ready: Callable[[], object] = lambda: None) -> None:
        """Take a picture at each width, once the page has settled and ``ready`` has returned."""
        for scheme in ("light", "dark") if name in _BOTH else ("light",):
            self._page.emulate_media(color_scheme=scheme)
            shots = []
            for width, height in SIZES:
                self._page.set_viewport_size({"width": width, "height": height})
                self._page.wait_for_timeout(1000 * _SETTLE)
                ready()
                encoded = np.frombuffer(self._page.screenshot(), np.uint8)
                shots.append(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
            target = self._folder / f"browser-{name}{'' if scheme == 'light' else '-dark'}.jpg"
            cv2.imwrite(str(target), side_by_side(shots), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


def side_by_side(shots: list[Any]) -> Image:
    """Return the pictures in a row, scaled down, with their upper edges level."""
    small = [cv2.resize(shot, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_AREA) for shot in shots]
    high = max(shot.shape[0] for shot in small) + 2 * _GAP
    wide = sum(shot.shape[1] for shot in small) + _GAP * (len(small) + 1)
    whole: Image = np.full((high, wide, 3), _GROUND, np.uint8)
    left = _GAP
    for shot in small:
        whole[_GAP : _GAP + shot.shape[0], left : left + shot.shape[1]] = shot
        left += shot.shape[1] + _GAP
    return whole


def take_pictures(target: Path, folder: Path, clip: Path, camera: Camera) -> None:
    """Go through every screen once, with a server that has no experts at first."""
    with (
        serving(folder) as address,
        sync_playwright() as playwright,
        chromium(playwright, camera.path) as browser,
    ):
        page = browser.new_page(locale="en-GB", viewport={"width": 1440, "height": 900})
        page.set_default_timeout(150_000)
        page.add_init_script(LISTEN)
        album = Album(page, target)
        page.goto(address)
        page.wait_for_selector("main[aria-busy=false]")
        album.take("empty")
        _add(page, clip, album)
        _practise(page, address, camera, album)
        _remember(folder / "data" / "posesync" / HISTORY_FILE)
        page.goto(address)
        page.wait_for_selector(".spark")
        album.take("library")


def _add(page: Any, clip: Path, album: Album) -> None:
    """Send the video slowly, and wait until it is prepared."""
    slow = page.context.new_cdp_session(page)
    network = {"offline": False, "latency": 0, "downloadThroughput": -1}
    slowly = clip.stat().st_size / 8
    slow.send("Network.emulateNetworkConditions", {**network, "uploadThroughput": slowly})
    page.set_input_files("#file", str(clip))
    page.wait_for_timeout(2500)
    album.take("sending")
    slow.send("Network.emulateNetworkConditions", {**network, "uploadThroughput": -1})
    page.locator("a[href^='/practice/']").wait_for()


def _practise(page: Any, address: str, camera: Camera, album: Album) -> None:
    open_practice(page, address, "walk.mp4")
    album.take("before", lambda: _from_the_top(page))
    begin(page)
    album.take("practice", lambda: wait_until_shown(page, camera.lead + 55, first=camera.lead + 20))
    page.keyboard.press("?")
    album.take("help")
    pause(page)
    album.take("paused")
    page.keyboard.press("Space")
    page.wait_for_timeout(3000)
    end(page)
    album.take("ended")


def _from_the_top(page: Any) -> None:
    """Start again, up to the count-in."""
    page.keyboard.press("r")
    page.locator("#countdown:not(:empty)").or_(page.locator("#begin:visible")).first.wait_for()
    page.wait_for_timeout(500)


def _remember(path: Path) -> None:
    """Write earlier sessions of the same piece, so that the history is not empty."""
    with History(path) as history:
        last = history.sessions()[-1]
        for number, score in enumerate(_BEFORE):
            at = datetime.now(timezone.utc) - timedelta(days=2 * (len(_BEFORE) - number))
            earlier = replace(last, sha256=f"{number:064x}", at=at, score=score, form=score, timing=score + 4)
            history.add(earlier)
