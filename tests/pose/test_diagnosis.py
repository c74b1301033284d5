"""The doctor's findings on packages, ONNX Runtime, models, cache, cameras and codecs."""

from __future__ import annotations

import sys
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from fakes import FakeCamera, FakeClock
from posesync.pose import diagnosis, media_diagnosis
from posesync.pose.diagnosis import Finding, Severity
from posesync.pose.errors import SourceError
from posesync.pose.model_files import ModelStatus, known_models, list_models
from posesync.pose.sources import Camera, CameraInfo

Usage = namedtuple("Usage", "total used free")


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


@pytest.mark.parametrize(
    ("installed", "clashes"),
    [
        (["onnxruntime", "opencv-python-headless", "pygame-ce"], []),
        (["onnxruntime", "onnxruntime-gpu"], [["onnxruntime", "onnxruntime-gpu"]]),
        (["opencv-python", "opencv-python-headless"], [["opencv-python", "opencv-python-headless"]]),
        (["pygame", "pygame-ce", "onnxruntime-gpu"], [["pygame", "pygame-ce"]]),
        (
            ["onnxruntime", "onnxruntime-directml", "opencv-contrib-python", "opencv-python"],
            [["onnxruntime", "onnxruntime-directml"], ["opencv-python", "opencv-contrib-python"]],
        ),
    ],
)
def test_packages_that_overwrite_each_other(installed: list[str], clashes: list[list[str]]) -> None:
    findings = diagnosis.check_packages(dict.fromkeys(installed, "1.0"))
    assert [finding.details["clash"] for finding in findings if finding.details] == clashes
    for finding in findings:
        assert finding.severity is (Severity.WARNING if clashes else Severity.OK)
        assert not clashes or finding.remedy.startswith("pip uninstall -y ")


def test_the_packages_of_this_very_environment_are_seen() -> None:
    installed = diagnosis.installed_packages()
    assert "posesync" in installed
    assert {"opencv-python-headless", "pygame-ce"} <= set(installed)


def test_a_library_that_cannot_be_imported_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_removed.py").write_text("raise ImportError('libGL.so.1:\\n no such file')")
    monkeypatch.syspath_prepend(tmp_path)
    finding = only(diagnosis.check_modules({"numpy": "numpy", "half_removed": "opencv-python-headless"}))
    assert finding.severity is Severity.BLOCKER
    assert finding.text == "half_removed cannot be imported (libGL.so.1: no such file)"
    assert finding.remedy == "pip install --force-reinstall opencv-python-headless"
    fine = only(diagnosis.check_modules())
    assert fine.severity is Severity.OK
    assert "cv2" in fine.text


