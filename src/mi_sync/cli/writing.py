"""The files that commands write: whole, or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

from mi_sync.errors import ConfigError

_REMEDY = "Make room there, or choose another place."


def write_atomically(file: Path, text: str) -> None:
    """Writes a file, for its owner alone, so that nobody ever sees a part of it."""
    part = file.with_name(f".{file.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise ConfigError(f"it cannot be written: {error.strerror}.", where=str(file), remedy=_REMEDY) from None


def write_new(file: Path, content: bytes) -> bool:
    """Writes a file and its folder; False, and nothing done, when there is such a file."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as handle:
            _fill(file, handle, content)
    except FileExistsError:
        if file.parent.is_dir():
            return False
        raise ConfigError("a file is in the way of this folder.", where=str(file.parent)) from None
    except OSError as error:
        raise ConfigError(f"it cannot be written: {error.strerror}.", where=str(file), remedy=_REMEDY) from None
    return True


def _fill(file: Path, handle: BinaryIO, content: bytes) -> None:
    """A part of a file would pass for somebody's work, and be kept for ever."""
    try:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    except OSError:
        file.unlink()
        raise
