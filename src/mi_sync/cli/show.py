"""What people and scripts see: results on stdout; progress, problems and the log on stderr."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mi_sync.cli import logs
from mi_sync.cli.plain import dumps, one_line, redact, visible, word
from mi_sync.errors import STATUSES, ExitCode, MiSyncError, Problem

if TYPE_CHECKING:
    from rich.console import Console

    from mi_sync import events
    from mi_sync.cli import Settings
    from mi_sync.cli.inspection import Found
    from mi_sync.comparison import Comparison
    from mi_sync.linking import LookAlike
    from mi_sync.overview import Milestone, Progress
    from mi_sync.plan import Change, Plan

MOST_PROBLEMS = 20
"""So many are printed; the rest is counted. `--output json` has all that the result kept."""

MOST_COLUMNS = 100
"""So many columns of a file are shown as a table."""

# ------------------------------------------------------------------------------------------------- bugs


def log_bug(error: Exception) -> str:
    """Writes the traceback of a bug into a log file of its owner's alone, without secrets; tells where it is."""
    text = redact("".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="mi-sync-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(text)
    except OSError as failure:
        return f"what stands here, because no log file can be written ({failure.strerror}):\n{text}"
    return f"{file.name}, which holds no secrets"


# ----------------------------------------------------------------------------------------- what is shown


def echo(text: str = "", *, err: bool = False) -> None:
    """Prints text, as it is shown."""
    click.echo(visible(text), err=err)


def _as_json(value: Any) -> str:  # noqa: ANN401  JSON is anything
    return dumps(value, default=_plain)


# --------------------------------------------------------------------------------------------- progress


@contextlib.contextmanager
def progress(settings: Settings) -> Iterator[Callable[[events.Event], None]]:
    """A progress bar on a terminal; otherwise nothing but the log."""
    if "json" in {settings.output, settings.log_format} or not sys.stderr.isatty():
        yield logs.event
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = _console(settings, sys.stderr)
    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), rate, TimeRemainingColumn())
    room = max(20, console.width - 55)  # what the bar and its numbers leave
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Starting", total=None, rate="")
        before = ""

        def shown(event: events.Event) -> None:
            nonlocal before
            logs.event(event)
            text, number, total = _described(event)
            if before != (before := _of_one_kind(event)):
                bar.reset(task)  # how fast the one went says nothing of the other
            speed = bar.tasks[0].speed
            rate = f"{speed:,.0f}/s" if speed else ""
            described = _escape(_shortened(text, room))
            bar.update(task, description=described, completed=number, total=total, rate=rate)

        yield shown


def _shortened(text: str, room: int) -> str:
    """Cut in the middle: titles differ at their ends."""
    half = (room - 1) // 2
    return text if len(text) <= room else f"{text[:half]}…{text[-half:]}"


def _of_one_kind(event: events.Event) -> str:
    """What is counted together: the rows of a file, or all changes."""
    from mi_sync import events

    return f"{event.source} {event.file}" if isinstance(event, events.Reading) else type(event).__name__


def _described(event: events.Event) -> tuple[str, int, int | None]:
    """An event as text, and how far that is."""
    from mi_sync import events

    match event:
        case events.Reading(source, file, rows, expected):
            return f"Reading {source}: {Path(file).name}", rows, max(rows, expected) if expected else None
        case events.Looking(target):
            return f"Looking at {target}", 0, None
        case events.Applying(change, number, total, outcome):
            verb = change.action if outcome == "done" else f"{change.action} {outcome}:"
            return f"{change.target}: {verb} {change.title}", number, total
        case events.Waiting(seconds, why):
            return f"Waiting {seconds:.0f} s: {why}", 0, None


# ---------------------------------------------------------------------------------------------- results


def json_object(value: Any) -> None:  # noqa: ANN401  JSON is anything
    """One JSON object on stdout."""
    click.echo(_as_json(value))


def json_stream(parts: Iterable[tuple[str, Iterable[Any]]]) -> None:
    """An object of lists, written as it is made, so that memory does not grow with it."""
    out = sys.stdout
    out.write("{")
    for number, (name, values) in enumerate(parts):
        out.write(f"{', ' if number else ''}{json.dumps(name)}: [")
        for place, value in enumerate(values):
            out.write((",\n" if place else "\n") + _as_json(value))
        out.write("]")
    out.write("}\n")


