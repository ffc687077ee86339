"""A mapping, compiled: a row becomes records, or a row problem.

    compile_mapping  a mapping, a header, the source's options -> `Mapper`
    Mapper.map       a row -> `Mapped` (one draft for each record), `Skipped`, or a `RowProblem`

Nothing here reads files, the clock or the network, and no message repeats a cell.
"""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

from pydantic import ValidationError

from mi_sync import identity, values
from mi_sync.errors import SourceError, did_you_mean
from mi_sync.fields import (
    LINKED,
    PLACEHOLDER,
    REFERENCES,
    FieldSpec,
    Options,
    Parse,
    column_pattern,
    is_blank,
    is_numbered,
    parser,
    type_of,
)
from mi_sync.language import FieldMap, Mapping, RecordMap
from mi_sync.model import RECORDS, Kind
from mi_sync.sensitive import is_eeo
from mi_sync.sheets import undefused
from mi_sync.values import AmbiguousDate, BadValue, DateOrder, fold

# ---------------------------------------------------------------------------------------------- what rows become


OrderOf = Callable[[int], DateOrder | None]
"""The order of day and month in the dates of a column, by its position; None where the column does not decide."""


class FieldOrigin(NamedTuple):
    """The column (as the header spells it) and the mapping's line that a value came from; a default has no column."""

    column: str | None
    mapping_line: int | None


@dataclass(frozen=True, slots=True)
class Draft:
    """One record as one row tells it, before it is known whose record that is.

    Attributes:
        kind: of the record.
        ref: identifies it within (namespace, kind): `id:…`, else made of its key fields, such as `email:…`.
        id: its id in the file.
        values: canonical fields that have a value, as JSON holds them.
        refs: what tells the posting and the applicant: posting.ref, .id, .title; applicant.ref, .id, .email.
        origins: for each dotted field and reference where it came from.
    """

    kind: Kind
    ref: str
    id: str | None
    values: Dict[str, Any]
    refs: Dict[str, str]
    origins: Dict[str, FieldOrigin]

    @property
    def digest(self) -> str:
        """Of what it says, and nothing of where it stands."""
        return identity.digest(self.id or "", repr(sorted(self.values.items())), repr(sorted(self.refs.items())))


