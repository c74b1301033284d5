"""The report's charts as SVG that fits any width: positions are in per cent, text keeps its size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.textual import joint_name, moment
from posesync.pose.types import FloatArray
from posesync.realtime.coaching.feedback import describe_difference

from .analysis import Curve, HeatMap
from .markup import Markup, tag
from .reading import BoolArray

#: Width, in its own units, of a drawing that is stretched to its place.
_WIDE: Final = 1000.0
_HIGH: Final = 100.0
#: px
_PLOT: Final = 180
_TOP: Final = 24
_FOOT: Final = 22
_ROW: Final = 22
_TICKS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0)

#: Differences at which the heat map takes its next colour, degrees.
LEVELS: Final = (8.0, 15.0, 25.0, 40.0)


def time_ticks(span: tuple[float, float], most: int = 5) -> list[tuple[float, str]]:
    """Return round moments within ``span``, at most ``most`` + 1, with their labels."""
    length = span[1] - span[0]
    step = next((s for s in _TICKS if length <= s * most), length / most)
    ticks = np.arange(np.ceil(span[0] / step - 1e-6), np.floor(span[1] / step + 1e-6) + 1) * step
    return [(float(tick), moment(float(tick), step)) for tick in ticks]


class Chart:
    """A plot with time along its width.

    Args:
        name: name of the chart within the page; part of its ids.
        title: what it shows.
        description: what can be read from it, for screen readers.
        span: (from, to) s along the width.
        height: (least, greatest) of the values along the height.
    """

    def __init__(
        self,
        name: str,
        title: str,
        description: str,
        span: tuple[float, float],
        height: tuple[float, float],
    ) -> None:
        self._name, self._title, self._description = name, title, description
        self._span, self._limits = span, height
        self._flat: list[Markup] = []
        self._stretched: list[Markup] = []
        self._over: list[Markup] = []
        self._left: list[Markup] = []
        self._below = 0

    def levels(self, marks: Iterable[tuple[float, str]], special: float | None = None) -> Chart:
        """Add horizontal lines with labels on the left; the one at ``special`` is dashed."""
        for value, words in marks:
            y = self._y(value)
            kind = "level" if value == special else "grid"
            self._flat.append(tag("line", class_=kind, x1="0", x2="100%", y1=_px(y), y2=_px(y)))
            self._left.append(tag("text", words, x="90%", y=_px(y + 4), text_anchor="end"))
        return self

    def parts(self, spans: Sequence[tuple[float, float]]) -> Chart:
        """Shade every second section of the piece."""
        for start, end in spans[1::2]:
            x0, x1 = self._share(start), self._share(end)
            self._flat.append(
                tag("rect", class_="part", x=_percent(x0), width=_percent(x1 - x0), y=_TOP, height=_PLOT)
            )
        return self

    def curve(self, curve: Curve, *, band: bool = True) -> Chart:
        """Add a line through the medians and, behind it, the band that contains most frames."""
        for piece in _runs(np.isfinite(curve.middle)):
            x = self._wide(curve.centers[piece])
            if band and len(x) > 1:
                upper = _points(x, self._high(curve.high[piece]))
                lower = _points(x[::-1], self._high(curve.low[piece][::-1]))
                self._stretched.append(tag("path", class_="band", d=f"M{upper}L{lower}Z"))
            self._stretched.append(self._stroke(x, self._high(curve.middle[piece])))
        return self

    def lines(self, pieces: Iterable[FloatArray]) -> Chart:
        """Add lines, each (n, 2): s along the width, value."""
        for piece in pieces:
            self._stretched.append(self._stroke(self._wide(piece[:, 0]), self._high(piece[:, 1])))
        return self

    def dots(self, points: Iterable[tuple[float, float]]) -> Chart:
        """Add a dot at each (s along the width, value)."""
        for x, value in points:
            place = {"cx": _percent(self._share(x)), "cy": _px(self._y(value))}
            self._over.append(tag("circle", class_="dot", r="4", **place))
        return self

    def markers(self, places: Iterable[tuple[float, str]]) -> Chart:
        """Add numbered marks along the upper edge."""
        for time, words in places:
            x = _percent(self._share(time))
            self._over.append(tag("circle", class_="marker", cx=x, cy="9", r="9"))
            self._over.append(tag("text", words, class_="now", x=x, y="13", text_anchor="middle"))
        return self

    def strip(self, runs: Iterable[tuple[float, float, str]]) -> Chart:
        """Add a coloured strip under the plot: (from s, to s, class)."""
        self._below = 16
        for start, end, kind in runs:
            x0, x1 = self._share(start), self._share(end)
            self._over.append(
                tag(
                    "rect",
                    class_=kind,
                    x=_percent(x0),
                    width=_percent(x1 - x0),
                    y=_TOP + _PLOT + 4,
                    height="10",
                )
            )
        return self

    def draw(self, ticks: Iterable[tuple[float, str]] | None = None) -> Markup:
        """Return the chart; ``ticks`` are the labelled places along the width."""
        foot = _TOP + _PLOT + self._below + 16
        marks = time_ticks(self._span) if ticks is None else ticks
        labels = [_tick(self._share(place), words, foot) for place, words in marks]
        stretched = tag(
            "svg",
            *self._stretched,
            x="0",
            y=_TOP,
            width="100%",
            height=_PLOT,
            viewBox=f"0 0 {_WIDE:g} {_HIGH:g}",
            preserveAspectRatio="none",
        )
        height = foot + _FOOT - 16
        return _beside(
            tag("svg", *self._left, height=height, aria_hidden="true"),
            _image(
                self._name,
                self._title,
                self._description,
                height,
                *self._flat,
                stretched,
                *self._over,
                *labels,
            ),
        )

    def _stroke(self, x: FloatArray, y: FloatArray) -> Markup:
        if len(x) == 1:  # a line of length 0 would be invisible
            x, y = np.array([x[0] - 2, x[0] + 2]), np.array([y[0], y[0]])
        return tag("path", class_="line", d=f"M{_points(x, y)}")

    def _share(self, time: float) -> float:
        return min(max((time - self._span[0]) / (self._span[1] - self._span[0]), 0.0), 1.0)

    def _wide(self, times: FloatArray) -> FloatArray:
        shares = (times - self._span[0]) / (self._span[1] - self._span[0])
        wide: FloatArray = np.clip(shares, 0.0, 1.0) * _WIDE
        return wide

    def _high(self, values: FloatArray) -> FloatArray:
        shares = (values - self._limits[0]) / (self._limits[1] - self._limits[0])
        high: FloatArray = (1.0 - np.clip(shares, 0.0, 1.0)) * _HIGH
        return high

    def _y(self, value: float) -> float:
        return _TOP + float(self._high(np.array([value]))[0]) / _HIGH * _PLOT


def heat_chart(heat: HeatMap, title: str, description: str) -> Markup:
    """Return a row for each joint, coloured by its error."""
    span = float(heat.edges[0]), float(heat.edges[-1])
    names, cells = [], []
    for row, joint in enumerate(JOINT_NAMES):
        y = row * _ROW
        names.append(tag("text", joint_name(joint), x="0", y=y + 15))
        cells += [_cell(heat, row, begin, end, level, y) for begin, end, level in level_runs(heat.size[row])]
    foot = len(JOINT_NAMES) * _ROW + 15
    labels = [_tick((t - span[0]) / (span[1] - span[0]), words, foot) for t, words in time_ticks(span)]
    return _beside(
        tag("svg", *names, height=foot + 8, aria_hidden="true"),
        _image("heat", title, description, foot + 8, *cells, *labels),
        kind="plot rows",
    )


def level_runs(sizes: FloatArray) -> list[tuple[int, int, int]]:
    """Return runs of cells of one colour: (first, one past the last, level); level −1 is unseen."""
    levels = np.where(np.isfinite(sizes), np.searchsorted(LEVELS, np.nan_to_num(sizes), side="right"), -1)
    cuts = [0, *(np.flatnonzero(np.diff(levels)) + 1).tolist(), len(levels)]
    return [(a, b, int(levels[a])) for a, b in pairwise(cuts)]


def _cell(heat: HeatMap, row: int, begin: int, end: int, level: int, y: int) -> Markup:
    span = float(heat.edges[0]), float(heat.edges[-1])
    start, stop = float(heat.edges[begin]), float(heat.edges[end])
    place = f"{moment(start, 0.1)} – {moment(stop, 0.1)}: "
    words = f"{place}{joint_name(JOINT_NAMES[row])} not seen"
    if level >= 0:
        size, signed = float(heat.size[row, begin:end].mean()), float(heat.signed[row, begin:end].mean())
        # An error that alternates in sign has no direction.
        one_way = abs(signed) > size / 2
        words = place + (
            describe_difference(JOINT_NAMES[row], signed)
            if one_way
            else f"{joint_name(JOINT_NAMES[row])} ± {size:.0f}°"
        )
    left = (start - span[0]) / (span[1] - span[0])
    wide = (stop - start) / (span[1] - span[0])
    kind = "none" if level < 0 else f"h{level}"
    # Slightly wider, so that no gap shows between neighbours.
    return tag(
        "rect",
        tag("title", words),
        class_=kind,
        x=_percent(left),
        width=_percent(wide + 0.001),
        y=y,
        height=_ROW - 2,
    )


def ring(score: float | None) -> Markup:
    """Return the overall score as a ring with its number."""
    share = 0.0 if score is None else score / 100.0
    around = 2 * np.pi * 50
    words = "no score" if score is None else f"score {score:.0f} of 100"
    arc = tag(
        "circle", class_="arc", cx="60", cy="60", r="50", transform="rotate(-90 60 60)",
        stroke_dasharray=f"{share * around:.1f} {around:.1f}",
    )  # fmt: skip
    number = tag("text", "–" if score is None else f"{score:.0f}", x="60", y="69")
    return tag(
        "svg", tag("title", words), tag("circle", cx="60", cy="60", r="50"), arc if share else "", number,
        tag("text", "of 100", class_="unit", x="60", y="86"),
        class_="ring", viewBox="0 0 120 120", role="img", aria_label=words,
    )  # fmt: skip


def _image(name: str, title: str, description: str, height: float, *content: Markup) -> Markup:
    return tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", description, id=f"{name}-desc"),
        *content,
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        height=f"{height:g}",
    )


def _beside(left: Markup, plot: Markup, kind: str = "plot") -> Markup:
    return tag("div", left, plot, class_=kind)


def _tick(share: float, words: str, y: float) -> Markup:
    anchor = "start" if share < 0.04 else "end" if share > 0.96 else "middle"
    return tag("text", words, x=_percent(share), y=f"{y:g}", text_anchor=anchor)


def _runs(usable: BoolArray) -> list[slice]:
    """Return the stretches without a gap."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], usable, [False]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _points(x: FloatArray, y: FloatArray) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def _px(value: float) -> str:
    return f"{value:.1f}"
