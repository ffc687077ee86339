"""HTML becomes Markdown, entities become characters, and a cell of many values its parts."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from html.entities import html5

from mi_sync.values.text import UNSEEN, BadValue, line

# ---------------------------------------------------------------------------------------------- entities

_AMP = r"(?:amp;|#0*38;|#[xX]0*26;)*"
_ENTITY = re.compile(rf"&{_AMP}(#[0-9]{{1,7}};|#[xX][0-9a-fA-F]{{1,6}};|[A-Za-z][A-Za-z0-9]{{1,31}};)")


def unescape(text: str) -> str:
    """The characters that entities such as `&oacute;` stand for, also where they were escaped several times."""
    for _ in range(3):  # an entity may be hidden in another one
        if "&" not in text or text == (once := _ENTITY.sub(_character, text)):
            break
        text = once
    return text


def _character(found: re.Match[str]) -> str:
    name = found[1]
    return html.unescape(f"&{name}") if name[0] == "#" or name in html5 else found[0]


def text(cell: str) -> str:
    """One line of clean text, without entities."""
    return line(unescape(cell) if "&" in cell else cell)


# ---------------------------------------------------------------------------------------- HTML to Markdown

_KNOWN_TAGS = (
    "a|b|blockquote|br|div|em|font|h[1-6]|hr|i|img|li|ol|p|section|small|span|strong|sub|sup|table|tbody|td|th|thead|"
    "tr|u|ul"
)
_TAG = re.compile(rf"<(?P<close>/?)(?P<name>{_KNOWN_TAGS})(?P<rest>(?:[\s/][^<>]*)?)>", re.IGNORECASE)
_ESCAPED_TAG = re.compile(rf"&(?:amp;)*lt;/?(?:{_KNOWN_TAGS})\b", re.IGNORECASE)
_DROPPED = re.compile(
    r"<!--(?:(?!<!--|-->).)*-->|<(script|style)\b(?:(?!<\1|</\1).)*</\1\s*>", re.IGNORECASE | re.DOTALL
)
_LIST_ITEM = re.compile(r" *(?:-|[0-9]+\.) ")
_HREF = re.compile(r"""\bhref\s*=\s*["']?\s*((?:https?://|mailto:)[^\s"'<>]+)""", re.IGNORECASE)
_ENDS_ADDRESS = str.maketrans({"(": "%28", ")": "%29", "<": "%3C", ">": "%3E"})
"""What would end the address of a Markdown link."""
_LEAD = re.compile(r"\s*(?:(?:-|[0-9]+\.|###) )?")
_EMPHASIS = {"b": "**", "strong": "**", "i": "*", "em": "*"}
_BLOCKS = frozenset({"p", "div", "section", "blockquote", "table", "tr", "hr"})


def markdown(text: str) -> str:
    """HTML as simple Markdown; text without known tags only loses its entities.

    Paragraphs, line breaks, headings, lists, emphasis and links to http(s) or mail addresses are kept; HTML that
    was escaped more often than it should be (Greenhouse's job board) is understood.
    """
    for _ in range(3):
        if not _ESCAPED_TAG.search(text) or _TAG.search(text):
            break
        text = html.unescape(text)
    if not _TAG.search(text):
        return unescape(text)
    return _Markdown().convert(_DROPPED.sub("", text))


class _Markdown:
    """The state of one conversion: what is written, what is open."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._open: list[tuple[str, int, str]] = []
        self._lists: list[int | None] = []

    def convert(self, text: str) -> str:
        at = 0
        for tag in _TAG.finditer(text):
            self._text(text[at : tag.start()])
            self._tag(tag["name"].lower(), tag["rest"], closing=bool(tag["close"]))
            at = tag.end()
        self._text(text[at:])
        return "\n".join(_tidy(row) for row in "".join(self._out).split("\n"))

    def _text(self, text: str) -> None:
        flat = re.sub(r"\s+", " ", UNSEEN.sub("", html.unescape(text)))
        if not self._out or self._out[-1].endswith(("\n", " ")):
            flat = flat.lstrip()
        if flat:
            self._out.append(flat)

    def _tag(self, name: str, rest: str, *, closing: bool) -> None:
        if name in _EMPHASIS or name == "a":
            self._close(name) if closing else self._begin(name, rest)
        elif name in {"ul", "ol"}:
            self._list(name, closing=closing)
        elif name == "li":
            self._item(closing=closing)
        elif name == "br":
            self._out.append("\n")
        elif name[0] == "h" and name != "hr":
            self._out.append("\n\n" if closing else "\n\n### ")
        elif name in _BLOCKS:
            self._out.append("\n\n" if not self._lists else " ")
        elif name in {"td", "th"}:
            self._out.append(" ")

    def _begin(self, name: str, rest: str) -> None:
        if any(opened == name for opened, _, _ in self._open):
            return  # bold within bold says nothing, and this bounds the work
        href = _HREF.search(rest)
        address = "".join(html.unescape(href[1]).split()).translate(_ENDS_ADDRESS) if href else ""
        self._open.append((name, len(self._out), address))

    def _close(self, name: str) -> None:
        """Wraps what was written since the tag opened, with spaces kept outside: `**word** `."""
        index = next((i for i in reversed(range(len(self._open))) if self._open[i][0] == name), None)
        if index is None:
            return
        _, start, href = self._open[index]
        del self._open[index:]
        inner = "".join(self._out[start:])
        core = inner.strip()
        if not core:
            return
        before, _, after = inner.partition(core)
        self._out[start:] = [part for part in (before, _wrapped(name, core, href), after) if part]

    def _list(self, name: str, *, closing: bool) -> None:
        if closing and self._lists:
            self._lists.pop()
        elif not closing and len(self._lists) < 8:  # deeper nesting reads no better
            self._lists.append(1 if name == "ol" else None)
        if not self._lists or (len(self._lists) == 1 and not closing):
            self._out.append("\n\n")

    def _item(self, *, closing: bool) -> None:
        if closing:
            return
        number = self._lists[-1] if self._lists else None
        indent = "  " * max(0, len(self._lists) - 1)
        self._out.append(f"\n{indent}{'-' if number is None else f'{number}.'} ")
        if number is not None:
            self._lists[-1] = number + 1


def _wrapped(name: str, text: str, href: str) -> str:
    if name == "a":
        return f"[{text}]({href})" if href else text
    return "\n".join(_emphasised(row, _EMPHASIS[name]) for row in text.split("\n"))


def _emphasised(row: str, mark: str) -> str:
    """Emphasis never spans two blocks in Markdown, nor does it hold the mark of a list or heading."""
    lead = _LEAD.match(row)
    start = lead.end() if lead else 0
    core = row[start:].strip()
    return f"{row[:start]}{mark}{core}{mark}" if core else row


def _tidy(row: str) -> str:
    """A line with single spaces; only a list item keeps its indentation."""
    item = _LIST_ITEM.match(row)
    return (item[0] if item else "") + " ".join(row[item.end() if item else 0 :].split())


# ------------------------------------------------------------------------------------------- long texts, lists


def long_text(text: str) -> str:
    """Clean text of several lines, in Markdown where it was HTML."""
    clean = UNSEEN.sub("", unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")))
    clean = "\n".join(row.rstrip() for row in markdown(clean).split("\n")).strip()
    return re.sub(r"\n{3,}", "\n\n", clean)


def split(text: str, separator: str) -> list[str]:
    """The parts of a multi-value cell; of HTML its lines, of a JSON list its texts.

    A part may stand in quotes, as in `"a; b";"c"`.
    """
    if text.lstrip().startswith("[") and (listed := _json_list(text)) is not None:
        return listed
    if _TAG.search(text) or _ESCAPED_TAG.search(text):
        rows = [row for row in markdown(text).split("\n") if row.strip()]
        if len(rows) > 1:
            return [row[found.end() :] if (found := _LIST_ITEM.match(row)) else row for row in rows]
        text = "".join(rows)
    text = unescape(text)  # the semicolon of an entity separates nothing
    if '"' not in text:
        return text.split(separator)
    end = re.escape(separator)
    part = re.compile(rf'\s*"((?:[^"]|"")*)"\s*(?:{end}|\Z)|((?:(?!{end}).)*)(?:{end}|\Z)', re.DOTALL)
    return [m[2] if m[1] is None else m[1].replace('""', '"') for m in part.finditer(text)]


def _json_list(text: str) -> list[str] | None:
    """The texts of a JSON list; None for what is no JSON.

    Raises:
        BadValue: it is a list of something else than texts and numbers.
    """
    try:
        found = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or not all(each is None or isinstance(each, str) for each in found):
        raise BadValue('is a JSON list of more than texts and numbers; write it as ["one", "two"]')
    return [each for each in found if each]
