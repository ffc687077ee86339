"""PostgreSQL as the database of the store: one for a team, through psycopg 3, which is only loaded here.

What is ours lies in a schema of our own, `mi_sync`, so that a database may be shared with other programs. Its text has
the collation "C", by which PostgreSQL orders as SQLite does: by bytes. What SQLite holds and PostgreSQL does not is a
NUL in a text; it is stored as U+FFFD, as readers do with what they cannot show (values lose theirs when they are read).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from mi_sync.errors import ConfigError, Locked, MiSyncError, NotAuthorised, Refused, Unavailable
from mi_sync.leases import Clock
from mi_sync.state import schema, sqlite
from mi_sync.state.address import Server

if TYPE_CHECKING:
    import psycopg

SCHEMA = "mi_sync"
FIRST = 7
"""No PostgreSQL database was ever at an earlier schema, so migrations up to it have no rows to bring up to date."""

BUSY = 30
"""So many seconds another process may hold what we need before we give up."""

_CONNECT = 10
"""So many seconds a server may take to answer, unless the URL says otherwise."""

_SILENCE = {"keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 50_000}
"""How a server that went away without a word is noticed within a minute, unless the URL says otherwise: by itself Linux
takes a quarter of an hour for what was sent, and two hours for what is waited for (libpq's connection parameters)."""

_AGAIN = "What was in hand is looked up by the next run."


class Postgres:
    """See `database.Database`."""

    shared_lock = " FOR SHARE"

    def __init__(self, connection: psycopg.Connection[Any], where: str, *, is_scratch: bool = False) -> None:
        self._connection = connection
        self.where = where
        self.is_scratch = is_scratch
        self.size = 0
        if self.tables():
            self.size = self._number(_SIZE, (SCHEMA,))

    def execute(self, sql: str, values: Sequence[Any] = ()) -> psycopg.Cursor[Any]:
        """As the seam says."""
        return self._connection.execute(_numbered(sql), [_held(value) for value in values])

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """As the seam says."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_numbered(sql), [[_held(value) for value in row] for row in rows])

    def _number(self, sql: str, values: Sequence[Any] = ()) -> int:
        (found,) = self.execute(sql, values).fetchone() or (0,)
        return int(found)

    def insert(self, sql: str, values: Sequence[Any]) -> int:
        """As the seam says."""
        return self._number(f"{sql} RETURNING seq", values)

    @contextlib.contextmanager
    def storing(self, alone_as: str = "") -> Iterator[None]:
        """As the seam says."""
        self.execute("BEGIN")
        try:
            if alone_as:
                self.execute("SELECT pg_advisory_xact_lock(?)", (_lock_number(alone_as),))
            yield
            self.execute("COMMIT")
        except BaseException as error:
            self.undo("ROLLBACK")
            if isinstance(error, self._waited):
                raise self._busy() from None
            raise

    def undo(self, statement: str) -> None:
        """As the seam says; unless the connection is lost: then the server undoes all by itself."""
        import psycopg

        with contextlib.suppress(psycopg.OperationalError):
            self.execute(statement)

    def tables(self) -> set[str]:
        """As the seam says: those in our schema."""
        return {name for (name,) in self.execute("SELECT tablename FROM pg_tables WHERE schemaname = ?", (SCHEMA,))}

    def migrate(self, number: int, script: str) -> None:
        """As the seam says; what is written for SQLite is translated."""
        if not self.execute("SELECT 1 FROM pg_namespace WHERE nspname = ?", (SCHEMA,)).fetchone():
            self.execute(f"CREATE SCHEMA {SCHEMA}")
        for statement in translated(number, script):
            self.execute(statement)

    def milliseconds(self, clock: Clock) -> int:
        """As the seam says: by the server's clock, because the computers of a team have one each."""
        del clock
        return self._number(f"SELECT {_NOW}")

    def turn(self, name: str, interval: int) -> int:
        """As the seam says, by the server's clock."""
        return self._number(_TURN, (f"turn:{name}", interval))

    @property
    def _waited(self) -> tuple[type[Exception], ...]:
        from psycopg import errors

        return (errors.LockNotAvailable, errors.DeadlockDetected)

    def _busy(self) -> Locked:
        return Locked(
            "another process is in the middle of storing something there.", where=self.where, remedy="Try again."
        )

    def told(self, error: Exception) -> MiSyncError | None:
        """As the seam says."""
        if isinstance(error, self._waited):
            return self._busy()
        return told(error, self.where)

    def damage(self) -> list[str]:
        """As the seam says: how the data lies on its disk is the server's to check."""
        return []

    def study(self, table: str) -> None:
        """As the seam says: until a server has counted the rows, it may read all of them for each that is sought."""
        self.execute(f"ANALYZE {SCHEMA}.{table}")

    def compact(self) -> bool:
        """As the seam says, as far as it is ours; its log, replicas and backups are the server's."""
        for table in sorted(self.tables()):
            self.execute(f"VACUUM {SCHEMA}.{table}")
        return True

    def close(self) -> None:
        """As the seam says."""
        self._connection.close()


_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_TURN = (
    f"INSERT INTO counters VALUES ('', ?1, {_NOW} + ?2) ON CONFLICT (programme, name)"  # noqa: S608  constants
    f" DO UPDATE SET value = GREATEST(counters.value, {_NOW}) + ?2 RETURNING value - {_NOW}"
)
_SIZE = (
    "SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ? AND c.relkind = 'r'"
)


@contextlib.contextmanager
def opened(server: Server) -> Iterator[Postgres]:
    """A connection to the server. Closed if the block fails.

    Raises:
        ConfigError: there is no such database, or psycopg is not installed.
        NotAuthorised: the server does not take the user or the password.
        Unavailable: nobody answers.
    """
    with contextlib.ExitStack() as undo:
        connection = undo.enter_context(contextlib.closing(_connected(server)))
        with telling(str(server)):
            connection.execute(f"SET search_path = {SCHEMA}".encode())
            connection.execute(f"SET lock_timeout = '{BUSY}s'".encode())
            # A plan that is made while a table is still empty may take any index, or none, and would be kept for the
            # many rows that the same transaction brings.
            connection.execute("SET plan_cache_mode = force_custom_plan")
            yield Postgres(connection, str(server))
        undo.pop_all()


@contextlib.contextmanager
def copied(server: Server, programme: str) -> Iterator[sqlite.Sqlite]:
    """A throw-away copy of what is remembered of a programme.

    It is read within one snapshot into a database of SQLite's, and the connection closed: nothing that is done with it
    can wait for the server, or be waited for, and the right to read is all it takes.

    Raises:
        ConfigError, NotAuthorised, Unavailable: as `opened`.
    """
    with contextlib.ExitStack() as undo:
        copy = undo.enter_context(contextlib.closing(sqlite.empty(str(server))))
        with opened(server) as source, contextlib.closing(source):
            source.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            _copy(source, copy, programme)
            copy.size = source.size
            copy.ahead = source.milliseconds(Clock()) - Clock().milliseconds()
        yield copy
        undo.pop_all()


def _copy(source: Postgres, copy: sqlite.Sqlite, programme: str) -> None:
    tables = source.tables()
    if "migrations" not in tables:
        for table in tables:  # whoever opens it finds that it is none of ours
            copy.execute(f'CREATE TABLE "{table}" (x)')
        return
    copy.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    made = source.execute("SELECT number, name FROM migrations ORDER BY number").fetchall()
    copy.executemany("INSERT INTO migrations VALUES (?, ?)", made)
    if len(made) > len(schema.MIGRATIONS):
        return  # as above: of a newer version
    for number, (_, script) in enumerate(schema.MIGRATIONS[: len(made)], start=1):
        copy.migrate(number, script)
    with copy.storing():
        for table in sorted(tables - {"migrations"}):
            found = source.execute(f"SELECT * FROM {table} WHERE programme = ?", (programme,))  # noqa: S608  ours
            names = ", ".join(f'"{column.name}"' for column in found.description or ())
            marks = ", ".join("?" for _ in found.description or ())
            copy.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", found.fetchall())  # noqa: S608  ours


# -- connecting -------------------------------------------------------------------------------------


def _connected(server: Server) -> psycopg.Connection[Any]:
    try:
        import psycopg
    except ImportError:
        raise ConfigError(
            "PostgreSQL needs psycopg, which is not installed.",
            where="state.url",
            remedy="Install it with `pip install 'mi-sync[postgres]'`.",
        ) from None
    try:
        settings = _settings(server)
    except psycopg.ProgrammingError:
        # What libpq says may repeat a part of the URL, and a part of it may be a secret in the wrong place.
        why = "libpq cannot read the URL."
        raise ConfigError(why, where="state.url", remedy="See “Connection URIs” in PostgreSQL's manual.") from None
    try:
        return psycopg.connect(autocommit=True, cursor_factory=psycopg.RawCursor, **settings)
    except psycopg.OperationalError as error:
        raise _not_connected(error, str(server)) from None


def _settings(server: Server) -> dict[str, Any]:
    """The URL's settings, with what is ours where it says nothing.

    libpq by itself would go on without TLS where the server offers none (`sslmode=prefer`), and tell the password's
    hash to whoever listens; so over a network that takes a word in the URL.
    """
    from psycopg.conninfo import conninfo_to_dict

    settings: dict[str, Any] = {"connect_timeout": _CONNECT, **_SILENCE, "fallback_application_name": "mi-sync"}
    if "PGSSLMODE" not in os.environ:
        settings["sslmode"] = "require"
    said = conninfo_to_dict(server.url)
    if _is_here(said):
        settings.pop("sslmode", None)
    settings |= {name: value for name, value in said.items() if value is not None}
    if server.password is not None:
        settings["password"] = server.password.reveal()
    return settings


def _is_here(settings: Mapping[str, Any]) -> bool:
    """Whether the server is on this computer: behind a socket, or its loopback."""
    if "service" in settings or "PGSERVICE" in os.environ:
        return False
    where = [settings.get("host") or os.environ.get("PGHOST"), settings.get("hostaddr") or os.environ.get("PGHOSTADDR")]
    hosts = ",".join(each for each in where if each).split(",")
    return all(re.fullmatch(r"|/.*|@.*|localhost|127\.[0-9.]+|::1", host) for host in hosts)


def _not_connected(error: psycopg.OperationalError, where: str) -> MiSyncError:
    """Why there is no connection, by the server's code, or by its words, because libpq does not hand the code on."""
    why = f"the state's server does not let us in: {_first_line(error)}."
    if error.sqlstate in {"28P01", "28000"} or re.search(_REFUSED, str(error)):
        return NotAuthorised(
            why, where=where, remedy="Check the user and the password: [state] password, PGPASSWORD or ~/.pgpass."
        )
    if error.sqlstate == "3D000" or re.search(r'database "[^"]*" does not exist', str(error)):
        return ConfigError(why, where=where, remedy="Create it with createdb, or correct [state] url.")
    return Unavailable(
        f"the state's server does not answer: {_first_line(error)}.",
        where=where,
        remedy="Start it, or correct [state] url; then run again.",
    )


_REFUSED = (
    r"password authentication failed|no password supplied|authentication failed|no pg_hba\.conf entry"
    r'|role "[^"]*" does not exist|permission denied for database|is not permitted to log in'
)


# -- errors -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def telling(where: str) -> Iterator[None]:
    """Tells in our words what goes wrong within the block."""
    try:
        yield
    except Exception as error:
        known = told(error, where)
        if known is None:
            raise
        raise known from None


def told(error: Exception, where: str) -> MiSyncError | None:
    """An error of psycopg's in our words; None for a mistake of ours. Its codes: appendix A of PostgreSQL's manual."""
    import psycopg

    if not isinstance(error, psycopg.Error):
        return None
    code = error.sqlstate or ""
    if code == "42501":
        why = f"the rights in the database do not suffice: {_first_line(error)}."
        return NotAuthorised(why, where=where, remedy=f"The user needs the rights to create and use schema {SCHEMA}.")
    if code == "25006":
        remedy = "Name the primary server in [state] url; a copy of it takes no changes."
        return ConfigError(f"the database is read-only: {_first_line(error)}.", where=where, remedy=remedy)
    if code.startswith("54"):
        return Refused(
            f"PostgreSQL has no room for it: {_first_line(error)}.", where=where, remedy="Shorten that value."
        )
    lost = not code and isinstance(error, psycopg.OperationalError)
    if lost or code.startswith(_OUT_OF_REACH):
        why = (
            "the connection to the state was lost" if lost or code[:2] in {"57", "08"} else "the state cannot be stored"
        )
        return Unavailable(f"{why}: {_first_line(error)}.", where=where, remedy=f"Run again once it is back. {_AGAIN}")
    return None


_OUT_OF_REACH = ("08", "53", "57", "58", "XX")
"""Lost connections, no disk or memory left, ended by an operator, errors of its system, damage."""


def _first_line(error: Exception) -> str:
    """What the server says, without a period; never its DETAIL, which may hold what somebody's row says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


# -- SQL --------------------------------------------------------------------------------------------


@cache
def _numbered(sql: str) -> bytes:
    """The statement with parameters as PostgreSQL has them: $1."""
    count = 0

    def number(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"${match[1] or count}"

    return re.sub(r"\?([0-9]*)", number, sql).encode()


def _held(value: Any) -> Any:  # noqa: ANN401  what SQLite takes
    if isinstance(value, str):
        return value.replace("\0", "\ufffd") if "\0" in value else value
    return int(value) if isinstance(value, bool) else value


def translated(number: int, script: str) -> Iterator[str]:
    """The statements of a migration, with PostgreSQL's types."""
    for statement in filter(None, map(str.strip, script.split(";"))):
        if number > FIRST or not re.match("UPDATE|DELETE", statement):
            yield re.sub("|".join(map(re.escape, _TYPES)), lambda match: _TYPES[match[0]], statement)


_TYPES = {
    "seq INTEGER PRIMARY KEY": "seq BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    "overlaps": '"overlaps"',  # a word of SQL's
    "INTEGER": "BIGINT",
    "TEXT": 'TEXT COLLATE "C"',
    # Its entries have no longest title; the others' keys are ids, addresses and digests.
    "contributions (programme, kind, title)": "contributions USING hash (title)",
}


def _lock_number(name: str) -> int:
    """The number of an advisory lock."""
    return int.from_bytes(hashlib.sha256(f"mi-sync\0{name}".encode()).digest()[:8], signed=True)
