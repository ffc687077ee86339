"""The pages for a browser: all boards, one board, one card. They show; they change nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, g, jsonify, render_template, request
from markupsafe import Markup

from mi_sync.connector import harvest
from mi_sync_trello.sandbox import markup
from mi_sync_trello.sandbox.store import Doc, Session, Store
from mi_sync_trello.sandbox.views import Views

SOON_DAYS = 2
"""A due date is marked as near from this many days before."""


# ------------------------------------------------------------------------------------- what is shown


@dataclass(frozen=True, slots=True)
class Due:
    """A due date on a card; `state` is done, overdue, soon or later."""

    at: datetime
    state: str

    @property
    def text(self) -> str:
        """In UTC; the page's script shows it in the reader's own time zone."""
        return f"{self.at.day} {self.at:%b %Y, %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a checklist."""

    text: Markup
    done: bool


@dataclass(frozen=True, slots=True)
class CardView:
    """A card as the pages show it.

    Attributes:
        doc: the card as the API shows it.
        list_name: where it lies.
        archived: itself, or with its list.
        body: the description as HTML, without the marker.
        marked: whether mi-sync's marker stands in it.
        due: when it is due.
        start: the day on which it starts.
        members: those who are on it, as the API shows them.
        checklists: name and lines of each.
    """

    doc: Doc
    list_name: str
    archived: bool
    body: Markup
    marked: bool
    due: Due | None
    start: str
    members: Sequence[Doc]
    checklists: Sequence[tuple[str, Sequence[Line]]]

    @property
    def lines(self) -> int:
        """How many lines all its checklists have."""
        return sum(len(lines) for _, lines in self.checklists)

    @property
    def ticked(self) -> int:
        """How many of them are done."""
        return sum(line.done for _, lines in self.checklists for line in lines)


def due_of(doc: Doc, now: datetime) -> Due | None:
    """A card's due date, judged at `now`."""
    if doc["due"] is None:
        return None
    at = datetime.fromisoformat(doc["due"]).astimezone(UTC)
    if doc["dueComplete"]:
        return Due(at, "done")
    if at < now:
        return Due(at, "overdue")
    return Due(at, "soon" if (at - now).days < SOON_DAYS else "later")


def _day(stamp: str | None) -> str:
    if stamp is None:
        return ""
    at = datetime.fromisoformat(stamp).astimezone(UTC)
    return f"{at.day} {at:%b %Y}"


class _Gallery:
    """The cards of one board."""

    def __init__(self, db: Session, view: Views, board: Doc) -> None:
        self._now = db.now
        self._view = view
        self._lists: dict[str, Doc] = {each["id"]: each for each in db.all("list", board=board["id"])}
        self._members = {each["id"]: each for each in view.members(board, "all")}
        view.preload(board["id"])

    def lists(self) -> Sequence[Doc]:
        """The lists that are not archived, in their order."""
        return sorted((d for d in self._lists.values() if not d["closed"]), key=lambda d: (d["pos"], d["id"]))

    def card(self, doc: Doc) -> CardView:
        """One card."""
        shown = self._view.full_card(doc, {"checklists": "all"})
        parent = self._lists[doc["idList"]]
        body, token = harvest(doc["desc"])
        return CardView(
            doc=shown,
            list_name=parent["name"],
            archived=doc["closed"] or parent["closed"],
            body=markup.render(body),
            marked=token is not None,
            due=due_of(doc, self._now),
            start=_day(doc["start"]),
            members=[self._members[each] for each in doc["idMembers"] if each in self._members],
            checklists=[(each["name"], _lines(each)) for each in shown["checklists"]],
        )


def _lines(checklist: Doc) -> Sequence[Line]:
    return [Line(markup.inline(item["name"]), item["state"] == "complete") for item in checklist["checkItems"]]


# --------------------------------------------------------------------------------------------- routes


def blueprint(store: Store) -> Blueprint:
    """The pages of the boards of a store."""
    made = Blueprint("pages", __name__, template_folder="templates")
    made.before_request(_before)
    made.after_request(_after)
    show = _Pages(store)
    made.add_url_rule("/trello", view_func=show.boards, strict_slashes=False)
    made.add_url_rule("/trello/version", view_func=show.version)
    made.add_url_rule("/b/<short>", view_func=show.board)
    made.add_url_rule("/b/<short>/<slug>", view_func=show.board)
    made.add_url_rule("/c/<short>", view_func=show.card)
    made.add_url_rule("/c/<short>/<slug>", view_func=show.card)
    return made


def _before() -> None:
    g.nonce = secrets.token_urlsafe(16)


def _after(reply: Response) -> Response:
    """Nothing from elsewhere, and no script or style but the page's own."""
    own = f"'nonce-{g.nonce}'"
    reply.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src {own}; style-src {own}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    reply.headers["X-Content-Type-Options"] = "nosniff"
    reply.headers["Referrer-Policy"] = "no-referrer"
    reply.headers["Cache-Control"] = "no-store"
    return reply


class _Pages:
    """The views."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @contextmanager
    def _open(self) -> Iterator[tuple[Session, Views]]:
        with self._store.transaction() as db:
            yield db, Views(db, request.host_url)

    def version(self) -> Response:
        """What changes when a page would look different: with the content, and each minute for due dates."""
        with self._open() as (db, _):
            return jsonify(version=_version(db))

    def boards(self) -> str:
        """All boards, with how many open cards each has."""
        with self._open() as (db, _):
            counted = [(b, sum(not c["closed"] for c in db.all("card", board=b["id"]))) for b in db.all("board")]
            return render_template("boards.html", boards=counted, version=_version(db))

    def board(self, short: str, slug: str = "") -> str:
        """One board."""
        del slug
        with self._open() as (db, view):
            board = _found(db, "board", short)
            return render_template("board.html", **_board_context(db, view, board))

    def card(self, short: str, slug: str = "") -> str:
        """One card, with what was said and done."""
        del slug
        with self._open() as (db, view):
            doc = _found(db, "card", short)
            board = _found(db, "board", doc["idBoard"])
            card = _Gallery(db, view, board).card(doc)
            history = [_event(each) for each in view.actions(db.all("action", parent=doc["id"]), {"limit": 200})]
            attachments = view.full_card(doc, {"attachments": "true"})["attachments"]
            return render_template(
                "card.html", board=board, card=card, history=history, attachments=attachments, version=_version(db)
            )


def _version(db: Session) -> str:
    return f"{db.version()}.{int(db.now.timestamp()) // 60}"


def _found(db: Session, kind: str, short: str) -> Doc:
    return db.get(kind, short) or abort(404)


def _board_context(db: Session, view: Views, board: Doc) -> Mapping[str, Any]:
    gallery = _Gallery(db, view, board)
    docs = sorted(db.all("card", board=board["id"]), key=lambda doc: (doc["pos"], doc["id"]))
    cards = [gallery.card(doc) for doc in docs]
    shown = [card for card in cards if not card.archived]
    columns = [(each, [card for card in shown if card.doc["idList"] == each["id"]]) for each in gallery.lists()]
    states = [card.due.state if card.due else "none" for card in shown]
    return {
        "board": board,
        "columns": columns,
        "archived": [card for card in cards if card.archived],
        "open": len(shown),
        "counts": {state: states.count(state) for state in ("overdue", "soon", "done")},
        "version": _version(db),
    }


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a card."""

    who: str
    what: str
    at: str
    comment: Markup | None


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
