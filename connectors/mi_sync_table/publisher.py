"""Tables as files: a CSV file for each view, or a workbook with a sheet for each."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Protocol

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from mi_sync.connector import Context, View
from mi_sync.errors import ConfigError
from mi_sync.sheets import as_csv, defused
from mi_sync.writing import write_atomically
from mi_sync_table import TableConfig

_PLACE = "{view}"
_LONGEST = 32_767
"""Characters that a cell of a workbook takes (Excel specifications and limits)."""
_WIDEST = 60
"""Characters that a column is wide at most."""

Cell = str | int | float | bool | date | datetime | None


class _Writer(Protocol):
    """A kind of file: writes a table unless it stands there already, and tells whether it did."""

    def write(self, file: Path, name: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bool: ...


class TablePublisher:
    """Writes each view as a table, with the names of its fields as the header.

    Args:
        settings: the target's.
        context: from the core.
    """

    def __init__(self, settings: TableConfig, context: Context) -> None:
        self._path, self._root, self._where = settings.path, context.root, f"targets.{context.name}"
        self._timezone = context.timezone
        self._writer: _Writer = _Csv() if settings.path.casefold().endswith(".csv") else _Workbook()
        self._written: dict[Path, str] = {}

    @property
    def requests(self) -> int:
        """Files need none."""
        return 0

    def publish(self, view: View) -> bool:
        """Writes the view's table.

        Raises:
            ConfigError: the file cannot be written, or two views would have the same name.
            Unavailable: the disk is full.
        """
        file = self._file(view.name)
        columns = view.columns or dict.fromkeys(name for row in view.rows for name in row)
        header = [name for name in columns if view.as_is or name not in _NOT_SHOWN]
        rows = [[self._cell(row.get(name)) for name in header] for row in view.rows]
        return self._writer.write(file, view.name, header, rows)

    def _file(self, view: str) -> Path:
        file = self._root / self._path.replace(_PLACE, view)
        before = self._written.setdefault(file, view)
        if before != view and isinstance(self._writer, _Csv):
            raise ConfigError(
                f"the views {before} and {view} would be written into the same file.",
                where=f"{self._where}.path",
                remedy='Put {view} into its name, such as "tables/{view}.csv", or use .xlsx.',
            )
        return file

    def _cell(self, value: Any) -> Cell:  # noqa: ANN401  a view's value
        """As a table shows it: instants in the programme's time, several values in one cell."""
        if isinstance(value, datetime):
            return value.astimezone(self._timezone).replace(tzinfo=None)
        if isinstance(value, tuple):
            return "; ".join(map(str, value))
        if value is None or isinstance(value, str | int | float | date):
            return value
        return str(value)


_NOT_SHOWN = frozenset({"key", "engagement", "body"})
"""Ours alone, or too long for a cell."""


class _Csv:
    def write(self, file: Path, name: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bool:
        del name
        text = as_csv(header, [[_text(cell) for cell in row] for row in rows])
        if file.exists() and file.read_bytes() == text.encode():
            return False
        write_atomically(file, text, with_folder=True)
        return True


def _text(cell: Cell) -> object:
    """Dates in ISO 8601 and yes or no, as the mappings that are shipped read them."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return cell.isoformat(" ", timespec="minutes")
    return cell.isoformat() if isinstance(cell, date) else cell


class _Workbook:
    """A sheet for each view; the sheets of other views stay as they are."""

    def write(self, file: Path, name: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bool:
        book = _book(file)
        table = [[_shown(cell) for cell in row] for row in (header, *rows)]
        if name in book.sheetnames:
            if _filled(book[name].iter_rows(values_only=True)) == _filled(table):
                return False
            del book[name]
        _fill(book.create_sheet(name), table)
        out = io.BytesIO()
        book.save(out)
        write_atomically(file, out.getvalue(), with_folder=True)
        return True


def _filled(table: Iterable[Sequence[object]]) -> list[Sequence[object]]:
    """The rows in which something stands: a workbook forgets empty ones."""
    return [tuple(row) for row in table if any(cell is not None for cell in row)]


def _book(file: Path) -> Workbook:
    if not file.exists():
        book = Workbook()
        book.remove(book.worksheets[0])
        return book
    try:
        return load_workbook(file)
    except Exception as error:  # noqa: BLE001  a damaged workbook fails in many ways
        raise ConfigError(
            f"there is a file that is no workbook, and it is kept ({type(error).__name__}).",
            where=str(file),
            remedy="Name another, or move it away.",
        ) from None


def _fill(sheet: Worksheet, table: Sequence[Sequence[object]]) -> None:
    for row in table:
        sheet.append(list(row))
    sheet.freeze_panes = "A2"
    for number, column in enumerate(zip(*table, strict=True), start=1):
        sheet.cell(1, number).font = Font(bold=True)
        widest = max((len(str(cell)) for cell in column if cell is not None), default=0)
        sheet.column_dimensions[get_column_letter(number)].width = min(widest + 2, _WIDEST)


def _shown(cell: Cell) -> object:
    """As a workbook gives it back: a day is an instant there, and an empty text is nothing."""
    if isinstance(cell, str):
        return defused(ILLEGAL_CHARACTERS_RE.sub("", cell))[:_LONGEST] or None
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return datetime.combine(cell, time())
    return cell
