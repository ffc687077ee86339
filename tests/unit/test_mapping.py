from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync import language, loader, mapping
from mi_sync.errors import SourceError
from mi_sync.fields import Options
from mi_sync.mapping import Draft, Mapped, Mapper, RowProblem, Skipped
from mi_sync.model import RECORDS
from mi_sync.values import fold
from rows import NOWHERE, mapped, mapper, problem

DATA = Path(__file__).parents[1] / "data" / "exports"
SHIPPED = (
    "generic_postings", "generic_applicants", "engagements", "indeed_candidates", "handshake_applicant_list",
    "linkedin_talent_hub", "lever_import", "career_fair", "twelve_twenty_outcomes",
)  # fmt: skip


def sample(name: str) -> list[tuple[Draft, ...]]:
    with (DATA / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    it = mapper(name, header)
    return [mapped(it, *row) for row in rows]


# -- the shipped mappings --------------------------------------------------------------------------------


def test_generic_postings_read_a_sample() -> None:
    (first,), (second,) = sample("generic_postings")
    assert (first.kind, first.ref, first.id) == ("posting", "id:P-1", "P-1")
    assert first.values == {
        "id": "P-1",
        "title": "Data cleaning project",
        "summary": "Clean **one** survey.",
        "deliverables": ["Clean table; CSV", "Short report"],
        "skills": ["Python", "SQL"],
        "organization": "Sample Labs",
        "remote": True,
        "hours": {"estimated": 20},
        "pay": {"min": 450, "max": 450, "currency": "USD", "per": "fixed"},
        "starts_on": "2026-04-06",
        "ends_on": "2026-05-01",
        "status": "open",
        "source_status": "Posted",
    }
    assert "remote" not in second.values
    assert second.values["hours"] == {"estimated": 1200}
    assert (second.values["starts_on"], second.values["ends_on"]) == ("2026-04-06", "2026-05-01")
    assert second.values["status"] == "in_progress"


def test_indeed_candidates_read_a_sample() -> None:
    (applicant, application), (_, hired) = sample("indeed_candidates")
    assert applicant.ref == "email:wanda3kx9_6hp@indeedemail.com"
    assert applicant.values == {
        "name": "Wanda Example",
        "given_name": "Wanda",
        "family_name": "Example",
        "initials": "WE",
        "email": "wanda3kx9_6hp@indeedemail.com",
        "phone": "+1 657 555 0168",
        "degree": "Bachelor's",
        "channel": "job_board",
    }
    assert application.refs == {"posting.title": "Data cleaning project", "applicant.ref": applicant.ref}
    assert application.values == {"applied_at": "2026-04-11", "status": "applied", "source_status": "Awaiting Review"}
    assert hired.values["status"] == "accepted"


def test_handshake_applicant_list_reads_a_sample() -> None:
    (applicant, application), (_, declined) = sample("handshake_applicant_list")
    assert applicant.values["name"] == "Wanda Example"
    assert applicant.values["email"] == "wanda.example@uni.example"
    assert application.values["status"] == "applied"
    assert (declined.values["status"], declined.values["source_status"]) == ("rejected", "Declined")


def test_engagements_is_an_overlay_that_refers_to_others() -> None:
    assert loader.find_mapping("engagements", NOWHERE).overlay
    (first,), (second,) = sample("engagements")
    assert first.kind == "application"
    assert first.refs == {"posting.id": "P-1", "applicant.email": "wanda.example@uni.example"}
    assert first.values["supervisor_email"] == "boss@labs.example"
    assert second.values == {"status": "withdrawn", "source_status": "withdrawn"}
    assert first.ref != second.ref


APPLICANTS = ("id", "name", "email", "posting_id", "status")


def test_generic_applicants_make_the_applicant_then_the_application() -> None:
    applicant, application = mapped(
        mapper("generic_applicants", APPLICANTS), "A1", "Ana López", "ana@x.org", "P1", "Hired"
    )
    assert (applicant.kind, applicant.ref, applicant.values["channel"]) == ("applicant", "id:A1", "import")
    assert application.refs == {"applicant.ref": "id:A1", "posting.id": "P1"}
    assert application.values == {"status": "accepted", "source_status": "Hired"}
    assert loader.find_mapping("generic_applicants", NOWHERE).primary == "application"


def test_a_name_with_a_comma_tells_which_part_is_the_family_name() -> None:
    applicant, *_ = mapped(mapper("generic_applicants", APPLICANTS), "A1", "García López, Ana", "", "P1", "")
    named = {part: applicant.values[part] for part in ("name", "given_name", "family_name", "initials")}
    assert named == {"name": "Ana García López", "given_name": "Ana", "family_name": "García López", "initials": "AG"}
    it = mapper(
        '[applicant]\nid = "I"\nname = { column = "N", values = { "the boss, me" = "Ana López" } }\n', ["I", "N"]
    )
    assert mapped(it, "1", "The Boss, me")[0].values["family_name"] == "López"


def test_an_applicant_without_id_goes_by_the_email() -> None:
    applicant, _ = mapped(mapper("generic_applicants", APPLICANTS), "", "Ana", " Ana@X.org", "P1", "")
    assert (applicant.ref, applicant.id) == ("email:ana@x.org", None)


def test_a_row_without_status_has_none() -> None:
    _, application = mapped(mapper("generic_applicants", APPLICANTS), "A1", "Ana", "", "P1", " ")
    assert application.values == {}


def test_a_row_without_any_application_makes_the_applicant_alone() -> None:
    drafts = mapped(mapper("generic_applicants", APPLICANTS), "A1", "Ana", "ana@x.org", "", "")
    assert [d.kind for d in drafts] == ["applicant"]


def test_a_status_without_a_posting_is_a_problem_and_not_lost() -> None:
    it = problem(mapper("generic_applicants", APPLICANTS), "A1", "Ana", "ana@x.org", "", "hired")
    assert it.field == "posting.id"
    assert "posting.id or posting.title" in it.why


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_mappings_say_what_they_are(name: str) -> None:
    it = loader.find_mapping(name, NOWHERE)
    assert it.title
    assert it.source if it.attested != "none" else True
    assert it.direction in {"export", "upload", "own-data"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("generic_postings", "posting"), ("generic_applicants", "applicant"), ("generic_applicants", "application")],
)
@pytest.mark.parametrize("separator", ["_", " ", "-"])
def test_generic_mappings_take_every_canonical_field_name(name: str, kind: str, separator: str) -> None:
    left_out = {"key", "label", "posting", "applicant", "answers", "id", "links"}
    fields = [f for k, record in RECORDS.items() if k == kind for f in record.model_fields if f not in left_out]
    nested = {"pay": "pay_min", "hours": "hours_estimated"}
    it = loader.find_mapping(name, NOWHERE)
    for field in fields:
        header = nested.get(field, field).replace("_", separator).upper()
        columns = [header, *({"email", "title", "posting_id"} - {field})]
        bound = mapping.compile_mapping(it, columns, Options(), programme="p", file="f")
        assert any(f.name.partition(".")[0] == field and 0 in f.positions for r in bound._records for f in r.fields), (
            field
        )


