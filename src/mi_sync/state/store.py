"""The store: what mi-sync remembers, behind one class. SQL lives here and nowhere else.

Every row carries its programme, and links and journal also their target, so that several programmes may share one
store. Migrations are numbered and recorded in the transaction that makes them; a kill at any moment leaves either
the old or the new state. A run holds leases (see `leases`), whose fences every transaction checks, so that a run whose
lock was taken away commits nothing more.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

from mi_sync.errors import ConfigError
from mi_sync.leases import Clock, Lease
from mi_sync.model import (
    ENDED,
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
from mi_sync.state import schema, sqlite
from mi_sync.state.address import Location, Server
from mi_sync.state.database import Cursor, Database
from mi_sync.state.keys import Keys
from mi_sync.state.locks import Locks


@dataclass(frozen=True, slots=True)
class FileRead:
    """What the last read of a file gave.

    `content` is the digest of its bytes and `run` the run that read it; both empty for what an older version read.
    `how` tells with what header, mapping and settings, in the caller's words; `overlaps` that another file of the
    source speaks of the same records.
    """

    fingerprint: str
    rows: int
    accepted: int
    skipped: int
    keyless: bool = False
    content: str = ""
    run: str = ""
    how: Mapping[str, Any] = field(default_factory=dict)
    overlaps: bool = False

    @property
    def quarantined(self) -> int:
        """How many of the rows could not be read."""
        return self.rows - self.accepted - self.skipped


class Stands(NamedTuple):
    """What a source says under a reference, as far as it decides what becomes of another row about the same.

    `unread` says that its row cannot be read now.
    """

    digest: str
    read_no: int
    file: str
    line: int
    weight: int = 0
    primary: bool = True
    unread: bool = False
    gone: bool = False
    origins: str = ""
    before: str = ""


class Standing(NamedTuple):
    """How many rows of a file speak after a read, and how many of them say something new."""

    accepted: int
    news: int


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


_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


@lru_cache(maxsize=1024)
def _dumped_origins(origins: tuple[tuple[str, tuple[str | None, int | None]], ...]) -> str:
    """The rows of a file have the same ones, but for cells that are empty."""
    return _dump(dict(origins))


def _origins_as_text(origins: Mapping[str, Any]) -> str:
    try:
        return _dumped_origins(tuple(origins.items()))
    except TypeError:  # they were loaded, and so are lists
        return _dump(origins)


_loaded_once: Callable[[str], dict[str, Any]] = lru_cache(maxsize=1024)(json.loads)


def _loaded_few(text: str) -> dict[str, Any]:
    """What many rows have alike."""
    return {**_loaded_once(text)}


class Store:
    """The state of one programme.

    Use `Store.open` for the real one and `Store.scratch` for a copy that is thrown away: that is how `plan` writes
    nothing. `schema` is the number of migrations that it had when it was opened, and `size` its size in bytes then.
    """

    def __init__(self, database: Database, programme: str) -> None:
        self._db = database
        self._programme = programme
        self._locks = Locks(database, programme)
        self.size = database.size
        self.schema = 0
        self._migrate()

    # -- opening ------------------------------------------------------------------------------------

    @classmethod
    def open(cls, place: Location, programme: str) -> Store:
        """Opens or creates the database.

        Raises:
            ConfigError: it cannot be opened, is no database of ours, or is of a newer version.
            Locked: another process holds it for too long.
            NotAuthorised: a server does not let us in.
            Unavailable: a server does not answer.
        """
        if isinstance(place, Server):
            from mi_sync.state import postgres

            with postgres.opened(place) as server:
                return cls(server, programme)
        with sqlite.opened(place) as file:
            return cls(file, programme)

    @classmethod
    def scratch(cls, place: Location, programme: str) -> Store:
        """A throw-away copy of what the database holds, if there is one.

        Raises:
            ConfigError, Locked, NotAuthorised, Unavailable: as `open`.
        """
        if isinstance(place, Server):
            from mi_sync.state import postgres

            with postgres.copied(place, programme) as rows:
                return cls(rows, programme)
        with sqlite.copied(place) as copy:
            return cls(copy, programme)

    def close(self) -> None:
        """Closes the database."""
        self._db.close()

    @contextlib.contextmanager
    def lock(self, *targets: str, command: str = "", clock: Clock | None = None) -> Iterator[None]:
        """Holds the leases of the programme's records and of these targets, so that two runs never interleave.

        `command` is for people. See `leases`; `keep_lock` is to be called before each request.

        Raises:
            Locked: another run holds one of them.
        """
        if self._db.is_scratch:
            yield
            return
        with self._locks.holding(targets, command, clock or Clock()):
            yield

    def keep_lock(self) -> None:
        """Makes sure that this run still holds what it took, and renews it when it is time to.

        Raises:
            Locked: it is another's by now, or it is time to and another process is storing something.
        """
        self._locks.check()
        if self._locks.is_due:
            with self.transaction():
                pass  # every commit renews

    def unlock(self) -> None:
        """Takes the leases of the programme away from whoever holds them, who stores nothing more from now on.

        Raises:
            Locked: their holder is storing something at this moment.
        """
        self._locks.take_away()

    def leases(self) -> list[Lease]:
        """The leases of the programme, given back or not."""
        return self._locks.all()

    def held(self, clock: Clock) -> list[Lease]:
        """Those of them whose holder may be at work now."""
        return self._locks.held(clock)

    def take_turn(self, token: str, limit: int, seconds: float) -> float:
        """Books a request where all who use the same token count, and tells how many seconds to wait before it.

        A fifth of the `limit` may go at once, and the rest evenly, so that in any `seconds` there are never more of
        them. A state in a file is not shared so; there it is always 0. See `http.Wire`.
        """
        at_once = max(limit // 5, 1)
        interval = math.ceil(1000 * seconds / max(limit - at_once, 1))
        ahead = self._db.turn(token, interval)
        return 0.0 if ahead is None else max(ahead - at_once * interval, 0) / 1000

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; never held across a network call.

        Raises:
            Locked: the lock was taken away, so nothing may be stored any more; or another process stores for too long.
        """
        with self._db.storing():
            self._locks.check(keep=True)
            yield
            self._locks.renew()

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """All or nothing for a part of a transaction, such as one source."""
        self._db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._db.undo("ROLLBACK TO part")
            self._db.undo("RELEASE part")
            raise
        self._db.execute("RELEASE part")

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Tells in our words what goes wrong with the database, which ends all work on it.

        It goes around a whole run, and not around each statement, so that nothing in between takes it for the failure
        of one source or target.

        Raises:
            Locked: another process holds it for too long.
            StateError: the disk is full, the file is damaged or cannot be written.
            Unavailable: the server is gone.
            NotAuthorised: the rights on the server do not suffice.
        """
        try:
            yield
        except Exception as error:
            told = self._db.told(error)
            if told is None:
                raise
            raise told from None

    def _migrate(self) -> None:
        self.schema = self._migrated()
        if self.schema == len(schema.MIGRATIONS):
            return  # without a write, so that `status` never waits for a run
        with self._db.storing(alone_as="migrations"):
            done = self._migrated()  # another process may have been quicker
            if not done:
                self._db.migrate(0, _NUMBERED)
            for number, (name, script) in enumerate(schema.MIGRATIONS[done:], start=done + 1):
                self._db.migrate(number, script)
                self._db.execute("INSERT INTO migrations VALUES (?, ?)", (number, name))

    def _migrated(self) -> int:
        """How many migrations were made.

        Raises:
            ConfigError: more than we know, or the database is somebody else's.
        """
        tables = self._db.tables()
        if tables and "migrations" not in tables:
            raise ConfigError(
                "it is a database of another program.", where=self._db.where, remedy="Choose another in [state] url."
            )
        if not tables:
            return 0
        (done,) = self._db.execute("SELECT COALESCE(MAX(number), 0) FROM migrations").fetchone()
        if done > len(schema.MIGRATIONS):
            raise ConfigError(
                f"the state was written by a newer mi-sync (migration {done}, this one knows"
                f" {len(schema.MIGRATIONS)}).",
                where=self._db.where,
                remedy="Upgrade mi-sync.",
            )
        return int(done)

    def damage(self) -> list[str]:
        """What the database finds wrong with itself; empty for a sound one."""
        return self._db.damage()

    def counts(self) -> dict[str, dict[str, int]]:
        """How much there is of everything, and nothing of what it says."""
        by = " GROUP BY 1 ORDER BY 1"
        return {
            name: dict(self._rows(f"SELECT {what}, COUNT(*) FROM {table} WHERE programme = ? {which}{by}"))  # noqa: S608
            for name, (what, table, which) in _COUNTED.items()
        }

    def _rows(self, sql: str, *values: Any) -> Cursor:  # noqa: ANN401  what a database takes
        return self._db.execute(sql, (self._programme, *values))

    def _one(self, sql: str, *values: Any) -> Any:  # noqa: ANN401  as above
        found = self._rows(sql, *values).fetchone()
        return found[0] if found else None

    def _many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
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
        self._rows(_SAVE_COUNTER, name, value)
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
        # The || keeps SQLite from walking through all contributions by key; few have gone.
        query = (
            "SELECT DISTINCT key || '' FROM contributions"
            " WHERE programme = ? AND kind = 'application' AND gone = 1 AND key IS NOT NULL"
        )
        return [key for (key,) in self._rows(query)]

    # -- what sources said --------------------------------------------------------------------------

    def file(self, source: str, file: str) -> FileRead | None:
        """What the last read of the file gave, or None for a new one."""
        row = self._rows(
            'SELECT fingerprint, rows, accepted, skipped, keyless, content, run, how, "overlaps" FROM files'
            " WHERE programme = ? AND source = ? AND file = ?",
            source,
            file,
        ).fetchone()
        if row is None:
            return None
        fingerprint, rows, accepted, skipped, keyless, content, run, how, overlaps = row
        return FileRead(
            fingerprint, rows, accepted, skipped, bool(keyless), content, run, json.loads(how), bool(overlaps)
        )

    def files_of(self, source: str) -> dict[str, str]:
        """The fingerprints of the source's files as last read."""
        return dict(
            self._rows("SELECT file, fingerprint FROM files WHERE programme = ? AND source = ? ORDER BY file", source)
        )

    def hows(self, source: str) -> list[Mapping[str, Any]]:
        """How the files of the source were read last, the newest first."""
        query = "SELECT how FROM files WHERE programme = ? AND source = ? ORDER BY read_no DESC, file DESC"
        return [json.loads(how) for (how,) in self._rows(query, source)]

    def sources_read(self) -> list[str]:
        """The sources whose files are remembered."""
        return [name for (name,) in self._rows("SELECT DISTINCT source FROM files WHERE programme = ? ORDER BY 1")]

    def namespace_of(self, source: str) -> str | None:
        """The namespace in which the source spoke."""
        found: str | None = self._one(
            "SELECT namespace FROM contributions WHERE programme = ? AND source = ? LIMIT 1", source
        )
        return found

    def rename_source(self, old: str, new: str) -> list[str]:
        """What one source said was said by another, which has said nothing yet; returns the keys of its records."""
        for table in ("files", "contributions", "quarantine"):
            self._rows(f"UPDATE {table} SET source = ?2 WHERE programme = ?1 AND source = ?3", new, old)  # noqa: S608  constants
        return self._keys_of(new)

    def _keys_of(self, source: str) -> list[str]:
        query = "SELECT DISTINCT key FROM contributions WHERE programme = ? AND source = ? AND key IS NOT NULL"
        return [key for (key,) in self._rows(query, source)]

    def forget_source(self, source: str) -> list[str]:
        """As if a complete read had shown nothing that the source said; returns the keys of its records."""
        keys = self._keys_of(source)
        self._rows("UPDATE contributions SET gone = 1 WHERE programme = ? AND source = ?", source)
        for table in ("files", "quarantine"):
            self._rows(f"DELETE FROM {table} WHERE programme = ? AND source = ?", source)  # noqa: S608  constants
        return keys

    def told_again(self, old: str, new: str, read_no: int) -> tuple[int, int]:
        """How many rows of a source have the reference of another source's row about another record; of how many."""
        row = self._rows(
            "SELECT COUNT(CASE WHEN EXISTS (SELECT 1 FROM contributions o WHERE o.programme = n.programme AND"
            " o.source = ?2 AND o.kind = n.kind AND o.ref = n.ref AND o.key != n.key) THEN 1 END), COUNT(*)"
            " FROM contributions n WHERE n.programme = ?1 AND n.source = ?3 AND n.read_no = ?4 AND n.is_primary = 1"
            " AND n.key IS NOT NULL",
            old,
            new,
            read_no,
        ).fetchone()
        return tuple(row)

    def last_read(self, source: str) -> int:
        """The number of the last read of the source; 0 for none."""
        return int(self._one("SELECT MAX(read_no) FROM files WHERE programme = ? AND source = ?", source) or 0)

    def reads_of(self, source: str) -> set[int]:
        """The numbers of the reads that its files were last seen in."""
        query = "SELECT DISTINCT read_no FROM files WHERE programme = ? AND source = ?"
        return {read_no for (read_no,) in self._rows(query, source)}

    def lost_keys(self, source: str, last_read: int, read_no: int) -> tuple[int, int, int]:
        """How many records the last read spoke of and this one does not, how many it spoke of, and how many are new."""
        row = self._rows(
            "SELECT COUNT(CASE WHEN was > stays THEN 1 END), COALESCE(SUM(was), 0), COALESCE(SUM(1 - was), 0) FROM"
            " (SELECT MAX(CASE WHEN read_no = ?3 OR (read_no = ?4 AND before != '') THEN 1 ELSE 0 END) AS was,"
            " MAX(CASE WHEN read_no = ?4 THEN 1 ELSE 0 END) AS stays"
            " FROM contributions WHERE programme = ?1 AND source = ?2 AND is_primary = 1 AND key IS NOT NULL"
            " AND read_no IN (?3, ?4) GROUP BY key) AS each_key",
            source,
            last_read,
            read_no,
        ).fetchone()
        return tuple(row)

    def had_rows(self, source: str) -> bool:
        """Whether the source ever gave a record."""
        return bool(self._one("SELECT 1 FROM contributions WHERE programme = ? AND source = ? LIMIT 1", source))

    def save_file(self, source: str, file: str, read: FileRead, read_no: int) -> None:
        """Remembers what this read gave."""
        self._rows(
            _SAVE_FILE,
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
            _dump(read.how),
            read.overlaps,
        )

    def saying(self, source: str, read_no: int) -> Saying:
        """What the source says in this read, to be stored."""
        return Saying(self, source, read_no)

    def contribution_state(self, source: str, kind: Kind, ref: str) -> Stands | None:
        """What the source said before under this reference."""
        return self._states(source, kind, [ref]).get(ref)

    def _states(self, source: str, kind: Kind, refs: Sequence[str]) -> dict[str, Stands]:
        found = self._rows(
            f"SELECT ref, {_STANDS} FROM contributions"  # noqa: S608  constants and marks
            f" WHERE programme = ? AND source = ? AND kind = ? AND ref IN ({_marks(refs)})",
            source,
            kind,
            *refs,
        )
        return {ref: Stands(*rest) for ref, *rest in found}

    def save_contribution(self, it: Contribution, read_no: int) -> None:
        """As `Saying.save`, at once."""
        saying = self.saying(it.source, read_no)
        saying.save(it)
        saying.flush()

    def standing_rows(self, source: str, file: str, digests: Sequence[str], read_no: int) -> set[str]:
        """Which of these rows of a file said all their records when it was last read, and still say them.

        No row of this read, `read_no`, has said anything of these records yet.
        """
        found = self._rows(
            # The || keeps SQLite from walking through all that the source said.
            "SELECT row_digest FROM contributions WHERE programme || '' = ? AND source = ? AND file = ?"  # noqa: S608  marks
            f" AND read_no < ? AND gone = 0 AND unread = 0 AND row_digest != '' AND row_digest IN ({_marks(digests)})"
            " GROUP BY row_digest HAVING COUNT(*) = MAX(row_records)",
            source,
            file,
            read_no,
            *digests,
        )
        return {digest for (digest,) in found}

    def study(self) -> None:
        """Before many new rows are looked up again."""
        self._db.study("contributions")

    def touch_rows(self, source: str, file: str, read_no: int, rows: Sequence[tuple[str, int]]) -> None:
        """These rows, by digest, still say the same, each on the line that it is on now."""
        self._db.executemany(
            "UPDATE contributions SET file = ?3, line = ?4, read_no = ?5, before = digest"
            " WHERE programme = ?1 AND source = ?2 AND row_digest = ?6 AND row_digest != ''",
            [(self._programme, source, file, line, read_no, digest) for digest, line in rows],
        )

    def standing(self, source: str, read_no: int) -> dict[str, Standing]:
        """What became of the rows of each file in this read: those of which something stands under their own record."""
        query = (
            "SELECT file, SUM(speaks), SUM(speaks * news) FROM"
            " (SELECT file, MAX(CASE WHEN is_primary = 1 AND unread = 0 THEN 1 ELSE 0 END) AS speaks,"
            " MAX(CASE WHEN digest != before THEN 1 ELSE 0 END) AS news FROM contributions"
            " WHERE programme = ? AND source = ? AND read_no = ? GROUP BY file, line) AS each_row GROUP BY file"
        )
        return {file: Standing(accepted, news) for file, accepted, news in self._rows(query, source, read_no)}

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
            "UPDATE contributions SET read_no = ?2, before = digest"
            " WHERE programme = ?1 AND source = ?3 AND file = ?4 AND read_no ="
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

    def unlinked(self, source: str, kind: Kind, *, overlay: bool) -> Iterator[list[Contribution]]:
        """What is not yet known to be about whom, some at a time, by its reference; may be linked meanwhile."""
        last = ""
        while True:
            chunk = self._rows(
                f"SELECT {_CONTRIBUTION} FROM contributions"  # noqa: S608  a constant
                " WHERE programme = ? AND key IS NULL AND source = ? AND kind = ? AND overlay = ? AND gone = 0"
                " AND ref > ? ORDER BY ref LIMIT 500",
                source,
                kind,
                overlay,
                last,
            ).fetchall()
            if not chunk:
                return
            found = [self._contribution(row) for row in chunk]
            last = found[-1].ref
            yield found

    def link_contributions(self, linked: Iterable[tuple[Contribution, str, str | None, str | None]]) -> None:
        """Remembers whose records these are about: the key, and the keys of posting and applicant."""
        self._db.executemany(
            "UPDATE contributions SET key = ?5, posting = ?6, applicant = ?7"
            " WHERE programme = ?1 AND source = ?2 AND kind = ?3 AND ref = ?4",
            [(self._programme, it.source, it.kind, it.ref, *keys) for it, *keys in linked],
        )

    def contributions_by_key(self, keys: Keys) -> Iterator[tuple[str, list[Contribution]]]:
        """Everything that is said of each of these records, in the order of their keys."""
        for some in keys.in_order():
            found: dict[str, list[Any]] = {}
            query = f"SELECT {_CONTRIBUTION} FROM contributions WHERE programme = ? AND key IN ({_marks(some)})"  # noqa: S608  as above
            for row in self._rows(query, *some):
                found.setdefault(row[_KEY], []).append(row)
            for key in some:
                yield key, [self._contribution(row) for row in sorted(found.get(key, ()), key=lambda row: row[:3])]

    def contributions(self, key: str) -> list[Contribution]:
        """Everything that is said of one record."""
        return next(said for _, said in self.contributions_by_key(Keys([key])))

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
            self.link_contributions([(it, it.key or "", None, None)])

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
        digest, primary, key, posting, applicant, gone, run, changed_at, unread = rest
        return Contribution(
            source, kind, ref, namespace, bool(overlay), file, line, local_id, json.loads(body), _loaded_few(refs),
            _loaded_few(origins), digest, bool(primary), key, posting, applicant, bool(gone), run, changed_at,
            bool(unread),
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

    def names(self) -> Names:
        """The stored names of records, to be looked up and added to in bulk."""
        return Names(self)

    def aliases(self, kind: str, type_: str, namespace: str, values: Sequence[str]) -> dict[str, str]:
        """The keys that go by these names, by name."""
        return dict(
            self._rows(
                "SELECT value, key FROM aliases WHERE programme = ? AND kind = ? AND type = ? AND namespace = ?"  # noqa: S608  marks
                f" AND value IN ({_marks(values)})",
                kind,
                type_,
                namespace,
                *values,
            ).fetchall()
        )

    def alias_anywhere(self, kind: Kind, type_: str, value: str) -> list[str]:
        """The keys that go by this name in any namespace; two suffice to know that it is ambiguous."""
        return [
            row[0]
            for row in self._rows(
                # The || keeps SQLite from walking all aliases by key, so that the first two it meets are distinct.
                "SELECT DISTINCT key || '' FROM aliases"
                " WHERE programme = ? AND kind = ? AND type = ? AND value = ? LIMIT 2",
                kind,
                type_,
                value,
            )
        ]

    def add_alias(self, key: str, kind: Kind, type_: str, value: str, namespace: str = "") -> None:
        """Remembers a name; the first seen wins for ever."""
        self.add_aliases([(kind, type_, value, namespace, key)])

    def add_aliases(self, names: Sequence[tuple[str, str, str, str, str]]) -> None:
        """Remembers names: kind, type, value, namespace and key of each; the first seen wins for ever."""
        self._many("INSERT INTO aliases VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", names)

    def has_alias(self, key: str, type_: str) -> bool:
        """Whether the record goes by a name of this type."""
        return bool(self._one("SELECT 1 FROM aliases WHERE programme = ? AND key = ? AND type = ?", key, type_))

    def postings_titled(self, title: str) -> list[str]:
        """The keys of the postings with exactly this title; at most ten."""
        return [
            row[0]
            for row in self._rows(
                "SELECT DISTINCT key || '' FROM contributions"  # the ||: as above
                " WHERE programme = ? AND kind = 'posting' AND title = ? AND key IS NOT NULL"
                " ORDER BY 1 LIMIT 10",
                title,
            )
        ]

    def ids(self, keys: Sequence[str]) -> list[str]:
        """The ids that sources gave these records."""
        query = "SELECT DISTINCT value FROM aliases WHERE programme = ? AND key = ? AND type = 'id'"
        return sorted({value for key in keys for (value,) in self._rows(query, key)})

    # -- records ------------------------------------------------------------------------------------

    def save_records(self, records: Iterable[tuple[Record, Kind, Mapping[str, Any]]]) -> None:
        """Stores merged records, each with its kind and the origins of its fields."""
        self._many(
            _SAVE_RECORD,
            [
                (
                    record.key,
                    kind,
                    *map(vars(record).get, ("status", "posting", "applicant", "initials")),
                    record.model_dump_json(exclude={"label"}),
                    _dump(origins),
                )
                for record, kind, origins in records
            ],
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
            frozenset((it.source, it.file, it.line) for it in contributions if it.unread),
            frozenset((*name, column) for name, read in files.items() for column in read.how.get("lacking", ())),
        )

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
        self._many("INSERT INTO labels VALUES (?, ?, ?) ON CONFLICT DO NOTHING", list(labels.items()))

    def engagements(self, also: frozenset[str] = frozenset()) -> Iterator[Engagement]:
        """Applications that are engaged, or that own an item on some board, with all that belongs to them.

        `also` are other statuses of `model.ENDED` to look for.
        """
        labels = self.labels()
        statuses = ", ".join(f"'{status}'" for status in sorted(ENGAGED | (also & ENDED)))
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

    def applications_by_source(self) -> Mapping[str, Mapping[str | None, int]]:
        """How many applications of each status each source brought; an overlay brings none."""
        counts: dict[str, dict[str | None, int]] = {}
        query = (
            "SELECT c.source, a.status, COUNT(DISTINCT a.key) FROM contributions c"
            " JOIN records a ON a.programme = c.programme AND a.key = c.key"
            " WHERE c.programme = ? AND c.kind = 'application' AND c.overlay = 0 GROUP BY c.source, a.status"
        )
        for source, status, count in self._rows(query).fetchall():
            counts.setdefault(source, {})[status] = count
        return counts

    def applications_by_channel(self) -> Mapping[str | None, Mapping[str | None, int]]:
        """How many applications of each status came through each channel; None where nobody says which."""
        counts: dict[str | None, Counter[str | None]] = {}
        query = (
            "SELECT s.body, a.status, COUNT(*) FROM records a"
            " JOIN records s ON s.programme = a.programme AND s.key = a.applicant"
            " WHERE a.programme = ? AND a.kind = 'application' GROUP BY s.key, s.body, a.status"
        )
        for body, status, count in self._rows(query):
            counts.setdefault(json.loads(body).get("channel"), Counter())[status] += count
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
                " AND file = COALESCE(?3, file)",
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
                " AND file = COALESCE(?3, file)",
                source,
                file,
                stage,
            ).fetchall()
        )
        self._rows(
            "DELETE FROM quarantine WHERE programme = ?1 AND source = ?2 AND stage = ?4 AND file = COALESCE(?3, file)",
            source,
            file,
            stage,
        )
        self._many(
            _SAVE_QUARANTINED,
            [(q.source, q.file, q.line, q.stage, q.digest, q.field, q.why, since.get(q.digest, now)) for q in rows],
        )

    def quarantine(self, source: str | None = None, stage: str | None = None) -> Iterator[Quarantined]:
        """The rows left out, in the order of the files."""
        for row in self._rows(
            "SELECT source, file, line, field, why, digest, stage, since FROM quarantine"
            " WHERE programme = ?1 AND source = COALESCE(?2, source) AND stage = COALESCE(?3, stage)"
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
        self._rows("INSERT INTO targets VALUES (?, ?, ?) ON CONFLICT DO NOTHING", target, board)

    def links(self, target: str) -> dict[str, Link]:
        """The links of a target, by key."""
        rows = self._rows(
            "SELECT key, id, url, nonce, owner, step, title, base, labels, checklist, archived, seen FROM links"
            " WHERE programme = ? AND target = ? ORDER BY key",
            target,
        )
        return {row[0]: _link(row) for row in rows}

    def memory(self, target: str) -> MutableMapping[str, str]:
        """What the target's publisher remembers; whatever is set is stored at once."""
        return _Memory(self, target)

    def has_links(self) -> bool:
        """Whether any board holds an item."""
        return bool(self._one("SELECT 1 FROM links WHERE programme = ? LIMIT 1"))

    def save_link(self, target: str, link: Link) -> None:
        """Inserts or replaces a link."""
        self._rows(
            _SAVE_LINK,
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
        return self._db.insert(
            "INSERT INTO journal (programme, target, key, plan, run, at, state, intent)"
            " VALUES (?, ?, ?, ?, ?, ?, 'open', ?)",
            (self._programme, target, key, plan, run, at, _dump(intent)),
        )

    def advance(self, seq: int, state: str) -> None:
        """Moves a journal entry on: carried, done or void.

        Of one that is over only its item and what was done with it is kept: bodies are not hoarded.
        """
        if state in {"done", "void"}:
            intent = self._one("SELECT intent FROM journal WHERE programme = ? AND seq = ?", seq) or "{}"
            change = json.loads(intent).get("change", {})
            kept = _dump(
                {"change": {"id": None, **{name: change[name] for name in ("id", "action") if name in change}}}
            )
            self._rows("UPDATE journal SET intent = ?3 WHERE programme = ?1 AND seq = ?2", seq, kept)
        self._rows("UPDATE journal SET state = ?3 WHERE programme = ?1 AND seq = ?2", seq, state)

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

    def changes(self, limit: int) -> list[dict[str, Any]]:
        """What was done on boards, the newest first: run, at, target, key, and action where that is remembered."""
        query = (
            "SELECT run, at, target, key, intent FROM journal WHERE programme = ? AND state = 'done'"
            " ORDER BY seq DESC LIMIT ?"
        )
        return [
            {
                "run": run,
                "at": at,
                "target": target,
                "key": key,
                "action": json.loads(intent).get("change", {}).get("action"),
            }
            for run, at, target, key, intent in self._rows(query, limit)
        ]

    # -- erasing people -----------------------------------------------------------------------------

    def people_at(self, address: str) -> list[str]:
        """The keys of the applicants who have, or ever had, this address."""
        named = self._rows(
            "SELECT key FROM aliases WHERE programme = ?1 AND kind = 'applicant'"
            " AND (type = 'email' AND value = ?2 OR type = 'ref' AND value = ?3)",
            address,
            f"email:{address}",
        )
        said = self._rows(
            "SELECT key, body FROM contributions WHERE programme = ? AND kind = 'applicant' AND key IS NOT NULL"
        )
        keys = {key for (key,) in named} | {key for key, body in said if json.loads(body).get("email") == address}
        return sorted(keys)

    def names_of(self, key: str) -> list[tuple[str, str, str]]:
        """(type, value, namespace) of every name that a record goes by."""
        return self._rows(
            "SELECT type, value, namespace FROM aliases WHERE programme = ? AND key = ? ORDER BY 1, 2, 3", key
        ).fetchall()

    def about(self, applicant: str) -> list[Contribution]:
        """Everything that is said of a person, of their applications and of their engagements."""
        return [
            self._contribution(row)
            for row in self._rows(
                f"SELECT {_CONTRIBUTION} FROM contributions"  # noqa: S608  a constant
                " WHERE programme = ?1 AND (key = ?2 OR applicant = ?2) ORDER BY source, file, line, kind",
                applicant,
            )
        ]

    def all_contributions(self, *, linked: bool) -> Iterator[Contribution]:
        """Everything that is said, of whoever it is about; or everything of which that is not known."""
        which = "NOT NULL" if linked else "NULL"
        query = f"SELECT {_CONTRIBUTION} FROM contributions WHERE programme = ? AND key IS {which}"  # noqa: S608
        yield from map(self._contribution, self._rows(f"{query} ORDER BY source, file, line, kind"))

    def records_about(self, applicant: str) -> dict[str, Kind]:
        """The keys of a person's record and of those that belong to it, each with its kind."""
        return dict(
            self._rows("SELECT key, kind FROM records WHERE programme = ?1 AND (key = ?2 OR applicant = ?2)", applicant)
        )

    def erase(self, keys: Collection[str], said: Collection[Contribution], owner: str) -> dict[str, int]:
        """Erases these records with everything that was said of them, and returns what there was, in counts.

        Their items on boards stay linked, so that they are known again, under `owner` and without a word of theirs. The
        files that said something are read again by the next pull.
        """
        linked = [(target, link) for target in self._linked() for link in self.links(target).values()]
        items = {link.key for _, link in linked if link.owner in keys}
        places = sorted({(it.source, it.file, it.line) for it in said})
        counts = {
            "contributions": self._erase("contributions", ("source", "kind", "ref"), [_name(it) for it in said]),
            "records": self._erase("records", ("key",), [(key,) for key in keys]),
            "names": self._erase("aliases", ("key",), [(key,) for key in keys]),
            "labels": self._erase("labels", ("applicant",), [(key,) for key in keys]),
            "left_out": self._erase("quarantine", ("source", "file", "line"), places),
            "journal": self._erase("journal", ("key",), [(key,) for key in sorted(items)])
            + self._erase("journal", ("seq",), self._intents_of(keys)),
        }
        self._many(
            "UPDATE links SET owner = ?4, title = '', base = '{}', labels = '[]', checklist = '[]', seen = ?5"
            " WHERE programme = ?1 AND target = ?2 AND key = ?3",
            [
                (target, link.key, owner, _dump(_seen_as_json(replace(link.seen, assignees=()))))
                for target, link in linked
                if link.owner in keys
            ],
        )
        self.read_again({(source, file) for source, file, _ in places})
        return {**counts, "items": len(items)}

    def _intents_of(self, owners: Collection[str]) -> list[tuple[int]]:
        """The numbers of the intents about items of these owners."""
        entries = self._rows("SELECT seq, intent FROM journal WHERE programme = ?").fetchall()
        return [(seq,) for seq, intent in entries if json.loads(intent).get("change", {}).get("owner") in owners]

    def _linked(self) -> list[str]:
        return [target for (target,) in self._rows("SELECT DISTINCT target FROM links WHERE programme = ?")]

    def _erase(self, table: str, columns: Sequence[str], rows: Collection[Sequence[Any]]) -> int:
        where = "".join(f" AND {column} = ?" for column in columns)
        return sum(self._rows(f"DELETE FROM {table} WHERE programme = ?{where}", *row).rowcount for row in rows)  # noqa: S608  constants

    def read_again(self, files: Iterable[tuple[str, str]]) -> None:
        """Lets the next pull read these files (source and name), even if they are unchanged."""
        self._many("UPDATE files SET fingerprint = '' WHERE programme = ? AND source = ? AND file = ?", sorted(files))

    def files_with_skipped_rows(self) -> list[tuple[str, str]]:
        """Source and name of the files of which a row was skipped."""
        return self._rows("SELECT source, file FROM files WHERE programme = ? AND skipped > 0 ORDER BY 1, 2").fetchall()

    def rewrite_runs(self, rewritten: Callable[[str], str]) -> int:
        """Passes what the records of runs say through a function, and returns how many it changed."""
        changed = [
            (run, after)
            for run, result in self._rows("SELECT run, result FROM runs WHERE programme = ? AND result IS NOT NULL")
            if (after := _dump(_each_text(json.loads(result), rewritten))) != result
        ]
        self._many("UPDATE runs SET result = ?3 WHERE programme = ?1 AND run = ?2", changed)
        return len(changed)

    def erased(self) -> dict[str, str]:
        """The digests by which erased people are known again, each with the owner of their items."""
        return dict(self._rows("SELECT digest, owner FROM erased WHERE programme = ?"))

    def add_erased(self, digests: Collection[str], owner: str) -> None:
        """Remembers the digests of an erased person."""
        self._many(_SAVE_ERASED, [(each, owner) for each in sorted(digests)])

    def drop_erased(self, owner: str) -> None:
        """Forgets the digests of a person, who may come back then."""
        self._rows("DELETE FROM erased WHERE programme = ? AND owner = ?", owner)

    def unchanged_since(self, before: str, now: str) -> list[str]:
        """The keys of the people of whom nothing new was said since `before`; of whom nobody knows, that is `now`."""
        self._rows("UPDATE contributions SET changed_at = ?2 WHERE programme = ?1 AND changed_at = ''", now)
        query = (
            "SELECT COALESCE(applicant, key) FROM contributions WHERE programme = ? AND key IS NOT NULL"
            " AND kind <> 'posting' GROUP BY 1 HAVING MAX(changed_at) < ? ORDER BY 1"
        )
        return [key for (key,) in self._rows(query, before)]

    def compact(self) -> bool:
        """Leaves nothing of what was erased lying around in the database, as far as that is ours to do.

        False when somebody else is reading it, and so the old content still stands in its log.
        """
        return self._db.compact()

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


class Saying:
    """What one source says in one read, stored in bulk.

    `expect` looks up what was said before under many references at once. What is saved, touched or kept is known here
    at once, and stored by `flush`; before anything else looks at it, that must be called.
    """

    def __init__(self, store: Store, source: str, read_no: int) -> None:
        self._store, self._source, self._read_no = store, source, read_no
        self._known: dict[tuple[Kind, str], Stands | None] = {}
        self._written: set[tuple[Kind, str]] = set()
        self._saved: list[tuple[Any, ...]] = []
        self._touched: list[tuple[Any, ...]] = []
        self._kept: list[tuple[Any, ...]] = []

    def expect(self, names: Iterable[tuple[Kind, str]]) -> None:
        """Looks up these references, each with the kind of its record, and forgets all others."""
        self.flush()
        by_kind: dict[Kind, dict[str, None]] = {}
        for kind, ref in names:
            by_kind.setdefault(kind, {})[ref] = None
        self._known = {(kind, ref): None for kind, refs in by_kind.items() for ref in refs}
        for kind, refs in by_kind.items():
            wanted = list(refs)
            for at in range(0, len(wanted), _AT_ONCE):
                found = self._store._states(self._source, kind, wanted[at : at + _AT_ONCE])  # noqa: SLF001  a part of it
                self._known.update({(kind, ref): stands for ref, stands in found.items()})

    def state(self, kind: Kind, ref: str) -> Stands | None:
        """What the source said before under this reference, in this read or in an earlier one."""
        if (kind, ref) not in self._known:
            self._known[kind, ref] = self._store.contribution_state(self._source, kind, ref)
        return self._known[kind, ref]

    def save(self, it: Contribution) -> None:
        """Inserts or replaces; who it is about is resolved anew, because its references may have changed."""
        before, origins = self._before(it.kind, it.ref), _origins_as_text(it.origins)
        self._saved.append(
            (
                it.source, it.kind, it.ref, it.namespace, it.overlay, it.file, it.line, it.local_id,
                it.values.get("title"), _dump(it.values), _dump(it.refs), origins, it.digest, it.primary,
                self._read_no, it.run, it.changed_at, before, it.weight, it.row_digest, it.row_records,
            )
        )  # fmt: skip
        self._now(it, origins, before)

    def touch(self, it: Contribution) -> bool:
        """The source still says the same. True when it had been gone, or is read from another place."""
        was = self.state(it.kind, it.ref)
        assert was is not None  # noqa: S101  it still says it
        before, origins = self._before(it.kind, it.ref), _origins_as_text(it.origins)
        self._touched.append(
            (
                it.source, it.kind, it.ref, it.file, it.line, origins, it.primary, it.weight, self._read_no, before,
                it.row_digest, it.row_records,
            )
        )  # fmt: skip
        self._now(it, origins, before)
        return bool(was.gone) or was.origins != origins

    def keep_unread(self, kind: Kind, ref: str, file: str, line: int) -> None:
        """Its row is there and cannot be read: what it said before still stands, from where it came then."""
        was = self.state(kind, ref)
        assert was is not None  # noqa: S101  as above
        self._before(kind, ref)
        self._kept.append((self._source, kind, ref, file, line, self._read_no))
        self._known[kind, ref] = was._replace(
            file=file, line=line, read_no=self._read_no, before=was.digest, gone=False, unread=True
        )

    def flush(self) -> None:
        """Stores all of it."""
        self._store._many(_KEEP_UNREAD, self._kept)  # noqa: SLF001  as above
        self._store._many(_TOUCH_CONTRIBUTION, self._touched)  # noqa: SLF001
        self._store._many(_SAVE_CONTRIBUTION, self._saved)  # noqa: SLF001
        for done in (self._kept, self._touched, self._saved, self._written):
            done.clear()

    def _before(self, kind: Kind, ref: str) -> str:
        """What was said until this read. What is written now comes after all that was written of it."""
        was = self.state(kind, ref)
        if (kind, ref) in self._written:
            self.flush()
        self._written.add((kind, ref))
        if was is None:
            return ""
        return was.before if was.read_no == self._read_no else was.digest

    def _now(self, it: Contribution, origins: str, before: str) -> None:
        self._known[it.kind, it.ref] = Stands(
            it.digest, self._read_no, it.file, it.line, it.weight, it.primary, False, False, origins, before
        )


class Names:
    """The stored names of records (a `linking.Directory`), of which many are looked up at once and stored in bulk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[tuple[str, str, str, str], str | None] = {}
        self._new: list[tuple[str, str, str, str, str]] = []

    def expect(self, said: Sequence[Contribution]) -> None:
        """Looks up the names by which these tell what they are about, and forgets all others."""
        self.flush()
        wanted: dict[tuple[str, str, str], dict[str, None]] = {}
        for it in said:
            for kind, type_, value, namespace in _names(it):
                wanted.setdefault((kind, type_, namespace), {})[value] = None
        self._found = {(*group[:2], value, group[2]): None for group, values in wanted.items() for value in values}
        for (kind, type_, namespace), values in wanted.items():
            for value, key in self._store.aliases(kind, type_, namespace, list(values)).items():
                self._found[kind, type_, value, namespace] = key

    def flush(self) -> None:
        """Stores the names that were added."""
        self._store.add_aliases(self._new)
        self._new.clear()

    def alias(self, kind: Kind, type_: str, value: str, namespace: str = "") -> str | None:
        """The key that goes by this name."""
        name = (kind, type_, value, namespace)
        if name not in self._found:
            self._found[name] = self._store.alias(kind, type_, value, namespace)
        return self._found[name]

    def add_alias(self, key: str, kind: Kind, type_: str, value: str, namespace: str = "") -> None:
        """Remembers a name; the first seen wins."""
        if self.alias(kind, type_, value, namespace) is None:
            self._found[kind, type_, value, namespace] = key
            self._new.append((kind, type_, value, namespace, key))

    def alias_anywhere(self, kind: Kind, type_: str, value: str) -> Sequence[str]:
        """The keys that go by this name in any namespace."""
        self.flush()
        return self._store.alias_anywhere(kind, type_, value)

    def has_alias(self, key: str, type_: str) -> bool:
        """Whether the record goes by a name of this type."""
        self.flush()
        return self._store.has_alias(key, type_)

    def postings_titled(self, title: str) -> Sequence[str]:
        """The keys of the postings with exactly this title; not all of very many."""
        return self._store.postings_titled(title)

    def ids(self, keys: Sequence[str]) -> Sequence[str]:
        """The ids that sources gave these records."""
        self.flush()
        return self._store.ids(keys)


def _names(it: Contribution) -> Iterator[tuple[str, str, str, str]]:
    """Kind, type, value and namespace of what a contribution tells of itself and of what it refers to."""
    yield it.kind, "ref", it.ref, it.namespace
    if it.local_id:
        yield it.kind, "id", it.local_id, it.namespace
    if it.kind == "applicant" and (email := it.values.get("email")):
        yield "applicant", "email", str(email), ""
    for name, value in it.refs.items():
        kind, _, type_ = name.partition(".")
        if type_ != "title":
            yield kind, type_, value, "" if type_ == "email" else it.namespace


class _Memory(MutableMapping[str, str]):
    """A view of the store, for one target."""

    def __init__(self, store: Store, target: str) -> None:
        self._store, self._target = store, target

    def _all(self) -> dict[str, str]:
        query = "SELECT name, value FROM memories WHERE programme = ? AND target = ? ORDER BY name"
        return dict(self._store._rows(query, self._target).fetchall())  # noqa: SLF001  a part of it

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __setitem__(self, name: str, value: str) -> None:
        with self._store.transaction():
            self._store._rows(  # noqa: SLF001  as above
                "INSERT INTO memories (programme, target, name, value) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (programme, target, name) DO UPDATE SET value = excluded.value",
                self._target,
                name,
                value,
            )

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        with self._store.transaction():
            self._store._rows(  # noqa: SLF001  as above
                "DELETE FROM memories WHERE programme = ? AND target = ? AND name = ?", self._target, name
            )


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


def _upsert(table: str, keys: str, columns: str, reset: str = "") -> str:
    """A statement that inserts a row, or replaces the one with the same keys. `reset` is what is set besides."""
    names = [name.strip() for name in f"{keys}, {columns}".split(",")]
    changed = ", ".join(
        [f"{name.strip()} = excluded.{name.strip()}" for name in columns.split(",")] + [reset] * bool(reset)
    )
    marks = ", ".join("?" for _ in names)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608  constants
        f" ON CONFLICT ({keys}) DO UPDATE SET {changed}"
    )


_SAVE_COUNTER = _upsert("counters", "programme, name", "value")
_SAVE_FILE = _upsert(
    "files",
    "programme, source, file",
    'fingerprint, rows, accepted, skipped, read_no, keyless, content, run, how, "overlaps"',
)
_SAVE_CONTRIBUTION = _upsert(
    "contributions",
    "programme, source, kind, ref",
    "namespace, overlay, file, line, local_id, title, body, refs, origins, digest, is_primary, read_no, run,"
    " changed_at, before, weight, row_digest, row_records",
    "key = NULL, posting = NULL, applicant = NULL, gone = 0, unread = 0",
)
_TOUCH_CONTRIBUTION = (
    "UPDATE contributions SET file = ?5, line = ?6, origins = ?7, is_primary = ?8, weight = ?9, read_no = ?10,"
    " before = ?11, gone = 0, unread = 0, row_digest = ?12, row_records = ?13"
    " WHERE programme = ?1 AND source = ?2 AND kind = ?3 AND ref = ?4"
)
_KEEP_UNREAD = (
    "UPDATE contributions SET file = ?5, line = ?6, read_no = ?7, before = digest, gone = 0, unread = 1"
    " WHERE programme = ?1 AND source = ?2 AND kind = ?3 AND ref = ?4"
)
_SAVE_RECORD = _upsert("records", "programme, key", "kind, status, posting, applicant, initials, body, origins")
_SAVE_QUARANTINED = _upsert("quarantine", "programme, source, file, line, stage", "digest, field, why, since")
_SAVE_LINK = _upsert(
    "links",
    "programme, target, key",
    "id, url, nonce, owner, step, title, base, labels, checklist, archived, seen",
)
_SAVE_ERASED = _upsert("erased", "programme, digest", "owner")

_NUMBERED = "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL)"
"""What comes before the first migration."""

_NEVER_GONE = 2**62
"""A read number beyond all reads."""

_AT_ONCE = 500
"""So many rows are looked up or changed by one statement."""

_STANDS = "digest, read_no, file, line, weight, is_primary, unread, gone, origins, before"

_CONTRIBUTION = (
    "source, kind, ref, namespace, overlay, file, line, local_id, body, refs, origins, digest, is_primary,"
    " key, posting, applicant, gone, run, changed_at, unread"
)
_KEY = 13
"""Where the key stands in it."""


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _link(row: Sequence[Any]) -> Link:
    key, id_, url, nonce, owner, step, title, base, labels, checklist, archived, seen = row
    seen = json.loads(seen)
    seen |= {name: tuple(seen[name]) for name in ("assignees", "conflicts")}
    return Link(
        key, id_, url, nonce, owner, step, title, json.loads(base), tuple(json.loads(labels)),
        tuple(json.loads(checklist)), bool(archived), Seen(**seen),
    )  # fmt: skip


def _name(it: Contribution) -> tuple[str, str, str]:
    return it.source, it.kind, it.ref


def _each_text(value: Any, rewritten: Callable[[str], str]) -> Any:  # noqa: ANN401  JSON is anything
    """The same JSON with each of its texts passed through a function; keys stay."""
    if isinstance(value, dict):
        return {key: _each_text(each, rewritten) for key, each in value.items()}
    if isinstance(value, list):
        return [_each_text(each, rewritten) for each in value]
    return rewritten(value) if isinstance(value, str) else value


def _seen_as_json(seen: Seen) -> dict[str, Any]:
    return {name: getattr(seen, name) for name in Seen.__slots__}
