"""The mapping language: a TOML file says which columns make which records; read and checked as a whole.

The language is described in mappings/README.md; what a mapping says is compiled in `mapping`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from mi_sync import identity
from mi_sync.errors import ConfigError, Problem, did_you_mean
from mi_sync.fields import (
    DATES,
    KEYS,
    LINKED,
    NUMBERS,
    REFERENCES,
    FieldSpec,
    FieldType,
    Options,
    field_types,
    parser,
    type_of,
)
from mi_sync.model import RECORDS, Kind
from mi_sync.sensitive import is_eeo
from mi_sync.values import BadValue, DateOrder, fold

# ------------------------------------------------------------------------------------------ what a mapping says


class _Head(BaseModel):
    """What stands above the tables of a mapping file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    title: str = ""
    source: str = ""
    attested: Literal["header", "fields", "none"] = "none"
    direction: Literal["export", "upload", "own-data"] = "export"
    overlay: bool = False
    dates: DateOrder | None = None
    looks_like: tuple[str, ...] | None = None
    extends: str | None = None
    caution: str = ""


@dataclass(frozen=True, slots=True)
class FieldMap:
    """One field of a record: its dotted name (`pay.min`), how it is filled, and the file and line that say so.

    A constant of a source has neither file nor line.
    """

    name: str
    spec: FieldSpec
    line: int | None
    file: str = ""


@dataclass(frozen=True, slots=True)
class RecordMap:
    """One record that a row makes.

    Attributes:
        kind: of the record.
        key: the fields that identify it when it has no id.
        fields: how it is filled.
        each: the list within the row, each element of which makes one: `applications.*.jobs.*`.
    """

    kind: Kind
    key: tuple[str, ...]
    fields: tuple[FieldMap, ...]
    each: str | None = None


@dataclass(frozen=True, slots=True)
class SkipRule:
    """Rows that are no records: those with one of these words in this column."""

    column: str
    words: tuple[str, ...]


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
        looks_like: the columns by which a file of this format is recognised, all of which must be there; None leaves
            it to the columns that are read; empty, the mapping is never recognised and must be named.
        caution: what people should know when they first use it.
        skip: the rows that are no records.
        own: whether it stands beside the configuration; the others are shipped.
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
    looks_like: tuple[str, ...] | None = None
    caution: str = ""
    skip: tuple[SkipRule, ...] = ()
    own: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it names, in its own spelling."""
        read = [column for record in self.records for f in record.fields for column in f.spec.columns]
        return tuple(dict.fromkeys([*read, *(rule.column for rule in self.skip)]))

    @property
    def primary(self) -> Kind:
        """What a row is about: the last of its records, because the others are what it refers to."""
        return self.records[-1].kind


# --------------------------------------------------------------------------------------------- reading a mapping


Find = Callable[[str], Mapping]
"""The mapping of this name, or a `ConfigError`."""


def load(text: str, name: str, file: str, find: Find | None = None) -> Mapping:
    """Reads a mapping file; `find` gives the one that it extends.

    Raises:
        ConfigError: with every problem of the file, each with its line, key and remedy.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"it is not valid TOML: {error}.", where=file) from None
    loader = _Loader(file, _key_lines(text))
    head = loader.head({key: value for key, value in raw.items() if key not in {*RECORDS, "skip"}})
    base = loader.base(head.extends, find)
    own = [loader.record(kind, raw[kind]) for kind in RECORDS if kind in raw]
    records = _extended(own, base.records if base else ())
    loader.check_records(records)
    skip = loader.skip(raw.get("skip", {}))
    if loader.problems:
        raise ConfigError(loader.problems)
    digest = identity.digest(text, *([base.digest] if base else []))
    kept = (rule for rule in (base.skip if base else ()) if rule.column not in {own.column for own in skip})
    above = head.model_dump(exclude={"extends"})
    if base:
        above |= {key: getattr(base, key) for key in _INHERITED if key not in head.model_fields_set}
    return Mapping(name, file, digest, records, **above, skip=(*kept, *skip))


