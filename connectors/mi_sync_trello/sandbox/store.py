"""The sandbox's memory: JSON documents in one SQLite file.

Documents rather than tables, because what is kept is what Trello shows, and nothing is asked of it but lists by
board and by parent. Every request is one transaction, so that a fault leaves all of its effect or none.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Doc = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS doc (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    board TEXT NOT NULL,
    parent TEXT NOT NULL,
    short TEXT UNIQUE,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS doc_by_board ON doc (kind, board, id);
CREATE INDEX IF NOT EXISTS doc_by_parent ON doc (kind, parent, id);
CREATE TABLE IF NOT EXISTS clock (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seconds INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    version INTEGER NOT NULL
);
INSERT OR IGNORE INTO clock VALUES (1, 0, 0, 0);
"""

_PARENT = {
    "list": "idBoard",
    "label": "idBoard",
    "card": "idList",
    "checklist": "idCard",
    "attachment": "idCard",
    "action": "idCard",
}
"""Which field of a document names the one that it belongs to."""

_MACHINE = "5a1d0b0c5e"  # the ten digits of an ObjectId between its second and its counter
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Session:
    """One transaction."""

    def __init__(self, connection: sqlite3.Connection, now: datetime) -> None:
        self._connection = connection
        self.now = now

    def version(self) -> int:
        """A number that grows with every transaction that changes something, for pages that watch."""
        return int(self._connection.execute("SELECT version FROM clock").fetchone()[0])

    def count_change(self) -> None:
        """Makes the version grow if this transaction changed anything."""
        if self._connection.total_changes:
            self._connection.execute("UPDATE clock SET version = version + 1")

    def new_id(self) -> str:
        """An id like MongoDB's: the second of creation in 8 digits, then 16 that grow.

        The order of ids is the order of creation even if the clock goes back, as `before` and `since` rely on
        it (developer.atlassian.com/cloud/trello/guides/rest-api/object-definitions).
        """
        seconds, counter = self._connection.execute(
            "UPDATE clock SET seconds = max(seconds, ?), counter = counter + 1 RETURNING seconds, counter",
            (int(self.now.timestamp()),),
        ).fetchone()
        return f"{seconds:08x}{_MACHINE}{counter:06x}"

    def put(self, kind: str, body: Doc) -> Doc:
        """Stores a document, new or changed."""
        parent = body.get(_PARENT.get(kind, ""), "")
        self._connection.execute(
            "INSERT INTO doc (id, kind, board, parent, short, body) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET board = excluded.board, parent = excluded.parent, body = excluded.body",
            (
                body["id"],
                kind,
                body.get("idBoard", ""),
                parent,
                body.get("shortLink"),
                json.dumps(body, ensure_ascii=True, separators=(",", ":")),
            ),
        )
        return body

    def get(self, kind: str, ref: str) -> Doc | None:
        """A document by its id or its short link."""
        row = self._connection.execute(
            "SELECT body FROM doc WHERE kind = ? AND (id = ? OR short = ?)", (kind, ref, ref)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def all(self, kind: str, *, board: str | None = None, parent: str | None = None) -> list[Doc]:
        """The documents of a kind, of a board or of a parent, in the order of creation."""
        sql, args = "SELECT body FROM doc WHERE kind = ?", [kind]
        if board is not None:
            sql, args = sql + " AND board = ?", [*args, board]
        if parent is not None:
            sql, args = sql + " AND parent = ?", [*args, parent]
        return [json.loads(row[0]) for row in self._connection.execute(sql + " ORDER BY id", args)]

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

    def label_uses(self, board: str) -> dict[str, int]:
        """How many cards of a board wear each label."""
        rows = self._connection.execute(
            "SELECT label.value, count(*) FROM doc, json_each(doc.body, '$.idLabels') AS label "
            "WHERE doc.kind = 'card' AND doc.board = ? GROUP BY label.value",
            (board,),
        )
        return dict(rows.fetchall())


class Store:
    """The file, and the clock that everything in it is dated by."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._path = path
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
            session = Session(connection, self.now().astimezone(UTC))
            try:
                yield session
                session.count_change()
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def short_link(seed: str) -> str:
    """Eight letters and digits, the same for the same seed."""
    number = int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest())
    letters = []
    for _ in range(8):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)
