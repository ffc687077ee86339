"""A plan that cannot fit into its board says so before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import capacity
from mi_sync import plan as planning
from mi_sync.identity import MARKED, Marker, field_digest
from mi_sync.model import BoardIdentity, CheckItem, Countable, Item, Limit, Link, Remote, Scope, Snapshot
from mi_sync.plan import Desired, Rules, TargetPlan

RULES = Rules("board", "prog", ZoneInfo("America/Chicago"), max_archive=1.0)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def item(n: int, **changes: Any) -> Item:
    return replace(
        Item(f"k{n}", "app", "step", n, f"Item {n}", list="To do", labels=("a",), checklist=("x",)), **changes
    )


def held(wanted: Item, *, archived: bool = False) -> tuple[Link, Remote]:
    """An item that was made, and perhaps archived by us."""
    digests = {name: field_digest(getattr(wanted, name)) for name in MARKED}
    id_, url = f"id-{wanted.key}", f"https://board.example/{wanted.key}"
    marker = Marker("prog", wanted.key, "n1", digests, archived).encode()
    lines = tuple(CheckItem(text, text) for text in wanted.checklist)
    link = Link(
        wanted.key, id_, url, "n1", wanted.owner, wanted.step, wanted.title, digests, wanted.labels, wanted.checklist
    )
    remote = Remote(
        id_, url, wanted.title, wanted.body, marker, list=wanted.list, labels=wanted.labels, checklist=lines
    )
    return replace(link, archived=archived), replace(remote, archived=archived)


def planned(
    wanted: Sequence[Item], limit: Limit, there: Sequence[tuple[Link, Remote]] = (), **board: Any
) -> TargetPlan:
    snapshot = Snapshot(
        BoardIdentity("b", "Board", "https://board.example"), NOW, tuple(r for _, r in there), limits=(limit,), **board
    )
    links = {link.key: link for link, _ in there}
    desired = Desired({each.key: each for each in wanted}, frozenset({"app"}))
    return capacity.checked(planning.make(desired, links, snapshot, RULES), snapshot)


def limit(counts: Countable, most: int, used: int = 0, per: Scope = "board", place: str = "") -> Limit:
    return Limit(f"the tool's {counts}", most, counts, per, {place: used})


@given(st.integers(0, 8), st.integers(0, 12), st.integers(0, 12), st.sampled_from(["items", "open items"]))
def test_creations_are_refused_just_when_there_is_no_room_for_all(
    new: int, most: int, used: int, counts: Countable
) -> None:
    plan = planned([item(n) for n in range(new)], limit(counts, most, used))
    assert bool(plan.violations) is (new > 0 and used + new > most)
    assert len(plan.changes) == new


@pytest.mark.parametrize(
    ("tight", "room"),
    [
        (limit("open items", 9, 8), "the board has room for 1 more open items (the tool's open items: 9)"),
        (limit("open items", 9, 11), "the board has room for 0 more open items"),
        (limit("open items", 9, 9, "list", "To do"), "the list 'To do' has room for 0 more open items"),
        (limit("items", 2, 2, "list", "To do"), "the list 'To do' has room for 0 more items"),
        (limit("lists", 3, 3), "the board has room for 0 more lists"),
        (limit("open lists", 3, 3), "the board has room for 0 more open lists"),
        (limit("labels", 1000, 1000), "the board has room for 0 more labels"),
        (limit("checklists", 5, 4), "the board has room for 1 more checklists"),
    ],
)
def test_a_refusal_names_the_limit_and_no_force_overcomes_it(tight: Limit, room: str) -> None:
    plan = planned([item(1), item(2)], tight)
    assert set(plan.violations) == {capacity.LIMITS}
    assert room in plan.violations[capacity.LIMITS]
    assert plan.violations[capacity.LIMITS].endswith("Make room there, or take steps out of [milestones].")


@pytest.mark.parametrize(
    "wide",
    [
        limit("open items", 9, 9, "list", "Done"),  # another list
        Limit("attachments", 1, None, "board", {"": 1}),  # nothing that we make
        limit("labels", 1, 1),
        limit("lists", 1, 1),
    ],
)
def test_what_needs_no_room_is_not_refused(wide: Limit) -> None:
    assert planned([item(1)], wide, lists=("To do",), labels=("a",)).violations == {}


def test_an_item_that_is_archived_makes_room_for_one_that_is_made() -> None:
    full = limit("open items", 1, 1)
    assert planned([item(2)], full, [held(item(1))]).violations == {}
    assert planned([item(2), item(3)], full, [held(item(1))]).violations != {}


def test_an_item_that_comes_back_needs_room() -> None:
    away = held(item(1), archived=True)
    assert planned([item(1)], limit("open items", 1, 1), [away]).violations != {}
    assert planned([item(1)], limit("items", 1, 1), [away]).violations == {}


def test_a_board_that_is_too_full_already_takes_changes_of_what_is_there() -> None:
    plan = planned([item(1, title="Other")], limit("open items", 1, 3), [held(item(1))])
    assert len(plan.changes) == 1
    assert plan.violations == {}


def test_a_checklist_that_is_too_long_is_a_problem_of_its_item_alone() -> None:
    lines = tuple(f"line {n}" for n in range(201))
    most = Limit("checkItems perChecklist", 200, "checklist lines", "item")
    plan = planned([item(1, checklist=lines), item(2)], most)
    assert plan.violations == {}
    (problem,) = plan.problems
    assert (problem.where, problem.field) == ("Item 1", "checklist")
    assert "201 more checklist lines are too many: there is room for 200" in problem.why


def test_lines_of_people_take_up_room_too() -> None:
    there = held(item(1))
    grown = item(1, checklist=("x", "y", "z"))
    most = Limit("per checklist", 200, "checklist lines", "item", {"id-k1": 199})
    (problem,) = planned([grown], most, [there]).problems
    assert problem.where == "https://board.example/k1"
    assert planned([grown], replace(most, used={"id-k1": 198}), [there]).problems == ()
