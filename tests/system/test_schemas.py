"""A state of every schema that main ever had goes on: dumps that the code of its time left of a programme in use."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mi_sync.state import MIGRATIONS, Store
from programme import Project, Server

SCHEMAS = Path(__file__).parents[1] / "data" / "schemas"
DUMPS = sorted(SCHEMAS.glob("*.sql"), key=lambda path: int(path.stem))
PROGRAMME = "spring-2026-7f3k9q"


def restored(dump: str, path: Path) -> Path:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(dump)
    return path


def test_every_schema_has_its_dump() -> None:
    assert [int(path.stem) for path in DUMPS] == list(range(1, len(MIGRATIONS) + 1))


@pytest.mark.parametrize("dump", DUMPS, ids=lambda path: path.stem)
def test_a_dump_is_of_its_schema_with_rows_in_every_table(dump: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(restored(dump.read_text("utf-8"), tmp_path / "state.db"))) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        empty = [name for name in names if not db.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]]  # noqa: S608
        assert empty == []
        assert db.execute("SELECT MAX(number) FROM migrations").fetchone() == (int(dump.stem),)


def shape(path: Path) -> set[tuple[str, str]]:
    """Every table's columns, and every index."""
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {(name, str(row[1:])) for name in names for row in db.execute(f"PRAGMA table_info({name})")}
        indexes = db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        return columns | {("index", name) for (name,) in indexes}


@pytest.mark.parametrize("index", ["with", "without"])
@pytest.mark.parametrize("dump", DUMPS, ids=lambda path: path.stem)
def test_it_comes_to_the_shape_of_a_new_one(dump: Path, index: str, tmp_path: Path) -> None:
    text = dump.read_text("utf-8")
    if index == "without" and dump.stem == "1":  # the first days had schema 1 also without this one
        text = re.sub(r"CREATE INDEX contributions_unlinked .*", "", text)
    old = restored(text, tmp_path / "state.db")
    for path in (old, tmp_path / "new.db"):
        with closing(Store.open(path, PROGRAMME)) as store:
            assert store.damage() == []
    assert shape(old) == shape(tmp_path / "new.db")


@pytest.mark.system
@pytest.mark.parametrize("dump", DUMPS, ids=lambda path: path.stem)
def test_it_is_pulled_into_and_planned_from(dump: Path, project: Project, server: Server) -> None:
    """Its cards are on no board any more, so all it can do is remember: nothing is made a second time."""
    restored(dump.read_text("utf-8"), project.folder / "state.db")
    with closing(sqlite3.connect(project.folder / "state.db")) as db:
        db.execute("UPDATE targets SET board = ?", (server.call("GET", "/boards/DEMO2026")["id"],))
        db.commit()
    ended = project.start("pull", "--output", "json")
    assert (ended.code, len(ended.json()["postings"])) == (0, 1), ended.err
    planned = project.start("plan", "--output", "json").json()
    assert planned["changes"] == []
    assert planned["targets"]["board"]["dismissed"] == 2
    assert project.run()["targets"]["board"]["dismissed"] == 2
    assert server.writes() == []