# -- columns ---------------------------------------------------------------------------------------------

OWN = """
dates = "mdy"
[applicant]
id = "ID"
name = { template = "{First} {Last}" }
email = { column = ["E-mail", "Other mail"], required = true }
skills = { column = "Skills", split = "," }
links = { template = "{LinkedIn};{Site}" }
gpa = { column = "GPA", values = { "n/a" = "" } }
channel = { default = "career_fair" }
[application]
posting.title = "Project"
applied_at = "When"
status = { column = "State", other = "in_review", values = { "Yes!" = "accepted" } }
[application.answers]
"Why us?" = "Why do you apply?"
"""
OWN_HEADER = (
    "ID",
    "First",
    "Last",
    "E-mail",
    "Other mail",
    "Skills",
    "LinkedIn",
    "Site",
    "GPA",
    "Project",
    "When",
    "State",
    "Why do you apply?",
    "Ethnicity",
)
OWN_ROW = (
    "7",
    "Ana",
    "López",
    "",
    "ana@x.org",
    '"A, B",C,c',
    "",
    "https://ana.x.org",
    "N/A",
    "Study",
    "03/04/2026 9:00",
    "Maybe",
    "Because\nI like it",
    "secret",
)


def test_a_mapping_of_ones_own() -> None:
    applicant, application = mapped(mapper(OWN, OWN_HEADER), *OWN_ROW)
    assert applicant.values == {
        "id": "7", "name": "Ana López", "given_name": "Ana", "family_name": "López", "initials": "AL",
        "email": "ana@x.org", "skills": ["A, B", "C", "c"], "links": ["https://ana.x.org"], "channel": "career_fair",
    }  # fmt: skip
    assert application.values == {
        "applied_at": "2026-03-04T09:00:00-06:00", "status": "in_review", "source_status": "Maybe",
        "answers": {"Why us?": "Because\nI like it"},
    }  # fmt: skip


