"""Prepares a library of experts that is too large for one machine with the workers of a Dask cluster.

Dask distributed (extra ``[cluster]``) distributes the work; a worker that dies loses only its current video,
because finished ones are in the content cache. That folder and the videos must be on a shared disk, at the
same path for every worker. A Dask scheduler obeys anybody who can reach it: keep it on a network you trust,
or use ``tls://``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Final

from posesync.pose.errors import ConfigError
from posesync.pose.settings import PoseSettings

from .library import Done, Outcome, failed, prepare_one, with_copies
from .prepare import reference_cache_dir

log = logging.getLogger(__name__)

#: s within which the scheduler must answer and at least one worker must be there.
CONNECT_TIMEOUT: Final = 10.0
WORKER_TIMEOUT: Final = 60.0
#: s without news after which the scheduler is asked whether any worker is left.
CHECK_EVERY: Final = 15.0
INSTALL_HINT: Final = 'pip install "posesync[cluster]", here and on every worker'


def prepare_on_cluster(
    videos: Sequence[Path],
    scheduler: str,
    *,
    settings: PoseSettings | None = None,
    cache_dir: Path | None = None,
    force: bool = False,
    done: Done | None = None,
) -> list[Outcome]:
    """Prepare many videos on a Dask cluster.

    Args:
        videos: files on a disk that every worker sees under the same path.
        scheduler: its address, as ``tcp://192.168.0.5:8786``.
        settings: how keypoints are found; the defaults when None. Each worker uses its own models.
        cache_dir: where to keep the results, seen by every worker; by default :func:`reference_cache_dir`.
        force: prepare videos again that are in the cache.
        done: called after each video.

    Returns:
        An outcome for each video (given twice: once), in the order given.

    Raises:
        ConfigError: no Dask here, no scheduler or no worker answers, or a worker has another PoseSync.
    """
    distributed = _import_distributed()
    settings = settings or PoseSettings()
    cache = (cache_dir or reference_cache_dir()).absolute()
    client = _connect(distributed, scheduler)
    with client, client.as_current():
        _check_workers(client, scheduler)
        return with_copies(
            [path.absolute() for path in videos],
            cache,
            done,
            lambda one_each, take: _run(distributed, client, one_each, (settings, cache, force), take),
        )


def _import_distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError as error:
        reason = " ".join(str(error).split())[:120]
        raise ConfigError(f"engine dask needs Dask distributed ({reason}): {INSTALL_HINT}") from None


def _connect(distributed: Any, scheduler: str) -> Any:
    try:
        return distributed.Client(scheduler, timeout=CONNECT_TIMEOUT, set_as_default=False)
    except (OSError, ValueError, TypeError, ImportError) as error:  # no answer, or no address at all
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ConfigError(
            f"no Dask scheduler at {scheduler} ({reason}): start one with `dask scheduler` and give its "
            "address, as in --scheduler tcp://192.168.0.5:8786"
        ) from None


def _check_workers(client: Any, scheduler: str) -> None:
    """Require a worker at least, all with this version of PoseSync: another would store results elsewhere."""
    try:
        client.wait_for_workers(1, timeout=WORKER_TIMEOUT)
        versions = client.run(posesync_version, on_error="return")
    except TimeoutError:
        raise ConfigError(
            f"the scheduler {scheduler} has no worker: start `dask worker {scheduler}` on each machine"
        ) from None
    ours = posesync_version()
    for worker, version in versions.items():
        if version != ours:
            what = " ".join(str(version).split())[:120]
            raise ConfigError(
                f"worker {worker} has PoseSync {what}, expected {ours}: install the same version everywhere"
            )


def posesync_version() -> str:
    """Return the version of PoseSync on the machine that runs this."""
    return metadata.version("posesync")


def _run(
    distributed: Any, client: Any, videos: list[Path], job: tuple[PoseSettings, Path, bool], take: Done
) -> None:
    """Distribute the videos and collect their outcomes; results are released at once."""
    waiting = {client.submit(prepare_one, path, *job, pure=False): path for path in videos}
    told = False
    try:
        while waiting:
            try:
                ready = distributed.wait(
                    list(waiting), timeout=CHECK_EVERY, return_when="FIRST_COMPLETED"
                ).done
            except TimeoutError:
                if not client.scheduler_info()["workers"] and not told:
                    told = True
                    log.warning("no worker is left: start another with `dask worker`; what is done is kept")
                continue
            told = False
            for future in ready:
                take(_outcome(future, waiting.pop(future)))
                future.release()
    finally:
        client.cancel(list(waiting))


def _outcome(future: Any, path: Path) -> Outcome:
    """Return the outcome of a task; a worker's result counts only when it can be read from here."""
    if future.status != "finished":
        error = future.exception() if future.status == "error" else future.status
        if type(error).__name__ == "KilledWorker":
            return failed(path, "several workers died of it: try it alone on one machine, with --jobs 1")
        return failed(path, f"its worker failed ({type(error).__name__}: {error}): see the worker's log")
    outcome: Outcome = future.result()
    if outcome.folder is not None and not outcome.folder.is_dir():
        return failed(
            path,
            f"its worker kept it in {outcome.folder}, which is not seen from here: "
            "put the cache (XDG_CACHE_HOME) on a disk that all machines share",
        )
    return outcome
