"""What a job in GitHub Actions shows of a run: a summary page, and problems as annotations.

Both are asked for by the variables that GitHub sets
(docs.github.com/actions/reference/workflows-and-actions/workflow-commands). Workflow commands are read from stderr as
well as from stdout (actions/runner, ScriptHandler), so that stdout is left to the result.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mi_sync.cli import logs, plain
from mi_sync.errors import STATUSES, ExitCode, Problem

if TYPE_CHECKING:
    from mi_sync import events

MOST_ANNOTATIONS = 10
"""GitHub shows so many of a kind for a step, and drops the others."""
MOST_ROWS = 100
"""So many problems stand in a summary…"""
_LONGEST = 500
"""…each in so many characters, because a step's summary may have 1 MiB, and one character six bytes."""

_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>[0-9]+))?")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended; `root` is the folder that the files of its problems are in."""

    command: str
    code: ExitCode
    root: Path
    problems: Sequence[Problem]
    beyond: int = 0
    sources: Mapping[str, Mapping[str, Any]] | None = None
    targets: Mapping[str, Mapping[str, Any]] | None = None

    @staticmethod
    def of(command: str, result: events.Result, code: ExitCode, root: Path) -> Outcome:
        """That of a run."""
        return Outcome(command, code, root, result.problems, result.problems_beyond, **result.counts)


def show(outcome: Outcome) -> None:
    """Adds to the job's page what it has a place for; nothing outside of GitHub Actions."""
    if plain.is_runner():
        for line in commands(outcome):
            click.echo(line, err=True)
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(page).open("a", encoding="utf-8") as file:
                file.write(summary(outcome))
        except OSError as error:
            logs.warn(f"the job summary cannot be written: {error.strerror or type(error).__name__}")


# ----------------------------------------------------------------------------------------- annotations


def commands(outcome: Outcome) -> Iterator[str]:
    """Workflow commands: errors where the command failed, warnings where it was done, in part at least."""
    level = "error" if STATUSES[outcome.code] in {"failed", "refused"} else "warning"
    for problem in outcome.problems[:MOST_ANNOTATIONS]:
        title = " ".join(part for part in ("mi-sync", outcome.command, problem.field) if part)
        file, line = _file_of(problem.where, outcome.root)
        where = {"file": file, "line": line, "title": title}
        properties = ",".join(f"{name}={_property(value)}" for name, value in where.items() if value)
        yield f"::{level} {properties}::{_data(problem.why if file else str(problem))}"


def _file_of(where: str, root: Path) -> tuple[str, str]:
    """The file of the repository that a problem is about, and its line; empty where it is about something else."""
    found = _PLACE.fullmatch(where)
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    try:
        path = (root / found["file"]).resolve() if found else None
        if found is None or path is None or not path.is_file():
            return "", ""
        return path.relative_to(workspace).as_posix(), found["line"] or ""
    except (ValueError, OSError):  # outside of the repository, or no name that a file can have
        return "", ""


def _data(text: str) -> str:
    text = plain.redact(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return "".join(each if each.isprintable() else "�" for each in text)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# --------------------------------------------------------------------------------------------- summary


def summary(outcome: Outcome) -> str:
    """The page in Markdown; nothing in it but ours is markup."""
    return "\n".join([*_summary(outcome), "", ""])


def _summary(outcome: Outcome) -> Iterator[str]:
    command = f"mi-sync {outcome.command}".strip()
    yield f"### {command}: {STATUSES[outcome.code]} (exit code {int(outcome.code)})"
    for heading, counts in (("Source", outcome.sources), ("Target", outcome.targets)):
        yield from _counts(heading, counts or {})
    if not outcome.problems:
        return
    yield from ("", "| Where | Field | Problem |", "| --- | --- | --- |")
    for problem in outcome.problems[:MOST_ROWS]:
        yield f"| {_text(problem.where)} | {_text(problem.field)} | {_text(problem.why)} |"
    if more := len(outcome.problems[MOST_ROWS:]) + outcome.beyond:
        yield from ("", f"… and {more} more.")


def _counts(heading: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if not rows:
        return
    names = list(next(iter(rows.values())))
    yield from ("", f"| {heading} | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}")
    for name, counts in rows.items():
        yield f"| {_text(name)} | {' | '.join(plain.word(counts[each]) for each in names)} |"


def _text(text: str) -> str:
    """As text alone: what could be markup becomes a reference to its character."""
    flat = " ".join(plain.redact(text).split())
    cut = flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}…"
    return "".join(map(_character, cut))


def _character(it: str) -> str:
    if not it.isprintable():
        return "�"
    return it if it.isalnum() or it in " ,-/()" or it > "\x7f" else f"&#{ord(it)};"