@dataclass(frozen=True, slots=True)
class Mapped:
    """A row that could be read: what it refers to comes first, what it is about comes last.

    Attributes:
        line: of the file, from 1.
        drafts: its records.
        notes: what of the row no record holds, for people; never a cell.
    """

    line: int
    drafts: tuple[Draft, ...]
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> Iterable[tuple[Kind, str]]:
        """(kind, ref) of its records."""
        return [(draft.kind, draft.ref) for draft in self.drafts]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that the mapping says is no record, and why: in its words, never the cell's."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that could not be read.

    Attributes:
        line: of the file, from 1.
        field: the canonical field; `applicant.email` when the row is about something else.
        why: names the column and a remedy, and never the cell.
        digest: of the mapped columns, keyed by the programme: the same trouble is known again on any line.
        present: (kind, ref) of its records; empty unless every key could be read.
    """

    line: int
    field: str
    why: str
    digest: str
    present: tuple[tuple[Kind, str], ...] = ()

    @property
    def names(self) -> Iterable[tuple[Kind, str]]:
        """As `present`."""
        return self.present


class Bound(NamedTuple):
    """A field, and the positions of the columns that fill it; `whole` where the first that is filled is its text.

    What tells the posting or the applicant of an application is a field of these, such as the applicant's email.
    """

    kind: Kind
    name: str
    positions: tuple[int, ...]
    whole: bool


class Untold(SourceError):
    """The file does not say what a record must say; the source can: `names` are fields for constants, or `scale`."""

    def __init__(self, why: str, *, where: str, remedy: str, names: Collection[str]) -> None:
        self.names = frozenset(names)
        super().__init__(why, where=where, remedy=remedy)


class _Trouble(Exception):
    """Becomes a `RowProblem`."""

    def __init__(self, field: str, why: str) -> None:
        self.field = field
        self.why = why
        super().__init__(why)


# ------------------------------------------------------------------------------------------------- the header


class _Header:
    """Finds columns by name, or else by label, once."""

    def __init__(self, header: Sequence[str], labels: Sequence[str], file: str) -> None:
        self.names = [values.line(undefused(name)) for name in header]
        self.labels = [values.line(label) for label in labels] or [""] * len(self.names)
        self._labelled = {fold(label): position for position, label in reversed(list(enumerate(self.labels))) if label}
        self._file = file
        self._folded: dict[str, list[int]] = {}
        for position, name in enumerate(self.names):
            if name:
                self._folded.setdefault(fold(name), []).append(position)

    def find(self, name: str) -> int | None:
        """The position of a column: the exact spelling wins; of equal spellings the first."""
        positions = self._folded.get(fold(name), [])
        exact = [p for p in positions if self.names[p] == name]
        spellings = {self.names[p] for p in exact or positions}
        if len(spellings) > 1:
            raise SourceError(
                f"the columns {_listing(sorted(spellings))} differ only in spelling, so nobody knows which one counts.",
                where=self._file,
                remedy="Rename or remove one of them.",
            )
        return next(iter(exact or positions), None if positions else self._labelled.get(fold(name)))

    def all(self, name: str) -> tuple[int, ...]:
        """The positions of a column; of `skills.*.name` those of every number, in their order."""
        if not is_numbered(name):
            return tuple(p for p in (self.find(name),) if p is not None)
        found = [(numbers, positions[0]) for numbers, positions in self._numbered(name) if numbers]
        return tuple(position for _, position in sorted(found))

    def numbers(self, path: str) -> list[tuple[int, ...]]:
        """Which numbers the stars of a path stand for, in columns at it or below."""
        return sorted({numbers for numbers, _ in self._numbered(path, below=True)})

    def under(self, path: str) -> frozenset[int]:
        """The positions of the columns below a path that has numbers for its stars."""
        return frozenset(self._below.get(fold(path), ()))

    @cached_property
    def _below(self) -> Dict[str, Sequence[int]]:
        """For each path the columns below it, found once: a list may have thousands of elements."""
        found: dict[str, list[int]] = {}
        for name, positions in self._folded.items():
            for path in accumulate(name.split(".")[:-1], "{}.{}".format):
                found.setdefault(path, []).extend(positions)
        return found

    def _numbered(self, path: str, *, below: bool = False) -> Iterator[tuple[tuple[int, ...], list[int]]]:
        pattern = column_pattern(path, below=below)
        for name, positions in self._folded.items():
            if match := pattern.fullmatch(name):
                yield tuple(int(number) for number in match.groups()), positions

    def shown(self, known: Collection[str]) -> str:
        """The header, for messages; of one in which something looks like data, only what the mapping knows.

        The file may lack its header, and then a name beside an address is a person's.
        """
        names = [n for n in self.names if n]
        data = any(len(n) > 40 or re.search(r"@|[0-9]", n) for n in names)
        folded = {fold(name) for name in known}
        safe = [n if fold(n) in folded or not data else "…" for n in names]
        return _listing(safe[:30]) + (" and more" if len(safe) > 30 else "")


def _listing(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


# ------------------------------------------------------------------------------------------------- compiling


@dataclass(slots=True)
class _Field:
    """A field bound to the columns of one header; of the `parts` that one cell says, each is a field."""

    name: str
    parts: bool
    parent: str
    leaf: str
    label: str
    parse: Parse
    ordered: Dict[DateOrder, Parse]
    order_of: OrderOf
    positions: tuple[int, ...]
    pieces: tuple[str | int, ...] | None
    default: Any
    required: bool
    origins: tuple[FieldOrigin, ...]
    unfilled: FieldOrigin

    def read(self, cells: Sequence[str]) -> tuple[Any, FieldOrigin]:
        """The value (None where there is none) and where it came from."""
        text, origin, position = self._text(cells)
        if not text:
            return self.default, self.unfilled
        try:
            try:
                return self.parse(text), origin
            except AmbiguousDate as error:
                return self._as_its_column(text, position, error), origin
        except BadValue as error:
            raise _Trouble(self.label, f"column {origin.column!r} {error}.") from None

    def fills(self, value: Any) -> Iterable[tuple[str, Any]]:  # noqa: ANN401  as `read`
        """The fields that a value gives, by their dotted names."""
        if self.parts:
            return [(f"{self.name}.{part}", each) for part, each in value.items()]
        return ((self.name, value),)

    def is_in(self, names: Collection[str]) -> bool:
        """Whether it is filled, if these fields are."""
        return self.name in names or (self.parts and any(name.startswith(f"{self.name}.") for name in names))

    def _as_its_column(self, text: str, position: int | None, ambiguous: AmbiguousDate) -> Any:  # noqa: ANN401  as `read`
        order = None if position is None else self.order_of(position)
        if order is None:
            raise ambiguous
        return self.ordered[order](text)

    def written(self, cells: Sequence[str]) -> str:
        """The text that it is read from."""
        return self._text(cells)[0]

    def _text(self, cells: Sequence[str]) -> tuple[str, FieldOrigin, int | None]:
        """The text, where it came from, and the one column, if it is one, that holds it."""
        if self.pieces is not None:
            return _filled(self.pieces, cells), self.origins[0], None
        for index, position in enumerate(self.positions):
            text = cells[position]
            if text and not text.isspace():
                return undefused(text), self.origins[index], position
        return "", self.unfilled, None


def _filled(pieces: Sequence[str | int], cells: Sequence[str]) -> str:
    """A template with its columns filled in; blank when all of them are, tidy at the ends when some are."""
    if all(is_blank(cells[piece]) for piece in pieces if isinstance(piece, int)):
        return ""
    filled = (undefused(cells[p]).strip() if isinstance(p, int) else p for p in pieces)
    return "".join(filled).strip(" \t\n,;/|-")


@dataclass(slots=True)
class _Record:
    """A record bound to one header."""

    kind: Kind
    label: Callable[[str], str]
    key: tuple[str, ...]
    fields: tuple[_Field, ...]
    identifying: tuple[_Field, ...]
    positions: tuple[int, ...]
    telling: tuple[int, ...]
    validate: Callable[[Any], Any]

    def stated(self, cells: Sequence[str]) -> bool:
        """Whether the row says anything of it."""
        return _any_value(cells, self.telling)

    def draft(self, cells: Sequence[str], made: Dict[Kind, str]) -> Draft:
        """The record; `made` are the references of the row's records so far."""
        found, refs, origins = self._read(self.fields, cells, made)
        for f in self.fields:
            if f.required and not f.is_in(origins):
                column = f.origins[0].column
                raise _Trouble(f.label, f"column {column!r} is empty and must not be; fill it in, or remove the row.")
        ref = self._ref(found, refs)
        if self.kind == "applicant":
            _complete_names(found, origins, self._written("name", cells))
        self._check(found, origins)
        return Draft(self.kind, ref, found.get("id"), found, refs, origins)

    def _written(self, name: str, cells: Sequence[str]) -> str:
        """The text that a field is read from."""
        return next((f.written(cells) for f in self.fields if f.name == name), "")

    def identify(self, cells: Sequence[str], made: Dict[Kind, str]) -> str:
        """The reference alone, for a row whose other fields may be unreadable."""
        found, refs, _ = self._read(self.identifying, cells, made)
        return self._ref(found, refs)

    def _read(
        self, fields: Sequence[_Field], cells: Sequence[str], made: Dict[Kind, str]
    ) -> tuple[dict[str, Any], dict[str, str], dict[str, FieldOrigin]]:
        linked = self.kind in LINKED
        refs = {f"{kind}.ref": ref for kind, ref in made.items() if linked and kind in _TELLING}
        values, origins = self._said(fields, cells)
        found: dict[str, Any] = {}
        for name, value in values.items():
            parent, _, leaf = name.partition(".")
            if not leaf:
                found[parent] = value
            elif linked and name in REFERENCES:
                refs[name] = value
            else:
                found.setdefault(parent, {})[leaf] = value
        return found, refs, origins

    def _said(self, fields: Sequence[_Field], cells: Sequence[str]) -> tuple[dict[str, Any], dict[str, FieldOrigin]]:
        """The values by dotted name. What a cell says goes before a default, and two cells must not disagree."""
        found: dict[str, Any] = {}
        origins: dict[str, FieldOrigin] = {}
        emptied: set[str] = set()
        for f in fields:
            value, origin = f.read(cells)
            if value is None or value == "":
                emptied |= {f.name} if origin.column else set()
                continue
            for name, each in f.fills(value):
                before = origins.get(name)
                if before and before.column and origin.column and found[name] != each:
                    raise _Trouble(self.label(name), _disagreement(before.column, origin.column))
                if origin.column or (name not in emptied and (before is None or before.column is None)):
                    found[name], origins[name] = each, origin
        for name in _without_amount(origins):
            del found[name], origins[name]
        return found, origins

    def _ref(self, found: Dict[str, Any], refs: Dict[str, str]) -> str:
        pair = self._pair(refs) if self.kind in LINKED else []
        if "id" in found:
            return f"id:{found['id']}"
        parts = [str(_value_of(name, found, refs)).casefold() for name in self.key]
        if self.key and not parts[0]:
            label = self.label(self.key[0])
            raise _Trouble(label, f"{label} is empty, and so is the id; one of them must tell which {self.kind} it is.")
        if not pair and len(parts) == 1:
            return f"{self.key[0]}:{parts[0]}"
        return f"{'+'.join(self.key) or 'pair'}:{json.dumps([*pair, *parts], ensure_ascii=False)}"

    def _pair(self, refs: Dict[str, str]) -> list[str]:
        pair = []
        for other, names in _TELLING.items():
            telling = next((name for name in names if name in refs), None)
            if telling is None:
                label = self.label(names[1])
                why = f"nothing tells which {other} is meant; fill in {' or '.join(names[1:])}."
                raise _Trouble(label, why)
            pair.append(f"{telling}:{refs[telling]}")
        return pair

    def _check(self, found: Dict[str, Any], origins: Dict[str, FieldOrigin]) -> None:
        try:
            self.validate({"key": "-", **({"posting": "-", "applicant": "-"} if self.kind in LINKED else {}), **found})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = ".".join(str(part) for part in first["loc"] if isinstance(part, str))
            column = origins[name].column if name in origins else None
            raise _Trouble(self.label(name), f"column {column!r} {_refusal(first['type'])}; correct it.") from None
        pay = found.get("pay", {})
        if pay.get("min", 0) > pay.get("max", float("inf")):
            raise _Trouble(self.label("pay.min"), "pay.min is more than pay.max; correct one of them.")


