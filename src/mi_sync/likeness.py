"""Engagements in the shape of a source's own export: its columns and words, so that they can be uploaded there again.

The export is read once more for it, because nothing of it is kept but what its mapping reads. Of that each row holds
what its target may see; a column that the mapping does not read is there and empty, since nobody knows its class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mi_sync import language
from mi_sync.config import SourceSpec
from mi_sync.connector import SourceFile, Table
from mi_sync.errors import ConfigError, SourceError
from mi_sync.events import Run
from mi_sync.mapping import Bound, Draft, Mapped, Mapper
from mi_sync.model import ENGAGED, RECORDS
from mi_sync.opening import open_source
from mi_sync.reading import compile_for, date_orders, mapping_for
from mi_sync.values import fold
from mi_sync.views import PROGRESS, Material

Row = Mapping[str, Any]

_NO_TABLES = frozenset({"json", "jsonl", "xml", "html"})
"""Formats of records, whose columns are our own names for places in them."""
_ACCEPTED = "accepted"
"""What every engagement was, and what more exports have a word for than for what comes after it."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a source tells of an application."""

    application: str
    ref: str
    status: str | None


def engagements(run: Run, source: str, seen: Material) -> tuple[Sequence[Row], Sequence[str]]:
    """One row for each engagement that the source tells of, as its export orders them, and the columns of all.

    They are the export's, in its order, and then those of `PROGRESS` for which it has no column. The column of the
    status says what it is now, in the export's own word; every other cell is the export's.

    Raises:
        ConfigError: the source is no table, or tells of no applications.
        SourceError: the export cannot be read, or is no longer what the run read.
    """
    spec = next(it for it in run.config.sources if it.name == source)
    places = _places(run, source, seen)
    told = {row["key"]: row for row in seen.rows("engagements")}
    header: list[str] = []
    found: dict[str, dict[str, Any]] = {}
    filled: set[str] = set()
    for file in open_source(spec, run.config, run.outside.wire).files():
        with file.open() as table:
            shape = _Shape(spec, file, table, run.config.programme.id, seen)
            header += [name for name in table.header if not header or name not in header]
            filled |= shape.filled
            for key, row in shape.rows(places.get(file.name, {})):
                found.setdefault(key, row)
    ours = [name for name in PROGRESS if name in seen.columns("engagements") and fold(name) not in filled]
    new = [name for name in ours if fold(name) not in {fold(known) for known in header}]
    again = [name for name in ours if name in header]  # a table of ours came back, in which nobody reads these
    rows = [{**row, **{name: told[key][name] for name in (*again, *new)}} for key, row in found.items()]
    return rows, [*header, *new]


def _places(run: Run, source: str, seen: Material) -> Mapping[str, Mapping[int, _Place]]:
    """By file and line what the source tells there now: neither what has gone from it nor what cannot be read."""
    found: dict[str, dict[int, _Place]] = {}
    for each in seen.engagements:
        key, status = each.application.key, each.application.status
        for it in run.store.contributions(key):
            if it.source == source and not it.gone and not it.unread:
                found.setdefault(it.file, {})[it.line] = _Place(key, it.ref, status)
    return found


class _Shape:
    """One file of the source, its mapping, and what of it may be shown."""

    def __init__(self, spec: SourceSpec, file: SourceFile, table: Table, programme: str, seen: Material) -> None:
        if table.format in _NO_TABLES:
            raise ConfigError(
                f"it is {table.format.upper()}, and only a table has a shape to be written in.",
                where=f"like = {spec.name!r}",
                remedy="Name a source that is CSV or a workbook, or leave `like` out.",
            )
        self._file, self._table = file, table
        mapper = compile_for(spec, table, file.name, programme, date_orders(file))
        self._mapper: Mapper = mapper
        self._words = _Words(spec, mapping_for(spec, table, file.name))
        bound = mapper.bound
        if not any(it.kind == "application" for it in bound):
            raise ConfigError(
                f"nothing in {file.name} tells of applications.",
                where=f"like = {spec.name!r}",
                remedy="Name the source of the applicants, or leave `like` out.",
            )
        self._status = next((it for it in bound if (it.kind, it.name) == ("application", "status")), None)
        names = [it.name for it in bound if it.kind == "application"]
        read = [table.header[position] for it in bound for position in it.positions]
        self._filled = frozenset(fold(name) for name in (*names, *read))
        self._shown = _shown(bound, seen)

    @property
    def filled(self) -> frozenset[str]:
        """What the export says itself: fields of an application, whatever their columns are called, and columns."""
        return self._filled

    def rows(self, places: Mapping[int, _Place]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The rows at these lines, each with its application."""
        left = dict(places)
        for row in self._table.rows if left else ():
            place = left.pop(row.line, None) if row.is_record else None
            if place is not None:
                yield place.application, self._told(row.line, row.cells, place)
        if left:
            raise self._moved(min(left))

    def _told(self, line: int, cells: Sequence[str], place: _Place) -> dict[str, Any]:
        outcome = self._mapper.map(line, cells)
        drafts = outcome.drafts if isinstance(outcome, Mapped) else ()
        draft = next((it for it in drafts if (it.kind, it.ref) == ("application", place.ref)), None)
        if draft is None:
            raise self._moved(line)
        shown = {p: cells[p] for p in self._shown} | self._now(cells, draft, place.status)
        return {name: shown.get(p) for p, name in enumerate(self._table.header)}

    def _now(self, cells: Sequence[str], draft: Draft, status: str | None) -> dict[int, str]:
        """The status as it is, where the export says another."""
        if self._status is None or not self._status.whole or status is None:
            return {}
        word = self._words.instead_of(draft.values.get("status"), status)
        at = next((p for p in self._status.positions if cells[p].strip()), self._status.positions[0])
        return {} if word is None or at not in self._shown else {at: word}

    def _moved(self, line: int) -> SourceError:
        return SourceError(
            "this row is no longer what it was when the run read it, so nothing is written in its shape.",
            where=f"{self._file.name}:{line}",
            remedy="The next run reads it anew.",
        )


def _shown(bound: Sequence[Bound], seen: Material) -> frozenset[int]:
    """The columns of which the target may see everything that is read from them."""
    read = {position for it in bound for position in it.positions}
    hidden = {p for it in bound if not seen.allows(RECORDS[it.kind], it.name) for p in it.positions}
    return frozenset(read - hidden)


class _Words:
    """How an export calls a status: as the source says, else its mapping; our word is only for tables of our own."""

    def __init__(self, spec: SourceSpec, found: language.Mapping) -> None:
        self._source = {**spec.values.get("application.status", {}), **spec.values.get("status", {})}
        fields = [f for record in found.records if record.kind == "application" for f in record.fields]
        self._own = next((dict(f.spec.values) for f in fields if f.name == "status"), {})
        self._is_ours = found.attested == "none"
        if self._is_ours and not found.own:
            self._own = {}

    def instead_of(self, said: object, status: str) -> str | None:
        """The word for a status; None where the export says it already, or has no word for it."""
        for wanted in (status, _ACCEPTED) if status in ENGAGED else (status,):
            if said == wanted:
                return None
            if word := self._word(wanted):
                return word
        return None

    def _word(self, wanted: str) -> str | None:
        told = (word for words in (self._source, self._own) for word, means in words.items() if means == wanted)
        return next(told, wanted if self._is_ours else None)
