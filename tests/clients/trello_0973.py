"""The package `trello` 0.9.7.3 walks through the sandbox and prints what it saw.

    python trello_0973.py http://127.0.0.1:PORT KEY TOKEN BOARD

It is run in an environment of its own, because py-trello installs into the same folder. It asks `https://trello.com`
whatever it is told, so that the one way all its requests go sends them to the sandbox.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

import requests

HOST = "https://trello.com"


def walk(trello: Any, board: str) -> dict[str, Any]:
    """Everything that the others do, in its words."""
    boards, cards, checklists = trello.boards, trello.cards, trello.checklists
    seen: dict[str, Any] = {"board": boards.get(board)["name"], "lists": names(boards.get_list(board))}
    to_do, doing = (each["id"] for each in boards.get_list(board)[:2])

    due = "2026-03-30T22:00:00.000Z"
    card = cards.new("Kickoff call", to_do, desc="The *brief*, größer", due=due, pos="top")["id"]
    cards.update_name(card, "Kickoff")
    cards.update_dueComplete(card, "true")
    cards.update_idList(card, doing)
    again = cards.get(card)
    seen["card"] = [again["name"], again["desc"], again["due"], again["dueComplete"]]
    seen["moved"] = cards.get_list(card)["name"]

    comment = cards.new_action_comment(card, "See you")["id"]
    cards.update_action_comment_idAction(comment, card, "See you there")
    seen["comments"] = [each["data"]["text"] for each in cards.get_action(card, filter="commentCard")]

    checklist = checklists.new(card, name="Checklist")["id"]
    outline = checklists.new_checkItem(checklist, "Outline")["id"]
    checklists.new_checkItem(checklist, "Numbers")
    cards.update_checkItem_idCheckItem(outline, card, state="complete")
    lines = checklists.get(checklist)["checkItems"]
    seen["checklist"] = [[each["name"], each["state"]] for each in lines]

    cards.update_closed(card, "true")
    seen["archived"] = [names(trello.lists.get_card(doing)), cards.get(card)["closed"]]
    seen |= paged(boards, board)
    try:
        cards.get("0" * 24)
    except requests.HTTPError as error:
        seen["refused"] = error.response.status_code
    return seen


def paged(boards: Any, board: str) -> dict[str, Any]:
    """All cards of the board, page by page, the oldest first.

    Its own method knows no `sort`, so that this is right only where cards were added at the bottom, as here.
    """
    ids: list[str] = []
    pages: list[int] = []
    while not pages or pages[-1]:
        page = boards.get_card(board, limit=1000, filter="visible", since=max(ids, default=None))
        ids += [each["id"] for each in page]
        pages.append(len(page))
    return {"pages": pages, "paged": len(set(ids))}


def names(listed: list[dict[str, Any]]) -> list[str]:
    """What they are called."""
    return [each["name"] for each in listed]


def aim(base: str) -> None:
    """Sends what is meant for Trello to the sandbox."""
    request = requests.Session.request

    def aimed(self: requests.Session, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        if not url.startswith(HOST):
            raise AssertionError(f"the client tried to reach {url}")
        return request(self, method, url.replace(HOST, base, 1), *args, **{**kwargs, "timeout": 30})

    requests.Session.request = aimed  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    aim(sys.argv[1])
    api = import_module("trello").TrelloApi(*sys.argv[2:4])
    sys.stdout.write(json.dumps(walk(api, sys.argv[4])))