_INHERITED = ("overlay", "dates", "direction", "looks_like")
"""What stands above the tables of a mapping and is so of those that extend it."""


def _extended(own: Sequence[RecordMap], base: Sequence[RecordMap]) -> tuple[RecordMap, ...]:
    """The records of both; of a field that both have, what the extending mapping says."""
    ours, theirs = {record.kind: record for record in own}, {record.kind: record for record in base}
    return tuple(_joined(ours.get(kind), theirs.get(kind)) for kind in RECORDS if kind in ours or kind in theirs)


def _joined(one: RecordMap | None, other: RecordMap | None) -> RecordMap:
    kind = (one or other or _NOTHING).kind
    one, other = one or _NOTHING, other or _NOTHING
    named = {f.name for f in one.fields}
    fields = (*one.fields, *(f for f in other.fields if f.name not in named))
    chosen = () if other.key == _usual_key(kind, other.fields) else other.key
    return RecordMap(kind, one.key or chosen or _usual_key(kind, fields), fields, one.each or other.each)


_NOTHING = RecordMap("posting", (), ())


def _usual_key(kind: Kind, fields: Sequence[FieldMap]) -> tuple[str, ...]:
    """What identifies a record where its table does not say it."""
    names = {f.name for f in fields}
    return tuple(name for name in KEYS[kind] if name in names)


def with_constants(it: Mapping, constants: Dict[str, Any], where: str, path: str) -> Mapping:
    """The mapping with fields that are the same in every row of a source, whatever the row says.

    Args:
        it: the mapping.
        constants: values by field: of what a row is about (`kind`, `posting.title`), or `applicant.channel`.
        where: the file that says so, for messages.
        path: the key there.

    Raises:
        ConfigError: a record of this mapping has no such field, or it cannot hold the value.
    """
    if not constants:
        return it
    checker = _Loader(where, {})
    added: dict[Kind, list[FieldMap]] = {}
    for name, value in constants.items():
        kind, own = _whose(it, name)
        found = checker.constant(kind, own, value, (path, name))
        added.setdefault(kind, []).extend([found] if found else [])
    if checker.problems:
        raise ConfigError(checker.problems)
    records = [_joined(RecordMap(record.kind, (), tuple(added.get(record.kind, ()))), record) for record in it.records]
    said = repr(sorted((name, str(value)) for name, value in constants.items()))
    return replace(it, records=tuple(records), digest=identity.digest(it.digest, said))


def _whose(it: Mapping, name: str) -> tuple[Kind, str]:
    """The record that a field belongs to: one of the row's that it begins with, else what the row is about."""
    head, _, rest = name.partition(".")
    for record in it.records:
        if record.kind == head and rest:
            return record.kind, rest
    return it.primary, name


def _none_there(name: str) -> Mapping:
    raise ConfigError(f"there is no mapping {name!r} to extend.", where="extends")


