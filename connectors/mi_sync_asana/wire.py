"""Asana's JSON and our nouns, both ways. Pure.

Shapes and values are those of Asana's OpenAPI document (Asana/openapi, defs/asana_oas.yaml). A reply holds only the
fields that were asked for, and of those a task may lack some.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from mi_sync.errors import RequestRefused
from mi_sync.model import CheckItem, Fields, Member
from mi_sync.shapes import Json, Shapes

TASK_FIELDS = ",".join(
    (
        *("name", "resource_subtype", "completed", "due_on", "due_at", "start_on", "start_at", "html_notes"),
        *("external", "memberships.project", "memberships.section.name", "tags.name", "assignee", "num_subtasks"),
        *("created_at", "permalink_url", "followers", "custom_fields.text_value", "custom_fields.number_value"),
        *("custom_fields.enum_value.name", "custom_fields.date_value"),
    )
)
SUBTASK_FIELDS = "name,completed,assignee,due_on,notes,num_subtasks,is_rendered_as_separator"


_SHAPES = Shapes("Asana", "gid", r"[0-9]{1,40}")
"""A gid has more digits than a float can hold."""
an_object, objects, thing, is_id, unreadable = (
    _SHAPES.an_object,
    _SHAPES.objects,
    _SHAPES.thing,
    _SHAPES.is_id,
    _SHAPES.unreadable,
)


def gid(raw: Mapping[str, Any]) -> str:
    """An object's id, which may stand in a path.

    Raises:
        Unreadable: there is none.
    """
    return _SHAPES.ident(raw.get("gid"))


# ------------------------------------------------------------------------------------------------- dates


def instant(text: object) -> datetime | None:
    """An ISO 8601 instant in UTC.

    Raises:
        Unreadable: it is none.
    """
    if not text:
        return None
    try:
        at = datetime.fromisoformat(str(text))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise unreadable("date") from None


def day(text: object) -> date | None:
    """An ISO 8601 day.

    Raises:
        Unreadable: it is none.
    """
    try:
        return date.fromisoformat(str(text)) if text else None
    except ValueError:
        raise unreadable("date") from None


def due(raw: Json) -> datetime | date | None:
    """When a task is due. With a time, the day beside it is only how the reader's timezone sees it."""
    return instant(raw.get("due_at")) or day(raw.get("due_on"))


def start(raw: Json, timezone: ZoneInfo) -> date | None:
    """The day when a task begins."""
    at = instant(raw.get("start_at"))
    return at.astimezone(timezone).date() if at else day(raw.get("start_on"))


def _due_sent(when: datetime | date | None) -> Json:
    """A due date as Asana takes it: one of two fields, either of which clears the other."""
    if isinstance(when, datetime):
        return {"due_at": when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    return {"due_on": when.isoformat() if when else None}


# ----------------------------------------------------------------------------------------------- to Asana


def written(fields: Fields, before: Json) -> Json:
    """What a write sends for the simple fields; None clears.

    `before` is the task as last seen, empty for a new one: a start date is only taken together with a due date, which
    is sent as it is, and a milestone has none, so it becomes a plain task.

    Raises:
        RequestRefused: a start date without a due date.
    """
    sent: Json = {}
    if "title" in fields:
        sent["name"] = fields["title"]
    if fields.get("archived") is not None or "done" in fields:
        sent["completed"] = bool(fields.get("archived") or fields.get("done"))
    return {**sent, **_dates(fields, before)}


def _dates(fields: Fields, before: Json) -> Json:
    when = fields["due"] if "due" in fields else due(before)
    begins = fields.get("start")
    if begins is not None:
        if when is None:
            raise RequestRefused(
                "Asana takes a start date only together with a due date, and the task has none.",
                where="start",
                remedy="Give the step a due date, or set one in Asana.",
            )
        sent = {**_due_sent(when), "start_on": begins.isoformat()}
        return {**sent, "resource_subtype": "default_task"} if _is_milestone(before) else sent
    began = before.get("start_on") or before.get("start_at")
    if began and ("start" in fields or when is None):  # without a due date there can be none
        return {**_due_sent(when), "start_on": None}
    return _due_sent(when) if "due" in fields else {}


def _is_milestone(raw: Json) -> bool:
    return str(raw.get("resource_subtype", "milestone")) == "milestone"


# --------------------------------------------------------------------------------------------- from Asana


class Place(NamedTuple):
    """Where a task lies in a project; `section` is a gid, or empty."""

    section: str
    name: str


def place(raw: Json, project: str) -> Place | None:
    """Where a task lies in the project; None when it is not in it. It may be in others, too."""
    for each in raw.get("memberships") or []:
        if isinstance(each, dict) and (each.get("project") or {}).get("gid") == project:
            section = each.get("section") or {}
            return Place(str(section.get("gid") or ""), str(section.get("name") or ""))
    return None


class Subtask(NamedTuple):
    """A subtask; `touched` when somebody did with it more than a line of a checklist is for."""

    id: str
    text: str
    done: bool
    touched: bool

    @property
    def line(self) -> CheckItem:
        """The same as a line of a checklist."""
        return CheckItem(self.id, self.text, self.done)


def subtask(raw: Json) -> Subtask:
    """A subtask as Asana tells it."""
    touched = any(raw.get(name) for name in ("assignee", "due_on", "notes", "num_subtasks"))
    return Subtask(gid(raw), str(raw.get("name") or ""), bool(raw.get("completed")), touched)


def is_line(raw: Json) -> bool:
    """Whether a subtask is a line, and no heading between them."""
    return not raw.get("is_rendered_as_separator")


def member(raw: Json) -> Member:
    """Someone of the workspace."""
    return Member(gid(raw), "", str(raw.get("name") or ""), str(raw.get("email") or ""))
