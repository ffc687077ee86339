"""The store: what mi-sync remembers, behind one class. SQL lives here and nowhere else.

Every row carries its programme, and links and journal also their target, so that several programmes may share one
store. Migrations are numbered and recorded in the transaction that makes them; a kill at any moment leaves either
the old or the new state. The lock is an advisory file lock beside the database: the system drops it with the
process, so that a crash never leaves it stuck.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mi_sync.errors import ConfigError, Locked
from mi_sync.model import (
    ENGAGED,
    RECORDS,
    Applicant,
    Application,
    Contribution,
    Engagement,
    Feedback,
    Kind,
    Link,
    Posting,
    Quarantined,
    Record,
    Seen,
    Traced,
)

MIGRATIONS: tuple[tuple[str, str], ...] = (
    (
        "records, links and the journal",
        """
        CREATE TABLE files (
            programme TEXT, source TEXT, file TEXT, fingerprint TEXT NOT NULL,
            rows INTEGER NOT NULL, accepted INTEGER NOT NULL, skipped INTEGER NOT NULL, read_no INTEGER NOT NULL,
            PRIMARY KEY (programme, source, file));
        CREATE TABLE contributions (
            programme TEXT, source TEXT, kind TEXT, ref TEXT,
            namespace TEXT NOT NULL, overlay INTEGER NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL,
            local_id TEXT, title TEXT, body TEXT NOT NULL, refs TEXT NOT NULL, origins TEXT NOT NULL,
            digest TEXT NOT NULL, is_primary INTEGER NOT NULL,
            key TEXT, posting TEXT, applicant TEXT, read_no INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (programme, source, kind, ref));
        CREATE INDEX contributions_id ON contributions (programme, kind, local_id);
        CREATE INDEX contributions_title ON contributions (programme, kind, title);
        CREATE INDEX contributions_key ON contributions (programme, key);
        CREATE TABLE aliases (
            programme TEXT, kind TEXT, type TEXT, value TEXT, namespace TEXT, key TEXT NOT NULL,
            PRIMARY KEY (programme, kind, type, value, namespace));
        CREATE INDEX aliases_key ON aliases (programme, key);
        CREATE TABLE records (
            programme TEXT, key TEXT, kind TEXT NOT NULL, status TEXT, posting TEXT, applicant TEXT, initials TEXT,
            body TEXT NOT NULL, origins TEXT NOT NULL,
            PRIMARY KEY (programme, key));
        CREATE INDEX records_kind ON records (programme, kind, status);
        CREATE INDEX records_posting ON records (programme, posting);
        CREATE INDEX records_applicant ON records (programme, applicant);
        CREATE TABLE labels (
            programme TEXT, applicant TEXT, label TEXT NOT NULL, PRIMARY KEY (programme, applicant));
        CREATE TABLE quarantine (
            programme TEXT, source TEXT, file TEXT, line INTEGER, stage TEXT, digest TEXT NOT NULL,
            field TEXT NOT NULL, why TEXT NOT NULL, since TEXT NOT NULL,
            PRIMARY KEY (programme, source, file, line, stage));
        CREATE TABLE targets (
            programme TEXT, target TEXT, board TEXT NOT NULL, PRIMARY KEY (programme, target));
        CREATE TABLE links (
            programme TEXT, target TEXT, key TEXT,
            id TEXT NOT NULL, url TEXT NOT NULL, nonce TEXT NOT NULL, owner TEXT NOT NULL, step TEXT NOT NULL,
            title TEXT NOT NULL, base TEXT NOT NULL, labels TEXT NOT NULL, checklist TEXT NOT NULL,
            archived INTEGER NOT NULL, seen TEXT NOT NULL,
            PRIMARY KEY (programme, target, key));
        CREATE TABLE journal (
            seq INTEGER PRIMARY KEY, programme TEXT NOT NULL, target TEXT NOT NULL, key TEXT NOT NULL,
            plan TEXT NOT NULL, run TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL, intent TEXT NOT NULL);
        CREATE INDEX journal_open ON journal (programme, target, state);
        CREATE INDEX journal_plan ON journal (programme, plan, key);
        CREATE TABLE runs (
            run TEXT PRIMARY KEY, programme TEXT NOT NULL, command TEXT NOT NULL,
            started_at TEXT NOT NULL, ended_at TEXT, status TEXT, exit_code INTEGER, result TEXT);
        CREATE TABLE counters (programme TEXT, name TEXT, value INTEGER NOT NULL, PRIMARY KEY (programme, name));
        """,
    ),
    (
        "files with a row whose key cannot be read",
        # Such a file keeps anything from being gone. Its read number is that of the newest thing that it said, so
        # that what had gone from it by then stays gone.
        """
        ALTER TABLE files ADD COLUMN keyless INTEGER NOT NULL DEFAULT 0;
        UPDATE files SET read_no = COALESCE((SELECT MAX(c.read_no) FROM contributions c WHERE c.programme =
            files.programme AND c.source = files.source AND c.file = files.file AND c.read_no < 4611686018427387904),
            read_no);
        CREATE INDEX IF NOT EXISTS contributions_unlinked ON contributions (programme, kind) WHERE key IS NULL;
        """,
    ),
    (
        "the content of files, and the run that a value came with",
        # Of what was read before nobody knows; it is filled in when a file is read again.
        """
        ALTER TABLE files ADD COLUMN content TEXT NOT NULL DEFAULT '';
        ALTER TABLE files ADD COLUMN run TEXT NOT NULL DEFAULT '';
        ALTER TABLE contributions ADD COLUMN run TEXT NOT NULL DEFAULT '';
        """,
    ),
    (
        "who is assigned",
        # Until the board is looked at again, all that is known is that somebody is.
        """
        UPDATE links SET seen = json_set(json_remove(seen, '$.assigned'), '$.assignees',
            json(CASE json_extract(seen, '$.assigned') WHEN 1 THEN '["somebody"]' ELSE '[]' END));
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class FileRead:
    """What the last read of a file gave.

    `content` is the digest of its bytes and `run` the run that read it; both empty for what an older version read.
    """

    fingerprint: str
    rows: int
    accepted: int
    skipped: int
    keyless: bool = False
    content: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal: an intent, what it is about, and how far it came (open, carried, done, failed)."""

    seq: int
    target: str
    key: str
    plan: str
    at: str
    state: str
    intent: Mapping[str, Any]


def _dump(value: Any) -> str:  # noqa: ANN401  JSON is anything
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


class Store:
    """The state of one programme.

    Use `Store.open` for the real one and `scratch` for a copy that is thrown away: that is how `plan` writes nothing.
    `schema` is the number of migrations that it had when it was opened.
    """

    def __init__(self, connection: sqlite3.Connection, programme: str, path: Path | None, where: str = "") -> None:
        self._db = connection
        self._programme = programme
        self._where = where
        self.path = path
        self.schema = 0
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        self._migrate()

    # -- opening ------------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path, programme: str) -> Store:
        """Opens or creates the database, readable for its owner alone.

        Raises:
            ConfigError: the file cannot be opened, is no database of ours, or is of a newer version.
        """
        with _opening(path) as undo:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Created here and not by SQLite, so that there is no moment in which others can read it; its WAL and
            # shared-memory files take over the mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
            connection = undo.enter_context(contextlib.closing(sqlite3.connect(path, timeout=30.0)))
            connection.execute("PRAGMA journal_mode = WAL")
            # An intent must be on the disk before its call is on the wire.
            connection.execute("PRAGMA synchronous = FULL")
            store = cls(connection, programme, path, str(path))
            undo.pop_all()
            return store

    @classmethod
    def scratch(cls, path: Path, programme: str) -> Store:
        """A throw-away copy (in a temporary file of SQLite's own) of the database, if there is one.

        Raises:
            ConfigError: as `open`.
        """
        with _opening(path) as undo:
            connection = undo.enter_context(contextlib.closing(sqlite3.connect("")))
            if path.exists() and path.stat().st_size:
                _copy(path, connection)
            store = cls(connection, programme, None, str(path))
            undo.pop_all()
            return store

    def close(self) -> None:
        """Closes the database."""
        self._db.close()

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the lock of this store, so that two runs never interleave.

        Raises:
            Locked: another run holds it.
        """
        if self.path is None:
            yield
            return
        import filelock

        lock = filelock.FileLock(f"{self.path}.lock", timeout=0, mode=0o600)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise Locked(
                "another run holds the lock.", where=f"{self.path}.lock", remedy="Wait until it has ended."
            ) from None
        try:
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; never held across a network call."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """All or nothing for a part of a transaction, such as one source."""
        self._db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO part")
            self._db.execute("RELEASE part")
            raise
        self._db.execute("RELEASE part")

    def _migrate(self) -> None:
        self.schema = self._migrated()
        if self.schema == len(MIGRATIONS):
            return  # without a write, so that `status` never waits for a run
        with self.transaction():
            self._db.execute("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL)")
            done = self._migrated()  # another process may have been quicker
            for number, (name, script) in enumerate(MIGRATIONS[done:], start=done + 1):
                for statement in script.split(";"):
                    self._db.execute(statement)
                self._db.execute("INSERT INTO migrations VALUES (?, ?)", (number, name))

    def _migrated(self) -> int:
        """How many migrations were made.

        Raises:
            ConfigError: more than we know, or the database is somebody else's.
        """
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and "migrations" not in tables:
            raise ConfigError(
                "it is a database of another program.", where=self._where, remedy="Choose another file in [state] url."
            )
        if not tables:
            return 0
        (done,) = self._db.execute("SELECT COALESCE(MAX(number), 0) FROM migrations").fetchone()
        if done > len(MIGRATIONS):
            raise ConfigError(
                f"the state was written by a newer mi-sync (migration {done}, this one knows {len(MIGRATIONS)}).",
                where=self._where,
                remedy="Upgrade mi-sync.",
            )
        return int(done)

    def counts(self) -> dict[str, dict[str, int]]:
        """How much there is of everything, and nothing of what it says."""
        return {
            name: dict(self._rows(f"SELECT {what}, COUNT(*) FROM {table} WHERE programme = ? {which} GROUP BY 1"))  # noqa: S608
            for name, (what, table, which) in _COUNTED.items()
        }

    def _rows(self, sql: str, *values: Any) -> sqlite3.Cursor:  # noqa: ANN401  what SQLite takes
        return self._db.execute(sql, (self._programme, *values))

    def _one(self, sql: str, *values: Any) -> Any:  # noqa: ANN401  as above
        found = self._rows(sql, *values).fetchone()
        return found[0] if found else None

    def _many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._db.executemany(sql, [(self._programme, *row) for row in rows])

    def next_number(self, name: str) -> int:
        """The next number of a counter, from 1."""
        self._rows(
            "INSERT INTO counters VALUES (?, ?, 1)"
            " ON CONFLICT (programme, name) DO UPDATE SET value = counters.value + 1",
            name,
        )
        return int(self._one("SELECT value FROM counters WHERE programme = ? AND name = ?", name))

    def remember(self, name: str, value: int) -> bool:
        """Remembers a number under a name; True when it is another than before."""
        before = self._one("SELECT value FROM counters WHERE programme = ? AND name = ?", name)
        self._rows("INSERT OR REPLACE INTO counters VALUES (?, ?, ?)", name, value)
        return before is not None and before != value

    def contested(self) -> list[str]:
        """The keys of the records of which more than one source speaks."""
        query = (
            "SELECT key FROM contributions WHERE programme = ? AND key IS NOT NULL"
            " GROUP BY key HAVING COUNT(DISTINCT source) > 1"
        )
        return [key for (key,) in self._rows(query)]

    def gone_applications(self) -> list[str]:
        """The keys of applications that a complete export no longer has."""
        query = "SELECT DISTINCT key FROM contributions WHERE programme = ? AND kind = 'application' AND gone = 1"
        return [key for (key,) in self._rows(query)]

    # -- what sources said --------------------------------------------------------------------------

    def file(self, source: str, file: str) -> FileRead | None:
        """What the last read of the file gave, or None for a new one."""
        row = self._rows(
            "SELECT fingerprint, rows, accepted, skipped, keyless, content, run FROM files"
            " WHERE programme = ? AND source = ? AND file = ?",
            source,
            file,
        ).fetchone()
        return FileRead(*row) if row else None

    def files_of(self, source: str) -> dict[str, str]:
        """The fingerprints of the source's files as last read."""
        return dict(self._rows("SELECT file, fingerprint FROM files WHERE programme = ? AND source = ?", source))

    def had_rows(self, source: str) -> bool:
        """Whether the source ever gave a record."""
        return bool(self._one("SELECT 1 FROM contributions WHERE programme = ? AND source = ? LIMIT 1", source))

    def save_file(self, source: str, file: str, read: FileRead, read_no: int) -> None:
        """Remembers what this read gave."""
        self._rows(
            "INSERT OR REPLACE INTO files (programme, source, file, fingerprint, rows, accepted, skipped, read_no,"
            " keyless, content, run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            source,
            file,
            read.fingerprint,
            read.rows,
            read.accepted,
            read.skipped,
            read_no,
            read.keyless,
            read.content,
            read.run,
        )

    def contribution_state(self, source: str, kind: str, ref: str) -> tuple[str, int, str, int] | None:
        """(digest, read number, file, line) of what the source said before under this reference."""
        row = self._rows(
            "SELECT digest, read_no, file, line FROM contributions"
            " WHERE programme = ? AND source = ? AND kind = ? AND ref = ?",
            source,
            kind,
            ref,
        ).fetchone()
        return tuple(row) if row else None

    def save_contribution(self, it: Contribution, read_no: int) -> None:
        """Inserts or replaces; who it is about is resolved anew, because its references may have changed."""
        self._rows(
            "INSERT OR REPLACE INTO contributions (programme, source, kind, ref, namespace, overlay, file, line,"
            " local_id, title, body, refs, origins, digest, is_primary, read_no, run)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            it.source,
            it.kind,
            it.ref,
            it.namespace,
            it.overlay,
            it.file,
            it.line,
            it.local_id,
            it.values.get("title"),
            _dump(it.values),
            _dump(it.refs),
            _dump(it.origins),
            it.digest,
            it.primary,
            read_no,
            it.run,
        )

    def touch_contribution(
        self,
        source: str,
        kind: str,
        ref: str,
        file: str,
        line: int,
        read_no: int,
        origins: Mapping[str, Any] | None = None,
    ) -> bool:
        """The source still says the same. True when it had been gone, or says so in another column or by another line.

        `origins` is None for a row that cannot be read: what it said before still stands, from where it came then.
        """
        was_gone, was_from = self._rows(
            "SELECT gone, origins FROM contributions WHERE programme = ? AND source = ? AND kind = ? AND ref = ?",
            source,
            kind,
            ref,
        ).fetchone() or (False, "")
        is_from = was_from if origins is None else _dump(origins)
        self._rows(
            "UPDATE contributions SET file = ?2, line = ?3, read_no = ?4, gone = 0, origins = ?8"
            " WHERE programme = ?1 AND source = ?5 AND kind = ?6 AND ref = ?7",
            file,
            line,
            read_no,
            source,
            kind,
            ref,
            is_from,
        )
        return bool(was_gone) or is_from != was_from

    def forget_files(self, source: str, still: Sequence[str]) -> None:
        """Forgets the files that are no longer there, with what was left out of them."""
        for (file,) in self._rows("SELECT file FROM files WHERE programme = ? AND source = ?", source).fetchall():
            if file not in still:
                self._rows("DELETE FROM files WHERE programme = ? AND source = ? AND file = ?", source, file)
                self._rows("DELETE FROM quarantine WHERE programme = ? AND source = ? AND file = ?", source, file)

    def drop_unlinked(self, source: str, read_no: int) -> None:
        """Forgets what never found its record and is no longer said, such as a row that was corrected since."""
        self._rows(
            "DELETE FROM contributions WHERE programme = ? AND source = ? AND key IS NULL AND read_no < ?",
            source,
            read_no,
        )

    def touch_file(self, source: str, file: str, read_no: int) -> None:
        """The file is unchanged, so everything that it said is still said."""
        # Only what its last reading showed: what had gone from it by then stays gone.
        self._rows(
            "UPDATE contributions SET read_no = ?2 WHERE programme = ?1 AND source = ?3 AND file = ?4 AND read_no ="
            " (SELECT read_no FROM files WHERE programme = ?1 AND source = ?3 AND file = ?4)",
            read_no,
            source,
            file,
        )
        self._rows(
            "UPDATE files SET read_no = ?2 WHERE programme = ?1 AND source = ?3 AND file = ?4", read_no, source, file
        )

    def mark_gone(self, source: str, read_no: int) -> list[str]:
        """Marks what a complete read did not show, and returns the keys of its records."""
        gone = [
            row[0]
            for row in self._rows(
                "SELECT key FROM contributions WHERE programme = ? AND source = ? AND read_no < ? AND gone = 0"
                " AND key IS NOT NULL",
                source,
                read_no,
            )
        ]
        self._rows(
            "UPDATE contributions SET gone = 1 WHERE programme = ? AND source = ? AND read_no < ? AND gone = 0",
            source,
            read_no,
        )
        return gone

    def unlinked(self, kind: Kind, *, overlay: bool) -> Iterator[Contribution]:
        """What is not yet known to be about whom, as it was first seen; may be linked while it is iterated."""
        last = 0
        while True:
            chunk = self._rows(
                f"SELECT rowid, {_CONTRIBUTION} FROM contributions"  # noqa: S608  a constant
                " WHERE programme = ? AND key IS NULL AND kind = ? AND overlay = ? AND gone = 0 AND rowid > ?"
                " ORDER BY rowid LIMIT 500",
                kind,
                overlay,
                last,
            ).fetchall()
            if not chunk:
                return
            for rowid, *row in chunk:
                last = rowid
                yield self._contribution(row)

    def link_contribution(self, it: Contribution, key: str, posting: str | None, applicant: str | None) -> None:
        """Remembers whose record it is about."""
        self._rows(
            "UPDATE contributions SET key = ?2, posting = ?3, applicant = ?4"
            " WHERE programme = ?1 AND source = ?5 AND kind = ?6 AND ref = ?7",
            key,
            posting,
            applicant,
            it.source,
            it.kind,
            it.ref,
        )

    def contributions(self, key: str) -> list[Contribution]:
        """Everything that is said of one record."""
        return [
            self._contribution(row)
            for row in self._rows(
                f"SELECT {_CONTRIBUTION} FROM contributions WHERE programme = ? AND key = ?",  # noqa: S608
                key,
            )
        ]

    def contributions_of(self, source: str, kind: str, ref: str) -> list[Contribution]:
        """What the source says under this reference: one, or none."""
        return [
            self._contribution(row)
            for row in self._rows(
                f"SELECT {_CONTRIBUTION} FROM contributions"  # noqa: S608  a constant
                " WHERE programme = ? AND source = ? AND kind = ? AND ref = ?",
                source,
                kind,
                ref,
            )
        ]

    def save_implied(self, it: Contribution) -> None:
        """Stores a person whom a row only names, unless the source says more; never counts as gone."""
        if not self.contributions_of(it.source, it.kind, it.ref):
            self.save_contribution(it, _NEVER_GONE)
            self.link_contribution(it, it.key or "", None, None)

    def count_records_of(self, source: str) -> int:
        """How many records the source has a part in."""
        return int(
            self._one(
                "SELECT COUNT(DISTINCT key) FROM contributions WHERE programme = ? AND source = ? AND key IS NOT NULL",
                source,
            )
        )

    @staticmethod
    def _contribution(row: Sequence[Any]) -> Contribution:
        source, kind, ref, namespace, overlay, file, line, local_id, body, refs, origins, *rest = row
        digest, primary, key, posting, applicant, gone, run = rest
        return Contribution(
            source, kind, ref, namespace, bool(overlay), file, line, local_id, json.loads(body), json.loads(refs),
            json.loads(origins), digest, bool(primary), key, posting, applicant, bool(gone), run,
        )  # fmt: skip

    # -- aliases ------------------------------------------------------------------------------------

    def alias(self, kind: Kind, type_: str, value: str, namespace: str = "") -> str | None:
        """The key that goes by this name."""
        found: str | None = self._one(
            "SELECT key FROM aliases WHERE programme = ? AND kind = ? AND type = ? AND value = ? AND namespace = ?",
            kind,
            type_,
            value,
            namespace,
        )
        return found

    def alias_anywhere(self, kind: Kind, type_: str, value: str) -> list[str]:
        """The keys that go by this name in any namespace; two suffice to know that it is ambiguous."""
        return [
            row[0]
            for row in self._rows(
                "SELECT DISTINCT key FROM aliases WHERE programme = ? AND kind = ? AND type = ? AND value = ? LIMIT 2",
                kind,
                type_,
                value,
            )
        ]

    def add_alias(self, key: str, kind: Kind, type_: str, value: str, namespace: str = "") -> None:
        """Remembers a name; the first seen wins for ever."""
        self._rows("INSERT OR IGNORE INTO aliases VALUES (?, ?, ?, ?, ?, ?)", kind, type_, value, namespace, key)

    def has_alias(self, key: str, type_: str) -> bool:
        """Whether the record goes by a name of this type."""
        return bool(self._one("SELECT 1 FROM aliases WHERE programme = ? AND key = ? AND type = ?", key, type_))

    def postings_titled(self, title: str) -> list[str]:
        """The keys of the postings with exactly this title, at most two."""
        return [
            row[0]
            for row in self._rows(
                "SELECT DISTINCT key FROM contributions"
                " WHERE programme = ? AND kind = 'posting' AND title = ? AND key IS NOT NULL LIMIT 2",
                title,
            )
        ]

    # -- records ------------------------------------------------------------------------------------

    def save_record(self, record: Record, kind: Kind, origins: Mapping[str, Any]) -> None:
        """Stores the merged record."""
        self._rows(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            record.key,
            kind,
            getattr(record, "status", None),
            getattr(record, "posting", None),
            getattr(record, "applicant", None),
            getattr(record, "initials", None),
            record.model_dump_json(exclude={"label"}),
            _dump(origins),
        )

    def records(self, kind: Kind) -> Iterator[Record]:
        """All records of a kind, as a stream in the order of their keys."""
        labels = self.labels() if kind == "applicant" else {}
        for key, body in self._rows(
            "SELECT key, body FROM records WHERE programme = ? AND kind = ? ORDER BY key", kind
        ):
            record = RECORDS[kind].model_validate_json(body)
            yield record.model_copy(update={"label": labels[key]}) if key in labels else record

    def record(self, key: str) -> Record | None:
        """One record, or None."""
        row = self._rows("SELECT kind, body FROM records WHERE programme = ? AND key = ?", key).fetchone()
        return RECORDS[row[0]].model_validate_json(row[1]) if row else None

    def traced(self, key: str) -> Traced | None:
        """One record with all that tells where its values came from, or None."""
        row = self._rows("SELECT kind, body, origins FROM records WHERE programme = ? AND key = ?", key).fetchone()
        if row is None:
            return None
        kind, body, origins = row
        record = RECORDS[kind].model_validate_json(body)
        label = self._one("SELECT label FROM labels WHERE programme = ? AND applicant = ?", key)
        contributions = tuple(self.contributions(key))
        files = {name: read for it in contributions if (read := self.file(*(name := (it.source, it.file))))}
        return Traced(
            kind,
            record.model_copy(update={"label": label}) if label else record,
            json.loads(origins),
            contributions,
            {name: (read.content, read.run) for name, read in files.items()},
            frozenset(self._unread(contributions)),
        )

    def _unread(self, contributions: Sequence[Contribution]) -> Iterator[tuple[str, str, int]]:
        query = "SELECT 1 FROM quarantine WHERE programme = ? AND source = ? AND file = ? AND line = ?"
        for it in contributions:
            if self._one(f"{query} AND stage = 'map'", it.source, it.file, it.line):
                yield it.source, it.file, it.line

    def feedback_on(self, posting: str, applicant: str) -> list[str]:
        """The keys of the feedback on an engagement."""
        query = "SELECT key FROM records WHERE programme = ? AND kind = 'feedback' AND posting = ? AND applicant = ?"
        return [key for (key,) in self._rows(f"{query} ORDER BY key", posting, applicant)]

    def labels(self) -> dict[str, str]:
        """The labels given so far, by applicant."""
        return dict(self._rows("SELECT applicant, label FROM labels WHERE programme = ?").fetchall())

    def unlabelled(self) -> list[tuple[str, str | None, str]]:
        """(applicant, initials, posting) of everyone on a posting who has no label yet."""
        return self._rows(
            "SELECT DISTINCT p.key, p.initials, a.posting FROM records a"
            " JOIN records p ON p.programme = a.programme AND p.key = a.applicant"
            " LEFT JOIN labels l ON l.programme = a.programme AND l.applicant = a.applicant"
            " WHERE a.programme = ? AND a.kind = 'application' AND l.label IS NULL ORDER BY p.key",
        ).fetchall()

    def shared_initials(self) -> set[tuple[str, str]]:
        """(posting, initials) that more than one applicant has."""
        return set(
            self._rows(
                "SELECT a.posting, p.initials FROM records a"
                " JOIN records p ON p.programme = a.programme AND p.key = a.applicant"
                " WHERE a.programme = ? AND a.kind = 'application' AND p.initials IS NOT NULL"
                " GROUP BY a.posting, p.initials HAVING COUNT(DISTINCT p.key) > 1",
            ).fetchall()
        )

    def save_labels(self, labels: Mapping[str, str]) -> None:
        """Gives labels; one that was given never changes."""
        self._many("INSERT OR IGNORE INTO labels VALUES (?, ?, ?)", list(labels.items()))

    def engagements(self) -> Iterator[Engagement]:
        """Applications that are engaged, or that own an item on some board, with all that belongs to them."""
        labels = self.labels()
        statuses = ", ".join(f"'{status}'" for status in sorted(ENGAGED))
        query = (
            "SELECT a.body, p.body, s.body FROM records a"  # noqa: S608  the statuses are constants
            " JOIN records p ON p.programme = a.programme AND p.key = a.posting"
            " JOIN records s ON s.programme = a.programme AND s.key = a.applicant"
            " WHERE a.programme = ?1 AND a.kind = 'application' AND (a.status IN (" + statuses + ")"
            " OR a.key IN (SELECT owner FROM links WHERE programme = ?1)) ORDER BY a.key"
        )
        for application_body, posting_body, applicant_body in self._rows(query).fetchall():
            application = Application.model_validate_json(application_body)
            applicant = Applicant.model_validate_json(applicant_body)
            yield Engagement(
                application,
                Posting.model_validate_json(posting_body),
                applicant.model_copy(update={"label": labels.get(applicant.key) or applicant.initials}),
                self._feedback(application),
            )

    def application_counts(self) -> Mapping[str, Mapping[str | None, int]]:
        """How many applications of each status each posting has, by its key."""
        counts: dict[str, dict[str | None, int]] = {}
        query = (
            "SELECT posting, status, COUNT(*) FROM records WHERE programme = ? AND kind = 'application'"
            " GROUP BY posting, status"
        )
        for posting, status, count in self._rows(query).fetchall():
            counts.setdefault(posting, {})[status] = count
        return counts

    def _feedback(self, application: Application) -> tuple[Feedback, ...]:
        return tuple(
            Feedback.model_validate_json(body)
            for (body,) in self._rows(
                "SELECT body FROM records WHERE programme = ? AND kind = 'feedback' AND posting = ? AND applicant = ?"
                " ORDER BY key",
                application.posting,
                application.applicant,
            )
        )

    # -- quarantine ---------------------------------------------------------------------------------

    def quarantine_digests(self, source: str, file: str | None, stage: str) -> set[str]:
        """What was already reported, so that known trouble is not news."""
        return {
            row[0]
            for row in self._rows(
                "SELECT digest FROM quarantine WHERE programme = ?1 AND source = ?2 AND stage = ?4"
                " AND (?3 IS NULL OR file = ?3)",
                source,
                file,
                stage,
            )
        }

    def replace_quarantine(
        self, source: str, file: str | None, stage: str, rows: Sequence[Quarantined], now: str
    ) -> None:
        """Replaces what is left out of a file (or, for `file` None, of the whole source) at one stage."""
        since = dict(
            self._rows(
                "SELECT digest, since FROM quarantine WHERE programme = ?1 AND source = ?2 AND stage = ?4"
                " AND (?3 IS NULL OR file = ?3)",
                source,
                file,
                stage,
            ).fetchall()
        )
        self._rows(
            "DELETE FROM quarantine WHERE programme = ?1 AND source = ?2 AND stage = ?4 AND (?3 IS NULL OR file = ?3)",
            source,
            file,
            stage,
        )
        self._many(
            "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(q.source, q.file, q.line, q.stage, q.digest, q.field, q.why, since.get(q.digest, now)) for q in rows],
        )

    def quarantine(self, source: str | None = None, stage: str | None = None) -> Iterator[Quarantined]:
        """The rows left out, in the order of the files."""
        for row in self._rows(
            "SELECT source, file, line, field, why, digest, stage, since FROM quarantine"
            " WHERE programme = ?1 AND (?2 IS NULL OR source = ?2) AND (?3 IS NULL OR stage = ?3)"
            " ORDER BY source, file, line, stage",
            source,
            stage,
        ):
            yield Quarantined(*row)

    # -- targets, links, journal --------------------------------------------------------------------

    def board_of(self, target: str) -> str | None:
        """The board that the target's links belong to."""
        found: str | None = self._one("SELECT board FROM targets WHERE programme = ? AND target = ?", target)
        return found

    def bind_target(self, target: str, board: str) -> None:
        """Remembers which board the target is."""
        self._rows("INSERT OR IGNORE INTO targets VALUES (?, ?, ?)", target, board)

    def links(self, target: str) -> dict[str, Link]:
        """The links of a target, by key."""
        rows = self._rows(
            "SELECT key, id, url, nonce, owner, step, title, base, labels, checklist, archived, seen FROM links"
            " WHERE programme = ? AND target = ? ORDER BY key",
            target,
        )
        return {row[0]: _link(row) for row in rows}

    def save_link(self, target: str, link: Link) -> None:
        """Inserts or replaces a link."""
        self._rows(
            "INSERT OR REPLACE INTO links (programme, target, key, id, url, nonce, owner, step, title, base, labels,"
            " checklist, archived, seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            target,
            link.key,
            link.id,
            link.url,
            link.nonce,
            link.owner,
            link.step,
            link.title,
            _dump(link.base),
            _dump(link.labels),
            _dump(link.checklist),
            link.archived,
            _dump(_seen_as_json(link.seen)),
        )

    def begin(self, target: str, key: str, plan: str, run: str, at: str, intent: Mapping[str, Any]) -> int:
        """Writes an intent into the journal and returns its number."""
        cursor = self._rows(
            "INSERT INTO journal (programme, target, key, plan, run, at, state, intent)"
            " VALUES (?, ?, ?, ?, ?, ?, 'open', ?)",
            target,
            key,
            plan,
            run,
            at,
            _dump(intent),
        )
        return int(cursor.lastrowid or 0)

    def advance(self, seq: int, state: str) -> None:
        """Moves a journal entry on: carried, done or void.

        Of one that is over only its item is kept: bodies are not hoarded.
        """
        over = state in {"done", "void"}
        kept = "json_object('change', json_object('id', json_extract(intent, '$.change.id')))" if over else "intent"
        self._rows(
            f"UPDATE journal SET state = ?2, intent = {kept} WHERE programme = ?1 AND seq = ?3",  # noqa: S608  constants
            state,
            seq,
        )

    def open_entries(self, target: str) -> list[Entry]:
        """The intents of which it is not recorded how they ended, oldest first."""
        return [
            Entry(seq, target, key, plan, at, state, json.loads(intent))
            for seq, key, plan, at, state, intent in self._rows(
                "SELECT seq, key, plan, at, state, intent FROM journal"
                " WHERE programme = ? AND target = ? AND state IN ('open', 'carried') ORDER BY seq",
                target,
            )
        ]

    def entries_of_plan(self, plan: str) -> list[Entry]:
        """The journal of a plan, oldest first."""
        return [
            Entry(seq, target, key, plan, at, state, json.loads(intent))
            for seq, target, key, at, state, intent in self._rows(
                "SELECT seq, target, key, at, state, intent FROM journal WHERE programme = ? AND plan = ? ORDER BY seq",
                plan,
            )
        ]

    # -- runs ---------------------------------------------------------------------------------------

    def start_run(self, run: str, command: str, at: str) -> None:
        """Records that a run began; one that never ends stays visible as such."""
        self._db.execute(
            "INSERT INTO runs (run, programme, command, started_at) VALUES (?, ?, ?, ?)",
            (run, self._programme, command, at),
        )

    def end_run(self, run: str, at: str, status: str, exit_code: int, result: Mapping[str, Any]) -> None:
        """Records how it ended."""
        self._rows(
            "UPDATE runs SET ended_at = ?2, status = ?3, exit_code = ?4, result = ?5 WHERE programme = ?1 AND run = ?6",
            at,
            status,
            exit_code,
            _dump(result),
            run,
        )

    def runs(self, limit: int) -> list[dict[str, Any]]:
        """The last runs, newest first."""
        return [
            {
                "run_id": run,
                "command": command,
                "started_at": started,
                "ended_at": ended,
                "status": status or "interrupted",
                "exit_code": code,
                **(json.loads(result) if result else {}),
            }
            for run, command, started, ended, status, code, result in self._rows(
                "SELECT run, command, started_at, ended_at, status, exit_code, result FROM runs WHERE programme = ?"
                " ORDER BY started_at DESC, run DESC LIMIT ?",
                limit,
            )
        ]


@contextlib.contextmanager
def _opening(path: Path) -> Iterator[contextlib.ExitStack]:
    """Closes what was opened unless all went well, and tells what did not in our words."""
    try:
        with contextlib.ExitStack() as undo:
            yield undo
    except (OSError, sqlite3.DatabaseError) as error:
        raise ConfigError(
            f"the state cannot be opened: {error}.",
            where=str(path),
            remedy="Check [state] url and the file's rights.",
        ) from None


def _copy(path: Path, into: sqlite3.Connection) -> None:
    """Copies a database and leaves no file behind.

    Reading a WAL database makes its two companions, unless it is said to be immutable, which is true while nobody has
    it open; if somebody opened it meanwhile, they are there, and it is read again with their help.
    """
    wal = path.with_name(f"{path.name}-wal")
    # As a URI, because that escapes what SQLite would understand otherwise, such as a # in a folder's name.
    address = f"{path.resolve().as_uri()}?mode=ro"
    before = path.stat().st_mtime_ns
    if not wal.exists():
        _backup(f"{address}&immutable=1", into)
    if wal.exists() or path.stat().st_mtime_ns != before:
        _backup(address, into)


def _backup(address: str, into: sqlite3.Connection) -> None:
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=30.0)) as original:
        original.backup(into)


