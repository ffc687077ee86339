"""Each shipped mapping of a published format: its sample is recognised through the connector, and read right."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import loader, mapping, recognition
from mi_sync.connector import Context
from mi_sync.fields import Options
from mi_sync.mapping import Draft, Mapped
from mi_sync.sensitive import is_eeo
from mi_sync_files import FilesSource, Settings

EXPORTS = Path(__file__).parents[1] / "data" / "exports"
SHIPPED = loader.find_all(Path("/nonexistent"))
CHICAGO = ZoneInfo("America/Chicago")
SAMPLES = sorted(EXPORTS.iterdir())


def read(root: Path, name: str) -> tuple[str, list[tuple[Draft, ...]]]:
    """What a file is recognised as among all shipped mappings, and the records of its rows."""
    config = Settings.model_validate({"path": name})
    with FilesSource(config, Context("jobs", root, CHICAGO)).files()[0].open() as table:
        it = recognition.recognise(table.header, SHIPPED, name).mapping
        mapper = mapping.compile_mapping(it, table.header, Options(timezone=CHICAGO), programme="spring", file=name)
        outcomes = [mapper.map(row.line, row.cells) for row in table.rows]
    return it.name, [drafts_of(outcome) for outcome in outcomes]


def drafts_of(outcome: object) -> tuple[Draft, ...]:
    assert isinstance(outcome, Mapped), outcome
    return outcome.drafts


def postings(file: str) -> list[dict[str, Any]]:
    _, rows = read(EXPORTS, file)
    assert {tuple(draft.kind for draft in drafts) for drafts in rows} == {("posting",)}
    return [dict(drafts[0].values) for drafts in rows]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_recognised_without_naming_its_mapping(path: Path) -> None:
    assert read(path.parent, path.name)[0] == path.stem


def test_every_mapping_of_a_published_format_has_a_sample_and_a_source() -> None:
    attested = [it for it in SHIPPED if it.attested != "none"]
    assert {it.name for it in attested} <= {path.stem for path in SAMPLES}
    assert [it.name for it in attested if not (it.source and it.title)] == []


# -- feeds and job boards --------------------------------------------------------------------------------


def test_an_indeed_feed_becomes_open_postings() -> None:
    first, second, third = postings("indeed_xml.xml")
    assert first == {
        "id": "MI-0007",
        "title": "Data cleaning project",
        "summary": "Clean **one** survey.\n\n- A clean table\n- A short report",
        "organization": "Sample Labs",
        "location": "Irvine, CA",
        "pay": {"min": 10, "max": 20, "per": "hour"},
        "posted_on": "2026-03-02",
        "apply_by": "2026-03-31",
        "category": "Research",
        "url": "https://labs.example/jobs?id=7&source=Indeed",
        "status": "open",
    }
    assert (second["location"], second["remote"], second["posted_on"]) == ("Remote", True, "2026-03-03")
    assert (third["location"], third["remote"]) == ("Irvine, CA", True)


def test_an_indeed_feed_without_newer_elements_is_recognised(tmp_path: Path) -> None:
    whole = (EXPORTS / "indeed_xml.xml").read_text("utf-8").splitlines()
    older = [
        row for row in whole if not any(f"<{name}>" in row for name in ("sourcename", "requisitionid", "remotetype"))
    ]
    (tmp_path / "feed.xml").write_text("\n".join(older), "utf-8")
    name, rows = read(tmp_path, "feed.xml")
    assert (name, len(rows)) == ("indeed_xml", 3)


def test_a_greenhouse_job_board_becomes_open_postings() -> None:
    first, second = postings("greenhouse_job_board.json")
    assert first == {
        "id": "4000007",
        "title": "Data cleaning project",
        "summary": "Clean **one** survey & report.",
        "location": "Irvine, CA",
        "category": "Research",
        "url": "https://boards.labs.example/jobs/4000007",
        "status": "open",
    }
    assert "category" not in second
    assert second["summary"] == "Study one market."


def test_lever_postings_become_open_postings() -> None:
    first, second, third = postings("lever_postings.json")
    assert first == {
        "id": "11111111-2222-4333-8444-000000000007",
        "title": "Data cleaning project",
        "summary": "Join us.\n\nClean **one** survey.",
        "location": "Irvine, CA",
        "remote": False,
        "category": "Research",
        "pay": {"min": 20, "max": 25.5, "currency": "USD", "per": "hour"},
        "url": "https://jobs.labs.example/11111111-2222-4333-8444-000000000007",
        "status": "open",
    }
    assert (second["remote"], second["category"], second["summary"]) == (True, "Labs", "Study one market.")
    assert second["pay"] == {"min": 450, "max": 450, "currency": "EUR"}  # another word says no period
    assert {"remote", "pay"}.isdisjoint(third)


def test_postings_of_a_page_keep_their_pay() -> None:
    first, second = postings("schema_org_jobposting.html")
    assert first == {
        "id": "MI-0007",
        "title": "Data cleaning project",
        "summary": "Clean **one** survey.",
        "skills": ["SQL", "Patience"],
        "organization": "Sample Labs",
        "location": "Irvine",
        "openings": 2,
        "pay": {"min": 20, "max": 25.5, "currency": "USD", "per": "hour"},
        "posted_on": "2026-03-02",
        "apply_by": "2026-03-31",
        "starts_on": "2026-04-06",
        "url": "https://labs.example/jobs/7",
    }
    assert second["remote"] is True
    assert "id" not in second
    assert second["pay"] == {"min": 450, "max": 450, "currency": "USD"}


def test_a_posting_without_identifier_goes_by_its_title_and_employer() -> None:
    _, (_, (draft,)) = read(EXPORTS, "schema_org_jobposting.html")
    assert draft.ref == 'title+organization:["market study", "sample labs"]'


def test_a_posting_alone_in_other_usual_shapes_is_read(tmp_path: Path) -> None:
    posting = {
        "@context": "https://schema.org",
        "@type": "JobPosting",
        "title": "Archive index",
        "datePosted": "2026-03-04T09:00:00Z",
        "hiringOrganization": {"name": "Sample Labs"},
        "identifier": 9,
        "jobLocationType": "ANYWHERE",
        "jobLocation": [{"address": {"addressLocality": "Basel"}}, {"address": {"addressLocality": "Irvine"}}],
    }
    (tmp_path / "job.json").write_text(json.dumps(posting), "utf-8")
    name, ((draft,),) = read(tmp_path, "job.json")
    assert (name, draft.ref) == ("schema_org_jobposting", "id:9")
    assert (draft.values["location"], draft.values["posted_on"]) == ("Basel", "2026-03-04")
    assert "remote" not in draft.values  # another word than TELECOMMUTE says neither yes nor no


@pytest.mark.parametrize(
    ("salary", "pay"),
    [
        ({"currency": "USD", "value": {"value": "$100,000", "unitText": "YEAR"}}, (100000, "USD", "year")),
        ({"currency": "EUR", "value": 450}, (450, "EUR", None)),
        ("$20 per hour", (20, None, "hour")),
    ],
)
def test_a_salary_in_other_usual_shapes_is_read(tmp_path: Path, salary: Any, pay: tuple[Any, ...]) -> None:
    posting = {"title": "Study", "datePosted": "2026-03-04", "hiringOrganization": {"name": "L"}, "baseSalary": salary}
    (tmp_path / "job.json").write_text(json.dumps(posting), "utf-8")
    _, ((draft,),) = read(tmp_path, "job.json")
    found = draft.values["pay"]
    assert (found["min"], found.get("currency"), found.get("per")) == pay
    assert found["max"] == found["min"]


# -- people's own data, and a career office's ------------------------------------------------------------


def test_a_members_job_applications_are_that_persons() -> None:
    name, ((posting, applicant, application), (_, same, later)) = read(EXPORTS, "linkedin_job_applications.csv")
    assert name == "linkedin_job_applications"
    assert posting.values == {
        "title": "Data cleaning project",
        "organization": "Sample Labs",
        "url": "https://www.linkedin.com/jobs/view/1000000007",
    }
    assert applicant.values == {"email": "wanda.example@uni.example", "phone": "+15555550168", "channel": "job_board"}
    assert same.ref == applicant.ref
    assert application.values == {
        "status": "applied",
        "applied_at": "2024-11-20T08:15:00-06:00",
    }
    assert later.values["applied_at"] == "2026-01-02T12:05:00-06:00"


@given(st.integers(978307200 // 60, 3092601600 // 60).map(lambda minute: datetime.fromtimestamp(minute * 60, UTC)))
def test_every_date_of_an_application_is_read_as_linkedin_writes_it(when: datetime) -> None:
    it = next(it for it in SHIPPED if it.name == "linkedin_job_applications")
    header = ["Application Date", "Contact Email", "Job Title", "Job Url"]
    mapper = mapping.compile_mapping(it, header, Options(timezone=UTC), programme="spring", file="a.csv")
    written = f"{when.month}/{when.day}/{when:%y}, {when.hour % 12 or 12}:{when:%M %p}"
    *_, application = drafts_of(mapper.map(2, [written, "a@uni.example", "Study", "https://labs.example/1"]))
    assert application.values["applied_at"] == when.isoformat()


def test_saved_jobs_are_the_postings_of_the_applications() -> None:
    _, saved = read(EXPORTS, "linkedin_saved_jobs.csv")
    _, applied = read(EXPORTS, "linkedin_job_applications.csv")
    assert saved[0][0].values == applied[0][0].values
    assert saved[0][0].ref == applied[0][0].ref
    assert saved[1][0].ref != saved[0][0].ref  # of the same title, elsewhere


def test_students_are_read_without_what_is_never_kept() -> None:
    name, ((first,), (second,)) = read(EXPORTS, "handshake_student_import.csv")
    assert first.ref == "id:wex0168"
    assert first.values == {
        "id": "wex0168",
        "name": "Wanda Example",
        "given_name": "Wanda",
        "family_name": "Example",
        "initials": "WE",
        "email": "wanda.example@uni.example",
        "phone": "(555)555-0168 Ext:9",
        "degree": "Bachelors",
        "majors": ["Statistics", "Art; History"],
        "graduation": "2027-05-15",
        "gpa": "3.6",
        "skills": ["SQL", "Python"],
        "links": ["https://wanda.example", "https://code.example/wanda"],
        "channel": "university",
    }
    assert "gpa" not in second.values
    it = next(it for it in SHIPPED if it.name == name)
    columns = {column for record in it.records for field in record.fields for column in field.spec.columns}
    assert not [column for column in columns if is_eeo(column)]
    assert "Sentinel" not in repr((first, second))


def test_short_headers_of_a_student_import_are_read_alike(tmp_path: Path) -> None:
    text = (EXPORTS / "handshake_student_import.csv").read_text("utf-8")
    (tmp_path / "students.csv").write_text(text.replace("primary_education:", "primary:"), "utf-8")
    name, rows = read(tmp_path, "students.csv")
    _, longer = read(EXPORTS, "handshake_student_import.csv")
    assert name == "handshake_student_import"
    assert [drafts[0].values for drafts in rows] == [drafts[0].values for drafts in longer]
