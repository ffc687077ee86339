"""A connector of somebody else: built and installed as a package of its own, found, held to the contract, and used."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from mi_sync.connector import Board, Connector, Registry, harvest, plant
from mi_sync.model import Patch
from mi_sync.testing import check_board, check_runs
from programme import CONFIG, JOBS, PEOPLE, Project, Server, listening

if TYPE_CHECKING:
    from corkboard_lab import CorkboardLab

THIRD = Path(__file__).parent.parent / "data" / "third"
SIGNS = st.sampled_from(["a", "b ", "*", "**", "_", "~~", "`", "```", "\n", "# ", "[", "](u)", "\\", "\t", "\u00a0"])
MARKDOWN = st.recursive(
    SIGNS,
    lambda inner: (
        st.lists(inner, max_size=4).map("".join)
        | st.tuples(st.sampled_from(["**{}**", "*{}*", "`{}`", "# {}", "[{}](u)"]), inner).map(
            lambda it: it[0].format(it[1])
        )
    ),
)
TARGET = """\
[[targets]]
name = "cork"
connector = "corkboard"
board = "DEMO"
token = { env = "CORKBOARD_TOKEN" }
"""


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of installed packages with this one in it, as `pip install` leaves it."""
    out, site = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=THIRD, check=True, capture_output=True, timeout=60)
    (wheel,) = out.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(THIRD)  # the lab, which is no part of the package
        patched.syspath_prepend(site)
        yield site


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], CorkboardLab]:
    from corkboard_lab import CorkboardLab

    return lambda: CorkboardLab(tmp_path_factory.mktemp("cork"))


def test_the_registry_finds_it_beside_the_others(site: Path, lab: Callable[[], CorkboardLab]) -> None:
    found = Registry().load("corkboard")
    assert isinstance(found, Connector)
    assert Path(sys.modules["mi_sync_corkboard"].__file__ or "").is_relative_to(site)
    assert {"corkboard", "files", "trello"} <= set(Registry().names)
    board = lab().open()
    assert isinstance(board, Board)
    assert board.capabilities == found.capabilities


def test_it_keeps_the_contract(lab: Callable[[], CorkboardLab]) -> None:
    check_board(lab)


def test_an_instant_is_kept_as_its_day_in_the_programmes_timezone(lab: Callable[[], CorkboardLab]) -> None:
    board = lab().open()
    night = datetime(2026, 3, 21, 3, 30, tzinfo=UTC)  # in Chicago it is still the 20th
    made = board.merge(Patch(None, "1.token", "", {"title": "Late", "list": "To do", "due": night}))
    assert made.due == date(2026, 3, 20)


def test_whole_runs_on_it_keep_their_promises(lab: Callable[[], CorkboardLab]) -> None:
    check_runs(lab)


@given(MARKDOWN)
def test_a_plain_text_is_its_own_plain_form_and_is_read_back_as_such(markdown: str) -> None:
    from mi_sync_corkboard.text import plain

    text = plain(markdown)
    assert plain(text) == text
    assert harvest(plant(text, "1.token")) == (text, "1.token")


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("# One\n\ntwo **three *four***, `five` and ~~six~~", "One\n\ntwo three four, five and six"),
        ("See [the brief](https://example.org/a_b_c).", "See the brief (https://example.org/a_b_c)."),
        ("```python\na * b * c\n```\n- kept\n> kept", "a * b * c\n- kept\n> kept"),
        ("2*3*4, snake_case_name and \\*escaped\\*", "2*3*4, snake_case_name and \\*escaped\\*"),
    ],
)
def test_marks_are_taken_off_and_what_they_stand_around_is_kept(markdown: str, text: str) -> None:
    from mi_sync_corkboard.text import plain

    assert plain(markdown) == text


# ------------------------------------------------------------------------------- from the command line


@pytest.fixture
def server(tmp_path: Path, site: Path) -> Iterator[Server]:
    from mi_sync_corkboard.sandbox import sandbox

    log: list[tuple[str, str]] = []
    with listening(sandbox, tmp_path / "sandbox", log) as (url, app):
        path = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
        yield Server(url, {**app.environ, "PYTHONPATH": os.pathsep.join(path)}, log)


@pytest.fixture
def project(tmp_path: Path, server: Server) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Project(folder, server)
    api_url = f'api_url = "{server.url}/corkboard/v1"\n'
    made.write("config.toml", f"{CONFIG.partition('[[targets]]')[0]}{TARGET}{api_url}")
    made.write("jobs.csv", JOBS)
    made.write("people.csv", PEOPLE)
    return made


@pytest.mark.system
def test_the_plan_tells_what_is_lost_and_a_second_run_writes_nothing(project: Project, server: Server) -> None:
    planned = project.start("plan", "--output", "json").json()
    assert {each["field"]: each["why"].split(",")[0] for each in planned["problems"]} == {
        "labels": "lossy: Corkboard's notes have no labels",
        "checklist": "lossy: Corkboard's notes have no checklist",
        "due": "lossy: Corkboard's notes are due on a day",
    }
    assert server.writes() == []
    assert project.run()["targets"]["cork"]["created"] == 2
    page = requests.get(f"{server.url}/corkboard", timeout=30).text
    assert "Kickoff: Donor dashboard (AL), due 2026-03-02" in page
    assert "- Send the brief\n- Give access" in page

    server.requests.clear()
    assert project.run()["targets"]["cork"]["unchanged"] == 2
    assert server.requests
    assert server.writes() == []


@pytest.mark.system
def test_the_command_line_shows_it(project: Project) -> None:
    shown = project.start("connectors", "corkboard", "--output", "json").json()
    assert [each["key"] for each in shown["settings"]] == ["board", "token", "api_url"]
    assert shown["capabilities"]["labels"] is False