def _any_value(cells: Sequence[str], positions: Iterable[int]) -> bool:
    return any(not is_blank(cells[position]) for position in positions)


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around a list of which each element makes a record: where that is empty, no record says it."""

    name: str
    kind: Kind
    positions: tuple[int, ...]
    inner: frozenset[int]

    def is_lost(self, cells: Sequence[str]) -> bool:
        return _any_value(cells, self.positions) and not _any_value(cells, self.inner)

    @property
    def note(self) -> str:
        return f"{self.name} is empty, so no {self.kind} is made of what stands beside it"


@dataclass(frozen=True, slots=True)
class _Skip:
    """A rule bound to its column."""

    position: int
    column: str
    words: Dict[str, str]

    def why(self, cells: Sequence[str]) -> str | None:
        word = self.words.get(fold(cells[self.position]))
        return None if word is None else f"column {self.column!r} says {word!r}"


def _disagreement(one: str, other: str) -> str:
    return f"columns {one!r} and {other!r} say different things; correct one of them, or map only one."


def _without_amount(origins: Dict[str, FieldOrigin]) -> list[str]:
    """The defaults that say how pay is meant, where there is no pay."""
    if "pay.min" in origins or "pay.max" in origins:
        return []
    return [name for name, origin in origins.items() if name.startswith("pay.") and origin.column is None]


def _value_of(name: str, found: Dict[str, Any], refs: Dict[str, str]) -> Any:  # noqa: ANN401  a field's value is anything
    """The value of a field by its dotted name; empty when there is none."""
    parent, _, leaf = name.partition(".")
    return refs.get(name) or (found.get(parent, {}).get(leaf, "") if leaf else found.get(parent, ""))


_TELLING: Dict[str, tuple[str, ...]] = {
    "posting": ("posting.ref", "posting.id", "posting.title"),
    "applicant": ("applicant.ref", "applicant.id", "applicant.email"),
}


def _refusal(type_: str) -> str:
    known = {
        "greater_than_equal": "is less than it can be",
        "less_than_equal": "is more than it can be",
        "missing": "is empty and must not be",
    }
    return known.get(type_, "does not fit the field")


def _complete_names(found: dict[str, Any], origins: dict[str, FieldOrigin], written: str) -> None:
    """The name from its parts, the parts from the name, the initials from the parts.

    The name as `written` may tell its parts apart, which one that has been put in order no longer does.
    """
    name, given, family = (found.get(part) for part in ("name", "given_name", "family_name"))
    source = origins.get("name") or origins.get("given_name") or origins.get("family_name")
    if source is None:
        return
    if name is None:
        name = " ".join(part for part in (given, family) if part)
    if given is None and family is None:
        given, family = values.name_parts(written if values.person(written) == name else name)
    letters = values.initials_of(given, family)
    for part, value in (("name", name), ("given_name", given), ("family_name", family), ("initials", letters)):
        if value and part not in found:
            found[part], origins[part] = value, source


def undecided(_: int) -> None:
    """No column is looked at."""


def compile_mapping(
    mapping: Mapping,
    header: Sequence[str],
    options: Options,
    *,
    programme: str,
    file: str,
    order_of: OrderOf = undecided,
    labels: Sequence[str] = (),
) -> Mapper:
    """Binds a mapping to the header of one file, and to the labels of its columns, if they have any.

    `order_of` is asked when a date could be day/month or month/day, and nobody said which.

    Raises:
        Untold: nothing says what every record of its kind must say, such as the `kind` of feedback.
        SourceError: a column that is needed is missing or ambiguous, or the options name what is not there.
    """
    return _Compiler(mapping, _Header(header, labels, file), options, file, order_of).mapper(programme)


class _Compiler:
    """One mapping meets one header."""

    def __init__(self, mapping: Mapping, header: _Header, options: Options, file: str, order_of: OrderOf) -> None:
        self._order_of = order_of
        self._mapping = mapping
        self._header = header
        self._options = replace(options, dates=options.dates or mapping.dates)
        self._file = file
        self._missing: list[str] = []
        self._untold: dict[str, str] = {}

    def mapper(self, programme: str) -> Mapper:
        self._check_option_values()
        bound = [one for record in self._mapping.records for one in self._bound(record)]
        live = [record for record in bound if record.positions]
        for record in live:
            self._check_identity(record, {r.kind for r in live})
        if not live:
            self._missing.append("any record: none of the mapping's columns is there")
        if self._missing:
            lacking = [*self._missing, *self._untold.values()]
            raise SourceError(
                f"it lacks a column for {'; for '.join(lacking)}. Its columns are: "
                f"{self._header.shown(self._mapping.columns)}.",
                where=self._file,
                remedy=f"Rename a column, or use another mapping than {self._mapping.name!r}.",
            )
        if self._untold:
            raise self._untold_error()
        read = frozenset(p for record in bound for p in record.positions)
        around = [it for record in self._mapping.records for it in self._around(record, read)]
        return Mapper(live, around, self._skips(), self._header.names, programme)

    def _untold_error(self) -> Untold:
        names = [name for name in self._untold if name != "scale"]
        constants = ", ".join(f'"{name}" = "…"' if "." in name else f'{name} = "…"' for name in names)
        said = [f"constants = {{ {constants} }}"] if names else []
        said += ["scale = [1, 5]"] if "scale" in self._untold else []
        return Untold(
            f"nothing in it tells {'; nor '.join(self._untold.values())}.",
            where=self._file,
            remedy=f"Say it for the whole source, such as {' and '.join(said)}, or rename a column.",
            names=self._untold,
        )

    def _skips(self) -> list[_Skip]:
        at = [(rule, position) for rule in self._mapping.skip for position in self._header.all(rule.column)]
        return [_Skip(p, self._header.names[p], {fold(word): word for word in rule.words}) for rule, p in at]

    # -- records of which a row makes several ------------------------------------------------------------

    def _bound(self, record: RecordMap) -> list[_Record]:
        """The record; of one that a row makes for each element of a list, one for each place in that list."""
        if record.each is None:
            return [self._record(record)]
        return [self._element(record, record.each, numbers) for numbers in self._header.numbers(record.each)]

    def _element(self, record: RecordMap, each: str, numbers: Sequence[int]) -> _Record:
        bound = self._record(_at(record, each, numbers))
        own = self._header.under(_filled_in(each, each, numbers))
        return replace(bound, telling=tuple(p for p in bound.positions if p in own))

    def _around(self, record: RecordMap, read: frozenset[int]) -> Iterator[_Around]:
        """What could be lost where the innermost list is empty: what the record reads beside it."""
        if record.each is None:
            return
        path = record.each.removesuffix(".*")
        outer = path.rpartition("*")[0]
        for numbers in self._header.numbers(f"{outer}*") if outer else [()]:
            name = _filled_in(path, path, numbers)
            placed = [f for f in _at(record, path, numbers).fields if not any(map(is_numbered, f.spec.columns))]
            beside = {p for f in placed for column in f.spec.columns for p in self._header.all(column)}
            if outer:
                beside &= self._header.under(name.rpartition(".")[0])
            yield _Around(name, record.kind, tuple(sorted(beside)), self._header.under(name) & read)

    def _record(self, record: RecordMap) -> _Record:
        label = self._label(record.kind)
        told = [*_with_source_status(record), *self._meant(record)]
        fields = [self._field(record.kind, f, label(f.name)) for f in told]
        live = [f for f in fields if f.positions or f.default is not None]
        positions = tuple(dict.fromkeys(p for f in live for p in f.positions))
        if positions:
            lacking = [(f, g.spec.columns) for f, g in zip(fields, record.fields, strict=False)]
            self._missing += [_wanted(f.label, names) for f, names in lacking if f.required and not f.positions]
        needed = {"id", *record.key, *REFERENCES}
        identifying = tuple(f for f in live if f.name in needed)
        validate = RECORDS[record.kind].__pydantic_validator__.validate_python
        return _Record(record.kind, label, record.key, tuple(live), identifying, positions, positions, validate)

    def _meant(self, record: RecordMap) -> Iterator[FieldMap]:
        """What the source says of amounts that say it not themselves."""
        if any(f.name.partition(".")[0] == "pay" for f in record.fields):
            for part, value in self._options.pay.items():
                yield FieldMap(f"pay.{part}", FieldSpec(default=value), None)

    def _label(self, kind: Kind) -> Callable[[str], str]:
        prefix = "" if kind == self._mapping.primary else f"{kind}."
        return lambda name: f"{prefix}{name}"

    def _field(self, kind: Kind, it: FieldMap, label: str) -> _Field:
        found = type_of(kind, it.name)
        assert found is not None  # noqa: S101  `load` refused unknown fields
        extra = self._option_values(kind, it.name, label)
        parse = parser(found, it.spec, self._options, label, extra)
        orders: tuple[DateOrder, ...] = ("dmy", "mdy") if found.shape in {"day", "moment"} else ()
        ordered: dict[DateOrder, Parse] = {
            o: parser(found, it.spec, replace(self._options, dates=o), label, extra) for o in orders
        }
        at = {column: places for column in it.spec.columns if (places := self._header.all(column))}
        positions = tuple(dict.fromkeys(p for places in at.values() for p in places))
        self._refuse_eeo(positions)
        if positions and it.spec.scale == "source" and self._options.scale is None:
            self._untold["scale"] = f"the scale of {_listing(self._header.names[p] for p in positions)}"
        origins = [FieldOrigin(self._header.names[p], it.line) for p in positions]
        pieces = None
        separator = it.spec.split or ";"
        template = it.spec.template
        if template is None and found.many and any(map(is_numbered, at)):
            template = separator.join(f"{{{column}}}" for column in at)
        if template is not None and positions:
            pieces = tuple(_pieces(template, at, separator))
            origins = [FieldOrigin(" + ".join(self._header.names[p] for p in positions), it.line)]
        default = None if it.spec.default is None else parse(it.spec.default)
        unfilled = FieldOrigin(None, it.line)
        parent, _, leaf = it.name.partition(".")
        return _Field(
            name=it.name,
            parts=found.parts,
            parent=parent,
            leaf=leaf,
            label=label,
            parse=parse,
            ordered=ordered,
            order_of=self._order_of,
            positions=positions,
            pieces=pieces,
            default=default,
            required=it.spec.required,
            origins=tuple(origins),
            unfilled=unfilled,
        )

    def _refuse_eeo(self, positions: Iterable[int]) -> None:
        """The mapping may spell a column otherwise than the header, so that its own spelling did not show it."""
        header = self._header
        for name in (header.names[p] for p in positions if is_eeo(header.names[p]) or is_eeo(header.labels[p])):
            raise SourceError(
                f"column {name!r} looks like EEO data, which is never kept.",
                where=self._file,
                remedy=f"Remove it from the mapping {self._mapping.name!r}.",
            )

    def _check_identity(self, record: _Record, made: Collection[Kind]) -> None:
        names = {f.name for f in record.identifying}
        plain = ("id", *record.key[:1])
        if record.kind not in LINKED and names.isdisjoint(plain):
            self._missing.append(self._wanted_any(record.kind, plain))
        for other, telling in _TELLING.items() if record.kind in LINKED else ():
            if other not in made and names.isdisjoint(telling):
                wanted = self._wanted_link(record, other)
                if other == "posting":
                    self._untold["posting.title"] = wanted
                else:  # no file is about one person in every row
                    self._missing.append(wanted)
        if record.kind == "feedback" and not any(f.name == "kind" for f in record.fields):
            self._untold["kind"] = self._wanted_any(record.kind, ("kind",))

    def _wanted_link(self, record: _Record, other: str) -> str:
        telling = _TELLING[other]
        known = {f.name for r in self._mapping.records if r.kind == record.kind for f in r.fields}
        kind: Kind = record.kind if not known.isdisjoint(telling) else typing.cast("Kind", other)
        return self._wanted_any(kind, telling if kind == record.kind else ("id", "email"))

    def _wanted_any(self, kind: Kind, names: Collection[str]) -> str:
        maps = [f for r in self._mapping.records if r.kind == kind for f in r.fields if f.name in names]
        label = " or ".join(self._label(kind)(f.name) for f in maps) or f"the {' or '.join(names)} of the {kind}"
        return _wanted(label, [column for f in maps for column in f.spec.columns])

    # -- the source's own values ----------------------------------------------------------------------

    def _option_values(self, kind: Kind, name: str, label: str) -> Dict[str, str]:
        given = self._options.values
        return given.get(label) or given.get(f"{kind}.{name}") or given.get(name) or {}

    def _check_option_values(self) -> None:
        known: dict[str, tuple[str, ...]] = {}
        for record in self._mapping.records:
            for f in record.fields:
                found = type_of(record.kind, f.name)
                choices = found.choices if found else ()
                known.update({f.name: choices, f"{record.kind}.{f.name}": choices})
        for name, table in self._options.values.items():
            if name not in known:
                self._refuse_values(name, f"the mapping fills no such field.{did_you_mean(name, known)}")
            for target in table.values() if known[name] else ():
                if target and target not in known[name]:
                    self._refuse_values(name, f"{target!r} is none of {', '.join(known[name])}.")

    def _refuse_values(self, name: str, why: str) -> typing.NoReturn:
        raise SourceError(f"values.{name}: {why}", where=self._file, remedy="Correct `values` of the source.")


def _at(record: RecordMap, each: str, numbers: Sequence[int]) -> RecordMap:
    """The record with the numbers of one element in its columns' names."""
    return replace(record, fields=tuple(replace(f, spec=_spec_at(f.spec, each, numbers)) for f in record.fields))


