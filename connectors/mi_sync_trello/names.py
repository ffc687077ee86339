"""The lists and the labels of a board, which are known by their exact names: how Trello lists and makes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal
from zlib import crc32

from mi_sync.errors import OutcomeUnknown
from mi_sync.http import Http
from mi_sync.shapes import Json, Unreadable
from mi_sync.unmarked import Named, Names
from mi_sync_trello.wire import an_object, ident, objects

COLOURS = ("green", "yellow", "orange", "red", "purple", "blue", "sky", "lime", "pink", "black")
"""The ten colours that every version of Trello knows."""

MAX_LABELS = 1000
"""Labels in one answer; a board holds no more (rest-api/limits guide)."""

Kind = Literal["list", "label"]

ASKED: dict[Kind, dict[str, str | int]] = {
    "list": {"filter": "all", "fields": "name,closed,pos"},
    "label": {"limit": MAX_LABELS, "fields": "name,color"},
}
"""How each kind is listed by a request of its own."""


def colour(name: str) -> str:
    """A label's colour: the same for the same name on every board."""
    return COLOURS[crc32(name.encode()) % len(COLOURS)]


def names(kind: Kind, http: Http, board: Callable[[], str], now: Callable[[], datetime]) -> Names:
    """The lists or the labels of one board.

    Args:
        kind: list or label.
        http: the session.
        board: tells the board's id.
        now: the clock.
    """

    def list_() -> list[Named]:
        return listed(http.get(f"/boards/{board()}/{kind}s", **ASKED[kind]), kind)

    def make(name: str) -> Named:
        extra = {"pos": "bottom"} if kind == "list" else {"color": colour(name)}
        body = {"name": name, "idBoard": board(), **extra}
        reply = http.post(f"/{kind}s", body)
        try:
            made = an_object(reply, kind)
            return named({**body, **made, "pos": made.get("pos")})
        except Unreadable as error:
            raise OutcomeUnknown(error.why) from None

    return Names(kind, list_, make, now)


def listed(raw: object, kind: Kind) -> list[Named]:
    """A complete listing."""
    return [named(each) for each in objects(raw, f"{kind}s")]


def named(raw: Json) -> Named:
    """One list or label."""
    pos = raw.get("pos")
    at = float(pos) if isinstance(pos, int | float) else float("inf")
    return Named(ident(raw.get("id")), str(raw.get("name") or ""), bool(raw.get("closed")), at)
