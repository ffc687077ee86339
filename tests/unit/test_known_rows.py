"""Rows that are known again by their cells: a pull that maps only the others ends as one that maps all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_sync import known_rows, mapping
from mi_sync.connector import Row
from mi_sync.model import PLURALS
from mi_sync.state import Location, Store
from world import CONFIG, JOBS, PEOPLE, World

HEADER = "id,name,email,posting_id,status,applied_at"
TOOL = known_rows.KnownRows


@pytest.fixture
def world(tmp_path: Any, place: Location) -> Iterator[World]:
    made = World(tmp_path, place=place)
    yield made
    made.store.close()


def table(rows: Sequence[Sequence[str]], end: str = "\n") -> str:
    return end.join([HEADER, *(",".join(row) for row in rows)]) + end


class _Mapped:
    """Counts the rows that are mapped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        real = mapping.Mapper.map

        def counted(mapper: mapping.Mapper, line: int, cells: Sequence[str]) -> Any:
            self.count += 1
            return real(mapper, line, cells)

        monkeypatch.setattr(mapping.Mapper, "map", counted)

    def by(self, world: World) -> int:
        self.count = 0
        world.pull()
        return self.count


@pytest.fixture
def mapped(monkeypatch: pytest.MonkeyPatch) -> _Mapped:
    return _Mapped(monkeypatch)


def people(count: int, *changed: int, status: str = "accepted") -> list[list[str]]:
    return [
        [f"S-{n}", "Ana Lopez", f"s{n}@s.example", "P-1", status if n in changed else "applied", "2026-02-01"]
        for n in range(count)
    ]


# ------------------------------------------------------------------------------------------ what is done


def test_only_what_changed_is_mapped(world: World, mapped: _Mapped) -> None:
    world.write("people.csv", table(people(40)))
    assert mapped.by(world) == 42  # and the two postings
    assert mapped.by(world) == 0
    world.write("people.csv", table(people(40), end="\r\n"))
    assert mapped.by(world) == 0
    world.write("people.csv", table(people(40, 7)))
    assert mapped.by(world) == 1
    world.write("people.csv", table([*reversed(people(40, 7)), *people(42)[40:]]))
    assert mapped.by(world) == 2


def test_a_value_that_comes_back_is_mapped_again(world: World, mapped: _Mapped) -> None:
    for status in ("accepted", "withdrawn", "accepted", "withdrawn"):
        world.write("people.csv", table(people(3, 1, status=status)))
        mapped.by(world)
        assert (mapped.count > 0, world.status_of("S-1")) == (True, status)


def test_a_row_that_is_left_out_is_told_each_time(world: World) -> None:
    bad = ["S-9", "Bo Li", "no address", "P-1", "applied", ""]
    for end, count in (("\n", 0), ("\r\n", 1), ("\n", 2)):
        world.write("people.csv", table([*people(count), bad], end))
        result = world.pull()
        assert [problem.field for problem in result.problems] == ["applicant.email"]
        assert (result.newly_left_out, result.sources["people"].quarantined) == (int(count == 0), 1)


def test_the_line_of_a_row_that_moved_is_the_one_it_is_on(world: World, mapped: _Mapped) -> None:
    world.write("people.csv", table(people(3)))
    world.pull()
    world.write("people.csv", table([["S-8", "Bo Li", "bo@s.example", "P-2", "applied", ""], *people(3)]))
    assert mapped.by(world) == 1
    (said,) = world.store.contributions_of("people", "applicant", "id:S-2")
    assert said.line == 5


@pytest.mark.parametrize("between", [[], [["S-1", "Ana Lopez", "no address", "P-1", "applied", ""]]])
def test_a_row_that_comes_back_stands_again(world: World, between: list[list[str]]) -> None:
    """It had gone, or could not be read meanwhile."""
    other = ["S-7", "Bo Li", "bo@s.example", "P-1", "applied", ""]
    for rows in (people(2), [*between, other], people(2), [*people(2), other]):
        world.write("people.csv", table(rows))
        result = world.pull()
    (said,) = world.store.contributions_of("people", "applicant", "id:S-1")
    assert (said.gone, said.unread, world.status_of("S-1")) == (False, False, "applied")
    assert (result.sources["people"].quarantined, result.problems) == (0, [])


