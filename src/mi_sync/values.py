"""One cell at a time: text as it stands in a file becomes a canonical value, or a `BadValue`, never a guess.

Pure functions. A `BadValue` says what is wrong and what to do; it never repeats the cell.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Literal

DateOrder = Literal["dmy", "mdy", "ymd"]


class BadValue(ValueError):
    """A cell that cannot be read; the message ends with a remedy and holds nothing of the cell."""


class AmbiguousDate(BadValue):
    """A date that could be day/month or month/day; the rest of its column may decide."""


# ------------------------------------------------------------------------------------------------ text

_UNSEEN = re.compile(
    # Control characters but tab and newline; BOM; lone surrogates; overrides of the writing direction.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)
_SEPARATORS = re.compile(r"[\s_\-]+")


def fold(text: str) -> str:
    """Text as it is compared: without case, spaces, hyphens, underscores and invisible characters."""
    return _SEPARATORS.sub("", _UNSEEN.sub("", unicodedata.normalize("NFKC", text))).casefold()


def line(text: str) -> str:
    """One line of clean text: NFC, white space as single spaces, no control characters."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return unicodedata.normalize("NFC", _UNSEEN.sub("", " ".join(text.split()))).strip()


def long_text(text: str) -> str:
    """Clean text of several lines, in Markdown where it was HTML."""
    clean = _UNSEEN.sub("", unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")))
    clean = "\n".join(row.rstrip() for row in markdown(clean).split("\n")).strip()
    return re.sub(r"\n{3,}", "\n\n", clean)


def split(text: str, separator: str) -> list[str]:
    """The parts of a multi-value cell; a part may stand in quotes, as in `"a; b";"c"`; of HTML, its lines."""
    if _TAG.search(text) or _ESCAPED_TAG.search(text):
        rows = [row for row in markdown(text).split("\n") if row.strip()]
        if len(rows) > 1:
            return [row[found.end() :] if (found := _LIST_ITEM.match(row)) else row for row in rows]
        text = "".join(rows)
    text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)  # its semicolon separates nothing
    if '"' not in text:
        return text.split(separator)
    end = re.escape(separator)
    part = re.compile(rf'\s*"((?:[^"]|"")*)"\s*(?:{end}|\Z)|((?:(?!{end}).)*)(?:{end}|\Z)', re.DOTALL)
    return [m[2] if m[1] is None else m[1].replace('""', '"') for m in part.finditer(text)]


# ------------------------------------------------------------------------------------------ HTML to Markdown

