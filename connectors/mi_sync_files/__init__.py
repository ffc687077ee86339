"""The connector for files: CSV and TSV text as job boards, form tools and spreadsheets export it."""

from __future__ import annotations

from mi_sync.connector import Connector
from mi_sync_files.settings import Settings
from mi_sync_files.source import FilesSource

__all__ = ["FilesSource", "Settings", "connector"]

connector = Connector(
    name="files",
    kind="source",
    summary="CSV and TSV files: one file, or all that a glob such as exports/*.csv finds",
    config=Settings,
    open=FilesSource,
    can=(
        "reads UTF-8 with or without a byte order mark, UTF-16 with one, and Windows-1252",
        "finds the delimiter (comma, semicolon, tab, bar) and obeys a first line such as sep=;",
        "reads cells with line breaks, fills up short rows, and streams files of any size",
    ),
    cannot=(
        "read spreadsheets, JSON, XML, HTML, archives or web addresses: save or export as CSV",
        "skip lines above the header row: the header must be the first row",
    ),
)
