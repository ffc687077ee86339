"""Every installed connector keeps its contract. One without a lab in this file fails by name."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import requests

from armed import URL, ArmedAdapter
from asana_lab import AsanaLab
from mi_sync.connector import (
    Board,
    Broken,
    Connector,
    Context,
    Registry,
    SandboxOptions,
    Secret,
    Source,
)
from mi_sync.http import Budget, Wire
from mi_sync.testing import (
    BOARD_CHECKS,
    PUBLISHER_CHECKS,
    RUN_CHECKS,
    SOURCE_CHECKS,
    BoardLab,
    Clock,
    Engine,
    Fault,
    Hand,
    SourceLab,
)
from mi_sync_files import Settings
from mi_sync_files import connector as files
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_trello import connector as trello
from mi_sync_trello.sandbox import sandbox
from mi_sync_trello.sandbox.gate import ACCESS_TOKEN
from trello_hand import TrelloHand

ZONE = ZoneInfo("America/Chicago")

# ------------------------------------------------------------------------------------------------ files


class FilesLab:
    """One CSV file in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "rows.csv"

    def open(self) -> Source:
        return cast("Source", files.open(Settings(path="rows.csv"), Context("jobs", self._folder, ZONE)))

    def write(self, rows: Sequence[Sequence[str]]) -> None:
        with self._path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)

    def blank(self) -> None:
        self._path.write_text(" \n")

    def remove(self) -> None:
        self._path.unlink()

    def content(self) -> object:
        return [(file.name, file.read_bytes(), file.stat().st_mtime_ns) for file in sorted(self._folder.iterdir())]


# ----------------------------------------------------------------------------------------------- trello


class TrelloLab:
    """A `TrelloBoard` on the sandbox, in this process; with an access token of OAuth 2 if so asked."""

    def __init__(self, folder: Path, *, access: bool = False) -> None:
        self._folder, self._clock, self._budget = folder, Clock(), Budget()
        app = sandbox.open(SandboxOptions(folder, URL, self._clock.now, rate_limit=100_000))
        self._settings, self._access = app.settings, access
        self._secrets = {name: Secret(app.environ[str(app.settings[name]["env"])]) for name in ("key", "token")}
        people = requests.Session()
        people.mount(URL, WsgiAdapter(app.wsgi))
        key, token = (self._secrets[name].reveal() for name in ("key", "token"))
        people.headers["Authorization"] = f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'
        self._adapter = ArmedAdapter(app.wsgi, people, "/trello/faults")
        self._hand = TrelloHand(people, str(app.settings["board"]))
        self.hand: Hand = self._hand
        members = self._hand.call("GET", f"/boards/{app.settings['board']}/members")
        self.member, self.member_too = (str(each["id"]) for each in members[:2])

    def open(self) -> Board:
        wire = Wire(
            now=self._clock.now,
            monotonic=self._clock.monotonic,
            sleep=self._clock.sleep,
            transport=self._adapter,
            budget=self._budget,
        )
        settings, secrets = self._settings, self._secrets
        if self._access:
            kept = {name: self._settings[name] for name in ("board", "api_url")}
            settings, secrets = {**kept, "access_token": {"env": "ACCESS"}}, {"access_token": Secret(ACCESS_TOKEN)}
        context = Context("board", self._folder, ZONE, wire, secrets)
        return cast("Board", trello.open(trello.config.model_validate(settings), context))

    def now(self) -> datetime:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def replenish(self) -> None:
        self._budget.limit = None

    def fault(self, fault: Fault, skip: int = 0) -> None:
        if fault is Fault.BUDGET:
            self._budget.limit = self._budget.spent + skip
        else:
            self._adapter.armed.extend([*[None] * skip, fault])

    def shorten(self) -> None:
        self._hand.session.post(f"{URL}/trello/faults", json={"kind": "short_page", "times": None}).raise_for_status()

    def limit(self, most: int) -> bool:
        given = {"cards": {"openPerBoard": most}}
        address = f"{URL}/trello/limits/{self._settings['board']}"
        self._hand.session.put(address, json=given).raise_for_status()
        return True

    def requests(self) -> int:
        return self._adapter.requests

    def writes(self) -> int:
        return self._adapter.writes

    def items(self) -> int:
        return len(self._on_board("cards/all"))

    def lists(self) -> Sequence[str]:
        return self._on_board("lists/all")

    def labels(self) -> Sequence[str]:
        return self._on_board("labels")

    def _on_board(self, what: str) -> list[str]:
        return [str(each["name"]) for each in self._hand.call("GET", f"/boards/{self._settings['board']}/{what}")]


# ----------------------------------------------------------------------------------------- all of them

LABS: Mapping[str, Callable[[Path], BoardLab | SourceLab]] = {
    "asana": AsanaLab,
    "files": FilesLab,
    "trello": TrelloLab,
}
"""Where each installed connector can be tried."""

CHECKS: Mapping[str, Mapping[str, Callable[[Any], None]]] = {
    "source": SOURCE_CHECKS,
    "board": BOARD_CHECKS,
    "publisher": PUBLISHER_CHECKS,
}
INSTALLED = Registry().names


def loaded(name: str) -> Connector:
    found = Registry().load(name)
    assert not isinstance(found, Broken), found
    assert found is not None
    return found


def every_check() -> Iterator[Any]:
    for name in sorted(set(INSTALLED) & set(LABS)):
        for check in CHECKS[loaded(name).kind]:
            yield pytest.param(name, check, id=f"{name}-{check}")


@pytest.mark.parametrize("name", sorted({*INSTALLED, *LABS}))
def test_every_installed_connector_loads_and_has_a_lab(name: str) -> None:
    assert loaded(name).name == name
    assert name in LABS, f"the connector {name!r} has no lab in this file, so nothing holds it to its contract"


@pytest.mark.parametrize(("name", "check"), list(every_check()))
def test_the_contract_is_kept(name: str, check: str, tmp_path: Path) -> None:
    CHECKS[loaded(name).kind][check](LABS[name](tmp_path))


@pytest.mark.parametrize("check", ["identity_is_one_cheap_read", "creation_reads_back", "children_are_added"])
def test_an_access_token_of_oauth_does_what_key_and_token_do(check: str, tmp_path: Path) -> None:
    BOARD_CHECKS[check](TrelloLab(tmp_path, access=True))


def boards() -> list[str]:
    return [name for name in sorted(set(INSTALLED) & set(LABS)) if loaded(name).kind == "board"]


@pytest.mark.parametrize("check", RUN_CHECKS)
@pytest.mark.parametrize("name", boards())
def test_whole_runs_keep_their_promises(name: str, check: str, tmp_path: Path) -> None:
    RUN_CHECKS[check](Engine(cast("BoardLab", LABS[name](tmp_path))))


@pytest.mark.parametrize("name", sorted(set(INSTALLED) & set(LABS)))
def test_what_a_board_declares_before_it_is_opened_is_what_it_can(name: str, tmp_path: Path) -> None:
    lab = LABS[name](tmp_path)
    opened = lab.open()
    found = opened.capabilities if isinstance(opened, Board) else None
    assert found == loaded(name).capabilities
