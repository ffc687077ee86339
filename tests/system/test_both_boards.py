"""One programme on two tools: the same board to the eye, and to each what its own rules say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import requests

from asana_lab import AsanaHand
from mi_sync.connector import Board, Context, Secret
from mi_sync.model import FieldKind, Remote
from mi_sync_asana import connector as asana
from mi_sync_asana.sandbox import sandbox as asana_sandbox
from mi_sync_asana.sandbox.seed import PROJECT
from mi_sync_trello import connector as trello
from mi_sync_trello.sandbox import sandbox as trello_sandbox
from programme import Finished, Project, Server, listening

pytestmark = pytest.mark.system

ZONE = ZoneInfo("America/Chicago")
TARGETS = """
[people]
"kim.duarte@example.org" = {{ board = "kim_duarte" }} # Asana knows the addresses, Trello does not
"amara.osei@larkspur.example" = {{ board = "amara_osei" }}
"jonas.lind@rivershelter.example" = {{ board = "jonas_lind" }}
"priya.nair@greenfork.example" = {{ board = "priya_nair" }}

[[targets]]
name = "board"
connector = "trello"
board = "DEMO2026"
key = {{ env = "TRELLO_KEY" }}
token = {{ env = "TRELLO_TOKEN" }}
api_url = "{board}/1"
views = ["milestones", "postings"]

[[targets]]
name = "project"
connector = "asana"
project = "{project_id}"
token = {{ env = "ASANA_TOKEN" }}
api_url = "{project}/api/1.0"
plan = "paid"
views = ["milestones", "postings"]
"""


@dataclass
class Both:
    """The shipped sample programme, aimed at a local Trello and a local Asana."""

    project: Project
    trello: Server
    asana: Server

    def run(self, *more: str) -> dict[str, Any]:
        done: Finished = self.project.start("run", "--output", "json", *more)
        told: dict[str, Any] = json.loads(done.out)
        return {**told, "code": done.code}

    def board(self, name: str) -> Board:
        """A target's board, as the core sees it, from the outside."""
        server, connector = {"board": (self.trello, trello), "project": (self.asana, asana)}[name]
        given: Mapping[str, Any] = {
            "board": {
                "board": "DEMO2026",
                "key": {"env": "TRELLO_KEY"},
                "token": {"env": "TRELLO_TOKEN"},
                "api_url": f"{server.url}/1",
            },
            "project": {"project": PROJECT, "token": {"env": "ASANA_TOKEN"}, "api_url": f"{server.url}/api/1.0"},
        }[name]
        environ = self.project.server.environ
        secrets = {key: Secret(environ[value["env"]]) for key, value in given.items() if isinstance(value, dict)}
        context = Context(name, self.project.folder, ZONE, secrets=secrets)
        return cast("Board", connector.open(connector.config.model_validate(given), context))

    def items(self, name: str) -> list[Remote]:
        """Ours, in the order of their lists and of their places in them."""
        return [remote for remote in self.board(name).snapshot().remotes if remote.marker and not remote.archived]


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    with (
        listening(trello_sandbox, tmp_path / "trello", []) as (board, of_trello),
        listening(asana_sandbox, tmp_path / "asana", []) as (project, of_asana),
    ):
        environ = {**of_trello.environ, **of_asana.environ}
        environ = {
            "TRELLO_KEY": environ[of_trello.settings["key"]["env"]],
            "TRELLO_TOKEN": environ[of_trello.settings["token"]["env"]],
            "ASANA_TOKEN": environ[of_asana.settings["token"]["env"]],
        }
        server = Server(board, environ)
        made = Project(tmp_path, server)
        assert made.start("init", "spring").code == 0
        made = Project(tmp_path / "spring", server)
        head = (made.folder / "config.toml").read_text("utf-8").partition("[[targets]]")[0]
        made.write("config.toml", head + TARGETS.format(board=board, project=project, project_id=PROJECT))
        yield Both(made, server, Server(project, environ))


def to_the_eye(remote: Remote) -> tuple[Any, ...]:
    """What a colleague sees of an item."""
    day = remote.due.astimezone(ZONE).date() if isinstance(remote.due, datetime) else remote.due
    lines = [(line.text, line.done) for line in remote.checklist]
    return (remote.title, remote.list, day, remote.start, sorted(remote.labels), lines, remote.done)


def assigned(both: Both, name: str) -> dict[str, set[str]]:
    """Member by name → the titles of what is theirs."""
    snapshot = both.board(name).snapshot()
    return {
        member.name: {remote.title for remote in snapshot.remotes if member.id in remote.assignees}
        for member in snapshot.members
        if any(member.id in remote.assignees for remote in snapshot.remotes)
    }


def test_the_sample_programme_is_the_same_board_on_both_tools(both: Both) -> None:
    first = both.run()
    assert first["code"] == 3  # the sample has one bad row on purpose
    on_trello, on_asana = both.items("board"), both.items("project")
    assert len(on_trello) == first["targets"]["board"]["created"] > 20
    assert sorted(map(to_the_eye, on_trello), key=repr) == sorted(map(to_the_eye, on_asana), key=repr)
    assert assigned(both, "board") == assigned(both, "project")
    assert len(assigned(both, "board")["Kim Duarte"]) > 3
    normal = both.board("project").normal_body
    bodies = {remote.title: normal(remote.body) for remote in on_trello}
    assert {remote.title: remote.body for remote in on_asana} == bodies


