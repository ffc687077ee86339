"""One run at a time on a programme and its targets: who holds the lease, and when it is another's turn.

A lease is a row in the state. It runs out by itself, so that no crash leaves it stuck, and is renewed while its holder
works: before a request once half of it is over, and with every commit. Whoever takes it raises its fence, a number that
each transaction of the holder checks: a run whose lease is another's stores nothing more. No vendor checks such a
number for us, so a request is only sent while more of the lease is left than a request may take. All leases that a run
holds together are what people know as its lock.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mi_sync.errors import Locked

LEASE = 120.0
"""Seconds for which a lease is taken: three times the longest time that a request may take to have its effect."""

OF_RECORDS = ""
"""The target whose lease stands for the records of a programme."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The time that leases are counted in: `now` is compared between processes, `monotonic` within one."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic

    def milliseconds(self) -> int:
        """The time in milliseconds since 1970."""
        return round(self.now().timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease: a process on a machine, with what it does, and since when (ISO 8601).

    `space` is where its number means something, see `_space`.
    """

    pid: int
    host: str
    since: str
    command: str
    space: str = ""

    @staticmethod
    def here(command: str, since: str) -> Holder:
        """This process."""
        return Holder(os.getpid(), platform.node(), since, command, _space())

    @staticmethod
    def loads(text: str) -> Holder | None:
        """As it was stored; None when that cannot be understood."""
        try:
            raw = json.loads(text)
            return Holder(
                int(raw["pid"]), str(raw["host"]), str(raw["since"]), str(raw["command"]), str(raw.get("space", ""))
            )
        except (ValueError, KeyError, TypeError):
            return None

    def dumps(self) -> str:
        """As it is stored."""
        return json.dumps(asdict(self))

    @property
    def is_gone(self) -> bool:
        """Whether the process is certainly no more; of another machine, or where asking is not safe, nobody knows.

        A machine or a container of the same name is another one: there the number is somebody else's, or nobody's.
        """
        if (self.host, self.space) != (platform.node(), _space()) or os.name != "posix":
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return _has_ended(self.pid)

    def __str__(self) -> str:
        doing = f" (mi-sync {self.command})" if self.command else ""
        since = f" since {self.since}" if self.since else ""
        return f"process {self.pid} on {self.host}{doing}{since}"


def _has_ended(pid: int) -> bool:
    """Whether a process has ended whose parent has not asked how; in a container there may be nobody who would ask.

    Linux tells its state behind its name in brackets (proc_pid_stat(5)); elsewhere it counts as alive.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] in {"Z", "X"}
    except (OSError, IndexError):
        return False


def _space() -> str:
    """This start of this machine, and the namespace that its processes are numbered in; empty where nobody tells.

    Linux tells both (random(4), pid_namespaces(7)); elsewhere the machine's name has to do.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as it stands in the state.

    Attributes:
        target: of which target; `OF_RECORDS` for the programme's records.
        fence: how often it has changed hands.
        holder: who took it last; None when that cannot be told.
        expires_at: in milliseconds since 1970; 0 when it was given back.
    """

    target: str
    fence: int
    holder: Holder | None
    expires_at: int

    def is_held(self, now: int) -> bool:
        """Whether its holder may be at work, `now` in milliseconds since 1970.

        One that would last longer than any lease does was taken by a clock that has been put back since.
        """
        left = self.expires_at - now
        return 0 < left <= 2 * LEASE * 1000 and not (self.holder is not None and self.holder.is_gone)

    def __str__(self) -> str:
        return str(self.holder or "nobody knows who")

    def refused(self, where: str) -> Locked:
        """What whoever comes second is told."""
        until = datetime.fromtimestamp(self.expires_at / 1000, UTC).isoformat(timespec="seconds")
        return Locked(
            f"another run holds the lock: {self}.",
            where=where,
            remedy=f"Wait until it has ended. If its machine is gone, the lock is free at {until}; "
            "`mi-sync state unlock --force` frees it at once.",
        )


@dataclass(slots=True)
class Tenure:
    """The leases that this process holds: the fence of each, and when they were renewed last.

    Attributes:
        clock: what they are counted in.
        fences: by target.
    """

    clock: Clock = field(default_factory=Clock)
    fences: dict[str, int] = field(default_factory=dict)
    _renewed: tuple[datetime, float] = field(init=False)

    def __post_init__(self) -> None:
        self.renewed()

    def renewed(self) -> None:
        """They last for a whole lease again."""
        self._renewed = (self.clock.now(), self.clock.monotonic())

    @property
    def is_due(self) -> bool:
        """Whether half of the lease is over. A machine that slept counts by its clock, one put back by its uptime."""
        at, uptime = self._renewed
        age = max((self.clock.now() - at).total_seconds(), self.clock.monotonic() - uptime)
        return bool(self.fences) and age >= LEASE / 2