class _Loader:
    """Collects what is wrong with one file."""

    def __init__(self, file: str, lines: Dict[tuple[str, ...], int]) -> None:
        self._file = file
        self._lines = lines
        self.problems: list[Problem] = []

    def head(self, raw: Dict[str, Any]) -> _Head:
        try:
            head = _Head.model_validate(raw)
        except ValidationError as error:
            self._invalid(error, (), (*_Head.model_fields, *RECORDS, "skip"))
            return _Head()
        self._check_looks(head)
        return head

    def _check_looks(self, head: _Head) -> None:
        for column in head.looks_like or ():
            if not fold(column):
                self._problem(("looks_like",), "a column's name is empty; remove it.")
            elif is_eeo(column):
                self._problem(("looks_like",), f"{column!r} looks like EEO data, which is never kept; remove it.")

    def base(self, name: str | None, find: Find | None) -> Mapping | None:
        """The mapping that this one extends."""
        if name is None:
            return None
        try:
            return (find or _none_there)(name)
        except ConfigError as error:
            self._problem(("extends",), f"{error.problems[0].where}: {error.problems[0].why}")
            return None

    def skip(self, raw: Any) -> tuple[SkipRule, ...]:  # noqa: ANN401  whatever stands in the TOML
        if not isinstance(raw, dict):
            self._problem(("skip",), "must be a table: write [skip] on a line of its own, and columns below it.")
            return ()
        return tuple(rule for column, words in raw.items() if (rule := self._skip_rule(column, words)))

    def _skip_rule(self, column: str, raw: Any) -> SkipRule | None:  # noqa: ANN401  as above
        words: list[Any] = raw if isinstance(raw, list) else [raw]
        if is_eeo(column):
            self._problem(("skip", column), f"{column!r} looks like EEO data, which is never looked at; remove it.")
        elif not words or not all(isinstance(word, str) and fold(word) for word in words):
            self._problem(("skip", column), 'give the words for which a row is skipped, such as ["Survey Preview"].')
        else:
            return SkipRule(column, tuple(words))
        return None

    def constant(self, kind: Kind, name: str, value: Any, where: tuple[str, ...]) -> FieldMap | None:  # noqa: ANN401  as above
        """A field with the same value in every row; `where` is the key of the configuration that says so."""
        found = type_of(kind, name)
        if found is None or name == "answers":
            self._unknown_field(kind, name, where)
            return None
        try:
            spec = FieldSpec.model_validate({"default": value})
        except ValidationError:
            spec = FieldSpec()
        if not spec.default:
            self._problem(where, 'must be a text, number, date, true or false, such as "check_in".')
            return None
        self._check_cell(spec.default, spec, found, where)
        return FieldMap(name, spec, None)

    def record(self, kind: Kind, raw: Any) -> RecordMap:  # noqa: ANN401  whatever stands in the TOML
        if not isinstance(raw, dict):
            self._problem((kind,), f"must be a table: write [{kind}] on a line of its own, and the fields below it.")
            return RecordMap(kind, (), ())
        own = {name: value for name, value in raw.items() if name not in {"key", "each"}}
        fields = [f for path, value in _flat(kind, own) if (f := self._field(kind, path, value))]
        return RecordMap(kind, self._key(kind, raw), tuple(fields), self._each(kind, raw))

    def _each(self, kind: Kind, raw: Dict[str, Any]) -> str | None:
        each = raw.get("each")
        if each is None or (isinstance(each, str) and re.fullmatch(r"(?:[^.*\s]+\.)+\*(?:\.(?:[^.*\s]+\.)+\*)*", each)):
            return each
        self._problem((kind, "each"), 'must name a list within the row, such as "applications.*".')
        return None

    def check_records(self, records: Sequence[RecordMap]) -> None:
        if not records and not self.problems:
            self._problem((), f"it makes no record: add a table, such as [{next(iter(RECORDS))}].")
        made = {record.kind for record in records}
        for record in records[:-1]:
            if record.each:
                self._problem(
                    (record.kind, "each"), "only what the row is about, its last record, can come several times."
                )
        for record in records:
            self._check_key(record)
            if record.kind in LINKED:
                self._check_references(record, made)

    def _check_key(self, record: RecordMap) -> None:
        filled = [f.name for f in record.fields]
        for name in record.key:
            if name not in filled:
                why = f"{name!r} is no field that this table fills.{did_you_mean(name, filled)}"
                self._problem((record.kind, "key"), why)

    def _check_references(self, record: RecordMap, made: Collection[str]) -> None:
        names = {f.name for f in record.fields}
        for other in ("posting", "applicant"):
            given = sorted(name for name in names if name.startswith(f"{other}."))
            if other in made and given:
                path = (record.kind, *given[0].split("."))
                self._problem(path, f"the row's own [{other}] says which one it is; remove this line.")
            if other not in made and not given:
                wanted = " or ".join(name for name in REFERENCES if name.startswith(other))
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
        self._check_name(where)
        self._check_spec(spec, found, where)
        line = self._line((*where, "column") if found.parts else where)
        return FieldMap(name, spec, line, self._file)

    def _unknown_field(self, kind: Kind, name: str, where: tuple[str, ...]) -> None:
        if is_eeo(name):
            self._problem(where, "EEO data, IP addresses and coordinates are never kept; remove this line.")
        else:
            known = [*field_types(kind), "key", "each"]
            self._problem(where, f"{kind} has no such field.{did_you_mean(name, known)}")

    def _spec(self, raw: Any, where: tuple[str, ...]) -> FieldSpec | None:  # noqa: ANN401  as above
        if not isinstance(raw, (str, list, dict)):
            self._problem(where, "give a column's name, a list of names, or a table; a constant is { default = … }.")
            return None
        try:
            return FieldSpec.model_validate(raw if isinstance(raw, dict) else {"column": raw})
        except ValidationError as error:
            self._invalid(error, where, tuple(FieldSpec.model_fields))
            return None

    def _check_name(self, where: tuple[str, ...]) -> None:
        if where[1:] == ("answers",):
            self._problem(where, 'holds many answers, each by its name: answers.motivation = "the column".')
        if is_eeo(where[-1]):
            self._problem(where, "EEO data, IP addresses and coordinates are never kept; remove this line.")

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
        if isinstance(spec.scale, tuple) and spec.scale[0] >= spec.scale[1]:
            self._problem((*where, "scale"), 'must be [lowest, highest], such as [1, 5], or "source".')
        self._check_values(spec, found, where)

    def _check_values(self, spec: FieldSpec, found: FieldType, where: tuple[str, ...]) -> None:
        neutral = spec.model_copy(update={"values": {}, "other": None})
        cells: dict[tuple[str, ...], str] = {("values", raw): target for raw, target in spec.values.items()}
        cells |= {("other",): spec.other or "", ("default",): spec.default or ""}
        for path, cell in cells.items():
            if cell:
                self._check_cell(cell, neutral, found, (*where, *path))

    def _check_cell(self, cell: str, spec: FieldSpec, found: FieldType, where: tuple[str, ...]) -> None:
        try:
            parser(found, spec, Options(), "a field", {})(cell)
        except BadValue as error:
            self._problem(where, f"the value {cell!r} {error}.{did_you_mean(cell, found.choices)}")

    def _key(self, kind: Kind, raw: Dict[str, Any]) -> tuple[str, ...]:
        if "key" not in raw:
            return ()
        key = raw["key"]
        if not isinstance(key, list) or not key or not all(isinstance(name, str) for name in key):
            self._problem((kind, "key"), 'must be a list of fields of this record, such as ["title"].')
            return ()
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
                why = f"unknown key.{did_you_mean(key, known)}"
            else:
                why = f"{found['msg'].removeprefix('Value error, ')}; mappings/README.md tells what it can be."
            self._problem((*where, key), why)


_APPLIES: Dict[str, frozenset[str]] = {
    "dates": DATES,
    "decimal": NUMBERS,
    "scale": frozenset({"rating"}),
}


def _flat(kind: Kind, table: Dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The fields of a record's table; `pay.min` may be written in a table of its own, beside how `pay` is filled."""
    types = field_types(kind)
    nests = {name.partition(".")[0] for name in types if "." in name} | {"answers"}
    for name, value in table.items():
        if name not in nests or not isinstance(value, dict):
            yield (name,), value
            continue
        is_filled_whole = name in types and types[name].parts
        own = {key: inner for key, inner in value.items() if is_filled_whole and key in FieldSpec.model_fields}
        if own:
            yield (name,), own
        yield from (((name, leaf), inner) for leaf, inner in value.items() if leaf not in own)


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
