"""The whole story: pull, plan, apply.

    pull       rows of every source -> contributions -> canonical records, in one transaction
    make_plan  records -> desired items; links; the board's snapshot -> a plan
    apply      for each change: intent (commit) -> one call that carries the marker -> link and "done" (one commit)

Before anything new, `settle` looks up what became of every intent that an earlier run left open. The three are
generators that yield events and return results, so that this module neither prints nor prompts.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from mi_sync import __version__, identity, linking, mapping
from mi_sync import plan as planning
from mi_sync.config import Config, SourceSpec, TargetSpec
from mi_sync.connector import Board, Context, Source, SourceFile, Table
from mi_sync.errors import (
    BudgetReached,
    EmptySource,
    ExitCode,
    MiSyncError,
    NotAuthorised,
    OutcomeUnknown,
    Problem,
    Refused,
    RequestRefused,
    StalePlan,
    Unavailable,
)
from mi_sync.http import Wire
from mi_sync.identity import MARKED, Marker
from mi_sync.model import (
    Children,
    Contribution,
    Fields,
    Item,
    Kind,
    Link,
    Patch,
    Posting,
    Quarantined,
    Remote,
    Seen,
    Snapshot,
)
from mi_sync.plan import Change, Desired, Plan, Rules, TargetPlan
from mi_sync.state import FileRead, Store

FRESH = timedelta(seconds=30)
"""An item is read again before a write when the snapshot is older than this."""

_LINK_ORDER: tuple[Kind, ...] = ("posting", "applicant", "application", "feedback")


def draw_nonce() -> str:
    """Names one attempt to create an item; six letters and digits."""
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(6))


@dataclass(frozen=True, slots=True)
class Outside:
    """What a run gets from outside, and a test replaces: the wire (with time and sleep), randomness, the wish to stop."""

    wire: Wire = field(default_factory=Wire)
    nonce: Callable[[], str] = draw_nonce
    stopping: Callable[[], bool] = lambda: False

    def now(self) -> str:
        """The time, for the records."""
        return self.wire.now().isoformat(timespec="seconds")


# ---------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Reading:
    """A source is being read."""

    source: str
    file: str
    rows: int


@dataclass(frozen=True, slots=True)
class Looking:
    """A target is being read."""

    target: str


@dataclass(frozen=True, slots=True)
class Applying:
    """A change was applied, the `number`th of `total`; `outcome` is done or failed."""

    change: Change
    number: int
    total: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A lost answer is given time to show its effect."""

    seconds: float
    why: str


Event = Reading | Looking | Applying | Waiting
Story = Generator[Event, None, None]

# --------------------------------------------------------------------------------------------- results


@dataclass(slots=True)
class SourceCounts:
    """What became of a source's rows: rows = mapped + unchanged + quarantined + skipped, always."""

    rows: int = 0
    mapped: int = 0
    unchanged: int = 0
    quarantined: int = 0
    skipped: int = 0
    records: int = 0
    complete: bool = True


@dataclass(slots=True)
class TargetCounts:
    """What was done at a target (in a plan: what would be)."""

    created: int = 0
    updated: int = 0
    archived: int = 0
    adopted: int = 0
    unchanged: int = 0
    dismissed: int = 0
    conflicts: int = 0
    foreign: int = 0
    failed: int = 0
    requests: int = 0


_COUNTED = {"create": "created", "update": "updated", "archive": "archived", "adopt": "adopted"}


@dataclass(slots=True)
class Result:
    """How a run went; filled while it goes, and true whenever it stops."""

    run_id: str
    sources: dict[str, SourceCounts] = field(default_factory=dict)
    targets: dict[str, TargetCounts] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    source_failures: list[MiSyncError] = field(default_factory=list)
    target_failures: list[MiSyncError] = field(default_factory=list)
    newly_left_out: int = 0
    applied: int = 0
    plan: Plan | None = None

    @property
    def may_archive(self) -> bool:
        """Nothing is archived after a read that failed or found a source empty."""
        return not self.source_failures

    def fail_source(self, name: str, error: MiSyncError) -> None:
        """A source could not be read; the others go on."""
        self.sources[name] = SourceCounts(complete=False)
        self.source_failures.append(error)
        self._report(name, error)

    def fail_target(self, name: str, error: MiSyncError) -> None:
        """A target could not be finished; the others go on."""
        self.targets.setdefault(name, TargetCounts())
        self.target_failures.append(error)
        self._report(name, error)

    def _report(self, name: str, error: MiSyncError) -> None:
        problem = error.problem()
        self.problems.append(replace(problem, where=problem.where or name))

    @property
    def exit_code(self) -> ExitCode:
        """Some work done and some not: 3. Nothing done: the first of 2, 6, 7, 4, 5 that applies. Budget: 8."""
        failures = [f for f in (*self.source_failures, *self.target_failures) if not isinstance(f, BudgetReached)]
        failed_changes = any(counts.failed for counts in self.targets.values())
        if failures and not self._something_done():
            order = (2, 6, 7, 4, 5)
            return min((f.exit_code for f in failures), key=lambda c: order.index(c) if c in order else len(order))
        if failures or failed_changes:
            return ExitCode.PARTIAL
        if any(isinstance(f, BudgetReached) for f in self.target_failures):
            return ExitCode.BUDGET
        return ExitCode.PARTIAL if self.newly_left_out else ExitCode.OK

    def _something_done(self) -> bool:
        if self.applied:
            return True
        if self.target_failures:
            return len(self.target_failures) < len(self.targets)
        return any(counts.complete for counts in self.sources.values())


