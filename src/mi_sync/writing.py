"""Every file that we make: there as a whole or not at all, whatever happens in the middle.

A file is written beside its place under a name of its own and takes the place in one step, so that neither a reader nor
a full disk nor a power cut leaves a part of it. Nothing is written through a link that somebody put there: the link is
replaced, and what it leads to stays as it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from mi_sync.errors import ConfigError, MiSyncError, Unavailable

PRIVATE = 0o600
"""For the owner alone: what may hold personal data."""
SHARED = 0o666
"""For whom the umask lets in."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EIO}


def write_atomically(file: Path, content: str | bytes, mode: int = PRIVATE, *, with_folder: bool = False) -> None:
    """Writes a file or replaces it; `with_folder` makes its folder, too, where a missing one is no typing mistake.

    Raises:
        ConfigError: it cannot be written there; what was there is as it was.
        Unavailable: the disk is full; likewise.
    """
    with _told(file):
        if with_folder:
            _make_folder(file.parent)
        if file.exists() and not file.is_file():
            raise ConfigError("it is no regular file, so it is not replaced.", where=str(file), remedy="Name another.")
        with _part(file, content, mode) as part:
            part.replace(file)


def write_new(file: Path, text: str, mode: int = SHARED) -> bool:
    """Writes a file unless there is something of its name, which is somebody's work; tells whether it did.

    Folders on the way are made.

    Raises:
        ConfigError: it cannot be written there.
        Unavailable: the disk is full.
    """
    with _told(file):
        _make_folder(file.parent)
        if os.path.lexists(file):
            return False
        with _part(file, text, mode) as part:
            return _linked(part, file)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ConfigError("a file is in the way of this folder.", where=str(folder)) from None


@contextlib.contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(error, file) from None


def cannot_write(error: OSError, file: Path) -> MiSyncError:
    """Why a file cannot be written, with what to do about it."""
    why = f"it cannot be written: {error.strerror or error}."
    if error.errno in _NO_ROOM:
        return Unavailable(why, where=str(file), remedy="Make room on the disk and try again.")
    return ConfigError(why, where=str(file), remedy="Name another place, or make this one writable.")


@contextlib.contextmanager
def _part(file: Path, content: str | bytes, mode: int) -> Iterator[Path]:
    """All of the content in a file beside its place, on the disk; gone again unless it was moved."""
    part = file.with_name(f".mi-sync-{secrets.token_hex(6)}.part")
    if isinstance(content, str):
        content = content.encode("utf-8", "backslashreplace")  # half a character of a foreign text is no reason to fail
    # O_EXCL: neither a file nor a link that somebody put there is written through.
    number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(number, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        yield part
    finally:
        part.unlink(missing_ok=True)
    _settle(file.parent)


def _linked(part: Path, file: Path) -> bool:
    """Gives the part its name unless somebody else was quicker."""
    try:
        file.hardlink_to(part)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if os.path.lexists(file):
            return False
        part.replace(file)
    return True


def _settle(folder: Path) -> None:
    """Puts the names of a folder on the disk, where the system has a way to."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
