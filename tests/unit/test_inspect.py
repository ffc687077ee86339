"""`mi-sync inspect`: what is this file?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mi_sync.cli import invoke

ODD = """\
Student Full Name;Student E-mail Addr;Gender;Internship Project Title;Application Stage;Applied On (date)
Zuzanna Quux;zuzanna@s.example;F;Donor dashboard;Hired;13/02/2026
Bo Li;bo@s.example;M;Donor dashboard;new;03/02/2026
"""
CONFIG = """\
[programme]
id = "spring-2026-7f3k9q"
timezone = "America/Chicago"

[[sources]]
name = "postings"
namespace = "jobs"
connector = "files"
path = "postings.csv"

[[sources]]
name = "people"
namespace = "jobs"
connector = "files"
path = "odd.csv"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a configuration, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.csv").write_text(ODD, "utf-8-sig")
    (tmp_path / "postings.csv").write_text("id,title\nP-1,Donor dashboard\n", "utf-8")
    return tmp_path


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert invoke([*arguments, "--output", "json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_known_file_is_recognised(capsys: pytest.CaptureFixture[str], repository: Path) -> None:
    file = repository / "tests" / "data" / "exports" / "indeed_candidates.csv"
    found = as_json(capsys, "inspect", str(file))
    told = {
        name: found[name] for name in ("format", "encoding", "delimiter", "header_row", "rows", "mapping", "attested")
    }
    assert told == {
        "format": "csv",
        "encoding": "utf-8",
        "delimiter": ",",
        "header_row": 1,
        "rows": 2,
        "mapping": "indeed_candidates",
        "attested": "header",
    }
    assert found["confidence"] == 1.0
    assert found["direction"] == "export"
    fields = {column["column"]: column["field"] for column in found["columns"]}
    assert fields["email"] == "applicant.email"
    assert fields["job title"] == "application.posting.title"
    assert fields["status"] == "application.status"
    assert fields["interest level"] is None
    assert found["sensitive"] == []


def test_for_an_unknown_file_a_mapping_is_proposed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, "inspect", "odd.csv")
    assert (found["mapping"], found["attested"], found["delimiter"], found["encoding"]) == (
        None,
        None,
        ";",
        "utf-8-sig",
    )
    assert found["sensitive"] == ["Gender"]
    fields = {column["column"]: column["field"] for column in found["columns"]}
    assert fields["Student E-mail Addr"] == "applicant.email"
    assert fields["Gender"] is None
    assert {path.name for path in folder.iterdir()} == {"odd.csv", "postings.csv"}


def test_a_written_mapping_is_recognised_and_works(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["inspect", "odd.csv", "--write", "mappings/ours.toml"]) == 0
    assert as_json(capsys, "inspect", "odd.csv")["mapping"] == "ours"
    (folder / "config.toml").write_text(CONFIG, "utf-8")
    records = as_json(capsys, "pull")
    assert records["quarantined"] == []
    assert sorted(person["email"] for person in records["applicants"]) == ["bo@s.example", "zuzanna@s.example"]
    assert sorted(a["status"] for a in records["applications"]) == ["accepted", "applied"]
    assert {a["applied_at"][:10] for a in records["applications"]} == {"2026-02-13", "2026-02-03"}


def test_a_written_mapping_is_recognised_however_little_of_the_file_it_reads(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = "Student Name,Email,Major(s),GPA,Table,Shirt,Gender,Badge\n"
    (folder / "fair.csv").write_text(f"{header}Ana Li,ana@s.example,Art,3.1,A7,M,F,yes\n", "utf-8")
    assert as_json(capsys, "inspect", "fair.csv")["mapping"] is None
    assert invoke(["inspect", "fair.csv", "--write", "mappings/fair.toml"]) == 0
    assert as_json(capsys, "inspect", "fair.csv")["mapping"] == "fair"
    assert "Gender" not in (folder / "mappings" / "fair.toml").read_text("utf-8").partition("\n\n")[0]


def test_a_copy_of_a_shipped_mapping_comes_before_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "form.csv").write_text("Timestamp,Email Address,Rating,Project\n2026-04-01,ana@s.example,4,A\n", "utf-8")
    assert as_json(capsys, "inspect", "form.csv")["mapping"] == "google_forms"
    assert invoke(["inspect", "form.csv", "--write", "mappings/our_form.toml"]) == 0
    assert as_json(capsys, "inspect", "form.csv")["mapping"] == "our_form"


def test_nothing_is_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ours.toml").write_text("mine", "utf-8")
    assert invoke(["inspect", "odd.csv", "--write", "ours.toml"]) == 2
    assert "ours.toml" in capsys.readouterr().err
    assert (folder / "ours.toml").read_text("utf-8") == "mine"


def test_the_mapping_of_a_known_file_is_written_as_a_copy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["inspect", "postings.csv", "--write", "mappings/generic_postings.toml"]) == 0
    assert "Postings, generic" in (folder / "mappings" / "generic_postings.toml").read_text("utf-8")
    assert as_json(capsys, "inspect", "postings.csv")["mapping"] == "generic_postings"