@pytest.mark.parametrize(
    ("provider", "built", "nvidia", "said"),
    [
        ("auto", ["CPU"], False, []),
        ("auto", ["CPU"], True, ["there is an NVIDIA card, but"]),
        ("auto", ["CUDA", "CPU"], True, []),
        ("cuda", ["CPU"], False, ["provider cuda was asked for"]),
        ("cuda", ["CUDA", "CPU"], True, []),
    ],
)
def test_runtime_and_what_is_asked_of_it(
    provider: str, built: list[str], nvidia: bool, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{name}ExecutionProvider" for name in built]
    fake = SimpleNamespace(InferenceSession=object, get_available_providers=lambda: names, __version__="1.99")
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    first, *others = diagnosis.check_runtime({"onnxruntime-gpu": "1.99"}, provider=provider, nvidia=nvidia)
    assert first.severity is Severity.OK
    assert first.text.startswith("onnxruntime-gpu 1.99, can run on ")
    assert [finding.text[: len(text)] for finding, text in zip(others, said, strict=True)] == said
    for finding in others:
        assert finding.severity is Severity.WARNING
        assert "pip install" in finding.remedy


@pytest.mark.parametrize("broken", [None, SimpleNamespace()])
def test_a_runtime_that_is_missing_or_half_removed_blocks(
    broken: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", broken)  # type: ignore[arg-type]
    finding = only(diagnosis.check_runtime({}))
    assert finding.severity is Severity.BLOCKER
    assert 'pip install "posesync[cpu]"' in finding.remedy


@pytest.mark.parametrize(
    ("name", "path", "ok", "severity", "remedy"),
    [
        ("movenet_lightning", None, None, Severity.BLOCKER, "reinstall posesync"),
        ("movenet_lightning", "a.onnx", True, Severity.OK, ""),
        ("movenet_lightning", "a.onnx", False, Severity.BLOCKER, "delete it, then reinstall"),
        ("movenet_thunder", None, None, Severity.NOTE, "convert_movenet"),
        ("yolov5n", None, None, Severity.NOTE, "posesync models yolov5n"),
        ("yolov5n", "a.onnx", False, Severity.WARNING, "delete it"),
        ("yolov5n", "own/a.onnx", False, Severity.WARNING, "unset POSESYNC_MODEL_DIR"),
    ],
)
def test_models(
    name: str,
    path: str | None,
    ok: bool | None,
    severity: Severity,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("POSESYNC_OFFLINE", raising=False)
    monkeypatch.setenv("POSESYNC_MODEL_DIR", "own")
    status = ModelStatus(known_models()[name], Path(path) if path else None, 5_000_000, ok)
    finding = only(diagnosis.check_models([status]))
    assert finding.severity is severity
    assert remedy in finding.remedy
    assert finding.text.startswith(f"{name}: ")


def test_the_model_that_is_asked_for_is_the_one_that_must_be_there() -> None:
    missing = [ModelStatus(info, None, 0, None) for info in known_models().values()]
    for pose, needed in (("thunder", "movenet_thunder"), ("mediapipe", "pose_landmarker_full"), ("", None)):
        found = diagnosis.check_models(missing, pose=pose)
        blocking = [finding.details["name"] for finding in found if finding.severity is Severity.BLOCKER]
        assert blocking == ([] if needed is None else [needed])
    real = {finding.details["name"]: finding for finding in diagnosis.check_models(list_models())}
    assert real["movenet_lightning"].severity is Severity.OK


@pytest.mark.parametrize(
    ("free", "severity"), [(50e9, Severity.OK), (0.5e9, Severity.WARNING), (1e6, Severity.BLOCKER)]
)
def test_room_in_the_cache(
    free: float, severity: Severity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis.shutil, "disk_usage", lambda folder: Usage(0, 0, free))
    finding = only(diagnosis.check_cache(tmp_path / "not" / "there" / "yet"))
    assert finding.severity is severity
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_to_blocks(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    finding = only(diagnosis.check_cache(tmp_path / "file"))
    assert finding.severity is Severity.BLOCKER
    assert "XDG_CACHE_HOME" in finding.remedy


def test_codecs_are_really_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = only(media_diagnosis.check_codecs(tmp_path))
    assert finding.severity is Severity.OK
    assert finding.details["frames"] == 30
    assert finding.details["mean_difference"] < 12
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(av, "codecs_available", {"h264"})
    _, lacking = media_diagnosis.check_codecs(tmp_path)
    assert lacking.severity is Severity.WARNING
    assert "hevc" in lacking.text
    finding = only(media_diagnosis.check_codecs(tmp_path / "none"))
    assert finding.severity is Severity.BLOCKER


WHITE = np.full((480, 640, 3), 200, np.uint8)


@pytest.mark.parametrize(
    ("device", "severity", "text", "remedy"),
    [
        ({"frames": [WHITE]}, Severity.OK, "640 × 480, 30 fps, first image after 0.", ""),
        ({"frames": [WHITE], "fps": 8}, Severity.WARNING, "8 fps", "light"),
        ({"frames": [WHITE * 0]}, Severity.WARNING, "the picture is black", "shutter"),
        ({"frames": [WHITE], "dies_after": 1}, Severity.WARNING, "then none", "hub"),
        ({"frames": [WHITE], "fps": 0.21}, Severity.WARNING, "first image after 4.8 s", "light"),
        ({"indexes": ()}, Severity.WARNING, "there is no camera 0", ""),
    ],
)
def test_cameras_are_watched_for_a_moment(
    device: dict[str, object], severity: Severity, text: str, remedy: str
) -> None:
    clock = FakeClock()
    fake = FakeCamera(clock=clock, **device)  # type: ignore[arg-type]
    finding = only(
        media_diagnosis.check_cameras([CameraInfo(0, "Eye")], open_camera=fake.camera, clock=clock)
    )
    assert finding.severity is severity
    assert text in finding.text
    assert remedy in finding.remedy
    assert fake.released >= min(1, fake.opened), "the camera must be free for the session"


def test_no_camera_is_a_warning_with_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_diagnosis, "list_cameras", list)
    finding = only(media_diagnosis.check_cameras())
    assert finding.severity is Severity.WARNING
    assert "--camera" in finding.remedy


def test_what_a_camera_says_becomes_text_and_remedy() -> None:
    def refuse(index: int) -> Camera:
        raise SourceError("no permission to open /dev/video0: add yourself to the group 'video'")

    finding = only(media_diagnosis.check_cameras([CameraInfo(0, "Eye")], open_camera=refuse))
    assert finding.text == "no permission to open /dev/video0"
    assert finding.remedy == "add yourself to the group 'video'"