# ------------------------------------------------------------------------------------------------ pull


def pull(config: Config, store: Store, outside: Outside, result: Result) -> Story:
    """Reads every source and brings the records up to date; contacts no target.

    Everything happens in one transaction; a source that fails leaves no trace but its problem.
    """
    with store.transaction():
        read_no = store.next_number("read")
        dirty: set[str] = set()
        for spec in config.sources:
            try:
                with store.savepoint():
                    yield from _Pull(config, spec, store, outside, result, read_no, dirty).run()
            except MiSyncError as error:
                result.fail_source(spec.name, error)
        _link(config, store, result, dirty, outside.now())
        _merge(config, store, result, dirty)
        _give_labels(config.programme.id, store)
        for spec in config.sources:
            if spec.name in result.sources:
                result.sources[spec.name].records = store.count_records_of(spec.name)


class _Pull:
    """One source: files into contributions and quarantine."""

    def __init__(  # noqa: PLR0913  what a pull is about
        self,
        config: Config,
        spec: SourceSpec,
        store: Store,
        outside: Outside,
        result: Result,
        read_no: int,
        dirty: set[str],
    ) -> None:
        self._config, self._spec, self._store, self._outside = config, spec, store, outside
        self._result, self._read_no, self._dirty = result, read_no, dirty
        self._counts = SourceCounts()
        self._every_key_read = True

    def run(self) -> Story:
        spec, store = self._spec, self._store
        source = open_source(spec, self._config, self._outside.wire)
        for file in source.files():
            yield from self._file(file)
        if not self._counts.rows and store.had_rows(spec.name):
            raise EmptySource(
                "it had rows before and has none now, so nothing is concluded from it.",
                where=spec.name,
                remedy="Look at the export; if it is right, name the rows that ended in an engagements overlay.",
            )
        if spec.complete and self._every_key_read:
            self._dirty.update(store.mark_gone(spec.name, self._read_no))
        self._result.sources[spec.name] = self._counts

    def _file(self, file: SourceFile) -> Story:
        spec, store, counts = self._spec, self._store, self._counts
        fingerprint = self._fingerprint(file)
        known = store.file(spec.name, file.name)
        if known and known.fingerprint == fingerprint:
            store.touch_file(spec.name, file.name, self._read_no)
            left_out = list(store.quarantine(spec.name, "map"))
            left_out = [q for q in left_out if q.file == file.name]
            self._report(left_out)
            counts.rows += known.rows
            counts.unchanged += known.accepted
            counts.skipped += known.skipped
            counts.quarantined += len(left_out)
            self._every_key_read &= not left_out or not spec.complete
            yield Reading(spec.name, file.name, known.rows)
            return
        with file.open() as table:
            yield from self._rows(file, table, fingerprint)

    def _fingerprint(self, file: SourceFile) -> str:
        spec = self._spec
        options = repr((sorted((k, sorted(v.items())) for k, v in spec.values.items()), spec.dates, str(spec.timezone)))
        settings = spec.settings.model_dump_json()
        return identity.digest(file.digest(), spec.mapping.digest, options, settings, spec.namespace, __version__)

    def _rows(self, file: SourceFile, table: Table, fingerprint: str) -> Story:
        spec, store, counts = self._spec, self._store, self._counts
        options = mapping.Options(dates=spec.dates, timezone=spec.timezone, values=spec.values)
        mapper = mapping.compile_mapping(
            spec.mapping, table.header, options, programme=self._config.programme.id, file=file.name
        )
        before = store.quarantine_digests(spec.name, None, "map")
        left_out: list[Quarantined] = []
        rows = mapped = unchanged = skipped = 0
        for row in table.rows:
            rows += 1
            outcome = mapper.map(row.line, row.cells) if not row.fault else mapper.fault(row.line, row.fault)
            if isinstance(outcome, mapping.RowProblem):
                left_out.append(self._left_out(file, outcome))
            elif (change := self._keep(file, outcome)) is None:
                skipped += 1
            elif change:
                mapped += 1
            else:
                unchanged += 1
            if rows % 500 == 0:
                yield Reading(spec.name, file.name, rows)
        self._result.newly_left_out += sum(1 for q in left_out if q.digest not in before)
        store.replace_quarantine(spec.name, file.name, "map", left_out, self._outside.now())
        self._report(left_out)
        store.save_file(spec.name, file.name, FileRead(fingerprint, rows, mapped + unchanged, skipped), self._read_no)
        counts.rows += rows
        counts.mapped += mapped
        counts.unchanged += unchanged
        counts.skipped += skipped
        counts.quarantined += len(left_out)
        yield Reading(spec.name, file.name, rows)

    def _left_out(self, file: SourceFile, problem: mapping.RowProblem) -> Quarantined:
        spec = self._spec
        if not problem.present:
            self._every_key_read = False
        for kind, ref in problem.present:  # quarantined is not gone
            self._store.touch_contribution(spec.name, kind, ref, file.name, problem.line, self._read_no)
        return Quarantined(spec.name, file.name, problem.line, problem.field, problem.why, problem.digest)

    def _keep(self, file: SourceFile, row: mapping.Mapped) -> bool | None:
        """Stores what a row says: True when it says something new, False when not, None for a repeated row."""
        spec, store = self._spec, self._store
        changed = False
        for draft in reversed(row.drafts):  # what the row is about comes last, and decides whether it is a repetition
            primary = draft.kind == spec.mapping.primary
            digest = _draft_digest(draft)
            before = store.contribution_state(spec.name, draft.kind, draft.ref)
            if before and before[1] == self._read_no:
                if primary:
                    self._repeated(file, row.line, before)
                    return None
                continue  # the same person in another row of this read: the first row speaks
            if before and before[0] == digest:
                if store.touch_contribution(spec.name, draft.kind, draft.ref, file.name, row.line, self._read_no):
                    self._mark_dirty(draft)
                continue
            store.save_contribution(self._contribution(file, row, draft, digest, primary=primary), self._read_no)
            changed = True
        return changed

    def _mark_dirty(self, draft: mapping.Draft) -> None:
        for it in self._store.contributions_of(self._spec.name, draft.kind, draft.ref):
            if it.key:
                self._dirty.add(it.key)

    def _repeated(self, file: SourceFile, line: int, before: tuple[str, int, str, int]) -> None:
        self._result.problems.append(
            Problem(
                f"{file.name}:{line}",
                "",
                f"the row repeats what {before[2]}:{before[3]} is about; the first one counts, this one is skipped.",
            )
        )

    def _contribution(
        self, file: SourceFile, row: mapping.Mapped, draft: mapping.Draft, digest: str, *, primary: bool
    ) -> Contribution:
        return Contribution(
            source=self._spec.name,
            kind=draft.kind,
            ref=draft.ref,
            namespace=self._spec.namespace,
            overlay=self._spec.mapping.overlay,
            file=file.name,
            line=row.line,
            local_id=draft.id,
            values=draft.values,
            refs=draft.refs,
            origins={name: (o.column, o.mapping_line) for name, o in draft.origins.items()},
            digest=digest,
            primary=primary,
        )

    def _report(self, left_out: Iterable[Quarantined]) -> None:
        self._result.problems.extend(Problem(f"{q.file}:{q.line}", q.field, q.why) for q in left_out)


