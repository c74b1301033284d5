"""The fake camera's clip: the real walk at 720p30, to and fro, each frame's number painted in its corner.

The number makes a frame's identity exact on every way to the server, also on those (WebRTC) that carry
nothing but the picture; and it costs none of them anything.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
import numpy.typing as npt
from _fetched import CLIPS
from clips import frames_of

Image = npt.NDArray[np.uint8]
ROOT: Final = Path(__file__).resolve().parent.parent
WALK: Final = CLIPS / "walk.mp4"
CAMERA: Final = ROOT / ".cache" / "benchmarks" / "transport-720.y4m"
SIZE: Final = (1280, 720)
FPS: Final = 30
_KEPT: Final = 60
#: Different pictures of the camera before they come again, to and fro.
CODES: Final = 2 * _KEPT - 2
_BITS: Final = 7
_CELLS: Final = _BITS + 3
_CELL: Final = 40  # px of the camera's picture
_HEIGHT: Final = 24
_BYTES: Final = SIZE[0] * SIZE[1] * 3 // 2
_MARK: Final = b"FRAME\n"


def camera_file() -> Path:
    """The clip as Chromium's fake camera reads it (Y4M: nothing to decode), made once."""
    if not CAMERA.is_file():
        sys.stderr.write("making the camera's clip, once …\n")
        CAMERA.parent.mkdir(parents=True, exist_ok=True)
        part = CAMERA.with_suffix(".part")
        kept = list(_planes())
        with part.open("wb") as out:
            out.write(f"YUV4MPEG2 W{SIZE[0]} H{SIZE[1]} F{FPS}:1 Ip A1:1 C420\n".encode())
            for code in range(CODES):
                planes = kept[_picture(code)].copy()
                _paint(planes, code)
                out.write(_MARK + planes.tobytes())
        part.replace(CAMERA)
    return CAMERA


def original(code: int) -> Image:
    """(H, W, 3) BGR of the picture with a number, as the camera gives it."""
    with camera_file().open("rb") as stream:
        header = len(stream.readline())
        stream.seek(header + code * (_BYTES + len(_MARK)) + len(_MARK))
        planes = np.frombuffer(stream.read(_BYTES), np.uint8).reshape(SIZE[1] * 3 // 2, SIZE[0])
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), np.uint8)


def number_in(image: Image) -> int | None:
    """The number painted in a BGR picture of any size; None when it cannot be read."""
    scale = image.shape[1] / SIZE[0]
    columns = ((np.arange(_CELLS) + 0.5) * _CELL * scale).astype(int)
    top, bottom = int(8 * scale), int(16 * scale) + 1
    cells = (image[top:bottom, columns].mean(axis=(0, 2)) > 128).astype(int)
    if cells[0] != 1 or cells[1] != 0 or cells[2:].sum() % 2:
        return None
    return int(cells[2 : 2 + _BITS] @ (1 << np.arange(_BITS)[::-1]))


def _picture(code: int) -> int:
    return code if code < _KEPT else CODES - code


def _planes() -> Iterator[Image]:
    """The walk's first two seconds as (H * 3/2, W) I420, at each tick of the camera the frame that is due."""
    tick = 0
    for time, image in frames_of(WALK, SIZE):
        while tick < _KEPT and tick / FPS <= time + 1e-6:
            yield av.VideoFrame.from_ndarray(image, format="bgr24").to_ndarray(format="yuv420p")
            tick += 1
        if tick == _KEPT:
            return
    raise ValueError(f"{WALK.name} ends before {_KEPT / FPS:g} s, expected the clip that the tests fetch")


def _paint(planes: Image, code: int) -> None:
    """Guard cells white and black, then the bits, then their parity, in the top left corner."""
    bits = [code >> place & 1 for place in reversed(range(_BITS))]
    cells = [1, 0, *bits, sum(bits) % 2]
    width, height = SIZE
    planes[:_HEIGHT, : _CELL * _CELLS] = np.repeat(np.where(cells, 235, 16), _CELL)
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    chroma[:, : _HEIGHT // 2, : _CELL * _CELLS // 2] = 128
