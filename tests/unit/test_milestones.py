from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_sync.errors import ConfigError
from mi_sync.milestones import MAX_SERIES, Asked, Milestones, Programme, Step, load_steps, merge_steps
from mi_sync.model import Applicant, Application, ApplicationStatus, Engagement, Feedback, Posting, Privacy

CHICAGO = ZoneInfo("America/Chicago")
PUBLIC = frozenset({Privacy.PUBLIC})
GOOD_FRIDAY = date(2026, 4, 3)
MONDAY, FRIDAY = date(2026, 3, 2), date(2026, 3, 27)


def programme(**values: Any) -> Programme:
    return Programme("p-1", "Spring", CHICAGO, **{"holidays": frozenset({GOOD_FRIDAY}), **values})


def step(key: str = "s", **values: Any) -> Step:
    return Step.model_validate({"key": key, "title": "T", "due": "start", **values})


def engagement(
    application: dict[str, Any] | None = None,
    posting: dict[str, Any] | None = None,
    applicant: dict[str, Any] | None = None,
    feedback: tuple[Feedback, ...] = (),
) -> Engagement:
    dates = {"starts_on": MONDAY, "ends_on": FRIDAY}
    linked = {"key": "application-1", "posting": "posting-1", "applicant": "applicant-1", "status": "accepted"}
    return Engagement(
        Application.model_validate({**linked, **dates, **(application or {})}),
        Posting.model_validate({"key": "posting-1", "title": "Dashboard", **(posting or {})}),
        Applicant.model_validate({"key": "applicant-1", "label": "AB", **(applicant or {})}),
        feedback,
    )


def given_feedback(kind: str, by: str | None = None, key: str = "f") -> Feedback:
    it = {"key": key, "applicant": "applicant-1", "posting": "posting-1", "kind": kind, "by": by}
    return Feedback.model_validate(it)


def asked(it: Step, of: Engagement | None = None, allow: frozenset[Privacy] = PUBLIC, **values: Any) -> Asked:
    return Milestones([it], programme(**values), {"lead": " Kim@Example.org"}, allow).of_engagement(of or engagement())


def due_of(due: str, of: Engagement | None = None, **values: Any) -> date | None:
    (item,) = asked(step(due=due), of, **values).items
    return item.due_on


def refusal(*steps: Step, allow: frozenset[Privacy] = PUBLIC) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        Milestones(steps, programme(), {"lead": "kim@example.org"}, allow)
    return [str(problem) for problem in refused.value.problems]


# ------------------------------------------------------------------------------------------------ dates


@pytest.mark.parametrize(
    ("due", "day"),
    [
        ("start", date(2026, 3, 2)),
        ("start+3d", date(2026, 3, 5)),
        ("start - 1w", date(2026, 2, 23)),
        ("start-1b", date(2026, 2, 27)),
        ("end+5b", date(2026, 4, 6)),  # Good Friday is no business day
        ("end+1d", date(2026, 3, 28)),  # calendar days may fall on a weekend
        ("midpoint", date(2026, 3, 14)),
        ("midpoint+0b", date(2026, 3, 16)),
        ("midpoint-0b", date(2026, 3, 13)),
        ("midpoint+1b", date(2026, 3, 16)),
        ("accepted", date(2026, 2, 1)),
    ],
)
def test_a_due_date_is_counted_from_its_anchor(due: str, day: date) -> None:
    assert due_of(due, engagement({"accepted_on": date(2026, 2, 1)})) == day


_OUT = "{{ ''.__class__.__mro__ }}"


@pytest.mark.parametrize(
    ("field", "hostile"),
    [
        ("title", _OUT), ("body", _OUT), ("list", _OUT), ("labels", (_OUT,)), ("checklist", (_OUT,)), ("links", (_OUT,)),
        ("when", "''.__class__"), ("done_when", "''.__class__"), ("due", f"start+{_OUT}"), ("due", "__import__('os')"),
        ("start", _OUT), ("every", _OUT), ("until", _OUT),
    ],
)  # fmt: skip
def test_no_field_of_a_step_is_a_way_out_of_the_sandbox(field: str, hostile: Any) -> None:
    for per in ("engagement", "posting"):
        assert refusal(
            step("a", **{"due": "start", "every": "1w" if field == "until" else None, "per": per, field: hostile})
        )


def test_midpoint_rounds_down() -> None:
    assert due_of("midpoint", engagement({"ends_on": date(2026, 3, 5)})) == date(2026, 3, 3)


NO_DATES = {"starts_on": None, "ends_on": None}


