"""A replay in the browser: ``posesync serve``, its practice page in Chromium, and pictures at three widths.

In real time, so no two runs are the same. The drawn performer is the camera; each of its frames bears its
number in the corner, by which the server's stand-in knows what was seen there.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest import mock
from urllib.parse import urljoin

import cv2
import numpy as np
from _drawn import PERFORMER, draw
from _recordings import FPS, Recording, truth
from _replay_server import PROGRAM
from _sheets import Image, strip
from _stand_in import prepare_expert

import browsing  # isort: skip  # beside the tests: _replay_server has shown the way
import limits  # isort: skip
import practising  # isort: skip
import serving  # isort: skip

#: Width and height of the window, px: a phone, a tablet, a computer.
SCREENS: Final = ((390, 844), (820, 1180), (1280, 800))
#: s in which the performer stands before it begins, and which the practice has for its own beginning.
LEAD: Final = 4.0
#: Pictures are taken so many times during the performance.
TIMES: Final = 6
#: ms that a page is given to lay itself out anew; frames of animation do not always come while nobody looks.
_SETTLE: Final = 150
#: px, width of the camera's picture.
_CAMERA: Final = 960
_PATIENCE: Final = 120_000
#: px, height of each picture on a sheet, and how many moments a sheet has.
_STRIP, _ROWS = 640, 2
#: What the page was told last, and which frame it was about.
_NEWEST: Final = """() => window.heard.got.map(([, text]) => JSON.parse(text))
  .filter((message) => message.type === 'answer').at(-1) ?? null"""


def photograph(expert: Recording, performer: Recording, folder: Path, *, times: int = TIMES) -> list[Path]:
    """Practise once; what the page showed, as files in ``folder``.

    Args:
        expert: the expert to follow.
        performer: who is in front of the camera, at 30 frames per s.
        folder: gets a picture for each moment and width, sheets of them (``page-1.png`` …) and
            ``heard.json``: ``answers`` of the server, ``film``: [when, s shown, rate, whether it stood].
        times: how many moments.

    Raises:
        RuntimeError: Chromium is not installed.
    """
    if limits.CHROMIUM is None:
        raise RuntimeError(limits.NO_CHROMIUM)
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    known = truth(expert, performer)
    with tempfile.TemporaryDirectory() as scratch:
        files = Path(scratch)
        prepared, video = prepare_expert(expert, files)
        if prepared.proxy is not None:
            prepared.proxy.close()
        before = led(performer)
        camera = film(before, files / "camera.mjpeg")
        with (
            _server(before, video, files) as address,
            sync_playwright() as playwright,
            browsing.chromium(playwright, camera) as browser,
        ):
            page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
            page.set_default_timeout(_PATIENCE)
            page.add_init_script(browsing.LISTEN)
            return _practise(page, address, video.name, before, folder, times, known)


def led(performer: Recording) -> Recording:
    """The performer at the camera's rate, standing for LEAD s before it begins."""
    moments = np.arange(-round(LEAD * FPS), int(performer.duration * FPS) + 1) / FPS
    nearest = np.abs(performer.times[None] - np.maximum(moments, 0.0)[:, None]).argmin(1)
    times = np.arange(len(moments)) / FPS
    return Recording(performer.name, performer.keypoints[nearest], times, performer.size)


def film(recording: Recording, path: Path) -> Path:
    """JPEG after JPEG, as Chromium takes them for a camera; each bears its number."""
    size = _CAMERA, round(_CAMERA * recording.size[1] / recording.size[0] / 2) * 2
    with path.open("wb") as file:
        for number, keypoints in enumerate(recording.keypoints):
            image = cv2.resize(draw(keypoints, recording.size, PERFORMER), size, interpolation=cv2.INTER_AREA)
            stamped = browsing.stamped(np.asarray(image, np.uint8), number)
            file.write(cv2.imencode(".jpg", stamped, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes())
    return path


@contextmanager
def _server(performer: Recording, video: Path, folder: Path) -> Iterator[str]:
    """The server, its files in ``folder``, in which the expert is prepared already; its address."""
    recording = folder / "performer.npz"
    np.savez(recording, keypoints=performer.keypoints, times=performer.times, size=performer.size)
    own = {"XDG_CACHE_HOME": str(folder / "cache"), "POSESYNC_OFFLINE": "1"}
    arguments = ["--port", "0", "--reference", str(video), "--detector", "keypoints"]
    program = PROGRAM.replace("RECORDING", repr(str(recording)))
    with (
        mock.patch.object(serving, "PROGRAM", program),
        serving.serve(arguments, data=folder / "data", environment={**os.environ, **own}) as server,
    ):
        yield server.url
        server.end()


def _practise(
    page: Any,
    address: str,
    name: str,
    performer: Recording,
    folder: Path,
    times: int,
    known: Callable[[float], float | None] | None,
) -> list[Path]:
    """From the address to the report, with a look at ``times`` moments and at the end."""
    practising.open_practice(page, address, name)
    first, last = round(LEAD * FPS), len(performer.times) - 1
    practising.wait_until_shown(page, 1, first=first // 3, patience=performer.duration + 60)
    page.keyboard.press("r")  # whatever has begun by itself meanwhile
    practising.begin(page)
    rows, files = [], []
    for moment in np.linspace(first, last - FPS, times).round().astype(int).tolist():
        practising.wait_until_shown(page, moment, patience=performer.duration + 30)
        shots, said = [], []
        for width, height in SCREENS:
            files.append(folder / f"{(moment - first) / FPS:05.2f}s-{width}.png")
            shots.append(_shoot(page, width, height, files[-1]))
            said.append(_caption(page, first, known))
        rows.append(strip(shots, said, _STRIP))
    ended = practising.end(page)
    rows.append(strip(*_each(page, folder, "end", files), _STRIP))
    heard = practising.Heard.of(page)
    (folder / "heard.json").write_text(json.dumps({"answers": heard.answers, "film": heard.shown.tolist()}))
    if ended.get("report"):
        page.goto(urljoin(page.url, ended["report"]))
        page.wait_for_load_state()
        rows.append(strip(*_each(page, folder, "report", files), _STRIP))
    for start in range(0, len(rows), _ROWS):
        files.append(folder / f"page-{start // _ROWS + 1}.png")
        cv2.imwrite(str(files[-1]), np.vstack(rows[start : start + _ROWS]))
    return files


def _each(page: Any, folder: Path, name: str, files: list[Path]) -> tuple[list[Image], list[str]]:
    """The page as it stands, at every width."""
    shots = []
    for width, height in SCREENS:
        files.append(folder / f"{name}-{width}.png")
        shots.append(_shoot(page, width, height, files[-1]))
    return shots, [name] * len(SCREENS)


def _shoot(page: Any, width: int, height: int, path: Path) -> Image:
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(_SETTLE)
    page.screenshot(path=str(path))
    return np.asarray(cv2.imread(str(path)), np.uint8)


def _caption(page: Any, first: int, known: Callable[[float], float | None] | None) -> str:
    """What the page was told last, and where the performer is in truth."""
    now = page.evaluate("() => window.heard.number(window.heard.sent.at(-1)[1])")
    answer = page.evaluate(_NEWEST) or {}
    time = None if now is None else (now - first) / FPS
    words = ["?" if time is None else f"{time:.1f} s", str(answer.get("state"))]
    if answer.get("position") is not None:
        words.append(f"at {answer['position']:.2f}, sure {answer['confidence']:.2f}")
    at = known(time) if known is not None and time is not None else None
    return " ".join([*words, *([] if at is None else [f"truly {at:.2f}"])])
