"""Reads a whole board in the fewest requests: the board with its small collections, then the cards page by page."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from mi_sync.errors import ConfigError, NotAuthorised, RequestRefused
from mi_sync.http import Http
from mi_sync.shapes import Json
from mi_sync_trello.names import ASKED, MAX_LABELS
from mi_sync_trello.wire import CARD_FIELDS, an_object, ident, is_missing, objects, stamp, too_much

PAGE = 250
"""Cards in one page. Trello refuses larger ones that come with checklists (rate-limits guide)."""

WIDE = 1000
"""The most that Trello puts into one page."""

NEWEST = 100

_NESTED: dict[str, str | int] = {
    "lists": "all",
    "list_fields": "name,closed,pos",
    "labels": "all",
    "label_fields": "name,color",
    "labels_limit": MAX_LABELS,
    "members": "all",
    "member_fields": "fullName,username",
}
_FIELDS: dict[str, str | int] = {"customFields": "true"}
_ITEMS: dict[str, str | int] = {"customFieldItems": "true"}
_PARTS: dict[str, dict[str, str | int]] = {
    "lists": ASKED["list"],
    "labels": ASKED["label"],
    "members": {},
    "customFields": {},
}


@dataclass(slots=True)
class Everything:
    """A board, raw.

    Attributes:
        board: with `lists`, `labels`, `members` and, where they may be seen, `customFields`.
        cards: all of them, archived ones included.
        checklists: by card.
        blind: the cards whose checklists could not be had.
        gap: what is missing, if anything is.
    """

    board: Json
    cards: list[Json] = field(default_factory=list)
    checklists: dict[str, list[Json]] = field(default_factory=dict)
    blind: set[str] = field(default_factory=set)
    gap: str = ""

    def add(self, card: Json, *, nested: bool) -> None:
        """One card more; `nested` when it should have brought its checklists along."""
        self.cards.append(card)
        if not nested:
            return
        checklists = card.pop("checklists", None)
        if checklists is None:
            self.blind.add(card["id"])
            self.gap = "Trello refused to list the checklists of so many cards at once"
        else:
            self.checklists[card["id"]] = objects(checklists, "checklists")


class Reader:
    """Reads one board.

    Args:
        http: the session.
        board: id or short link.
        where: the setting that names the board, for messages.
        fields: whether custom fields may be asked for.
        more: what is asked of each card beyond `CARD_FIELDS`.
    """

    def __init__(self, http: Http, board: str, where: str, *, fields: bool, more: Sequence[str] = ()) -> None:
        self._http, self._board, self._where, self._with_fields = http, board, where, fields
        self._asked = ",".join((CARD_FIELDS, *more))

    def head(self, **params: str | int) -> Json:
        """The board itself, with the nested collections that are asked for.

        Raises:
            ConfigError: there is no such board for these credentials.
            NotAuthorised: the credentials do not suffice.
            RequestRefused: it is closed.
        """
        try:
            raw = self._http.get(f"/boards/{self._board}", **params)
        except NotAuthorised as error:
            raise NotAuthorised(error.why, where=self._where.removesuffix(".board"), remedy=error.remedy) from None
        except RequestRefused as error:
            if not is_missing(error):
                raise
            remedy = "Copy the board's address from the browser, and check that the token's owner may see the board."
            raise ConfigError(error.why, where=self._where, remedy=remedy) from None
        return self._opened(an_object(raw, "board"))

    def everything(self) -> Everything:
        """The board with all its cards, archived ones included."""
        board = self._nested()
        path = f"/boards/{ident(board.get('id'))}"
        for name, params in _PARTS.items():
            if name not in board and (name != "customFields" or self._with_fields):
                board[name] = self._http.get(f"{path}/{name}", **params)
        checklists = self._checklists(path, board)
        everything = Everything(board, checklists=_by_card(checklists or []))
        self._cards(path, everything, nested=checklists is None)
        return everything

    def newest(self, id: str) -> list[Json]:  # noqa: A002  the field's name at Trello and in the model
        """The cards created last, newest first, from the listing, which does not lag as /search does."""
        cards = self._page(f"/boards/{id}", NEWEST, checklists=True)
        return sorted(cards, key=lambda card: str(card["id"]), reverse=True)

    # -- the small collections ----------------------------------------------------------------------

    def _nested(self) -> Json:
        wanted = {"fields": "name,url,shortUrl,closed,limits", **_NESTED, **(_FIELDS if self._with_fields else {})}
        try:
            return self.head(**wanted, checklists="all")
        except RequestRefused as error:
            if not too_much(error):
                raise
        return self.head(**wanted)

    def _checklists(self, path: str, board: Json) -> list[Json] | None:
        """All checklists of the board; None when they can only be had with their cards."""
        try:
            raw = board["checklists"] if "checklists" in board else self._http.get(f"{path}/checklists")
        except RequestRefused as error:
            if not too_much(error):
                raise
            return None
        return objects(raw, "checklists")

    def _opened(self, board: Json) -> Json:
        if board.get("closed"):
            raise RequestRefused(
                f"the board {board.get('name')!r} is closed.",
                where=self._where,
                remedy="Reopen it in Trello, or name another board.",
            )
        return board

    # -- the cards ----------------------------------------------------------------------------------

    def _cards(self, path: str, everything: Everything, *, nested: bool) -> None:
        """Page by page, until nothing new is to be had: a short page is not the end."""
        pager = _Pager()
        while pager.ask is not None:
            page = self._page(path, pager.ask.limit, pager.ask.before, checklists=nested)
            for card in pager.take(page):
                everything.add(card, nested=nested)
        everything.gap = everything.gap or pager.gap

    def _page(self, path: str, limit: int, before: str = "", *, checklists: bool = False) -> list[Json]:
        """One page; without the checklists when they are too many.

        `before` is an id or a date, speaks of creation, and needs the order of ids (rwjdk/TrelloDotNet;
        nested-resources guide).
        """
        params: dict[str, str | int] = {"fields": self._asked, "limit": limit, "sort": "-id"}
        if before:
            params["before"] = before
        if self._with_fields:
            params |= _ITEMS
        if checklists:
            try:
                return objects(self._http.get(f"{path}/cards/all", **params, checklists="all"), "cards")
            except RequestRefused as error:
                if not too_much(error):
                    raise
        return objects(self._http.get(f"{path}/cards/all", **params), "cards")


class _Ask(NamedTuple):
    """What is asked for next.

    `again` repeats the second of the oldest card so far, because Trello takes an id given as `before` for the second
    that it was made in, and leaves out the others of that second (trello-archive/api-docs #68). `wide` repeats it
    with the largest page, where that second alone fills one. `beyond` asks for what is older than the oldest card, and
    so does `past` where even the largest page brought nothing new.
    """

    what: Literal["first", "again", "wide", "beyond", "past"]
    limit: int
    before: str = ""


class _Pager:
    """Which page is next, and whether something may lie between two of them.

    Attributes:
        ask: for the next page; None at the end.
        gap: why cards may be missing, if they may.
    """

    def __init__(self) -> None:
        self.ask: _Ask | None = _Ask("first", PAGE)
        self.gap = ""
        self._seen: set[str] = set()
        self._exact = False  # an id given as `before` was seen not to hide the others of its second

    def take(self, page: list[Json]) -> list[Json]:
        """The cards of a page that are new."""
        ask = self.ask
        assert ask is not None  # noqa: S101  or there would be no page
        new = {card["id"]: card for card in page if card["id"] not in self._seen}
        self._seen |= new.keys()
        full = len(page) == ask.limit
        older = ask.what in {"beyond", "past"}
        self._exact = self._exact or (older and any(id_[:8] == ask.before[:8] for id_ in new))
        if (older and full and not new) or (ask.what == "past" and not self._exact):
            self.gap = "the other side does not page through the cards as Trello does, or too many are of one second"
        self.ask = self._next(ask, full=full, new=bool(new))
        return list(new.values())

    def _next(self, ask: _Ask, *, full: bool, new: bool) -> _Ask | None:
        oldest = min(self._seen, default="")
        if new and full and not self._exact:  # it may have been cut within a second
            return _Ask("again", PAGE, _end_of_second(oldest))
        if new:
            return _Ask("beyond", PAGE, oldest)
        if full and ask.what == "again":
            return ask._replace(what="wide", limit=WIDE)
        if ask.what in {"again", "wide"}:
            return _Ask("past" if full else "beyond", PAGE, oldest)
        return None


def _end_of_second(id: str) -> str:  # noqa: A002  the field's name at Trello
    """The first instant after the second in which something was made, which its id begins with (object-definitions)."""
    made = re.match(r"[0-9a-f]{8}", id)
    return str(stamp(datetime.fromtimestamp(int(made[0], 16) + 1, UTC))) if made else id


def _by_card(checklists: Iterable[Json]) -> dict[str, list[Json]]:
    grouped: dict[str, list[Json]] = defaultdict(list)
    for each in checklists:
        grouped[str(each.get("idCard"))].append(each)
    return dict(grouped)
