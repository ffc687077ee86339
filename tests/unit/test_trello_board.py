from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
import responses
from responses.matchers import header_matcher, query_param_matcher

from mi_sync.connector import Board, Context, Secret, SecretRef
from mi_sync.errors import (
    BudgetReached,
    ConfigError,
    MiSyncError,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    RequestRefused,
    Unavailable,
)
from mi_sync.http import Budget, Wire
from mi_sync.model import BoardIdentity, CheckItem, Children, Fields, Member, Patch, Remote
from mi_sync_trello import TrelloConfig, connector
from mi_sync_trello.board import TrelloBoard
from mi_sync_trello.names import colour
from mi_sync_trello.wire import CARD_FIELDS

API = "https://api.trello.com/1"
BOARD = "65f000000000000000000001"
TODO, DONE, SHUT = (f"65f0000000000000000000a{n}" for n in (1, 2, 3))
RED, UNNAMED, BLUE = (f"65f0000000000000000000b{n}" for n in (1, 2, 3))
KIM = "65f0000000000000000000c1"
CARD, OTHER = "65f0000000000000000000e1", "65f0000000000000000000e2"
AUTH = {"Authorization": 'OAuth oauth_consumer_key="k3y", oauth_token="t0ken"'}
NESTED = {
    "fields": "name,url,shortUrl,closed,limits",
    "lists": "all",
    "list_fields": "name,closed,pos",
    "labels": "all",
    "label_fields": "name,color",
    "labels_limit": "1000",
    "members": "all",
    "member_fields": "fullName,username",
    "customFields": "true",
}
PAGE = {"fields": CARD_FIELDS, "limit": "250", "sort": "-id", "customFieldItems": "true"}
MARK = "[mi-sync](https://mi-sync.invalid/1.a.b.c)"


