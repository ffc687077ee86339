"""What publishers are given: rows that hold what their target may see, with what people did on the board."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync.model import Applicant, Application, Counts, Engagement, Feedback, Item, Posting, Privacy
from mi_sync.overview import Milestone
from mi_sync.views import VIEWS, Material

TODAY = date(2026, 3, 10)
DUE = datetime(2026, 3, 6, 23, 0, tzinfo=UTC)
POSTING = Posting(
    key="p1", id="P-1", title="Donor dashboard", organization="Riverside", goal="Donors", openings=2,
    status="in_progress", starts_on=date(2026, 3, 2), meeting_url="https://meet.example.org/a",
)  # fmt: skip
PERSON = Applicant(
    key="a1", id="S-1", name="Ana Lopez", label="AL", email="ana@example.edu", school="State University",
    channel="university",
)  # fmt: skip
SAID = (
    Feedback(key="f1", applicant="a1", posting="p1", kind="midpoint", by="supervisor", rating=0.4,
             submitted_at=date(2026, 3, 8)),
    Feedback(key="f2", applicant="a1", posting="p1", kind="final", by="supervisor", rating=0.9,
             would_engage_again=True, comments="Secret praise", submitted_at=date(2026, 3, 20)),
)  # fmt: skip
ENGAGED = Engagement(
    Application(key="e1", posting="p1", applicant="a1", status="in_progress", ends_on=date(2026, 3, 27)), POSTING,
    PERSON, SAID,
)  # fmt: skip
ITEMS = {
    it.key: it
    for it in (
        Item("k1", "e1", "kickoff", None, "Kickoff (AL)", due=DUE, list="To do", assignee="boss@example.org"),
        Item("k2", "e1", "final", None, "Final (AL)", due=date(2026, 3, 27)),
        Item("k3", "p1", "review", None, "Review of the posting"),
    )
}
EVERYTHING = frozenset(Privacy) - {Privacy.EEO}


def seen(key: str, **changed: Any) -> Milestone:
    item = ITEMS[key]
    shown = Milestone(
        key, item.step, item.owner, "", "board", item.title, f"https://board.example.org/{key}", "open",
        item.due_on.isoformat() if item.due_on else None, "Doing", ("boss",),
    )  # fmt: skip
    return replace(shown, **changed)


NEWS = [("board", "k1", "create", "https://board.example.org/k1")]


def material(*progress: Milestone, allow: frozenset[Privacy] = frozenset({Privacy.PUBLIC})) -> Material:
    counts = Counts(applications=5, in_review=2, engaged=1, places=1)
    return Material([ENGAGED], [(POSTING, counts)], ITEMS, {it.key: it for it in progress}, allow, TODAY, NEWS)


def rows(it: Material, view: Any) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in it.rows(view)}


def test_a_milestone_stands_as_people_left_it_on_the_board() -> None:
    done, moved = seen("k1", state="done"), seen("k2", due="2026-03-09", assignees=())
    found = rows(material(done, moved), "milestones")
    assert [(row["state"], row["due"], row["late"], row["owner"]) for row in found.values()] == [
        ("done", DUE, False, True),  # the day is ours, so the time of it is known
        ("open", date(2026, 3, 9), True, False),
        ("open", None, False, False),  # never seen on a board: as the records say
    ]
    assert found["k1"]["url"] == "https://board.example.org/k1"
    assert (found["k1"]["meeting_url"], found["k1"]["intern"]) == ("https://meet.example.org/a", "AL")
    assert (found["k3"]["posting"], found["k3"]["intern"], found["k3"]["engagement"]) == ("Donor dashboard", None, None)


def test_an_engagement_tells_how_far_it_has_come_and_how_it_was_judged() -> None:
    (row,) = material(seen("k1", state="done"), seen("k2"), allow=EVERYTHING).rows("engagements")
    assert (row["done"], row["open"], row["late"]) == (1, 1, 0)
    assert (row["next"], row["next_due"]) == ("Final (AL)", date(2026, 3, 27))
    assert (row["starts_on"], row["ends_on"]) == (date(2026, 3, 2), date(2026, 3, 27))
    assert (row["rating_by_supervisor"], row["rating_by_intern"], row["would_engage_again"]) == (0.9, None, True)
    assert (row["name"], row["email"]) == ("Ana Lopez", "ana@example.edu")


def test_a_posting_has_counts_and_no_name() -> None:
    (row,) = material(allow=EVERYTHING).rows("postings")
    assert (row["applications"], row["in_review"], row["engaged"], row["places"]) == (5, 2, 1, 1)
    assert not {"Ana Lopez", "AL"} & set(map(str, row.values()))


def test_evaluations_are_told_only_where_they_may_be_seen() -> None:
    assert [row["rating"] for row in material(allow=EVERYTHING).rows("feedback")] == [0.4, 0.9]
    for row in material().rows("feedback"):
        assert set(row) == {"key", "posting_id", "posting", "organization", "goal", "category", "intern", "kind", "by",
                            "submitted_at"}  # fmt: skip
    (row,) = material().rows("engagements")
    assert not {"rating_by_supervisor", "would_engage_again", "name", "email", "school"} & set(row)


def test_the_outlook_asks_what_needs_an_eye() -> None:
    late, soon = seen("k1"), seen("k2", due="2026-03-17", assignees=())
    found = [(row["question"], row["key"]) for row in material(late, soon).rows("outlook")]
    assert found == [("overdue", "k1"), ("due_in_7_days", "k2"), ("no_owner", "k2"), ("no_owner", "k3")]
    assert (
        material(seen("k1", state="done"), seen("k2", state="archived"), seen("k3", state="done")).rows("outlook") == ()
    )


def test_the_news_are_what_a_run_changed_as_far_as_the_target_knows_the_item() -> None:
    news = [
        ("board", "k1", "create", "https://board.example.org/k1"),
        ("board", "gone", "archive", "https://board.example.org/9"),
    ]
    known, unknown = replace(material(), news=news).rows("news")
    assert (known["title"], known["action"], known["url"]) == ("Kickoff (AL)", "create", "https://board.example.org/k1")
    assert (unknown["title"], unknown["intern"], unknown["action"]) == (None, None, "archive")


PERSONAL = {
    Privacy.NAME: ("Ana Lopez",),
    Privacy.CONTACT: ("ana@example.edu", "boss@example.org"),
    Privacy.ACADEMIC: ("State University",),
    Privacy.FREE_TEXT: ("Secret praise", "0.9"),
}


@given(allowed=st.sets(st.sampled_from(sorted(PERSONAL))))
@pytest.mark.parametrize("view", VIEWS)
def test_no_view_holds_a_value_of_a_class_that_is_not_allowed(view: Any, allowed: set[Privacy]) -> None:
    shown = str(material(seen("k1"), allow=frozenset({Privacy.PUBLIC, *allowed})).rows(view))
    for privacy, values in PERSONAL.items():
        if privacy not in allowed:
            assert [value for value in values if value in shown] == []


@pytest.mark.parametrize("allow", [frozenset({Privacy.PUBLIC}), EVERYTHING])
@pytest.mark.parametrize("view", VIEWS)
def test_each_row_holds_the_columns_that_were_announced(view: Any, allow: frozenset[Privacy]) -> None:
    it = material(seen("k1"), allow=allow)
    assert {tuple(row) for row in it.rows(view)} == {tuple(it.columns(view))}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_the_same_in_any_order_of_what_it_is_made_from(view: Any) -> None:
    one = material(seen("k1"), seen("k2"))
    other = replace(one, items=dict([*ITEMS.items()][::-1]), progress=dict([*one.progress.items()][::-1]))
    assert one.rows(view) == other.rows(view)
