"""What `state forget` does: erases a person, and tells what is left to people: exports, boards, files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mi_sync import erasure, sync
from mi_sync.cli import Settings, show
from mi_sync.cli.session import Session
from mi_sync.errors import ConfigError, ExitCode, Locked
from mi_sync.events import Run
from mi_sync.model import Link
from mi_sync.plan import Plan, Withdrawal

_BEYOND = (
    "plans saved with `mi-sync plan --out`, records printed by `mi-sync pull --output json`",
    "log files of bugs (mi-sync-*.log in the folder for temporary files), and logs that a scheduler kept",
    "tables and calendars, until the next run writes them anew, and messages that were sent to a channel",
    "backups of the state and of the boards; comments, attachments and the history of items on boards",
)
"""What mi-sync wrote or is kept elsewhere, and cannot reach."""


@dataclass(frozen=True, slots=True)
class _Item:
    """An item on a board, as it was when the board was last looked at."""

    target: str
    key: str
    title: str
    url: str
    done: bool
    archived: bool


def forget(settings: Settings, address: str, items: str, *, dry_run: bool) -> ExitCode:
    """Erases the person who has this address; with `items` their items on the boards, too."""
    how: Withdrawal | None = None if items == "list" else "archive" if items == "archive" else "rewrite"
    session = Session(settings, with_secrets=how is not None)
    wanted = address.strip().casefold()
    with session.scratch() as run:
        person = _find(run, wanted)
        on_boards = [_item(target, link) for target, link in person.links]
        plan = _preview(session, run, person, how) if dry_run else None
        erased = erasure.forget(run, person) if dry_run else None
    if not dry_run:
        with session.recorded("state forget") as run:
            person = _find(run, wanted)
            if how is not None:
                _withdraw(session, run, person, how)
            erased = erasure.forget(run, person)
            _compact(run)
    code = session.result.exit_code if dry_run else session.code
    _tell(session, _Answer(code, dry_run, erased, on_boards, how, plan))
    return code


def _find(run: Run, address: str) -> erasure.Person:
    person = erasure.find(run, address)
    if person is None:
        raise ConfigError(
            "nobody is known by this address.",
            where="EMAIL",
            remedy="Give it as it stands in an export that was pulled; every address of a person will do.",
        )
    return person


def _item(target: str, link: Link) -> _Item:
    return _Item(target, link.key, link.title, link.url, link.seen.done, link.seen.archived or link.archived)


def _preview(session: Session, run: Run, person: erasure.Person, how: Withdrawal | None) -> Plan | None:
    if how is not None:
        session.tell(sync.make_withdrawal(run, session.boards(), person, how, settle_first=False))
    return session.result.plan


def _withdraw(session: Session, run: Run, person: erasure.Person, how: Withdrawal) -> None:
    """Before anything is forgotten, because then nobody would know which labels and lines are ours."""
    boards = session.boards()
    snapshots = session.tell(sync.make_withdrawal(run, boards, person, how, settle_first=True))
    if run.result.plan is not None:
        session.tell(sync.apply(run, run.result.plan, snapshots, boards))


def _compact(run: Run) -> None:
    if not run.store.compact():
        raise Locked(
            "what was erased still stands in its log, because another program reads it.",
            where=f"{run.config.state}-wal",
            remedy="Close that program, and run this again.",
        )


def lift(settings: Settings, address: str) -> ExitCode:
    """Lets rows of a forgotten person be read again."""
    session = Session(settings)
    with session.recorded("state forget --lift") as run:
        erasure.lift(run, _find(run, address.strip().casefold()))
    if settings.output == "json":
        show.json_object({"status": "ok", "exit_code": 0, "lifted": True})
    else:
        show.echo("Their rows are read again by the next pull.")
    return session.code


# ----------------------------------------------------------------------------------------------- telling


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was (or would be) erased, and what is left to people."""

    code: ExitCode
    dry_run: bool
    erased: erasure.Erased | None
    items: Sequence[_Item]
    how: Withdrawal | None
    plan: Plan | None


def _tell(session: Session, it: _Answer) -> None:
    if session.settings.output == "json":
        show.json_object(_as_json(session, it))
        return
    show.echo("\n".join(_lines(it)))
    show.problems(session.settings, session.result)


def _as_json(session: Session, it: _Answer) -> dict[str, Any]:
    rows, mentioned = (it.erased.rows, it.erased.mentioned) if it.erased else ((), ())
    return {
        **show.result_as_json(session.result, it.code),
        "dry_run": it.dry_run,
        "erased": it.erased.counts if it.erased else None,
        "rows": [_place(*row) for row in rows],
        "mentioned": [_place(*row) for row in mentioned],
        "items": [asdict(item) for item in it.items],
        "beyond": list(_BEYOND),
        **({"changes": [show.change_as_json(c) for c in it.plan.changes]} if it.plan else {}),
    }


def _place(source: str, file: str, line: int) -> dict[str, Any]:
    return {"source": source, "file": file, "line": line}


def _lines(it: _Answer) -> Iterator[str]:
    if it.erased is None:
        yield "Nothing was erased."
        return
    counts = ", ".join(f"{_WORDS[name]} {number}" for name, number in it.erased.counts.items() if number)
    yield f"{'Would be erased' if it.dry_run else 'Erased'}: {counts or 'nothing more; it had been before'}."
    yield from _listed("Rows of your exports, which are skipped from now on; remove them there:", it.erased.rows)
    yield from _listed("Rows about others that mention the person, which are kept as they are:", it.erased.mentioned)
    yield from _on_boards(it)
    yield "Out of reach of mi-sync; look through them:"
    yield from (f"  {each}" for each in _BEYOND)


_WORDS: Mapping[str, str] = {
    "contributions": "what rows said",
    "records": "records",
    "names": "names",
    "labels": "labels",
    "left_out": "rows left out",
    "journal": "entries of the journal",
    "items": "items' titles",
    "runs": "records of runs",
}


def _listed(headline: str, rows: Sequence[tuple[str, str, int]]) -> Iterator[str]:
    if rows:
        yield headline
    yield from (f"  {file}:{line} (source {source})" for source, file, line in rows)


def _on_boards(it: _Answer) -> Iterator[str]:
    if not it.items:
        return
    done = {None: "left as they are", "archive": "archived", "rewrite": "rewritten"}[it.how]
    yield f"Items on boards, {'to be ' if it.dry_run and it.how else ''}{done}:"
    yield from (f"  {item.title or '(erased before)'}  {item.url or item.key}{_marks(item)}" for item in it.items)
    if it.how is None:
        yield "  `--items archive` or `--items rewrite` does it for you, now or later, with the same address."


def _marks(item: _Item) -> str:
    marks = [name for name, holds in (("done", item.done), ("archived", item.archived)) if holds]
    return f" ({', '.join(marks)})" if marks else ""
