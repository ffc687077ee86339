"""Nothing is lost in silence: every row is accounted for, and records follow from what the rows say alone."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync.events import Result
from mi_sync.model import Kind
from workbooks import text, workbook
from world import CONFIG, World

HEADER = "id,name,email,phone,posting_id,status,notes"
IDS = {"S-1": "a@s.example", "S-2": "b@s.example"}


def row(id_: str, **said: str) -> str:
    cells = {"name": "Ana Lopez", "email": IDS.get(id_, ""), "phone": "", "posting_id": "P-1", "status": "applied"}
    return ",".join([id_, *(cells | said).values(), said.get("notes", "")][:7])


VALID = st.builds(
    row,
    st.sampled_from(sorted(IDS)),
    phone=st.sampled_from(["555 012 3456", ""]),
    posting_id=st.sampled_from(["P-1", "P-1", "P-2"]),
    status=st.sampled_from(["applied", "accepted", "withdrawn", ""]),
)
BROKEN = st.one_of(
    st.builds(row, st.sampled_from(sorted(IDS)), status=st.sampled_from(["promoted", "???"])),
    st.builds(row, st.sampled_from(sorted(IDS)), posting_id=st.sampled_from(["P-9", ""])),
    st.builds(row, st.just(""), email=st.sampled_from(["no address", "", "d@s.example"])),
    # A row of a single cell would be told from the others where it comes last: it may be cut short.
    st.sampled_from([",,,,,,", "", "S-1,Ana", "S-2,Bo,b@s.example,,P-1,applied,,,too many", "S-1,Ana,,,P-1,applied"]),
)
TABLE = st.lists(st.one_of(VALID, VALID, VALID, BROKEN), min_size=2, max_size=8)
TABLES = st.lists(st.one_of(TABLE, TABLE, st.just([])), min_size=1, max_size=3)


@contextmanager
def exports(folder: Path, *told: str) -> Iterator[World]:
    """A world whose people come in several files; `told` are more lines for their source."""
    people = "\n".join(['path = "people-*.csv"', *told])
    world = World(folder, CONFIG.replace('path = "people.csv"', people))
    (folder / "people.csv").unlink()
    try:
        yield world
    finally:
        world.store.close()


def write(world: World, tables: Sequence[Sequence[str]]) -> None:
    for old in world.folder.glob("people-*.csv"):
        old.unlink()
    for number, rows in enumerate(tables):
        world.write(f"people-{number}.csv", "\n".join([HEADER, *rows]) + "\n")


def records(world: World) -> dict[str, Mapping[str, Any]]:
    """All records by key; what a label was is the one thing that the past decides."""
    kinds: tuple[Kind, ...] = ("posting", "applicant", "application")
    return {r.key: r.model_dump(exclude={"label"}) for kind in kinds for r in world.store.records(kind)}


def left_out(world: World) -> list[tuple[str, str, str]]:
    return sorted((q.file, q.field, q.digest) for q in world.store.quarantine())


def pull(world: World) -> Result:
    """Which asserts that the parts add up to the rows."""
    result = world.pull()
    for counts in result.sources.values():
        assert min(counts.mapped, counts.unchanged, counts.quarantined, counts.skipped) >= 0
    return result


def shuffled(tables: Sequence[Sequence[str]], random: Random) -> list[list[str]]:
    return [random.sample(rows, len(rows)) for rows in tables]


def fresh(tmp_path_factory: pytest.TempPathFactory, tables: Sequence[Sequence[str]]) -> tuple[Any, Any, Any]:
    with exports(tmp_path_factory.mktemp("fresh")) as world:
        write(world, tables)
        counts = pull(world).sources["people"]
        return records(world), left_out(world), (counts.rows, counts.mapped, counts.quarantined, counts.skipped)


@given(tables=TABLES, random=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, tables: list[list[str]], random: Random
) -> None:
    assert fresh(tmp_path_factory, shuffled(tables, random)) == fresh(tmp_path_factory, tables)


@given(tables=TABLES, random=st.randoms(use_true_random=False))
def test_a_second_read_says_nothing_new_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, tables: list[list[str]], random: Random
) -> None:
    with exports(tmp_path_factory.mktemp("again")) as world:
        write(world, tables)
        first = pull(world)
        had_rows = first.sources["people"].complete
        before, out = records(world), left_out(world)
        for rows in (tables, shuffled(tables, random), tables):
            write(world, rows)
            result = pull(world)
            counts = result.sources["people"]
            assert (counts.mapped, result.newly_left_out) == (0, 0) or not had_rows
            assert (records(world), left_out(world)) == (before, out)


FILE = st.lists(VALID, max_size=3)


@given(tables=st.lists(FILE, min_size=3, max_size=3), edits=st.lists(st.tuples(st.integers(0, 2), FILE), max_size=5))
def test_the_past_changes_nothing_of_what_is_said_now(
    tmp_path_factory: pytest.TempPathFactory, tables: list[list[str]], edits: list[tuple[int, list[str]]]
) -> None:
    tables = [["S-1,Ana Lopez,a@s.example,,P-2,applied,", *tables[0]], *tables[1:]]  # no export is ever empty
    with exports(tmp_path_factory.mktemp("history")) as world:
        write(world, tables)
        pull(world)
        for number, rows in edits:
            tables[number] = [*tables[number][: number == 0], *rows]
            write(world, tables)
            assert pull(world).sources["people"].complete
        found, out = records(world), left_out(world)
    expected, left, _ = fresh(tmp_path_factory, tables)
    assert {key: found.get(key) for key in expected} == expected
    assert out == left
    gone = [record for key, record in found.items() if key not in expected and "applied_at" in record]
    assert all(record["status"] in {"accepted", "withdrawn"} for record in gone)


# -- whatever a file looks like --------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """How a program writes a table: what it puts around the rows, and in which bytes."""

    above: str
    sep: bool
    delimiter: str
    encoding: str
    end: str
    header_rows: int
    below: Sequence[Sequence[str]]


SHEET = "a sheet"
"""In place of an encoding: a workbook, whose rows go by their numbers."""
LAYOUTS = st.builds(
    Layout,
    above=st.sampled_from(["", "", "Export of people\n", 'Notes:\n"Some are; missing.\nSee, help."\n\n']),
    sep=st.booleans(),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", SHEET]),
    end=st.sampled_from(["\r\n", "\n"]),
    header_rows=st.sampled_from([1, 1, 2]),
    below=st.sampled_from(
        [[], [["Total", *[""] * 5, "7"]], [["End of report"]], [["Total", *[""] * 5, "7"], ["-----"]]]
    ),
)


class Written:
    """A file, and on which line which row begins."""

    def __init__(self, layout: Layout, rows: Sequence[str]) -> None:
        self.layout = layout
        self.text = f"sep={layout.delimiter}{layout.end}" * layout.sep + layout.above.replace("\n", layout.end)
        self.sheet = [[line] for line in layout.above.splitlines()]
        self.lines: dict[int, str] = {}
        for cells in [HEADER.split(","), ["Response"] * 7][: layout.header_rows]:
            self._add(cells)
        for number, row in enumerate(rows):
            self._data(number, row.split(","))
        self.ending = [self._add(cells) for cells in layout.below]

    def _data(self, number: int, cells: list[str]) -> None:
        """A row that says which it is, where it is wide enough to have a note; one that is too wide can be no record."""
        said = f"Zeile {number};\nschön, {'|'} gut" if len(cells) == 7 and any(cells) else ""
        line = self._add([*cells[:6], said] if said else cells)
        if any(cells):
            self.lines[line] = said if len(cells) <= 7 else "more than fits"

    def _add(self, cells: Sequence[str]) -> int:
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self.layout.delimiter, lineterminator=self.layout.end).writerow(cells)
        line = 1 + len(re.findall(r"\r\n|\n", self.text))
        self.text += out.getvalue() if any(cells) else self.layout.end
        self.sheet.append(list(cells))
        return len(self.sheet) if self.layout.encoding == SHEET else line

    def content(self) -> bytes:
        if self.layout.encoding == SHEET:
            return workbook({"People": [[text(cell) for cell in row] for row in self.sheet]})
        return self.text.encode(self.layout.encoding)


def heard_of(world: World, result: Result) -> set[int]:
    """The lines of the file that speak in a record, or of which somebody was told."""
    kinds: tuple[Kind, ...] = ("posting", "applicant", "application")
    said = (
        it for kind in kinds for record in world.store.records(kind) for it in world.store.contributions(record.key)
    )
    told = [
        problem.where.rpartition(":")[2] for problem in result.problems if problem.where.startswith("people-0.csv:")
    ]
    return {it.line for it in said if it.source == "people"} | {int(line) for line in told}


@given(rows=TABLE, layout=LAYOUTS)
def test_every_row_of_every_file_is_in_a_record_or_told(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], layout: Layout
) -> None:
    file = Written(layout, rows)
    with exports(tmp_path_factory.mktemp("layout"), f"header_rows = {layout.header_rows}") as world:
        world.write("people-0.csv", file.content())
        result = pull(world)
        counts = result.sources["people"]
        if not counts.complete:  # nothing of it was taken, and that is said
            assert layout.above
            assert any(problem.where.startswith("people-0.csv") for problem in result.problems)
            return
        assert counts.rows == len(file.lines) + len(file.ending)
        assert heard_of(world, result) >= {*file.lines, *file.ending}
        for application in world.store.records("application"):
            for it in world.store.contributions(application.key):
                assert it.values.get("notes", "") == file.lines[it.line]
