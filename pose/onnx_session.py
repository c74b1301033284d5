"""ONNX Runtime sessions: how they are made, where they run, and what is said when they cannot be."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

logger = logging.getLogger(__name__)

INSTALL_HINT: Final = 'pip install "posesync[cpu]" (or "posesync[gpu]" with an NVIDIA card)'

#: Provider names as the settings spell them → ONNX Runtime's own.
PROVIDERS: Final[dict[str, str]] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
_ERRORS_ONLY = 3


def _onnxruntime() -> Any:
    """The onnxruntime module.

    Raises:
        ModelError: it is not installed, or its installation is broken.
    """
    # ONNX Runtime 1.32's wheels report usage to their maker and keep a device id in the user's cache. Only
    # this variable, set before the first import, stops both; disable_telemetry_events() comes too late.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(f"ONNX Runtime cannot be imported ({_one_line(error)}): {INSTALL_HINT}") from None
    if not hasattr(onnxruntime, "InferenceSession"):
        # An empty folder is left when the CPU and GPU wheels overwrote each other and one was removed.
        raise ModelError(f"the installed ONNX Runtime is broken (half removed): reinstall it, {INSTALL_HINT}")
    return onnxruntime


def _one_line(error: BaseException) -> str:
    """An exception's text on one line, not too long."""
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else text[:159] + "…"


def _choose(provider: str, available: list[str]) -> list[str]:
    """ONNX Runtime's provider list for a setting; the CPU is always the last resort.

    Raises:
        ModelError: no such provider.
    """
    if provider != "auto" and provider not in PROVIDERS:
        raise ModelError(f"there is no provider {provider!r}: use auto, {', '.join(PROVIDERS)}")
    wanted = PROVIDERS["cuda"] if provider == "auto" else PROVIDERS[provider]
    cpu = PROVIDERS["cpu"]
    if wanted in available:
        return [wanted] if wanted == cpu else [wanted, cpu]
    if provider != "auto":
        logger.warning(
            "provider %s is not in the installed ONNX Runtime, running on the CPU: %s",
            provider,
            'pip install "posesync[gpu]" in place of [cpu]'
            if provider in ("cuda", "tensorrt")
            else "use auto",
        )
    return [cpu]


def create_session(path: Path | str, *, provider: str = "auto", threads: int = 1) -> Any:
    """Load a model into an ``onnxruntime.InferenceSession``, every graph optimisation on.

    Args:
        path: the ONNX file.
        provider: ``auto`` (CUDA when the installed ONNX Runtime has it, else the CPU) or a key of PROVIDERS.
            One that turns out not to work is said loudly, and the CPU does the work.
        threads: threads inside one operator; these models are small, so one is the most economical.

    Raises:
        ModelError: ONNX Runtime is not installed, the file is missing or is not a model, or no such provider.
    """
    ort = _onnxruntime()
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"model {path} does not exist: run `posesync models` to see what is there")
    if threads < 1:
        raise ModelError(f"{threads} threads asked for, expected 1 or more: correct the setting threads")
    ort.set_default_logger_severity(_ERRORS_ONLY)
    providers = _choose(provider, list(ort.get_available_providers()))
    if providers[0] != PROVIDERS["cpu"] and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        session = ort.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        # ONNX Runtime raises a dozen unrelated classes for a file it cannot use.
        raise ModelError(
            f"model {path} cannot be loaded ({_one_line(error)}): "
            "delete it and run `posesync models` to get it again"
        ) from None
    if session.get_providers()[0] != providers[0]:
        logger.warning(
            "%s could not be started, running on the CPU: check the driver, CUDA and cuDNN versions",
            providers[0],
        )
    return session


def run(session: Any, feeds: dict[str, npt.NDArray[Any]], name: str) -> npt.NDArray[np.generic]:
    """The first output of one inference.

    Raises:
        ModelError: the model refuses the input; ``name`` is the file that is to blame.
    """
    try:
        result: npt.NDArray[np.generic] = session.run(None, feeds)[0]
    except Exception as error:
        raise ModelError(
            f"model {name} failed ({_one_line(error)}): run `posesync models` to check the file"
        ) from None
    return result
