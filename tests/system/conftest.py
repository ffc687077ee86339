from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import faulty
from asana_lab import AsanaHand, hand
from chromium import CHROMIUM
from mi_sync_asana.sandbox import sandbox as asana
from mi_sync_asana.sandbox.seed import PROJECT
from programme import Project, Server, listening, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright  # late: most tests here need none

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "sandbox") as served:
        yield served


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path, server: Server) -> Project:
    made = Project.make(tmp_path / "project", server)
    if getattr(request, "param", "sqlite") == "postgres":
        made.keep_state_at(request.getfixturevalue("server_place").url)
    return made


@pytest.fixture
def tasks(tmp_path: Path) -> Iterator[Server]:
    """Asana beside the Trello of `server`."""
    log: list[tuple[str, str]] = []
    with listening(asana, tmp_path / "asana", log) as (url, app):
        (token,) = app.environ.values()
        yield Server(url, {"ASANA_TOKEN": token}, log)


@pytest.fixture
def both(project: Project, tasks: Server) -> Project:
    """The project on both boards."""
    token = '{ env = "ASANA_TOKEN" }'
    target = f'\n[[targets]]\nname = "tasks"\nconnector = "asana"\nproject = "{PROJECT}"\ntoken = {token}\n'
    config = (project.folder / "config.toml").read_text("utf-8")
    project.write("config.toml", f'{config}{target}plan = "paid"\napi_url = "{tasks.url}/api/1.0"\n')
    project.server.environ |= tasks.environ
    return project


@pytest.fixture
def person(tasks: Server) -> AsanaHand:
    """A person at that project."""
    return hand(tasks.url, tasks.environ["ASANA_TOKEN"])


@pytest.fixture(params=["trello", "asana"])
def tool(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[faulty.Tool]:
    """One of the two, served so that it can be broken."""
    name: faulty.ToolName = request.param
    with faulty.serving(name, tmp_path / name) as served:
        yield served


@pytest.fixture
def desk(
    tmp_path: Path, tool: faulty.Tool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> faulty.Desk:
    """A project that is run against it in this process."""
    return faulty.Desk.make(tmp_path / "desk", monkeypatch, capsys, tool)
