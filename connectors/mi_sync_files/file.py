"""One file, from its bytes to a table. Whatever is wrong with it is said in the words of its owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO, Protocol

from mi_sync.connector import Row, Table
from mi_sync.errors import Problem, SourceError
from mi_sync_files.container import in_memory, unpack
from mi_sync_files.content import Content, Fit, Stamp, Text, scan
from mi_sync_files.delimited import read_table
from mi_sync_files.feeds import read_feed
from mi_sync_files.formats import Format, find_format, other_format
from mi_sync_files.jsons import read_json, read_lines
from mi_sync_files.pages import read_page
from mi_sync_files.place import Place
from mi_sync_files.settings import Settings
from mi_sync_files.workbook import read_workbook

_ERRORS = {Fit.DAMAGED: "surrogateescape"}
"""How bytes that are no text are read."""


class Origin(Protocol):
    """Where the bytes of a file come from."""

    def open(self) -> BinaryIO:
        """The bytes, to be read in any order, with a file number.

        Raises:
            MiSyncError: they cannot be had.
        """
        ...


class ExportFile:
    """One file of any format, or a member of an archive (a `SourceFile`).

    Args:
        origin: gives its bytes.
        place: what people call it.
        settings: of its source.
        member: what of a ZIP archive is meant; empty: the only table.
    """

    def __init__(self, origin: Origin, place: Place, settings: Settings, member: str = "") -> None:
        self._origin = origin
        self._settings = settings
        self._member = member
        self._place = place
        self._known: Content | None = None

    @property
    def name(self) -> str:
        """The path as configured, without what may be secret in an address; of a file that a glob found, its own."""
        return self._place.name

    def digest(self) -> str:
        """BLAKE2b of the bytes.

        Raises:
            SourceError: the file is not there or cannot be read.
        """
        with self._origin.open() as stream:
            return self._content(stream).digest

    @contextmanager
    def open(self) -> Iterator[Table]:
        """The table; bytes are decoded and rows parsed while they are asked for.

        Raises:
            SourceError: it cannot be read, is in no format that is, or has no header; from the rows: it is broken
                from some line on, or somebody changed it meanwhile.
            EmptySource: it has no bytes, nothing but white space, or no records.
        """
        with self._origin.open() as stream:
            content = self._content(stream)
            if not content.head:
                raise self._place.empty("the file is empty.")
            try:
                table = self._table(stream, content)
            except OSError as error:
                raise self._place.unreadable(error) from None
            yield replace(table, rows=self._guarded(table.rows, stream, content))

    def _table(self, stream: BinaryIO, of_file: Content) -> Table:
        found = unpack(stream, of_file.stamp.size, self._place, self._member)
        content = scan(found.passes(), of_file.stamp, self._settings.encoding) if found.is_packed else of_file
        if not content.head:
            raise self._place.empty("what is packed in it is empty.")
        if kind := other_format(content):
            raise self._error(f"it looks like {kind}, which is not read here.", "Export or save it as CSV (UTF-8).")
        kind = find_format(content, found.name)
        if kind == "xlsx":
            seekable = in_memory(found, self._place) if found.is_packed else stream
            return read_workbook(seekable, self._place, self._settings)
        if kind == "xml":
            return read_feed(found.passes, self._place, self._settings.sheet)
        self._refuse_other_bytes(content)
        table = self._text_table(kind, Text(found.passes, content.encoding, _ERRORS.get(content.fit, "strict")))
        return replace(table, encoding=content.encoding, notes=list(self._notes(content)))

    def _text_table(self, kind: Format, text: Text) -> Table:
        settings, place = self._settings, self._place
        if kind == "json":
            return read_json(text, place, settings.sheet)
        if kind == "jsonl":
            return read_lines(text, place)
        if kind == "html":
            return read_page(text, place)
        return read_table(text, place, settings)

    def _notes(self, content: Content) -> Iterator[Problem]:
        """Which encoding was found, where it is not the usual one."""
        if content.fit is Fit.FALLBACK:
            why = "this line is no UTF-8, so the file is read as Windows-1252; if letters are wrong, name its encoding:"
            yield Problem(f"{self._place.name}:{content.misfit_line}", "", f'{why} encoding = "…".')
        elif content.encoding == "utf-16" and self._settings.encoding is None:
            yield Problem(self._place.name, "", "it is read as UTF-16, as its byte order mark says.")

    # -- bytes --------------------------------------------------------------------------------------

    def _content(self, stream: BinaryIO) -> Content:
        """What a pass over the bytes tells; the pass is made once for as long as the file stays the same."""
        if self._known is None or self._known.stamp != Stamp.of(stream):
            try:
                stamp = Stamp.of(stream)
                stream.seek(0)
                self._known = scan(stream, stamp, self._settings.encoding)
            except OSError as error:
                raise self._place.unreadable(error) from None
        return self._known

    def _guarded(self, rows: Iterator[Row], stream: BinaryIO, content: Content) -> Iterator[Row]:
        """The rows, and at their end the certainty that they are all of one file."""
        try:
            yield from rows
        except OSError as error:
            raise self._place.unreadable(error) from None
        except UnicodeError:
            # The whole file was decoded before, so these are other bytes.
            raise self._changed() from None
        if Stamp.of(stream) != content.stamp:
            raise self._changed()

    # -- refusals -----------------------------------------------------------------------------------

    def _refuse_other_bytes(self, content: Content) -> None:
        if content.fit is Fit.NONE or (content.fit is Fit.MIXED and not content.nul_line):
            why = "it is no UTF-8 from this line on, but other parts of it are, so no encoding fits all of it."
            raise self._error(
                why if content.fit is Fit.MIXED else f"its text is not {' or '.join(content.tried)}.",
                f'Save it as CSV (UTF-8), or name its encoding: encoding = "{content.tried[-1]}".',
                content.misfit_line,
            )
        if content.nul_line:
            raise self._error(
                "a NUL character: the file is binary, damaged, or UTF-16 without a byte order mark.",
                'Save it as CSV (UTF-8), or name its encoding: encoding = "utf-16-le".',
                content.nul_line,
            )
        if content.blank:
            raise self._place.empty("there is nothing but white space.")

    def _changed(self) -> SourceError:
        return self._error("it changed while it was read.", "Run again once the export is written completely.")

    def _error(self, why: str, remedy: str, line: int = 0) -> SourceError:
        return self._place.error(why, remedy, line)
