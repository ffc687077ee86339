"""The whole story: pull, plan, apply, publish.

    pull       rows of every source -> contributions -> canonical records, in one transaction
    make_plan  records -> desired items; links; the board's snapshot -> a plan
    apply      for each change: intent (commit) -> one call that carries the marker -> link and "done" (one commit)
    publish    records and what the boards showed -> views -> a message, a calendar, a table

Before anything new, `settle` looks up what became of every intent that an earlier run left open. The four are
generators that yield events and fill the run's result, so that nothing here prints or prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, MutableMapping, Sequence
from dataclasses import replace

from mi_sync import capacity, comparison, custom_fields, erasure, identity
from mi_sync import plan as planning
from mi_sync.applying import Worker, settle
from mi_sync.comparison import Comparison
from mi_sync.config import Config, TargetSpec
from mi_sync.connector import Board, Context, Publisher, harvest
from mi_sync.errors import ConfigError, LeftAlone, MiSyncError, Problem, Refused, StalePlan
from mi_sync.events import Applying, Event, Looking, Run, Story, TargetCounts
from mi_sync.fitting import Fitter
from mi_sync.http import Wire
from mi_sync.identity import Marker
from mi_sync.model import ENDED, Counts, Item, Link, Posting, Snapshot
from mi_sync.plan import Change, Desired, Plan, Rules, TargetPlan
from mi_sync.pulling import give_labels, link, merge, tell_unconfigured
from mi_sync.reading import SourceReader

# ------------------------------------------------------------------------------------------------ pull


def pull(run: Run, again: Collection[tuple[str, str]] = ()) -> Story:
    """Reads every source and brings the records up to date; contacts no target.

    Everything happens in one transaction; a source that fails leaves no trace but its problem. `again` names files,
    each with its source, that are read even if they are unchanged.
    """
    store, result = run.store, run.result
    with store.transaction():
        read_no = store.next_number("read")
        dirty: set[str] = set()
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
        wanted = _with_ended(run, spec, snapshot, desired(run, spec))
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
        wanted, _ = _fitted(board, snapshot, _with_ended(run, spec, snapshot, desired(run, spec)), rules)
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
            _bind(run, spec.name, snapshot)
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


def desired(run: Run, spec: TargetSpec) -> Desired:
    """What the records ask for at this target."""
    store, milestones = run.store, spec.milestones
    items: dict[str, Item] = {}
    settled: set[str] = set()
    owners = {link.owner for link in store.links(spec.name).values()}
    made = [(e.application.key, milestones.of_engagement(e)) for e in store.engagements()]
    applications = store.application_counts()
    for posting in store.records("posting"):
        assert isinstance(posting, Posting)  # noqa: S101  of this kind
        counts = Counts.of(posting, applications.get(posting.key, {}))
        made.append((posting.key, milestones.of_posting(posting, counts)))
    for owner, asked in made:
        items.update((item.key, _unmarked(item)) for item in asked.items)
        if asked.settled:
            settled.add(owner)
        run.result.note(*asked.problems)
        if asked.problem_if_items and owner in owners:
            run.result.note(asked.problem_if_items)
    return Desired(items, frozenset(settled))


def _with_ended(run: Run, spec: TargetSpec, snapshot: Snapshot, wanted: Desired) -> Desired:
    """With the items of engagements that have ended, where the board has marks that nobody remembers.

    Without a state they are the only way to know those items again, and to archive what is still open.
    """
    ours = identity.programme_short(run.config.programme.id)
    known = {*wanted.items, *run.store.links(spec.name)}
    marked = (Marker.decode(remote.marker) for remote in snapshot.remotes)
    if all(it is None or it.programme != ours or it.key in known for it in marked):
        return wanted
    over = (it for it in run.store.engagements(ENDED) if it.application.status in ENDED)
    engaged = (replace(it, application=it.application.model_copy(update={"status": "accepted"})) for it in over)
    items = {item.key: _unmarked(item) for it in engaged for item in spec.milestones.of_engagement(it).items}
    return replace(wanted, ended=items, settled=wanted.settled | {item.owner for item in items.values()})


def _unmarked(item: Item) -> Item:
    """A posting's text may hold a marker, copied from a board; only ours may stand on an item."""
    return replace(item, body=harvest(item.body)[0])