_COUNTED: Mapping[str, tuple[str, str, str]] = {
    "files": ("source", "files", ""),
    "records": ("kind", "records", ""),
    "links": ("target", "links", ""),
    "archived": ("target", "links", "AND archived = 1"),
    "open_intents": ("target", "journal", "AND state IN ('open', 'carried')"),
    "quarantine": ("source", "quarantine", ""),
    "runs": ("COALESCE(status, 'interrupted')", "runs", ""),
}
"""For each count: by what, of which table, and which of its rows. Constants, so they may stand in a statement."""

_NEVER_GONE = 2**62
"""A read number beyond all reads."""

_CONTRIBUTION = (
    "source, kind, ref, namespace, overlay, file, line, local_id, body, refs, origins, digest, is_primary,"
    " key, posting, applicant, gone, run"
)


def _link(row: Sequence[Any]) -> Link:
    key, id_, url, nonce, owner, step, title, base, labels, checklist, archived, seen = row
    seen = json.loads(seen)
    seen |= {name: tuple(seen[name]) for name in ("assignees", "conflicts")}
    return Link(
        key, id_, url, nonce, owner, step, title, json.loads(base), tuple(json.loads(labels)),
        tuple(json.loads(checklist)), bool(archived), Seen(**seen),
    )  # fmt: skip


def _seen_as_json(seen: Seen) -> dict[str, Any]:
    return {name: getattr(seen, name) for name in Seen.__slots__}


def state_path(url: str, root: Path) -> Path:
    """The file behind a `sqlite:///…` URL, relative to the configuration.

    Raises:
        ConfigError: another kind of URL.
    """
    prefix = "sqlite:///"
    if not url.startswith(prefix) or len(url) == len(prefix):
        raise ConfigError(
            "only sqlite:///FILE is supported by this version.",
            where="state.url",
            remedy='Use url = "sqlite:///state.db".',
        )
    return root / url.removeprefix(prefix)
