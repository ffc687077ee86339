"""The sandbox's pages in a real browser: a run as it happens, faults and limits by the forms, and no barrier."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from chromium import NEEDED
from faulty import TARGETS
from mi_sync.cli import serve
from mi_sync.connector import harvest
from mi_sync.identity import Marker
from mi_sync_asana.sandbox.seed import PROJECT
from programme import CONFIG, Project, Server

pytestmark = NEEDED
PATIENCE = 60_000
"""Milliseconds that the page has to show what happened; the machine may do other work."""
Tool = Literal["trello", "asana"]
BOARDS: dict[Tool, str] = {"trello": "/b/DEMO2026", "asana": f"/0/{PROJECT}"}


@dataclass
class Stage:
    """A project on one board of a running sandbox."""

    tool: Tool
    url: str
    project: Project

    def run(self) -> dict[str, Any]:
        return self.project.run()

    def started(self) -> subprocess.Popen[str]:
        """A run of the real command line that has begun."""
        environ = self.project.server.environ
        return subprocess.Popen(
            [sys.executable, "-m", "mi_sync", "run", "--output", "json"],
            cwd=self.project.folder,
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def marks(self) -> list[str]:
        """The keys on the board, one for each item that carries one."""
        environ = self.project.server.environ
        if self.tool == "trello":
            items = self.project.server.cards()
            found = [Marker.decode(harvest(each["desc"])[1]) for each in items]
        else:
            items = requests.get(
                f"{self.url}/api/1.0/tasks?project={PROJECT}&opt_fields=external.data",
                headers={"Authorization": f"Bearer {environ['ASANA_TOKEN']}"},
                timeout=30,
            ).json()["data"]
            found = [Marker.decode(each["external"]["data"].split()[0]) for each in items]
        return sorted(it.key for it in found if it is not None)


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    tool: Tool = getattr(request, "param", "trello")
    with serve.serving(tmp_path / "sandbox") as served:
        app = served.apps[tool]
        names = {"key": "TRELLO_KEY", "token": "TRELLO_TOKEN"} if tool == "trello" else {"token": "ASANA_TOKEN"}
        environ = {variable: app.environ[app.settings[name]["env"]] for name, variable in names.items()}
        project = Project.make(tmp_path / "project", Server(served.url, environ))
        head = CONFIG[: CONFIG.index("[[targets]]")]
        target = TARGETS[tool].replace("{url}", served.url).replace("{{", "{").replace("}}", "}")
        project.write("config.toml", head + target)
        yield Stage(tool, served.url, project)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 700})
    yield context.new_page()
    context.close()


ON_EACH = pytest.mark.parametrize("stage", ["trello", "asana"], indirect=True)


# ------------------------------------------------------------------------------------ a run as it happens


@ON_EACH
def test_cards_arrive_on_the_open_page_while_a_run_goes_on(stage: Stage, page: Page) -> None:
    told = list[str]()
    page.on("console", lambda message: told.append(message.text))
    page.goto(stage.url + BOARDS[stage.tool])
    page.evaluate("window.opened = 'once'")
    expect(page.locator("article.card")).to_have_count(0)
    slow = {"kind": "slow", "seconds": 1.5, "method": "POST", "times": 3}
    requests.post(f"{stage.url}/{stage.tool}/faults", json=slow, timeout=30).raise_for_status()
    with stage.started() as run:
        page.locator("article.card.new").first.wait_for(timeout=PATIENCE)
        expect(page.locator("article.card")).to_have_count(2, timeout=PATIENCE)
        _, err = run.communicate(timeout=100)
    assert run.returncode == 0, err
    expect(page.locator("article.card.new, article.card.changed")).to_have_count(0, timeout=PATIENCE)
    assert page.evaluate("window.opened") == "once"
    assert told == []


def test_what_did_not_change_stays_as_the_reader_left_it(stage: Stage, page: Page) -> None:
    stage.run()
    for number in range(12):
        stage.project.server.call("POST", "/cards", idList=_first_list(stage), name=f"Filler {number}")
    page.goto(stage.url + BOARDS["trello"])
    last = page.locator("article.card", has_text="Filler 11")
    first = page.locator("article.card", has_text="Kickoff: Donor dashboard")
    first.locator("summary").click()
    last.scroll_into_view_if_needed()
    last.locator("a").focus()
    top = page.evaluate("scrollY")
    assert top > 0
    first.evaluate("it => { it.mine = true }")
    card = stage.project.server.card("Filler 3")
    stage.project.server.call("PUT", f"/cards/{card['id']}", name="Changed 3")
    changed = page.locator("article.card", has_text="Changed 3")
    expect(changed).to_have_class(re.compile(r"\bchanged\b"), timeout=PATIENCE)
    expect(page.locator("article.card.changed, article.card.new")).to_have_count(1)
    assert page.evaluate("scrollY") == top
    assert first.evaluate("it => it.mine && it.querySelector('details').open")
    assert last.locator("a").evaluate("it => it === document.activeElement")
    expect(page.get_by_role("status")).to_have_text("Just now: 1 changed")


def _first_list(stage: Stage) -> str:
    return str(stage.project.server.call("GET", "/boards/DEMO2026/lists")[0]["id"])


def test_a_card_that_moves_is_marked_where_it_goes(stage: Stage, page: Page) -> None:
    server = stage.project.server
    for name in ("Stays", "Moves"):
        server.call("POST", "/cards", idList=_first_list(stage), name=name)
    page.goto(stage.url + BOARDS["trello"])
    doing = next(each for each in server.call("GET", "/boards/DEMO2026/lists") if each["name"] == "Doing")
    server.call("PUT", f"/cards/{server.card('Moves')['id']}", idList=doing["id"])
    there = page.get_by_label("Doing").locator("article.card.changed")
    expect(there).to_contain_text("Moves", timeout=PATIENCE)
    expect(page.locator("article.card.changed, article.card.new")).to_have_count(1)


def test_the_page_says_when_nobody_answers_and_goes_on_when_somebody_does(page: Page, tmp_path: Path) -> None:
    with serve.serving(tmp_path / "sandbox") as served:
        page.goto(served.url + BOARDS["trello"])
        port = int(served.url.rpartition(":")[2])
    status = page.get_by_role("status")
    expect(status).to_have_text("The sandbox does not answer; this page waits for it.", timeout=PATIENCE)
    with serve.serving(tmp_path / "sandbox", port=port):
        expect(status).to_have_text("", timeout=PATIENCE)


@pytest.mark.parametrize(("motion", "name"), [("reduce", "none"), ("no-preference", "arrive")])
def test_nothing_moves_for_who_wants_it_still(browser: Browser, stage: Stage, motion: Any, name: str) -> None:
    context = browser.new_context(reduced_motion=motion)
    page = context.new_page()
    page.goto(stage.url + BOARDS["trello"])
    stage.project.server.call("POST", "/cards", idList=_first_list(stage), name="Arrives")
    page.locator("article.card.new").wait_for(timeout=PATIENCE)
    style = page.locator("article.card.new").evaluate("it => getComputedStyle(it).animationName")
    assert style == name
    context.close()


def test_without_scripts_the_page_reloads_by_itself(browser: Browser, stage: Stage) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(stage.url + BOARDS["trello"])
    expect(page.locator("article.card")).to_have_count(0)
    stage.project.server.call("POST", "/cards", idList=_first_list(stage), name="Arrives")
    expect(page.locator("article.card")).to_have_count(1, timeout=PATIENCE)
    context.close()


# ------------------------------------------------------------------------------------- faults and limits


@ON_EACH
@pytest.mark.parametrize("scripts", [True, False])
def test_a_fault_is_thrown_by_the_form_and_a_run_comes_right_all_the_same(
    browser: Browser, stage: Stage, *, scripts: bool
) -> None:
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    page.goto(f"{stage.url}/{stage.tool}/control")
    page.get_by_role("button", name="Lose an answer").click()
    armed = page.locator("#armed tbody tr")
    expect(armed).to_contain_text("0 of 1")
    told = stage.run()
    assert [each["created"] for each in told["targets"].values()] == [2]
    marks = stage.marks()
    assert len(marks) == len(set(marks)) == 2
    if not scripts:
        page.goto(f"{stage.url}/{stage.tool}/control")
    expect(armed).to_contain_text("1 of 1, over", timeout=PATIENCE)
    expect(page.locator("#requests")).to_contain_text("closed")
    page.get_by_role("button", name="End all").click()
    expect(page.locator("#armed")).to_contain_text("Everything works")
    assert stage.run()["targets"][next(iter(told["targets"]))]["created"] == 0
    context.close()


def test_a_fault_of_ones_own_is_thrown_by_the_form(stage: Stage, page: Page) -> None:
    page.goto(f"{stage.url}/trello/control")
    page.get_by_text("Another fault").click()
    page.get_by_label("Fault", exact=False).first.select_option("fail_before")
    page.get_by_label("Method").select_option("POST")
    page.get_by_label("Path").fill("^/cards$")
    page.get_by_label("Spare the first").fill("1")
    page.get_by_label("Then strike").fill("2")
    page.get_by_label("With status").fill("503")
    page.get_by_role("button", name="Throw it").click()
    (fault,) = requests.get(f"{stage.url}/trello/faults", timeout=30).json()
    wanted = {"kind": "fail_before", "method": "POST", "path": "^/cards$", "after": 1, "times": 2, "status": 503}
    assert {name: fault[name] for name in wanted} == wanted


def test_what_somebody_is_typing_stays_while_requests_come_in(stage: Stage, page: Page) -> None:
    page.goto(f"{stage.url}/trello/control")
    page.locator("input[name=token]").fill("77")
    stage.project.server.cards()
    expect(page.locator("#requests tbody tr")).to_have_count(1, timeout=PATIENCE)
    expect(page.locator("input[name=token]")).to_have_value("77")


def test_a_limit_is_lowered_by_the_form_and_a_run_bears_the_429s(stage: Stage, page: Page) -> None:
    page.goto(f"{stage.url}/trello/control")
    page.locator("input[name=key]").fill("9")
    page.get_by_role("button", name="Set limits").click()
    expect(page.locator("input[name=key]")).to_have_value("9")
    told = stage.run()
    assert (told["exit_code"], told["targets"]["board"]["created"]) == (0, 2)
    expect(page.locator("#requests .chip.soon").first).to_be_visible(timeout=PATIENCE)
    assert re.search(r"[1-9]\d* answered with 429", page.locator("#requests").inner_text())
    page.locator("input[name=key]").fill("")
    page.get_by_role("button", name="Set limits").click()
    expect(page.locator("input[name=key]")).to_have_value("300")
    assert len(set(stage.marks())) == 2


# -------------------------------------------------------------------------------------------- every page


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demonstration that has run and stays."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "mi_sync", "demo", "--stay"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as demo:
        try:
            assert demo.stdout is not None
            lines = list(iter(demo.stdout.readline, "Press Ctrl-C to end the demonstration and its sandbox.\n"))
            yield next(line.split()[-1] for line in lines if line.startswith("# Watch it in a browser: "))
        finally:
            demo.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def paths(demonstration: str) -> list[str]:
    """Every page that the index leads to, a card of each board, and a form that was refused."""
    index = requests.get(demonstration, timeout=30).text
    found = [path for path in re.findall(r'href="(/[^"]+)"', index) if not path.endswith((".ics", ".csv"))]
    cards = [
        re.search(
            rf'href="({start}[^"]+)"',
            requests.get(f"{demonstration}{board[1:]}", timeout=30).text.partition("<main")[2],
        )
        for board, start in ((BOARDS["trello"], "/c/"), (BOARDS["asana"], f"{BOARDS['asana']}/"))
    ]
    return ["/", *found, "/trello", "/asana", *(card[1] for card in cards if card)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_and_nothing_is_cut(
    browser: Browser, demonstration: str, paths: list[str], scheme: Literal["light", "dark"], width: int, tmp_path: Path
) -> None:
    assert len(paths) == 12
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    for number, path in enumerate(paths):
        page.goto(f"{demonstration}{path[1:]}")
        page.locator("details").evaluate_all("all => all.forEach(it => { it.open = true })")
        page.screenshot(path=tmp_path / f"{number}.png")
        found = Axe().run(page).response["violations"]
        assert [(path, it["id"], [node["html"] for node in it["nodes"]]) for it in found] == []
        assert (path, page.evaluate("document.documentElement.scrollWidth")) <= (path, width)
    context.close()


def test_the_browser_blocks_nothing_of_ours_and_asks_nobody_else(
    page: Page, demonstration: str, paths: list[str]
) -> None:
    told, asked = list[str](), set[str]()
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda request: asked.add(request.url.partition("/")[2].split("/")[1]))
    for path in paths:
        page.goto(f"{demonstration}{path[1:]}", wait_until="networkidle")
    assert told == []
    assert asked == {demonstration.split("/")[2]}