_KNOWN_TAGS = (
    "a|b|blockquote|br|div|em|font|h[1-6]|hr|i|img|li|ol|p|section|small|span|strong|sub|sup|table|tbody|td|th|thead|"
    "tr|u|ul"
)
_TAG = re.compile(rf"<(?P<close>/?)(?P<name>{_KNOWN_TAGS})(?P<rest>(?:[\s/][^<>]*)?)>", re.IGNORECASE)
_ESCAPED_TAG = re.compile(rf"&lt;/?(?:{_KNOWN_TAGS})\b", re.IGNORECASE)
_DROPPED = re.compile(
    r"<!--(?:(?!<!--|-->).)*-->|<(script|style)\b(?:(?!<\1|</\1).)*</\1\s*>", re.IGNORECASE | re.DOTALL
)
_LIST_ITEM = re.compile(r" *(?:-|[0-9]+\.) ")
_HREF = re.compile(r"""\bhref\s*=\s*["']?\s*((?:https?://|mailto:)[^\s"'<>]+)""", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#[0-9]{1,6});")
_ENDS_ADDRESS = str.maketrans({"(": "%28", ")": "%29", "<": "%3C", ">": "%3E"})
"""What would end the address of a Markdown link."""
_LEAD = re.compile(r"\s*(?:(?:-|[0-9]+\.|###) )?")
_EMPHASIS = {"b": "**", "strong": "**", "i": "*", "em": "*"}
_BLOCKS = frozenset({"p", "div", "section", "blockquote", "table", "tr", "hr"})


def markdown(text: str) -> str:
    """HTML as simple Markdown; text without known tags is returned as it is.

    Paragraphs, line breaks, headings, lists, emphasis and links to http(s) or mail addresses are kept; HTML that
    was escaped once more than it should be (Greenhouse's job board) is understood.
    """
    if _ESCAPED_TAG.search(text):
        text = html.unescape(text)
    if not _TAG.search(text):
        return text
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
        flat = re.sub(r"\s+", " ", _UNSEEN.sub("", html.unescape(text)))
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


# ----------------------------------------------------------------------------------------------- numbers

_PLAIN = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,9})?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?P<s>[, '\u2019])[0-9]{3}(?:(?P=s)[0-9]{3}){0,3}(?:\.[0-9]{1,9})?")
_SWAP = str.maketrans(",.", ".,")
_CURRENCY_SIGNS = "$€£¥₹"
_TRUE = frozenset({"yes", "y", "true", "t", "1", "on", "x"})
_FALSE = frozenset({"no", "n", "false", "f", "0", "off"})


def number(text: str, decimal: str = ".") -> float:
    """A finite number, with or without thousands separators (`1,200.50`; with `decimal = ","`: `1.200,50`)."""
    digits = line(text)
    digits = digits.translate(_SWAP) if decimal == "," else digits
    if _PLAIN.fullmatch(digits):
        return float(digits)
    if _GROUPED.fullmatch(digits):
        return float(re.sub(r"[, '\u2019]", "", digits))
    raise BadValue('is no plain number; write 450 or 1,200.50, or set decimal = "," in the mapping for a decimal comma')


def integer(text: str, decimal: str = ".") -> int:
    """A whole number; `3.0` is one."""
    value = number(text, decimal)
    if not value.is_integer():
        raise BadValue("is no whole number; write digits only")
    return int(value)


def amount(text: str, decimal: str = ".") -> float:
    """An amount of money, with or without a currency sign (which names no currency: `$` is many)."""
    return number(line(text).strip(_CURRENCY_SIGNS), decimal)


def boolean(text: str) -> bool:
    """Yes or no, as people and programs write it."""
    word = fold(text)
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadValue("is neither yes nor no; write one of them, or map the word with `values`")


# ------------------------------------------------------------------------------------------ dates and times

_ISO_DAY = re.compile("(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])")  # days that every month has
_NUMERIC = re.compile(r"([0-9]{1,4})([-/.])([0-9]{1,2})\2([0-9]{1,4})")
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,?\s+", re.IGNORECASE)
_DAY_MONTH = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?[\s-]+(?:of\s+)?([a-z]{3,9})\.?,?[\s-]+([0-9]{4})", re.IGNORECASE)
_MONTH_DAY = re.compile(r"([a-z]{3,9})\.?\s+([0-9]{1,2})(?:st|nd|rd|th)?,?\s+([0-9]{4})", re.IGNORECASE)
_TIME = re.compile(
    r"(?:T|,?\s+)([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]{1,9})?)?"
    r"\s*(?:([ap])\.?m\.?)?\s*(Z|UTC|GMT|[ECMP][SD]T|[+-][0-9]{2}:?[0-9]{2})?",
    re.IGNORECASE,
)
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_ZONES = {
    "E": -5,
    "C": -6,
    "M": -7,
    "P": -8,
}  # RFC 2822, section 4.3: EST is -0500, and so on; daylight time is +1 hour
_UNREADABLE = "is no date that can be read; write it as YYYY-MM-DD, or give the mapping its `dates` formats"


@dataclass(frozen=True, slots=True)
class DateReader:
    """Reads dates as one source writes them.

    Attributes:
        timezone: where a time without a zone is meant, and whose calendar days count.
        order: of day, month and year in numeric dates; None refuses those that could be read in two ways.
        formats: of `datetime.strptime`, tried first.
    """

    timezone: tzinfo
    order: DateOrder | None = None
    formats: tuple[str, ...] = ()

    def day(self, text: str) -> str:
        """The day, as ISO 8601; an instant with a zone gives its day in the source's time zone."""
        when = self._read(text)
        return (when.date() if isinstance(when, datetime) else when).isoformat()

    def moment(self, text: str) -> str:
        """The day or, where a time is given, the instant with its offset, as ISO 8601."""
        return self._read(text).isoformat()

    def _read(self, text: str) -> date | datetime:
        text = line(text)
        if _ISO_DAY.fullmatch(text) and not self.formats:  # most dates, so that they are quick
            return date.fromisoformat(text)
        try:
            when = self._local(self._by_format(text) or self._by_shape(text))
        except BadValue:
            raise
        except (ValueError, OverflowError):  # 31 February, 25:00, the year 9999 in another time zone
            raise BadValue(_UNREADABLE) from None
        if not 1900 <= when.year < 2200:
            raise BadValue("has a year that cannot be meant; write the date as YYYY-MM-DD")
        return when

    def _local(self, when: date | datetime) -> date | datetime:
        if not isinstance(when, datetime):
            return when
        return (when if when.tzinfo else when.replace(tzinfo=self.timezone)).astimezone(self.timezone)

    def _by_format(self, text: str) -> date | datetime | None:
        for form in self.formats:
            try:
                when = datetime.strptime(text, form)  # noqa: DTZ007  the zone is given by `_read`
            except ValueError:
                continue
            return when if re.search(r"%[HIcXsS]", form) else when.date()
        return None

    def _by_shape(self, text: str) -> date | datetime:
        text = text[found.end() :] if (found := _WEEKDAY.match(text)) else text
        for shape, read in ((_NUMERIC, self._numeric), (_DAY_MONTH, _day_month), (_MONTH_DAY, _month_day)):
            if found := shape.match(text):
                rest = text[found.end() :]
                return _with_time(read(found), rest) if rest else read(found)
        raise BadValue(_UNREADABLE)

    def _numeric(self, found: re.Match[str]) -> date:
        first, second, third = int(found[1]), int(found[3]), int(found[4])
        if len(found[1]) == 4:
            return date(first, second, third)
        if len(found[4]) == 4:
            return _day_and_month(first, second, third, self.order)
        if self.order is None or max(len(found[1]), len(found[4])) > 2:
            raise BadValue(_ambiguous("has a year of two digits"))
        if self.order == "ymd":
            return date(2000 + first, second, third)
        return _day_and_month(first, second, 2000 + third, self.order)


def column_order(cells: Iterable[str]) -> DateOrder | None:
    """The order of day and month in a column: where some date can only be read so, and none only the other way.

    Dates with a year of two digits decide nothing, because any part of them may be the year.
    """
    reader, order = DateReader(UTC), None
    for cell in cells:
        found = _decisive(cell, reader)
        if found and order and found != order:
            return None
        order = found or order
    return order


def _decisive(cell: str, reader: DateReader) -> DateOrder | None:
    text = line(cell)
    text = text[found.end() :] if (found := _WEEKDAY.match(text)) else text
    parts = _NUMERIC.match(text)
    if not parts or len(parts[4]) != 4 or len(parts[1]) == 4 or max(int(parts[1]), int(parts[3])) <= 12:
        return None
    try:
        reader.day(cell)
    except BadValue:
        return None
    return "dmy" if int(parts[1]) > 12 else "mdy"


def _ambiguous(what: str) -> str:
    return f'{what}; set dates = "dmy" or "mdy" for this source, or write dates as YYYY-MM-DD'


def _day_and_month(first: int, second: int, year: int, order: DateOrder | None) -> date:
    if order == "dmy":
        return date(year, second, first)
    if order == "mdy":
        return date(year, first, second)
    if first <= 12 and second <= 12 and first != second:
        raise AmbiguousDate(_ambiguous("could be day/month or month/day"))
    return date(year, second, first) if first > 12 else date(year, first, second)


def _day_month(found: re.Match[str]) -> date:
    return date(int(found[3]), _month(found[2]), int(found[1]))


def _month_day(found: re.Match[str]) -> date:
    return date(int(found[3]), _month(found[1]), int(found[2]))


def _month(word: str) -> int:
    word = word.casefold()
    for index, month in enumerate(_MONTHS, 1):
        if word == month or word == month[:3] or (word == "sept" and index == 9):
            return index
    raise BadValue("names a month that is no English one; write the date as YYYY-MM-DD")


def _with_time(day: date, text: str) -> datetime:
    found = _TIME.fullmatch(text)
    if not found:
        raise BadValue(_UNREADABLE)
    hour = int(found[1])
    if half := found[4]:
        if not 1 <= hour <= 12:
            raise BadValue(_UNREADABLE)
        hour = hour % 12 + (12 if half.casefold() == "p" else 0)
    return datetime.combine(day, time(hour, int(found[2]), int(found[3] or 0), tzinfo=_zone(found[5])))


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    name = text.upper()
    if name in {"Z", "UTC", "GMT"}:
        return UTC
    if name[0] in _ZONES:
        return timezone(timedelta(hours=_ZONES[name[0]] + (name[1] == "D")))
    offset = timedelta(hours=int(name[1:3]), minutes=int(name[-2:]))
    return timezone(-offset if name[0] == "-" else offset)


# ------------------------------------------------------------------------------------- addresses and numbers

_NOT_IN_ADDRESS = r"\s@<>()\[\],;:\"\\"
_EMAIL = re.compile(rf"[^{_NOT_IN_ADDRESS}]+@[^{_NOT_IN_ADDRESS}]+\.[^{_NOT_IN_ADDRESS}.]{{2,}}")
_URL = re.compile(r"https?://\S+|[^\s:]+", re.IGNORECASE)
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)


