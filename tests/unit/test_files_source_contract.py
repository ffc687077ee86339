"""The shipped contract of sources, held by files of every dialect."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mi_sync.connector import Context, Source
from mi_sync.testing import SOURCE_CHECKS
from mi_sync_files import FilesSource, Settings


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


@pytest.fixture(params=[("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t")], ids=["plain", "marked", "utf-16"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Folder]:
    encoding, delimiter = request.param
    return lambda: Folder(tmp_path / "table.csv", encoding, delimiter)


@pytest.mark.parametrize("name", sorted(SOURCE_CHECKS))
def test_the_contract_of_sources_holds(lab: Callable[[], Folder], name: str) -> None:
    SOURCE_CHECKS[name](lab())
