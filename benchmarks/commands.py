"""Two different videos through the real command: ``posesync-live --headless``, from the films to the log.

    python benchmarks/commands.py                           # a quarter of an hour on a busy two cores
    python benchmarks/commands.py --only ballet --sheets /tmp/eyes

The acrobat of Pose2Sim's demo by cameras beside each other and by opposite ones, all four in time with one
another, and the original PoseSync's two dancers; every video with a second of empty room at both ends, and a
smaller person who stands by: in the performer's video; in both; or, ``early``, in the performer's before and
after the performance, too. Goals: followed where they do the same, no end before the end, and colours on; by
an opposite camera never wrong with confidence. The exit code is the number of runs that miss.

The last columns are whom the estimator held, of expert and performer: where that is low, no tracker helps.
The videos are made in a temporary folder: none of their frames may be kept or published.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from _fetched import fetched
from _recordings import DATA, record, truth
from _rooms import EMPTY, Clip, held, read_clip, spectator_of, write_video
from _sheets import Row, contact_sheet, read_log
from posesync.realtime.coaching.confidence import SURE_FROM

ROOT: Final = Path(__file__).resolve().parent.parent
SHARED: Final = ROOT.parent / "shared"
BALLET: Final = DATA.parent / "clips"
COMMAND: Final = Path(sys.executable).with_name("posesync-live")

#: Degrees between the cameras' directions, by Pose2Sim's own calibration.
BESIDE: Final = {
    ("cam01", "cam02"): 52,
    ("cam02", "cam03"): 121,
    ("cam03", "cam04"): 74,
    ("cam04", "cam01"): 113,
}
OPPOSITE: Final = {("cam01", "cam03"): 173, ("cam02", "cam04"): 165}
VARIANTS: Final = ("performer", "both", "early")

#: s that nobody can be expected to be followed within, from where they first do the same.
GRACE: Final = 0.5
#: s before the expert's last pose from which the end may be said.
NEARLY: Final = 0.25
#: s of error up to which somebody counts as followed: what is promised, and how well the truth is known.
NEAR: Final = 0.35
#: s of error from which a confident place is wrong with certainty.
WRONG: Final = 0.5
#: Shares: followed, of the time in which both do the same; in colour, of the time followed.
FOLLOWED, COLOURED = 0.8, 0.5

Truth = Callable[[float], "float | None"]


@dataclass(frozen=True)
class Pair:
    """A pair of clips; ``known`` maps s in the performer's clip to s in the expert's."""

    kind: str
    expert: str
    performer: str
    note: str
    known: Truth


@dataclass(frozen=True)
class Outcome:
    """What a log shows; shares are of the frames in which both do the same, GRACE s after they first do.

    Attributes:
        kind: ``beside``, ``ballet`` or ``opposite``.
        run: who, and where somebody stands by.
        followed: share, at most NEAR s from the truth.
        early: s at which FINISHED was said too early, or None.
        confidence: median while followed so, or None.
        coloured: share of that.
        median: |error|, s, or None.
        worst: 95 % of the errors are less, s, or None.
        wrong: share with a confident place that is wrong.
        empty: share of the frames before and after the performance with a place.
        held: shares of the performances in which the estimator holds the dancer: the expert, the performer.
        missed: which goals.
    """

    kind: str
    run: str
    followed: float
    early: float | None
    confidence: float | None
    coloured: float
    median: float | None
    worst: float | None
    wrong: float
    empty: float
    held: tuple[float, float]
    missed: tuple[str, ...]


def pairs(only: str | None) -> list[Pair]:
    """Every pair of clips there is, both ways round."""
    found = []
    for kind, cameras in (("beside", BESIDE), ("opposite", OPPOSITE)):
        for (one, other), degrees in cameras.items():
            found += [Pair(kind, a, b, f"{degrees}°", _same) for a, b in ((one, other), (other, one))]
    if BALLET.is_dir():
        dancers = [record(f"ballet:{number}") for number in (1, 2)]
        for expert, performer in ((0, 1), (1, 0)):
            known = truth(dancers[expert], dancers[performer])
            assert known is not None
            found.append(Pair("ballet", f"ballet_{expert + 1}", f"ballet_{performer + 1}", "", known))
    return [pair for pair in found if only in (None, pair.kind)]


def _same(moment: float) -> float:
    return moment


def judge(
    pair: Pair,
    variant: str,
    rows: list[Row],
    clips: tuple[Clip, Clip],
    held: tuple[float, float] = (1.0, 1.0),
) -> Outcome:
    """Measure a log against the truth; ``clips`` are the expert's and the performer's."""
    expert, performer = clips
    begin, last = performer.shown
    inside = [row for row in rows if begin - 1e-6 <= row.time <= last + 1e-6]
    both = [(row, expert.empty + at) for row in inside if (at := pair.known(row.time - begin)) is not None]
    end = expert.shown[1]
    early = _early(rows, both, end)
    judged = [(row, at) for row, at in both if row.time >= both[0][0].time + GRACE]
    judged = [(row, at) for row, at in judged if row.state != "finished" or at < end - NEARLY]
    followed = [
        row for row, at in judged if row.followed and row.place is not None and abs(row.place - at) <= NEAR
    ]
    errors = [abs(row.place - at) for row, at in judged if row.place is not None]
    sure = [row.confidence for row in followed]
    wrong = [
        row.place is not None and row.confidence >= SURE_FROM and abs(row.place - at) > WRONG
        for row, at in both
    ]
    outside = [row for row in rows if row not in inside]
    share, coloured = (
        len(followed) / max(1, len(judged)),
        float(np.mean([c >= SURE_FROM for c in sure or [0.0]])),
    )
    if pair.kind == "opposite":
        goals = {"confidently wrong": not any(wrong)}
    else:
        goals = {"followed": share >= FOLLOWED, "colours": coloured >= COLOURED}
    goals["early end"] = early is None
    return Outcome(
        pair.kind,
        f"{pair.expert} → {pair.performer} {pair.note}, {variant}",
        share,
        early,
        float(np.median(sure)) if sure else None,
        coloured,
        float(np.median(errors)) if errors else None,
        float(np.quantile(errors, 0.95)) if errors else None,
        float(np.mean(wrong)),
        float(np.mean([row.followed for row in outside] or [False])),
        held,
        tuple(name for name, met in goals.items() if not met),
    )


def _early(rows: list[Row], both: list[tuple[Row, float]], end: float) -> float | None:
    """When FINISHED was said, s, if the performer had not come near the expert's ``end``, s, by then."""
    for row in rows:
        reached = max((at for seen, at in both if seen.time <= row.time), default=0.0)
        if row.state == "finished" and reached < end - NEARLY:
            return row.time
    return None


