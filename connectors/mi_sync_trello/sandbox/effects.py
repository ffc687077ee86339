"""Everything that a request can change, as functions of a transaction.

Each takes checked ids and raw parameters, refuses with Trello's words, and leaves the action that Trello would record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mi_sync_sandbox.store import Doc, Session
from mi_sync_trello.sandbox import limits, values
from mi_sync_trello.sandbox.layout import short_link
from mi_sync_trello.sandbox.values import ApiError, Params

OWNER = "sandbox"
"""The username of the member whose token it is."""

_STEP = {"list": 16384.0, "label": 16384.0, "card": 65536.0, "checklist": 16384.0}
_MAX_UPLOAD = 10_000_000  # 10 MB on a free board

Parser = Callable[[Session, Doc, Params, str], Any]


# ------------------------------------------------------------------------------------------------ finding


def fetch(db: Session, kind: str, ref: str) -> Doc:
    """The document that a path names.

    Raises:
        ApiError: 400 for something that is no id, 404 for an unknown one.
    """
    found = db.get(kind, values.reference(ref, short=kind in ("board", "card")))
    if found is None:
        raise values.missing()
    return found


def board_of(db: Session, doc: Doc) -> Doc:
    """The board that a document is on."""
    board = db.get("board", doc["idBoard"])
    if board is None:
        raise ApiError(404, "could not find the board that the card belongs to")
    return board


def member_ids(board: Doc) -> list[str]:
    """Who is on a board."""
    return [each["idMember"] for each in board["memberships"]]


def open_board(db: Session, me: str, ref: str) -> Doc:
    """A board that this member may see; another one is a 401, not a 403 (mheap/trello-cli, n8n-io/n8n)."""
    board = fetch(db, "board", ref)
    if me not in member_ids(board):
        raise ApiError(401, "unauthorized permission requested")
    return board


def open_doc(db: Session, me: str, kind: str, ref: str) -> Doc:
    """A document on a board that this member may see."""
    doc = fetch(db, kind, ref)
    if me not in member_ids(board_of(db, doc)):
        raise ApiError(401, f"unauthorized {kind} permission requested")
    return doc


# ----------------------------------------------------------------------------------------------- members


def ensure_member(db: Session, full_name: str, username: str | None = None) -> Doc:
    """A member of this name, the same one each time."""
    username = username or "".join(c for c in full_name.lower() if c.isascii() and c.isalnum())
    username = username or short_link(full_name).lower()
    known = next((each for each in db.all("member") if each["username"] == username), None)
    if known is not None:
        return known
    initials = "".join(word[0] for word in full_name.split()[:4]).upper()
    return db.put(
        "member",
        {"id": db.new_id(), "username": username, "fullName": full_name, "initials": initials},
    )


def member_named(db: Session, ref: str) -> Doc:
    """A member by id or username."""
    for member in db.all("member"):
        if ref in (member["id"], member["username"]):
            return member
    raise values.missing()


def join_board(db: Session, board: Doc, member: str, kind: str = "normal") -> Doc:
    """Puts a member on a board; twice is once."""
    for each in board["memberships"]:
        if each["idMember"] == member:
            each["memberType"] = kind
            return db.put("board", board)
    board["memberships"].append({"id": db.new_id(), "idMember": member, "memberType": kind})
    return db.put("board", board)


def leave_board(db: Session, board: Doc, member: str) -> Doc:
    """Takes a member off a board."""
    board["memberships"] = [each for each in board["memberships"] if each["idMember"] != member]
    return db.put("board", board)


# ------------------------------------------------------------------------------------------------ actions


def record(db: Session, me: str, kind: str, about: Doc, data: Doc) -> Doc:
    """Keeps what happened, as `actions` shows it; also the last activity of card and board."""
    board = board_of(db, about)
    shown = {"board": {k: board[k] for k in ("id", "name", "shortLink")}, **data}
    if "idList" in about:
        shown["card"] = {k: about[k] for k in ("id", "name", "idShort", "shortLink")} | data.get("card", {})
        about["dateLastActivity"] = values.stamp(db.now)
    board["dateLastActivity"] = values.stamp(db.now)
    db.put("board", board)
    return db.put(
        "action",
        {
            "id": db.new_id(),
            "idBoard": board["id"],
            "idCard": about["id"] if "idList" in about else "",
            "idMemberCreator": me,
            "type": kind,
            "date": values.stamp(db.now),
            "data": shown,
        },
    )


# ------------------------------------------------------------------------------------------ field parsers


def _text(_: Session, __: Doc, params: Params, name: str) -> str:
    return values.text(params, name)


def _name(_: Session, __: Doc, params: Params, name: str) -> str:
    return values.text(params, name, required=True)


def _flag(_: Session, __: Doc, params: Params, name: str) -> bool:
    return values.flag(params, name)


def _moment(_: Session, __: Doc, params: Params, name: str) -> str | None:
    return values.moment(params, name)


def _anything(_: Session, __: Doc, params: Params, name: str) -> Any:  # noqa: ANN401  kept as it is
    return params[name]


def _colour(_: Session, __: Doc, params: Params, name: str) -> str | None:
    return values.colour(params, name)


def _minutes(_: Session, __: Doc, params: Params, name: str) -> int | None:
    return None if params[name] in (None, "") else int(values.number(params[name], name))


def _position(kind: str, parent: str) -> Parser:
    return lambda db, doc, params, name: position(db, kind, doc[parent], params[name], name)


def _of_board(kind: str) -> Parser:
    """Ids that must be of the card's own board, for a set that is replaced as a whole (api-group-cards)."""

    def parse(db: Session, doc: Doc, params: Params, name: str) -> list[str]:
        wanted = values.references(params, name)
        board = board_of(db, doc)
        known = member_ids(board) if kind == "member" else [d["id"] for d in db.all(kind, scope=board["id"])]
        if not set(wanted) <= set(known):
            raise values.invalid(name)
        return wanted

    return parse