def _plain(value: object) -> Any:  # noqa: ANN401  as above
    return value.isoformat() if isinstance(value, date) else str(value)


def problem_as_json(problem: Problem) -> dict[str, str]:
    """As in the contract."""
    return asdict(problem)


def result_as_json(result: events.Result, code: ExitCode) -> dict[str, Any]:
    """As in the contract."""
    beyond = result.problems_beyond
    return {
        "run_id": result.run_id,
        "status": STATUSES[code],
        "exit_code": int(code),
        **result.counts,
        "problems": [problem_as_json(p) for p in result.problems],
        **({"problems_beyond": beyond} if beyond else {}),
    }


def change_as_json(change: Change) -> dict[str, Any]:
    """As in the contract: what would change, and from what to what."""
    fields = {name: {"from": before, "to": after} for name, (before, after) in change.fields.items()}
    return {
        "target": change.target,
        "key": change.key,
        "action": change.action,
        "title": change.title,
        "fields": fields,
        "url": change.url or None,
    }


def outcome(settings: Settings, result: events.Result, code: ExitCode, *, plan: Plan | None = None) -> None:
    """How a run went, or, with `plan`, what it would do."""
    if settings.output == "json":
        more = {} if plan is None else {"changes": [change_as_json(c) for c in plan.changes]}
        json_object({**result_as_json(result, code), **more})
        if settings.log_format == "json":
            problems(settings, result)
        return
    if plan is not None:
        changes(settings, plan)
    _counts(settings, "Source", result.counts["sources"])
    _counts(settings, "Target", result.counts["targets"])
    problems(settings, result)
    echo(_verdict(code, plan))


_VERDICTS: Mapping[int, str] = {
    0: "Done.",
    3: "Partly done: rows (`mi-sync quarantine list`) or changes were left out, as told above; the next run tries"
    " changes again.",
    8: "The budget is used up; the next run goes on from here.",
}


def _verdict(code: ExitCode, plan: Plan | None) -> str:
    if plan is not None and code in {ExitCode.OK, ExitCode.CHANGES}:
        return f"{_count(len(plan.changes), 'change')} to be made." if plan.changes else "Nothing to do."
    return _VERDICTS.get(code, "Not done: see above.") + (f" (exit code {int(code)})" if code else "")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


_SYMBOLS = {"create": ("+", "green"), "update": ("~", "yellow"), "archive": ("-", "red"), "adopt": ("=", "cyan")}


