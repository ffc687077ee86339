"""The whole story: pull, plan, apply, publish.

    pull       rows of every source -> contributions -> canonical records, in one transaction
    make_plan  records -> desired items; links; the board's snapshot -> a plan
    apply      for each change: intent (commit) -> one call that carries the marker -> link and "done" (one commit)
    publish    records and what the boards showed -> views -> a message, a calendar, a table

Before anything new, `settle` looks up what became of every intent that an earlier run left open. All of them are
generators that yield events and fill the run's result, so that nothing here prints or prompts. Longer chapters have
modules of their own: `reading` and `pulling`, `desired`, `applying`, and for a saved plan `saved`; `publish` is in
`publishing`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import replace

from mi_sync import capacity, comparison, custom_fields, desired, erasure, identity
from mi_sync import plan as planning
from mi_sync.applying import Worker, settle
from mi_sync.comparison import Comparison
from mi_sync.config import TargetSpec
from mi_sync.connector import Board
from mi_sync.errors import ConfigError, LeftAlone, MiSyncError, Problem, Refused
from mi_sync.events import Applying, Event, Looking, Run, Story, TargetCounts
from mi_sync.model import Snapshot
from mi_sync.plan import Desired, Plan, Rules, TargetPlan
from mi_sync.pulling import give_labels, link, merge, tell_unconfigured
from mi_sync.reading import SourceReader
from mi_sync.state import Keys

# ------------------------------------------------------------------------------------------------ pull


def pull(run: Run, again: Collection[tuple[str, str]] = ()) -> Story:
    """Reads every source and brings the records up to date; contacts no target.

    Everything happens in one transaction; a source that fails leaves no trace but its problem. `again` names files,
    each with its source, that are read even if they are unchanged.
    """
    store, result = run.store, run.result
    with store.transaction(), contextlib.closing(Keys()) as dirty:
        read_no = store.next_number("read")
        readers: list[SourceReader] = []
        for spec in run.config.sources:
            files = {file for source, file in again if source == spec.name}
            reader = SourceReader(run, spec, read_no, dirty, files)
            try:
                with store.savepoint():
                    yield from reader.read()
                readers.append(reader)
            except MiSyncError as error:
                result.fail_source(spec.name, error)
        if any(counts.mapped for counts in result.sources.values()):
            store.study()
        link(run, dirty)
        for reader in readers:
            reader.check_keys()
            reader.check_sources()
        tell_unconfigured(run)
        merge(run, dirty)
        give_labels(run.config.programme.id, store)
        aged = erasure.age_out(run)
        for name, counts in result.sources.items():
            counts.records = store.count_records_of(name)
    if aged:
        store.compact()


# ------------------------------------------------------------------------------------------------ plan


def make_plan(
    run: Run,
    boards: Mapping[str, Board],
    *,
    recreate: frozenset[str] = frozenset(),
    adopt: bool = False,
    settle_first: bool,
) -> Generator[Event, None, dict[str, Snapshot]]:
    """Compares what the records ask for with what was applied and with what the boards hold.

    Puts the plan into the result and returns the snapshots that it was made from. Reads only, unless `settle_first`
    lets it wait for the effect of a request whose answer was lost a moment ago. With `adopt`, a person's item that has
    the title of a missing one is taken over.
    """
    _check_keys(run, recreate)

    def compared(spec: TargetSpec, board: Board, snapshot: Snapshot) -> TargetPlan:
        wanted = desired.on_board(run, spec, snapshot)
        return plan_target(run, board, snapshot, wanted, _rules(run, spec, recreate, adopt=adopt))

    return (yield from _plan_each(run, boards, run.config.boards, compared, settle_first=settle_first))


def make_withdrawal(
    run: Run, boards: Mapping[str, Board], person: erasure.Person, how: planning.Withdrawal, *, settle_first: bool
) -> Generator[Event, None, dict[str, Snapshot]]:
    """The plan that takes the items of a person off the boards that have some; as `make_plan`."""

    def withdrawn(spec: TargetSpec, board: Board, snapshot: Snapshot) -> TargetPlan:
        links = [it for it in run.store.links(spec.name).values() if it.owner in person.owners]
        rules = _rules(run, spec, frozenset(), adopt=False)
        meant = (custom_fields.meant(name, snapshot.fields) for name in spec.milestones.custom_fields)
        fields = {it.name for it in meant if it is not None}
        plan = planning.make_withdrawal(links, snapshot, rules, how, board.capabilities, fields)
        _count(run, plan, board)
        return plan

    targets = {target for target, _ in person.links}
    specs = [spec for spec in run.config.boards if spec.name in targets]
    return (yield from _plan_each(run, boards, specs, withdrawn, settle_first=settle_first))


def rebuild(run: Run, boards: Mapping[str, Board], targets: Collection[TargetSpec]) -> Story:
    """Restores the links that are missing from the markers on the boards; writes to no board.

    A link that is there stays as it is, also where it differs from its board, and that is told. The records must have
    been pulled.
    """

    def known_again(spec: TargetSpec, board: Board, snapshot: Snapshot) -> TargetPlan:
        if not snapshot.complete:
            raise Refused(
                f"the board could not be read completely ({snapshot.incomplete_because}), so nothing is rebuilt.",
                where=spec.name,
                remedy="Run it again.",
            )
        links, rules = run.store.links(spec.name), _rules(run, spec, frozenset(), adopt=False)
        wanted, _ = desired.fitted(board, snapshot, desired.on_board(run, spec, snapshot), rules)
        plan = planning.rebuild(wanted, links, snapshot, rules, board.capabilities)
        found = comparison.compare({**links, **{it.key: it for it in plan.bookkeeping}}, snapshot, rules.programme)
        with run.store.transaction():
            for each in plan.bookkeeping:
                run.store.save_link(spec.name, each)
        run.result.targets[spec.name] = TargetCounts(
            adopted=len(plan.bookkeeping), unchanged=len(links), foreign=found.foreign, requests=board.requests
        )
        run.result.note(*plan.problems, *_not_rebuilt(spec.name, wanted, found, known={*links, *_keys(plan)}))
        run.result.note(*(Problem(spec.name, "", str(each)) for each in found.differences if each.what != "unlinked"))
        return plan

    yield from _plan_each(run, boards, targets, known_again, settle_first=True)
    if not run.store.erased():
        why = "whom `mi-sync state forget` erased is not known from a board: erase them again before the next run."
        run.result.note(Problem("state", "", why))


def _keys(plan: TargetPlan) -> set[str]:
    return {link.key for link in plan.bookkeeping}


def _not_rebuilt(target: str, wanted: Desired, found: Comparison, known: Collection[str]) -> list[Problem]:
    """What the records ask for and the board does not show."""
    marked = {each.key for each in found.differences}
    missing = [key for key in wanted.items if key not in known and key not in marked]
    if not missing:
        return []
    why = "the next run makes them, also those that somebody had deleted, which no board tells."
    return [Problem(target, "", f"items that the records ask for and the board does not have: {len(missing)}; {why}")]


def _plan_each(
    run: Run,
    boards: Mapping[str, Board],
    specs: Collection[TargetSpec],
    decide: Callable[[TargetSpec, Board, Snapshot], TargetPlan],
    *,
    settle_first: bool,
) -> Generator[Event, None, dict[str, Snapshot]]:
    """Looks at each target and decides; one that fails is left out, and the others go on."""
    plans: list[TargetPlan] = []
    snapshots: dict[str, Snapshot] = {}
    for spec in specs:
        board = boards[spec.name]
        yield Looking(spec.name)
        try:
            snapshot = board.snapshot()
            bind(run, spec.name, snapshot)
            snapshot = yield from settle(run, spec.name, board, snapshot, wait=settle_first)
            plans.append(replace(decide(spec, board, snapshot), allow=tuple(sorted(spec.milestones.allow))))
        except MiSyncError as error:
            run.result.fail_target(spec.name, error, requests=board.requests)
            continue
        snapshots[spec.name] = snapshot
    short, made_at = identity.programme_short(run.config.programme.id), run.outside.wire.now()
    expires_at = made_at + run.config.safety.plan_expires
    run.result.plan = Plan(short, run.result.run_id, tuple(plans), made_at, expires_at)
    return snapshots


def _check_keys(run: Run, recreate: frozenset[str]) -> None:
    known = {key for spec in run.config.boards for key in run.store.links(spec.name)}
    if unknown := sorted(recreate - known):
        raise ConfigError(
            f"no item has the key {unknown[0]}.", where="--recreate", remedy="`mi-sync status` lists dismissed items."
        )


def plan_target(run: Run, board: Board, snapshot: Snapshot, wanted: Desired, rules: Rules) -> TargetPlan:
    """The plan for one board, of what it can hold; counts and problems go into the result."""
    fitting, losses = desired.fitted(board, snapshot, wanted, rules)
    run.result.note(*losses)
    plan = planning.make(fitting, run.store.links(rules.target), snapshot, rules, board.capabilities)
    plan = capacity.checked(plan, snapshot)
    _count(run, plan, board)
    return plan


def _rules(run: Run, spec: TargetSpec, recreate: frozenset[str], *, adopt: bool) -> Rules:
    config = run.config
    return Rules(
        target=spec.name,
        programme=identity.programme_short(config.programme.id),
        timezone=config.programme.timezone,
        conflicts=spec.conflicts,
        people=spec.people,
        max_archive=config.safety.max_archive,
        max_create=config.safety.max_create,
        may_archive=run.result.may_archive,
        recreate=recreate,
        adopt=adopt,
    )


def compare(run: Run, target: str, snapshot: Snapshot) -> Comparison:
    """Where the state of a target and its board differ.

    Raises:
        Refused: it is another board than the one that the items are on.
    """
    bind(run, target, snapshot)
    short = identity.programme_short(run.config.programme.id)
    return comparison.compare(run.store.links(target), snapshot, short)


def bind(run: Run, target: str, snapshot: Snapshot) -> None:
    """A target's links belong to one board for ever; another board under the same name would orphan them all."""
    known = run.store.board_of(target)
    if known is not None and known != snapshot.board.id:
        raise Refused(
            f"target {target!r} is another board now ({snapshot.board.url}) than the one that its items are on.",
            where=f"targets.{target}",
            remedy="Point it back, or give the new board a target name of its own.",
        )
    if known is None:
        run.store.bind_target(target, snapshot.board.id)