def _draft_digest(draft: mapping.Draft) -> str:
    return identity.digest(draft.id or "", repr(sorted(draft.values.items())), repr(sorted(draft.refs.items())))


def open_source(spec: SourceSpec, config: Config, wire: Wire) -> Source:
    """The source behind a specification."""
    opened = spec.connector.open(spec.settings, Context(spec.name, config.root, config.programme.timezone, wire))
    assert isinstance(opened, Source)  # noqa: S101  the registry checked the kind
    return opened


def _link(config: Config, store: Store, result: Result, dirty: set[str], now: str) -> None:
    """Finds whose record each new contribution is about; what cannot be found is left out, with its row."""
    linker = linking.Linker(store, config.programme.id)
    left_out: dict[tuple[str, str, int], Quarantined] = {}
    for kind in _LINK_ORDER:
        for overlay in (False, True):
            for it in store.unlinked(kind, overlay=overlay):
                linked = linker.link(it)
                if isinstance(linked, linking.Unlinked):
                    left_out.setdefault(
                        (it.source, it.file, it.line),
                        Quarantined(it.source, it.file, it.line, linked.field, f"{linked.why}.", it.digest, "link"),
                    )
                    continue
                if linked.implied is not None:
                    store.save_implied(linked.implied)
                    dirty.add(linked.applicant or linked.key)
                store.link_contribution(it, linked.key, linked.posting, linked.applicant)
                dirty.add(linked.key)
    for spec in config.sources:
        rows = [q for q in left_out.values() if q.source == spec.name]
        before = store.quarantine_digests(spec.name, None, "link")
        result.newly_left_out += sum(1 for q in rows if q.digest not in before)
        store.replace_quarantine(spec.name, None, "link", rows, now)
        result.problems.extend(Problem(f"{q.file}:{q.line}", q.field, q.why) for q in rows)
        counts = result.sources.get(spec.name)
        if counts is not None and counts.complete:
            _count_unlinked(counts, rows, before)


