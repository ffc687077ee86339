"""The limits of the sandbox's Trello boards: told, kept at every effect, and set on request; and access tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_trello_sandbox import BASE, Client, refusal

from mi_sync_trello.sandbox import gate
from mi_sync_trello.sandbox.seed import BOARD


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path)


def limit(client: Client, content: Any, board: str = BOARD) -> int:
    return client.session.put(f"{BASE}/trello/limits/{board}", json=content, timeout=5).status_code


def full(client: Client, group: str, name: str, there: int) -> None:
    assert limit(client, {group: {name: there}}) == 200


def new_card(client: Client) -> tuple[str, str, dict[str, Any]]:
    return "POST", "/cards", {"idList": client.list_id(), "name": "One more"}


def reopened_card(client: Client) -> tuple[str, str, dict[str, Any]]:
    (card,) = client.get(f"/boards/{BOARD}/cards/closed")
    return "PUT", f"/cards/{card['id']}", {"closed": False}


def moved_card(client: Client) -> tuple[str, str, dict[str, Any]]:
    done = client.post("/cards", idList=client.list_id("Done"), name="Moves")["id"]
    return "PUT", f"/cards/{done}", {"idList": client.list_id()}


def new_list(client: Client) -> tuple[str, str, dict[str, Any]]:
    return "POST", "/lists", {"idBoard": client.get(f"/boards/{BOARD}")["id"], "name": "Week 4"}


def reopened_list(client: Client) -> tuple[str, str, dict[str, Any]]:
    id_ = client.list_id("Doing")
    client.put(f"/lists/{id_}", closed=True)
    return "PUT", f"/lists/{id_}", {"closed": False}


def new_label(_: Client) -> tuple[str, str, dict[str, Any]]:
    return "POST", f"/boards/{BOARD}/labels", {"name": "New", "color": "sky"}


def checklist(client: Client) -> str:
    (card,) = client.get(f"/boards/{BOARD}/cards/open")
    return str(client.post("/checklists", idCard=card["id"], name="Steps")["id"])


def new_line(client: Client) -> tuple[str, str, dict[str, Any]]:
    return "POST", f"/checklists/{checklist(client)}/checkItems", {"name": "First"}


def new_checklist(client: Client) -> tuple[str, str, dict[str, Any]]:
    card = client.get(f"/checklists/{checklist(client)}")["idCard"]
    return "POST", "/checklists", {"idCard": card, "name": "Another"}


@pytest.mark.parametrize(
    ("group", "name", "there", "ask"),
    [
        ("cards", "openPerBoard", 1, new_card),
        ("cards", "totalPerBoard", 2, new_card),
        ("cards", "openPerList", 1, new_card),
        ("cards", "totalPerList", 2, new_card),
        ("cards", "openPerBoard", 1, reopened_card),
        ("cards", "openPerList", 1, moved_card),
        ("lists", "openPerBoard", 3, new_list),
        ("lists", "totalPerBoard", 3, new_list),
        ("lists", "openPerBoard", 2, reopened_list),
        ("labels", "perBoard", 6, new_label),
        ("checkItems", "perChecklist", 0, new_line),
        ("checklists", "perCard", 1, new_checklist),
        ("checklists", "perBoard", 1, new_checklist),
    ],
)
def test_a_limit_that_is_reached_refuses_one_more_and_one_below_does_not(
    client: Client, group: str, name: str, there: int, ask: Callable[[Client], tuple[str, str, dict[str, Any]]]
) -> None:
    client.card("Open")
    client.put(f"/cards/{client.card('Closed')['id']}", closed=True)
    method, path, sent = ask(client)
    full(client, group, name, there)
    assert refusal(client.reply(method, path, json=sent)) == (403, f"board limit exceeded: {group} {name}")
    full(client, group, name, there + 1)
    assert client.reply(method, path, json=sent).status_code == 200


def test_what_is_set_is_told_and_the_rest_stays(client: Client) -> None:
    client.card()
    full(client, "cards", "openPerBoard", 1)
    full(client, "lists", "openPerBoard", 2)
    told = client.get(f"/boards/{BOARD}", fields="limits")["limits"]
    assert told["cards"]["openPerBoard"] == {"status": "disabled", "disableAt": 1, "warnAt": 0, "count": 1}
    assert told["lists"]["openPerBoard"]["status"] == "maxExceeded"
    assert told["labels"]["perBoard"] == {"status": "ok", "disableAt": 1000, "warnAt": 900}


@pytest.mark.parametrize(
    "content", [[], {"cards": 3}, {"cards": {"openPerBoard": "3"}}, {"cards": {"open": 3}}, {"x": {}}]
)
def test_what_is_no_limit_is_refused(client: Client, content: Any) -> None:
    assert limit(client, content) == 400
    assert limit(client, {}, "Unknown1") == 404


def test_an_access_token_needs_no_key(client: Client) -> None:
    client.session.headers["Authorization"] = f"Bearer {gate.ACCESS_TOKEN}"
    assert client.card()["name"] == "A card"


@pytest.mark.parametrize("token", ["", gate.TOKEN, "nobody"])
def test_only_an_access_token_is_a_bearers(client: Client, token: str) -> None:
    client.session.headers["Authorization"] = f"Bearer {token}"
    assert refusal(client.reply("GET", f"/boards/{BOARD}")) == (401, "invalid token")
    client.use(gate.KEY, gate.ACCESS_TOKEN)
    assert refusal(client.reply("GET", f"/boards/{BOARD}")) == (401, "invalid token")


def test_an_access_token_without_the_scope_reads_alone(client: Client) -> None:
    sent = new_card(client)[2]
    client.session.headers["Authorization"] = f"Bearer {gate.READ_ONLY_ACCESS_TOKEN}"
    assert client.get(f"/boards/{BOARD}")["name"]
    assert client.reply("POST", "/cards", json=sent).status_code == 401
