"""The mapping language: a TOML file says which columns make which records; compiled, it maps rows.

    load             text of a mapping file -> `Mapping`, or all of its problems
    compile_mapping  a mapping, a header, the source's options -> `Mapper`
    Mapper.map       a row -> `Mapped` (one draft for each record), or a `RowProblem`

The language is described in mappings/README.md. Nothing here reads files, the clock or the network, and no message
repeats a cell.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import cache, lru_cache, partial
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mi_sync import identity, values
from mi_sync.errors import ConfigError, Problem, SourceError
from mi_sync.model import RECORDS, Hours, Kind, Pay
from mi_sync.values import BadValue, DateOrder, DateReader, fold

# ------------------------------------------------------------------------------------------ what a mapping says

_ORDERS = ("dmy", "mdy", "ymd")


def _one_or_many(raw: Any) -> Any:  # noqa: ANN401  whatever stands in the TOML
    return (raw,) if isinstance(raw, str) else raw


def _as_cell(raw: Any) -> Any:  # noqa: ANN401  as above
    if isinstance(raw, (date, datetime)):
        return raw.isoformat()
    return str(raw).lower() if isinstance(raw, (bool, int, float)) else raw


def _dates(raw: Any) -> Any:  # noqa: ANN401  as above
    for form in raw if isinstance(raw, list) else ():
        if not isinstance(form, str) or not re.search("%[yYcxG]", form):
            raise ValueError('every format is a text with a year, such as "%d.%m.%Y"')
    return raw


class FieldSpec(BaseModel):
    """How one field is filled: the table behind `field = { … }`; a bare text or list is its `column`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    column: Annotated[tuple[str, ...], BeforeValidator(_one_or_many)] = ()
    template: str | None = None
    split: str | None = Field(default=None, min_length=1)
    values: dict[str, Annotated[str, BeforeValidator(_as_cell)]] = Field(default_factory=dict)
    other: str | None = None
    dates: Annotated[DateOrder | tuple[str, ...] | None, BeforeValidator(_dates)] = None
    decimal: Literal[".", ","] = "."
    scale: tuple[float, float] | None = None
    default: Annotated[str | None, BeforeValidator(_as_cell)] = None
    required: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it reads."""
        return self.column + tuple(_PLACEHOLDER.findall(self.template or ""))


_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


class _Head(BaseModel):
    """What stands above the tables of a mapping file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    title: str = ""
    source: str = ""
    attested: Literal["header", "fields", "none"] = "none"
    direction: Literal["export", "upload", "own-data"] = "export"
    overlay: bool = False
    dates: DateOrder | None = None


@dataclass(frozen=True, slots=True)
class FieldMap:
    """One field of a record: its dotted name (`pay.min`), how it is filled, and the line that says so."""

    name: str
    spec: FieldSpec
    line: int | None


