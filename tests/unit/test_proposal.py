"""What is proposed for a file that nothing recognises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_sync import fields, language, loader, mapping, proposal
from mi_sync.mapping import Mapped, Mapper
from mi_sync.values import line

SHIPPED = loader.find_all(Path("/nonexistent"))
PEOPLE: dict[str, list[str]] = {
    "Student Full Name": ["Ana Lopez", "Bo Li"],
    "Student E-mail Addr": ["ana@s.example", "bo@s.example"],
    "Cell phone": ["+1 657 555 0168", "(657) 555-0169"],
    "Gender": ["F", "M"],
    "Internship Project Title": ["Donor dashboard", "Donor atlas"],
    "Application Stage": ["Hired", "new"],
    "Applied On (date)": ["13/02/2026", "03/02/2026"],
    "University Name": ["North Lake", "South Lake"],
    "Majors": ["Maths, Art", "Art"],
    "Shoe size": ["40", "41"],
    "From": ["10.0.0.1", "10.0.0.2"],
}


def propose(table: dict[str, list[str]]) -> dict[str, str | None]:
    return {column.name: column.field for column in columns_of(table)}


def columns_of(table: dict[str, list[str]]) -> list[proposal.Column]:
    return proposal.propose(list(table), list(table.values()), SHIPPED)


def mapper_of(columns: list[proposal.Column]) -> Mapper | None:
    text = proposal.as_toml(columns, "a.csv")
    if not text:
        return None
    it = language.load(text, "own", "mappings/own.toml")
    header = [column.name for column in columns]
    if it.primary == "feedback" and "kind" not in {f.name for f in it.records[0].fields}:
        it = language.with_constants(it, {"kind": "final"}, "config.toml", "constants")
    return mapping.compile_mapping(it, header, fields.Options(scale=(0, 5)), programme="p", file="a.csv")


def mapped_by(it: Mapper, table: dict[str, list[str]]) -> tuple[mapping.Draft, ...]:
    outcome = it.map(2, [cells[0] for cells in table.values()])
    assert isinstance(outcome, Mapped), outcome
    return outcome.drafts


def test_columns_are_told_by_their_names_and_their_values() -> None:
    assert propose(PEOPLE) == {
        "Student Full Name": "applicant.name",
        "Student E-mail Addr": "applicant.email",
        "Cell phone": "applicant.phone",
        "Gender": None,
        "Internship Project Title": "application.posting.title",
        "Application Stage": "application.status",
        "Applied On (date)": "application.applied_at",
        "University Name": "applicant.school",
        "Majors": "applicant.majors",
        "Shoe size": None,
        "From": None,
    }


def test_the_proposed_mapping_reads_the_file() -> None:
    it = mapper_of(columns_of(PEOPLE))
    assert it is not None
    outcome = it.map(3, [cells[1] for cells in PEOPLE.values()])
    assert isinstance(outcome, Mapped)
    applicant, application = outcome.drafts
    assert (applicant.values["email"], applicant.values["majors"]) == ("bo@s.example", ["Art"])
    assert (application.values["status"], application.values["applied_at"]) == ("applied", "2026-02-03")


def test_postings_are_told_from_applicants() -> None:
    table = {"Project": ["Atlas"], "Employer": ["Labs"], "Project Fee ($)": ["$450"], "Start date": ["2026-03-02"]}
    assert propose(table) == {
        "Project": "posting.title",
        "Employer": "posting.organization",
        "Project Fee ($)": "posting.pay",
        "Start date": "posting.starts_on",
    }


def test_pay_and_its_period_are_proposed_side_by_side() -> None:
    table = {"Job title": ["Atlas"], "Offered project fee": ["$15 - $20"], "Pay period": ["hourly"]}
    it = mapper_of(columns_of(table))
    assert it is not None
    outcome = it.map(2, [cells[0] for cells in table.values()])
    assert isinstance(outcome, Mapped)
    assert outcome.drafts[0].values["pay"] == {"min": 15, "max": 20, "per": "hour"}


# -- when it is not sure -----------------------------------------------------------------------------------


def test_a_form_is_told_from_applicants_by_its_answers() -> None:
    form = {
        "Start time": ["2026-03-02 10:00:00", "2026-03-03 10:00:00"],
        "Intern's e-mail": ["ana@s.example", "bo@s.example"],
        "Name of the project": ["Donor dashboard", "Donor atlas"],
        "Stars: how would you rate the intern's work": ["4", "5"],
        "Would you work with this intern again": ["Definitely yes", "no"],
        "Gender": ["F", "M"],
    }
    columns = columns_of(form)
    assert [column.field for column in columns] == [
        None,
        "feedback.applicant.email",
        "feedback.posting.title",
        "feedback.rating",
        "feedback.would_engage_again",
        None,
    ]
    text = proposal.as_toml(columns, "a.csv")
    assert 'scale = "source"' in text
    assert 'constants = { kind = "final" }' in text
    it = mapper_of(columns)
    assert it is not None
    (draft,) = mapped_by(it, form)
    assert (draft.values["rating"], draft.values["would_engage_again"]) == (0.8, True)
    without = propose({name: cells for name, cells in form.items() if "Would" not in name and "Stars" not in name})
    assert without["Name of the project"] == "application.posting.title"


def test_a_question_tells_what_a_column_with_a_number_is_for() -> None:
    labels = ["Recipient Email", "Which project did you work on?", "How would you rate your experience?", "Why?"]
    cells = [["ana@s.example"], ["Donor dashboard"], ["4"], ["It was fine."]]
    columns = proposal.propose(["Q1", "Q2", "Q3", "Q4"], cells, SHIPPED, labels)
    assert [column.field for column in columns] == [
        "feedback.applicant.email",
        "feedback.posting.title",
        "feedback.rating",
        None,
    ]
    assert 'rating = { column = "Q3"' in proposal.as_toml(columns, "a.csv")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("email_addresses.0.value", "applicant.email"),
        ("categories.phone", "applicant.phone"),
        ("offices.0.name", None),
        ("profile.id", None),
    ],
)
def test_a_nested_name_is_understood_by_its_end_unless_that_is_vague(name: str, field: str | None) -> None:
    assert propose({"id": [], name: []})[name] == field


@pytest.mark.parametrize("cells", [["call me"], ["2026-03-02"], ["ana@s.example", "none", "none"]])
def test_a_name_is_not_believed_when_the_values_do_not_fit(cells: list[str]) -> None:
    assert propose({"Project title": ["Atlas"], "Supervisor email": cells})["Supervisor email"] is None


def test_an_address_is_told_by_its_looks_alone() -> None:
    assert (
        propose({"Contact": ["ana@s.example", "bo@s.example"], "Project": ["A", "B"]})["Contact"] == "applicant.email"
    )


@pytest.mark.parametrize("name", ["Boss Email", "Customer e-mail", "Owner Email", "Approved by (email)", "Mentor"])
def test_an_address_of_somebody_else_is_no_applicants(name: str) -> None:
    assert propose({name: ["ana@s.example", "bo@s.example"], "Project": ["A", "B"]})[name] is None


@pytest.mark.parametrize("name", ["Learner Email", "Student E-mail Addr", "Personal email", "Email", "candidateEmail"])
def test_an_address_of_the_persons_own_is(name: str) -> None:
    assert propose({name: ["ana@s.example", "bo@s.example"], "Project": ["A", "B"]})[name] == "applicant.email"


@pytest.mark.parametrize("name", ["Project #", "Project No.", "project_number", "Job Nr"])
def test_the_number_of_a_project_is_its_id_and_not_its_title(name: str) -> None:
    assert propose({name: ["PD-1", "PD-2"], "Fee": ["$1", "$2"]})[name] == "posting.id"


@pytest.mark.parametrize("name", ["No", "No.", "#", "Row #", "S No"])
def test_the_number_of_a_row_is_no_id(name: str) -> None:
    assert propose({name: ["1", "2"], "Project": ["A", "B"]})[name] is None


def test_a_status_whose_words_are_not_known_is_kept_as_a_word() -> None:
    table = {"Email": ["a@s.example"], "Job title": ["A"], "Status": ["Round 7"]}
    assert propose(table)["Status"] == "application.source_status"
    assert propose({**table, "Status": ["Hired"]})["Status"] == "application.status"


def test_two_columns_that_fit_alike_get_nothing() -> None:
    phones = {"Home phone": ["657 555 0168"], "Work phone": ["657 555 0169"]}
    assert propose({"Email": ["a@s.example"], **phones}) == {
        "Email": "applicant.email",
        "Home phone": None,
        "Work phone": None,
    }
    assert propose({"Email": ["a@s.example"], "Home phone": phones["Home phone"]})["Home phone"] == "applicant.phone"


def test_what_cannot_be_told_apart_is_said_to_be_so() -> None:
    columns = columns_of({"Email": ["a@s.example"], "Application status": ["Hired"]})
    assert [column.field for column in columns] == ["applicant.email", None]
    assert "no column tells which posting is meant" in columns[1].evidence


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("What is your e-mail address?", "applicant.email"),
        ("Vacancy title", "application.posting.title"),
        ("Aplicant name", "applicant.name"),
        ("candidateFirstName", "applicant.given_name"),
        ("School Name", "applicant.school"),
        ("Network ID", None),
        ("School contact", None),
        ("applicationStep", None),
    ],
)
def test_names_are_understood_or_left_alone(name: str, field: str | None) -> None:
    table: dict[str, list[str]] = {"student id": [], "project id": [], name: []}
    assert propose(table)[name] == field


def test_dates_that_leave_it_open_are_said_to() -> None:
    table = {"Project title": ["Atlas"], "Start date": ["03/04/2026", "05/06/2026"]}
    column = columns_of(table)[1]
    assert column.field == "posting.starts_on"
    assert column.spec is not None
    assert column.spec.dates is None
    assert 'dates = "dmy" or "mdy"' in column.evidence


def test_what_is_never_kept_is_told_by_name_or_looks() -> None:
    assert proposal.sensitive(list(PEOPLE), list(PEOPLE.values())) == ["Gender", "From"]
    assert proposal.sensitive(["Start"], [["10:30:00", "11:15"]]) == []


# -- what always holds -------------------------------------------------------------------------------------

CELLS = st.sampled_from(
    [
        "",
        "Ana Lopez",
        "ana@s.example",
        "13/02/2026",
        "02/13/2026",
        "03/04/2026",
        "$450",
        "x, y",
        "a; b",
        "Hired",
        "10.0.0.1",
    ]
) | st.text(max_size=12)
NAMES = st.sampled_from(
    [
        *PEOPLE, "Email", "E-mail", "Title", "Job title", "Pay", "Pay period", "Status", "Start", "id", "Project",
        "Intern's email", "Rating", "*Would you engage again?*", "Kind", "jobs.0.name", "email_addresses.0.value",
    ]
)  # fmt: skip
TABLES = st.dictionaries(NAMES | st.text(max_size=15), st.lists(CELLS, min_size=1, max_size=4), max_size=7)


@given(TABLES)
@settings(max_examples=60)
def test_every_proposal_is_one_to_one_and_a_mapping_that_binds(table: dict[str, list[str]]) -> None:
    columns = columns_of(table)
    assert [column.name for column in columns] == [line(name) for name in table]
    found = [column.field for column in columns if column.field]
    assert len(found) == len(set(found))
    assert all(column.confidence >= proposal.SURE for column in columns if column.field)
    assert (mapper_of(columns) is not None) == bool(found)


@given(st.lists(st.text("ABCXYZ", min_size=9), min_size=2, max_size=2, unique=True))
def test_nothing_that_is_told_holds_a_cell(secrets: list[str]) -> None:
    columns = columns_of(
        {"Email": [f"{s}@s.example" for s in secrets], "Project": secrets, "Notes": secrets, "Foo": secrets}
    )
    told = proposal.as_toml(columns, "a.csv") + json.dumps([column.evidence for column in columns])
    assert not any(secret.casefold() in told.casefold() for secret in secrets)


def test_a_wide_table_is_looked_at_in_part() -> None:
    names = [f"column {number}" for number in range(100_000)]
    columns = proposal.propose(["Email", *names], [["a@s.example"], *([] for _ in names)], SHIPPED)
    assert [column.field for column in columns[:2]] == ["applicant.email", None]


def test_samples_are_bounded_and_skip_blank_cells() -> None:
    assert proposal.samples(2, ([" " if n % 2 else "x", str(n)] for n in range(9)), most=3) == [
        ["x"] * 3,
        ["0", "1", "2"],
    ]
