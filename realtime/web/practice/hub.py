"""Every session of a server: opened, resumed after a broken connection, ended when its page is gone."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, Protocol

from posesync.pose.errors import PoseSyncError
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.session.config import Config
from starlette.concurrency import run_in_threadpool

from .protocol import Ended
from .session import Finished, PracticeSession

logger = logging.getLogger(__name__)

#: s for which a session outlives its connection.
GRACE: Final = 15.0
#: s without a frame or a command after which a session ends …
IDLE: Final = 60.0
#: … and the same while it is paused.
IDLE_PAUSED: Final = 1800.0
#: s between two checks of the sessions.
_TICK: Final = 1.0

Why = Literal["asked", "idle", "shutdown", "failed"]
_IN_LOG: Final[dict[Why, str]] = {
    "asked": "quit",
    "idle": "idle",
    "shutdown": "interrupted",
    "failed": "failed",
}


class HubFullError(PoseSyncError):
    """Raised when the server has no room for another session."""


class Experts(Protocol):
    """The source of the hub's experts."""

    def open(self, identity: str, /) -> Expert:
        """Return a new expert for one session; raises SourceError when there is none, or it is not ready."""


class Outlet(Protocol):
    """A connection, as a session uses it; called from any thread."""

    def offer(self, text: str, latest: bool) -> None:
        """Send a message; of those marked ``latest`` only the newest matters."""

    def end(self, text: str) -> None:
        """Send a last message, then close."""


def report_id(log: Path) -> str:
    """Return the identifier of a session's report: it reveals no file name and survives a restart."""
    return sha256(log.with_suffix(".jsonl").name.encode()).hexdigest()[:16]


@dataclass
class Held:
    """A session and its connection.

    Attributes:
        expert_id: identity of the expert it follows.
        session: the session; messages it sends before it is set here are lost.
        outlet: its connection, or None while there is none.
        alone_since: s, monotonic, time since which there is none.
        ending: whether its end has begun.
    """

    expert_id: str
    session: PracticeSession = field(init=False)
    outlet: Outlet | None = None
    alone_since: float = 0.0
    ending: bool = False

    def tell(self, text: str, latest: bool) -> None:
        """Send a message of the session to its page; without a connection it is lost."""
        outlet = self.outlet
        if outlet is not None:
            outlet.offer(text, latest)


class Hub:
    """Keeps all sessions of a server. Call its methods only in the event loop's thread.

    Args:
        experts: source of the experts.
        config: settings of every session.
        folder: where logs and reports are kept.
        history: the history's file, or None.
        most: sessions at a time, at most.
    """

    def __init__(
        self, experts: Experts, config: Config, *, folder: Path, history: Path | None, most: int
    ) -> None:
        self._experts, self._config = experts, config
        self._folder, self._history, self._most = folder, history, most
        self._held: dict[str, Held] = {}
        self._opening = 0
        self._ends: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def running(self) -> int:
        """Return the number of sessions, including those being opened."""
        return len(self._held) + self._opening

    def start(self) -> None:
        """Start watching for sessions that have failed or lost their page."""
        self._watch = asyncio.create_task(self._look_after())

    async def open(self, expert_id: str, outlet: Outlet) -> Held:
        """Open a session for a connection, send its welcome, and return it.

        Raises:
            HubFullError: the server has no room for another session.
            SourceError: there is no such expert, or it is not ready.
            ModelError: a model is missing or cannot be run.
        """
        if self.running >= self._most:
            await self._make_room()
        if self._closed or self.running >= self._most:
            raise HubFullError(
                f"{self.running} of {self._most} sessions are running: end one, or start the server with a "
                "larger --max-sessions"
            )
        self._opening += 1
        try:
            held = await run_in_threadpool(self._make, expert_id)
        finally:
            self._opening -= 1
        # Before any other message of the session: a page expects the welcome first.
        outlet.offer(held.session.welcome(resumed=False), False)
        held.outlet = outlet
        self._held[held.session.name] = held
        return held

    def resume(self, name: str, expert_id: str, outlet: Outlet) -> Held | None:
        """Return the session of a broken connection, after a new welcome; None if over, or another expert's.

        A connection that it still has is closed: a page notices sooner than a server that it is dead.
        """
        held = self._held.get(name)
        if held is None or held.ending or held.expert_id != expert_id:
            return None
        outlet.offer(held.session.welcome(resumed=True), False)
        held.outlet, before = outlet, held.outlet
        if before is not None:
            before.end("")
        held.session.renumber()
        return held

    def leave(self, held: Held, outlet: Outlet) -> None:
        """Note that a connection is gone; its session waits GRACE s for another."""
        if held.outlet is outlet:
            held.outlet, held.alone_since = None, time.monotonic()
            if held.session.empty:
                self.end(held, "idle")

    def end(self, held: Held, why: Why) -> None:
        """Start ending a session; its page is told when log and report are complete."""
        if not held.ending:
            held.ending = True
            task = asyncio.create_task(self._end(held, why))
            self._ends.add(task)
            task.add_done_callback(self._ends.discard)

    async def close(self) -> None:
        """End all sessions, and wait for their ends."""
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        for held in list(self._held.values()):
            self.end(held, "shutdown")
        if self._ends:
            await asyncio.gather(*self._ends, return_exceptions=True)

    # -- inside --------------------------------------------------------------------------------------------

    async def _make_room(self) -> None:
        """End the session that has been without a page the longest: its user has probably left."""
        alone = [held for held in self._held.values() if held.outlet is None]
        if alone:
            self.end(min(alone, key=lambda held: held.alone_since), "idle")
            await asyncio.wait(set(self._ends))

    def _make(self, expert_id: str) -> Held:
        expert = self._experts.open(expert_id)
        held = Held(expert_id)
        try:
            held.session = PracticeSession(
                secrets.token_urlsafe(12),
                expert,
                self._config,
                folder=self._folder,
                history=self._history,
                tell=held.tell,
            )
        except BaseException:
            if expert.proxy is not None:
                expert.proxy.close()
            raise
        return held

    async def _end(self, held: Held, why: Why) -> None:
        try:
            finished = await run_in_threadpool(held.session.finish, _IN_LOG[why])
        except Exception:  # an error in one session must not affect the others
            logger.exception("a session could not be ended in order")
            finished = Finished(None, {})
        self._held.pop(held.session.name, None)
        if held.outlet is not None:
            page = None if finished.report is None else f"/reports/{report_id(finished.report)}"
            failed = "failed" if held.session.failed is not None else why
            held.outlet.end(Ended(why=failed, report=page, summary=finished.summary).model_dump_json())

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            now = time.monotonic()
            for held in list(self._held.values()):
                session = held.session
                if session.failed is not None:
                    self.end(held, "failed")
                elif (held.outlet is None and now - held.alone_since > GRACE) or (
                    now - session.heard > (IDLE_PAUSED if session.paused else IDLE)
                ):
                    self.end(held, "idle")
