"""Where a task lies: in one section of each of its projects, or below another task."""

from __future__ import annotations

from collections.abc import Sequence

from mi_sync_asana.sandbox import order, projects, values
from mi_sync_asana.sandbox.finding import Caller, place_key
from mi_sync_asana.sandbox.stories import record, touch
from mi_sync_asana.sandbox.values import Data, bad
from mi_sync_sandbox.store import Doc, Session

MAX_PROJECTS = 20


def put(caller: Caller, task: Doc, project: Doc, section: Doc | None, anchors: Data, *, top: bool = False) -> None:
    """Puts a task into a section of a project, and out of every other section of it.

    Args:
        caller: who does it.
        task: which task.
        project: into which project.
        section: into which section; None for where it is, or else the first one.
        anchors: `insert_before` or `insert_after` with the gid of a task in that section.
        top: at the beginning rather than the end, without an anchor.
    """
    known = caller.db.get("place", place_key(task["gid"], project["gid"]))
    if known is None and len(task["projects"]) >= MAX_PROJECTS:
        raise bad(f"project: A task can be in at most {MAX_PROJECTS} projects")
    target = section or _section_now(caller, project, known)
    pos = _position(caller, "place", target["gid"], task, anchors, top=top)
    made = {
        "gid": place_key(task["gid"], project["gid"]),
        "task": task["gid"],
        "project": project["gid"],
        "section": target["gid"],
        "pos": pos,
    }
    caller.db.put("place", made)
    _tell_place(caller, task, project, target, known)


def _section_now(caller: Caller, project: Doc, known: Doc | None) -> Doc:
    if known is not None:
        return caller.find("section", known["section"], "section")
    return projects.sections(caller.db, project["gid"])[0]


def _position(caller: Caller, kind: str, parent: str, task: Doc, anchors: Data, *, top: bool) -> float:
    named = {name: anchors[name] for name in ("insert_before", "insert_after") if anchors.get(name) is not None}
    if len(named) > 1:
        raise bad("You may only provide one of insert_before or insert_after!")
    found = {name: caller.find("task", ref, name)["gid"] for name, ref in named.items()}
    try:
        before, after = found.get("insert_before"), found.get("insert_after")
        return order.insert(caller.db, kind, parent, moved=task["gid"], before=before, after=after, top=top)
    except LookupError:
        name, ref = next(iter(named.items()))
        raise bad(f"{name}: Not in the given section: {ref}") from None


def _tell_place(caller: Caller, task: Doc, project: Doc, section: Doc, before: Doc | None) -> None:
    if before is None:
        task["projects"] = [*task["projects"], project["gid"]]
        record(caller, task["gid"], "added_to_project", f"added this task to {project['name']}")
    elif before["section"] != section["gid"]:
        old = caller.db.get("section", before["section"])
        text = f"moved this task from {old['name'] if old else '?'} to {section['name']} in {project['name']}"
        record(caller, task["gid"], "section_changed", text)
    else:
        return
    touch(caller.db, task)


def add_to_section(caller: Caller, section: Doc, data: Data) -> None:
    """A task into a section: at its top, unless placed beside another (spec, addTaskForSection)."""
    task = caller.find("task", values.given(data, "task"), "task")
    project = caller.find("project", section["project"])
    put(caller, task, project, section, data, top=True)


def add_to_project(caller: Caller, task: Doc, data: Data) -> None:
    """A task into a project, or to another place in it (spec, addProjectForTask).

    `section` alone is its end, with `insert_after: null` its beginning.
    """
    project = caller.find("project", values.given(data, "project"), "project")
    section = section_of(caller, project, data.get("section"), "section")
    top = "insert_after" in data and data["insert_after"] is None
    if "insert_before" in data and "insert_after" in data:
        raise bad("You may only provide one of insert_before or insert_after!")
    anchor = data.get("insert_before") or data.get("insert_after")
    if anchor and section is None:
        beside = caller.db.get("place", place_key(caller.find("task", anchor, "insert_before")["gid"], project["gid"]))
        section = None if beside is None else caller.find("section", beside["section"], "section")
    put(caller, task, project, section, data, top=top)


def remove_from_project(caller: Caller, task: Doc, data: Data) -> None:
    """A task out of a project; it goes on to exist (spec, removeProjectForTask)."""
    project = caller.find("project", values.given(data, "project"), "project")
    if project["gid"] in task["projects"]:
        caller.db.remove("place", place_key(task["gid"], project["gid"]))
        task["projects"] = [each for each in task["projects"] if each != project["gid"]]
        record(caller, task["gid"], "removed_from_project", f"removed this task from {project['name']}")
        touch(caller.db, task)


def subtasks(db: Session, parent: str) -> Sequence[Doc]:
    """The subtasks of a task, in their order."""
    return [doc for doc in order.ordered(db, "task", parent) if not doc["trashed"]]


def set_parent(caller: Caller, task: Doc, data: Data) -> Doc:
    """Makes a task a subtask, elsewhere or in another place, or a task of its own (spec, setParentForTask)."""
    if "parent" not in data:
        raise values.missing_input("parent")
    if data["parent"] is None:
        return touch(caller.db, {**task, "parent": None})
    parent = caller.find("task", data["parent"], "parent")
    if task["gid"] in _ancestors(caller.db, parent):
        raise bad("parent: A task cannot be a subtask of itself")
    pos = _position(caller, "task", parent["gid"], task, data, top=False)
    return touch(caller.db, {**task, "parent": parent["gid"], "pos": pos})


def _ancestors(db: Session, task: Doc | None) -> set[str]:
    found: set[str] = set()
    while task is not None and task["gid"] not in found:
        found.add(task["gid"])
        task = db.get("task", task["parent"]) if task["parent"] else None
    return found


def section_of(caller: Caller, project: Doc, ref: object, field: str) -> Doc | None:
    """The section of a project that a field names, if it names one."""
    if ref is None:
        return None
    section = caller.find("section", ref, field)
    if section["project"] != project["gid"]:
        raise bad(f"{field}: Not in the given project: {ref}")
    return section