def changes(settings: Settings, plan: Plan) -> None:
    """A line for each change of a plan."""
    console = _console(settings, sys.stdout)
    for target in plan.targets:
        for what, names in (("list", target.missing_lists), ("label", target.missing_labels)):
            for name in names:
                line = f"+ {target.target}: {what} {name!r}"
                console.print(line, style="green", markup=False, highlight=False, soft_wrap=True)
        for change in target.changes:
            symbol, style = _SYMBOLS[change.action]
            fields = "" if change.action in {"create", "archive"} else f" ({', '.join(change.fields)})"
            line = f"{symbol} {target.target}: {change.title}{fields}"
            console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _counts(settings: Settings, what: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """A table of counts; columns that are zero everywhere are left out, but for the first."""
    if not rows:
        return
    names = list(next(iter(rows.values())))
    kept = [name for name in names if name == names[0] or any(row[name] for row in rows.values())]
    shown = [[name, *(word(row[column]) for column in kept)] for name, row in rows.items()]
    _table(settings, [what, *kept], shown, numbers=True)


def problems(settings: Settings, result: events.Result) -> None:
    """Some about each subject, so that many about one hide no other, and how many more there are, on stderr.

    Where the log is JSON, they are lines of it: all of them, and nothing else stands on stderr.
    """
    if settings.log_format == "json":
        logs.problems(result.problems, beyond=result.problems_beyond)
        return
    if not result.problems and not result.problems_beyond:
        return
    console = _console(settings, sys.stderr)
    about: dict[tuple[str, str], list[Problem]] = {}
    for problem in result.problems:
        about.setdefault(problem.subject, []).append(problem)
    share = max(1, MOST_PROBLEMS // max(1, len(about)))
    whole = not sys.stderr.isatty()  # on a terminal broken between words, in a pipe one line each
    shown = 0
    for subject, alike in list(about.items())[:MOST_PROBLEMS]:
        for problem in alike[:share]:
            console.print(f"! {problem}", style="yellow", markup=False, highlight=False, soft_wrap=whole)
        shown += min(len(alike), share)
        left = len(alike) - share + result.beyond[subject]
        if left > 0 and len(about) > 1:
            echo((f"  … and {left} more about {_subject(*subject)}"), err=True)
    if more := len(result.problems) - shown + result.problems_beyond:
        listed = "the first of them" if result.problems_beyond else "them"
        echo(f"… and {more} more{' in all' if len(about) > 1 else ''}; --output json lists {listed}.", err=True)


def _subject(place: str, field: str) -> str:
    return f"{place.removesuffix(':…')}{f' [{field}]' if field else ''}"


# ------------------------------------------------------------------------------------- looking at things


def checks(
    settings: Settings,
    found: Sequence[tuple[str, str, MiSyncError | None]],
    code: ExitCode,
    compared: Mapping[str, Comparison],
) -> None:
    """What was checked, what is wrong with it, and where each target differs from the state."""
    if settings.output == "json":
        failed = [problem for _, _, error in found if error is not None for problem in error.all_problems()]
        json_object(
            {
                "status": STATUSES[code],
                "exit_code": int(code),
                "checks": [{"what": what, "ok": error is None, "why": why} for what, why, error in found],
                "differences": [
                    {"target": target, **asdict(each), "why": str(each)}
                    for target, it in compared.items()
                    for each in it.differences
                ],
                "problems": [problem_as_json(p) for p in failed],
            }
        )
        return
    console = _console(settings, sys.stdout)
    for what, why, error in found:
        mark, style = ("✗", "red") if error else ("✓", "green")
        console.print(f"{mark} {what}: {why}", style=style, markup=False, highlight=False, soft_wrap=True)
    for target, it in compared.items():
        for each in it.differences:
            line = f"≠ {target}: {each}"
            console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)


def connectors(settings: Settings, found: Sequence[Mapping[str, Any]]) -> None:
    """The list of connectors."""
    if settings.output == "json":
        json_object({"connectors": found})
        return
    rows = [[each["name"], each["kind"], each["summary"]] for each in found]
    _table(settings, ["Connector", "Kind", "What it is"], rows)


def connector(settings: Settings, it: Mapping[str, Any]) -> None:
    """One connector in full."""
    if settings.output == "json":
        json_object(it)
        return
    echo(f"{it['name']} ({it['kind']}): {it['summary']}")
    for heading, name in (("It can", "can"), ("It cannot", "cannot")):
        if it[name]:
            echo(f"\n{heading}")
            for line in it[name]:
                echo(f"  - {line}")
    capabilities = dict(it["capabilities"] or {})
    notes, lossy = capabilities.pop("notes", ()), capabilities.pop("lossy", {})
    if capabilities:
        echo("\nWhat an item can hold there")
        for name, value in capabilities.items():
            echo(f"  {name.replace('_', ' ')}: {word(value)}")
    for name, why in lossy.items():
        echo(f"  {name} is lost: {why}")
    for note in notes:
        echo(f"  - {note}")
    echo("\nSettings")
    for setting in it["settings"]:
        default = "" if setting["default"] is None else f", default {setting['default']}"
        required = "required" if setting["required"] else f"optional{default}"
        echo(f"  {setting['key']} ({required}): {setting['what']}")


def inspection(settings: Settings, found: Found, written: Path | None) -> None:
    """What a file is, and what its columns are read as; never a value."""
    if settings.output == "json":
        json_object(_inspection_as_json(found, written))
        return
    table, it = found.table, found.mapping
    dialect = ", ".join(
        part for part in (table.format, table.encoding, table.delimiter and repr(table.delimiter)) if part
    )
    parts = ((found.faults, "unreadable"), (found.skipped, "no records, such as totals"))
    aside = "".join(f", {number} of them {what}" for number, what in parts if number)
    echo(f"{found.file}: {dialect}; header in line {table.header_line}; {_count(found.rows, 'row')}{aside}")
    for note in table.notes:
        echo(f"Note: {note}")
    if it is None:
        echo(f"Mapping: {found.why} What follows is a proposal.")
    else:
        attested = {"header": "its header is", "fields": "its fields are", "none": "nothing is"}[it.attested]
        echo(f"Mapping: {it.name} ({it.title or 'untitled'}; {it.direction}; {attested} attested): {found.why}")
        if it.source:
            echo(f"Described at: {it.source}")
        if it.caution:
            echo(f"Caution: {it.caution}")
    rows = [[c.name, c.field or "-", f"{c.confidence:.2f}" if c.field else "", c.evidence] for c in found.columns]
    _table(settings, ["Column", "Field", "Confidence", "Why"], rows[:MOST_COLUMNS])
    if len(rows) > MOST_COLUMNS:
        echo(f"… and {len(rows) - MOST_COLUMNS} more columns; --output json lists them.")
    if found.sensitive:
        echo(f"Never kept: {', '.join(found.sensitive)}")
    if written is not None:
        echo(f"Written: {written}. Check it, then name it in config.toml.")


def _inspection_as_json(found: Found, written: Path | None) -> dict[str, Any]:
    table, it = found.table, found.mapping
    return {
        "file": found.file,
        "format": table.format,
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "header_row": table.header_line,
        "rows": found.rows,
        "faults": found.faults,
        "skipped": found.skipped,
        "notes": [problem_as_json(note) for note in table.notes],
        "mapping": it.name if it else None,
        "attested": it.attested if it else None,
        "direction": it.direction if it else None,
        "source": it.source if it else None,
        "caution": it.caution if it else None,
        "confidence": found.confidence,
        "evidence": found.why,
        "candidates": [
            {"mapping": fit.mapping.name, "confidence": fit.confidence, "evidence": fit.evidence} for fit in found.fits
        ],
        "columns": [
            {"column": c.name, "label": label, "field": c.field, "confidence": c.confidence, "evidence": c.evidence}
            for c, label in zip(found.columns, table.labels or [""] * len(found.columns), strict=True)
        ],
        "sensitive": list(found.sensitive),
        "written": str(written) if written else None,
    }


def status(
    settings: Settings,
    answers: Mapping[str, Sequence[Milestone]],
    progress: Sequence[Progress],
    alike: Sequence[LookAlike],
    today: date,
    last: Mapping[str, Any] | None,
) -> None:
    """The answers to the manager's questions, with links."""
    from mi_sync.overview import QUESTIONS

    as_of = last["started_at"] if last else None
    if settings.output == "json":
        shown = {question: [asdict(line) for line in found] for question, found in answers.items()}
        by_engagement = [asdict(each) for each in progress]
        same_person = [asdict(it) for it in alike]
        json_object(
            {"today": today, "as_of": as_of, **shown, "by_engagement": by_engagement, "same_person": same_person}
        )
        return
    looked = f"the boards were last looked at {moment(as_of)}" if as_of else "no board has been looked at yet"
    echo(f"Today is {today}; {looked}.")
    for question, found in answers.items():
        echo(f"\n{QUESTIONS[question]}: {len(found) or 'none'}")
        grouped: dict[str, list[Milestone]] = {}
        for it in found:
            grouped.setdefault(it.engagement or "Other", []).append(it)
        for engagement, lines in grouped.items():
            echo(f"  {one_line(engagement)}")
            for it in lines:
                echo(f"    {_status_line(it, question)}")
    echo(f"\nBy engagement: {len(progress) or 'none'}")
    for each in progress:
        echo(f"  {_progress_line(each)}")
    if alike:
        _look_alikes(alike)


def _look_alikes(found: Sequence[LookAlike]) -> None:
    """By label and key, for a screen that others may see: the name and the number stay where they are."""
    echo(f"\nMay be one person: {len(found)}")
    for it in found[:MOST_PROBLEMS]:
        echo(f"  {' and '.join(it.labels)}: the same {it.shared} ({', '.join(it.keys)})")
    if len(found) > MOST_PROBLEMS:
        echo(f"  … and {len(found) - MOST_PROBLEMS} more; --output json lists them.")
    echo(
        "  `mi-sync why KEY` shows their rows. Nothing is joined by itself: if two are one, end the application that"
        "\n  does not count in the engagements overlay; rows to come are joined by one e-mail address or applicant id."
    )


def _progress_line(it: Progress) -> str:
    late = f", {it.overdue} overdue" if it.overdue else ""
    coming = f"; next: {it.next.due}  {one_line(it.next.title)}{_who(it.next)}" if it.next else ""
    return f"{one_line(it.engagement or 'Other')}: {it.done} of {it.done + it.open} done{late}{coming}"


def _who(it: Milestone) -> str:
    return f" ({', '.join(it.assignees)})" if it.assignees else ""


def _status_line(it: Milestone, question: str) -> str:
    """Plain lines rather than a table: links stay whole on a narrow terminal, and `grep` finds them."""
    fields = f" [{', '.join(it.conflicts)}]" if it.conflicts else _who(it)
    key = f"  key {it.key}" if question == "dismissed" else ""
    return f"{it.due or 'no date':<10}  {one_line(it.title)}{fields}{key}\n{'':14}  {it.url}"


def history(settings: Settings, runs: Sequence[Mapping[str, Any]]) -> None:
    """The past runs."""
    if settings.output == "json":
        json_object({"runs": runs})
        return
    rows = []
    for each in runs:
        totals = [
            sum(target.get(name, 0) for target in each.get("targets", {}).values())
            for name in ("created", "updated", "archived", "failed")
        ]
        code = "-" if each["exit_code"] is None else str(each["exit_code"])
        rows.append([moment(each["started_at"]), each["command"], each["status"], code, *map(str, totals)])
    headings = ["Started", "Command", "Status", "Exit", "Created", "Updated", "Archived", "Failed"]
    _table(settings, headings, rows)


# ----------------------------------------------------------------------------------------------- tables


def moment(at: str) -> str:
    """A recorded time, for people."""
    return datetime.fromisoformat(at).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(one_line(text))


def _console(settings: Settings, stream: Any) -> Console:  # noqa: ANN401  a text stream
    from rich.console import Console

    class Plain(Console):
        def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401  those of rich
            super().print(*(one_line(it) if isinstance(it, str) else it for it in objects), **options)

        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704  rich calls this while it handles the error, and would exit with 1

    width = None if stream.isatty() else _BARE_WIDTH
    return Plain(file=stream, no_color=settings.no_color, width=width, highlight=False)


def _table(
    settings: Settings, headings: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = False
) -> None:
    cells = [[one_line(cell) for cell in row] for row in rows]
    lines = _aligned(headings, cells, numbers=numbers) if _is_bare(sys.stdout) else None
    if lines is None:
        _rich_table(settings, headings, cells, numbers=numbers)
    else:
        echo("\n".join(lines))
    echo()


_BARE_WIDTH = 250
"""A pipe has no width: lines are as long as they are, so that nothing is cut and `grep` finds it."""


def _is_bare(stream: Any) -> bool:  # noqa: ANN401  a text stream
    """Whether rich would write there without colours and with its own signs; it is slow to import for that."""
    forced = os.environ.get("FORCE_COLOR") or os.environ.get("TTY_COMPATIBLE")
    return not forced and not stream.isatty() and str(stream.encoding).lower().startswith("utf")


def _aligned(headings: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool) -> list[str] | None:
    """The lines of a table as rich writes them; None where that takes more than counting characters."""
    table = [headings, *rows]
    if not all(headings) or not all(_is_simple(cell) for row in table for cell in row):
        return None
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    if sum(widths) + 3 * len(widths) > _BARE_WIDTH:
        return None

    def line(row: Sequence[str]) -> str:
        return "   ".join(
            cell.rjust(width) if numbers and place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )

    return [line(headings), "─" * (sum(widths) + 3 * (len(widths) - 1)), *map(line, rows)]


def _is_simple(cell: str) -> bool:
    """Whether each character takes one place, and none means anything to rich."""
    return cell.isascii() and cell.isprintable() and cell == cell.strip() and not {"[", "\\"} & {*cell}


def _rich_table(
    settings: Settings, headings: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = False
) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, heading in enumerate(headings):
        link = heading in {"Link", "Key", "Row"}
        table.add_column(
            heading,
            justify="right" if numbers and place else "left",
            overflow="fold",
            no_wrap=link and len(headings) < 4,
        )
    for row in rows:
        table.add_row(*map(escape, row))
    _console(settings, sys.stdout).print(table)
