"""What `why`, `quarantine` and `state` do: where values came from, which rows were left out, what the store holds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mi_sync import desired, language, provenance, sheets, sync
from mi_sync.cli import Settings, telling
from mi_sync.cli.session import Session
from mi_sync.config import SourceSpec, TargetSpec
from mi_sync.errors import ConfigError, ExitCode, MiSyncError, did_you_mean
from mi_sync.events import Run
from mi_sync.model import Application, Posting, Quarantined, Traced
from mi_sync.opening import open_source
from mi_sync.provenance import Came, Candidate
from mi_sync.pulling import forget_source
from mi_sync.reading import compile_for, mapping_for
from mi_sync.state import MIGRATIONS
from mi_sync.writing import write_atomically

# ------------------------------------------------------------------------------------------------- why


def why(settings: Settings, key: str, field: str | None) -> ExitCode:
    """Where a value of a record or of an item came from."""
    session = Session(settings)
    with session.scratch() as run:
        traced = run.store.traced(key.strip())
        found = [_record(run, traced, field)] if traced else _items(run, key, field)
    telling.why(settings, found, session.config.allow)
    return ExitCode.OK


def _record(run: Run, traced: Traced, field: str | None) -> telling.Explained:
    values = provenance.came(traced, _sources(run, [traced]))
    if field is not None:
        values = _chosen(values, field.strip().removeprefix(f"{traced.kind}."), traced.kind)
    return telling.Explained(traced.kind, traced.record.key, values=values, rows=provenance.rows(traced))


@dataclass(frozen=True, slots=True)
class _Known:
    """A source, with the mapping that one of its files is recognised as where it names none."""

    mapping: language.Mapping | None
    dates: str | None
    values: Mapping[str, Mapping[str, str]]


def _sources(run: Run, records: Iterable[Traced]) -> dict[str, _Known]:
    files = {it.source: it.file for traced in records for it in traced.contributions}
    return {
        spec.name: _Known(spec.mapping or _recognised(run, spec, files.get(spec.name)), spec.dates, spec.values)
        for spec in run.config.sources
    }


def _recognised(run: Run, spec: SourceSpec, name: str | None) -> language.Mapping | None:
    with contextlib.suppress(MiSyncError):
        for file in open_source(spec, run.config, run.outside.wire).files():
            if file.name == name:
                with file.open() as table:
                    return mapping_for(spec, table, file.name)
    return None


def _chosen(values: Sequence[Came], field: str, kind: str) -> list[Came]:
    wanted = f"{kind}.{field}"
    found = [it for it in values if it.field == wanted or it.field.startswith(f"{wanted}.")]
    if not found:
        names = dict.fromkeys(it.field.removeprefix(f"{kind}.") for it in values)
        raise _no_field(f"a record of the kind {kind}", field, list(names))
    return found


def _no_field(what: str, field: str, names: Sequence[str]) -> ConfigError:
    hint = did_you_mean(field, names)
    return ConfigError(f"{what} has no such field.{hint}", where="FIELD", remedy=f"There are: {', '.join(names)}.")


def _items(run: Run, key: str, field: str | None) -> list[telling.Explained]:
    found = provenance.pick(key, _candidates(run))
    keys = {it.key: it.title for it in found}
    if not found:
        raise ConfigError(
            "no item or record has this key, and no item this address or title.",
            where="KEY",
            remedy="`mi-sync status --output json` lists keys of items, `mi-sync pull --output json` those of records.",
        )
    if len(keys) > 1:
        raise ConfigError(
            "more than one item has this title.", where="KEY", remedy=f"Give one of their keys: {', '.join(keys)}."
        )
    targets = {spec.name: spec for spec in run.config.boards}
    return [_item(run, it, targets[it.target], field) for it in found]


def _candidates(run: Run) -> Iterator[Candidate]:
    """The items on the boards, and those that the records ask for."""
    for spec in run.config.boards:
        links = run.store.links(spec.name)
        items = desired.of(run, spec).items
        for key in sorted({*links, *items}):
            yield Candidate(spec.name, key, links.get(key), items.get(key))


def _item(run: Run, it: Candidate, spec: TargetSpec, field: str | None) -> telling.Explained:
    records = list(_records_of(run, it.owner))
    posting = next((t.record for t in records if isinstance(t.record, Posting)), None)
    application = next((t.record for t in records if isinstance(t.record, Application)), None)
    step = spec.milestones.step(it.step)
    fields = spec.milestones.fields(it.step)
    made = provenance.named(step, run.config.programme, posting, application, fields) if step and posting else []
    sources = _sources(run, records)
    names = [name for each in made for name in each.names]
    if field is not None and field in {*provenance.ITEM_FIELDS, *(f"{provenance.CUSTOM}{name}" for name in fields)}:
        made = [each for each in made if each.field == field] or [
            provenance.Named(field, ("the step says nothing of it",))
        ]
        names = [name for each in made for name in each.names]
    elif field is not None:
        made, names = [], [field] if _names_record(field, records) else []
        if not names:
            raise _no_field("an item", field, [*provenance.ITEM_FIELDS, "posting.title, or another field of a record"])
    values = provenance.answers(names, records, sources, spec.milestones.allow)
    return telling.Explained("item", it.key, values=values, item=it, made=made, step_is_known=step is not None)


def _names_record(field: str, records: Sequence[Traced]) -> bool:
    kind, _, name = field.partition(".")
    return any(t.kind == kind and name.partition(".")[0] in type(t.record).model_fields for t in records)


def _records_of(run: Run, owner: str) -> Iterator[Traced]:
    """The records that an item is made from, beginning with its owner."""
    traced = run.store.traced(owner)
    if traced is None:
        return
    yield traced
    if isinstance(traced.record, Application):
        posting, applicant = traced.record.posting, traced.record.applicant
        for key in (posting, applicant, *run.store.feedback_on(posting, applicant)):
            if other := run.store.traced(key):
                yield other


# -------------------------------------------------------------------------------------------- quarantine


def quarantine_list(settings: Settings, export: Path | None) -> ExitCode:
    """The rows that were left out; with `export` into a CSV file."""
    session = Session(settings)
    with session.scratch() as run:
        rows = enumerate(run.store.quarantine(), start=1)
        if export is None:
            telling.quarantine(settings, rows)
            return ExitCode.OK
        names = telling.LEFT_OUT
        cells = [[number, *(getattr(q, name) for name in names)] for number, q in rows]
    write_atomically(export, sheets.as_csv(("number", *names), cells))
    telling.exported(settings, export, len(cells))
    return ExitCode.OK


def quarantine_show(settings: Settings, row: str) -> ExitCode:
    """One row that was left out, as far as it may be shown."""
    session = Session(settings)
    with session.scratch() as run:
        found = [(n, q) for n, q in enumerate(run.store.quarantine(), start=1) if row in {str(n), f"{q.file}:{q.line}"}]
        if not found:
            raise ConfigError(
                "no row that is left out has this number or place.",
                where="ROW",
                remedy="`mi-sync quarantine list` shows both, such as 1 or exports/jobs.csv:14.",
            )
        telling.left_out(settings, [(n, q, _columns(run, q)) for n, q in found])
    return ExitCode.OK


def _columns(run: Run, row: Quarantined) -> list[str] | None:
    """The columns that the mapping reads of the row's file as it is now; None when that cannot be told."""
    try:
        for spec in run.config.sources:
            for file in open_source(spec, run.config, run.outside.wire).files() if spec.name == row.source else ():
                if file.name == row.file:
                    with file.open() as table:
                        mapper = compile_for(spec, table, file.name, run.config.programme.id)
                        return [table.header[position].strip() for position in mapper.columns]
    except MiSyncError:
        return None
    return None


def quarantine_retry(settings: Settings) -> ExitCode:
    """A pull that reads the files of the rows left out again, even if they are unchanged."""
    session = Session(settings)
    tried: list[Quarantined] = []
    still: list[Quarantined] = []
    with session.recorded("quarantine retry") as run:
        tried = list(run.store.quarantine())
        session.tell(sync.pull(run, {(q.source, q.file) for q in tried}))
        still = list(run.store.quarantine())
    places = {(q.source, q.file, q.line) for q in still}
    digests = {(q.source, q.digest) for q in still}
    through = [q for q in tried if (q.source, q.file, q.line) not in places and (q.source, q.digest) not in digests]
    return telling.retried(session, tried, through)


# ------------------------------------------------------------------------------------------------- state


def state_show(settings: Settings) -> ExitCode:
    """What the store holds, in counts."""
    session = Session(settings)
    with session.scratch() as run:
        telling.state(settings, session.config.state, run.store, len(MIGRATIONS))
    return ExitCode.OK


def state_forget_source(settings: Settings, name: str) -> ExitCode:
    """Lets go what a source said that is no longer configured."""
    session = Session(settings)
    records = 0
    with session.recorded("state forget-source") as run:
        records = forget_source(run, name)
    return telling.forgotten(session, name, records)