@dataclass(frozen=True, slots=True)
class RecordMap:
    """One record that a row makes; `key` are the fields that identify it when it has no id."""

    kind: Kind
    key: tuple[str, ...]
    fields: tuple[FieldMap, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file that holds together.

    Attributes:
        name: as a configuration names it.
        file: for messages.
        digest: of the content, so that a changed mapping maps again.
        records: in the order posting, applicant, application, feedback.
        overlay: whether its rows complete the records of other sources; it never makes them disappear.
        dates: the order of day and month that the format is known for.
        title: for people.
        source: where the format is described.
        attested: what of it is: the header, a list of its fields, or nothing.
        direction: whether the system exports it, takes it as an upload, or gives a person their own data.
    """

    name: str
    file: str
    digest: str
    records: tuple[RecordMap, ...]
    overlay: bool = False
    dates: DateOrder | None = None
    title: str = ""
    source: str = ""
    attested: Literal["header", "fields", "none"] = "none"
    direction: Literal["export", "upload", "own-data"] = "export"

    @property
    def primary(self) -> Kind:
        """What a row is about: the last of its records, because the others are what it refers to."""
        return self.records[-1].kind


# ------------------------------------------------------------------------------------------ the fields there are

_LINKED: tuple[Kind, ...] = ("application", "feedback")
_REFERENCES = ("posting.id", "posting.title", "applicant.id", "applicant.email")
_KEYS: Dict[Kind, tuple[str, ...]] = {
    "posting": ("title",),
    "applicant": ("email",),
    "application": (),
    "feedback": ("kind", "by", "submitted_at"),
}
_SHAPES = {
    "id": "id", "email": "email", "phone": "phone", "initials": "initials",
    "supervisor_email": "email", "url": "url", "meeting_url": "url", "resume_url": "url", "links": "url",
    "name": "person", "given_name": "person", "family_name": "person", "supervisor_name": "person",
    "referred_by": "person", "summary": "long", "notes": "long", "comments": "long", "answers": "long",
    "min": "amount", "max": "amount", "currency": "currency",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldType:
    """What a field holds: `shape` names a reader, `choices` are its only values, `many` makes it a list."""

    shape: str
    many: bool = False
    choices: tuple[str, ...] = ()


@cache
def field_types(kind: Kind) -> Dict[str, FieldType]:
    """The fields that a mapping may fill, by dotted name; `answers` stands for any name below it."""
    found: dict[str, FieldType] = {}
    for name, info in RECORDS[kind].model_fields.items():
        if name == "key" or (kind in _LINKED and name in {"posting", "applicant"}):
            continue
        nested = next((m for m in (Hours, Pay) if m in typing.get_args(info.annotation)), None)
        for leaf, inner in nested.model_fields.items() if nested else ():
            found[f"{name}.{leaf}"] = _field_type(leaf, inner.annotation)
        if nested is None:
            found[name] = _field_type(name, info.annotation)
    if kind in _LINKED:
        found.update({name: FieldType(_SHAPES.get(name.partition(".")[2], "text")) for name in _REFERENCES})
    if kind == "applicant":
        del found["label"]  # given by us, once
    return found


def _field_type(name: str, annotation: Any) -> FieldType:  # noqa: ANN401  an annotation is anything
    union = typing.get_origin(annotation) in {types.UnionType, typing.Union}
    parts = [a for a in (typing.get_args(annotation) if union else (annotation,)) if a is not types.NoneType]
    if typing.get_origin(parts[0]) is Literal:
        return FieldType("choice", choices=typing.get_args(parts[0]))
    many = typing.get_origin(parts[0]) is tuple
    plain = {bool: "boolean", int: "integer", float: "number", date: "day"}.get(parts[0], "text")
    shape = "moment" if datetime in parts else plain
    return FieldType(_SHAPES.get(name, shape), many)


def type_of(kind: Kind, name: str) -> FieldType | None:
    """The type of a field by its dotted name, or None where a record has no such field."""
    return field_types(kind).get("answers" if name.startswith("answers.") else name)


_EEO = frozenset(
    {"race", "racial", "ethnic", "ethnicity", "hispanic", "gender", "sex", "sexual", "disability", "disabilities"}
    | {"disabled", "veteran", "visa", "citizenship", "religion", "latitude", "longitude", "ipaddress"}
    | {"workauthorization", "work authorization", "work authorisation", "ip address"}
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def is_eeo(column: str) -> bool:
    """Whether a column's name says that it holds what is never kept: EEO data, IP addresses, coordinates."""
    words = [word.casefold() for word in _WORD.findall(column)]
    return not _EEO.isdisjoint([*words, *(f"{a} {b}" for a, b in pairwise(words))])


# --------------------------------------------------------------------------------------------- reading a mapping


def load(text: str, name: str, file: str) -> Mapping:
    """Reads a mapping file.

    Raises:
        ConfigError: with every problem of the file, each with its line, key and remedy.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"it is not valid TOML: {error}.", where=file) from None
    loader = _Loader(file, _key_lines(text))
    head = loader.head({key: value for key, value in raw.items() if key not in RECORDS})
    records = tuple(loader.record(kind, raw[kind]) for kind in RECORDS if kind in raw)
    loader.check_records(records)
    if loader.problems:
        raise ConfigError(loader.problems)
    return Mapping(name, file, identity.digest(text), records, **head.model_dump())


class _Loader:
    """Collects what is wrong with one file."""

    def __init__(self, file: str, lines: Dict[tuple[str, ...], int]) -> None:
        self._file = file
        self._lines = lines
        self.problems: list[Problem] = []

    def head(self, raw: Dict[str, Any]) -> _Head:
        try:
            return _Head.model_validate(raw)
        except ValidationError as error:
            self._invalid(error, (), (*_Head.model_fields, *RECORDS))
            return _Head()

    def record(self, kind: Kind, raw: Any) -> RecordMap:  # noqa: ANN401  whatever stands in the TOML
        if not isinstance(raw, dict):
            self._problem((kind,), f"must be a table: write [{kind}] on a line of its own, and the fields below it.")
            return RecordMap(kind, (), ())
        own = {name: value for name, value in raw.items() if name != "key"}
        fields = [f for path, value in _flat(kind, own) if (f := self._field(kind, path, value))]
        return RecordMap(kind, self._key(kind, raw, [f.name for f in fields]), tuple(fields))

    def check_records(self, records: Sequence[RecordMap]) -> None:
        if not records and not self.problems:
            self._problem((), f"it makes no record: add a table, such as [{next(iter(RECORDS))}].")
        made = {record.kind for record in records}
        for record in records:
            if record.kind in _LINKED:
                self._check_references(record, made)

    def _check_references(self, record: RecordMap, made: Collection[str]) -> None:
        names = {f.name for f in record.fields}
        for other in ("posting", "applicant"):
            given = sorted(name for name in names if name.startswith(f"{other}."))
            if other in made and given:
                path = (record.kind, *given[0].split("."))
                self._problem(path, f"the row's own [{other}] says which one it is; remove this line.")
            if other not in made and not given:
                wanted = " or ".join(name for name in _REFERENCES if name.startswith(other))
                self._problem((record.kind,), f"nothing tells which {other} is meant: add {wanted}, or [{other}].")

    # -- one field ----------------------------------------------------------------------------------

    def _field(self, kind: Kind, path: tuple[str, ...], raw: Any) -> FieldMap | None:  # noqa: ANN401  as above
        name, where = ".".join(path), (kind, *path)
        found = type_of(kind, name)
        if found is None:
            self._unknown_field(kind, name, where)
            return None
        spec = self._spec(raw, where)
        if spec is None:
            return None
        self._check_spec(spec, found, where)
        line = self._line(where)
        return FieldMap(name, spec, line)

    def _unknown_field(self, kind: Kind, name: str, where: tuple[str, ...]) -> None:
        if is_eeo(name):
            self._problem(where, "EEO data, IP addresses and coordinates are never kept; remove this line.")
        else:
            self._problem(where, f"{kind} has no such field.{_did_you_mean(name, [*field_types(kind), 'key'])}")

    def _spec(self, raw: Any, where: tuple[str, ...]) -> FieldSpec | None:  # noqa: ANN401  as above
        if not isinstance(raw, (str, list, dict)):
            self._problem(where, "give a column's name, a list of names, or a table; a constant is { default = … }.")
            return None
        try:
            return FieldSpec.model_validate(raw if isinstance(raw, dict) else {"column": raw})
        except ValidationError as error:
            self._invalid(error, where, tuple(FieldSpec.model_fields))
            return None

    def _check_spec(self, spec: FieldSpec, found: FieldType, where: tuple[str, ...]) -> None:
        if spec.column and spec.template is not None:
            self._problem(where, "has both `column` and `template`; keep one.")
        if not spec.columns and spec.default is None:
            self._problem(where, "names no column; add `column`, a `template` with {Column}, or a `default`.")
        if spec.required and not spec.columns:
            self._problem((*where, "required"), "means nothing without a column; remove it.")
        for column in filter(is_eeo, spec.columns):
            self._problem(where, f"{column!r} looks like EEO data, which is never kept; remove it.")
        for key, shapes in _APPLIES.items():
            if key in spec.model_fields_set and found.shape not in shapes:
                self._problem((*where, key), f"does not apply to this field; it is for: {', '.join(sorted(shapes))}.")
        if spec.split is not None and not found.many:
            self._problem((*where, "split"), "does not apply to this field, which is no list; remove it.")
        if spec.scale and spec.scale[0] >= spec.scale[1]:
            self._problem((*where, "scale"), "must be [lowest, highest], such as [1, 5].")
        self._check_values(spec, found, where)

    def _check_values(self, spec: FieldSpec, found: FieldType, where: tuple[str, ...]) -> None:
        neutral = partial(_parser, found, spec.model_copy(update={"values": {}, "other": None}), Options())
        cells: dict[tuple[str, ...], str] = {("values", raw): target for raw, target in spec.values.items()}
        cells |= {("other",): spec.other or "", ("default",): spec.default or ""}
        for path, cell in cells.items():
            try:
                if cell:
                    neutral("a field", {})(cell)
            except BadValue as error:
                self._problem((*where, *path), f"the value {cell!r} {error}.{_did_you_mean(cell, found.choices)}")

    def _key(self, kind: Kind, raw: Dict[str, Any], mapped: Collection[str]) -> tuple[str, ...]:
        if "key" not in raw:
            return tuple(name for name in _KEYS[kind] if name in mapped)
        key = raw["key"]
        if not isinstance(key, list) or not key or not all(isinstance(name, str) for name in key):
            self._problem((kind, "key"), 'must be a list of fields of this record, such as ["title"].')
            return ()
        for name in key:
            if name not in mapped:
                self._problem(
                    (kind, "key"), f"{name!r} is no field that this table fills.{_did_you_mean(name, mapped)}"
                )
        return tuple(key)

    # -- problems -----------------------------------------------------------------------------------

    def _line(self, path: tuple[str, ...]) -> int | None:
        return next((self._lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self._lines), None)

    def _problem(self, path: tuple[str, ...], why: str) -> None:
        line = self._line(path)
        self.problems.append(Problem(f"{self._file}:{line}" if line else self._file, ".".join(path), why))

    def _invalid(self, error: ValidationError, where: tuple[str, ...], known: Collection[str]) -> None:
        told = set()
        for found in error.errors(include_url=False, include_input=False, include_context=False):
            key = str(found["loc"][0])
            if key in told:  # the other branches of a union
                continue
            told.add(key)
            if found["type"] == "extra_forbidden":
                why = f"unknown key.{_did_you_mean(key, known)}"
            else:
                why = f"{found['msg'].removeprefix('Value error, ')}; mappings/README.md tells what it can be."
            self._problem((*where, key), why)


_NUMBERS = frozenset({"number", "integer", "amount"})
_APPLIES: Dict[str, frozenset[str]] = {
    "dates": frozenset({"day", "moment"}),
    "decimal": _NUMBERS,
    "scale": frozenset({"number"}),
}


def _flat(kind: Kind, table: Dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The fields of a record's table; `pay.min` may be written in a table of its own."""
    nests = {name.partition(".")[0] for name in field_types(kind) if "." in name} | {"answers"}
    for name, value in table.items():
        if name in nests and isinstance(value, dict):
            yield from (((name, leaf), inner) for leaf, inner in value.items())
        else:
            yield (name,), value


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


_TOML_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}\n]', re.DOTALL
)
_TOML_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*')"""
_TOML_PATH = re.compile(rf"\s*\[*\s*({_TOML_KEY}(?:\s*\.\s*{_TOML_KEY})*)")


