"""Engagements in the shape of the export that told of them: matched there again, and read again as the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mi_sync import config, likeness, publishing
from mi_sync.connector import Context, View
from mi_sync.errors import ConfigError, MiSyncError, SourceError
from mi_sync.events import Outside, Result, Run
from mi_sync.http import Wire
from mi_sync.model import RECORDS, Privacy
from mi_sync.sheets import defused
from mi_sync_table import TableConfig
from mi_sync_table.publisher import TablePublisher
from publisher_labs import CHICAGO, cells
from world import NOW, World

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
name = "people"
connector = "files"
path = "people.csv"
mapping = "MAPPING"

[[sources]]
name = "jobs"
namespace = "people"
connector = "files"
path = "jobs.csv"
mapping = "generic_postings"

[[sources]]
name = "feedback"
connector = "files"
path = "feedback.csv"
mapping = "generic_feedback"
scale = [1, 5]
constants = { kind = "final", by = "supervisor" }
"""
EVERYTHING = frozenset(Privacy)
HANDSHAKE = ("First Name", "Last Name", "Email Address", "Job Title", "Status")
OURS = (
    "intern", "starts_on", "ends_on", "done", "open", "late", "next", "next_due", "rating_by_supervisor",
    "rating_by_intern", "would_engage_again",
)  # fmt: skip
PEOPLE: list[tuple[str, ...]] = [
    ("Bo", "Li", "bo@s.example", "Donor dashboard", "Pending"),
    ("Ana", "Lopez", "ana@s.example", "Donor dashboard", "Hired"),
]
FEEDBACK = [
    ("posting_title", "email", "rating", "would_engage_again"),
    ("Donor dashboard", "ana@s.example", "5", "yes"),
]


