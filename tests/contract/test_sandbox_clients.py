"""Clients that were not written for this project, and real sockets, against the local sandbox."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from trello import TrelloClient
from trello.exceptions import ResourceUnavailable, Unauthorized

from loopback import serving
from mi_sync.connector import SandboxOptions
from mi_sync_sandbox.faults import Fault, Faults
from mi_sync_sandbox.store import Store
from mi_sync_trello.sandbox import effects
from mi_sync_trello.sandbox.app import create_app
from mi_sync_trello.sandbox.gate import KEY, TOKEN
from mi_sync_trello.sandbox.layout import LAYOUT
from mi_sync_trello.sandbox.seed import BOARD


class Redirected(requests.Session):
    """Sends what is meant for Trello to the sandbox; py-trello knows no other address."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        address = str(url).replace("https://api.trello.com", self._base)
        return super().request(method, address, *args, **{"timeout": 10, **kwargs})


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def base(tmp_path: Path, faults: Faults) -> Iterator[str]:
    options = SandboxOptions(tmp_path, "http://127.0.0.1", lambda: datetime.now(UTC))
    with serving(create_app(options, faults=faults)) as url:
        yield url


@pytest.fixture
def session(base: str) -> Iterator[Any]:  # py-trello says it wants a module
    with Redirected(base) as opened:
        yield opened


@pytest.fixture(params=["signed header", "query"])
def client(request: pytest.FixtureRequest, session: Any) -> Any:
    if request.param == "query":
        return TrelloClient(api_key=KEY, api_secret=TOKEN, http_service=session)
    return TrelloClient(api_key=KEY, api_secret="secret", token=TOKEN, http_service=session)


# ---------------------------------------------------------------------------------------- py-trello


def test_py_trello_lists_creates_moves_comments_on_and_archives(client: Any) -> None:
    board = client.list_boards()[0]
    assert board.name == "Spring 2026 micro-internships"
    to_do, doing, _ = board.open_lists()
    card = to_do.add_card("Kickoff call", desc="The *brief*, größer", due="2026-03-30T22:00:00.000Z", position="top")
    card.change_list(doing.id)
    card.set_name("Kickoff")
    card.comment("See you there")
    card.set_due_complete()
    again = client.get_card(card.id)
    assert (again.name, again.desc, again.list_id) == ("Kickoff", "The *brief*, größer", doing.id)
    assert again.due_date == datetime(2026, 3, 30, 22, tzinfo=UTC)
    assert again.is_due_complete
    assert [each["data"]["text"] for each in again.fetch_comments(force=True)] == ["See you there"]
    card.set_closed(True)
    assert doing.list_cards() == []
    assert [each.id for each in board.closed_cards()] == [card.id]


def test_py_trello_works_with_labels_members_checklists_and_attachments(client: Any) -> None:
    board = client.get_board(BOARD)
    card = board.open_lists()[0].add_card("Draft")
    label = board.add_label("draft", "yellow")
    card.add_label(label)
    member = next(each for each in board.all_members() if each.username == "amara_osei")
    card.assign(member.id)
    checklist = card.add_checklist("Checklist", ["Outline", "Numbers"], [True, False])
    checklist.set_checklist_item("Numbers", checked=True)
    card.attach(name="brief", url="https://example.org/brief")
    card = client.get_card(card.id)
    card.fetch()
    assert [each.name for each in card.labels] == ["draft"]
    assert card.member_id == [member.id]
    assert [(item["name"], item["checked"]) for item in card.checklists[0].items] == [
        ("Outline", True),
        ("Numbers", True),
    ]
    assert [each["url"] for each in card.attachments] == ["https://example.org/brief"]


def test_py_trello_makes_lists_and_boards_and_takes_them_away(client: Any) -> None:
    board = client.add_board("Another", default_lists=False)
    made = board.add_list("Backlog")
    assert [each.name for each in board.open_lists()] == ["Backlog"]
    made.close()
    assert [each.name for each in board.closed_lists()] == ["Backlog"]
    board.close()
    assert board.id not in {each.id for each in client.list_boards("open")}


def test_py_trello_pages_through_1500_cards(client: Any, tmp_path: Path) -> None:
    with Store(tmp_path / "trello.db", LAYOUT, lambda: datetime.now(UTC)).transaction() as db:
        me = effects.member_named(db, effects.OWNER)["id"]
        lane = next(each["id"] for each in db.all("list"))
        made = {effects.create_card(db, me, {"name": str(n), "idList": lane})["id"] for n in range(1500)}
    board, asked = client.get_board(BOARD), {"limit": "1000", "sort": "-id"}
    pages: list[list[str]] = []
    while not pages or pages[-1]:
        pages.append([card.id for card in board.get_cards(asked, "open")])
        asked["before"] = pages[-1][-1] if pages[-1] else ""
    assert [len(page) for page in pages] == [1000, 500, 0]
    assert {card for page in pages for card in page} == made


def test_py_trello_understands_refusals(client: Any, session: Any) -> None:
    with pytest.raises(ResourceUnavailable, match="not found"):
        client.get_card("0" * 24)
    stranger = TrelloClient(api_key=KEY, api_secret="wrong", http_service=session)
    with pytest.raises(Unauthorized, match="invalid token"):
        stranger.list_boards()


# ------------------------------------------------------------------------------------------ sockets


def header() -> dict[str, str]:
    return {"Authorization": f'OAuth oauth_consumer_key="{KEY}", oauth_token="{TOKEN}"'}


@pytest.mark.parametrize(("kind", "cards"), [("fail_before", 0), ("fail_after", 1)])
def test_a_dropped_connection_ends_at_once(base: str, faults: Faults, kind: Any, cards: int) -> None:
    lists = requests.get(f"{base}/1/boards/{BOARD}/lists", headers=header(), timeout=5).json()
    faults.add(Fault(kind=kind, how="reset", method="POST"))
    with pytest.raises(requests.ConnectionError) as caught:
        requests.post(f"{base}/1/cards", json={"idList": lists[0]["id"], "name": "x"}, headers=header(), timeout=5)
    assert not isinstance(caught.value, requests.Timeout)
    assert len(requests.get(f"{base}/1/boards/{BOARD}/cards", headers=header(), timeout=5).json()) == cards


def test_a_reply_that_is_cut_short_is_noticed_on_a_socket(base: str, faults: Faults) -> None:
    faults.add(Fault(kind="cut"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(f"{base}/1/boards/{BOARD}", headers=header(), timeout=5)


def test_a_slow_answer_runs_into_a_real_timeout(base: str, faults: Faults) -> None:
    faults.add(Fault(kind="slow", seconds=0.3))
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{base}/1/boards/{BOARD}", headers=header(), timeout=(5, 0.05))


def test_a_long_address_is_refused_on_a_socket(base: str) -> None:
    reply = requests.get(f"{base}/1/boards/{BOARD}", params={"fields": "x" * 8200}, headers=header(), timeout=5)
    assert reply.status_code == 414


def test_parallel_writes_all_count(base: str) -> None:
    lists = requests.get(f"{base}/1/boards/{BOARD}/lists", headers=header(), timeout=5).json()
    statuses: list[int] = []

    def create() -> None:
        body = {"idList": lists[0]["id"], "name": "x"}
        statuses.append(requests.post(f"{base}/1/cards", json=body, headers=header(), timeout=20).status_code)

    threads = [threading.Thread(target=create) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cards = requests.get(f"{base}/1/boards/{BOARD}/cards", headers=header(), timeout=5).json()
    assert statuses == [200] * 20
    assert len({card["idShort"] for card in cards}) == len(cards) == 20
