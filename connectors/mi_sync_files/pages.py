"""HTML with JSON-LD becomes records: every JobPosting of schema.org in a page, however it is wrapped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TextIO

from mi_sync.connector import Table
from mi_sync_files.cells import MAX_ROW
from mi_sync_files.content import Text
from mi_sync_files.place import Place
from mi_sync_files.records import DECODER, MAX_DEPTH, Record, record_of, table_of

_MAX_TAG = 2_000
"""No opening tag of a script is longer."""
_PIECE = 1 << 16
"""Characters that are read at a time."""
_SCRIPT = re.compile(r"<script\b[^<>]{0,1900}>", re.IGNORECASE)
_END = re.compile(r"</script", re.IGNORECASE)
_ABOUT = {"@type", "@context"}
"""They say what a record is, not what it says."""


def read_page(text: Text, place: Place) -> Table:
    """The table of the job postings in a page; one script at a time is held in memory.

    Raises:
        SourceError: it is cut short, or has no JSON-LD that can be read.
        EmptySource: it has no postings.
    """

    def blocks() -> Iterator[tuple[int, str]]:
        return _blocks(text.open(newline=""), place)

    if next(blocks(), None) is None:
        login = (
            "It may be a page to log in: use a link that needs none, or download the file." if place.is_remote else ""
        )
        raise place.error(
            "the page has no JSON-LD, which is what is read of HTML.",
            login or "Export or save the table as CSV (UTF-8).",
        )
    return table_of(lambda: _records(blocks()), place, "html")


def _blocks(text: TextIO, place: Place) -> Iterator[tuple[int, str]]:
    """Line and text of every script that holds JSON-LD."""
    hand, at, line = "", 0, 1
    while True:
        opening = _SCRIPT.search(hand, at)
        closing = _END.search(hand, opening.end()) if opening else None
        if opening and closing:
            line += hand.count("\n", at, opening.end())
            if "application/ld+json" in opening[0].lower():
                yield line, hand[opening.end() : closing.start()]
            line += hand.count("\n", opening.end(), closing.end())
            at = closing.end()
            continue
        keep = opening.start() if opening else max(at, len(hand) - _MAX_TAG)
        line += hand.count("\n", at, keep)
        hand, at = hand[keep:], 0
        if opening and len(hand) > MAX_ROW:
            raise place.error(f"a script is longer than {MAX_ROW:,} characters.", "Is this a saved page?", line)
        piece = text.read(max(_PIECE, len(hand)))
        if opening and not piece:
            raise place.error("the page ends in the middle of a script.", "Save it again.", line)
        if not piece:
            return
        hand += piece


def _records(blocks: Iterable[tuple[int, str]]) -> Iterator[Record]:
    for line, text in blocks:
        try:
            value = DECODER.decode(text)
        except RecursionError:
            yield Record(line, {}, f"its JSON-LD is nested deeper than {MAX_DEPTH} levels")
        except ValueError:
            yield Record(line, {}, "its JSON-LD is broken")
        else:
            yield from (record_of(line, each) for each in postings_in(value))


def postings_in(value: object) -> Iterator[object]:
    """The postings in a JSON-LD value, in their order, whatever holds them (`@graph`, ItemList, lists)."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict) and _is_posting(each.get("@type")):
            yield {name: inner for name, inner in each.items() if name not in _ABOUT}
        elif isinstance(each, dict):
            waiting += reversed(each.values())
        elif isinstance(each, list):
            waiting += reversed(each)


def _is_posting(kind: object) -> bool:
    kinds = kind if isinstance(kind, list) else [kind]
    return any(isinstance(k, str) and re.split(r"[/:#]", k)[-1] == "JobPosting" for k in kinds)
