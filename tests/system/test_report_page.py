"""The report in a real browser: no barrier that axe knows, nothing blocked, fetched or cut, in any light and width."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from chromium import NEEDED
from mi_sync import report
from mi_sync.model import Privacy
from reports import EMPTY, everywhere, facts, material

pytestmark = NEEDED
PAGES = {
    "full": facts(),
    "public": facts(material(allow=frozenset({Privacy.PUBLIC}))),
    "empty": EMPTY,
    "long": everywhere("A long name without end " * 8 + "x" * 200, "https://example.org/"),
}


def opened(browser: Browser, file: Path, scheme: Literal["light", "dark"], width: int, *, checked: bool) -> Page:
    """The page with all its tables unfolded; to be checked, axe has to be let in past the policy."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=checked)
    page = context.new_page()
    page.goto(file.as_uri())
    page.locator("details").evaluate_all("all => all.forEach(it => { it.open = true })")
    return page


@pytest.fixture(params=PAGES)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_text(report.render(PAGES[request.param]), "utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_and_nothing_is_cut(
    browser: Browser, file: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    page = opened(browser, file, scheme, width, checked=True)
    found = Axe().run(page).response["violations"]
    assert [(it["id"], [node["html"] for node in it["nodes"]]) for it in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


def test_the_browser_takes_our_style_and_fetches_nothing(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(report.render(facts()), "utf-8")
    context = browser.new_context(color_scheme="dark")
    page, told, fetched = context.new_page(), list[str](), list[str]()
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(file.as_uri())
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 23, 30)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert (told, fetched) == ([], [file.as_uri()])
    context.close()
