"""How much a board can hold: told with the board, kept at every effect, and set on request.

`PUT /trello/limits/BOARD` with `{"cards": {"openPerBoard": 3}}` sets some of a board's, so that a full one can be
tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, jsonify, request

from mi_sync_sandbox.store import Doc, Session, Store
from mi_sync_trello.sandbox.values import ApiError

NUMBERS: Mapping[str, Mapping[str, int]] = {
    "attachments": {"perBoard": 36_000, "perCard": 1000},
    "boards": {"totalMembersPerBoard": 1600},
    "cards": {"openPerBoard": 5000, "openPerList": 5000, "totalPerBoard": 2_000_000, "totalPerList": 1_000_000},
    "checklists": {"perBoard": 1_800_000, "perCard": 500},
    "checkItems": {"perChecklist": 200},
    "customFields": {"perBoard": 50},
    "customFieldOptions": {"perField": 50},
    "labels": {"perBoard": 1000},
    "lists": {"openPerBoard": 500, "totalPerBoard": 3000},
    "stickers": {"perCard": 70},
    "reactions": {"perAction": 900, "uniquePerAction": 17},
}
"""Those of a real board of 2023 (rest-api/limits guide): clients have to read them, as they vary."""

_NONE: Doc = {"checkItems": ()}

_COUNTED: Mapping[tuple[str, str], Callable[[Session, str, str], int]] = {
    ("attachments", "perBoard"): lambda db, board, _: db.count("attachment", scope=board),
    ("cards", "openPerBoard"): lambda db, board, _: db.count("card", scope=board, closed=False),
    ("cards", "totalPerBoard"): lambda db, board, _: db.count("card", scope=board),
    ("cards", "openPerList"): lambda db, _, lane: db.count("card", parent=lane, closed=False),
    ("cards", "totalPerList"): lambda db, _, lane: db.count("card", parent=lane),
    ("checklists", "perBoard"): lambda db, board, _: db.count("checklist", scope=board),
    ("checklists", "perCard"): lambda db, _, card: db.count("checklist", parent=card),
    ("checkItems", "perChecklist"): lambda db, _, checklist: len(
        (db.get("checklist", checklist) or _NONE)["checkItems"]
    ),
    ("customFields", "perBoard"): lambda db, board, _: db.count("customField", scope=board),
    ("labels", "perBoard"): lambda db, board, _: db.count("label", scope=board),
    ("lists", "openPerBoard"): lambda db, board, _: db.count("list", scope=board, closed=False),
    ("lists", "totalPerBoard"): lambda db, board, _: db.count("list", scope=board),
}


def refuse(db: Session, board: Doc, group: str, *names: str, parent: str = "") -> None:
    """Refuses one thing more where a limit is reached; `parent` is the list, card or checklist that it is for.

    Raises:
        ApiError: 403, as all that is about limits is said to be; its words are from no source.
    """
    for name in names:
        # All there are count much faster than the open ones among them.
        counts = (_COUNTED[group, each] for each in dict.fromkeys((name.replace("open", "total"), name)))
        if all(counted(db, board["id"], parent) >= _most(board, group, name) for counted in counts):
            raise ApiError(403, f"board limit exceeded: {group} {name}")


def _most(board: Doc, group: str, name: str) -> int:
    return int(board.get("limits", {}).get(group, {}).get(name, NUMBERS[group][name]))


def told(db: Session, board: Doc) -> Doc:
    """All of them, as a board tells them."""
    return {
        group: {name: _entry(_most(board, group, name), _used(db, board, group, name)) for name in names}
        for group, names in NUMBERS.items()
    }


def _used(db: Session, board: Doc, group: str, name: str) -> int:
    """Of what lists hold, in the fullest one; what cards hold is not counted."""
    counted = _COUNTED.get((group, name))
    if counted is None or name.endswith(("perCard", "perChecklist")):
        return 0
    places = [each["id"] for each in db.all("list", scope=board["id"])] if name.endswith("PerList") else [""]
    return max((counted(db, board["id"], place) for place in places), default=0)


def _entry(disable_at: int, count: int) -> Doc:
    """One of them; the count is told only when it is no longer fine."""
    warn_at = disable_at * 9 // 10
    if count < warn_at:
        status = "ok"
    elif count < disable_at:
        status = "warn"
    else:
        status = "disabled" if count == disable_at else "maxExceeded"
    entry: Doc = {"status": status, "disableAt": disable_at, "warnAt": warn_at}
    return entry if status == "ok" else {**entry, "count": count}


def blueprint(home: str, store: Store) -> Blueprint:
    """The route that sets them, below this path."""
    made = Blueprint("limits", __name__, url_prefix=home)

    @made.put("/limits/<board>")
    def changed(board: str) -> tuple[Response, int]:
        # Only JSON, which a web page of somebody else cannot send here without being asked for its origin.
        given = request.get_json() if request.is_json else None
        if not isinstance(given, dict) or not _are_limits(given):
            return jsonify(error='send a JSON object such as {"cards": {"openPerBoard": 3}}'), 400
        with store.transaction() as db:
            found = db.get("board", board)
            if found is None:
                return jsonify(error="there is no such board"), 404
            db.put("board", {**found, "limits": {**found.get("limits", {}), **given}})
            return jsonify(given), 200

    return made


def _are_limits(given: Doc) -> bool:
    return all(
        isinstance(names, dict)
        and group in NUMBERS
        and all(name in NUMBERS[group] and type(most) is int and most >= 0 for name, most in names.items())
        for group, names in given.items()
    )
