"""The command line in this process, on a clock that nobody waits for, against the tools' sandboxes over real HTTP.

What a network, a server, a person or a disk does to a run is a fault of the sandbox, or a `Meddler` on the way to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from asana_lab import AsanaHand
from mi_sync.cli import invoke, session
from mi_sync.connector import harvest
from mi_sync.identity import Marker
from mi_sync_asana import ARCHIVED, bodies
from mi_sync_asana.sandbox import sandbox as asana_sandbox
from mi_sync_asana.sandbox.seed import PROJECT
from mi_sync_trello.sandbox import sandbox as trello_sandbox
from programme import CONFIG, Finished, Project, Server, listening

ToolName = Literal["trello", "asana"]

TARGETS = {
    "trello": CONFIG[CONFIG.index("[[targets]]") :] + 'api_url = "{url}/1"\n',
    "asana": f'[[targets]]\nname = "project"\nconnector = "asana"\nproject = "{PROJECT}"\nplan = "paid"\n'
    'token = {{ env = "ASANA_TOKEN" }}\napi_url = "{url}/api/1.0"\n',
}


class Clock:
    """Time that passes only while somebody sleeps; `jump` is somebody who sets the clock on the wall."""

    def __init__(self) -> None:
        self.wall, self.ticks, self.slept = datetime(2026, 3, 1, 12, tzinfo=UTC), 1000.0, 0.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.ticks += seconds
        self.wall += timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)


Send = Callable[[], requests.Response]


class Meddler(HTTPAdapter):
    """Lets something happen to the requests of one kind, from the `after`th on, `times` times."""

    def __init__(
        self,
        method: str,
        path: str,
        act: Callable[[requests.PreparedRequest, Send], requests.Response],
        *,
        after: int = 0,
        times: int = 1,
    ) -> None:
        super().__init__()
        self._method, self._path, self._act = method, path, act
        self._due = range(after, after + times)
        self.seen = 0

    def send(self, request: requests.PreparedRequest, *options: Any, **more: Any) -> requests.Response:
        def send() -> requests.Response:
            return super(Meddler, self).send(request, *options, **more)

        if request.method != self._method or not re.search(self._path, urlsplit(str(request.url)).path):
            return send()
        self.seen += 1
        return self._act(request, send) if self.seen - 1 in self._due else send()


class Item(NamedTuple):
    """One of our cards or tasks, as everybody sees it."""

    id: str
    title: str
    open: bool
    labels: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass
class Tool:
    """A sandbox: its faults, and what is on its board."""

    name: ToolName
    server: Server

    @property
    def target(self) -> str:
        return {"trello": "board", "asana": "project"}[self.name]

    @property
    def listing(self) -> str:
        """The path of the listing of all items, as faults and meddlers search it."""
        return {"trello": "/cards/all$", "asana": "/tasks$"}[self.name]

    @property
    def creation(self) -> str:
        return {"trello": "/cards$", "asana": "/tasks$"}[self.name]

    def one(self, id_: str) -> str:
        """The path of one item."""
        return {"trello": f"/cards/{id_}$", "asana": f"/tasks/{id_}$"}[self.name]

    def fault(self, **fault: Any) -> None:
        requests.post(f"{self.server.url}/{self.name}/faults", json=fault, timeout=30).raise_for_status()

    def heal(self) -> int:
        """Ends all faults, and tells how often they struck."""
        address = f"{self.server.url}/{self.name}/faults"
        struck = sum(each["struck"] for each in requests.get(address, timeout=30).json())
        requests.delete(address, timeout=30).raise_for_status()
        return int(struck)

    @contextmanager
    def person(self) -> Iterator[AsanaHand]:
        with requests.Session() as person:
            token = self.server.environ["ASANA_TOKEN"]
            person.headers.update({"Authorization": f"Bearer {token}", "X-Observer": "1"})
            yield AsanaHand(person, self.server.url)

    def items(self) -> dict[str, list[Item]]:
        """What carries a marker, by its key, oldest first."""
        found: dict[str, list[Item]] = {}
        for token, item in self._cards() if self.name == "trello" else self._tasks():
            if (marker := Marker.decode(token)) is not None:
                found.setdefault(marker.key, []).append(item)
        return {key: sorted(each) for key, each in found.items()}

    def all(self) -> list[Item]:
        return [item for items in self.items().values() for item in items]

    def _cards(self) -> Iterator[tuple[str | None, Item]]:
        for raw in self.server.cards():
            lines = [line["name"] for checklist in raw["checklists"] for line in checklist["checkItems"]]
            labels = (label["name"] for label in raw["labels"])
            yield harvest(raw["desc"])[1], Item(raw["id"], raw["name"], not raw["closed"], tuple(labels), tuple(lines))

    def _tasks(self) -> Iterator[tuple[str | None, Item]]:
        fields = "name,html_notes,completed,tags.name,memberships.section.name"
        with self.person() as person:
            for raw in person.pages(f"/projects/{PROJECT}/tasks", fields):
                lines = (line["name"] for line in person.subtasks(raw["gid"]))
                is_open = raw["memberships"][0]["section"]["name"] != ARCHIVED
                labels = (tag["name"] for tag in raw["tags"])
                _, marker = bodies.from_notes(raw["html_notes"])
                yield marker, Item(raw["gid"], raw["name"], is_open, tuple(labels), tuple(lines))

    def retitle(self, id_: str, title: str) -> None:
        """A person at work."""
        if self.name == "trello":
            self.server.call("PUT", f"/cards/{id_}", name=title)
            return
        with self.person() as person:
            person.edit(id_, {"title": title})

    def title(self, id_: str) -> str:
        return next(item.title for item in self.all() if item.id == id_)


@contextmanager
def serving(name: ToolName, state: Path) -> Iterator[Tool]:
    log: list[tuple[str, str]] = []
    with listening({"trello": trello_sandbox, "asana": asana_sandbox}[name], state, log) as (url, app):
        names = {"trello": {"key": "TRELLO_KEY", "token": "TRELLO_TOKEN"}, "asana": {"token": "ASANA_TOKEN"}}[name]
        environ = {ours: app.environ[app.settings[setting]["env"]] for setting, ours in names.items()}
        yield Tool(name, Server(url, environ, log))


@dataclass
class Desk:
    """A project folder on one or several tools, and the command line in it."""

    project: Project
    tools: tuple[Tool, ...]
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    clock: Clock = field(default_factory=Clock)

    @staticmethod
    def make(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *tools: Tool) -> Desk:
        folder.mkdir()
        environ = {name: value for tool in tools for name, value in tool.server.environ.items()}
        desk = Desk(Project(folder, Server(tools[0].server.url, environ)), tools, monkeypatch, capsys)
        targets = "".join(TARGETS[tool.name].replace("{url}", tool.server.url) for tool in tools)
        desk.project.write(
            "config.toml", CONFIG.partition("[[targets]]")[0] + targets.replace("{{", "{").replace("}}", "}")
        )
        desk.engage(1)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(folder)
        return desk

    @property
    def tool(self) -> Tool:
        return self.tools[0]

    def engage(self, count: int, status: str = "accepted") -> None:
        """So many engagements, each with two milestones."""
        numbers = range(1, count + 1)
        jobs = "".join(f"P-{n},Job {n},Text.,2026-03-{n:02},2026-04-{n:02}\n" for n in numbers)
        people = "".join(f"S-{n},Ana Lopez,ana{n}@students.example,P-{n},{status}\n" for n in numbers)
        self.project.write("jobs.csv", f"id,title,summary,starts_on,ends_on\n{jobs}")
        self.project.write("people.csv", f"id,name,email,posting_id,status\n{people}")

    def start(self, *arguments: str, **wire: Any) -> Finished:
        """A command line; `wire` replaces more of `http.Wire`."""
        outside = {"now": self.clock.now, "monotonic": self.clock.monotonic, "sleep": self.clock.sleep}
        self.monkeypatch.setattr(session, "WIRE", {**outside, **wire})
        self.capsys.readouterr()
        code = invoke([*arguments])
        out, err = self.capsys.readouterr()
        assert "Traceback" not in err
        assert "this is a bug" not in err
        return Finished(int(code), out, err)

    def run(self, code: int = 0, **wire: Any) -> dict[str, Any]:
        """`mi-sync run --output json`, which must end with this code."""
        told = self.attempt(**wire)
        assert told["exit_code"] == code, told
        return told

    def attempt(self, **wire: Any) -> dict[str, Any]:
        """`mi-sync run --output json`, however it ends."""
        ended = self.start("run", "--output", "json", **wire)
        told: dict[str, Any] = ended.json()
        assert told["exit_code"] == ended.code
        assert all(problem["why"] for problem in told["problems"])
        return told

    def converges(self, count: int) -> None:
        """The next run makes it whole, and the one after it writes nothing: of each of `count` items there is one."""
        self.clock.sleep(60)
        self.run()
        for tool in self.tools:
            tool.server.requests.clear()
        self.run()
        for tool in self.tools:
            writes = [path for method, path in tool.server.writes() if not path.endswith("/batch")]
            assert writes == []
            items = {key: [item for item in found if item.open] for key, found in tool.items().items()}
            assert [len(found) for found in items.values()] == [1] * count
            for item in (found[0] for found in items.values()):
                is_first = item.title.startswith("Kickoff")
                assert item.labels == (("kickoff",) if is_first else ("deliverable",))
                assert item.lines == (("Send the brief", "Give access") if is_first else ())

    def why(self, told: dict[str, Any]) -> str:
        """All that was told of, as one text."""
        return "\n".join(f"{problem['where']}: {problem['why']}" for problem in told["problems"])