def _count_unlinked(counts: SourceCounts, rows: Sequence[Quarantined], known: Collection[str]) -> None:
    """Rows that were readable but refer to nothing are quarantined, and so neither mapped nor unchanged."""
    for row in rows:
        if counts.unchanged and (row.digest in known or not counts.mapped):
            counts.unchanged -= 1
        else:
            counts.mapped -= 1
        counts.quarantined += 1


def _merge(config: Config, store: Store, result: Result, dirty: Iterable[str]) -> None:
    order = {spec.name: number for number, spec in enumerate(config.sources)}
    for key in sorted(dirty):
        contributions = store.contributions(key)
        kind = contributions[0].kind
        merged = linking.merged(kind, key, contributions, order)
        store.save_record(merged.record, kind, merged.origins)
        if merged.problem:
            result.problems.append(merged.problem)


def _give_labels(programme: str, store: Store) -> None:
    """Initials, with a short suffix where they are not unique on the posting; what was given stays."""
    shared = store.shared_initials()
    ambiguous: dict[str, bool] = {}
    initials: dict[str, str] = {}
    for applicant, letters, posting in store.unlabelled():
        initials[applicant] = letters or ""
        ambiguous[applicant] = ambiguous.get(applicant, False) or not letters or (posting, letters) in shared
    taken = set(store.labels().values())
    labels = {}
    for applicant, letters in initials.items():
        label = letters
        if ambiguous[applicant]:
            suffix = identity.digest("label", applicant, key=programme)
            sizes = range(2, len(suffix) + 1)
            label = next(name for size in sizes if (name := f"{letters or 'intern'}-{suffix[:size]}") not in taken)
        taken.add(label)
        labels[applicant] = label
    store.save_labels(labels)


# ------------------------------------------------------------------------------------------------ plan


def make_plan(  # noqa: PLR0913  what a plan depends on
    config: Config,
    store: Store,
    boards: Mapping[str, Board],
    outside: Outside,
    result: Result,
    *,
    recreate: frozenset[str] = frozenset(),
    settle_first: bool,
) -> Generator[Event, None, dict[str, Snapshot]]:
    """Compares what the records ask for with what was applied and with what the boards hold.

    Puts the plan into `result` and returns the snapshots that it was made from. Reads only, unless `settle_first`
    lets it wait for the effect of a request whose answer was lost a moment ago.
    """
    plans: list[TargetPlan] = []
    snapshots: dict[str, Snapshot] = {}
    for spec in config.targets:
        board = boards.get(spec.name)
        if board is None:
            continue
        yield Looking(spec.name)
        try:
            snapshot = board.snapshot()
            _bind(store, spec, snapshot)
            snapshot = yield from settle(store, spec.name, board, snapshot, outside, config, wait=settle_first)
            plan = planning.make(
                desired(store, spec, result),
                store.links(spec.name),
                snapshot,
                rules(config, spec, board, may_archive=result.may_archive, recreate=recreate),
            )
        except MiSyncError as error:
            result.fail_target(spec.name, error)
            continue
        snapshots[spec.name] = snapshot
        plans.append(plan)
        _count(result, plan, board)
    result.plan = Plan(identity.programme_short(config.programme.id), tuple(plans))
    return snapshots


def _count(result: Result, plan: TargetPlan, board: Board) -> None:
    counts = TargetCounts(
        unchanged=plan.unchanged,
        dismissed=plan.dismissed,
        conflicts=plan.conflicts,
        foreign=plan.foreign,
        requests=board.requests,
    )
    for change in plan.changes:
        name = _COUNTED[change.action]
        setattr(counts, name, getattr(counts, name) + 1)
    result.targets[plan.target] = counts
    result.problems.extend(p for p in plan.problems if p not in result.problems)