def _key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line of every key outside inline tables. The text is valid TOML; its parser does not tell lines."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for start, statement in _statements(f"{text}\n"):
        found = _TOML_PATH.match(statement)
        if not found:
            continue
        path = tuple(part.strip("\"'") for part in re.findall(_TOML_KEY, found[1]))
        if statement.lstrip().startswith("["):
            table = path
        else:
            path = (*table, *path)
        lines.setdefault(path, text.count("\n", 0, start) + 1)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    start = depth = 0
    for token in _TOML_TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if token[0] == "\n" and depth == 0:
            yield start, text[start : token.start()]
            start = token.end()


# ---------------------------------------------------------------------------------------------- what rows become


@dataclass(frozen=True, slots=True)
class Options:
    """What a source's configuration adds to its mapping.

    Attributes:
        dates: the order of day, month and year in numeric dates; overrides the mapping's.
        timezone: where times without a zone are meant.
        values: for each field (`status` of what a row is about, or `applicant.channel`) what raw words mean.
    """

    dates: DateOrder | None = None
    timezone: tzinfo = UTC
    values: Dict[str, Dict[str, str]] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class Mapped:
    """A row that could be read: what it refers to comes first, what it is about comes last."""

    line: int
    drafts: tuple[Draft, ...]


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


class _Trouble(Exception):
    """Becomes a `RowProblem`."""

    def __init__(self, field: str, why: str) -> None:
        self.field = field
        self.why = why
        super().__init__(why)


