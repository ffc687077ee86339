"""Each shipped mapping of a published format: its sample is recognised through the connector, and read right."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import language, loader, mapping, recognition, values
from mi_sync.connector import Context
from mi_sync.fields import Options
from mi_sync.mapping import Draft, Mapped, RowProblem, Skipped
from mi_sync.sensitive import is_eeo
from mi_sync_files import FilesSource, Settings

EXPORTS = Path(__file__).parents[1] / "data" / "exports"
SHIPPED = loader.find_all(Path("/nonexistent"))
BY_NAME = {it.name: it for it in SHIPPED}
CHICAGO = ZoneInfo("America/Chicago")
SAMPLES = sorted(EXPORTS.iterdir())


def outcomes_of(root: Path, name: str, named: str | None = None, **told: Any) -> tuple[str, list[Any]]:
    """What a file is recognised as among all shipped mappings, and what its rows become.

    `told` is what a form says nowhere: `scale`, and constants.
    """
    config = Settings.model_validate({"path": name})
    options = Options(timezone=CHICAGO, scale=told.pop("scale", None))
    with FilesSource(config, Context("jobs", root, CHICAGO)).files()[0].open() as table:
        it = BY_NAME[named] if named else recognition.recognise(table.header, SHIPPED, name, table.labels).mapping
        constants = {field.replace("__", "."): value for field, value in told.items()}
        it = language.with_constants(it, constants, "config.toml", "sources[0].constants")
        order = values.column_order
        rows = list(table.rows)
        mapper = mapping.compile_mapping(
            it,
            table.header,
            options,
            programme="spring",
            file=name,
            labels=table.labels,
            order_of=lambda position: order(row.cells[position] for row in rows),
        )
        return it.name, [mapper.map(row.line, row.cells) for row in rows]


def read(root: Path, name: str, named: str | None = None, **told: Any) -> tuple[str, list[tuple[Draft, ...]]]:
    """The same of a file in which every row becomes records."""
    found, outcomes = outcomes_of(root, name, named, **told)
    return found, [drafts_of(outcome) for outcome in outcomes]


def drafts_of(outcome: object) -> tuple[Draft, ...]:
    assert isinstance(outcome, Mapped), outcome
    return outcome.drafts


def postings(file: str) -> list[dict[str, Any]]:
    _, rows = read(EXPORTS, file)
    assert {tuple(draft.kind for draft in drafts) for drafts in rows} == {("posting",)}
    return [dict(drafts[0].values) for drafts in rows]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_recognised_without_naming_its_mapping(path: Path) -> None:
    config = Settings.model_validate({"path": path.name})
    with FilesSource(config, Context("jobs", path.parent, CHICAGO)).files()[0].open() as table:
        assert recognition.recognise(table.header, SHIPPED, path.name).mapping.name == path.stem


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


def test_connections_without_an_address_go_by_their_profile() -> None:
    name, ((first,), (second,)) = read(EXPORTS, "linkedin_connections.csv")
    assert name == "linkedin_connections"
    assert first.ref == "id:https://www.linkedin.com/in/wanda-example"
    assert first.values == {
        "id": "https://www.linkedin.com/in/wanda-example",
        "name": "Wanda Example",
        "given_name": "Wanda",
        "family_name": "Example",
        "initials": "WE",
        "links": ["https://www.linkedin.com/in/wanda-example"],
        "channel": "import",
    }
    assert second.values["email"] == "oscar@uni.example"


def test_old_connections_lack_the_profile(tmp_path: Path) -> None:
    text = "First Name,Last Name,Email Address,Company,Connected On\nWanda,Example,wanda@uni.example,,05 Mar 2014\n"
    (tmp_path / "Connections.csv").write_text(f"{text}Bo,Blank,,,05 Mar 2014\n", "utf-8")
    name, (first, second) = outcomes_of(tmp_path, "Connections.csv")
    assert (name, drafts_of(first)[0].ref) == ("linkedin_connections", "email:wanda@uni.example")
    assert isinstance(second, RowProblem)
    assert "email is empty" in second.why


def test_a_resume_is_an_applicant() -> None:
    name, ((applicant,),) = read(EXPORTS, "json_resume.json")
    assert name == "json_resume"
    assert applicant.values == {
        "name": "Wanda Example",
        "given_name": "Wanda",
        "family_name": "Example",
        "initials": "WE",
        "email": "wanda.example@uni.example",
        "phone": "(555) 555-0168",
        "school": "Sample University",
        "degree": "Bachelor",
        "majors": ["Statistics"],
        "graduation": "2027-05-15",
        "gpa": "3.6",
        "skills": ["Data", "Writing"],
        "links": ["https://wanda.example", "https://code.example/wanda", "https://talk.example/w"],
        "channel": "import",
    }


def test_outcomes_tell_of_students_alone() -> None:
    name, ((applicant,),) = read(EXPORTS, "twelve_twenty_outcomes.csv")
    assert name == "twelve_twenty_outcomes"
    assert applicant.values == {"email": "wanda.example@uni.example", "channel": "university"}


# -- applicants and applications -------------------------------------------------------------------------


def test_of_several_addresses_in_talent_hub_the_first_counts() -> None:
    name, ((first, application), (second, _)) = read(EXPORTS, "linkedin_talent_hub.csv")
    assert name == "linkedin_talent_hub"
    assert (first.ref, first.values["email"], first.values["phone"]) == (
        "id:C-168",
        "wanda.example@uni.example",
        "+1 555 555 0168",
    )
    assert (first.values["channel"], second.values["channel"]) == ("job_board", "referral")
    assert application.refs == {"posting.id": "P-7", "applicant.ref": "id:C-168"}
    assert application.values == {"applied_at": "2026-03-02T09:00:00-06:00"}
    assert "email" not in second.values


def test_each_job_of_each_application_of_a_candidate_is_an_application() -> None:
    name, (wanda, oscar, ann, bo) = outcomes_of(EXPORTS, "greenhouse_candidates.json")
    assert name == "greenhouse_candidates"
    applicant, first, second = drafts_of(wanda)
    assert {field: applicant.values[field] for field in ("id", "email", "school", "graduation", "links")} == {
        "id": "168",
        "email": "wanda.example@uni.example",
        "school": "Sample University",
        "graduation": "2027-05-15",
        "links": ["https://wanda.example", "https://code.example/wanda"],
    }
    assert (first.id, first.values["status"], first.values["source_status"]) == ("9001-7001", "accepted", "hired")
    assert first.refs == {
        "applicant.ref": "id:168",
        "posting.id": "4000007",
        "posting.title": "Data cleaning project",
    }
    assert (second.id, second.values["status"], second.refs["posting.title"]) == (
        "9002-7002",
        "rejected",
        "Market study",
    )
    assert first.origins["status"].column == "applications.0.status"
    assert [draft.id for draft in drafts_of(oscar)] == ["143", "9003-7001", "9003-7002"]
    assert [draft.kind for draft in drafts_of(ann)] == [draft.kind for draft in drafts_of(bo)] == ["applicant"]
    assert ann.notes == ("applications.0.jobs is empty, so no application is made of what stands beside it",)
    assert (wanda.notes, oscar.notes, bo.notes) == ((), (), ())


def test_applications_of_greenhouse_are_those_of_its_candidates() -> None:
    name, (hired, rejected, several, none) = outcomes_of(EXPORTS, "greenhouse_applications.json")
    _, candidates = outcomes_of(EXPORTS, "greenhouse_candidates.json")
    assert name == "greenhouse_applications"
    known = {draft.ref: draft for row in candidates for draft in drafts_of(row)}
    for row in (hired, rejected, several):
        for draft in drafts_of(row):
            same = known[draft.ref]
            assert draft.values == same.values
            assert draft.refs["posting.title"] == same.refs["posting.title"]
            assert f"id:{draft.refs['applicant.id']}" == same.refs["applicant.ref"]
    assert [len(drafts_of(row)) for row in (hired, rejected, several)] == [1, 1, 2]
    assert none == Skipped(4, "jobs is empty, so no application is made of what stands beside it")


@given(st.lists(st.lists(st.integers(1, 4), max_size=3), max_size=3))
def test_no_job_of_any_application_is_lost_in_silence(jobs: list[list[int]]) -> None:
    candidate = {
        "id": 1, "first_name": "Ann", "last_name": "B", "application_ids": [1], "can_email": True,
        "applications": [
            {"id": n, "status": "active", "jobs": [{"id": job, "name": f"J{job}"} for job in each]}
            for n, each in enumerate(jobs)
        ],
    }  # fmt: skip
    with TemporaryDirectory() as folder:
        Path(folder, "c.json").write_text(json.dumps([candidate]), "utf-8")
        _, (row,) = outcomes_of(Path(folder), "c.json")
    wanted = [f"{n}-{job}" for n, each in enumerate(jobs) for job in each]
    assert [draft.id for draft in drafts_of(row)] == ["1", *wanted]
    assert len(row.notes) == sum(not each for each in jobs)


def test_levers_table_keeps_a_stage_that_is_the_customers_own() -> None:
    name, ((posting, applicant, application), (_, other, accepted)) = read(EXPORTS, "lever_import.csv")
    assert name == "lever_import"
    assert posting.values["url"].startswith("https://jobs.lever.co/samplelabs/")
    assert (applicant.values["name"], applicant.values["channel"]) == ("Wanda Example", "job_board")
    assert application.values == {"applied_at": "2026-03-02", "source_status": "New applicant"}
    assert (other.values["channel"], accepted.values["status"]) == ("university", "accepted")


def test_a_report_that_names_no_job_is_told_which_it_is_about() -> None:
    with pytest.raises(mapping.Untold, match=r"posting\.title") as caught:
        read(EXPORTS, "smartrecruiters_applications.csv")
    assert 'constants = { "posting.title" = "…" }' in str(caught.value)
    told = {"posting__title": "Data cleaning project"}
    name, ((applicant, hired), (_, reviewed)) = read(EXPORTS, "smartrecruiters_applications.csv", **told)
    assert name == "smartrecruiters_applications"
    assert applicant.values == {"email": "wanda.example@uni.example", "channel": "import"}
    assert hired.values == {
        "id": "11111111-2222-4333-8444-000000000001",
        "status": "accepted",
        "source_status": "HIRED",
        "applied_at": "2026-03-02T09:30:00-06:00",
    }
    assert hired.refs["posting.title"] == "Data cleaning project"
    assert reviewed.values["status"] == "in_review"
    assert "Sentinel" not in repr((applicant, hired, reviewed))


def test_a_list_of_a_career_fair_says_where_people_come_from() -> None:
    name, ((applicant,),) = read(EXPORTS, "career_fair.csv")
    assert (name, applicant.values["channel"], applicant.values["school"]) == (
        "career_fair",
        "career_fair",
        "Sample University",
    )


def test_a_list_of_referrals_says_who_referred_them() -> None:
    _, ((applicant, application),) = read(EXPORTS.parent / "by_name", "referrals.csv", "referrals")
    assert (applicant.values["channel"], applicant.values["referred_by"]) == ("referral", "Bea Boss")
    assert application.refs["posting.title"] == "Data cleaning project"
    assert "referrals" not in {fit.mapping.name for fit in recognition.fits(["Name", "E-mail", "Referrer"], SHIPPED)}


# -- other feeds, and a starter --------------------------------------------------------------------------


def test_a_linkedin_feed_becomes_open_postings() -> None:
    first, second = postings("linkedin_xml.xml")
    assert first == {
        "id": "MI-0007",
        "title": "Data cleaning project",
        "summary": "Clean **one** survey, and write down in a short report what was wrong with it and how you found out.",
        "organization": "Sample Labs",
        "location": "Irvine, CA",
        "remote": False,
        "pay": {"min": 400, "max": 450, "currency": "USD", "per": "fixed"},
        "posted_on": "2026-03-02",
        "apply_by": "2026-03-31",
        "url": "https://labs.example/jobs/7",
        "status": "open",
    }
    assert (second["location"], second["remote"]) == ("Basel", True)
    assert second["pay"] == {"min": 25.5, "currency": "CHF"}


def test_the_case_of_elements_in_a_linkedin_feed_does_not_matter(tmp_path: Path) -> None:
    text = (EXPORTS / "linkedin_xml.xml").read_text("utf-8")
    (tmp_path / "feed.xml").write_text(text.replace("partnerJobId", "partnerjobid"), "utf-8")
    assert read(tmp_path, "feed.xml")[0] == "linkedin_xml"


def test_a_jobrapido_feed_has_the_day_first() -> None:
    (posting,) = postings("jobrapido_xml.xml")
    assert posting == {
        "id": "MI-0007",
        "title": "Data cleaning project",
        "summary": "Clean **one** survey.",
        "organization": "Sample Labs",
        "location": "Irvine, CA",
        "posted_on": "2026-03-02",
        "apply_by": "2026-03-31",
        "url": "https://labs.example/jobs?id=7",
        "status": "open",
    }


def test_a_ziprecruiter_feed_is_read_as_indeeds(tmp_path: Path) -> None:
    job = "<title>Study</title><date>Thu, 31 Jul 2014 23:27:14 PDT</date><referencenumber>Z-1</referencenumber>"
    more = "<url>https://labs.example/1</url><company>Sample Labs</company><postalcode>92617</postalcode>"
    (tmp_path / "zip.xml").write_text(f"<source><job>{job}{more}</job></source>", "utf-8")
    name, ((posting,),) = read(tmp_path, "zip.xml")
    assert (name, posting.values["id"], posting.values["posted_on"]) == ("indeed_xml", "Z-1", "2014-08-01")
    assert "ZipRecruiter" in BY_NAME["indeed_xml"].title


def test_the_starter_for_parker_dewey_reads_its_published_fields_and_goes_by_name() -> None:
    _, ((posting,),) = read(EXPORTS.parent / "by_name", "parker_dewey.csv", "parker_dewey")
    assert posting.values == {
        "title": "Data cleaning project",
        "summary": "Clean one survey.",
        "skills": ["SQL", "Patience", "Python"],
        "openings": 2,
        "deliverables": ["A clean table"],
        "hours": {"estimated": 20},
        "pay": {"min": 450, "max": 450, "per": "fixed"},
    }
    assert BY_NAME["parker_dewey"].attested == "none"
    header = ["title", "description", "skillsRequired", "projectFee", "estimatedHours", "dueWithinDays"]
    assert "parker_dewey" not in {fit.mapping.name for fit in recognition.fits(header, SHIPPED)}


# -- forms -----------------------------------------------------------------------------------------------


def feedback(file: str, **told: Any) -> tuple[str, list[Draft]]:
    name, outcomes = outcomes_of(EXPORTS, file, scale=told.pop("scale", (1, 5)), **told)
    return name, [draft for outcome in outcomes if isinstance(outcome, Mapped) for draft in outcome.drafts]


def test_answers_of_a_google_form_are_feedback_of_the_kind_that_the_source_says() -> None:
    name, (first, second) = feedback("google_forms.csv", kind="exit_interview", by="intern")
    assert name == "google_forms"
    assert first.values == {
        "kind": "exit_interview",
        "by": "intern",
        "rating": 1.0,
        "would_engage_again": True,
        "comments": "The brief.\n\nMore time.",
        "submitted_at": "2025-07-21T10:04:21-05:00",
    }
    assert first.refs == {"posting.title": "Data cleaning project", "applicant.email": "wanda.example@uni.example"}
    assert first.origins["kind"] == (None, None)
    assert (second.values["rating"], second.values["submitted_at"]) == (0.0, "2025-07-22T13:00:00-05:00")
    assert "not asked" not in repr(first)


def test_a_google_form_that_asks_for_no_feedback_is_not_taken_for_it() -> None:
    header = ["Timestamp", "Email Address", "Full name", "Project", "Comments"]
    names = [fit.mapping.name for fit in recognition.fits(header, SHIPPED)]
    assert names[0] == "generic_applicants"
    assert "google_forms" not in names


def test_previews_and_unfinished_answers_of_qualtrics_are_skipped_by_name() -> None:
    name, outcomes = outcomes_of(EXPORTS, "qualtrics.csv", kind="check_in", scale=(1, 5))
    assert name == "qualtrics"
    answered, *skipped = outcomes
    assert [it.why for it in skipped] == [
        "column 'Status' says 'Survey Preview'",
        "column 'Finished' says 'False'",
        "column 'Status' says '1'",
    ]
    assert all(isinstance(it, Skipped) for it in skipped)
    (draft,) = drafts_of(answered)
    assert draft.values == {
        "id": "R_1",
        "kind": "check_in",
        "rating": 0.75,
        "would_engage_again": True,
        "comments": "Going well.",
        "submitted_at": "2026-03-09T10:05:01-05:00",
    }
    assert draft.refs["applicant.email"] == "wanda.example@uni.example"
    assert not any(text in repr(outcomes) for text in ("192.0.2", "33.6", "Sentinel"))


def test_in_a_supervisors_survey_the_interns_address_counts() -> None:
    told = {"kind": "final", "by": "supervisor", "scale": (0, 10)}
    name, (first, second) = feedback("surveymonkey.csv", **told)
    assert (name, first.ref, first.values["rating"]) == ("surveymonkey", "id:10168", 1.0)
    assert first.refs["applicant.email"] == "wanda.example@uni.example"
    assert first.values["submitted_at"] == "2026-03-19T10:05:00-05:00"
    assert (second.values["rating"], "would_engage_again" in second.values) == (0.4, False)


def test_times_of_a_typeform_are_in_utc() -> None:
    name, (answer,) = feedback("typeform.csv", kind="final", scale=(0, 10))
    assert (name, answer.ref) == ("typeform", "id:0a1b2c3d")
    assert answer.values["submitted_at"] == "2026-03-30T21:30:00-05:00"
    assert answer.values["comments"] == "Two\nlines."
    assert (answer.values["rating"], answer.values["would_engage_again"]) == (0.8, True)


def test_feedback_in_a_table_with_canonical_names_is_read_as_it_stands() -> None:
    name, (answer,) = feedback("generic_feedback.csv", scale=(0, 1))
    assert name == "generic_feedback"
    assert (answer.values["kind"], answer.values["by"], answer.values["rating"]) == ("midpoint", "supervisor", 0.75)


@pytest.mark.parametrize("file", ["google_forms.csv", "typeform.csv", "qualtrics.csv", "surveymonkey.csv"])
def test_what_a_form_says_nowhere_is_asked_for_and_never_guessed(file: str) -> None:
    with pytest.raises(mapping.Untold) as caught:
        outcomes_of(EXPORTS, file)
    assert caught.value.names == {"kind", "scale"}
    assert 'constants = { kind = "…" } and scale = [1, 5]' in str(caught.value)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_no_mapping_reads_a_column_that_is_never_kept(path: Path) -> None:
    assert not [column for column in BY_NAME[path.stem].columns if is_eeo(column)]


def test_of_two_addresses_with_one_name_the_second_counts_where_the_first_is_blank(tmp_path: Path) -> None:
    header = "Timestamp,Email Address,Project,How is it going?,Email Address\n"
    row = "21/07/2025 10:04:21,,Data cleaning project,5,wanda@uni.example\n"
    (tmp_path / "form.csv").write_text(header + row, "utf-8")
    name, ((answer,),) = read(tmp_path, "form.csv", kind="check_in", scale=(1, 5))
    assert (name, answer.refs["applicant.email"]) == ("google_forms", "wanda@uni.example")


def test_a_survey_whose_questions_have_numbers_is_told_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "mappings").mkdir()
    text = 'extends = "qualtrics"\n[feedback]\nrating = { column = "Q3", scale = [1, 5] }\n'
    (tmp_path / "mappings" / "ours.toml").write_text(text, "utf-8")
    rows = (EXPORTS / "qualtrics.csv").read_text("utf-8").replace(",rating,", ",Q3,", 1)
    (tmp_path / "survey.csv").write_text(rows, "utf-8")
    it = loader.find_mapping("ours", tmp_path)
    with (
        FilesSource(Settings.model_validate({"path": "survey.csv"}), Context("jobs", tmp_path, CHICAGO))
        .files()[0]
        .open() as table
    ):
        assert recognition.recognise(table.header, [*SHIPPED, it], "survey.csv").mapping.name == "ours"
        it = language.with_constants(it, {"kind": "check_in"}, "config.toml", "constants")
        mapper = mapping.compile_mapping(it, table.header, Options(), programme="spring", file="survey.csv")
        first, *rest = [mapper.map(row.line, row.cells) for row in table.rows]
    assert drafts_of(first)[0].values["rating"] == 0.75
    assert all(isinstance(outcome, Skipped) for outcome in rest)


def test_a_survey_is_recognised_by_its_questions_where_its_columns_have_numbers(tmp_path: Path) -> None:
    names, questions, *rest = (EXPORTS / "qualtrics.csv").read_text("utf-8").split("\n", 2)
    names = names.replace("project,rating,would_engage_again,comments,Q9", "Q1,Q2,Q3,Q4,Q9")
    (tmp_path / "survey.csv").write_text("\n".join((names, questions, *rest)), "utf-8")
    name, (first, *_) = outcomes_of(tmp_path, "survey.csv", kind="check_in", scale=(1, 5))
    (draft,) = drafts_of(first)
    assert (name, draft.values["rating"], draft.values["comments"]) == ("qualtrics", 0.75, "Going well.")
    assert (draft.refs["posting.title"], draft.origins["rating"].column) == ("Data cleaning project", "Q2")
