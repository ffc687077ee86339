"""The fields that a mapping can fill: which there are, how one is described, and how a cell becomes its value.

Nothing here reads files, the clock or the network, and no message repeats a cell.
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import cache, lru_cache, partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mi_sync import values
from mi_sync.model import RECORDS, Hours, Kind, Pay
from mi_sync.values import BadValue, DateOrder, DateReader, fold

# ------------------------------------------------------------------------------------------ the fields there are

LINKED: tuple[Kind, ...] = ("application", "feedback")
REFERENCES = ("posting.id", "posting.title", "applicant.id", "applicant.email")
KEYS: Dict[Kind, tuple[str, ...]] = {
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
    "min": "amount", "max": "amount", "currency": "currency", "pay": "pay",
    "estimated": "hours", "total": "hours", "rating": "rating", "graduation": "graduation",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldType:
    """What a field holds: `shape` names a reader, `choices` are its only values, `many` makes it a list.

    The reader of `parts` finds several fields in one cell: `pay` gives `pay.min`, `pay.currency` and so on.
    """

    shape: str
    many: bool = False
    choices: tuple[str, ...] = ()

    @property
    def parts(self) -> bool:
        """Whether one cell fills several fields."""
        return self.shape == "pay"


@cache
def field_types(kind: Kind) -> Dict[str, FieldType]:
    """The fields that a mapping may fill, by dotted name; `answers` stands for any name below it."""
    found: dict[str, FieldType] = {}
    for name, info in RECORDS[kind].model_fields.items():
        if name == "key" or (kind in LINKED and name in {"posting", "applicant"}):
            continue
        nested = next((m for m in (Hours, Pay) if m in typing.get_args(info.annotation)), None)
        for leaf, inner in nested.model_fields.items() if nested else ():
            found[f"{name}.{leaf}"] = _field_type(leaf, inner.annotation)
        if nested is None:
            found[name] = _field_type(name, info.annotation)
        elif name in _SHAPES:
            found[name] = FieldType(_SHAPES[name])
    if kind in LINKED:
        found.update({name: FieldType(_SHAPES.get(name.partition(".")[2], "text")) for name in REFERENCES})
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


# ---------------------------------------------------------------------------------------- how one is described

_ORDERS = ("dmy", "mdy", "ymd")
DATES = frozenset({"day", "moment", "graduation"})
"""The shapes that `dates` applies to."""
NUMBERS = frozenset({"number", "integer", "amount", "hours", "rating", "pay"})
"""The shapes that `decimal` applies to."""


def _one_or_many(raw: Any) -> Any:  # noqa: ANN401  whatever stands in the TOML
    return (raw,) if isinstance(raw, str) else raw


def _as_cell(raw: Any) -> Any:  # noqa: ANN401  as above
    if isinstance(raw, (date, datetime)):
        return raw.isoformat()
    return str(raw).lower() if isinstance(raw, (bool, int, float)) else raw


def _dates(raw: Any) -> Any:  # noqa: ANN401  as above
    formats = [raw] if isinstance(raw, str) and values.is_epoch(raw) else raw
    for form in formats if isinstance(formats, list) else ():
        if not isinstance(form, str) or not (values.is_epoch(form) or re.search("%[yYcxG]", form)):
            raise ValueError('every format is a text with a year, such as "%d.%m.%Y"')
        if not values.is_epoch(form):
            _check_format(form)
    return formats


def _check_format(form: str) -> None:
    """What `strftime` writes with it must be read: a code is unknown, stands twice or lacks another, else."""
    if "%Z" in form:
        raise ValueError(
            '%Z is read otherwise on every machine; take %z, or leave the format out: "10:00 EST" is known'
        )
    try:
        datetime.strptime(datetime(2026, 1, 2, tzinfo=UTC).strftime(form), form)  # noqa: DTZ007  only tried
    except (ValueError, re.error):
        raise ValueError(f'{form!r} is no format that a date can be read with, such as "%d.%m.%Y"') from None


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
    scale: tuple[float, float] | Literal["source"] | None = None
    default: Annotated[str | None, BeforeValidator(_as_cell)] = None
    required: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it reads."""
        return self.column + tuple(PLACEHOLDER.findall(self.template or ""))


PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def is_numbered(column: str) -> bool:
    """Whether a column's name has a part that stands for any number, as in `skills.*.name`."""
    return "*" in column and "*" in column.split(".")


@lru_cache(maxsize=4096)
def column_pattern(name: str, *, below: bool = False) -> re.Pattern[str]:
    """The folded names of the columns that a name stands for, with its numbers; `below`, also of those inside."""
    parts = ["([0-9]{1,5})" if part == "*" else re.escape(part) for part in fold(name).split(".")]
    return re.compile(r"\.".join(parts) + (r"(?:\..*)?" if below else ""))