# ------------------------------------------------------------------------------------------------- reading cells

_Parse = Callable[[str], Any]


def _currency(text: str) -> str:
    code = values.line(text).upper()
    if not re.fullmatch("[A-Z]{3}", code):
        raise BadValue("is no currency code; write three letters of ISO 4217, such as USD")
    return code


_PLAIN: Dict[str, _Parse] = {
    "text": values.line,
    "long": values.long_text,
    "id": values.identifier,
    "email": values.email,
    "url": values.url,
    "phone": values.phone,
    "person": values.person,
    "initials": values.initials,
    "boolean": values.boolean,
    "currency": _currency,
}


def _parser(found: FieldType, spec: FieldSpec, options: Options, label: str, extra: Dict[str, str]) -> _Parse:
    """Reads the text of a cell that is not blank; None where a word is mapped to nothing."""
    table = {fold(raw): target for raw, target in {**spec.values, **extra}.items()}
    if found.choices:
        parse = _choice(found.choices, table, spec.other, label)
    else:
        parse = _plain(found.shape, spec, options)
        if table or spec.other is not None:
            parse = _translated(parse, table, spec.other)
    return _listed(parse, spec.split or ";") if found.many else parse


def _plain(shape: str, spec: FieldSpec, options: Options) -> _Parse:
    if shape in {"day", "moment"}:
        formats = spec.dates if isinstance(spec.dates, tuple) else ()
        order: DateOrder | None = None if isinstance(spec.dates, tuple) else spec.dates
        reader = DateReader(options.timezone, options.dates or order, formats)
        return reader.day if shape == "day" else reader.moment
    if shape in _NUMBERS:
        read = {"number": values.number, "integer": values.integer, "amount": values.amount}[shape]
        return (
            _scaled(partial(values.number, decimal=spec.decimal), *spec.scale)
            if spec.scale
            else partial(read, decimal=spec.decimal)
        )
    return _PLAIN[shape]


