"""Whole processes, side by side: what each of them took, round after round."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.environments import Environments

MOST_SECONDS = 1800.0
"""A process that takes longer is ended, and counts as failed."""


class Failed(Exception):
    """A process that should have worked did not; the message ends with what it said."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement: who did what in which round, in seconds and bytes.

    `rss` is the peak of the largest process. `counts` holds what was counted rather than timed.
    """

    step: str
    subject: str
    round: int
    wall: float = 0.0
    cpu: float = 0.0
    rss: int = 0
    counts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every part needs to know: where to work, how often, how much, and where the peers are."""

    work: Path
    rounds: int
    rows: int
    quick: bool
    environments: Environments

    def folder(self, name: str) -> Path:
        """An empty folder to work in."""
        made = self.work / "runs" / name
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        return made


@dataclass(frozen=True, slots=True)
class Command:
    """A process to be measured; its output goes into files beside `cwd`, which nobody reads unless it fails."""

    arguments: Sequence[str | Path]
    cwd: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    codes: frozenset[int] = frozenset({0})


def our_cli() -> list[str]:
    """How a user starts us: the installed script, or the module where there is none."""
    script = Path(sys.executable).with_name("mi-sync")
    return [str(script)] if script.exists() else [sys.executable, "-m", "mi_sync"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What one process took, its own children included, in seconds and bytes."""

    wall: float
    cpu: float
    rss: int

    def figure(self, step: str, subject: str, round_: int, **counts: float) -> Figure:
        """The same, with who it was."""
        return Figure(step, subject, round_, self.wall, self.cpu, self.rss, counts)


class Process:
    """A process that has been started; `wait` says what it took.

    Linux counts the peak of whoever starts a process to the process, so the one that measures has to stay small.
    """

    def __init__(self, command: Command) -> None:
        self._command = command
        self._told = command.cwd.with_name(f"{command.cwd.name}.log")
        environ = {**os.environ, **command.environ}
        with self._told.open("wb") as told:
            self._began = time.perf_counter()
            self._started = subprocess.Popen(  # noqa: S603  our own commands
                [str(each) for each in command.arguments],
                cwd=command.cwd,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=subprocess.STDOUT,
            )
        self._timer = threading.Timer(MOST_SECONDS, self._started.kill)
        self._timer.daemon = True
        self._timer.start()

    def wait(self) -> Spent:
        """Until it ends.

        Raises:
            Failed: its exit code is none that it may have.
        """
        _, status, usage = os.wait4(self._started.pid, 0)
        wall = time.perf_counter() - self._began
        self._timer.cancel()
        code = self._started.returncode = os.waitstatus_to_exitcode(status)
        if code not in self._command.codes:
            said = self._told.read_text("utf-8", "replace")[-2000:]
            name = " ".join(str(each) for each in self._command.arguments)
            raise Failed(f"{name} ended with {code}:\n{said}")
        unit = 1 if sys.platform == "darwin" else 1024
        return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)

    def output(self) -> str:
        """What it said on both channels; once it has ended."""
        return self._told.read_text("utf-8", "replace")


def spend(command: Command) -> Spent:
    """Runs a process to its end and says what it took."""
    return Process(command).wait()


def turn(subjects: Sequence[str], round_: int) -> Sequence[str]:
    """All of them, each round beginning with another one, so that none always comes first."""
    first = round_ % len(subjects)
    return (*subjects[first:], *subjects[:first])