def _list_id(db: Session, doc: Doc, params: Params, name: str) -> str:
    found = db.get("list", str(params[name] or ""))
    if found is None or found["idBoard"] != doc["idBoard"]:
        raise values.invalid(name)
    return str(found["id"])


def position(db: Session, kind: str, parent: str, value: object, name: str = "pos") -> float:
    """A place among siblings: top, bottom, or a number above 0, of which two may be equal (object-definitions)."""
    if value in (None, "", "bottom"):
        return db.highest(kind, parent) + _STEP[kind]
    if value == "top":
        return (db.lowest(kind, parent) or _STEP[kind] * 2) / 2
    parsed = values.number(value, name)
    if parsed <= 0:
        raise values.invalid(name)
    return parsed


WRITES: dict[str, dict[str, Parser]] = {
    "board": {"name": _name, "desc": _text, "closed": _flag, "idOrganization": _anything, "subscribed": _flag},
    "list": {"name": _name, "closed": _flag, "pos": _position("list", "idBoard"), "subscribed": _flag},
    "label": {"name": _text, "color": _colour},
    "checklist": {"name": _name, "pos": _position("checklist", "idCard")},
    "card": {
        "idList": _list_id,  # first, because a place is one among the new siblings
        "name": _name,
        "desc": _text,
        "due": _moment,
        "start": _moment,
        "dueComplete": _flag,
        "dueReminder": _minutes,
        "closed": _flag,
        "idLabels": _of_board("label"),
        "idMembers": _of_board("member"),
        "pos": _position("card", "idList"),
        "subscribed": _flag,
        "idAttachmentCover": _anything,
        "cover": _anything,
        "address": _anything,
        "locationName": _anything,
        "coordinates": _anything,
    },
}
"""The fields that PUT takes, in the order in which they take effect."""


def change(db: Session, kind: str, doc: Doc, params: Params) -> Doc:
    """Applies the given fields to a document and returns the former values of those that became different."""
    old: Doc = {}
    for name, parse in WRITES[kind].items():
        if name not in params:
            continue
        value = parse(db, doc, params, name)
        if doc.get(name) != value:
            old[name] = doc.get(name)
            doc[name] = value
    return old


# ----------------------------------------------------------------------------------- boards, lists, labels


_FIRST_LISTS = ("To Do", "Doing", "Done")
_FIRST_LABELS = ("green", "yellow", "orange", "red", "purple", "blue")