def test_every_value_knows_its_column_and_line() -> None:
    applicant, application = mapped(mapper(OWN, OWN_HEADER), *OWN_ROW)
    lines = OWN.split("\n")
    assert set(applicant.origins) == set(applicant.values)
    assert applicant.origins["email"].column == "Other mail"
    assert applicant.origins["name"].column == "First + Last"
    assert applicant.origins["initials"] == applicant.origins["name"]
    assert applicant.origins["channel"].column is None
    assert application.origins["answers.Why us?"].column == "Why do you apply?"
    for origin, word in (
        (applicant.origins["email"], "email ="),
        (application.origins["posting.title"], "posting.title"),
        (application.origins["status"], "status ="),
        (application.origins["answers.Why us?"], '"Why us?"'),
    ):
        assert origin.mapping_line is not None
        assert lines[origin.mapping_line - 1].startswith(word)


def test_the_sources_options_beat_the_mapping() -> None:
    it = mapper(OWN, OWN_HEADER, "dmy", {"status": {"MAYBE": "rejected"}, "applicant.gpa": {"n/a": "3.9"}})
    applicant, application = mapped(it, *OWN_ROW)
    assert application.values["applied_at"] == "2026-04-03T09:00:00-05:00"
    assert application.values["status"] == "rejected"
    assert applicant.values["gpa"] == "3.9"


@pytest.mark.parametrize(
    ("values", "hint"),
    [({"statsu": {"a": "accepted"}}, "Did you mean 'status'"), ({"status": {"a": "acepted"}}, "is none of applied")],
)
def test_options_that_fit_nothing_are_refused(values: dict[str, dict[str, str]], hint: str) -> None:
    with pytest.raises(SourceError, match=hint):
        mapper("engagements", ["posting_id", "email", "status"], values=values)


def test_missing_columns_are_all_named_with_the_header_but_no_data() -> None:
    with pytest.raises(SourceError) as caught:
        mapper(OWN, ["Skills", "State", "wanda@x.org", "5550168123"])
    text = str(caught.value)
    assert text.startswith("exports/a.csv: ")
    assert all(
        part in text
        for part in ("applicant.email ('E-mail', 'Other mail')", "posting.title ('Project')", "'Skills'", "Rename")
    )
    assert "wanda" not in text
    assert "5550168" not in text


def test_a_file_that_has_nothing_of_the_mapping_is_refused() -> None:
    with pytest.raises(SourceError, match="none of the mapping's columns"):
        mapper("engagements", ["Foo", "Bar"])


def test_an_overlay_must_tell_posting_and_applicant() -> None:
    with pytest.raises(SourceError, match=r"applicant\.id or applicant\.email"):
        mapper("engagements", ["posting_id", "status"])


def test_of_equal_headers_the_first_counts() -> None:
    it = mapper("generic_applicants", ["Email Address", "Posting ID", "Email Address"])
    assert mapped(it, "a@x.org", "P", "b@x.org")[0].values["email"] == "a@x.org"


def test_headers_that_differ_only_in_spelling_are_refused_unless_one_is_exact() -> None:
    with pytest.raises(SourceError, match="differ only in spelling"):
        mapper("generic_applicants", ["E-Mail", "EMAIL", "Posting ID"])
    it = mapper("generic_applicants", ["E-Mail", "email", "Posting ID"])
    assert mapped(it, "a@x.org", "b@x.org", "P")[0].values["email"] == "b@x.org"


def test_another_spelling_is_no_way_round_what_is_never_kept() -> None:
    with pytest.raises(SourceError, match="'Veteran Status' looks like EEO data"):
        mapper('[applicant]\nemail = "E"\ngpa = "veteranstatus"', ["E", "Veteran Status"])


def test_the_source_says_what_hours_that_are_no_number_mean() -> None:
    meant = {"hours.estimated": {"10-15 hours": "15"}}
    it = mapper("generic_postings", ["title", "hours"], values=meant)
    assert mapped(it, "T", "10-15 Hours")[0].values["hours"] == {"estimated": 15}
    assert problem(it, "T", "10-20 hours").field == "hours.estimated"


