"""Draws text on NumPy images: any script, crisp at every size, without a screen.

``cv2.putText`` knows ASCII only. FreeType, through pygame-ce, renders to plain bytes and needs no display.
Characters missing from Inter (shipped, SIL OFL) come from the font that pygame ships, then from system fonts.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from posesync.pose.types import FloatArray, Image

Color = tuple[int, int, int]
Align = Literal["left", "center", "right"]

#: Longer text is cut: a file name can be of any length.
MAX_CHARACTERS: Final = 200
#: Drawn in place of a character that no available font has.
_UNKNOWN: Final = "?"
#: Font families that cover scripts missing from the shipped fonts, by their names on each system.
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
        self._font_for = lru_cache(maxsize=4096)(self._find_font)
        # Small caches: most changing text never comes back, and a session may last for hours.
        self._mask = lru_cache(maxsize=96)(self._render)
        self._stamp = lru_cache(maxsize=48)(self._ink)
        self._tile = lru_cache(maxsize=128)(self._opaque)

    def width(self, text: str, size: int, *, bold: bool = False) -> int:
        """Return the width of ``text``, px."""
        return int(self._mask(text[:MAX_CHARACTERS], size, bold)[0].shape[1])

    def measure(self, text: str, size: int, *, bold: bool = False) -> int:
        """Return the width of ``text`` by its fonts' metrics, px, without rendering it."""
        return sum(
            round(sum(m[4] if m else size / 2 for m in font.get_metrics(run, size=size)))
            for font, run in self._runs(text[:MAX_CHARACTERS], bold)
        )

    def fit(
        self, text: str, room: float, choices: Sequence[tuple[int, int]], *, bold: bool = False
    ) -> tuple[list[str], int]:
        """Wrap ``text`` into the first of ``choices`` that holds it; return its lines and its size in px.

        Args:
            text: any Unicode; cut after 200 characters.
            room: px, width of a line.
            choices: size in px and number of lines, the best first. Text too long even for the last ends with
                an ellipsis.
            bold: bold instead of medium.
        """
        text = " ".join(text[:MAX_CHARACTERS].split())
        for size, count in choices:
            lines = wrap_text(text, lambda part, size=size: self.measure(part, size, bold=bold), room)  # type: ignore[misc]
            if len(lines) <= count:
                return lines, size
        last = lines[count - 1]
        while last and self.measure(f"{last}…", size, bold=bold) > room:
            last = last[:-1]
        return [*lines[: count - 1], f"{last.rstrip()}…"], size

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
        background: Color | None = None,
    ) -> int:
        """Draw one line in place and return its width, px; what lies outside the canvas is left out.

        Args:
            canvas: (H, W, 3) uint8 BGR.
            text: any Unicode; cut after 200 characters.
            x: px, of the left end, the middle or the right end, as ``align`` says.
            baseline: px from the top.
            size: px, height of an em.
            color: B, G, R.
            bold: bold instead of medium.
            align: what ``x`` is.
            background: B, G, R behind the text, if that is a single colour: the line is then copied instead
                of blended, which is several times faster.
        """
        text = text[:MAX_CHARACTERS]
        stamp: Stamp | None = None
        if background is None:
            stamp, ascent = self._stamp(text, size, bold, color)
            height, width = stamp.keep.shape[:2]
        else:
            tile, ascent = self._tile(text, size, bold, color, background)
            height, width = tile.shape[:2]
        left = round(x) - {"left": 0, "center": width // 2, "right": width}[align]
        cut = _cut(canvas, height, width, left, round(baseline) - ascent)
        if cut is not None:
            place, rows, columns = cut
            if stamp is not None:
                stamp.mix(place, rows, columns)
            else:
                place[:] = tile[rows, columns]
        return int(width)

    def _ink(self, text: str, size: int, bold: bool, color: Color) -> tuple[Stamp, int]:
        mask, ascent = self._mask(text, size, bold)
        return Stamp.of(mask, color), ascent

    def _opaque(self, text: str, size: int, bold: bool, color: Color, background: Color) -> tuple[Image, int]:
        mask, ascent = self._render(text, size, bold)
        tile: Image = np.full((*mask.shape, 3), background, np.uint8)
        Stamp.of(mask, color).mix(tile)
        return tile, ascent

    def _render(self, text: str, size: int, bold: bool) -> tuple[FloatArray, int]:
        """Return the mask (h, w) 0..1 of a line, and the px from its top to the baseline."""
        pieces: list[tuple[FloatArray, int, int]] = []
        x = 0
        for font, run in self._runs(text, bold):
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

    def _runs(self, text: str, bold: bool) -> list[tuple[Any, str]]:
        """Return the text split into runs that one font can render, each with its font."""
        runs: list[tuple[Any, str]] = []
        for character in text:
            if not character.isprintable():
                character = " "
            font = self._font_for(character, bold)
            if font is None:  # measured and drawn as the substitute, so that both widths agree
                character, font = _UNKNOWN, self._font_for(_UNKNOWN, bold)
            if runs and runs[-1][0] is font:
                runs[-1] = (font, runs[-1][1] + character)
            else:
                runs.append((font, character))
        return runs

    def _find_font(self, character: str, bold: bool) -> Any:
        """Return the first font that has the character, or None."""
        fonts = self._fonts[bold]
        for font in fonts:
            if font.get_metrics(character, size=16)[0] is not None:
                return font
        if not self._searched_system:
            self._searched_system = True
            for family in self._fonts.values():
                family.extend(_system_fonts())
            return self._find_font(character, bold)
        return None


def wrap_text(text: str, measure: Callable[[str], float], room: float) -> list[str]:
    """Break a text into the fewest lines no wider than ``room``, as even in width as possible.

    Breaks are at spaces, between characters of scripts written without spaces, and within a word that is
    wider than a line; a combining mark stays with its letter.

    Args:
        text: one paragraph.
        measure: width of a piece of text.
        room: width of a line, in the same unit.
    """
    pieces = _pieces(text.strip(), measure, room)
    lines = _lines(pieces, measure, room)
    if len(lines) < 2:
        return lines
    # Try the same number of lines, but narrower: a last word alone reads badly.
    narrow = [_lines(pieces, measure, room * share) for share in (0.6, 0.7, 0.8, 0.9)]
    fitting = (each for each in narrow if len(each) == len(lines) and max(map(measure, each)) <= room)
    return next(fitting, lines)


def _lines(pieces: list[str], measure: Callable[[str], float], room: float) -> list[str]:
    lines: list[str] = []
    line = ""
    for piece in pieces:
        if line and measure((line + piece).rstrip()) > room:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _pieces(text: str, measure: Callable[[str], float], room: float) -> list[str]:
    """Return the pieces not to break: words with the space before, wide characters, parts of long words."""
    pieces: list[str] = []
    for letter in text:
        wide = unicodedata.east_asian_width(letter) in "WF"
        before = pieces[-1][-1] if pieces else ""
        joined = unicodedata.combining(letter) or unicodedata.category(letter)[0] == "P"
        after_wide = before != "" and unicodedata.east_asian_width(before) in "WF"
        if not pieces or (letter.isspace() and not before.isspace()) or ((wide or after_wide) and not joined):
            pieces.append(letter)
        else:
            pieces[-1] += letter
    parts: list[str] = []
    for piece in pieces:
        while measure(piece.strip()) > room and len(piece) > 1:
            cut = next((k for k in range(len(piece) - 1, 1, -1) if measure(piece[:k].strip()) <= room), 1)
            while cut < len(piece) - 1 and unicodedata.combining(piece[cut]):
                cut += 1
            parts.append(piece[:cut])
            piece = piece[cut:]
        parts.append(piece)
    return parts


@dataclass(frozen=True, slots=True, eq=False)
class Stamp:
    """A colour with an opacity for each pixel, ready to be blended over a picture in integers.

    Attributes:
        ink: (h, w, 3) uint16, 256 × the part of the colour, rounded.
        keep: (h, w, 3) uint16, 0..256: how much of the picture stays; a third axis of 1 would be slow.
    """

    ink: npt.NDArray[np.uint16]
    keep: npt.NDArray[np.uint16]

    @classmethod
    def of(cls, mask: FloatArray, color: Color) -> Stamp:
        """Return the stamp of ``mask`` (..., h, w) 0..1 in ``color``; axes before the last two stay."""
        alpha = np.repeat(np.rint(mask * 256.0).astype(np.uint16)[..., None], 3, axis=-1)
        # Together with the part kept it is at most 255 · 256 + 128, which fits in 16 bits.
        return cls(alpha * np.asarray(color, np.uint16) + np.uint16(128), np.uint16(256) - alpha)

    def lay(self, canvas: Image, left: int, top: int) -> None:
        """Blend it over ``canvas`` in place, its corner at (left, top) px; parts outside are left out."""
        cut = _cut(canvas, self.keep.shape[0], self.keep.shape[1], left, top)
        if cut is not None:
            place, rows, columns = cut
            self.mix(place, rows, columns)

    def mix(self, place: Image, rows: slice = slice(None), columns: slice = slice(None)) -> None:
        """Blend it, or its part in ``rows`` and ``columns``, over ``place``, which has the same shape."""
        mixed = place * self.keep[rows, columns]
        mixed += self.ink[rows, columns]
        mixed >>= 8
        place[:] = mixed


def _cut(canvas: Image, height: int, width: int, left: int, top: int) -> tuple[Image, slice, slice] | None:
    """Return the part of ``canvas`` under a box at (left, top), px, and the box's rows and columns there."""
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + width, canvas.shape[1]), min(top + height, canvas.shape[0])
    if x0 >= x1 or y0 >= y1:
        return None
    return canvas[y0:y1, x0:x1], slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)


def _system_fonts() -> list[Any]:
    """Return installed fonts that may have characters the shipped ones lack; unreadable ones are skipped."""
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
