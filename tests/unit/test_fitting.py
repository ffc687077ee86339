"""What a board cannot hold is taken off, told once for each kind of loss, and never looks like a person's change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync.custom_fields import DoesNotFit, value_of
from mi_sync.errors import Problem
from mi_sync.fitting import Fitter
from mi_sync.model import Capabilities, CustomField, Item, told_apart

ITEM = Item(
    key="k1",
    owner="application-1",
    step="kickoff",
    n=None,
    title="Kickoff",
    body="Meet.",
    due=datetime(2026, 3, 20, 22, 30, tzinfo=UTC),
    start=date(2026, 3, 16),
    labels=("call",),
    checklist=("Send the brief", "Give access"),
    assignee="boss@example.org",
)


def fit(*items: Item, normal: Any = str, **able: Any) -> tuple[list[Item], tuple[Problem, ...]]:
    fitter = Fitter(Capabilities(**able), normal, ZoneInfo("America/Chicago"))
    return list(fitter.fit(items)), fitter.problems


def test_a_board_that_holds_everything_changes_nothing() -> None:
    assert fit(ITEM) == ([ITEM], ())


def test_what_a_board_lacks_is_taken_off_and_told_once_for_all_items() -> None:
    (first, _), problems = fit(ITEM, replace(ITEM, key="k2"), start=False, labels=False, assignees=0)
    assert (first.start, first.labels, first.assignee) == (None, (), None)
    assert [(p.where, p.field) for p in problems] == [("Kickoff", name) for name in ("start", "labels", "assignee")]
    assert all("lossy: the board has no " in p.why and "(2 items)" in p.why for p in problems)


def test_the_board_says_why_in_its_own_words() -> None:
    _, (problem,) = fit(ITEM, start=False, lossy={"start": "Asana milestones have none"})
    assert problem.why == "lossy: Asana milestones have none, so it is left out."


def test_a_start_date_that_needs_a_due_date_is_left_out_without_one() -> None:
    (kept, lost), (problem,) = fit(ITEM, replace(ITEM, due=None, title="Some day"), start_alone=False)
    assert (kept.start, lost.start) == (ITEM.start, None)
    assert (problem.where, problem.field) == ("Some day", "start")
    assert "no start date without a due date" in problem.why


def test_a_start_date_after_the_due_day_is_left_out_where_the_board_refuses_it() -> None:
    late = replace(ITEM, due=datetime(2026, 3, 21, 3, 0, tzinfo=UTC), start=date(2026, 3, 20))  # still the 20th here
    (same, lost), (problem,) = fit(late, replace(late, start=date(2026, 3, 21)), start_after_due=False)
    assert (same.start, lost.start) == (date(2026, 3, 20), None)
    assert "no start date after the due date, so it is left out" in problem.why
    assert fit(replace(late, start=date(2026, 3, 21)))[1] == ()


def test_a_checklist_becomes_lines_of_the_body() -> None:
    (item,), (problem,) = fit(ITEM, checklist=False)
    assert (item.checklist, item.body) == ((), "Meet.\n\n- Send the brief\n- Give access")
    assert problem.field == "checklist"


def test_without_times_the_due_day_is_the_programmes() -> None:
    (item,), (problem,) = fit(ITEM, due_time=False)
    assert (item.due, problem.field) == (date(2026, 3, 20), "due")
    late = replace(ITEM, due=datetime(2026, 3, 21, 3, 0, tzinfo=UTC))  # 22:00 of the day before in Chicago
    assert fit(late, due_time=False)[0][0].due == date(2026, 3, 20)


def test_a_day_without_a_time_stays_one_and_is_told_where_the_board_adds_a_time() -> None:
    day = replace(ITEM, due=date(2026, 3, 20))
    assert fit(day) == ([day], ())
    (item,), (problem,) = fit(day, due_day=False)
    assert (item.due, problem.field) == (date(2026, 3, 20), "due")


def test_a_body_is_compared_as_the_board_gives_it_back() -> None:
    assert fit(ITEM, normal=str.upper)[0][0].body == "MEET."


@given(st.integers(min_value=1, max_value=20))
def test_a_title_that_is_too_long_is_shortened_and_told(most: int) -> None:
    title = "Kickoff: a dashboard"
    (item,), problems = fit(replace(ITEM, title=title), max_title=most)
    assert len(item.title) <= most
    assert item.title == title if most == len(title) else item.title.endswith("…")
    assert [(p.where, p.field) for p in problems] == ([] if most == len(title) else [(title, "title")])


def test_a_body_that_is_too_long_is_shortened_and_told() -> None:
    (item,), (problem,) = fit(replace(ITEM, body="x" * 2000), max_body=1000)
    assert len(item.body) <= 1000 - 256
    assert item.body.endswith("(shortened: the board holds no more)")
    assert problem.field == "body"


def test_a_body_whose_normal_form_is_longer_still_fits() -> None:
    def escaped(text: str) -> str:
        return text if "\\*" in text else text.replace("*", "\\*")

    (item,), (problem,) = fit(replace(ITEM, body="*" * 700), normal=escaped, max_body=1000)
    assert len(item.body) <= 1000 - 256
    assert item.body.startswith("\\*\\*")
    assert problem.field == "body"


@given(body=st.text(max_size=3000), room=st.integers(400, 2000), lists=st.booleans())
def test_what_fits_is_not_touched_again(body: str, room: int, *, lists: bool) -> None:
    able = {"max_body": room, "checklist": lists}
    once, _ = fit(replace(ITEM, body=body), **able)
    assert fit(*once, **able) == (once, ())


# ---------------------------------------------------------------------------------------- custom fields

FIELDS = (
    CustomField("f1", "Intern", most=8),
    CustomField("f2", "Hours", "number", places=1),
    CustomField("f3", "Begins", "date"),
    CustomField("f4", "Paid", "checkbox"),
    CustomField("f5", "Phase", "choice", options=("To do", "In review")),
    CustomField("f6", "Team", "other", tool_kind="people"),
    *told_apart([CustomField("f7", "Twice"), CustomField("f8", "Twice")]),
)


def filled(values: dict[str, str], **more: Any) -> tuple[dict[str, str], dict[str, str]]:
    able = Capabilities(fields="one_by_one")
    fitter = Fitter(able, str, ZoneInfo("America/Chicago"), **{"fields": FIELDS, **more})
    (item,) = fitter.fit([replace(ITEM, fields=values)])
    return dict(item.fields), {problem.field: problem.why for problem in fitter.problems}


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("Intern", " AB ", {"Intern": "AB"}),
        ("f1", "AB", {"Intern": "AB"}),
        ("intern", "", {"Intern": ""}),
        ("Hours", "1,200.25", {"Hours": "1200.2"}),
        ("Hours", "-0.0", {"Hours": "0"}),
        ("Begins", "2026-04-06", {"Begins": "2026-04-06"}),
        ("Begins", "2026-04-06 17:00", {"Begins": "2026-04-06"}),
        ("Paid", "True", {"Paid": "yes"}),
        ("Paid", "no", {"Paid": ""}),
        ("Phase", "in  Review", {"Phase": "In review"}),
        ("Twice (f8)", "x", {"Twice (f8)": "x"}),
        ("f7", "x", {"Twice (f7)": "x"}),
    ],
)
def test_a_value_takes_the_form_of_its_field(name: str, text: str, kept: dict[str, str]) -> None:
    assert filled({name: text}) == (kept, {})


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("Nowhere", "x", "the board has no custom field of this name (there are: Intern, Hours, "),
        ("Twice", "x", "the board has no custom field of this name"),
        ("Hours", "many", "takes a number, and “many” is none"),
        ("Begins", "Mon 6 Apr 2026", "takes a date, and “Mon 6 Apr 2026” is none; write {{ dates.start }}"),
        ("Paid", "perhaps", "neither yes nor no"),
        ("Phase", "Done", "has no option “Done” (there are: To do, In review); add it there"),
        ("Team", "Kim", "the field holds people, which is never written"),
    ],
)
def test_what_a_field_does_not_take_is_left_out_and_told(name: str, text: str, why: str) -> None:
    kept, told = filled({name: text, "Intern": "AB"})
    assert kept == {"Intern": "AB"}
    assert list(told) == [f"fields.{name}"]
    assert why in told[f"fields.{name}"]


def test_a_text_that_is_too_long_for_its_field_is_shortened_and_told() -> None:
    kept, told = filled({"Intern": "Ada Lovelace"})
    assert kept == {"Intern": "Ada Lov…"}
    assert "longer than the field Intern holds (8 characters) is shortened" in told["fields.Intern"]


def test_fields_that_could_not_be_read_are_told_with_the_reason() -> None:
    kept, told = filled({"Intern": "AB"}, fields=(), hidden_because="the Power-Up is off")
    assert (kept, told) == ({}, {"fields.Intern": "the Power-Up is off, so it is not filled."})


@given(
    st.sampled_from(FIELDS),
    st.text(max_size=12) | st.decimals(allow_nan=False, places=2).map(str) | st.dates().map(str),
)
def test_the_form_of_a_value_is_its_own_form(field: CustomField, text: str) -> None:
    try:
        once = value_of(field, text)
    except DoesNotFit:
        return
    assert value_of(field, once) == once


def test_a_board_without_fields_followers_and_comments_says_so() -> None:
    wish = replace(ITEM, fields={"Intern": "AB"}, followers=("kim@example.org",), comment="Hello")
    (item,), problems = fit(wish)
    assert (item.fields, item.followers, item.comment) == ({}, (), "")
    assert [problem.field for problem in problems] == ["followers", "comment", "fields"]
    (item,), _ = fit(wish, comments=True, max_body=300)
    assert item.comment == "Hello"
    (item,), _ = fit(replace(wish, comment="x" * 301), comments=True, max_body=300)
    assert len(item.comment) == 300
    assert item.comment.endswith("(shortened: the board holds no more)")
