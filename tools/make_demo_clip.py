"""Make the demo's expert clip out of Sports2D's walk (BSD-3-Clause): a window that pans along with the woman.

usage: make_demo_clip.py WALK.mp4 [OUTPUT.mp4]

The default output is realtime/media/demo_expert.mp4. WALK.mp4 comes from tools/fetch_clips.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from posesync.pose.sources import open_source
from posesync.pose.writer import VideoWriter

OUTPUT = Path(__file__).resolve().parent.parent / "realtime" / "media" / "demo_expert.mp4"
#: Frames of the walk in which the woman is in the open, both inclusive.
FIRST, LAST = 52, 188
#: px, size of the window; its lower edge is the picture's.
WIDTH, HEIGHT = 480, 600
#: The woman's position, px from the left, at some frames; in between she walks evenly.
TRACK = {52: 1468, 75: 1275, 100: 1031, 125: 783, 150: 535, 175: 270, 188: 135}


def centers() -> np.ndarray:
    """Return the window's centre in each frame, px from the left: her position, smoothed over a second."""
    wide = np.arange(FIRST - 15, LAST + 16)
    slope = (TRACK[188] - TRACK[52]) / (188 - 52)
    track = np.interp(wide, list(TRACK), list(TRACK.values()))
    track[:15] = TRACK[52] + slope * (wide[:15] - FIRST)
    track[-15:] = TRACK[188] + slope * (wide[-15:] - LAST)
    kernel = np.hanning(31)
    return np.convolve(track, kernel / kernel.sum(), "valid")


def main(walk: Path, output: Path) -> None:
    """Cut, pan and encode."""
    middles = centers()
    with (
        open_source(walk) as source,
        VideoWriter(output, WIDTH, HEIGHT, 30, preset="veryslow", crf=27) as writer,
    ):
        for frame in source:
            if FIRST <= frame.index <= LAST:
                height, width = frame.image.shape[:2]
                left = round(float(middles[frame.index - FIRST]) - WIDTH / 2)
                left = min(max(left, 0), width - WIDTH)
                writer.write(np.ascontiguousarray(frame.image[height - HEIGHT :, left : left + WIDTH]))
    print(f"{output}: {writer.frames} frames, {output.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else OUTPUT)
