"""Labs of the publishers: each with what it publishes to, and a way to look at that which is not ours."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import vobject
from openpyxl import load_workbook

from mi_sync.connector import Context, Publisher, Secret, SecretRef
from mi_sync.http import Wire
from mi_sync.testing import Clock
from mi_sync_calendar import CalendarConfig
from mi_sync_calendar.publisher import CalendarPublisher
from mi_sync_slack import SlackConfig
from mi_sync_slack.publisher import SlackPublisher
from mi_sync_table import TableConfig
from mi_sync_table.publisher import TablePublisher
from slack_channel import HOOK, TOKEN, Slack

CHICAGO = ZoneInfo("America/Chicago")


class CalendarLab:
    """A calendar in a folder."""

    view = "milestones"

    def __init__(self, folder: Path) -> None:
        self.file = folder / "public" / "spring.ics"
        self._seen: list[int] = []

    def open(self) -> Publisher:
        return calendar(self.file.parents[1])

    def published(self) -> str:
        return "\n".join(
            f"{event['summary']}" for event in events(self.file).values() if event["status"] != "CANCELLED"
        )

    def writes(self) -> int:
        written = self.file.stat().st_mtime_ns if self.file.exists() else 0
        if written and written not in self._seen:
            self._seen.append(written)
        return len(self._seen)


def calendar(folder: Path, **settings: Any) -> CalendarPublisher:
    context = Context("c", folder, ZoneInfo("America/Chicago"))
    return CalendarPublisher(CalendarConfig(path="public/spring.ics", **settings), context)


def events(file: Path) -> dict[str, dict[str, Any]]:
    """As vobject reads them, which has nothing to do with what wrote them."""
    read = vobject.readOne(file.read_text("utf-8"))
    found = [
        {child.name.casefold(): child.value for child in event.getChildren()}
        for event in read.contents.get("vevent", [])
    ]
    return {event["uid"]: event for event in found}


class TableLab:
    """A table in a folder."""

    view = "milestones"

    def __init__(self, folder: Path, name: str) -> None:
        self.file = folder / "tables" / name
        self._seen: list[bytes] = []

    def open(self) -> Publisher:
        opened = TablePublisher(
            TableConfig(path=f"tables/{self.file.name}"), Context("t", self.file.parents[1], CHICAGO)
        )
        assert isinstance(opened, Publisher)
        return opened

    def published(self) -> str:
        return "\n".join(str(row) for row in cells(self.file)) if self.file.exists() else ""

    def writes(self) -> int:
        """Every other content that the file was seen with; each write of a workbook gives other bytes."""
        content = (str(self.file.stat().st_mtime_ns)).encode() if self.file.exists() else b""
        if content and content not in self._seen:
            self._seen.append(content)
        return len(self._seen)


def cells(file: Path, sheet: str = "milestones") -> list[list[Any]]:
    if file.suffix == ".xlsx":
        return [list(row) for row in load_workbook(file)[sheet].iter_rows(values_only=True)]
    return list(csv.reader(io.StringIO(file.read_text("utf-8-sig"), newline="")))


class SlackLab:
    """A publisher, the channel that it writes to, and what it remembers."""

    view = "outlook"

    def __init__(self) -> None:
        self.slack, self.memory, self.clock = Slack(), dict[str, str](), Clock()

    def open(self, *, webhook: bool = False) -> Publisher:
        wire = Wire(now=self.clock.now, monotonic=self.clock.monotonic, sleep=self.clock.sleep, transport=self.slack)
        if webhook:
            settings, secret = SlackConfig(webhook=SecretRef(env="HOOK")), {"webhook": Secret(HOOK)}
        else:
            settings, secret = SlackConfig(token=SecretRef(env="BOT"), channel="C01"), {"token": Secret(TOKEN)}
        return SlackPublisher(settings, Context("slack", Path(), CHICAGO, wire, secret, self.memory))

    def published(self) -> str:
        return "\n".join(self.slack.shown())

    def writes(self) -> int:
        return sum(call.startswith("chat.") for call in self.slack.calls)
