"""`html_notes` and `html_text`: XML of few tags, and the plain text beside it (docs/rich-text)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from markupsafe import escape

from mi_sync_asana.sandbox.values import bad

_TAGS = frozenset(
    ("body", "strong", "em", "u", "s", "code", "ol", "ul", "li", "a", "blockquote", "pre", "h1", "h2", "hr", "img")
)
_ATTRIBUTES = {
    "a": frozenset(("href", "target", "rel", "title")),
    "img": frozenset(("src", "alt", "width", "height", "style")),
}
_BLOCKS = frozenset(("li", "blockquote", "pre", "h1", "h2", "hr", "ol", "ul"))
_ADDED = {"rel": "nofollow noreferrer noopener", "target": "_blank"}
"""What reading adds to a link. That something is added is known, what exactly is not: compare with what was sent."""

_BARE = re.compile(r"https?://[^\s<>\"']+")


def checked(html: str) -> str:
    """The text as it will be read back: links have gained attributes.

    Raises:
        ApiError: 400 `XML is invalid`, for anything but one balanced `<body>` of the documented tags.
    """
    root = _parsed(html)
    for link in root.iter("a"):
        for name, value in _ADDED.items():
            link.set(name, value)
        if "href" not in link.attrib and "data-asana-gid" in link.attrib:
            link.set("href", f"https://app.asana.com/0/0/{link.attrib['data-asana-gid']}")
    return tostring(root, encoding="unicode", short_empty_elements=False)


def _parsed(html: str) -> Element:
    try:
        root: Element = fromstring(html)
    except (ParseError, DefusedXmlException, ValueError):
        raise bad("XML is invalid") from None
    elements = list(root.iter())
    if root.tag != "body" or not all(_allowed(each) for each in elements):
        raise bad("XML is invalid")
    if any(each.tag == "body" for each in elements[1:]):
        raise bad("XML is invalid")
    return root


def _allowed(element: Element) -> bool:
    names = _ATTRIBUTES.get(element.tag, frozenset())
    return element.tag in _TAGS and all(name in names or name.startswith("data-asana-") for name in element.attrib)


def plain(html: str) -> str:
    """The plain text of rich text. How Asana derives it is not documented; here a link is its label alone."""
    text = "".join(_pieces(_parsed(html)))
    return re.sub(f"\n?{_BREAK}+\n?", "\n", text.strip(_BREAK))


_BREAK = "\0"
"""Where a block begins or ends; no XML can hold it."""


def _pieces(element: Element) -> Iterator[str]:
    edge = _BREAK if element.tag in _BLOCKS else ""
    yield edge + (element.text or "")
    for child in element:
        yield from _pieces(child)
        yield child.tail or ""
    yield edge


def rich(text: str) -> str:
    """The rich text of plain text: escaped, and bare addresses are links."""
    shown, at = "", 0
    for found in _BARE.finditer(text):
        shown += f'{escape(text[at : found.start()])}<a href="{escape(found[0])}">{escape(found[0])}</a>'
        at = found.end()
    return checked(f"<body>{shown}{escape(text[at:])}</body>")
