"""A saved plan: applied as it was made, resumed where it was interrupted, or refused because something moved."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import replace

from mi_sync import capacity, identity, sync
from mi_sync import plan as planning
from mi_sync.applying import settle
from mi_sync.connector import Board
from mi_sync.errors import Refused, StalePlan
from mi_sync.events import Event, Looking, Run, Story, TargetCounts
from mi_sync.identity import Marker
from mi_sync.model import Link, Snapshot
from mi_sync.plan import Change, Plan, TargetPlan


def apply(run: Run, plan: Plan, file: str, boards: Mapping[str, Board], *, force: Collection[str] = ()) -> Story:
    """Exactly that plan: applied, resumed where it was interrupted, or refused because something in it moved.

    Raises:
        StalePlan: nothing was done.
        Refused: a board has no room for it by now; nothing was done.
    """
    _check_origin(run, plan, file, boards)
    if plan.changes and all(_states(run, plan).get(_name(c)) == "done" for c in plan.changes):
        raise StalePlan("this plan has been applied already.", where=file, remedy="Make a new one.")
    snapshots = yield from _looked_at(run, plan, boards)
    states = _states(run, plan)
    left = [c for c in plan.changes if states.get(_name(c)) not in {"done", "carried"}]
    for target in plan.targets:
        _check_fresh(run, plan, target, _of(target, left), snapshots[target.target], file)
    for target in plan.targets:
        _check_room(run, target, _of(target, left), snapshots[target.target])
    # Room and limits are as they are now, and they are kept.
    yield from sync.apply(run, plan, snapshots, boards, force={*force, capacity.LIMITS})


def _looked_at(run: Run, plan: Plan, boards: Mapping[str, Board]) -> Generator[Event, None, dict[str, Snapshot]]:
    """Each board as it is now, once what an earlier run left open is settled."""
    snapshots: dict[str, Snapshot] = {}
    for target in plan.targets:
        yield Looking(target.target)
        board = boards[target.target]
        snapshot = board.snapshot()
        if snapshot.board.id == target.board:  # else nothing of the plan is fresh, and it is refused
            sync.bind(run, target.target, snapshot)
        snapshot = yield from settle(run, target.target, board, snapshot, wait=True, resuming=plan.digest)
        _remember_seen(run, target.target, snapshot)
        run.result.targets[target.target] = TargetCounts(requests=board.requests)
        snapshots[target.target] = snapshot
    return snapshots


def _of(target: TargetPlan, changes: Sequence[Change]) -> list[Change]:
    return [change for change in changes if change.target == target.target]


def _check_fresh(
    run: Run, plan: Plan, target: TargetPlan, left: Sequence[Change], snapshot: Snapshot, file: str
) -> None:
    links = run.store.links(target.target)
    for change in left:
        fresh = _is_fresh(change, links.get(change.key), snapshot, target.board, plan.programme)
        if not (fresh and _is_wanted(run, change)):
            why = f"{change.title!r} has changed since the plan was made."
            raise StalePlan(why, where=file, remedy="Make a new one; nothing was done.")


def _check_room(run: Run, target: TargetPlan, left: Sequence[Change], snapshot: Snapshot) -> None:
    """What fitted when the plan was made may not fit now, and the other way round."""
    checked = capacity.checked(planning.remaining(target, left, snapshot), snapshot)
    run.result.note(*checked.problems)
    if checked.violations:
        raise Refused(checked.violations[capacity.LIMITS], where=target.target, remedy="Then apply the plan again.")


def _remember_seen(run: Run, target: str, snapshot: Snapshot) -> None:
    """What the board shows now, for `status`: a saved plan has no bookkeeping of its own."""
    remotes, names = {remote.id: remote for remote in snapshot.remotes}, planning.names_of(snapshot.members)
    with run.store.transaction():
        for link in run.store.links(target).values():
            if (remote := remotes.get(link.id)) and not identity.is_erased(link.owner):
                seen = planning.seen_of(remote, names, run.config.programme.timezone, link.seen.conflicts)
                if seen != link.seen:
                    run.store.save_link(target, replace(link, seen=seen))


def _states(run: Run, plan: Plan) -> dict[tuple[str, str, str], str]:
    """How far the journal says that each change of the plan came."""
    entries = run.store.entries_of_plan(plan.digest)
    return {(e.target, e.key, str(e.intent["change"]["id"])): e.state for e in entries}


def _name(change: Change) -> tuple[str, str, str]:
    """What tells a change from the others of its plan: a key may have a late duplicate besides its item."""
    return (change.target, change.key, change.id)


def _check_origin(run: Run, plan: Plan, file: str, boards: Mapping[str, Board]) -> None:
    ours = plan.programme == identity.programme_short(run.config.programme.id)
    if not ours or any(target.target not in boards for target in plan.targets):
        raise StalePlan("this plan was made for another configuration.", where=file, remedy="Make a new one.")
    plan.check_age(run.outside.wire.now(), file)
    made_for = {target.target: target for target in plan.targets}
    for target, spec in [(made_for[it.name], it) for it in run.config.targets if it.name in made_for]:
        if forbidden := sorted(set(target.allow) - spec.milestones.allow):
            why = f"its texts may hold what target {target.target!r} is no longer allowed: {', '.join(forbidden)}."
            raise StalePlan(why, where=file, remedy="Make a new one.")


def _is_wanted(run: Run, change: Change) -> bool:
    """Whether the person (or posting) whose milestone it is has not been erased since."""
    return change.action == "archive" or run.store.record(change.owner) is not None


def _is_fresh(change: Change, link: Link | None, snapshot: Snapshot, board: str, programme: str) -> bool:
    """Whether everything that the change was decided on is still as it was."""
    if snapshot.board.id != board:
        return False
    remotes = {remote.id: remote for remote in snapshot.remotes}
    if change.action != "create":
        same = link if link is not None and link.id == change.id else None
        return planning.fingerprint(same, remotes.get(change.id)) == change.expects
    elsewhere = any(
        marker is not None and (marker.programme, marker.key) == (programme, change.key)
        for remote in snapshot.remotes
        if link is None or remote.id != link.id
        for marker in [Marker.decode(remote.marker)]
    )
    return not elsewhere and planning.fingerprint(link, remotes.get(link.id) if link else None) == change.expects
