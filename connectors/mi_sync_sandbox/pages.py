"""The pages for a browser: all boards, one board, one card. They show; they change nothing.

A tool's sandbox says in these nouns what there is; how it looks is the same for every tool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, Protocol

from flask import Blueprint, Response, abort, jsonify, render_template
from markupsafe import Markup

from mi_sync_sandbox.dress import dressed
from mi_sync_sandbox.store import Session, Store

SOON_DAYS = 2
"""A due date is marked as near from this many days before."""


# ------------------------------------------------------------------------------------- what is shown


@dataclass(frozen=True, slots=True)
class Due:
    """When a card is due.

    Attributes:
        text: in UTC, or a day alone.
        stamp: the same in ISO 8601; of an instant, the page's script shows the reader's own time.
        state: done, overdue, soon or later.
    """

    text: str
    stamp: str
    state: str

    @staticmethod
    def instant(stamp: str, now: datetime, *, done: bool) -> Due:
        """An instant, judged at `now`."""
        at = datetime.fromisoformat(stamp).astimezone(UTC)
        near = "soon" if (at - now).days < SOON_DAYS else "later"
        state = "done" if done else "overdue" if at < now else near
        return Due(f"{at.day} {at:%b %Y, %H:%M} UTC", at.isoformat(), state)

    @staticmethod
    def day(text: str, today: date, *, done: bool) -> Due:
        """A day without a time, judged on the day `today`."""
        left = (date.fromisoformat(text) - today).days
        state = "done" if done else "overdue" if left < 0 else "soon" if left < SOON_DAYS else "later"
        return Due(*day(text), state)


class Day(NamedTuple):
    """A day, as people write it and as machines do; both empty for none."""

    text: str = ""
    stamp: str = ""


NO_DAY = Day()


def day(text: str | None) -> Day:
    """The day of a date or an instant in UTC."""
    if text is None:
        return NO_DAY
    at = datetime.fromisoformat(text)
    at = at.astimezone(UTC) if at.tzinfo else at
    return Day(f"{at.day} {at:%b %Y}", at.date().isoformat())


@dataclass(frozen=True, slots=True)
class Label:
    """A label or tag; `style` names its colour in the style sheet."""

    name: str
    style: str = "c-none"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is on a card."""

    name: str
    initials: str

    @property
    def hue(self) -> int:
        """Which of the style sheet's colours is theirs; the same for a name everywhere."""
        return sum(map(ord, self.name)) % 6


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a checklist, or a subtask."""

    text: Markup
    done: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A card or task.

    Attributes:
        ref: its id in the page.
        href: the path of its own page.
        title: its name; may be empty.
        place: the list or section that it lies in.
        body: the description as HTML, without the marker.
        marked: whether mi-sync's marker stands in it.
        kind: what it is, if it is more than a card: `milestone`.
        done: whether it is done, where that is not a matter of its due date.
        archived: itself, or with its list.
        due: when it is due.
        start: the day on which it starts.
        labels: what it wears.
        people: those who are on it.
        checklists: name and lines of each.
        comments: how many.
        fields: name and value of each custom field that is filled.
    """

    ref: str
    href: str
    title: str
    place: str
    body: Markup
    marked: bool
    kind: str = ""
    done: bool = False
    archived: bool = False
    due: Due | None = None
    start: Day = NO_DAY
    labels: Sequence[Label] = ()
    people: Sequence[Person] = ()
    checklists: Sequence[tuple[str, Sequence[Line]]] = ()
    comments: int = 0
    fields: Sequence[tuple[str, str]] = ()

    @property
    def lines(self) -> int:
        """How many lines all its checklists have."""
        return sum(len(lines) for _, lines in self.checklists)

    @property
    def ticked(self) -> int:
        """How many of them are done."""
        return sum(line.done for _, lines in self.checklists for line in lines)


