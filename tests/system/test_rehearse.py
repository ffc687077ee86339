"""`mi-sync rehearse`: what it shows on copies is what `run` then does, and until then the real boards are only read."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
import requests

from asana_lab import AsanaHand
from mi_sync import cli
from mi_sync.cli import serve
from mi_sync.connector import Board, Connector, Context, Secret
from mi_sync.model import Remote
from mi_sync_asana import connector as asana
from mi_sync_asana.sandbox import gate as asana_gate
from mi_sync_asana.sandbox import sandbox as asana_sandbox
from mi_sync_asana.sandbox.seed import OWNER, PROJECT
from mi_sync_trello import connector as trello
from mi_sync_trello.sandbox import effects
from mi_sync_trello.sandbox import gate as trello_gate
from programme import Project, Server

pytestmark = pytest.mark.system

ZONE = ZoneInfo("America/Chicago")
PEOPLE = """\
id,name,email,posting_id,status
S-1,Ana Lopez,ana.lopez@students.example,P-1,accepted
S-2,Ben Okoro,ben.okoro@students.example,P-1,accepted
S-3,Chi Wen,chi.wen@students.example,P-1,accepted
"""
FIELDS = 'views = ["milestones"]\nfields = { Intern = "{{ applicant.label }}", Phase = "Open" }\n'
REAL = {"TRELLO_KEY": "real-key", "TRELLO_TOKEN": "real-token", "ASANA_TOKEN": "real-asana-token"}
"""What opens the real boards here, and no sandbox that somebody else starts."""
INVENTED = {"key": trello_gate.KEY, "token": trello_gate.TOKEN}, {"token": asana_gate.TOKEN}


@dataclass
class Boards:
    """A programme on two boards that people work on, too."""

    project: Project
    tasks: Server
    person: AsanaHand

    @property
    def board(self) -> Server:
        return self.project.server

    def seen(self, *, trello_at: str = "", asana_at: str = "") -> dict[str, list[Remote]]:
        """Everything on the real boards, or on those at these addresses."""
        secrets = ({"key": REAL["TRELLO_KEY"], "token": REAL["TRELLO_TOKEN"]}, {"token": REAL["ASANA_TOKEN"]})
        if trello_at:
            secrets = INVENTED
        board = {"board": "DEMO2026", "api_url": f"{trello_at or self.board.url}/1"}
        project = {"project": PROJECT, "api_url": f"{asana_at or self.tasks.url}/api/1.0"}
        return {
            "board": snapshot(trello, board, secrets[0]),
            "tasks": snapshot(asana, project, secrets[1]),
        }

    def forget(self) -> list[Any]:
        """Empties the logs, and gives what both servers keep."""
        self.board.requests.clear()
        self.tasks.requests.clear()
        return self.kept()

    def kept(self) -> list[Any]:
        """All that both servers keep, and the state."""
        folder = self.project.folder.parent
        rows: list[Any] = [(self.project.folder / "state.db").read_bytes()]
        for file in (folder / "sandbox" / "trello.db", folder / "asana" / "asana.db"):
            with closing(sqlite3.connect(file)) as connection:
                for everything in ("SELECT * FROM doc", "SELECT * FROM clock"):
                    rows += connection.execute(everything).fetchall()
        return rows


def snapshot(connector: Connector, settings: dict[str, Any], secrets: dict[str, str]) -> list[Remote]:
    told = connector.config.model_validate({**settings, **{name: {"env": "X"} for name in secrets}})
    context = Context("it", Path(), ZONE, secrets={name: Secret(value) for name, value in secrets.items()})
    board = cast("Board", connector.open(told, context))
    return list(board.snapshot().remotes)


def told(remotes: list[Remote]) -> list[Any]:
    """What people see of each item, and what we remember it by, but for what an attempt draws by lot."""

    def one(it: Remote) -> Any:
        day = it.due.astimezone(ZONE).date() if isinstance(it.due, datetime) else it.due
        lines = [(line.text, line.done) for line in it.checklist]
        fields = sorted(it.fields.items())
        about = (it.title, it.body, it.list, str(day), str(it.start), it.done, it.archived, bool(it.marker))
        return (*about, sorted(it.labels), lines, fields, sorted(it.assignees))

    return sorted(map(one, remotes), key=repr)


@pytest.fixture
def boards(both: Project, tasks: Server, person: AsanaHand, monkeypatch: pytest.MonkeyPatch) -> Boards:
    """After a first run, what people did since, and news in the exports."""
    monkeypatch.setattr(trello_gate, "KEY", REAL["TRELLO_KEY"])
    monkeypatch.setattr(trello_gate, "TOKENS", {REAL["TRELLO_TOKEN"]: trello_gate.Grant(effects.OWNER)})
    monkeypatch.setattr(asana_gate, "TOKENS", {REAL["ASANA_TOKEN"]: asana_gate.Grant(OWNER)})
    both.server.environ.update(REAL)
    tasks.environ.update(REAL)
    person._session.headers["Authorization"] = f"Bearer {REAL['ASANA_TOKEN']}"
    it = Boards(both, tasks, person)
    board = it.board.call("GET", "/boards/DEMO2026")["id"]
    for name, kind in (("Intern", "text"), ("Phase", "list")):
        options = [{"value": {"text": "Open"}}] if kind == "list" else []
        about = {"idModel": board, "modelType": "board", "name": name, "type": kind}
        it.board.call("POST", "/customFields", **about, options=options)
        person.add_field(name, "choice" if options else "text", ("Open",))
    both.edit("config.toml", 'board = "DEMO2026"\n', f'board = "DEMO2026"\n{FIELDS}')
    both.edit("config.toml", f'project = "{PROJECT}"\n', f'project = "{PROJECT}"\n{FIELDS}')
    both.write("people.csv", PEOPLE.replace("S-3", "S-2").replace("Chi Wen,chi.wen", "Ben Okoro,ben.okoro"))
    both.run()
    meddle(it)
    both.write("people.csv", PEOPLE)
    both.edit("jobs.csv", "2026-03-02", "2026-03-04")
    return it


def meddle(it: Boards) -> None:
    """People rename, tick, move, archive, fill in, and add cards and lines of their own."""
    card, other = it.board.card("Kickoff: Donor dashboard (AL)"), it.board.card("Final: Donor dashboard (BO)")
    it.board.call("PUT", f"/cards/{card['id']}", name="Kickoff, at nine")
    (steps,) = card["checklists"]
    it.board.call("PUT", f"/cards/{card['id']}/checkItem/{steps['checkItems'][0]['id']}", state="complete")
    it.board.call("PUT", f"/cards/{other['id']}", closed=True)
    it.board.call("POST", "/cards", idList=card["idList"], name="A person's own", desc="*Mine*")
    tasks = {task["name"]: task["gid"] for task in it.person.pages(f"/projects/{PROJECT}/tasks")}
    first = tasks["Kickoff: Donor dashboard (AL)"]
    it.person.edit(first, {"title": "Kickoff, at nine"})
    it.person.tick(first, "Give access")
    it.person.add_line(first, "Bring cake")
    it.person.edit(tasks["Final: Donor dashboard (BO)"], {"list": "Done"})
    it.person.add("A person's own", "Doing")


@contextmanager
def rehearsing(project: Project) -> Iterator[dict[str, Any]]:
    """What `mi-sync rehearse` tells, while it serves the copies."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mi_sync", "rehearse", "--serve", "--output", "json"],
        cwd=project.folder,
        env={**os.environ, **project.server.environ},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_copies_show_what_the_run_then_does_and_the_real_boards_are_only_read(boards: Boards) -> None:
    before = boards.seen()
    kept = boards.forget()
    with rehearsing(boards.project) as it:
        pages = {name: target["page"] for name, target in it["rehearsal"]["targets"].items()}
        at = {name: "://".join(urlsplit(page)[:2]) for name, page in pages.items()}
        copies = boards.seen(trello_at=at["board"], asana_at=at["tasks"])
        assert "A person&#39;s own" in requests.get(pages["board"], timeout=30).text
        assert "Kickoff, at nine" in requests.get(pages["tasks"], timeout=30).text
    assert it["rehearsal"]["left"] == 0
    assert boards.kept() == kept
    logs = [(method, path) for server in (boards.board, boards.tasks) for method, path in server.requests]
    assert {method for method, _ in logs} == {"GET"}
    assert len(logs) >= sum(each["read_requests"] for each in it["rehearsal"]["targets"].values()) > 8
    assert before == boards.seen()

    done = boards.project.run()
    assert {name: {**each, "requests": 0} for name, each in done["targets"].items()} == {
        name: {**each, "requests": 0} for name, each in it["targets"].items()
    }
    assert [each["created"] for each in done["targets"].values()] == [2, 2]
    assert min(each["updated"] for each in done["targets"].values()) > 0
    real = boards.seen()
    for name in ("board", "tasks"):
        assert told(copies[name]) == told(real[name])
        assert {each.id for each in before[name]} < {each.id for each in copies[name]}


