"""The report in a real browser: nothing loaded, no console errors, accessible."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from limits import CHROMIUM
from posesync.realtime.report import write_report
from session_logs import HEADER, picture, write_log

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
pytestmark = pytest.mark.browser

#: Shows how the page lies at this width, and how small its smallest letters are.
LAYOUT = """() => ({
  overflow: document.documentElement.scrollWidth - innerWidth,
  smallest: Math.min(
    ...[...document.querySelectorAll('.plot text')].map(e => e.getBoundingClientRect().height)),
  charts: [...document.querySelectorAll('.plot > svg[role=img]')].map(e => e.getBoundingClientRect().width),
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A full report with pictures and an earlier session; one of a broken, hostile log."""
    folder = tmp_path_factory.mktemp("pages")
    history = folder / "history.sqlite3"
    moments = [
        {"t": 5 * i, "position": 5.0 * i, "score": 20 + i, "cue": "bend your right knee more",
         "joints": {"left_elbow": -30}, "performer": picture(60), "expert": picture(200)}
        for i in range(5)
    ]  # fmt: skip
    write_report(
        write_log(folder / "before.jsonl", 900, at=1_700_000_000), folder / "before.html", history=history
    )
    full = write_log(folder / "full.jsonl", 1000, bad=(3.0, 9.0), summary={"moments": moments})
    write_report(full, folder / "full.html", history=history)
    name = (
        "<script>document.title='owned'</script>\"><img src=https://example.org/x.png onerror=alert(1)>" * 3
    )
    hostile = {**HEADER, "reference": {**HEADER["reference"], "file": name}}  # type: ignore[dict-item]
    broken = write_log(folder / "broken.jsonl", 300, header=hostile)
    broken.write_bytes(broken.read_bytes()[:-300])
    write_report(broken, folder / "broken.html", history=folder)  # a folder is no history
    return {name: folder / f"{name}.html" for name in ("full", "broken")}


@pytest.mark.parametrize("name", ["full", "broken"])
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_the_page_is_quiet_readable_and_accessible(
    name: str, width: int, scheme: str, pages: dict[str, Path], browser: Any
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[name].as_uri())
    page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    layout = page.evaluate(LAYOUT)
    assert layout["overflow"] <= 0, "the page scrolls sideways"
    assert layout["smallest"] >= 11, "letters in charts are too small to read"
    assert min(layout["charts"]) >= 0.55 * min(width - 64, 1024)
    assert page.title().startswith("Practice report: ")
    found = axe.Axe().run(page).response
    assert len(found["passes"]) > 20, "axe-core did not look"
    grave = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in grave] == []
    assert said == []
    assert [url for url in asked if not re.match(r"file:|data:image/jpeg", url)] == []
    page.close()


def test_every_picture_is_shown_and_every_chart_has_its_words_and_table(
    pages: dict[str, Path], browser: Any
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(pages["full"].as_uri())
    widths = page.evaluate("() => [...document.images].map(image => image.naturalWidth)")
    assert widths == [60] * 10
    charts = page.query_selector_all(".plot > svg[role=img]")
    assert len(charts) == 5
    for chart in charts:
        assert len(chart.query_selector("title").text_content()) > 10
        assert len(chart.query_selector("desc").text_content()) > 30
    assert page.locator("table").count() == 6
    page.close()


def test_the_policy_stops_what_slipped_through(pages: dict[str, Path], browser: Any, tmp_path: Path) -> None:
    """Were something not escaped after all, it would still neither run nor load."""
    text = pages["full"].read_text(encoding="utf-8")
    bad = tmp_path / "bad.html"
    evil = "<script>document.title='owned'</script><img src='http://127.0.0.1:9/x.png'>"
    bad.write_text(text.replace("<main>", f"<main>{evil}"), encoding="utf-8")
    page = browser.new_page()
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.failure))
    page.goto(bad.as_uri())
    assert page.title().startswith("Practice report")
    assert all("csp" in reason.lower() or "blocked" in reason.lower() for reason in failed)
    page.close()
