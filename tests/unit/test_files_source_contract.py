"""The shipped contract of sources, held by files of every dialect and format."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import pytest

from mi_sync.connector import Context, Source
from mi_sync.testing import SOURCE_CHECKS
from mi_sync_files import FilesSource, Settings
from mi_sync_files.cells import MAX_CELL
from workbooks import text, workbook, zipped


class Folder:
    """A folder with one file at most (a `SourceLab`)."""

    def __init__(self, path: Path, encoding: str, delimiter: str) -> None:
        self._path = path
        self._encoding = encoding
        self._delimiter = delimiter

    def open(self) -> Source:
        return FilesSource(Settings(path=self._path.name), Context("files", self._path.parent, ZoneInfo("UTC")))

    def write(self, rows: Sequence[Sequence[str]]) -> None:
        with self._path.open("w", newline="", encoding=self._encoding) as text:
            csv.writer(text, delimiter=self._delimiter).writerows(rows)

    def blank(self) -> None:
        self._path.write_bytes(b"")

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def content(self) -> object:
        return (self._path.read_bytes(), self._path.stat().st_mtime_ns) if self._path.exists() else None


class Packed(Folder):
    """A file of another format or in an archive, made of the same rows.

    Formats whose records name their own columns have none to be beyond the header: a row with too many cells is a
    record that cannot be read.
    """

    def __init__(self, path: Path, pack: Callable[[Sequence[Sequence[str]]], bytes]) -> None:
        super().__init__(path, "", "")
        self._path = path
        self._pack = pack

    def write(self, rows: Sequence[Sequence[str]]) -> None:
        self._path.write_bytes(self._pack(rows))


def csv_bytes(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def records(rows: Sequence[Sequence[str]]) -> Iterator[dict[str, str] | None]:
    """Each row by its columns; None for one with content beyond them. An empty one first, in place of the header."""
    header, *body = rows
    yield {}
    for row in body:
        yield None if any(row[len(header) :]) else dict(zip(header, row, strict=False))


def json_list(rows: Sequence[Sequence[str]]) -> bytes:
    return ("[\n" + ",\n".join(map(json.dumps, records(rows))) + "\n]").encode()


def json_lines(rows: Sequence[Sequence[str]]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records(rows)).encode()


def feed(rows: Sequence[Sequence[str]]) -> bytes:
    def row(record: dict[str, str] | None) -> str:
        if record is None:
            return f"<row><x>{'x' * (MAX_CELL + 1)}</x></row>"
        return "<row>" + "".join(f"<{_tag(n)}>{escape(v)}</{_tag(n)}>" for n, v in record.items()) + "</row>"

    return ("<source>\n" + "\n".join(map(row, records(rows))) + "\n</source>").encode()


def page(rows: Sequence[Sequence[str]]) -> bytes:
    def script(record: dict[str, str] | None) -> str:
        data = "{" if record is None else json.dumps({"@type": "JobPosting", **record}).replace("</", "<\\/")
        return f'<script type="application/ld+json">{data}</script>'

    return ("<!doctype html>\n" + "\n".join(map(script, records(rows)))).encode()


def _tag(name: str) -> str:
    return name if name[0].isalpha() else f"c{name}"


PACKS: dict[str, Callable[[Sequence[Sequence[str]]], bytes]] = {
    "xlsx": lambda rows: workbook({"Sheet1": [[text(cell) for cell in row] for row in rows]}),
    "json": json_list,
    "jsonl": json_lines,
    "xml": feed,
    "html": page,
    "csv.gz": lambda rows: gzip.compress(csv_bytes(rows), mtime=0),
    "zip": lambda rows: zipped({"jobs/table.csv": csv_bytes(rows)}),
}


def lab_of(kind: str, path: Path) -> Folder:
    if kind in PACKS:
        return Packed(path / f"table.{kind}", PACKS[kind])
    encoding, delimiter = {"plain": ("utf-8", ","), "marked": ("utf-8-sig", ";"), "utf-16": ("utf-16", "\t")}[kind]
    return Folder(path / "table.csv", encoding, delimiter)


@pytest.mark.parametrize("kind", ["plain", "marked", "utf-16", *PACKS])
@pytest.mark.parametrize("name", sorted(SOURCE_CHECKS))
def test_the_contract_of_sources_holds(kind: str, name: str, tmp_path: Path) -> None:
    SOURCE_CHECKS[name](lab_of(kind, tmp_path))
