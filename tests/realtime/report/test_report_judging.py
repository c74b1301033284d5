"""Which parts of a session the report judges, and which it does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from posesync.pose.textual import span
from posesync.realtime.report import analyse, read_session
from session_logs import write_log
from test_report import page_of


@pytest.mark.parametrize("change", ["stuck", "unsure"])
def test_a_part_that_was_not_followed_is_not_judged(tmp_path: Path, change: str) -> None:
    """Standing still where the expert does scores 100, but is not called the best part."""
    lines = [json.loads(line) for line in write_log(tmp_path / "s.jsonl", 900).read_text().splitlines()]
    for line in lines[1:-1]:
        if 5.0 <= (line["position"] or 0.0) < 10.0:
            line["score"] = 100.0
            if change == "stuck":
                line["position"], line["state"] = 6.0, "holding"
            else:
                line["confidence"] = 0.2
    path = tmp_path / "changed.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = {part.start: figures for part, figures in analyse(read_session(path)).sections}
    assert found[5.0].score is None
    assert found[5.0].worst_joint is None
    assert found[5.0].seconds == pytest.approx(5.0 / 0.9, abs=0.1)
    assert found[10.0].score == pytest.approx(95.0)
    sure = 1 - (5 / 0.9 / 30 if change == "unsure" else 0)
    assert analyse(read_session(path)).coverage == pytest.approx(sure, abs=0.01), "a guess is not following"
    shown = page_of(path)
    assert "Best part: 0:05" not in shown
    assert "is not judged" in shown


def test_short_times_have_tenths(tmp_path: Path) -> None:
    shown = page_of(write_log(tmp_path / "s.jsonl", 73))
    assert "following 2.4 s" in shown
    assert "2.4 s of practice" in shown
    assert (span(0.04), span(9.94), span(9.96), span(65.2)) == ("0.0 s", "9.9 s", "0:10", "1:05")
