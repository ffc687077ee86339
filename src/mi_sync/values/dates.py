"""Dates and times as sources write them, and the order of day and month that a column has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Literal

from mi_sync.values.text import BadValue, line

DateOrder = Literal["dmy", "mdy", "ymd"]


class AmbiguousDate(BadValue):
    """A date that could be day/month or month/day; the rest of its column may decide."""


_ISO_DAY = re.compile("(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])")  # days that every month has
_NUMERIC = re.compile(r"([0-9]{1,4})([-/.])([0-9]{1,2})\2([0-9]{1,4})")
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,?\s+", re.IGNORECASE)
_NTH = r"([0-9]{1,2})(?:st|nd|rd|th)?"
_DAY_MONTH = re.compile(
    rf"{_NTH}[\s-]+(?:of\s+)?([a-z]{{3,9}})\.?,?[\s-]+([0-9]{{4}}|[0-9]{{2}})(?![0-9:])", re.IGNORECASE
)
_MONTH_DAY = re.compile(rf"([a-z]{{3,9}})\.?\s+{_NTH},?\s+([0-9]{{4}})", re.IGNORECASE)
_TIME = re.compile(
    r"(?:T|,?\s+(?:at\s+)?)([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]{1,9})?)?"
    r"\s*(?:([ap])\.?m\.?(?![a-z]))?\s*(?P<zone>\S(?:.*\S)?)?",
    re.IGNORECASE,
)
_OFFSET = re.compile(r"(?:UTC|GMT)?(?P<sign>[+-])(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-9]{2}))?(?:\s*\([^()]*\))?")
"""An offset from UTC; what follows in brackets is a comment (RFC 2822; the dates of browsers)."""
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_RFC_ZONES = {
    **dict.fromkeys(("Z", "UT", "UTC", "GMT"), 0),
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
"""Hours from UTC: RFC 2822, section 4.3, and ISO 8601. No other name of a zone means the same everywhere."""
_YEARS = range(1900, 2200)
"""No other year can be meant."""
_EPOCHS = {"epoch_s": 1, "epoch_ms": 1000}
_COUNT = re.compile(r"[0-9]{1,13}(?:\.0)?")
_UNREADABLE = "is no date that can be read; write it as YYYY-MM-DD, or give the mapping its `dates` formats"
_UNCERTAIN = "has a time zone that is not certain here; write an offset such as +01:00, or set the source's `timezone`"


def is_epoch(form: str) -> bool:
    """Whether a format is a count of seconds or milliseconds since 1970."""
    return form in _EPOCHS


@dataclass(frozen=True, slots=True)
class DateReader:
    """Reads dates as one source writes them.

    Attributes:
        timezone: where a time without a zone is meant, and whose calendar days count.
        order: of day, month and year in numeric dates; None refuses those that could be read in two ways.
        formats: of `datetime.strptime`, or `epoch_s` and `epoch_ms`; tried first.
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
        except (ValueError, OverflowError, OSError):  # 31 February, 25:00, the year 9999 in another time zone
            raise BadValue(_UNREADABLE) from None
        if when.year not in _YEARS:
            raise BadValue("has a year that cannot be meant; write the date as YYYY-MM-DD")
        return when

    def _local(self, when: date | datetime) -> date | datetime:
        if not isinstance(when, datetime):
            return when
        return (when if when.tzinfo else when.replace(tzinfo=self.timezone)).astimezone(self.timezone)

    def _by_format(self, text: str) -> date | datetime | None:
        return next((when for form in self.formats if (when := _formatted(text, form))), None)

    def _by_shape(self, text: str) -> date | datetime:
        text = _without_weekday(text)
        for shape, read in ((_NUMERIC, self._numeric), (_DAY_MONTH, self._day_month), (_MONTH_DAY, _month_day)):
            if found := shape.match(text):
                rest = text[found.end() :]
                return self._with_time(read(found), rest) if rest else read(found)
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

    def _day_month(self, found: re.Match[str]) -> date:
        """`7-Feb-22` is how Excel writes 7 February 2022, unless the source says that years come first."""
        first, last = int(found[1]), int(found[3])
        if len(found[3]) == 4:
            return date(last, _month(found[2]), first)
        day, year = (last, first) if self.order == "ymd" else (first, last)
        return date(2000 + year, _month(found[2]), day)

    def _with_time(self, day: date, text: str) -> datetime:
        found = _TIME.fullmatch(text)
        if not found:
            raise BadValue(_UNREADABLE)
        hour = int(found[1])
        if half := found[4]:
            if not 1 <= hour <= 12:
                raise BadValue(_UNREADABLE)
            hour = hour % 12 + (12 if half.casefold() == "p" else 0)
        when = datetime.combine(day, time(hour, int(found[2]), int(found[3] or 0)))
        return when.replace(tzinfo=self._zone(found["zone"], when)) if found["zone"] else when

    def _zone(self, text: str, when: datetime) -> tzinfo:
        name = text.upper()
        if found := _OFFSET.fullmatch(name):
            offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
            return timezone(-offset if found["sign"] == "-" else offset)
        offsets = {timedelta(hours=_RFC_ZONES[name])} if name in _RFC_ZONES else set[timedelta]()
        offsets |= self._own(name, when)
        if len(offsets) != 1:
            raise BadValue(_UNCERTAIN)
        return timezone(offsets.pop())

    def _own(self, name: str, when: datetime) -> set[timedelta]:
        """What a zone's name means in the source's time zone, in that year: CET in Paris, IST in India."""
        around = (when, when.replace(fold=1), when.replace(month=1, day=1), when.replace(month=7, day=1))
        found = {self.timezone.utcoffset(it) for it in around if self.timezone.tzname(it) == name}
        return {offset for offset in found if offset is not None}