def rules(
    config: Config,
    spec: TargetSpec,
    board: Board,
    *,
    may_archive: bool,
    recreate: frozenset[str] = frozenset(),
) -> Rules:
    """How a target is planned."""
    return Rules(
        target=spec.name,
        programme=identity.programme_short(config.programme.id),
        timezone=config.programme.timezone,
        conflicts=spec.conflicts,
        people=spec.people,
        max_archive=config.safety.max_archive,
        max_create=config.safety.max_create,
        may_archive=may_archive,
        max_body=board.capabilities.max_body,
        recreate=recreate,
    )


def desired(store: Store, spec: TargetSpec, result: Result) -> Desired:
    """What the records ask for at this target."""
    items: dict[str, Item] = {}
    settled: set[str] = set()
    owners = {link.owner for link in store.links(spec.name).values()}
    made = [(e.application.key, spec.milestones.of_engagement(e)) for e in store.engagements()]
    made += [(p.key, spec.milestones.of_posting(p)) for p in store.records("posting") if isinstance(p, Posting)]
    for owner, asked in made:
        items.update((item.key, item) for item in asked.items)
        if asked.settled:
            settled.add(owner)
        problems = list(asked.problems)
        if asked.problem_if_items and owner in owners:
            problems.append(asked.problem_if_items)
        result.problems.extend(p for p in problems if p not in result.problems)
    return Desired(items, frozenset(settled))


def _bind(store: Store, spec: TargetSpec, snapshot: Snapshot) -> None:
    """A target's links belong to one board for ever; another board under the same name would orphan them all."""
    known = store.board_of(spec.name)
    if known is not None and known != snapshot.board.id:
        raise Refused(
            f"target {spec.name!r} is another board now ({snapshot.board.url}) than the one that its items are on.",
            where=f"targets.{spec.name}",
            remedy="Point it back, or give the new board a target name of its own.",
        )
    if known is None:
        store.bind_target(spec.name, snapshot.board.id)


# ----------------------------------------------------------------------------------------------- settle


def settle(  # noqa: PLR0913  what it needs to look and to remember
    store: Store,
    target: str,
    board: Board,
    snapshot: Snapshot,
    outside: Outside,
    config: Config,
    *,
    wait: bool,
    resuming: str = "",
) -> Generator[Event, None, Snapshot]:
    """Finds out what became of every open intent, by its marker; writes nothing to the board.

    What landed gets its link; what did not is void, and is planned anew. An intent that is younger than one timeout
    may still land: then we wait and look again. `resuming` is the plan whose half-done changes will be finished.
    """
    entries = store.open_entries(target)
    if wait and any(e.state == "open" and _landed(e.intent, snapshot) is None for e in entries):
        pause = _time_to_land(entries, outside.wire)
        if pause > 0:
            yield Waiting(pause, "a request of an interrupted run may still take effect")
            outside.wire.sleep(pause)
            snapshot = board.snapshot()
    links = store.links(target)
    for entry in entries:
        with store.transaction():
            if entry.state == "carried":
                if entry.plan != resuming:
                    store.advance(entry.seq, "done")  # what is missing on the item is planned anew
                continue
            remote = _landed(entry.intent, snapshot)
            if remote is None:
                store.advance(entry.seq, "void")
                continue
            change = _change_of(entry.intent)
            store.save_link(target, _carried(change, entry.intent["nonce"], remote, links.get(entry.key), config))
            store.advance(entry.seq, "carried" if entry.plan == resuming else "done")
    return snapshot


def _time_to_land(entries: Sequence[Any], wire: Wire) -> float:
    """Seconds until the youngest open intent is older than one timeout."""
    ages = [(wire.now() - datetime.fromisoformat(e.at)).total_seconds() for e in entries if e.state == "open"]
    return max(0.0, min(wire.timeout[1], wire.timeout[1] - min(ages)))


def _landed(intent: Mapping[str, Any], snapshot: Snapshot) -> Remote | None:
    """The item that shows that an intended write took effect: it carries exactly the marker of that write."""
    wanted = Marker.decode(intent["token"])
    for remote in snapshot.remotes:
        marker = Marker.decode(remote.marker)
        if marker is None or wanted is None or (marker.key, marker.nonce) != (wanted.key, wanted.nonce):
            continue
        # A creation is known by its nonce alone: a person may have edited the item since.
        if not intent["change"]["id"] or (remote.id == intent["change"]["id"] and remote.marker == intent["token"]):
            return remote
    return None


def _change_of(intent: Mapping[str, Any]) -> Change:
    return planning.change_from_json(intent["change"])


