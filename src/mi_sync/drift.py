"""What changed in how a source is read: its columns, its mapping, its settings, or mi-sync itself; pure.

None of them is news of the rows. A column that has gone from the header deletes no value: what the rows said in it
stands until the column is back (there may be nothing in it then) or the mapping no longer reads it.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from mi_sync import language
from mi_sync.fields import LINKED, REFERENCES
from mi_sync.mapping import Draft, FieldOrigin
from mi_sync.model import Contribution, Kind
from mi_sync.values import fold, line

_LIKE = 0.6
"""So much alike are two names of which one may have become the other."""
_MOST = 8
"""So many names are told."""


@dataclass(frozen=True, slots=True)
class How:
    """How a file was read: what decides, besides its bytes, what its rows say. Empty where nobody knows."""

    mapping: str = ""
    mapping_digest: str = ""
    settings: str = ""
    version: str = ""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> How:
        """As it was stored beside other things."""
        return cls(**{name: stored[name] for name in cls.__slots__ if name in stored})

    def causes(self, now: How, *, same_file: bool) -> tuple[str, ...]:
        """What is another now; of another file of the same source only the mapping is compared."""
        if not self.mapping:
            return ()
        found: list[str] = []
        if self.mapping != now.mapping:
            found.append(f"the mapping is {now.mapping!r} now and was {self.mapping!r}")
        elif self.mapping_digest != now.mapping_digest:
            found.append(f"the mapping {now.mapping!r} changed")
        if same_file and self.settings != now.settings:
            found.append("the settings of the source changed")
        if same_file and self.version != now.version:
            found.append(f"mi-sync is {now.version} now and was {self.version}")
        return tuple(found)


UNKNOWN = How()


@dataclass(frozen=True, slots=True)
class Columns:
    """The header of a file, compared with the last one.

    Attributes:
        vanished, appeared: since then.
        lacking: those that the mapping reads and an earlier header had; their values stand as they were.
    """

    vanished: tuple[str, ...]
    appeared: tuple[str, ...]
    lacking: tuple[str, ...]

    def touch(self, names: AbstractSet[str]) -> bool:
        """Whether one of these (folded) came or went."""
        return not names.isdisjoint(fold(name) for name in (*self.vanished, *self.appeared))

    def told(self, before: Sequence[str], now: Sequence[str], reads: AbstractSet[str]) -> Iterator[str]:
        """For people: what has gone and what it may be called now, what is new, and what follows."""
        free = [name for name in self.appeared if fold(name) not in reads]
        for name in self.vanished[:_MOST]:
            yield f"the column {name!r} has gone.{self._follows(name, _renamed(name, free, before, now), reads)}"
        if len(self.vanished) > _MOST:
            yield f"{len(self.vanished) - _MOST} more columns have gone."
        if self.appeared:
            more = len(self.appeared) - _MOST
            yield f"new in the header: {_listing(self.appeared)}{f' and {more} more' if more > 0 else ''}."
        if standing := [name for name in self.lacking if name not in self.vanished]:
            yield f"still without the column {_listing(standing)}; the values that its rows had are kept."

    def _follows(self, name: str, renamed: str, reads: AbstractSet[str]) -> str:
        if name in self.lacking:
            return (
                f"{renamed} The values that its rows had are kept; if it is meant to be gone, keep the column and leave"
                " it empty, or take it out of the mapping."
            )
        return " The mapping reads another column for it." if fold(name) in reads else " The mapping does not read it."


def _listing(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_MOST]))


def columns(before: Sequence[str], lacking: Iterable[str], header: Sequence[str], misses: AbstractSet[str]) -> Columns:
    """Compares headers as a mapping does: by their folded names.

    Args:
        before: the last header; empty where there was none.
        lacking: what was lacking then.
        header: the one of now.
        misses: the folded names of columns that the mapping would read now, if they were there.
    """
    known, now = {fold(name) for name in before}, {fold(name) for name in header}
    vanished = [name for name in before if fold(name) not in now]
    appeared = [name for name in header if name and fold(name) not in known] if before else []
    still = [name for name in dict.fromkeys((*lacking, *vanished)) if fold(name) in misses - now]
    return Columns(tuple(vanished), tuple(appeared), tuple(still))


def _renamed(name: str, appeared: Sequence[str], before: Sequence[str], now: Sequence[str]) -> str:
    """A hint at the new name of a column: one that is like the old one, else the one in its place."""
    if not appeared:
        return ""
    alike = {fold(other): other for other in appeared}
    close = difflib.get_close_matches(fold(name), alike, n=1, cutoff=_LIKE)
    place = list(before).index(name)
    other = alike[close[0]] if close else now[place] if place < len(now) and now[place] in appeared else ""
    return f" Is it called {other!r} now? Then add that name to the mapping." if other else ""


def header_names(header: Sequence[str]) -> tuple[str, ...]:
    """The names as a mapping sees them."""
    return tuple(line(name) for name in header)


# ------------------------------------------------------------------------------------------------ values that stand


class Keeper:
    """Completes what a row says by what it said in columns that the file no longer has."""

    def __init__(self, mapping: language.Mapping, header: Sequence[str], lacking: Collection[str]) -> None:
        self._lacking = {fold(name) for name in lacking}
        present = {fold(name) for name in header}
        self._bound: set[tuple[Kind, str]] = set()
        self._partial: set[tuple[Kind, str]] = set()
        for record in mapping.records:
            for f in record.fields:
                names = {fold(name) for name in f.spec.columns}
                if f.spec.template is not None and not names.isdisjoint(self._lacking):
                    self._partial.add((record.kind, f.name))
                elif not names.isdisjoint(present):
                    self._bound.add((record.kind, f.name))

    def complete(self, draft: Draft, before: Contribution) -> Draft:
        """The draft, with the values that only a vanished column could have changed."""
        kept = {name: origin for name, origin in before.origins.items() if self._stands(draft, name, origin)}
        if not kept:
            return draft
        values = dict(draft.values)
        for name in kept:
            _take(values, name, before.values)
        origins = {name: FieldOrigin(*origin[-2:]) for name, origin in kept.items()}
        return replace(draft, values=values, origins={**draft.origins, **origins})

    def _stands(self, draft: Draft, name: str, origin: Sequence[Any]) -> bool:
        column, field = (origin[-2] if len(origin) >= 2 else None), (draft.kind, name)
        read = draft.origins.get(name)
        is_read = read is not None and read.column is not None and field not in self._partial
        if not column or is_read or field in self._bound or name in REFERENCES:
            return False
        parts = [column, *column.split(" + ")]
        return not self._lacking.isdisjoint(map(fold, parts))


def _take(values: dict[str, Any], name: str, before: Mapping[str, Any]) -> None:
    parent, _, leaf = name.partition(".")
    if parent not in before:
        return
    if not leaf:
        values[parent] = before[parent]
    elif leaf in before[parent]:
        values[parent] = {**values.get(parent, {}), leaf: before[parent][leaf]}


def reads(mapping: language.Mapping) -> set[str]:
    """The folded names of all columns that a mapping reads where they are there."""
    return {fold(name) for record in mapping.records for f in record.fields for name in f.spec.columns}


def identifying(mapping: language.Mapping) -> set[str]:
    """The folded names of the columns that may tell which record a row is about."""
    return {
        fold(name)
        for record in mapping.records
        for f in record.fields
        if f.name in {"id", *record.key, *REFERENCES}
        for name in f.spec.columns
    }


def misses(mapping: language.Mapping, header: Sequence[str]) -> set[str]:
    """The folded names of the columns whose values nothing in this header can replace."""
    present = {fold(name) for name in header}
    found: set[str] = set()
    for record in mapping.records:
        for f in record.fields:
            names = {fold(name) for name in f.spec.columns}
            tells_whose = record.kind in LINKED and f.name in REFERENCES
            if not tells_whose and (f.spec.template is not None or names.isdisjoint(present)):
                found |= names - present
    return found