def create_board(db: Session, me: str, params: Params, short: str | None = None) -> Doc:
    """A board with three lists and six unnamed labels, unless told otherwise (api-group-boards)."""
    board_id = db.new_id()
    board: Doc = {
        "id": board_id,
        "idBoard": board_id,
        "shortLink": short or short_link(board_id),
        "name": values.text(params, "name", required=True),
        "desc": values.text(params, "desc"),
        "closed": False,
        "idOrganization": None,
        "subscribed": False,
        "permission": str(params.get("prefs_permissionLevel") or "private"),
        "cards": 0,
        "dateLastActivity": None,
        "memberships": [{"id": db.new_id(), "idMember": me, "memberType": "admin"}],
    }
    db.put("board", board)
    if values.flag(params, "defaultLists", default=True):
        for name in _FIRST_LISTS:
            create_list(db, me, board, {"name": name, "pos": "bottom"})
    if values.flag(params, "defaultLabels", default=True):
        for colour in _FIRST_LABELS:
            create_label(db, board, {"name": "", "color": colour})
    return fetch(db, "board", board_id)


def update_board(db: Session, board: Doc, params: Params) -> Doc:
    """Name, description, archived."""
    change(db, "board", board, params)
    return db.put("board", board)


def delete_board(db: Session, board: Doc) -> None:
    """Deletes a board with all that is on it."""
    for kind in ("card", "list", "label", "checklist", "attachment", "action", "customField"):
        for doc in db.all(kind, scope=board["id"]):
            db.remove(kind, doc["id"])
    db.remove("board", board["id"])


def create_list(db: Session, me: str, board: Doc, params: Params) -> Doc:
    """A list, first unless told otherwise; nothing speaks against a second one of the same name (api-group-boards)."""
    limits.refuse(db, board, "lists", "openPerBoard", "totalPerBoard")
    made: Doc = {
        "id": db.new_id(),
        "idBoard": board["id"],
        "name": values.text(params, "name", required=True),
        "closed": False,
        "subscribed": False,
        "pos": position(db, "list", board["id"], params.get("pos", "top")),
    }
    db.put("list", made)
    record(db, me, "createList", made, {"list": {k: made[k] for k in ("id", "name")}})
    return made


def update_list(db: Session, me: str, doc: Doc, params: Params) -> Doc:
    """Name, place, archived; a list cannot be deleted (api-group-lists)."""
    if params.get("idBoard"):
        _move_list(db, doc, open_board(db, me, str(params["idBoard"])))
    old = change(db, "list", doc, params)
    if old.get("closed"):
        limits.refuse(db, board_of(db, doc), "lists", "openPerBoard")
    db.put("list", doc)
    if old:
        record(db, me, "updateList", doc, {"list": {k: doc[k] for k in ("id", "name")}, "old": old})
    return doc


def _move_list(db: Session, doc: Doc, board: Doc) -> None:
    doc["idBoard"] = board["id"]
    db.put("list", doc)
    for card in db.all("card", parent=doc["id"]):
        _move_card(db, card, board, doc["id"])


def create_label(db: Session, board: Doc, params: Params) -> Doc:
    """A label; its name may be empty or there twice (api-group-labels)."""
    limits.refuse(db, board, "labels", "perBoard")
    made: Doc = {
        "id": db.new_id(),
        "idBoard": board["id"],
        "name": values.text(params, "name"),
        "color": values.colour(params, "color"),
    }
    return db.put("label", made)


def update_label(db: Session, label: Doc, params: Params) -> Doc:
    """Name and colour."""
    change(db, "label", label, params)
    return db.put("label", label)


def delete_label(db: Session, label: Doc) -> None:
    """Deletes a label and takes it off all cards."""
    for card in db.all("card", scope=label["idBoard"]):
        if label["id"] in card["idLabels"]:
            card["idLabels"].remove(label["id"])
            db.put("card", card)
    db.remove("label", label["id"])


# --------------------------------------------------------------------------------------------------- cards


def create_card(db: Session, me: str, params: Params) -> Doc:
    """A card with everything that POST /cards takes, in one effect; `urlSource` plants an attachment."""
    target = db.get("list", str(params.get("idList") or ""))
    if target is None or me not in member_ids(board_of(db, target)):
        raise values.invalid("idList")
    board = board_of(db, target)
    limits.refuse(
        db, board, "cards", "openPerBoard", "totalPerBoard", "openPerList", "totalPerList", parent=target["id"]
    )
    source = _source(db, me, params)
    card = _blank_card(db, board, target["id"])
    # A name is not required here, only in PUT (api-group-cards lists idList alone as required).
    card["name"] = values.text(params, "name") or source.get("name", "")
    skipped = {"name", "idList", "closed"}
    change(db, "card", card, _kept(source, params) | {k: v for k, v in params.items() if k not in skipped})
    if "pos" not in params:
        card["pos"] = position(db, "card", target["id"], "bottom")
    board["cards"] = card["idShort"]
    db.put("board", board)
    db.put("card", card)
    record(db, me, "createCard", card, {"list": {k: target[k] for k in ("id", "name")}})
    if params.get("urlSource"):
        attach(db, me, card, {"url": params["urlSource"]})
    if source and _keeps(params, "customFields"):
        card["custom"] = {field: {**item, "id": db.new_id()} for field, item in source.get("custom", {}).items()}
    if source:
        _copy_children(db, me, source, card, params)
    return db.put("card", card)


