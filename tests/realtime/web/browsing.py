"""A real Chromium for the pages, with a fake camera that shows each frame's number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from clips import PerformanceCurve, _Nearest
from limits import CHROMIUM
from serving import serve

#: Frames per s that Chromium gives an MJPEG file as a camera: its own figure, the file holds none.
CAMERA_FPS = 30
#: The walk performed at 0.6 to 1.6 times the pace, with a stop of 1.5 s. The somersault from the roof, 4.7 to
#: 6.4 s, takes the time it takes: nobody falls more slowly. No detector finds him in most of it.
WALKED = PerformanceCurve.from_speeds(
    [
        (0.6, 1.6),
        (1.0, 0.95),
        (1.6, 0.6),
        (0.8, 1.2),
        (0.0, 1.5),
        (1.6, 0.55),
        (1.0, 1.75),
        (0.6, 1.0),
        (1.4, 0.2),
    ]
)
#: The code of a frame's number: bits in one row of cells, their opposites in the row below; a cell's side
#: as a share of the picture's width.
_BITS, _CELL = 12, 24 / 1280
#: Least difference between a bit and its opposite, of 255.
_CLEAR = 60

#: In every page: what it sends and gets on its practice socket and what its videos show, with the time;
#: nothing is changed or held up. And what reads the number in a frame that was sent.
LISTEN = """(() => {
  const [bits, share, clear] = CODE;
  const heard = { sent: [], got: [], seeks: [], shown: [], own: [] };
  window.heard = heard;
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    const now = performance.now() / 1000;
    if (data instanceof ArrayBuffer) heard.sent.push([now, data.slice(0)]);
    if (!this.heard) {
      this.heard = true;
      this.addEventListener('message', (event) => {
        if (typeof event.data === 'string') heard.got.push([performance.now() / 1000, event.data]);
      });
    }
    return send.call(this, data);
  };
  document.addEventListener('seeking', (event) => {
    const now = performance.now() / 1000;
    if (!event.target.srcObject) heard.seeks.push([now, event.target.currentTime]);
  }, true);
  setInterval(() => {
    const now = performance.now() / 1000;
    for (const video of document.querySelectorAll('video')) {
      if (video.srcObject) heard.own.push([now, video.getVideoPlaybackQuality().totalVideoFrames]);
      else heard.shown.push([now, video.currentTime, video.playbackRate, video.paused || video.seeking]);
    }
  }, 50);
  const mean = (data) => {
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum += data[i + 1];
    return sum / (data.length / 4);
  };
  heard.number = async (message) => {
    const picture = await createImageBitmap(new Blob([message.slice(24)]));
    const cell = share * picture.width;
    const size = Math.ceil((bits + 1) * cell);
    const canvas = new OffscreenCanvas(size, Math.ceil(2 * cell));
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(picture, size - picture.width, 0);
    picture.close();
    const inside = Math.max(1, Math.round(cell / 2));
    let number = 0;
    for (let bit = 0; bit < bits; bit += 1) {
      const [upper, lower] = [0, 1].map((row) => mean(context.getImageData(
        Math.round((bit + 0.25) * cell), Math.round((row + 0.25) * cell), inside, inside).data));
      if (Math.abs(upper - lower) < clear) return null;
      if (upper > lower) number |= 1 << bit;
    }
    return number;
  };
})();""".replace("CODE", str([_BITS, _CELL, _CLEAR]))

#: The frames that were sent: [seq, captured s, sent s, number in the corner or null when it cannot be told].
_SENT = """async () => {
  const found = [];
  for (const [at, message] of window.heard.sent) {
    const view = new DataView(message);
    found.push([view.getUint32(4, true), view.getFloat64(8, true), at, await window.heard.number(message)]);
  }
  return found;
}"""


@dataclass(frozen=True)
class Camera:
    """A file that Chromium takes for a camera.

    Attributes:
        path: of the MJPEG.
        truth: expert's time, s, of each of its frames.
        lead: frames before the performance begins.
    """

    path: Path
    truth: npt.NDArray[np.float64]
    lead: int


def make_camera(
    clip: Path,
    path: Path,
    curve: PerformanceCurve,
    *,
    lead: float = 4.0,
    size: tuple[int, int] = (1280, 720),
) -> Camera:
    """``clip`` performed along ``curve`` after ``lead`` s of standing; each frame bears its number.

    JPEG after JPEG, as a webcam gives them; the number is at the upper right, away from the performer.
    """
    before = round(lead * CAMERA_FPS)
    moments = np.arange(before + int(curve.duration * CAMERA_FPS)) / CAMERA_FPS - lead
    truth = np.zeros(len(moments))
    reader = _Nearest(clip, size)
    try:
        with path.open("wb") as file:
            for number, moment in enumerate(moments):
                truth[number], image = reader.at(curve(max(0.0, float(moment))))
                ok, jpeg = cv2.imencode(".jpg", stamped(image, number), [cv2.IMWRITE_JPEG_QUALITY, 85])
                assert ok
                file.write(jpeg.tobytes())
    finally:
        reader.close()
    return Camera(path, truth, before)


def stamped(image: npt.NDArray[np.uint8], number: int) -> npt.NDArray[np.uint8]:
    """A copy of the picture with its number in the corner."""
    marked = image.copy()
    cell = round(_CELL * marked.shape[1])
    left = marked.shape[1] - (_BITS + 1) * cell
    for bit in range(_BITS):
        value = 255 * (number >> bit & 1)
        x = left + bit * cell
        marked[:cell, x : x + cell] = value
        marked[cell : 2 * cell, x : x + cell] = 255 - value
    return marked


def sent_frames(page: Any) -> list[tuple[int, float, float, int | None]]:
    """The frames that a page has sent: seq, captured s, sent s, and the number in the corner."""
    return [tuple(frame) for frame in page.evaluate(_SENT)]


@contextmanager
def chromium(playwright: Any, camera: Path | None = None, *more: str) -> Iterator[Any]:
    """The system's Chromium, with ``camera`` as its only camera, allowed without asking."""
    given = ["--no-sandbox", *more]
    if camera is not None:
        given += ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
        given += [f"--use-file-for-fake-video-capture={camera}"]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=given)
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[str]:
    """``posesync serve`` as users start and end it, all its files in ``folder``; the printed address."""
    own = {"XDG_CACHE_HOME": str(folder / "cache"), "POSESYNC_OFFLINE": "1"}
    with serve(["--port", "0", *arguments], data=folder / "data", environment=own) as server:
        yield server.url
        code, errors = server.end()
        assert (code, errors) == (0, [])


