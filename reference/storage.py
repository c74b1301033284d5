"""Stores arrays and a JSON header in one file: safe to load, versioned, never half-written.

The container is NumPy's ``.npz`` without pickle: one array ``header`` holds UTF-8 JSON, the others
hold numbers. A file is read as hostile input: member sizes are checked before anything is
inflated.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from posesync.pose.errors import ReferenceFileError
from posesync.pose.files import atomic_file

#: Version of the file format; increased when an older PoseSync could no longer read the file.
SCHEMA: Final = 1
#: Kind of file, as given in the header.
KIND: Final = "posesync-reference"
#: A larger array does not belong to a reference (30 minutes at 60 fps take 22 MB).
MAX_ARRAY_BYTES: Final = 1 << 30
#: Samples of a reference: 2 hours at 60 fps. An array of zeros shrinks to a thousandth of its size.
MAX_SAMPLES: Final = 432_000
_MAX_HEADER_BYTES: Final = 1 << 20

Array = npt.NDArray[Any]
_AGAIN: Final = "run `posesync prepare` on the expert's video again"


def write(path: Path, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write ``arrays`` and ``header`` to ``path``, atomically.

    Raises:
        OutputError: the disk is full, the folder missing or not writable.
    """
    text = json.dumps({"kind": KIND, "schema": SCHEMA, **header}, ensure_ascii=False, sort_keys=True)
    encoded = np.frombuffer(text.encode(), np.uint8)
    with atomic_file(path) as file:
        members: dict[str, Any] = {"header": encoded, **arrays}
        np.savez_compressed(file, **members)


def read(path: Path, names: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the header and the arrays called ``names``.

    Raises:
        ReferenceFileError: missing, not a reference, corrupt, or written by a newer PoseSync.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ReferenceFileError(f"{path} is a pipe or a device, expected a reference file: {_AGAIN}")
    try:
        with zipfile.ZipFile(path) as archive:
            header = _read_header(archive, path)
            return header, {name: _read_array(archive, name, MAX_ARRAY_BYTES) for name in names}
    except FileNotFoundError:
        raise ReferenceFileError(
            f"no reference file {path}: run `posesync prepare` on the expert's video"
        ) from None
    except IsADirectoryError:
        raise ReferenceFileError(f"{path} is a folder, expected a reference file: {_AGAIN}") from None
    except OSError as error:
        raise ReferenceFileError(
            f"cannot read {path} ({error.strerror or error}): check it, or {_AGAIN}"
        ) from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        KeyError,
        EOFError,
        RecursionError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        reason = " ".join(str(error).split())[:120]
        raise ReferenceFileError(f"{path} is corrupt or not a reference file ({reason}): {_AGAIN}") from None


def _read_header(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    encoded = _read_array(archive, "header", _MAX_HEADER_BYTES)
    if encoded.dtype != np.uint8:
        raise ValueError("its header is not text")
    header = json.loads(encoded.tobytes().decode())
    if (
        not isinstance(header, dict)
        or header.get("kind") != KIND
        or not isinstance(header.get("schema"), int)
    ):
        raise ValueError("its header is not a reference's")
    if header["schema"] > SCHEMA:
        raise ReferenceFileError(
            f"{path} has format {header['schema']}, expected {SCHEMA} or older: "
            "it was made by a newer PoseSync, so update with `pip install -U posesync`"
        )
    return header


def _read_array(archive: zipfile.ZipFile, name: str, limit: int) -> Array:
    """Return one array of numbers; refuse Python objects and data that inflate beyond ``limit`` bytes."""
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > limit:
        raise ValueError(f"{name} would take {info.file_size} bytes, expected at most {limit}")
    with archive.open(info) as member:
        shape, _, dtype = _array_header(member)
        if shape and shape[0] > MAX_SAMPLES and name != "header":
            raise ValueError(f"{name} has {shape[0]} samples, expected at most {MAX_SAMPLES}")
        if dtype.kind not in "fiu" or np.prod([*shape, dtype.itemsize], dtype=float) > limit:
            raise ValueError(f"{name} is not an array of plain numbers")
    with archive.open(info) as member:
        array: Array = np.lib.format.read_array(member, allow_pickle=False)
    return array


def _array_header(member: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(member)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(member)
    raise ValueError(f"array format {version} is unknown")