def _spec_at(spec: FieldSpec, each: str, numbers: Sequence[int]) -> FieldSpec:
    columns = tuple(_filled_in(column, each, numbers) for column in spec.column)
    template = spec.template and PLACEHOLDER.sub(lambda m: f"{{{_filled_in(m[1], each, numbers)}}}", spec.template)
    return spec.model_copy(update={"column": columns, "template": template})


def _filled_in(column: str, each: str, numbers: Sequence[int]) -> str:
    """The column's name with numbers for its stars, as far as it goes along the path to the list."""
    parts, left = column.split("."), list(numbers)
    for index, (part, along) in enumerate(zip(parts, each.split("."), strict=False)):
        if fold(part) != fold(along) or not left:
            break
        if part == "*":
            parts[index] = str(left.pop(0))
    return ".".join(parts)


def _wanted(label: str, columns: Iterable[str]) -> str:
    names = list(dict.fromkeys(columns))
    return label if not names else f"{label} ({_listing(names[:6])}{' …' if len(names) > 6 else ''})"


def _with_source_status(record: RecordMap) -> Sequence[FieldMap]:
    """The raw word of a mapped status is kept in source_status."""
    names = {f.name: f for f in record.fields}
    status = names.get("status")
    if status is None or "source_status" in names:
        return record.fields
    raw = FieldSpec(column=status.spec.column, template=status.spec.template)
    return [*record.fields, FieldMap("source_status", raw, status.line, status.file)]