class Studio:
    """Makes the videos, each once, and runs the command on them.

    Args:
        folder: temporary.
        clips: by name.
        walk: the clip that the spectator is in.
        empty: s of empty room at both ends.
    """

    def __init__(self, folder: Path, clips: dict[str, Path], walk: Path, empty: float) -> None:
        self.folder = folder
        self.empty = empty
        self._paths = clips
        self._clips: dict[str, Clip] = {}
        self._held: dict[tuple[str, str], float] = {}
        self._spectator = spectator_of(walk)

    def clip(self, name: str) -> Clip:
        """Read a clip, or take it as read."""
        if name not in self._clips:
            self._clips[name] = read_clip(self._paths[name], self.empty)
        return self._clips[name]

    def video(self, name: str, watched: str = "") -> Path:
        """The clip between two empty rooms; somebody stands by if it is ``watched``, or there ``early``."""
        target = self.folder / f"{name}-{watched}.mp4"
        if not target.is_file():
            spectator = self._spectator if watched else None
            write_video(self.clip(name), target, spectator, always=watched == "early")
        return target

    def held(self, name: str, watched: str) -> float:
        """Share of the performance in which the estimator holds the performer."""
        if (name, watched) not in self._held:
            self._held[name, watched] = held(self.clip(name), self.video(name, watched))
        return self._held[name, watched]

    def follow(self, pair: Pair, variant: str, *, shown: bool) -> tuple[list[Row], Path | None]:
        """Run the command; its log, and what its window would have shown if that is wanted."""
        log = self.folder / f"{pair.expert}-{pair.performer}-{variant}.jsonl"
        recording = log.with_suffix(".mp4") if shown else None
        expert, performer = (self.video(*whom) for whom in videos(pair, variant))
        arguments = ["--reference", expert, "--camera", performer, "--log", log]
        arguments += ["--record", recording] if recording else []
        done = subprocess.run(
            [str(COMMAND), "--headless", "--no-report", *map(str, arguments)],
            env={**os.environ, **_own(self.folder)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"posesync-live ended with {done.returncode}: {done.stderr.strip()}")
        return read_log(log), recording


def videos(pair: Pair, variant: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """The expert's and the performer's clip, and when somebody stands by."""
    watched = "watched" if variant == "both" else "", "early" if variant == "early" else "watched"
    return (pair.expert, watched[0]), (pair.performer, watched[1])


def _own(folder: Path) -> dict[str, str]:
    """Return the environment that keeps the command away from the user's files and from every network."""
    own = {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_DATA_HOME": str(folder / "data")}
    models = os.environ.get("POSESYNC_MODEL_DIR") or (str(SHARED / "models") if SHARED.is_dir() else "")
    return {**own, "POSESYNC_OFFLINE": "1", **({"POSESYNC_MODEL_DIR": models} if models else {})}


def tell(found: Outcome) -> str:
    """One line of the table."""

    def number(value: float | None, form: str = "5.2f") -> str:
        return format(value, form) if value is not None else "    –"

    return (
        f"{found.run:34s} {found.followed:6.0%} {number(found.early):>6s} {number(found.confidence):>6s} "
        f"{found.coloured:7.0%} {number(found.median):>6s} {number(found.worst):>6s} {found.wrong:7.0%} "
        f"{found.empty:6.0%} {found.held[0]:5.0%} {found.held[1]:5.0%}   {', '.join(found.missed) or 'ok'}"
    )


HEAD: Final = (
    f"{'expert → performer, spectator in':34s} {'follow':>6s} {'early':>6s} {'conf.':>6s} {'colour':>7s} "
    f"{'|err|':>6s} {'p95':>6s} {'wrong':>7s} {'empty':>6s} {'held: e, p':>11s}   misses"
)


def sheet(recording: Path, rows: list[Row], pair: Pair, empty: float, target: Path) -> None:
    """A contact sheet of what the window showed; ``empty`` s of the videos before the performances."""

    def known(moment: float) -> float | None:
        at = pair.known(moment - empty) if empty <= moment else None
        return None if at is None else empty + at

    cv2.imwrite(str(target), contact_sheet(recording, rows, count=15, truth=known))


def main(given: argparse.Namespace) -> int:
    """Run everything; the number of runs that miss a goal."""
    os.environ.update({k: v for k, v in _own(Path()).items() if k.startswith("POSESYNC")})
    clips = fetched()
    clips.update({path.stem: path for path in BALLET.glob("ballet_*.mp4")})
    begun, outcomes = time.monotonic(), []
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        studio = Studio(Path(scratch), clips, clips["walk"], given.empty)
        for pair in pairs(given.only):
            for variant in given.variants:
                rows, recording = studio.follow(pair, variant, shown=given.sheets is not None)
                clips_of = studio.clip(pair.expert), studio.clip(pair.performer)
                expert, performer = (studio.held(*whom) for whom in videos(pair, variant))
                outcomes.append(judge(pair, variant, rows, clips_of, (expert, performer)))
                print(tell(outcomes[-1]), flush=True)
                if recording is not None:
                    name = f"{pair.expert}-{pair.performer}-{variant}.png"
                    sheet(recording, rows, pair, given.empty, given.sheets / name)
    missed = sum(bool(outcome.missed) for outcome in outcomes)
    print(f"{missed} of {len(outcomes)} runs miss; {time.monotonic() - begun:.0f} s")
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1))
    return missed


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", choices=("beside", "ballet", "opposite"), help="one kind of pair")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS, help="who is watched")
    parser.add_argument("--empty", type=float, default=EMPTY, help="s of empty room at both ends of a video")
    parser.add_argument("--sheets", type=Path, help="contact sheets into this folder, outside the repository")
    parser.add_argument("--json", type=Path, help="the figures as a file")
    given = parser.parse_args()
    if given.sheets is not None:
        if given.sheets.resolve().is_relative_to(ROOT):
            parser.error("--sheets: frames of these films may not lie in the repository")
        given.sheets.mkdir(parents=True, exist_ok=True)
    return given


if __name__ == "__main__":
    sys.exit(main(arguments()))
