"""What stands below the records of a table: totals and notes such as "End of report", which are no records.

Only the last rows are looked at, and only what can be nothing else is skipped. A last line that is no row of this table
but may be the beginning of one is at fault, so that somebody looks.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from mi_sync.connector import Row

_MOST = 10
"""So many rows at the end are looked at."""
_TOTAL = re.compile(
    r"((grand|sub|sum)[\s-]*)?totals?(\s+(rows|records|results|entries|number|count))?\s*:?", re.IGNORECASE
)
_NUMBER = re.compile(r"[-+(]?\s*([A-Z]{3}|[^\w\s])?\s*\d[\d.,'\s]*([A-Z]{3}|[^\w\s])?\s*\)?")
_BEGINS = "TtGgSs \t\r\n\xa0"
"""How a word for a total may begin; so does an empty cell."""
_CUT = "it ends the table and has 1 cell, but the header has {}; complete it, or remove it if it is no record"
_RULE = re.compile(r"([-=*_#~])\1{2,}")
_AROUND = " \t\r\n*-=<>[](){}.:_#~\u2013\u2014"
_NOTE = re.compile(
    r"end of (the )?(report|file|export|list|data|document|table)"
    r"|((report|file|data|list|export)\s+)?(generated|exported|created|printed|downloaded|produced) (on|at|by|from)\b.*"
    r"|page \d+(\s*(of|/)\s*\d+)?"
    r"|(total|number of)?\s*(rows|records|results|entries)\s*:\s*\d[\d.,]*"
    r"|\d[\d.,]*\s+(rows?|records?|results?|entries)(\s+(exported|found|selected|returned|in total))?"
    r"|(copyright|©).*|(strictly )?confidential",
    re.IGNORECASE | re.DOTALL,
)


def without_ending(rows: Iterable[Row], width: int, *, lines: bool) -> Iterator[Row]:
    """The rows, as they are but for the last ones; `lines` says that a row is written with all its delimiters."""
    held: deque[Row] = deque()
    are_usual = not lines  # rows of a single cell
    for row in rows:
        if not held and _is_plain(row.cells):
            yield row
            continue
        if width > 1 and row.is_record and (_is_lone(row.cells) or _is_total(row.cells)):
            held.append(row)
            passed = [held.popleft()] if len(held) > _MOST else []
        else:
            passed = [*held, row]
            held.clear()
        are_usual = are_usual or any(len(each.cells) == 1 for each in passed)
        yield from passed
    yield from _judged(held, width, may_be_cut=not are_usual)


def _is_plain(cells: Sequence[str]) -> bool:
    """Whether a short look tells that nothing ends here, as it does for most rows."""
    return len(cells) > 1 and cells[0][:1] not in _BEGINS and bool(cells[1].strip())


def _is_lone(cells: Sequence[str]) -> bool:
    """Whether there is nothing beyond the first cell."""
    return not any(map(str.strip, cells[1:]))


def _is_total(cells: Sequence[str]) -> bool:
    """Whether a word for a total stands first, and nothing but numbers after it."""
    filled = (cell.strip() for cell in cells if not cell.isspace() and cell)
    first = next(filled, "")
    return bool(_TOTAL.fullmatch(first)) and all(map(_NUMBER.fullmatch, filled))


def _judged(last: Iterable[Row], width: int, *, may_be_cut: bool) -> Iterator[Row]:
    """The last rows: skipped, at fault, or as they are."""
    found: list[Row] = []
    for row in reversed(list(last)):
        why = _why_no_record(row.cells)
        # Above a row that is written out, a short one is only short.
        may_be_cut = may_be_cut and bool(why or len(row.cells) == 1)
        if why:
            found.append(Row(row.line, (), skip=why))
        elif may_be_cut and width > 2:
            found.append(Row(row.line, (), _CUT.format(width)))
        else:
            found.append(row)
    return reversed(found)


def _why_no_record(cells: Sequence[str]) -> str:
    if _is_total(cells):
        return "it is a total below the records"
    text = cells[0].strip()
    is_note = _RULE.fullmatch(text) or _NOTE.fullmatch(text.strip(_AROUND))
    return "it is a note below the records" if _is_lone(cells) and is_note else ""
