"""The report's panels: each has a chart with a note, and the same figures as a table."""

from __future__ import annotations

import base64
from itertools import pairwise
from typing import Final

import numpy as np
from posesync.pose.skeleton import JOINT_NAMES
from posesync.pose.textual import clock, joint_name, moment, whole
from posesync.pose.textual import span as spent
from posesync.realtime.coaching.feedback import describe_difference
from posesync.realtime.tracking.position import State

from .analysis import Analysis, Summary
from .body import body_figure
from .charts import LEVELS, Chart, heat_chart
from .comparison import Comparison
from .markup import Markup, details, legend, table, tag
from .reading import STATES
from .worst import WorstMoment

#: Bins of the state strip under the warping path.
_STRIP_BINS: Final = 240
#: Earlier sessions in chart and table.
_MOST_EARLIER: Final = 20
_STATE_WORDS: Final = {
    State.WAITING: "waiting",
    State.FOLLOWING: "following",
    State.HOLDING: "standing still",
    State.LOST: "not in the piece",
    State.FINISHED: "finished",
}


def _section(title: str, *content: object) -> Markup:
    return tag("section", tag("h2", title), *content)


def _note(text: str) -> Markup:
    return tag("p", text, class_="note")


def moments_panel(analysis: Analysis) -> Markup:
    """Return the worst moments: performer beside expert, and the correction in words."""
    if not analysis.moments:
        judged = analysis.total.score is not None
        return (
            _section("Moments to work on", _note("None scored low while the tracker was sure."))
            if judged
            else Markup("")
        )
    items = (_moment(rank, found) for rank, found in enumerate(analysis.moments, 1))
    pictures = any(found.performer for found in analysis.moments)
    note = (
        "You beside the expert, as the camera saw you."
        if pictures
        else "No pictures in this log: what was off, on a figure seen from the front."
    )
    return _section("Moments to work on", _note(note), tag("ol", *items, class_="moments"))


def _moment(rank: int, found: WorstMoment) -> Markup:
    words = found.cue or (found.differences[0] if found.differences else "shape differs overall")
    rest = [line for line in found.differences if line != words]
    at = moment(found.position, 0.1)
    top = tag(
        "div",
        tag("span", rank, class_="badge", aria_hidden="true"),
        tag("h3", f"At {at}"),
        tag("span", f"score {found.score:.0f}", class_="muted"),
        class_="top",
    )
    pictures = [
        tag("figure", _picture(data, f"{who} at {at}"), tag("figcaption", who))
        for who, data in (("You", found.performer), ("Expert", found.expert))
        if data
    ]
    shown = tag("div", *pictures, class_="pair") if pictures else body_figure(found.joints)
    return tag(
        "li",
        top,
        tag("p", _sentence(words), class_="cue"),
        tag("p", " · ".join(rest), class_="muted") if rest else "",
        shown,
    )


def _picture(jpeg: bytes, words: str) -> Markup:
    code = base64.b64encode(jpeg).decode()
    return Markup(f'<img alt="{words}" src="data:image/jpeg;base64,{code}">')


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def score_panel(analysis: Analysis) -> Markup:
    """Return the score along the piece."""
    if analysis.total.score is None:
        return Markup("")
    chart = Chart(
        "score",
        "Score over the piece",
        f"Median score of each moment of the piece, 0 to 100, on average {whole(analysis.total.score)}; "
        "the band holds most frames, numbers mark the moments to work on.",
        analysis.span,
        (0.0, 100.0),
    )
    chart.parts([(part.start, part.end) for part, _ in analysis.sections])
    chart.levels([(value, f"{value:.0f}") for value in (0.0, 25.0, 50.0, 75.0, 100.0)]).curve(analysis.score)
    chart.markers([(found.position, str(rank)) for rank, found in enumerate(analysis.moments, 1)])
    rows = [
        (part.name, whole(figures.score), whole(figures.form), whole(figures.timing))
        for part, figures in analysis.sections
    ]
    shown = table("Score by part of the piece", ("Part", "Score", "Form", "Timing"), rows)
    note = (
        "Along the expert’s video. The line is the median, the band holds four frames of five; "
        "numbers are the moments above."
    )
    return _section("Score over the piece", _note(note), chart.draw(), details("As a table", shown))