# ------------------------------------------------------------------------------------------------ apply


def apply(  # noqa: PLR0913  what is applied, and where
    plan: Plan,
    snapshots: Mapping[str, Snapshot],
    config: Config,
    store: Store,
    boards: Mapping[str, Board],
    outside: Outside,
    result: Result,
    *,
    force: Collection[str] = (),
) -> Story:
    """Applies a plan, target by target, one recorded change at a time."""
    digest = plan.digest
    total = len(plan.changes)
    number = 0
    for target in plan.targets:
        counts = result.targets[target.target] = replace(
            result.targets.get(target.target, TargetCounts()), created=0, updated=0, archived=0, adopted=0
        )
        board = boards[target.target]
        worker = _Worker(target, digest, config, store, board, snapshots[target.target], outside, result)
        try:
            _check_limits(target, force)
            worker.keep_books()
            for change in target.changes:
                if outside.stopping():
                    return
                number += 1
                outcome = yield from worker.apply(change)
                yield Applying(change, number, total, outcome)
        except MiSyncError as error:
            result.fail_target(target.target, error)
        finally:
            counts.requests = board.requests


def _check_limits(target: TargetPlan, force: Collection[str]) -> None:
    exceeded = [why for name, why in target.violations.items() if name not in force]
    if exceeded:
        raise Refused(" ".join(exceeded), where=target.target)