def test_anchors_come_from_the_application_then_the_posting_then_the_programme_then_the_duration() -> None:
    posted = {"starts_on": date(2026, 5, 4), "ends_on": date(2026, 5, 29)}
    whole = {"starts_on": date(2026, 6, 1), "ends_on": date(2026, 6, 26), "default_duration": timedelta(weeks=2)}

    assert due_of("end", engagement(posting=posted), **whole) == FRIDAY
    assert due_of("end", engagement(NO_DATES, posted), **whole) == date(2026, 5, 29)
    assert due_of("end", engagement(NO_DATES), **whole) == date(2026, 6, 26)
    assert due_of("end", engagement(NO_DATES), **{**whole, "ends_on": None}) == date(2026, 6, 15)
    assert due_of("end", engagement({"ends_on": None}), default_duration=timedelta(days=14)) == date(2026, 3, 16)


@pytest.mark.parametrize(
    ("due", "fields"),
    [
        ("start", ["starts_on"]),
        ("end", ["ends_on"]),
        ("midpoint", ["starts_on", "ends_on"]),
        ("accepted", ["accepted_on"]),
    ],
)
def test_without_an_anchor_the_item_has_no_due_date_and_a_problem_says_what_to_give(
    due: str, fields: list[str]
) -> None:
    made = asked(step(due=due), engagement(NO_DATES))

    assert [item.due for item in made.items] == [None]
    assert made.settled
    assert [problem.field for problem in made.problems] == fields
    assert all("Give " in problem.why and "items have no date: s." in problem.why for problem in made.problems)


def test_an_end_before_its_start_is_a_problem_and_is_not_used() -> None:
    made = asked(step(due="end"), engagement({"ends_on": date(2026, 2, 2)}))

    assert [(p.field, "ends before it starts" in p.why) for p in made.problems] == [("ends_on", True)]
    assert [item.due for item in made.items] == [None]


@pytest.mark.parametrize("due", ["start+999w", "start+999b", "end+1d"])
def test_dates_beyond_the_calendar_are_a_problem(due: str) -> None:
    made = asked(step(due=due), engagement({"starts_on": date(9999, 12, 30), "ends_on": date.max}))

    assert not made.items
    assert not made.settled
    assert "beyond the calendar" in made.problems[0].why


def test_a_default_duration_beyond_the_calendar_gives_no_end() -> None:
    made = asked(
        step(due="end"), engagement({"starts_on": date.max, "ends_on": None}), default_duration=timedelta(days=1)
    )

    assert [problem.field for problem in made.problems] == ["ends_on"]


def test_due_is_the_programmes_local_time_on_both_sides_of_a_change_of_clocks() -> None:
    before, after = (asked(step(due=due), due_time=time(9, 30)).items[0].due for due in ("start", "start+2w"))

    assert before
    assert after
    assert (before.isoformat(), after.isoformat()) == ("2026-03-02T09:30:00-06:00", "2026-03-16T09:30:00-05:00")


@settings(deadline=None)
@given(
    start=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    count=st.integers(0, 60),
    sign=st.sampled_from("+-"),
    holidays=st.frozensets(st.dates(date(2000, 1, 1), date(2100, 1, 1)), max_size=5),
    near=st.frozensets(st.integers(-20, 20), max_size=8),
)
def test_business_days_are_never_a_weekend_or_holiday_and_exactly_so_many_lie_between(
    start: date, count: int, sign: str, holidays: frozenset[date], near: frozenset[int]
) -> None:
    holidays |= {start + timedelta(days=n) for n in near}
    made = asked(step(due=f"start{sign}{count}b"), engagement({"starts_on": start, "ends_on": None}), holidays=holidays)
    due = made.items[0].due

    assert isinstance(due, datetime)
    assert (due.tzinfo, due.time()) == (CHICAGO, time(17))
    low, high = sorted((start, due.date()))
    between = [low + timedelta(days=n) for n in range((high - low).days + 1)]
    business = [day for day in between if day.weekday() < 5 and day not in holidays]
    assert due.date() in business
    assert len([day for day in business if day != start]) == (count or due.date() != start)


# ----------------------------------------------------------------------------------------------- series


def test_without_a_due_time_items_are_due_on_days() -> None:
    (item,) = asked(step(due="start"), due_time=None).items
    assert item.due == date(2026, 3, 2)


