"""Where the records of a table begin and end: titles, header rows of form tools, totals and notes below."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mi_sync.connector import Context, Row, Table
from mi_sync.errors import SourceError
from mi_sync_files import FilesSource, Settings
from workbooks import number, text, workbook

SHARED_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
Cells = Sequence[Sequence[str]]


def read(root: Path, name: str, content: bytes, **configured: str | int) -> tuple[Table, list[Row]]:
    (root / name).write_bytes(content)
    config = Settings.model_validate({"path": name, **configured})
    with FilesSource(config, Context("form", root, ZoneInfo("UTC"))).files()[0].open() as table:
        return table, list(table.rows)


def as_csv(rows: Cells) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def as_workbook(rows: Cells) -> bytes:
    return workbook({"S": [[text(cell) for cell in row] for row in rows]})


WRITERS = pytest.mark.parametrize(("name", "write"), [("t.csv", as_csv), ("t.xlsx", as_workbook)])

# --------------------------------------------------------------------------------------------- form tools

QUALTRICS = [
    ["StartDate", "Status", "RecipientEmail", "Q1", "Q2_1"],
    ["Start Date", "Response Type", "Recipient Email", "How was it?\nSay it, in a word.", "Rate - Supervisor"],
    *[[f'{{"ImportId":"{name}"}}' for name in ("startDate", "status", "recipientEmail", "QID1_TEXT", "QID2_1")]],
    ["2026-03-02 09:00:00", "IP Address", "ada@example.org", "Good", "5"],
]
LEGACY = [
    [*(f"V{n}" for n in range(1, 11)), "Q1", "LocationLatitude", ""],
    [
        *("ResponseID", "ResponseSet", "Name", "ExternalDataReference", "EmailAddress"),
        *("IPAddress", "Status", "StartDate", "EndDate", "Finished", "How was it, in a word?", "LocationLatitude", ""),
    ],
    ["R_1", "Default", "Ada", "", "ada@example.org", "192.0.2.1", "0", "2012", "2012", "1", "Good", "1.5", ""],
]
SURVEY_MONKEY = [
    ["Respondent ID", "Collector ID", "Email Address", "How was it?", "", "", "Which skills?", "", "Why?"],
    ["", "", "", "Response", "Other (please specify)", "", "Python", "SQL", "Open-Ended Response"],
    ["11", "7", "ada@example.org", "Good", "", "", "Python", "", "Because"],
]


@WRITERS
@pytest.mark.parametrize("told", [None, 3])
def test_qualtrics_columns_go_by_their_names_and_not_by_their_localised_questions(
    tmp_path: Path, name: str, write: object, told: int | None
) -> None:
    table, rows = read(tmp_path, name, write(QUALTRICS), **({"header_rows": told} if told else {}))  # type: ignore[operator]
    assert (table.header, table.labels, table.header_line) == (QUALTRICS[0], QUALTRICS[1], 1)
    assert [list(row.cells) for row in rows] == [QUALTRICS[3]]


@WRITERS
def test_qualtrics_without_its_import_ids_is_known_by_names_that_are_repeated(
    tmp_path: Path, name: str, write: object
) -> None:
    names, labels = (
        ["StartDate", "RecordedDate", "ResponseId", "Q1"],
        ["Start Date", "Recorded Date", "Response ID", "How?"],
    )
    table, rows = read(tmp_path, name, write([names, labels, ["2026", "2026", "R_1", "Good"]]))  # type: ignore[operator]
    assert (table.header, [row.cells[2] for row in rows]) == (names, ["R_1"])
    table, rows = read(tmp_path, name, write([names, ["2026", "2026", "R_1", "Q1"]]))  # type: ignore[operator]
    assert (table.header, len(rows)) == (names, 1)


def test_qualtrics_rows_keep_their_lines(tmp_path: Path) -> None:
    assert read(tmp_path, "t.csv", as_csv(QUALTRICS))[1][0].line == 5  # a question stands on two lines


def test_legacy_qualtrics_names_stand_in_the_second_row(tmp_path: Path) -> None:
    table, rows = read(tmp_path, "t.csv", b"\xef\xbb\xbf" + as_csv(LEGACY))
    assert table.header == [*LEGACY[1][:10], "Q1", "LocationLatitude", ""]
    assert table.labels == LEGACY[1]
    assert [row.cells[0] for row in rows] == ["R_1"]


@WRITERS
def test_surveymonkey_columns_are_questions_with_their_options(tmp_path: Path, name: str, write: object) -> None:
    table, rows = read(tmp_path, name, write(SURVEY_MONKEY))  # type: ignore[operator]
    assert table.header == [
        "Respondent ID",
        "Collector ID",
        "Email Address",
        "How was it?",
        "How was it?: Other (please specify)",
        "",
        "Which skills?: Python",
        "Which skills?: SQL",
        "Why?",
    ]
    assert [row.cells[0] for row in rows] == ["11"]


@pytest.mark.parametrize("second", [[], [[""] * 9]], ids=["absent", "blank"])
def test_surveymonkey_without_a_second_row_numbers_the_columns_of_a_question(
    tmp_path: Path, second: list[list[str]]
) -> None:
    table, rows = read(tmp_path, "t.csv", as_csv([SURVEY_MONKEY[0], *second, SURVEY_MONKEY[2]]))
    assert table.header[3:] == [
        "How was it?",
        "How was it?#2",
        "How was it?#3",
        "Which skills?",
        "Which skills?#2",
        "Why?",
    ]
    assert [row.cells[0] for row in rows] == ["11"]


def test_two_rows_are_no_header_of_two_rows_unless_that_is_said(tmp_path: Path) -> None:
    content = as_csv([["Name", "Ratings", ""], ["", "Speed", "Care"], ["Ada", "1", "2"]])
    assert read(tmp_path, "t.csv", content)[0].header == ["Name", "Ratings", ""]
    table, rows = read(tmp_path, "t.csv", content, header_rows=2)
    assert table.header == ["Name", "Ratings: Speed", "Ratings: Care"]
    assert rows == [Row(3, ["Ada", "1", "2"])]


def test_three_header_rows_are_joined_from_above(tmp_path: Path) -> None:
    content = as_csv(
        [["Form", "", "", ""], ["Name", "Ratings", "", ""], ["", "Speed", "Care", ""], ["Ada", "1", "2", ""]]
    )
    assert read(tmp_path, "t.csv", content, header_rows=3)[0].header == [
        "Form: Name",
        "Form: Ratings: Speed",
        "Form: Ratings: Care",
        "",
    ]


def test_the_user_may_say_that_there_is_one_header_row(tmp_path: Path) -> None:
    table, rows = read(tmp_path, "t.csv", as_csv(QUALTRICS), header_rows=1)
    assert (table.header, len(rows)) == (QUALTRICS[0], 3)


def test_header_rows_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^t\.csv:1: of its header only 2 rows can be read\. Correct `header_rows`"):
        read(tmp_path, "t.csv", b"a,b\nc,d\n", header_rows=3)


def test_header_rows_are_counted_from_header_row(tmp_path: Path) -> None:
    content = b"Exit interviews\n\n" + as_csv(SURVEY_MONKEY)
    assert read(tmp_path, "t.csv", content, header_row=3)[0].header[8] == "Why?"


def test_the_mark_behind_the_last_name_names_no_column(tmp_path: Path) -> None:
    table, rows = read(tmp_path, "t.txt", b"First\tLast\t**EndOfHeader**\nAda\tLovelace\nBo\tX\t\n")
    assert table.header == ["First", "Last", ""]
    assert [list(row.cells) for row in rows] == [["Ada", "Lovelace", ""], ["Bo", "X", ""]]


# ------------------------------------------------------------------------------------------------- titles

CONNECTIONS = "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n" + "".join(
    f'Ada{n},L,https://example.org/{n},,Corp,"Head, R&D",05 Mar 2024\n,,,,,,\n' for n in range(150)
)
NOTES = '"When exporting your connection data, you may notice; that some | are missing. \nSecond line, too."\n'


@pytest.mark.parametrize(
    "above",
    ["Notes:\n" + NOTES + "\n", '"Notes:"\n' + NOTES + "\n\n", "Notes:,,,,,,\n" + NOTES.rstrip() + ",,,,,,\n,,,,,,\n"],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_notes_above_linkedin_connections_are_no_rows(tmp_path: Path, above: str, mark: str) -> None:
    table, rows = read(tmp_path, "Connections.csv", (mark + above + CONNECTIONS).encode())
    assert table.header[:2] == ["First Name", "Last Name"]
    assert len([row for row in rows if not row.fault]) == 150


@pytest.mark.parametrize(
    "above",
    [
        "https://app.asana.com/0/1200/list?x=1\n\n\n",
        "https://app.asana.com/0/1200/list,,\n,,\n,,\n",
        "Tutor feedback\n",
        "Tutor feedback,,\n",
        '"Tutor feedback, spring",,\n',
        ",,\nTutor feedback,,\n",
    ],
)
@pytest.mark.parametrize("below", ["", "End of report\n", "Total,,5\n"])
def test_titles_above_the_header_are_no_rows(tmp_path: Path, above: str, below: str) -> None:
    table, rows = read(tmp_path, "t.csv", (above + "Name,School,Hours\nAda,MIT,2\nBo,UCL,3\n" + below).encode())
    assert table.header == ["Name", "School", "Hours"]
    assert [row.cells[0] for row in rows if row.is_record] == ["Ada", "Bo"]


def test_titles_are_found_when_the_sample_ends_within_a_quoted_cell(tmp_path: Path) -> None:
    content = "Tutor feedback\nName,Note\n" + 'Ada,"a\nb"\n' * 300
    table, rows = read(tmp_path, "t.csv", content.encode())
    assert (table.header, len(rows)) == (["Name", "Note"], 300)


# --------------------------------------------------------------------------------------------- what ends it

TABLE = [["id", "title", "pay", "openings"], ["p1", "Data", "100", "2"], ["p2", "Text", "50", "3"]]


@WRITERS
@pytest.mark.parametrize(
    ("last", "why"),
    [
        ([["Total", "", "150", "5"]], "a total"),
        ([["TOTALS:", "", "$1,150.00", "5"]], "a total"),
        ([["", "Grand total", "150,00 €", ""]], "a total"),
        ([["Total records", "2", "", ""]], "a total"),
        ([["Sub-total", "", "(150)", ""], ["Total", "", "150", "85%"]], "a total"),
        ([["End of report"]], "a note"),
        ([["*** END OF FILE ***", "", "", ""]], "a note"),
        ([["-----"]], "a note"),
        ([["Generated on 2 March 2026, 09:00", "", "", ""]], "a note"),
        ([["2 records exported"]], "a note"),
        ([["Page 1 of 1"]], "a note"),
        ([["© 2026 Example Corp"]], "a note"),
    ],
)
def test_what_stands_below_the_records_is_skipped_and_says_why(
    tmp_path: Path, name: str, write: object, last: list[list[str]], why: str
) -> None:
    _, rows = read(tmp_path, name, write([*TABLE, *last, [""] * 4]))  # type: ignore[operator]
    assert [list(row.cells) for row in rows[:2]] == TABLE[1:]
    assert len(rows) == 2 + len(last)
    assert all(row.skip.startswith(f"it is {why}") and not row.cells for row in rows[2:])


@WRITERS
@pytest.mark.parametrize(
    "row",
    [
        ["Total", "Data", "100", "2"],
        ["p3", "Total", "100", "2"],
        ["Total Rewards Analyst", "", "100", "2"],
        ["Total", "n/a", "100", ""],
        ["End of report", "Writing", "", ""],
        ["p3", "End of report", "", ""],
        ["p3", "", "", ""],
    ],
)
def test_a_last_row_that_can_be_a_record_stays_one(tmp_path: Path, name: str, write: object, row: list[str]) -> None:
    _, rows = read(tmp_path, name, write([*TABLE, row]))  # type: ignore[operator]
    assert list(rows[-1].cells) == row


@WRITERS
def test_a_total_in_the_middle_stays_a_row(tmp_path: Path, name: str, write: object) -> None:
    _, rows = read(tmp_path, name, write([TABLE[0], ["Total", "", "1", "2"], *TABLE[1:]]))  # type: ignore[operator]
    assert [bool(row.skip) for row in rows] == [False, False, False]


def test_a_last_line_that_may_be_cut_short_is_at_fault(tmp_path: Path) -> None:
    _, rows = read(tmp_path, "t.csv", as_csv(TABLE) + b"p3\n")
    assert (rows[-1].line, "ends the table and has 1 cell" in rows[-1].fault) == (4, True)
    assert "p3" not in rows[-1].fault
    _, rows = read(tmp_path, "t.csv", as_csv(TABLE) + b"See the careers page\nEnd of report\n")
    assert [(bool(row.fault), bool(row.skip)) for row in rows[2:]] == [(True, False), (False, True)]


def test_short_lines_that_are_usual_in_a_file_are_rows_at_its_end_too(tmp_path: Path) -> None:
    _, rows = read(tmp_path, "t.csv", b"id,title,pay\np1\np2,x,1\np3\n")
    assert [list(row.cells) for row in rows] == [["p1", "", ""], ["p2", "x", "1"], ["p3", "", ""]]


@SHARED_FOLDER
@given(
    rows=st.lists(
        st.lists(st.sampled_from(["", "Total", "5", "End of report", "x", "-----", "$7"]), min_size=1, max_size=3),
        max_size=30,
    )
)
def test_no_row_is_lost_at_the_end_whatever_stands_there(tmp_path: Path, rows: list[list[str]]) -> None:
    """Every row that is not blank comes, in its order, as a record, at fault or skipped; only the last ones are not records."""
    _, got = read(tmp_path, "t.csv", as_csv([["a", "b", "c"], *rows]), header_row=1, delimiter=",")
    wanted = [(line, row) for line, row in enumerate(rows, 2) if any(cell.strip() for cell in row)]
    assert [row.line for row in got] == [line for line, _ in wanted]
    records = [at for at, row in enumerate(got) if row.is_record]
    assert len(got) - 10 <= len([row for row in got if row.is_record]) <= len(got)
    for at in records:
        assert list(got[at].cells) == [*wanted[at][1], "", ""][:3]


def test_a_workbook_counts_its_days_from_1900_or_1904(tmp_path: Path) -> None:
    rows = [[text("d")], [number("61", 1)], [number("45000.5", 2)], [number("45000")]]
    for epoch_1904, days in (
        (False, ["1900-03-01", "2023-03-15T12:00:00", "45000"]),
        (True, ["1904-03-02", "2027-03-16T12:00:00", "45000"]),
    ):
        _, got = read(tmp_path, "t.xlsx", workbook({"S": rows}, epoch_1904=epoch_1904))
        assert [row.cells[0] for row in got] == days