def _count(run: Run, plan: TargetPlan, board: Board) -> None:
    counts = TargetCounts(
        unchanged=plan.unchanged,
        dismissed=plan.dismissed,
        conflicts=plan.conflicts,
        foreign=plan.foreign,
        requests=board.requests,
    )
    for change in plan.changes:
        counts.count(change.action)
    run.result.targets[plan.target] = counts
    run.result.note(*plan.problems, *(Problem(plan.target, "", why) for why in plan.violations.values()))


# ------------------------------------------------------------------------------------------------ apply


def apply(
    run: Run,
    plan: Plan,
    snapshots: Mapping[str, Snapshot],
    boards: Mapping[str, Board],
    *,
    force: Collection[str] = (),
) -> Story:
    """Applies a plan, target by target, one recorded change at a time.

    A change that fails stops no other; after `[safety] max_failures` of them in a row the target is left alone.
    """
    total, number = len(plan.changes), 0
    for target in plan.targets:
        board = boards[target.target]
        counts = run.result.start_applying(target.target)
        try:
            _check_limits(target, force)
            worker = Worker(run, target, plan.digest, board, snapshots[target.target])
            worker.keep_books()
            failures = 0
            for left, change in zip(range(len(target.changes), 0, -1), target.changes, strict=True):
                if run.outside.stopping():
                    return
                _check_failures(failures, run.config.safety.max_failures, target.target, left)
                number += 1
                outcome = yield from worker.apply(change)
                failures = failures + 1 if outcome == "failed" else 0
                yield Applying(change, number, total, outcome)
        except MiSyncError as error:
            run.result.fail_target(target.target, error)
        finally:
            counts.requests = board.requests


def _check_failures(failures: int, most: int, target: str, left: int) -> None:
    if failures >= most:
        raise LeftAlone(
            f"left alone after {failures} failures in a row; the next run goes on.",
            where=target,
            remedy=f"Changes that were not tried: {left}.",
        )


def _check_limits(target: TargetPlan, force: Collection[str]) -> None:
    exceeded = [why for name, why in target.violations.items() if name not in force]
    if exceeded:
        raise Refused(" ".join(exceeded), where=target.target)
