"""An adversarial world around the whole engine: exports that lie, a network that fails, tools that people use.

Everything is the real thing, the command line, the files, the connectors and the sandboxes, in one process: requests
reach a sandbox without a socket, and time is a clock that stands still until somebody sleeps.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import logging
import os
import random
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, cast
from unittest import mock
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import requests

from armed import URL
from asana_lab import AsanaHand
from mi_sync import sync
from mi_sync.cli import invoke, session
from mi_sync.connector import Board, Connector, Context, SandboxApp, SandboxOptions, Secret, harvest, plant
from mi_sync.events import Run, Story
from mi_sync.http import Wire
from mi_sync.identity import MARKED, Marker, field_digest
from mi_sync.model import ENGAGED, Applicant, Application, Link, Posting, Remote
from mi_sync.state import Store
from mi_sync.testing import Clock, Hand
from mi_sync_asana import bodies
from mi_sync_asana import connector as asana
from mi_sync_asana.sandbox import sandbox as asana_sandbox
from mi_sync_asana.sandbox.gate import TOKEN as ASANA_TOKEN
from mi_sync_asana.sandbox.seed import PROJECT, WORKSPACE
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_trello import connector as trello
from mi_sync_trello.sandbox import sandbox as trello_sandbox
from trello_hand import TrelloHand

ZONE = ZoneInfo("America/Chicago")
PROGRAMME = "spring-2026-7f3k9q"

# --------------------------------------------------------------------------------------------- exports

PEOPLE = {"S-1": ("Ana Lopez", "AL"), "S-2": ("Bo Chen", "BC"), "S-3": ("Cyd Ode", "CO"), "S-4": ("Dee Roy", "DR")}
APPLICATIONS = (("S-1", "P-1"), ("S-2", "P-1"), ("S-3", "P-2"), ("S-1", "P-2"), ("S-4", "P-2"))
POSTINGS = ("P-1", "P-2")
PRIVATE = ("Lopez", "Chen", "Cyd Ode", "Dee Roy", "students.example")
"""What no request to a tool may hold, because the configuration allows it to none."""

Row = tuple[str, ...]


@dataclass
class Export:
    """One source: the rows that it has, and what is wrong with its file.

    Attributes:
        rows: by what they are about; each cell by its column.
        ill: why the file cannot be read: missing, empty or other; else "".
        broken: the rows in which a cell cannot be read (cell), or that do not even tell whose they are (key).
        hidden: a column that has another name now.
        mapping: what its rows are read with; last: at the last read.
        told: what mi-sync was told, by what it is about: the cells of the last row that could be read.
        gone: what a complete export had no more.
    """

    name: str
    columns: tuple[str, ...]
    file: str
    rows: dict[Row, dict[str, str]]
    mapping: str
    complete: bool = False
    ill: str = ""
    broken: dict[Row, str] = field(default_factory=dict)
    repeated: Row | None = None
    hidden: str = ""
    told: dict[Row, dict[str, str]] = field(default_factory=dict)
    gone: set[Row] = field(default_factory=set)
    had_rows: bool = False
    last: str = ""

    def write(self, folder: Path) -> None:
        """Puts the file there, or not."""
        for old in folder.glob(f"{self.name}*.csv"):
            old.unlink()
        if self.ill != "missing":
            (folder / self.file).write_text(self._text(), "utf-8")

    def _text(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if self.ill == "other":
            writer.writerows([["Dear colleague"], ["this is another file altogether"]])
            return text.getvalue()
        writer.writerow([f"{each} of old" if each == self.hidden else each for each in self.columns])
        for about in self.rows if not self.ill else ():
            writer.writerow(self._cells(about))
            if about == self.repeated:
                writer.writerow(self._cells(about))
        return text.getvalue()

    def _cells(self, about: Row) -> list[str]:
        cells = dict(self.rows[about])
        if self.broken.get(about) == "cell":
            cells[self.columns[-1]] = "some day soon"
        if self.broken.get(about) == "key":
            cells |= dict.fromkeys(("id", "title", "posting_id", "email"), "")
        return [cells[each] for each in self.columns]

    @property
    def fails(self) -> bool:
        """Whether the next read takes no part in anything."""
        return self.ill in {"missing", "other"} or (not (self.rows and not self.ill) and self.had_rows)

    def read(self) -> None:
        """The read took effect: what it told is what is known from now on."""
        if self.fails:
            return
        rows = {} if self.ill else self.rows
        self.had_rows = bool(rows)
        remapped, self.last = self.last not in ("", self.mapping), self.mapping
        fine = {about for about in rows if about not in self.broken}
        for about in fine:
            before = self.told.get(about, {})
            kept = {self.hidden: before.get(self.hidden, "")} if self.hidden else {}
            self.told[about] = {**self._mapped(about), **kept}
        self.gone -= fine
        if self.complete and not remapped and "key" not in {self.broken.get(about) for about in rows}:
            self.gone |= {about for about in self.told if about not in rows}

    def _mapped(self, about: Row) -> dict[str, str]:
        """A row as its mapping reads it."""
        row = self.rows[about]
        return {**row, "summary": f"{row['summary']} {row['id']}".strip()} if self.mapping == "ours" else row


OWN_MAPPING = """\
title = "Ours"
extends = "generic_postings"
[posting]
summary = { template = "{summary} {id}" }
"""
"""Another way to read the postings."""


def exports() -> dict[str, Export]:
    """Two postings and who applied to them, all accepted but the last."""
    postings: dict[Row, dict[str, str]] = {
        (id_,): {"id": id_, "title": f"Project {n}", "summary": f"About {n}.", "status": "open"}
        | {"starts_on": "2026-03-09", "ends_on": "2026-03-27"}
        for n, id_ in enumerate(POSTINGS, 1)
    }
    people: dict[Row, dict[str, str]] = {
        (who, what): {"id": who, "name": PEOPLE[who][0], "email": f"{who.lower()}@students.example"}
        | {"posting_id": what, "status": "accepted", "applied_at": "2026-02-01"}
        for who, what in APPLICATIONS[:4]
    }
    columns = ("id", "title", "summary", "status", "ends_on", "starts_on")
    theirs = ("id", "name", "email", "posting_id", "status", "applied_at")
    return {
        "jobs": Export("jobs", columns, "jobs.csv", postings, "generic_postings"),
        "people": Export("people", theirs, "people.csv", people, "generic_applicants"),
    }


# ----------------------------------------------------------------------------------------------- steps


@dataclass
class Step:
    """A step of the programme as the configuration has it now."""

    key: str
    title: str
    per: str = "engagement"
    body: str = ""
    due: str = "start"
    start: str = ""
    labels: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    assignee: str = ""
    on: bool = True

    def toml(self) -> str:
        who = "{{ posting.title }}" + (" ({{ applicant.label }})" if self.per == "engagement" else "")
        lines = [f'key = "{self.key}"', f'title = "{self.title}: {who}"', f'per = "{self.per}"']
        lines += [f'body = "{self.body}"', f'due = "{self.due}"', 'list = "To Do"']
        lines += [f'start = "{self.start}"'] if self.start else []
        lines += [f"labels = {json.dumps(self.labels)}", f"checklist = {json.dumps(self.lines)}"]
        lines += [f'assignee = "{self.assignee}"'] if self.assignee else []
        return "\n".join(["", "[[milestones.steps]]", *lines, ""])


def steps() -> dict[str, Step]:
    """What the programme begins with, and one that it may get."""
    made = (
        Step("kickoff", "Kickoff", body="{{ posting.summary }}", start="start-3d", labels=("red",), lines=("Brief",)),
        Step("final", "Final", due="end", labels=("red", "blue"), assignee="coordinator"),
        Step("look", "Look at", per="posting", due="start-1w", lines=("Read it", "Ask")),
        Step("extra", "Extra", due="midpoint", on=False),
    )
    return {each.key: each for each in made}


Held = dict[str, Any]
"""What stands in the fields of an item: title, body, due and start, and each label and line by a name of its own."""
Owner = Row


@dataclass(frozen=True)
class Wishes:
    """What the records ask for: (owner, step) → fields; and whose items may be archived when they are not asked for."""

    items: Mapping[tuple[Owner, str], Held]
    settled: frozenset[Owner]


# -------------------------------------------------------------------------------------------- the wire


LATE = timedelta(seconds=20)
"""So late is what still arrives within the time that we wait for an answer."""


class Crash(BaseException):
    """The process is gone; nothing catches this."""


@dataclass(frozen=True)
class Trouble:
    """What happens at one request of a run, or at one commit: `at` counts from 0.

    `what` is before (killed before it is sent), after (killed after its effect), late (killed, and its effect comes a
    little later), commit (killed inside a commit), committed (right after one), the fields of a sandbox's fault, or something else to be done before it is sent.
    """

    what: str | Mapping[str, Any] | Callable[[requests.PreparedRequest], None]
    at: int
    writes: bool = True


class Weather(WsgiAdapter):
    """The way to a sandbox: keeps a log, and has one trouble in store."""

    def __init__(self, app: SandboxApp, faults: str, people: requests.Session, clock: Clock) -> None:
        super().__init__(app.wsgi)
        self._clock = clock
        self._lands_at: datetime | None = None
        self._faults, self._people = faults, people
        self.trouble: Trouble | None = None
        self.log: list[str] = []
        self.writes = self.arrived = 0

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  the options are passed on
        body = request.body.decode() if isinstance(request.body, bytes) else request.body or ""
        parts = urlsplit(str(request.url))
        reads = request.method == "GET" or parts.path.endswith("/batch")
        self.log.append(f"{request.method} {parts.path}?{unquote(parts.query)} {body}")
        self.writes += not reads
        what = self._met(reads=reads)
        if what == "before":
            raise Crash
        if what == "late":
            self.late.append(request)
            self._lands_at = self._clock.now() + LATE
            raise Crash
        if callable(what):
            what(request)
        if isinstance(what, Mapping):
            self._people.post(f"{URL}{self._faults}", json=dict(what)).raise_for_status()
        reply = super().send(request, **options)
        if what == "after":
            raise Crash
        return reply

    def _met(self, *, reads: bool) -> object:
        """What the trouble is, if this is its request."""
        if self.trouble is None or self.trouble.what in ("commit", "committed") or (reads and self.trouble.writes):
            return None
        if self.trouble.at:
            self.trouble = Trouble(self.trouble.what, self.trouble.at - 1, self.trouble.writes)
            return None
        what, self.trouble = self.trouble.what, None
        return what

    def deliver_late(self) -> int:
        self.arrived += len(self.late)
        self._lands_at = None
        return super().deliver_late()

    def sleep(self, seconds: float) -> None:
        """Time passes, and what is a little late arrives."""
        self._clock.sleep(seconds)
        if self._lands_at and self._clock.now() >= self._lands_at:
            self.deliver_late()

    def clear(self) -> None:
        """No more trouble."""
        self.trouble = None
        self._people.delete(f"{URL}{self._faults}").raise_for_status()


# ------------------------------------------------------------------------------------------- the tools


class Tool(Protocol):
    """A tool, with a person at it who can do what the connector's author would rather not see."""

    name: str
    connector: Connector
    app: SandboxApp
    people: People
    hand: Hand
    faults: str
    prefix: str
    coordinator: str
    archives_by_completing: bool

    def paste(self, id_: str, token: str | None) -> None:
        """Puts a marker in the place of the one that is there."""
        ...

    def second_list(self, name: str) -> None:
        """Makes one more list of this name."""
        ...

    def drop_label(self, id_: str, name: str) -> None:
        """Takes a label off."""
        ...

    def lists(self) -> Sequence[str]:
        """The names of the open lists, with repetitions."""
        ...

    def labels(self) -> Sequence[str]:
        """The names of the labels, with repetitions."""
        ...


