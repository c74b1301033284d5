"""Creates ONNX Runtime sessions, reports where they run, and explains why they cannot."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from posesync.pose.folders import cache_folder

from .errors import ModelError
from .files import make_private_folder
from .providers import (
    CPU,
    CUDA,
    PROVIDERS,
    TENSORRT,
    choose,
    not_started,
    placement_line,
    spoken,
    with_options,
)
from .settings import POSE_DEFAULTS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["INSTALL_HINT", "PROVIDERS", "BoundSession", "create_session", "import_onnxruntime", "run"]

logger = logging.getLogger(__name__)

INSTALL_HINT: Final = 'pip install "posesync[cpu]" (or "posesync[gpu]" with an NVIDIA card)'

_ERRORS_ONLY = 3
#: Providers that use CUDA memory, where inputs can be placed without an extra copy.
_ON_CUDA: Final = (CUDA, TENSORRT)
#: Input shapes for which device memory is kept; a detector sees a handful.
_KEPT_SHAPES: Final = 16
#: Messages already shown, and providers that did not start: a process may make several estimators.
_said: set[str] = set()
_unstartable: set[str] = set()

#: The place in ONNX Runtime's source where an error was raised, which is of no use in a message.
_SOURCE_PLACE: Final = re.compile(r"^\S+\.(cc|h|cu):\d+ .*?\) (?=[A-Z])")


def import_onnxruntime() -> Any:
    """Return the onnxruntime module.

    Raises:
        ModelError: it is not installed, or its installation is broken.
    """
    # ONNX Runtime 1.32's wheels send usage data to their vendor and keep a device id in the user's cache.
    # Only this variable, set before the first import, stops both; disable_telemetry_events() comes too late.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(f"ONNX Runtime cannot be imported ({_one_line(error)}): {INSTALL_HINT}") from None
    if not hasattr(onnxruntime, "InferenceSession"):
        # An empty folder remains when the CPU and GPU wheels overwrote each other and one was removed.
        raise ModelError(f"the installed ONNX Runtime is broken (half removed): reinstall it, {INSTALL_HINT}")
    return onnxruntime


def _one_line(error: BaseException) -> str:
    """Return an exception's text on one line of limited length."""
    text = _SOURCE_PLACE.sub("", " ".join(str(error).split()))
    return text if len(text) <= 160 else text[:159] + "…"


def _say_once(line: str, *, level: int = logging.WARNING) -> None:
    if line not in _said:
        _said.add(line)
        logger.log(level, "%s", line)


def create_session(
    path: Path | str, *, provider: str = POSE_DEFAULTS.provider, threads: int = POSE_DEFAULTS.threads
) -> Any:
    """Load a model into an ``onnxruntime.InferenceSession`` with every graph optimisation.

    Args:
        path: the ONNX file.
        provider: ``auto`` (CUDA or DirectML when the installed ONNX Runtime has it, else the CPU) or a key of
            PROVIDERS. A provider that turns out not to work gives a warning, and the CPU is used.
        threads: threads inside one operator; these models are small, so one is the most economical.

    Returns:
        The session; on CUDA or TensorRT a :class:`BoundSession` around it, which is used in the same way.

    Raises:
        ModelError: ONNX Runtime is not installed, the file is missing or is not a model, or no such provider.
    """
    ort = import_onnxruntime()
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"model {path} does not exist: run `posesync models` to see what is available")
    if threads < 1:
        raise ModelError(f"{threads} threads asked for, expected 1 or more: correct the setting threads")
    ort.set_default_logger_severity(_ERRORS_ONLY)
    wanted, missing = choose(provider, list(ort.get_available_providers()))
    if missing:
        _say_once(missing)
    wanted = [name for name in wanted if name not in _unstartable]
    if wanted[0] == CPU:
        return _load(ort, path, threads)
    session = _on_gpu(ort, path, threads, wanted)
    in_use = session.get_providers()
    if in_use[0] not in _ON_CUDA:
        return session
    return BoundSession(ort, session, lambda: _load(ort, path, threads))


def _on_gpu(ort: Any, path: Path, threads: int, wanted: Sequence[str]) -> Any:
    """Return a session on the first of ``wanted`` that starts, and log what is really in use."""
    with contextlib.redirect_stdout(
        sys.stderr
    ):  # both report problems on standard output, which is for results
        if hasattr(ort, "preload_dlls") and any(name in _ON_CUDA for name in wanted):
            ort.preload_dlls()
        session, reason = None, ""
        for first in range(len(wanted) - 1):
            try:
                session = _start(ort, path, threads, wanted[first:])
                break
            except Exception as error:
                # A driver that is too old, no memory, no device: each raises a different class.
                reason = reason or _one_line(error)
    if session is None:
        session = _load(ort, path, threads)
    in_use = session.get_providers()
    _unstartable.update(name for name in wanted if name not in in_use)
    if problem := not_started(wanted, in_use, reason):
        _say_once(problem)
    if in_use[0] != CPU:
        line, bad = placement_line(path.name, in_use, _placement(session))
        _say_once(line, level=logging.WARNING if bad else logging.INFO)
    return session