def _scaled(parse: Callable[[str], float], low: float, high: float) -> _Parse:
    def read(text: str) -> float:
        value = parse(text)
        if not low <= value <= high:
            raise BadValue(f"is outside the scale from {low:g} to {high:g}; correct it, or the mapping's `scale`")
        return (value - low) / (high - low)

    return read


def _choice(choices: tuple[str, ...], table: Dict[str, str], other: str | None, label: str) -> _Parse:
    known = {**{fold(choice): choice for choice in choices}, **table}
    field_name = json.dumps(label) if "." in label else label

    @lru_cache(maxsize=256)  # a column of this kind repeats a few words
    def read(text: str) -> str | None:
        found = known.get(fold(text), other)
        if found is None:
            raise BadValue(
                f"holds a word that is not known; write one of {', '.join(choices)}, or say what it means: "
                f'values = {{ {field_name} = {{ "the word" = "{choices[0]}" }} }} at the source'
            )
        return found or None

    return read


def _translated(parse: _Parse, table: Dict[str, str], other: str | None) -> _Parse:
    def read(text: str) -> Any:  # noqa: ANN401  what `parse` makes of it
        target = table.get(fold(text), text if other is None else other)
        return parse(target) if target else None

    return read


def _listed(parse: _Parse, separator: str) -> _Parse:
    def read(text: str) -> list[Any] | None:
        parts = (parse(part) for part in values.split(text, separator) if not _blank(part))
        return list(dict.fromkeys(part for part in parts if part)) or None

    return read


def _blank(cell: str) -> bool:
    return not cell or cell.isspace()


# ------------------------------------------------------------------------------------------------- the header


class _Header:
    """Finds columns by name, once."""

    def __init__(self, header: Sequence[str], file: str) -> None:
        self.names = [values.line(name) for name in header]
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
        return next(iter(exact or positions), None)

    def shown(self) -> str:
        """The header, for messages; what looks like data is not shown, because a file may lack its header."""
        safe = [n if len(n) <= 40 and not re.search(r"@|[0-9]{4}", n) else "…" for n in self.names if n]
        return _listing(safe[:30]) + (" and more" if len(safe) > 30 else "")


