"""A person at the Trello of the sandbox, for the contract suite and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import requests

from armed import URL
from mi_sync.connector import harvest, plant
from mi_sync.model import FieldKind, Fields
from mi_sync_trello.wire import CHECKLIST


class TrelloHand:
    """A person who clicks: another client of the sandbox, by Trello's documented API alone."""

    def __init__(self, session: requests.Session, board: str, url: str = URL) -> None:
        self.session = session
        self._board, self._url = board, url

    def call(self, method: str, path: str, **params: Any) -> Any:
        answer = self.session.request(method, f"{self._url}/1{path}", json=params)
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
            elif name == "fields":
                self._fill(id, fields.get("fields", {}))
            elif name == "body":
                _, marker = harvest(self.call("GET", f"/cards/{id}")["desc"])
                changes["desc"] = plant(str(value), marker) if marker else value
            else:
                trello_name = {"title": "name", "done": "dueComplete", "archived": "closed"}.get(name, name)
                changes[trello_name] = _stamp(value) if isinstance(value, date) else value
        if changes:
            self.call("PUT", f"/cards/{id}", **changes)

    def _fill(self, id: str, values: Mapping[str, str]) -> None:  # noqa: A002
        known = {each["name"]: each for each in self.call("GET", f"/boards/{self._board}/customFields")}
        for name, text in values.items():
            value = {known[name]["type"]: text} if text else ""
            self.call("PUT", f"/cards/{id}/customField/{known[name]['id']}/item", value=value)

    def add_field(self, name: str, kind: FieldKind, options: Sequence[str] = ()) -> None:
        board = self.call("GET", f"/boards/{self._board}")["id"]
        about = {"idModel": board, "modelType": "board", "type": "list" if kind == "choice" else kind, "pos": "bottom"}
        made = self.call("POST", "/customFields", name=name, **about)
        for option in options:
            self.call("POST", f"/customFields/{made['id']}/options", value={"text": option}, pos="bottom")

    def comments(self, id: str) -> Sequence[str]:  # noqa: A002
        actions = self.call("GET", f"/cards/{id}/actions?filter=commentCard")
        return [each["data"]["text"] for each in reversed(actions)]

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


def _stamp(value: date) -> str:
    """A day alone as its noon."""
    return value.isoformat() if isinstance(value, datetime) else f"{value}T12:00:00.000Z"