@dataclass(frozen=True, slots=True)
class Options:
    """What a source's configuration adds to its mapping.

    Attributes:
        dates: the order of day, month and year in numeric dates; overrides the mapping's.
        timezone: where times without a zone are meant.
        values: for each field (`status` of what a row is about, or `applicant.channel`) what raw words mean.
        pay: what amounts mean where no cell says so: `currency` and `per`.
        scale: lowest and highest of a rating, where the mapping leaves it to the source.
    """

    dates: DateOrder | None = None
    timezone: tzinfo = UTC
    values: Dict[str, Dict[str, str]] = field(default_factory=dict)
    pay: Dict[str, str] = field(default_factory=dict)
    scale: tuple[float, float] | None = None


# ------------------------------------------------------------------------------------------------- reading cells

Parse = Callable[[str], Any]
"""Text of a cell → its value, or `BadValue`."""

_PLAIN: Dict[str, Parse] = {
    "text": values.text,
    "long": values.long_text,
    "id": values.identifier,
    "email": values.email,
    "url": values.url,
    "phone": values.phone,
    "person": values.person,
    "initials": values.initials,
    "boolean": values.boolean,
    "currency": values.currency,
}


_FAILED = re.compile(r"#(?:[A-Z/0]+[!?]|N/A|GETTING_DATA|#{2,})")
"""The errors of spreadsheets, in English and most other languages, and what a column shows that is too narrow."""

_NUMERIC: Dict[str, Callable[..., Any]] = {
    "number": values.number,
    "integer": values.integer,
    "amount": values.amount,
    "hours": values.hours,
    "pay": values.pay,
}


def parser(found: FieldType, spec: FieldSpec, options: Options, label: str, extra: Dict[str, str]) -> Parse:
    """Reads the text of a cell that is not blank; None where a word is mapped to nothing."""
    table = {fold(raw): target for raw, target in {**spec.values, **extra}.items()}
    if found.choices:
        parse = _choice(found.choices, table, spec.other, label)
    else:
        parse = _uncomputed(_plain(found.shape, spec, options))
        other = spec.other
        if found.parts and other is not None:
            parse, other = _or_else(parse, other), None
        if table or other is not None:
            parse = _translated(parse, table, other)
    if found.shape in _REPEATED:
        parse = _remembered(parse)
    if found.many:
        return _listed(parse, spec.split or ";")
    return _first(parse, spec.split) if spec.split else parse


_REPEATED = frozenset({"text", "boolean", "currency", "number", "integer", "amount", "hours", *DATES})
"""The shapes of which a column often has the same few texts."""
_SHORT = 80
"""Only a text of so few characters is remembered."""


def _remembered(parse: Parse) -> Parse:
    known = lru_cache(maxsize=512)(parse)  # what it raises is not remembered
    return lambda text: known(text) if len(text) <= _SHORT else parse(text)


def _uncomputed(parse: Parse) -> Parse:
    """Where a formula failed, the spreadsheet says so in the cell: such a word is neither a title nor an id."""

    def read(text: str) -> Any:  # noqa: ANN401  what `parse` makes of it
        if "#" in text and _FAILED.fullmatch(text.strip()):
            raise BadValue(
                "holds what a spreadsheet shows where it failed, such as #REF!; mend it there and export again"
            )
        return parse(text)

    return read


def _plain(shape: str, spec: FieldSpec, options: Options) -> Parse:
    if shape in DATES:
        formats = spec.dates if isinstance(spec.dates, tuple) else ()
        order: DateOrder | None = None if isinstance(spec.dates, tuple) else spec.dates
        reader = DateReader(options.timezone, options.dates or order, formats)
        if shape == "graduation":
            return partial(values.graduation, dates=reader)
        return reader.day if shape == "day" else reader.moment
    if shape == "rating":
        scale = options.scale if spec.scale == "source" else spec.scale
        return partial(values.rating, scale=scale, decimal=spec.decimal)
    if shape in NUMBERS:
        return partial(_NUMERIC[shape], decimal=spec.decimal)
    return _PLAIN[shape]


def _choice(choices: tuple[str, ...], table: Dict[str, str], other: str | None, label: str) -> Parse:
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


def _translated(parse: Parse, table: Dict[str, str], other: str | None) -> Parse:
    def read(text: str) -> Any:  # noqa: ANN401  what `parse` makes of it
        target = table.get(fold(text), text if other is None else other)
        return parse(target) if target else None

    return read


def _or_else(parse: Parse, other: str) -> Parse:
    """A text of many words can hardly be listed in `values`, so that `other` stands for what cannot be read."""

    def read(text: str) -> Any:  # noqa: ANN401  what `parse` makes of it
        try:
            return parse(text)
        except BadValue:
            return parse(other) if other else None

    return read


def _listed(parse: Parse, separator: str) -> Parse:
    def read(text: str) -> list[Any] | None:
        parts = (parse(part) for part in values.split(text, separator) if not is_blank(part))
        return list(dict.fromkeys(part for part in parts if part)) or None

    return read


def _first(parse: Parse, separator: str) -> Parse:
    """Of several values in a cell, where the field holds one, the first counts."""

    def read(text: str) -> Any:  # noqa: ANN401  what `parse` makes of it
        part = next((part for part in values.split(text, separator) if not is_blank(part)), None)
        return None if part is None else parse(part)

    return read


def is_blank(cell: str) -> bool:
    """Whether there is nothing in it."""
    return not cell or cell.isspace()