def _start(ort: Any, path: Path, threads: int, wanted: Sequence[str]) -> Any:
    options = _options(ort, threads)
    with contextlib.suppress(Exception):  # known from ONNX Runtime 1.24 on
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    engines = cache_folder() / "engines"
    dynamic = {}
    if wanted[0] == TENSORRT:
        make_private_folder(engines)
        dynamic = _dynamic_inputs(_load(ort, path, threads))
    providers = with_options(wanted, engines, dynamic)
    # Its own fallback would only print to standard output; this one logs a warning.
    session = ort.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
    if hasattr(session, "disable_fallback"):
        session.disable_fallback()
    return session


def _load(ort: Any, path: Path, threads: int) -> Any:
    """Return a session on the CPU."""
    try:
        return ort.InferenceSession(str(path), _options(ort, threads), providers=[CPU])
    except Exception as error:
        # ONNX Runtime raises a dozen unrelated classes for a file it cannot use.
        raise ModelError(
            f"model {path} cannot be loaded ({_one_line(error)}): "
            f"delete it and run `posesync models {Path(path).stem}` to get it again"
        ) from None


def _options(ort: Any, threads: int) -> Any:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # The memory plan is made on the first run of an input size and allocates one more block on the second:
    # 7 MB of growth when the performer is searched for again, minutes later. It saves no time here, and
    # DirectML does not support it.
    options.enable_mem_pattern = False
    options.log_severity_level = _ERRORS_ONLY
    return options


def _dynamic_inputs(session: Any) -> dict[str, list[Any]]:
    """Return name → shape of the inputs whose size is not fixed."""
    return {
        value.name: list(value.shape)
        for value in session.get_inputs()
        if not all(isinstance(n, int) for n in value.shape)
    }


def _placement(session: Any) -> dict[str, int]:
    """Return provider → number of operations; empty where ONNX Runtime does not report it (before 1.24)."""
    try:
        parts = session.get_provider_graph_assignment_info()
    except Exception:  # one of several classes, by version
        return {}
    counts: Counter[str] = Counter()
    for part in parts:
        counts[part.ep_name] += len(part.get_nodes())
    return dict(counts)


class BoundSession:
    """A session on a GPU: inputs are copied to device memory that is kept, outputs come straight back.

    Used like the ``InferenceSession`` in it. When the GPU fails during a session, it warns and continues on
    the CPU. Not for two threads at once.

    Args:
        ort: the onnxruntime module.
        session: a session on CUDA or TensorRT.
        fallback: makes the same session on the CPU.
        device: the device whose memory holds the inputs.
    """

    def __init__(self, ort: Any, session: Any, fallback: Callable[[], Any], *, device: str = "cuda") -> None:
        self._ort = ort
        self._session = session
        self._fallback = fallback
        self._device = device
        self._binding: Any = session.io_binding()
        self._outputs = [value.name for value in session.get_outputs()]
        self._values: dict[tuple[str, tuple[int, ...]], Any] = {}

    def get_inputs(self) -> Any:
        """Return as of the session."""
        return self._session.get_inputs()

    def get_outputs(self) -> Any:
        """Return as of the session."""
        return self._session.get_outputs()

    def get_providers(self) -> list[str]:
        """Return the providers in use, in order; the CPU alone after the GPU has failed."""
        return list(self._session.get_providers())

    def run(self, names: list[str] | None, feeds: dict[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Run one inference; ``names`` of outputs as for ``InferenceSession.run``."""
        wanted = names or self._outputs
        if self._binding is not None:
            try:
                return self._run_bound(wanted, feeds)
            except Exception as error:
                # The class raised when a GPU is out of memory or gone depends on driver and version.
                name = spoken(self.get_providers()[0])
                self._binding = None
                self._values.clear()
                self._session = self._fallback()
                result: list[npt.NDArray[Any]] = self._session.run(wanted, feeds)
                # It was the GPU's fault only if the CPU succeeds.
                logger.warning(
                    "%s failed (%s); continuing on the CPU: close other programs that use the card",
                    name,
                    _one_line(error),
                )
                return result
        again: list[npt.NDArray[Any]] = self._session.run(wanted, feeds)
        return again

    def _run_bound(self, names: list[str], feeds: dict[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        binding = self._binding
        for name, array in feeds.items():
            binding.bind_ortvalue_input(name, self._on_device(name, array))
        binding.clear_binding_outputs()  # an output kept from another input shape would not fit
        for name in names:
            binding.bind_output(name, "cpu")
        self._session.run_with_iobinding(binding)
        result: list[npt.NDArray[Any]] = binding.copy_outputs_to_cpu()
        return result

    def _on_device(self, name: str, array: npt.NDArray[Any]) -> Any:
        """Return the array in device memory that is reused for the same shape."""
        import numpy as np

        array = np.ascontiguousarray(array)
        key = (name, array.shape)
        value = self._values.get(key)
        if value is None:
            if len(self._values) >= _KEPT_SHAPES:
                self._values.clear()
            # A copy, because on some devices the value is the array's own memory.
            value = self._values[key] = self._ort.OrtValue.ortvalue_from_numpy(array.copy(), self._device, 0)
        else:
            value.update_inplace(array)
        return value


def run(session: Any, feeds: dict[str, npt.NDArray[Any]], name: str) -> npt.NDArray[np.generic]:
    """Run one inference and return its first output.

    Raises:
        ModelError: the model refuses the input; the message gives ``name`` as the file.
    """
    try:
        result: npt.NDArray[np.generic] = session.run(None, feeds)[0]
    except Exception as error:
        raise ModelError(
            f"model {name} failed ({_one_line(error)}): run `posesync models` to check the file"
        ) from None
    return result