def test_pay_is_one_amount_or_a_range() -> None:
    it = mapper("generic_postings", ["title", "pay", "pay_min", "pay_max"])
    assert mapped(it, "T", "450", "", "")[0].values["pay"] == {"min": 450, "max": 450}
    assert mapped(it, "T", "", "300", "500")[0].values["pay"] == {"min": 300, "max": 500}
    assert problem(it, "T", "", "500", "300").field == "pay.min"


def test_a_posting_without_id_goes_by_its_key_columns() -> None:
    it = mapper("generic_postings", ["title", "organization", "location"])
    refs = [mapped(it, *row)[0].ref for row in (("T", "A", "x"), ("t ", "a", "y"), ("T", "B", "x"), ("T", "", "x"))]
    assert refs[0] == refs[1]
    assert len(set(refs)) == 3


FEEDBACK = """
[feedback]
posting.id = "p"
applicant.email = "mail"
kind = { column = "kind", default = "final" }
rating = { column = "stars", scale = [1, 5] }
would_engage_again = "again"
submitted_at = "when"
"""


def test_a_key_may_name_a_part_of_a_field() -> None:
    it = mapper('[posting]\nkey = ["title", "pay.min"]\ntitle = "T"\npay.min = "P"\n', ["T", "P"])
    assert mapped(it, "A", "1")[0].ref != mapped(it, "A", "2")[0].ref
    toml = '[application]\nkey = ["answers.term"]\nposting.id = "P"\napplicant.id = "A"\nanswers.term = "Q"\n'
    assert '"spring"' in mapped(mapper(toml, ["P", "A", "Q"]), "1", "2", "Spring")[0].ref


def test_feedback_goes_by_whose_it_is_and_when() -> None:
    it = mapper(FEEDBACK, ["p", "mail", "kind", "stars", "again", "when"])
    (first,), (second,) = (mapped(it, "P", "a@x.org", "", "4", "yes", day) for day in ("2026-04-03", "2026-04-10"))
    assert first.values == {"kind": "final", "rating": 0.75, "would_engage_again": True, "submitted_at": "2026-04-03"}
    assert first.ref != second.ref
    assert problem(it, "P", "a@x.org", "check-in", "6", "", "").field == "rating"


# -- rows that cannot be read ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "cell", "hint"),
    [
        ("starts_on", "03/04/2026", 'set dates = "dmy" or "mdy"'),
        ("starts_on", "Zq7Zq", "YYYY-MM-DD"),
        ("supervisor_email", "Zq7Zq", "name@example.org"),
        ("status", "Zq7Zq", 'values = { status = { "the word" = "draft" } }'),
        ("openings", "Zq7Zq", "plain number"),
        ("openings", "9" * 400, "plain number"),
        ("openings", "-3", "less than it can be"),
        ("hours.estimated", "NaN", "plain number"),
        ("remote", "Zq7Zq", "neither yes nor no"),
        ("pay.currency", "Zq7Zq", "ISO 4217"),
        ("url", "javascript:Zq7Zq()", "https://"),
        ("id", "1.21143E+15", "spreadsheet"),
        ("hours.estimated", "10-15 hours", "no single number of hours"),
        ("pay", "Zq7Zq", "USD 450 fixed"),
    ],
)
def test_a_bad_cell_names_field_column_and_remedy_but_not_itself(field: str, cell: str, hint: str) -> None:
    column = field.replace(".", "_")
    it = problem(mapper("generic_postings", ["title", column]), "T", cell)
    assert (it.line, it.field) == (7, field)
    assert hint in it.why
    assert repr(column) in it.why
    assert cell not in it.why


def test_a_bad_email_of_what_the_row_refers_to_is_named_with_its_kind() -> None:
    it = problem(mapper("generic_applicants", APPLICANTS), "A1", "Ana", "no mail", "P1", "")
    assert it.field == "applicant.email"


def test_a_required_value_must_be_there() -> None:
    it = problem(mapper("generic_postings", ["id", "title", "skills"]), "P1", " ", "x")
    assert (it.field, it.present) == ("title", (("posting", "id:P1"),))


def test_a_row_whose_keys_can_be_read_counts_as_present() -> None:
    it = mapper("generic_applicants", APPLICANTS)
    good = mapped(it, "A1", "Ana", "ana@x.org", "P1", "hired")
    bad = problem(it, "A1", "Ana", "ana@x.org", "P1", "what?")
    assert bad.present == tuple((d.kind, d.ref) for d in good)