def complaints(page: Any) -> list[str]:
    """What the page will say in the console that is a warning or worse, filled as it happens."""
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


#: What changes its colour or size does so in steps: until the last one.
_SETTLED = """async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await frame();
  await frame();
  await Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})));
  await frame();
}"""
#: Both screens' widths, in both schemes.
LOOKS = tuple((width, scheme) for scheme in ("light", "dark") for width in (390, 1280))


def barriers(page: Any, axe: Any, looks: Sequence[tuple[int, str]] = LOOKS) -> list[str]:
    """What axe-core finds serious or critical, and pages that scroll sideways, at each (width, scheme)."""
    found = []
    for width, scheme in looks:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.evaluate(_SETTLED)
        grave = _grave(page, axe)
        if grave:  # with two schemes' colours at once: on a busy machine a change takes longer than it says
            page.wait_for_timeout(500)
            grave = _grave(page, axe)
        found += [f"{width} {scheme} {v['id']}: {_words(v['nodes'][0])}" for v in grave]
        if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{width} {scheme}: scrolls sideways")
    return found


def _grave(page: Any, axe: Any) -> list[dict[str, Any]]:
    """What axe-core finds serious or critical now."""
    answer = axe.Axe().run(page).response
    assert len(answer["passes"]) > 10, "axe-core did not look"
    return [v for v in answer["violations"] if v["impact"] in ("serious", "critical")]


def _words(node: dict[str, Any]) -> str:
    """Which element, and what is wrong with it."""
    reasons = [check["message"] for check in (*node["any"], *node["all"], *node["none"])]
    return f"{node['html'][:120]} {' '.join(reasons)[:200]}"