def _formatted(text: str, form: str) -> date | datetime | None:
    if form in _EPOCHS:
        return datetime.fromtimestamp(float(text) / _EPOCHS[form], UTC) if _COUNT.fullmatch(text) else None
    try:
        when = datetime.strptime(text, form)  # noqa: DTZ007  the zone is given by `DateReader`
    except ValueError:
        return None
    return when if re.search(r"%[HIcXsS]", form) else when.date()


def column_order(cells: Iterable[str]) -> DateOrder | None:
    """The order of day and month in a column: where some date can only be read so, and none only the other way.

    Dates with a year of two digits decide nothing, because any part of them may be the year.
    """
    order: DateOrder | None = None
    for cell in cells:
        found = _decisive(cell)
        if found and order and found != order:
            return None
        order = found or order
    return order


def _decisive(cell: str) -> DateOrder | None:
    text = _without_weekday(line(cell))
    parts = _NUMERIC.match(text)
    if not parts or len(parts[4]) != 4 or len(parts[1]) == 4 or max(int(parts[1]), int(parts[3])) <= 12:
        return None
    rest = text[parts.end() :]
    try:
        day = _day_and_month(int(parts[1]), int(parts[3]), int(parts[4]), None)
    except ValueError:
        return None
    if day.year not in _YEARS or (rest and not _TIME.fullmatch(rest)):
        return None
    return "dmy" if int(parts[1]) > 12 else "mdy"


def _without_weekday(text: str) -> str:
    return text[found.end() :] if (found := _WEEKDAY.match(text)) else text


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


def _month_day(found: re.Match[str]) -> date:
    return date(int(found[3]), _month(found[1]), int(found[2]))


def _month(word: str) -> int:
    month = month_of(word)
    if not month:
        raise BadValue("names a month that is no English one; write the date as YYYY-MM-DD")
    return month


def month_of(word: str) -> int | None:
    """The number of an English month, whole or in short; None for another word."""
    word = word.casefold()
    short = {month[:3]: number for number, month in enumerate(_MONTHS, 1)}
    whole = {month: number for number, month in enumerate(_MONTHS, 1)}
    return {**whole, **short, "sept": 9}.get(word)
