"""The real clips, fetched by the first benchmark that needs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
CLIPS: Final = ROOT / ".cache" / "clips"

sys.path.insert(0, str(ROOT / "tools"))
import fetch_clips  # noqa: E402


def fetched() -> dict[str, Path]:
    """Return the clips by name: walk, cam01 … cam04. If they cannot be fetched, exit with one line."""
    try:
        return fetch_clips.fetch(CLIPS)
    except subprocess.CalledProcessError:
        reason = "pip said why above"
    except (OSError, ValueError) as error:
        reason = str(error)
    sys.exit(f"the clips could not be fetched ({reason}): python tools/fetch_clips.py {CLIPS} tries again")
