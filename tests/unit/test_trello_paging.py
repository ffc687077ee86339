"""Boards of more cards than one page or one answer holds, read to the last card whatever moves meanwhile."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import pytest
import requests

from mi_sync.connector import Context, SandboxOptions, Secret, SecretRef
from mi_sync.http import Wire
from mi_sync.model import Snapshot
from mi_sync.testing import Clock
from mi_sync_sandbox.adapter import WsgiAdapter
from mi_sync_sandbox.faults import Fault, Faults
from mi_sync_sandbox.store import Session, Store
from mi_sync_trello import TrelloConfig
from mi_sync_trello.board import TrelloBoard
from mi_sync_trello.reader import PAGE
from mi_sync_trello.sandbox import effects
from mi_sync_trello.sandbox.app import create_app
from mi_sync_trello.sandbox.gate import KEY, TOKEN
from mi_sync_trello.sandbox.layout import LAYOUT
from mi_sync_trello.sandbox.seed import BOARD, LISTS

BASE = "http://127.0.0.1:8377"


class Trello(WsgiAdapter):
    """The sandbox; `between` acts between two pages, and `by_second` takes an id given as `before` for its second.

    The latter is what was reported of Trello (trello-archive/api-docs #68).
    """

    between: Callable[[int], object] = staticmethod(lambda _: None)
    by_second = False
    pages = 0

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        if parts.path.endswith("/cards/all"):
            self.between(self.pages)
            self.pages += 1
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if self.by_second and re.fullmatch(r"[0-9a-f]{24}", asked.get("before", "")):
                asked["before"] = asked["before"][:8] + "0" * 16
            request.url = urlunsplit(parts._replace(query=urlencode(asked)))
        return super().send(request, *args, **kwargs)


class World:
    """A board that is filled without a request for each card."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.faults = Clock(), Faults()
        options = SandboxOptions(folder, BASE, self.clock.now)
        self.trello = Trello(create_app(options, faults=self.faults, sleep=self.clock.sleep))
        self._store = Store(folder / "trello.db", LAYOUT, self.clock.now)

    def fill(self, count: int, *, each_second: int) -> None:
        """So many cards in every second; every seventh is archived, every fifth lies in an archived list, and
        every third has a checklist."""
        shut = self._change(lambda db, me, board: effects.create_list(db, me, board, {"name": "Shut"}))["id"]
        for done in range(0, count, each_second):
            self.clock.sleep(1)
            numbers = range(done, min(done + each_second, count))
            self._change(lambda db, me, board, n=numbers: [self._card(db, me, board, each, shut) for each in n])
        self._change(lambda db, me, _: effects.update_list(db, me, effects.fetch(db, "list", shut), {"closed": True}))

    def _card(self, db: Session, me: str, board: Mapping[str, Any], number: int, shut: str) -> str:
        lists = [each["id"] for each in db.all("list", scope=board["id"]) if each["name"] in LISTS]
        where = shut if number % 5 == 0 else lists[number % len(lists)]
        card = effects.create_card(db, me, {"name": f"card {number}", "idList": where})
        if number % 7 == 0:
            effects.update_card(db, me, card, {"closed": True})
        if number % 3 == 0:
            checklist = effects.create_checklist(db, card, {"name": "Steps"})
            effects.add_check_item(db, checklist, {"name": f"line {number}"})
        return str(card["id"])

    def _change(self, change: Callable[..., Any]) -> Any:
        with self._store.transaction() as db:
            me = effects.member_named(db, effects.OWNER)["id"]
            return change(db, me, effects.fetch(db, "board", BOARD))

    def add(self, name: str) -> str:
        """One more card, made now."""

        def change(db: Session, me: str, board: Mapping[str, Any]) -> str:
            lane = next(each["id"] for each in db.all("list", scope=board["id"]))
            return str(effects.create_card(db, me, {"name": name, "idList": lane})["id"])

        return str(self._change(change))

    def delete(self, id_: str) -> None:
        """One card less, for good."""
        self._change(lambda db, me, _: effects.delete_card(db, me, effects.fetch(db, "card", id_)))

    def ids(self) -> list[str]:
        """All that are there, oldest first."""
        return [card["id"] for card in self._change(lambda db, _, board: db.all("card", scope=board["id"]))]

    def snapshot(self) -> Snapshot:
        config = TrelloConfig(board=BOARD, key=SecretRef(env="K"), token=SecretRef(env="T"), api_url=f"{BASE}/1")
        clock = self.clock
        wire = Wire(now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep, transport=self.trello)
        secrets = {"key": Secret(KEY), "token": Secret(TOKEN)}
        return TrelloBoard(config, Context("board", Path(), ZoneInfo("America/Chicago"), wire, secrets)).snapshot()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def checklists(snapshot: Snapshot) -> dict[str, str]:
    """What stands on the checklists, by card."""
    return {remote.title: line.text for remote in snapshot.remotes for line in remote.checklist}


@pytest.mark.parametrize(
    ("count", "each_second", "by_second"), [(1500, 90, False), (1500, 90, True), (2300, 7, True), (2300, 240, False)]
)
def test_every_card_is_read_once_archived_or_not(
    world: World, count: int, each_second: int, *, by_second: bool
) -> None:
    world.fill(count, each_second=each_second)
    world.trello.by_second = by_second
    snapshot = world.snapshot()
    assert snapshot.complete
    assert Counter(remote.title for remote in snapshot.remotes) == Counter(f"card {n}" for n in range(count))
    hidden = {f"card {n}" for n in range(count) if n % 5 == 0 or n % 7 == 0}
    assert {remote.title for remote in snapshot.remotes if remote.archived} == hidden
    assert checklists(snapshot) == {f"card {n}": f"line {n}" for n in range(0, count, 3)}
    assert world.trello.pages <= 3 * count // PAGE + 2


def test_more_cards_of_one_second_than_a_page_holds_are_read(world: World) -> None:
    world.fill(900, each_second=600)
    world.trello.by_second = True
    snapshot = world.snapshot()
    assert snapshot.complete
    assert sorted(remote.id for remote in snapshot.remotes) == world.ids()


def test_any_number_of_one_second_is_read_where_ids_are_taken_exactly(world: World) -> None:
    world.fill(2100, each_second=2100)
    snapshot = world.snapshot()
    assert snapshot.complete
    assert sorted(remote.id for remote in snapshot.remotes) == world.ids()
    assert world.trello.pages < 15


def test_more_cards_of_one_second_than_trello_shows_are_said_to_be_missing(world: World) -> None:
    world.fill(1200, each_second=1200)
    world.trello.by_second = True
    snapshot = world.snapshot()
    assert len(snapshot.remotes) == 1000
    assert not snapshot.complete


def test_a_board_of_fewer_than_250_cards_is_read_with_three_requests(world: World) -> None:
    world.fill(249, each_second=60)
    world.snapshot()
    assert len(world.trello.sent) == 3


@pytest.mark.parametrize("times", [1, 3, None])
def test_pages_that_are_answered_short_hide_nothing(world: World, times: int | None) -> None:
    world.fill(700, each_second=9)
    world.faults.add(Fault(kind="short_page", path="/cards/all$", times=times))
    snapshot = world.snapshot()
    assert snapshot.complete
    assert sorted(remote.id for remote in snapshot.remotes) == world.ids()


def test_what_comes_and_goes_between_two_pages_hides_nothing_else(world: World) -> None:
    world.fill(700, each_second=90)
    before = world.ids()
    gone = [before[-PAGE], before[-PAGE - 1], before[0]]  # the last of a page, the first of the next, the very last

    def meddle(page: int) -> None:
        if page == 1:
            world.add("made meanwhile")
            for each in gone:
                world.delete(each)

    world.trello.between = meddle
    snapshot = world.snapshot()
    assert snapshot.complete
    assert {remote.id for remote in snapshot.remotes} >= set(before) - set(gone)
    assert len({remote.id for remote in snapshot.remotes}) == len(snapshot.remotes)


TOO_MANY = {"kind": "fail_before", "method": "GET", "status": 403}


@pytest.mark.parametrize("paths", [["^/boards/[^/]+$"], ["^/boards/[^/]+$", "/checklists$"]])
def test_checklists_that_are_too_many_for_one_answer_are_read_otherwise(world: World, paths: list[str]) -> None:
    world.fill(700, each_second=90)
    for path in paths:
        world.faults.add(Fault.model_validate({**TOO_MANY, "path": path}))
    snapshot = world.snapshot()
    assert snapshot.complete
    assert len(snapshot.remotes) == 700
    assert checklists(snapshot) == {f"card {n}": f"line {n}" for n in range(0, 700, 3)}


def test_checklists_that_cannot_be_read_at_all_are_said_to_be_missing(world: World) -> None:
    world.fill(700, each_second=90)
    for path in ("^/boards/[^/]+$", "/checklists$", "/cards/all$"):
        world.faults.add(Fault.model_validate({**TOO_MANY, "path": path}))
    snapshot = world.snapshot()
    assert sorted(remote.id for remote in snapshot.remotes) == world.ids()
    assert not snapshot.complete
    assert "checklists of so many cards" in snapshot.incomplete_because
