"""`why`, `quarantine` and `state` on the command line, in process."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mi_sync.cli import invoke
from mi_sync.model import Applicant, Privacy, privacy_of
from mi_sync.state import MIGRATIONS

TITLE = "Kickoff call: Clean up the donor list (CE)"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A project made by `mi-sync init`, pulled once, and the working directory."""
    assert invoke(["init", str(tmp_path / "spring")]) == 0
    monkeypatch.chdir(tmp_path / "spring")
    assert invoke(["pull"]) == 3
    capsys.readouterr()
    return tmp_path / "spring"


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert invoke([*arguments, "--output", "json"]) == code
    return json.loads(capsys.readouterr().out)


def as_text(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert invoke(list(arguments)) == code
    return capsys.readouterr().out


def append(path: Path, text: str) -> None:
    path.write_bytes(path.read_bytes() + text.encode())


# ------------------------------------------------------------------------------------------------- why


def test_why_of_a_records_field(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    key = next(p["key"] for p in as_json(capsys, "pull")["postings"] if p["id"] == "P-102")
    (found,) = as_json(capsys, "why", key, "starts_on")["found"]
    (value,) = found["values"]
    assert (found["what"], found["key"], value["field"]) == ("posting", key, "posting.starts_on")
    assert (value["file"], value["line"], value["column"]) == ("exports/postings.csv", 5, "starts_on")
    assert (value["mapping"], value["shown"]) == ("mappings/generic_postings.toml", True)
    assert value["run"] == as_json(capsys, "history")["runs"][-1]["run_id"]
    text = as_text(capsys, "why", key, "posting.starts_on")
    assert f"posting.starts_on = {value['value']}\n  exports/postings.csv:5 (source postings), column" in text
    assert value["content"][:16] in text


def test_why_of_an_item_by_its_title_and_by_its_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    (by_title,) = as_json(capsys, "why", TITLE.upper())["found"]
    (by_key,) = as_json(capsys, "why", by_title["key"])["found"]
    assert by_key == by_title
    assert (by_title["target"], by_title["step"], by_title["url"]) == ("board", "kickoff", None)
    fields = {each["field"]: each for each in by_title["fields"]}
    assert fields["title"]["names"] == ["posting.title", "applicant.label"]
    assert fields["due"]["counted"]["fields"] == ["posting.starts_on"]
    assert {"posting.title", "applicant.label", "posting.starts_on"} <= {each["field"] for each in by_title["values"]}
    assert "not yet on the board" in as_text(capsys, "why", TITLE)


def test_one_field_of_an_item_tells_of_that_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    text = as_text(capsys, "why", TITLE, "due")
    assert "due: start+0b\n    counted from start, which is " in text
    assert "posting.starts_on = " in text
    assert "posting.title" not in text
    (found,) = as_json(capsys, "why", TITLE, "posting.pay")["found"]
    assert {each["field"] for each in found["values"]} == {
        f"posting.pay.{x}" for x in ("min", "max", "currency", "per")
    }


def test_why_of_a_custom_field(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = (folder / "config.toml").read_text("utf-8")
    fields = 'connector = "trello"\nfields = { Starts = "{{ dates.start }}" }\n'
    (folder / "config.toml").write_text(config.replace('connector = "trello"\n', fields), "utf-8")
    (found,) = as_json(capsys, "why", TITLE, "fields.Starts")["found"]
    assert [each["field"] for each in found["values"]] == ["posting.starts_on"]
    assert "There are: title" in as_json(capsys, "why", TITLE, "fields.Ends", code=2)["problems"][0]["why"]


def test_what_nobody_knows_is_2_with_a_remedy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    unknown = as_json(capsys, "why", "nothing of the kind", code=2)["problems"][0]
    assert "mi-sync status" in unknown["why"]
    assert "nothing of the kind" not in str(unknown)
    assert "There are: title" in as_json(capsys, "why", TITLE, "colour", code=2)["problems"][0]["why"]
    key = as_json(capsys, "pull")["postings"][0]["key"]
    assert "Did you mean 'starts_on'?" in as_json(capsys, "why", key, "start_on", code=2)["problems"][0]["why"]


def test_a_title_that_several_items_have_is_2_and_names_their_keys(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    step = '[[milestones.steps]]\nkey = "kickoff"\ntitle = "Kickoff"\n'
    config = (folder / "config.toml").read_text("utf-8").replace("[privacy]", f"{step}\n[privacy]")
    config = config if step in config else config.replace("[[targets]]", f"{step}\n[[targets]]")
    (folder / "config.toml").write_text(config, "utf-8")
    why = as_json(capsys, "why", "kickoff", code=2)["problems"][0]["why"]
    assert "more than one item" in why
    keys = why.partition("keys: ")[2].rstrip(".").split(", ")
    assert len(keys) == len(set(keys)) == 3
    assert as_json(capsys, "why", keys[0])["found"][0]["title"] == "Kickoff"


def personal(records: Any) -> set[str]:
    """Every value of the applicants that is not public."""
    names = [n for n in Applicant.model_fields if privacy_of(Applicant, n) is not Privacy.PUBLIC]
    found = {value for applicant in records["applicants"] for name in names if (value := applicant[name])}
    return {value for value in found if isinstance(value, str) and len(value) > 2}


def test_a_value_is_shown_only_where_privacy_allows_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = as_json(capsys, "pull")
    keys = [r["key"] for kind in ("applicants", "applications") for r in records[kind]]
    hidden = personal(records)
    assert {"Ana Lopez", "ana.lopez@students.example", "North Lake University"} <= hidden
    for key in (*keys, TITLE):
        told = as_text(capsys, "why", key) + json.dumps(as_json(capsys, "why", key), ensure_ascii=False)
        assert not [value for value in hidden if value in told]
    assert "(name: not shown; allow it in [privacy])" in as_text(capsys, "why", keys[0], "name")
    config = (folder / "config.toml").read_text("utf-8")
    head, _, tail = config.partition("[privacy]")
    allowed = tail.partition("\n[")[1:]
    (folder / "config.toml").write_text(f'{head}[privacy]\nallow = ["name"]\n{"".join(allowed)}', "utf-8")
    names = {as_json(capsys, "why", key, "name")["found"][0]["values"][0]["value"] for key in keys[:5]}
    assert "Ana Lopez" in names
    told = "".join(as_text(capsys, "why", key) for key in keys)
    assert not [value for value in hidden if "@" in value and value in told]


# -------------------------------------------------------------------------------------------- quarantine


def test_a_row_is_shown_by_its_number_and_by_its_place_and_without_its_cells(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    by_number = as_json(capsys, "quarantine", "show", "1")
    assert as_json(capsys, "quarantine", "show", "exports/applicants.csv:8") == by_number
    (row,) = by_number["quarantined"]
    assert (row["number"], row["stage"], row["field"]) == (1, "map", "applied_at")
    assert {"Applied on", "E-mail"} <= set(row["columns"])
    text = as_text(capsys, "quarantine", "show", "1")
    assert "'Applied on'" in text
    for cell in ("Elif", "2026-02-30", "elif.kaya@students.example"):
        assert cell not in text + json.dumps(by_number)


def test_columns_that_no_mapping_reads_are_not_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exports = folder / "exports" / "applicants.csv"
    header, _, rest = exports.read_bytes().partition(b"\r\n")
    exports.write_bytes(header + b",Gender\r\n" + b"\r\n".join(row + b",x" for row in rest.split(b"\r\n") if row))
    invoke(["pull"])
    rows = as_json(capsys, "quarantine", "list")["quarantined"]
    for row in rows:
        (shown,) = as_json(capsys, "quarantine", "show", str(row["number"]))["quarantined"]
        assert "Applied on" in shown["columns"]
        assert "Gender" not in shown["columns"]


def test_a_row_of_a_file_that_is_no_longer_there_is_shown_all_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "exports" / "applicants.csv").unlink()
    assert as_json(capsys, "quarantine", "show", "1")["quarantined"][0]["columns"] is None
    assert "cannot be read now" in as_text(capsys, "quarantine", "show", "1")


def test_a_row_that_is_not_left_out_is_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    for row in ("2", "0", "exports/applicants.csv:2"):
        assert "mi-sync quarantine list" in as_json(capsys, "quarantine", "show", row, code=2)["problems"][0]["why"]


def test_the_export_has_every_row_and_is_for_its_owner_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = os.umask(0)
    try:
        assert as_json(capsys, "quarantine", "list", "--export", "out.csv") == {"file": "out.csv", "rows": 1}
    finally:
        os.umask(before)
    file = folder / "out.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(encoding="utf-8-sig", newline="") as handle:
        (row,) = list(csv.DictReader(handle))
    listed = as_json(capsys, "quarantine", "list")["quarantined"][0]
    assert {name: str(value) for name, value in listed.items()} == row
    assert "1 row left out" in as_text(capsys, "quarantine", "list", "--export", "out.csv")
    assert [each.name for each in folder.iterdir() if each.name.endswith(".part")] == []


def test_no_cell_of_the_export_is_a_formula(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = (folder / "config.toml").read_text("utf-8")
    (folder / "=1+1.csv").write_bytes((folder / "exports" / "applicants.csv").read_bytes())
    (folder / "config.toml").write_text(config.replace("exports/applicants.csv", "=1+1.csv"), "utf-8")
    invoke(["pull"])
    assert as_json(capsys, "quarantine", "list")["quarantined"][0]["file"] == "=1+1.csv"
    invoke(["quarantine", "list", "--export", "out.csv"])
    with (folder / "out.csv").open(encoding="utf-8-sig", newline="") as handle:
        assert [row["file"] for row in csv.DictReader(handle)] == ["'=1+1.csv"]


def test_a_folder_that_is_not_there_is_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    told = as_json(capsys, "quarantine", "list", "--export", "none/out.csv", code=2)
    assert told["problems"][0]["where"] == "none/out.csv"


def test_retry_reads_files_that_are_unchanged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(folder / "state.db")) as db, db:
        db.execute("UPDATE files SET accepted = 99")  # what a pull that reads nothing would believe
    assert as_json(capsys, "quarantine", "retry")["sources"]["applicants"]["unchanged"] == 5
    told = as_json(capsys, "quarantine", "retry")
    assert told["sources"]["postings"]["unchanged"] == 99  # no row of this file was left out
    assert (told["status"], [row["left_out"] for row in told["retried"]]) == ("ok", [True])
    assert as_json(capsys, "history")["runs"][0]["command"] == "quarantine retry"


def test_retry_tells_what_got_through(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    append(folder / "exports" / "applicants.csv", "S-9,Fay Oh,fay@students.example,P-999,New,2026-02-27,,,,\r\n")
    assert invoke(["pull"]) == 3
    (row,) = [q for q in as_json(capsys, "quarantine", "list")["quarantined"] if q["stage"] == "link"]
    assert row["line"] == 10
    append(folder / "exports" / "postings.csv", f"P-999,Atlas{',' * 23}\r\n")
    text = as_text(capsys, "quarantine", "retry")
    assert "✓ exports/applicants.csv:10 [posting_id]\nOf 2 rows left out, 1 got through." in text
    assert [q["line"] for q in as_json(capsys, "quarantine", "list")["quarantined"]] == [8]


def test_a_row_that_only_moved_did_not_get_through(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exports = folder / "exports" / "applicants.csv"
    header, _, rest = exports.read_bytes().partition(b"\r\n")
    exports.write_bytes(header + b"\r\nS-9,Fay Oh,fay@students.example,P-101,New,2026-02-27,,,,\r\n" + rest)
    told = as_json(capsys, "quarantine", "retry")
    assert [(row["line"], row["left_out"]) for row in told["retried"]] == [(8, True)]
    assert [q["line"] for q in as_json(capsys, "quarantine", "list")["quarantined"]] == [9]


def test_retry_ends_as_a_pull_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    append(folder / "exports" / "applicants.csv", "S-9,No Body,nobody,P-101,New,,,,,\r\n")
    told = as_json(capsys, "quarantine", "retry", code=3)
    assert [row["line"] for row in told["retried"] if row["left_out"]] == [8]
    assert as_json(capsys, "quarantine", "retry")["exit_code"] == 0
    (folder / "exports" / "applicants.csv").unlink()
    assert invoke(["quarantine", "retry"]) == 2


def test_retry_with_nothing_left_out_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exports = folder / "exports" / "applicants.csv"
    kept = [row for row in exports.read_bytes().splitlines(keepends=True) if not row.startswith(b"S-6")]
    exports.write_bytes(b"".join(kept))
    assert invoke(["pull"]) == 0
    assert "No row was left out." in as_text(capsys, "quarantine", "retry")


# ------------------------------------------------------------------------------------------------- state


def test_state_show_counts_and_tells_nothing_of_anybody(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hidden = personal(as_json(capsys, "pull"))
    shown = as_json(capsys, "state", "show")
    assert shown["records"] == {"applicant": 5, "application": 5, "posting": 3}
    assert (shown["schema"], shown["newest_schema"]) == (len(MIGRATIONS), len(MIGRATIONS))
    assert shown["quarantine"] == {"applicants": 1}
    assert shown["runs"] == {"ok": 1, "partial": 1}
    assert shown["bytes"] >= (folder / "state.db").stat().st_size
    text = as_text(capsys, "state", "show")
    assert "Records: 13 (applicant 5, application 5, posting 3)" in text
    assert not [value for value in hidden if value in text + json.dumps(shown)]


def test_state_show_makes_no_state(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in folder.glob("state.db*"):
        file.unlink()
    shown = as_json(capsys, "state", "show")
    assert (shown["schema"], shown["bytes"], shown["records"]) == (0, 0, {})
    assert "there is none yet" in as_text(capsys, "state", "show")
    assert list(folder.glob("state.db*")) == []


def test_a_source_that_is_no_longer_configured_is_let_go(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = folder / "config.toml"
    head, *sources = config.read_text("utf-8").split("[[sources]]")
    (applicants,) = [block for block in sources if 'name = "applicants"' in block]
    assert (
        "Take it out of [[sources]] first"
        in as_json(capsys, "state", "forget-source", "applicants", code=2)["problems"][0]["why"]
    )
    rest = applicants[applicants.index("[milestones]") :]
    kept = [block for block in sources if block is not applicants]
    config.write_text("[[sources]]".join([head, *kept]) + rest, "utf-8")
    assert invoke(["pull"]) == 0
    assert "mi-sync state forget-source applicants" in capsys.readouterr().err
    told = as_json(capsys, "state", "forget-source", "applicants")
    assert (told["source"], told["records"]) == ("applicants", 10)
    applications = as_json(capsys, "pull")["applications"]
    assert {a["status"] for a in applications} == {"accepted", "withdrawn"}
    assert as_text(capsys, "pull").startswith("Source")
    assert "forget-source" not in capsys.readouterr().err
    assert "no such source was read" in as_json(capsys, "state", "forget-source", "nope", code=2)["problems"][0]["why"]


def test_status_suggests_who_may_be_one_person_and_shows_neither_name_nor_number(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = folder / "config.toml"
    config.write_text(config.read_text("utf-8").replace("career_office", "generic_applicants"), "utf-8")
    rows = [f"T-{n},Dee Fox,dee{n}@s.example,(555) 012-3456,P-101,applied" for n in range(2)]
    (folder / "exports" / "applicants.csv").write_text(
        "\n".join(["id,name,email,phone,posting_id,status", *rows]) + "\n", "utf-8"
    )
    assert invoke(["pull"]) == 4  # these would be other people
    assert "is on a board yet: remove" in capsys.readouterr().err
    for file in folder.glob("state.db*"):
        file.unlink()
    assert invoke(["pull"]) == 0
    applicants = {a["key"] for a in as_json(capsys, "pull")["applicants"] if a["name"] == "Dee Fox"}
    (found,) = as_json(capsys, "status")["same_person"]
    assert (set(found["keys"]), found["shared"]) == (applicants, "name and phone number")
    text = as_text(capsys, "status")
    assert "May be one person: 1\n  DF-" in text
    assert not [value for value in ("Dee", "Fox", "012", "dee0") if value in text]
