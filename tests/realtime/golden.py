"""Pictures compared with ones that a person has looked at, kept in ``golden/``.

After a wanted change run the tests once with ``POSESYNC_GOLDEN=write``; look at every picture that changed.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

FOLDER = Path(__file__).resolve().parent / "golden"
#: Another OpenCV or FreeType draws an edge a little differently: the mean difference within one square of
#: BLOCK px may be BLOCK_LIMIT of 255, that of the whole picture MEAN_LIMIT. A missing word is 30 to 80.
BLOCK, BLOCK_LIMIT, MEAN_LIMIT = 8, 12.0, 0.5


def check_golden(name: str, picture: np.ndarray) -> None:
    """Compare ``picture`` with ``golden/name.png``; what differs is told with its place."""
    path = FOLDER / f"{name}.png"
    if os.environ.get("POSESYNC_GOLDEN") == "write":
        FOLDER.mkdir(exist_ok=True)
        assert cv2.imwrite(str(path), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        return
    wanted = cv2.imread(str(path))
    assert wanted is not None, f"{path} is missing: run once with POSESYNC_GOLDEN=write and look at it"
    assert wanted.shape == picture.shape
    difference = np.abs(wanted.astype(np.float32) - picture).mean(axis=-1)
    rows, columns = (size // BLOCK * BLOCK for size in difference.shape)
    squares = (
        difference[:rows, :columns].reshape(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK).mean(axis=(1, 3))
    )
    y, x = np.unravel_index(squares.argmax(), squares.shape)
    assert squares.max() <= BLOCK_LIMIT, (
        f"{name} differs by {squares.max():.0f} at ({x * BLOCK}, {y * BLOCK}) px"
    )
    assert difference.mean() <= MEAN_LIMIT, f"{name} differs by {difference.mean():.2f} on the whole"
