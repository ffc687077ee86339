"""How things are shown: the fields that clients ask for with `opt_fields`, or else the usual ones.

Which fields there are, and which have to be asked for, is the specification's word ("Opt In").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mi_sync_asana.sandbox import fields, places, tasks, values
from mi_sync_asana.sandbox.finding import Caller, places_of
from mi_sync_asana.sandbox.values import bad
from mi_sync_sandbox.store import Doc

Tree = dict[str, "Tree"]
"""The fields that are asked for: `assignee.name` is {"assignee": {"name": {}}}."""


def tree(paths: Iterable[str]) -> Tree:
    """The fields that paths such as `memberships.section.name` ask for."""
    root: Tree = {}
    for path in paths:
        at = root
        for name in path.strip().removeprefix("this.").split("."):
            at = at.setdefault(name, {})
    return root


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its value, and what kind of thing that is when it is no plain value."""

    get: Callable[[Views, Doc], Any]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of thing.

    Attributes:
        fields: all that it has.
        compact: those of a listing.
        opt_in: those that have to be asked for.
        absent: those that are left out rather than null.
        keyed: whether it has a gid, which is always shown.
    """

    fields: Mapping[str, Field]
    compact: Sequence[str]
    opt_in: Sequence[str] = ()
    absent: Sequence[str] = ()
    keyed: bool = True

    @property
    def full(self) -> Sequence[str]:
        """What a single one shows unasked."""
        return [name for name in self.fields if name not in self.opt_in]


class Views:
    """Shows the documents of one transaction.

    Args:
        caller: who looks.
        base: the address under which the sandbox is being asked.
    """

    def __init__(self, caller: Caller, base: str) -> None:
        self.caller = caller
        self.db = caller.db
        self.base = base.rstrip("/")
        self._known: dict[tuple[str, str], Doc | None] = {}

    def full(self, kind: str, doc: Doc, asked: Tree) -> Doc:
        """A thing by itself."""
        return self._show(kind, doc, asked or tree(SHAPES[kind].full))

    def listed(self, kind: str, doc: Doc, asked: Tree) -> Doc:
        """A thing among others."""
        return self._show(kind, doc, asked or tree(SHAPES[kind].compact))

    def _show(self, kind: str, doc: Doc, asked: Tree) -> Doc:
        shape = SHAPES[kind]
        shown: Doc = {"gid": doc["gid"]} if shape.keyed else {}
        for name, inner in asked.items():
            if name == "gid" and shape.keyed:
                continue
            field = shape.fields.get(name)
            if field is None:
                # Asana's answer to an unknown field is not documented; one that passed would hide a slip.
                raise bad(f"opt_fields: {name}: Not a field of {kind}")
            value = field.get(self, doc)
            if value is not None or name not in shape.absent:
                shown[name] = self._value(field, value, inner)
        return shown

    def _value(self, field: Field, value: Any, inner: Tree) -> Any:  # noqa: ANN401  whatever the field is
        if not field.kind or value is None:
            return value
        if isinstance(value, list):
            return [self.listed(field.kind, each, inner) for each in value]
        return self.listed(field.kind, value, inner)

    def one(self, kind: str, gid: str | None) -> Doc | None:
        """Another document."""
        if gid is None:
            return None
        if (kind, gid) not in self._known:
            self._known[kind, gid] = self.db.get(kind, gid)
        return self._known[kind, gid]

    def some(self, kind: str, gids: Iterable[str]) -> list[Doc]:
        """Other documents, in that order."""
        return [doc for gid in gids if (doc := self.one(kind, gid)) is not None]


# ------------------------------------------------------------------------------------------------- fields


def _plain(*names: str) -> dict[str, Field]:
    """Fields that are shown as they are kept."""
    return {name: Field(partial(_kept, name)) for name in names}


def _kept(name: str, _: Views, doc: Doc) -> Any:  # noqa: ANN401  whatever the field is
    return doc.get(name)


def _fixed(**given: Any) -> dict[str, Field]:  # noqa: ANN401  values of any kind
    """Fields that are always the same here."""
    return {name: Field(partial(_same, value)) for name, value in given.items()}


def _same(value: Any, _: Views, __: Doc) -> Any:  # noqa: ANN401  whatever the field is
    return value


def _one(kind: str, *names: str) -> dict[str, Field]:
    """Fields that hold the gid of another thing."""
    return {name: Field(partial(_other, kind, name), kind) for name in names}


def _other(kind: str, name: str, view: Views, doc: Doc) -> Doc | None:
    return view.one(kind, doc.get(name))


def _some(kind: str, *names: str) -> dict[str, Field]:
    """Fields that hold the gids of other things."""
    return {name: Field(partial(_others, kind, name), kind) for name in names}


def _others(kind: str, name: str, view: Views, doc: Doc) -> list[Doc]:
    return view.some(kind, doc[name])


def _computed(get: Callable[[Views, Doc], Any], *names: str, kind: str = "") -> dict[str, Field]:
    return {name: Field(get, kind) for name in names}


def _type(name: str) -> dict[str, Field]:
    return _fixed(resource_type=name)


def _due_on(_: Views, doc: Doc) -> str | None:
    return doc["due_on"] or values.local_day(doc["due_at"])


def _start_on(_: Views, doc: Doc) -> str | None:
    return doc["start_on"] or values.local_day(doc["start_at"])


def _memberships(view: Views, doc: Doc) -> list[Doc]:
    return list(places_of(view.db, doc))


def _custom_fields(view: Views, doc: Doc) -> list[Doc]:
    return [{**each, "value": doc["custom"].get(each["gid"])} for each in fields.attached(view.db, doc)]


def _external(view: Views, doc: Doc) -> Doc | None:
    found: Doc | None = doc["external"].get(view.caller.app)
    return found


def _link(view: Views, doc: Doc) -> str:
    return f"{view.base}/0/{(doc['projects'] or ['0'])[0]}/{doc['gid']}"


def _dependents(view: Views, doc: Doc) -> list[Doc]:
    return list(tasks.dependents(view.db, doc))


def _subtasks(view: Views, doc: Doc) -> int:
    return len(places.subtasks(view.db, doc["gid"]))


def _settings(view: Views, doc: Doc) -> list[Doc]:
    return view.db.all("custom_field_setting", scope=doc["gid"])


def _workspaces(view: Views, _: Doc) -> list[Doc]:
    return view.db.all("workspace")


def _typed(*kinds: str) -> Callable[[Views, Doc], Any]:
    return lambda _, doc: doc.get("value") if doc["type"] in kinds else None


def _enum_value(_: Views, doc: Doc) -> Doc | None:
    return next((each for each in doc["enum_options"] if each["gid"] == doc.get("value")), None)


def _multi_enum_values(_: Views, doc: Doc) -> list[Doc] | None:
    if doc["type"] != "multi_enum":
        return None
    return [each for each in doc["enum_options"] if each["gid"] in (doc.get("value") or ())]


def _people_value(view: Views, doc: Doc) -> list[Doc] | None:
    return view.some("user", doc.get("value") or ()) if doc["type"] == "people" else None


def _display_value(view: Views, doc: Doc) -> str | None:
    value = doc.get("value")
    if value is None:
        return None
    if doc["type"] == "enum":
        return str((_enum_value(view, doc) or {}).get("name"))
    if doc["type"] == "multi_enum":
        return ", ".join(each["name"] for each in _multi_enum_values(view, doc) or ())
    if doc["type"] == "people":
        return ", ".join(each["name"] for each in _people_value(view, doc) or ())
    if doc["type"] == "date":
        return str(value["date_time"] or value["date"])
    return f"{value:g}" if isinstance(value, float) else str(value)


_VALUES = ("text_value", "number_value", "enum_value", "multi_enum_values", "date_value", "people_value")
"""Of a custom field; only those of its own type are there."""

_REFERENCE = ("resource_type", "name")

SHAPES: Mapping[str, Shape] = {
    "workspace": Shape(
        {**_type("workspace"), **_plain("name", "is_organization"), **_fixed(email_domains=[])}, _REFERENCE
    ),
    "user": Shape(
        {
            **_type("user"),
            **_plain("name", "email"),
            **_fixed(photo=None),
            **_computed(_workspaces, "workspaces", kind="workspace"),
        },
        _REFERENCE,
    ),
    "project": Shape(
        {
            **_type("project"),
            **_plain("name", "archived", "color", "created_at", "modified_at", "default_view", "due_on", "start_on"),
            **_plain("notes", "html_notes"),
            **_fixed(public=False, completed=False, completed_at=None, team=None, current_status=None),
            **_fixed(privacy_setting="private", default_access_level="editor", icon="list"),
            **_one("user", "owner"),
            **_some("user", "members"),
            **_computed(lambda view, doc: view.some("user", doc["members"]), "followers", kind="user"),
            **_one("workspace", "workspace"),
            **_computed(_settings, "custom_field_settings", kind="custom_field_setting"),
            **_computed(lambda _, __: [], "custom_fields"),
            **_computed(lambda view, doc: f"{view.base}/0/{doc['gid']}", "permalink_url"),
        },
        _REFERENCE,
        opt_in=("html_notes",),
        absent=("team",),
    ),
    "section": Shape(
        {**_type("section"), **_plain("name", "created_at"), **_one("project", "project")},
        _REFERENCE,
    ),
    "membership": Shape(
        {**_one("project", "project"), **_one("section", "section")}, ("project", "section"), keyed=False
    ),
    "external": Shape(_plain("gid", "data"), ("gid", "data"), keyed=False),
    "task": Shape(
        {
            **_type("task"),
            **_plain("name", "resource_subtype", "approval_status", "completed", "completed_at", "created_at"),
            **_plain("modified_at", "notes", "html_notes", "due_at", "start_at", "liked"),
            **_computed(_due_on, "due_on"),
            **_computed(_start_on, "start_on"),
            **_fixed(actual_time_minutes=None, assignee_status="upcoming", hearted=False, hearts=[], likes=[]),
            **_fixed(num_hearts=0, num_likes=0),
            **_computed(lambda _, doc: bool(doc.get("separator")), "is_rendered_as_separator"),
            **_one("user", "assignee", "completed_by", "created_by"),
            **_one("task", "parent"),
            **_one("workspace", "workspace"),
            **_some("user", "followers"),
            **_some("tag", "tags"),
            **_some("project", "projects"),
            **_some("task", "dependencies"),
            **_computed(_dependents, "dependents", kind="task"),
            **_computed(_memberships, "memberships", kind="membership"),
            **_computed(_custom_fields, "custom_fields", kind="custom_field"),
            **_computed(_external, "external", kind="external"),
            **_computed(_subtasks, "num_subtasks"),
            **_computed(_link, "permalink_url"),
        },
        ("resource_type", "name", "resource_subtype"),
        opt_in=(
            *("completed_by", "created_by", "dependencies", "dependents", "external", "html_notes"),
            *("is_rendered_as_separator", "num_subtasks"),
        ),
        absent=("external", "approval_status"),  # the specification has them as conditional
    ),
    "tag": Shape(
        {
            **_type("tag"),
            **_plain("name", "color", "notes", "created_at"),
            **_fixed(followers=[]),
            **_one("workspace", "workspace"),
            **_computed(lambda view, doc: f"{view.base}/0/{doc['gid']}", "permalink_url"),
        },
        _REFERENCE,
    ),
    "story": Shape(
        {
            **_type("story"),
            **_plain("created_at", "resource_subtype", "text", "html_text", "type", "is_pinned", "is_edited"),
            **_one("user", "created_by"),
            **_computed(lambda view, doc: view.one("task", doc["task"]), "target", kind="task"),
            **_fixed(source="api", liked=False, likes=[], num_likes=0),
            **_computed(lambda _, doc: doc["type"] == "comment", "is_editable"),
        },
        ("resource_type", "created_at", "created_by", "resource_subtype", "text"),
        opt_in=("html_text",),
    ),
    "attachment": Shape(
        {
            **_type("attachment"),
            **_plain("name", "resource_subtype", "created_at"),
            **_computed(lambda _, doc: doc["url"], "view_url", "permanent_url"),
            **_fixed(download_url=None, host="external", size=None, connected_to_app=False),
            **_one("task", "parent"),
        },
        ("resource_type", "name", "resource_subtype"),
        opt_in=("size",),
    ),
    "enum_option": Shape(
        {**_type("enum_option"), **_plain("name", "enabled", "color")}, ("resource_type", "name", "enabled", "color")
    ),
    "date_value": Shape(_plain("date", "date_time"), ("date", "date_time"), absent=("date", "date_time"), keyed=False),
    "custom_field": Shape(
        {
            **_type("custom_field"),
            **_plain("name", "type", "description", "precision"),
            **_computed(lambda _, doc: doc["type"], "resource_subtype", "representation_type"),
            **_computed(lambda _, doc: doc["enum_options"], "enum_options", kind="enum_option"),
            **_computed(_enum_value, "enum_value", kind="enum_option"),
            **_computed(_multi_enum_values, "multi_enum_values", kind="enum_option"),
            **_computed(_people_value, "people_value", kind="user"),
            **_computed(_typed("text"), "text_value"),
            **_computed(_typed("number"), "number_value"),
            **_computed(_typed("date"), "date_value", kind="date_value"),
            **_computed(_display_value, "display_value"),
            **_fixed(enabled=True, is_formula_field=False, is_global_to_workspace=True, format="none", id_prefix=None),
            **_one("user", "created_by"),
        },
        (
            *("resource_type", "name", "type", "resource_subtype", "enum_options", "enabled", "display_value"),
            *_VALUES,
        ),
        opt_in=("description", "created_by", "precision"),
        absent=(*_VALUES, "precision"),
    ),
    "custom_field_setting": Shape(
        {
            **_type("custom_field_setting"),
            **_plain("is_important"),
            **_one("project", "project"),
            **_computed(lambda view, doc: view.one("project", doc["project"]), "parent", kind="project"),
            **_one("custom_field", "custom_field"),
        },
        ("resource_type",),
    ),
}