def heat_panel(analysis: Analysis) -> Markup:
    """Return where in the piece each joint was off."""
    if not np.isfinite(analysis.heat.size).any():
        return Markup("")
    worst = analysis.total.worst_joint
    description = "How many degrees each of eight joints was off in each moment of the piece" + (
        f"; off most: {joint_name(worst)}, {whole(analysis.total.joints[worst], '°')} on average."
        if worst
        else "."
    )
    bounds = [0.0, *LEVELS]
    words = [f"{a:.0f}–{b:.0f}°" for a, b in pairwise(bounds)] + [f"{LEVELS[-1]:.0f}° and more"]
    key = legend([*((f"h{level}", text) for level, text in enumerate(words)), ("none", "not seen")])
    rows = [
        (
            joint_name(joint),
            *(_difference(figures, joint) for _, figures in analysis.sections),
            _difference(analysis.total, joint),
        )
        for joint in JOINT_NAMES
    ]
    shown = table(
        "Mean difference by joint and part, degrees: + straighter or higher than the expert, − more bent or "
        "lower, ± both",
        ("Joint", *(part.name for part, _ in analysis.sections), "All"),
        rows,
    )
    return _section(
        "Joints over the piece",
        _note("How far each joint was from the expert’s, along the expert’s video."),
        heat_chart(analysis.heat, "Heat map: difference by joint over the piece", description),
        key,
        details("As a table", shown),
    )


def _difference(figures: Summary, joint: str) -> str:
    size, leaning = figures.joints[joint], figures.leanings[joint]
    if size is None or leaning is None:
        return "–"
    sign = "±" if abs(leaning) <= size / 2 else "+" if leaning > 0 else "−"
    return f"{sign}{size:.0f}°"


def tempo_panel(analysis: Analysis) -> Markup:
    """Return the pace along the piece."""
    if not np.isfinite(analysis.tempo.middle).any():
        return Markup("")
    top = min(4.0, max(2.0, float(np.ceil(np.nanmax(analysis.tempo.middle) * 2) / 2)))
    chart = Chart(
        "tempo",
        "Pace over the piece",
        f"Pace while moving, 1 is the expert’s; median {analysis.total.speed or 0:.2f}.",
        analysis.span,
        (0.0, top),
    )
    chart.parts([(part.start, part.end) for part, _ in analysis.sections])
    marks = [(float(value), f"{value:g}×") for value in np.arange(0.0, top + 0.1, 0.5 if top <= 2 else 1.0)]
    chart.levels(marks, special=1.0).curve(analysis.tempo)
    rows = [
        (part.name, _pace(figures.speed), f"{figures.seconds:.1f} s", f"{figures.held:.1f} s")
        for part, figures in analysis.sections
    ]
    shown = table("Pace by part of the piece", ("Part", "Pace", "Time spent", "Stood still"), rows)
    note = (
        "Above the dashed line you were faster than the expert, below it slower. Standing still is left out."
    )
    return _section("Tempo", _note(note), chart.draw(), details("As a table", shown))


def _pace(speed: float | None) -> str:
    return "–" if speed is None else f"{speed:.2f}×"


def path_panel(analysis: Analysis) -> Markup:
    """Return the performer's place in the piece over the session."""
    if not analysis.path:
        return Markup("")
    times = analysis.data.times
    span = float(times[0]), max(float(times[-1]), float(times[0]) + 0.1)
    first, last = analysis.span
    chart = Chart(
        "path",
        "Place in the piece over the session",
        "The warping path: time of the session along the width, place in the expert’s video along the "
        "height; level stretches are pauses, gaps are where you were not followed.",
        span,
        (first, last),
    )
    fine = 0.1 if last - first < 8 else 1.0
    places = np.linspace(first, last, 4).tolist()
    chart.levels([(place, moment(round(place, 1), fine) if fine < 1 else clock(place)) for place in places])
    chart.lines(analysis.path).strip(_state_runs(analysis, span))
    spent = {state: seconds for state, seconds in analysis.states.items() if seconds > 0}
    key = legend(
        (state.value, f"{_STATE_WORDS[state]} {_seconds(seconds)}") for state, seconds in spent.items()
    )
    steps = np.linspace(*span, min(21, max(2, int(span[1] - span[0]) + 1)))
    rows = [(moment(float(now), 0.1), *_place_at(analysis, float(now))) for now in steps]
    shown = table("Place in the piece during the session", ("Session", "Piece", "State"), rows, text=(2,))
    note = "Your session to the right, the expert’s video upwards; the strip says what the tracker knew."
    return _section("Path through the piece", _note(note), chart.draw(), key, details("As a table", shown))


def _seconds(spent: float) -> str:
    return f"{spent:.1f} s" if spent < 9.95 else f"{spent:.0f} s"


