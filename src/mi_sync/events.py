"""What a run gets from outside, what it tells while it goes, and how it went."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mi_sync.errors import BudgetReached, ExitCode, MiSyncError, Problem, first_of
from mi_sync.http import Wire
from mi_sync.plan import Change, Plan

if TYPE_CHECKING:
    from mi_sync.config import Config
    from mi_sync.state import Store


def draw_nonce() -> str:
    """Names one attempt to create an item; six letters and digits."""
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(6))


@dataclass(frozen=True, slots=True)
class Outside:
    """From outside, and replaced by tests: the wire (with time and sleep), randomness, the wish to stop."""

    wire: Wire = field(default_factory=Wire)
    nonce: Callable[[], str] = draw_nonce
    stopping: Callable[[], bool] = lambda: False

    def now(self) -> str:
        """The time, for the records."""
        return self.wire.now().isoformat(timespec="milliseconds")


# ---------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Reading:
    """A source is being read; `expected` is how many rows the file had when it was last read, 0 for a new one."""

    source: str
    file: str
    rows: int
    expected: int = 0


@dataclass(frozen=True, slots=True)
class Looking:
    """A target is being read."""

    target: str


@dataclass(frozen=True, slots=True)
class Applying:
    """A change was applied, the `number`th of `total`; `outcome` is done, failed or dismissed."""

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

    def add(self, more: SourceCounts) -> None:
        """The rows of one more file."""
        for name in ("rows", "mapped", "unchanged", "quarantined", "skipped"):
            setattr(self, name, getattr(self, name) + getattr(more, name))


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

    def count(self, action: str) -> None:
        """One more of an action."""
        name = COUNTED[action]
        setattr(self, name, getattr(self, name) + 1)


MOST_PROBLEMS = 1000
"""So many problems are kept; a run that has more of them has one big problem."""
MOST_ALIKE = 200
"""So many of these may be about one field of one file's rows, so that a feed of repeated rows hides nothing else."""

COUNTED = {"create": "created", "update": "updated", "archive": "archived", "adopt": "adopted"}
"""Which count an action goes to."""


@dataclass(frozen=True, slots=True)
class Done:
    """A change that somebody can see: of which item (by its key), at which target, where it is to be seen."""

    target: str
    key: str
    action: str
    url: str


@dataclass(slots=True)
class Result:
    """How a run went; filled while it goes, and true whenever it stops."""

    run_id: str
    sources: dict[str, SourceCounts] = field(default_factory=dict)
    targets: dict[str, TargetCounts] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    beyond: Counter[tuple[str, str]] = field(default_factory=Counter)
    source_failures: list[MiSyncError] = field(default_factory=list)
    target_failures: list[MiSyncError] = field(default_factory=list)
    unfinished: set[str] = field(default_factory=set)
    published: set[str] = field(default_factory=set)
    newly_left_out: int = 0
    applied: int = 0
    done: list[Done] = field(default_factory=list)
    plan: Plan | None = None
    _noted: set[Problem] = field(default_factory=set)
    _subjects: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def problems_beyond(self) -> int:
        """How many problems were counted and not kept."""
        return self.beyond.total()

    @property
    def counts(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What was counted of `sources` and of `targets`, each by name, as plain values."""
        return {
            "sources": {name: asdict(each) for name, each in self.sources.items()},
            "targets": {name: asdict(each) for name, each in self.targets.items()},
        }

    @property
    def may_archive(self) -> bool:
        """Nothing is archived after a read that failed or found a source empty."""
        return not self.source_failures

    def fail_source(self, name: str, error: MiSyncError) -> None:
        """A source could not be read; the others go on."""
        self.sources[name] = SourceCounts(complete=False)
        self.source_failures.append(error)
        self._report(name, error)

    def start_applying(self, name: str) -> TargetCounts:
        """From what a target's plan would do to what is done: counted from zero."""
        counts = replace(self.targets.get(name, TargetCounts()), **dict.fromkeys(COUNTED.values(), 0))
        self.targets[name] = counts
        return counts

    def fail_target(self, name: str, error: MiSyncError, requests: int = 0) -> None:
        """A target could not be finished; the others go on."""
        self.targets.setdefault(name, TargetCounts(requests=requests))
        self.target_failures.append(error)
        self.unfinished.add(name)
        self._report(name, error)

    def note(self, *problems: Problem) -> None:
        """Lists problems, each once; beyond `MOST_PROBLEMS`, or `MOST_ALIKE` of a kind, they are only counted."""
        for problem in problems:
            if problem in self._noted:
                continue
            if len(self.problems) >= MOST_PROBLEMS or self._subjects[problem.subject] >= MOST_ALIKE:
                self.beyond[problem.subject] += 1
                continue
            self._keep(problem)

    def _keep(self, problem: Problem) -> None:
        self._noted.add(problem)
        self._subjects[problem.subject] += 1
        self.problems.append(problem)

    def _report(self, name: str, error: MiSyncError) -> None:
        """Why something failed is kept always: of all problems it is the one that must be seen."""
        for problem in error.all_problems():
            told = replace(problem, where=problem.where or name)
            if told not in self._noted:
                self._keep(told)

    @property
    def exit_code(self) -> ExitCode:
        """Some work done and some not: 3. Nothing done: the first of 2, 6, 7, 4, 5 that applies. Budget: 8."""
        failures = [f for f in (*self.source_failures, *self.target_failures) if not isinstance(f, BudgetReached)]
        failed_changes = any(counts.failed for counts in self.targets.values())
        if failures and not self._something_done():
            return first_of(f.exit_code for f in failures)
        if failures or failed_changes:
            return ExitCode.PARTIAL
        if any(isinstance(f, BudgetReached) for f in self.target_failures):
            return ExitCode.BUDGET
        return ExitCode.PARTIAL if self.newly_left_out else ExitCode.OK

    def _something_done(self) -> bool:
        """Whether a target was written to; else, whether another board was in order, or other exports brought news.

        A table in which nothing changed is no work: it has nothing to fail at.
        """
        if self.applied:
            return True
        if self.target_failures:
            return bool(self.targets.keys() - self.published - self.unfinished)
        return any(counts.mapped for counts in self.sources.values() if counts.complete)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the configuration and state that it works on, the outside, and the result that it fills."""

    config: Config
    store: Store
    outside: Outside
    result: Result
