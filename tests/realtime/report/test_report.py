"""The report's figures on known logs, and its behaviour on damaged ones."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posesync.pose.errors import OutputError, SourceError
from posesync.pose.skeleton import JOINT_NAMES
from posesync.realtime.coaching.moment import Moment
from posesync.realtime.commands.report import report as report_command
from posesync.realtime.report import analyse, make_report, read_session, write_report
from posesync.realtime.report.exports import to_csv, to_json
from posesync.realtime.report.page import render_page
from posesync.realtime.report.style import POLICY
from posesync.realtime.session.log import SessionLog
from posesync.reference.sections import section_spans
from session_logs import HEADER, frame_line, picture, write_log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute, at 0.9 of the pace: 27 s of the piece."""
    return write_log(tmp_path_factory.mktemp("log") / "session.jsonl")


def page_of(path: Path) -> str:
    made = make_report(path)
    return render_page(made.analysis, made.comparison)


def test_figures_are_those_of_the_performance(log: Path) -> None:
    found = analyse(read_session(log))
    bad = 100 / 900  # 3 s of the piece at 0.9 take 100 frames of 900
    assert found.total.score == pytest.approx(95 - 65 * bad, abs=0.2)
    assert found.total.timing == pytest.approx(80.0)
    assert found.total.speed == pytest.approx(0.9)
    assert found.coverage == 1.0
    assert found.reached == pytest.approx(26.97)
    assert found.total.worst_joint == "left_elbow"
    assert found.total.joints["left_elbow"] == pytest.approx(5 + 35 * bad, abs=0.2)
    assert found.total.leanings["left_elbow"] == pytest.approx(5 - 45 * bad, abs=0.2)
    assert found.states[list(found.states)[1]] == pytest.approx(29.97, abs=0.05)


def test_curves_heat_map_and_sections_show_where_it_was_bad(log: Path) -> None:
    found = analyse(read_session(log))
    curve = found.score
    inside = (curve.centers > 20.2) & (curve.centers < 22.8)
    outside = (curve.centers < 19.7) | (curve.centers > 23.3)
    assert np.allclose(curve.middle[inside], 30.0)
    assert np.allclose(curve.middle[outside & np.isfinite(curve.middle)], 95.0)
    assert (curve.low <= curve.middle + 1e-9)[np.isfinite(curve.middle)].all()
    elbow = found.heat.signed[JOINT_NAMES.index("left_elbow")]
    assert np.nanmin(elbow) == pytest.approx(-40.0)
    assert found.heat.edges[np.nanargmin(elbow)] == pytest.approx(20.0, abs=0.6)
    worst = min(found.sections, key=lambda pair: pair[1].score or 0.0)[0]
    assert worst.start <= 20.0 < worst.end
    assert sum(figures.seconds for _, figures in found.sections) == pytest.approx(29.97, abs=0.05)


@pytest.mark.parametrize("told", ["wrapped", "jumped"])
def test_the_path_breaks_where_the_piece_begins_again(tmp_path: Path, told: str) -> None:
    path = write_log(tmp_path / "s.jsonl", 2400)  # 72 s of a piece of 60
    path.write_text(path.read_text().replace('"wrapped"', f'"{told}"'))
    found = analyse(read_session(path))
    assert len(found.path) == 2
    first, second = found.path
    assert first[-1, 1] == pytest.approx(60.0, abs=0.1)
    assert second[0, 1] == pytest.approx(0.0, abs=0.1)
    assert (np.diff(first[:, 0]) > 0).all()


