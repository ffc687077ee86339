"""A Trello board on the sandbox in this process, and a person at the same board, for the contract suite and others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import requests

from armed import URL, ArmedAdapter
from mi_sync.connector import Board, Context, SandboxOptions, Secret, harvest, plant
from mi_sync.http import Budget, Wire
from mi_sync.model import Fields
from mi_sync.testing import Clock, Fault, Hand
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_trello import connector as trello
from mi_sync_trello.sandbox import sandbox
from mi_sync_trello.wire import CHECKLIST

ZONE = ZoneInfo("America/Chicago")


class TrelloHand:
    """A person who clicks: another client of the sandbox, by Trello's documented API alone."""

    def __init__(self, session: requests.Session, board: str) -> None:
        self._session = session
        self._board = board

    def call(self, method: str, path: str, **params: Any) -> Any:
        answer = self._session.request(method, f"{URL}/1{path}", json=params)
        answer.raise_for_status()
        return answer.json()

    def lists(self) -> dict[str, str]:
        return {each["name"]: each["id"] for each in self.call("GET", f"/boards/{self._board}/lists")}

    def _list(self, name: str) -> str:
        known = self.lists()
        if name not in known:
            board = self.call("GET", f"/boards/{self._board}")["id"]
            return str(self.call("POST", "/lists", name=name, idBoard=board, pos="bottom")["id"])
        return known[name]

    def add(self, title: str, list: str) -> str:  # noqa: A002
        return str(self.call("POST", "/cards", name=title, idList=self._list(list))["id"])

    def edit(self, id: str, fields: Fields) -> None:  # noqa: A002
        changes: dict[str, Any] = {}
        for name, value in fields.items():
            if name == "list":
                changes["idList"] = self._list(str(value))
            elif name == "body":
                _, marker = harvest(self.call("GET", f"/cards/{id}")["desc"])
                changes["desc"] = plant(str(value), marker) if marker else value
            else:
                trello_name = {"title": "name", "done": "dueComplete", "archived": "closed"}.get(name, name)
                changes[trello_name] = value.isoformat() if isinstance(value, date) else value
        self.call("PUT", f"/cards/{id}", **changes)

    def erase_marker(self, id: str) -> None:  # noqa: A002
        self.call("PUT", f"/cards/{id}", desc=harvest(self.call("GET", f"/cards/{id}")["desc"])[0])

    def delete(self, id: str) -> None:  # noqa: A002
        self.call("DELETE", f"/cards/{id}")

    def copy(self, id: str) -> str:  # noqa: A002
        there = self.call("GET", f"/cards/{id}")
        made = self.call("POST", "/cards", idCardSource=id, idList=there["idList"], keepFromSource="all")
        return str(made["id"])

    def rename_list(self, name: str, to: str) -> None:
        self.call("PUT", f"/lists/{self._list(name)}", name=to)

    def remove_list(self, name: str) -> None:
        self.call("PUT", f"/lists/{self._list(name)}", closed=True)

    def add_label(self, id: str, name: str) -> None:  # noqa: A002
        self.call("POST", f"/cards/{id}/labels", name=name, color="sky")

    def add_line(self, id: str, text: str, *, done: bool = False) -> None:  # noqa: A002
        found = [each["id"] for each in self.call("GET", f"/cards/{id}/checklists") if each["name"] == CHECKLIST]
        checklist = found[0] if found else self.call("POST", "/checklists", idCard=id, name=CHECKLIST)["id"]
        self.call("POST", f"/checklists/{checklist}/checkItems", name=text, checked=done)

    def tick(self, id: str, text: str) -> None:  # noqa: A002
        for checklist in self.call("GET", f"/cards/{id}/checklists"):
            for line in checklist["checkItems"]:
                if line["name"] == text:
                    self.call("PUT", f"/cards/{id}/checkItem/{line['id']}", state="complete")

    def assign(self, id: str, member: str) -> None:  # noqa: A002
        self.call("POST", f"/cards/{id}/idMembers", value=member)

    def raise_to_top(self, id: str) -> None:  # noqa: A002
        self.call("PUT", f"/cards/{id}", pos="top")

    def order(self, list: str) -> Sequence[str]:  # noqa: A002
        cards = self.call("GET", f"/lists/{self._list(list)}/cards")
        return [card["id"] for card in sorted(cards, key=lambda card: card["pos"])]


class TrelloLab:
    """A `TrelloBoard` on the sandbox, in this process."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._clock, self._budget = folder, Clock(), Budget()
        app = sandbox.open(SandboxOptions(folder, URL, self._clock.now, rate_limit=100_000))
        self._settings = app.settings
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
        settings = trello.config.model_validate(self._settings)
        return cast("Board", trello.open(settings, Context("board", self._folder, ZONE, wire, self._secrets)))

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
        self._hand._session.post(f"{URL}/trello/faults", json={"kind": "short_page", "times": None}).raise_for_status()

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
