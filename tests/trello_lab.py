"""A Trello board on the sandbox in this process, for the contract suite and others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import requests

from armed import URL, ArmedAdapter
from mi_sync.connector import Board, Context, SandboxOptions, Secret
from mi_sync.http import Budget, Wire
from mi_sync.testing import Clock, Fault, Hand
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_trello import connector as trello
from mi_sync_trello.sandbox import sandbox
from mi_sync_trello.sandbox.gate import ACCESS_TOKEN
from trello_hand import TrelloHand

ZONE = ZoneInfo("America/Chicago")


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
