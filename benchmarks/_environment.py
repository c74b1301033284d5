"""Prepares the environment of a benchmark: the tests' helpers, the models' folder, no network.

Import it before posesync, which finds the models' folder through the environment.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
#: Models beside the checkout; used where the folder is there and the caller names no other.
MODELS: Final = ROOT.parent / "shared" / "models"

sys.path.insert(0, str(ROOT / "tests"))
os.environ.setdefault("POSESYNC_OFFLINE", "1")
if MODELS.is_dir():
    os.environ.setdefault("POSESYNC_MODEL_DIR", str(MODELS))
