"""Draws a small figure from the front with coloured joints, for moments without a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from posesync.realtime.coaching.feedback import describe_difference

from .charts import LEVELS
from .markup import Markup, tag

#: Positions of the joints; the figure faces the reader, so its left is on the reader's right.
_SPOTS: Final = {
    "left_shoulder": (66, 42),
    "right_shoulder": (34, 42),
    "left_elbow": (78, 68),
    "right_elbow": (22, 68),
    "left_hip": (59, 92),
    "right_hip": (41, 92),
    "left_knee": (62, 128),
    "right_knee": (38, 128),
}
_LIMBS: Final = (
    "M34 42H66L59 92H41ZM66 42L78 68L84 94M34 42L22 68L16 94M59 92L62 128L63 164M41 92L38 128L37 164"
)


def body_figure(joints: Mapping[str, float | None]) -> Markup:
    """Return the figure; the larger a joint's error, the larger its spot and the stronger its colour.

    Args:
        joints: joint → signed degrees or None.
    """
    spots = []
    for name, (x, y) in _SPOTS.items():
        degrees = joints.get(name)
        if degrees is None:
            continue
        level = int(np.searchsorted(LEVELS, abs(degrees), side="right"))
        title = tag("title", describe_difference(name, degrees))
        spots.append(tag("circle", title, class_=f"spot h{level}", cx=x, cy=y, r=4.5 + 1.2 * level))
    return tag(
        "svg",
        tag("title", "Figure seen from the front with the joints that were off"),
        tag("circle", class_="skull", cx="50", cy="20", r="12"),
        tag("path", d=_LIMBS),
        *spots,
        tag("text", "R", x="4", y="46", font_size="10", fill="currentColor"),
        tag("text", "L", x="90", y="46", font_size="10", fill="currentColor"),
        class_="body",
        viewBox="0 0 100 170",
        role="img",
        aria_label="Figure seen from the front with the joints that were off",
    )
