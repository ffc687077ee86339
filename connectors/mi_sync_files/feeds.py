"""An XML feed becomes records: the element that repeats is a record, and streams.

Its children are columns; names of inner elements are joined by a dot, an attribute is `@name`. An element that comes
several times in a record is one cell, joined by `;`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mi_sync.connector import Table
from mi_sync.errors import Problem
from mi_sync_files.container import Passes
from mi_sync_files.place import Place
from mi_sync_files.records import Record, joined, table_of
from mi_sync_files.sax import Handler, parse

Path = tuple[str, ...]
"""The names of an element and those around it, from the root."""

_USUAL = {"job", "item", "entry", "position", "posting", "listing", "vacancy", "record", "row"}
"""What records are called in feeds (Indeed, LinkedIn, ZipRecruiter, RSS, Atom, Personio)."""
_MAX_OUTSIDE = 4
"""Records are looked for so deep below the root."""
_MAX_PATHS = 1_000
_ELEMENT = re.compile(rb"<\0?[A-Za-z_]")
"""The beginning of an element, in UTF-16 as well."""
_CDATA_MISSPELT = re.compile(r"\s*!\[CDATA\[(.*)\]\]\s*", re.DOTALL)
"""What LinkedIn's documentation shows in place of `<![CDATA[…]]>`, and people copy."""


def read_feed(passes: Passes, place: Place, wanted: str | None) -> Table:
    """The table of a feed; `wanted` is the name of the element that is a record.

    Raises:
        SourceError: it is no XML, is cut short, declares entities, or does not say what its records are; or another
            document follows in the same file.
        EmptySource: it has no records.
    """
    survey = _Survey(place)
    for _ in parse(passes(), survey, place):
        pass
    path = _the_record(survey.elements, place, wanted)

    def records() -> Iterator[Record]:
        return parse(passes(), _Records(place, path), place)

    return replace(table_of(records, place, "xml"), notes=survey.notes)


# ------------------------------------------------------------------------------------------- which element


def _the_record(elements: Mapping[Path, tuple[int, bool]], place: Place, wanted: str | None) -> Path:
    if wanted is not None:
        return _named(elements, place, wanted)
    path = first = next(iter(elements))
    while inner := [p for p, (_, has_parts) in elements.items() if has_parts and p[:-1] == path]:
        usual = [p for p in inner if p[-1].casefold() in _USUAL]
        repeated = [p for p in inner if elements[p][0] > elements[path][0]]
        found = usual or repeated or inner
        if len(found) > 1:
            raise _unclear(found, place)
        first = found[0] if len(first) == 1 else first
        path = found[0]
        if usual or repeated:
            return _the_only(path, elements, place)
    if len(first) == 1:
        raise place.empty("there are no records.")
    return first


def _the_only(path: Path, elements: Mapping[Path, tuple[int, bool]], place: Place) -> Path:
    """The path, unless records stand elsewhere, too, which nobody would read."""
    elsewhere = [p for p in elements if p[-1] == path[-1] and p[: len(path)] != path and elements[p][1]]
    if elsewhere:
        places = " and ".join("/".join(p) for p in (path, *elsewhere[:3]))
        raise place.error(f"its records stand in several places: {places}.", "Export them as one list.")
    return path


def _named(elements: Mapping[Path, tuple[int, bool]], place: Place, wanted: str) -> Path:
    found = [p for p in elements if p[-1].casefold() == wanted.casefold()]
    outermost = [p for p in found if len(p) == min(map(len, found))]
    if len(outermost) != 1:
        raise _unclear(outermost or list(elements), place)
    return _the_only(outermost[0], elements, place)


def _unclear(paths: Sequence[Path], place: Place) -> Exception:
    names = ", ".join(list(dict.fromkeys(p[-1] for p in paths))[:10])
    return place.error(f"which of its elements is a row is not clear; there are: {names}.", 'Say it: sheet = "…".')


# ------------------------------------------------------------------------------------------------ parsing


class _Survey(Handler[Record]):
    """Which elements there are near the root: how many of each, and whether they have parts."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.elements: dict[Path, tuple[int, bool]] = {}
        self.notes: list[Problem] = []

    def opened(self, attrs: Mapping[str, str]) -> None:
        self.rest()
        if len(self.path) <= _MAX_OUTSIDE:
            self._note(tuple(self.path), 1, has_parts=bool(attrs))
        if 1 < len(self.path) <= _MAX_OUTSIDE + 1:
            self._note(tuple(self.path[:-1]), 0, has_parts=True)

    def left_over(self, line: int, rest: Iterator[bytes]) -> None:
        if _holds_element(rest):
            raise self.place.error(
                "the feed ends before this line, but more elements follow, which nobody would read.",
                "Make what follows a file of its own, or export it again.",
                line,
            )
        where = f"{self.place.name}:{line}"
        self.notes.append(Problem(where, "", "what follows the end of the feed is no part of it and is not read."))

    def _note(self, path: Path, more: int, *, has_parts: bool) -> None:
        if path in self.elements or len(self.elements) < _MAX_PATHS:
            count, had_parts = self.elements.get(path, (0, False))
            self.elements[path] = (count + more, had_parts or has_parts)


def _holds_element(pieces: Iterator[bytes]) -> bool:
    end = b""
    for piece in pieces:
        if _ELEMENT.search(end + piece):
            return True
        end = piece[-2:]
    return False


class _Records(Handler[Record]):
    """The elements at one path, as records."""

    def __init__(self, place: Place, wanted: Path) -> None:
        super().__init__(place)
        self._wanted = list(wanted)
        self._line = 0
        self._parts: dict[str, list[str]] = {}
        self._texts: list[list[str]] = []
        self._is_leaf = True

    def opened(self, attrs: Mapping[str, str]) -> None:
        if not self._is_inside():
            self.rest()
            return
        if len(self.path) == len(self._wanted):
            self._line, self._parts, self._texts = self.line, {}, []
        self._texts.append([])
        self._is_leaf = True
        for name, value in attrs.items():
            self._add(f"@{name}", value)

    def characters(self, content: str) -> None:
        if self._texts:
            self._texts[-1].append(content)

    def closed(self) -> None:
        if not self._is_inside():
            return
        text = "".join(self._texts.pop())
        if "![CDATA[" in text and (meant := _CDATA_MISSPELT.fullmatch(text)):
            text = meant[1]
        # An element around others may hold text too; white space there is only layout.
        if text.strip() or (self._is_leaf and self._texts):
            self._add("", text)
        self._is_leaf = False
        if not self._texts:
            self.ready.append(joined(self._line, self._parts))
            self.rest()

    def _is_inside(self) -> bool:
        return self.path[: len(self._wanted)] == self._wanted

    def _add(self, attribute: str, value: str) -> None:
        names = [*self.path[len(self._wanted) :], *([attribute] if attribute else [])]
        self._parts.setdefault(".".join(names) or "#text", []).append(value)
