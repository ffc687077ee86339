"""What we write as CSV: readable again, and never a formula."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync.sheets import as_csv, defused

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
DANGEROUS = "=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "  =1", "\uff1d1"])
def test_what_a_spreadsheet_would_compute_gets_an_apostrophe(cell: str) -> None:
    assert defused(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", " ", "a=1", "exports/jobs.csv", "2026-03-02", "'=1"])
def test_other_text_stays_as_it_is(cell: str) -> None:
    assert defused(cell) == cell


@given(st.lists(st.tuples(CELLS, CELLS), max_size=4))
def test_a_table_reads_back_as_it_was_and_holds_no_formula(rows: list[tuple[str, str]]) -> None:
    text = as_csv(("one", "two"), rows)
    assert text.startswith("\ufeff")
    header, *read = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert header == ["one", "two"]
    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]
    assert not any(cell.lstrip(" ").startswith(tuple(DANGEROUS)) for row in read for cell in row)


def test_nothing_else_of_ours_writes_csv(repository: Path) -> None:
    sources = [p for folder in ("src", "connectors") for p in (repository / folder).rglob("*.py")]
    writing = {p.name for p in sources if re.search(r"csv\.(?:Dict)?[Ww]riter\b", p.read_text("utf-8"))}
    assert writing == {"sheets.py"}


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell() -> None:
    assert as_csv(("a", "b", "c"), [(-1, None, "-1")]) == "\ufeffa,b,c\n-1,,'-1\n"
