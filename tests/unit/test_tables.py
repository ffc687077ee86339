"""A table in a pipe is written without rich, which takes longer to import than many a run: the lines are the same."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync.cli import Settings, show

CELLS = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
    st.sampled_from(["", "0", "yes", "a  b", "[red]", "\\[x]", " x", "Zoë", "東京", "a\tb", "x" * 130, "x y " * 40]),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Headings, and rows as long as these."""
    width = draw(st.integers(1, 5))
    row = st.lists(CELLS, min_size=width, max_size=width)
    return draw(row), draw(st.lists(row, max_size=4))


def written(write: str, *arguments: object, numbers: bool) -> str:
    """What one of the two ways to write a table writes into a pipe."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")
    with pytest.MonkeyPatch.context() as patched:
        for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "GITHUB_ACTIONS", "NO_COLOR", "COLUMNS"):
            patched.delenv(name, raising=False)
        patched.setattr(sys, "stdout", stream)
        getattr(show, write)(Settings(), *arguments, numbers=numbers)
    stream.flush()
    written = stream.buffer
    assert isinstance(written, io.BytesIO)
    return written.getvalue().decode()


@given(tables(), st.booleans())
def test_lines_are_those_of_rich(table: tuple[list[str], list[list[str]]], numbers: bool) -> None:  # noqa: FBT001
    headings, rows = table
    lines = show._aligned(headings, rows, numbers=numbers)
    if lines is not None:
        assert "\n".join([*lines, ""]) == written("_rich_table", headings, rows, numbers=numbers)


def test_a_table_of_counts_is_written_so() -> None:
    headings, rows = ["Source", "rows", "complete"], [["jobs", "12", "yes"], ["people", "1000", "no"]]
    expected = (
        "Source   rows   complete\n────────────────────────\njobs       12        yes\npeople   1000         no\n"
    )
    assert show._aligned(headings, rows, numbers=True) == expected.splitlines()
    assert written("_table", headings, rows, numbers=True) == f"{expected}\n"


def test_what_needs_rich_is_left_to_it() -> None:
    for cell in ("Zoë", "a\tb", "x" * 300, " x"):
        assert show._aligned(["Name"], [[cell]], numbers=False) is None


@pytest.mark.parametrize(
    ("environ", "bare"), [({}, True), ({"FORCE_COLOR": "1"}, False), ({"TTY_COMPATIBLE": "1"}, False)]
)
def test_colours_that_are_asked_for_are_left_to_rich(
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    bare: bool,  # noqa: FBT001
) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert show._is_bare(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) is bare
    assert not show._is_bare(io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
