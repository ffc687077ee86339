"""The main job on Asana: the real command line, over real HTTP, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from asana_lab import AsanaHand
from mi_sync_asana import bodies
from mi_sync_asana.sandbox import sandbox
from mi_sync_asana.sandbox.seed import PROJECT
from programme import CONFIG, JOBS, PEOPLE, Project, Server, listening

pytestmark = pytest.mark.system

TARGET = f"""\
[[targets]]
name = "project"
connector = "asana"
project = "https://app.asana.com/0/{PROJECT}/list"
token = {{ env = "ASANA_TOKEN" }}
plan = "paid"
"""
FIELDS = "name,html_notes,completed,due_at,resource_subtype,tags.name,modified_at,memberships.section.name,external"


class Person(AsanaHand):
    """A person at the project, whom the server's log leaves out."""

    def tasks(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in self.pages(f"/projects/{PROJECT}/tasks", FIELDS)}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    log: list[tuple[str, str]] = []
    with listening(sandbox, tmp_path / "sandbox", log) as (url, app):
        (token,) = app.environ.values()
        yield Server(url, {"ASANA_TOKEN": token}, log)


@pytest.fixture
def person(server: Server) -> Person:
    session = requests.Session()
    session.headers.update({"Authorization": f"Bearer {server.environ['ASANA_TOKEN']}", "X-Observer": "1"})
    return Person(session, server.url)


@pytest.fixture
def project(tmp_path: Path, server: Server) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Project(folder, server)
    made.write("config.toml", f'{CONFIG.partition("[[targets]]")[0]}{TARGET}api_url = "{server.url}/api/1.0"\n')
    made.write("jobs.csv", JOBS)
    made.write("people.csv", PEOPLE)
    return made


def test_one_task_for_each_milestone_and_nothing_written_again(
    project: Project, server: Server, person: Person
) -> None:
    first = project.run()
    assert first["targets"]["project"]["created"] == 2
    tasks = person.tasks()
    kickoff = tasks["Kickoff: Donor dashboard (AL)"]
    assert set(tasks) == {"Kickoff: Donor dashboard (AL)", "Final: Donor dashboard (AL)"}
    assert (kickoff["due_at"], kickoff["resource_subtype"]) == ("2026-03-02T23:00:00.000Z", "milestone")
    assert bodies.from_notes(kickoff["html_notes"])[0] == "Find out who gives.\nTwo lines of it."
    assert [line["name"] for line in person.subtasks(kickoff["gid"])] == ["Send the brief", "Give access"]
    assert first["targets"]["project"]["requests"] == len(server.requests)
    posts = [path for method, path in server.writes() if path == "/api/1.0/tasks"]
    assert len(posts) == 2

    server.requests.clear()
    second = project.run()
    assert server.writes() == []
    assert len(server.requests) == 3 + 1 + 1  # the project, its tasks, and one parent with subtasks
    assert second["targets"]["project"]["unchanged"] == 2


def test_people_keep_what_they_did_and_nothing_foreign_is_touched(
    project: Project, server: Server, person: Person
) -> None:
    theirs = person.add("A person's own", "Doing")
    project.run()
    kickoff = person.tasks()["Kickoff: Donor dashboard (AL)"]["gid"]
    person.edit(kickoff, {"title": "Kickoff with cake", "list": "Doing"})
    person.add_label(kickoff, "private")
    person.tick(kickoff, "Give access")
    before = person.call("GET", f"/tasks/{theirs}", FIELDS)
    project.edit("jobs.csv", "Two lines of it.", "Two other lines.")
    assert project.run()["targets"]["project"]["updated"] == 1
    after = person.tasks()["Kickoff with cake"]
    assert "Two other lines." in after["html_notes"]
    assert after["memberships"][0]["section"]["name"] == "Doing"
    assert {tag["name"] for tag in after["tags"]} == {"kickoff", "private"}
    assert [line["completed"] for line in person.subtasks(kickoff)] == [False, True]
    assert person.call("GET", f"/tasks/{theirs}", FIELDS) == before
    server.requests.clear()
    project.run()
    assert server.writes() == []


def test_an_ended_engagement_is_archived_and_comes_back(project: Project, server: Server, person: Person) -> None:
    project.run()
    project.edit("people.csv", "accepted", "withdrawn")
    assert project.run()["targets"]["project"]["archived"] == 2
    assert {task["memberships"][0]["section"]["name"] for task in person.tasks().values()} == {"Archived"}
    assert all(task["completed"] for task in person.tasks().values())
    server.requests.clear()
    project.run()
    assert server.writes() == []
    project.edit("people.csv", "withdrawn", "accepted")
    project.run()
    assert not any(task["completed"] for task in person.tasks().values())
    places = {name[:5]: task["memberships"][0]["section"]["name"] for name, task in person.tasks().items()}
    assert places == {"Kicko": "To Do", "Final": "Wrap-up"}


def test_a_wrong_token_and_a_wrong_project_are_told(project: Project) -> None:
    ended = project.start("run", "--output", "json", ASANA_TOKEN="nobody")
    assert ended.code == 6
    assert "nobody" not in ended.out + ended.err
    project.edit("config.toml", PROJECT, "1100000000009999")
    ended = project.start("check")
    assert ended.code == 2
    assert "Copy the project's address" in ended.out + ended.err


def test_a_checklist_as_text_is_told_and_stands_in_the_description(
    project: Project, server: Server, person: Person
) -> None:
    project.edit("config.toml", 'plan = "paid"', 'plan = "paid"\nchecklist = "text"')
    result = project.run()
    assert [problem["field"] for problem in result["problems"]] == ["checklist"]
    kickoff = person.tasks()["Kickoff: Donor dashboard (AL)"]
    assert bodies.from_notes(kickoff["html_notes"])[0].endswith("- Send the brief\n- Give access")
    assert person.subtasks(kickoff["gid"]) == []
    server.requests.clear()
    project.run()
    assert server.writes() == []
    assert len(server.requests) == 3 + 1
