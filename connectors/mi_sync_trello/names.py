"""The lists or the labels of a board, by exact name: found, or made when missing.

They carry no marker, so they are listed again before one is made, unless they were listed a moment ago.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zlib import crc32

from mi_sync.errors import OutcomeUnknown, Unavailable
from mi_sync.http import Http
from mi_sync_trello.wire import Json, Unreadable, an_object, ident, objects

OLD = timedelta(minutes=5)
"""Names that were listed longer ago are listed again before one is made."""

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


@dataclass(frozen=True, slots=True)
class Named:
    """A list or a label; `pos` is a list's place."""

    id: str
    name: str
    closed: bool = False
    pos: float = 0.0


def colour(name: str) -> str:
    """A label's colour: the same for the same name on every board."""
    return COLOURS[crc32(name.encode()) % len(COLOURS)]


class Names:
    """All of one kind on one board.

    Args:
        kind: list or label.
        http: the session.
        board: tells the board's id.
        now: the clock.
    """

    def __init__(self, kind: Kind, http: Http, board: Callable[[], str], now: Callable[[], datetime]) -> None:
        self._kind: Kind = kind
        self._http, self._board, self._now = http, board, now
        self._entries: dict[str, Named] = {}
        self._listed_at: datetime | None = None

    # -- what is there ------------------------------------------------------------------------------

    def take(self, raw: object) -> None:
        """Takes over a complete listing."""
        self._entries = {each.id: each for each in map(_named, objects(raw, f"{self._kind}s"))}
        self._listed_at = self._now()

    def learn(self, raw: Json) -> Named:
        """Takes over a single one."""
        found = _named(raw)
        self._entries[found.id] = found
        return found

    def forget(self) -> None:
        """What is known may be wrong: list again before it is next relied on."""
        self._listed_at = None

    def know(self, ids: Collection[str]) -> None:
        """Lists again, once, when one of the ids is unknown."""
        if any(each not in self._entries for each in ids):
            self._list()

    def get(self, id: str) -> Named | None:  # noqa: A002  the field's name at Trello and in the model
        """The one with this id."""
        return self._entries.get(id)

    def names(self, ids: Iterable[str]) -> tuple[str, ...]:
        """The names of some of them, in that order; what has no name is left out."""
        found = (self._entries.get(each) for each in ids)
        return tuple(dict.fromkeys(each.name for each in found if each is not None and each.name))

    def usable(self) -> list[Named]:
        """Those that are open and have a name, in their order."""
        return sorted((e for e in self._entries.values() if e.name and not e.closed), key=lambda e: (e.pos, e.id))

    # -- what is wanted -----------------------------------------------------------------------------

    def first(self) -> str | None:
        """The id of the first that is usable."""
        if self._listed_at is None:
            self._list()
        usable = self.usable()
        return usable[0].id if usable else None

    def ensure(self, name: str) -> str:
        """The id of the one with exactly this name; made when there is none.

        An archived list does not count: what is put there is not seen.

        Raises:
            Unavailable: its creation was not answered; nothing was done for the item that needs it.
        """
        if self._listed_at is None:
            self._list()
        found = self._find(name)
        if found is None and self._is_old():
            self._list()
            found = self._find(name)
        return found or self._make(name)

    def _find(self, name: str) -> str | None:
        return next((each.id for each in self.usable() if each.name == name), None)

    def _is_old(self) -> bool:
        return self._listed_at is None or self._now() - self._listed_at > OLD

    def _list(self) -> None:
        self.take(self._http.get(f"/boards/{self._board()}/{self._kind}s", **ASKED[self._kind]))

    def _make(self, name: str) -> str:
        extra = {"pos": "bottom"} if self._kind == "list" else {"color": colour(name)}
        body = {"name": name, "idBoard": self._board(), **extra}
        try:
            made = an_object(self._http.post(f"/{self._kind}s", body), self._kind)
            return self.learn({**body, **made, "pos": made.get("pos")}).id
        except (OutcomeUnknown, Unreadable) as unknown:
            return self._made_after_all(name, unknown)

    def _made_after_all(self, name: str, unknown: OutcomeUnknown | Unreadable) -> str:
        self._list()
        found = self._find(name)
        if found is None:
            self.forget()  # it may still appear
            raise Unavailable(
                f"whether the {self._kind} was made is not known: {unknown.why}",
                where=unknown.where,
                remedy="Nothing was sent for the item itself; the next run looks again.",
            ) from None
        return found


def _named(raw: Json) -> Named:
    pos = raw.get("pos")
    at = float(pos) if isinstance(pos, int | float) else float("inf")
    return Named(ident(raw.get("id")), str(raw.get("name") or ""), bool(raw.get("closed")), at)
