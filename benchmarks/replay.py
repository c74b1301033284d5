"""A replay to look at: one recorded person follows another, and everything a user sees is stored.

    python benchmarks/replay.py --expert utd:1 --performer utd:2 --sheet sheet.png
    python benchmarks/replay.py --expert ballet:1 --performer ballet:2 --record out.mp4 --report out.html
    python benchmarks/replay.py --expert utd:1 --performer utd:2 --yaw 20 --page FOLDER    # in Chromium
    python benchmarks/replay.py --of window.mp4 --log session.jsonl --sheet sheet.png      # of any recording

Recorded keypoints stand in the estimator's place, and a figure drawn from them is the picture; coach, window,
log and report are the product's own. Frame by frame, the same on every run; the page alone runs in real time.
Who there is: ``_recordings.py``. Nothing of this is to be published but figures: see SOURCES.md of the data.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from _recordings import NoRecordingError, Recording, record, truth
from _sheets import Row, contact_sheet, read_log
from _stand_in import replay


def summary(expert: Recording, performer: Recording, rows: Sequence[Row]) -> list[str]:
    """What the log says of a replay, in a few lines; with errors where both people have marks."""
    states = [row.state for row in rows]
    shares = {state: states.count(state) / len(states) for state in sorted(set(states))}
    followed = [row.confidence for row in rows if row.followed]
    lines = [
        f"{expert.name} ({expert.duration:.1f} s) -> {performer.name} ({performer.duration:.1f} s): "
        + ", ".join(f"{state} {share:.0%}" for state, share in shares.items())
    ]
    if followed:
        lines.append(f"confidence while followed: median {np.median(followed):.2f}")
    known = truth(expert, performer)
    if known is not None:
        errors = [
            row.place - at for row in rows if row.place is not None and (at := known(row.time)) is not None
        ]
        off = np.abs(errors) if errors else np.array([np.nan])
        lines.append(
            f"between the marks: |error| median {np.median(off):.2f} s, p95 {np.quantile(off, 0.95):.2f} s, "
            f"within 0.25 s {np.mean(off <= 0.25):.0%} of {len(errors)} frames with a place"
        )
    ends = [row.time for row in rows if row.state == "finished"]
    if ends:
        lines.append(f"finished from {ends[0]:.2f} s on")
    lines += [f"  {row.time:6.2f} s  cue: {row.cue}" for row in rows if row.cue]
    return lines


def show(given: argparse.Namespace) -> None:
    """Run one replay and put its pictures where they are wanted."""
    expert = record(given.expert)
    performer = record(given.performer, yaw=given.yaw, pauses=True)
    if given.page is not None:
        from _replay_page import photograph

        for picture in photograph(expert, performer, given.page):
            print(picture)
    if given.page is not None and not (given.sheet or given.record or given.report or given.log):
        return
    with tempfile.TemporaryDirectory() as scratch:
        done = replay(expert, performer, Path(scratch), options={"display.view": given.view}, loop=given.loop)
        rows = read_log(done.log)
        print("\n".join(summary(expert, performer, rows)))
        for made, wanted in ((done.video, given.record), (done.report, given.report), (done.log, given.log)):
            if wanted is not None:
                shutil.copy(made, wanted)
        if given.sheet is not None:
            sheet = contact_sheet(
                done.video, rows, count=given.frames, span=given.span, truth=truth(expert, performer)
            )
            save(sheet, given.sheet)


def look_at(given: argparse.Namespace) -> None:
    """Make a sheet of an existing recording."""
    rows = read_log(given.log) if given.log is not None else []
    save(contact_sheet(given.of, rows, count=given.frames, span=given.span), given.sheet)


def save(picture: np.ndarray, path: Path) -> None:
    """Write a picture."""
    if not cv2.imwrite(str(path), picture):
        sys.exit(f"{path} cannot be written: name another file")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--expert", help="who is followed, as utd:1")
    parser.add_argument("--performer", help="who is in front of the camera, as utd:2")
    parser.add_argument(
        "--yaw", type=float, default=0.0, help="degrees that the performer is filmed from (utd)"
    )
    parser.add_argument("--view", default="side-by-side", help="side-by-side, ghost or picture-in-picture")
    parser.add_argument("--loop", action="store_true", help="the piece begins again where it ends")
    parser.add_argument("--record", type=Path, help="what the window showed (.mp4)")
    parser.add_argument("--report", type=Path, help="the session's report (.html)")
    parser.add_argument("--log", type=Path, help="session.jsonl: written; with --of, read")
    parser.add_argument("--sheet", type=Path, help="a contact sheet (.png)")
    parser.add_argument("--frames", type=int, default=12, help="pictures on the sheet")
    parser.add_argument("--span", type=float, nargs=2, metavar=("FROM", "TO"), help="s that the sheet shows")
    parser.add_argument("--page", type=Path, help="practise in Chromium; its pictures go to this folder")
    parser.add_argument("--of", type=Path, help="only make a sheet of this recording")
    given = parser.parse_args()
    if given.of is not None and given.sheet is None:
        parser.error("--of needs --sheet")
    if given.of is None and not (given.expert and given.performer):
        parser.error("give --expert and --performer, or --of")
    return given


if __name__ == "__main__":
    wanted = arguments()
    try:
        look_at(wanted) if wanted.of is not None else show(wanted)
    except NoRecordingError as error:
        sys.exit(str(error))
