"""One pass over the bytes of a file: their digest, the encoding that fits, and what makes them no text."""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, NamedTuple, TextIO

CHUNK = 1 << 18
"""Bytes in hand at a time."""
DAMAGED = re.compile("[\udc80-\udcff]")
"""What a byte that is no UTF-8 becomes (PEP 383)."""
_UTF_8 = {"utf-8", "utf-8-sig"}
_MOSTLY = 4
"""A text with so many times more sound characters beyond ASCII than damaged bytes is UTF-8."""


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
        encoding: the first of `tried` that decodes all of it, or all but some damaged bytes of UTF-8.
        tried: the encodings that were considered, best first.
        misfit_line: where the first of `tried` fails; lines count from 1, 0 is nowhere.
        fit: what follows from that.
        nul_line: where the first NUL character is, 0 for none.
        blank: there is nothing but white space.
    """

    stamp: Stamp
    digest: str
    head: bytes
    encoding: str
    tried: tuple[str, ...]
    misfit_line: int
    fit: Fit
    nul_line: int
    blank: bool


class Fit(Enum):
    """How well an encoding fits a text."""

    WHOLE = "all of it"
    DAMAGED = "UTF-8, but for a few bytes: the rows that hold them are at fault"
    FALLBACK = "it is no UTF-8 at all, so it is taken for Windows-1252"
    MIXED = "parts of it are UTF-8 and others are not"
    NONE = "no encoding decodes it"


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes as text, which can be opened again and again; a damaged byte becomes a lone surrogate."""

    passes: Callable[[], BinaryIO]
    encoding: str
    errors: str = "strict"

    def open(self, newline: str | None = None) -> TextIO:
        """One more pass; `newline` as for `io.TextIOWrapper`."""
        return io.TextIOWrapper(self.passes(), encoding=self.encoding, errors=self.errors, newline=newline)


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
    best, fit = _best(*trials)
    line = trials[0].failed_on
    return Content(stamp, hashed.hexdigest(), head[:1024], best.encoding, tried, line, fit, best.nul_on, best.blank)


def _best(first: _Trial, second: _Trial | None = None) -> tuple[_Trial, Fit]:
    """The trial whose encoding is taken; to take Windows-1252 for a text that is partly UTF-8 would garble names."""
    if not first.failed_on:
        return first, Fit.WHOLE
    if first.decoded >= _MOSTLY * first.damaged > 0:
        return first, Fit.DAMAGED
    if second is None or second.failed_on:
        return first, Fit.NONE
    return (first, Fit.MIXED) if first.decoded else (second, Fit.FALLBACK)


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
    """Whether an encoding fits, told chunk by chunk.

    Attributes:
        failed_on: the first line that it does not decode, 0 for none.
        decoded: of UTF-8, how many characters beyond ASCII there are,
        damaged: and how many bytes that are no UTF-8.
    """

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.failed_on = self.decoded = self.damaged = 0
        self.nul_on = 0
        self.blank = True
        self._lines = 0
        self._goes_on = codecs.lookup(encoding).name in _UTF_8
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape" if self._goes_on else "strict")

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        if self._goes_on and b"\0" in chunk:  # it is no text, of which every other byte may be damaged
            self._goes_on, self._decoder.errors = False, "strict"
        if self.failed_on and not self._goes_on:
            return
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeError as error:
            before = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
            self.failed_on = self._lines + 1 + _breaks(before.decode("latin-1"))
            return
        if not self.nul_on and "\0" in text:
            self.nul_on = self._lines + 1 + _breaks(text.partition("\0")[0])
        if self._goes_on and not text.isascii():
            self._count(text)
        self.blank = self.blank and not text.strip()
        self._lines += _breaks(text)

    def _count(self, text: str) -> None:
        first = DAMAGED.search(text)
        if first and not self.failed_on:
            self.failed_on = self._lines + 1 + _breaks(text[: first.start()])
        damaged = sum(1 for _ in DAMAGED.finditer(text))
        self.damaged += damaged
        self.decoded += len(text) - len(text.encode("ascii", "ignore")) - damaged


def _breaks(text: str) -> int:
    return text.count("\n") or text.count("\r")
