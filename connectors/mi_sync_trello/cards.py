"""What is known of each card, and how a card becomes a `Remote`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mi_sync.connector import harvest
from mi_sync.errors import NotAuthorised, RequestRefused
from mi_sync.http import Http
from mi_sync.model import Remote
from mi_sync.shapes import Json
from mi_sync.unmarked import Names
from mi_sync_trello.custom import CustomFields
from mi_sync_trello.names import named
from mi_sync_trello.reader import Everything
from mi_sync_trello.wire import (
    CARD_FIELDS,
    Ours,
    an_object,
    ident,
    instant,
    is_hidden,
    is_id,
    is_missing,
    local_date,
    objects,
    our_checklist,
)

FRESH = timedelta(seconds=30)
"""What was seen longer ago is looked at again before a label or a line is added."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card as last seen.

    Attributes:
        raw: Trello's own fields.
        remote: the same in our words.
        checklist: the id of our checklist; None when there is none.
        seen_at: when all of it was known; None when its checklists were not part of the reply.
        comments: what was said on it; None when nobody looked.
    """

    raw: Json
    remote: Remote
    checklist: str | None
    seen_at: datetime | None
    comments: tuple[str, ...] | None = None


class Cards:
    """The cards of one board, as this process last read or wrote them.

    Args:
        http: the session.
        lists, labels, fields: the board's.
        timezone: the programme's.
        now: the clock.
        see_board: raises `NotAuthorised` when these credentials may no longer see the board itself.
    """

    def __init__(
        self,
        http: Http,
        lists: Names,
        labels: Names,
        fields: CustomFields,
        timezone: ZoneInfo,
        now: Callable[[], datetime],
        see_board: Callable[[], object],
    ) -> None:
        self._http, self._lists, self._labels, self._fields = http, lists, labels, fields
        self._timezone, self._now, self._see_board = timezone, now, see_board
        self._known: dict[str, Card] = {}

    def known(self, id: str) -> Card | None:  # noqa: A002  the field's name at Trello and in the model
        """What was last seen of it, however long ago."""
        return self._known.get(id)

    def current(self, remote: Remote) -> Card | None:
        """All of the card; None when it is gone.

        From memory, if it was seen a moment ago and `remote` tells nothing else.
        """
        card = self._known.get(remote.id)
        if card is None or card.seen_at is None or self._now() - card.seen_at > FRESH:
            return self.read(remote.id)
        return card if _children(card.remote) == _children(remote) else self.read(remote.id)

    def read(self, id: str) -> Card | None:  # noqa: A002  as above
        """The card as it is now; None when it is gone, also to a board that these credentials may not see."""
        raw = self._get(id) if is_id(id) else None
        if raw is None:
            self._known.pop(id, None)
            return None
        lane = raw.pop("list", None)
        if isinstance(lane, dict):
            self._lists.learn(named(lane))
        if "checklists" not in raw:
            raw["checklists"] = self._http.get(f"/cards/{id}/checklists")
        return self.take_nested([raw])[0]

    def _get(self, id_: str) -> Json | None:
        try:
            items = {"customFieldItems": "true"} if self._fields.readable else {}
            raw = self._http.get(f"/cards/{id_}", fields=CARD_FIELDS, checklists="all", list="true", **items)
        except RequestRefused as error:
            if not is_missing(error):
                raise
            return None
        except NotAuthorised as error:
            if not is_hidden(error):
                raise
            self._see_board()
            return None
        return an_object(raw, "card")

    # -- taking over replies ------------------------------------------------------------------------

    def take_nested(self, raws: Iterable[Json]) -> list[Card]:
        """Cards that bring their checklists along."""
        raws = list(raws)
        self._know_names(raws)
        return [self.take(raw, raw.pop("checklists", None)) for raw in raws]

    def take_all(self, everything: Everything) -> list[Card]:
        """All cards of a board; nothing else is remembered from then on."""
        self._known.clear()
        self._know_names(everything.cards)
        checklists: dict[str, list[Json] | None] = {**everything.checklists, **dict.fromkeys(everything.blind)}
        return [self.take(raw, checklists.get(raw["id"], [])) for raw in everything.cards]

    def take(self, raw: Json, checklists: object | None, comments: tuple[str, ...] | None = None) -> Card:
        """One card; None means that the reply did not tell."""
        id_ = ident(raw.get("id"))
        before = self._known.get(id_)
        ours, seen_at = Ours(), None
        if comments is None and before is not None:
            comments = before.comments
        if checklists is not None:
            ours, seen_at = our_checklist(objects(checklists, "checklists")), self._now()
        elif before is not None:
            ours, seen_at = Ours(before.checklist, before.remote.checklist), before.seen_at
        return self.put(Card(raw, self._remote(raw, ours), ours.id, seen_at, comments))

    def put(self, card: Card) -> Card:
        """Remembers it."""
        self._known[card.remote.id] = card
        return card

    def relabel(self, card: Card, label_ids: list[str]) -> Card:
        """The card with other labels."""
        raw = {**card.raw, "idLabels": label_ids}
        return self.put(replace(card, raw=raw, remote=replace(card.remote, labels=self._labels.names(label_ids))))

    def relist(self, card: Card, ours: Ours) -> Card:
        """The card with other lines in our checklist."""
        return self.put(replace(card, checklist=ours.id, remote=replace(card.remote, checklist=ours.lines)))

    def refill(self, card: Card, raw: Json) -> Card:
        """The card with other custom fields."""
        return self.put(replace(card, raw=raw, remote=replace(card.remote, fields=self._fields.read(raw))))

    def heard(self, card: Card, comments: tuple[str, ...]) -> Card:
        """The card with what was said on it."""
        return self.put(replace(card, comments=comments))

    def _know_names(self, raws: Sequence[Json]) -> None:
        self._lists.know({str(raw["idList"]) for raw in raws if raw.get("idList")})
        self._labels.know({str(each) for raw in raws for each in raw.get("idLabels") or []})
        self._fields.know(raws)

    def _remote(self, raw: Json, ours: Ours) -> Remote:
        lane = self._lists.get(str(raw.get("idList")))
        body, marker = harvest(str(raw.get("desc") or ""))
        return Remote(
            id=raw["id"],
            # The short one first: the long one ends in words of the title and changes with it.
            url=str(raw.get("shortUrl") or raw.get("url") or f"https://trello.com/c/{raw['id']}"),
            title=str(raw.get("name") or ""),
            body=body,
            marker=marker,
            due=instant(raw.get("due")),
            start=local_date(raw.get("start"), self._timezone),
            done=bool(raw.get("dueComplete")),
            archived=bool(raw.get("closed")) or (lane is not None and lane.closed),
            list=lane.name if lane else "",
            labels=self._labels.names(raw.get("idLabels") or []),
            checklist=ours.lines,
            assignees=tuple(ident(each) for each in raw.get("idMembers") or []),
            fields=self._fields.read(raw),
        )


def _children(remote: Remote) -> tuple[object, ...]:
    """What is written one by one."""
    return remote.labels, remote.checklist, remote.fields
