"""A Trello board, as the core sees it: `TrelloBoard` fulfils `mi_sync.connector.Board`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mi_sync.connector import Context, plant
from mi_sync.errors import NotAuthorised, NotFound, OutcomeUnknown, RequestRefused
from mi_sync.http import Http, Window
from mi_sync.model import BoardIdentity, Children, Member, Patch, Remote, Snapshot
from mi_sync.shapes import Json, Unreadable
from mi_sync_trello import CAPABILITIES, TrelloConfig
from mi_sync_trello.cards import Cards
from mi_sync_trello.children import ChildWriter
from mi_sync_trello.custom import CustomFields
from mi_sync_trello.limits import limits
from mi_sync_trello.names import listed, names
from mi_sync_trello.reader import Reader
from mi_sync_trello.refusals import remedy
from mi_sync_trello.wire import an_object, authorization, ident, member, objects, written

DEFAULT_LIST = "To Do"
"""Where a new card goes that names no list, on a board that has none."""


class TrelloBoard:
    """One board. Lists and labels that are missing are made when a card first needs them.

    Args:
        settings: the target's.
        context: from the core; holds the secrets.
    """

    def __init__(self, settings: TrelloConfig, context: Context) -> None:
        self.capabilities = CAPABILITIES
        self._wire, self._timezone = context.wire, context.timezone
        self._http = session(settings, context)
        self._fields = CustomFields(self._http, self._board_id, self._timezone, readable=settings.access_token is None)
        self._reader = Reader(self._http, settings.board, f"targets.{context.name}.board", fields=self._fields.readable)
        self._id = ""
        self._members: frozenset[str] | None = None
        self._lists = names("list", self._http, self._board_id, self._wire.now)
        self._labels = names("label", self._http, self._board_id, self._wire.now)
        self._cards = Cards(
            self._http, self._lists, self._labels, self._fields, self._timezone, self._wire.now, see_board=self.identity
        )
        self._children = ChildWriter(self._http, self._cards, self._labels, self._fields, self._wire)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._http.requests

    def normal_body(self, body: str) -> str:
        """A description keeps its Markdown."""
        return body

    # -- reading ------------------------------------------------------------------------------------

    def identity(self) -> BoardIdentity:
        """Which board this is, by one cheap read that needs valid credentials."""
        return self._identified(self._reader.head(fields="name,url,shortUrl,closed"))

    def snapshot(self) -> Snapshot:
        """Everything on the board, archived cards included; three requests for fewer than 250 cards."""
        taken_at = self._wire.now()
        everything = self._reader.everything()
        board = everything.board
        identity = self._identified(board)
        self._lists.take(listed(board["lists"], "list"))
        self._labels.take(listed(board["labels"], "label"))
        if self._fields.readable:
            self._fields.take(board["customFields"])
        members = self._take_members(board["members"])
        cards = self._cards.take_all(everything)
        return Snapshot(
            board=identity,
            taken_at=taken_at,
            remotes=tuple(card.remote for card in cards),
            complete=not everything.gap,
            incomplete_because=everything.gap,
            lists=tuple(dict.fromkeys(each.name for each in self._lists.usable())),
            labels=tuple(dict.fromkeys(each.name for each in self._labels.usable())),
            members=members,
            limits=limits(everything, cards, self._lists),
            fields=self._fields.all,
            fields_hidden_because=self._fields.hidden_because,
        )

    def newest(self) -> Sequence[Remote]:
        """The last 100 cards made, newest first, archived ones included."""
        return [card.remote for card in self._cards.take_nested(self._reader.newest(self._board_id()))]

    def read(self, id: str) -> Remote | None:  # noqa: A002  the protocol's name
        """One card as it is now; None when it was deleted, or moved to another board."""
        board = self._board_id()
        card = self._cards.read(id)
        return card.remote if card is not None and card.raw.get("idBoard", board) == board else None

    # -- writing ------------------------------------------------------------------------------------

    def merge(self, patch: Patch) -> Remote:
        """Creates or changes one card by one request, which carries the marker in the description.

        Raises:
            RequestRefused: nothing happened: a text is too long, Trello refused, or a list or label was asked for and
                not answered.
            OutcomeUnknown: no usable answer to the request for the card.
        """
        texts = self._texts(patch)
        try:
            with self._for_one(patch.id, patch.fields.get("assignee")):
                return self._create(patch, texts) if patch.id is None else self._update(patch.id, patch, texts)
        except RequestRefused as error:
            if error.status == 400:  # perhaps because one of them is no longer there
                self._lists.forget()
                self._labels.forget()
            raise

    def merge_children(self, remote: Remote, children: Children) -> None:
        """Labels, lines of our checklist, custom fields and a comment, one by one, skipping what is already so.

        The card is read again if this board last saw it more than 30 s ago, or otherwise than in `remote`.
        """
        with self._for_one(remote.id):
            self._children.merge(remote, children)

    @contextmanager
    def _for_one(self, id_: str | None, assignee: str | None = None) -> Iterator[None]:
        """Tells a 401 that is about one card or one person from one that ends all work here, as others can go on.

        What Trello says of somebody who is no member differs: a 401, “invalid value for idMembers”, “Invalid objectId”
        (rwjdk/TrelloDotNet #29). So the members are listed again after any of them.
        """
        try:
            yield
        except NotAuthorised:
            if id_ is not None and self.read(id_) is None:
                raise NotFound("the card is gone, or this token may no longer see it.", status=401) from None
            self._still_on_board(assignee)
            raise
        except RequestRefused as error:
            if error.status == 400:
                self._still_on_board(assignee)
            raise

    def _texts(self, patch: Patch) -> Json:
        """The description with its marker, which every write carries; refused before sending when it is too long."""
        title, desc = patch.fields.get("title", ""), plant(patch.body, patch.marker)
        for name, text, most in (
            ("title", title, CAPABILITIES.max_title),
            ("body", desc, CAPABILITIES.max_body),
        ):
            if len(text) > most:
                raise RequestRefused(f"the {name} has {len(text)} characters, and Trello takes {most}.", where=name)
        return {"desc": desc}

    def _create(self, patch: Patch, texts: Json) -> Remote:
        fields = patch.fields
        if fields.get("archived"):
            raise ValueError("a card is archived by a change of its own, not when it is created")
        sent = {**written(fields, self._timezone), **texts, "pos": "bottom"}
        sent.pop("closed", None)
        if assignee := fields.get("assignee"):
            sent["idMembers"] = [self._on_board(assignee)]
        sent["idList"] = self._list_for(fields.get("list", ""))
        if labels := [name for name in dict.fromkeys(fields.get("labels", ())) if name]:
            sent["idLabels"] = [self._labels.ensure(name) for name in labels]
        return self._replied(self._http.post("/cards", sent), sent, new=True)

    def _update(self, id_: str, patch: Patch, texts: Json) -> Remote:
        fields = patch.fields
        if "labels" in fields or "assignee" in fields:
            raise ValueError("labels and members of an existing card change one by one, not as a set")
        sent = {**written(fields, self._timezone), **texts}
        if name := fields.get("list"):
            sent["idList"] = self._lists.ensure(name)
        elif fields.get("archived") is False:
            sent |= self._out_of_archived_list(id_)
        return self._replied(self._http.put(f"/cards/{ident(id_)}", sent), {"id": id_, **sent}, new=False)

    def _replied(self, reply: object, sent: Json, *, new: bool) -> Remote:
        """The card after a write: the reply, and what was sent where the reply says nothing."""
        before = self._cards.known(str(sent.get("id")))
        try:
            raw = {**(before.raw if before else {}), **sent, **an_object(reply, "card")}
            raw.pop("checklists", None)
            return self._cards.take(raw, [] if new else None, () if new else None).remote
        except Unreadable as error:
            raise OutcomeUnknown(f"{error.why} Whether the card was written is not known.") from None

    def _still_on_board(self, assignee: str | None) -> None:
        if assignee:
            self._take_members(self._http.get(f"/boards/{self._board_id()}/members"))
            self._on_board(assignee)

    def _take_members(self, raw: object) -> tuple[Member, ...]:
        members = tuple(member(each) for each in objects(raw, "members"))
        self._members = frozenset(each.id for each in members)
        return members

    def _on_board(self, assignee: str) -> str:
        if self._members is not None and assignee not in self._members:
            raise RequestRefused(
                "the person to assign is no member of the board.",
                where="assignee",
                remedy="Invite them, or name the member in [people].",
            )
        return assignee

    def _list_for(self, name: str) -> str:
        first = None if name else self._lists.first()
        return first.id if first else self._lists.ensure(name or DEFAULT_LIST)

    def _out_of_archived_list(self, id_: str) -> Json:
        """A card in an archived list stays hidden when it is un-archived, so it goes to an open list of that name."""
        card = self._cards.known(id_) or self._cards.read(id_)
        lane = self._lists.get(str(card.raw.get("idList"))) if card else None
        return {"idList": self._lists.ensure(lane.name or DEFAULT_LIST)} if lane is not None and lane.closed else {}

    # -- the board itself ---------------------------------------------------------------------------

    def _board_id(self) -> str:
        """The canonical id, for which a short link must be looked up once."""
        return self._id or self.identity().id

    def _identified(self, board: Json) -> BoardIdentity:
        self._id = ident(board.get("id"))
        url = str(board.get("url") or board.get("shortUrl") or f"https://trello.com/b/{self._id}")
        return BoardIdentity(self._id, str(board.get("name") or ""), url)


def session(settings: TrelloConfig, context: Context) -> Http:
    """The session with its credentials. Trello allows 100 requests in 10 s for a token (rate-limits guide)."""
    secrets = {name: context.header_secret(name) for name in context.secrets}
    return Http(
        settings.api_url,
        headers={"Authorization": authorization(secrets), "Accept": "application/json"},
        secrets=list(secrets.values()),
        wire=context.wire,
        window=Window(100, 10.0, headers="x-rate-limit-api-token"),
        name="Trello",
        remedy=remedy,
    )