def _listing(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


# ------------------------------------------------------------------------------------------------- compiling


@dataclass(slots=True)
class _Field:
    """A field bound to the columns of one header."""

    name: str
    parent: str
    leaf: str
    label: str
    parse: _Parse
    positions: tuple[int, ...]
    pieces: tuple[str | int, ...] | None
    default: Any
    required: bool
    origins: tuple[FieldOrigin, ...]
    unfilled: FieldOrigin

    def read(self, cells: Sequence[str]) -> tuple[Any, FieldOrigin]:
        """The value (None where there is none) and where it came from."""
        text, origin = self._text(cells)
        if not text:
            return self.default, self.unfilled
        try:
            return self.parse(text), origin
        except BadValue as error:
            raise _Trouble(self.label, f"column {origin.column!r} {error}.") from None

    def _text(self, cells: Sequence[str]) -> tuple[str, FieldOrigin]:
        if self.pieces is not None:
            return _filled(self.pieces, cells), self.origins[0]
        for index, position in enumerate(self.positions):
            text = cells[position]
            if text and not text.isspace():
                return text, self.origins[index]
        return "", self.unfilled


def _filled(pieces: Sequence[str | int], cells: Sequence[str]) -> str:
    """A template with its columns filled in; blank when all of them are, tidy at the ends when some are."""
    if all(_blank(cells[piece]) for piece in pieces if isinstance(piece, int)):
        return ""
    return "".join(cells[p].strip() if isinstance(p, int) else p for p in pieces).strip(" \t\n,;/|-")


@dataclass(slots=True)
class _Record:
    """A record bound to one header."""

    kind: Kind
    label: Callable[[str], str]
    key: tuple[str, ...]
    fields: tuple[_Field, ...]
    identifying: tuple[_Field, ...]
    positions: tuple[int, ...]
    validate: Callable[[Any], Any]

    def stated(self, cells: Sequence[str]) -> bool:
        """Whether the row says anything of it."""
        return any(not _blank(cells[position]) for position in self.positions)

    def draft(self, cells: Sequence[str], made: Dict[Kind, str]) -> Draft:
        """The record; `made` are the references of the row's records so far."""
        found, refs, origins = self._read(self.fields, cells, made)
        for f in self.fields:
            if f.required and f.name not in origins:
                column = f.origins[0].column
                raise _Trouble(f.label, f"column {column!r} is empty and must not be; fill it in, or remove the row.")
        ref = self._ref(found, refs)
        if self.kind == "applicant":
            _complete_names(found, origins)
        self._check(found, origins)
        return Draft(self.kind, ref, found.get("id"), found, refs, origins)

    def identify(self, cells: Sequence[str], made: Dict[Kind, str]) -> str:
        """The reference alone, for a row whose other fields may be unreadable."""
        found, refs, _ = self._read(self.identifying, cells, made)
        return self._ref(found, refs)

    def _read(
        self, fields: Sequence[_Field], cells: Sequence[str], made: Dict[Kind, str]
    ) -> tuple[dict[str, Any], dict[str, str], dict[str, FieldOrigin]]:
        found: dict[str, Any] = {}
        linked = self.kind in _LINKED
        refs = {f"{kind}.ref": ref for kind, ref in made.items() if linked and kind in _TELLING}
        origins: dict[str, FieldOrigin] = {}
        for f in fields:
            value, origin = f.read(cells)
            if value is None or value == "":
                continue
            origins[f.name] = origin
            if not f.leaf:
                found[f.parent] = value
            elif linked and f.name in _REFERENCES:
                refs[f.name] = value
            else:
                found.setdefault(f.parent, {})[f.leaf] = value
        return found, refs, origins

    def _ref(self, found: Dict[str, Any], refs: Dict[str, str]) -> str:
        pair = self._pair(refs) if self.kind in _LINKED else []
        if "id" in found:
            return f"id:{found['id']}"
        parts = [str(found.get(name, "")).casefold() for name in self.key]
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
            self.validate({"key": "-", **({"posting": "-", "applicant": "-"} if self.kind in _LINKED else {}), **found})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = ".".join(str(part) for part in first["loc"] if isinstance(part, str))
            column = origins[name].column if name in origins else None
            raise _Trouble(self.label(name), f"column {column!r} {_refusal(first['type'])}; correct it.") from None
        pay = found.get("pay", {})
        if pay.get("min", 0) > pay.get("max", float("inf")):
            raise _Trouble(self.label("pay.min"), "pay.min is more than pay.max; correct one of them.")


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


def _complete_names(found: dict[str, Any], origins: dict[str, FieldOrigin]) -> None:
    """The name from its parts, the parts from the name, the initials from the parts."""
    name, given, family = (found.get(part) for part in ("name", "given_name", "family_name"))
    source = origins.get("name") or origins.get("given_name") or origins.get("family_name")
    if source is None:
        return
    if name is None:
        name = " ".join(part for part in (given, family) if part)
    if given is None and family is None:
        given, family = values.name_parts(name)
    letters = values.initials_of(given, family)
    for part, value in (("name", name), ("given_name", given), ("family_name", family), ("initials", letters)):
        if value and part not in found:
            found[part], origins[part] = value, source


def compile_mapping(mapping: Mapping, header: Sequence[str], options: Options, *, programme: str, file: str) -> Mapper:
    """Binds a mapping to the header of one file.

    Raises:
        SourceError: a column that is needed is missing or ambiguous, or the options name what is not there.
    """
    return _Compiler(mapping, header, options, file).mapper(programme)


class _Compiler:
    """One mapping meets one header."""

    def __init__(self, mapping: Mapping, header: Sequence[str], options: Options, file: str) -> None:
        self._mapping = mapping
        self._header = _Header(header, file)
        self._options = Options(options.dates or mapping.dates, options.timezone, options.values)
        self._file = file
        self._missing: list[str] = []

    def mapper(self, programme: str) -> Mapper:
        self._check_option_values()
        bound = [self._record(record) for record in self._mapping.records]
        live = [record for record in bound if record.positions]
        for record in live:
            self._check_identity(record, {r.kind for r in live})
        if not live:
            self._missing.append("any record: none of the mapping's columns is there")
        if self._missing:
            raise SourceError(
                f"it lacks a column for {'; for '.join(self._missing)}. Its columns are: {self._header.shown()}.",
                where=self._file,
                remedy=f"Rename a column, or use another mapping than {self._mapping.name!r}.",
            )
        return Mapper(live, len(self._header.names), programme)

    def _record(self, record: RecordMap) -> _Record:
        label = self._label(record.kind)
        fields = [self._field(record.kind, f, label(f.name)) for f in _with_source_status(record)]
        live = [f for f in fields if f.positions or f.default is not None]
        positions = tuple(dict.fromkeys(p for f in live for p in f.positions))
        if positions:
            lacking = [(f, g.spec.columns) for f, g in zip(fields, record.fields, strict=False)]
            self._missing += [_wanted(f.label, names) for f, names in lacking if f.required and not f.positions]
        needed = {"id", *record.key, *_REFERENCES}
        identifying = tuple(f for f in live if f.name in needed)
        validate = RECORDS[record.kind].__pydantic_validator__.validate_python
        return _Record(record.kind, label, record.key, tuple(live), identifying, positions, validate)

    def _label(self, kind: Kind) -> Callable[[str], str]:
        prefix = "" if kind == self._mapping.primary else f"{kind}."
        return lambda name: f"{prefix}{name}"

    def _field(self, kind: Kind, it: FieldMap, label: str) -> _Field:
        found = type_of(kind, it.name)
        assert found is not None  # noqa: S101  `load` refused unknown fields
        parse = _parser(found, it.spec, self._options, label, self._option_values(kind, it.name, label))
        at = {column: p for column in it.spec.columns if (p := self._header.find(column)) is not None}
        positions = tuple(dict.fromkeys(at.values()))
        origins = [FieldOrigin(self._header.names[p], it.line) for p in positions]
        pieces = None
        if it.spec.template is not None and positions:
            pieces = tuple(_pieces(it.spec.template, at))
            origins = [FieldOrigin(" + ".join(self._header.names[p] for p in positions), it.line)]
        default = None if it.spec.default is None else parse(it.spec.default)
        unfilled = FieldOrigin(None, it.line)
        parent, _, leaf = it.name.partition(".")
        return _Field(
            it.name, parent, leaf, label, parse, positions, pieces, default, it.spec.required, tuple(origins), unfilled
        )

    def _check_identity(self, record: _Record, made: Collection[Kind]) -> None:
        names = {f.name for f in record.identifying}
        plain = ("id", *record.key[:1])
        if record.kind not in _LINKED and names.isdisjoint(plain):
            self._missing.append(self._wanted_any(record.kind, plain))
        for other, telling in _TELLING.items() if record.kind in _LINKED else ():
            if other not in made and names.isdisjoint(telling):
                known = {f.name for r in self._mapping.records if r.kind == record.kind for f in r.fields}
                kind: Kind = record.kind if not known.isdisjoint(telling) else typing.cast("Kind", other)
                self._missing.append(self._wanted_any(kind, telling if kind == record.kind else ("id", "email")))

    def _wanted_any(self, kind: Kind, names: Collection[str]) -> str:
        maps = [f for r in self._mapping.records if r.kind == kind for f in r.fields if f.name in names]
        label = " or ".join(self._label(kind)(f.name) for f in maps) or f"the id of the {kind}"
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
                self._refuse_values(name, f"the mapping fills no such field.{_did_you_mean(name, known)}")
            for target in table.values() if known[name] else ():
                if target and target not in known[name]:
                    self._refuse_values(name, f"{target!r} is none of {', '.join(known[name])}.")

    def _refuse_values(self, name: str, why: str) -> typing.NoReturn:
        raise SourceError(f"values.{name}: {why}", where=self._file, remedy="Correct `values` of the source.")


def _wanted(label: str, columns: Iterable[str]) -> str:
    names = list(dict.fromkeys(columns))
    return f"{label} ({_listing(names[:6])}{' …' if len(names) > 6 else ''})"


def _with_source_status(record: RecordMap) -> Sequence[FieldMap]:
    """The raw word of a mapped status is kept in source_status."""
    names = {f.name: f for f in record.fields}
    status = names.get("status")
    if status is None or "source_status" in names:
        return record.fields
    raw = FieldSpec(column=status.spec.column, template=status.spec.template)
    return [*record.fields, FieldMap("source_status", raw, status.line)]


def _pieces(template: str, at: Dict[str, int]) -> Iterator[str | int]:
    """Literal text and column positions; a column that the file lacks counts as empty."""
    for index, piece in enumerate(_PLACEHOLDER.split(template)):
        if index % 2 == 0:
            yield piece
        elif piece in at:
            yield at[piece]


# --------------------------------------------------------------------------------------------------- the mapper


class Mapper:
    """Maps the rows of one file. Made by `compile_mapping`."""

    def __init__(self, records: Sequence[_Record], width: int, programme: str) -> None:
        self._records = records
        self._width = width
        self._programme = programme
        self._columns = tuple(dict.fromkeys(position for record in records for position in record.positions))
        self._faults: dict[str, int] = {}

    def map(self, line: int, cells: Sequence[str]) -> Mapped | RowProblem:
        """The records of a row, or why there are none. Never raises for whatever stands in a cell."""
        if len(cells) != self._width:
            return self.fault(line, f"the row has {len(cells)} cells where the header has {self._width}; correct it.")
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
        if not drafts:
            why = "no mapped column has a value; fill the row in, or remove it."
            return RowProblem(line, "", why, self._digest(cells))
        return Mapped(line, tuple(drafts))

    def fault(self, line: int, why: str) -> RowProblem:
        """A row that is no row. Without cells, the n-th of its kind in a file is what is known again."""
        self._faults[why] = self._faults.get(why, 0) + 1
        return RowProblem(line, "", why, identity.digest("fault", why, str(self._faults[why]), key=self._programme))

    def _digest(self, cells: Sequence[str]) -> str:
        return identity.digest(*(cells[position] for position in self._columns), key=self._programme)

    def _present(self, cells: Sequence[str]) -> tuple[tuple[Kind, str], ...]:
        made: dict[Kind, str] = {}
        try:
            for record in self._records:
                if record.stated(cells):
                    made[record.kind] = record.identify(cells, made)
        except _Trouble:
            return ()
        return tuple(made.items())
