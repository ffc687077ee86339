"""What a request can change of tasks: their own fields, and what hangs on them.

Each refuses with Asana's words and leaves the story that Asana would record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mi_sync_asana.sandbox import fields, order, places, richtext, values
from mi_sync_asana.sandbox.finding import Caller, external_key, places_of
from mi_sync_asana.sandbox.stories import record, tell, touch
from mi_sync_asana.sandbox.values import ApiError, Data, bad, stamp
from mi_sync_sandbox.store import Doc, Session

MAX_LINKS = 30
MAX_EXTERNAL_GID = 1024
MAX_EXTERNAL_DATA = 32_768
SUBTYPES = ("default_task", "milestone", "approval")
APPROVAL = ("pending", "approved", "rejected", "changes_requested")

WRITABLE = (
    *("name", "resource_subtype", "approval_status", "completed", "notes", "html_notes", "assignee", "external"),
    *("due_on", "due_at", "start_on", "start_at", "custom_fields", "liked"),
)
"""The fields that PUT takes, in the order in which they take effect."""

CREATE_ONLY = ("workspace", "parent", "projects", "memberships", "tags", "followers")
"""A later change goes by way of addProject, addTag and so on (spec; forum/77626)."""


# ----------------------------------------------------------------------------------------------- creation


def create(caller: Caller, data: Data) -> Doc:
    """A task with everything that POST /tasks takes, in one effect.

    Where in its section it comes is not documented; here it is the top of a section that is named, as with addTask,
    and the end of the first one of a project alone. Who wants an order has to ask for it.
    """
    if wrong := set(data) - {*WRITABLE, *CREATE_ONLY}:
        raise values.unwritable(min(wrong))
    parent = caller.find("task", data["parent"], "parent") if data.get("parent") is not None else None
    homes = _homes(caller, data)
    task = blank(caller, _workspace(caller, data, homes, parent), parent)
    caller.db.put("task", task)
    for project, section in homes:
        places.put(caller, task, project, section, {}, top=section is not None and caller.new_on_top)
    task["tags"] = [caller.find("tag", each, "tags")["gid"] for each in values.gids(data, "tags")]
    task["followers"] = _followers(caller, data, task["followers"])
    _change(caller, task, data)
    if parent is not None:
        record(caller, parent["gid"], "subtask_added", "added a subtask to this task")
    return caller.db.put("task", task)


def _homes(caller: Caller, data: Data) -> list[tuple[Doc, Doc | None]]:
    """The projects that a new task is put into, and the section where one is named."""
    found: dict[str, tuple[Doc, Doc | None]] = {}
    for at, ref in enumerate(values.gids(data, "projects")):
        project = caller.find("project", ref, f"projects: [{at}]")
        found[project["gid"]] = project, None
    for at, each in enumerate(data.get("memberships") or []):
        field = f"memberships: [{at}]"
        if not isinstance(each, Mapping) or each.get("project") is None:
            raise bad(f"{field}: project: Missing required field")
        project = caller.find("project", each["project"], f"{field}: project")
        found[project["gid"]] = project, places.section_of(caller, project, each.get("section"), f"{field}: section")
    if len(found) > places.MAX_PROJECTS:
        raise bad(f"projects: A task can be in at most {places.MAX_PROJECTS} projects")
    return list(found.values())


def _workspace(caller: Caller, data: Data, homes: Sequence[tuple[Doc, Doc | None]], parent: Doc | None) -> str:
    """The workspace, named or that of a project or parent; `memberships` alone do not name it.

    Clients were seen to be refused with memberships alone, and others to be content; this is the stricter guess.
    """
    given = data.get("workspace")
    if given is None and not data.get("projects") and parent is None:
        raise bad("You should specify one of workspace, parent, projects")
    if given is not None:
        workspace = str(caller.find("workspace", given, "workspace")["gid"])
        if any(project["workspace"] != workspace for project, _ in homes):
            raise bad("projects: Not in the given workspace")
        return workspace
    return str(homes[0][0]["workspace"] if homes else (parent or {})["workspace"])


def blank(caller: Caller, workspace: str, parent: Doc | None) -> Doc:
    """A new task that says nothing yet; as a subtask it is the last one."""
    now = stamp(caller.db.now)
    return {
        "gid": caller.db.new_id(),
        "workspace": workspace,
        "parent": parent["gid"] if parent else None,
        "pos": order.insert(caller.db, "task", parent["gid"]) if parent else 0.0,
        "name": "",
        "notes": "",
        "html_notes": "<body></body>",
        "resource_subtype": "default_task",
        "approval_status": None,
        "completed": False,
        "completed_at": None,
        "completed_by": None,
        "assignee": None,
        **dict.fromkeys(("due_on", "due_at", "start_on", "start_at")),
        "projects": [],
        "tags": [],
        "followers": [caller.me],
        "dependencies": [],
        "custom": {},
        "external": {},
        "liked": False,
        "created_by": caller.me,
        "created_at": now,
        "modified_at": now,
        "trashed": False,
    }


def _followers(caller: Caller, data: Data, already: Sequence[str]) -> list[str]:
    added = [caller.user(each, "followers")["gid"] for each in values.gids(data, "followers")]
    return list(dict.fromkeys([*already, *added]))


def update(caller: Caller, task: Doc, data: Data) -> Doc:
    """Some fields of a task; the others stay as they are."""
    if wrong := set(data) - set(WRITABLE):
        raise values.unwritable(min(wrong))
    _change(caller, task, data)
    return touch(caller.db, task)


def trash(caller: Caller, task: Doc) -> None:
    """Puts a task and its subtasks into the trash, from where a person could take it back for 30 days.

    From then on it is a 404. Whether its `external` is free again is not known; here it is not, so that a client which
    makes it anew is refused.
    """
    for child in places.subtasks(caller.db, task["gid"]):
        trash(caller, child)
    for each in places_of(caller.db, task):
        caller.db.remove("place", each["gid"])
    caller.db.put("task", {**task, "trashed": True})


# -------------------------------------------------------------------------------------------------- fields


def _change(caller: Caller, task: Doc, data: Data) -> None:
    """Applies the given fields to a task, and keeps what changed as stories."""
    before = {name: task.get(name) for name in WRITABLE}
    if "notes" in data and "html_notes" in data:
        raise bad("You may only provide one of notes or html_notes!")
    _dates(task, data)
    for name in WRITABLE:
        if name in data and name in _SETTERS:
            _SETTERS[name](caller, task, data)
    _kind(task)
    tell(caller, task, before)


def _dates(task: Doc, data: Data) -> None:
    """`due_on` or `due_at`, never both (forum/808508); a start only with a due date in the same request (spec)."""
    for kind in ("due", "start"):
        if f"{kind}_on" in data and f"{kind}_at" in data:
            raise bad(f"You may only provide one of {kind}_on or {kind}_at!")
        if f"{kind}_on" in data:
            task.update({f"{kind}_on": values.day(data, f"{kind}_on"), f"{kind}_at": None})
        if f"{kind}_at" in data:
            task.update({f"{kind}_at": values.instant(data, f"{kind}_at"), f"{kind}_on": None})
    given = {"due_on", "due_at"} & set(data)
    if {"start_on", "start_at"} & set(data) and not given:
        raise bad("You must provide due_on or due_at when setting or unsetting start_on or start_at")
    if (task["start_at"] and not task["due_at"]) or (task["start_on"] and not (task["due_on"] or task["due_at"])):
        raise bad("A start date requires a due date")
    start = task["start_on"] or values.local_day(task["start_at"])
    due = task["due_on"] or values.local_day(task["due_at"])
    if start and due and start > due:
        raise bad("start_on: The start date must not be after the due date")


def _kind(task: Doc) -> None:
    """A milestone has no start date (docs/… milestones)."""
    if task["resource_subtype"] == "milestone" and (task["start_on"] or task["start_at"]):
        raise bad("start_on: Milestones cannot have a start date")


def _name(_: Caller, task: Doc, data: Data) -> None:
    task["name"] = values.text(data, "name", most=values.MAX_NAME)


def _subtype(_: Caller, task: Doc, data: Data) -> None:
    task["resource_subtype"] = values.choice(data, "resource_subtype", SUBTYPES, "default_task")
    if task["resource_subtype"] == "approval" and task["approval_status"] is None:
        task["approval_status"] = "approved" if task["completed"] else "pending"


def _approval(caller: Caller, task: Doc, data: Data) -> None:
    task["approval_status"] = values.choice(data, "approval_status", APPROVAL, "pending")
    _complete(caller, task, done=task["approval_status"] != "pending")


def _completed(caller: Caller, task: Doc, data: Data) -> None:
    _complete(caller, task, done=values.flag(data, "completed"))


def _complete(caller: Caller, task: Doc, *, done: bool) -> None:
    if task["completed"] != done:
        task["completed"] = done
        task["completed_at"] = stamp(caller.db.now) if done else None
        task["completed_by"] = caller.me if done else None


def _notes(_: Caller, task: Doc, data: Data) -> None:
    task["notes"] = values.text(data, "notes")
    task["html_notes"] = richtext.rich(task["notes"])


def _html_notes(_: Caller, task: Doc, data: Data) -> None:
    task["html_notes"] = richtext.checked(values.text(data, "html_notes"))
    task["notes"] = richtext.plain(task["html_notes"])


def _assignee(caller: Caller, task: Doc, data: Data) -> None:
    if data["assignee"] is None:
        task["assignee"] = None
        return
    user = caller.user(data["assignee"], "assignee")
    if user["guest"]:
        raise ApiError(403, "assignee: This guest does not have access to the task.")
    task["assignee"] = user["gid"]
    task["followers"] = list(dict.fromkeys([*task["followers"], user["gid"]]))


def _external(caller: Caller, task: Doc, data: Data) -> None:
    """The caller's app's own name for a task, unique within that app."""
    given = data["external"]
    if given is not None and not isinstance(given, Mapping):
        raise bad(f"external: Value is not a JSON object: {given}")
    if caller.app is None:
        return
    old = task["external"].get(caller.app, {})
    new = {**old, **{k: values.text(given, k, most=_LONGEST[k]) for k in _LONGEST if k in given}} if given else {}
    if new.get("gid") != old.get("gid"):
        _rename_external(caller, task, old.get("gid"), new.get("gid"))
    task["external"] = {**task["external"], caller.app: new} if new else _without(task["external"], caller.app)


_LONGEST = {"gid": MAX_EXTERNAL_GID, "data": MAX_EXTERNAL_DATA}


def _without(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != name}


def _rename_external(caller: Caller, task: Doc, old: str | None, new: str | None) -> None:
    if new:
        key = external_key(caller.app, new)
        if caller.db.get("external", key) is not None:
            raise bad(f"external: gid: Value is already assigned to another object: {new}")
        caller.db.put("external", {"gid": key, "task": task["gid"]})
    if old:
        caller.db.remove("external", external_key(caller.app, old))


def _custom_fields(caller: Caller, task: Doc, data: Data) -> None:
    fields.write(caller, task, data["custom_fields"])


def _liked(_: Caller, task: Doc, data: Data) -> None:
    task["liked"] = values.flag(data, "liked")


_SETTERS = {
    "name": _name,
    "resource_subtype": _subtype,
    "approval_status": _approval,
    "completed": _completed,
    "notes": _notes,
    "html_notes": _html_notes,
    "assignee": _assignee,
    "external": _external,
    "custom_fields": _custom_fields,
    "liked": _liked,
}


# ----------------------------------------------------------------------------------------- subtasks, links


def add_tag(caller: Caller, task: Doc, data: Data) -> None:
    """One tag more."""
    tag = caller.find("tag", values.given(data, "tag"), "tag")
    if tag["gid"] not in task["tags"]:
        task["tags"] = [*task["tags"], tag["gid"]]
        record(caller, task["gid"], "added_to_tag", f"added the tag {tag['name']}")
        touch(caller.db, task)


def remove_tag(caller: Caller, task: Doc, data: Data) -> None:
    """One tag less."""
    tag = caller.find("tag", values.given(data, "tag"), "tag")
    if tag["gid"] in task["tags"]:
        task["tags"] = [each for each in task["tags"] if each != tag["gid"]]
        record(caller, task["gid"], "removed_from_tag", f"removed the tag {tag['name']}")
        touch(caller.db, task)


def add_followers(caller: Caller, task: Doc, data: Data) -> Doc:
    """Some followers more."""
    values.given(data, "followers")
    return touch(caller.db, {**task, "followers": _followers(caller, data, task["followers"])})


def remove_followers(caller: Caller, task: Doc, data: Data) -> Doc:
    """Some followers less."""
    values.given(data, "followers")
    gone = _followers(caller, data, ())
    return touch(caller.db, {**task, "followers": [each for each in task["followers"] if each not in gone]})


def add_dependencies(caller: Caller, task: Doc, data: Data) -> None:
    """What has to be done before this task (spec, addDependenciesForTask)."""
    added = [caller.find("task", ref, "dependencies")["gid"] for ref in values.gids(data, "dependencies")]
    if task["gid"] in added:
        raise bad("dependencies: A task cannot depend on itself")
    links = list(dict.fromkeys([*task["dependencies"], *added]))
    if len(links) + len(dependents(caller.db, task)) > MAX_LINKS:
        raise bad(f"dependencies: At most {MAX_LINKS} dependencies and dependents combined")
    touch(caller.db, {**task, "dependencies": links})


def remove_dependencies(caller: Caller, task: Doc, data: Data) -> None:
    """What has no longer to be done before this task."""
    gone = values.gids(data, "dependencies")
    touch(caller.db, {**task, "dependencies": [each for each in task["dependencies"] if each not in gone]})


def dependents(db: Session, task: Doc) -> Sequence[Doc]:
    """The tasks that wait for this one."""
    return [doc for doc in db.all("task") if task["gid"] in doc["dependencies"] and not doc["trashed"]]


def attach(caller: Caller, data: Data) -> Doc:
    """The address of something elsewhere (spec, createAttachmentForObject)."""
    task = caller.find("task", values.given(data, "parent"), "parent")
    if data.get("resource_subtype") != "external":
        raise bad("resource_subtype: Only external attachments can be made here")
    url = values.required(data, "url")
    if not url.lower().startswith(("http://", "https://")):
        raise bad(f"url: Not a valid URL: {url}")
    made = {
        "gid": caller.db.new_id(),
        "parent": task["gid"],
        "name": values.required(data, "name"),
        "resource_subtype": "external",
        "url": url,
        "created_at": stamp(caller.db.now),
    }
    record(caller, task["gid"], "attachment_added", f"attached {made['name']}")
    touch(caller.db, task)
    return caller.db.put("attachment", made)
