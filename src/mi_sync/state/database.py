"""What the store needs of a database: a narrow seam, with SQLite and PostgreSQL behind it.

Statements are written once, in what both understand: parameters are `?` or `?1`, numbered from 1; a truth is 0 or 1;
`ON CONFLICT` instead of `INSERT OR …`; text is ordered by its bytes. All else that differs is a method here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from mi_sync.errors import MiSyncError
from mi_sync.leases import Clock


class Cursor(Protocol):
    """The result of a statement, as Python's drivers give it."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        ...

    def fetchone(self) -> Any:  # noqa: ANN401  a row, or None
        """The next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """An open connection.

    Attributes:
        where: what messages call the database; without a secret.
        is_scratch: whether it is a copy that is thrown away, which nobody else sees.
        shared_lock: the end of a SELECT that keeps others from changing its rows until the transaction ends.
        size: its size in bytes when it was opened; 0 when there was none.
    """

    where: str
    is_scratch: bool
    shared_lock: str
    size: int

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Cursor:
        """Carries a statement out."""
        ...

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]], /) -> object:
        """Carries a statement out for each of these rows."""
        ...

    def insert(self, sql: str, values: Sequence[Any]) -> int:
        """Inserts a row, and returns its number `seq`."""
        ...

    def storing(self, alone_as: str = "") -> AbstractContextManager[None]:
        """A transaction: all or nothing. One at a time for each name that is given as `alone_as`.

        Raises:
            Locked: another process stores for too long.
        """
        ...

    def undo(self, statement: str) -> None:
        """Carries a statement out that takes something back, unless that has happened by itself."""
        ...

    def tables(self) -> set[str]:
        """The names of the tables in the place that is ours."""
        ...

    def migrate(self, number: int, script: str) -> None:
        """Carries out the migration of this number."""
        ...

    def milliseconds(self, clock: Clock) -> int:
        """The time by which leases run out, in milliseconds since 1970."""
        ...

    def turn(self, name: str, interval: int) -> int | None:
        """Books the next turn of this name, `interval` milliseconds after the one before.

        Returns how many milliseconds from now all turns are over then; None where nobody is there to share them with.
        """
        ...

    def told(self, error: Exception) -> MiSyncError | None:
        """An error of the driver that somebody can do something about, in our words; None for a mistake of ours."""
        ...

    def damage(self) -> list[str]:
        """What is wrong with how the data lies there; empty when it is sound."""
        ...

    def study(self, table: str) -> None:
        """Learns how the rows of a table lie, where that decides how they are looked up; many are new."""
        ...

    def compact(self) -> bool:
        """Sees to it that what was erased does not lie around; False when somebody else's reading keeps it."""
        ...

    def close(self) -> None:
        """Lets the database go."""
        ...
