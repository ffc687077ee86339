"""Nothing is lost in silence: every row is accounted for, and records follow from what the rows say alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_sync.events import Result
from mi_sync.model import Kind
from world import World

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
def exports(folder: Path) -> Iterator[World]:
    world = World(folder)
    text = (folder / "config.toml").read_text("utf-8")
    world.write("config.toml", text.replace('path = "people.csv"', 'path = "people-*.csv"'))
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