class Trello:
    """The local Trello."""

    name, connector, faults, prefix, coordinator = "trello", trello, "/trello/faults", "/1", "kim_duarte"
    archives_by_completing = False

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.app = trello_sandbox.open(SandboxOptions(folder, URL, clock.now, rate_limit=10**6))
        key, token = (self.app.environ[str(self.app.settings[name]["env"])] for name in ("key", "token"))
        self.people = _people(self.app, f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"')
        self._board = str(self.app.settings["board"])
        self._hand = TrelloHand(self.people, self._board)
        self.hand: Hand = self._hand

    def paste(self, id_: str, token: str | None) -> None:
        body, _ = harvest(self._hand.call("GET", f"/cards/{id_}")["desc"])
        self._hand.call("PUT", f"/cards/{id_}", desc=plant(body, token) if token else body)

    def second_list(self, name: str) -> None:
        board = self._hand.call("GET", f"/boards/{self._board}")["id"]
        self._hand.call("POST", "/lists", name=name, idBoard=board)

    def drop_label(self, id_: str, name: str) -> None:
        for label in self._hand.call("GET", f"/cards/{id_}")["labels"]:
            if label["name"] == name:
                self._hand.call("DELETE", f"/cards/{id_}/idLabels/{label['id']}")

    def lists(self) -> Sequence[str]:
        return [each["name"] for each in self._hand.call("GET", f"/boards/{self._board}/lists")]

    def labels(self) -> Sequence[str]:
        return [each["name"] for each in self._hand.call("GET", f"/boards/{self._board}/labels")]


class Asana:
    """The local Asana."""

    name, connector, faults, prefix, coordinator = "asana", asana, "/asana/faults", "/api/1.0", ""
    archives_by_completing = True

    def __init__(self, folder: Path, clock: Clock) -> None:
        opened = asana_sandbox.open(SandboxOptions(folder, URL, clock.now, rate_limit=10**6))
        self.app = SandboxApp(opened.wsgi, opened.page, {**opened.settings, "plan": "paid"}, opened.environ)
        self.people = _people(self.app, f"Bearer {ASANA_TOKEN}")
        self._hand = AsanaHand(self.people)
        self.hand: Hand = self._hand

    def paste(self, id_: str, token: str | None) -> None:
        body, _ = bodies.from_notes(self._hand.task(id_)["html_notes"])
        self._hand.call("PUT", f"/tasks/{id_}", html_notes=bodies.to_notes(body, token or ""))

    def second_list(self, name: str) -> None:
        self._hand.call("POST", f"/projects/{PROJECT}/sections", name=name)

    def drop_label(self, id_: str, name: str) -> None:
        for tag in self._hand.call("GET", f"/tasks/{id_}", "tags.name")["tags"]:
            if tag["name"] == name:
                self._hand.call("POST", f"/tasks/{id_}/removeTag", tag=tag["gid"])

    def lists(self) -> Sequence[str]:
        return [str(each["name"]) for each in self._hand.pages(f"/projects/{PROJECT}/sections")]

    def labels(self) -> Sequence[str]:
        return [str(each["name"]) for each in self._hand.pages(f"/workspaces/{WORKSPACE}/tags")]


class People(requests.Session):
    """What people do, counted."""

    writes = 0

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.writes += request.method != "GET"
        return super().send(request, **options)


def _people(app: SandboxApp, authorization: str) -> People:
    people = People()
    people.mount(URL, WsgiAdapter(app.wsgi))
    people.headers["Authorization"] = authorization
    return people


def foreign(number: int) -> str:
    """The marker of another programme."""
    return Marker("otherone", f"key{number}", "nonce1", {name: field_digest(None) for name in MARKED}).encode()


# ------------------------------------------------------------------------------------------ the project


@dataclass(frozen=True)
class Told:
    """How a command ended; `code` is None where the process was killed."""

    code: int | None
    result: Mapping[str, Any]
    writes: int
    pulled: bool


@dataclass(frozen=True)
class Seen:
    """What was seen of a board: the items by id, and the names of its lists and labels, with repetitions."""

    items: Mapping[str, Remote]
    lists: Sequence[str]
    labels: Sequence[str]


class Project:
    """A folder with a configuration and exports, aimed at a tool, and the command line in it."""

    def __init__(self, folder: Path, tool: Callable[[Path, Clock], Tool]) -> None:
        self.folder, self.clock, self.numbers = folder, Clock(), itertools.count(1)
        self.tool = tool(folder / "tool", self.clock)
        self.weather = Weather(self.tool.app, self.tool.faults, self.tool.people, self.clock)
        self.exports, self.steps = exports(), steps()
        self.conflicts = {"title": "ours", "body": "ask", "due": "theirs", "start": "theirs"}
        self.outputs: list[str] = []
        self._seen: tuple[object, Seen] | None = None
        self._linked: set[Row] = set()
        self._dice = random.Random(7)  # noqa: S311  not a secret: one seed, one trace
        os.environ.update(self.tool.app.environ)

    # -- what a manager writes ----------------------------------------------------------------------

    def write(self) -> None:
        """The configuration and the exports, as they are meant now."""
        (self.folder / "mappings").mkdir(exist_ok=True)
        (self.folder / "mappings" / "ours.toml").write_text(OWN_MAPPING, "utf-8")
        (self.folder / "config.toml").write_text(self._config(), "utf-8")
        for export in self.exports.values():
            export.write(self.folder)

    def _config(self) -> str:
        lines = ["[programme]", f'id = "{PROGRAMME}"', 'timezone = "America/Chicago"', "", "[milestones]"]
        lines += [each.toml() for each in self.steps.values() if each.on]
        lines += ["[conflicts]", *(f'{name} = "{how}"' for name, how in self.conflicts.items()), ""]
        lines += ["[roles]", 'coordinator = "kim.duarte@example.org"', ""]
        if self.tool.coordinator:
            lines += ["[people]", f'"kim.duarte@example.org" = {{ board = "{self.tool.coordinator}" }}', ""]
        for export in self.exports.values():
            lines += ["[[sources]]", f'name = "{export.name}"', 'namespace = "jobs"', 'connector = "files"']
            lines += [f'path = "{export.name}*.csv"', f'mapping = "{export.mapping}"']
            lines += [f"complete = {str(export.complete).lower()}", ""]
        lines += ["[[targets]]", 'name = "board"', f'connector = "{self.tool.name}"']
        return "\n".join([*lines, *(f"{name} = {_toml(value)}" for name, value in self.tool.app.settings.items()), ""])

    def read(self) -> None:
        """A pull took effect. An application whose posting nobody knew is forgotten together with its row."""
        people, jobs = self.exports["people"], self.exports["jobs"]
        if not people.fails:
            unlinked = {about for about in people.told if about not in self._linked}
            for about in unlinked - ({*people.rows} if not people.ill else set()):
                del people.told[about]
                people.gone.discard(about)
        for export in self.exports.values():
            export.read()
        self._linked |= {about for about in people.told if (about[1],) in jobs.told}

    # -- what the records ask for -------------------------------------------------------------------

    def wishes(self) -> Wishes:
        """By the rules of the contract, from what was told."""
        items: dict[tuple[Owner, str], Held] = {}
        settled: set[Owner] = set()
        jobs, people = self.exports["jobs"].told, self.exports["people"]
        for about, row in jobs.items():
            settled.add(about)
            if row["status"] != "draft":
                items |= {(about, s.key): self._wish(s, row, "") for s in self._steps("posting")}
        for about, row in people.told.items():
            if (about[1],) not in jobs:
                continue
            if row["status"] in ENGAGED:
                settled.add(about)
                job = jobs[about[1],]
                items |= {(about, s.key): self._wish(s, job, PEOPLE[about[0]][1]) for s in self._steps("engagement")}
            elif row["status"] == "withdrawn" or about in people.gone:
                settled.add(about)
        return Wishes(items, frozenset(settled))

    def _steps(self, per: str) -> Iterator[Step]:
        return (each for each in self.steps.values() if each.on and each.per == per)

    def _wish(self, step: Step, job: Mapping[str, str], label: str) -> Held:
        begin, end = date.fromisoformat(job["starts_on"]), date.fromisoformat(job["ends_on"])
        days = {"start": begin, "end": end, "midpoint": begin + (end - begin) // 2}
        days |= {"start-1w": begin - timedelta(days=7), "start-3d": begin - timedelta(days=3)}
        who = f"{job['title']} ({label})" if label else job["title"]
        text = step.body.replace("{{ posting.summary }}", job["summary"]).strip()
        held: Held = {"title": f"{step.title}: {who}", "due": days[step.due], "body": text or None}
        held |= {"start": days[step.start] if step.start else None}
        held |= {f"label {name}": True for name in step.labels}
        return held | {f"line {name}": True for name in step.lines}

    # -- commands -----------------------------------------------------------------------------------

    def command(self, *arguments: str, trouble: Trouble | None = None) -> Told:
        """One process, from its start to its end, however it ends."""
        self.write()
        self.weather.trouble = trouble
        begun, out, commits = self.weather.writes, io.StringIO(), _Commits(trouble)
        # A nested command, of a second runner, has its own of everything but the wire and the clock.
        with self._process(out), commits.watched():
            try:
                code: int | None = invoke(
                    ["--config", str(self.folder / "config.toml"), "--output", "json", *arguments]
                )
            except Crash:
                code = None
        text = out.getvalue()
        self.outputs.append(f"{' '.join(arguments)} {code} {text}")
        result = json.loads(text) if text.strip() and code is not None else {}
        return Told(code, result, self.weather.writes - begun, commits.pulled)

    @contextlib.contextmanager
    def _process(self, out: io.StringIO) -> Iterator[None]:
        clock = self.clock
        wire = {"transport": self.weather, "now": clock.now, "monotonic": clock.monotonic, "sleep": self.weather.sleep}
        with (
            mock.patch.dict(session.WIRE, wire, clear=True),
            mock.patch.object(secrets, "choice", self._dice.choice),
            mock.patch.object(secrets, "token_hex", lambda n: f"{self._dice.getrandbits(8 * n):0{2 * n}x}"),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            try:
                yield
            finally:
                logging.getLogger("mi_sync").handlers.clear()

    # -- looking ------------------------------------------------------------------------------------

    def board(self) -> Board:
        """A handle of its own, whose way is always clear."""
        settings = self.tool.connector.config.model_validate(self.tool.app.settings)
        named = {name: value["env"] for name, value in self.tool.app.settings.items() if isinstance(value, dict)}
        kept = {name: Secret(self.tool.app.environ[env]) for name, env in named.items()}
        clear = WsgiAdapter(self.tool.app.wsgi)
        wire = Wire(self.clock.now, self.clock.monotonic, lambda _: None, clear)
        return cast("Board", self.tool.connector.open(settings, Context("board", self.folder, ZONE, wire, kept)))

    def look(self) -> Seen:
        """The board as it is; read only where somebody wrote since the last look."""
        number = (self.weather.writes, self.weather.arrived, self.tool.people.writes)
        if self._seen is None or self._seen[0] != number:
            snapshot = self.board().snapshot()
            assert snapshot.complete
            there = {remote.id: remote for remote in snapshot.remotes}
            self._seen = number, Seen(there, self.tool.lists(), self.tool.labels())
        return self._seen[1]

    def links(self) -> dict[tuple[Owner, str], Link]:
        """What the state says is where, by (owner, step)."""
        with contextlib.closing(Store.scratch(self.folder / "state.db", PROGRAMME)) as store:
            ids = {r.key: str(r.id) for kind in ("posting", "applicant") for r in _records(store, kind)}
            owners: dict[str, Owner] = {r.key: (ids[r.key],) for r in _records(store, "posting")}
            for it in _records(store, "application"):
                assert isinstance(it, Application)
                owners[it.key] = (ids[it.applicant], ids[it.posting])
            return {(owners[link.owner], link.step): link for link in store.links("board").values()}

    def lose_state(self) -> None:
        """The folder was thrown away, with all that only the state knew."""
        for file in self.folder.glob("state.db*"):
            file.unlink()
        self._linked.clear()
        for export in self.exports.values():
            export.told.clear()
            export.gone.clear()
            export.had_rows, export.last = False, ""


def _records(store: Store, kind: Any) -> list[Posting | Applicant | Application]:
    return cast("list[Posting | Applicant | Application]", list(store.records(kind)))


def _toml(value: Any) -> str:
    return f'{{ env = "{value["env"]}" }}' if isinstance(value, dict) else json.dumps(value)


class _Commits:
    """Watches the commits of one process, and may kill it at one; tells whether the pull's took effect."""

    def __init__(self, trouble: Trouble | None) -> None:
        self.pulled = False
        self._trouble = trouble if trouble and trouble.what in ("commit", "committed") else None
        self._done, self._pulling = 0, False

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """While the process runs."""
        begin, pull = Store.transaction, sync.pull

        @contextlib.contextmanager
        def transaction(store: Store) -> Iterator[None]:
            due = self._trouble if self._trouble and self._trouble.at == self._done else None
            with begin(store):
                yield
                if due and due.what == "commit":
                    raise Crash
            self._done += 1
            self.pulled |= self._pulling
            if due:
                raise Crash

        def pulled(run: Run, *more: Any) -> Story:
            self._pulling = True
            yield from pull(run, *more)
            self._pulling = False

        with mock.patch.object(Store, "transaction", transaction), mock.patch.object(sync, "pull", pulled):
            yield