def email(text: str) -> str:
    """An e-mail address, without the case of its letters; dots and plus parts are kept."""
    address = line(text).casefold()
    if len(address) > 254 or not _EMAIL.fullmatch(address):  # RFC 5321: a path has at most 254 characters
        raise BadValue("is no e-mail address; write one address such as name@example.org")
    return address


def url(text: str) -> str:
    """A web address; `javascript:`, `file:` and the like are refused."""
    address = line(text)
    if not _URL.fullmatch(address):
        raise BadValue("is no web address; write one that begins with https://")
    return address


def phone(text: str) -> str:
    """A phone number as written, without the apostrophe that keeps spreadsheets from seeing a formula."""
    return re.sub(r"^'(?=[+(0-9])", "", line(text)).strip()


def identifier(text: str) -> str:
    """An id as written; refuses what a spreadsheet has made of a long number."""
    clean = line(text)
    if _SHORTENED.fullmatch(clean):
        raise BadValue("was shortened by a spreadsheet (such as 1.2E+15); export it again and keep the column as text")
    return clean


def initials(text: str) -> str:
    """Initials as given. They are public, so that a whole name in this column must not pass."""
    letters = line(text)
    words = re.findall(r"[^\W\d_]+", letters)
    names = [word for word in words if len(word) > 2 and word[1:].islower()]
    if len(letters) > 6 or names or len([word for word in words if len(word) > 1]) > 1:
        raise BadValue("is too long for initials; give at most 6 characters, such as AL or A. L.")
    return letters


