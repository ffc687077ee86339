"""Runs against a stateful Trello, with people at work on the board in between: what is ours is kept in step with the
records, and what is theirs stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from mi_sync.connector import Context, SandboxOptions, Secret, SecretRef
from mi_sync.events import Result
from mi_sync.http import Http, Window, Wire
from mi_sync.model import Item
from mi_sync.testing import BoardLab, Clock, Engine
from mi_sync.testing.runs import ZONE
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_sandbox.faults import Fault, Faults
from mi_sync_trello import TrelloConfig
from mi_sync_trello.board import TrelloBoard
from mi_sync_trello.sandbox.app import create_app
from mi_sync_trello.sandbox.gate import KEY, TOKEN
from mi_sync_trello.sandbox.seed import BOARD
from mi_sync_trello.sandbox.values import COLOURS

BASE = "http://127.0.0.1:8377"
ITEM = Item("k1", "app-1", "kickoff", None, "Kickoff", "Talk.", list="To Do", checklist=("A", "B", "C"))


class World(Engine):
    """A programme on a sandbox, and a person who uses Trello's own API."""

    member = member_too = ""

    def __init__(self, folder: Path) -> None:
        self.clock, self.faults = Clock(), Faults()
        options = SandboxOptions(folder, BASE, self.clock.now)
        app = create_app(options, faults=self.faults, sleep=self.clock.sleep)
        self.trello, self._people = WsgiAdapter(app), WsgiAdapter(app)
        self.now, self.sleep = self.clock.now, self.clock.sleep
        super().__init__(cast("BoardLab", self))  # of which an engine needs no more than this

    def open(self) -> TrelloBoard:
        """A new process."""
        config = TrelloConfig(board=BOARD, key=SecretRef(env="K"), token=SecretRef(env="T"), api_url=f"{BASE}/1")
        secrets = {"key": Secret(KEY), "token": Secret(TOKEN)}
        return TrelloBoard(config, Context("board", Path(), ZONE, self._wire(self.trello), secrets))

    def wish(self, *items: Item) -> Result:
        """A run after which the records ask for just these; `writes` tells what it wrote."""
        self.desired = {item.key: item for item in items}
        self.trello.sent.clear()
        return self.sync()

    @property
    def writes(self) -> list[str]:
        """What the last run wrote."""
        return [f"{r.method} {str(r.url).removeprefix(f'{BASE}/1')}" for r in self.trello.sent if r.method != "GET"]

    def _wire(self, transport: WsgiAdapter) -> Wire:
        return Wire(self.clock.now, self.clock.monotonic, self.clock.sleep, transport)

    def by_hand(self, method: str, path: str, **body: Any) -> Any:
        """What a person does, or sees, in Trello."""
        headers = {"Authorization": f'OAuth oauth_consumer_key="{KEY}", oauth_token="{TOKEN}"'}
        wire = self._wire(self._people)
        http = Http(f"{BASE}/1", headers=headers, secrets=[], wire=wire, window=Window(1000, 10.0), name="Trello")
        calls: dict[str, Callable[[], Any]] = {
            "GET": lambda: http.get(path, **body),
            "POST": lambda: http.post(path, body),
            "PUT": lambda: http.put(path, body),
            "DELETE": lambda: http.delete(path),
        }
        return calls[method]()

    def card(self, title: str = "Kickoff") -> dict[str, Any]:
        cards = self.by_hand("GET", f"/boards/{BOARD}/cards/all", checklists="all", limit=1000)
        (found,) = [card for card in cards if card["name"] == title]
        return dict(found)

    def checklists(self) -> dict[str, list[str]]:
        """The card's checklists by id, each with its lines in their order; a ticked one begins with a tick."""
        return {
            each["id"]: [("✓" if line["state"] == "complete" else "") + line["name"] for line in each["checkItems"]]
            for each in self.card()["checklists"]
        }

    def lines(self) -> list[str]:
        """Of the card's only checklist."""
        (found,) = self.checklists().values()
        return found

    def line(self, text: str) -> str:
        """The address of a line."""
        card = self.card()
        (found,) = [it["id"] for each in card["checklists"] for it in each["checkItems"] if it["name"] == text]
        return f"/cards/{card['id']}/checkItem/{found}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# ---------------------------------------------------------------------------------------- checklists


