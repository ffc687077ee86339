"""A small programme on a real sandbox over real HTTP, and the real command line: what the system tests share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.serving import WSGIRequestHandler, make_server

from mi_sync.connector import Sandbox, SandboxApp, SandboxOptions, harvest
from mi_sync.identity import Marker
from mi_sync_trello.sandbox import sandbox

ON_BOTH = pytest.mark.parametrize(
    "project", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
"""For a test whose `project` has its state in a file, and again on a PostgreSQL server."""

CONFIG = """\
[programme]
id = "spring-2026-7f3k9q"
timezone = "America/Chicago"

[[sources]]
name = "jobs"
connector = "files"
path = "jobs.csv"
mapping = "generic_postings"

[[sources]]
name = "people"
namespace = "jobs"
connector = "files"
path = "people.csv"
mapping = "generic_applicants"

[milestones]

[[milestones.steps]]
key = "kickoff"
title = "Kickoff: {{ posting.title }} ({{ applicant.label }})"
body = "{{ posting.summary }}"
due = "start"
list = "To Do"
labels = ["kickoff"]
checklist = ["Send the brief", "Give access"]

[[milestones.steps]]
key = "final"
title = "Final: {{ posting.title }} ({{ applicant.label }})"
due = "end"
list = "Wrap-up"
labels = ["deliverable"]

[[targets]]
name = "board"
connector = "trello"
board = "DEMO2026"
key = { env = "TRELLO_KEY" }
token = { env = "TRELLO_TOKEN" }
"""

JOBS = """\
id,title,summary,starts_on,ends_on
P-1,Donor dashboard,"Find out who gives.
Two lines of it.",2026-03-02,2026-03-20
"""

PEOPLE = """\
id,name,email,posting_id,status
S-1,Ana Lopez,ana.lopez@students.example,P-1,accepted
"""


@dataclass
class Server:
    """A running sandbox, and every request that reached it but the test's own."""

    url: str
    environ: dict[str, str]
    requests: list[tuple[str, str]] = field(default_factory=list)

    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.requests if method != "GET"]

    def call(self, method: str, path: str, **body: Any) -> Any:
        key, token = self.environ["TRELLO_KEY"], self.environ["TRELLO_TOKEN"]
        header = f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'
        reply = requests.request(
            method,
            f"{self.url}/1{path}",
            headers={"Authorization": header, "X-Observer": "1"},
            json=body or None,
            timeout=30,
        )
        reply.raise_for_status()
        return reply.json()

    def fault(self, **fault: Any) -> None:
        requests.post(f"{self.url}/trello/faults", json=fault, timeout=30).raise_for_status()

    def limit(self, **limits: dict[str, int]) -> None:
        """Sets some of the limits of the board."""
        requests.put(f"{self.url}/trello/limits/DEMO2026", json=limits, timeout=30).raise_for_status()

    def cards(self) -> list[dict[str, Any]]:
        """All cards, archived ones too, oldest first, with their checklists."""
        found: list[dict[str, Any]] = self.call("GET", "/boards/DEMO2026/cards/all?limit=1000&checklists=all")
        return sorted(found, key=lambda card: str(card["id"]))

    def card(self, title: str) -> dict[str, Any]:
        (found,) = [card for card in self.cards() if str(card["name"]).startswith(title)]
        return found

    def marked(self) -> dict[str, list[dict[str, Any]]]:
        """The cards that carry a marker, by its key."""
        found: dict[str, list[dict[str, Any]]] = {}
        for card in self.cards():
            marker = Marker.decode(harvest(card["desc"])[1])
            if marker is not None:
                found.setdefault(marker.key, []).append(card)
        return found


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  werkzeug's signature
        pass


@contextmanager
def listening(
    served: Sandbox, state: Path, log: list[tuple[str, str]], *, rate_limit: int = 10_000
) -> Iterator[tuple[str, SandboxApp]]:
    """A sandbox at an address; what reaches its API is logged, but for requests that say that they only observe."""
    mounted: list[Any] = []

    def dispatch(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(f"{served.prefixes[0]}/") and "HTTP_X_OBSERVER" not in environ:
            log.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        reply: Iterable[bytes] = mounted[0](environ, start_response)
        return reply

    server = make_server("127.0.0.1", 0, dispatch, threaded=True, request_handler=_Quiet)
    url = f"http://127.0.0.1:{server.server_port}"
    app = served.open(SandboxOptions(state, url, lambda: datetime.now(UTC), rate_limit))
    mounted.append(app.wsgi)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield url, app
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serving(state: Path, *, rate_limit: int = 10_000) -> Iterator[Server]:
    log: list[tuple[str, str]] = []
    with listening(sandbox, state, log, rate_limit=rate_limit) as (url, app):
        secrets = {name: app.environ[app.settings[name]["env"]] for name in ("key", "token")}
        yield Server(url, {"TRELLO_KEY": secrets["key"], "TRELLO_TOKEN": secrets["token"]}, log)


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Project:
    """A project folder, and the command line in it."""

    folder: Path
    server: Server

    @staticmethod
    def make(folder: Path, server: Server, config: str = CONFIG) -> Project:
        folder.mkdir(parents=True, exist_ok=True)
        project = Project(folder, server)
        project.write("config.toml", f'{config}api_url = "{server.url}/1"\n')
        project.write("jobs.csv", JOBS)
        project.write("people.csv", PEOPLE)
        return project

    def keep_state_at(self, url: str) -> None:
        """From now on its state is at this URL."""
        config = (self.folder / "config.toml").read_text("utf-8")
        self.write("config.toml", f'state = {{ url = "{url}" }}\n{config}')

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, "utf-8", newline="")

    def edit(self, name: str, before: str, after: str) -> None:
        path = self.folder / name
        text = path.read_text("utf-8")
        assert before in text
        path.write_text(text.replace(before, after), "utf-8", newline="")

    def start(self, *arguments: str, program: Sequence[str] = ("-m", "mi_sync"), **environ: str) -> Finished:
        ended = subprocess.run(
            [sys.executable, *program, *arguments],
            cwd=self.folder,
            env={**os.environ, **self.server.environ, **environ},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=100,
            check=False,
        )
        return Finished(ended.returncode, ended.stdout, ended.stderr)

    def run(self, *arguments: str) -> dict[str, Any]:
        """`mi-sync run --output json`, which must succeed."""
        ended = self.start("run", "--output", "json", *arguments)
        assert ended.code == 0, ended.err
        result: dict[str, Any] = ended.json()
        return result
