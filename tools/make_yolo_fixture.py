"""Compare the detector's decoder with ultralytics' own, on models with random weights, and write a fixture.

    python tools/make_yolo_fixture.py IMAGE [IMAGE ...]        run where ultralytics, torch and posesync are

For each architecture a model is made with random weights (no hub, no licence on them), exported to ONNX and
run twice, by ``ultralytics``' own predict and by PoseSync's detector. ``tests/data/yolo_boxes.npz`` keeps the
network's output for a small picture, and ultralytics' boxes from it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.update(YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true")

import cv2
import numpy as np
import torch
from posesync.pose.detector import PersonDetector
from ultralytics import YOLO

TARGET = Path(__file__).resolve().parent.parent / "tests" / "data" / "yolo_boxes.npz"
ARCHITECTURES = ("yolov5n", "yolov5s", "yolov5m", "yolo11n")
#: (width, height) of the pictures: as they are, letterboxed, letterboxed and scaled by half.
SIZES = ((640, 384), (640, 360), (1280, 720))
SMALL = (320, 192)
#: Not a ratio that boxes on a grid can have, as random weights often give them: exact ties depend on chance.
IOU = 0.617
#: No suppression, so that only the decoders are compared.
ALL = 1.0


def random_model(name: str, images: list[Any]) -> Any:
    """Set random weights whose signals do not die out: normalisation is computed from the pictures."""
    torch.manual_seed(5)
    model = YOLO(f"{name}.yaml")
    net = model.model.train()
    batch = torch.stack([torch.from_numpy(cv2.resize(i, (320, 320))[..., ::-1].copy()) for i in images])
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # averages over the passes
        for _ in range(2):
            net(batch.permute(0, 3, 1, 2).float() / 255)
        for boxes, classes in zip(net.model[-1].cv2, net.model[-1].cv3, strict=True):
            boxes[-1].weight.mul_(3)
            classes[-1].weight.mul_(2)
            classes[-1].bias[1:] -= 20  # ultralytics keeps boxes whose likeliest class is person: all of them
    net.eval()
    return model


def theirs(model: Any, image: Any, least: float, size: int, iou: float) -> Any:
    """Return (n, 5) left, top, right, bottom, score by ultralytics."""
    found = model.predict(image, imgsz=size, conf=least, iou=iou, classes=[0], max_det=9000, verbose=False)[0]
    return np.column_stack([found.boxes.xyxy.numpy(), found.boxes.conf.numpy()])


def ours(detector: PersonDetector, image: Any, size: int) -> Any:
    """Return (n, 5) by PoseSync's detector."""
    boxes = detector.detect(image, None, size)
    return np.array([(b.left, b.top, b.right, b.bottom, b.score) for b in boxes]).reshape(-1, 5)


def compare(a: Any, b: Any) -> str:
    """Return how many boxes each has, how many match within 1 px, and how far off the rest are."""
    if not len(a) or not len(b):
        return f"{len(a)} and {len(b)} boxes"
    distances = np.abs(a[:, None, :4] - b[None, :, :4]).max(axis=2)
    nearest = np.concatenate([distances.min(axis=1), distances.min(axis=0)])
    within = f"{100 * (nearest <= 1).mean():.2f} % within 1 px, p99.9 {np.quantile(nearest, 0.999):.3f} px"
    return f"{len(a)} and {len(b)} boxes, {within}"


def main(paths: list[str]) -> None:
    """Print a line for each comparison; write the fixture."""
    images = [cv2.imread(path) for path in paths]
    kept: dict[str, Any] = {}
    os.chdir(tempfile.mkdtemp())
    for name in ARCHITECTURES:
        model = random_model(name, images)
        model.predict(images[0], verbose=False)
        small = cv2.resize(images[0], SMALL, interpolation=cv2.INTER_AREA)
        scores = model.model(torch.from_numpy(small[None, ..., ::-1].copy()).permute(0, 3, 1, 2) / 255)[0][
            0, 4
        ]
        least = float(np.quantile(scores.detach().numpy(), 0.8))
        model.model.float()
        path = model.export(format="onnx", dynamic=True, opset=17, simplify=False, verbose=False)
        # Run ultralytics on the same file: PyTorch differs in the last bits, which would decide ties.
        model = YOLO(str(path), task="detect")
        detector = PersonDetector(path, score_threshold=least, iou_threshold=IOU)
        for size in SIZES:
            for image in images:
                picture = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
                for iou in (ALL, IOU):
                    detector.iou_threshold = iou
                    line = compare(theirs(model, picture, least, 640, iou), ours(detector, picture, 640))
                    print(f"{name} {size} suppression {iou}: {line}")
        output, *_ = detector._infer(small, _whole(small), SMALL[0])
        kept[f"{name}_output"] = output[0, :5].astype(np.float32)
        kept[f"{name}_boxes"] = theirs(model, small, least, SMALL[0], IOU).astype(np.float32)
        kept[f"{name}_least"] = np.float64(least)
    np.savez_compressed(TARGET, **kept)


def _whole(image: Any) -> Any:
    from posesync.pose.letterbox import whole

    return whole(image)


if __name__ == "__main__":
    main(sys.argv[1:])