def test_of_rows_that_are_the_same_the_first_counts(world: World) -> None:
    for count in (2, 3):
        world.write("people.csv", table([people(1)[0]] * count))
        result = world.pull()
        told = [problem.where for problem in result.problems]
        assert told == [f"people.csv:{n}" for n in range(3, 2 + count)]
        assert result.sources["people"].skipped == count - 1
        (said,) = world.store.contributions_of("people", "applicant", "id:S-0")
        assert said.line == 2


def test_two_rows_about_one_record_do_not_take_turns(world: World) -> None:
    one = ["S-1", "Ana Lopez", "ana@s.example", "P-1", "accepted", ""]
    two = ["S-1", "Ana Lopez", "ana@s.example", "P-1", "applied", ""]
    world.write("people.csv", table([one, two]))
    world.pull()
    status = world.status_of("S-1")
    for n, rows in enumerate(([two, one], [one, two], [two, one])):
        world.write("people.csv", table([*rows, *people(3 + n)[2:]]))
        result = world.pull()
        counts = result.sources["people"]
        assert (counts.mapped, counts.skipped, world.status_of("S-1")) == (1, 1, status)


@pytest.mark.parametrize("what", ["mapping", "settings", "version", "libraries", "header"])
def test_nothing_is_known_again_once_it_is_read_otherwise(
    world: World, mapped: _Mapped, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    world.write("people.csv", table(people(5)))
    world.pull()
    text = table(people(5), "\r\n")
    if what == "mapping":
        (world.folder / "mappings").mkdir()
        world.write("mappings/own.toml", 'extends = "generic_applicants"\n[applicant]\nphone = "Telephone"\n')
        world.write("config.toml", CONFIG.replace("generic_applicants", "own"))
    elif what == "settings":
        world.write("config.toml", CONFIG.replace('path = "people.csv"', 'path = "people.csv"\ndates = "dmy"'))
    elif what == "version":
        monkeypatch.setattr(known_rows, "__version__", "99")
    elif what == "libraries":
        monkeypatch.setattr(known_rows, "LIBRARIES", "another")
    else:
        text = text.replace(HEADER, f"{HEADER},phone").replace("2026-02-01\r\n", "2026-02-01,\r\n")
    world.write("people.csv", text)
    assert mapped.by(world) == 5


def test_the_order_of_a_column_may_change_by_another_row(world: World) -> None:
    """The date of one row is read as those of all others allow, so a row says something else though it is the same."""
    row = ["S-1", "Ana Lopez", "ana@s.example", "P-1", "applied", "03/04/2026"]
    found = []
    for decisive in ("25/04/2026", "04/25/2026"):
        other = ["S-2", "Bo Li", "bo@s.example", "P-1", "applied", decisive]
        world.write("people.csv", table([row, other]))
        world.pull()
        (said,) = world.store.contributions_of("people", "application", row_of(world, "S-1"))
        found.append(said.values["applied_at"])
    assert found == ["2026-04-03", "2026-03-04"]


def row_of(world: World, person: str) -> str:
    """The reference of somebody's application."""
    query = "SELECT ref FROM contributions WHERE programme = ? AND kind = 'application'"
    (ref,) = [ref for (ref,) in world.store._rows(query) if person in ref]
    return str(ref)


def test_a_cell_with_the_separator_is_never_known_again(world: World) -> None:
    mapper = mapping.Mapper([], [], [mapping._Skip(n, "", {}) for n in (0, 1)], ["a", "b"], "p")
    known = TOOL(world.store, "people", "people.csv", "people.csv", 1, mapper, ["x"])
    assert known.digest(Row(2, ["a\0b", "c"])) == ""
    assert known.digest(Row(2, ["a", "b"])) not in {"", known.digest(Row(2, ["ab", ""]))}
    assert known.digest(Row(2, ["a", "b", "c"])) == ""


def test_of_a_cell_that_is_not_read_no_digest_is_kept(world: World, mapped: _Mapped) -> None:
    """Whoever has the state could else try the few words that such a column holds."""
    kept = []
    for gender in "xyz":
        rows = [f"S-1,Ana Lopez,ana@s.example,P-1,applied,2026-02-01,{gender}"]
        world.write("people.csv", "\n".join([f"{HEADER},Gender", *rows]) + "\n")
        mapped.by(world)
        query = "SELECT row_digest FROM contributions WHERE programme = ? AND source = 'people' ORDER BY kind"
        kept.append(list(world.store._rows(query)))
    assert kept[0] == kept[1] == kept[2] != [("",), ("",)]
    assert mapped.count == 0


# ---------------------------------------------------------------------------- the same as without all this

ROW = st.tuples(
    st.sampled_from(["S-1", "S-2", "S-3", "S-4", ""]),
    st.sampled_from(["Ana Lopez", "Bo Li", ""]),
    st.sampled_from(["a@s.example", "b@s.example", "c@s.example", "no address", ""]),
    st.sampled_from(["P-1", "P-2", "P-9", ""]),
    st.sampled_from(["accepted", "applied", "promoted", ""]),
    st.sampled_from(["", "2026-02-01", "03/04/2026", "25/04/2026", "04/25/2026"]),
)
POOL = st.lists(ROW, min_size=1, max_size=6)


@st.composite
def exports(draw: st.DrawFn) -> list[dict[str, str]]:
    """The files of one source at several times: most rows come again, in another order, file or line."""
    pool = draw(POOL)
    times = []
    for _ in range(draw(st.integers(2, 4))):
        names = draw(st.lists(st.sampled_from(["people.csv", "people-2.csv"]), min_size=1, max_size=2, unique=True))
        rows = st.lists(st.sampled_from(pool) | ROW, max_size=6)
        times.append({name: table(draw(rows), draw(st.sampled_from(["\n", "\r\n"]))) for name in names})
    return times


@contextmanager
def all_mapped() -> Iterator[None]:
    """No row is known again, and what an unchanged file says is told anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "reads_of", lambda *_: set())
        patch.setattr(TOOL, "digest", lambda *_: "")
        yield


ALL = (
    "SELECT source, kind, ref, overlay, file, line, local_id, body, refs, origins, digest, is_primary, key, posting,"
    " applicant, gone, weight, unread FROM contributions WHERE programme = ? ORDER BY 1, 2, 3"
)


def outcome(world: World) -> Any:
    """Everything that a pull leaves and tells; who was the first to say it again is nobody's matter."""
    result, store = world.pull(), world.store
    return (
        [record.model_dump() for kind in PLURALS for record in store.records(kind)],
        [(q.source, q.file, q.line, q.field, q.why, q.digest, q.stage) for q in store.quarantine()],
        result.sources,
        result.newly_left_out,
        Counter((problem.where, problem.field, problem.why) for problem in result.problems),
        [str(error) for error in result.source_failures],
        list(store._rows(ALL)),
    )


@settings(deadline=None)
@given(exports())
def test_the_outcome_is_that_of_mapping_all_rows(
    tmp_path_factory: pytest.TempPathFactory, times: list[dict[str, str]]
) -> None:
    config = CONFIG.replace('path = "people.csv"', 'path = "people*.csv"')
    quick, slow = (World(tmp_path_factory.mktemp(name), config) for name in ("quick", "slow"))
    try:
        for files in times:
            for world in (quick, slow):
                for name in ("people.csv", "people-2.csv"):
                    (world.folder / name).unlink(missing_ok=True)
                for name, text in files.items():
                    world.write(name, text)
            with all_mapped():
                wanted = outcome(slow)
            assert outcome(quick) == wanted
    finally:
        quick.store.close()
        slow.store.close()


def test_the_exports_of_the_world_are_known_again(world: World, mapped: _Mapped) -> None:
    world.pull()
    world.write("people.csv", PEOPLE + "\n")
    world.write("jobs.csv", JOBS + "\n")
    assert mapped.by(world) == 0