@pytest.mark.parametrize("output", ["text", "json"])
def test_no_value_is_ever_shown(folder: Path, capsys: pytest.CaptureFixture[str], output: str) -> None:
    assert invoke(["inspect", "odd.csv", "--write", "ours.toml", "--output", output]) == 0
    told = "".join(capsys.readouterr()) + (folder / "ours.toml").read_text("utf-8")
    assert "applicant.email" in told
    assert not any(word in told for word in ("Zuzanna", "zuzanna@", "Quux", "13/02/2026", "Donor dashboard"))


@pytest.mark.usefixtures("folder")
def test_the_text_says_what_the_file_is_and_how_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["inspect", "postings.csv"]) == 0
    told = capsys.readouterr().out
    assert "postings.csv: csv, utf-8, ','; header in line 1; 1 row" in told
    assert "Mapping: generic_postings (Postings, generic; export; nothing is attested): knows 2 of 2 columns" in told
    assert "posting.title" in told


def test_of_a_very_wide_file_not_all_is_shown_as_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "wide.csv").write_text("Email," + ",".join(f"c{n}" for n in range(500)) + "\n", "utf-8")
    assert invoke(["inspect", "wide.csv"]) == 0
    assert "and 401 more columns" in capsys.readouterr().out
    assert len(as_json(capsys, "inspect", "wide.csv")["columns"]) == 501


@pytest.mark.parametrize("first", ["Ana Lopez,ana@s.example,P-1", "Ana Lopez,2026-03-02,P-1", "Ana,'+1 657 555 0168"])
def test_a_file_without_a_header_is_refused_unseen(
    folder: Path, capsys: pytest.CaptureFixture[str], first: str
) -> None:
    (folder / "bare.csv").write_text(f"{first}\n{first}\n", "utf-8")
    assert invoke(["inspect", "bare.csv"]) == 2
    told = "".join(capsys.readouterr())
    assert "bare.csv:1" in told
    assert not any(cell in told for cell in first.split(","))