def _state_runs(analysis: Analysis, span: tuple[float, float]) -> list[tuple[float, float, str]]:
    """Return the state in the middle of each bin, with equal neighbours joined."""
    edges = np.linspace(*span, _STRIP_BINS + 1)
    rows = np.searchsorted(analysis.data.times, (edges[1:] + edges[:-1]) / 2, side="right") - 1
    codes = analysis.data.states[np.maximum(rows, 0)]
    cuts = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    return [(float(edges[a]), float(edges[b]), STATES[codes[a]].value) for a, b in pairwise(cuts)]


def _place_at(analysis: Analysis, now: float) -> tuple[str, str]:
    row = max(int(np.searchsorted(analysis.data.times, now, side="right")) - 1, 0)
    place = analysis.data.positions[row]
    return "–" if np.isnan(place) else moment(float(place), 0.1), _STATE_WORDS[
        STATES[analysis.data.states[row]]
    ]


def sections_panel(analysis: Analysis, comparison: Comparison) -> Markup:
    """Return the figures of each section, its largest errors and, if known, the change since last time."""
    before = comparison.last.sections if comparison.last else {}
    changes = [
        None if figures.score is None or (old := before.get((round(p.start, 2), round(p.end, 2)))) is None
        else figures.score - old
        for p, figures in analysis.sections
    ]  # fmt: skip
    compared = any(change is not None for change in changes)
    rows = []
    for (part, figures), change in zip(analysis.sections, changes, strict=True):
        middle = (_signed(change),) if compared else ()
        pace = _pace(figures.speed)
        rows.append(
            (
                tag("bdi", part.name),
                whole(figures.score),
                *middle,
                whole(figures.timing),
                pace,
                f"{figures.seconds:.1f} s",
                _off(figures),
            )
        )
    headings = (
        "Part",
        "Score",
        *(("Change",) if compared else ()),
        "Timing",
        "Pace",
        "Time spent",
        "Off most",
    )
    shown = table("Figures by part of the piece", headings, rows, text=(len(headings) - 1,))
    unjudged = sum(figures.score is None and figures.seconds > 0 for _, figures in analysis.sections)
    note = _note("A part that you were not followed through is not judged.") if unjudged else ""
    return _section("Part by part", shown, note)


def _signed(change: float | None) -> str:
    return "–" if change is None else "±0" if abs(change) < 0.5 else f"{change:+.0f}".replace("-", "−")


def _off(figures: Summary) -> str:
    joint = figures.worst_joint
    if joint is None:
        return "–"
    size, leaning = figures.joints[joint] or 0.0, figures.leanings[joint] or 0.0
    if size < LEVELS[0]:
        return f"none by more than {LEVELS[0]:.0f}°"
    return (
        describe_difference(joint, leaning)
        if abs(leaning) > size / 2
        else f"{joint_name(joint)} ±{size:.0f}°"
    )


def earlier_panel(comparison: Comparison) -> Markup:
    """Return the sessions of the same piece so far."""
    if not comparison.earlier:
        if comparison.trouble is not None:
            return Markup("")
        return _section(
            "Earlier sessions", _note("This is the first of this piece; the next is compared with it.")
        )
    shown = [*comparison.earlier[1 - _MOST_EARLIER :], comparison.now]
    points = [(float(i), past.score) for i, past in enumerate(shown) if past.score is not None]
    chart = Chart(
        "earlier",
        "Score of each session",
        f"Scores of the last {len(shown)} sessions of this piece, the newest at the right.",
        (-0.3, len(shown) - 0.7),
        (0.0, 100.0),
    ).levels([(value, f"{value:.0f}") for value in (0.0, 50.0, 100.0)])
    if len(points) > 1:
        chart.lines([np.array(points)])
    chart.dots(points)
    ends = [(0.0, shown[0].at.strftime("%d %b")), (len(shown) - 1.0, "now")]
    rows = [
        (
            past.at.strftime("%d %b %Y, %H:%M") + (" (this one)" if past is comparison.now else ""),
            whole(past.score), whole(past.form), whole(past.timing), _pace(past.speed),
            "–" if past.coverage is None else f"{100 * past.coverage:.0f} %", spent(past.seconds or 0.0),
        )
        for past in reversed(shown)
    ]  # fmt: skip
    headings = ("Session", "Score", "Form", "Timing", "Pace", "Followed", "Length")
    return _section(
        "Earlier sessions",
        chart.draw(ends),
        table("Sessions of this piece, the newest first", headings, rows),
    )