def test_a_row_whose_key_cannot_be_read_counts_as_nothing() -> None:
    it = mapper("generic_applicants", APPLICANTS)
    assert problem(it, "", "Ana", "no mail", "P1", "hired").present == ()
    assert problem(it, "A1", "Ana", "ana@x.org", "", "hired").present == ()


def test_known_trouble_is_known_on_any_line_but_not_in_another_programme() -> None:
    header = ("title", "openings", "Ethnicity")
    it, other = mapper("generic_postings", header), mapper("generic_postings", header, programme="autumn")
    digests = {p.digest for p in (it.map(2, ("T", "x", "a")), it.map(9, ("T", "x", "b"))) if isinstance(p, RowProblem)}
    assert len(digests) == 1
    assert digests != {problem(it, "T", "y", "a").digest}
    assert digests != {problem(other, "T", "x", "a").digest}


def test_two_faults_are_two_and_known_again_in_the_next_read() -> None:
    def read() -> list[str]:
        it = mapper("generic_postings", ["title"])
        return [it.fault(line, "too many cells.").digest for line in (3, 8)]

    first = read()
    assert len(set(first)) == 2
    assert read() == first


def test_a_row_of_another_width_is_a_problem() -> None:
    assert "1 cells where the header has 2" in problem(mapper("generic_postings", ["title", "id"]), "T").why


def test_a_row_with_nothing_mapped_is_a_problem() -> None:
    assert "no mapped column" in problem(mapper("generic_postings", ["title", "Foo"]), " ", "Total").why


# -- what always holds -------------------------------------------------------------------------------------

CELLS = st.text() | st.sampled_from(
    ["a@x.org", "2026-04-03", "1,200", "yes", "accepted", "Posted", "P-1", "https://x.org", "Ana López", ""]
)


def header_of(name: str) -> list[str]:
    """A header with the first alternative of every field."""
    it = loader.find_mapping(name, NOWHERE)
    return list(dict.fromkeys(f.spec.columns[0] for r in it.records for f in r.fields if f.spec.columns))


@pytest.mark.parametrize("name", SHIPPED)
@given(data=st.data())
def test_every_row_is_mapped_or_a_problem(name: str, data: st.DataObject) -> None:
    header = header_of(name)
    cells = data.draw(st.lists(CELLS, min_size=len(header), max_size=len(header)))
    it = mapper(name, header)
    outcome = it.map(3, cells)
    if isinstance(outcome, RowProblem):
        assert outcome.why.endswith(".")
        assert not outcome.field or outcome.field.replace(".", "_").isidentifier()
    else:
        assert isinstance(outcome, Mapped)
        assert outcome.drafts
        for draft in outcome.drafts:
            stubs = (
                {"key": "k", "posting": "p", "applicant": "a"}
                if draft.kind in {"application", "feedback"}
                else {"key": "k"}
            )
            record = RECORDS[draft.kind].model_validate({**stubs, **json.loads(json.dumps(draft.values))})
            assert record.model_dump(exclude_unset=True, exclude=set(stubs)).keys() == draft.values.keys()
            assert {o.partition(".")[0] for o in draft.origins} >= draft.values.keys()
        assert outcome == it.map(3, cells)


@given(st.lists(CELLS, min_size=14, max_size=14), st.text(alphabet="QZ7", min_size=5))
def test_a_column_that_is_not_mapped_appears_nowhere(cells: list[str], secret: str) -> None:
    it = mapper(OWN, OWN_HEADER)
    outcome = it.map(3, [*cells[:-1], f"<{secret}>"])
    assert f"<{secret}>" not in repr(outcome)
    assert outcome == it.map(3, [*cells[:-1], ""])


@given(st.data(), st.lists(CELLS, min_size=5, max_size=5))
def test_the_spelling_and_order_of_the_header_change_nothing(data: st.DataObject, cells: list[str]) -> None:
    header = ("posting_id", "email_address", "start_date", "status", "supervisor_email")
    order = data.draw(st.permutations(range(5)))
    respelled = [
        data.draw(
            st.sampled_from([h, h.upper(), h.replace("_", " ").title(), h.replace("_", "-"), f" {h.replace('_', '')} "])
        )
        for h in header
    ]
    plain = mapper("engagements", header).map(3, cells)
    other = mapper("engagements", [respelled[i] for i in order]).map(3, [cells[i] for i in order])
    if isinstance(plain, Mapped):
        assert isinstance(other, Mapped)
        assert [(d.ref, d.values, d.refs) for d in plain.drafts] == [(d.ref, d.values, d.refs) for d in other.drafts]
    else:
        assert isinstance(plain, RowProblem)
        assert isinstance(other, RowProblem)
        assert (plain.field, plain.digest, plain.present) == (other.field, other.digest, other.present)


