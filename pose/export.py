"""Exports detectors from ultralytics (extra ``[export]``), which is imported here and nowhere else.

It needs gigabytes of PyTorch, and its models are AGPL-3.0; exported files run without it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from .detector import PersonDetector
from .errors import ModelError, OutputError
from .files import PartFile, make_private_folder, scratch_folder
from .model_files import OFFLINE_VARIABLE, cache_dir

INSTALL_HINT: Final = 'pip install "posesync[export]" (it brings PyTorch: some gigabytes)'
#: Every ONNX Runtime that PoseSync supports has the operators of opset 17.
_OPSET: Final = 17
_NAME = re.compile(r"[\w-]+")


def export_detector(name: str, folder: Path | None = None) -> Path:
    """Export one of ultralytics' detectors to ONNX, for any input size, and check the result.

    Args:
        name: name of a model that ultralytics knows and fetches (``yolov5nu``, ``yolo11n``, …), or the path
            of weights (``.pt``) or of an architecture (``.yaml``, random weights).
        folder: where to put ``<name>.onnx``; by default where downloaded models are kept.

    Returns:
        The file, which can be named as detector model.

    Raises:
        ModelError: ultralytics is missing, knows no such model, or exported something else than a person
            detector.
        OutputError: the file cannot be written.
    """
    source = Path(name).expanduser()
    if source.suffix not in (".pt", ".yaml"):
        if not _NAME.fullmatch(name):
            raise ModelError(
                f"there is no detector {name!r} to export: give a name such as yolov5nu, or a .pt file"
            )
        source = Path(f"{name}.pt")
    elif source.suffix == ".pt" and not source.is_file():
        raise ModelError(f"model {source} does not exist: give the path of weights, or a name like yolov5nu")
    ultralytics = _import_ultralytics()
    with scratch_folder() as scratch:
        made = _export(ultralytics, source, scratch)
        PersonDetector(made, provider="cpu")
        return _keep(made, (folder or cache_dir()) / f"{source.stem}.onnx")


def _import_ultralytics() -> Any:
    os.environ["YOLO_AUTOINSTALL"] = "false"  # otherwise it runs pip by itself
    if os.environ.get(OFFLINE_VARIABLE):
        os.environ["YOLO_OFFLINE"] = "true"
    try:
        module = import_module("ultralytics")
        import_module("onnx")
    except ImportError as error:
        reason = " ".join(str(error).split())[:120]
        raise ModelError(f"ultralytics cannot be imported ({reason}): {INSTALL_HINT}") from None
    module.settings.update({"sync": False})  # its usage statistics
    return module


def _export(ultralytics: Any, source: Path, scratch: Path) -> Path:
    """Export a copy in ``scratch``, because ultralytics writes beside the weights."""
    target = scratch / source.name
    if source.is_file():
        shutil.copy(source, target)
    architecture = source.suffix == ".yaml" and not source.is_file()
    try:
        with redirect_stdout(sys.stderr):
            # A path in scratch makes it download to there instead of the current folder.
            model = ultralytics.YOLO(source.name if architecture else str(target), task="detect")
            if architecture:
                target = target.with_suffix(".pt")
                model.save(str(target))
                model = ultralytics.YOLO(str(target))
            return Path(model.export(format="onnx", dynamic=True, opset=_OPSET, simplify=False))
    except Exception as error:  # whatever PyTorch, a hub or ultralytics may raise
        reason = " ".join(str(error).split())[:160]
        raise ModelError(
            f"ultralytics could not export {source.stem} ({reason}): check the name and the connection, "
            "or give the path of its weights (.pt)"
        ) from None


def _keep(made: Path, target: Path) -> Path:
    part: PartFile | None = None
    try:
        make_private_folder(target.parent)
        part = PartFile(target)
        shutil.copyfile(made, part.path)
        part.take_place()
    except OSError as error:
        if part is not None:
            part.discard()
        raise OutputError(
            f"cannot write {target} ({error.strerror}): free some space, or choose another --output"
        ) from None
    return target