def _blank_card(db: Session, board: Doc, list_id: str) -> Doc:
    card_id = db.new_id()
    return {
        "id": card_id,
        "idBoard": board["id"],
        "idList": list_id,
        "idShort": board["cards"] + 1,
        "shortLink": short_link(card_id),
        "name": "",
        "desc": "",
        "due": None,
        "start": None,
        "dueComplete": False,
        "dueReminder": None,
        "closed": False,
        "idLabels": [],
        "idMembers": [],
        "pos": 0.0,
        "subscribed": False,
        "custom": {},
        "comments": 0,
        "dateLastActivity": values.stamp(db.now),
    }


def _source(db: Session, me: str, params: Params) -> Doc:
    return open_doc(db, me, "card", str(params["idCardSource"])) if params.get("idCardSource") else {}


_KEPT = {"due": ("due", "start"), "labels": ("idLabels",), "members": ("idMembers",)}


def _keeps(params: Params, what: str) -> bool:
    return bool({"all", what} & set(values.names(params, "keepFromSource") or ["all"]))


def _kept(source: Doc, params: Params) -> Doc:
    """What a copy takes over: also the description, with whatever marker stands in it."""
    if not source:
        return {}
    fields = ["desc", *(f for what, names in _KEPT.items() if _keeps(params, what) for f in names)]
    return {field: source[field] for field in fields}


def _copy_children(db: Session, me: str, source: Doc, card: Doc, params: Params) -> None:
    if _keeps(params, "checklists"):
        for each in db.all("checklist", parent=source["id"]):
            create_checklist(db, card, {"idChecklistSource": each["id"]})
    if _keeps(params, "attachments"):
        for each in db.all("attachment", parent=source["id"]):
            db.put("attachment", {**each, "id": db.new_id(), "idCard": card["id"], "idMember": me})


def update_card(db: Session, me: str, card: Doc, params: Params) -> Doc:
    """Any number of fields in one effect; `idLabels` and `idMembers` replace the whole set (api-group-cards)."""
    before = db.get("list", card["idList"])
    if params.get("idBoard") and params["idBoard"] != card["idBoard"]:
        _move_card_to_board(db, me, card, params)
    old = change(db, "card", card, params)
    if "idList" in old and "pos" not in params:
        card["pos"] = position(db, "card", card["idList"], "bottom")
    if not card["closed"] and {"closed", "idList"} & old.keys():
        names = ("openPerBoard", "openPerList") if "closed" in old else ("openPerList",)
        limits.refuse(db, board_of(db, card), "cards", *names, parent=card["idList"])
    db.put("card", card)
    if old:
        record(db, me, "updateCard", card, _what_changed(db, card, before, old))
    return db.put("card", card)


def _what_changed(db: Session, card: Doc, before: Doc | None, old: Doc) -> Doc:
    data: Doc = {"old": old, "card": {name: card[name] for name in old}}
    after = db.get("list", card["idList"])
    if "idList" in old and before and after:
        data["listBefore"] = {k: before[k] for k in ("id", "name")}
        data["listAfter"] = {k: after[k] for k in ("id", "name")}
    return data


def _move_card_to_board(db: Session, me: str, card: Doc, params: Params) -> None:
    board = open_board(db, me, str(params["idBoard"]))
    lists = sorted((d for d in db.all("list", scope=board["id"]) if not d["closed"]), key=lambda d: d["pos"])
    target = str(params.get("idList") or (lists[0]["id"] if lists else ""))
    if target not in {each["id"] for each in lists}:
        raise values.invalid("idList")
    _move_card(db, card, board, target)


