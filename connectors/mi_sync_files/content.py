"""One pass over the bytes of a file: their digest, the encoding that fits, and what makes them no text."""

from __future__ import annotations

import codecs
import hashlib
import os
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

CHUNK = 1 << 18
"""Bytes in hand at a time."""


class Stamp(NamedTuple):
    """What changes when somebody writes to a file."""

    size: int
    modified: int
    device: int
    inode: int

    @classmethod
    def of(cls, stream: BinaryIO) -> Stamp:
        """The stamp of an open file."""
        now = os.fstat(stream.fileno())
        return cls(now.st_size, now.st_mtime_ns, now.st_dev, now.st_ino)


@dataclass(frozen=True, slots=True)
class Content:
    """What one pass tells.

    Attributes:
        stamp: of the file before the pass.
        digest: BLAKE2b of the bytes.
        head: the first bytes.
        encoding: the first of `tried` that decodes all of it.
        tried: the encodings that were considered, best first.
        undecodable_line: where the first of `tried` fails, if all fail; lines count from 1, 0 is none.
        nul_line: where the first NUL character is, 0 for none.
        blank: there is nothing but white space.
    """

    stamp: Stamp
    digest: str
    head: bytes
    encoding: str
    tried: tuple[str, ...]
    undecodable_line: int
    nul_line: int
    blank: bool


def scan(stream: BinaryIO, stamp: Stamp, encoding: str | None) -> Content:
    """Reads all of a stream once, with `CHUNK` bytes in hand.

    Raises:
        OSError: as reading does.
    """
    hashed = hashlib.blake2b()
    chunk = head = stream.read(CHUNK)
    tried = candidates(head, encoding)
    trials = [_Trial(name) for name in tried]
    while chunk:
        hashed.update(chunk)
        for trial in trials:
            trial.feed(chunk)
        chunk = stream.read(CHUNK)
    for trial in trials:
        trial.feed(b"", final=True)
    best = next((t for t in trials if not t.failed_on), trials[0])
    return Content(
        stamp, hashed.hexdigest(), head[:1024], best.encoding, tried, best.failed_on, best.nul_on, best.blank
    )  # fmt: skip


class _Mark(NamedTuple):
    """A byte order mark, the encoding that would take it for text, and the one that knows it."""

    mark: bytes
    plain: str
    name: str


_MARKS = (
    _Mark(codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
    _Mark(codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
    _Mark(codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
)


def candidates(head: bytes, configured: str | None) -> tuple[str, ...]:
    """The encodings to consider: as configured, as a byte order mark says, else UTF-8 and then Windows-1252."""
    marked = next((it for it in _MARKS if head.startswith(it.mark)), None)
    if configured is not None:
        same = marked is not None and codecs.lookup(configured).name == marked.plain
        return (marked.name,) if marked and same else (configured,)
    return (marked.name,) if marked else ("utf-8", "cp1252")


class _Trial:
    """Whether an encoding fits, told chunk by chunk."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.failed_on = 0
        self.nul_on = 0
        self.blank = True
        self._lines = 0
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        if self.failed_on:
            return
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeError as error:
            before = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
            self.failed_on = self._lines + 1 + _breaks(before.decode("latin-1"))
            return
        if not self.nul_on and "\0" in text:
            self.nul_on = self._lines + 1 + _breaks(text.partition("\0")[0])
        self.blank = self.blank and not text.strip()
        self._lines += _breaks(text)


def _breaks(text: str) -> int:
    return text.count("\n") or text.count("\r")
