"""Checks of `posesync doctor` on this installation: packages, ONNX Runtime, models, cache.

Every check is a function that takes its input as arguments and returns findings, so that each verdict can be
tested without a machine that has the problem. Checks of devices are in :mod:`posesync.pose.media_diagnosis`.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from .errors import ModelError, PoseSyncError
from .files import new_private_file, scratch_folder
from .model_files import MODEL_DIR_VARIABLE, OFFLINE_VARIABLE, ModelStatus
from .onnx_session import import_onnxruntime
from .providers import CUDA, PROVIDERS, choose, spoken
from .settings import POSE_DEFAULTS, POSE_MODELS

#: Packages of which only one may be installed, because they write the same files → the one to keep.
RIVALS: Final[dict[tuple[str, ...], str]] = {
    (
        "onnxruntime",
        "onnxruntime-gpu",
        "onnxruntime-directml",
        "onnxruntime-openvino",
        "onnxruntime-rocm",
        "onnxruntime-silicon",
    ): '"posesync[cpu]" (or "posesync[gpu]" with an NVIDIA card)',
    (
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    ): "--force-reinstall opencv-python-headless",
    ("pygame", "pygame-ce"): "--force-reinstall pygame-ce",
}
_RUNTIMES: Final = next(iter(RIVALS))

#: Modules that PoseSync cannot work without → the package that contains each.
MODULES: Final[dict[str, str]] = {
    "numpy": "numpy",
    "cv2": "opencv-python-headless",
    "av": "av",
    "pygame": "pygame-ce",
    "dtaidistance": "dtaidistance",
    "platformdirs": "platformdirs",
}

#: Bytes; a prepared expert takes about 100 MB per minute at most, a recording much less.
SPACE_NEEDED: Final = 100e6
SPACE_COMFORTABLE: Final = 1e9


class Severity(Enum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    """Something optional is missing."""
    WARNING = "warning"
    """Live coaching works, but worse than it could."""
    BLOCKER = "blocker"
    """Live coaching does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        topic: one or two words.
        severity: how much it matters.
        text: what was found, one line.
        remedy: what to do about it; empty only when there is nothing to do.
        details: figures for programs, JSON values only.
    """

    topic: str
    severity: Severity
    text: str
    remedy: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "topic": self.topic,
            "severity": self.severity.value,
            "text": self.text,
            "remedy": self.remedy or None,
            "details": dict(self.details),
        }


def from_error(topic: str, error: PoseSyncError, severity: Severity) -> Finding:
    """Return an error as a finding: the text after its last colon is the remedy."""
    text, separator, remedy = str(error).rpartition(": ")
    return Finding(topic, severity, text, remedy) if separator else Finding(topic, severity, str(error))


def installed_packages() -> dict[str, str]:
    """Return name (normalised as on PyPI) → version of every installed package."""
    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found[re.sub(r"[-_.]+", "-", name).lower()] = distribution.version
    return found


def check_packages(installed: Mapping[str, str]) -> list[Finding]:
    """Check for packages that overwrite each other's files, given :func:`installed_packages`."""
    findings = []
    for rivals, keep in RIVALS.items():
        here = [name for name in rivals if name in installed]
        if len(here) > 1:
            findings.append(
                Finding(
                    "packages",
                    Severity.WARNING,
                    f"{' and '.join(here)} are both installed and overwrite each other's files",
                    f"pip uninstall -y {' '.join(here)}, then pip install {keep}",
                    {"clash": here},
                )
            )
    if not findings:
        findings.append(Finding("packages", Severity.OK, "no packages conflict"))
    return findings


def check_modules(modules: Mapping[str, str] = MODULES) -> list[Finding]:
    """Check whether the libraries, module name → package, can really be imported."""
    findings, versions = [], {}
    for name, package in modules.items():
        version, problem = _import(name)
        if problem:
            text, how = f"{name} cannot be imported ({problem})", f"pip install --force-reinstall {package}"
            findings.append(Finding("libraries", Severity.BLOCKER, text, how))
        versions[name] = version
    if not findings:
        text = ", ".join(f"{name} {version}".strip() for name, version in versions.items())
        findings.append(Finding("libraries", Severity.OK, text, details=versions))
    return findings


def _import(name: str) -> tuple[str, str]:
    """Return a module's version and the reason why it cannot be imported; '' for none."""
    try:
        module = importlib.import_module(name)
    except Exception as error:
        # A half-removed package raises whatever its first broken line raises.
        return "", " ".join(str(error).split())[:200] or type(error).__name__
    return str(getattr(module, "__version__", getattr(module, "ver", ""))), ""