def _move_card(db: Session, card: Doc, board: Doc, list_id: str) -> None:
    """To another board: labels and custom fields stay behind, because they are the board's."""
    card.update(idBoard=board["id"], idList=list_id, idLabels=[], custom={}, idShort=board["cards"] + 1)
    card["idMembers"] = [each for each in card["idMembers"] if each in member_ids(board)]
    board["cards"] = card["idShort"]
    db.put("board", board)
    db.put("card", card)
    for kind in ("checklist", "attachment", "action"):
        for child in db.all(kind, parent=card["id"]):
            db.put(kind, {**child, "idBoard": board["id"]})


def delete_card(db: Session, me: str, card: Doc) -> None:
    """For good: there is no bin to take it out of."""
    record(db, me, "deleteCard", card, {})
    for kind in ("checklist", "attachment"):
        for child in db.all(kind, parent=card["id"]):
            db.remove(kind, child["id"])
    db.remove("card", card["id"])


def add_to_set(db: Session, me: str, card: Doc, field: str, params: Params) -> Doc:
    """One label or member more; one that is there already is a 400 (yasyf/vc #77, rematocorp #126)."""
    what = "label" if field == "idLabels" else "member"
    if values.reference(str(params.get("value") or "")) in card[field]:
        article = "that " if what == "label" else ""
        raise ApiError(400, f"{article}{what} is already on the card")
    try:
        return update_card(db, me, card, {field: [*card[field], params["value"]]})
    except ApiError as error:
        raise values.invalid("value") from error


def take_from_set(db: Session, me: str, card: Doc, field: str, ref: str) -> Doc:
    """One label or member less; one that is not there changes nothing."""
    rest = [each for each in card[field] if each != values.reference(ref)]
    return update_card(db, me, card, {field: rest})


def comment(db: Session, me: str, card: Doc, params: Params) -> Doc:
    """A comment, which is an action; Trello does not mind the same text twice."""
    made = record(db, me, "commentCard", card, {"text": values.text(params, "text", required=True)})
    card["comments"] += 1
    db.put("card", card)
    return made


def edit_comment(db: Session, action: Doc, params: Params) -> Doc:
    """Only a comment can be changed."""
    _require_comment(action)
    action["data"]["text"] = values.text(params, "text", required=True)
    action["data"]["dateLastEdited"] = values.stamp(db.now)
    return db.put("action", action)


def delete_comment(db: Session, action: Doc) -> None:
    """Only a comment can be deleted."""
    _require_comment(action)
    card = fetch(db, "card", action["idCard"])
    card["comments"] -= 1
    db.put("card", card)
    db.remove("action", action["id"])


def _require_comment(action: Doc) -> None:
    if action["type"] != "commentCard":
        raise ApiError(400, "invalid action")


def attach(db: Session, me: str, card: Doc, params: Params, upload: Doc | None = None) -> Doc:
    """A web address or a file; the same address twice is two attachments (api-group-cards)."""
    limits.refuse(db, board_of(db, card), "attachments", "perBoard")
    attachment_id = db.new_id()
    name = values.text(params, "name", most=256)
    mime = values.text(params, "mimeType", most=256)
    if upload is None:
        url = values.web_address(params, "url")
        about = {"url": url, "name": name or url, "bytes": None, "isUpload": False, "fileName": None}
    else:
        about = _uploaded(attachment_id, card, name, upload)
    made = {
        "id": attachment_id,
        "idBoard": card["idBoard"],
        "idCard": card["id"],
        "idMember": me,
        "date": values.stamp(db.now),
        "mimeType": mime or about.pop("mimeType", ""),
        "pos": db.highest("attachment", card["id"]) + 16384,
        **about,
    }
    card["dateLastActivity"] = values.stamp(db.now)
    db.put("card", card)
    return db.put("attachment", made)


def _uploaded(attachment_id: str, card: Doc, name: str, upload: Doc) -> Doc:
    """An uploaded file: its name, type and size are kept, its content is not."""
    if upload["bytes"] > _MAX_UPLOAD:
        raise ApiError(413, "Request Entity Too Large")
    file = str(upload["name"])[:256] or "file"
    url = f"https://trello.com/1/cards/{card['id']}/attachments/{attachment_id}/download/{file}"
    about = {"url": url, "name": name or file, "bytes": upload["bytes"], "isUpload": True, "fileName": file}
    return about | {"mimeType": upload["type"]}