def test_repetitions_are_counted_over_new_beginnings(tmp_path: Path) -> None:
    path = write_log(tmp_path / "s.jsonl", 900, piece=4.0)
    assert read_session(path).wrapped.sum() == 6
    assert analyse(read_session(path)).repetitions == 6
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines[500:-1]:  # restarted in the middle: the count began anew
        line["repetition"] = max(0, line["repetition"] - 4)
    lines[500]["jumped"] = True
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    analysis = analyse(read_session(path))
    assert analysis.repetitions == lines[499]["repetition"] + lines[-2]["repetition"] == 3 + 2
    assert (
        json.loads(to_json(analysis, make_report(path).comparison))["total"]["repetitions"]
        == analysis.repetitions
    )
    rows = list(csv.DictReader(io.StringIO(to_csv(analysis))))
    assert [row["repetition"] for row in rows] == [str(line["repetition"]) for line in lines[1:-1]]
    assert sum(int(row["wrapped"]) for row in rows) == 6
    for line in lines:
        line.pop("repetition", None)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert analyse(read_session(path)).repetitions is None


def test_the_worst_moment_has_its_words(log: Path) -> None:
    moments = analyse(read_session(log)).moments
    assert 20.0 <= moments[0].position <= 23.0
    assert moments[0].score == pytest.approx(30.0)
    assert any("left elbow 40° too bent" in moment.differences for moment in moments[:2])
    places = [moment.position for moment in moments]
    assert all(abs(a - b) >= 2.0 for i, a in enumerate(places) for b in places[:i])


def test_sections_are_round_or_named() -> None:
    assert [(s.start, s.end) for s in section_spans(None, (0.0, 27.0))] == [
        (0, 5), (5, 10), (10, 15), (15, 20), (20, 25), (25, 27)
    ]  # fmt: skip
    named = section_spans([[10, 20, "b"], [0, 10, ""], [5, 1, "x"], "y", [1, 2]], (0.0, 60.0))
    assert [section.name for section in named] == ["0:00 – 0:10", "b"]


@settings(max_examples=60)
@given(st.floats(0, 5000), st.floats(0.1, 5000))
def test_sections_cover_the_span_without_a_gap(start: float, length: float) -> None:
    parts = section_spans(None, (start, start + length))
    assert 1 <= len(parts) <= 11
    assert (parts[0].start, parts[-1].end) == (start, start + length)
    assert all(a.end == b.start for a, b in itertools.pairwise(parts))
    assert all(part.end > part.start for part in parts)


def test_a_log_as_a_session_writes_it(tmp_path: Path, make_moment: Callable[..., Moment]) -> None:
    path = tmp_path / "session.jsonl"
    session = SessionLog(
        path, {"posesync": "9", "reference": {"file": "x.mp4", "duration": 4.0}, "camera": {}}
    )
    for k in range(60):
        session.write(make_moment(k / 30, k / 30 if k > 5 else None))
    session.drop(2.01)
    session.close({"ended": "quit"})
    found = analyse(read_session(path))
    assert len(found.data) == 61
    assert found.data.notes == ()
    assert found.total.score == pytest.approx(90.0)
    assert found.coverage == pytest.approx(54 / 60)
    assert found.total.leanings["left_knee"] == pytest.approx(-12.345, abs=0.006)
    assert "x.mp4" in page_of(path)


# -- what is not as it should be -----------------------------------------------------------------------------


def test_a_log_cut_in_the_middle_of_a_line_is_reported_up_to_there(log: Path, tmp_path: Path) -> None:
    data = log.read_bytes()
    cut = tmp_path / "cut.jsonl"
    for share in (0.3, 0.7, 0.999):
        cut.write_bytes(data[: int(len(data) * share)])
        whole_lines = cut.read_bytes().count(b"\n")
        found = read_session(cut)
        assert len(found) == whole_lines - 1
        assert "ends in the middle of a line" in found.notes[0]
        assert "ends in the middle of a line" in page_of(cut)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "no log of PoseSync"),
        (b"hello\n", "no log of PoseSync"),
        (b"\xff\xfe\x00\n", "no log of PoseSync"),
        (b"[" * 100_000 + b"\n", "no log of PoseSync"),
        (b"{}\n", "no log of PoseSync"),
        (b'{"posesync": "9", "schema": 2}\n', r"version 2, expected 1: update"),
        (b'{"posesync": "9", "schema": "1"}\n', "version .1., expected 1"),
        (b'{"posesync": "9", "schema": true}\n', "version true, expected 1"),
        (b'{"posesync": "9", "schema": 1}\n', "holds no frame"),
        (b'{"posesync": "9", "schema": 1}\n{"summary": {}}\n', "holds no frame"),
        (b'{"posesync": "9", "schema": 1}\n{"t": NaN}\n', "holds no frame"),
    ],
)
def test_what_is_no_session_is_refused_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "session.jsonl"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=words) as caught:
        make_report(path)
    assert "\n" not in str(caught.value)


