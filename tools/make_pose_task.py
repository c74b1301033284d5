"""Make a MediaPipe PoseLandmarker .task out of the two tflite files in the mediapipe 0.10.21 wheel.

usage: make_pose_task.py mediapipe-0.10.21-*.whl OUT.task      (run with mediapipe 1.2.2 installed)

The files in the wheel carry no TFLite metadata, and PoseLandmarker refuses them ("it requires specifying
NormalizationOptions metadata"), so image-normalisation metadata is added: mean and standard deviation 127.5
and 127.5 for the detector, 0 and 255 for the landmarks. mediapipe 1.2.2 ships the metadata writer but not the
C++ helper that it imports, so a stand-in answers the only call to it.
"""

from __future__ import annotations

import sys
import types
import zipfile
from pathlib import Path

MODELS = (
    ("pose_detector.tflite", "mediapipe/modules/pose_detection/pose_detection.tflite", 127.5, 127.5),
    (
        "pose_landmarks_detector.tflite",
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        0.0,
        255.0,
    ),
)
HELPER = "mediapipe.tasks.cc.metadata.python"


def stand_in() -> None:
    """Add a stand-in for the helper that mediapipe's wheel lacks to ``sys.modules``."""
    for name in ("mediapipe.tasks.cc", "mediapipe.tasks.cc.metadata", HELPER):
        sys.modules[name] = types.ModuleType(name)
    helper = types.ModuleType(f"{HELPER}._pywrap_metadata_version")
    helper.GetMinimumMetadataParserVersion = lambda _: "1.0.0"  # type: ignore[attr-defined]
    sys.modules[helper.__name__] = helper
    sys.modules[HELPER]._pywrap_metadata_version = helper  # type: ignore[attr-defined]


def make(wheel_path: Path, task_path: Path) -> None:
    """Write the .task with uncompressed members, as MediaPipe requires."""
    stand_in()
    from mediapipe.tasks.python.metadata.metadata_writers import metadata_writer

    with zipfile.ZipFile(wheel_path) as wheel, zipfile.ZipFile(task_path, "w", zipfile.ZIP_STORED) as task:
        for name, member, mean, deviation in MODELS:
            writer = metadata_writer.MetadataWriter.create(bytearray(wheel.read(member)))
            writer.add_general_info(name, "").add_image_input([mean], [deviation])
            task.writestr(zipfile.ZipInfo(name), bytes(writer.populate()[0]))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    make(Path(sys.argv[1]), Path(sys.argv[2]))