def test_a_series_repeats_from_due_until_the_end() -> None:
    made = asked(step(due="start+1w", start="start", every="1w", title="Check-in {{ step.n }}"))

    assert [(i.n, i.title, i.due_on, i.start) for i in made.items] == [
        (1, "Check-in 1", date(2026, 3, 9), date(2026, 3, 2)),
        (2, "Check-in 2", date(2026, 3, 16), date(2026, 3, 9)),
        (3, "Check-in 3", date(2026, 3, 23), date(2026, 3, 16)),
    ]


def test_until_is_included_and_may_leave_nothing() -> None:
    assert len(asked(step(due="start+1w", every="1w", until="start+1w")).items) == 1
    assert asked(step(due="start+1w", every="1w", until="start")) == Asked()


def test_a_series_in_business_days_moves_an_occurrence_on_a_holiday_to_the_business_day_before() -> None:
    made = asked(step(due="start+4b", every="1w"), engagement({"ends_on": date(2026, 4, 10)}))

    dues = [item.due_on for item in made.items]
    assert dues == [date(2026, 3, 6), date(2026, 3, 13), date(2026, 3, 20), FRIDAY, date(2026, 4, 2), date(2026, 4, 10)]


def test_a_daily_series_in_business_days_has_no_two_on_one_day() -> None:
    daily = asked(step(due="start+0b", every="1d", until="start+13d"))
    business = asked(step(due="start+0b", every="1b", until="start+13d"))

    assert [i.due for i in daily.items] == [i.due for i in business.items]
    assert len(daily.items) == 10


def test_a_series_of_which_the_end_is_not_known_has_one_item_and_is_not_settled() -> None:
    made = asked(step(due="start+1w", every="1w"), engagement({"ends_on": None}))

    assert [item.n for item in made.items] == [1]
    assert not made.settled
    assert [p.field for p in made.problems] == ["ends_on"]


def test_a_series_without_end_is_a_problem_and_makes_nothing() -> None:
    endless = {"ends_on": MONDAY + timedelta(days=MAX_SERIES)}
    made = asked(step(due="start", every="1d"), engagement(endless))

    assert (made.items, made.settled) == ((), False)
    assert "more than 400 times" in made.problems[0].why
    assert len(asked(step(due="start+1d", every="1d"), engagement(endless)).items) == MAX_SERIES


@settings(deadline=None)
@given(st.integers(0, 120), st.integers(0, 120), st.sampled_from(["1w", "2w", "3d", "1b", "5b"]))
def test_the_items_of_a_series_stay_the_same_when_the_end_moves(one: int, other: int, every: str) -> None:
    it = step(due="start+3b", every=every)
    first, second = (asked(it, engagement({"ends_on": MONDAY + timedelta(days=n)})).items for n in sorted((one, other)))

    assert first == second[: len(first)]


# --------------------------------------------------------------------------------------------- statuses


@pytest.mark.parametrize("status", [*get_args(ApplicationStatus), None])
def test_only_an_engagement_has_items_and_only_an_ended_one_gives_them_up(status: str | None) -> None:
    made = asked(step(), engagement({"status": status}))

    engaged = status in {"accepted", "in_progress", "completed"}
    ended = status in {"declined", "rejected", "withdrawn"}
    assert len(made.items) == engaged
    assert made.settled == (engaged or ended)
    assert (made.problem_if_items is None) == (engaged or ended)


def test_a_posting_has_items_of_its_own_unless_it_is_a_draft() -> None:
    made = Milestones([step(), step("p", per="posting")], programme(), {}, PUBLIC)
    posting = engagement().posting

    assert [i.step for i in made.of_engagement(engagement()).items] == ["s"]
    assert [i.owner for i in made.of_posting(posting).items] == ["posting-1"]
    assert made.of_posting(posting.model_copy(update={"status": "draft"})) == Asked()
    assert Milestones([step()], programme(), {}, PUBLIC).of_posting(posting) == Asked()


# ------------------------------------------------------------------------------------------ the one item


def test_when_leaves_an_item_out() -> None:
    remote = step(when="posting.remote")

    assert asked(remote) == Asked()
    assert len(asked(remote, engagement(posting={"remote": True})).items) == 1


def test_done_when_counts_the_occasions_of_a_series() -> None:
    series = step(due="start+1w", every="1w", done_when="feedback.check_in")
    both_sides = (given_feedback("check_in", "intern"), given_feedback("check_in", "supervisor"))
    twice = (*both_sides, given_feedback("check_in", "intern", "g"))

    assert [i.done for i in asked(series).items] == [False, False, False]
    assert [i.done for i in asked(series, engagement(feedback=both_sides)).items] == [True, False, False]
    assert [i.done for i in asked(series, engagement(feedback=twice)).items] == [True, True, False]