def test_what_is_known_of_a_format_is_told_with_what_the_source_must_say(
    capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    file = repository / "tests" / "data" / "exports" / "typeform.csv"
    found = as_json(capsys, "inspect", str(file))
    assert (found["mapping"], found["attested"], found["direction"]) == ("typeform", "header", "export")
    assert "Typeform" in found["source"]
    assert found["caution"] == ""
    assert 'constants = { kind = "…" } and scale = [1, 5]' in found["evidence"]
    assert invoke(["inspect", str(file)]) == 0
    told = capsys.readouterr().out
    assert "Described at: Typeform" in told
    assert "Say it for the whole source" in told


def test_a_starter_is_shown_with_its_caution_and_what_it_reads(
    capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    file = repository / "tests" / "data" / "by_name" / "parker_dewey.csv"
    assert as_json(capsys, "inspect", str(file))["mapping"] != "parker_dewey"
    found = as_json(capsys, "inspect", str(file), "--mapping", "parker_dewey")
    assert (found["confidence"], found["attested"]) == (1.0, "none")
    assert "starter" in found["caution"]
    fields = {column["column"]: column["field"] for column in found["columns"]}
    assert (fields["skillsPreferred"], fields["dueWithinDays"]) == ("posting.skills", None)


def test_rows_that_are_no_records_and_lists_within_rows_are_shown(
    capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    exports = repository / "tests" / "data" / "exports"
    survey = as_json(capsys, "inspect", str(exports / "qualtrics.csv"))
    columns = {column["column"]: column for column in survey["columns"]}
    assert columns["Finished"]["evidence"] == "it tells which rows are no records"
    assert survey["sensitive"] == ["IPAddress", "LocationLatitude", "LocationLongitude"]
    nested = as_json(capsys, "inspect", str(exports / "greenhouse_candidates.json"))
    fields = {column["column"]: column["field"] for column in nested["columns"]}
    assert fields["applications.1.status"] == "application.status"
    assert fields["applications.0.jobs.1.name"] == "application.posting.title"


@pytest.mark.usefixtures("folder")
def test_a_file_may_be_looked_at_with_a_named_mapping(capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, "inspect", "postings.csv", "--mapping", "generic_postings")
    assert (found["mapping"], found["confidence"]) == ("generic_postings", 1.0)
    found = as_json(capsys, "inspect", "odd.csv", "--mapping", "indeed_candidates")
    assert found["confidence"] == 0.0
    assert "lacks a column for" in found["evidence"]
    assert as_json(capsys, "inspect", "odd.csv", "--mapping", "generic_posting", code=2)["status"] == "failed"


@pytest.mark.usefixtures("folder")
def test_settings_of_the_source_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert as_json(capsys, "inspect", "odd.csv", "--set", "delimiter=,")["delimiter"] == ","
    for wrong in ("delimiter=,,", "delimiter", "colour=red"):
        assert invoke(["inspect", "odd.csv", "--set", wrong]) == 2
        assert "--set" in capsys.readouterr().err


def test_unreadable_rows_are_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "postings.csv").write_text("id,title\nP-1,A\nP-2,B,C\n", "utf-8")
    found = as_json(capsys, "inspect", "postings.csv")
    assert (found["rows"], found["faults"]) == (2, 1)


@pytest.mark.parametrize("name", ["none.csv", "*.csv", "empty.csv"])
def test_what_cannot_be_looked_at_is_refused(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (folder / "empty.csv").write_bytes(b"")
    assert invoke(["inspect", name]) in {2, 4}
    assert name in capsys.readouterr().err


def test_a_file_of_which_nothing_is_known_gets_no_mapping(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "postings.csv").write_text("Foo,Bar\n1,2\n", "utf-8")
    assert invoke(["inspect", "postings.csv", "--write", "ours.toml"]) == 2
    assert "mappings/README.md" in capsys.readouterr().err
    assert not (folder / "ours.toml").exists()


def test_check_shows_what_a_file_is_recognised_as(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "config.toml").write_text(CONFIG, "utf-8")
    checks = as_json(capsys, "check", code=2)["checks"]
    told = {check["what"]: check for check in checks}
    assert told["source postings"]["why"].endswith("mapping generic_postings, recognised")
    assert not told["source people"]["ok"]
    assert "mi-sync inspect" in told["source people"]["why"]


def test_what_was_guessed_and_what_is_no_record_is_told(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    content = "id,title,openings\nP-1,Zürich,2\nTotal,,2\n".encode("cp1252")
    (folder / "postings.csv").write_bytes(content)
    found = as_json(capsys, "inspect", "postings.csv")
    assert (found["encoding"], found["rows"], found["faults"], found["skipped"]) == ("cp1252", 2, 0, 1)
    (note,) = found["notes"]
    assert note["where"] == "postings.csv:2"
    assert invoke(["inspect", "postings.csv"]) == 0
    out = capsys.readouterr().out
    assert "2 rows, 1 of them no records, such as totals" in out
    assert "postings.csv:2: this line is no UTF-8" in out


def test_sensitive_columns_are_named_also_when_they_come_twice(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "odd.csv").write_text("id,title,Gender,Gender,IP Address,IP Address\nP-1,Data,a,b,c,d\n", "utf-8")
    found = as_json(capsys, "inspect", "odd.csv")
    assert found["sensitive"] == ["Gender", "Gender#2", "IP Address", "IP Address#2"]


def test_a_question_about_eeo_is_named_by_its_column(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """A column such as Q7 says nothing of itself; the question below its name does."""
    rows = [
        "Q1,Q7,RecipientEmail",
        'How was it?,"What is your gender, if you like?",Email',
        *['"{""ImportId"":""x""}",' * 2 + '"{""ImportId"":""x""}"'],
    ]
    (folder / "form.csv").write_text("\n".join([*rows, "Good,x,ana@s.example", ""]), "utf-8")
    found = as_json(capsys, "inspect", "form.csv")
    assert found["sensitive"] == ["Q7"]
    first = found["columns"][0]
    assert (first["column"], first["label"]) == ("Q1", "How was it?")
    assert {c["column"]: c["evidence"] for c in found["columns"]}["Q7"] == "never kept"
