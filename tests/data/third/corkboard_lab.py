"""The lab for mi-sync's contract suite: the connector on the sandbox in this process, and a person at the same board."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import requests
from werkzeug import Response

from mi_sync.connector import Board, Context, Secret, harvest, plant
from mi_sync.http import Budget, Wire
from mi_sync.model import FieldKind, Fields
from mi_sync.testing import Clock, Fault, Hand
from mi_sync_corkboard import CorkboardConfig, connector
from mi_sync_corkboard.sandbox import BOARD, HOME, TOKEN, Cork, create_app
from mi_sync_sandbox.adapter import WsgiAdapter

URL = "http://127.0.0.1:8377"
ZONE = ZoneInfo("America/Chicago")
REFUSALS: Mapping[Fault | None, Response] = {
    Fault.REFUSED: Response("no", 400),
    Fault.UNAUTHORISED: Response("who are you?", 401),
}


class CorkboardHand:
    """A person, who moves the notes themselves."""

    def __init__(self, cork: Cork) -> None:
        self._cork = cork

    def add(self, title: str, list: str) -> str:  # noqa: A002
        self._have_column(list)
        return str(self._cork.pin({"title": title, "column": list})["id"])

    def edit(self, id: str, fields: Fields) -> None:  # noqa: A002
        given: dict[str, Any] = {**fields}
        if "list" in given:
            self._have_column(given["list"])
        if isinstance(due := given.get("due"), datetime):
            given["due"] = due.astimezone(ZONE).date().isoformat()
        if "body" in given:
            _, marker = harvest(self._cork.note(id)["text"])
            given["body"] = plant(given["body"], marker) if marker else given["body"]
        self._cork.change(id, {{"list": "column", "body": "text"}.get(name, name): given[name] for name in given})

    def erase_marker(self, id: str) -> None:  # noqa: A002
        self._cork.change(id, {"text": harvest(self._cork.note(id)["text"])[0]})

    def delete(self, id: str) -> None:  # noqa: A002
        with self._cork.changing():
            del self._cork.notes[id]

    def copy(self, id: str) -> str:  # noqa: A002
        there = self._cork.note(id)
        return str(self._cork.pin({name: there[name] for name in there.keys() - {"id", "url", "place"}})["id"])

    def rename_list(self, name: str, to: str) -> None:
        with self._cork.changing():
            self._cork.board["columns"] = [to if each == name else each for each in self._cork.board["columns"]]
            for note in self._in(name):
                note["column"] = to

    def remove_list(self, name: str) -> None:
        with self._cork.changing():
            self._cork.board["columns"].remove(name)
            for note in self._in(name):
                note["archived"] = True

    def add_label(self, id: str, name: str) -> None:  # noqa: A002
        """There are none."""

    def add_line(self, id: str, text: str, *, done: bool = False) -> None:  # noqa: A002
        """There are none."""

    def tick(self, id: str, text: str) -> None:  # noqa: A002
        """There are none."""

    def assign(self, id: str, member: str) -> None:  # noqa: A002
        self._cork.change(id, {"person": member})

    def add_field(self, name: str, kind: FieldKind, options: Sequence[str] = ()) -> None:
        """There are none."""

    def comments(self, id: str) -> Sequence[str]:  # noqa: A002, ARG002  the protocol's shape
        """Nobody can say anything."""
        return ()

    def raise_to_top(self, id: str) -> None:  # noqa: A002
        self._cork.change(id, {"place": min(note["place"] for note in self._cork.notes.values()) - 1})

    def order(self, list: str) -> Sequence[str]:  # noqa: A002
        notes = sorted(self._in(list), key=lambda note: int(note["place"]))
        return [note["id"] for note in notes if not note["archived"]]

    def _in(self, column: str) -> Sequence[dict[str, Any]]:
        return [note for note in self._cork.notes.values() if note["column"] == column]

    def _have_column(self, name: str) -> None:
        if name not in self._cork.board["columns"]:
            self._cork.add_column(name)


class Wiretap(WsgiAdapter):
    """The way to the sandbox: counts what is sent, and lets chosen writing requests fail."""

    def __init__(self, cork: Cork) -> None:
        super().__init__(create_app(cork))
        self.armed: deque[Fault | None] = deque()
        self.requests = self.writes = 0

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        self.requests += 1
        if request.method == "GET":
            return super().send(request, *args, **options)
        self.writes += 1
        fault = self.armed.popleft() if self.armed else None
        if fault in REFUSALS:
            return WsgiAdapter(REFUSALS[fault]).send(request)
        if fault is Fault.LOST_BEFORE:
            raise requests.ConnectionError("the request is lost")
        reply = super().send(request, *args, **options)
        if fault is Fault.LOST_AFTER:
            raise requests.ConnectionError("the answer is lost")
        return reply


class CorkboardLab:
    """A board with nothing on it, in an empty folder."""

    member, member_too = "kim", "lee"

    def __init__(self, folder: Path) -> None:
        self._folder, self._clock, self._budget = folder, Clock(), Budget()
        self._cork = Cork(folder / "corkboard.json", URL)
        self._wiretap = Wiretap(self._cork)
        self.hand: Hand = CorkboardHand(self._cork)

    def open(self) -> Board:
        clock = self._clock
        wire = Wire(clock.now, clock.monotonic, clock.sleep, self._wiretap, self._budget)
        token = {"env": "CORKBOARD_TOKEN"}
        settings = CorkboardConfig.model_validate({"board": BOARD, "token": token, "api_url": f"{URL}{HOME}/v1"})
        context = Context("board", self._folder, ZONE, wire, {"token": Secret(TOKEN)})
        return cast("Board", connector.open(settings, context))

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
            self._wiretap.armed.extend([*[None] * skip, fault])

    def shorten(self) -> None:
        self._cork.page_size = 2

    def limit(self, most: int) -> bool:  # noqa: ARG002  there is none
        return False

    def requests(self) -> int:
        return self._wiretap.requests

    def writes(self) -> int:
        return self._wiretap.writes

    def items(self) -> int:
        return len(self._cork.notes)

    def lists(self) -> Sequence[str]:
        return [str(name) for name in self._cork.board["columns"]]

    def labels(self) -> Sequence[str]:
        return ()
