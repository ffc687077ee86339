"""The little Markdown and rich text that descriptions use, as HTML that is safe whatever somebody wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring
from markupsafe import Markup, escape

_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"\s*(?:[-*+]|(?P<number>\d{1,9})[.)])\s+(?P<text>.*)")
_RULE = re.compile(r"\s*([-*_])(?:\s*\1){2,}\s*")
_FENCE = "```"
_INLINE = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|`(?P<code>[^`\n]+)`"
    r"|\*\*(?P<bold>.+?)\*\*"
    r"|(?<![\w*])(?P<mark>[*_])(?P<italic>[^*_\s](?:[^*_\n]*[^*_\s])?)(?P=mark)(?![\w*])"
    r"|\[(?P<label>[^\]\n]{0,500})\]\((?P<href>[^)\s]{1,2000})(?:\s+\"[^\"\n]{0,200}\")?\)"
    r"|(?P<bare>https?://[^\s<>()\"']{1,2000})"
)


def render(text: str) -> Markup:
    """Headings, lists, rules, code, bold, italic and links; everything else as it stands, escaped."""
    return Markup("\n").join(_blocks(text.splitlines()))


def _blocks(lines: list[str]) -> Iterator[Markup]:
    at = 0
    while at < len(lines):
        line = lines[at]
        end = at + 1
        if line.startswith(_FENCE):
            end = _until(lines, end, lambda each: each.startswith(_FENCE))
            yield Markup("<pre>{}</pre>").format("\n".join(lines[at + 1 : end]))
            end += 1
        elif heading := _HEADING.fullmatch(line):
            yield _tag(f"h{min(len(heading[1]) + 2, 6)}", inline(heading[2]))
        elif _RULE.fullmatch(line):
            yield Markup("<hr>")
        elif _ITEM.fullmatch(line):
            end = _until(lines, end, lambda each: not _ITEM.fullmatch(each) and not each.startswith("  "))
            yield _list(lines[at:end])
        elif line.strip():
            end = _until(lines, end, _ends_paragraph)
            yield _tag("p", Markup("<br>").join(inline(each.strip()) for each in lines[at:end]))
        at = end


def _until(lines: list[str], start: int, stops: Callable[[str], object]) -> int:
    return next((at for at in range(start, len(lines)) if stops(lines[at])), len(lines))


def _ends_paragraph(line: str) -> bool:
    return not line.strip() or bool(_HEADING.fullmatch(line) or _ITEM.fullmatch(line)) or line.startswith(_FENCE)


def _list(lines: list[str]) -> Markup:
    """A flat list; an indented line that begins no item goes on with the item before it."""
    items: list[list[str]] = []
    numbered = False
    for line in lines:
        if item := _ITEM.fullmatch(line):
            numbered = numbered or item["number"] is not None
            items.append([item["text"]])
        else:
            items[-1].append(line.strip())
    shown = Markup("").join(_tag("li", Markup("<br>").join(map(inline, parts))) for parts in items)
    return _tag("ol" if numbered else "ul", shown)


def inline(text: str) -> Markup:
    """One line's text."""
    shown, at = Markup(""), 0
    for found in _INLINE.finditer(text):
        shown += escape(text[at : found.start()]) + _span(found)
        at = found.end()
    return shown + escape(text[at:])


def _span(found: re.Match[str]) -> Markup:
    if found["escaped"]:
        return escape(found["escaped"])
    if found["code"]:
        return _tag("code", escape(found["code"]))
    if found["bold"]:
        return _tag("strong", inline(found["bold"]))
    if found["italic"]:
        return _tag("em", inline(found["italic"]))
    href = found["bare"] or found["href"]
    return _link(href, escape(found["bare"] or found["label"] or href), escape(found[0]))


def _link(href: str, label: Markup, otherwise: Markup) -> Markup:
    """A link to the web or to a mailbox; any other scheme stays text."""
    if not href.lower().startswith(("http://", "https://", "mailto:")):
        return otherwise
    return Markup('<a href="{}" rel="noreferrer noopener" target="_blank">{}</a>').format(href, label)


def _tag(name: str, inner: Markup) -> Markup:
    return Markup(f"<{name}>") + inner + Markup(f"</{name}>")  # noqa: S704  names are ours, `inner` is escaped


_TAGS = {
    **{name: name for name in ("strong", "em", "u", "s", "code", "ol", "ul", "li", "blockquote", "pre")},
    "h1": "h3",
    "h2": "h4",
}


def rich(xml: str, hidden: Callable[[str], bool]) -> Markup:
    """Rich text that is well-formed XML: known tags, links to the web, and the text of anything else.

    Args:
        xml: one element with what is to be shown.
        hidden: whether a link to this address is left out.
    """
    inner = _inside(fromstring(xml), hidden).strip()
    return Markup('<div class="plain">{}</div>').format(inner) if inner else inner


def _inside(element: Element, hidden: Callable[[str], bool]) -> Markup:
    shown = escape(element.text or "")
    for child in element:
        shown += _element(child, hidden) + escape(child.tail or "")
    return shown


def _element(element: Element, hidden: Callable[[str], bool]) -> Markup:
    inner, href = _inside(element, hidden), element.get("href", "")
    if element.tag == "a":
        return Markup("") if hidden(href) else _link(href, inner or escape(href), inner)
    if element.tag == "hr":
        return Markup("<hr>")
    return _tag(_TAGS[element.tag], inner) if element.tag in _TAGS else inner