def test_no_message_of_a_bad_row_repeats_a_cell() -> None:
    header = header_of("generic_applicants")
    it = mapper("generic_applicants", header)
    for position in range(len(header)):
        cells = ["Zq7Zq@@" if p == position else "" for p in range(len(header))]
        outcome = it.map(3, cells)
        assert isinstance(outcome, Mapped) or "Zq7Zq" not in outcome.why


# -- rows that are no records, and rows that are several --------------------------------------------------

TESTS = """
[skip]
State = ["Test", "2"]
[applicant]
email = "Email"
phone = { column = "Phones", split = ";" }
skills = "skills.*.name"
links = { template = "{web};{profiles.*.url}" }
"""


def test_rows_that_the_mapping_calls_no_records_are_skipped_in_its_words() -> None:
    it = mapper(TESTS, ["Email", "State"])
    outcomes = [it.map(3, ["ann@x.org", state]) for state in (" TEST ", "2", "", "Tested")]
    assert outcomes[:2] == [Skipped(3, "column 'State' says 'Test'"), Skipped(3, "column 'State' says '2'")]
    assert all(isinstance(outcome, Mapped) for outcome in outcomes[2:])
    assert it.columns == (0, 1)
    assert mapped(mapper(TESTS, ["Email"]), "ann@x.org")  # without the column there is nothing to skip


@given(CELLS, CELLS)
def test_only_the_words_of_a_rule_skip_a_row(email: str, state: str) -> None:
    outcome = mapper(TESTS, ["Email", "State"]).map(3, [email, state])
    assert isinstance(outcome, Skipped) == (fold(state) in {"test", "2"})


def test_of_several_values_for_one_the_first_counts() -> None:
    (draft,) = mapped(mapper(TESTS, ["Email", "Phones"]), "ann@x.org", " ;+1 555 555 0168;x")
    assert draft.values["phone"] == "+1 555 555 0168"


def test_columns_with_numbers_are_a_list_in_their_order() -> None:
    header = ["Email", "skills.10.name", "skills.2.name", "skills.2.level", "profiles.0.url", "profiles.1.url", "web"]
    (draft,) = mapped(mapper(TESTS, header), "ann@x.org", "C", "SQL", "good", "a.example", "", "b.example")
    assert draft.values["skills"] == ["SQL", "C"]
    assert draft.values["links"] == ["b.example", "a.example"]


EACH = """
[applicant]
id = "id"
[application]
each = "apps.*.jobs.*"
posting.title = "apps.*.jobs.*.name"
applied_at = "apps.*.at"
"""


def test_each_element_of_a_list_is_a_record_of_its_own() -> None:
    header = ["id", "apps.0.at", "apps.0.jobs.0.name", "apps.0.jobs.1.name", "apps.1.at", "apps.1.jobs"]
    it = mapper(EACH, header)
    outcome = it.map(3, ["1", "2026-03-02", "A", "B", "2026-03-03", ""])
    assert isinstance(outcome, Mapped)
    assert [draft.refs.get("posting.title") for draft in outcome.drafts] == [None, "A", "B"]
    assert {draft.values.get("applied_at") for draft in outcome.drafts[1:]} == {"2026-03-02"}
    assert outcome.notes == ("apps.1.jobs is empty, so no application is made of what stands beside it",)
    bad = problem(it, "1", "soon", "A", "B", "", "")
    assert [kind for kind, _ in bad.present] == ["applicant", "application", "application"]
    assert len({ref for _, ref in bad.present}) == 3


def test_nothing_is_called_lost_that_is_not_in_the_element_and_nothing_unmapped_is_looked_at() -> None:
    header = ["id", "made", "apps.0.at", "apps.0.jobs.0.name", "apps.1.at", "apps.1.jobs.0.name", "apps.1.jobs.0.race"]
    it = mapper(EACH.replace("apps.*.at", "made"), header)
    outcome = it.map(3, ["1", "2026-03-02", "", "A", "", "", ""])
    assert isinstance(outcome, Mapped)
    assert outcome.notes == ()
    it = mapper(EACH, header)
    for race in ("", "Sentinel"):
        outcome = it.map(3, ["1", "", "", "A", "2026-03-02", "", race])
        assert isinstance(outcome, Mapped)
        assert outcome.notes == ("apps.1.jobs is empty, so no application is made of what stands beside it",)


