"""One run at a time on one state: who holds the lock, and how it is taken from one that cannot let it go.

The lock is an advisory file lock beside the database: the system drops it with the process, so that a crash never
leaves it stuck. Who holds it stands in a second file, for people; that file decides nothing but whether the holder is
gone. What makes a lock that was taken away safe is the store's fence; see `state.Store.lock`.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from mi_sync.errors import Locked


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: a process on a machine, with what it does, and since when (ISO 8601)."""

    pid: int
    host: str
    since: str
    command: str

    @staticmethod
    def here(command: str, since: str) -> Holder:
        """This process."""
        return Holder(os.getpid(), platform.node(), since, command)

    @property
    def is_gone(self) -> bool:
        """Whether the process is certainly no more; of another machine, or where asking is not safe, nobody knows."""
        if self.host != platform.node() or os.name != "posix":
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False

    def __str__(self) -> str:
        doing = f" (mi-sync {self.command})" if self.command else ""
        since = f" since {self.since}" if self.since else ""
        return f"process {self.pid} on {self.host}{doing}{since}"


@contextlib.contextmanager
def holding(database: Path, holder: Holder) -> Iterator[None]:
    """Holds the lock of a database.

    Raises:
        Locked: somebody else holds it; says who.
    """
    import filelock

    lock = filelock.FileLock(_lock_file(database), timeout=0, mode=0o600)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise Locked(
            f"another run holds the lock: {who(database) or 'nobody knows who'}.",
            where=str(_lock_file(database)),
            remedy="Wait until it has ended; `mi-sync state unlock` helps when it never will.",
        ) from None
    try:
        _holder_file(database).write_text(json.dumps(asdict(holder)), "utf-8")
        _holder_file(database).chmod(0o600)
        yield
    finally:
        if who(database) == holder:  # it may have been taken away, and be another's by now
            _holder_file(database).unlink(missing_ok=True)
        lock.release()


def who(database: Path) -> Holder | None:
    """Who took the lock last and has not let it go in order; None for nobody, or when it cannot be told."""
    try:
        raw = json.loads(_holder_file(database).read_text("utf-8"))
        return Holder(int(raw["pid"]), str(raw["host"]), str(raw["since"]), str(raw["command"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_held(database: Path) -> bool:
    """Whether somebody holds the lock now."""
    import filelock

    if not _lock_file(database).exists():
        return False
    try:
        with filelock.FileLock(_lock_file(database), timeout=0, mode=0o600):
            return False
    except filelock.Timeout:
        return True


def take_away(database: Path) -> None:
    """Frees the lock whoever holds it: the next run locks a new file.

    Raises:
        Locked: the system does not let it go.
    """
    try:
        _lock_file(database).unlink(missing_ok=True)
        _holder_file(database).unlink(missing_ok=True)
    except OSError as error:
        raise Locked(
            f"the lock cannot be taken away: {error.strerror}.",
            where=str(_lock_file(database)),
            remedy="End the process that holds it.",
        ) from None


def _lock_file(database: Path) -> Path:
    return database.with_name(f"{database.name}.lock")


def _holder_file(database: Path) -> Path:
    return database.with_name(f"{database.name}.holder")