@dataclass(frozen=True, slots=True)
class Column:
    """A list or section, with its cards in their order."""

    ref: str
    name: str
    cards: Sequence[Card]


@dataclass(frozen=True, slots=True)
class Board:
    """A board or project; `archived` are the cards that no column shows."""

    name: str
    href: str
    closed: bool
    columns: Sequence[Column]
    archived: Sequence[Card] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the index: a board, and how many open cards it has."""

    name: str
    href: str
    closed: bool
    cards: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a card."""

    who: str
    what: str
    at: str
    comment: Markup | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One card by itself: where it lies, what hangs on it as (name, address), and what happened to it."""

    board: Entry
    card: Card
    attachments: Sequence[tuple[str, str]]
    history: Sequence[Event]


class Gallery(Protocol):
    """What a tool's sandbox shows, in one transaction."""

    def index(self) -> Sequence[Entry]:
        """All boards."""
        ...

    def board(self, ref: str) -> Board | None:
        """One board, by what its address names it."""
        ...

    def card(self, ref: str) -> Sheet | None:
        """One card, by what its address names it."""
        ...


# --------------------------------------------------------------------------------------------- routes


@dataclass(frozen=True, slots=True)
class Site:
    """Where a tool's pages lie.

    Attributes:
        name: the tool's, for people.
        home: the path of the index, such as /trello; `home`/version tells watching pages of a change.
        boards: the routes of a board, with `<ref>`.
        cards: the routes of a card, with `<ref>`.
        gallery: shows what a transaction sees.
    """

    name: str
    home: str
    boards: Sequence[str]
    cards: Sequence[str]
    gallery: Callable[[Session], Gallery]


def blueprint(store: Store, site: Site) -> Blueprint:
    """The pages of the boards of a store."""
    made = dressed(Blueprint("pages", __name__, template_folder="templates"))
    show = _Pages(store, site)
    made.add_url_rule(site.home, view_func=show.boards, strict_slashes=False)
    made.add_url_rule(f"{site.home}/version", view_func=show.version)
    for rule in site.boards:
        made.add_url_rule(rule, view_func=show.board)
    for rule in site.cards:
        made.add_url_rule(rule, view_func=show.card)
    return made


class _Pages:
    """The views."""

    def __init__(self, store: Store, site: Site) -> None:
        self._store = store
        self._site = site

    @contextmanager
    def _open(self) -> Iterator[tuple[Session, Gallery]]:
        with self._store.transaction() as db:
            yield db, self._site.gallery(db)

    def version(self) -> Response:
        """What changes when a page would look different: with the content, and each minute for due dates."""
        with self._store.transaction() as db:
            return jsonify(version=_version(db))

    def boards(self) -> str:
        """All boards, with how many open cards each has."""
        with self._open() as (db, gallery):
            return self._render("boards.html", db, boards=gallery.index())

    def board(self, ref: str, **_: str) -> str:
        """One board."""
        with self._open() as (db, gallery):
            board = gallery.board(ref) or abort(404)
            return self._render("board.html", db, board=board, **_counts(board))

    def card(self, ref: str, **_: str) -> str:
        """One card, with what was said and done."""
        with self._open() as (db, gallery):
            sheet = gallery.card(ref) or abort(404)
            return self._render("card.html", db, sheet=sheet, card=sheet.card)

    def _render(self, template: str, db: Session, **shown: Any) -> str:  # noqa: ANN401  what a template shows
        return render_template(
            template, tool=self._site, version=_version(db), watch=f"{self._site.home}/version", **shown
        )


def _version(db: Session) -> str:
    return f"{db.version()}.{int(db.now.timestamp()) // 60}"


def _counts(board: Board) -> Mapping[str, Any]:
    cards = [card for column in board.columns for card in column.cards]
    states = ["done" if card.done else card.due.state if card.due else "none" for card in cards]
    return {"open": len(cards), "counts": {state: states.count(state) for state in ("overdue", "soon", "done")}}