def test_a_single_item_is_done_when_there_is_feedback_of_its_kind() -> None:
    it = step(done_when="feedback.final")

    assert [i.done for i in asked(it, engagement(feedback=(given_feedback("final"),))).items] == [True]
    assert [i.done for i in asked(it, engagement(feedback=(given_feedback("midpoint"),))).items] == [False]


def test_lines_are_tidy() -> None:
    made = asked(
        step(
            title="A\n  {{ posting.title }} " + "x" * 300,
            list="{{ posting.summary }}",
            labels=["a", "{{ posting.summary }}", "a", " b "],
            checklist=["{{ posting.deliverables|lines }}", "Last"],
            links=[
                "{{ posting.url }}",
                "javascript:alert(1)",
                "https://x.example/" + "y" * 300,
                "{{ posting.summary }}",
            ],
            body="One\n\n\n\n{{ posting.summary }}\n\nTwo",
        ),
        engagement(posting={"deliverables": ("Slides", "Re\nport", "Slides")}),
    )
    (item,) = made.items

    assert item.title.startswith("A Dashboard x")
    assert (len(item.title), item.title[-1]) == (250, "…")
    assert item.list == "To Do"
    assert item.labels == ("a", "b")
    assert item.checklist == ("Slides", "Re port", "Last")
    assert item.body == "One\n\nTwo\n\n**Links**\n\n- https://x.example/" + "y" * 300


@pytest.mark.parametrize(
    ("role", "records", "email"),
    [
        ("lead", {}, "kim@example.org"),
        ("coordinator", {}, None),
        ("supervisor", {}, None),
        ("supervisor", {"posting": {"supervisor_email": "p@x.example"}}, "p@x.example"),
        (
            "supervisor",
            {"posting": {"supervisor_email": "p@x.example"}, "application": {"supervisor_email": "a@x.example"}},
            "a@x.example",
        ),
        ("intern", {"applicant": {"email": "i@x.example"}}, "i@x.example"),
        (None, {}, None),
    ],
)
def test_a_role_is_whom_the_records_or_the_configuration_name(
    role: str | None, records: Any, email: str | None
) -> None:
    made = asked(step(assignee=role), engagement(**records))

    assert [item.assignee for item in made.items] == [email]
    assert not made.problems


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": "{{ posting.pay.min }}"}, "title"),
        ({"title": "{{ posting.summary }}"}, "title"),
        ({"checklist": ["ok", "{{ posting.skills[0] }}"]}, "checklist[1]"),
        ({"when": "posting.pay.min > 3"}, "when"),
    ],
)
def test_a_template_that_does_not_fit_a_record_leaves_its_item_and_keeps_what_is_there(values: Any, field: str) -> None:
    made = asked(step(**values))

    assert (made.items, made.settled) == ((), False)
    assert [(p.where, p.field) for p in made.problems] == [("Dashboard (AB)", f"milestones.steps[s].{field}")]


def test_a_condition_of_done_that_does_not_fit_is_a_problem_and_the_item_stays() -> None:
    made = asked(step(done_when="posting.pay.min > 3"))

    assert [i.done for i in made.items] == [False]
    assert made.settled
    assert [p.field for p in made.problems] == ["milestones.steps[s].done_when"]


def test_a_start_after_the_due_date_is_dropped_with_a_problem() -> None:
    made = asked(step(start="start+1d"))

    assert [i.start for i in made.items] == [None]
    assert "start after it is due" in made.problems[0].why


def test_keys_depend_on_programme_owner_step_and_number_alone() -> None:
    series = step(due="start", every="1w")
    keys = [i.key for i in asked(series).items]
    moved = asked(step(due="start+1d", every="1w", title="Other"), engagement(posting={"title": "Other"}))

    assert keys == [i.key for i in moved.items]
    assert len({*keys, asked(step()).items[0].key, asked(step("t")).items[0].key}) == len(keys) + 2


