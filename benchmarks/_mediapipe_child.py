"""MediaPipe's PoseLandmarker over a clip. Run by :mod:`_live_peers` with a Python that has mediapipe and av.

    python _mediapipe_child.py CLIP MODEL PASSES        one JSON object on standard output

It stands alone: the Python that runs it need not have PoseSync.
"""

import json
import sys
import time

import av
import mediapipe as mp
import numpy as np


def main(clip: str, model: str, passes: int) -> dict[str, object]:
    """Video mode, as MediaPipe's own live examples use it; decoding is counted apart."""
    options = mp.tasks.vision.PoseLandmarkerOptions(
        base_options=mp.tasks.BaseOptions(model_asset_path=model),
        running_mode=mp.tasks.vision.RunningMode.VIDEO,
    )
    wall, busy, found, moment = [], [], 0, 0
    start = time.process_time()
    with mp.tasks.vision.PoseLandmarker.create_from_options(options) as landmarker:
        start = time.process_time()
        for _ in range(passes):
            with av.open(clip) as container:
                container.streams.video[0].thread_type = "AUTO"
                for frame in container.decode(video=0):
                    image = frame.to_ndarray(format="rgb24")
                    moment += 33
                    before, used = time.perf_counter(), time.process_time()
                    picture = mp.Image(image_format=mp.ImageFormat.SRGB, data=image)
                    result = landmarker.detect_for_video(picture, moment)
                    wall.append((time.perf_counter() - before) * 1e3)
                    busy.append((time.process_time() - used) * 1e3)
                    found += bool(result.pose_landmarks)
        total = time.process_time() - start
    return {
        "version": mp.__version__,
        "frames": len(wall),
        "found": found,
        "p50_ms": float(np.median(wall)),
        "p95_ms": float(np.percentile(wall, 95)),
        "pose_cpu_ms": float(np.mean(busy)),
        "cpu_ms": total * 1e3 / len(wall),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))) + "\n")
