"""Custom fields: what a workspace defines, a project has attached and a task says (docs/custom-fields-guide)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mi_sync_asana.sandbox import values
from mi_sync_asana.sandbox.finding import Caller, places_of
from mi_sync_asana.sandbox.values import ApiError, Data, bad, stamp
from mi_sync_sandbox.store import Doc, Session

MAX_FIELD_TEXT = 1024
TYPES = ("text", "number", "enum", "multi_enum", "date", "people")


def pay(caller: Caller, words: str) -> None:
    """Refuses what a free domain has not (forum/189341, forum/100330)."""
    if not caller.paid:
        raise ApiError(402, f"{words} are not available for free users or guests.")


def create(caller: Caller, data: Data) -> Doc:
    """A field of a workspace; its name is unique there."""
    pay(caller, "Custom Fields")
    workspace = caller.find("workspace", data.get("workspace"), "workspace")
    name = values.required(data, "name")
    kind = values.choice(data, "resource_subtype", TYPES, None) or values.choice(data, "type", TYPES, None)
    if kind is None:
        raise values.missing_input("resource_subtype")
    if any(each["name"] == name for each in caller.db.all("custom_field", scope=workspace["gid"])):
        raise bad(f"name: A custom field with the name {json.dumps(name)} already exists.")
    return caller.db.put(
        "custom_field",
        {
            "gid": caller.db.new_id(),
            "workspace": workspace["gid"],
            "name": name,
            "type": kind,
            "description": values.text(data, "description"),
            "precision": data.get("precision"),
            "enum_options": [_option(caller.db, each) for each in data.get("enum_options") or []],
            "created_by": caller.me,
            "created_at": stamp(caller.db.now),
        },
    )


def _option(db: Session, data: Data) -> Doc:
    return {
        "gid": db.new_id(),
        "name": values.required(data, "name"),
        "enabled": values.flag(data, "enabled", default=True),
        "color": data.get("color") or "none",
    }


def update(caller: Caller, field: Doc, data: Data) -> Doc:
    """Name and description of a field."""
    if wrong := set(data) - {"name", "description", "workspace"}:
        raise values.unwritable(min(wrong))
    given = {**field, **data}
    changed = {"name": values.required(given, "name"), "description": values.text(given, "description")}
    return caller.db.put("custom_field", {**field, **changed})


def add_option(caller: Caller, field: Doc, data: Data) -> Doc:
    """One more option of an enum field, last."""
    if field["type"] not in ("enum", "multi_enum"):
        raise bad("custom_field: Only enum fields have options")
    option = _option(caller.db, data)
    caller.db.put("custom_field", {**field, "enum_options": [*field["enum_options"], option]})
    return option


def attach(caller: Caller, project: Doc, data: Data) -> Doc:
    """Attaches a field to a project, so that its tasks have it (spec, addCustomFieldSettingForProject)."""
    pay(caller, "Custom Field Settings")
    if data.get("custom_field") is None:
        raise values.missing_input("custom_field")
    field = caller.find("custom_field", data["custom_field"], "custom_field")
    settings = caller.db.all("custom_field_setting", scope=project["gid"])
    if any(each["custom_field"] == field["gid"] for each in settings):
        raise bad("custom_field: This custom field is already attached to the project.")
    made = {
        "gid": caller.db.new_id(),
        "project": project["gid"],
        "custom_field": field["gid"],
        "is_important": values.flag(data, "is_important"),
    }
    return caller.db.put("custom_field_setting", made)


def detach(caller: Caller, project: Doc, data: Data) -> None:
    """Takes a field off a project."""
    field = caller.find("custom_field", data.get("custom_field"), "custom_field")
    for each in caller.db.all("custom_field_setting", scope=project["gid"], parent=field["gid"]):
        caller.db.remove("custom_field_setting", each["gid"])


def attached(db: Session, task: Doc) -> list[Doc]:
    """The fields that a task has: those of its projects."""
    settings = [
        setting for place in places_of(db, task) for setting in db.all("custom_field_setting", scope=place["project"])
    ]
    found = (db.get("custom_field", each) for each in dict.fromkeys(each["custom_field"] for each in settings))
    return [field for field in found if field is not None]


def words(db: Session, task: Doc) -> Sequence[tuple[str, str]]:
    """What a task says of its fields, as its page shows it."""
    found = ((field, task["custom"].get(field["gid"])) for field in attached(db, task))
    return [(field["name"], _word(field, value)) for field, value in found if value not in (None, "", [])]


def _word(field: Doc, value: Any) -> str:  # noqa: ANN401  of any kind
    options = {each["gid"]: str(each["name"]) for each in field["enum_options"]}
    if field["type"] == "date":
        return str(value["date"])
    if isinstance(value, list):
        return ", ".join(options.get(each, "somebody") for each in value)
    return f"{value:g}" if isinstance(value, float) else options.get(value, str(value))


def write(caller: Caller, task: Doc, given: object) -> None:
    """The values that a request gives, into the task; null clears.

    Raises:
        ApiError: 400 for a field that no project of the task has (forum/618448), or for a value of another type.
    """
    if not isinstance(given, Mapping):
        raise bad(f"custom_fields: Value is not a JSON object: {given}")
    pay(caller, "Custom Fields")
    known = {field["gid"]: field for field in attached(caller.db, task)}
    for gid, value in given.items():
        field = known.get(str(gid))
        if field is None:
            raise bad(f"Custom field with ID {gid} is not on given object")
        task["custom"][gid] = None if value is None else _PARSERS[field["type"]](caller, field, value)


def _text(_: Caller, field: Doc, value: object) -> str:
    return values.text({field["gid"]: value}, field["gid"], most=MAX_FIELD_TEXT)


def _number(_: Caller, field: Doc, value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise bad(f"custom_fields: {field['gid']}: Not a number: {value}") from None


def _enum(_: Caller, field: Doc, value: object) -> str:
    if value not in {each["gid"] for each in field["enum_options"] if each["enabled"]}:
        raise bad(f"custom_fields: {field['gid']}: Not a recognized ID: {value}")
    return str(value)


def _multi_enum(caller: Caller, field: Doc, value: object) -> list[str]:
    return [_enum(caller, field, each) for each in values.gids({"custom_fields": value}, "custom_fields")]


def _date(_: Caller, field: Doc, value: object) -> Doc:
    if not isinstance(value, Mapping) or not {"date", "date_time"} >= set(value) or len(value) != 1:
        raise bad(f"custom_fields: {field['gid']}: Value is not a date object: {value}")
    at = values.instant(value, "date_time")
    return {"date": values.day(value, "date") or values.local_day(at), "date_time": at}


def _people(caller: Caller, _: Doc, value: object) -> list[str]:
    given = values.gids({"custom_fields": value}, "custom_fields")
    return [caller.user(each, "custom_fields")["gid"] for each in given]


_PARSERS: Mapping[str, Callable[[Caller, Doc, Any], Any]] = {
    "text": _text,
    "number": _number,
    "enum": _enum,
    "multi_enum": _multi_enum,
    "date": _date,
    "people": _people,
}
