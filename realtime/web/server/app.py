"""The application: pages, library and practice socket behind one guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Final

from fastapi import FastAPI, HTTPException, WebSocket
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from posesync.pose.folders import data_folder
from posesync.realtime.pipeline.workers import opencv_on_one_thread
from posesync.realtime.report.history import HISTORY_FILE
from posesync.realtime.session.config import Config
from posesync.realtime.web.library.experts import ExpertStore
from posesync.realtime.web.library.routes import router
from posesync.realtime.web.practice.hub import Hub
from posesync.realtime.web.practice.socket import practise

from .guard import Guard, GuardMiddleware

_STATIC: Final = Path(str(resources.files("posesync.realtime.web") / "static"))
_FONTS: Final = Path(str(resources.files("posesync.realtime") / "media"))
#: Fonts shared with the window: name in a page → file.
_FONT_FILES: Final = {"inter-medium.woff": "Inter-Medium.woff", "inter-bold.woff": "Inter-Bold.woff"}


def create_app(
    config: Config,
    references: Sequence[Path],
    guard: Guard,
    *,
    max_sessions: int = 4,
    data_dir: Path | None = None,
) -> FastAPI:
    """Return the application. Its start begins preparing the experts; its end ends all sessions.

    Args:
        config: settings of every session.
        references: videos to practise with from the start.
        guard: decides which requests are allowed.
        max_sessions: how many sessions may run at once.
        data_dir: where uploads, logs, reports and history are kept; the user's data folder when None.

    Raises:
        SourceError: a reference is missing or not a video.
    """
    data = data_dir or data_folder()
    sessions, history = data / "sessions", data / HISTORY_FILE
    store = ExpertStore(config, references, folder=data / "experts")
    hub = Hub(store, config, folder=sessions, history=history, most=max_sessions)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        with opencv_on_one_thread():
            store.start()
            hub.start()
            try:
                yield
            finally:
                await hub.close()
                await asyncio.to_thread(store.close)

    app = FastAPI(lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.hub, app.state.store = hub, store
    app.include_router(router(store, sessions, history))
    _add_pages(app)

    @app.websocket("/ws/practice/{expert_id}")
    async def practice_socket(socket: WebSocket, expert_id: str) -> None:
        await practise(socket, expert_id, hub)

    app.add_middleware(GuardMiddleware, guard=guard)
    return app


def _add_pages(app: FastAPI) -> None:
    """Add the pages and their files; every name is the package's own."""

    @app.get("/", include_in_schema=False)
    async def library_page() -> FileResponse:
        return FileResponse(_STATIC / "index.html")

    @app.get("/practice/{expert_id}", include_in_schema=False)
    async def practice_page(expert_id: str) -> FileResponse:  # noqa: ARG001
        return FileResponse(_STATIC / "practice.html")

    @app.get("/static/fonts/{name}", include_in_schema=False)
    async def font(name: str) -> FileResponse:
        if name not in _FONT_FILES:
            raise HTTPException(404, "no such font")
        return FileResponse(_FONTS / _FONT_FILES[name], media_type="font/woff")

    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
