"""What was proved, as a page for people that a test can read back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from system.prove.proof import INVARIANTS
from system.prove.scenarios import SCENARIOS

TOOLS = {
    ("trello",): "Trello",
    ("asana",): "Asana",
    ("oauth",): "Asana without `external`",
    ("trello", "asana"): "both",
}
"""The tools that a scenario is run on, and what people call them."""


@dataclass(slots=True)
class Row:
    """What was done to one scenario on some tools, in cases, and what did not hold."""

    scenario: str
    tools: str
    state: str
    killed: int = 0
    overtaken: int = 0
    lost: int = 0
    raced: int = 0
    violations: list[str] = field(default_factory=list)

    @property
    def name(self) -> tuple[str, str, str]:
        """Which it is."""
        return self.scenario, self.tools, self.state

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """How many cases of each kind."""
        return self.killed, self.overtaken, self.lost, self.raced


@dataclass(frozen=True, slots=True)
class Noticed:
    """A mutant, and where it was noticed; `at` is empty when it was not."""

    what: str
    scenario: str
    invariant: str
    at: str


_ROW = re.compile(
    r"^\| ([^|]+) \| ([^|]+) \| (SQLite|PostgreSQL) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE
)
_MUTANT = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| (\d+ [^|]+) \|$", re.MULTILINE)


def page(rows: Sequence[Row], noticed: Sequence[Noticed]) -> str:
    """The report."""
    killed, overtaken, lost, raced = (
        sum(counts) for counts in zip((0, 0, 0, 0), *(row.counts for row in rows), strict=True)
    )
    violations = sum(len(row.violations) for row in rows)
    what = "\n".join(f"- **{each.name}**: {each.what}." for each in SCENARIOS)
    return f"""\
# The proof: exactly once, whatever happens

Made by `make prove`; a test holds that it fits the scenarios, moments and mutants of this version.

At {killed:,} moments of {len({row.scenario for row in rows})} scenarios the process was killed (SIGKILL) and the command
run again. {overtaken:,} times its request was still on its way, and took effect after the next run had looked.
{lost:,} times a reply was lost, and the run went on. {raced:,} times a second run was started while the first stood
still. Cases in which an invariant did not hold: **{violations}**.

## How

A world is a folder: exports, configuration, state, and the local Trello and Asana, whose state is on the disk before
they reply. It is saved once for each scenario. For each case it is put back, the command runs in a process of its own
until it is killed at the appointed moment, people do what the scenario says, the command is run again within one
timeout, and then once more an hour later. What has to be there is what the same scenario leads to when nothing
interrupts it, with what people did meanwhile.

The moments are those before a request is sent, after it took effect but before its reply was read, after the reply was
read, and before and after each commit of the state; of every request that writes and of every commit, from the
first of the pull to the last of the record of the run; of the requests that only read, the first moment at which the
world is another one than before.

## What holds after each case

{_table(("invariant", "meaning"), INVARIANTS.items())}

## Scenarios

{what}

## Cases

{_table(("scenario", "boards", "state", "killed", "overtaken", "reply lost", "second run"), (row.name + row.counts for row in rows))}

## The proof can fail

Each of these builds is broken on purpose, and the proof noticed: by the invariant, and first at this moment.

{_table(("what is broken", "scenario", "invariant", "noticed at"), ((it.what, it.scenario, it.invariant, it.at) for it in noticed))}
"""


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def rows_of(text: str) -> list[Row]:
    """The cases that a report tells of."""
    found = (match.groups() for match in _ROW.finditer(text))
    return [
        Row(name, tools, state, int(killed), int(overtaken), int(lost), int(raced))
        for name, tools, state, killed, overtaken, lost, raced in found
    ]


def mutants_of(text: str) -> list[Noticed]:
    """The mutants that it says were noticed."""
    return [Noticed(*match.groups()) for match in _MUTANT.finditer(text)]
