"""Finds model files: in POSESYNC_MODEL_DIR, the user cache or the package; otherwise downloads them.

The list of models is ``configs/models.toml``. A copy in POSESYNC_MODEL_DIR is the user's own choice and is
used whatever its checksum (with a warning); a copy in the cache or the package must have a known checksum.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from posesync.pose.folders import cache_folder

from .digest import file_sha256
from .errors import ModelError
from .files import make_private_folder, scratch_folder

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

logger = logging.getLogger(__name__)

MODEL_DIR_VARIABLE: Final = "POSESYNC_MODEL_DIR"
OFFLINE_VARIABLE: Final = "POSESYNC_OFFLINE"
PACKAGED: Final = Path(__file__).parent / "models"

#: s after which a hub that does not answer counts as absent: for name look-up, proxy and reply together.
HUB_TIMEOUT: Final = 5.0
#: s without a single byte after which a running download is given up.
STALL_TIMEOUT: Final = 10.0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One entry of ``configs/models.toml``; the fields are explained there."""

    name: str
    purpose: str
    file: str
    licence: str
    origin: str
    sha256: tuple[str, ...]
    url: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """Status of one model, as shown by `posesync models`.

    Attributes:
        info: the entry in the list.
        path: the file, None when it is not on this machine.
        size: bytes on disk, 0 when missing.
        checksum_ok: whether it has a known checksum; None when missing.
    """

    info: ModelInfo
    path: Path | None
    size: int
    checksum_ok: bool | None

    @property
    def name(self) -> str:
        """The model's name, for :func:`find_model`."""
        return self.info.name


@cache
def known_models() -> dict[str, ModelInfo]:
    """Return every model PoseSync can use, by name."""
    text = resources.files("posesync.configs").joinpath("models.toml").read_text(encoding="utf-8")
    return {
        name: ModelInfo(name=name, **{**entry, "sha256": tuple(entry["sha256"])})
        for name, entry in tomllib.loads(text).items()
    }


def model_info(name: str) -> ModelInfo:
    """Return the entry of one model.

    Raises:
        ModelError: no such name.
    """
    models = known_models()
    if name not in models:
        raise ModelError(f"there is no model {name!r}: use one of {', '.join(models)}")
    return models[name]


def cache_dir() -> Path:
    """Return the folder for downloaded models; it is created when the first one is stored."""
    return cache_folder() / "models"


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        return file_sha256(path)
    except OSError as error:
        raise ModelError(
            f"model {path} cannot be read ({error.strerror}): check the file and its permissions"
        ) from None


def _own_folder() -> Path | None:
    """Return the folder that POSESYNC_MODEL_DIR names, None when it is not set."""
    named = os.environ.get(MODEL_DIR_VARIABLE, "")
    return Path(named).expanduser() if named else None


def _places(info: ModelInfo) -> list[Path]:
    """Return the places where a model is looked for, in order."""
    own = _own_folder()
    return [folder / info.file for folder in (*([own] if own else []), cache_dir(), PACKAGED)]


def find_model(name: str, *, download: bool = True) -> Path:
    """Return the path of a model's file, downloaded when it is not on this machine.

    Args:
        name: one of :func:`known_models`.
        download: fetch a missing model from its hub; never done when POSESYNC_OFFLINE is set.

    Raises:
        ModelError: unknown name, no copy found and none to fetch, a file with a wrong checksum that could not
            be replaced, no hub, or a download with a wrong checksum.
    """
    info = model_info(name)
    own = _own_folder()
    spoilt: Path | None = None
    for path in _places(info):
        if not path.is_file():
            continue
        if sha256_of(path) in info.sha256:
            return path
        if own is not None and path.parent == own:
            logger.warning(
                "%s is not a copy PoseSync knows (different checksum); using it because %s names its folder",
                path,
                MODEL_DIR_VARIABLE,
            )
            return path
        spoilt = spoilt or path
    try:
        return _download(info, download)
    except ModelError:
        if spoilt is None:
            raise
        raise ModelError(
            f"model {spoilt} has the wrong checksum, expected {info.sha256[0][:12]}…: "
            f"delete it, then {info.remedy}"
        ) from None


def own_model(named: str) -> Path:
    """Return the path of a model given by the user: a file, or a name from the list of models.

    Raises:
        ModelError: neither.
    """
    path = Path(named).expanduser()
    if path.is_file():
        return path
    if named in known_models():
        return find_model(named)
    own = _own_folder()
    if own is not None and not path.is_absolute() and (own / path).is_file():
        return own / path
    raise ModelError(
        f"model {named} does not exist: give the path of a file, or one of {', '.join(known_models())}"
    )


def list_models() -> list[ModelStatus]:
    """Return the status of every known model; nothing is downloaded."""
    return [_status(info) for info in known_models().values()]


def _status(info: ModelInfo) -> ModelStatus:
    """Return the status of one model, looked up where :func:`find_model` looks."""
    for path in _places(info):
        if path.is_file():
            return ModelStatus(info, path, path.stat().st_size, sha256_of(path) in info.sha256)
    return ModelStatus(info, None, 0, None)


def _download(info: ModelInfo, allowed: bool) -> Path:
    """Download a model into the user cache: verified by its checksum, visible only when complete."""
    if not info.url:
        raise ModelError(f"model {info.file} was not found: {info.remedy}")
    if not allowed or os.environ.get(OFFLINE_VARIABLE):
        raise ModelError(f"model {info.file} is not on this machine: {info.remedy}")
    problem = _hub_problem(info.url)
    if problem:
        raise ModelError(f"model {info.file} could not be fetched ({problem}): {info.remedy}")
    import pooch
    import requests

    folder = cache_dir()
    logger.info("fetching %s (%s) from %s", info.file, info.licence, info.url)
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        make_private_folder(folder)
        with scratch_folder(folder) as scratch:
            made = pooch.retrieve(
                info.url,
                known_hash=f"sha256:{info.sha256[0]}",
                fname=info.file,
                path=scratch,
                downloader=pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=STALL_TIMEOUT),
            )
            path = Path(made).replace(folder / info.file)
    except ValueError:
        raise ModelError(
            f"the download of {info.file} has the wrong checksum, expected {info.sha256[0][:12]}…: "
            f"try again later, or put a good copy into the folder that {MODEL_DIR_VARIABLE} names"
        ) from None
    except requests.RequestException as error:
        raise ModelError(
            f"the download of {info.file} failed ({type(error).__name__}): {info.remedy}"
        ) from None
    except OSError as error:
        raise ModelError(
            f"{info.file} cannot be written to {folder} ({error.strerror or error}): "
            "free some space, or make the folder writable"
        ) from None
    return path


@cache
def _hub_problem(url: str) -> str:
    """Return why a hub cannot be used, '' when it answers; checked once per process, within HUB_TIMEOUT s.

    A thread makes the request, because a name server that does not answer blocks longer than any socket
    timeout.
    """
    import requests

    problem = [f"no answer within {HUB_TIMEOUT:.0f} s"]

    def ask() -> None:
        try:
            reply = requests.head(url, allow_redirects=True, timeout=HUB_TIMEOUT)
            problem[0] = "" if reply.ok else f"the hub answered {reply.status_code}"
        except requests.RequestException as error:
            problem[0] = f"no connection to the hub, {type(error).__name__}"

    thread = threading.Thread(target=ask, name="ask-hub", daemon=True)
    thread.start()
    thread.join(HUB_TIMEOUT)
    return problem[0]
