"""What `state rebuild` and `state unlock` do: go on after the state or a run was lost."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict

from mi_sync import sync
from mi_sync.cli import Settings, show
from mi_sync.cli.session import Session
from mi_sync.config import TargetSpec
from mi_sync.errors import ConfigError, ExitCode, Locked, did_you_mean
from mi_sync.state import Store


def rebuild(settings: Settings, names: Sequence[str]) -> ExitCode:
    """Restores the links that are missing from the marks on the boards."""
    session = Session(settings, with_secrets=True)
    targets = _chosen(session.config.boards, names)
    with session.recorded("state rebuild") as run:
        session.tell(sync.pull(run))
        session.tell(sync.rebuild(run, session.boards(), targets))
    return session.finish()


def _chosen(targets: Sequence[TargetSpec], names: Sequence[str]) -> list[TargetSpec]:
    known = [spec.name for spec in targets]
    for name in names:
        if name not in known:
            raise ConfigError(
                f"there is no target {name!r}.{did_you_mean(name, known)}",
                where="--target",
                remedy=f"There are: {', '.join(known)}.",
            )
    return [spec for spec in targets if not names or spec.name in names]


def unlock(settings: Settings, *, force: bool) -> ExitCode:
    """Frees the lock of a holder who is gone, or with `force` of any."""
    session = Session(settings)
    with session.scratch() as run:
        taken = [lease for lease in run.store.leases() if lease.expires_at]
        alive = run.store.held(session.clock)
    if alive and not force:
        raise Locked(
            f"it is held, maybe by a run that is alive: {alive[0]}.",
            where=str(session.config.state),
            remedy="End that run; or, if it cannot be reached, use --force: it stops at its next step.",
        )
    if taken:
        with contextlib.closing(Store.open(session.config.state, session.config.programme.id)) as store:
            store.unlock()
    holder = next((lease.holder for lease in taken), None)
    if settings.output == "json":
        freed = asdict(holder) if holder else None
        show.json_object({"status": "ok", "exit_code": 0, "was_held": bool(taken), "holder": freed})
    else:
        show.echo(f"Freed; it was held by {taken[0]}." if taken else "Nobody holds the lock.")
    return ExitCode.OK
