"""What the planner decides for one key, rule by rule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mi_sync.errors import StalePlan
from mi_sync.identity import MARKED, Marker, erased_owner, field_digest
from mi_sync.model import BoardIdentity, Capabilities, CheckItem, Item, Link, Member, Remote, Snapshot
from mi_sync.plan import (
    COMMENT,
    FIELD,
    OWED,
    WITHDRAWN,
    Change,
    Desired,
    Plan,
    Resolution,
    Rules,
    TargetPlan,
    change_as_json,
    change_from_json,
    fingerprint,
    make,
    make_withdrawal,
    match_member,
)

ZONE = ZoneInfo("America/Chicago")
DUE = datetime(2026, 3, 20, 17, 0, tzinfo=ZONE)
RULES = Rules("board", "prog", ZONE, conflicts={"title": "ours", "body": "ask", "due": "theirs", "start": "theirs"})
ITEM = Item(
    key="k1",
    owner="app-1",
    step="kickoff",
    n=None,
    title="Kickoff",
    body="The brief",
    due=DUE,
    start=date(2026, 3, 16),
    list="To do",
    labels=("kickoff", "call"),
    checklist=("Send the brief", "Give access"),
)


def digests(item: Item) -> dict[str, str]:
    return {name: field_digest(getattr(item, name)) for name in MARKED}


def link(item: Item = ITEM, **changes: Any) -> Link:
    made = Link(
        item.key,
        f"id-{item.key}",
        "url",
        "n1",
        item.owner,
        item.step,
        item.title,
        digests(item),
        item.labels,
        item.checklist,
    )
    return replace(made, **changes)


def remembered(base: Mapping[str, str]) -> dict[str, str]:
    """The base without what it remembers besides the fields."""
    return {name: base[name] for name in MARKED}


def mark(item: Item = ITEM, nonce: str = "n1", *, archived: bool = False, programme: str = "prog") -> str:
    return Marker(programme, item.key, nonce, digests(item), archived).encode()


def remote(item: Item = ITEM, **changes: Any) -> Remote:
    """The item as the board holds it after it was created."""
    made = Remote(
        id=f"id-{item.key}",
        url=f"https://board.example/{item.key}",
        title=item.title,
        body=item.body,
        marker=mark(item),
        due=item.due.astimezone(UTC) if isinstance(item.due, datetime) else item.due,
        start=item.start,
        done=item.done,
        list=item.list,
        labels=item.labels,
        checklist=tuple(CheckItem(f"c{n}", text) for n, text in enumerate(item.checklist)),
    )
    return replace(made, **changes)


def snapshot(*remotes: Remote, **changes: Any) -> Snapshot:
    seen = Snapshot(
        BoardIdentity("b1", "Board", "https://board.example"),
        datetime(2026, 3, 2, tzinfo=UTC),
        remotes,
        lists=("To do",),
        labels=("kickoff", "call"),
    )
    return replace(seen, **changes)


def plan(
    items: tuple[Item, ...] = (ITEM,),
    links: tuple[Link, ...] = (),
    actual: Snapshot | None = None,
    settled: tuple[str, ...] = ("app-1",),
    **rules: Any,
) -> TargetPlan:
    desired = Desired({item.key: item for item in items}, frozenset(settled))
    return make(desired, {it.key: it for it in links}, actual or snapshot(), replace(RULES, **rules))


def with_one(item: Item, there: Remote, known: Link | None = None, **rules: Any) -> TargetPlan:
    """The plan for one known item."""
    return plan((item,), (known or link(),), snapshot(there), **rules)


def only(planned: TargetPlan) -> Change:
    (change,) = planned.changes
    return change


def written(planned: TargetPlan) -> dict[str, Any]:
    """Field → new value, of the only change."""
    return {name: after for name, (_, after) in only(planned).fields.items()}


# ------------------------------------------------------------------------------------------------ create


def test_what_is_missing_is_created_with_everything_that_is_desired() -> None:
    change = only(plan())
    assert (change.action, change.id, change.nonce, change.title) == ("create", "", "", "Kickoff")
    assert written(plan()) == {
        "title": "Kickoff",
        "body": "The brief",
        "due": "2026-03-20T17:00:00-05:00",
        "start": "2026-03-16",
        "list": "To do",
        "labels": ["kickoff", "call"],
        "checklist": ["Send the brief", "Give access"],
    }
    assert remembered(change.base) == digests(ITEM)


def test_empty_fields_are_not_written_at_a_creation() -> None:
    assert written(plan((Item("k1", "app-1", "s", None, "Bare"),))) == {"title": "Bare"}


def test_missing_lists_and_labels_are_told_once() -> None:
    items = tuple(Item(key, "o", "s", None, key, list="Week 1", labels=("new", "call")) for key in "ab")
    planned = plan(items)
    assert (planned.missing_lists, planned.missing_labels) == (("Week 1",), ("new",))


def test_what_is_as_last_applied_needs_nothing() -> None:
    planned = with_one(ITEM, remote())
    assert (planned.changes, planned.unchanged, planned.problems) == ((), 1, ())


def test_a_desired_due_of_another_timezone_is_the_same_instant() -> None:
    item = replace(ITEM, due=DUE.replace(hour=23).astimezone(UTC))
    change = only(plan((item,)))
    assert change.base["due"] == field_digest(date(2026, 3, 20))
    assert with_one(item, remote(due=item.due)).changes == ()


# --------------------------------------------------------------------------------------------- three-way

OURS: Mapping[str, Any] = {
    "title": "New title",
    "body": "New body",
    "due": DUE + timedelta(days=7),
    "start": date(2026, 3, 23),
}
THEIRS: Mapping[str, Any] = {
    "title": "A person's",
    "body": "A person's text",
    "due": DUE + timedelta(days=3),
    "start": date(2026, 3, 19),
}


@pytest.mark.parametrize("name", OURS)
def test_only_ours_changed_is_written_and_nothing_else(name: str) -> None:
    planned = with_one(replace(ITEM, **{name: OURS[name]}), remote())
    assert set(only(planned).fields) == {name}
    assert remembered(only(planned).base) == {**digests(ITEM), name: field_digest(OURS[name])}
    assert planned.conflicts == 0


@pytest.mark.parametrize("name", OURS)
def test_only_theirs_changed_is_kept(name: str) -> None:
    planned = with_one(ITEM, remote(**{name: THEIRS[name]}))
    assert (planned.changes, planned.conflicts) == ((), 0)
    assert all(remembered(stored.base) == digests(ITEM) for stored in planned.bookkeeping)


@pytest.mark.parametrize("name", OURS)
def test_both_changed_alike_is_only_remembered(name: str) -> None:
    planned = with_one(replace(ITEM, **{name: OURS[name]}), remote(**{name: OURS[name]}))
    assert (planned.changes, planned.conflicts) == ((), 0)
    assert planned.bookkeeping[0].base[name] == field_digest(OURS[name])


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("resolution", ["ours", "theirs", "ask"])
def test_a_conflict_is_counted_and_ends_as_configured(name: str, resolution: Resolution) -> None:
    item, there = replace(ITEM, **{name: OURS[name]}), remote(**{name: THEIRS[name]})
    planned = with_one(item, there, conflicts={name: resolution})
    assert planned.conflicts == 1
    assert [set(c.fields) for c in planned.changes] == ([{name}] if resolution == "ours" else [])
    after = planned.changes[0].base if planned.changes else planned.bookkeeping[0].base
    assert after[name] == (digests(ITEM) if resolution == "ask" else digests(item))[name]


@pytest.mark.parametrize("name", OURS)
def test_an_unnamed_conflict_is_asked(name: str) -> None:
    planned = with_one(replace(ITEM, **{name: OURS[name]}), remote(**{name: THEIRS[name]}), conflicts={})
    assert (planned.changes, planned.conflicts) == ((), 1)
    assert planned.bookkeeping[0].seen.conflicts == (name,)


def test_a_conflict_that_was_given_to_them_is_over() -> None:
    item, there = replace(ITEM, due=OURS["due"]), remote(due=THEIRS["due"])
    (settled,) = with_one(item, there).bookkeeping
    again = with_one(item, there, settled)
    assert (again.changes, again.conflicts) == ((), 0)
    later = with_one(replace(item, due=DUE + timedelta(days=30)), there, settled)
    assert later.conflicts == 1


def test_an_asked_conflict_stays_until_somebody_gives_in() -> None:
    item, there = replace(ITEM, body="ours"), remote(body="theirs")
    (stored,) = with_one(item, there).bookkeeping
    assert with_one(item, there, stored).conflicts == 1
    assert with_one(item, replace(there, body="ours"), stored).conflicts == 0


def test_a_time_moved_within_the_local_day_is_no_change() -> None:
    moved = remote(due=DUE.replace(hour=8).astimezone(UTC))
    planned = with_one(replace(ITEM, due=DUE + timedelta(days=1)), moved)
    assert (written(planned)["due"], planned.conflicts) == ("2026-03-21T17:00:00-05:00", 0)


def test_a_due_late_in_the_evening_is_compared_in_the_programmes_timezone() -> None:
    item = replace(ITEM, due=DUE.replace(hour=23, minute=30))  # the next day in UTC
    assert with_one(item, remote(item), link(item)).changes == ()


def test_a_due_that_is_no_longer_desired_is_cleared() -> None:
    assert written(with_one(replace(ITEM, due=None), remote())) == {"due": None}


STRICT = Capabilities(start_alone=False, start_after_due=False)
"""A board that takes no start date without a due date, or after it."""


def strict(item: Item, there: Remote, known: Link) -> TargetPlan:
    return make(Desired({item.key: item}), {item.key: known}, snapshot(there), RULES, STRICT)


@pytest.mark.parametrize(
    ("ours", "theirs", "left_out"),
    [
        ({"start": date(2026, 3, 18)}, {"due": date(2026, 3, 17)}, "start"),
        ({"due": DUE - timedelta(days=2)}, {"start": date(2026, 3, 19)}, "due"),
        ({"due": None}, {"start": date(2026, 3, 19)}, "due"),
    ],
)
def test_a_date_that_clashes_with_a_persons_is_left_out_until_the_two_fit(
    ours: dict[str, Any], theirs: dict[str, Any], left_out: str
) -> None:
    item, there = replace(ITEM, title="New", **ours), remote(**theirs)
    planned = strict(item, there, link())
    assert written(planned) == {"title": "New"}
    assert (planned.conflicts, only(planned).conflicts) == (1, (left_out,))
    (problem,) = planned.problems
    assert (problem.where, problem.field) == (there.url, left_out)
    assert "beside a person's" in problem.why
    stored = replace(link(), base=only(planned).base)
    assert strict(item, replace(there, title="New"), stored).changes == ()
    fits = {"due": DUE, "start": None, left_out: getattr(there, left_out)}
    assert set(written(strict(item, replace(there, title="New", **fits), stored))) == {left_out}


DAYS = st.none() | st.dates(date(2026, 3, 1), date(2026, 3, 6))


@given(st.tuples(DAYS, DAYS), st.tuples(DAYS, DAYS), st.tuples(DAYS, DAYS), st.sampled_from(["ours", "theirs", "ask"]))
def test_no_dates_are_written_that_the_board_refuses(
    ours: tuple[date | None, date | None],
    base: tuple[date | None, date | None],
    theirs: tuple[date | None, date | None],
    resolution: Resolution,
) -> None:
    """Whoever moved what: the two as they will stand fit, and a second run writes nothing."""
    assume(not any(start and STRICT.clash(start, due) for start, due in (ours, base, theirs)))
    start, due = ours
    item, there = replace(ITEM, start=start, due=due), remote(start=theirs[0], due=theirs[1], marker=None)
    known = link(replace(ITEM, start=base[0], due=base[1]))
    rules = replace(RULES, conflicts=dict.fromkeys(("start", "due"), resolution))
    planned = make(Desired({item.key: item}), {item.key: known}, snapshot(there), rules, STRICT)
    for change in planned.changes:
        after: dict[str, Any] = {
            name: value and date.fromisoformat(value) for name, (_, value) in change.fields.items()
        }
        there = replace(there, **after)
        known = replace(known, base=change.base)
    assert not there.start or not STRICT.clash(there.start, there.due)
    assert make(Desired({item.key: item}), {item.key: known}, snapshot(there), rules, STRICT).changes == ()


def test_a_due_that_a_person_cleared_stays_cleared() -> None:
    assert with_one(ITEM, remote(due=None)).changes == ()


@pytest.mark.parametrize("name", ["due", "start"])
def test_dates_of_what_is_done_are_history(name: str) -> None:
    planned = with_one(replace(ITEM, **{name: OURS[name]}), remote(done=True))
    assert (planned.changes, planned.conflicts) == ((), 0)


def test_a_title_of_what_is_done_still_changes() -> None:
    assert written(with_one(replace(ITEM, title="New"), remote(done=True))) == {"title": "New"}


def test_trailing_blanks_are_no_change() -> None:
    assert with_one(ITEM, remote(body="The brief  \r\n")).changes == ()


# --------------------------------------------------------------------------------- labels and checklists


def test_labels_change_one_by_one_and_a_persons_stay() -> None:
    item = replace(ITEM, labels=("kickoff", "new"))
    planned = with_one(item, remote(labels=("private", "kickoff", "call")))
    assert only(planned).fields == {"labels": (["call", "kickoff", "private"], ["kickoff", "new", "private"])}
    assert only(planned).labels == ("kickoff", "new")


def test_a_label_that_a_person_took_off_stays_off() -> None:
    assert with_one(ITEM, remote(labels=("call",))).changes == ()


def test_a_label_that_both_added_is_only_remembered() -> None:
    planned = with_one(replace(ITEM, labels=("kickoff", "call", "new")), remote(labels=("kickoff", "call", "new")))
    assert planned.changes == ()
    assert planned.bookkeeping[0].labels == ("kickoff", "call", "new")


def test_checklist_lines_change_one_by_one_and_a_persons_stay() -> None:
    lines = (CheckItem("c0", "Send the brief"), CheckItem("c1", "Give access"), CheckItem("c2", "A person's"))
    planned = with_one(replace(ITEM, checklist=("Give access", "New")), remote(checklist=lines))
    assert written(planned) == {"checklist": ["Give access", "A person's", "New"]}


def test_a_ticked_line_is_never_removed() -> None:
    lines = (CheckItem("c0", "Send the brief", done=True), CheckItem("c1", "Give access"))
    planned = with_one(replace(ITEM, checklist=()), remote(checklist=lines))
    assert written(planned) == {"checklist": ["Send the brief"]}


def test_a_line_that_a_person_removed_stays_away() -> None:
    assert with_one(ITEM, remote(checklist=())).changes == ()


# -------------------------------------------------------------------------------------------------- done


def test_done_turns_from_false_to_true() -> None:
    change = only(with_one(replace(ITEM, done=True), remote()))
    assert (change.fields, change.base["done"]) == ({"done": (False, True)}, "1")


def test_done_never_turns_back() -> None:
    assert with_one(ITEM, remote(done=True)).changes == ()


def test_what_a_person_reopened_is_not_done_again() -> None:
    known = link(base={**digests(ITEM), "done": "1"})
    assert with_one(replace(ITEM, done=True), remote(), known).changes == ()


def test_what_a_person_did_first_and_reopened_later_is_not_done_again() -> None:
    item = replace(ITEM, done=True)
    (stored,) = with_one(item, remote(done=True)).bookkeeping
    assert with_one(item, remote(done=False), stored).changes == ()


# ------------------------------------------------------------------------------------------ dismissed


@pytest.mark.parametrize("actual", [snapshot(remote(archived=True)), snapshot()], ids=["archived", "gone"])
def test_what_a_person_put_away_is_dismissed_and_never_made_again(actual: Snapshot) -> None:
    planned = plan((replace(ITEM, title="New"),), (link(),), actual)
    assert (planned.changes, planned.dismissed, planned.unchanged) == ((), 1, 0)
    assert planned.bookkeeping[0].seen.archived or planned.bookkeeping[0].seen.gone
    assert plan((ITEM,), planned.bookkeeping, actual).dismissed == 1


def test_an_archived_item_is_brought_back_on_request() -> None:
    planned = with_one(ITEM, remote(archived=True), recreate=frozenset({"k1"}))
    assert (only(planned).action, only(planned).fields) == ("update", {"archived": (True, False)})
    assert planned.dismissed == 0


def test_a_deleted_item_is_made_again_on_request() -> None:
    planned = plan(links=(link(),), recreate=frozenset({"k1"}))
    assert (only(planned).action, only(planned).expects) == ("create", fingerprint(link(), None))


def test_a_request_for_what_nobody_wants_does_nothing() -> None:
    assert plan((), (link(),), snapshot(remote(archived=True)), recreate=frozenset({"k1"})).changes == ()


def test_what_a_person_brought_back_is_an_item_like_any_other() -> None:
    known = plan((ITEM,), (link(),), snapshot(remote(archived=True))).bookkeeping
    planned = plan((replace(ITEM, title="New"),), known, snapshot(remote()))
    assert (written(planned), planned.dismissed) == ({"title": "New"}, 0)


def test_what_a_person_deleted_and_nobody_wants_counts_nowhere() -> None:
    planned = plan((), (link(),), snapshot())
    assert (planned.changes, planned.dismissed) == ((), 0)


# --------------------------------------------------------------------------------- early end and revival


def test_an_open_item_that_nothing_asks_for_is_archived() -> None:
    change = only(plan((), (link(),), snapshot(remote())))
    assert (change.action, change.id, change.fields) == ("archive", "id-k1", {"archived": (False, True)})
    assert remembered(change.base) == digests(ITEM)


@pytest.mark.parametrize(
    ("there", "changes"),
    [
        (remote(done=True), {}),
        (remote(archived=True), {}),
        (remote(), {"settled": ()}),
        (remote(), {"may_archive": False}),
    ],
    ids=["done", "archived", "unsettled", "source not read"],
)
def test_an_item_stays_where_archiving_it_is_wrong_or_uncertain(there: Remote, changes: Any) -> None:
    assert plan((), (link(),), snapshot(there), **changes).changes == ()


def test_nothing_is_archived_on_an_incomplete_snapshot() -> None:
    assert plan((), (link(),), snapshot(remote(), complete=False)).changes == ()


def test_what_we_archived_is_revived_when_it_is_wanted_again() -> None:
    change = only(with_one(ITEM, remote(archived=True), link(archived=True)))
    assert (change.action, change.id, change.fields) == ("update", "id-k1", {"archived": (True, False)})


def test_what_we_archived_and_a_person_brought_back_is_left_open() -> None:
    planned = plan((), (link(archived=True),), snapshot(remote()))
    assert planned.changes == ()


# ----------------------------------------------------------------------------- copies and late duplicates


def test_a_copy_is_reported_and_left_alone() -> None:
    planned = plan((ITEM,), (link(),), snapshot(remote(), remote(id="id-x", url="copy")))
    assert planned.changes == ()
    assert [p.where for p in planned.problems] == ["copy"]


LATE = remote(id="id-late", url="late", marker=mark(nonce="n2"), checklist=())


def test_an_untouched_late_duplicate_is_archived() -> None:
    change = only(plan((ITEM,), (link(),), snapshot(remote(), LATE)))
    assert (change.action, change.id, change.nonce) == ("archive", "id-late", "n2")


def test_an_untouched_late_duplicate_of_what_a_person_deleted_is_archived() -> None:
    planned = plan((ITEM,), (link(),), snapshot(LATE))
    assert ([c.id for c in planned.changes], planned.dismissed) == (["id-late"], 1)


def test_an_untouched_late_duplicate_of_what_was_made_done_is_archived() -> None:
    done = replace(ITEM, done=True)
    change = only(plan((done,), (link(),), snapshot(remote(done=True), replace(LATE, done=True))))
    assert (change.action, change.id) == ("archive", "id-late")


@pytest.mark.parametrize(
    "touch",
    [
        {"title": "A person's"},
        {"body": "A person's"},
        {"due": None},
        {"start": None},
        {"done": True},
        {"labels": ("kickoff", "call", "private")},
        {"checklist": (CheckItem("c", "Send the brief", done=True),)},
        {"list": "Doing"},
        {"marker": mark(nonce="n2", archived=True)},
    ],
    ids=["title", "body", "due", "start", "done", "labels", "ticked", "moved", "brought back"],
)
def test_a_touched_late_duplicate_is_reported(touch: Any) -> None:
    planned = plan((ITEM,), (link(),), snapshot(remote(), replace(LATE, **touch)))
    assert planned.changes == ()
    assert [p.where for p in planned.problems] == ["late"]


def test_no_duplicate_is_archived_on_an_incomplete_read_of_either_side() -> None:
    assert plan((ITEM,), (link(),), snapshot(remote(), LATE, complete=False)).changes == ()
    planned = plan((ITEM,), (link(),), snapshot(remote(), LATE), may_archive=False)
    assert planned.changes == ()
    (told,) = planned.problems  # or nobody would know of the second one
    assert (told.where, "as soon as every source can be read" in told.why) == ("late", True)


def test_an_archived_duplicate_is_past() -> None:
    planned = plan((ITEM,), (link(),), snapshot(remote(), replace(LATE, archived=True)))
    assert (planned.changes, planned.problems) == ((), ())


# --------------------------------------------------------------------------------- foreign and pasted marks


def test_another_programmes_items_are_counted_and_left_alone() -> None:
    foreign = remote(id="id-f", marker=mark(programme="other"))
    planned = plan((ITEM,), (link(),), snapshot(remote(), foreign))
    assert (planned.changes, planned.foreign, planned.problems) == ((), 1, ())


def test_an_item_that_another_programme_marked_is_never_taken_back() -> None:
    there = remote(marker=mark(programme="other"))
    planned = plan((replace(ITEM, title="New"),), (link(),), snapshot(there))
    assert (planned.changes, planned.dismissed, planned.foreign) == ((), 1, 1)
    assert [p.where for p in planned.problems] == [there.url]


def test_an_unmarked_item_is_nobodys() -> None:
    planned = plan((), (), snapshot(remote(marker=None)))
    assert (planned.changes, planned.foreign, planned.problems) == ((), 0, ())


def test_an_item_whose_mark_a_person_removed_is_still_ours() -> None:
    assert written(with_one(replace(ITEM, title="New"), remote(marker=None))) == {"title": "New"}


def test_a_mark_pasted_into_another_item_of_ours_takes_nothing_over() -> None:
    other = replace(ITEM, key="k2", title="Other")
    planned = plan((ITEM, other), (link(other),), snapshot(remote(other, marker=mark(ITEM))))
    assert [(c.action, c.key) for c in planned.changes] == [("create", "k1")]
    assert planned.problems == ()


# --------------------------------------------------------------------------------- adopted (state was lost)


def test_an_item_with_our_mark_is_adopted_without_a_write() -> None:
    change = only(plan((ITEM,), (), snapshot(remote())))
    assert (change.action, change.id, change.nonce, change.fields) == ("adopt", "id-k1", "n1", {})
    assert (change.labels, change.checklist) == (ITEM.labels, ITEM.checklist)
    assert remembered(change.base) == digests(ITEM)


def test_an_adopted_item_changes_in_the_same_step() -> None:
    change = only(plan((replace(ITEM, title="New"),), (), snapshot(remote(body="theirs"))))
    assert (change.action, change.fields) == ("adopt", {"title": ("Kickoff", "New")})
    assert change.base["body"] == digests(ITEM)["body"]


def test_the_mark_tells_what_was_taken_away_before_the_state_was_lost() -> None:
    there = remote(labels=("call",), checklist=(CheckItem("c1", "Give access"),))
    assert only(plan((ITEM,), (), snapshot(there))).fields == {}


def test_a_checklist_that_was_never_finished_is_finished_after_the_state_was_lost() -> None:
    there = remote(checklist=(CheckItem("c0", "Send the brief"),))
    assert written(plan((ITEM,), (), snapshot(there))) == {"checklist": ["Send the brief", "Give access"]}


def test_what_a_person_archived_is_dismissed_even_when_the_state_was_lost() -> None:
    planned = plan((ITEM,), (), snapshot(remote(archived=True)))
    assert (planned.changes, planned.dismissed, planned.bookkeeping[0].id) == ((), 1, "id-k1")


def test_what_we_archived_is_revived_even_when_the_state_was_lost() -> None:
    change = only(plan((ITEM,), (), snapshot(remote(archived=True, marker=mark(archived=True)))))
    assert (change.action, change.fields) == ("adopt", {"archived": (True, False)})


def test_the_oldest_is_adopted_and_its_copy_reported() -> None:
    planned = plan((ITEM,), (), snapshot(remote(id="id-z", url="copy"), remote(id="id-a")))
    assert only(planned).id == "id-a"
    assert [p.where for p in planned.problems] == ["copy"]


def test_a_duplicate_that_we_put_away_is_not_adopted_before_the_open_item() -> None:
    away = remote(id="id-a", archived=True, marker=mark(nonce="n2", archived=True))
    assert only(plan((ITEM,), (), snapshot(away, remote(id="id-z")))).id == "id-z"


def test_an_open_item_with_our_mark_that_nothing_asks_for_is_reported() -> None:
    planned = plan((), (), snapshot(remote()))
    assert (planned.changes, len(planned.problems)) == ((), 1)
    assert plan((), (), snapshot(remote(archived=True))).problems == ()


# ----------------------------------------------------------------------- writes that landed after all


def after_a_late_write(late: Item, **changes: Any) -> tuple[Link, Remote]:
    """We made ITEM; a later write of `late` was given up, and then took effect."""
    made = only(plan())
    return link(base=made.base), remote(late, marker=mark(late), **changes)


def test_a_write_that_landed_late_is_no_persons_change() -> None:
    late = replace(ITEM, due=DUE + timedelta(days=1), body="Late")
    known, there = after_a_late_write(late)
    planned = with_one(replace(late, due=DUE + timedelta(days=2), body="New"), there, known)
    assert (set(only(planned).fields), planned.conflicts) == ({"due", "body"}, 0)
    back = with_one(ITEM, there, known)
    assert (set(only(back).fields), back.conflicts) == ({"due", "body"}, 0)


def test_a_write_that_landed_late_is_remembered_even_when_nothing_is_to_be_done() -> None:
    late = replace(ITEM, title="Late")
    known, there = after_a_late_write(late)
    (stored,) = with_one(late, there, known).bookkeeping
    assert with_one(late, there, stored).bookkeeping == ()


def test_an_archive_that_landed_late_was_ours() -> None:
    known, there = after_a_late_write(ITEM, archived=True)
    there = replace(there, marker=mark(archived=True))
    assert plan((), (known,), snapshot(there)).bookkeeping[0].archived
    revived = with_one(ITEM, there, known)
    assert (only(revived).fields, revived.dismissed) == ({"archived": (True, False)}, 0)


def test_what_a_person_archived_again_after_we_had_is_a_persons_archive() -> None:
    archive = only(plan((), (link(base=only(plan()).base),), snapshot(remote())))
    there = remote(archived=True, marker=mark(archived=True))
    brought_back = with_one(ITEM, replace(there, archived=False), link(base=archive.base, archived=True)).bookkeeping
    assert plan((ITEM,), brought_back, snapshot(there)).dismissed == 1


def test_a_settled_conflict_is_not_undone_by_the_older_mark() -> None:
    item, known = replace(ITEM, due=OURS["due"]), link(base=only(plan()).base)
    (settled,) = with_one(item, remote(due=THEIRS["due"]), known).bookkeeping
    assert with_one(item, remote(), settled).changes == ()  # the person went back to the first date


# ------------------------------------------------------------------------------------ incomplete snapshots


def test_an_incomplete_snapshot_creates_and_adopts_nothing_and_says_so() -> None:
    for actual in (snapshot(complete=False), snapshot(remote(), complete=False)):
        planned = plan((ITEM,), (), actual)
        assert planned.changes == ()
        (problem,) = planned.problems
        assert "could not be read completely" in problem.why


def test_an_incomplete_snapshot_dismisses_nothing() -> None:
    planned = plan((ITEM,), (link(),), snapshot(complete=False))
    assert (planned.changes, planned.dismissed, planned.bookkeeping) == ((), 0, ())


def test_what_an_incomplete_snapshot_shows_is_updated() -> None:
    planned = plan((replace(ITEM, title="New"),), (link(),), snapshot(remote(), complete=False))
    assert written(planned) == {"title": "New"}


# ------------------------------------------------------------------------------------------------- people

KIM = Member("m1", "kimuser", "Kim", "kim@example.org")
TWINS = (Member("m2", "a", "", "lee@example.org"), Member("m3", "b", "", "lee@example.org"))


@pytest.mark.parametrize(
    ("address", "people", "member"),
    [
        ("kim@example.org", {}, "m1"),
        (" Kim@Example.org ", {}, "m1"),
        ("boss@corp.example", {"boss@corp.example": "@KimUser"}, "m1"),
        ("boss@corp.example", {"boss@corp.example": "m1"}, "m1"),
        ("nobody@example.org", {}, None),
        ("lee@example.org", {}, None),
        ("", {}, None),
    ],
)
def test_a_person_is_matched_by_address_or_by_name_or_not_at_all(
    address: str, people: Mapping[str, str], member: str | None
) -> None:
    planned = plan((replace(ITEM, assignee=address),), (), snapshot(members=(KIM, *TWINS)), people=people)
    assert written(planned).get("assignee") == member
    unmatched = [p for p in planned.problems if p.field == "assignee"]
    assert len(unmatched) == (1 if address and member is None else 0)
    assert not any(address.strip() in p.why for p in unmatched)


def test_nobody_is_matched_by_nothing() -> None:
    assert match_member(" @ ", [Member("m1")]) is None


def test_the_assignee_belongs_to_people_after_the_creation() -> None:
    item = replace(ITEM, assignee="kim@example.org")
    assert plan((item,), (link(),), snapshot(remote(), members=(KIM,))).changes == ()


# ------------------------------------------------------------------------------------------------- limits


def archiving(count: int, of: int, **rules: Any) -> TargetPlan:
    items = [replace(ITEM, key=f"k{n:03}") for n in range(of)]
    actual = snapshot(*(remote(item) for item in items))
    return plan(tuple(items[count:]), tuple(map(link, items)), actual, **rules)


@pytest.mark.parametrize(
    ("count", "of", "share", "exceeded"),
    [(3, 10, 0.3, False), (4, 10, 0.3, True), (9, 9, 0.3, False), (57, 100, 0.57, False), (1, 10, 0.0, True)],
)
def test_too_many_archives_are_a_violation_from_ten_items_on(
    count: int,
    of: int,
    share: float,
    exceeded: bool,  # noqa: FBT001  a column of the table
) -> None:
    planned = archiving(count, of, max_archive=share)
    assert len(planned.changes) == count
    assert ("archive" in planned.violations) is exceeded


def test_only_open_items_count_as_items() -> None:
    items = [replace(ITEM, key=f"k{n:03}") for n in range(12)]
    actual = snapshot(*(remote(item, done=n >= 9) for n, item in enumerate(items)))
    assert plan((), tuple(map(link, items)), actual).violations == {}


def test_too_many_creations_are_a_violation() -> None:
    items = tuple(replace(ITEM, key=f"k{n}") for n in range(3))
    assert plan(items, max_create=3).violations == {}
    assert set(plan(items, max_create=2).violations) == {"create"}


# -------------------------------------------------------------------------------------------------- order


def test_changes_come_by_due_date_then_number_then_title() -> None:
    items = (
        Item("a", "o", "s", None, "No date"),
        Item("b", "o", "s", 2, "Second", due=DUE),
        Item("c", "o", "s", 1, "First", due=DUE),
        Item("d", "o", "s", 1, "Even before", due=DUE),
        Item("e", "o", "s", 9, "Early", due=DUE - timedelta(days=1)),
    )
    assert [c.key for c in plan(items).changes] == ["e", "d", "c", "b", "a"]


# ----------------------------------------------------------------------------------------- fingerprints


@pytest.mark.parametrize(
    "change",
    [
        {"title": "x"}, {"body": "x"}, {"due": None}, {"start": None}, {"done": True}, {"archived": True},
        {"labels": ()}, {"checklist": ()}, {"id": "other"},
        {"checklist": (CheckItem("c0", "Send the brief", done=True), CheckItem("c1", "Give access"))},
    ],
)  # fmt: skip
def test_a_fingerprint_tells_every_change_of_the_item(change: Any) -> None:
    assert fingerprint(link(), remote(**change)) != fingerprint(link(), remote())


@pytest.mark.parametrize(
    "change", [{"base": {}}, {"nonce": "x"}, {"labels": ()}, {"checklist": ()}, {"archived": True}, {"id": "x"}]
)
def test_a_fingerprint_tells_every_change_of_the_link(change: Any) -> None:
    assert fingerprint(link(**change), remote()) != fingerprint(link(), remote())


def test_a_fingerprint_tells_no_link_from_a_link_and_no_item_from_an_item() -> None:
    assert (
        len(
            {
                fingerprint(None, None),
                fingerprint(link(), None),
                fingerprint(None, remote()),
                fingerprint(link(), remote()),
            }
        )
        == 4
    )


# --------------------------------------------------------------------------------------------- the file


MADE = datetime(2026, 3, 2, 9, tzinfo=ZONE)
EXPIRES = MADE + timedelta(days=7)


def saved() -> Plan:
    late, other = replace(ITEM, title="New"), replace(ITEM, key="k2", title="Zoë 🎓", due=None)
    made = plan((late, other), (link(),), snapshot(remote(), LATE), max_create=0)
    return Plan("prog", "run-1", (replace(made, allow=("name", "public")),), MADE, EXPIRES)


def test_a_saved_plan_comes_back_as_it_was() -> None:
    made = saved()
    read = Plan.loads(made.dumps(), "p.json")
    assert (read.changes, read.digest, read.run) == (made.changes, made.digest, "run-1")
    assert read.targets[0].violations == made.targets[0].violations != {}
    assert (read.made_at, read.expires_at, read.targets[0].allow) == (MADE, EXPIRES, ("name", "public"))
    assert {c.action for c in read.changes} == {"create", "update", "archive"}


def test_the_file_is_canonical() -> None:
    assert saved().dumps() == saved().dumps() == Plan.loads(saved().dumps(), "p.json").dumps()


def test_the_digest_is_of_what_is_to_be_done_and_of_the_run() -> None:
    made = saved()
    busier = replace(made, targets=(replace(made.targets[0], unchanged=7, problems=()),))
    assert busier.digest == made.digest
    assert len({made.digest, replace(made, run="run-2").digest, replace(made, programme="x").digest}) == 3
    assert replace(made, expires_at=EXPIRES + timedelta(days=1)).digest != made.digest
    assert replace(made, targets=(replace(made.targets[0], board="b2"),)).digest != made.digest


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all leaves of a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [leaf for key, child in inner for leaf in paths(child, (*path, key))]
    return found or [path]


def tampered(text: str, path: tuple[Any, ...], value: Any) -> str:
    raw = json.loads(text)
    at = raw
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return json.dumps(raw)


TAMPERED: tuple[Any, ...] = ("tampered", 7, None, [], {})


def test_a_plan_in_which_any_value_was_changed_is_refused() -> None:
    text = saved().dumps()
    leaves = paths(json.loads(text))
    assert len(leaves) > 60
    for path in leaves:
        for value in TAMPERED:
            changed = tampered(text, path, value)
            if json.loads(changed) != json.loads(text):
                with pytest.raises(StalePlan, match=r"p\.json.*Make a new one"):
                    Plan.loads(changed, "p.json")


@pytest.mark.parametrize("text", ["", "no plan", "[]", "{}", "null", '{"version": 1}', "[" * 100_000])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(StalePlan):
        Plan.loads(text, "p.json")


@pytest.mark.parametrize(("version", "why"), [(1, "an older mi-sync"), (3, "a newer mi-sync"), ("2", "no plan")])
def test_a_plan_of_another_version_is_refused_and_says_which(version: Any, why: str) -> None:
    with pytest.raises(StalePlan, match=why):
        Plan.loads(tampered(saved().dumps(), ("version",), version), "p.json")


def test_what_was_changed_is_told_from_what_is_no_plan() -> None:
    with pytest.raises(StalePlan, match="changed or damaged"):
        Plan.loads(tampered(saved().dumps(), ("expires_at",), "2099-01-01T00:00:00+00:00"), "p.json")
    with pytest.raises(StalePlan, match="this is no plan"):
        Plan.loads("no plan", "p.json")


@pytest.mark.parametrize("now", [MADE - timedelta(minutes=9), MADE, EXPIRES, EXPIRES + timedelta(minutes=9)])
def test_a_plan_lasts_as_long_as_it_says_give_or_take_a_clock(now: datetime) -> None:
    saved().check_age(now, "p.json")


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (
            EXPIRES + timedelta(minutes=11),
            r"p\.json.*2026-03-02 15:00 UTC has expired at 2026-03-09 14:00 UTC.*new one",
        ),
        (MADE - timedelta(minutes=11), "made in the future.*Set the clock"),
    ],
)
def test_an_expired_plan_and_one_from_the_future_are_refused(now: datetime, why: str) -> None:
    with pytest.raises(StalePlan, match=why):
        saved().check_age(now, "p.json")


# ------------------------------------------------------------------------------------------ an erased person


def test_nothing_is_remembered_of_what_a_board_shows_of_an_erased_person() -> None:
    known = link(owner=erased_owner("prog", "applicant-1"), title="", base={}, labels=(), checklist=())
    shown = remote(marker=mark(), title="Ana Lopez", done=True)
    made = make(Desired({}, frozenset({known.owner})), {known.key: known}, snapshot(shown), RULES)
    assert (made.changes, made.bookkeeping, made.problems) == ((), (), ())


@pytest.mark.parametrize("archived", [False, True])
def test_a_withdrawn_item_says_nothing_of_ours_any_more_and_all_of_theirs(*, archived: bool) -> None:
    shown = remote(
        marker=mark(),
        title="Ana Lopez",
        body="by a person",
        done=True,
        archived=archived,
        labels=(*ITEM.labels, "theirs"),
        checklist=(
            *(CheckItem(str(n), text, done=True) for n, text in enumerate(ITEM.checklist)),
            CheckItem("9", "theirs"),
        ),
    )
    (change,) = make_withdrawal([link()], snapshot(shown), RULES, "rewrite").changes
    after = {name: value for name, (_, value) in change.fields.items()}
    assert after == {"title": WITHDRAWN, "body": "", "labels": ["theirs"], "checklist": ["theirs"]}
    assert "Ana" not in json.dumps(change_as_json(change))
    assert change.expects == fingerprint(link(), shown)


def test_a_withdrawn_item_of_which_only_its_mark_tells_what_is_ours_says_nothing_more() -> None:
    known = link(title="", base={}, labels=(), checklist=())
    (change,) = make_withdrawal([known], snapshot(remote(marker=mark())), RULES, "rewrite").changes
    after = {name: value for name, (_, value) in change.fields.items()}
    assert (after["labels"], after["checklist"]) == ([], [])


def test_what_is_archived_already_or_carries_another_mark_is_not_archived_again() -> None:
    for shown in (remote(marker=mark(), archived=True), remote(marker=mark(programme="other"))):
        assert make_withdrawal([link()], snapshot(shown), RULES, "archive").changes == ()
    assert make_withdrawal([link()], snapshot(), RULES, "archive").changes == ()
    (change,) = make_withdrawal([link()], snapshot(remote(marker=mark(), done=True)), RULES, "archive").changes
    assert (change.action, change.fields) == ("archive", {"archived": (False, True)})


# ------------------------------------------------------------------- custom fields, followers and comments

FILLED = replace(ITEM, fields={"Intern": "AL", "Hours": "12"})
TOGETHER, ONE_BY_ONE = Capabilities(fields="with_item"), Capabilities(fields="one_by_one")


def known(**fields: str) -> Link:
    base = {f"{FIELD}{name}": field_digest(value) for name, value in fields.items()}
    return link(base={**digests(ITEM), **base})


def planned(
    theirs: Mapping[str, str],
    before: Link | None = None,
    item: Item = FILLED,
    able: Capabilities = TOGETHER,
    **rules: Any,
) -> TargetPlan:
    there = remote(marker=mark(), fields=theirs)
    links = {} if before is None else {item.key: before}
    return make(Desired({item.key: item}), links, snapshot(there), replace(RULES, **rules), able)


def test_each_custom_field_is_merged_on_its_own() -> None:
    plan = planned({"Intern": "A person's", "Hours": "10"}, known(Intern="AL", Hours="10"))
    (change,) = plan.changes
    assert change.fields == {f"{FIELD}Hours": ("10", "12")}
    assert change.base[f"{FIELD}Hours"] == field_digest("12")
    assert plan.conflicts == 0


@pytest.mark.parametrize(("resolution", "written"), [("ours", True), ("theirs", False), ("ask", False)])
def test_a_custom_field_that_both_sides_changed_follows_the_rules(resolution: Resolution, *, written: bool) -> None:
    theirs = {"Intern": "A person's", "Hours": "12"}
    plan = planned(theirs, known(Intern="old", Hours="12"), conflicts={"fields": resolution})
    assert [list(change.fields) for change in plan.changes] == ([[f"{FIELD}Intern"]] if written else [])
    assert plan.conflicts == 1
    assert [problem.field for problem in plan.problems] == ([f"{FIELD}Intern"] if resolution == "ask" else [])


def test_where_nothing_is_remembered_a_filled_field_stays_and_an_empty_one_is_filled() -> None:
    plan = planned({"Intern": "A person's"}, known())
    (change,) = plan.changes
    assert change.fields == {f"{FIELD}Hours": ("", "12")}
    assert change.base[f"{FIELD}Intern"] == field_digest("AL")  # from now on only theirs has changed
    (adopted,) = planned({"Intern": "A person's"}).changes
    assert (adopted.action, adopted.fields) == ("adopt", {f"{FIELD}Hours": ("", "12")})


def test_a_custom_field_is_a_change_of_the_item_or_one_of_its_own() -> None:
    together, alone = (planned({}, known(), able=able).changes[0] for able in (TOGETHER, ONE_BY_ONE))
    assert together.apart == ()
    assert set(alone.apart) == set(alone.fields) == {f"{FIELD}Intern", f"{FIELD}Hours"}
    assert change_from_json(change_as_json(alone)) == alone


def test_a_new_item_gets_its_fields_followers_and_comment() -> None:
    wish = replace(FILLED, followers=("kim@example.org", "KIM@example.org", "gone@example.org"), comment="Hello")
    there = replace(snapshot(), members=(Member("m1", "kim", "Kim", "kim@example.org"),))
    plan = make(Desired({wish.key: wish}), {}, there, RULES, ONE_BY_ONE)
    (change,) = plan.changes
    assert change.fields["followers"] == (None, ["m1"])
    assert change.fields["comment"] == (None, "Hello")
    assert change.apart == (f"{FIELD}Intern", f"{FIELD}Hours", "comment")
    (problem,) = plan.problems
    assert (problem.field, "gone@example.org" in problem.why) == ("followers", False)


def test_a_comment_is_said_on_an_old_item_only_where_it_is_owed() -> None:
    wish = replace(ITEM, comment="Hello")
    assert planned({}, link(), wish).changes == ()
    owing = link(base={**digests(ITEM), COMMENT: OWED})
    (change,) = planned({}, owing, wish).changes
    assert (change.fields, change.apart) == ({COMMENT: (None, "Hello")}, (COMMENT,))
    assert COMMENT not in change.base
    assert planned({}, owing, ITEM).changes == ()


def test_a_late_duplicate_whose_fields_somebody_filled_is_told() -> None:
    first = remote(marker=mark(), fields={"Intern": "AL"})
    for theirs, archived in (({"Intern": "AL"}, True), ({"Intern": "A person's"}, False)):
        twin = remote(id="id-twin", marker=mark(nonce="n2"), fields=theirs)
        plan = make(
            Desired({"k1": FILLED}), {"k1": known(Intern="AL", Hours="")}, snapshot(first, twin), RULES, TOGETHER
        )
        assert ("archive" in {change.action for change in plan.changes}) is archived


def test_what_we_filled_is_emptied_for_an_erased_person_and_what_others_filled_stays() -> None:
    there = remote(marker=mark(), fields={"Intern": "AL", "Theirs": "x"})
    before = known(Intern="AL", Hours="")
    (change,) = make_withdrawal([before], snapshot(there), RULES, "rewrite", ONE_BY_ONE).changes
    assert {name: pair for name, pair in change.fields.items() if name.startswith(FIELD)} == {
        f"{FIELD}Intern": (None, "")
    }
    assert change.apart == (f"{FIELD}Intern",)


def test_once_nothing_is_remembered_the_fields_that_a_target_fills_are_emptied() -> None:
    there = remote(marker=mark(), fields={"Intern": "AL", "Theirs": "x"})
    forgotten = link(base={})
    (change,) = make_withdrawal([forgotten], snapshot(there), RULES, "rewrite", TOGETHER, {"Intern", "Hours"}).changes
    assert [name for name in change.fields if name.startswith(FIELD)] == [f"{FIELD}Intern"]
    assert change.apart == ()
