"""Sources into records: what follows from rows that come, change, go and come back."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import left_out
from mi_sync.errors import ConfigError, ExitCode, Problem, SourceError
from mi_sync.events import MOST_ALIKE, Result
from mi_sync.model import Feedback, Kind, Posting
from mi_sync.state import Location
from mi_sync_files.file import ExportFile
from world import CONFIG, JOBS, OVERLAY, PEOPLE, World


@pytest.fixture
def world(tmp_path: Path, place: Location) -> Any:
    made = World(tmp_path, place=place)
    yield made
    made.store.close()


def test_an_unchanged_file_is_not_mapped_again(world: World) -> None:
    world.pull()
    counts = world.pull().sources["people"]
    assert (counts.mapped, counts.unchanged) == (0, 2)


def test_what_amounts_mean_may_change_while_the_file_stays(world: World) -> None:
    world.write("jobs.csv", "id,title,pay\nP-1,Donor dashboard,$450\n")
    found = []
    for meant in ('currency = "USD"', 'currency = "CAD", per = "fixed"'):
        world.write("config.toml", CONFIG.replace('path = "jobs*.csv"', f'path = "jobs*.csv"\npay = {{ {meant} }}'))
        world.pull()
        (posting,) = [r for r in world.store.records("posting") if isinstance(r, Posting)]
        found.append(posting.pay and (posting.pay.min, posting.pay.currency, posting.pay.per))
    assert found == [(450, "USD", None), (450, "CAD", "fixed")]


def test_new_bytes_with_the_same_rows_are_unchanged_rows(world: World) -> None:
    world.pull()
    header, *rows = PEOPLE.splitlines()
    world.write("people.csv", "\r\n".join([header, *reversed(rows)]) + "\r\n")
    counts = world.pull().sources["people"]
    assert (counts.mapped, counts.unchanged) == (0, 2)


def test_a_value_that_goes_and_comes_back_is_seen_each_time(world: World) -> None:
    for status in ("accepted", "withdrawn", "accepted"):
        world.write("people.csv", PEOPLE.replace("accepted", status))
        world.pull()
        assert world.status_of("S-1") == status


def test_a_posting_that_went_is_closed_and_its_engagement_is_kept(world: World) -> None:
    world.pull()
    world.write("jobs.csv", JOBS.replace("P-1,Donor dashboard,2026-03-02\n", ""))
    world.pull()
    assert world.statuses() == {"P-1": "closed", "P-2": None}
    assert world.status_of("S-1") == "accepted"
    world.write("jobs.csv", JOBS)
    world.pull()
    assert world.statuses() == {"P-1": None, "P-2": None}


def test_an_application_that_went_is_withdrawn_unless_it_was_accepted(world: World) -> None:
    world.pull()
    world.write("people.csv", PEOPLE.splitlines()[0] + "\nS-3,Cy Oz,cy@s.example,P-2,applied\n")
    result = world.pull()
    assert (world.status_of("S-1"), world.status_of("S-2")) == ("accepted", "withdrawn")
    assert any("no longer in the complete export" in problem.why for problem in result.problems)


def test_nothing_goes_while_a_row_cannot_be_read(world: World) -> None:
    world.pull()
    rows = "S-2,Bo Li,bo@s.example,P-1,promoted\n,Nobody,,,\n"  # the second has no key at all
    world.write("people.csv", PEOPLE.splitlines()[0] + "\n" + rows)
    world.pull()
    assert (world.status_of("S-1"), world.status_of("S-2")) == ("accepted", "applied")


def test_an_emptied_source_is_refused_and_keeps_everything(world: World) -> None:
    world.pull()
    world.write("people.csv", PEOPLE.splitlines()[0] + "\n")
    result = world.pull()
    assert not result.may_archive
    assert result.exit_code is ExitCode.REFUSED
    assert world.status_of("S-2") == "applied"


def test_a_failing_source_leaves_no_trace_and_the_others_go_on(world: World) -> None:
    world.pull()
    world.write("people.csv", PEOPLE.replace("Bo Li", "Bo Lee") + '"an open quote\n')
    world.write("jobs.csv", JOBS.replace("Donor atlas", "Donor maps"))
    result = world.pull()
    assert result.exit_code is ExitCode.PARTIAL
    assert not result.sources["people"].complete
    names = {getattr(r, "name", None) for r in world.store.records("applicant")}
    assert names == {"Ana Lopez", "Bo Li"}
    assert {getattr(r, "title", None) for r in world.store.records("posting")} == {"Donor dashboard", "Donor maps"}


def test_a_file_that_went_takes_its_quarantine_along(world: World) -> None:
    world.write("jobs-2.csv", "id,title,openings\nP-3,Third,many\n")
    assert world.pull().sources["jobs"].quarantined == 1
    (world.folder / "jobs-2.csv").unlink()
    assert world.pull().sources["jobs"].quarantined == 0
    assert list(world.store.quarantine()) == []


def test_a_file_that_comes_back_brings_its_postings_back(world: World) -> None:
    world.write("jobs-2.csv", "id,title\nP-3,Third\n")
    world.pull()
    (world.folder / "jobs-2.csv").unlink()
    world.pull()
    assert world.statuses()["P-3"] == "closed"
    world.write("jobs-2.csv", "id,title\nP-3,Third\n")
    world.pull()
    assert world.statuses()["P-3"] is None


def test_the_overlay_comes_first_and_completes(world: World) -> None:
    world.write("engagements.csv", OVERLAY + "P-1,bo@s.example,accepted,2026-03-16,,boss@firm.example\n")
    world.pull()
    (application,) = [a for a in world.applications() if a.supervisor_email]
    assert (application.status, str(application.starts_on)) == ("accepted", "2026-03-16")
    assert len(world.applications()) == 2


def test_a_row_that_refers_to_nothing_waits_and_a_corrected_one_leaves_no_shadow(world: World) -> None:
    world.write("people.csv", PEOPLE.replace("bo@s.example,P-1", "bo@s.example,P-9"))
    result = world.pull()
    assert result.sources["people"].quarantined == 1
    assert world.pull().sources["people"].quarantined == 1
    world.write("jobs-2.csv", "id,title\nP-9,Ninth\n")
    assert world.pull().sources["people"].quarantined == 0
    assert len(world.applications()) == 2
    world.write("people.csv", PEOPLE.replace("bo@s.example,P-1", "bo@s.example,P-8"))
    world.pull()
    world.write("people.csv", PEOPLE)
    assert world.pull().sources["people"].quarantined == 0
    assert list(world.store.quarantine()) == []


def test_two_postings_of_one_title_leave_an_application_out_that_names_the_title(world: World) -> None:
    world.write("jobs.csv", JOBS.replace("Donor atlas", "Donor dashboard"))
    world.write(
        "people.csv", "id,name,email,posting_title,status\nS-1,Ana Lopez,ana@s.example,Donor dashboard,accepted\n"
    )
    (problem,) = world.pull().problems
    assert (problem.where, problem.field) == ("people.csv:2", "posting_title")
    assert "say which by posting_id (there are: P-1, P-2)" in problem.why
    world.write("people.csv", PEOPLE)
    assert not [p for p in world.pull().problems if "gone" not in p.why and "new in" not in p.why]
    assert world.pull().problems == []


def test_a_repeated_row_is_skipped_and_named(world: World) -> None:
    world.write("people.csv", PEOPLE + PEOPLE.splitlines()[1] + "\n")
    result = world.pull()
    assert result.sources["people"].skipped == 1
    assert [str(p) for p in result.problems] == ["people.csv:4: the row repeats people.csv:2 and is skipped."]


def test_two_rows_that_contradict_each_other_do_not_take_turns(world: World) -> None:
    header, *rows = [*PEOPLE.splitlines(), "S-2,Bo Li,bo@s.example,P-1,accepted"]
    found = set()
    for order in (rows, rows[::-1], rows):
        world.write("people.csv", "\n".join([header, *order]) + "\n")
        result = world.pull()
        assert result.sources["people"].skipped == 1
        (problem,) = result.problems
        assert "says otherwise (source_status, status)" in problem.why
        assert f"{problem.where} counts" not in problem.why
        found.add(world.status_of("S-2"))
    assert len(found) == 1


def test_the_row_that_says_more_speaks_over_two_files_too(world: World) -> None:
    full, poor = "id,title,location\nP-1,Full,Berlin\n", "id,title,location\nP-1,Poor,\n"
    for here, there in ((full, poor), (poor, full), (full, poor)):
        world.write("jobs.csv", here)
        world.write("jobs-2.csv", there)
        counts = world.pull().sources["jobs"]
        assert (counts.rows, counts.skipped) == (2, 1)
        assert {getattr(r, "title", None) for r in world.store.records("posting")} == {"Full"}
    world.write("jobs.csv", poor)  # the other file is unchanged, and speaks again
    assert world.pull().sources["jobs"].skipped == 1
    assert {getattr(r, "title", None) for r in world.store.records("posting")} == {"Poor"}


def test_every_field_knows_its_row_column_and_mapping_line(world: World) -> None:
    world.pull()
    (contribution,) = world.store.contributions_of("jobs", "posting", "id:P-1")
    column, line = contribution.origins["title"]
    assert (contribution.file, contribution.line, column) == ("jobs.csv", 2, "title")
    assert line > 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["S-1", "S-2", "S-3", ""]),
            st.sampled_from(["a@s.example", "b@s.example", "c@s.example", "no address", ""]),
            st.sampled_from(["P-1", "P-2", "P-9", ""]),
            st.sampled_from(["accepted", "applied", "promoted", ""]),
        ),
        max_size=8,
    ),
    st.integers(0, 3),
)
def test_rows_are_accounted_for_whatever_they_hold(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], again: int
) -> None:
    world = World(tmp_path_factory.mktemp("world"))
    try:
        lines = [f"{id_},Somebody,{email},{posting},{status}" for id_, email, posting, status in rows]
        world.write("people.csv", "\n".join([PEOPLE.splitlines()[0], *lines]) + "\n")
        world.pull()  # which asserts that the parts add up to the rows
        for _ in range(again):
            result = world.pull()
            assert result.newly_left_out == 0
            assert result.sources["people"].mapped == 0
    finally:
        world.store.close()


def test_problems_are_kept_up_to_a_bound_and_counted_beyond() -> None:
    result = Result("run")
    problems = [Problem(f"people.csv:{line}", "email", "is none") for line in range(2000)]
    result.note(*problems)
    result.note(*problems[:10])
    assert (len(result.problems), result.problems_beyond) == (MOST_ALIKE, 2000 - MOST_ALIKE)
    for file in "abcdef":
        result.note(*(Problem(f"{file}.csv:{line}", "email", "is none") for line in range(MOST_ALIKE)))
    assert (len(result.problems), result.problems_beyond) == (1000, 2000 + 6 * MOST_ALIKE - 1000)


def test_thousands_of_problems_about_one_thing_hide_no_other_and_no_failure() -> None:
    result = Result("run")
    result.note(*(Problem(f"feed.xml:{line}", "", "it repeats another row") for line in range(5000)))
    others = [Problem("people.csv:2", "email", "is none"), Problem("feed.xml", "", "text follows the feed")]
    result.note(*others)
    result.note(*(Problem(f"{file}.csv:2", "", "is odd") for file in range(1000)))
    result.fail_source("late", SourceError("there is no such file.", where="late.csv"))
    assert {*others, result.problems[-1]} <= set(result.problems)
    assert str(result.problems[-1]) == "late.csv: there is no such file."


# ---------------------------------------------------------------------------------- rows that are no records


def test_rows_that_are_no_records_are_counted_and_told_and_cost_no_exit_code(world: World) -> None:
    world.write("jobs.csv", JOBS + "Total,2,\nGrand total,2,\nEnd of report\n")
    result = world.pull()
    counts = result.sources["jobs"]
    assert (counts.rows, counts.mapped, counts.skipped, counts.quarantined) == (5, 2, 3, 0)
    assert [str(problem) for problem in result.problems] == [
        "jobs.csv:4: this row and 1 more are skipped: it is a total below the records.",
        "jobs.csv:6: the row is skipped: it is a note below the records.",
    ]
    assert result.exit_code is ExitCode.OK
    counts = world.pull().sources["jobs"]
    assert (counts.rows, counts.unchanged, counts.skipped) == (5, 2, 3)


def test_a_total_says_nothing_of_the_dates_above_it(world: World) -> None:
    world.write("jobs.csv", "id,title,starts_on\nP-1,Data,03/04/2026\nP-2,Text,25/04/2026\nTotal,2,\n")
    counts = world.pull().sources["jobs"]
    assert (counts.mapped, counts.skipped) == (2, 1)


def test_a_row_that_may_be_no_record_is_left_out_until_somebody_looked(world: World) -> None:
    world.write("jobs.csv", JOBS + "See our careers page\n")
    assert (world.pull().exit_code, world.pull().exit_code) == (ExitCode.PARTIAL, ExitCode.OK)
    assert set(world.statuses()) == {"P-1", "P-2"}


def test_an_export_with_nothing_but_a_total_is_empty_and_closes_nothing(world: World) -> None:
    world.pull()
    world.write("jobs.csv", "id,title,starts_on\nTotal,0,\n")
    result = world.pull()
    assert "it had rows before and has none now" in str(result.problems[-1])
    assert world.statuses() == {"P-1": None, "P-2": None}


def test_which_encoding_was_guessed_is_told_and_costs_no_exit_code(world: World) -> None:
    (world.folder / "jobs.csv").write_bytes(JOBS.replace("atlas", "Zürich").encode("cp1252"))
    result = world.pull()
    assert [problem.where for problem in result.problems] == ["jobs.csv:3"]
    assert "Windows-1252" in result.problems[0].why
    assert (result.exit_code, world.pull().exit_code) == (ExitCode.OK, ExitCode.OK)


def test_the_second_of_two_equal_columns_can_be_mapped(world: World) -> None:
    (world.folder / "mappings").mkdir()
    (world.folder / "mappings" / "form.toml").write_text(
        '[applicant]\nname = "Name"\nemail = "Email Address#2"\n', "utf-8"
    )
    path = world.folder / "config.toml"
    path.write_text(path.read_text("utf-8").replace('"generic_applicants"\ncomplete = true', '"form"'), "utf-8")
    world.write("people.csv", "Timestamp,Email Address,Name,Email Address\n1,relay@s.example,Ana Lopez,ana@s.example\n")
    assert world.pull().sources["people"].mapped == 1
    (it,) = world.store.records("applicant")
    assert getattr(it, "email", None) == "ana@s.example"


# ------------------------------------------------------------------------- several files of one source


def test_a_row_that_was_a_repetition_speaks_when_the_first_one_has_gone(world: World) -> None:
    world.write("jobs-2.csv", "id,title\nP-1,From the second file\n")
    assert world.pull().sources["jobs"].skipped == 1
    world.write("jobs.csv", JOBS.replace("P-1,Donor dashboard,2026-03-02\n", ""))
    world.pull()
    assert world.statuses()["P-1"] is None
    titles = {getattr(r, "id", None): getattr(r, "title", None) for r in world.store.records("posting")}
    assert titles["P-1"] == "From the second file"


def test_what_went_while_a_key_could_not_be_read_is_gone_once_all_can(world: World) -> None:
    world.write("jobs-2.csv", "id,title\nP-3,Third\n")
    world.pull()
    world.write("jobs-2.csv", "id,title,openings\nP-3,Third,\n,,5\n")
    world.write("jobs.csv", JOBS.replace("P-2,Donor atlas,2026-03-09\n", ""))
    world.pull()
    assert world.statuses()["P-2"] is None
    world.write("jobs-2.csv", "id,title\nP-3,Third\n")
    world.pull()
    assert world.statuses()["P-2"] == "closed"


def test_a_bad_row_whose_key_can_be_read_keeps_nothing_from_being_gone(world: World) -> None:
    world.write("jobs-2.csv", "id,title,openings\nP-3,Third,many\n")
    world.pull()
    world.write("jobs.csv", JOBS.replace("P-2,Donor atlas,2026-03-09\n", ""))
    world.pull()
    assert world.statuses()["P-2"] == "closed"


def test_a_new_order_of_sources_counts_at_once(world: World) -> None:
    other = CONFIG.replace('path = "jobs*.csv"', 'path = "jobs.csv"')
    extra = """
