"""The bytes of a table: those of the file, or those that are packed in it with gzip or ZIP."""

from __future__ import annotations

import difflib
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, BinaryIO, cast

from mi_sync.errors import SourceError
from mi_sync_files.place import Place

Passes = Callable[[], BinaryIO]
"""Opens the bytes for one more pass from their start. One pass ends where the next begins."""

MAX_EXPANDED = 1 << 32
"""Nothing expands to more bytes,"""
MAX_RATIO = 200
"""nor to more than so many times its packed size,"""
ALWAYS_ALLOWED = 1 << 26
"""but so many bytes are always allowed."""
TABLES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xml", ".xlsx", ".xlsm", ".html", ".htm", ".gz")
"""The members of an archive that can be meant when none is named."""
_PIECE = 1 << 14
"""Bytes that are unpacked at a time."""
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The bytes of a table.

    Attributes:
        passes: opens them.
        name: of the file or member that they are, which ends as its format says.
        is_packed: they are not those of the file itself.
    """

    passes: Passes
    name: str
    is_packed: bool


def unpack(raw: BinaryIO, size: int, place: Place, member: str) -> Unpacked:
    """The table in a file of so many bytes; `member` is what of an archive is meant, or an empty string.

    Raises:
        SourceError: it is damaged, or which member is meant is not clear.
    """

    def plain() -> BinaryIO:
        raw.seek(0)
        return cast("BinaryIO", io.BufferedReader(_Pass(raw, place, MAX_EXPANDED * 16)))

    found = Unpacked(plain, place.name, is_packed=False)
    if _begins(plain, _ZIP):
        found = _from_zip(raw, found, place, member)
    elif member:
        raise place.error("it is no ZIP archive, so it has no members.", "Correct `path`.")
    if _begins(found.passes, (_GZIP,)):
        found = _from_gzip(found, size, place)
    if found.is_packed and _begins(found.passes, _ZIP) and not _is_workbook(zipfile.ZipFile(in_memory(found, place))):
        raise place.error("it is an archive within an archive.", "Unpack it.")
    return found


def in_memory(found: Unpacked, place: Place) -> BinaryIO:
    """All bytes, which may be read in any order.

    Raises:
        SourceError: they are too many.
    """
    data = found.passes().read(ALWAYS_ALLOWED + 1)
    if len(data) > ALWAYS_ALLOWED:
        raise place.error("it is too large to be read from within an archive.", "Unpack it.")
    return io.BytesIO(data)


def _begins(passes: Passes, beginnings: tuple[bytes, ...]) -> bool:
    return passes().read(4).startswith(beginnings)


# ------------------------------------------------------------------------------------------------ gzip


def _from_gzip(outer: Unpacked, size: int, place: Place) -> Unpacked:
    def passes() -> BinaryIO:
        return _bounded(cast("IO[bytes]", gzip.GzipFile(fileobj=outer.passes())), place, size)

    return Unpacked(passes, outer.name.removesuffix(".gz"), is_packed=True)


def _bounded(inner: IO[bytes], place: Place, packed: int) -> BinaryIO:
    limit = min(MAX_EXPANDED, max(ALWAYS_ALLOWED, MAX_RATIO * packed))
    return cast("BinaryIO", io.BufferedReader(_Pass(inner, place, limit)))


class _Pass(io.RawIOBase):
    """One pass over bytes that may be damaged or far too many; closing it closes nothing else."""

    def __init__(self, inner: IO[bytes], place: Place, limit: int) -> None:
        self._inner = inner
        self._place = place
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: any buffer
        try:
            data = self._inner.read(min(len(buffer), _PIECE))
        except _BROKEN:
            raise self._place.error("what is packed in it is damaged or cut short.", "Export it again.") from None
        self._left -= len(data)
        if self._left < 0:
            raise self._place.error("it expands to far more than an export holds.", "Unpack it and look at it.")
        buffer[: len(data)] = data
        return len(data)


# ------------------------------------------------------------------------------------------------- zip


def _from_zip(raw: BinaryIO, outer: Unpacked, place: Place, member: str) -> Unpacked:
    try:
        archive = zipfile.ZipFile(raw)
    except (*_BROKEN, ValueError, NotImplementedError):
        raise place.error("it begins like a ZIP archive, and is none or is damaged.", "Export it again.") from None
    if _is_workbook(archive) and not member:
        return outer
    info = _the_member(archive, place, member)

    def passes() -> BinaryIO:
        return _bounded(_opened(archive, info, place), place, info.compress_size)

    passes().close()
    return Unpacked(passes, info.filename, is_packed=True)


def _opened(archive: zipfile.ZipFile, info: zipfile.ZipInfo, place: Place) -> IO[bytes]:
    try:
        return archive.open(info)
    except (RuntimeError, NotImplementedError):
        raise place.error("the member is encrypted or packed in an unusual way.", "Unpack it.") from None
    except (*_BROKEN, ValueError):
        raise place.error("what is packed in it is damaged.", "Export it again.") from None


def _is_workbook(archive: zipfile.ZipFile) -> bool:
    return "[Content_Types].xml" in archive.namelist()


def _the_member(archive: zipfile.ZipFile, place: Place, wanted: str) -> zipfile.ZipInfo:
    members = {i.filename: i for i in archive.infolist() if not i.is_dir() and not _is_hidden(i.filename)}
    if wanted:
        if wanted not in members:
            raise _no_member(place, difflib.get_close_matches(wanted, members, n=3))
        return members[wanted]
    tables = [i for name, i in members.items() if name.lower().endswith(TABLES)]
    if len(tables) != 1:
        raise _which_member(place, [i.filename for i in tables])
    return tables[0]


def _is_hidden(name: str) -> bool:
    """Such as what macOS adds."""
    path = PurePosixPath(name)
    return path.name.startswith(".") or path.parts[:1] == ("__MACOSX",)


def _no_member(place: Place, near: Sequence[str]) -> SourceError:
    there = f"; there is {' and '.join(near)}" if near else ""
    return place.error(f"the archive has no such member{there}.", "Correct what follows `!` in `path`.")


def _which_member(place: Place, tables: Sequence[str]) -> SourceError:
    if not tables:
        return place.error("the archive holds no table.", 'Name its member: path = "export.zip!Folder/file".')
    listed = ", ".join(tables[:10])
    return place.error(
        f"the archive holds {len(tables)} tables: {listed}.", f'Say which: path = "{place.name}!{tables[0]}".'
    )
