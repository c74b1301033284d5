"""Renders the report as one HTML file: no script, no network, everything escaped."""

from __future__ import annotations

from typing import Final

import numpy as np
from posesync.pose.textual import clean_text, joint_name, moment, span, whole
from posesync.realtime.coaching.confidence import JUDGED_FROM
from posesync.realtime.coaching.feedback import describe_difference
from posesync.realtime.tracking.position import State

from .analysis import Analysis, Summary
from .charts import ring
from .comparison import Comparison
from .markup import Markup, join, tag
from .panels import (
    earlier_panel,
    heat_panel,
    moments_panel,
    path_panel,
    score_panel,
    sections_panel,
    tempo_panel,
)
from .style import POLICY, STYLE

#: Degrees from which a joint is mentioned.
_WORTH: Final = 10.0
#: Points by which sections must differ for one to be called better.
_UNEQUAL: Final = 3.0


def render_page(analysis: Analysis, comparison: Comparison) -> str:
    """Return the whole file as text."""
    name = comparison.now.name or "unnamed reference"
    head = join(
        (
            Markup('<meta charset="utf-8">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup(
                '<meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light dark">'
            ),
            tag("title", f"Practice report: {name}"),
            Markup(f"<style>{STYLE}</style>"),
        )
    )
    panels = (
        notes_panel(analysis, comparison),
        overview_panel(analysis, comparison),
        moments_panel(analysis),
        score_panel(analysis),
        heat_panel(analysis),
        tempo_panel(analysis),
        path_panel(analysis),
        sections_panel(analysis, comparison),
        earlier_panel(comparison),
        about_panel(analysis),
    )
    at = comparison.now.at.strftime("%d %B %Y, %H:%M")
    top = tag(
        "header",
        tag("p", "PoseSync · practice report", class_="muted"),
        tag("h1", tag("bdi", name)),
        tag("p", f"{at} · {span(comparison.now.seconds or 0.0)} of practice", class_="muted"),
    )
    foot = tag(
        "footer", "Left and right are your own. A score of 100 is as close to the expert as can be measured."
    )
    body = tag("body", top, tag("main", *panels), foot)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>{body}</html>\n'


def notes_panel(analysis: Analysis, comparison: Comparison) -> Markup:
    """Return the problems of the log or the history; empty when all is well."""
    notes = [*analysis.data.notes, *([comparison.trouble] if comparison.trouble else [])]
    if analysis.reached is None:
        notes.append("You were never found in the piece, so there is nothing to judge.")
    elif _mostly_unsure(analysis):
        notes.append("The tracker was mostly unsure of your place in the piece: take the figures with care.")
    if not notes:
        return Markup("")
    return tag("section", tag("h2", "Please note"), *(tag("p", note) for note in notes), class_="notes")


def _mostly_unsure(analysis: Analysis) -> bool:
    confidences = analysis.data.confidences[np.isfinite(analysis.data.positions)]
    known = confidences[np.isfinite(confidences)]
    return bool(len(known)) and float(np.median(known)) < JUDGED_FROM


def overview_panel(analysis: Analysis, comparison: Comparison) -> Markup:
    """Return the score, a sentence or two, and the figures."""
    total = analysis.total
    words = tag("div", *(tag("p", line) for line in _sentences(analysis, comparison)), class_="words")
    figures = [
        ("Form", whole(total.form), "of 100"),
        ("Timing", whole(total.timing), "of 100" if total.timing is not None else ""),
        ("Pace (expert 1×)", "–" if total.speed is None else f"{total.speed:.2f}×", ""),
        ("Followed", whole(100 * analysis.coverage, " %"), "of the time"),
        ("Reached", *_reached(analysis)),
        ("Stood still", span(analysis.states[State.HOLDING]), ""),
    ]
    if analysis.repetitions:
        figures.append(("Repetitions", f"{analysis.repetitions}", ""))
    items = (
        tag("div", tag("dt", label), tag("dd", value, " ", tag("small", unit) if unit else ""))
        for label, value, unit in figures
    )
    return tag(
        "section",
        tag("h2", "Overview"),
        tag("div", ring(total.score), words, class_="head"),
        tag("dl", *items, class_="figures"),
    )


def _reached(analysis: Analysis) -> tuple[str, str]:
    fine = 0.1 if analysis.data.duration < 60 else 1.0
    if analysis.reached is None:
        return "–", ""
    return moment(analysis.reached, fine), f"of {moment(analysis.data.duration, fine)}"


def _sentences(analysis: Analysis, comparison: Comparison) -> list[str]:
    """Return the main findings in sentences."""
    lines = []
    change, best = comparison.change, comparison.best
    if change is not None and best is not None:
        lines.append(_progress(change, comparison.now.score or 0.0, best))
    scored = [(part, figures) for part, figures in analysis.sections if figures.score is not None]
    if len(scored) > 1:
        top = max(scored, key=lambda pair: pair[1].score or 0.0)
        low = min(scored, key=lambda pair: pair[1].score or 0.0)
        if (top[1].score or 0.0) - (low[1].score or 0.0) >= _UNEQUAL:
            lines.append(f"Best part: {top[0].name}. Practise most: {low[0].name}.")
    if (hint := _hint(analysis.total)) is not None:
        lines.append(f"Over the whole session, {hint}.")
    return lines


def _progress(change: float, now: float, best: float) -> str:
    if abs(change) < 0.5:
        line = "As good as the last time"
    else:
        points = f"{abs(change):.0f} point" + ("" if round(abs(change)) == 1 else "s")
        line = f"{points} {'more' if change > 0 else 'fewer'} than the last time"
    return f"{line}, and your best so far." if now > best + 0.5 else f"{line}; your best is {best:.0f}."


def _hint(total: Summary) -> str | None:
    joint = total.worst_joint
    size = total.joints[joint] if joint else None
    if joint is None or size is None:
        return None
    if size < _WORTH:
        return "every joint was on average within 10° of the expert’s"
    leaning = total.leanings[joint] or 0.0
    if abs(leaning) > size / 2:
        words = describe_difference(joint, leaning).removeprefix(joint_name(joint))
        return f"your {joint_name(joint)} was{words} on average"
    return f"your {joint_name(joint)} was off most, by {size:.0f}° on average, in both directions"


def about_panel(analysis: Analysis) -> Markup:
    """Return where the figures come from."""
    data = analysis.data
    camera, models = data.part("camera"), data.part("models")
    size = "×".join(f"{value:d}" for key in ("width", "height") if type(value := camera.get(key)) is int)
    dropped = int(data.dropped.sum())
    share = f"{100 * dropped / len(data):.1f} %"
    lines = [
        ("Frames", f"{len(data)}, of which {dropped} dropped ({share})"),
        ("Camera", " · ".join(filter(None, (clean_text(camera.get("name"), 80), size))) or "–"),
        ("Ended", clean_text(data.summary.get("ended"), 60) or "not in order"),
        *((clean_text(key, 20), clean_text(value, 40)) for key, value in list(models.items())[:6]),
        ("PoseSync", clean_text(data.header.get("posesync"), 30) or "–"),
        (
            "Reference",
            data_sha if (data_sha := clean_text(data.part("reference").get("sha256"), 12)) else "–",
        ),
        ("Log", data.sha256[:12]),
    ]
    items = (
        tag("div", tag("dt", label), tag("dd", tag("small", tag("bdi", value)))) for label, value in lines
    )
    return tag("section", tag("h2", "About this session"), tag("dl", *items, class_="figures facts"))
