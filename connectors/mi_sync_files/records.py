"""Records that name their own columns (JSON, XML, JSON-LD) become a table with one header.

Nested names are joined by a dot: `location.city`. A list of scalars is one cell, joined by `;`; a part that holds `;`
or begins with a quote is quoted, as the mapping language's `split` reads it. A list of objects gives each its number:
`jobs.0.name`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mi_sync.connector import Row, Table, distinct
from mi_sync_files.cells import MAX_CELL, is_blank
from mi_sync_files.place import Place

MAX_COLUMNS = 10_000
"""No table has more."""
MAX_DEPTH = 64
"""No record is nested deeper."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; a name that comes twice names two columns."""
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    return dict(zip(distinct(name for name, _ in pairs), (value for _, value in pairs), strict=True))


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=str, strict=False)
"""Reads JSON with numbers as they are written, and forgives control characters in texts."""


class Record(NamedTuple):
    """A record: the line of the file on which it begins, and its values by column, or why it cannot be read."""

    line: int
    values: Mapping[str, str]
    fault: str = ""


def table_of(records: Callable[[], Iterator[Record]], place: Place, kind: str) -> Table:
    """The table of records, of which `records` makes two passes: one for the columns, one for the rows.

    A row goes by the number of its record, from 1, because such a file often is a single line; by its line where every
    line is a record.

    Raises:
        SourceError: none can be read, or they have too many columns.
        EmptySource: there is none.
    """
    header = tuple(_columns(records(), place))
    found = records() if kind == "jsonl" else _numbered(records())
    return Table(header, 1, _rows(found, header), kind)


def _numbered(records: Iterable[Record]) -> Iterator[Record]:
    return (record._replace(line=number) for number, record in enumerate(records, 1))


def _columns(records: Iterable[Record], place: Place) -> Mapping[str, None]:
    """All names, in the order in which they first come."""
    columns: dict[str, None] = {}
    fault = None
    for record in records:
        fault = fault or (record if record.fault else None)
        columns |= dict.fromkeys(record.values)
        if len(columns) > MAX_COLUMNS:
            raise place.error(f"it has more than {MAX_COLUMNS:,} columns.", "Is this a table?", record.line)
    if not columns and fault:
        raise place.error(f"no record can be read: {fault.fault}.", "Export it again.", fault.line)
    if not columns:
        raise place.empty("there are no records.")
    return columns


def _rows(records: Iterable[Record], header: Sequence[str]) -> Iterator[Row]:
    for record in records:
        cells = [record.values.get(name, "") for name in header]
        if record.fault:
            yield Row(record.line, (), record.fault)
        elif not is_blank(cells):
            yield Row(record.line, cells)


def record_of(line: int, value: object) -> Record:
    """The record of a JSON value whose numbers are text already."""
    if not isinstance(value, dict):
        return Record(line, {}, "it is no object")
    parts: dict[str, list[str]] = {}
    if not _flatten(value, "", parts, MAX_DEPTH):
        return Record(line, {}, f"it is nested deeper than {MAX_DEPTH} levels")
    return joined(line, parts)


def joined(line: int, parts: Mapping[str, Sequence[str]]) -> Record:
    """The record of values, several of which may have the same name."""
    values = {name: _cell(texts) for name, texts in parts.items()}
    if fault := next(filter(None, map(_fault, (*values, *values.values()))), ""):
        return Record(line, {}, fault)
    return Record(line, values)


def _cell(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else ";".join(map(_quoted, texts))


def _quoted(text: str) -> str:
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if ";" in text or text.startswith('"') else text


def _fault(text: str) -> str:
    if len(text) > MAX_CELL:
        return f"a cell is longer than {MAX_CELL:,} characters"
    if "\0" in text:
        return "a cell holds a NUL character"
    # An escape such as \ud800 names half a character, which can be written nowhere; a damaged byte becomes one, too.
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        return "a cell holds a byte that is no UTF-8, or half of a character (a lone surrogate)"
    return ""


def _flatten(value: object, path: str, parts: dict[str, list[str]], depth: int) -> bool:
    """Adds the scalars in a value to their columns; False when it is nested too deep."""
    if isinstance(value, dict) and (value or not path):
        inner = [(f"{path}.{name}" if path else name, each) for name, each in value.items()]
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        inner = [(f"{path}.{index}", each) for index, each in enumerate(value)]
    else:
        texts = value if isinstance(value, list) else [value]
        parts.setdefault(path, []).extend([_text(each) for each in texts] or [""])
        return True
    return depth > 0 and all(_flatten(each, name, parts, depth - 1) for name, each in inner)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return {None: "", True: "true", False: "false"}.get(value, "") if isinstance(value, bool | None) else ""
