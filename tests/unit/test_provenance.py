"""Where values come from: what is told of them is what stands in the files."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_sync import config, provenance, sync, templates
from mi_sync.events import Outside, Result, Run
from mi_sync.http import Wire
from mi_sync.milestones import Milestones, Programme, Step, counted
from mi_sync.model import Applicant, Application, Engagement, Kind, Link, Posting, Privacy, Traced
from mi_sync.provenance import NO_ROW, Came, Candidate, Named
from mi_sync.state import Store
from mi_sync.values import line

CONFIG = """\
[programme]
id = "spring-2026-7f3k9q"
timezone = "America/Chicago"

[[sources]]
name = "overlay"
connector = "files"
path = "engagements.csv"
mapping = "engagements"

[[sources]]
name = "jobs"
connector = "files"
path = "jobs*.csv"
mapping = "postings"
complete = true
dates = "dmy"

[[sources]]
name = "people"
namespace = "jobs"
connector = "files"
path = "people.csv"
mapping = "people"
values = { status = { "Matched" = "accepted" } }
"""
POSTINGS = """\
[posting]
id = "Ref"
title = "Project"
summary = { template = "{Why}: {What}" }
skills = { column = "Skills", split = "," }
starts_on = ["Start", "Begin"]
pay.min = { column = "Fee", decimal = "," }
"""
PEOPLE = """\
[applicant]
name = "Who"
email = "Mail"
channel = { default = "referral" }
[application]
posting.id = "Ref"
status = { column = "State", values = { "No" = "rejected" } }
starts_on = "Start"
"""
FILES = {
    "engagements.csv": "posting_id,email,starts_on\nP-1,ana@s.example,2026-03-09\n",
    "jobs.csv": 'Ref,Project,Why,What,Skills,Begin,Fee\nP-1,Donor dashboard,Because,this,"sql, excel",02/03/2026,"450,50"\n',
    "people.csv": "Who,Mail,Ref,State,Start\nAna Lopez,ana@s.example,P-1,Matched,2026-03-02\n",
    "mappings/postings.toml": POSTINGS,
    "mappings/people.toml": PEOPLE,
    "config.toml": CONFIG,
}


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "mappings").mkdir()
        for name, text in FILES.items():
            self.write(name, text)
        self.runs = 0
        self.store = Store.open(folder / "state.db", "spring-2026-7f3k9q")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, "utf-8", newline="")

    def load(self) -> config.Config:
        return config.load(self.folder / "config.toml")

    def pull(self) -> Result:
        self.runs += 1
        result = Result(f"run-{self.runs}")
        wire = Wire(now=lambda: datetime(2026, 3, 2, 12, tzinfo=UTC))
        for _ in sync.pull(Run(self.load(), self.store, Outside(wire=wire), result)):
            pass
        return result

    def traced(self, kind: Kind) -> Traced:
        (record,) = self.store.records(kind)
        found = self.store.traced(record.key)
        assert found is not None
        return found

    def came(self, kind: Kind) -> dict[str, Came]:
        sources = {spec.name: spec for spec in self.load().sources}
        found = provenance.came(self.traced(kind), sources)
        assert len({it.field for it in found}) == len(found)
        return {it.field: it for it in found}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with closing(made.store):
        yield made


def place(it: Came) -> tuple[str, int, str | None, int | None]:
    assert it.place is not None
    return it.place.file, it.place.line, it.column, it.mapping_line


def line_of(text: str, beginning: str) -> int:
    return next(n for n, row in enumerate(text.splitlines(), 1) if row.startswith(beginning))


# ------------------------------------------------------------------------------------ fields of a record


def test_a_value_is_traced_to_its_row_column_and_line_of_the_mapping(world: World) -> None:
    world.pull()
    came = world.came("posting")
    title = came["posting.title"]
    assert title.value == "Donor dashboard"
    assert place(title) == ("jobs.csv", 2, "Project", line_of(POSTINGS, "title"))
    assert title.mapping == "mappings/postings.toml"
    assert place(came["posting.starts_on"])[2] == "Begin"
    assert place(came["posting.summary"])[2] == "Why + What"
    assert place(came["posting.pay.min"])[2:] == ("Fee", line_of(POSTINGS, "pay.min"))
    assert came["posting.pay.min"].value == pytest.approx(450.5)


def test_a_part_of_pay_is_traced_to_the_column_that_says_it_or_to_the_configuration(world: World) -> None:
    line = 'pay.min = { column = "Fee", decimal = "," }'
    postings = POSTINGS.replace(line, 'pay.per = { default = "fixed" }\npay.column = "Fee"\npay.decimal = ","')
    world.write("mappings/postings.toml", postings)
    world.write("config.toml", CONFIG.replace('dates = "dmy"', 'dates = "dmy"\npay = { currency = "CAD" }'))
    world.pull()
    came = world.came("posting")
    told = {part: came[f"posting.pay.{part}"] for part in ("min", "max", "per", "currency")}
    fee = line_of(postings, "pay.column")
    assert [(it.value, it.column, it.mapping_line) for it in told.values()] == [
        (450.5, "Fee", fee),
        (450.5, "Fee", fee),
        ("fixed", None, line_of(postings, "pay.per")),
        ("CAD", None, None),
    ]
    assert [it.transform for it in told.values()] == [
        *[("read as pay, in several parts with a decimal comma",)] * 2,
        ("default of the mapping",),
        ("`pay` of the source in the configuration",),
    ]


def test_what_was_done_with_a_cell_is_told(world: World) -> None:
    world.pull()
    told = {name: it.transform for name, it in {**world.came("posting"), **world.came("application")}.items()}
    assert told["posting.summary"] == ("template '{Why}: {What}'", "read as text of several lines")
    assert told["posting.skills"] == ("split at ','", "read as text")
    assert told["posting.starts_on"] == ("read as a date (dmy)",)
    assert told["posting.pay.min"] == ("read as a number with a decimal comma",)
    assert told["application.status"] == (
        "values of the source in the configuration",
        "values of the mapping",
        "one of the canonical words",
    )
    assert told["application.source_status"] == ("the raw word of status",)


def test_what_no_cell_says_is_told_as_such(world: World) -> None:
    world.pull()
    came = {**world.came("applicant"), **world.came("posting")}
    assert came["applicant.channel"].transform == ("default of the mapping",)
    assert place(came["applicant.channel"]) == ("people.csv", 2, None, line_of(PEOPLE, "channel"))
    assert came["applicant.initials"].transform == ("made from the name in this column",)
    assert place(came["applicant.initials"])[2] == "Who"
    assert "given by mi-sync" in came["applicant.label"].transform[0]
    assert came["applicant.label"].value == "AL"
    assert came["posting.location"].transform == (NO_ROW,)
    assert came["posting.location"].place is None


def test_the_first_source_counts_and_the_others_are_overruled(world: World) -> None:
    world.pull()
    start = world.came("application")["application.starts_on"]
    assert start.value == date(2026, 3, 9)
    assert place(start)[:3] == ("engagements.csv", 2, "starts_on")
    assert [(it.file, it.line) for it in start.overruled] == [("people.csv", 2)]
    assert world.came("application")["application.status"].overruled == ()  # the overlay says no status


def test_a_row_that_cannot_be_read_now_is_told_as_such(world: World) -> None:
    world.pull()
    world.write("people.csv", FILES["people.csv"].replace("2026-03-02", "soon"))
    world.pull()
    status = world.came("application")["application.status"]
    assert status.value == "accepted"
    assert status.place is not None
    assert (status.place.run, status.place.unread) == ("run-1", True)
    title = world.came("posting")["posting.title"].place
    assert title is not None
    assert not title.unread


def test_a_reference_tells_how_it_was_found(world: World) -> None:
    world.pull()
    came = world.came("application")
    posting, applicant = came["application.posting"], came["application.applicant"]
    assert posting.value == world.traced("posting").record.key
    assert posting.transform == ("found by posting.id",)
    assert applicant.value == world.traced("applicant").record.key
    assert applicant.transform[0] in {"found by applicant.email", "the applicant of the same row"}


def test_the_run_is_the_first_that_read_the_value_and_the_content_that_of_the_file(world: World) -> None:
    world.pull()
    world.write("jobs.csv", FILES["jobs.csv"].replace("\nP-1", "\n\nP-1"))
    world.pull()
    title = world.came("posting")["posting.title"].place
    assert title is not None
    assert (title.line, title.run) == (3, "run-1")
    assert title.content == hashlib.blake2b((world.folder / "jobs.csv").read_bytes()).hexdigest()
    world.write("jobs.csv", FILES["jobs.csv"].replace("Donor dashboard", "Donor atlas"))
    world.pull()
    title = world.came("posting")["posting.title"].place
    assert title is not None
    assert title.run == "run-3"


def test_a_status_that_followed_from_a_row_that_has_gone_says_so(world: World) -> None:
    world.pull()
    world.write("jobs.csv", FILES["jobs.csv"].splitlines()[0] + "\nP-2,Other,,,,,\n")
    world.pull()
    gone = next(r for r in world.store.records("posting") if getattr(r, "title", "") == "Donor dashboard")
    traced = world.store.traced(gone.key)
    assert traced is not None
    status = {it.field: it for it in provenance.came(traced, {})}["posting.status"]
    assert status.value == "closed"
    assert "no longer has the row" in status.transform[0]
    assert [row.gone for row in provenance.rows(traced)] == [True]


def test_a_status_that_a_row_gave_before_it_went_tells_both(world: World) -> None:
    world.write("mappings/postings.toml", f'{POSTINGS}status = "State"\n')
    header = "Ref,Project,State\n"
    world.write("jobs.csv", f"{header}P-1,Donor dashboard,open\nP-2,Other,open\n")
    world.pull()
    world.write("jobs.csv", f"{header}P-2,Other,open\n")
    world.pull()
    sources = {spec.name: spec for spec in world.load().sources}
    told = {}
    for record in world.store.records("posting"):
        traced = world.store.traced(record.key)
        assert traced is not None
        told[getattr(record, "id", "")] = next(
            it.transform for it in provenance.came(traced, sources) if it.field == "posting.status"
        )
    assert told["P-2"] == ("one of the canonical words",)
    assert told["P-1"] == (
        "one of the canonical words",
        "then closed, because the complete export no longer has the row",
    )


def test_a_mapping_that_has_moved_on_is_not_blamed(world: World) -> None:
    world.pull()
    world.write("mappings/postings.toml", POSTINGS.replace("[posting]\n", "[posting]\n\n"))
    assert world.came("posting")["posting.title"].transform == ("the mapping has changed since; pull again",)
    world.pull()
    assert world.came("posting")["posting.title"].transform == ("read as text",)


def test_a_column_that_was_renamed_is_known_by_its_new_name(world: World) -> None:
    world.pull()
    world.write("jobs.csv", FILES["jobs.csv"].replace("Begin", "Start"))
    counts = world.pull().sources["jobs"]
    assert (counts.mapped, counts.unchanged) == (0, 1)
    start = world.came("posting")["posting.starts_on"]
    assert (start.column, start.place and start.place.run) == ("Start", "run-1")


def test_a_source_that_was_removed_is_named_as_such(world: World) -> None:
    world.pull()
    title = {it.field: it for it in provenance.came(world.traced("posting"), {})}["posting.title"]
    assert title.transform == ("its source is no longer in the configuration",)
    assert (title.mapping, title.place and title.place.source) == (None, "jobs")


TITLES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf"]), min_size=1, max_size=20)


@settings(max_examples=25)
@given(st.lists(st.tuples(TITLES.filter(line), st.integers(0, 2)), min_size=1, max_size=6))
def test_every_row_and_column_that_is_named_holds_the_value(rows: list[tuple[str, int]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Ref", "Project", "Why", "What"])
    for number, (title, breaks) in enumerate(rows):
        writer.writerow([f"R-{number}", title, "x\n" * breaks, "y"])
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        with closing(world.store):
            world.write("jobs.csv", out.getvalue())
            world.pull()
            physical = out.getvalue().split("\n")
            for record in world.store.records("posting"):
                traced = world.store.traced(record.key)
                assert traced is not None
                told = next(it for it in provenance.came(traced, {}) if it.field == "posting.title")
                assert told.place is not None
                text = "\n".join(physical[told.place.line - 1 :])
                row = next(csv.reader(io.StringIO(text, newline="")))
                assert line(row[["Ref", "Project"].index(str(told.column))]) == told.value


# -------------------------------------------------------------------------------------- fields of an item

ZONE = ZoneInfo("America/Chicago")
PROGRAMME = Programme("spring", "Spring", ZONE)
POSTING = Posting(key="p", title="Donor dashboard", starts_on=date(2026, 3, 2))
APPLICATION = Application(key="a", posting="p", applicant="s", status="accepted", ends_on=date(2026, 3, 20))
STEP = Step(
    key="check-in",
    title="Check-in {{ step.n }}: {{ posting.title }} ({{ applicant.label }})",
    body="{{ posting.pay.min }} until {{ dates.end|date }}{% if applicant['initials'] %}!{% endif %}",
    due="start+1w",
    every="1w",
    assignee="supervisor",
    done_when="feedback.check_in",
    links=("{{ posting.url }}",),
)


def named(step: Step = STEP, posting: Posting = POSTING) -> dict[str, Named]:
    return {it.field: it for it in provenance.named(step, PROGRAMME, posting, APPLICATION)}


def test_an_items_fields_tell_what_they_are_made_of() -> None:
    made = named()
    assert list(made) == ["title", "body", "due", "list", "assignee", "done"]
    assert made["title"].names == ("step.n", "posting.title", "applicant.label")
    assert set(made["body"].names) == {"posting.pay", "application.ends_on", "applicant.initials", "posting.url"}
    assert made["done"].names == ("feedback.check_in",)


def test_a_due_date_tells_its_anchor_and_a_series_its_end() -> None:
    due = named()["due"]
    assert due.says == ("start+1w", "every 1w until end")
    assert due.names == ("posting.starts_on", "application.ends_on")
    assert due.counted is not None
    assert (due.counted.anchor, due.counted.day) == ("start", date(2026, 3, 2))


@pytest.mark.parametrize(
    ("role", "posting", "names"),
    [
        ("intern", POSTING, ("applicant.email",)),
        ("supervisor", POSTING, ("roles.supervisor",)),
        ("supervisor", POSTING.model_copy(update={"supervisor_email": "b@x.example"}), ("posting.supervisor_email",)),
        ("coordinator", POSTING, ("roles.coordinator",)),
    ],
)
def test_an_assignee_is_a_role_whose_address_comes_from_somewhere(
    role: str, posting: Posting, names: tuple[str, ...]
) -> None:
    assert named(STEP.model_copy(update={"assignee": role}), posting)["assignee"].names == names


def test_followers_a_comment_and_custom_fields_tell_where_they_come_from() -> None:
    step = STEP.model_copy(update={"followers": ("intern", "coordinator"), "comment": "Hello {{ applicant.label }}"})
    fields = {"Hours": "{{ posting.hours.total }}"}
    made = {it.field: it for it in provenance.named(step, PROGRAMME, POSTING, APPLICATION, fields)}
    assert made["followers"].names == ("applicant.email", "roles.coordinator")
    assert made["comment"].names == ("applicant.label",)
    assert made["fields.Hours"].names == ("posting.hours",)
    assert list(made)[-1] == "fields.Hours"


DAYS = st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 1))


@given(DAYS, DAYS, DAYS, DAYS, DAYS, DAYS, DAYS, st.none() | st.just(timedelta(weeks=3)))
def test_the_day_that_is_told_is_the_day_that_an_item_is_due_and_its_fields_gave_it(
    a: date | None, b: date | None, c: date | None, d: date | None, e: date | None, f: date | None, g: date | None,
    duration: timedelta | None,
) -> None:  # fmt: skip
    programme = replace(PROGRAMME, starts_on=a, ends_on=b, default_duration=duration)
    posting = POSTING.model_copy(update={"starts_on": c, "ends_on": d})
    application = APPLICATION.model_copy(update={"starts_on": e, "ends_on": f, "accepted_on": g})
    records: dict[str, Any] = {"programme": programme, "posting": posting, "application": application}
    for anchor in ("start", "end", "midpoint", "accepted"):
        told = counted(f"{anchor}+0d", programme, posting, application)
        steps = [Step(key="s", title="S", due=anchor)]
        made = Milestones(steps, programme, {}, frozenset({Privacy.PUBLIC}))
        (item,) = made.of_engagement(Engagement(application, posting, Applicant(key="s"))).items
        assert item.due_on == told.day
        given_by = [getattr(records[root], name) for root, _, name in (path.partition(".") for path in told.fields)]
        if anchor != "accepted":
            assert all(given_by)
        if told.day is not None:
            assert told.day in given_by or anchor == "midpoint" or duration in given_by


def test_what_a_template_names_is_found_wherever_it_stands() -> None:
    source = (
        "{% for x in posting.skills %}{{ x|upper }}{% endfor %}{{ 'a' if application['status'] == 'b' }}{{ loop.x }}"
    )
    assert set(templates.paths(source)) == {"posting.skills", "application.status"}
    assert templates.paths("plain") == ()


def test_a_label_is_the_name_where_the_target_sees_names(world: World) -> None:
    world.pull()
    records = [world.traced("applicant")]
    public = provenance.answers(["applicant.label"], records, {}, {Privacy.PUBLIC})
    named = provenance.answers(["applicant.label"], records, {}, {Privacy.PUBLIC, Privacy.NAME})
    assert [it.field for it in (*public, *named)] == ["applicant.label", "applicant.name"]


def test_what_no_record_holds_comes_from_elsewhere(world: World) -> None:
    world.pull()
    names = ["programme.name", "step.n", "roles.coordinator", "feedback.final", "posting.pay"]
    found = provenance.answers(names, [world.traced("posting")], {}, ())
    assert [it.field for it in found] == [*names[:4], "posting.pay.min"]
    assert "[roles]" in found[2].transform[0]
    assert "no such feedback yet" in found[3].transform[0]


# --------------------------------------------------------------------------------------- which item is meant


def candidate(key: str, title: str, url: str) -> Candidate:
    return Candidate("board", key, Link(key, f"id-{key}", url, "n", "a", "kickoff", title, {}))


CANDIDATES = [
    candidate("k1", "Kickoff: Donor  dashboard", "https://board.example/c/Ab1"),
    candidate("k2", "k1", "https://board.example/c/Ab12"),
    candidate("k3", "Final", "https://board.example/c/Xy/"),
    candidate("k4", "final", ""),
]


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("k1", ["k1"]),  # a key comes before a title
        (" kickoff: donor dashboard ", ["k1"]),
        ("https://board.example/c/Ab1", ["k1"]),
        ("https://board.example/c/Ab12/7-final", ["k2"]),
        ("https://board.example/c/Xy", ["k3"]),
        ("id-k2", ["k2"]),
        ("Final", ["k3", "k4"]),
        ("https://board.example/c/A", []),
        ("", []),
    ],
)
def test_an_item_is_meant_by_its_key_its_address_or_its_title(typed: str, keys: list[str]) -> None:
    assert [it.key for it in provenance.pick(typed, CANDIDATES)] == keys