def _pieces(template: str, at: Dict[str, Sequence[int]], separator: str) -> Iterator[str | int]:
    """Literal text and column positions; a column that the file lacks counts as empty, several are a list.

    A column that goes by several of the names, as by its own and its label, comes once.
    """
    named: dict[int, str] = {}
    for index, piece in enumerate(PLACEHOLDER.split(template)):
        if index % 2 == 0:
            yield piece
            continue
        places = [p for p in at.get(piece, ()) if named.setdefault(p, piece) == piece]
        for number, position in enumerate(places):
            yield from ((separator, position) if number else (position,))


# --------------------------------------------------------------------------------------------------- the mapper


def _bound(record: _Record, f: _Field) -> Bound:
    kind, name = record.kind, f.name.partition(".")[0]
    if record.kind in LINKED and f.name in REFERENCES:
        kind, name = typing.cast("Kind", name), f.leaf
    return Bound(kind, name, f.positions, f.pieces is None)


class Mapper:
    """Maps the rows of one file. Made by `compile_mapping`."""

    def __init__(
        self,
        records: Sequence[_Record],
        around: Sequence[_Around],
        skips: Sequence[_Skip],
        header: Sequence[str],
        programme: str,
    ) -> None:
        self._records = records
        self._around = around
        self._skips = skips
        self._names = [fold(name) for name in header]
        self._width = len(header)
        self._programme = programme
        read = [position for record in records for position in record.positions]
        beside = [position for it in around for position in it.positions]
        self._columns = tuple(dict.fromkeys([*read, *beside, *(rule.position for rule in skips)]))
        self._faults: dict[str, int] = {}

    @property
    def columns(self) -> tuple[int, ...]:
        """The positions of the columns that it reads; no other cell is ever looked at."""
        return self._columns

    @property
    def width(self) -> int:
        """How many cells a row has."""
        return self._width

    @property
    def bound(self) -> Sequence[Bound]:
        """What each of these columns is read as."""
        return [_bound(record, f) for record in self._records for f in record.fields if f.positions]

    def map(self, line: int, cells: Sequence[str]) -> Mapped | Skipped | RowProblem:
        """The records of a row, or why there are none. Never raises for whatever stands in a cell."""
        if len(cells) != self._width:
            return self.fault(line, f"the row has {len(cells)} cells where the header has {self._width}; correct it.")
        for rule in self._skips:
            if why := rule.why(cells):
                return Skipped(line, why)
        made: dict[Kind, str] = {}
        drafts: list[Draft] = []
        try:
            for record in self._records:
                if record.stated(cells):
                    draft = record.draft(cells, made)
                    made[record.kind] = draft.ref
                    drafts.append(draft)
        except _Trouble as trouble:
            return RowProblem(line, trouble.field, trouble.why, self._digest(cells), self._present(cells))
        notes = tuple(it.note for it in self._around if it.is_lost(cells))
        if not drafts and notes:
            return Skipped(line, notes[0])
        if not drafts:
            why = "no mapped column has a value; fill the row in, or remove it."
            return RowProblem(line, "", why, self._digest(cells))
        return Mapped(line, tuple(drafts), notes)

    def fault(self, line: int, why: str) -> RowProblem:
        """A row that is no row. Without cells, the n-th of its kind in a file is what is known again."""
        self._faults[why] = self._faults.get(why, 0) + 1
        return RowProblem(line, "", why, identity.digest("fault", why, str(self._faults[why]), key=self._programme))

    def _digest(self, cells: Sequence[str]) -> str:
        """Of what the row says in the columns that are read: one that is empty may as well not be there."""
        said = {self._names[p]: cells[p] for p in self._columns if p < len(cells) and not is_blank(cells[p])}
        return identity.digest(*(part for pair in sorted(said.items()) for part in pair), key=self._programme)

    def _present(self, cells: Sequence[str]) -> tuple[tuple[Kind, str], ...]:
        made: dict[Kind, str] = {}
        present: list[tuple[Kind, str]] = []
        try:
            for record in self._records:
                if record.stated(cells):
                    made[record.kind] = record.identify(cells, made)
                    present.append((record.kind, made[record.kind]))
        except _Trouble:
            return ()
        return tuple(present)