@dataclass
class Clock:
    at: datetime = datetime(2026, 3, 2, 12, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def opened(clock: Clock, key: str = "k3y", board: str = "AbCd1234", budget: int | None = None) -> TrelloBoard:
    settings = TrelloConfig(board=board, key=SecretRef(env="K"), token=SecretRef(env="T"))
    wire = Wire(now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep, budget=Budget(budget))
    secrets = {"key": Secret(key), "token": Secret("t0ken")}
    board_ = connector.open(settings, Context("board", Path(), ZoneInfo("America/Chicago"), wire, secrets))
    assert isinstance(board_, TrelloBoard)
    return board_


@pytest.fixture
def board(clock: Clock) -> TrelloBoard:
    return opened(clock)


def raw_board(**changed: Any) -> dict[str, Any]:
    return {
        "id": BOARD,
        "name": "Spring",
        "url": "https://trello.com/b/AbCd1234/spring",
        "closed": False,
        "lists": [
            {"id": DONE, "name": "Done", "closed": False, "pos": 200},
            {"id": TODO, "name": "To do", "closed": False, "pos": 100},
            {"id": SHUT, "name": "Old", "closed": True, "pos": 50},
        ],
        "labels": [
            {"id": RED, "name": "check-in", "color": "red"},
            {"id": BLUE, "name": "check-in", "color": "blue"},
            {"id": UNNAMED, "name": "", "color": "green"},
        ],
        "members": [{"id": KIM, "username": "kim", "fullName": "Kim Duarte"}],
        "checklists": [],
        "customFields": [],
        **changed,
    }


def raw_card(**changed: Any) -> dict[str, Any]:
    return {
        "id": CARD,
        "name": "Check-in 1",
        "desc": f"Talk.\n\n{MARK}",
        "due": None,
        "start": None,
        "dueComplete": False,
        "closed": False,
        "idBoard": BOARD,
        "idList": TODO,
        "idLabels": [],
        "idMembers": [],
        "url": "https://trello.com/c/abcd1234/1-check-in-1",
        "shortUrl": "https://trello.com/c/abcd1234",
        **changed,
    }


def serve(web: responses.RequestsMock, *pages: list[dict[str, Any]], **board_changes: Any) -> None:
    """A board, and its cards page by page; after the last page come empty ones."""
    web.get(f"{API}/boards/AbCd1234", json=raw_board(**board_changes))
    for page in (*pages, []):
        web.get(f"{API}/boards/{BOARD}/cards/all", json=page)


def sent(web: responses.RequestsMock, method: str | None = None) -> list[str]:
    calls = [call.request for call in web.calls if method in (None, call.request.method)]
    return [f"{request.method} {str(request.url).removeprefix(API).partition('?')[0]}" for request in calls]


def body(web: responses.RequestsMock, nth: int = -1) -> Any:
    return json.loads(web.calls[nth].request.body or "null")


def patch(id_: str | None = None, body: str = "Talk.", **fields: Any) -> Patch:
    return Patch(id_, "1.a.b.c", body, cast("Fields", fields))


# ------------------------------------------------------------------------------------------ snapshots


def test_a_small_board_is_read_with_three_requests(web: responses.RequestsMock, board: TrelloBoard) -> None:
    auth = header_matcher(AUTH)
    web.get(
        f"{API}/boards/AbCd1234",
        json=raw_board(),
        match=[query_param_matcher({**NESTED, "checklists": "all"}), auth],
    )
    cards = f"{API}/boards/{BOARD}/cards/all"
    web.get(cards, json=[raw_card()], match=[query_param_matcher(PAGE), auth])
    web.get(cards, json=[], match=[query_param_matcher({**PAGE, "before": CARD}), auth])
    snapshot = board.snapshot()
    assert [remote.id for remote in snapshot.remotes] == [CARD]
    assert board.requests == len(web.calls) == 3
    assert not any("t0ken" in str(call.request.url) or "k3y" in str(call.request.url) for call in web.calls)


def test_a_snapshot_tells_what_is_on_the_board(web: responses.RequestsMock, board: TrelloBoard, clock: Clock) -> None:
    serve(web)
    snapshot = board.snapshot()
    assert snapshot.board == BoardIdentity(BOARD, "Spring", "https://trello.com/b/AbCd1234/spring")
    assert snapshot.taken_at == clock.now()
    assert snapshot.lists == ("To do", "Done")  # in their order, without the archived one
    assert snapshot.labels == ("check-in",)
    assert snapshot.members == (Member(KIM, "kim", "Kim Duarte", ""),)
    assert snapshot.complete


@pytest.mark.parametrize("text", ["+012026-01-01T00:00:00.000Z", "-000001-01-01T00:00:00.000Z", "0001-01-01T00:00:00Z"])
@pytest.mark.parametrize("zone", ["America/Chicago", "Pacific/Kiritimati"])
def test_a_mistyped_year_on_one_card_does_not_hide_the_board(
    web: responses.RequestsMock, board: TrelloBoard, text: str, zone: str
) -> None:
    serve(web, [raw_card(due=text, start=text)])
    remote = board.snapshot().remotes[0]
    assert remote.start is not None
    assert isinstance(remote.due, datetime)
    assert remote.due.astimezone(ZoneInfo(zone)).year in {1, 9999}


def test_a_card_is_read_with_all_its_fields(web: responses.RequestsMock, board: TrelloBoard) -> None:
    ours = {
        "id": "d2",
        "idCard": CARD,
        "name": "Steps",
        "checkItems": [
            {"id": "2", "name": "Give access", "state": "incomplete", "pos": 20},
            {"id": "1", "name": "Send the brief", "state": "complete", "pos": 10},
        ],
    }
    theirs = {"id": "d1", "idCard": CARD, "name": "Checklist", "checkItems": [{"id": "3", "name": "Mine", "pos": 1}]}
    copy = {"id": "d3", "idCard": CARD, "name": "Steps", "checkItems": [{"id": "4", "name": "Copied", "pos": 1}]}
    card = raw_card(
        due="2026-03-10T22:00:00.000Z",
        start="2026-03-03T03:00:00.000Z",  # still the 2nd in Chicago
        dueComplete=True,
        idLabels=[BLUE, UNNAMED],
        idMembers=[KIM],
    )
    serve(web, [card], checklists=[copy, theirs, ours])
    assert board.snapshot().remotes == (
        Remote(
            id=CARD,
            url="https://trello.com/c/abcd1234",
            title="Check-in 1",
            body="Talk.",
            marker="1.a.b.c",
            due=datetime(2026, 3, 10, 22, tzinfo=UTC),
            start=date(2026, 3, 2),
            done=True,
            archived=False,
            list="To do",
            labels=("check-in",),
            checklist=(CheckItem("1", "Send the brief", True), CheckItem("2", "Give access", False)),
            assignees=(KIM,),
        ),
    )


@pytest.mark.parametrize(("changed", "archived"), [({}, False), ({"closed": True}, True), ({"idList": SHUT}, True)])
def test_a_card_in_an_archived_list_is_archived_too(
    web: responses.RequestsMock, board: TrelloBoard, *, changed: dict[str, Any], archived: bool
) -> None:
    serve(web, [raw_card(**changed)])
    assert board.snapshot().remotes[0].archived is archived


def test_an_old_card_that_lacks_most_fields_is_read(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web, [{"id": CARD, "name": "Old", "idList": TODO, "shortUrl": "https://trello.com/c/x"}])
    assert board.snapshot().remotes == (Remote(CARD, "https://trello.com/c/x", "Old", "", list="To do"),)


def test_a_short_page_is_not_the_end_and_repeats_count_once(web: responses.RequestsMock, board: TrelloBoard) -> None:
    ids = [f"65f0000000000000000001{n:02d}" for n in range(9, 0, -1)]
    cards = [raw_card(id=each) for each in ids]
    serve(web, cards[:4], cards[3:5], cards[4:])
    snapshot = board.snapshot()
    assert [remote.id for remote in snapshot.remotes] == ids
    assert snapshot.complete
    befores = [parse_qs(urlsplit(str(call.request.url)).query).get("before") for call in web.calls[1:]]
    assert befores == [None, [ids[3]], [ids[4]], [ids[8]]]


@pytest.mark.parametrize(("count", "complete"), [(3, True), (251, True), (250, False)])
def test_a_server_that_does_not_page_ends_the_reading(
    web: responses.RequestsMock, board: TrelloBoard, *, count: int, complete: bool
) -> None:
    web.get(f"{API}/boards/AbCd1234", json=raw_board())
    web.get(f"{API}/boards/{BOARD}/cards/all", json=[raw_card(id=f"65f{n:021d}") for n in range(count)])
    snapshot = board.snapshot()
    assert len(snapshot.remotes) == count
    assert snapshot.complete is complete  # a full page may hide more
    assert bool(snapshot.incomplete_because) is not complete
    assert board.requests <= 5


def test_collections_that_did_not_come_nested_are_fetched(web: responses.RequestsMock, board: TrelloBoard) -> None:
    whole = raw_board()
    bare = {name: whole[name] for name in ("id", "name", "url")}
    web.get(f"{API}/boards/AbCd1234", json=bare)
    ticked = {"id": "d", "idCard": CARD, "name": "Steps", "checkItems": [{"id": "1", "name": "A", "state": "complete"}]}
    for name in ("lists", "labels", "members", "customFields"):
        web.get(f"{API}/boards/{BOARD}/{name}", json=whole[name])
    web.get(f"{API}/boards/{BOARD}/checklists", json=[ticked])
    web.get(f"{API}/boards/{BOARD}/cards/all", json=[raw_card()])
    snapshot = board.snapshot()
    assert (snapshot.lists, snapshot.labels, len(snapshot.members)) == (("To do", "Done"), ("check-in",), 1)
    assert snapshot.remotes[0].checklist == (CheckItem("1", "A", True),)


def too_many(web: responses.RequestsMock, path: str, **asked: str) -> None:
    web.get(f"{API}{path}", status=403, body="Too many checklists", match=[query_param_matcher(asked)])


def test_checklists_that_are_too_many_for_the_board_call_are_fetched_alone(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    too_many(web, "/boards/AbCd1234", **NESTED, checklists="all")
    plain = {k: v for k, v in raw_board().items() if k != "checklists"}
    web.get(f"{API}/boards/AbCd1234", json=plain, match=[query_param_matcher(NESTED)])
    line = {"id": "1", "name": "A", "state": "incomplete"}
    web.get(
        f"{API}/boards/{BOARD}/checklists",
        json=[{"id": "d", "idCard": CARD, "name": "Steps", "checkItems": [line]}],
    )
    web.get(f"{API}/boards/{BOARD}/cards/all", json=[raw_card()])
    snapshot = board.snapshot()
    assert snapshot.remotes[0].checklist == (CheckItem("1", "A"),)
    assert snapshot.complete


def test_checklists_come_with_the_cards_when_the_board_has_too_many(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    serve(web, checklists=[])
    web.remove("GET", f"{API}/boards/AbCd1234")
    too_many(web, "/boards/AbCd1234", **NESTED, checklists="all")
    plain = {k: v for k, v in raw_board().items() if k != "checklists"}
    web.get(f"{API}/boards/AbCd1234", json=plain, match=[query_param_matcher(NESTED)])
    too_many(web, f"/boards/{BOARD}/checklists")
    cards = f"{API}/boards/{BOARD}/cards/all"
    web.remove("GET", cards)
    own = {"id": "d", "name": "Steps", "checkItems": [{"id": "1", "name": "A", "state": "incomplete"}]}
    nested = [raw_card(id=OTHER, checklists=[own])]
    web.get(cards, json=nested, match=[query_param_matcher({**PAGE, "checklists": "all"})])
    before = {**PAGE, "before": OTHER}
    too_many(web, f"/boards/{BOARD}/cards/all", **before, checklists="all")
    web.get(cards, json=[raw_card()], match=[query_param_matcher(before)])
    web.get(cards, json=[], match=[query_param_matcher({**PAGE, "before": CARD, "checklists": "all"})])
    snapshot = board.snapshot()
    assert [remote.checklist for remote in snapshot.remotes] == [(CheckItem("1", "A"),), ()]
    assert not snapshot.complete
    assert "checklists" in snapshot.incomplete_because


def test_nothing_is_added_to_a_card_whose_checklists_could_not_be_read(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    test_checklists_come_with_the_cards_when_the_board_has_too_many(web, board)
    line = {"id": "1", "name": "A", "state": "incomplete"}
    web.get(f"{API}/cards/{CARD}", json=raw_card(checklists=[{"id": "d", "name": "Steps", "checkItems": [line]}]))
    board.merge_children(Remote(CARD, "", "", ""), Children(add_checks=("A",)))
    assert sent(web, "POST") == []


def told(status: str = "ok", most: int = 5000, **count: int) -> dict[str, Any]:
    return {"status": status, "disableAt": most, "warnAt": most * 9 // 10, **count}


def test_the_limits_are_those_that_trello_tells_and_what_is_used_is_counted(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    raw = {
        "cards": {"openPerBoard": told("warn", count=4800), "openPerList": told(), "totalPerBoard": told(most=9)},
        "labels": {"perBoard": told("maxExceeded", 1000)},
        "attachments": {"perBoard": told()},
        "checkItems": {"perChecklist": told(most=200)},
        "checklists": {"perCard": told(most=500)},
        "reactions": {"perAction": {"status": "ok"}},
    }
    steps = [
        {"id": f"d{n}", "idCard": CARD, "name": "Steps", "checkItems": [{"id": f"{n}", "name": "A"}]} for n in range(2)
    ]
    twin = {"id": "f9", "name": "To do", "closed": False, "pos": 900}
    cards = [raw_card(), raw_card(id=OTHER, idList=SHUT), raw_card(id="65f0000000000000000000e3", idList="f9")]
    serve(web, cards, limits=raw, checklists=steps, lists=[*raw_board()["lists"], twin])
    found = {limit.name: limit for limit in board.snapshot().limits}
    assert {name: (each.counts, each.per, each.most) for name, each in found.items()} == {
        "attachments perBoard": (None, "board", 5000),
        "cards openPerBoard": ("open items", "board", 5000),
        "cards openPerList": ("open items", "list", 5000),
        "cards totalPerBoard": ("items", "board", 9),
        "checkItems perChecklist": ("checklist lines", "item", 200),
        "checklists perCard": ("checklists", "item", 500),
        "labels perBoard": ("labels", "board", 1000),
    }
    assert [str(each) for each in found.values() if each.near] == [
        "cards openPerBoard: 4800 of 5000",
        "labels perBoard: 1000 of 1000",  # it tells no count, but takes no more
    ]
    assert found["cards openPerList"].used == {"To do": 1, "Done": 0}  # new cards go to the first “To do”
    assert found["cards totalPerBoard"].room() == 6
    assert found["checkItems perChecklist"].room(CARD) == 199
    assert found["checklists perCard"].room(CARD) == 498


@pytest.mark.parametrize("raw", [None, [], {}, {"cards": None}, {"cards": {"openPerBoard": 5}}])
def test_a_board_that_tells_no_limits_has_none(web: responses.RequestsMock, board: TrelloBoard, raw: object) -> None:
    serve(web, limits=raw)
    assert board.snapshot().limits == ()


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (404, "The requested resource was not found.", ConfigError),
        (400, "invalid id", ConfigError),
    ],
)
def test_a_board_that_cannot_be_had_is_named_by_its_setting(
    web: responses.RequestsMock, board: TrelloBoard, status: int, text: str, error: type[MiSyncError]
) -> None:
    web.get(f"{API}/boards/AbCd1234", status=status, body=text)
    for read in (board.identity, board.snapshot):
        with pytest.raises(error) as caught:
            read()
        (problem,) = caught.value.all_problems()
        assert problem.where == "targets.board.board"
        assert text in problem.why
        assert "Copy the board's address" in problem.why


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("unauthorized permission requested", "scope=read,write"),
        ("invalid key", "power-ups/admin"),
        ("invalid token", "revoked or has expired"),
        ('{"message":"missing scopes"}', "lacks a right"),
        ("<html><h1>401</h1></html>", "valid and may use this board"),
    ],
)
def test_credentials_that_do_not_suffice_are_named_by_their_target(
    web: responses.RequestsMock, board: TrelloBoard, text: str, remedy: str
) -> None:
    web.get(f"{API}/boards/AbCd1234", status=401, body=text)
    for read in (board.identity, board.snapshot):
        with pytest.raises(NotAuthorised) as caught:
            read()
        assert caught.value.where == "targets.board"
        assert remedy in caught.value.remedy
        assert "<" not in str(caught.value)


def test_a_closed_board_is_refused(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web, closed=True)
    for read in (board.identity, board.snapshot):
        with pytest.raises(RequestRefused, match=r"'Spring' is closed.*Reopen"):
            read()


@pytest.mark.parametrize(
    "reply",
    ["null", "[]", '{"name": "x"}', '{"id": "../members/me"}', '{"id": "a", "lists": {}, "checklists": []}'],
)
def test_a_reply_that_is_not_trellos_is_unavailable_and_never_becomes_a_path(
    web: responses.RequestsMock, board: TrelloBoard, reply: str
) -> None:
    web.get(f"{API}/boards/AbCd1234", body=reply)
    for name in ("labels", "members", "customFields"):
        web.get(f"{API}/boards/a/{name}", json=[])
    web.get(f"{API}/boards/a/cards/all", json=[])
    with pytest.raises(Unavailable, match="api_url"):
        board.snapshot()
    assert not any("members/me" in str(call.request.url) for call in web.calls)


def test_a_date_that_is_none_is_unavailable(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web, [raw_card(due="soon")])
    with pytest.raises(Unavailable, match="date"):
        board.snapshot()


def test_it_is_a_board() -> None:
    assert isinstance(opened(Clock()), Board)


def test_an_access_token_is_sent_as_a_bearer_and_stands_in_no_message(
    web: responses.RequestsMock, clock: Clock
) -> None:
    settings = TrelloConfig(board="AbCd1234", access_token=SecretRef(env="A"))
    wire = Wire(now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep)
    context = Context("board", Path(), ZoneInfo("UTC"), wire, {"access_token": Secret("eyJ.a-b_c")})
    web.get(f"{API}/boards/AbCd1234", status=401, body="invalid token eyJ.a-b_c")
    with pytest.raises(NotAuthorised, match="invalid token …"):
        TrelloBoard(settings, context).identity()
    assert web.calls[0].request.headers["Authorization"] == "Bearer eyJ.a-b_c"


@pytest.mark.parametrize("key", ['k"ey', "k ey", "k\ney", "kéy", "k\\ey"])
def test_a_secret_that_cannot_stand_in_a_header_is_refused_unseen(key: str) -> None:
    with pytest.raises(ConfigError, match="key") as caught:
        opened(Clock(), key=key)
    assert key not in str(caught.value)


# ------------------------------------------------------------------------------------ identity, newest, read


def test_identity_is_one_request(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web)
    assert board.identity().id == BOARD
    assert sent(web) == ["GET /boards/AbCd1234"]


def test_the_newest_cards_come_first_by_one_request(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web)
    board.snapshot()
    asked = {"fields": CARD_FIELDS, "limit": "100", "sort": "-id", "checklists": "all", "customFieldItems": "true"}
    cards = [raw_card(), raw_card(id=OTHER, closed=True)]
    web.get(f"{API}/boards/{BOARD}/cards/all", json=cards, match=[query_param_matcher(asked)])
    before = board.requests
    newest = board.newest()
    assert [(remote.id, remote.marker, remote.archived) for remote in newest] == [
        (OTHER, "1.a.b.c", True),
        (CARD, "1.a.b.c", False),
    ]
    assert board.requests - before == 1


def test_a_card_is_read_by_one_request(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web)
    board.snapshot()
    lane = {"id": TODO, "name": "To do", "closed": True}
    asked = {"fields": CARD_FIELDS, "checklists": "all", "list": "true", "customFieldItems": "true"}
    reply = raw_card(list=lane, checklists=[])
    web.get(f"{API}/cards/{CARD}", json=reply, match=[query_param_matcher(asked)])
    before = board.requests
    remote = board.read(CARD)
    assert remote is not None
    assert (remote.title, remote.archived) == ("Check-in 1", True)  # its list was archived meanwhile
    assert board.requests - before == 1


@pytest.mark.parametrize(
    "reply", [{"status": 404, "body": "The requested resource was not found."}, {"json": raw_card(idBoard=OTHER)}]
)
def test_a_card_that_was_deleted_or_moved_to_another_board_is_gone(
    web: responses.RequestsMock, board: TrelloBoard, reply: Mapping[str, Any]
) -> None:
    serve(web)
    board.snapshot()
    web.get(f"{API}/cards/{CARD}", **reply)
    web.get(f"{API}/cards/{CARD}/checklists", json=[])
    assert board.read(CARD) is None


# ------------------------------------------------------------------------------------------- creating


def test_a_card_is_created_by_one_request_that_carries_everything(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    serve(web)
    board.snapshot()
    web.post(f"{API}/cards", json={"id": CARD, "url": "https://trello.com/c/new"}, match=[header_matcher(AUTH)])
    before = board.requests
    remote = board.merge(
        patch(
            title="Check-in 1",
            body="Talk.",
            due=datetime(2026, 3, 10, 17, tzinfo=ZoneInfo("America/Chicago")),
            start=date(2026, 3, 3),
            done=True,
            list="To do",
            labels=("check-in",),
            assignee=KIM,
        )
    )
    assert board.requests - before == 1
    assert body(web) == {
        "name": "Check-in 1",
        "desc": f"Talk.\n\n{MARK}",
        "due": "2026-03-10T22:00:00.000Z",
        "start": "2026-03-03T18:00:00.000Z",  # noon in Chicago
        "dueComplete": True,
        "idList": TODO,
        "idLabels": [RED],  # the first of two with that name
        "idMembers": [KIM],
        "pos": "bottom",
    }
    assert web.calls[-1].request.url == f"{API}/cards"  # nothing in the address, which Trello caps at 8 KB
    assert remote == Remote(
        id=CARD,
        url="https://trello.com/c/new",
        title="Check-in 1",
        body="Talk.",
        marker="1.a.b.c",
        due=datetime(2026, 3, 10, 22, tzinfo=UTC),
        start=date(2026, 3, 3),
        done=True,
        list="To do",
        labels=("check-in",),
        assignees=(KIM,),
    )


def test_a_missing_list_and_label_cost_one_request_each_once(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web)
    board.snapshot()
    web.post(f"{API}/lists", json={"id": "f1", "name": "Next", "closed": False, "pos": 300})
    web.post(f"{API}/labels", json={"id": "f2", "name": "kickoff", "color": "red"})
    web.post(f"{API}/cards", json={"id": CARD})
    for _ in range(2):
        remote = board.merge(patch(title="T", list="Next", labels=("kickoff", "check-in")))
        assert (remote.list, remote.labels) == ("Next", ("kickoff", "check-in"))
    assert sent(web)[2:] == ["POST /lists", "POST /labels", "POST /cards", "POST /cards"]
    assert body(web, 2) == {"name": "Next", "idBoard": BOARD, "pos": "bottom"}
    assert body(web, 3) == {"name": "kickoff", "idBoard": BOARD, "color": colour("kickoff")}
    assert (body(web)["idList"], body(web)["idLabels"]) == ("f1", ["f2", RED])


def test_a_list_of_that_name_that_is_archived_does_not_count(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web)
    board.snapshot()
    web.post(f"{API}/lists", json={"id": "f1", "name": "Old", "closed": False})
    web.post(f"{API}/cards", json={"id": CARD})
    assert not board.merge(patch(title="T", list="Old")).archived
    assert body(web)["idList"] == "f1"


def test_a_card_without_a_list_goes_into_the_first_one(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web)
    board.snapshot()
    web.post(f"{API}/cards", json={"id": CARD})
    assert board.merge(patch(title="T")).list == "To do"


def test_names_listed_long_ago_are_listed_again_before_one_is_made(
    web: responses.RequestsMock, board: TrelloBoard, clock: Clock
) -> None:
    serve(web)
    board.snapshot()
    clock.at += timedelta(minutes=6)
    made_by_somebody = [*raw_board()["lists"], {"id": "f1", "name": "Next", "closed": False, "pos": 1}]
    web.get(f"{API}/boards/{BOARD}/lists", json=made_by_somebody)
    web.post(f"{API}/cards", json={"id": CARD})
    board.merge(patch(title="T", list="Next"))
    assert sent(web)[2:] == [f"GET /boards/{BOARD}/lists", "POST /cards"]
    assert body(web)["idList"] == "f1"


@pytest.mark.parametrize("kind", ["list", "label"])
def test_a_list_or_label_whose_creation_was_not_answered_is_looked_up(
    web: responses.RequestsMock, board: TrelloBoard, kind: str
) -> None:
    serve(web)
    board.snapshot()
    web.post(f"{API}/{kind}s", status=502)
    web.get(f"{API}/boards/{BOARD}/{kind}s", json=[{"id": "f1", "name": "New", "closed": False}])
    web.post(f"{API}/cards", json={"id": CARD})
    board.merge(patch(title="T", list="New") if kind == "list" else patch(title="T", list="To do", labels=("New",)))
    assert sent(web)[2:] == [f"POST /{kind}s", f"GET /boards/{BOARD}/{kind}s", "POST /cards"]


def test_a_list_that_may_or_may_not_exist_leaves_the_card_unsent_and_is_looked_up_next_time(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    serve(web)
    board.snapshot()
    web.post(f"{API}/lists", status=502)
    web.get(f"{API}/boards/{BOARD}/lists", json=raw_board()["lists"])
    for _ in range(2):  # nor is a second one made: it would stay
        with pytest.raises(RequestRefused, match="Nothing was sent for the item"):
            board.merge(patch(title="T", list="New"))
    web.replace("GET", f"{API}/boards/{BOARD}/lists", json=[{"id": "f1", "name": "New", "closed": False}])
    web.post(f"{API}/cards", json={"id": CARD})
    board.merge(patch(title="T", list="New"))  # it appeared late
    assert sent(web, "POST") == ["POST /lists", "POST /cards"]


@pytest.mark.parametrize("reply", [{"status": 500}, {"body": "{"}, {"body": "[]"}, {"json": {"name": "no id"}}])
def test_a_creation_without_a_usable_answer_is_unknown_and_never_repeated(
    web: responses.RequestsMock, board: TrelloBoard, reply: Mapping[str, Any]
) -> None:
    serve(web)
    board.snapshot()
    web.post(f"{API}/cards", **reply)
    with pytest.raises(OutcomeUnknown):
        board.merge(patch(title="T", list="To do"))
    assert sent(web, "POST") == ["POST /cards"]


@pytest.mark.parametrize(
    ("fields", "body_", "why"),
    [({"title": "x" * 16385}, "", "title has 16385"), ({"title": "x"}, "x" * 16384, "body has 164")],
)
def test_a_text_that_is_too_long_is_refused_before_anything_is_sent(
    web: responses.RequestsMock, board: TrelloBoard, fields: dict[str, Any], body_: str, why: str
) -> None:
    with pytest.raises(RequestRefused, match=why):
        board.merge(patch(None, body_, list="New", **fields))
    assert not web.calls


def test_only_members_of_the_board_are_assigned(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web)
    board.snapshot()
    with pytest.raises(RequestRefused, match=r"no member of the board.*\[people\]"):
        board.merge(patch(title="T", list="New", assignee=OTHER))
    assert sent(web, "POST") == []


@pytest.mark.parametrize(
    ("status", "text", "remedy"),
    [
        (400, "invalid value for idList", "deleted or moved"),
        (400, "invalid value for name", "16384"),
        (400, "invalid value for idMembers", r"\[people\]"),
        (403, "CARD_LIMIT", "limits"),
        (403, "API_TOO_MANY_CARDS_REQUESTED", "so much at once"),
        (409, "conflict", "next run looks again"),
        (413, "Payload Too Large", "shorten"),
        (414, "<html><h1>414 Request-URI Too Large</h1></html>", "api_url"),
    ],
)
def test_a_refusal_says_what_to_do(
    web: responses.RequestsMock, board: TrelloBoard, status: int, text: str, remedy: str
) -> None:
    serve(web)
    board.snapshot()
    web.post(f"{API}/cards", status=status, body=text)
    with pytest.raises(RequestRefused, match=remedy) as caught:
        board.merge(patch(title="T", list="To do"))
    assert caught.value.status == status
    assert (text in str(caught.value)) is not text.startswith("<")  # a gateway's page says nothing
    assert f"HTTP {status}" in str(caught.value)


@pytest.mark.parametrize("status", [449, 502, 503, 504])
def test_a_page_of_a_gateway_is_waited_out(
    web: responses.RequestsMock, board: TrelloBoard, clock: Clock, status: int
) -> None:
    page = "<html><h1>Bad Gateway</h1></html>"
    first = web.get(f"{API}/boards/AbCd1234", status=status, body=page)
    web.get(f"{API}/boards/AbCd1234", status=status, body=page)
    serve(web)
    assert board.snapshot().complete
    assert first.call_count == 1
    assert clock.slept == [1.0, 2.0]


def gone_from_sight(web: responses.RequestsMock, id_: str) -> None:
    web.get(f"{API}/cards/{id_}", status=401, body="unauthorized card permission requested")


def test_a_card_on_a_board_that_may_not_be_seen_is_gone(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web)
    gone_from_sight(web, CARD)
    assert board.read(CARD) is None


def test_a_card_is_not_gone_because_the_board_may_not_be_seen_any_more(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    serve(web)
    board.snapshot()
    gone_from_sight(web, CARD)
    web.replace("GET", f"{API}/boards/AbCd1234", status=401, body="unauthorized permission requested")
    with pytest.raises(NotAuthorised):
        board.read(CARD)


@pytest.mark.parametrize("children", [False, True])
def test_a_card_that_was_moved_out_of_sight_fails_alone(
    web: responses.RequestsMock, board: TrelloBoard, *, children: bool
) -> None:
    serve(web, [raw_card()])
    (remote,) = board.snapshot().remotes
    gone_from_sight(web, CARD)
    web.put(f"{API}/cards/{CARD}", status=401, body="unauthorized card permission requested")
    web.post(f"{API}/checklists", status=401, body="unauthorized card permission requested")
    with pytest.raises(NotFound, match="may no longer see it"):
        board.merge_children(remote, Children(add_checks=("A",))) if children else board.merge(patch(CARD, title="N"))


def test_a_token_that_may_only_read_ends_the_work(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web, [raw_card()])
    board.snapshot()
    web.get(f"{API}/cards/{CARD}", json=raw_card(checklists=[]))
    web.put(f"{API}/cards/{CARD}", status=401, body="unauthorized permission requested")
    with pytest.raises(NotAuthorised, match="scope=read,write"):
        board.merge(patch(CARD, title="New"))


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (401, "unauthorized permission requested"),
        (400, "invalid value for idMembers"),
        (400, '{"message":"Invalid objectId","error":"ERROR"}'),
    ],
)
def test_somebody_who_left_the_board_a_moment_ago_fails_one_card_alone(
    web: responses.RequestsMock, board: TrelloBoard, status: int, text: str
) -> None:
    serve(web)
    board.snapshot()
    web.post(f"{API}/cards", status=status, body=text)
    web.get(f"{API}/boards/{BOARD}/members", json=[{"id": OTHER, "username": "lee"}])
    for _ in range(2):
        with pytest.raises(RequestRefused, match=r"no member of the board.*\[people\]"):
            board.merge(patch(title="T", list="To do", assignee=KIM))
    assert sent(web, "POST") == ["POST /cards"]  # the second time it was known


def test_a_creation_that_is_refused_although_the_assignee_is_there_ends_the_work(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    serve(web)
    board.snapshot()
    web.post(f"{API}/cards", status=401, body="unauthorized permission requested")
    web.get(f"{API}/boards/{BOARD}/members", json=raw_board()["members"])
    with pytest.raises(NotAuthorised):
        board.merge(patch(title="T", list="To do", assignee=KIM))


def test_a_list_that_was_deleted_is_looked_up_again_for_the_next_card(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    serve(web)
    board.snapshot()
    web.post(f"{API}/cards", status=400, body="invalid value for idList")
    with pytest.raises(RequestRefused):
        board.merge(patch(title="T", list="To do"))
    web.get(f"{API}/boards/{BOARD}/lists", json=[{"id": "f1", "name": "To do", "closed": False}])
    web.replace("POST", f"{API}/cards", json={"id": CARD})
    board.merge(patch(title="T", list="To do"))
    assert body(web)["idList"] == "f1"


def test_nothing_is_sent_beyond_the_budget(web: responses.RequestsMock, clock: Clock) -> None:
    serve(web)
    board = opened(clock, budget=2)
    board.snapshot()
    with pytest.raises(BudgetReached):
        board.merge(patch(title="T", list="To do"))
    assert sent(web, "POST") == []


# ------------------------------------------------------------------------------------------- changing


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"title": "New"}, {"name": "New"}),
        ({"due": None, "start": None}, {"due": None, "start": None}),
        ({"done": True}, {"dueComplete": True}),
        ({"archived": True}, {"closed": True}),
        ({"archived": False}, {"closed": False}),
        ({}, {}),
    ],
)
def test_a_change_is_one_put_of_the_given_fields_and_the_marked_description(
    web: responses.RequestsMock, board: TrelloBoard, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    serve(web, [raw_card(idLabels=[RED])])
    board.snapshot()
    web.put(f"{API}/cards/{CARD}", json=raw_card(idLabels=[RED], **expected))
    before = board.requests
    board.merge(patch(CARD, "Theirs.", **fields))
    assert board.requests - before == 1
    assert body(web) == {"desc": f"Theirs.\n\n{MARK}", **expected}


def test_a_bare_reply_to_a_change_is_filled_up_with_what_is_known(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    lines = [{"id": "1", "name": "A", "state": "complete"}]
    serve(
        web,
        [raw_card(idLabels=[RED])],
        checklists=[{"id": "d", "idCard": CARD, "name": "Steps", "checkItems": lines}],
    )
    (before,) = board.snapshot().remotes
    web.put(f"{API}/cards/{CARD}", json={})
    after = board.merge(patch(CARD, title="New"))
    assert after.title == "New"
    assert (after.url, after.labels, after.checklist) == (before.url, before.labels, before.checklist)


def test_a_card_that_comes_back_from_an_archived_list_goes_to_an_open_one_of_that_name(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    serve(web, [raw_card(idList=SHUT)])
    board.snapshot()
    web.post(f"{API}/lists", json={"id": "f1", "name": "Old", "closed": False})
    web.put(f"{API}/cards/{CARD}", json={"id": CARD})
    remote = board.merge(patch(CARD, archived=False))
    assert (remote.list, remote.archived) == ("Old", False)
    assert body(web)["idList"] == "f1"


@pytest.mark.parametrize("fields", [{"labels": ("a",)}, {"assignee": KIM}])
def test_labels_and_members_of_an_existing_card_are_never_set_as_a_whole(
    web: responses.RequestsMock, board: TrelloBoard, fields: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="one by one"):
        board.merge(patch(CARD, **fields))
    assert not web.calls


def test_a_change_of_a_card_that_is_gone_says_so(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web)
    board.snapshot()
    web.put(f"{API}/cards/{CARD}", status=404, body="The requested resource was not found.")
    with pytest.raises(NotFound, match="It is gone"):
        board.merge(patch(CARD, title="New"))


def test_a_change_that_stays_unanswered_is_unknown(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web)
    board.snapshot()
    web.put(f"{API}/cards/{CARD}", status=504)
    with pytest.raises(OutcomeUnknown):
        board.merge(patch(CARD, title="New"))


# --------------------------------------------------------------------------------------- custom fields, comments

HOURS, PHASE = "65f0000000000000000000f1", "65f0000000000000000000f2"
OPEN = "65f0000000000000000000f3"
FIELDS = [
    {"id": HOURS, "name": "Hours", "type": "number"},
    {"id": PHASE, "name": "Phase", "type": "list", "options": [{"id": OPEN, "value": {"text": "Open"}}]},
]


def item(field_: str, **says: Any) -> dict[str, Any]:
    return {"id": "65f0000000000000000000f9", "idCustomField": field_, "idModel": CARD, "modelType": "card", **says}


def test_custom_fields_come_with_the_requests_that_are_made_anyway(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    says = [item(HOURS, value={"number": "12.50"}), item(PHASE, value=None, idValue=OPEN), item("gone", value={})]
    serve(web, [raw_card(customFieldItems=says[:2])], customFields=FIELDS)
    snapshot = board.snapshot()
    assert [(it.name, it.kind, it.options) for it in snapshot.fields] == [
        ("Hours", "number", ()),
        ("Phase", "choice", ("Open",)),
    ]
    assert snapshot.remotes[0].fields == {"Hours": "12.5", "Phase": "Open"}
    assert len(web.calls) == 3


@pytest.mark.parametrize(
    ("value", "shown"), [({"number": "many"}, {}), ({"number": "inf"}, {}), ({"text": "12"}, {}), ("", {}), (None, {})]
)
def test_a_value_that_cannot_be_read_counts_as_none(
    web: responses.RequestsMock, board: TrelloBoard, value: Any, shown: dict[str, str]
) -> None:
    serve(web, [raw_card(customFieldItems=[item(HOURS, value=value)])], customFields=FIELDS)
    assert board.snapshot().remotes[0].fields == shown


def test_a_field_that_was_made_meanwhile_is_looked_up_once(web: responses.RequestsMock, board: TrelloBoard) -> None:
    serve(web, [raw_card(customFieldItems=[item(HOURS, value={"number": "3"})])])
    listed = web.get(f"{API}/boards/{BOARD}/customFields", json=FIELDS)
    assert board.snapshot().remotes[0].fields == {"Hours": "3"}
    assert listed.call_count == 1


def test_an_access_token_asks_for_no_custom_fields_and_says_why(web: responses.RequestsMock, clock: Clock) -> None:
    settings = TrelloConfig(board="AbCd1234", access_token=SecretRef(env="A"))
    wire = Wire(now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep)
    context = Context("board", Path(), ZoneInfo("America/Chicago"), wire, {"access_token": Secret("t")})
    bare = raw_board()
    del bare["customFields"]
    web.get(f"{API}/boards/AbCd1234", json=bare)
    web.get(f"{API}/boards/{BOARD}/cards/all", json=[raw_card()])
    web.get(f"{API}/boards/{BOARD}/cards/all", json=[])
    snapshot = TrelloBoard(settings, context).snapshot()
    assert "OAuth 2 access token" in snapshot.fields_hidden_because
    assert not any("customField" in str(call.request.url) for call in web.calls)


def test_a_board_without_custom_fields_says_what_may_be_missing(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    serve(web, [raw_card()])
    assert "Power-Up" in board.snapshot().fields_hidden_because


def test_a_field_or_option_that_has_gone_is_refused_before_anything_is_sent(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    serve(web, [raw_card()], customFields=FIELDS)
    web.get(f"{API}/cards/{CARD}", json={**raw_card(), "checklists": []})
    web.get(f"{API}/boards/{BOARD}/customFields", json=FIELDS)
    (remote,) = board.snapshot().remotes
    for fields in ({"Nowhere": "x"}, {"Phase": "Done"}):
        with pytest.raises(RequestRefused, match="The next run looks again"):
            board.merge_children(remote, Children(set_fields=fields))
    assert not any(call.request.method == "PUT" for call in web.calls)


def test_a_plan_without_custom_fields_is_named_as_what_to_check(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    serve(web, [raw_card()], customFields=FIELDS)
    web.get(f"{API}/cards/{CARD}", json={**raw_card(), "checklists": []})
    web.put(f"{API}/cards/{CARD}/customField/{HOURS}/item", status=403, body="Forbidden")
    (remote,) = board.snapshot().remotes
    with pytest.raises(RequestRefused, match=r"fields\.Hours: .*Power-Up is on"):
        board.merge_children(remote, Children(set_fields={"Hours": "1"}))


def test_a_comment_is_looked_for_on_every_page_before_it_is_said_on_an_old_card(
    web: responses.RequestsMock, board: TrelloBoard
) -> None:
    serve(web, [raw_card()])
    (remote,) = board.snapshot().remotes
    others = [{"id": f"{n:024x}", "data": {"text": f"number {n}"}} for n in range(50)]
    for page, actions in enumerate([others, [{"id": "f" * 24, "data": {"text": "Welcome\n"}}]]):
        asked = {"filter": "commentCard", "page": str(page)}
        web.get(f"{API}/cards/{CARD}/actions", json=actions, match=[query_param_matcher(asked)])
    board.merge_children(remote, Children(comment="Welcome"))
    assert not any(call.request.method == "POST" for call in web.calls)
