"""The leases of a programme as they are held in its store; what a lease is, `leases` says."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from mi_sync.errors import Locked
from mi_sync.leases import LEASE, OF_RECORDS, Clock, Holder, Lease, Tenure
from mi_sync.state.database import Database


class Locks:
    """Takes the leases of a programme, keeps them, and gives them back."""

    def __init__(self, database: Database, programme: str) -> None:
        self._db = database
        self._programme = programme
        self._tenure = Tenure()

    @contextlib.contextmanager
    def holding(self, targets: Collection[str], command: str, clock: Clock) -> Iterator[None]:
        """Holds the leases of the programme's records and of these targets.

        Raises:
            Locked: another run holds one of them.
        """
        self._tenure = self._take((OF_RECORDS, *targets), command, clock)
        try:
            yield
        finally:
            tenure, self._tenure = self._tenure, Tenure()
            self._give_back(tenure)

    @property
    def is_due(self) -> bool:
        """Whether it is time to renew them."""
        return self._tenure.is_due

    def all(self, *, keep: bool = False) -> list[Lease]:
        """The leases of the programme, given back or not; `keep` lets nobody take one until the transaction ends."""
        query = "SELECT target, fence, holder, expires_at FROM leases WHERE programme = ? ORDER BY target"
        rows = self._db.execute(f"{query}{self._db.shared_lock if keep else ''}", (self._programme,))
        return [Lease(target, fence, Holder.loads(holder), expires_at) for target, fence, holder, expires_at in rows]

    def held(self, clock: Clock) -> list[Lease]:
        """Those whose holder may be at work now."""
        now = self._db.milliseconds(clock)
        return [lease for lease in self.all() if lease.is_held(now)]

    def check(self, *, keep: bool = False) -> None:
        """Makes sure that what was taken is still held; `keep` as in `all`.

        Raises:
            Locked: it is another's by now.
        """
        if not self._tenure.fences:
            return
        now = {lease.target: lease.fence for lease in self.all(keep=keep)}
        if any(now.get(target) != fence for target, fence in self._tenure.fences.items()):
            raise Locked(
                "the lock of this run was taken away, so it stops here.",
                where=self._db.where,
                remedy="What was in hand is looked up by the next run.",
            )

    def renew(self) -> None:
        """Within a transaction: what is due lasts for a whole lease again."""
        if self.is_due:
            until = self._until(self._tenure.clock)
            self._db.executemany(
                "UPDATE leases SET expires_at = ?3 WHERE programme = ?1 AND target = ?2",
                [(self._programme, target, until) for target in self._tenure.fences],
            )
            self._tenure.renewed()

    def take_away(self) -> None:
        """Takes them away from whoever holds them, who stores nothing more from now on.

        Raises:
            Locked: their holder is storing something at this moment.
        """
        with self._db.storing(alone_as=self._programme):
            self._db.execute(
                "UPDATE leases SET fence = fence + 1, expires_at = 0 WHERE programme = ?", (self._programme,)
            )

    def _take(self, targets: Collection[str], command: str, clock: Clock) -> Tenure:
        self._check_free(targets, clock)  # at first without waiting for a commit of the holder's
        tenure = Tenure(clock)
        holder = Holder.here(command, clock.now().isoformat(timespec="milliseconds")).dumps()
        with self._db.storing(alone_as=self._programme):
            self._check_free(targets, clock)
            until = self._until(clock)
            self._db.executemany(
                "INSERT INTO leases (programme, target, fence, holder, expires_at) VALUES (?, ?, 1, ?, ?)"
                " ON CONFLICT (programme, target) DO UPDATE SET fence = leases.fence + 1, holder = excluded.holder,"
                " expires_at = excluded.expires_at",
                [(self._programme, target, holder, until) for target in dict.fromkeys(targets)],
            )
            tenure.fences = {lease.target: lease.fence for lease in self.all() if lease.target in targets}
        return tenure

    def _until(self, clock: Clock) -> int:
        return self._db.milliseconds(clock) + round(LEASE * 1000)

    def _check_free(self, targets: Collection[str], clock: Clock) -> None:
        for lease in self.held(clock):
            if lease.target in targets:
                raise lease.refused(self._db.where)

    def _give_back(self, tenure: Tenure) -> None:
        """At the end; what cannot be given back runs out."""
        try:
            with self._db.storing():
                self._db.executemany(
                    "UPDATE leases SET expires_at = 0 WHERE programme = ? AND target = ? AND fence = ?",
                    [(self._programme, target, fence) for target, fence in tenure.fences.items()],
                )
        except Exception as error:
            if not isinstance(error, Locked) and self._db.told(error) is None:
                raise