# -------------------------------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"due": "start+1x"}, "milestones.steps[s].due]: 'start+1x' is no date"),
        ({"start": "begin"}, "milestones.steps[s].start]: 'begin' is no date"),
        ({"every": "0w"}, "milestones.steps[s].every]: '0w' is no period"),
        ({"until": "end"}, "`every`"),
        ({"assignee": "led"}, "'led' is no role; add it to [roles]; did you mean 'lead'?"),
        ({"assignee": "intern", "per": "posting"}, "'intern' is no role"),
        ({"due": "accepted", "per": "posting"}, "`accepted` is a date of an engagement"),
        ({"title": "{{ applicant.label }}", "per": "posting"}, "there is no 'applicant' here"),
        ({"labels": ["a", "{{ posting.titel }}"]}, "milestones.steps[s].labels[1]]: line 1: posting has no 'titel'; did you mean 'title'?"),
        ({"body": "a\n{% if x %}"}, "milestones.steps[s].body]: line 2:"),
        ({"when": "applicant.email"}, "milestones.steps[s].when]: line 1: applicant.email is of the class contact"),
        ({"done_when": "feedback.mid"}, "feedback has no 'mid'"),
        ({"links": ["{{ applicant.resume_url }}"]}, "'contact' to [privacy] allow"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_step_is_told_with_its_key_path(values: Any, told: str) -> None:
    (problem,) = refusal(step(**values))

    assert told in problem


def test_all_mistakes_of_all_steps_are_told_at_once() -> None:
    found = refusal(step("a", due="x", title="{{ x }}"), step("b", when="1 +", assignee="nobody"))

    assert [line.split("]: ")[0].split(" [")[1] for line in found] == [
        "milestones.steps[a].title",
        "milestones.steps[a].due",
        "milestones.steps[b].when",
        "milestones.steps[b].assignee",
    ]


def test_an_own_step_extends_a_shipped_one_by_its_key() -> None:
    shipped = (step("a", title="A", labels=["x"]), step("b"), step("c"))
    own = (Step(key="d", title="D", due="end"), Step(key="a", due="end"))
    merged = merge_steps(shipped, own, ["b"])

    assert [s.key for s in merged] == ["a", "c", "d"]
    assert (merged[0].title, merged[0].due, merged[0].labels) == ("A", "end", ("x",))


def test_steps_that_do_not_fit_together_are_refused_all_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        merge_steps([step("kickoff")], [Step(key="x"), Step(key="x", title="X")], ["kickof"])

    assert [p.field for p in refused.value.problems] == [
        "milestones.steps[x].key",
        "milestones.omit",
        "milestones.steps[x].due",
    ]
    assert "did you mean 'kickoff'?" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[steps]", "is not valid TOML"),
        ('[[steps]]\nkey = "a"\ndeu = "end"', "steps.0.deu"),
        ("", "steps"),
        ('[[steps]]\nkey = "a/b"', "steps.0.key"),
    ],
)
def test_a_template_file_that_is_wrong_is_named_with_the_place(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=r"mine\.toml") as refused:
        load_steps(text, "mine.toml")

    assert told in str(refused.value)


# ------------------------------------------------------------------- custom fields, followers and comments


def test_an_item_has_the_fields_followers_and_comment_that_its_target_and_step_ask_for() -> None:
    told = step(followers=("supervisor", "intern", "lead"), comment="Hello {{ applicant.label }}\n\n\n\nBye")
    fields = {"Intern": "{{ applicant.label }}", "Hours": " {{ posting.hours.total }} ", "Until": "{{ dates.end }}"}
    it = Milestones([told], programme(), {"lead": "Kim@example.org"}, PUBLIC, fields)
    of = engagement(posting={"supervisor_email": "boss@example.org", "hours": {"total": 12.5}})
    (item,) = it.of_engagement(of).items
    assert item.fields == {"Intern": "AB", "Hours": "12.50", "Until": "2026-03-27"}
    assert item.followers == ("boss@example.org", "kim@example.org")  # nobody knows the intern's address
    assert item.comment == "Hello AB\n\nBye"


def test_a_field_that_only_makes_sense_for_engagements_stays_off_postings() -> None:
    steps = [step("card"), step("brief", per="posting")]
    fields = {"Intern": "{{ applicant.label }}", "Title": "{{ posting.title }}", "Applied": "{{ counts.applications }}"}
    it = Milestones(steps, programme(), {}, PUBLIC, fields)
    assert set(it.of_engagement(engagement()).items[0].fields) == {"Intern", "Title"}
    (brief,) = it.of_posting(Posting(key="p", title="Dashboard", status="open")).items
    assert set(brief.fields) == {"Title", "Applied"}


def test_a_field_that_makes_sense_for_no_step_is_refused() -> None:
    with pytest.raises(ConfigError) as refused:
        Milestones([step("brief", per="posting")], programme(), {}, PUBLIC, {"Intern": "{{ applicant.label }}"})
    (problem,) = refused.value.problems
    assert problem.field == "fields.Intern"
