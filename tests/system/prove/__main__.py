"""`python -m system.prove` (from tests/, or `make prove`): kills runs at every moment and looks at what is left.

    --short          a selection of the moments, in less than a minute
    --only NAME      only scenarios whose name contains NAME; `--boards` names the tools, `--state`
                     the database, `--mutants` whether broken builds
    --jobs N         so many processes
    --report FILE    writes the report; of what is not done this time, what it says already stays
    --resume         leaves out the scenarios of which the report has as many cases as there are now
    --fits FILE      compares with a report instead: the same scenarios and mutants, the same number of moments

Exit code 1: an invariant did not hold, a mutant was not noticed, or the report does not fit.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from postgres_server import Cluster
from system.prove import proof
from system.prove.boundaries import Boundary, told_apart
from system.prove.mutants import MUTANTS, Mutant
from system.prove.proof import DIED_AFTER, Expected, Violation, expect
from system.prove.report import TOOLS, Noticed, Row, mutants_of, page, rows_of
from system.prove.scenarios import SCENARIOS, Scenario
from system.prove.states import server
from system.prove.world import World

BOTH = ("create", "update", "archive", "everything", "saved plan")
"""What is also run on both tools at once."""
RACED = ("create", "update", "archive", "saved plan")
"""During what a second run is started."""
SHORT = 20
"""One of so many moments is taken in the short selection, another one of each scenario and tool."""


ALL = [(each.name, tools) for tools in TOOLS for each in SCENARIOS if len(tools) == 1 or each.name in BOTH]
"""Every scenario and the tools that it is run on."""
ON_SERVER = [(name, tools) for name, tools in ALL if name in BOTH and tools == ("trello",)]
"""With what the state is also kept on a server."""

Work = TypeVar("Work")
Done = TypeVar("Done")


class Task(NamedTuple):
    """A scenario on some tools, of which one of `every` cases is looked at.

    Attributes:
        cluster: for the state.
        known: so many cases of each kind were proved before; if there are as many now, they are not done again.
    """

    scenario: str
    tools: tuple[str, ...]
    every: int
    cluster: Cluster | None
    known: tuple[int, ...]

    @property
    def offset(self) -> int:
        """Which of `every` cases: another one for each scenario and tool."""
        return sum(map(ord, self.scenario + self.tools[0])) % self.every


class MutantTask(NamedTuple):
    """A mutant, by its number."""

    number: int


# ------------------------------------------------------------------------------------------------- cases


def cases(expected: Expected, scenario: Scenario) -> Iterator[tuple[str, Boundary]]:
    """Every case of a scenario: what is done, and at which moment."""
    moments = list(told_apart(expected.passed))
    yield from (("killed", each) for each in moments)
    sent = [each for each in moments if each.writes and not each.moment.endswith("commit")]
    yield from (("overtaken", each) for each in sent if each.moment == "before send" and scenario.late)
    yield from (("lost", each) for each in sent if each.moment == "after effect")
    if scenario.name in RACED:
        yield from (("raced", each) for each in moments if not each.moment.endswith("commit"))


def prove(task: Task) -> tuple[Row, float]:
    """One task, in a world of its own; also how long it took."""
    began = time.monotonic()
    scenario = next(each for each in SCENARIOS if each.name == task.scenario)
    with _folder() as folder:
        world = World(folder, task.tools, task.cluster)
        row = Row(scenario.name, TOOLS[task.tools], world.state.kind)
        expected = expect(world, scenario)
        chosen = list(cases(expected, scenario))
        for how, _ in chosen:
            setattr(row, how, getattr(row, how) + 1)
        if row.counts != task.known:
            gc.freeze()  # so that a forked process does not copy what it only looks at
            row.violations += _failures(world, scenario, expected, chosen[task.offset :: task.every])
    return row, time.monotonic() - began


def _failures(
    world: World, scenario: Scenario, expected: Expected, chosen: Sequence[tuple[str, Boundary]]
) -> Iterator[str]:
    for how, at in chosen:
        found: list[Violation] = getattr(proof, how)(world, scenario, expected, at)
        yield from (f"{how} {at}: {each}" for each in found)


def notice(task: MutantTask) -> tuple[Noticed, float]:
    """Where a mutant is noticed first."""
    began = time.monotonic()
    mutant = MUTANTS[task.number]
    scenario = next(each for each in SCENARIOS if each.name == mutant.scenario)
    with _folder() as folder:
        world = World(folder, (mutant.tool,))
        at = _noticed(world, scenario, mutant)
    return Noticed(mutant.what, scenario.name, mutant.invariant, str(at or "")), time.monotonic() - began


def _noticed(world: World, scenario: Scenario, mutant: Mutant) -> Boundary | None:
    expected = expect(world, scenario)
    world.restore()
    world.clock.at += DIED_AFTER
    mutated = world.run(*scenario.command, broken=mutant.breaks)
    found_in = cases(expected._replace(passed=mutated.passed), scenario)
    for _, at in sorted((case for case in found_in if case[0] == mutant.how), key=_telling):
        found: list[Violation] = getattr(proof, mutant.how)(world, scenario, expected, at, mutant.breaks)
        if any(each.invariant == mutant.invariant for each in found):
            return at
    return None


def _telling(case: tuple[str, Boundary]) -> tuple[bool, bool, int]:
    """Where most goes wrong first: around requests that write."""
    _, at = case
    request = at.writes and not at.moment.endswith("commit")
    return (not (request and at.moment == "after effect"), not request, at.number)


class _folder:  # noqa: N801  used like a function
    """A folder in memory, where there is such a thing."""

    def __enter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="prove-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))  # noqa: S108
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


# ------------------------------------------------------------------------------------------- the command


def tasks(arguments: argparse.Namespace, cluster: Cluster | None) -> list[Task]:
    """What is asked for."""
    every = SHORT if arguments.short else 1
    text = arguments.report.read_text("utf-8") if arguments.resume else ""
    known = {row.name: row.counts for row in rows_of(text)}
    states: list[tuple[str, Cluster | None]] = [("SQLite", None)] if arguments.state != "postgresql" else []
    states += [("PostgreSQL", cluster)] if cluster is not None else []
    return [
        Task(scenario, tools, every, server, known.get((scenario, TOOLS[tools], state), ()))
        for state, server in states
        for scenario, tools in ALL
        if (server is None or (scenario, tools) in ON_SERVER)
        and (arguments.only is None or arguments.only in scenario)
        and (arguments.boards is None or arguments.boards == "+".join(tools))
        and arguments.mutants != "only"
    ]


def mutant_tasks(arguments: argparse.Namespace) -> list[MutantTask]:
    """The mutants; a selection of them in the short run."""
    if arguments.mutants == "none":
        return []
    return [MutantTask(number) for number in range(len(MUTANTS)) if not arguments.short or MUTANTS[number].quick]


def run_all(function: Callable[[Work], Done], work: Sequence[Work], jobs: int) -> Iterator[Done]:
    """Each task, by one of so many processes; in this one if that is enough."""
    if jobs == 1:
        yield from map(function, work)
        return
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(function, work)


def main() -> int:
    """The exit code."""
    arguments = _arguments()
    with server() if arguments.state != "sqlite" else contextlib.nullcontext() as cluster:
        if cluster is None and arguments.state == "postgresql":
            sys.exit("there is no PostgreSQL to be had")
        failed = _proved(arguments, cluster)
    return int(failed)


def _proved(arguments: argparse.Namespace, cluster: Cluster | None) -> bool:
    """Whether something failed."""
    rows: list[Row] = []
    noticed: list[Noticed] = []
    for row, seconds in run_all(prove, tasks(arguments, cluster), arguments.jobs):
        rows.append(row)
        _say(f"{row.scenario:28} {row.tools:26} {row.counts} {seconds:.1f} s")
        for each in row.violations:
            _say(f"    {each}")
        _write(arguments, rows, noticed)
    for mutant, seconds in run_all(notice, mutant_tasks(arguments), arguments.jobs):
        noticed.append(mutant)
        told = f"noticed at {mutant.at}" if mutant.at else "NOT NOTICED"
        _say(f"{mutant.what}: {told}, {mutant.invariant} {seconds:.1f} s")
        _write(arguments, rows, noticed)
    failed = any(row.violations for row in rows) or any(not each.at for each in noticed)
    if arguments.fits:
        failed |= not fits(arguments.fits.read_text("utf-8"), rows)
    return failed


def _write(arguments: argparse.Namespace, rows: Sequence[Row], noticed: Sequence[Noticed]) -> None:
    """After each task, so that what was interrupted can be taken up again; what did not hold stays out of it."""
    if arguments.report:
        held = [row for row in rows if not row.violations]
        arguments.report.write_text(page(*_with_earlier(arguments.report, held, noticed)), "utf-8")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _with_earlier(report: Path, rows: Sequence[Row], noticed: Sequence[Noticed]) -> tuple[list[Row], list[Noticed]]:
    """What was proved now, and what a report tells of that was not done again; in their order."""
    text = report.read_text("utf-8") if report.exists() else ""
    proved = {row.name: row for row in (*rows_of(text), *rows)}
    mutants = {(each.what, each.scenario): each for each in (*mutants_of(text), *noticed)}
    names = [(name, TOOLS[tools], state) for state in ("SQLite", "PostgreSQL") for name, tools in ALL]
    known = [(each.what, each.scenario) for each in MUTANTS]
    return [proved[name] for name in names if name in proved], [mutants[name] for name in known if name in mutants]


def fits(text: str, rows: Sequence[Row]) -> bool:
    """Whether a report tells of just these moments, and of all mutants."""
    told = {row.name: row.counts for row in rows_of(text)}
    wrong = [row for row in rows if told.get(row.name) != row.counts]
    for row in wrong:
        _say(f"the report has {told.get(row.name)} for {row.name}, and there are {row.counts}: make prove")
    mutants = [(each.what, each.scenario, each.invariant) for each in mutants_of(text)]
    if mutants != [(each.what, each.scenario, each.invariant) for each in MUTANTS]:
        _say("the report has other mutants: make prove")
        return False
    return not wrong


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m system.prove", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--boards", choices=["+".join(tools) for tools in TOOLS])
    parser.add_argument("--state", choices=["all", "sqlite", "postgresql"], default="all")
    parser.add_argument("--mutants", choices=["all", "none", "only"], default="all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--report", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--fits", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
