"""What the messages say: views as Block Kit, with every text escaped, within Slack's limits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from slack_sdk.models.blocks import Block, HeaderBlock, SectionBlock

Row = Mapping[str, Any]

MOST = 10
"""Lines of one section; more are counted."""
_LONGEST = 200
"""Characters of a title, so that ten of them fit into a section's 3,000 (docs.slack.dev, section block)."""

QUESTIONS: Mapping[str, str] = {
    "overdue": "Overdue",
    "due_in_7_days": "Due within seven days",
    "no_owner": "Nobody's",
}
_ACTIONS: Mapping[str, str] = {
    "create": "New",
    "adopt": "Taken over",
    "update": "Changed",
    "archive": "Archived",
}


def outlook(programme: str, monday: date, rows: Sequence[Row], timezone: ZoneInfo) -> tuple[str, list[Block]]:
    """The text for notifications, and the message of a week."""
    title = _cut(f"{programme}: week of {_day(monday)}", 150)
    by_question = {name: [row for row in rows if row["question"] == name] for name in QUESTIONS}
    sections = [
        _section(f"{QUESTIONS[name]} ({len(found)})", (_line(row, timezone) for row in found), len(found))
        for name, found in by_question.items()
        if found
    ]
    calm = SectionBlock(text=_mrkdwn("Nothing is overdue, due within seven days, or nobody's."))
    told = ", ".join(f"{QUESTIONS[name].casefold()}: {len(found)}" for name, found in by_question.items() if found)
    return f"{title} ({told or 'nothing needs an eye'})", [HeaderBlock(text=title), *(sections or [calm])]


def news(programme: str, rows: Sequence[Row], timezone: ZoneInfo) -> tuple[str, list[Block]]:
    """The text for notifications, and what a run changed."""
    ordered = sorted(rows, key=lambda row: list(_ACTIONS).index(row["action"]))
    sections = []
    for action, group in groupby(ordered, key=lambda row: str(row["action"])):
        found = list(group)
        sections.append(
            _section(f"{_ACTIONS[action]} ({len(found)})", (_line(row, timezone) for row in found), len(found))
        )
    return f"{programme}: {len(rows)} changed on the boards", sections


def _section(title: str, lines: Iterable[str], count: int) -> Block:
    shown = [line for line, _ in zip(lines, range(MOST), strict=False)]
    more = [f"… and {count - MOST} more"] if count > MOST else []
    return SectionBlock(text=_mrkdwn("\n".join([f"*{title}*", *shown, *more])))


def _mrkdwn(text: str) -> dict[str, Any]:
    # verbatim: names, channels and addresses in a text are not made into links and mentions (docs.slack.dev, text)
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _line(row: Row, timezone: ZoneInfo) -> str:
    title = escaped(_cut(row.get("title") or "an item", _LONGEST))
    address = row.get("url") or ""
    linked = f"<{address}|{title}>" if _is_plain(address) else title
    due = row.get("due")
    day = due.astimezone(timezone).date() if isinstance(due, datetime) else due
    return f"• {linked}" + (f" · {_day(day)}" if day else "")


def escaped(text: str) -> str:
    """The text with the three characters that Slack takes for control (docs.slack.dev, formatting), on one line."""
    flat = " ".join(text.split()).replace("|", "¦")
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _is_plain(address: str) -> bool:
    return address.startswith(("https://", "http://")) and not any(c in "<>|" or c.isspace() for c in address)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"
