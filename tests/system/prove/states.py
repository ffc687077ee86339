"""Where the state of a world is kept: in a file of the world, or on a PostgreSQL server."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from postgres_server import Cluster, programs, running
from system.prove.boundaries import Watch, watch_commits, watch_server

OPEN = "SELECT count(*) FROM journal WHERE state IN ('open', 'carried')"


class State(Protocol):
    """A state, which is saved and put back together with the world.

    Attributes:
        kind: what people call it.
        url: as the configuration has it.
    """

    kind: str
    url: str

    def save(self) -> None:
        """Remembers it as it is."""
        ...

    def restore(self) -> None:
        """Makes it as it was when it was saved."""
        ...

    def lose(self) -> None:
        """Nothing is left of it."""
        ...

    def damage(self) -> list[str]:
        """What is wrong with it; nothing where there is none yet."""
        ...

    def doubts(self) -> int:
        """How many intents there are of which it is not recorded how they ended."""
        ...

    def watch(self, watch: Watch) -> None:
        """Lets a watch know of each commit in this process."""
        ...


class InFile:
    """In a file of the world's folder, which is saved with it."""

    kind, url = "SQLite", "sqlite:///state.db"

    def __init__(self, folder: Path) -> None:
        self._file = folder / "state.db"

    def save(self) -> None:
        """With the folder."""

    def restore(self) -> None:
        """With the folder."""

    def lose(self) -> None:
        """As in `State`, with its companions."""
        for file in self._file.parent.glob(f"{self._file.name}*"):
            file.unlink()

    def damage(self) -> list[str]:
        """As in `State`, by SQLite's own check."""
        try:
            return [text for (text,) in self._asked("PRAGMA integrity_check") if text != "ok"]
        except sqlite3.DatabaseError as error:
            return [str(error)]

    def doubts(self) -> int:
        """As in `State`."""
        tables = self._asked("SELECT name FROM sqlite_master WHERE name = 'journal'")
        return int(self._asked(OPEN)[0][0]) if tables else 0

    def _asked(self, query: str) -> list[Any]:
        if not self._file.exists():
            return []
        with closing(sqlite3.connect(self._file)) as connection:
            return connection.execute(query).fetchall()

    def watch(self, watch: Watch) -> None:
        """As in `State`."""
        watch_commits(watch, self._file)


class OnServer:
    """A database of its own on a server, which is saved as another one."""

    kind = "PostgreSQL"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._name = cluster, f"prove_{os.getpid()}"
        self.url = cluster.url(self._name)
        self._made_from("template0")

    def _made_from(self, template: str, name: str = "") -> None:
        name = name or self._name
        self._cluster.execute("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._cluster.execute("postgres", f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")

    def save(self) -> None:
        """As in `State`."""
        self._made_from(self._name, f"{self._name}_saved")

    def restore(self) -> None:
        """As in `State`."""
        self._made_from(f"{self._name}_saved")

    def lose(self) -> None:
        """As in `State`."""
        self._made_from("template0")

    def damage(self) -> list[str]:
        """How the data lies on its disk is the server's to check."""
        return []

    def doubts(self) -> int:
        """As in `State`."""
        if self._cluster.execute(self._name, "SELECT to_regclass('mi_sync.journal')") == [(None,)]:
            return 0
        return int(str(self._cluster.execute(self._name, OPEN.replace("journal", "mi_sync.journal"))[0][0]))

    def watch(self, watch: Watch) -> None:
        """As in `State`."""
        watch_server(watch)


@contextmanager
def server() -> Iterator[Cluster | None]:
    """A PostgreSQL server for the time of the block; None where there is none to be had."""
    if programs() is None:
        yield None
        return
    with running() as cluster:
        yield cluster