def detach(db: Session, card: Doc, ref: str) -> None:
    """Removes an attachment."""
    found = fetch(db, "attachment", ref)
    if found["idCard"] != card["id"]:
        raise values.missing()
    db.remove("attachment", found["id"])


# ---------------------------------------------------------------------------------------------- checklists


def create_checklist(db: Session, card: Doc, params: Params) -> Doc:
    """A checklist, empty or a copy; lines come one by one, there is no bulk call (api-group-checklists)."""
    limits.refuse(db, board_of(db, card), "checklists", "perBoard", "perCard", parent=card["id"])
    source = fetch(db, "checklist", str(params["idChecklistSource"])) if params.get("idChecklistSource") else {}
    items = [{**item, "id": db.new_id()} for item in source.get("checkItems", [])]
    made: Doc = {
        "id": db.new_id(),
        "idBoard": card["idBoard"],
        "idCard": card["id"],
        "name": values.text(params, "name") or source.get("name", "Checklist"),
        "pos": position(db, "checklist", card["id"], params.get("pos")),
        "checkItems": items,
    }
    _touch(db, made)
    return db.put("checklist", made)


def update_checklist(db: Session, doc: Doc, params: Params) -> Doc:
    """Name and place."""
    change(db, "checklist", doc, params)
    return db.put("checklist", doc)


def add_check_item(db: Session, checklist: Doc, params: Params) -> Doc:
    """One line more."""
    limits.refuse(db, board_of(db, checklist), "checkItems", "perChecklist", parent=checklist["id"])
    item: Doc = {
        "id": db.new_id(),
        "name": values.text(params, "name", required=True),
        "state": "complete" if values.flag(params, "checked") else "incomplete",
        "pos": _item_position(checklist["checkItems"], params.get("pos")),
        "due": values.moment(params, "due"),
        "dueReminder": None,
        "idMember": params.get("idMember") or None,
    }
    checklist["checkItems"].append(item)
    _touch(db, checklist)
    db.put("checklist", checklist)
    return item


def _item_position(items: Sequence[Doc], value: object) -> float:
    places = [item["pos"] for item in items]
    if value in (None, "", "bottom"):
        return max(places, default=0.0) + 16384
    if value == "top":
        return min(places, default=32768.0) / 2
    return values.number(value, "pos")


def find_check_item(db: Session, card: Doc, ref: str) -> tuple[Doc, Doc]:
    """A line of one of a card's checklists, and the checklist."""
    values.reference(ref)
    for checklist in db.all("checklist", parent=card["id"]):
        for item in checklist["checkItems"]:
            if item["id"] == ref:
                return checklist, item
    raise values.missing()


def update_check_item(db: Session, me: str, card: Doc, ref: str, params: Params) -> Doc:
    """A line's state is changed through its card (api-group-cards, PUT /cards/{id}/checkItem/{idCheckItem})."""
    checklist, item = find_check_item(db, card, ref)
    was = item["state"]
    if "name" in params:
        item["name"] = values.text(params, "name", required=True)
    if "state" in params:
        item["state"] = values.choice(params, "state", ("complete", "incomplete"), "")
    if "pos" in params:
        item["pos"] = _item_position(checklist["checkItems"], params["pos"])
    if "due" in params:
        item["due"] = values.moment(params, "due")
    if "idMember" in params:
        item["idMember"] = params["idMember"] or None
    db.put("checklist", checklist)
    if item["state"] != was:
        record(db, me, "updateCheckItemStateOnCard", card, {"checkItem": {k: item[k] for k in ("id", "name", "state")}})
        db.put("card", card)
    return {**item, "idChecklist": checklist["id"]}


def delete_check_item(db: Session, checklist: Doc, ref: str) -> None:
    """One line less."""
    values.reference(ref)
    rest = [item for item in checklist["checkItems"] if item["id"] != ref]
    if len(rest) == len(checklist["checkItems"]):
        raise values.missing()
    checklist["checkItems"] = rest
    _touch(db, checklist)
    db.put("checklist", checklist)


def delete_checklist(db: Session, doc: Doc) -> None:
    """A checklist with its lines."""
    _touch(db, doc)
    db.remove("checklist", doc["id"])


def _touch(db: Session, checklist: Doc) -> None:
    card = fetch(db, "card", checklist["idCard"])
    card["dateLastActivity"] = values.stamp(db.now)
    db.put("card", card)
