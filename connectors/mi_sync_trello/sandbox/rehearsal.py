"""A sandbox that begins as a copy of a real board, which is read and never written.

All ids are kept, so that what is remembered of the board holds for the copy. What the connector never reads is not
copied: attachments, comments, what happened before, and who wrote what. People are, by the names that Trello shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mi_sync.connector import Context, SandboxApp, SandboxOptions
from mi_sync.errors import Refused
from mi_sync.shapes import Json
from mi_sync_sandbox.store import Doc, Session
from mi_sync_trello import TrelloConfig
from mi_sync_trello.board import session
from mi_sync_trello.reader import Everything, Reader
from mi_sync_trello.sandbox import effects, gate, limits, values
from mi_sync_trello.sandbox.app import create_app
from mi_sync_trello.sandbox.layout import open_store, short_link
from mi_sync_trello.wire import ident, objects

_SHORT = re.compile(r"/[bc]/(?P<link>[0-9A-Za-z]{8})(?:/|$)")
_CREDENTIALS = {"key": gate.KEY, "token": gate.TOKEN, "access_token": gate.ACCESS_TOKEN}


def rehearse(settings: TrelloConfig, context: Context, options: SandboxOptions) -> SandboxApp:
    """The sandbox with a copy of the board that the settings name (see `mi_sync.connector.Sandbox`).

    Its credentials are of the kind of the real ones, because an access token is shown less.
    """
    board = _read(settings, context)
    with open_store(options).transaction() as db:
        link = _put(db, board)
    variables = {name: f"MI_SYNC_SANDBOX_{name.upper()}" for name in context.secrets}
    return SandboxApp(
        wsgi=create_app(options),
        control="/trello/control",
        page=f"/b/{link}",
        settings={
            "board": ident(board.board.get("id")),
            **{name: {"env": variable} for name, variable in variables.items()},
            "api_url": f"{options.base_url}/1",
        },
        environ={variable: _CREDENTIALS[name] for name, variable in variables.items()},
    )


def _read(settings: TrelloConfig, context: Context) -> Everything:
    where = f"targets.{context.name}.board"
    readable = settings.access_token is None
    http = session(settings, context)
    everything = Reader(http, settings.board, where, fields=readable, more=("pos", "idShort")).everything()
    if everything.gap:
        raise Refused(f"the board cannot be copied completely: {everything.gap}.", where=where, remedy="Try it again.")
    return everything


# ------------------------------------------------------------------------------------------- the copy


def _put(db: Session, it: Everything) -> str:
    """Stores the copy, and returns the board's short link."""
    raw = it.board
    members = [_member(each) for each in objects(raw["members"], "members")]
    cards = sorted(it.cards, key=lambda card: str(card["id"]))
    board = _board(db, raw, members, cards)
    for kind, docs in (
        ("member", members),
        ("board", [board]),
        ("list", [_list(board, each) for each in objects(raw["lists"], "lists")]),
        ("label", [_label(board, each) for each in objects(raw["labels"], "labels")]),
        ("customField", fields := [_field(board, each) for each in objects(raw.get("customFields") or [], "fields")]),
        ("card", [_card(board, each, number, fields) for number, each in enumerate(cards, 1)]),
        ("checklist", [_checklist(board, card, each) for card, some in it.checklists.items() for each in some]),
    ):
        for doc in docs:
            db.put(kind, doc)
    owner = effects.ensure_member(db, "Sandbox Coordinator", effects.OWNER)
    effects.join_board(db, board, owner["id"], "admin")
    return str(board["shortLink"])


def _board(db: Session, raw: Json, members: Sequence[Doc], cards: Sequence[Json]) -> Doc:
    return {
        "id": (id_ := ident(raw.get("id"))),
        "idBoard": id_,
        "shortLink": _link(raw, id_),
        "name": _text(raw, "name"),
        "desc": "",
        "closed": False,
        "idOrganization": None,
        "subscribed": False,
        "permission": "private",
        "cards": max((_number(card, "idShort", at) for at, card in enumerate(cards, 1)), default=0),
        "dateLastActivity": values.stamp(db.now),
        "memberships": [{"id": db.new_id(), "idMember": each["id"], "memberType": "normal"} for each in members],
        "limits": _limits(raw.get("limits")),
    }


