"""Which rows are the header, and what its columns are called: the same for text and for sheets.

Form tools write up to three header rows. What is read of each is what stays the same from one export to the next:

    Qualtrics      names, questions, import ids (if nobody deleted them): the names (`Q1`). Older exports: `V1` and so
                   on in the first row, whose names are in the second one
    SurveyMonkey   questions, options: `question: option`, or `question` alone where there is one answer
    others         one row, or as many as `header_rows` says, joined likewise
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mi_sync.connector import Row, distinct
from mi_sync_files.cells import is_blank
from mi_sync_files.place import Place

MOST_ROWS = 3
"""A header has no more rows."""
_MAX_TITLES = 10
"""A header is looked for below so many rows at most."""
_MOSTLY = 0.75
"""So large a part of the rows fits under a header that was found."""
_IMPORT_ID = re.compile(r'\{\s*"ImportId"\s*:')
_NUMBERED = re.compile(r"V[0-9]+")
_ONE_ANSWER = {"response", "open-ended response"}
"""What SurveyMonkey writes below a question with a single answer."""
_PHRASE = re.compile(r"\s|://|:$")
"""What a title has and the name of a column rarely."""
_MARK = " \t\r\n\ufeff"
"""White space, and the mark with which a file begins that was appended to another one."""
_REPEATED = "it is the header once more"
_END = re.compile(r"\*\*\s*EndOfHeader\s*\*\*", re.IGNORECASE)
"""What AppliTrack writes behind the last name; it names no column."""

Cells = Sequence[str]


class Header(NamedTuple):
    """The names of the columns, no two of which are the same, their labels if they have any, and the rows below."""

    names: list[str]
    labels: list[str]
    rows: Iterator[Row]


def read_header(first: Row, rows: Iterator[Row], told: int | None, place: Place) -> Header:
    """The header that begins with a row; `told` is how many rows it has, if that is known.

    Raises:
        SourceError: they are not there, or one of them cannot be read.
    """
    below = list(itertools.islice(rows, MOST_ROWS - 1))
    found = [first.cells, *(row.cells for row in itertools.takewhile(lambda row: row.is_record, below))]
    count = told or _count(found)
    if count > len(found):
        raise place.error(f"of its header only {len(found)} rows can be read.", "Correct `header_rows`.", first.line)
    rows = _without_repeats(first.cells, itertools.chain(below[count - 1 :], rows))
    names = ("" if _END.fullmatch(name.strip()) else name for name in _names(found[:count]))
    return Header(distinct(names), _labels(found[:count]), rows)


def _without_repeats(header: Cells, rows: Iterator[Row]) -> Iterator[Row]:
    """Where exports were put together, the header comes again, and is no record."""
    told = _trimmed(header)
    if len(told) < 2 or not _are_names(told):
        yield from rows
        return
    for row in rows:
        may_be = row.cells and row.cells[0].strip(_MARK) == told[0]  # a short look, as it is made at every row
        yield Row(row.line, (), skip=_REPEATED) if may_be and _trimmed(row.cells) == told else row


def _trimmed(cells: Cells) -> list[str]:
    trimmed = [cell.strip(_MARK) for cell in cells]
    while trimmed and not trimmed[-1]:
        del trimmed[-1]
    return trimmed


def _count(rows: Sequence[Cells]) -> int:
    """How many rows the header surely has."""
    for index, row in enumerate(rows[1:MOST_ROWS], 2):
        if _are_import_ids(row):
            return index
    return 2 if len(rows) > 1 and _are_two(rows[0], rows[1]) else 1


def _are_two(first: Cells, second: Cells) -> bool:
    if _is_survey_monkey(first):
        return is_blank(second[:2])
    return _is_numbered(first) or (_is_qualtrics(first) and _repeats(first, second))


def _names(rows: Sequence[Cells]) -> list[str]:
    first = list(rows[0])
    if any(map(_are_import_ids, rows)) or _is_qualtrics(first):
        return first
    if len(rows) == 1:
        return _filled_forward(first) if _is_survey_monkey(first) else first
    if _is_numbered(first):
        below = [*rows[1], *[""] * len(first)]
        return [b if b.strip() and _NUMBERED.fullmatch(a.strip()) else a for a, b in zip(first, below, strict=False)]
    return _joined(rows)


def _labels(rows: Sequence[Cells]) -> list[str]:
    """The questions below the names that Qualtrics gives its columns."""
    first, *below = rows
    is_named = any(map(_are_import_ids, below)) or _is_qualtrics(first) or _is_numbered(first)
    questions = next((row for row in below if not _are_import_ids(row)), []) if is_named else []
    return [*questions, *[""] * len(first)][: len(first)] if questions else []


def _are_import_ids(row: Cells) -> bool:
    filled = [cell for cell in row if cell.strip()]
    return bool(filled) and all(_IMPORT_ID.match(cell.strip()) for cell in filled)


def _is_numbered(row: Cells) -> bool:
    return [cell.strip() for cell in row[:10]] == [f"V{number}" for number in range(1, 11)]


def _is_qualtrics(row: Cells) -> bool:
    return {"recordeddate", "responseid"} <= set(map(_plain, row))


def _repeats(first: Cells, second: Cells) -> bool:
    """Whether cells say what their columns are called (`ResponseId`, `Response ID`), as no record does."""
    return sum(1 for a, b in zip(first, second, strict=False) if a.strip() and _plain(a) == _plain(b)) > 1


def _is_survey_monkey(row: Cells) -> bool:
    return list(map(_plain, row[:2])) == ["respondentid", "collectorid"]


def _plain(cell: str) -> str:
    return re.sub(r"\s", "", cell).casefold()


def _filled_forward(row: Cells) -> list[str]:
    """Without what stands below its questions, each column has the name of its question."""
    names: list[str] = []
    for cell in row:
        names.append(cell if cell.strip() or not names else names[-1])
    return names


def _joined(rows: Sequence[Cells]) -> list[str]:
    """The names of columns whose header has several rows; a cell stands also for the blank ones to its right."""
    width = max(map(len, rows))
    groups = [""] * len(rows)
    names = []
    for column in zip(*([*row, *[""] * (width - len(row))] for row in rows), strict=True):
        cells = [cell.strip() for cell in column]
        for level, cell in enumerate(cells):
            if cell:
                groups[level:] = [cell, *[""] * (len(rows) - level - 1)]
        deepest = max((level for level, cell in enumerate(cells) if cell), default=-1)
        names.append(_name_of(groups[: deepest + 1]))
    return names


def _name_of(parts: Sequence[str]) -> str:
    told = list(dict.fromkeys(filter(None, parts)))
    if len(told) > 1 and told[-1].casefold() in _ONE_ANSWER:
        del told[-1]
    return ": ".join(told)


# ------------------------------------------------------------------------------------------------- titles


def find_header(rows: Sequence[Cells]) -> int:
    """The index of the header: 0, unless nothing but titles and blank rows can be above a later one.

    Titles have one cell. The first row with more is the header if its cells look like names and the rows below it, up
    to the last one with more than one cell, fit under it, but for a few that are broken. Anything less clear is left to
    `header_row`.
    """
    at = next((i for i, row in enumerate(rows[: _MAX_TITLES + 1]) if filled(row) > 1), 0)
    below = [row for row in rows[at + 1 :] if not is_blank(row)]
    while below and filled(below[-1]) == 1:  # such as "End of report"
        del below[-1]
    is_clear = (
        bool(below)
        and _are_names(rows[at])
        and all(is_blank(row) or _is_title(row) for row in rows[:at])
        and _MOSTLY * len(below) <= sum(1 for row in below if _fits(row, len(rows[at])))
    )
    return at if is_clear else 0


def _fits(row: Cells, width: int) -> bool:
    return len(row) > 1 and is_blank(row[width:])


def filled(row: Cells) -> int:
    """How many cells have something in them."""
    return sum(1 for cell in row if cell.strip())


def _is_title(row: Cells) -> bool:
    """A spreadsheet that is saved as text pads a title with delimiters; a single word there may be a name."""
    is_padded = len(row) > 2 and bool(row[0].strip()) and filled(row) == 1
    return len(row) == 1 or (is_padded and bool(_PHRASE.search(row[0].strip())))


def _are_names(row: Cells) -> bool:
    """No values: every cell is a distinct word or phrase, none is an address or a number."""
    names = [cell.strip() for cell in row]
    return len(set(names)) == len(names) and all(n and n[0].isalpha() and not {"@", "/"} & set(n) for n in names)
