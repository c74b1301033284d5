"""Text on NumPy images: any script, crisp at every size, without a screen.

``cv2.putText`` knows ASCII only. FreeType, through pygame-ce, renders to plain bytes and needs no display.
What Inter (shipped, SIL OFL) lacks comes from the font that pygame ships and then from the system's fonts.
"""

from __future__ import annotations

import os
from functools import lru_cache
from importlib import resources
from typing import Any, Final, Literal

import numpy as np
from posesync.pose.types import FloatArray, Image

Color = tuple[int, int, int]
Align = Literal["left", "center", "right"]

#: Longer text is cut: a file name can be anything.
MAX_CHARACTERS: Final = 200
#: Families that cover scripts the shipped fonts do not, by what systems call them.
_SYSTEM_FAMILIES: Final = (
    "notosanscjkjp,notosanscjk,notosanscjksc,notosanssc,pingfangsc,pingfang,hiraginosans,microsoftyahei,"
    "malgungothic,applesdgothicneo,wenquanyizenhei,droidsansfallback,arialunicodems,dejavusans,segoeuisymbol"
)


class TextPainter:
    """Draws text with its baseline at a given place; rendered masks are cached. One thread at a time."""

    def __init__(self) -> None:
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        from pygame import freetype

        freetype.init()
        media = resources.files("posesync.realtime") / "media"
        shipped = {
            bold: freetype.Font(str(media / f"Inter-{'Bold' if bold else 'Medium'}.woff"))
            for bold in (False, True)
        }
        fallback = freetype.Font(None)
        self._fonts = {bold: [font, fallback] for bold, font in shipped.items()}
        self._searched_system = False
        self._mask = lru_cache(maxsize=512)(self._render)

    def width(self, text: str, size: int, *, bold: bool = False) -> int:
        """Width of ``text``, px."""
        return int(self._mask(text[:MAX_CHARACTERS], size, bold)[0].shape[1])

    def draw(
        self,
        canvas: Image,
        text: str,
        x: float,
        baseline: float,
        *,
        size: int,
        color: Color,
        bold: bool = False,
        align: Align = "left",
    ) -> int:
        """Draw one line in place and return its width, px. What lies outside of the canvas is left out.

        Args:
            canvas: (H, W, 3) uint8 BGR.
            text: any Unicode; cut after 200 characters.
            x: px, of the left end, the middle or the right end, as ``align`` says.
            baseline: px from the top.
            size: px, height of an em.
            color: B, G, R.
            bold: bold instead of medium.
            align: what ``x`` is.
        """
        mask, ascent = self._mask(text[:MAX_CHARACTERS], size, bold)
        width = mask.shape[1]
        left = round(x) - {"left": 0, "center": width // 2, "right": width}[align]
        blend(canvas, mask, left, round(baseline) - ascent, color)
        return int(width)

    def _render(self, text: str, size: int, bold: bool) -> tuple[FloatArray, int]:
        """The mask (h, w) 0..1 of a line, and the px from its top to the baseline."""
        pieces: list[tuple[FloatArray, int, int]] = []
        x = 0
        for font, run in self._runs(text, size, bold):
            rect = font.get_rect(run, size=size)
            data, (width, height) = font.render_raw(run, size=size)
            mask = np.frombuffer(data, np.uint8).reshape(height, width).astype(np.float32) / 255.0
            pieces.append((mask, x + rect.x, rect.y))
            x += round(sum(m[4] if m else size / 2 for m in font.get_metrics(run, size=size)))
        pieces = [piece for piece in pieces if piece[0].size]
        if not pieces:
            return np.zeros((1, max(x, 1)), np.float32), 0
        ascent = max(top for _, _, top in pieces)
        descent = max(mask.shape[0] - top for mask, _, top in pieces)
        right = max(x, *(left + mask.shape[1] for mask, left, _ in pieces))
        line = np.zeros((ascent + descent, right), np.float32)
        for mask, start, top in pieces:
            left = max(start, 0)
            place = line[ascent - top : ascent - top + mask.shape[0], left : left + mask.shape[1]]
            np.maximum(place, mask, out=place)
        return line, ascent

    def _runs(self, text: str, size: int, bold: bool) -> list[tuple[Any, str]]:
        """The text in runs that one font can render, each with that font."""
        runs: list[tuple[Any, str]] = []
        for character in text:
            if not character.isprintable():
                character = " "
            font = self._font_for(character, size, bold)
            if runs and runs[-1][0] is font:
                runs[-1] = (font, runs[-1][1] + character)
            else:
                runs.append((font, character))
        return runs

    def _font_for(self, character: str, size: int, bold: bool) -> Any:
        fonts = self._fonts[bold]
        for font in fonts:
            if font.get_metrics(character, size=size)[0] is not None:
                return font
        if not self._searched_system:
            self._searched_system = True
            for family in self._fonts.values():
                family.extend(_system_fonts())
            return self._font_for(character, size, bold)
        return fonts[0]


def blend(canvas: Image, mask: FloatArray, left: int, top: int, color: Color) -> None:
    """Lay ``color`` over ``canvas`` in place as ``mask`` (h, w) 0..1 says, its corner at (left, top) px."""
    height, width = canvas.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + mask.shape[1], width), min(top + mask.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    alpha = mask[y0 - top : y1 - top, x0 - left : x1 - left, None]
    place = canvas[y0:y1, x0:x1]
    place[:] = (place + (np.asarray(color, np.float32) - place) * alpha + 0.5).astype(np.uint8)


def _system_fonts() -> list[Any]:
    """Installed fonts that may have what the shipped ones lack; an unreadable one is skipped."""
    import pygame
    from pygame import font, freetype

    found = []
    for family in _SYSTEM_FAMILIES.split(","):
        path = font.match_font(family)
        if path:
            try:
                found.append(freetype.Font(path))
            except (pygame.error, OSError, RuntimeError):
                continue
    return found
