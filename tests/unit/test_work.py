"""How much is done for a pull, counted and not timed: counts do not wobble."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import pytest

from mi_sync import linking, mapping
from mi_sync.state import Location
from world import World

ROWS = 2000


@dataclass
class Work:
    """Rows that were mapped, records that were merged, calls of the database, and rows that these wrote or sought."""

    mapped: int = 0
    merged: int = 0
    calls: int = 0
    written: int = 0


@pytest.fixture
def world(tmp_path: Any, place: Location) -> Iterator[World]:
    made = World(tmp_path, place=place)
    made.write("people.csv", table(people()))
    yield made
    made.store.close()


def people(changed: Sequence[int] = ()) -> list[str]:
    return [
        f"S-{n},Ana Lopez,{'s' if n % 100 else 'no '}{n}@s.example,{'+1' if n in changed else ''}" for n in range(ROWS)
    ]


def table(rows: Sequence[str], end: str = "\n") -> str:
    return end.join(["id,name,email,phone", *rows]) + end


def pulled(world: World, monkeypatch: pytest.MonkeyPatch) -> Work:
    """What one pull did."""
    work = Work()
    database: Any = world.store._db
    plain_map, plain_merged, execute, many = mapping.Mapper.map, linking.merged, database.execute, database.executemany

    def mapped(*args: Any) -> Any:
        work.mapped += 1
        return plain_map(*args)

    def merged(*args: Any) -> Any:
        work.merged += 1
        return plain_merged(*args)

    def one(*args: Any) -> Any:
        work.calls += 1
        return execute(*args)

    def several(sql: str, rows: Sequence[Any]) -> Any:
        work.calls += 1
        work.written += len(rows)
        return many(sql, rows)

    with monkeypatch.context() as patch:
        patch.setattr(mapping.Mapper, "map", mapped)
        patch.setattr(linking, "merged", merged)
        patch.setattr(database, "execute", one)
        patch.setattr(database, "executemany", several)
        world.pull()
    return work


CHANGED = range(5, ROWS, 100)
BAD = ROWS // 100


def test_as_much_is_done_as_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are left out are mapped each time the bytes are new, so that they are told in today's words."""
    found = {"first": pulled(world, monkeypatch), "unchanged": pulled(world, monkeypatch)}
    world.write("people.csv", table(people(), "\r\n"))
    found["exported again"] = pulled(world, monkeypatch)
    world.write("people.csv", table(people(CHANGED)))
    found["1 % changed"] = pulled(world, monkeypatch)
    world.write("people.csv", table(people(CHANGED)[::-1]))
    found["in another order"] = pulled(world, monkeypatch)
    good = ROWS - BAD
    at_most = {
        # Said, linked, three names of each (reference, id, address), and the record; two postings, rows left out.
        "first": Work(ROWS + 2, good + 2, 160, 6 * good + 60),
        "unchanged": Work(0, 0, 90, 0),
        "exported again": Work(BAD, 0, 100, good + 2 * BAD),
        "1 % changed": Work(BAD + 20, 20, 120, good + 8 * BAD),
        "in another order": Work(BAD, 0, 100, good + 2 * BAD),
    }
    too_much = {
        name: (astuple(work), astuple(at_most[name]))
        for name, work in found.items()
        if any(did > most for did, most in zip(astuple(work), astuple(at_most[name]), strict=True))
    }
    assert too_much == {}
    assert found["first"].mapped == ROWS + 2, "or nothing is counted"
