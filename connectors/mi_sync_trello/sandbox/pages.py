"""What the pages show of Trello: its boards and cards, in the nouns that every sandbox's pages have."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request

from mi_sync.connector import harvest
from mi_sync_sandbox import markup
from mi_sync_sandbox.pages import Board, Card, Column, Due, Entry, Event, Label, Line, Person, Sheet, Site, day
from mi_sync_sandbox.store import Doc, Session
from mi_sync_trello.sandbox import custom
from mi_sync_trello.sandbox.views import Views


class TrelloGallery:
    """The boards of one transaction."""

    def __init__(self, db: Session) -> None:
        self._db = db
        self._view = Views(db, request.host_url)

    def index(self) -> Sequence[Entry]:
        """All boards."""
        return [self._entry(board) for board in self._db.all("board")]

    def board(self, ref: str) -> Board | None:
        """A board by its short link."""
        board = self._db.get("board", ref)
        return None if board is None else _BoardCards(self._db, self._view, board).board()

    def card(self, ref: str) -> Sheet | None:
        """A card by its short link."""
        doc = self._db.get("card", ref)
        board = None if doc is None else self._db.get("board", doc["idBoard"])
        if doc is None or board is None:
            return None
        attachments = self._view.full_card(doc, {"attachments": "true"})["attachments"]
        actions = self._view.actions(self._db.all("action", parent=doc["id"]), {"limit": 200})
        return Sheet(
            self._entry(board),
            _BoardCards(self._db, self._view, board).card(doc),
            [(each["name"], each["url"]) for each in attachments],
            [_event(each) for each in actions],
        )

    def _entry(self, board: Doc) -> Entry:
        cards = sum(not card["closed"] for card in self._db.all("card", scope=board["id"]))
        return Entry(board["name"], f"/b/{board['shortLink']}", board["closed"], cards)


class _BoardCards:
    """The cards of one board."""

    def __init__(self, db: Session, view: Views, board: Doc) -> None:
        self._db = db
        self._view = view
        self._board = board
        self._lists: dict[str, Doc] = {each["id"]: each for each in db.all("list", scope=board["id"])}
        self._members = {each["id"]: each for each in view.members(board, "all")}
        view.preload(board["id"])

    def board(self) -> Board:
        """The lists that are not archived with their cards, and the cards that are."""
        docs = sorted(self._db.all("card", scope=self._board["id"]), key=lambda doc: (doc["pos"], doc["id"]))
        cards = [(doc["idList"], self.card(doc)) for doc in docs]
        shown = sorted((d for d in self._lists.values() if not d["closed"]), key=lambda d: (d["pos"], d["id"]))
        return Board(
            name=self._board["name"],
            href=f"/b/{self._board['shortLink']}",
            closed=self._board["closed"],
            columns=[
                Column(d["id"], d["name"], [card for place, card in cards if place == d["id"] and not card.archived])
                for d in shown
            ],
            archived=[card for _, card in cards if card.archived],
        )

    def card(self, doc: Doc) -> Card:
        """One card."""
        shown = self._view.full_card(doc, {"checklists": "all"})
        parent = self._lists[doc["idList"]]
        body, token = harvest(doc["desc"])
        return Card(
            ref=doc["shortLink"],
            href=f"/c/{doc['shortLink']}",
            title=shown["name"],
            place=parent["name"],
            body=markup.render(body),
            marked=token is not None,
            archived=doc["closed"] or parent["closed"],
            due=Due.instant(doc["due"], self._db.now, done=doc["dueComplete"]) if doc["due"] else None,
            start=day(doc["start"]),
            labels=[Label(each["name"], _style(each["color"])) for each in shown["labels"]],
            people=[_person(self._members[each]) for each in doc["idMembers"] if each in self._members],
            checklists=[(each["name"], _lines(each)) for each in shown["checklists"]],
            comments=shown["badges"]["comments"],
            fields=custom.words(self._db, doc),
        )


def _style(colour: str | None) -> str:
    """The style of a label's colour: `yellow_dark` is `c-yellow shade-dark`."""
    hue, _, shade = (colour or "none").partition("_")
    return f"c-{hue} shade-{shade}" if shade else f"c-{hue}"


def _person(member: Doc) -> Person:
    return Person(member["fullName"], member["initials"])


def _lines(checklist: Doc) -> Sequence[Line]:
    return [Line(markup.inline(item["name"]), item["state"] == "complete") for item in checklist["checkItems"]]


def _event(action: Doc) -> Event:
    data = action["data"]
    author = action["memberCreator"] or {"fullName": "Somebody"}
    comment = markup.render(data["text"]) if action["type"] == "commentCard" else None
    return Event(author["fullName"], _what(action["type"], data), action["date"], comment)


def _what(kind: str, data: Doc) -> str:
    """What happened, in words."""
    if kind == "commentCard":
        return "wrote"
    if "listAfter" in data:
        return f"moved it from {data['listBefore']['name']} to {data['listAfter']['name']}"
    if kind == "createCard":
        return f"added it to {data['list']['name']}"
    if kind == "updateCheckItemStateOnCard":
        return f"{'ticked' if data['checkItem']['state'] == 'complete' else 'unticked'} {data['checkItem']['name']}"
    if "closed" in data.get("old", {}):
        return "archived it" if data["card"]["closed"] else "took it out of the archive"
    return f"changed {', '.join(sorted(data.get('old', {}))) or 'it'}"


SITE = Site(
    name="Trello",
    home="/trello",
    boards=("/b/<ref>", "/b/<ref>/<slug>"),
    cards=("/c/<ref>", "/c/<ref>/<slug>"),
    gallery=TrelloGallery,
)