def _limits(raw: object) -> Doc:
    """Those that the sandbox keeps, too."""
    told: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
    return {
        group: {name: most for name in names if (most := _most(told, group, name)) is not None}
        for group, names in limits.NUMBERS.items()
    }


def _most(told: Mapping[str, Any], group: str, name: str) -> int | None:
    entry = (told.get(group) or {}).get(name)
    most = entry.get("disableAt") if isinstance(entry, Mapping) else None
    return most if isinstance(most, int) else None


def _member(raw: Json) -> Doc:
    name = _text(raw, "fullName")
    initials = "".join(word[0] for word in name.split()[:4]).upper()
    return {"id": ident(raw.get("id")), "username": _text(raw, "username"), "fullName": name, "initials": initials}


def _list(board: Doc, raw: Json) -> Doc:
    return {
        "id": ident(raw.get("id")),
        "idBoard": board["id"],
        "name": _text(raw, "name"),
        "closed": bool(raw.get("closed")),
        "subscribed": False,
        "pos": _number(raw, "pos"),
    }


def _label(board: Doc, raw: Json) -> Doc:
    color = raw.get("color") or None
    return {"id": ident(raw.get("id")), "idBoard": board["id"], "name": _text(raw, "name"), "color": color}


def _field(board: Doc, raw: Json) -> Doc:
    return {
        "id": ident(raw.get("id")),
        "idBoard": board["id"],
        "name": _text(raw, "name"),
        "type": _text(raw, "type"),
        "cardFront": bool((raw.get("display") or {}).get("cardFront", True)),
        "pos": _number(raw, "pos"),
        "options": objects(raw.get("options") or [], "options"),
    }


def _card(board: Doc, raw: Json, number: int, fields: Sequence[Doc]) -> Doc:
    return {
        "id": (id_ := ident(raw.get("id"))),
        "idBoard": board["id"],
        "idList": _text(raw, "idList"),
        "idShort": int(_number(raw, "idShort", number)),
        "shortLink": _link(raw, id_),
        **{name: _text(raw, name) for name in ("name", "desc")},
        **{name: raw.get(name) or None for name in ("due", "start")},
        **{name: bool(raw.get(name)) for name in ("dueComplete", "closed")},
        **{name: list(raw.get(name) or []) for name in ("idLabels", "idMembers")},
        "dueReminder": None,
        "pos": _number(raw, "pos", number),
        "subscribed": False,
        "custom": _values(raw, fields),
        "comments": 0,
        "dateLastActivity": board["dateLastActivity"],
    }


def _values(raw: Json, fields: Sequence[Doc]) -> Doc:
    """What a card says of fields and options that are still there."""
    options = {field["id"]: {each["id"] for each in field["options"]} for field in fields}
    items = [each for each in raw.get("customFieldItems") or [] if each.get("idCustomField") in options]
    return {
        each["idCustomField"]: {"id": each["id"], "value": each.get("value"), "idValue": each.get("idValue")}
        for each in items
        if each.get("value") or each.get("idValue") in options[each["idCustomField"]]
    }


def _checklist(board: Doc, card: str, raw: Json) -> Doc:
    return {
        "id": ident(raw.get("id")),
        "idBoard": board["id"],
        "idCard": card,
        "name": _text(raw, "name"),
        "pos": _number(raw, "pos"),
        "checkItems": [_line(each) for each in objects(raw.get("checkItems") or [], "checklist")],
    }


def _line(raw: Json) -> Doc:
    return {
        "id": ident(raw.get("id")),
        "name": _text(raw, "name"),
        "state": "complete" if raw.get("state") == "complete" else "incomplete",
        "pos": _number(raw, "pos"),
        **{name: raw.get(name) for name in ("due", "dueReminder", "idMember")},
    }


def _text(raw: Json, name: str) -> str:
    return str(raw.get(name) or "")


def _number(raw: Json, name: str, otherwise: float = 0) -> float:
    value = raw.get(name)
    return value if isinstance(value, int | float) else otherwise


def _link(raw: Json, id_: str) -> str:
    """The short link in an address; made up where there is none."""
    found = _SHORT.search(_text(raw, "shortUrl") or _text(raw, "url"))
    return found["link"] if found else short_link(id_)
