"""A file in a folder of this computer."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import BinaryIO

from mi_sync_files.place import Place


class LocalFile:
    """The bytes of a file at a path."""

    def __init__(self, path: Path, place: Place) -> None:
        self._path = path
        self._place = place

    def open(self) -> BinaryIO:
        """The bytes.

        Raises:
            SourceError: it is not there, is no file, or may not be read.
        """
        place = self._place
        try:
            # Asked before opening, because opening a pipe would wait for its writer.
            if not stat.S_ISREG(self._path.stat().st_mode):
                raise place.error("it is a folder or a device, not a file.", "Give the path of a file, or a glob.")
            return self._path.open("rb")
        except PermissionError:
            raise place.error("no permission to read it.", f"Give this user access to {self._path}.") from None
        except OSError as error:
            raise place.unreadable(error) from None
