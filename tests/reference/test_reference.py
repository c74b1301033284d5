from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from motion import perform
from posesync.pose.errors import InvalidDataError, OutputError, ReferenceFileError
from posesync.reference import Origin, Reference, storage

TIMES = np.arange(40) / 30


def made() -> Reference:
    origin = Origin(file="expert é.mp4", sha256="ab", width=640, height=480, fps=29.97, warning="breaks off")
    return Reference.from_keypoints(perform(TIMES), TIMES, origin=origin)


def test_features_and_duration_belong_to_the_samples():
    reference = made()
    assert len(reference) == 40
    assert reference.duration == pytest.approx(39 / 30)
    assert reference.features.values.shape == reference.features.weights.shape == (40, 28)
    assert reference.seen.all()


@pytest.mark.parametrize("array", ["times", "keypoints"])
def test_arrays_are_read_only_and_our_own(array: str):
    keypoints, times = perform(TIMES), TIMES.copy()
    reference = Reference.from_keypoints(keypoints, times)
    keypoints[:] = times[:] = 0
    assert getattr(reference, array).any()
    with pytest.raises(ValueError, match="read-only"):
        getattr(reference, array)[0] = 1


def test_one_sample_is_a_reference():
    reference = Reference.from_keypoints(perform(np.zeros(1)), np.zeros(1))
    assert (len(reference), reference.duration) == (1, 0.0)


def test_a_frame_without_a_person_stays_a_sample_with_an_empty_mask():
    keypoints = perform(TIMES)
    keypoints[7] = 0
    reference = Reference.from_keypoints(keypoints, TIMES)
    assert len(reference) == 40
    assert reference.seen.tolist() == [n != 7 for n in range(40)]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_not_finite_counts_as_not_seen(value: float):
    keypoints = perform(TIMES)
    keypoints[3, 9, 0] = value
    reference = Reference.from_keypoints(keypoints, TIMES)
    assert reference.keypoints[3, 9].tolist() == [0, 0, 0]
    assert np.isfinite(reference.features.values).all()
    assert reference.keypoints[3, 8, 2] > 0


@pytest.mark.parametrize(
    ("keypoints", "times", "said"),
    [
        (np.zeros((3, 17, 2)), np.arange(3), r"\(3, 17, 2\)"),
        (np.zeros((17, 3)), np.arange(3), r"\(17, 3\)"),
        (np.zeros((3, 17, 3)), np.arange(4), "one time per frame"),
        (np.zeros((0, 17, 3)), np.zeros(0), "T ≥ 1"),
        (np.zeros((3, 17, 3)), np.array([0, 1, 1]), "1 s after 1 at sample 2"),
        (np.zeros((3, 17, 3)), np.array([0, 2, 1]), "strictly increasing"),
        (np.zeros((3, 17, 3)), np.array([0, np.nan, 1]), "nan"),
        (np.zeros((3, 17, 3)), ["a", "b", "c"], "not numbers"),
        ("keypoints", np.arange(3), "not numbers"),
    ],
)
def test_wrong_data_is_refused_in_one_line(keypoints, times, said: str):
    with pytest.raises(InvalidDataError, match=said) as caught:
        Reference.from_keypoints(keypoints, times)
    assert "\n" not in str(caught.value)


@settings(max_examples=25)
@given(
    data=st.data(),
    gaps=hnp.arrays(np.float64, st.integers(1, 20), elements=st.floats(1e-3, 1e3)),
)
def test_a_file_gives_back_what_was_saved(data, gaps, tmp_path_factory):
    times = np.cumsum(gaps)
    elements = st.floats(-1e4, 1e4, width=32) | st.just(float("nan"))
    keypoints = data.draw(hnp.arrays(np.float32, (len(times), 17, 3), elements=elements, fill=st.just(0.5)))
    path = tmp_path_factory.mktemp("saved") / "reference.npz"
    saved = Reference.from_keypoints(keypoints, times)
    saved.save(path)
    loaded = Reference.load(path)
    assert np.array_equal(loaded.times, saved.times)
    assert np.array_equal(loaded.keypoints, saved.keypoints)
    assert np.array_equal(loaded.features.values, saved.features.values)
    assert ((loaded.keypoints[..., 2] >= 0) & (loaded.keypoints[..., 2] <= 1)).all()


def test_a_file_remembers_where_it_came_from(tmp_path: Path):
    made().save(tmp_path / "a.npz")
    assert Reference.load(tmp_path / "a.npz").origin == made().origin


def rewrite(path: Path, **arrays: np.ndarray) -> None:
    with np.load(path) as old:
        np.savez(path, **{**{name: old[name] for name in old.files}, **arrays})


def header(**values: object) -> np.ndarray:
    return np.frombuffer(json.dumps({"kind": "posesync-reference", "schema": 1, **values}).encode(), np.uint8)


