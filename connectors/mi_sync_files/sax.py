"""XML is parsed piece by piece: no entities, no depth and no length without bound."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar
from xml.sax.handler import ContentHandler

from mi_sync_files.cells import MAX_ROW
from mi_sync_files.place import Place
from mi_sync_files.records import MAX_DEPTH

if TYPE_CHECKING:
    from xml.sax import SAXException

Found = TypeVar("Found")

_PIECE = 1 << 16
"""Bytes that are parsed at a time."""


def parse(stream: IO[bytes], handler: Handler[Found], place: Place) -> Iterator[Found]:
    """What the handler finds; of what follows the root and does not belong to the document, it is told.

    Raises:
        SourceError: it is no XML, is cut short, goes too deep or too far, or declares entities.
    """
    from xml.sax import SAXException

    from defusedxml.common import DefusedXmlException

    parser = _parser()
    parser.setContentHandler(handler)
    handler.setDocumentLocator(parser)
    before, piece = 0, b""
    try:
        while piece := stream.read(_PIECE):
            handler.count(len(piece))
            parser.feed(piece)
            yield from handler.take()
            before += len(piece)
        parser.close()
    except DefusedXmlException:
        raise place.error("it declares entities, which can blow up or read other files.", "Export it again.") from None
    except SAXException as error:
        yield from handler.take()
        if not handler.is_done:
            raise _broken(error, place) from None
        at = parser._parser.ErrorByteIndex - before  # noqa: SLF001  SAX counts lines alone
        handler.left_over(_line(error), itertools.chain([piece[at:]], iter(lambda: stream.read(_PIECE), b"")))
    except (UnicodeError, LookupError, ValueError):
        raise place.error("it is damaged, or not in the encoding that it declares.", "Export it again.") from None


def _parser() -> Any:  # noqa: ANN401  defusedxml has no types
    """A parser whose Expat calls the handler itself: a workbook has some elements for each of its cells."""
    from defusedxml.expatreader import DefusedExpatParser

    class Parser(DefusedExpatParser):
        def reset(self) -> None:
            super().reset()
            inner: Any = self
            expat, handler = inner._parser, inner._cont_handler  # noqa: SLF001  as its base names them
            expat.StartElementHandler, expat.EndElementHandler = handler.startElement, handler.endElement

    return Parser()


def _broken(error: SAXException, place: Place) -> Exception:
    return place.error("from here on it is no XML, or it is cut short.", "Export it again.", _line(error))


def _line(error: SAXException) -> int:
    return getattr(error, "getLineNumber", lambda: 0)() or 0


class Handler(ContentHandler, Generic[Found]):
    """Follows where the parser is, and bounds how deep and how far it goes."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.path: list[str] = []
        self.is_done = False
        self.ready: list[Found] = []
        self._size = 0

    def take(self) -> Iterator[Found]:
        """What is complete."""
        ready, self.ready = self.ready, []
        return iter(ready)

    def count(self, size: int) -> None:
        """So many bytes more are parsed; a record may not have too many."""
        self._size += 0 if self.is_done else size
        if self._size > MAX_ROW:
            raise self.place.error(f"an element is longer than {MAX_ROW:,} bytes.", "Is this an export?", self.line)

    def left_over(self, line: int, rest: Iterator[bytes]) -> None:
        """Behind the root, from this line on, stands what does not belong to it."""

    def rest(self) -> None:
        """Nothing is held in hand."""
        self._size = 0

    @property
    def line(self) -> int:
        """The line of the file, from 1."""
        return self._locator.getLineNumber() or 0 if self._locator else 0  # type: ignore[attr-defined]  # its base sets it

    def startElement(self, name: str, attrs: Mapping[str, str]) -> None:  # type: ignore[override]  # noqa: N802  the name of SAX
        """Goes one element deeper."""
        if len(self.path) > MAX_DEPTH:
            raise self.place.error(f"it is nested deeper than {MAX_DEPTH} levels.", "Is this an export?", self.line)
        self.path.append(name)
        self.opened(attrs)

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802  the name of SAX
        """Comes back; after the root nothing more is read."""
        self.closed()
        self.path.pop()
        self.is_done = not self.path

    def opened(self, attrs: Mapping[str, str]) -> None:
        """An element begins; it is the last of `path`."""

    def closed(self) -> None:
        """The element that is the last of `path` ends."""