def test_a_missing_log_and_a_folder_give_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such log"):
        read_session(tmp_path / "none.jsonl")
    with pytest.raises(SourceError, match="is a folder"):
        read_session(tmp_path)


BROKEN = [
    '{"t": 1.01, "position": NaN, "speed": Infinity, "score": -Infinity, "joints": {"left_elbow": NaN}}',
    '{"t": 1.02, "position": "1", "speed": [], "state": 5, "score": {}, "joints": [1], "cue": 7}',
    '{"t": 1.03, "position": 1e999, "score": 101, "joints": {"left_elbow": 1' + "0" * 400 + "}}",
    '{"t": 0.5, "position": 1}',
    '{"t": "x"}',
    '{"t": -1}',
    "[1, 2]",
    "nonsense",
    '{"a":' * 50_000,
    '{"t": 1.04, "position": [' + "1," * 50_000 + "1]}",
]


def test_hostile_lines_cost_only_themselves(tmp_path: Path) -> None:
    clean, path = tmp_path / "clean.jsonl", tmp_path / "s.jsonl"
    lines = write_log(clean, 31).read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], *BROKEN, lines[-1]]) + "\n")
    found = read_session(path)
    assert len(found) == 31 + 3
    assert np.isnan(found.positions[-3:]).all()
    assert np.isnan(found.joints[-3:]).all()
    assert found.notes == ("7 lines of the log could not be read and were left out.",)
    assert analyse(found).total.score == pytest.approx(95.0)
    assert not any(word in page_of(path) for word in (">nan", ">inf", "NaN", 'd="Mnan'))
    json.loads(to_json(analyse(found), make_report(path).comparison), parse_constant=pytest.fail)


HOSTILE = "<script>alert(1)</script>\"'&\u202e\x00\ud800</title><img src=x onerror=alert(1)>"


def test_everything_from_the_log_is_escaped(tmp_path: Path) -> None:
    header = json.loads(json.dumps(HEADER))
    header["reference"]["file"] = header["camera"]["name"] = header["posesync"] = HOSTILE
    header["reference"]["sections"] = [[0, 30, HOSTILE]]
    header["models"] = {HOSTILE: HOSTILE}
    moment = {
        "t": 1,
        "position": 2,
        "score": 3,
        "cue": HOSTILE,
        "performer": HOSTILE,
        "expert": picture() + "\n",
    }
    path = write_log(
        tmp_path / "s.jsonl", 300, header=header, summary={"ended": HOSTILE, "moments": [moment]}
    )
    page = page_of(path)
    page.encode()
    assert page.count("<script") == 0
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\u202e" not in page
    assert "\x00" not in page
    assert POLICY in page


def test_only_small_jpegs_become_pictures(tmp_path: Path) -> None:
    big = picture(7) + "A" * 100_000
    png = "iVBORw0KGgo="
    pictures = [picture(50), None, 5, big, png, "javascript:alert(1)"]
    moments = [
        {
            "t": i,
            "position": 3.0 * i,
            "score": 10.0 + i,
            "cue": f"cue {i}",
            "performer": p,
            "expert": picture(90),
        }
        for i, p in enumerate(pictures[:5])
    ]
    path = write_log(tmp_path / "s.jsonl", 300, summary={"moments": moments})
    found = analyse(read_session(path)).moments
    assert [moment.performer is not None for moment in found] == [True, False, False, False, False]
    page = page_of(path)
    assert page.count("data:image/jpeg;base64,") == 6
    assert page.index("Cue 0") < page.index("Cue 4")


