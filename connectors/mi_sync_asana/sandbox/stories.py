"""What was said and done: the comments of people, and what Asana records by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mi_sync_asana.sandbox import richtext, values
from mi_sync_asana.sandbox.finding import Caller
from mi_sync_asana.sandbox.values import ApiError, Data, stamp
from mi_sync_sandbox.store import Doc, Session


def touch(db: Session, task: Doc) -> Doc:
    """Stores a task as changed now."""
    return db.put("task", {**task, "modified_at": stamp(db.now)})


def record(caller: Caller, task: str, subtype: str, text: str, **more: object) -> Doc:
    """Keeps what happened to a task, as `stories` shows it."""
    comment = subtype == "comment_added"
    return caller.db.put(
        "story",
        {
            "gid": caller.db.new_id(),
            "task": task,
            "type": "comment" if comment else "system",
            "resource_subtype": subtype,
            "text": text,
            "html_text": richtext.rich(text),
            "created_by": caller.me,
            "created_at": stamp(caller.db.now),
            "is_pinned": False,
            "is_edited": False,
            **more,
        },
    )


def tell(caller: Caller, task: Doc, before: Mapping[str, Any]) -> None:
    """Keeps which fields of a task are no longer what they were before."""
    told = {
        "name": ("name_changed", "changed the name"),
        "notes": ("notes_changed", "changed the description"),
        "due_on": ("due_date_changed", "changed the due date"),
        "due_at": ("due_date_changed", "changed the due date"),
        "assignee": ("assigned", "assigned this task") if task["assignee"] else ("unassigned", "unassigned this task"),
        "completed": ("marked_complete", "marked this task complete")
        if task["completed"]
        else ("marked_incomplete", "marked this task incomplete"),
    }
    happened = dict.fromkeys(story for name, story in told.items() if before[name] != task[name])
    for subtype, text in happened:
        if not (before["name"] == "" and subtype == "name_changed"):
            record(caller, task["gid"], subtype, text)


def comment(caller: Caller, task: Doc, data: Data) -> Doc:
    """A comment, as plain or rich text (spec, createStoryForTask)."""
    if data.get("html_text") is not None:
        html = richtext.checked(values.text(data, "html_text"))
        made = record(caller, task["gid"], "comment_added", richtext.plain(html), html_text=html)
    elif not values.text(data, "text").strip():
        raise values.missing_input("text")
    else:
        made = record(caller, task["gid"], "comment_added", values.text(data, "text"))
    made["is_pinned"] = values.flag(data, "is_pinned")
    touch(caller.db, task)
    return caller.db.put("story", made)


def edit_story(caller: Caller, story: Doc, data: Data) -> Doc:
    """The text of one's own comment, and whether any story is pinned."""
    if set(data) & {"text", "html_text"}:
        own_comment(caller, story)
        is_rich = "html_text" in data
        html = richtext.checked(values.text(data, "html_text")) if is_rich else richtext.rich(values.text(data, "text"))
        story.update(html_text=html, text=richtext.plain(html), is_edited=True)
    story["is_pinned"] = values.flag(data, "is_pinned", default=story["is_pinned"])
    return caller.db.put("story", story)


def own_comment(caller: Caller, story: Doc) -> None:
    """Refuses what is not the caller's own comment (spec, updateStory and deleteStory)."""
    if story["type"] != "comment" or story["created_by"] != caller.me:
        raise ApiError(403, "You do not have access to change this story.")
