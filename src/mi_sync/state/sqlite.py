"""SQLite as the database of the store: one file beside the configuration, for one computer."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mi_sync.errors import ConfigError, Locked, MiSyncError, StateError
from mi_sync.leases import Clock

BUSY = 30.0
"""So many seconds another process may hold the database before we give up."""

CACHE = 16 * 1024
"""So many KiB of the database are kept in memory at most."""


class Sqlite:
    """See `database.Database`. `ahead` is by how many milliseconds the clock of a copy's original is ahead of ours."""

    shared_lock = ""  # whoever stores is alone

    def __init__(self, connection: sqlite3.Connection, where: str, size: int, *, is_scratch: bool) -> None:
        self.connection = connection
        self.where = where
        self.size = size
        self.is_scratch = is_scratch
        self.ahead = 0
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        # What is deleted is overwritten, so that an erased person stands nowhere in the file; see `compact`.
        connection.execute("PRAGMA secure_delete = ON")
        # A part of a transaction that may be undone (`Store.savepoint`) keeps the pages as they were. In memory they
        # would grow with the rows, and SQLite walks through all of them after each statement; a temporary file, which
        # has no name, does neither.
        connection.execute("PRAGMA temp_store = FILE")
        connection.execute(f"PRAGMA cache_size = -{CACHE}")
        self.execute = connection.execute
        self.executemany = connection.executemany

    def insert(self, sql: str, values: Sequence[Any]) -> int:
        """As the seam says."""
        return int(self.execute(sql, values).lastrowid or 0)

    @contextlib.contextmanager
    def storing(self, alone_as: str = "") -> Iterator[None]:
        """As the seam says; there is only one at a time, whatever it is called."""
        del alone_as
        try:
            self.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            known = told(error, self.where)
            if not isinstance(known, Locked):
                raise
            raise known from None
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            self.undo("ROLLBACK")
            raise

    def undo(self, statement: str) -> None:
        """As the seam says; unless SQLite has undone all by itself, as it does when the disk is full."""
        if self.connection.in_transaction:
            self.execute(statement)

    def tables(self) -> set[str]:
        """As the seam says: those of the whole file."""
        return {name for (name,) in self.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def migrate(self, number: int, script: str) -> None:
        """As the seam says."""
        del number
        for statement in script.split(";"):
            self.execute(statement)

    def milliseconds(self, clock: Clock) -> int:
        """As the seam says: whoever shares a file shares its computer's clock; a copy goes by its original's."""
        return clock.milliseconds() + self.ahead

    @staticmethod
    def turn(name: str, interval: int) -> None:
        """As the seam says: a file is one computer's, and each turn would cost it a commit."""
        del name, interval

    def told(self, error: Exception) -> MiSyncError | None:
        """As the seam says."""
        return told(error, self.where)

    def damage(self) -> list[str]:
        """As the seam says, by SQLite's own check of the file."""
        try:
            found = [text for (text,) in self.execute("PRAGMA integrity_check")]
        except sqlite3.DatabaseError as error:  # too damaged to be checked
            return [str(error)]
        return [] if found == ["ok"] else found

    def study(self, table: str) -> None:
        """As the seam says: here an index is taken because it fits, and nothing has to be known of the rows."""

    def compact(self) -> bool:
        """As the seam says: rewrites the file, so that nothing of it is left in the file or its companions."""
        if self.is_scratch:
            return True
        self.execute("VACUUM")
        busy, *_ = self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def close(self) -> None:
        """As the seam says."""
        self.connection.close()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Sqlite]:
    """The database in this file, which is made if need be, readable for its owner alone. Closed if the block fails.

    Raises:
        ConfigError: it cannot be opened, or is none.
        Locked: another process holds it for too long.
    """
    with _opening(path) as undo:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Created here and not by SQLite, so that there is no moment in which others can read it; its WAL and
        # shared-memory files take over the mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
        connection = undo.enter_context(contextlib.closing(sqlite3.connect(path, timeout=BUSY)))
        connection.execute("PRAGMA journal_mode = WAL")
        # An intent must be on the disk before its call is on the wire.
        connection.execute("PRAGMA synchronous = FULL")
        yield Sqlite(connection, str(path), size_of(path), is_scratch=False)
        undo.pop_all()


@contextlib.contextmanager
def copied(path: Path) -> Iterator[Sqlite]:
    """A throw-away copy of the database in this file, if there is one, in a temporary file of SQLite's own.

    Raises:
        ConfigError: as `opened`.
        Locked: as `opened`.
    """
    with _opening(path) as undo:
        connection = undo.enter_context(contextlib.closing(sqlite3.connect("")))
        if path.exists() and path.stat().st_size:
            _copy(path, connection)
        yield Sqlite(connection, str(path), size_of(path), is_scratch=True)
        undo.pop_all()


def empty(where: str) -> Sqlite:
    """A throw-away database with nothing in it."""
    return Sqlite(sqlite3.connect(""), where, 0, is_scratch=True)


def size_of(path: Path) -> int:
    """The bytes of the file and of what is not yet written into it."""
    return sum(part.stat().st_size for part in (path, path.with_name(f"{path.name}-wal")) if part.exists())


def told(error: Exception, where: str) -> MiSyncError | None:
    """An error of SQLite's that somebody can do something about, in our words; None for a mistake of ours.

    Its codes: sqlite.org/rescode.html. The lowest byte is the kind.
    """
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        why = f"another process has held the state for more than {BUSY:g} seconds."
        return Locked(why, where=where, remedy="End it, or wait until it has ended; then run again.")
    remedy = _REMEDIES.get(kind)
    return StateError(f"the state cannot be used: {error}.", where=where, remedy=remedy) if remedy else None


_ROOM = "Make room or mend the disk, and run again: what was in hand is looked up then."
_RIGHTS = "Check the rights of the file and its folder, and run again: what was in hand is looked up then."
_DAMAGE = "`mi-sync check` tells more; put a backup in its place, or move it away and run `mi-sync state rebuild`."
_REMEDIES: Mapping[int, str] = {
    sqlite3.SQLITE_FULL: _ROOM,
    sqlite3.SQLITE_IOERR: _ROOM,
    sqlite3.SQLITE_READONLY: _RIGHTS,
    sqlite3.SQLITE_CANTOPEN: _RIGHTS,
    sqlite3.SQLITE_PERM: _RIGHTS,
    sqlite3.SQLITE_CORRUPT: _DAMAGE,
    sqlite3.SQLITE_NOTADB: _RIGHTS,
}


@contextlib.contextmanager
def _opening(path: Path) -> Iterator[contextlib.ExitStack]:
    """Closes what was opened unless all went well, and tells what did not in our words."""
    try:
        with contextlib.ExitStack() as undo:
            yield undo
    except (OSError, sqlite3.DatabaseError) as error:
        known = told(error, str(path))
        if isinstance(known, Locked):
            raise known from None
        rights = "Check [state] url and the file's rights."
        remedy = known.remedy if known and known.remedy is _DAMAGE else rights
        raise ConfigError(f"the state cannot be opened: {error}.", where=str(path), remedy=remedy) from None


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
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=BUSY)) as original:
        original.backup(into)
