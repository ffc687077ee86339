"""What a request can change of projects, their sections, and tags."""

from __future__ import annotations

from collections.abc import Sequence

from mi_sync_asana.sandbox import order, richtext, values
from mi_sync_asana.sandbox.finding import Caller
from mi_sync_asana.sandbox.values import Data, bad, stamp
from mi_sync_sandbox.store import Doc, Session

_HUES = ("pink", "green", "blue", "red", "teal", "brown", "orange", "purple", "warm-gray")
COLOURS = frozenset(f"{shade}-{hue}" for shade in ("dark", "light") for hue in _HUES)
"""Of tags and projects (spec, TagBase.color)."""


# ----------------------------------------------------------------------------------------------- projects


def create(db: Session, me: str, data: Data, gid: str | None = None) -> Doc:
    """A project; it begins with one section, `Untitled section` (forum/1062521)."""
    if data.get("workspace") is None:
        raise values.missing_input("workspace")
    project: Doc = {
        "gid": gid or db.new_id(),
        "workspace": str(data["workspace"]),
        "name": values.required(data, "name"),
        "notes": values.text(data, "notes"),
        "html_notes": richtext.rich(values.text(data, "notes")),
        "archived": values.flag(data, "archived"),
        "color": values.choice(data, "color", COLOURS, None),
        "default_view": values.choice(data, "default_view", ("list", "board", "calendar", "timeline"), "list"),
        "due_on": values.day(data, "due_on"),
        "start_on": values.day(data, "start_on"),
        "owner": me,
        "members": [me],
        "created_at": stamp(db.now),
        "modified_at": stamp(db.now),
    }
    db.put("project", project)
    create_section(db, project, {"name": "Untitled section"})
    return project


def update(db: Session, project: Doc, data: Data) -> Doc:
    """Name, notes, colour, dates, archived."""
    if wrong := set(data) - {"name", "notes", "archived", "color", "due_on", "start_on"}:
        raise values.unwritable(min(wrong))
    given = {**project, **data}
    changed = {
        "name": values.required(given, "name"),
        "notes": values.text(given, "notes"),
        "html_notes": richtext.rich(values.text(given, "notes")),
        "archived": values.flag(given, "archived"),
        "color": values.choice(given, "color", COLOURS, None),
        "due_on": values.day(given, "due_on"),
        "start_on": values.day(given, "start_on"),
        "modified_at": stamp(db.now),
    }
    return db.put("project", {**project, **changed})


# ----------------------------------------------------------------------------------------------- sections


def sections(db: Session, project: str) -> Sequence[Doc]:
    """The sections of a project, in their order."""
    return order.ordered(db, "section", project)


def create_section(db: Session, project: Doc, data: Data) -> Doc:
    """A section, last unless told otherwise; nothing speaks against a second one of the same name."""
    name = values.required(data, "name")
    pos = _section_place(db, project["gid"], data, "insert_before", "insert_after")
    made = {"gid": db.new_id(), "project": project["gid"], "name": name, "created_at": stamp(db.now), "pos": pos}
    return db.put("section", made)


def _section_place(db: Session, project: str, data: Data, before: str, after: str, moved: str = "") -> float:
    if data.get(before) and data.get(after):
        raise bad(f"You may only provide one of {before} or {after}!")
    try:
        return order.insert(db, "section", project, moved=moved, before=data.get(before), after=data.get(after))
    except LookupError as error:
        name = before if data.get(before) else after
        raise bad(f"{name}: Unknown object: {error.args[0]}") from None


def rename_section(db: Session, section: Doc, data: Data) -> Doc:
    """A new name."""
    return db.put("section", {**section, "name": values.required(data, "name")})


def move_section(db: Session, project: Doc, section: Doc, data: Data) -> None:
    """A section to another place of its project, beside another section (spec, insertSectionForProject)."""
    if section["project"] != project["gid"]:
        raise bad("section: Sections cannot be moved between projects")
    if not (data.get("before_section") or data.get("after_section")):
        raise values.missing_input("before_section")
    pos = _section_place(db, project["gid"], data, "before_section", "after_section", section["gid"])
    db.put("section", {**section, "pos": pos})


def delete_section(db: Session, section: Doc) -> None:
    """A section that is empty and not the last one (spec, deleteSection)."""
    if db.all("place", parent=section["gid"]):
        raise bad("section: Cannot delete a section that has tasks in it")
    if len(sections(db, section["project"])) == 1:
        raise bad("section: Cannot delete the last section of a project")
    db.remove("section", section["gid"])


def lose_section(db: Session, section: Doc) -> None:
    """What a person does who deletes a section and keeps its tasks: they go to another one."""
    rest = [each for each in sections(db, section["project"]) if each["gid"] != section["gid"]]
    if not rest:
        return
    for place in db.all("place", parent=section["gid"]):
        db.put("place", {**place, "section": rest[0]["gid"]})
    db.remove("section", section["gid"])


# --------------------------------------------------------------------------------------------------- tags


def create_tag(caller: Caller, data: Data) -> Doc:
    """A tag; its name may be there twice."""
    workspace = caller.find("workspace", data.get("workspace"), "workspace")
    return caller.db.put(
        "tag",
        {
            "gid": caller.db.new_id(),
            "workspace": workspace["gid"],
            "name": values.required(data, "name"),
            "color": values.choice(data, "color", COLOURS, None),
            "notes": values.text(data, "notes"),
            "created_at": stamp(caller.db.now),
        },
    )


def update_tag(db: Session, tag: Doc, data: Data) -> Doc:
    """Name, colour and notes of a tag."""
    if wrong := set(data) - {"name", "color", "notes"}:
        raise values.unwritable(min(wrong))
    changed = {
        "name": values.required({**tag, **data}, "name"),
        "color": values.choice({**tag, **data}, "color", COLOURS, None),
        "notes": values.text({**tag, **data}, "notes"),
    }
    return db.put("tag", {**tag, **changed})


def delete_tag(db: Session, tag: Doc) -> None:
    """A tag, off all tasks too."""
    for task in db.all("task"):
        if tag["gid"] in task["tags"]:
            db.put("task", {**task, "tags": [each for each in task["tags"] if each != tag["gid"]]})
    db.remove("tag", tag["gid"])