def test_lines_that_come_and_go_in_the_records_come_and_go_on_the_card(world: World) -> None:
    world.wish(ITEM)
    assert world.lines() == ["A", "B", "C"]
    world.wish(replace(ITEM, checklist=("A", "C", "D")))
    assert world.lines() == ["A", "C", "D"]
    assert world.wish(replace(ITEM, checklist=("A", "C", "D"))).problems == []
    assert world.writes == []


def test_another_order_is_a_matter_of_taste_on_either_side(world: World) -> None:
    world.wish(ITEM)
    world.by_hand("PUT", world.line("A"), pos="bottom")
    for order in (ITEM.checklist, ("C", "B", "A")):
        world.wish(replace(ITEM, checklist=order))
        assert world.writes == []
    assert world.lines() == ["B", "C", "A"]


def test_what_a_person_ticked_stays_even_when_the_records_drop_it(world: World) -> None:
    world.wish(ITEM)
    world.by_hand("PUT", world.line("B"), state="complete")
    world.wish(replace(ITEM, checklist=("A",)))
    assert world.lines() == ["A", "✓B"]
    world.wish(replace(ITEM, checklist=("A",)))
    assert world.writes == []


def test_a_line_that_a_person_renamed_is_theirs(world: World) -> None:
    world.wish(ITEM)
    world.by_hand("PUT", world.line("B"), name="B, by Friday")
    world.wish(ITEM)
    assert world.writes == []
    world.wish(replace(ITEM, checklist=("A", "C", "D")))
    assert world.lines() == ["A", "B, by Friday", "C", "D"]


def test_lines_that_a_person_added_or_removed_stay_so(world: World) -> None:
    world.wish(ITEM)
    (checklist,) = world.checklists()
    world.by_hand("POST", f"/checklists/{checklist}/checkItems", name="Mine")
    world.by_hand("DELETE", world.line("B"))
    world.wish(ITEM)
    assert world.writes == []
    assert world.lines() == ["A", "C", "Mine"]


@pytest.mark.parametrize("how", ["deleted", "renamed"])
def test_a_checklist_that_a_person_took_away_is_not_made_again_for_what_it_held(world: World, how: str) -> None:
    world.wish(ITEM)
    (checklist,) = world.checklists()
    if how == "deleted":
        world.by_hand("DELETE", f"/checklists/{checklist}")
    else:
        world.by_hand("PUT", f"/checklists/{checklist}", name="My own")
    before = world.checklists()
    world.wish(ITEM)
    assert world.writes == []
    assert world.checklists() == before
    world.wish(replace(ITEM, checklist=(*ITEM.checklist, "D")))  # something new is wanted: that alone is added
    assert [lines for id_, lines in world.checklists().items() if id_ not in before] == [["D"]]
    assert {id_: world.checklists()[id_] for id_ in before} == before


def test_a_second_checklist_of_our_name_is_a_persons_copy(world: World) -> None:
    world.wish(ITEM)
    (ours,) = world.checklists()
    copy = world.by_hand("POST", "/checklists", idCard=world.card()["id"], idChecklistSource=ours, name="Steps")["id"]
    world.by_hand("PUT", f"/checklists/{copy}", pos="top")
    world.wish(replace(ITEM, checklist=("A", "D")))
    assert world.checklists() == {ours: ["A", "D"], copy: ["A", "B", "C"]}


def test_more_than_two_hundred_lines_are_named_before_and_fail_alone(world: World) -> None:
    refusal = Fault(kind="fail_before", method="POST", status=403, path="/checkItems$", after=200, times=None)
    world.faults.add(refusal)
    long = replace(ITEM, checklist=tuple(f"line {n}" for n in range(201)))
    other = replace(ITEM, key="k2", title="Other", checklist=())
    result = world.wish(long, other)
    assert result.targets["board"].failed == 1
    before, at_last = (
        problem.why for problem in sorted(result.problems, key=lambda problem: problem.field, reverse=True)
    )
    assert "there is room for 200 (checkItems perChecklist: 200)" in before
    assert "limits" in at_last
    assert world.lines() == list(long.checklist[:200])
    assert world.card("Other")


# ------------------------------------------------------------------------------- labels, lists, archive