def test_what_happened_before_is_copied_as_it_is(boards: Boards) -> None:
    """Nothing new in the exports: the copies are the boards."""
    boards.project.run()
    real = boards.seen()
    with rehearsing(boards.project) as it:
        pages = {name: target["page"] for name, target in it["rehearsal"]["targets"].items()}
        at = {name: "://".join(urlsplit(page)[:2]) for name, page in pages.items()}
        copies = boards.seen(trello_at=at["board"], asana_at=at["tasks"])
    for name in ("board", "tasks"):
        assert [replace(each, url="") for each in copies[name]] == [replace(each, url="") for each in real[name]]
    assert [it["changes"], it["rehearsal"]["left"]] == [[], 0]


def test_the_command_for_the_real_thing_has_the_options(boards: Boards) -> None:
    ended = boards.project.start("rehearse", "--max-requests", "500", "--adopt", "--force", "create")
    assert ended.code == 0, ended.err
    assert ended.out.endswith("  mi-sync --config config.toml run --force create --max-requests 500 --adopt\n")
    assert "Another run would change nothing more." in ended.out
    assert "+ board: Kickoff: Donor dashboard (CW)" in ended.out
    assert "real-" not in ended.out + ended.err


def test_a_board_that_cannot_be_copied_is_told_and_the_other_goes_on(boards: Boards) -> None:
    boards.project.server.environ["ASANA_TOKEN"] = "wrong"
    ended = boards.project.start("rehearse", "--output", "json")
    it = ended.json()
    assert (ended.code, it["exit_code"]) == (3, 3)
    assert list(it["rehearsal"]["targets"]) == ["board"]
    assert [each["where"] for each in it["problems"]] == ["targets.tasks"]
    assert it["targets"]["board"]["created"] == 2


def test_a_board_without_a_sandbox_of_its_own_is_a_plain_problem(
    boards: Boards, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, where one sandbox is not installed and the other one cannot copy."""
    for name, value in boards.project.server.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(serve, "installed", lambda: [replace(asana_sandbox, rehearse=None)])
    boards.forget()
    code = cli.invoke(["rehearse", "--config", str(boards.project.folder / "config.toml"), "--no-serve"])
    told = capsys.readouterr()
    assert code == 2
    assert "targets.board: connector 'trello' brings no sandbox that can be a copy of its board." in told.err
    assert "targets.tasks: connector 'asana' brings no sandbox" in told.err
    assert "Nothing was rehearsed: no board was copied." in told.out
    assert boards.board.requests == boards.tasks.requests == []


def test_a_stopped_rehearsal_leaves_nothing_behind(boards: Boards, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    boards.project.server.environ["TMPDIR"] = str(tmp_path / "temporary")
    with rehearsing(boards.project):
        (folder,) = (tmp_path / "temporary").iterdir()
        assert folder.stat().st_mode & 0o077 == 0
    assert list((tmp_path / "temporary").iterdir()) == []