def as_csv(*rows: Collection[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def world(
    folder: Path, *people: Collection[str], mapping: str = "handshake_applicant_list", title: str = "Donor dashboard"
) -> World:
    made = World(folder, CONFIG.replace("MAPPING", mapping))
    made.write("jobs.csv", as_csv(("posting_id", "title"), ("P-1", title)))
    made.write("people.csv", as_csv(*people))
    made.write("feedback.csv", as_csv(*FEEDBACK[:1]))
    return made


def like(it: World, allow: frozenset[Privacy] = EVERYTHING, file: str = "t.csv") -> list[list[Any]]:
    """The table that is written, as it stands in the file."""
    run = Run(config.load(it.folder / "config.toml"), it.store, Outside(wire=Wire(now=lambda: NOW)), Result("run"))
    rows, columns = likeness.engagements(run, "people", publishing.material(run, {}, allow))
    shown = View("Spring", NOW, rows, "engagements", columns, as_is=True)
    TablePublisher(TableConfig(path=file), Context("t", it.folder, CHICAGO)).publish(shown)
    return cells(it.folder / file, "engagements")


def records(it: World) -> dict[str, Any]:
    return {record.key: record for kind in RECORDS for record in it.store.records(kind)}


def test_it_is_the_export_of_those_who_were_engaged_and_how_it_went(tmp_path: Path) -> None:
    it = world(tmp_path, HANDSHAKE, *PEOPLE)
    it.write("feedback.csv", as_csv(*FEEDBACK))
    it.pull()
    header, row = like(it)
    assert tuple(header) == (*HANDSHAKE, *OURS)
    assert tuple(row[:5]) == PEOPLE[1]
    told = dict(zip(header, row, strict=True))
    assert (told["intern"], told["rating_by_supervisor"], told["would_engage_again"]) == ("AL", "1.0", "yes")
    assert like(it, file="t.xlsx")[0] == header


def test_it_says_in_the_words_of_the_export_what_has_become_of_an_application(tmp_path: Path) -> None:
    it = world(tmp_path, HANDSHAKE, *PEOPLE)
    it.write("engagements.csv", "posting_title,email,status\nDonor dashboard,bo@s.example,completed\n")
    it.pull()
    assert [row[4] for row in like(it)[1:]] == ["Hired", "Hired"]  # as much as Handshake has a word for


def test_it_holds_what_its_target_may_see_and_no_column_that_nobody_reads(tmp_path: Path) -> None:
    header = ("Race", *HANDSHAKE, "Remarks")
    it = world(tmp_path, header, *(("EEO!", *row, "secret") for row in PEOPLE))
    it.pull()
    for allow, told in (
        (EVERYTHING, ("", "Ana", "Lopez", "ana@s.example", "Donor dashboard", "Hired", "")),
        ({Privacy.PUBLIC, Privacy.NAME}, ("", "Ana", "Lopez", "", "Donor dashboard", "Hired", "")),
        ({Privacy.PUBLIC}, ("", "", "", "", "Donor dashboard", "Hired", "")),
    ):
        names, row = like(it, frozenset(allow))
        assert tuple(names[:7]) == header
        assert tuple(row[:7]) == told
        assert ("would_engage_again" in names) == (Privacy.FREE_TEXT in allow)


def test_evaluations_are_read_back_by_the_generic_mapping(tmp_path: Path) -> None:
    it = world(tmp_path, HANDSHAKE, *PEOPLE)
    it.write("feedback.csv", as_csv(*FEEDBACK))
    it.pull()
    before = records(it)
    like(it)
    it.write("config.toml", (tmp_path / "config.toml").read_text().replace("scale = [1, 5]", "scale = [0, 1]"))
    it.write("feedback.csv", (tmp_path / "t.csv").read_bytes())
    it.pull()
    assert records(it) == before


def test_a_column_of_ours_is_no_second_one_for_what_the_export_says(tmp_path: Path) -> None:
    it = world(
        tmp_path,
        ("id", "Name", "E-mail Address", "job_id", "stage", "start", "Late"),
        ("S-1", "Ana Lopez", "ana@s.example", "P-1", "Offer accepted", "2026-03-02", "x"),
        mapping="generic_applicants",
    )
    it.pull()
    before = records(it)
    assert {"status", "starts_on", "late"}.isdisjoint(header := like(it)[0])
    assert {"ends_on", "done"} <= set(header)
    it.write("people.csv", (tmp_path / "t.csv").read_bytes())
    it.pull()
    assert records(it) == before


TITLE = st.builds(
    "{}{}".format,
    st.sampled_from(["", "=", "+", "-", "@", "'", "'=", "''-", "\uff1d"]),
    st.text("aZ09 =-'ß,;\"", min_size=3, max_size=12).map(lambda text: f"x{text}x"),
)


@settings(max_examples=15)
@given(title=TITLE, first=TITLE, last=TITLE)
@example(title="=1+1 dashboard", first="@Ana", last="-Lopez")
@pytest.mark.parametrize("file", ["t.csv", "t.xlsx"])
def test_what_is_written_is_read_again_as_the_same(
    title: str, first: str, last: str, file: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    person = (first, last, "ana@s.example", title, "Hired")
    it = world(tmp_path_factory.mktemp("like"), HANDSHAKE, person, title=title)
    it.pull()
    before = records(it)
    table = like(it, file=file)
    assert [cell for row in table for cell in row if isinstance(cell, str) and defused(cell) != cell] == []
    it.write("people.csv", (it.folder / file).read_bytes())
    result = it.pull()
    assert result.sources["people"].quarantined == 0
    assert records(it) == before
    assert like(it, file=f"again-{file}") == table
    it.store.close()
    anew = world(tmp_path_factory.mktemp("anew"), *[[str(c or "") for c in row] for row in table], title=title)
    anew.pull()
    keys = {key for key in records(anew) if key in before}
    anew.store.close()
    assert keys == set(before)


def refusal(it: World, error: type[MiSyncError]) -> str:
    with pytest.raises(error) as caught:
        like(it)
    return str(caught.value)


def test_a_source_without_applications_has_no_shape_for_them(tmp_path: Path) -> None:
    it = world(tmp_path, ("title", "company"), ("Donor dashboard", "ACME"), mapping="generic_postings")
    it.pull()
    assert "tells of applications" in refusal(it, ConfigError)


def test_what_is_no_table_has_no_shape_of_one(tmp_path: Path) -> None:
    it = world(tmp_path, mapping="generic_applicants")
    it.write("people.csv", '[{"id": "S-1", "name": "Ana Lopez", "posting_id": "P-1", "status": "hired"}]')
    it.pull()
    assert "it is JSON" in refusal(it, ConfigError)


def test_an_export_that_changed_since_it_was_read_is_not_taken_for_what_it_was(tmp_path: Path) -> None:
    it = world(tmp_path, HANDSHAKE, *PEOPLE)
    it.pull()
    it.write("people.csv", as_csv(HANDSHAKE, PEOPLE[1], PEOPLE[0]))
    assert "people.csv:3: this row is no longer" in refusal(it, SourceError)


@pytest.mark.parametrize(
    ("source", "views", "why"),
    [
        ("persons", '["engagements"]', "there is no source 'persons'"),
        ("people", '["postings"]', "only the view engagements can have the shape of a source"),
    ],
)
def test_a_shape_that_there_is_not_is_refused_when_the_configuration_is_read(
    source: str, views: str, why: str, tmp_path: Path
) -> None:
    it = world(tmp_path, HANDSHAKE)
    target = f'[[targets]]\nname = "t"\nconnector = "csv"\npath = "t.csv"\nlike = "{source}"\nviews = {views}\n'
    it.write("config.toml", (tmp_path / "config.toml").read_text() + target)
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path / "config.toml")
    assert why in str(caught.value)
