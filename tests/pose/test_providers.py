"""Where models run: the choice for every setting, what is said about it, and a GPU that fails on the way.

The GPU is a fake onnxruntime module; binding of inputs and outputs is tried with the real one, on the CPU.
"""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from posesync.pose import model_files, onnx_session, providers
from posesync.pose.errors import ModelError
from posesync.pose.movenet import MoveNet

GPU_WHEEL = ("Tensorrt", "CUDA", "CPU")
MODEL = model_files.PACKAGED / "movenet_lightning.onnx"


def full(names: Any) -> list[str]:
    return [f"{name}ExecutionProvider" for name in names]


class FakeRuntime(SimpleNamespace):
    """onnxruntime as far as create_session uses it; ``starts`` of ``built`` providers work, the others fail
    as in life: some in silence, those in ``raises`` with an exception, and with noise on standard output."""

    def __init__(
        self, built: Any = GPU_WHEEL, starts: Any = GPU_WHEEL, raises: dict[str, str] | None = None
    ) -> None:
        super().__init__()
        self.built, self.starts, self.raises = full(built), full(starts), raises or {}
        self.sessions: list[FakeSession] = []
        self.preloaded = 0
        self.GraphOptimizationLevel = SimpleNamespace(ORT_ENABLE_ALL=99)
        self.ExecutionMode = SimpleNamespace(ORT_SEQUENTIAL=0)
        self.SessionOptions = FakeOptions
        self.OrtValue = FakeValue
        self.set_default_logger_severity = lambda level: None

    def get_available_providers(self) -> list[str]:
        return self.built

    def preload_dlls(self) -> None:
        sys.stdout.write("Failed to load libcublas.so")
        self.preloaded += 1

    def InferenceSession(self, path: str, options: Any, **how: Any) -> FakeSession:  # noqa: N802
        session = FakeSession(self, options, **how)
        self.sessions.append(session)
        return session


class FakeOptions:
    def __init__(self) -> None:
        self.entries: dict[str, str] = {}

    def add_session_config_entry(self, key: str, value: str) -> None:
        self.entries[key] = value


class FakeSession:
    def __init__(self, ort: FakeRuntime, options: Any, providers: Any, enable_fallback: int = 1) -> None:
        self.asked = [item if isinstance(item, tuple) else (item, {}) for item in providers]
        self.options = options
        for name, _ in self.asked:
            if name in ort.raises:
                raise RuntimeError(ort.raises[name])
        self.providers = [name for name, _ in self.asked if name in ort.starts]
        self.placed = (9, 1)
        self.fails = 0
        self.runs = 0
        self.bound: dict[str, Any] = {}

    def get_providers(self) -> list[str]:
        return self.providers

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="images", shape=[1, 3, "height", "width"])]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name="output")]

    def get_provider_graph_assignment_info(self) -> list[Any]:
        def part(name: str, count: int) -> Any:
            return SimpleNamespace(ep_name=name, get_nodes=lambda: range(count))

        return [part(name, count) for name, count in zip(self.providers, self.placed, strict=False)]

    def io_binding(self) -> FakeSession:
        return self

    def bind_ortvalue_input(self, name: str, value: Any) -> None:
        self.bound[name] = value

    def clear_binding_outputs(self) -> None:
        pass

    def bind_output(self, name: str, device: str) -> None:
        assert device == "cpu"

    def run_with_iobinding(self, binding: Any) -> None:
        assert binding is self
        self.runs += 1
        if self.fails:
            raise RuntimeError("CUDA failure 2: out of memory")

    def copy_outputs_to_cpu(self) -> list[Any]:
        return [self.bound["images"].array * 2]

    def run(self, names: Any, feeds: dict[str, Any]) -> list[Any]:
        self.runs += 1
        return [feeds["images"] * 2]


