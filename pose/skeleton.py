"""The 17 COCO keypoints, the limbs between them and the joints they form.

Left and right are the performer's own. Order and names are those of COCO and of MoveNet.
"""

from __future__ import annotations

from typing import Final

import numpy as np

KEYPOINT_NAMES: Final = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip

NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR = range(5)
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ELBOW, RIGHT_ELBOW, LEFT_WRIST, RIGHT_WRIST = range(5, 11)
LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE = range(11, 17)
NUM_KEYPOINTS: Final = 17

#: Index permutation that exchanges left and right.
SWAP_LEFT_RIGHT: Final = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])
SWAP_LEFT_RIGHT.setflags(write=False)

#: Interior joint angles: name → (end, vertex, end) keypoint indices.
JOINTS: Final[dict[str, tuple[int, int, int]]] = {
    "left_elbow": (LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST),
    "right_elbow": (RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST),
    "left_shoulder": (LEFT_ELBOW, LEFT_SHOULDER, LEFT_HIP),
    "right_shoulder": (RIGHT_ELBOW, RIGHT_SHOULDER, RIGHT_HIP),
    "left_hip": (LEFT_SHOULDER, LEFT_HIP, LEFT_KNEE),
    "right_hip": (RIGHT_SHOULDER, RIGHT_HIP, RIGHT_KNEE),
    "left_knee": (LEFT_HIP, LEFT_KNEE, LEFT_ANKLE),
    "right_knee": (RIGHT_HIP, RIGHT_KNEE, RIGHT_ANKLE),
}
JOINT_NAMES: Final = tuple(JOINTS)

#: Limbs: name → (from, to) keypoint indices, pointing away from the trunk.
LIMBS: Final[dict[str, tuple[int, int]]] = {
    "left_upper_arm": (LEFT_SHOULDER, LEFT_ELBOW),
    "right_upper_arm": (RIGHT_SHOULDER, RIGHT_ELBOW),
    "left_forearm": (LEFT_ELBOW, LEFT_WRIST),
    "right_forearm": (RIGHT_ELBOW, RIGHT_WRIST),
    "left_side": (LEFT_SHOULDER, LEFT_HIP),
    "right_side": (RIGHT_SHOULDER, RIGHT_HIP),
    "left_thigh": (LEFT_HIP, LEFT_KNEE),
    "right_thigh": (RIGHT_HIP, RIGHT_KNEE),
    "left_shin": (LEFT_KNEE, LEFT_ANKLE),
    "right_shin": (RIGHT_KNEE, RIGHT_ANKLE),
}
LIMB_NAMES: Final = tuple(LIMBS)

#: The joint that turns a limb and whose difference colours it; the sides of the trunk have none.
JOINT_OF_LIMB: Final = {
    f"{side}_{limb}": f"{side}_{joint}"
    for limb, joint in (("upper_arm", "shoulder"), ("forearm", "elbow"), ("thigh", "hip"), ("shin", "knee"))
    for side in ("left", "right")
}
#: The first keypoint that does not belong to the face.
BODY: Final = LEFT_SHOULDER

#: Pairs of keypoints to draw as a skeleton.
BONES: Final = (
    (LEFT_SHOULDER, RIGHT_SHOULDER), (LEFT_HIP, RIGHT_HIP), *LIMBS.values(),
    (NOSE, LEFT_EYE), (NOSE, RIGHT_EYE), (LEFT_EYE, LEFT_EAR), (RIGHT_EYE, RIGHT_EAR),
)  # fmt: skip