class _Worker:
    """Applies the changes of one target."""

    def __init__(  # noqa: PLR0913  as `apply`
        self,
        target: TargetPlan,
        digest: str,
        config: Config,
        store: Store,
        board: Board,
        snapshot: Snapshot,
        outside: Outside,
        result: Result,
    ) -> None:
        self._target, self._digest, self._config = target.target, digest, config
        self._programme = identity.programme_short(config.programme.id)
        self._store, self._board, self._outside, self._result = store, board, outside, result
        self._bookkeeping = target.bookkeeping
        self._counts = result.targets[target.target]
        self._taken_at = snapshot.taken_at
        self._remotes = {remote.id: remote for remote in snapshot.remotes}
        self._links = store.links(target.target)
        self._states = {e.key: e for e in store.entries_of_plan(digest) if e.target == target.target}

    def keep_books(self) -> None:
        """Stores what was seen and needs no call."""
        with self._store.transaction():
            for link in self._bookkeeping:
                self._store.save_link(self._target, link)

    def apply(self, change: Change) -> Generator[Event, None, str]:
        """One change: intent, call, link, children, done. Returns done or failed."""
        earlier = self._states.get(change.key)
        try:
            if earlier is not None and earlier.state == "done" and earlier.intent["change"]["id"] == change.id:
                return "done"  # an interrupted apply of the same plan did it
            if earlier is not None and earlier.state == "carried":
                self._finish(change, self._links[change.key], earlier.seq)
            else:
                yield from self._carry_out(change)
        except RequestRefused as error:
            self._counts.failed += 1
            self._result.problems.append(replace(error.problem(), where=change.url or change.title))
            return "failed"
        name = _COUNTED[change.action]
        setattr(self._counts, name, getattr(self._counts, name) + 1)
        self._result.applied += 1
        return "done"

    def _carry_out(self, change: Change) -> Generator[Event, None, None]:
        remote = self._current(change)
        if change.action == "adopt" and not change.fields:
            assert remote is not None  # noqa: S101  an adoption is of an item that was seen
            self._record(change, change.nonce, remote, seq=None)
            return
        nonce = change.nonce or self._outside.nonce()
        token = self._token(change, nonce)
        seq = self._intend(change, nonce, token)
        if not _patched(change):  # labels and checklist alone need no call for the item itself
            assert remote is not None  # noqa: S101  only an existing item has children to change
        else:
            after = yield from self._merge(change, nonce, token, seq, remote)
            seq, nonce, remote = after
        link = self._record(change, nonce, remote, seq)
        self._finish(change, link, seq, remote)

    def _merge(
        self, change: Change, nonce: str, token: str, seq: int, remote: Remote | None
    ) -> Generator[Event, None, tuple[int, str, Remote]]:
        """The one call. After an unknown outcome: look, wait one timeout, look again, then try with a new nonce."""
        for last in (False, True):
            try:
                return seq, nonce, self._board.merge(self._patch(change, token, remote))
            except OutcomeUnknown as unknown:
                found = yield from self._look(change, token, unknown)
                if found is not None:
                    return seq, nonce, found
                self._store.advance(seq, "void")
                if last or change.id:
                    raise Unavailable(unknown.why, where=change.title, remedy="The next run looks again.") from None
                nonce = self._outside.nonce()
                token = self._token(change, nonce)
                seq = self._intend(change, nonce, token)
            except (RequestRefused, NotAuthorised, Unavailable, BudgetReached):
                self._store.advance(seq, "void")  # the answer proves that nothing happened
                raise
        raise AssertionError  # pragma: no cover  the loop returns or raises

    def _look(self, change: Change, token: str, unknown: OutcomeUnknown) -> Generator[Event, None, Remote | None]:
        for pause in (0.0, self._outside.wire.timeout[1]):
            if pause:
                yield Waiting(pause, unknown.why)
                self._outside.wire.sleep(pause)
            if change.id:
                remote = self._board.read(change.id)
                found = remote if remote is not None and remote.marker == token else None
            else:
                found = next((r for r in self._board.newest() if r.marker == token), None)
            if found is not None:
                return found
        return None

    # -- before the call ----------------------------------------------------------------------------

    def _current(self, change: Change) -> Remote | None:
        """The item as it is now, if the snapshot is old; a change of it since then stops this change.

        Raises:
            RequestRefused: it moved meanwhile.
        """
        if not change.id:
            return None
        remote: Remote | None = self._remotes.get(change.id)
        if self._outside.wire.now() - self._taken_at > FRESH:
            remote = self._board.read(change.id)
        if remote is None or planning.fingerprint(self._expected_link(change), remote) != change.expects:
            raise RequestRefused("somebody changed it while this run was under way; the next run looks again.")
        return remote

    def _expected_link(self, change: Change) -> Link | None:
        link = self._links.get(change.key)
        return link if link is not None and link.id == change.id else None

    def _token(self, change: Change, nonce: str) -> str:
        digests = {name: change.base.get(name) or identity.field_digest(None) for name in MARKED}
        return Marker(self._programme, change.key, nonce, digests, archived=change.action == "archive").encode()

    def _intend(self, change: Change, nonce: str, token: str) -> int:
        intent = {"change": planning.change_as_json(change), "nonce": nonce, "token": token}
        with self._store.transaction():
            return self._store.begin(
                self._target, change.key, self._digest, self._result.run_id, self._outside.now(), intent
            )

    def _patch(self, change: Change, token: str, remote: Remote | None) -> Patch:
        fields = _fields(change)
        body = fields.get("body", remote.body if remote else "")
        return Patch(change.id or None, token, body, fields)

    # -- after the call -----------------------------------------------------------------------------

    def _record(self, change: Change, nonce: str, remote: Remote, seq: int | None) -> Link:
        """Link and journal in one commit. A late duplicate gets no link: it only goes out of the way."""
        old = self._links.get(change.key)
        link = _carried(change, nonce, remote, old, self._config)
        duplicate = old is not None and change.id not in {"", old.id} and change.action == "archive"
        orphan = change.action == "archive" and old is None
        children = bool(_children(change))
        if not children and not (duplicate or orphan):
            link = replace(link, labels=change.labels, checklist=change.checklist)
        with self._store.transaction():
            if not (duplicate or orphan):
                self._store.save_link(self._target, link)
                self._links[change.key] = link
            if seq is not None:
                self._store.advance(seq, "carried" if children else "done")
        return link

    def _finish(self, change: Change, link: Link, seq: int, remote: Remote | None = None) -> None:
        """Labels and checklist, one by one; what is already there is skipped, so an interrupted one resumes."""
        children = _children(change)
        if not children:
            return
        remote = remote or self._remotes.get(link.id) or self._board.read(link.id)
        if remote is None:
            raise RequestRefused("it is gone.")
        try:
            self._board.merge_children(remote, children)
        except OutcomeUnknown as unknown:
            raise Unavailable(unknown.why, where=change.title, remedy="The next run goes on from here.") from None
        with self._store.transaction():
            self._store.save_link(self._target, replace(link, labels=change.labels, checklist=change.checklist))
            self._store.advance(seq, "done")


def _carried(change: Change, nonce: str, remote: Remote, old: Link | None, config: Config) -> Link:
    """The link after the call for the item itself; labels and checklist follow with the children."""
    after = {name: value for name, (_, value) in change.fields.items()}
    due = after.get("due", old.seen.due if old else None)
    if "due" in after and due:
        due = datetime.fromisoformat(due).astimezone(config.programme.timezone).date().isoformat()
    seen = old.seen if old and old.id == remote.id else Seen(list=str(after.get("list", remote.list)))
    same = old is not None and old.id == remote.id
    return Link(
        key=change.key,
        id=remote.id,
        url=remote.url,
        nonce=nonce,
        owner=change.owner,
        step=change.step,
        title=change.title,
        base=change.base,
        labels=old.labels if same and old else (change.labels if change.action == "create" else ()),
        checklist=old.checklist if same and old else (),
        archived=change.action == "archive",
        seen=replace(
            seen,
            due=due,
            done=bool(after.get("done", seen.done)),
            archived=change.action == "archive",
            assigned=seen.assigned or bool(after.get("assignee")),
            gone=False,
        ),
    )


