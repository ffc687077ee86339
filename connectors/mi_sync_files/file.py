"""One file, from its bytes to a table. Whatever is wrong with it is said in the words of its owner."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from mi_sync.connector import Row, Table
from mi_sync.errors import EmptySource, SourceError
from mi_sync_files.content import Content, Stamp, scan
from mi_sync_files.delimited import read_table
from mi_sync_files.settings import Settings

_ONLY_TEXT = "and this version reads CSV and TSV text only."
_KINDS = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers"), "a spreadsheet"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "JSON"),
    **dict.fromkeys((".html", ".htm"), "HTML"),
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zst", ".zip", ".7z"), "compressed data"),
    ".xml": "XML",
    ".parquet": "Parquet",
    ".pdf": "PDF",
}
"""By the end of the name."""
_BEGINNINGS = (
    (re.compile(rb"PK\x03\x04|PK\x05\x06"), "a spreadsheet or a ZIP archive"),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old Excel file"),
    (re.compile(rb"\x1f\x8b|BZh[1-9]1AY|\xfd7zXZ\0|\x28\xb5\x2f\xfd"), "compressed data"),
    (re.compile(rb"%PDF-"), "PDF"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<\?xml\b"), "XML"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|table)\b", re.IGNORECASE), "HTML"),
    (re.compile(rb'(\xef\xbb\xbf)?\s*(\[\s*)?\{\s*"'), "JSON"),
)
"""By the first bytes. No CSV writer leaves a cell with a quote in it unquoted, so none begins like JSON."""


class DelimitedFile:
    """One CSV or TSV file (a `SourceFile`).

    Args:
        path: where it is.
        name: what people call it: the path as configured, with forward slashes.
        settings: of its source.
    """

    def __init__(self, path: Path, name: str, settings: Settings) -> None:
        self._path = path
        self._name = name
        self._settings = settings
        self._known: Content | None = None

    @property
    def name(self) -> str:
        """The path as configured; of a file that a glob found, its own."""
        return self._name

    def digest(self) -> str:
        """BLAKE2b of the bytes.

        Raises:
            SourceError: the file is not there or cannot be read.
        """
        with self._bytes() as stream:
            return self._content(stream).digest

    @contextmanager
    def open(self) -> Iterator[Table]:
        """The table; bytes are decoded and rows parsed while they are asked for.

        Raises:
            SourceError: it cannot be read, is no CSV, or has no header; from the rows: it is broken from some line
                on, or somebody changed it meanwhile.
            EmptySource: it has no bytes, or nothing but white space.
        """
        with self._bytes() as stream:
            content = self._content(stream)
            self._refuse_other_formats(content)
            self._refuse_other_bytes(content)
            stream.seek(0)
            text = io.TextIOWrapper(stream, encoding=content.encoding, newline="")
            table = read_table(text, self._name, content.encoding, self._settings.delimiter)
            yield replace(table, rows=self._guarded(table.rows, stream, content))

    # -- bytes --------------------------------------------------------------------------------------

    def _bytes(self) -> BinaryIO:
        try:
            # Asked before opening, because opening a pipe would wait for its writer.
            if not stat.S_ISREG(self._path.stat().st_mode):
                raise self._error("it is a folder or a device, not a file.", "Give the path of a file, or a glob.")
            return self._path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from None

    def _content(self, stream: BinaryIO) -> Content:
        """What a pass over the bytes tells; the pass is made once for as long as the file stays the same."""
        if self._known is None or self._known.stamp != Stamp.of(stream):
            try:
                self._known = scan(stream, self._settings.encoding)
            except OSError as error:
                raise self._unreadable(error) from None
        return self._known

    def _guarded(self, rows: Iterator[Row], stream: BinaryIO, content: Content) -> Iterator[Row]:
        """The rows, and at their end the certainty that they are all of one file."""
        try:
            yield from rows
        except OSError as error:
            raise self._unreadable(error) from None
        except UnicodeError:
            # The whole file was decoded before, so these are other bytes.
            raise self._changed() from None
        if Stamp.of(stream) != content.stamp:
            raise self._changed()

    # -- refusals -----------------------------------------------------------------------------------

    def _refuse_other_formats(self, content: Content) -> None:
        if not content.head:
            raise EmptySource("the file is empty.", where=self._name, remedy="Export it again.")
        kinds = [kind for pattern, kind in _BEGINNINGS if pattern.match(content.head)]
        kind = _KINDS.get(self._path.suffix.lower()) or (kinds[0] if kinds else "")
        if kind:
            raise self._error(f"it looks like {kind}, {_ONLY_TEXT}", "Export or save it as CSV (UTF-8).")

    def _refuse_other_bytes(self, content: Content) -> None:
        if content.undecodable_line:
            raise self._error(
                f"its text is not {' or '.join(content.tried)}.",
                'Save it as CSV (UTF-8), or name its encoding: encoding = "…".',
                content.undecodable_line,
            )
        if content.nul_line:
            raise self._error(
                "a NUL character: the file is binary, damaged, or UTF-16 without a byte order mark.",
                'Save it as CSV (UTF-8), or name its encoding: encoding = "utf-16-le".',
                content.nul_line,
            )
        if content.blank:
            raise EmptySource("there is nothing but white space.", where=self._name, remedy="Export it again.")

    def _changed(self) -> SourceError:
        return self._error("it changed while it was read.", "Run again once the export is written completely.")

    def _unreadable(self, error: OSError) -> SourceError:
        if isinstance(error, PermissionError):
            return self._error("no permission to read it.", f"Give this user access to {os.fspath(self._path)}.")
        return self._error(
            f"it cannot be read: {error.strerror or 'input/output error'}.", "See that the file is there."
        )

    def _error(self, why: str, remedy: str, line: int = 0) -> SourceError:
        return SourceError(why, where=f"{self._name}:{line}" if line else self._name, remedy=remedy)