def check_runtime(
    installed: Mapping[str, str], *, provider: str = POSE_DEFAULTS.provider, nvidia: bool | None = None
) -> list[Finding]:
    """Check ONNX Runtime: which flavour, what it can run on, and whether that is the provider asked for.

    Args:
        installed: the result of :func:`installed_packages`.
        provider: the setting.
        nvidia: whether this machine has an NVIDIA card; None: find out.
    """
    flavours = [f"{name} {installed[name]}" for name in _RUNTIMES if name in installed]
    try:
        ort = import_onnxruntime()
        available = [str(name) for name in ort.get_available_providers()]
        version = str(ort.__version__)
        wanted, missing = choose(provider, available)
    except ModelError as error:
        return [from_error("ONNX Runtime", error, Severity.BLOCKER)]
    usable = [name for name in available if name in PROVIDERS.values()]
    can = ", ".join(spoken(name) for name in usable)
    findings = [
        Finding(
            "ONNX Runtime",
            Severity.OK,
            f"{' and '.join(flavours) or f'onnxruntime {version}'}, can run on {can}",
            details={"version": version, "packages": flavours, "providers": available, "wanted": wanted},
        )
    ]
    if missing:
        text, _, remedy = missing.rpartition(": ")
        findings.append(Finding("provider", Severity.WARNING, text, remedy))
    elif CUDA not in available and (has_nvidia_card() if nvidia is None else nvidia):
        findings.append(
            Finding(
                "provider",
                Severity.WARNING,
                "there is an NVIDIA card, but this ONNX Runtime cannot use it",
                'pip uninstall -y onnxruntime, then pip install "posesync[gpu]"',
            )
        )
    return findings


def has_nvidia_card() -> bool:
    """Return whether NVIDIA's driver is installed on this machine."""
    driver = Path("/proc/driver/nvidia/version")
    windows = Path(os.environ.get("SYSTEMROOT", "-")) / "System32" / "nvcuda.dll"
    return shutil.which("nvidia-smi") is not None or driver.exists() or windows.exists()


def check_models(statuses: Iterable[ModelStatus], *, pose: str = "lightning") -> list[Finding]:
    """Check that the model files are present and known copies; ``pose`` is the network asked for."""
    findings = []
    for status in statuses:
        needed = status.name == POSE_MODELS.get(pose)
        details = {
            "name": status.name,
            "path": str(status.path) if status.path else None,
            "bytes": status.size,
            "checksum_ok": status.checksum_ok,
        }
        topic, remedy = "model", status.info.remedy
        if status.path is None and needed:
            findings.append(Finding(topic, Severity.BLOCKER, f"{status.name}: not here", remedy, details))
        elif status.path is None and status.info.url:
            offline = bool(os.environ.get(OFFLINE_VARIABLE))
            text = f"{status.name}: not here, " + (
                f"and {OFFLINE_VARIABLE} forbids fetching it: MoveNet alone finds you"
                if offline
                else "is fetched on first use; until then MoveNet alone finds you"
            )
            how = remedy if offline else f"posesync models {status.name}"
            findings.append(Finding(topic, Severity.NOTE, text, how, details))
        elif status.path is None:
            findings.append(
                Finding(topic, Severity.NOTE, f"{status.name}: not here and not needed", remedy, details)
            )
        elif status.checksum_ok:
            text = f"{status.name}: {status.size / 1e6:.1f} MB, checksum correct"
            findings.append(Finding(topic, Severity.OK, text, details=details))
        else:
            findings.append(_unknown_copy(status, topic, needed, details))
    return findings


def _unknown_copy(status: ModelStatus, topic: str, needed: bool, details: dict[str, Any]) -> Finding:
    assert status.path is not None
    own = os.environ.get(MODEL_DIR_VARIABLE, "")
    text = f"{status.name}: {status.path} is not a copy PoseSync knows (different checksum)"
    if own and status.path.parent == Path(own).expanduser():
        why = f"; it is used because {MODEL_DIR_VARIABLE} names its folder"
        how = f"if it is not your own, replace it or unset {MODEL_DIR_VARIABLE}"
        return Finding(topic, Severity.WARNING, text + why, how, details)
    how = f"delete it, then {status.info.remedy}"
    return Finding(topic, Severity.BLOCKER if needed else Severity.WARNING, text, how, details)


def check_cache(folder: Path) -> list[Finding]:
    """Check that the user's cache, which holds prepared experts, is writable and has room."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with scratch_folder(there) as scratch, new_private_file(scratch / "space") as file:
            file.write(bytes(100_000))
        free = shutil.disk_usage(there).free
    except OSError as error:
        return [
            Finding(
                "cache",
                Severity.BLOCKER,
                f"{there} cannot be written to ({error.strerror or error})",
                "make it writable, free some space, or set XDG_CACHE_HOME to another folder",
            )
        ]
    details = {"folder": str(folder), "free_bytes": free}
    text = f"{folder} is writable, {free / 1e9:.1f} GB free"
    if free >= SPACE_COMFORTABLE:
        return [Finding("cache", Severity.OK, text, details=details)]
    severity = Severity.WARNING if free >= SPACE_NEEDED else Severity.BLOCKER
    how = "free some space: a minute of an expert's video takes up to 100 MB"
    return [Finding("cache", severity, text, how, details)]


def worst(findings: Sequence[Finding]) -> Severity:
    """Return the worst severity among findings; OK without any."""
    order = list(Severity)
    return max((finding.severity for finding in findings), key=order.index, default=Severity.OK)
