"""Fetch the real clips that tests and benchmarks use, out of two PyPI wheels (BSD-3-Clause).

usage: fetch_clips.py FOLDER

``walk.mp4`` is Sports2D's demo video; ``cam01.mp4`` … ``cam04.mp4`` are Pose2Sim's four synchronised cameras.
The wheels are taken alone, without their dependencies, through pip and so through the user's own registry
settings. A clip that is already there with the right checksum is kept.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEELS = {
    "sports2d==0.8.34": {
        "Sports2D/Demo/demo.mp4": (
            "walk.mp4",
            "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
        ),
    },
    "pose2sim==0.10.49": {
        f"Pose2Sim/Demo_SinglePerson/videos/cam{n:02}.mp4": (f"cam{n:02}.mp4", checksum)
        for n, checksum in enumerate(
            (
                "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a",
                "94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442",
                "b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca",
                "b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7",
            ),
            start=1,
        )
    },
}


def sha256(path: Path) -> str:
    """Return the checksum of a small file, or '' when it is missing."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def fetch(folder: Path) -> dict[str, Path]:
    """Put every clip into ``folder`` and return name → path.

    Raises:
        subprocess.CalledProcessError: pip could not download a wheel.
        ValueError: a clip in the wheel is not the one expected.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clips: dict[str, Path] = {}
    for requirement, members in WHEELS.items():
        wanted = {member: (folder / name, checksum) for member, (name, checksum) in members.items()}
        if any(sha256(path) != checksum for path, checksum in wanted.values()):
            with tempfile.TemporaryDirectory() as scratch:
                command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
                subprocess.run([*command, "--dest", scratch, requirement], check=True)  # noqa: S603
                (wheel,) = Path(scratch).glob("*.whl")
                with zipfile.ZipFile(wheel) as archive:
                    for member, (path, checksum) in wanted.items():
                        data = archive.read(member)
                        if hashlib.sha256(data).hexdigest() != checksum:
                            raise ValueError(f"{member} in {requirement} has changed: expected {checksum}")
                        partial = path.with_suffix(f".{os.getpid()}.part")  # somebody else may fetch it too
                        partial.write_bytes(data)
                        partial.replace(path)
        clips.update({path.stem: path for path, _ in wanted.values()})
    return clips


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for clip in fetch(Path(sys.argv[1])).values():
        print(clip)
