"""What a body says, apart from how Markdown or Asana's XML write it: blocks, of lines, of spans. Pure.

Both readers build it through the same functions, so that two ways of writing one thing become one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from mi_sync.connector import harvest

Mark = Literal["strong", "em", "s", "code"]

Kind = Literal["text", "h1", "h2", "pre", "blockquote", "ul", "ol", "hr"]

CODE: frozenset[Mark] = frozenset({"code"})

BLANK = " \t"

_FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2; and no \r
_BARE = re.compile(r"https?://[^\s<>\"'\\`*\[\]()]+(?<![.,;:!?_~])")
_SCHEMES = ("https://", "http://", "mailto:")


class Span(NamedTuple):
    """Text of one look, without a line break; `href` when it is a link."""

    text: str
    marks: frozenset[Mark] = frozenset()
    href: str = ""


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, code, quotation, list or rule.

    Attributes:
        kind: which.
        lines: the text; an empty line parts the paragraphs of a quotation.
        items: of a list: each has lines of its own and perhaps lists below.
    """

    kind: Kind
    lines: tuple[Line, ...] = ()
    items: tuple[Item, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether it has items."""
        return self.kind in {"ul", "ol"}


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list."""

    lines: tuple[Line, ...]
    below: tuple[Block, ...] = ()


def clean(text: str) -> str:
    """The text without the characters that no XML can hold."""
    return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


# -------------------------------------------------------------------------------------------- spans, lines


def link(spans: Sequence[Span], href: str) -> list[Span]:
    """The spans as a link; where Asana would take the address for none, it stands behind them in brackets."""
    if href.casefold().startswith(_SCHEMES):
        shown = spans if any(span.text.strip() for span in spans) else [Span(href)]
        return [span._replace(href=href) for span in shown]
    return [*spans, Span(f" ({href})")] if href else list(spans)


def lines_of(spans: Iterable[Span]) -> tuple[Line, ...]:
    """Spans that may hold line breaks, as tidy lines; runs of empty ones are one, and none is at an end."""
    lines: list[list[Span]] = [[]]
    for span in spans:
        first, *more = span.text.split("\n")
        lines[-1].append(span._replace(text=first))
        lines.extend([span._replace(text=part)] for part in more)
    return _without_gaps(_tidy(line) for line in lines)


def _without_gaps(lines: Iterable[Line]) -> tuple[Line, ...]:
    kept: list[Line] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return tuple(kept[:-1] if kept and not kept[-1] else kept)


def _tidy(spans: Sequence[Span]) -> Line:
    """One line: no white space at its ends, addresses are links, and neighbours of one look are one."""
    parts = _merged(part for span in spans for part in _unmarked_edges(span))
    text = _stripped([found for span in parts for found in _linked(span)])
    return tuple(_merged(text))


def _unmarked_edges(span: Span) -> Iterator[Span]:
    """White space at the edges has no look, because Markdown has no way to write that."""
    if "code" in span.marks or not (span.marks or span.href):
        yield span
        return
    core = span.text.strip()
    start = span.text.index(core) if core else len(span.text)
    yield Span(span.text[:start])
    yield span._replace(text=core)
    yield Span(span.text[start + len(core) :])


def _linked(span: Span) -> Iterator[Span]:
    if span.href or "code" in span.marks:
        yield span
        return
    at = 0
    for found in _BARE.finditer(span.text):
        if harvest(found[0])[1] is not None:  # a marker that an editor took apart stays as it is, to be found
            continue
        yield span._replace(text=span.text[at : found.start()])
        yield span._replace(text=found[0], href=found[0])
        at = found.end()
    yield span._replace(text=span.text[at:])


def _merged(spans: Iterable[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in spans:
        if not span.text:
            continue
        if kept and kept[-1][1:] == span[1:]:
            kept[-1] = span._replace(text=kept[-1].text + span.text)
        else:
            kept.append(span)
    return kept


def _stripped(spans: list[Span]) -> list[Span]:
    spans = _merged(spans)
    while spans and not spans[0].text.strip(BLANK):
        spans = spans[1:]
    while spans and not spans[-1].text.strip(BLANK):
        spans = spans[:-1]
    if spans:
        spans[0] = spans[0]._replace(text=spans[0].text.lstrip(BLANK))
        spans[-1] = spans[-1]._replace(text=spans[-1].text.rstrip(BLANK))
    return spans


def paragraphs(lines: Sequence[Line]) -> list[tuple[Line, ...]]:
    """The lines between empty ones."""
    found: list[list[Line]] = [[]]
    for line in lines:
        if line:
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [tuple(each) for each in found if each]


# ------------------------------------------------------------------------------------------------- blocks


@dataclass(slots=True)
class Builder:
    """Collects blocks; what no block can hold as it is becomes text."""

    blocks: list[Block] = field(default_factory=list)
    _open: list[Span] = field(default_factory=list)

    def text(self, spans: Iterable[Span]) -> None:
        """Running text, which may hold line breaks."""
        self._open.extend(spans)

    def block(self, kind: Kind, lines: Sequence[Line] = (), items: Sequence[Item] = ()) -> None:
        """Ends the running text, and adds a block unless it is empty."""
        self._end_text()
        lines = [line for line in lines if line] if kind in {"h1", "h2"} else lines
        if kind in {"h1", "h2"} and lines:
            lines = [_tidy([span for line in lines for span in (*line, Span(" "))])]
        items = list(_kept(items))
        if not (lines or items or kind == "hr"):
            return
        last = self.blocks[-1] if self.blocks else None
        if last is not None and last.kind == kind and last.is_list:
            self.blocks[-1] = replace(last, items=(*last.items, *items))
        else:
            self.blocks.append(Block(kind, tuple(lines), tuple(items)))

    def done(self) -> tuple[Block, ...]:
        """All of them."""
        self._end_text()
        return tuple(self.blocks)

    def _end_text(self) -> None:
        lines = lines_of(self._open)
        self._open = []
        self.blocks.extend(Block("text", each) for each in paragraphs(lines))


def _kept(items: Iterable[Item]) -> Iterator[Item]:
    """Items without those that say nothing; what stands below such a one takes its place."""
    for item in items:
        if item.lines:
            yield replace(item, lines=tuple(line for line in item.lines if line))
        else:
            yield from (below for block in item.below for below in block.items)


def code(text: str) -> tuple[Line, ...]:
    """The lines of code, as they are."""
    trimmed = "\n".join(line.rstrip(BLANK) for line in text.split("\n")).strip("\n")
    return tuple((Span(line),) if line else () for line in trimmed.split("\n")) if trimmed else ()


def flat(blocks: Sequence[Block]) -> tuple[Line, ...]:
    """Blocks as lines alone, for a place that holds no blocks; an empty line parts them."""
    lines: list[Line] = []
    for block in blocks:
        lines += [(), *_flat(block)]
    return _without_gaps(lines)


def _flat(block: Block) -> Iterator[Line]:
    if block.kind == "hr":
        yield (Span("———"),)
    elif block.is_list:
        yield from _flat_items(block, "")
    elif block.kind == "pre":
        yield from ((Span(line[0].text, CODE),) for line in block.lines if line)
    else:
        yield from block.lines


def _flat_items(block: Block, indent: str) -> Iterator[Line]:
    for number, item in enumerate(block.items, start=1):
        bullet = f"{number})" if block.kind == "ol" else "•"
        first, *more = item.lines
        yield _tidy([Span(f"{indent}{bullet} "), *first])
        yield from more
        for below in item.below:
            yield from _flat_items(below, indent)
