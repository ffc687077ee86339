"""A job that starts in an empty folder each time, without any state, on boards of both tools."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from asana_lab import AsanaHand, task
from programme import Project, Server

pytestmark = pytest.mark.system


@dataclass
class Jobs:
    """A repository, and the servers that its jobs write to."""

    repository: Project
    servers: tuple[Server, ...]
    folder: Path
    done: int = 0

    def start(self, *, code: int = 0) -> dict[str, Any]:
        """One job: a fresh checkout, a run, and nothing of it is left."""
        self.done += 1
        for server in self.servers:
            server.requests.clear()
        checkout = Project(self.folder / f"job-{self.done}", self.repository.server)
        shutil.copytree(self.repository.folder, checkout.folder)
        ended = checkout.start("run", "--output", "json")
        assert ended.code == code, ended.err
        shutil.rmtree(checkout.folder)
        result: dict[str, Any] = ended.json()
        return result

    def writes(self) -> list[tuple[str, str]]:
        return [write for server in self.servers for write in server.writes()]


@pytest.fixture
def jobs(both: Project, server: Server, tasks: Server, tmp_path: Path) -> Jobs:
    return Jobs(both, (server, tasks), tmp_path / "jobs")


def counted(result: dict[str, Any], *names: str) -> dict[str, tuple[int, ...]]:
    return {target: tuple(counts[name] for name in names) for target, counts in result["targets"].items()}


def test_every_job_knows_the_items_again_and_peoples_edits_from_ours(
    jobs: Jobs, server: Server, person: AsanaHand
) -> None:
    first = jobs.start()
    assert counted(first, "created", "adopted") == {"board": (2, 0), "tasks": (2, 0)}
    server.call(
        "PUT", f"/cards/{server.card('Kickoff')['id']}", name="Kickoff with cake", due="2026-12-24T18:00:00.000Z"
    )
    person.edit(task(person, "Kickoff")["gid"], {"title": "Kickoff with cake"})

    second = jobs.start()
    assert counted(second, "created", "adopted", "updated") == {"board": (0, 2, 0), "tasks": (0, 2, 0)}
    assert jobs.writes() == []
    assert second["problems"] == []

    jobs.repository.edit("jobs.csv", "Two lines of it.", "Two other lines.")
    card, other = server.card("Kickoff"), server.card("Final")
    third = jobs.start()
    assert counted(third, "created", "adopted") == {"board": (0, 2), "tasks": (0, 2)}
    assert [method for method, _ in jobs.writes()] == ["PUT", "PUT"]  # one on each board
    kickoff = server.card("Kickoff with cake")
    assert (kickoff["id"], kickoff["due"]) == (card["id"], "2026-12-24T18:00:00.000Z")
    assert "Two other lines." in kickoff["desc"]
    assert "Two other lines." in task(person, "Kickoff with cake")["notes"]
    assert server.card("Final") == other
    assert jobs.start()["problems"] == []
    assert jobs.writes() == []


def test_an_engagement_that_ends_is_archived_and_stays_so(jobs: Jobs, server: Server) -> None:
    jobs.start()
    server.call("PUT", f"/cards/{server.card('Final')['id']}", dueComplete=True)
    jobs.repository.edit("people.csv", "accepted", "withdrawn")
    assert counted(jobs.start(), "archived") == {"board": (1,), "tasks": (2,)}
    assert [card["closed"] for card in server.cards()].count(True) == 1  # what is done stays
    jobs.start()
    assert jobs.writes() == []


def test_what_people_archived_is_left_and_what_they_deleted_comes_back(
    jobs: Jobs, server: Server, person: AsanaHand
) -> None:
    jobs.start()
    server.call("PUT", f"/cards/{server.card('Final')['id']}", closed=True)
    jobs.start()
    assert jobs.writes() == []
    server.call("DELETE", f"/cards/{server.card('Kickoff')['id']}")
    person.call("DELETE", f"/tasks/{task(person, 'Kickoff')['gid']}")
    result = jobs.start()
    assert counted(result, "created")["board"] == (1,)  # no mark is left to know it by
    assert len(server.marked()) == len(server.cards()) == 2


def test_a_row_that_is_left_out_is_new_to_every_job(jobs: Jobs) -> None:
    jobs.repository.edit("people.csv", "accepted\n", "accepted\nS-2,Bo Li,bo@students.example,no-such,accepted\n")
    for _ in range(2):
        jobs.start(code=3)


def test_the_state_may_be_put_into_a_folder_that_is_not_there_yet(project: Project) -> None:
    project.edit("config.toml", "[milestones]\n", '[state]\nurl = "sqlite:///kept/by/cache/state.db"\n\n[milestones]\n')
    assert "none yet" in project.start("check").out
    project.run()
    assert (project.folder / "kept/by/cache/state.db").exists()
    (project.folder / "file").write_text("", "utf-8")
    project.edit("config.toml", "kept/by/cache", "file")
    ended = project.start("run")
    assert (ended.code, "Traceback" in ended.err, "state.db" in ended.err) == (2, False, True)
