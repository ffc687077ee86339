"""The exports that benchmarks read are what their page says they are."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = 2000


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(ROOT))
    yield
    for name in [each for each in sys.modules if each.partition(".")[0] == "benchmarks"]:
        del sys.modules[name]


def written(variant: str) -> bytes:
    from benchmarks import applicants

    file = io.StringIO(newline="")
    applicants.write(variant, ROWS, file)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the names are tested
    return file.getvalue().encode()


def read(variant: str) -> list[tuple[str, ...]]:
    return [tuple(row) for row in csv.reader(io.StringIO(written(variant).decode("utf-8-sig"), newline=""))]


def test_the_same_seed_makes_the_same_bytes() -> None:
    assert written("base") == written("base") == written("again")


def test_they_are_twenty_columns_with_texts_of_several_lines_and_lists() -> None:
    header, *rows = read("base")
    assert len(header) == 20
    assert len(rows) == ROWS
    cells = [cell for row in rows for cell in row]
    assert sum("\n" in cell for cell in cells) > ROWS // 4
    assert sum(";" in cell for cell in cells) > ROWS


def test_one_row_in_two_hundred_repeats_another() -> None:
    assert sum(number - 1 for number in Counter(read("base")).values()) == ROWS // 200


def test_a_re_export_has_the_same_rows_in_other_bytes() -> None:
    assert read("reexported") == read("base")
    assert written("reexported") != written("base")


@pytest.mark.parametrize("variant", ["in_place", "reordered"])
def test_one_row_in_a_hundred_is_changed(variant: str) -> None:
    base, changed = Counter(read("base")), Counter(read(variant))
    assert (changed - base).total() == ROWS // 100
    assert changed.total() == base.total()


def test_only_one_variant_has_another_order() -> None:
    names = [row[1] for row in read("base")]
    assert [row[1] for row in read("in_place")] == names
    assert [row[1] for row in read("reordered")] != names


def test_one_row_in_a_hundred_is_appended() -> None:
    base, more = read("base"), read("appended")
    assert more[: len(base)] == base
    assert len(more) == len(base) + ROWS // 100
    assert not {row[0] for row in more[len(base) :]} & {row[0] for row in base}


@pytest.mark.parametrize("variant", ["base", "appended"])
def test_bad_rows_are_as_many_as_are_said(variant: str) -> None:
    from benchmarks import applicants

    more = ROWS // 100 if variant == "appended" else 0
    made = [*applicants.rows(ROWS), *applicants.rows(more, start=ROWS)]
    bad = sum(not row.good for row in made)
    assert bad == applicants.bad_rows(variant, ROWS)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  as above
    assert bad >= ROWS // 100
