"""A run that a dead man's switch watches: through the real command line, against a switch on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest

from loopback import serving
from mi_sync.state import Store
from programme import Project

pytestmark = pytest.mark.system

VALUES = ("Ana", "Lopez", "students.example", "Donor", "Kickoff", "jobs", "people", "board")


@dataclass
class Switch:
    """A dead man's switch that holds a ping back until it is let go, where a test asks for it."""

    url: str = ""
    pings: list[tuple[str, str]] = field(default_factory=list)
    hold: str = "never"
    status: str = "200 OK"
    held: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
        signalled = environ["PATH_INFO"].removeprefix("/uuid-of-the-check")
        self.pings.append((signalled, body))
        if signalled == self.hold:
            self.held.set()
            self.let_go.wait(30)
        start_response(self.status, [])
        return [b"OK"]

    @property
    def signals(self) -> list[str]:
        return [signalled for signalled, _ in self.pings]


@pytest.fixture
def switch() -> Iterator[Switch]:
    it = Switch()
    with serving(it) as url:
        it.url = f"{url}/uuid-of-the-check"
        yield it


@pytest.fixture
def pinged(project: Project, switch: Switch) -> Project:
    project.edit("config.toml", "[milestones]\n", '[schedule]\nping = { env = "MI_SYNC_PING_URL" }\n\n[milestones]\n')
    project.server.environ["MI_SYNC_PING_URL"] = switch.url
    return project


def test_a_run_is_told_in_counts_alone(pinged: Project, switch: Switch) -> None:
    ended = pinged.start("run", "-vv")
    assert (ended.code, switch.signals) == (0, ["/start", ""])
    body = switch.pings[1][1]
    assert "mi-sync: ok (exit code 0)" in body
    assert "2 created" in body
    assert "2 rows" in body
    assert [value for value in VALUES if value in body] == []
    assert "uuid-of-the-check" not in ended.out + ended.err


def test_only_run_pings(pinged: Project, switch: Switch) -> None:
    for command in (("check",), ("pull",), ("plan",), ("run", "--dry-run"), ("apply",), ("status",)):
        assert pinged.start(*command).code == 0
    assert switch.pings == []


def test_each_end_has_its_signal(pinged: Project, switch: Switch) -> None:
    assert pinged.start("run", "--max-requests", "3").code == 8
    pinged.edit("people.csv", "accepted\n", "accepted\nS-2,Bo Li,bo@students.example,no-such,accepted\n")
    assert pinged.start("run").code == 3
    assert pinged.start("run", TRELLO_TOKEN="wrong").code == 6
    assert pinged.start("run", TRELLO_TOKEN="").code == 2  # before there is a run
    assert switch.signals == ["/start", "", "/start", "/fail", "/start", "/fail", "/fail"]
    assert "budget" not in switch.pings[1][1]


def test_a_run_that_finds_the_lock_held_leaves_the_other_ones_pings_alone(pinged: Project, switch: Switch) -> None:
    with closing(Store.open(pinged.folder / "state.db", "spring-2026-7f3k9q")) as store, store.lock():
        assert pinged.start("run").code == 7
    assert switch.signals == ["/log"]


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1/uuid-of-the-check", "nonsense"])
def test_a_ping_that_cannot_be_sent_changes_nothing(pinged: Project, switch: Switch, url: str) -> None:
    ended = pinged.start("run", "--output", "json", MI_SYNC_PING_URL=url)
    assert (ended.code, ended.json()["targets"]["board"]["created"], ended.json()["problems"]) == (0, 2, [])
    assert "WARNING" in ended.err
    assert "uuid-of-the-check" not in ended.err
    checked = pinged.start("check", MI_SYNC_PING_URL=url)
    assert checked.code == (0 if url.startswith("http") else 2)
    switch.status = "500 Oops"
    assert pinged.start("run").code == 0


def started(project: Project) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "mi_sync", "run"],
        cwd=project.folder,
        env={**os.environ, **project.server.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_ended_by_a_signal_says_so(pinged: Project, switch: Switch, number: int, code: int) -> None:
    switch.hold = "/start"
    with started(pinged) as running:
        assert switch.held.wait(30)
        running.send_signal(number)
        switch.let_go.set()
        assert running.wait(30) == code
    assert switch.signals == ["/start", "/fail"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_last_ping_changes_nothing(pinged: Project, switch: Switch, number: int) -> None:
    switch.hold = ""
    with started(pinged) as running:
        assert switch.held.wait(30)
        running.send_signal(number)
        switch.let_go.set()
        assert running.wait(30) == 0