def object_member(path: Path) -> None:
    """A pickle where numbers should be, as an attacker would leave it."""

    class Attack:
        def __reduce__(self):
            return (Path.touch, (path.parent / "ran",))

    rewrite(path, times=np.array([Attack()], dtype=object))


def bomb(path: Path) -> None:
    """Two kilobytes that claim to be four terabytes."""
    text = io.BytesIO()
    np.lib.format.write_array_header_1_0(text, {"descr": "<f8", "fortran_order": False, "shape": (1 << 39,)})
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(path.with_suffix(".new"), "w") as new:
        new.writestr("header.npy", old.read("header.npy"))
        new.writestr("times.npy", text.getvalue())
        new.writestr("keypoints.npy", old.read("keypoints.npy"))
    path.with_suffix(".new").replace(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
        lambda p: p.write_bytes(b""),
        lambda p: p.write_bytes(b"PK\x03\x04 and then nothing"),
        lambda p: p.write_bytes(
            bytes(b ^ 255 if 400 < n < 4000 else b for n, b in enumerate(p.read_bytes()))
        ),
        lambda p: rewrite(p, times=np.zeros(40)),
        lambda p: rewrite(p, keypoints=np.zeros((40, 3))),
        lambda p: rewrite(p, header=np.frombuffer(b"{", np.uint8)),
        lambda p: rewrite(p, header=np.frombuffer(b"\xff\xfe", np.uint8)),
        lambda p: rewrite(p, header=header(kind="something else")),
        lambda p: rewrite(p, header=header(schema="1")),
        lambda p: np.savez(p.open("wb"), unrelated=np.zeros(3)),
        object_member,
        bomb,
    ],
    ids=[
        "cut",
        "empty",
        "no-zip",
        "flipped",
        "times",
        "shape",
        "json",
        "text",
        "kind",
        "schema",
        "other",
        "pickle",
        "bomb",
    ],
)
def test_a_damaged_file_is_one_line_with_the_next_step(damage, tmp_path: Path):
    path = tmp_path / "reference.npz"
    made().save(path)
    damage(path)
    with pytest.raises(ReferenceFileError, match=r"corrupt.*posesync prepare") as caught:
        Reference.load(path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_a_file_of_a_newer_version_says_to_update(tmp_path: Path):
    path = tmp_path / "reference.npz"
    made().save(path)
    rewrite(path, header=header(schema=99))
    with pytest.raises(ReferenceFileError, match=r"format 99.*update"):
        Reference.load(path)


@pytest.mark.parametrize("origin", [None, 5, [], {"file": 3, "models": "x", "width": "wide", "new": 1}])
def test_a_strange_origin_is_no_reason_to_refuse(origin: object, tmp_path: Path):
    path = tmp_path / "reference.npz"
    made().save(path)
    rewrite(path, header=header(origin=origin))
    assert Reference.load(path).origin == Origin()


@pytest.mark.parametrize(("name", "said"), [("missing.npz", "no reference file"), (".", "is a folder")])
def test_no_file(name: str, said: str, tmp_path: Path):
    with pytest.raises(ReferenceFileError, match=said):
        Reference.load(tmp_path / name)


@pytest.mark.parametrize(("folder", "said"), [("missing", "does not exist"), ("a-file", "expected a folder")])
def test_a_folder_that_cannot_be_written(folder: str, said: str, tmp_path: Path):
    (tmp_path / "a-file").write_text("")
    with pytest.raises(OutputError, match=said):
        made().save(tmp_path / folder / "reference.npz")


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from posesync.pose.errors import OutputError
from posesync.reference import Reference
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    keypoints = np.random.default_rng(0).random((500, 17, 3))
    Reference.from_keypoints(keypoints, np.arange(500.0)).save(sys.argv[1])
except OutputError as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a file size limit")
def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "reference.npz"
    made().save(path)
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "larger than is allowed" in done.stderr
    assert len(Reference.load(path)) == 40
    assert [p.name for p in tmp_path.iterdir()] == ["reference.npz"]


@pytest.mark.parametrize(
    ("samples", "kind"), [(storage.MAX_SAMPLES + 1, np.uint8), (10, np.complex128), (10, np.bool_)]
)
def test_what_a_small_file_would_become_is_looked_at_first(samples: int, kind: type, tmp_path: Path):
    """A megabyte of zeros stands for gigabytes of keypoints."""
    arrays = {"times": np.arange(samples).astype(kind), "keypoints": np.zeros((samples, 1, 1), kind)}
    storage.write(tmp_path / "a.npz", {}, arrays)
    with pytest.raises(ReferenceFileError) as caught:
        Reference.load(tmp_path / "a.npz")
    assert "\n" not in str(caught.value)
    assert ("samples" in str(caught.value)) == (samples > 10)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_pipe_is_no_reference_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(ReferenceFileError, match="pipe"):
        Reference.load(tmp_path / "a.npz")