def test_nobody_was_ever_found(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    empty = {"position": None, "score": None, "state": "waiting", "joints": dict.fromkeys(JOINT_NAMES)}
    rows = [{**frame_line(k), **empty, "timing": None} for k in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in [HEADER, *rows, {"summary": {}}]))
    made = make_report(path)
    assert made.analysis.total.score is None
    assert made.analysis.moments == ()
    assert "never found in the piece" in render_page(made.analysis, made.comparison)
    assert to_csv(made.analysis).count("\n") == 41


def test_a_single_frame_is_a_report(tmp_path: Path) -> None:
    assert "Practice report" in page_of(write_log(tmp_path / "s.jsonl", 1))


LINES = st.dictionaries(
    st.sampled_from(
        ["t", "position", "speed", "state", "score", "timing", "confidence", "joints", "cue", "summary"]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(JOINT_NAMES), inner, max_size=2)
        ),
        max_leaves=4,
    ),
)


@settings(max_examples=40)
@given(rows=st.lists(LINES, max_size=6))
def test_no_line_breaks_the_report(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text(
        "".join(json.dumps(row) + "\n" for row in [HEADER, frame_line(0), *rows]), encoding="utf-8"
    )
    page_of(path).encode()


# -- the outputs ---------------------------------------------------------------------------------------------


def test_csv_has_a_row_per_frame_and_no_formula(tmp_path: Path) -> None:
    path = write_log(tmp_path / "s.jsonl", 50)
    lines = path.read_text().splitlines()
    lines[3] = json.dumps({**frame_line(2), "cue": '=HYPERLINK(1),"x"'})
    path.write_text("\n".join(lines) + "\n")
    rows = list(csv.DictReader(io.StringIO(to_csv(analyse(read_session(path))))))
    assert len(rows) == 50
    assert rows[2]["cue"] == '\'=HYPERLINK(1),"x"'
    assert float(rows[10]["position_s"]) == pytest.approx(0.3)
    assert (rows[10]["state"], rows[10]["left_elbow_degrees"]) == ("following", "5")


def test_json_says_what_the_page_says(log: Path) -> None:
    made = make_report(log)
    found = json.loads(to_json(made.analysis, made.comparison), parse_constant=pytest.fail)
    assert found["total"]["score"] == pytest.approx(made.analysis.total.score, abs=1e-3)
    assert found["reference"] == {"file": "piece.mp4", "sha256": "ab" * 32}
    assert found["sections"][4]["worst_joint"] == "left_elbow"
    assert found["moments"][0]["differences"][0] == "left elbow 40° too bent"
    assert len(found["joints_over_piece"]["degrees"]["left_knee"]) + 1 == len(
        found["joints_over_piece"]["edges"]
    )


def test_the_command(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def call(**how: Any) -> str:
        given = {
            "output": None,
            "as_json": False,
            "as_csv": False,
            "history": None,
            "no_history": True,
            **how,
        }
        report_command(log, **given)
        return capsys.readouterr().out

    assert "report:" in call(output=tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert json.loads(call(as_json=True))["schema"] == 1
    assert call(as_csv=True).startswith("time_s,")
    before = log.read_bytes()
    with pytest.raises(OutputError, match="the log itself"):
        call(output=log)
    with pytest.raises(OutputError, match="no folder"):
        call(output=tmp_path / "none" / "r.html")
    assert log.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]


def test_a_report_is_written_whole_or_not_at_all(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "r.html"
    target.write_text("old")
    with pytest.raises(SourceError):
        write_report(tmp_path / "none.jsonl", target)
    assert target.read_text() == "old"
    write_report(log, target)
    assert target.read_text(encoding="utf-8").endswith("</html>\n")
    assert list(tmp_path.iterdir()) == [target]
