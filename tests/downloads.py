"""A folder of downloads, in which files have the names of Python's own modules and of others."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

#: The program as users start it; None where it is not installed.
PROGRAM = shutil.which("posesync", path=sysconfig.get_path("scripts"))
_OTHERS = ("sitecustomize", "usercustomize", "numpy", "av", "cv2", "onnxruntime", "typer", "rich", "uvicorn")
#: Names of modules that PoseSync or Python imports.
NAMES = (*sorted(sys.stdlib_module_names), *_OTHERS, "posesync")


def plant(folder: Path, names: Iterable[str] = NAMES) -> Path:
    """Write modules of these names; each that is imported adds its name to a file ``imported``."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.py").write_text(
            f"open({str(folder / 'imported')!r}, 'a').write(__name__ + chr(10))"
        )
    return folder


def imported(folder: Path) -> list[str]:
    """The modules that were imported from a folder of :func:`plant`."""
    told = folder / "imported"
    return told.read_text().split() if told.exists() else []
