"""The shipped templates, and what holds for them over any records."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_sync.milestones import Asked, Milestones, Programme, load_steps, merge_steps
from mi_sync.model import (
    Applicant,
    Application,
    Counts,
    Engagement,
    Feedback,
    FeedbackKind,
    Hours,
    Item,
    Pay,
    Posting,
    PostingStatus,
    Privacy,
    Record,
    privacy_of,
)

CHICAGO = ZoneInfo("America/Chicago")
PUBLIC = frozenset({Privacy.PUBLIC})
PROGRAMME = Programme("p-1", "Spring 2026", CHICAGO, holidays=frozenset({date(2026, 4, 3)}))
STEPS = [
    step
    for name in ("micro-internship", "postings")
    for step in load_steps((files("mi_sync") / "steps" / f"{name}.toml").read_text("utf-8"), name)
]
SHIPPED = Milestones(merge_steps(STEPS, (), ()), PROGRAMME, {"coordinator": "kim@example.org"}, PUBLIC)

FULL = Posting(
    key="posting-1",
    title="Donor dashboard",
    summary="Three years of donations, readable in a minute.",
    objectives=("Show who gives",),
    deliverables=("Clean data", "Dashboard"),
    resources=("Donation export",),
    organization="River Trust",
    supervisor_name="Dana Ruiz",
    location="Chicago",
    remote=True,
    hours=Hours(estimated=40),
    pay=Pay(min=450, max=450, currency="USD", per="fixed"),
    starts_on=date(2026, 3, 9),
    ends_on=date(2026, 4, 3),
    url="https://jobs.example/17",
    meeting_url="https://meet.example/river",
)


def engaged(posting: Posting) -> Engagement:
    application = Application(key="application-1", posting=posting.key, applicant="applicant-1", status="accepted")
    return Engagement(application, posting, Applicant(key="applicant-1", label="AB"))


def by_step(made: Asked) -> dict[str, Item]:
    return {item.step if item.n is None else f"{item.step}/{item.n}": item for item in made.items}


def test_the_template_covers_an_engagement_from_kickoff_to_further_engagement() -> None:
    made = SHIPPED.of_engagement(engaged(FULL))

    assert {key: item.due_on for key, item in by_step(made).items() if item.due} == {
        "kickoff": date(2026, 3, 9),
        "onboarding": date(2026, 3, 10),
        "check-in/1": date(2026, 3, 16),
        "check-in/2": date(2026, 3, 23),
        "check-in/3": date(2026, 3, 30),
        "draft": date(2026, 3, 31),
        "final-deliverable": date(2026, 4, 2),  # the end is a holiday
        "feedback": date(2026, 4, 7),
        "payment": date(2026, 4, 10),
        "exit-interview": date(2026, 4, 10),
        "further-engagement": date(2026, 4, 17),
    }
    assert made.settled
    assert not made.problems


def test_the_kickoff_card_holds_the_whole_brief() -> None:
    body = by_step(SHIPPED.of_engagement(engaged(FULL)))["kickoff"].body

    headings = re.findall(r"^\*\*(.+)\*\*$", body, re.MULTILINE)
    assert headings == [
        "The project", "Objectives", "Deliverables", "Timeline", "Resources", "Contacts", "Links",
    ]  # fmt: skip
    for part in (
        "readable in a minute", "Show who gives", "Dashboard", "Fri 3 Apr 2026", "40 hours", "Donation export",
        "Dana Ruiz, River Trust", "https://meet.example/river", "https://jobs.example/17",
    ):  # fmt: skip
        assert part in body


def test_each_deliverable_is_a_line_to_tick_off() -> None:
    final = by_step(SHIPPED.of_engagement(engaged(FULL)))["final-deliverable"]

    assert final.checklist[:2] == ("Clean data", "Dashboard")


@pytest.mark.parametrize("status", get_args(PostingStatus))
def test_a_recruiting_card_is_done_once_its_places_are_filled(status: str) -> None:
    made = SHIPPED.of_posting(FULL.model_copy(update={"status": status}))

    assert [item.done for item in made.items] == {
        "draft": [],
        "open": [False],
        "in_review": [False],
    }.get(status, [True])


def test_a_recruiting_card_tells_how_many_applied_and_no_names() -> None:
    counts = Counts.of(
        FULL.model_copy(update={"openings": 3}), {"applied": 4, "shortlisted": 2, "in_progress": 1, None: 1}
    )
    (item,) = SHIPPED.of_posting(FULL.model_copy(update={"openings": 3, "status": "in_review"}), counts).items
    assert "Openings: 3 (2 left)" in item.body
    assert "Applications: 8, 2 in review, 1 accepted" in item.body
    assert item.list == "In review"


def test_the_shipped_templates_need_no_roles() -> None:
    made = Milestones(STEPS, PROGRAMME, {}, PUBLIC).of_engagement(engaged(FULL))

    assert by_step(made)["payment"].assignee is None
    assert not made.problems


# ------------------------------------------------------------------------------------- for any records

TEXT = st.text(max_size=20)
URLS = st.sampled_from([None, "https://x.example/1", "nonsense"])
DATES = st.none() | st.dates()


def some(kind: type[Record], /, **fixed: Any) -> st.SearchStrategy[Any]:
    texts = {n: st.none() | TEXT for n, i in kind.model_fields.items() if i.annotation == str | None}
    lists = {n: st.lists(TEXT, max_size=2) for n, i in kind.model_fields.items() if i.annotation == tuple[str, ...]}
    dates = {n: DATES for n, i in kind.model_fields.items() if i.annotation == date | None}
    return st.fixed_dictionaries({**texts, **lists, **dates, **fixed}).map(kind.model_validate)


AMOUNTS = st.none() | st.floats(0, 1e6)
POSTINGS = some(
    Posting,
    key=st.just("posting-1"),
    remote=st.none() | st.booleans(),
    openings=st.none() | st.integers(0, 9),
    hours=st.none() | st.builds(Hours, estimated=AMOUNTS, total=AMOUNTS),
    pay=st.none() | st.builds(Pay, min=AMOUNTS, max=AMOUNTS, per=st.sampled_from([None, "fixed", "hour"])),
    status=st.sampled_from([None, *get_args(PostingStatus)]),
    url=URLS,
    meeting_url=URLS,
)
APPLICANTS = some(Applicant, key=st.just("applicant-1"))
APPLICATIONS = some(
    Application,
    key=st.just("application-1"),
    posting=st.just("posting-1"),
    applicant=st.just("applicant-1"),
    status=st.just("in_progress"),
    answers=st.dictionaries(TEXT, TEXT, max_size=2),
)
FEEDBACK = some(
    Feedback,
    key=st.just("feedback-1"),
    applicant=st.just("applicant-1"),
    posting=st.just("posting-1"),
    kind=st.sampled_from(get_args(FeedbackKind)),
    rating=st.none() | st.floats(0, 1),
)
ENGAGEMENTS = st.builds(Engagement, APPLICATIONS, POSTINGS, APPLICANTS, st.lists(FEEDBACK, max_size=2).map(tuple))


@settings(deadline=None)
@given(ENGAGEMENTS)
def test_any_records_make_tidy_items_that_are_due_at_the_programmes_time(it: Engagement) -> None:
    made = [SHIPPED.of_engagement(it), SHIPPED.of_posting(it.posting)]
    items = [item for asked in made for item in asked.items]

    assert len({item.key for item in items}) == len(items)
    for item in items:
        assert item.title == " ".join(item.title.split()) != ""
        assert "\n\n\n" not in item.body
        assert "None" not in item.body or "None" in repr(it).replace("=None", "")
        assert not re.search(r"^\*\*[^*\n]+\*\*\n*(?=\*\*|\Z)", item.body, re.MULTILINE)
        assert all(line and "\n" not in line for line in (*item.labels, *item.checklist))
        if item.due:
            assert isinstance(item.due, datetime)
            assert (item.due.tzinfo, item.due.time()) == (CHICAGO, time(17))
            assert item.due.weekday() < 5
            assert item.due.date() not in PROGRAMME.holidays
    assert made == [SHIPPED.of_engagement(it), SHIPPED.of_posting(it.posting)]


@settings(deadline=None)
@given(ENGAGEMENTS, st.permutations(STEPS))
def test_neither_the_order_of_steps_nor_of_feedback_matters(it: Engagement, steps: list[Any]) -> None:
    shuffled = Milestones(steps, PROGRAMME, {"coordinator": "kim@example.org"}, PUBLIC)
    turned = Engagement(it.application, it.posting, it.applicant, it.feedback[::-1])

    assert by_step(shuffled.of_engagement(turned)) == by_step(SHIPPED.of_engagement(it))


def mixed(one: Record, other: Record, allow: frozenset[Privacy]) -> Any:
    """`one`, but with every value of `other` that is not allowed."""
    kind = type(one)
    hidden = {n: getattr(other, n) for n in kind.model_fields if privacy_of(kind, n) not in allow}
    return one.model_copy(update=hidden)


EVERYTHING = "".join(
    f"{{{{ {root}.{name} }}}}"
    for root, kind in (("posting", Posting), ("applicant", Applicant), ("application", Application))
    for name in kind.model_fields
    if privacy_of(kind, name) is Privacy.PUBLIC and name not in {"hours", "pay"}
)


@settings(deadline=None)
@given(ENGAGEMENTS, ENGAGEMENTS)
def test_no_disallowed_value_changes_anything_but_whom_an_item_is_assigned_to(a: Engagement, b: Engagement) -> None:
    nosy = STEPS[0].model_copy(update={"key": "nosy", "body": EVERYTHING})
    milestones = Milestones([*STEPS, nosy], PROGRAMME, {}, PUBLIC)
    feedback = tuple(mixed(f, g, PUBLIC) for f, g in zip(a.feedback, b.feedback, strict=False))
    a = Engagement(a.application, a.posting, a.applicant, a.feedback[: len(feedback)])
    changed = Engagement(
        mixed(a.application, b.application, PUBLIC),
        mixed(a.posting, b.posting, PUBLIC),
        mixed(a.applicant, b.applicant, PUBLIC),
        feedback,
    )

    one, other = milestones.of_engagement(a), milestones.of_engagement(changed)
    assert [unassigned(i) for i in one.items] == [unassigned(i) for i in other.items]
    assert (one.settled, one.problems) == (other.settled, other.problems)


def unassigned(item: Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in Item.__slots__ if name != "assignee"}


def test_a_longer_engagement_keeps_the_keys_of_its_check_ins() -> None:
    longer = FULL.model_copy(update={"ends_on": date(2026, 4, 3) + timedelta(weeks=3)})
    before, after = (by_step(SHIPPED.of_engagement(engaged(it))) for it in (FULL, longer))

    assert {k: v.key for k, v in before.items()}.items() <= {k: v.key for k, v in after.items()}.items()
    assert len(after) == len(before) + 3
