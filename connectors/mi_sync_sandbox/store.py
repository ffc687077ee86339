"""A sandbox's memory: JSON documents in one SQLite file.

Documents rather than tables, because what is kept is what the tool shows, and nothing is asked of it but lists by
scope and by parent. Every request is one transaction, so that a fault leaves all of its effect or none.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Doc = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS doc (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    parent TEXT NOT NULL,
    short TEXT UNIQUE,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS doc_by_scope ON doc (kind, scope, id);
CREATE INDEX IF NOT EXISTS doc_by_parent ON doc (kind, parent, id);
CREATE TABLE IF NOT EXISTS clock (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seconds INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    version INTEGER NOT NULL
);
INSERT OR IGNORE INTO clock VALUES (1, 0, 0, 0);
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which fields of a tool's documents the store has to know.

    Attributes:
        key: the field that holds a document's id.
        new_id: an id from a second that never goes back and a counter that grows by one.
        scopes: by kind, the field that names the board, or whatever a document lies in.
        parents: by kind, the field that names the one that a document belongs to.
        short: the field that holds a second, shorter id; empty when the tool has none.
    """

    key: str
    new_id: Callable[[int, int], str]
    scopes: Mapping[str, str] = field(default_factory=dict[str, str])
    parents: Mapping[str, str] = field(default_factory=dict[str, str])
    short: str = ""


class Session:
    """One transaction."""

    def __init__(self, connection: sqlite3.Connection, layout: Layout, now: datetime) -> None:
        self._connection = connection
        self._layout = layout
        self.now = now

    def version(self) -> int:
        """A number that grows with every transaction that changes something, for pages that watch."""
        return int(self._connection.execute("SELECT version FROM clock").fetchone()[0])

    def count_change(self) -> None:
        """Makes the version grow if this transaction changed anything."""
        if self._connection.total_changes:
            self._connection.execute("UPDATE clock SET version = version + 1")

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of the transaction that leaves nothing behind if it fails."""
        self._connection.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO attempt")
            raise
        finally:
            self._connection.execute("RELEASE attempt")

    def new_id(self) -> str:
        """An id that is new; the order of ids is the order of creation, even if the clock goes back.

        Those of a copied board, which were given elsewhere, are passed over.
        """
        while self._is_taken(made := self._next_id()):
            pass
        return made

    def _is_taken(self, id_: str) -> bool:
        return self._connection.execute("SELECT 1 FROM doc WHERE id = ?", (id_,)).fetchone() is not None

    def _next_id(self) -> str:
        seconds, counter = self._connection.execute(
            "UPDATE clock SET seconds = max(seconds, ?), counter = counter + 1 RETURNING seconds, counter",
            (int(self.now.timestamp()),),
        ).fetchone()
        return self._layout.new_id(seconds, counter)

    def put(self, kind: str, body: Doc) -> Doc:
        """Stores a document, new or changed."""
        self._connection.execute(
            "INSERT INTO doc (id, kind, scope, parent, short, body) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET scope = excluded.scope, parent = excluded.parent, body = excluded.body",
            (
                body[self._layout.key],
                kind,
                body.get(self._layout.scopes.get(kind, "")) or "",
                body.get(self._layout.parents.get(kind, "")) or "",
                body.get(self._layout.short),
                json.dumps(body, ensure_ascii=True, separators=(",", ":")),
            ),
        )
        return body

    def get(self, kind: str, ref: str) -> Doc | None:
        """A document by its id or its short one."""
        row = self._connection.execute(
            "SELECT body FROM doc WHERE kind = ? AND (id = ? OR short = ?)", (kind, ref, ref)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def all(self, kind: str, *, scope: str | None = None, parent: str | None = None) -> list[Doc]:
        """The documents of a kind, of a scope or of a parent, in the order of creation."""
        sql, args = "SELECT body FROM doc WHERE kind = ?", [kind]
        if scope is not None:
            sql, args = sql + " AND scope = ?", [*args, scope]
        if parent is not None:
            sql, args = sql + " AND parent = ?", [*args, parent]
        return [json.loads(row[0]) for row in self._connection.execute(sql + " ORDER BY id", args)]

    def count(
        self, kind: str, *, scope: str | None = None, parent: str | None = None, closed: bool | None = None
    ) -> int:
        """How many `all` would give; `closed` counts those alone whose field of that name is so."""
        sql, args = "SELECT count(*) FROM doc WHERE kind = ?", [kind]
        if scope is not None:
            sql, args = sql + " AND scope = ?", [*args, scope]
        if parent is not None:
            sql, args = sql + " AND parent = ?", [*args, parent]
        if closed is not None:
            sql += f" AND {'' if closed else 'NOT '}json_extract(body, '$.closed')"
        return int(self._connection.execute(sql, args).fetchone()[0])

    def remove(self, kind: str, ref: str) -> None:
        """Deletes one document for good."""
        self._connection.execute("DELETE FROM doc WHERE kind = ? AND id = ?", (kind, ref))

    def highest(self, kind: str, parent: str) -> float:
        """The largest `pos` among the children of a parent; 0 without children."""
        row = self._connection.execute(
            "SELECT max(json_extract(body, '$.pos')) FROM doc WHERE kind = ? AND parent = ?", (kind, parent)
        ).fetchone()
        return float(row[0] or 0)

    def lowest(self, kind: str, parent: str) -> float:
        """The smallest `pos` among the children of a parent; 0 without children."""
        row = self._connection.execute(
            "SELECT min(json_extract(body, '$.pos')) FROM doc WHERE kind = ? AND parent = ?", (kind, parent)
        ).fetchone()
        return float(row[0] or 0)

    def uses(self, kind: str, scope: str, name: str) -> dict[str, int]:
        """How many documents of a scope hold each value of the list in their field `name`."""
        rows = self._connection.execute(
            "SELECT each.value, count(*) FROM doc, json_each(doc.body, '$.' || ?) AS each "
            "WHERE doc.kind = ? AND doc.scope = ? GROUP BY each.value",
            (name, kind, scope),
        )
        return dict(rows.fetchall())


class Store:
    """The file, and the clock that everything in it is dated by."""

    def __init__(self, path: Path, layout: Layout, now: Callable[[], datetime]) -> None:
        self._path = path
        self._layout = layout
        self.now = now
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # a rehearsal copies a real board here
        with closing(self._connect()) as connection:
            connection.executescript(_SCHEMA)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        # A killed process loses nothing with this; only a power cut could, which a sandbox may.
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session of its own connection, so that threads and processes cannot see each other's half work."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            session = Session(connection, self._layout, self.now().astimezone(UTC))
            try:
                yield session
                session.count_change()
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