def _patched(change: Change) -> bool:
    """Whether the item itself is written, and not only its children."""
    return change.action == "create" or any(name not in {"labels", "checklist"} for name in change.fields)


def _fields(change: Change) -> Fields:
    """The JSON values of a change as what a board is given."""
    fields = Fields()
    for name, (_, value) in change.fields.items():
        if name == "due":
            fields["due"] = datetime.fromisoformat(value) if value else None
        elif name == "start":
            fields["start"] = date.fromisoformat(value) if value else None
        elif name == "labels":
            if change.action == "create":
                fields["labels"] = tuple(value)
        elif name != "checklist":
            fields[name] = value  # type: ignore[literal-required]  the planner's names are the fields' names
    return fields


def _children(change: Change) -> Children:
    before, after = change.fields.get("checklist", ((), ()))
    add, remove = _difference(before, after)
    if change.action == "create":
        return Children(add_checks=add)
    labels_add, labels_remove = _difference(*change.fields.get("labels", ((), ())))
    return Children(labels_add, labels_remove, add, remove)


def _difference(before: Sequence[str] | None, after: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    before, after = before or (), after or ()
    return tuple(x for x in after if x not in before), tuple(x for x in before if x not in after)


# -------------------------------------------------------------------------------------- a saved plan


def apply_saved(  # noqa: PLR0913  as `apply`
    plan: Plan,
    file: str,
    config: Config,
    store: Store,
    boards: Mapping[str, Board],
    outside: Outside,
    result: Result,
) -> Story:
    """Exactly that plan: applied, resumed where it was interrupted, or refused because something in it moved.

    Raises:
        StalePlan: nothing was done.
    """
    _check_origin(plan, file, config, boards)
    snapshots: dict[str, Snapshot] = {}
    for target in plan.targets:
        yield Looking(target.target)
        board = boards[target.target]
        snapshot = board.snapshot()
        snapshots[target.target] = yield from settle(
            store, target.target, board, snapshot, outside, config, wait=True, resuming=plan.digest
        )
        result.targets[target.target] = TargetCounts(requests=board.requests)
    done = {
        (e.target, e.intent["change"]["key"], e.intent["change"]["id"]): e.state
        for e in store.entries_of_plan(plan.digest)
    }
    left = [c for c in plan.changes if done.get((c.target, c.key, c.id)) != "done"]
    if plan.changes and not left:
        raise StalePlan("this plan has been applied already.", where=file, remedy="Make a new one.")
    for target in plan.targets:
        links, snapshot = store.links(target.target), snapshots[target.target]
        for change in target.changes:
            if done.get((change.target, change.key, change.id)) not in {"done", "carried"}:
                _check_fresh(change, links.get(change.key), snapshot, plan.programme, file, target.board)
    yield from apply(plan, snapshots, config, store, boards, outside, result)


def _check_origin(plan: Plan, file: str, config: Config, boards: Mapping[str, Board]) -> None:
    ours = plan.programme == identity.programme_short(config.programme.id)
    if not ours or any(target.target not in boards for target in plan.targets):
        raise StalePlan("this plan was made for another configuration.", where=file, remedy="Make a new one.")


def _check_fresh(  # noqa: PLR0913  both sides, and how to say it
    change: Change, link: Link | None, snapshot: Snapshot, programme: str, file: str, board: str
) -> None:
    remotes = {remote.id: remote for remote in snapshot.remotes}
    if change.action == "create":
        now = planning.fingerprint(link, remotes.get(link.id) if link else None)
        marked = any(
            m is not None and (m.programme, m.key) == (programme, change.key) and (link is None or r.id != link.id)
            for r in snapshot.remotes
            for m in [Marker.decode(r.marker)]
        )
    else:
        same = link if link is not None and link.id == change.id else None
        now, marked = planning.fingerprint(same, remotes.get(change.id)), False
    if marked or now != change.expects or snapshot.board.id != board:
        raise StalePlan(
            f"{change.title!r} has changed since the plan was made.",
            where=file,
            remedy="Make a new one; nothing was done.",
        )


def events(story: Story, show: Callable[[Event], None]) -> None:
    """Runs a story to its end and shows every event."""
    for event in story:
        show(event)
