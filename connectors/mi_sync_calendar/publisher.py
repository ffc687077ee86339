"""Milestones as an iCalendar file (RFC 5545, with the names and addresses of RFC 7986).

The file itself is the memory: an event keeps its identity by its UID, which is the milestone's key, and its SEQUENCE
grows when it changes, so that calendars that subscribe move it. What is gone from the view is cancelled, and says no
more than that: it may have been a person's who was forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from icalendar import Calendar, Event

from mi_sync.connector import Context, View
from mi_sync.errors import ConfigError
from mi_sync.writing import write_atomically
from mi_sync_calendar import CalendarConfig

_OURS = "-//mi-sync//"
"""How the calendars begin that we made (PRODID); another's is never written over."""
_HIDDEN = frozenset({"archived", "dismissed"})
_BOOKKEEPING = ("DTSTAMP", "SEQUENCE", "LAST-MODIFIED")
_REFRESH = timedelta(hours=1)


class CalendarPublisher:
    """Writes the calendar.

    Args:
        settings: the target's.
        context: from the core.
    """

    def __init__(self, settings: CalendarConfig, context: Context) -> None:
        self._file = context.root / settings.path
        self._length = timedelta(minutes=settings.minutes)

    @property
    def requests(self) -> int:
        """A file needs none."""
        return 0

    def publish(self, view: View) -> bool:
        """Writes the calendar unless it says the same already.

        Raises:
            ConfigError: there is a file that is no calendar, or it cannot be written.
            Unavailable: the disk is full.
        """
        stands = _read(self._file)
        events = stands.walk("VEVENT") if stands else []
        before = {str(event["UID"]): event for event in events if isinstance(event, Event)}
        after = dict(self._wanted(view))
        gone = {uid: _cancelled(event) for uid, event in before.items() if uid not in after}
        calendar = _calendar(view.programme)
        changed = stands is None or stands.get("NAME") != view.programme
        for uid, event in (after | gone).items():
            written = _next(before.get(uid), event, view.taken_at)
            changed |= written is not before.get(uid)
            calendar.add_component(written)
        if changed:
            write_atomically(self._file, calendar.to_ical(), with_folder=True)
        return changed

    def _wanted(self, view: View) -> Iterator[tuple[str, Event]]:
        for row in view.rows:
            if row.get("due") and row.get("state") not in _HIDDEN:
                event = self._event(row)
                yield str(event["UID"]), event

    def _event(self, row: Mapping[str, Any]) -> Event:
        event = Event()
        event.add("UID", f"{row['key']}@mi-sync")
        event.add("SUMMARY", f"✓ {row['title']}" if row["state"] == "done" else row["title"])
        due, call = row["due"], row.get("meeting_url")
        is_call = bool(call) and call in row.get("body", "")
        for name, when in self._span(due, is_call=is_call).items():
            event.add(name, when)
        if is_call:
            event.add("LOCATION", call)
            event.add("CONFERENCE", call, parameters={"VALUE": "URI", "FEATURE": "VIDEO", "LABEL": "Join the call"})
        if url := row.get("url"):
            event.add("URL", url)
        if about := _about(row):
            event.add("DESCRIPTION", about)
        event.add("STATUS", "CONFIRMED")
        event.add("TRANSP", "OPAQUE" if is_call else "TRANSPARENT")
        return event

    def _span(self, due: date | datetime, *, is_call: bool) -> dict[str, date | datetime]:
        """A day; or the instant when it is due, at which a call begins."""
        if not isinstance(due, datetime):
            return {"DTSTART": due}
        start = due.astimezone(UTC)
        return {"DTSTART": start, "DTEND": start + self._length} if is_call else {"DTSTART": start}


def _about(row: Mapping[str, Any]) -> str:
    """Whose it is, and where; the body stays on the board."""
    parts = (row.get("posting"), row.get("organization"), row.get("intern"))
    lines = [" · ".join(part for part in parts if part), row.get("url")]
    return "\n".join(line for line in lines if line)


def _calendar(programme: str) -> Calendar:
    calendar = Calendar()
    calendar.add("PRODID", f"{_OURS}mi-sync//EN")
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", "PUBLISH")
    calendar.add("NAME", programme)
    calendar.add("X-WR-CALNAME", programme)
    calendar.add("REFRESH-INTERVAL", _REFRESH, parameters={"VALUE": "DURATION"})
    return calendar


def _read(file: Path) -> Calendar | None:
    """What stands in the file now."""
    if not file.exists():
        return None
    try:
        found = Calendar.from_ical(file.read_bytes())
    except (ValueError, KeyError, IndexError):
        found = None
    if found is not None and str(found.get("PRODID", "")).startswith(_OURS):
        return found
    raise ConfigError(
        "there is a file that mi-sync has not made, and it is kept.",
        where=str(file),
        remedy="Name another, or move it away.",
    )


def _cancelled(event: Event) -> Event:
    """Only what says which event it is about: a calendar that has it takes it off."""
    cancelled = Event()
    for name in ("UID", "DTSTART", "DTEND"):
        if name in event:
            cancelled[name] = event[name]
    cancelled.add("SUMMARY", "Cancelled")
    cancelled.add("STATUS", "CANCELLED")
    cancelled.add("TRANSP", "TRANSPARENT")
    return cancelled


def _next(before: Event | None, event: Event, now: datetime) -> Event:
    """The event as it is written: the very one that stands there, or the next of its sequence."""
    if before is not None and _content(before) == _content(event):
        return before
    event.add("DTSTAMP", now.astimezone(UTC))
    event.add("LAST-MODIFIED", now.astimezone(UTC))
    event.add("SEQUENCE", int(before.get("SEQUENCE", 0)) + 1 if before is not None else 0)
    return event


def _content(event: Event) -> bytes:
    """What an event says, without when and how often that was written."""
    plain = Event()
    for name, value in event.items():
        if name not in _BOOKKEEPING:
            plain[name] = value
    return bytes(plain.to_ical(sorted=True))