# ------------------------------------------------------------------------------------------------- names

_PARTICLES = frozenset(
    {
        "af",
        "al",
        "av",
        "bin",
        "da",
        "das",
        "de",
        "del",
        "della",
        "den",
        "der",
        "di",
        "do",
        "dos",
        "du",
        "el",
        "la",
        "le",
    }
    | {"los", "ten", "ter", "van", "von", "zu"}
)
_SUFFIX = re.compile(r"(?:jr|sr|ii|iii|iv|md|phd|esq)\.?", re.IGNORECASE)
_NUMERAL = re.compile(r"\b(?:Ii|Iii|Iv)\b")


def person(text: str) -> str:
    """A name or a part of one: `SMITH, ANNA` is Anna Smith; all capitals become capitalised words."""
    name = line(text)
    if name.count(",") == 1:
        before, after = (part.strip() for part in name.split(","))
        if before and after and not _SUFFIX.fullmatch(after):
            name = f"{after} {before}"
    if name.isupper() and len(name) > 2:
        name = _NUMERAL.sub(lambda m: m[0].upper(), unicodedata.normalize("NFC", name.title()))
    return name


def name_parts(name: str) -> tuple[str | None, str | None]:
    """Given and family name: the family name is the last word, with the particles before it (`van der Berg`)."""
    words = name.partition(",")[0].split()
    while len(words) > 2 and _SUFFIX.fullmatch(words[-1]):
        words.pop()
    if len(words) < 2:
        return (words[0] if words else None), None
    start = len(words) - 1
    while start > 1 and words[start - 1] in _PARTICLES:
        start -= 1
    return " ".join(words[:start]), " ".join(words[start:])


def initials_of(given: str | None, family: str | None) -> str | None:
    """The first letter of the given and of the family name, particles aside: Ana María López is AL."""
    words = [next(iter((given or "").split()), ""), next(iter(_without_particles(family)), "")]
    return "".join(letter for word in words for letter in _first_letter(word)) or None


def _without_particles(family: str | None) -> Sequence[str]:
    words = (family or "").split()
    return [word for word in words if word not in _PARTICLES] or words


def _first_letter(word: str) -> Iterator[str]:
    letter = next((c for c in word if c.isalpha()), "")
    yield unicodedata.normalize("NFC", letter.upper())[:1]
