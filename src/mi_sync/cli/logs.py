"""The log, on stderr: text for people, or one JSON object a line for machines. It holds no value of a record or item.

A line of JSON always has `ts` (UTC, ISO 8601), `level`, `run_id`, `target`, `key`, `logger` and `message`, null where
there is none, and what else is known: `source`, `where` and `field` of a problem; `status`, `exit_code`, `sources`
and `targets` of a run's end. With JSON all that else goes to stderr as text, problems and errors, are lines, too.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_sync.cli.plain import dumps, one_line
from mi_sync.errors import STATUSES, ExitCode, Problem

if TYPE_CHECKING:
    from mi_sync import events
    from mi_sync.cli import Settings

_run = logging.getLogger("mi_sync.run")

_ALWAYS = ("target", "key")
_MORE = ("source", "where", "field", "status", "exit_code", "sources", "targets")
_SHORTEST = 4
"""A title of fewer letters is hidden where it stands for an item, and not looked for within words."""

# ------------------------------------------------------------------------------------------------ lines


class _AsText(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


class _AsJson(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "run_id": _now.run_id or None,
            **{name: getattr(record, name, None) or None for name in _ALWAYS},
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _MORE if hasattr(record, name)}
        return dumps(line)


def start(settings: Settings) -> None:
    """Sends our log to stderr: warnings, with -v also what happens, with -vv every request."""
    _now.run_id, _now.titles = "", Titles()
    _attach(settings)


def _attach(settings: Settings) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_AsJson() if settings.log_format == "json" else _AsText("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("mi_sync")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel({0: logging.WARNING, 1: logging.INFO}.get(settings.verbose, logging.DEBUG))


def name_run(run_id: str) -> None:
    """From now on every line is of this run."""
    _now.run_id = run_id


def know(run: events.Run) -> None:
    """From now on the titles of this run's items are known, and hidden."""
    _now.titles = Titles.of(run)


# ----------------------------------------------------------------------------------------- what happens


def event(it: events.Event) -> None:
    """One event, by the keys of what it is about."""
    text, more = _described(it)
    _run.info("%s", text, extra=more)


def _described(it: events.Event) -> tuple[str, dict[str, Any]]:
    from mi_sync import events

    match it:
        case events.Reading(source, file, rows):
            return f"{source}: reading {Path(file).name}, row {rows}", {"source": source}
        case events.Looking(target):
            return f"{target}: looking", {"target": target}
        case events.Applying(change, number, total, outcome):
            told = f"{change.target}: {change.action} {outcome}, {number} of {total} ({change.key})"
            return told, {"target": change.target, "key": change.key}
        case events.Waiting(seconds, why):
            return f"waiting {seconds:.0f} s: {why}", {}


def began(command: str) -> None:
    """A run that is recorded has begun."""
    _run.info("%s: began", command)


def ended(command: str, result: events.Result, code: ExitCode) -> None:
    """How a recorded run ended, in counts."""
    told = {"status": STATUSES[code], "exit_code": int(code), **result.counts}
    _run.info("%s: ended, %s (exit code %d)", command, STATUSES[code], code, extra=told)


# --------------------------------------------------------------------------------------------- problems


@dataclass(slots=True)
class Titles:
    """What people call items, engagements and postings, and which target's and key's these are.

    People see problems by title; in a log, the key stands for it.
    """

    known: dict[str, tuple[str, str]] = field(default_factory=dict)

    @staticmethod
    def of(run: events.Run) -> Titles:
        """All that the run's problems may be about."""
        it = Titles()
        for engagement in run.store.engagements():
            posting, applicant = engagement.posting, engagement.applicant
            name = f"{posting.title or posting.key} ({applicant.label or applicant.key})"
            it.known[name] = ("", engagement.application.key)
        for record in run.store.records("posting"):
            it._add("", record.key, getattr(record, "title", None))
        for spec in run.config.targets:
            for link in run.store.links(spec.name).values():
                it._add(spec.name, link.key, link.title, link.url)
        for change in run.result.plan.changes if run.result.plan else ():
            it._add(change.target, change.key, change.title, change.url)
        return it

    def _add(self, target: str, key: str, *names: str | None) -> None:
        self.known.update((name, (target, key)) for name in names if name)

    def hidden(self, problems: Sequence[Problem]) -> Iterator[tuple[Problem, str, str]]:
        """Each problem without titles, and the target and key that it is about, as far as these are known."""
        titles = [name for name in self.known if len(name) >= _SHORTEST and not name.startswith("https://")]
        titles.sort(key=len, reverse=True)
        for it in problems:
            target, key = self.known.get(it.where, ("", ""))
            named = key and not it.where.startswith("https://")
            where = key if named else _without(titles, it.where)
            yield Problem(where, it.field, _without(titles, it.why)), target, key


def _without(titles: Iterable[str], text: str) -> str:
    for title in titles:
        if title in text:
            text = text.replace(title, "…")
    return text


def problems(found: Sequence[Problem], *, beyond: int = 0, level: int = logging.WARNING) -> None:
    """Each problem as a line, and how many there are beyond these."""
    for it, target, key in _now.titles.hidden(found):
        _run.log(level, "%s", it.why, extra={"target": target, "key": key, "where": it.where, "field": it.field})
    if beyond:
        _run.log(level, "%d more problems of the same kinds were counted and not kept", beyond)


def warn(text: str) -> None:
    """Something that does not change how a run ends."""
    _run.warning("%s", text)


def failed(settings: Settings, found: Sequence[Problem]) -> None:
    """Why a command did not do what it was asked for, also before its log was started."""
    _attach(settings)
    problems(found, level=logging.ERROR)


@dataclass(slots=True)
class _Now:
    """What the lines of this process are about."""

    run_id: str = ""
    titles: Titles = field(default_factory=Titles)


_now = _Now()