class FakeValue:
    made = 0

    def __init__(self, array: Any) -> None:
        self.array = array

    @classmethod
    def ortvalue_from_numpy(cls, array: Any, device: str, number: int) -> FakeValue:
        assert (device, number) == ("cuda", 0)
        cls.made += 1
        return cls(array)

    def update_inplace(self, array: Any) -> None:
        assert array.shape == self.array.shape
        self.array = array.copy()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a process of its own as far as what was said goes."""
    monkeypatch.setattr(onnx_session, "_said", set())
    monkeypatch.setattr(onnx_session, "_unstartable", set())
    FakeValue.made = 0


def install(monkeypatch: pytest.MonkeyPatch, runtime: FakeRuntime) -> FakeRuntime:
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    return runtime


@pytest.mark.parametrize(
    ("provider", "available", "chosen", "said"),
    [
        ("auto", ["CPU"], ["CPU"], None),
        ("auto", ["Azure", "CPU"], ["CPU"], None),
        ("auto", ["Tensorrt", "CUDA", "CPU"], ["CUDA", "CPU"], None),
        ("auto", ["Dml", "CPU"], ["Dml", "CPU"], None),
        ("auto", ["CoreML", "CPU"], ["CPU"], None),
        ("cpu", ["CUDA", "CPU"], ["CPU"], None),
        ("cuda", ["Tensorrt", "CUDA", "CPU"], ["CUDA", "CPU"], None),
        ("tensorrt", ["Tensorrt", "CUDA", "CPU"], ["Tensorrt", "CUDA", "CPU"], None),
        ("coreml", ["CoreML", "CPU"], ["CoreML", "CPU"], None),
        ("cuda", ["Azure", "CPU"], ["CPU"], "provider cuda was asked for.*has CPU; .*pip install.*gpu"),
        ("tensorrt", ["CUDA", "CPU"], ["CPU"], "provider tensorrt was asked for.*has CUDA, CPU"),
        ("directml", ["CPU"], ["CPU"], "onnxruntime-directml"),
    ],
)
def test_the_choice_for_every_setting(
    provider: str, available: list[str], chosen: list[str], said: str | None
) -> None:
    names, line = providers.choose(provider, full(available))
    assert names == full(chosen)
    assert (line is None) == (said is None)
    assert re.search(said or "", line or "")


def test_an_unknown_provider_names_the_known_ones() -> None:
    with pytest.raises(ModelError, match="'abacus': use auto, cpu, cuda, tensorrt"):
        providers.choose("abacus", full(["CPU"]))


def test_a_gpu_that_works_is_used_and_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime = install(monkeypatch, FakeRuntime())
    with caplog.at_level(logging.INFO):
        session = onnx_session.create_session(MODEL)
        onnx_session.create_session(MODEL)
    assert session.get_providers() == full(["CUDA", "CPU"])
    assert [record.getMessage() for record in caplog.records] == [
        "movenet_lightning.onnx runs on CUDA: 9 of 10 operations, 1 on CPU"
    ]
    assert runtime.preloaded == 2
    assert capsys.readouterr().out == "", "what ONNX Runtime prints is not among our results"
    assert runtime.sessions[0].options.entries == {"session.record_ep_graph_assignment_info": "1"}


def test_operations_that_are_mostly_left_to_the_cpu_are_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    line, bad = providers.placement_line(
        "m.onnx", full(["CUDA", "CPU"]), dict(zip(full(["CUDA", "CPU"]), (3, 7), strict=True))
    )
    assert bad
    assert (
        line
        == "m.onnx runs on CUDA: 3 of 10 operations, 7 on CPU; most are not on it, provider cpu may be faster"
    )
    fused = dict(zip(full(["Tensorrt", "CPU"]), (1, 4), strict=True))
    assert not providers.placement_line("m.onnx", full(["Tensorrt", "CPU"]), fused)[1]
    assert providers.placement_line("m.onnx", full(["CUDA"]), {}) == ("m.onnx runs on CUDA", False)


@pytest.mark.parametrize("provider", ["auto", "cuda"])
@pytest.mark.parametrize("raises", [{}, {"CUDAExecutionProvider": "driver too old"}])
def test_a_gpu_that_does_not_start_is_loud_once_and_the_cpu_works(
    provider: str, raises: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = install(monkeypatch, FakeRuntime(starts=["CPU"], raises=raises))
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            session = onnx_session.create_session(MODEL, provider=provider)
    assert session.get_providers() == full(["CPU"])
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    said = record.getMessage()
    assert said.startswith("CUDA could not be started")
    assert "running on the CPU: check that nvidia-smi" in said
    assert ("(driver too old)" in said) == bool(raises)
    assert runtime.preloaded == 1, "what did not start is not tried again"


def test_a_provider_that_is_not_installed_is_loud_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install(monkeypatch, FakeRuntime(built=["CPU"], starts=["CPU"]))
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            onnx_session.create_session(MODEL, provider="cuda")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "has CPU; running on the CPU: pip uninstall onnxruntime" in record.getMessage()


def test_tensorrt_that_is_not_there_leaves_the_work_to_cuda(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {"TensorrtExecutionProvider": "/src/a.cc:7 void f(int) Please install TensorRT"}
    install(monkeypatch, FakeRuntime(raises=broken))
    with caplog.at_level(logging.WARNING):
        session = onnx_session.create_session(MODEL, provider="tensorrt")
    assert session.get_providers() == full(["CUDA", "CPU"])
    said = caplog.records[0].getMessage()
    assert said.startswith("TensorRT could not be started (Please install TensorRT); running on CUDA: ")


def test_tensorrt_keeps_engines_in_the_cache_and_knows_every_shape(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    runtime = install(monkeypatch, FakeRuntime())
    onnx_session.create_session(MODEL, provider="tensorrt")
    asked = dict(runtime.sessions[-1].asked)
    options = asked["TensorrtExecutionProvider"]
    folder = Path(options["trt_engine_cache_path"])
    assert folder.is_dir()
    assert folder.parts[-2:] == ("posesync", "engines")
    assert options["trt_engine_cache_enable"] is True
    assert options["trt_profile_min_shapes"] == "images:1x3x96x96"
    assert options["trt_profile_opt_shapes"] == "images:1x3x320x320"
    assert options["trt_profile_max_shapes"] == "images:1x3x640x640"
    assert list(asked) == full(["Tensorrt", "CUDA", "CPU"])


def test_a_bad_model_file_is_not_blamed_on_the_gpu(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    everything = dict.fromkeys(full(GPU_WHEEL), "invalid protobuf")
    install(monkeypatch, FakeRuntime(raises=everything))
    with caplog.at_level(logging.WARNING), pytest.raises(ModelError, match="cannot be loaded"):
        onnx_session.create_session(MODEL, provider="cuda")
    assert not caplog.records


def test_inputs_stay_in_device_memory_of_their_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeRuntime())
    session = onnx_session.create_session(MODEL)
    for number, size in enumerate((4, 8, 4, 8, 4)):
        array = np.full((1, 3, size, size), number, np.float32)
        (output,) = session.run(None, {"images": array})
        np.testing.assert_array_equal(output, array * 2)
    assert FakeValue.made == 2
    for size in range(100, 140):
        session.run(None, {"images": np.zeros((1, 3, size, size), np.float32)})
    assert len(session._values) <= 16


def test_a_gpu_that_fails_on_the_way_is_loud_and_the_cpu_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = install(monkeypatch, FakeRuntime())
    session = onnx_session.create_session(MODEL)
    feeds = {"images": np.ones((1, 3, 4, 4), np.float32)}
    session.run(None, feeds)
    runtime.sessions[0].fails = 1
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            np.testing.assert_array_equal(session.run(None, feeds)[0], feeds["images"] * 2)
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "CUDA failed (CUDA failure 2: out of memory); continuing on the CPU" in record.getMessage()
    assert session.get_providers() == full(["CPU"])


def test_an_input_that_the_cpu_refuses_too_is_not_blamed_on_the_gpu(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = install(monkeypatch, FakeRuntime())
    session = onnx_session.create_session(MODEL)
    runtime.sessions[0].fails = 1
    with caplog.at_level(logging.WARNING), pytest.raises(ModelError, match=r"m\.onnx failed"):
        onnx_session.run(session, {"wrong": np.ones(3, np.float32)}, "m.onnx")
    assert not [record for record in caplog.records if "continuing" in record.getMessage()]


def test_binding_gives_what_an_ordinary_run_gives() -> None:
    """With the real ONNX Runtime and the real model, on the memory that this machine has."""
    ort = onnx_session.import_onnxruntime()
    movenet = MoveNet(MODEL, provider="cpu")
    plain = movenet.session
    bound = onnx_session.BoundSession(ort, plain, lambda: plain, device="cpu")
    rng = np.random.default_rng(5)
    name, kind = movenet._input, movenet._dtype
    for _ in range(3):
        image = rng.integers(0, 255, (1, movenet.size, movenet.size, 3)).astype(kind)
        kept = image.copy()
        np.testing.assert_array_equal(bound.run(None, {name: image})[0], plain.run(None, {name: image})[0])
        np.testing.assert_array_equal(image, kept)
    assert bound._binding is not None, "it fell back"


def test_binding_follows_a_changing_shape(model_dir: Path | None) -> None:
    if model_dir is None:
        pytest.skip("no model of dynamic shape here")
    ort = onnx_session.import_onnxruntime()
    plain = onnx_session.create_session(model_dir / "yolov5n.onnx", provider="cpu")
    bound = onnx_session.BoundSession(ort, plain, lambda: plain, device="cpu")
    rng = np.random.default_rng(6)
    for height, width in ((96, 96), (192, 320), (96, 96), (64, 160)):
        feeds = {plain.get_inputs()[0].name: rng.random((1, 3, height, width), dtype=np.float32)}
        np.testing.assert_array_equal(bound.run(None, feeds)[0], plain.run(None, feeds)[0])
    assert bound._binding is not None, "it fell back"


def test_the_real_runtime_says_where_operations_run() -> None:
    session = onnx_session._start(onnx_session.import_onnxruntime(), MODEL, 1, full(["CPU"]))
    nodes = onnx_session._placement(session)
    assert nodes == {} or (list(nodes) == full(["CPU"]) and nodes[providers.CPU] > 50)
