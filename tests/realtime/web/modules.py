"""The pages' modules in a real browser, without a server: logic that needs neither camera nor network."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from browsing import chromium

STATIC = Path(str(resources.files("posesync.realtime"))) / "web" / "static"
ORIGIN = "http://localhost:8765"


@contextmanager
def empty_page(playwright: Any) -> Iterator[Any]:
    """An empty page that may load the package's modules."""

    def answer(route: Any) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        if path == "/":
            route.fulfill(body="<!doctype html><title>logic</title>", content_type="text/html")
            return
        file = STATIC / path.removeprefix("/static/")
        kind = "text/javascript" if file.suffix == ".js" else mimetypes.guess_type(file)[0]
        route.fulfill(body=file.read_bytes(), content_type=kind or "text/plain")

    with chromium(playwright) as browser:
        page = browser.new_page()
        page.route(f"{ORIGIN}/**", answer)
        page.goto(f"{ORIGIN}/")
        yield page


def run(page: Any, module: str, body: str, given: Any = None) -> Any:
    """``body`` with the module as ``m`` and ``given``; gives what it returns."""
    code = f"async (given) => {{ const m = await import('/static/js/{module}.js'); {body} }}"
    return page.evaluate(code, given)