def test_the_second_run_writes_nothing_on_either(both: Both) -> None:
    both.run()
    before = both.items("board"), both.items("project")
    second = both.run()
    assert second["code"] == 0
    for name in ("board", "project"):
        counts = second["targets"][name]
        assert (counts["created"], counts["updated"], counts["archived"], counts["adopted"]) == (0, 0, 0, 0)
    assert (both.items("board"), both.items("project")) == before


def test_what_people_do_on_the_board_that_counts_is_the_record(both: Both) -> None:
    both.run()
    card = next(card for card in both.trello.cards() if card["name"].startswith("Kickoff"))
    both.trello.call("PUT", f"/cards/{card['id']}", dueComplete=True, due="2026-12-24T18:00:00.000Z")
    session = requests.Session()
    session.headers.update({"Authorization": f"Bearer {both.asana.environ['ASANA_TOKEN']}", "X-Observer": "1"})
    person = AsanaHand(session, both.asana.url)
    theirs = person.add("A person's", "To Do")
    both.run()

    records = both.project.start("pull", "--output", "json").json()["milestones"]
    (it,) = [record for record in records if record["title"] == card["name"]]
    assert (it["target"], it["state"], it["due"]) == ("board", "done", "2026-12-24")
    other = next(remote for remote in both.items("project") if remote.title == card["name"])
    assert not other.done  # done on one tool is not written to the other
    assert any(remote.id == theirs for remote in both.board("project").snapshot().remotes)
    config = (both.project.folder / "config.toml").read_text("utf-8")
    both.project.write("config.toml", config.replace("[programme]\n", '[programme]\nprogress_from = "project"\n'))
    records = both.project.start("pull", "--output", "json").json()["milestones"]
    (it,) = [record for record in records if record["title"] == card["name"]]
    assert (it["target"], it["state"]) == ("project", "open")


# --------------------------------------------------------------- custom fields, followers and comments

FIELDS = """\
fields = { Intern = "{{ applicant.label }}", Openings = "{{ posting.openings }}", Starts = "{{ dates.start }}", """
STEPS = """
[[milestones.steps]]
key = "kickoff"
followers = ["supervisor"]
comment = "Welcome, {{ applicant.label }}! The *brief* is above."
"""
KINDS: Mapping[str, FieldKind] = {"Intern": "text", "Openings": "number", "Starts": "date", "Phase": "choice"}


def person(both: Both) -> AsanaHand:
    session = requests.Session()
    session.headers.update({"Authorization": f"Bearer {both.asana.environ['ASANA_TOKEN']}", "X-Observer": "1"})
    return AsanaHand(session, both.asana.url)


@pytest.fixture
def filled(both: Both) -> Both:
    """Two boards with custom fields; the configuration names one that neither has, and an option that is missing."""
    config = (both.project.folder / "config.toml").read_text("utf-8")
    views = 'views = ["milestones", "postings"]\n'
    fields = f'{FIELDS}Phase = "Kick-off", Nowhere = "x" }}\n'
    both.project.write("config.toml", config.replace(views, views + fields) + STEPS)
    board = both.trello.call("GET", "/boards/DEMO2026")["id"]
    for name, kind in KINDS.items():
        about = {"idModel": board, "modelType": "board", "name": name, "type": "list" if kind == "choice" else kind}
        both.trello.call("POST", "/customFields", **about, options=[{"value": {"text": "Open"}}])
        person(both).add_field(name, kind, ("Open",))
    return both


def test_the_plan_tells_what_does_not_fit_before_anything_is_written(filled: Both) -> None:
    problems = filled.project.start("plan", "--output", "json").json()["problems"]
    told = {(it["field"], it["why"].partition(" (")[0]) for it in problems if it["field"].startswith("fields.")}
    assert told == {
        ("fields.Phase", "the field has no option “Kick-off”"),
        ("fields.Nowhere", "the board has no custom field of this name"),
    }
    assert [it["field"] for it in problems if "lossy: Trello lets people watch" in it["why"]] == ["followers"]
    assert filled.items("board") == filled.items("project") == []


def test_both_boards_show_the_same_values_and_the_second_run_writes_nothing(filled: Both) -> None:
    first = filled.run()
    assert [counts["failed"] for counts in first["targets"].values()] == [0, 0]
    on_trello, on_asana = filled.items("board"), filled.items("project")
    values = {remote.title: dict(remote.fields) for remote in on_trello}
    assert values == {remote.title: dict(remote.fields) for remote in on_asana}
    assert any("Openings" in fields and "Intern" not in fields for fields in values.values())  # a posting has no intern
    kickoff = next(remote for remote in on_asana if remote.title.startswith("Kickoff"))
    assert {"Intern", "Starts"} <= set(kickoff.fields)
    assert len(person(filled).comments(kickoff.id)) == 1
    assert len(kickoff.followers) == 2  # the supervisor, and whose token it is
    second = filled.run()
    assert second["code"] == 0
    assert [counts["updated"] for counts in second["targets"].values()] == [0, 0]
    assert (filled.items("board"), filled.items("project")) == (on_trello, on_asana)


def test_what_a_person_fills_in_stays(filled: Both) -> None:
    filled.run()
    task = next(remote for remote in filled.items("project") if "Intern" in remote.fields)
    person(filled).edit(task.id, {"fields": {"Intern": "A person's"}})
    filled.run()
    now = next(remote for remote in filled.items("project") if remote.id == task.id)
    assert now.fields["Intern"] == "A person's"
    page = requests.get(f"{filled.asana.url}/0/{PROJECT}", timeout=30).text
    assert "Intern: <strong>A person&#39;s</strong>" in page