def plan_target(run: Run, board: Board, snapshot: Snapshot, wanted: Desired, rules: Rules) -> TargetPlan:
    """The plan for one board, of what it can hold; counts and problems go into the result."""
    fitting, losses = _fitted(board, snapshot, wanted, rules)
    run.result.note(*losses)
    plan = planning.make(fitting, run.store.links(rules.target), snapshot, rules, board.capabilities)
    plan = capacity.checked(plan, snapshot)
    _count(run, plan, board)
    return plan


def _fitted(board: Board, snapshot: Snapshot, wanted: Desired, rules: Rules) -> tuple[Desired, tuple[Problem, ...]]:
    """What is desired as the board can hold it, and what is lost on the way."""
    fitter = Fitter(
        board.capabilities, board.normal_body, rules.timezone, snapshot.fields, snapshot.fields_hidden_because
    )
    items = {item.key: item for item in fitter.fit(wanted.items.values())}
    return replace(wanted, items=items), fitter.problems


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
    _bind(run, target, snapshot)
    short = identity.programme_short(run.config.programme.id)
    return comparison.compare(run.store.links(target), snapshot, short)


def _bind(run: Run, target: str, snapshot: Snapshot) -> None:
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


# -------------------------------------------------------------------------------------- a saved plan


def apply_saved(run: Run, plan: Plan, file: str, boards: Mapping[str, Board], *, force: Collection[str] = ()) -> Story:
    """Exactly that plan: applied, resumed where it was interrupted, or refused because something in it moved.

    Raises:
        StalePlan: nothing was done.
        Refused: a board has no room for it by now; nothing was done.
    """
    _check_origin(run, plan, file, boards)
    if plan.changes and all(_states(run, plan).get(_name(c)) == "done" for c in plan.changes):
        raise StalePlan("this plan has been applied already.", where=file, remedy="Make a new one.")
    snapshots: dict[str, Snapshot] = {}
    for target in plan.targets:
        yield Looking(target.target)
        board = boards[target.target]
        snapshot = board.snapshot()
        if snapshot.board.id == target.board:  # else nothing of the plan is fresh, and it is refused below
            _bind(run, target.target, snapshot)
        snapshots[target.target] = yield from settle(
            run, target.target, board, snapshot, wait=True, resuming=plan.digest
        )
        _remember_seen(run, target.target, snapshots[target.target])
        run.result.targets[target.target] = TargetCounts(requests=board.requests)
    states = _states(run, plan)
    left = [c for c in plan.changes if states.get(_name(c)) not in {"done", "carried"}]
    for target in plan.targets:
        links = run.store.links(target.target)
        for change in left:
            if change.target == target.target and not (
                _is_wanted(run, change)
                and _is_fresh(change, links.get(change.key), snapshots[target.target], target.board, plan.programme)
            ):
                raise StalePlan(
                    f"{change.title!r} has changed since the plan was made.",
                    where=file,
                    remedy="Make a new one; nothing was done.",
                )
    for target in plan.targets:
        _check_room(run, target, [c for c in left if c.target == target.target], snapshots[target.target])
    yield from apply(run, plan, snapshots, boards, force={*force, capacity.LIMITS})  # as they are now, they are kept


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


# ---------------------------------------------------------------------------------------------- targets


def open_board(spec: TargetSpec, config: Config, wire: Wire) -> Board:
    """The board behind a specification; contacts nobody yet."""
    opened = _opened(spec, config, wire)
    assert isinstance(opened, Board)  # noqa: S101  its connector says so
    return opened


def open_publisher(spec: TargetSpec, config: Config, wire: Wire, memory: MutableMapping[str, str]) -> Publisher:
    """The publisher behind a specification, with what it remembers; contacts nobody yet."""
    opened = _opened(spec, config, wire, memory)
    assert isinstance(opened, Publisher)  # noqa: S101  as above
    return opened


def _opened(spec: TargetSpec, config: Config, wire: Wire, memory: MutableMapping[str, str] | None = None) -> object:
    wire = replace(wire, about={"target": spec.name})
    remembered = {} if memory is None else memory
    context = Context(spec.name, config.root, config.programme.timezone, wire, spec.secrets, remembered)
    return spec.connector.open(spec.settings, context)
