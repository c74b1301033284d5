"""The library's routes: experts, their pictures and videos, and past sessions.

No text from a client becomes a path: experts are looked up in the store, reports in a listing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import anyio
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from posesync.pose.errors import OutputError, PoseSyncError
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from .experts import ExpertStore
from .session_history import SessionHistory
from .uploads import UploadError, Uploads, shown_name

#: s for which a refused sender may continue sending.
LINGER: Final = 1.0

_VIDEO: Final = "video/mp4"
_PICTURE: Final = "image/jpeg"
_PAGE: Final = "text/html; charset=utf-8"
_READ: Final = ["GET", "HEAD"]


def router(
    store: ExpertStore, sessions: Path, history_path: Path, *, uploads: Uploads | None = None
) -> APIRouter:
    """Return the routes of the library.

    Args:
        store: the experts.
        sessions: folder of kept sessions, with their reports.
        history_path: path of the history.
        uploads: receives videos; with the default limits when None.
    """
    uploads = uploads or Uploads(store.folder)
    api = APIRouter(include_in_schema=False)
    _add_experts(api, store, uploads)
    _add_uploading(api, store, uploads)
    _add_media(api, store)
    _add_past(api, SessionHistory(store, sessions, history_path))
    return api


def refusal(status: int, code: str, message: str) -> JSONResponse:
    """Return a refusal: a word for programs and a line for people, always in the same form."""
    return JSONResponse(_refused(code, message), status)


def _refused(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


class _WhileSending(JSONResponse):
    """A refusal while the client is still sending: data is discarded for a while before the connection ends.

    If it ended at once, the client would see a broken connection instead of the reason.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the answer, then discard data for :data:`LINGER` s at most."""
        self.headers["Connection"] = "close"
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with anyio.move_on_after(LINGER):
            await _pass_over(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _pass_over(receive: Receive) -> None:
    more = True
    while more:
        more = bool((await receive()).get("more_body", False))


def _unknown() -> JSONResponse:
    return refusal(404, "unknown", "there is no such expert: choose one from the library")


def _add_experts(api: APIRouter, store: ExpertStore, uploads: Uploads) -> None:
    @api.get("/api/experts")
    async def list_experts() -> JSONResponse:
        found = await run_in_threadpool(store.list)
        # With the limits, so that a page need not send 3 GB to learn that it is too much.
        return JSONResponse({"experts": [info.to_dict() for info in found], "upload": uploads.limits})

    @api.get("/api/experts/{identity}")
    async def get_expert(identity: str) -> JSONResponse:
        info = await run_in_threadpool(store.get, identity)
        return _unknown() if info is None else JSONResponse(info.to_dict())

    @api.post("/api/experts/{identity}/prepare")
    async def prepare_again(identity: str) -> JSONResponse:
        try:
            info = await run_in_threadpool(store.retry, identity)
        except PoseSyncError:
            return _unknown()
        return JSONResponse(info.to_dict(), 202)

    @api.delete("/api/experts/{identity}")
    async def remove_expert(identity: str) -> Response:
        info = await run_in_threadpool(store.get, identity)
        if info is None:
            return _unknown()
        try:
            await run_in_threadpool(store.remove, identity)
        except PoseSyncError as error:  # not an uploaded one, or already removed
            return refusal(403, "not-uploaded", str(error)) if not info.uploaded else _unknown()
        return Response(status_code=204)


def _add_uploading(api: APIRouter, store: ExpertStore, uploads: Uploads) -> None:
    @api.post("/api/experts")
    async def add_expert(request: Request) -> JSONResponse:
        name = shown_name(request.headers.get("x-file-name", ""))
        try:
            async with uploads.receive(request.stream(), request.headers.get("content-length")) as path:
                info = await run_in_threadpool(store.add_upload, path, name)
        except UploadError as error:
            form = _WhileSending if error.unread else JSONResponse
            return form(_refused(error.code, str(error)), error.status)
        except OutputError as error:
            return refusal(507, "disk", str(error))
        return JSONResponse(info.to_dict(), 202)


def _add_media(api: APIRouter, store: ExpertStore) -> None:
    @api.api_route("/media/{identity}/video.mp4", methods=_READ)
    async def video(identity: str) -> Response:
        return await run_in_threadpool(media, identity, store.video, _VIDEO)

    @api.api_route("/media/{identity}/thumbnail.jpg", methods=_READ)
    async def thumbnail(identity: str) -> Response:
        return await run_in_threadpool(media, identity, store.thumbnail, _PICTURE)

    def media(identity: str, find: Any, kind: str) -> Response:
        if store.get(identity) is None:
            return _unknown()
        try:
            return _file(find(identity), kind) or refusal(409, "not-ready", "it is prepared again: wait")
        except PoseSyncError as error:
            return refusal(409, "not-ready", str(error))


def _add_past(api: APIRouter, past: SessionHistory) -> None:
    @api.get("/api/history")
    async def history() -> JSONResponse:
        try:
            return JSONResponse({"sessions": await run_in_threadpool(past.sessions)})
        except OutputError as error:
            return refusal(503, "history", str(error))

    @api.api_route("/reports/{identity}", methods=_READ)
    async def report(identity: str) -> Response:
        path = await run_in_threadpool(past.report, identity)
        found = None if path is None else await run_in_threadpool(_file, path, _PAGE)
        return found or refusal(404, "unknown", "there is no such report: it may have been deleted")


def _file(path: Path, kind: str) -> FileResponse | None:
    """Return a file response with ranges; None when the file has just been deleted."""
    try:
        return FileResponse(path, media_type=kind, stat_result=path.stat())
    except OSError:
        return None
