"""A log for machines: every line on stderr is JSON, tells run, target and key, and holds no value of a record or item."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from programme import Project, Server

pytestmark = pytest.mark.system

VALUES = (
    "Ana", "Lopez", "ana.lopez", "students.example", "Boss", "boss@", "Donor", "dashboard", "Find out", "Two lines",
    "Bo Li", "no-such", "Kickoff", "Final", "Send the brief",
)  # fmt: skip
"""What stands in the sample's rows, and so in titles, bodies and lines."""
LEVELS = ((), ("-v",), ("-vv",))


@pytest.fixture
def telling(project: Project) -> Project:
    """A project whose items and problems are full of names."""
    project.edit("config.toml", "[milestones]\n", '[privacy]\nallow = ["name", "contact"]\n\n[milestones]\n')
    project.edit("config.toml", "({{ applicant.label }})", "({{ applicant.name }}, {{ applicant.email }})")
    project.edit("config.toml", 'due = "start"', 'due = "start"\nassignee = "supervisor"')
    project.edit("jobs.csv", "ends_on\n", "ends_on,supervisor_name,supervisor_email\n")
    project.edit("jobs.csv", "2026-03-20\n", "2026-03-20,The Boss,boss@corp.example\n")
    project.edit("people.csv", "accepted\n", "accepted\nS-2,Bo Li,bo@students.example,no-such,accepted\n")
    return project


def lines(text: str) -> list[dict[str, Any]]:
    """Every line of stderr, or it is no log for machines."""
    found = [json.loads(line) for line in text.splitlines()]
    for line in found:
        assert {"ts", "level", "run_id", "target", "key", "logger", "message"} <= set(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["ts"])
    return found


def told(project: Project, *arguments: str, **environ: str) -> list[dict[str, Any]]:
    ended = project.start(*arguments, "--log-format", "json", **environ)
    assert ended.code in {0, 3, 6}, ended.err
    assert [value for value in VALUES if value in ended.err] == []
    return lines(ended.err)


@pytest.mark.parametrize("level", LEVELS, ids=len)
def test_a_whole_life_leaves_no_value_in_the_log(telling: Project, server: Server, level: tuple[str, ...]) -> None:
    first = told(telling, "run", *level)
    assert {line["level"] for line in first} <= {"warning", "info", "debug"}
    problems = [line for line in first if line["level"] == "warning"]
    assert {line["field"] for line in problems} == {"assignee", "posting_id"}
    (unassigned,) = [line for line in problems if line["field"] == "assignee"]
    keys = server.marked()
    assert (unassigned["target"], unassigned["key"] in keys, unassigned["where"]) == ("board", True, unassigned["key"])
    kickoff = server.card("Kickoff")
    server.call("PUT", f"/cards/{kickoff['id']}", name="Kickoff of Ana Lopez", desc=f"Boss says\n\n{kickoff['desc']}")
    telling.edit("jobs.csv", "Find out who gives.", "Find out who gave.")
    (asked,) = [line for line in told(telling, "run", *level) if line.get("field") == "body"]
    assert (asked["target"], asked["key"] in keys) == ("board", True)
    server.call("DELETE", f"/cards/{server.card('Final')['id']}")
    told(telling, "plan", *level)
    told(telling, "check", *level)
    refused = told(telling, "run", "--output", "json", *level, TRELLO_TOKEN="wrong")
    assert any("Trello" in line["message"] for line in refused if line["level"] == "warning")


def test_what_happens_is_told_by_run_target_and_key(telling: Project, server: Server) -> None:
    found = told(telling, "run", "-vv")
    (run_id,) = {line["run_id"] for line in found}
    history = telling.start("history", "--output", "json").json()["runs"]
    assert [run["run_id"] for run in history] == [run_id]
    made = [line for line in found if line["message"].startswith("board: create done")]
    assert {line["key"] for line in made} == set(server.marked())
    assert [line["target"] for line in found if line["logger"] == "mi_sync.http"] == ["board"] * len(server.requests)
    assert {line.get("source") for line in found if "reading" in line["message"]} == {"jobs", "people"}
    assert "began" in found[0]["message"]
    (end,) = [line for line in found if "exit_code" in line]
    assert (end["status"], end["exit_code"], end["targets"]["board"]["created"]) == ("partial", 3, 2)


def test_errors_are_lines_too(telling: Project) -> None:
    ended = telling.start("run", "--log-format", "json", TRELLO_TOKEN="")
    (line,) = lines(ended.err)
    assert (ended.code, line["level"], line["where"], line["field"]) == (2, "error", "config.toml", "targets[0].token")
    ended = telling.start("apply", "no.plan", "--log-format", "json")
    assert (ended.code, [line["level"] for line in lines(ended.err)]) == (2, ["error"])


def test_text_logs_hold_no_values_either(telling: Project) -> None:
    log = [line for line in telling.start("run", "-vv").err.splitlines() if line.startswith(("INFO", "DEBUG"))]
    assert len(log) > 8
    assert [value for value in VALUES if value in "\n".join(log)] == []
