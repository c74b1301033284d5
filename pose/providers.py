"""Chooses the ONNX Runtime providers that models run on, with their options and messages.

Nothing here imports ONNX Runtime, so that every case can be tested without its hardware.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from .errors import ModelError

#: Provider names in the settings → ONNX Runtime's own.
PROVIDERS: Final[dict[str, str]] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
CPU: Final = PROVIDERS["cpu"]
CUDA: Final = PROVIDERS["cuda"]
TENSORRT: Final = PROVIDERS["tensorrt"]
DIRECTML: Final = PROVIDERS["directml"]

#: Providers for ``auto``; the first available one is used. TensorRT is not among them: it builds engines for
#: minutes on first use. Neither is CoreML, which every macOS wheel has, but which splits up these small
#: models.
AUTOMATIC: Final = (CUDA, DIRECTML)

_SPOKEN: Final = {
    CPU: "CPU",
    CUDA: "CUDA",
    TENSORRT: "TensorRT",
    DIRECTML: "DirectML",
    PROVIDERS["coreml"]: "CoreML",
}
_INSTALL: Final = {
    "cuda": 'pip uninstall onnxruntime, then pip install "posesync[gpu]"',
    "tensorrt": 'pip uninstall onnxruntime, then pip install "posesync[gpu]"',
    "directml": "on Windows, pip uninstall onnxruntime, then pip install onnxruntime-directml",
    "coreml": "it exists on macOS only, use provider auto",
}
_START: Final = {
    CUDA: 'check that nvidia-smi shows the card, then pip install --upgrade "posesync[gpu]"',
    TENSORRT: "pip install the tensorrt that this ONNX Runtime was built with, or use provider cuda",
    DIRECTML: "update the graphics driver, or use provider cpu",
    PROVIDERS["coreml"]: "use provider cpu",
}

#: Sides of YOLO's dynamic input, px: least, usual, greatest. One TensorRT engine serves all.
_SIDES: Final = (96, 320, 640)

Provider = str | tuple[str, dict[str, Any]]


def spoken(provider: str) -> str:
    """Return a provider's name for messages: ``CUDA`` for ``CUDAExecutionProvider``."""
    return _SPOKEN.get(provider, provider.removesuffix("ExecutionProvider"))


def choose(provider: str, available: Sequence[str]) -> tuple[list[str], str | None]:
    """Return the providers to ask ONNX Runtime for, given the setting.

    Args:
        provider: ``auto`` or a key of :data:`PROVIDERS`.
        available: the providers that the installed ONNX Runtime was built with.

    Returns:
        Providers in order of preference, the CPU always last; and, when a provider asked for by name is
        missing, one line that says so and what to do.

    Raises:
        ModelError: no such provider.
    """
    if provider != "auto" and provider not in PROVIDERS:
        raise ModelError(f"there is no provider {provider!r}: use auto, {', '.join(PROVIDERS)}")
    if provider == "auto":
        return [*[name for name in AUTOMATIC if name in available][:1], CPU], None
    wanted = PROVIDERS[provider]
    if wanted == CPU:
        return [CPU], None
    if wanted not in available:
        has = ", ".join(spoken(name) for name in available if name in _SPOKEN) or "nothing"
        return [CPU], (
            f"provider {provider} was asked for, but the installed ONNX Runtime has {has}; "
            f"running on the CPU: {_INSTALL[provider]}"
        )
    # TensorRT leaves operations it cannot run to CUDA; without CUDA in between they would run on the CPU.
    between = [CUDA] if wanted == TENSORRT and CUDA in available else []
    return [wanted, *between, CPU], None


def not_started(wanted: Sequence[str], in_use: Sequence[str], reason: str = "") -> str | None:
    """Return a one-line warning when the first of the wanted providers is not really in use, else None."""
    first = wanted[0]
    if first in in_use:
        return None
    on = "the CPU" if in_use[0] == CPU else spoken(in_use[0])
    why = f" ({reason})" if reason else ""
    return (
        f"{spoken(first)} could not be started{why}; running on {on}: {_START.get(first, 'use provider cpu')}"
    )


def with_options(
    providers: Sequence[str], engines: Path, dynamic_inputs: Mapping[str, Sequence[Any]] | None = None
) -> list[Provider]:
    """Return the providers with their options, for ``InferenceSession``.

    Args:
        providers: ONNX Runtime's names.
        engines: folder for TensorRT's engines, which take minutes to build.
        dynamic_inputs: name → shape of the inputs whose height or width is not fixed.
    """
    result: list[Provider] = []
    for name in providers:
        if name == CUDA:
            # The default tries every algorithm for a new shape, which causes a stutter during a session.
            result.append((name, {"cudnn_conv_algo_search": "HEURISTIC"}))
        elif name == TENSORRT:
            options: dict[str, Any] = {
                "trt_engine_cache_enable": True,
                "trt_engine_cache_path": str(engines),
                "trt_timing_cache_enable": True,
                "trt_timing_cache_path": str(engines),
            }
            for which, side in zip(("min", "opt", "max"), _SIDES, strict=True):
                if dynamic_inputs:
                    options[f"trt_profile_{which}_shapes"] = ",".join(
                        f"{input_name}:{'x'.join(str(n) for n in _filled(shape, side))}"
                        for input_name, shape in dynamic_inputs.items()
                    )
            result.append((name, options))
        else:
            result.append(name)
    return result


def _filled(shape: Sequence[Any], side: int) -> list[int]:
    """Return a shape with ``side`` for each dynamic height or width, and 1 for a dynamic batch."""
    return [n if isinstance(n, int) else (1 if axis == 0 else side) for axis, n in enumerate(shape)]


def placement_line(model: str, in_use: Sequence[str], nodes: Mapping[str, int]) -> tuple[str, bool]:
    """Return one line about where a model really runs.

    Args:
        model: file name.
        in_use: the session's providers.
        nodes: provider → number of operations assigned to it; empty when not known.

    Returns:
        The line, and whether it is a warning: most of the work is not on the first provider.
    """
    first, total = in_use[0], sum(nodes.values())
    if not total:
        return f"{model} runs on {spoken(first)}", False
    share = nodes.get(first, 0)
    # TensorRT fuses its operations into a few large nodes, so a few can be most of the work.
    scattered = first != TENSORRT and share < total / 2
    line = f"{model} runs on {spoken(first)}: {share} of {total} operations"
    rest = ", ".join(f"{count} on {spoken(name)}" for name, count in nodes.items() if name != first and count)
    line += f", {rest}" if rest else ""
    return (f"{line}; most are not on it, provider cpu may be faster" if scattered else line), scattered
