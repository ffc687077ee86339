"""The process is killed at every moment of every write; afterwards there is one card for each key, and it is whole."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from programme import Project, Server

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

CHILD = str(Path(__file__).with_name("crash_child.py"))
KILLED = -9


def first_run(_: Project, __: Server) -> None:
    """Nothing before: lists, labels, cards and checklists are made."""


def changed_row(project: Project, _: Server) -> None:
    project.run()
    project.edit("jobs.csv", "Two lines of it.", "Two other lines.")
    project.edit("jobs.csv", "Donor dashboard", "Donor atlas")


def ended_engagement(project: Project, _: Server) -> None:
    project.run()
    project.edit("people.csv", "accepted", "withdrawn")


def revived_engagement(project: Project, server: Server) -> None:
    ended_engagement(project, server)
    project.run()
    project.edit("people.csv", "withdrawn", "accepted")


def changed_children(project: Project, _: Server) -> None:
    project.run()
    project.edit("config.toml", '"Send the brief", "Give access"', '"Send the brief", "Share the drive"')
    project.edit("config.toml", 'labels = ["kickoff"]', 'labels = ["first call"]')


Scenario = Callable[[Project, Server], None]
SCENARIOS: list[tuple[Scenario, int]] = [
    (first_run, 8),
    (changed_row, 2),
    (ended_engagement, 2),
    (revived_engagement, 2),
    (changed_children, 5),
]
"""What happens, and how many writes it takes (which the first test below checks)."""

MOMENTS = ("before-send", "after-effect", "before-commit")
CASES = [
    pytest.param(scenario, moment, number, id=f"{scenario.__name__}-{moment}-{number}")
    for scenario, writes in SCENARIOS
    for moment in MOMENTS
    for number in range(1, writes + 1)
]


@pytest.mark.parametrize(("scenario", "writes"), SCENARIOS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_every_write_of_a_scenario_is_covered(
    scenario: Scenario, writes: int, project: Project, server: Server
) -> None:
    scenario(project, server)
    ended = project.start("look", "0", "run", program=(CHILD,))
    assert ended.code == 0, ended.err
    assert re.findall(r"writes: (\d+)", ended.err) == [str(writes)]


@pytest.mark.parametrize(("scenario", "moment", "number"), CASES)
def test_a_killed_run_leaves_one_whole_card_for_each_key(
    scenario: Scenario, moment: str, number: int, project: Project, server: Server
) -> None:
    scenario(project, server)
    killed = project.start(moment, str(number), "run", program=(CHILD,))
    assert killed.code == KILLED, killed.err
    assert sqlite3.connect(project.folder / "state.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)

    resumed = project.start("look", "0", "run", program=(CHILD,))  # the real one, but it does not wait
    assert resumed.code == 0, resumed.err
    assert_converged(project, server)


def assert_converged(project: Project, server: Server) -> None:
    """One card for each key, with exactly the lists, labels and checklist lines that an undisturbed run makes."""
    marked = server.marked()
    assert sorted(len(cards) for cards in marked.values()) == [1, 1]
    assert len(server.cards()) == 2
    lists = [each["name"] for each in server.call("GET", "/boards/DEMO2026/lists?filter=all")]
    assert sorted(lists) == sorted({*lists})
    labels = [each["name"] for each in server.call("GET", "/boards/DEMO2026/labels?limit=1000") if each["name"]]
    assert sorted(labels) == sorted({*labels})
    for card in server.cards():
        lines = [line["name"] for checklist in card["checklists"] for line in checklist["checkItems"]]
        assert sorted(lines) == sorted({*lines})
        assert len(lines) == (2 if card["name"].startswith("Kickoff") else 0)
    server.requests.clear()
    project.run()
    assert server.writes() == []
