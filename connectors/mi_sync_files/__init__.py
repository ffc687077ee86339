"""The connector for files, as job boards, form tools and spreadsheets export them, and for feeds."""

from __future__ import annotations

from mi_sync.connector import Connector
from mi_sync_files.settings import Settings
from mi_sync_files.source import FilesSource

__all__ = ["FilesSource", "Settings", "connector"]

connector = Connector(
    name="files",
    kind="source",
    summary="exports of every format: a file, a glob such as exports/*.csv, an address, or a member of an archive",
    config=Settings,
    open=FilesSource,
    can=(
        "reads CSV, TSV, XLSX, JSON, JSON Lines, XML feeds and the JSON-LD of HTML pages, also in gzip or ZIP",
        "reads them from https://, and from s3://, gs:// and whatever else fsspec knows, with the library for it",
        "decides by the content what a file is, whatever its name ends with",
        "reads UTF-8 with or without a byte order mark, UTF-16 with one, and Windows-1252",
        "finds the delimiter (comma, semicolon, tab, bar) and obeys a first line such as sep=;",
        "passes over titles above the header row where they can be nothing else, or up to `header_row`",
        "reads the several header rows of Qualtrics and SurveyMonkey, or as many as `header_rows` says",
        "tells columns of the same name apart: a second `Email` is `Email#2`",
        "skips totals and notes below the records, and says so",
        "streams: memory does not grow with the file, but for the shared texts of a workbook",
    ),
    cannot=(
        "read old Excel files (.xls), .ods, HTML tables or PDF: save or export as CSV",
        "log in to a web page: an address must give the file itself",
    ),
)