def test_labels_of_every_colour_or_none_are_read_and_left_alone(world: World) -> None:
    world.wish(ITEM)
    card = world.card()["id"]
    for colour in (*sorted(COLOURS), None):
        world.by_hand("POST", f"/cards/{card}/labels", name=f"in {colour}", color=colour)
    world.by_hand("POST", f"/cards/{card}/labels", name="", color="red")
    world.by_hand("POST", f"/cards/{card}/labels", name="in red", color="sky")  # the same name once more
    worn = world.card()["idLabels"]
    assert len(worn) == 33
    world.wish(replace(ITEM, labels=("ours",)))
    assert world.card()["idLabels"][:-1] == worn
    world.wish(ITEM)
    assert world.card()["idLabels"] == worn


def test_of_labels_with_one_name_the_first_is_used_and_none_is_made(world: World) -> None:
    board = world.by_hand("GET", f"/boards/{BOARD}")["id"]
    first, _ = (world.by_hand("POST", "/labels", idBoard=board, name="kickoff", color=c)["id"] for c in ("red", "sky"))
    world.wish(replace(ITEM, labels=("kickoff",)))
    assert world.card()["idLabels"] == [first]
    assert not any("/labels" in write for write in world.writes)


def test_a_card_that_people_moved_stays_where_it_is(world: World) -> None:
    world.wish(ITEM)
    doing = next(each["id"] for each in world.by_hand("GET", f"/boards/{BOARD}/lists") if each["name"] == "Doing")
    world.by_hand("PUT", f"/cards/{world.card()['id']}", idList=doing)
    world.wish(replace(ITEM, title="Kickoff", body="Other.", list="Done"))
    assert world.card()["idList"] == doing
    assert world.card()["desc"].startswith("Other.")


def test_what_ended_is_archived_and_nothing_is_ever_deleted(world: World) -> None:
    world.wish(ITEM)
    id_ = world.card()["id"]
    world.wish()
    assert world.card()["closed"] is True
    assert not any(write.startswith("DELETE") for write in world.writes)
    world.wish(ITEM)
    assert (world.card()["closed"], world.card()["id"]) == (False, id_)


def test_done_is_said_apart_from_list_and_archive_and_never_taken_back(world: World) -> None:
    world.wish(replace(ITEM, done=True, due=datetime(2026, 3, 10, 17, tzinfo=ZONE)))
    assert world.card()["dueComplete"] is True
    world.wish(ITEM)
    assert world.card()["dueComplete"] is True


# ------------------------------------------------------------------------------- instants and lengths


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        (datetime(2026, 3, 7, 17, tzinfo=ZONE), datetime(2026, 3, 7, 23, tzinfo=UTC)),  # the day before summer time
        (datetime(2026, 3, 8, 17, tzinfo=ZONE), datetime(2026, 3, 8, 22, tzinfo=UTC)),
        (datetime(2026, 3, 8, 2, 30, tzinfo=ZONE), datetime(2026, 3, 8, 8, 30, tzinfo=UTC)),  # there is no such time
        (datetime(2026, 11, 1, 1, 30, tzinfo=ZONE), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),  # the first of two
        (datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=ZONE), datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),
        (datetime(2026, 11, 1, 17, tzinfo=ZONE), datetime(2026, 11, 1, 23, tzinfo=UTC)),
    ],
)
def test_a_due_time_is_the_instant_that_the_programmes_clock_shows(
    world: World, local: datetime, utc: datetime
) -> None:
    item = replace(ITEM, due=local, start=local.date())
    world.wish(item)
    assert datetime.fromisoformat(world.card()["due"]) == utc
    assert datetime.fromisoformat(world.card()["start"]).astimezone(ZONE).date() == local.date()
    world.wish(item)
    assert world.writes == []


@pytest.mark.parametrize("letter", ["x", "長", "🎓"])
def test_long_texts_arrive_whole_whatever_their_letters(world: World, letter: str) -> None:
    item = replace(ITEM, title=letter * 4000, body=letter * 16000, checklist=(letter * 3000,))
    assert world.wish(item).problems == []
    card = world.card(item.title)
    assert card["desc"].startswith(item.body)
    assert card["checklists"][0]["checkItems"][0]["name"] == item.checklist[0]
    world.wish(item)
    assert world.writes == []
