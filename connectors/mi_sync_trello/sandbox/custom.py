"""Custom fields: what a board defines, and what a card says of it.

Shapes are those of the guide getting-started-with-custom-fields and of api-group-customfields. What Trello says to a
value of the wrong kind is not documented; the words here are a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mi_sync_sandbox.store import Doc, Session
from mi_sync_trello.sandbox import effects, values
from mi_sync_trello.sandbox.values import ApiError, Params

TYPES = ("checkbox", "date", "list", "number", "text")
MAX_FIELDS = 50
_STEP = 16384.0


def create(db: Session, me: str, params: Params) -> Doc:
    """A field of a board; nothing speaks against a second one of the same name."""
    if params.get("modelType") != "board":
        raise values.invalid("modelType")
    board = effects.open_board(db, me, str(params.get("idModel") or ""))
    fields = db.all("customField", scope=board["id"])
    if len(fields) >= MAX_FIELDS:
        raise ApiError(403, "Custom field limit reached")
    kind = values.choice(params, "type", TYPES, "")
    made: Doc = {
        "id": db.new_id(),
        "idBoard": board["id"],
        "name": values.text(params, "name", required=True),
        "type": kind,
        "cardFront": values.flag(params, "display_cardFront", default=True),
        "pos": _STEP * (len(fields) + 1),
        "options": [],
    }
    db.put("customField", made)
    for option in params.get("options") or () if kind == "list" else ():
        add_option(db, made, option)
    return made


def update(db: Session, field: Doc, params: Params) -> Doc:
    """Its name, and whether cards show it on their front."""
    if "name" in params:
        field["name"] = values.text(params, "name", required=True)
    if "display/cardFront" in params:
        field["cardFront"] = values.flag(params, "display/cardFront")
    return db.put("customField", field)


def delete(db: Session, field: Doc) -> None:
    """A field, and what all cards say of it."""
    for card in db.all("card", scope=field["idBoard"]):
        if field["id"] in card.get("custom", {}):
            del card["custom"][field["id"]]
            db.put("card", card)
    db.remove("customField", field["id"])


def add_option(db: Session, field: Doc, params: object) -> Doc:
    """One more option of a list, last."""
    value = params.get("value") if isinstance(params, Mapping) else None
    if field["type"] != "list" or not isinstance(value, Mapping):
        raise values.invalid("value")
    option: Doc = {
        "id": db.new_id(),
        "idCustomField": field["id"],
        "value": {"text": values.text(value, "text", required=True)},
        "color": str(params["color"]) if isinstance(params, Mapping) and params.get("color") else "none",
        "pos": _STEP * (len(field["options"]) + 1),
    }
    field["options"].append(option)
    db.put("customField", field)
    return option


def set_value(db: Session, card: Doc, field: Doc, params: Params) -> Doc:
    """What a card says of a field; an empty text, or null, clears it."""
    if field["idBoard"] != card["idBoard"]:
        raise values.missing()
    known = card.setdefault("custom", {})
    item: Doc = {"id": known.get(field["id"], {}).get("id") or db.new_id(), "value": None, "idValue": None}
    key = "idValue" if field["type"] == "list" else "value"
    if key not in params:
        raise values.invalid(key)
    if params[key] in (None, ""):
        known.pop(field["id"], None)
    else:
        item[key] = _option_id(field, params[key]) if key == "idValue" else _value(field["type"], params[key])
        known[field["id"]] = item
    card["dateLastActivity"] = values.stamp(db.now)
    db.put("card", card)
    return shown(card, field["id"], item)


def _option_id(field: Doc, value: object) -> str:
    if value not in {each["id"] for each in field["options"]}:
        raise values.invalid("idValue")
    return str(value)


def _value(kind: str, given: Any) -> Doc:  # noqa: ANN401  what a client sends
    """A value: text in an object that names its kind, whatever the kind is."""
    name = {"checkbox": "checked"}.get(kind, kind)
    if not isinstance(given, Mapping) or set(given) != {name} or not isinstance(given[name], str):
        raise ApiError(400, "Invalid custom field item value.")
    text = given[name]
    if kind == "number":
        values.number(text, "value")
    if kind == "checkbox" and text not in ("true", "false"):
        raise ApiError(400, "Invalid custom field item value.")
    return {name: values.moment({"value": text}, "value") if kind == "date" else text}


def items(card: Doc) -> Sequence[Doc]:
    """What a card says of its fields; those that it leaves empty are not among them."""
    return [shown(card, field, item) for field, item in card.get("custom", {}).items()]


def shown(card: Doc, field: str, item: Doc) -> Doc:
    """One value as clients see it."""
    return {**item, "idCustomField": field, "idModel": card["id"], "modelType": "card"}


def words(db: Session, card: Doc) -> Sequence[tuple[str, str]]:
    """What a card says of its fields, as its page shows it."""
    found = ((db.get("customField", field), item) for field, item in card.get("custom", {}).items())
    return [(field["name"], _word(field, item)) for field, item in found if field is not None]


def _word(field: Doc, item: Doc) -> str:
    if item["idValue"]:
        return next(str(each["value"]["text"]) for each in field["options"] if each["id"] == item["idValue"])
    (text,) = item["value"].values()
    return {"date": str(text)[:10], "checkbox": "✓" if text == "true" else "no"}.get(field["type"], str(text))


def definition(field: Doc) -> Doc:
    """A field as clients see it; only a list has options."""
    plain = {name: field[name] for name in ("id", "name", "pos", "type")}
    options = {"options": field["options"]} if field["type"] == "list" else {}
    display = {"display": {"cardFront": field["cardFront"]}, "isSuggestedField": False}
    return {**plain, "idModel": field["idBoard"], "modelType": "board", "fieldGroup": field["id"], **display, **options}
