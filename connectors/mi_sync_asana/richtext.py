"""Asana's rich text (`html_notes`): strict XML with one `<body>`, few tags, and literal line breaks. Pure.

The tags are those of developers.asana.com/docs/rich-text; attributes stand on links alone, and Asana adds some of its
own. How much white space it keeps around blocks is not documented, so none of it means anything here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape, unescape
from typing import TYPE_CHECKING

from mi_sync.connector import harvest, plant
from mi_sync_asana.document import CODE, Block, Builder, Item, Kind, Line, Mark, Span, clean, code, flat, link

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ORDER: tuple[Mark, ...] = ("strong", "em", "s", "code")

_STRONG: frozenset[Mark] = frozenset({"strong"})
_EM: frozenset[Mark] = frozenset({"em"})
_STRUCK: frozenset[Mark] = frozenset({"s"})
_MARKS = {"strong": _STRONG, "b": _STRONG, "em": _EM, "i": _EM, "s": _STRUCK, "del": _STRUCK, "code": CODE}

_HEADINGS: dict[str, Kind] = {"h1": "h1", **dict.fromkeys(("h2", "h3", "h4", "h5", "h6"), "h2")}

# -------------------------------------------------------------------------------------------------- writing


def written(blocks: Sequence[Block], marker: str = "") -> str:
    """The XML; with the marker's line at its end."""
    parts = [_block(block) for block in blocks]
    if marker:
        parts.append((_marker(marker), False))
    text = ""
    for number, (part, stands_alone) in enumerate(parts):
        alone_before = number > 0 and parts[number - 1][1]
        text += ("" if number == 0 else "\n" if alone_before or stands_alone else "\n\n") + part
    return f"<body>{text}</body>"


def _block(block: Block) -> tuple[str, bool]:
    """Its XML, and whether it stands on lines of its own by itself."""
    if block.kind == "hr":
        return "<hr/>", True
    inner = "".join(_item(item) for item in block.items) if block.is_list else _lines(block.lines)
    return (inner, False) if block.kind == "text" else (f"<{block.kind}>{inner}</{block.kind}>", True)


def _item(item: Item) -> str:
    return f"<li>{_lines(item.lines)}{''.join(_block(below)[0] for below in item.below)}</li>"


def _lines(lines: Iterable[Line]) -> str:
    return "\n".join("".join(_span(span) for span in line) for line in lines)


def _span(span: Span) -> str:
    text = escape(span.text, quote=False)
    for mark in reversed(_ORDER):
        if mark in span.marks:
            text = f"<{mark}>{text}</{mark}>"
    return f'<a href="{escape(span.href)}">{text}</a>' if span.href else text


def _marker(token: str) -> str:
    """The line that `plant` writes in Markdown, as XML."""
    found = re.fullmatch(r"\[(?P<word>[^]]+)\]\((?P<href>[^)]+)\)", plant("", token))
    if found is None:
        raise ValueError(f"{token!r} cannot be planted")
    return _span(Span(found["word"], href=found["href"]))


# -------------------------------------------------------------------------------------------------- reading


def parsed(xml: str) -> tuple[tuple[Block, ...], str | None]:
    """The blocks without markers, and the token of the last marker; what is no XML is read as plain text."""
    import xml.etree.ElementTree as ET

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(xml or "<body/>", forbid_dtd=True)
        return _Reader().read(root)
    except (ET.ParseError, DefusedXmlException, ValueError, RecursionError):
        builder = Builder()
        builder.text([Span(clean(unescape(re.sub(r"<[^>]*>", "", xml))))])
        return builder.done(), None


class _Reader:
    """Reads one document."""

    def __init__(self) -> None:
        self._token: str | None = None

    def read(self, root: Element) -> tuple[tuple[Block, ...], str | None]:
        builder = Builder()
        self._into(builder, root, frozenset())
        return builder.done(), self._token

    def _into(self, builder: Builder, element: Element, marks: frozenset[Mark]) -> None:
        """What stands in an element, below each other."""
        builder.text([Span(clean(element.text or ""), marks)])
        for child in element:
            self._child(builder, child, marks)
            builder.text([Span(clean(child.tail or ""), marks)])

    def _child(self, builder: Builder, element: Element, marks: frozenset[Mark]) -> None:
        tag = element.tag
        if tag in {"ul", "ol"}:
            builder.block("ul" if tag == "ul" else "ol", items=self._items(element))
        elif tag in _HEADINGS:
            builder.block(_HEADINGS[tag], flat(self._inside(element)))
        elif tag == "blockquote":
            builder.block("blockquote", flat(self._inside(element)))
        elif tag == "pre":
            builder.block("pre", code("".join(element.itertext())))
        elif tag == "hr":
            builder.block("hr")
        elif tag in {"p", "div", "table", "tr"}:
            builder.text([Span("\n")])
            self._into(builder, element, marks)
            builder.text([Span("\n")])
        else:
            builder.text(self._inline(element, marks))

    def _inside(self, element: Element) -> tuple[Block, ...]:
        builder = Builder()
        self._into(builder, element, frozenset())
        return builder.done()

    def _items(self, element: Element) -> list[Item]:
        """The items; a list that stands between them, as Asana nests some, belongs below the one before."""
        items: list[Item] = []
        for child in element:
            if child.tag in {"ul", "ol"}:
                before = items.pop() if items else Item(())
                items.append(Item(before.lines, (*before.below, *self._list(child))))
            else:
                blocks = self._inside(child)
                below = tuple(block for block in blocks if block.is_list)
                items.append(Item(flat([block for block in blocks if not block.is_list]), below))
        return items

    def _list(self, element: Element) -> tuple[Block, ...]:
        builder = Builder()
        self._child(builder, element, frozenset())
        return builder.done()

    # -- in a line ----------------------------------------------------------------------------------

    def _inline(self, element: Element, marks: frozenset[Mark]) -> list[Span]:
        tag = element.tag
        if tag == "br":
            return [Span("\n")]
        if tag == "img":
            return link([Span(clean(element.get("alt") or "image"), marks)], element.get("src", ""))
        marks |= _MARKS.get(tag, frozenset())
        spans = self._spans(element, marks)
        return self._link(spans, element.get("href", "")) if tag == "a" else spans

    def _spans(self, element: Element, marks: frozenset[Mark]) -> list[Span]:
        found = [Span(clean(element.text or ""), marks)]
        for child in element:
            found += [*self._inline(child, marks), Span(clean(child.tail or ""), marks)]
        return found

    def _link(self, spans: list[Span], href: str) -> list[Span]:
        _, token = harvest(href)
        if token is None:
            return link(spans, href)
        self._token = token
        return []


# ------------------------------------------------------------------------------- a person's text, kept as it is

_MARKER_LINK = re.compile(r"\s*<a\b[^>]*\bhref=\"https://mi-sync\.invalid/[^\"]*\"[^>]*?(?:/>|>.*?</a>)\s*", re.DOTALL)
_END = re.compile(r"\s*</body>\s*\Z")


def remarked(xml: str, token: str) -> str:
    """Somebody's XML with just the marker's line renewed at its end; mentions, images and unknown tags stay."""
    kept = _END.sub("", _MARKER_LINK.sub("\n\n", xml.strip() or "<body></body>")).rstrip()
    if not kept.startswith("<body>"):  # empty (`<body/>`), or no XML at all
        return written(parsed(xml)[0], token)
    gap = "" if kept == "<body>" else "\n\n"
    return f"{kept}{gap}{_marker(token)}</body>"
