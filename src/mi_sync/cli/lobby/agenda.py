"""A calendar as people read it: its days, and what is on each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

_DONE = "✓ "
"""How the summary of an event begins that is done."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event: when within its day (empty for all of it), what, about what, where it is kept, and where to join."""

    time: str
    title: str
    about: str
    url: str
    call: str
    done: bool


@dataclass(frozen=True, slots=True)
class Day:
    """A day with its entries; `when` is past, today or ahead."""

    day: date
    when: str
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Agenda:
    """A calendar: its name, its days in order, and the time zone that its times are told in."""

    name: str
    days: Sequence[Day]
    zone: str


def read(content: bytes, zone: ZoneInfo, now: datetime) -> Agenda:
    """What stands in an iCalendar file, without what was cancelled; nothing where it is none."""
    today, found = now.astimezone(zone).date(), defaultdict[date, list[Entry]](list)
    try:
        calendar = Calendar.from_ical(content)
    except (ValueError, KeyError, IndexError):  # as the library fails on what is no calendar
        return Agenda("", (), zone.key)
    for event in calendar.walk("VEVENT"):
        if isinstance(event, Event) and "DTSTART" in event and str(event.get("STATUS", "")) != "CANCELLED":
            day, entry = _entry(event, zone)
            found[day].append(entry)
    for entries in found.values():
        entries.sort(key=lambda it: (it.time, it.title))
    days = [Day(day, _when(day, today), found[day]) for day in sorted(found)]
    return Agenda(str(calendar.get("NAME", "")), days, zone.key)


def _when(day: date, today: date) -> str:
    return "today" if day == today else "past" if day < today else "ahead"


def _entry(event: Event, zone: ZoneInfo) -> tuple[date, Entry]:
    start = event.decoded("DTSTART")
    at = start.astimezone(zone) if isinstance(start, datetime) else None
    title, url = str(event.get("SUMMARY", "")), _web(event, "URL")
    lines = [line for line in str(event.get("DESCRIPTION", "")).splitlines() if line and line != url]
    entry = Entry(
        time=f"{at:%H:%M}" if at else "",
        title=title.removeprefix(_DONE),
        about=" ".join(lines),
        url=url,
        call=_web(event, "CONFERENCE"),
        done=title.startswith(_DONE),
    )
    return at.date() if at else start, entry


def _web(event: Event, name: str) -> str:
    """An address of the web; anything else leads nowhere."""
    text = str(event.get(name, ""))
    return text if text.startswith(("https://", "http://")) else ""