def test_a_file_without_any_element_makes_the_others() -> None:
    (draft,) = mapped(mapper(EACH, ["id", "apps"]), "1", "")
    assert draft.kind == "applicant"


# -- what a source says of all its rows --------------------------------------------------------------------

SAYS = """
[feedback]
posting.title = "Project"
applicant.email = "Email"
kind = "Kind"
rating = { column = "Stars", scale = "source" }
"""


def said(**constants: object) -> Mapper:
    told = {name.replace("__", "."): value for name, value in constants.items()}
    it = language.with_constants(language.load(SAYS, "own", "own.toml"), told, "config.toml", "sources[0].constants")
    options = Options(scale=(1, 5))
    header = ["Email", "Kind", "Stars"]
    return mapping.compile_mapping(it, header, options, programme="spring", file="a.csv")


def test_a_constant_counts_whatever_the_row_says() -> None:
    (draft,) = mapped(said(kind="final", by="supervisor", posting__title="Study"), "ann@x.org", "midpoint", "4")
    assert (draft.values["kind"], draft.values["by"], draft.values["rating"]) == ("final", "supervisor", 0.75)
    assert draft.refs["posting.title"] == "Study"
    assert draft.origins["kind"] == (None, None)


def test_what_is_said_nowhere_is_asked_for() -> None:
    with pytest.raises(mapping.Untold) as caught:
        said(kind="final")
    assert caught.value.names == {"posting.title"}
    with pytest.raises(mapping.Untold) as caught:
        mapper(SAYS, ["Email", "Project", "Stars"])
    assert caught.value.names == {"kind", "scale"}
    with pytest.raises(SourceError, match="lacks a column for applicant"):
        mapper(SAYS, ["Project", "Kind"])


def test_thousands_of_elements_are_bound_in_passing() -> None:
    names = [f"apps.{n}.jobs.{m}.name" for n in range(1_000) for m in range(5)]
    it = mapper(EACH, ["id", *names])
    outcome = it.map(3, ["1", *["A"] * 5, *[""] * (len(names) - 5)])
    assert isinstance(outcome, Mapped)
    assert [draft.kind for draft in outcome.drafts] == ["applicant", *["application"] * 5]


# -- columns that have labels ----------------------------------------------------------------------------

FORM = """
[applicant]
email = "RecipientEmail"
skills = "Which skills do you bring?"
"""


def labelled(toml: str, header: Sequence[str], labels: Sequence[str]) -> Mapper:
    it = language.load(toml, "own", "mappings/own.toml")
    return mapping.compile_mapping(it, header, Options(), programme="spring", file="exports/form.csv", labels=labels)


def test_a_column_may_be_named_by_its_label_and_tells_its_name() -> None:
    it = labelled(FORM, ["RecipientEmail", "Q1"], ["Recipient Email", "Which skills\ndo you bring?"])
    (draft,) = mapped(it, "ana@s.example", "SQL")
    assert draft.values["skills"] == ["SQL"]
    assert draft.origins["skills"].column == "Q1"


def test_a_name_comes_before_a_label_and_the_first_of_two_labels_counts() -> None:
    toml = FORM.replace("Which skills do you bring?", "Q2")
    (draft,) = mapped(labelled(toml, ["RecipientEmail", "Q1", "Q2"], ["", "Q2", ""]), "ana@s.example", "SQL", "Python")
    assert draft.values["skills"] == ["Python"]
    (draft,) = mapped(
        labelled(toml, ["RecipientEmail", "Q1", "Q3"], ["", "Q2", "q2"]), "ana@s.example", "SQL", "Python"
    )
    assert draft.values["skills"] == ["SQL"]


def test_a_label_that_tells_of_eeo_data_keeps_its_column_from_being_read() -> None:
    toml = FORM.replace("Which skills do you bring?", "Q7")
    with pytest.raises(SourceError, match="'Q7' looks like EEO data, which is never kept"):
        labelled(toml, ["RecipientEmail", "Q7"], ["Recipient Email", "How do you describe your gender?"])
