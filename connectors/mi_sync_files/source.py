"""Which files there are: a path, a glob or an address becomes a list of files in a stable order."""

from __future__ import annotations

import difflib
import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mi_sync.connector import Context
from mi_sync.errors import SourceError
from mi_sync_files.address import Address, is_address, parse
from mi_sync_files.file import ExportFile
from mi_sync_files.local import LocalFile
from mi_sync_files.place import Place
from mi_sync_files.settings import Settings

_MEMBER = re.compile(r"(.+?\.zip)!(.+)", re.IGNORECASE | re.DOTALL)


class FilesSource:
    """The files at one path or glob (a `Source`)."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._source = context.name
        self._root = context.root.absolute()

    def files(self) -> Sequence[ExportFile]:
        """The file, or those that the glob finds, by name; a file that it finds twice comes once.

        Raises:
            SourceError: there is none.
            NotAuthorised, Unavailable: what is elsewhere cannot be listed.
        """
        if is_address(self._settings.path):
            return list(self._remote(parse(self._settings.path)))
        path, member = self._split(self._settings.path)
        # A file whose name looks like a pattern is that file.
        if os.path.lexists(self._root / path) or not glob.has_magic(path):
            names = [self._single(path)]
        else:
            names = self._matches(path)
        return [self._file(name, member) for name in names]

    def _split(self, path: str) -> tuple[str, str]:
        """A path, and what follows `!` after an archive; a file with such a name is that file."""
        found = None if os.path.lexists(self._root / path) else _MEMBER.fullmatch(path)
        return (found[1], found[2]) if found else (path, "")

    def _file(self, name: str, member: str) -> ExportFile:
        place = Place(_shown(name.replace(os.sep, "/"), member))
        return ExportFile(LocalFile(self._root / name, place), place, self._settings, member)

    def _remote(self, address: Address) -> Iterator[ExportFile]:
        from mi_sync_files.remote import RemoteFile, find

        for name, fetch in find(address, self._context):
            place = Place(_shown(name, address.member), is_remote=True)
            yield ExportFile(RemoteFile(fetch, place), place, self._settings, address.member)

    def _single(self, path: str) -> str:
        if os.path.lexists(self._root / path):
            return path
        raise SourceError(f"{self._absence(path)}.{_home(path)}", where=path, remedy=self._remedy())

    def _absence(self, path: str) -> str:
        """What is not there, and what is there instead."""
        folder, name = (self._root / path).parent, Path(path).name
        try:
            entries = sorted(entry.name for entry in folder.iterdir())
        except OSError as error:
            return f"the folder {folder} cannot be opened ({error.strerror})"
        near = difflib.get_close_matches(name, entries, n=3)
        return f"there is no such file in {folder}" + (f"; there is {' and '.join(near)}" if near else "")

    def _matches(self, pattern: str) -> list[str]:
        found = glob.glob(pattern, root_dir=self._root, recursive=True)  # noqa: PTH207  keeps `./` as configured
        files = (n for n in found if not os.path.isdir(self._root / n))  # noqa: PTH112  never raises
        names = list(self._once(sorted(files)))
        if not names:
            raise SourceError(
                f"no file in {self._root} matches this pattern.{_home(pattern)}", where=pattern, remedy=self._remedy()
            )
        return names

    def _once(self, names: Sequence[str]) -> Iterator[str]:
        """Without those that are another name, such as a symbolic link, of one before."""
        seen = set()
        for name in names:
            real = os.path.realpath(self._root / name)
            if real not in seen:
                seen.add(real)
                yield name

    def _remedy(self) -> str:
        return f"Correct `path` of the source {self._source!r}, or put the export there."


def _shown(name: str, member: str) -> str:
    return f"{name}!{member}" if member else name


def _home(path: str) -> str:
    return " A ~ does not stand for a home folder here: write it in full." if path.startswith("~") else ""