[[sources]]
name = "forms"
namespace = "jobs"
connector = "files"
path = "forms.csv"
mapping = "generic_postings"
"""
    world.write("forms.csv", "id,title\nP-1,From the form\n")
    world.write("config.toml", other + extra)
    result = world.pull()
    assert ("forms.csv:2", "title") in {(p.where, p.field) for p in result.problems}  # a disagreement is a note
    jobs = other.index('[[sources]]\nname = "jobs"')
    world.write("config.toml", other[:jobs] + extra + other[jobs:])
    world.pull()
    titles = {getattr(r, "id", None): getattr(r, "title", None) for r in world.store.records("posting")}
    assert titles["P-1"] == "From the form"


# -------------------------------------------------------------------------------------- rows in trouble


def test_a_row_in_trouble_twice_is_counted_once(world: World) -> None:
    world.write("people.csv", PEOPLE.replace("bo@s.example,P-1", "bo@s.example,P-9"))
    world.pull()
    world.write("people.csv", PEOPLE.replace("bo@s.example,P-1,applied", "bo@s.example,P-9,promoted"))
    counts = world.pull().sources["people"]
    assert (counts.rows, counts.quarantined) == (2, 1)
    assert world.pull().sources["people"].quarantined == 1


def test_a_bad_row_never_hides_the_good_one_after_it(world: World) -> None:
    header = "id,title,openings\n"
    world.write("jobs.csv", header + "P-1,Bad,many\nP-1,Good,1\n")
    world.pull()
    world.write("jobs.csv", header + "P-1,Bad,many\nP-1,Better,1\n")
    result = world.pull()
    assert result.sources["jobs"].skipped == 0
    assert {getattr(r, "title", None) for r in world.store.records("posting")} == {"Better"}


def test_a_repeated_applicant_without_an_application_is_named(world: World) -> None:
    world.write("people.csv", "id,name,email\nS-1,Ana Lopez,ana@s.example\nS-1,Bo Li,bo@s.example\n")
    result = world.pull()
    assert result.sources["people"].skipped == 1
    (problem,) = result.problems
    assert {problem.where, problem.why.split(" as ")[1].split(" and ")[0]} == {"people.csv:2", "people.csv:3"}
    assert "(email, family_name, given_name, initials, name)" in problem.why


def test_an_accepted_row_that_went_is_reported_by_every_run(world: World) -> None:
    world.pull()
    world.write("people.csv", PEOPLE.splitlines()[0] + "\nS-2,Bo Li,bo@s.example,P-1,applied\n")
    for _ in range(2):
        assert any("no longer in the complete export" in problem.why for problem in world.pull().problems)


def test_a_file_without_its_header_shows_nobody(world: World) -> None:
    world.write("people.csv", "S-1,Ana Lopez,ana@s.example,accepted\n")
    told = " ".join(str(problem) for problem in world.pull().problems)
    assert "people.csv" in told
    assert "Ana" not in told
    assert "ana@" not in told


def test_a_person_whom_only_the_overlay_knows_is_told_once(world: World) -> None:
    world.write("engagements.csv", OVERLAY + "P-1,typo@s.example,accepted,,,\n")
    problems = world.pull().problems
    assert [(p.where, p.field) for p in problems if "new one was made" in p.why] == [("engagements.csv:2", "email")]
    assert not any("typo@" in str(p) for p in problems)
    assert world.pull().problems == []


def test_of_very_many_bad_rows_the_first_are_listed_and_all_are_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_out, "MOST_LEFT_OUT", 3)
    header, rows = "id,title,openings", [f"P-{n},Title,many-{n}" for n in range(9)]
    for order, new in ((rows, True), (rows, False), (rows[::-1], False), ([*rows, "P-9,Title,other"], True)):
        world.write("jobs.csv", "\n".join([header, *order]) + "\n")
        result = world.pull()
        assert (result.sources["jobs"].quarantined, bool(result.newly_left_out)) == (len(order), new)
        listed = [q for q in world.store.quarantine() if q.source == "jobs"]
        assert [q.line for q in listed] == [2, 3, 4, 5]
        assert listed[-1].why.endswith(f"{len(order) - 4} more rows are left out and not listed; mend these first.")
    assert world.pull().sources["jobs"].quarantined == 10


# -- a mapping that is recognised ------------------------------------------------------------------------


def leave_mappings_out(world: World) -> None:
    text = "\n".join(line for line in CONFIG.splitlines() if not line.startswith("mapping"))
    (world.folder / "config.toml").write_text(text, "utf-8")


def test_files_are_recognised_where_no_mapping_is_named(world: World) -> None:
    named = world.pull()
    rows = {name: counts.rows for name, counts in named.sources.items()}
    kinds: tuple[Kind, ...] = ("posting", "applicant", "application")
    records = {kind: list(world.store.records(kind)) for kind in kinds}
    leave_mappings_out(world)
    found = world.pull()
    assert {name: counts.rows for name, counts in found.sources.items()} == rows
    assert {kind: list(world.store.records(kind)) for kind in kinds} == records
    assert world.pull().sources["people"].unchanged == 2


def test_an_overlay_that_is_recognised_is_one(world: World) -> None:
    leave_mappings_out(world)
    world.write("engagements.csv", f"{OVERLAY}P-1,bo@s.example,accepted,2026-03-02,,\n")
    world.pull()
    (bo,) = [a.key for a in world.applications() if a.status == "accepted" and a.starts_on == date(2026, 3, 2)]
    assert {it.source: it.overlay for it in world.store.contributions(bo)} == {"overlay": True, "people": False}


def test_a_file_that_is_not_recognised_fails_its_source_alone(world: World) -> None:
    leave_mappings_out(world)
    world.write("people.csv", "who,what\nAna,P-1\n")
    result = world.pull()
    assert {name: counts.records for name, counts in result.sources.items()} == {"overlay": 0, "jobs": 2, "people": 0}
    assert any("not recognised" in problem.why for problem in result.problems)


def test_a_new_mapping_reads_an_unchanged_file_again(world: World) -> None:
    leave_mappings_out(world)
    world.pull()
    (world.folder / "mappings").mkdir()
    text = 'looks_like = ["starts_on"]\n[posting]\nid = "id"\ntitle = "title"\nends_on = "starts_on"\n'
    (world.folder / "mappings" / "ours.toml").write_text(text, "utf-8")
    world.pull()
    postings = [r for r in world.store.records("posting") if isinstance(r, Posting)]
    assert {p.ends_on for p in postings} == {date(2026, 3, 2), date(2026, 3, 9)}


# -- dates that a column decides -------------------------------------------------------------------------


def starts(world: World) -> dict[str, str]:
    postings = [r for r in world.store.records("posting") if isinstance(r, Posting)]
    return {str(posting.id): str(posting.starts_on) for posting in postings}


@pytest.mark.parametrize(
    ("other", "first"), [("13/04/2026", "2026-03-02"), ("04/13/2026", "2026-02-03"), ("2026-04-13", None)]
)
def test_a_date_that_could_be_either_is_read_as_its_column_is(world: World, other: str, first: str | None) -> None:
    world.write("jobs.csv", f"id,title,starts_on\nP-1,Dashboard,02/03/2026\nP-2,Atlas,{other}\n")
    counts = world.pull().sources["jobs"]
    assert counts.quarantined == (first is None)
    assert starts(world) == ({"P-1": first} if first else {}) | {"P-2": "2026-04-13"}


def test_a_column_that_contradicts_itself_decides_nothing(world: World) -> None:
    world.write("jobs.csv", "id,title,starts_on\nP-1,A,02/03/2026\nP-2,B,13/04/2026\nP-3,C,04/13/2026\n")
    assert world.pull().sources["jobs"].quarantined == 1


def test_each_column_decides_for_itself(world: World) -> None:
    world.write("jobs.csv", "id,title,starts_on,ends_on\nP-1,A,02/03/2026,02/03/2026\nP-2,B,13/04/2026,2026-05-01\n")
    assert [problem.field for problem in world.pull().problems if problem.where == "jobs.csv:2"] == ["ends_on"]


def test_a_configured_order_beats_the_column(world: World) -> None:
    text = CONFIG.replace('path = "jobs*.csv"', 'path = "jobs*.csv"\ndates = "mdy"')
    (world.folder / "config.toml").write_text(text, "utf-8")
    world.write("jobs.csv", "id,title,starts_on\nP-1,A,02/03/2026\nP-2,B,13/04/2026\n")
    assert world.pull().sources["jobs"].quarantined == 1
    assert starts(world) == {"P-1": "2026-02-03"}


def test_a_file_is_looked_through_again_only_for_dates_that_leave_it_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    open_ = ExportFile.open

    def counted(file: ExportFile) -> Any:
        opened.append(file.name)
        return open_(file)

    monkeypatch.setattr(ExportFile, "open", counted)
    world.pull()
    assert opened.count("jobs.csv") == 1
    world.write("jobs.csv", "id,title,starts_on\nP-1,A,02/03/2026\nP-2,B,03/04/2026\nP-3,C,13/04/2026\n")
    world.pull()
    assert opened.count("jobs.csv") == 3
    world.pull()
    assert opened.count("jobs.csv") == 3


# -- forms, starters, and rows that are several ------------------------------------------------------------

FORM = """
[[sources]]
name = "form"
connector = "files"
path = "form.csv"
constants = { kind = "check_in", by = "intern" }
scale = [1, 5]
"""
QUALTRICS = "StartDate,EndDate,Status,Finished,RecordedDate,ResponseId,RecipientEmail,project,rating\n"
ANSWERS = (
    f"{QUALTRICS}2026-03-09,2026-03-09,IP Address,True,2026-03-09,R_1,ana@s.example,Donor dashboard,4\n"
    "2026-03-09,2026-03-09,Survey Preview,True,2026-03-09,R_2,ana@s.example,Donor dashboard,1\n"
    "2026-03-09,2026-03-09,Survey Preview,True,2026-03-09,R_3,ana@s.example,Donor dashboard,1\n"
    "2026-03-09,2026-03-09,IP Address,True,2026-03-09,R_4,boss@s.example,Donor dashboard,4\n"
)


def configured(world: World, more: str) -> None:
    (world.folder / "config.toml").write_text(CONFIG + more, "utf-8")


def test_feedback_of_a_form_finds_its_application_or_is_left_out(world: World) -> None:
    configured(world, FORM)
    world.write("form.csv", ANSWERS)
    result = world.pull()
    (found,) = world.store.records("feedback")
    assert isinstance(found, Feedback)
    assert (found.kind, found.by, found.rating) == ("check_in", "intern", 0.75)
    counts = result.sources["form"]
    assert (counts.rows, counts.mapped, counts.quarantined, counts.skipped) == (4, 1, 1, 2)
    told = {problem.where: problem.why for problem in result.problems}
    assert told["form.csv:3"] == "this row and 1 more are skipped: column 'Status' says 'Survey Preview'."
    assert "give the intern's address" in told["form.csv:5"]
    assert len(list(world.store.records("applicant"))) == 2  # the mistyped address made nobody


def test_rows_that_are_skipped_are_counted_alike_when_nothing_has_changed(world: World) -> None:
    configured(world, FORM)
    world.write("form.csv", ANSWERS)
    world.pull()
    counts = world.pull().sources["form"]
    assert (counts.rows, counts.unchanged, counts.quarantined, counts.skipped) == (4, 1, 1, 2)


@pytest.mark.parametrize(
    ("before", "after", "found"), [("check_in", "final", ("final", 0.75)), ("[1, 5]", "[0, 10]", ("check_in", 0.4))]
)
def test_another_constant_or_scale_reads_the_file_again(
    world: World, before: str, after: str, found: tuple[str, float]
) -> None:
    configured(world, FORM)
    world.write("form.csv", ANSWERS)
    world.pull()
    configured(world, FORM.replace(before, after))
    world.pull()
    records = [it for it in world.store.records("feedback") if isinstance(it, Feedback)]
    assert [(it.kind, it.rating) for it in records] == [found]


def test_constants_decide_what_a_file_can_be(world: World) -> None:
    configured(world, FORM.replace("{ kind", '{ title = "x", kind'))
    with pytest.raises(ConfigError, match="no mapping has all of these fields"):
        world.pull()
    configured(world, FORM.replace("check_in", "chekc_in").replace("connector", 'mapping = "qualtrics"\nconnector'))
    with pytest.raises(ConfigError, match=r"sources\[3\]\.constants\.kind\].*Did you mean 'check_in'"):
        world.pull()


def test_the_first_use_of_a_starter_says_so_and_what_it_reads(world: World) -> None:
    configured(world, '[[sources]]\nname = "pd"\nconnector = "files"\npath = "pd.csv"\nmapping = "parker_dewey"\n')
    world.write("pd.csv", "title,projectFee,county\nAtlas,450,Orange\n")
    (told,) = [problem for problem in world.pull().problems if problem.where == "pd.csv"]
    assert "this mapping is a starter" in told.why
    assert "projectFee as posting.pay." in told.why
    assert "Not read: county." in told.why
    assert not any("Orange" in problem.why for problem in world.pull().problems)
    world.write("pd.csv", "title,projectFee,county\nAtlas,500,Orange\n")
    assert [problem for problem in world.pull().problems if problem.where == "pd.csv"] == []


GREENHOUSE = """
[[sources]]
name = "candidates"
connector = "files"
path = "candidates.json"
complete = true
"""


def candidate(*jobs: list[str], name: str = "Ann") -> dict[str, Any]:
    return {
        "id": 1, "first_name": name, "last_name": "B", "application_ids": [], "can_email": True,
        "email_addresses": [{"value": "ann@s.example"}],
        "applications": [
            {"id": n, "status": "active", "jobs": [{"id": title, "name": title} for title in titles]}
            for n, titles in enumerate(jobs)
        ],
    }  # fmt: skip


def test_a_row_may_make_several_applications_of_which_each_comes_and_goes(world: World) -> None:
    configured(world, GREENHOUSE)
    world.write("candidates.json", json.dumps([candidate(["Donor dashboard", "Donor atlas"], [])]))
    result = world.pull()
    assert result.sources["candidates"].mapped == 1
    assert any("applications.1.jobs is empty" in problem.why for problem in result.problems)
    theirs = {a.id for a in world.applications() if a.status == "in_review"}
    assert theirs == {"0-Donor dashboard", "0-Donor atlas"}
    world.write("candidates.json", json.dumps([candidate(["Donor dashboard"])]))
    assert world.pull().sources["candidates"].unchanged == 1
    assert {a.id: a.status for a in world.applications() if a.id in theirs} == {
        "0-Donor dashboard": "in_review",
        "0-Donor atlas": "withdrawn",
    }


def test_of_a_row_that_repeats_one_of_its_records_the_others_count(world: World) -> None:
    configured(world, GREENHOUSE)
    both = candidate(["Donor dashboard", "Donor dashboard", "Donor atlas"])
    world.write("candidates.json", json.dumps([both, both]))
    result = world.pull()
    counts = result.sources["candidates"]
    assert (counts.rows, counts.mapped, counts.skipped) == (2, 1, 1)
    assert sum("repeats" in problem.why for problem in result.problems) >= 1
    assert len([a for a in world.applications() if a.status == "in_review"]) == 2


def test_a_row_that_repeats_its_first_record_says_its_others_all_the_same(world: World) -> None:
    configured(world, GREENHOUSE)
    rows = [candidate(["Donor dashboard"]), candidate(["Donor dashboard", "Donor atlas"])]
    world.write("candidates.json", json.dumps(rows))
    counts = world.pull().sources["candidates"]
    assert (counts.rows, counts.mapped, counts.skipped) == (2, 2, 0)
    assert len([a for a in world.applications() if a.status == "in_review"]) == 2
