"""The `Board` protocol over Corkboard's API, which `sandbox` describes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from mi_sync.connector import Context, harvest, plant
from mi_sync.errors import NotFound
from mi_sync.http import Http, Window
from mi_sync.model import BoardIdentity, Children, Member, Patch, Remote, Snapshot
from mi_sync.unmarked import Named, Names
from mi_sync_corkboard import CAPABILITIES, CorkboardConfig
from mi_sync_corkboard.text import plain

_FIELDS: Mapping[str, str] = {"title": "title", "done": "done", "archived": "archived", "assignee": "person"}
"""What is written as it is, by the name that Corkboard has for it."""


class CorkboardBoard:
    """One board of Corkboard."""

    capabilities = CAPABILITIES

    def __init__(self, settings: CorkboardConfig, context: Context) -> None:
        token = context.header_secret("token")
        self._home = f"/boards/{settings.board}"
        self._now, self._timezone = context.wire.now, context.timezone
        self._http = Http(
            settings.api_url,
            headers={"Authorization": f"Bearer {token}"},
            secrets=[token],
            wire=context.wire,
            window=Window(limit=50, seconds=10),
            name="Corkboard",
        )
        self._columns = Names("column", self._listed_columns, self._made_column, self._now)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._http.requests

    def normal_body(self, body: str) -> str:
        """The body as plain text."""
        return plain(body)

    # -- reading ------------------------------------------------------------------------------------

    def identity(self) -> BoardIdentity:
        """Which board this is."""
        return _identity(self._http.get(self._home))

    def snapshot(self) -> Snapshot:
        """The board, and all its notes page by page."""
        board = self._http.get(self._home)
        self._columns.take(_columns(board))
        return Snapshot(
            board=_identity(board),
            taken_at=self._now(),
            remotes=tuple(self._all()),
            lists=tuple(board["columns"]),
            members=tuple(Member(it["id"], name=it["name"], email=it["email"]) for it in board["people"]),
        )

    def newest(self) -> Sequence[Remote]:
        """The first page of the notes."""
        return self._page()

    def read(self, id: str) -> Remote | None:  # noqa: A002  the protocol's name
        """One note; None when it was taken down."""
        try:
            return _remote(self._http.get(f"{self._home}/notes/{id}"))
        except NotFound:
            return None

    def _all(self) -> Iterator[Remote]:
        """Every note, newest first. Any page may be a short one, so that only an empty one is the last."""
        page = self._page()
        while page:
            yield from page
            page = self._page(before=page[-1].id)

    def _page(self, **before: str) -> Sequence[Remote]:
        return [_remote(note) for note in self._http.get(f"{self._home}/notes", **before)]

    # -- writing ------------------------------------------------------------------------------------

    def merge(self, patch: Patch) -> Remote:
        """One call for the note, and one before it for a missing column."""
        note, notes = self._note(patch), f"{self._home}/notes"
        return _remote(self._http.put(f"{notes}/{patch.id}", note) if patch.id else self._http.post(notes, note))

    def merge_children(self, remote: Remote, children: Children) -> None:
        """A note has neither labels nor a checklist."""

    def _note(self, patch: Patch) -> dict[str, Any]:
        """What is sent: the fields that a note has and that the patch gives, and the text with its marker."""
        given: dict[str, Any] = {**patch.fields}
        note = {theirs: given[ours] for ours, theirs in _FIELDS.items() if ours in given}
        # A body that we do not change is a person's text perhaps, and nothing is taken off that.
        note["text"] = plant(plain(patch.body) if "body" in given else patch.body, patch.marker)
        if "due" in given:
            note["due"] = self._day(given["due"])
        if "list" in given:
            note["column"] = self._columns.ensure(given["list"])
        return note

    def _day(self, due: datetime | date | None) -> str | None:
        day = due.astimezone(self._timezone).date() if isinstance(due, datetime) else due
        return day.isoformat() if day else None

    def _listed_columns(self) -> list[Named]:
        return _columns(self._http.get(self._home))

    def _made_column(self, name: str) -> Named:
        self._http.post(f"{self._home}/columns", {"name": name})
        return Named(name, name)


# ---------------------------------------------------------------------------------- what replies say


def _identity(board: Mapping[str, Any]) -> BoardIdentity:
    return BoardIdentity(board["id"], board["name"], board["url"])


def _columns(board: Mapping[str, Any]) -> list[Named]:
    """A column has no id but its name."""
    return [Named(name, name, place=place) for place, name in enumerate(board["columns"])]


def _remote(note: Mapping[str, Any]) -> Remote:
    body, marker = harvest(note["text"])
    return Remote(
        id=note["id"],
        url=note["url"],
        title=note["title"],
        body=body,
        marker=marker,
        due=date.fromisoformat(note["due"]) if note["due"] else None,
        done=note["done"],
        archived=note["archived"],
        list=note["column"],
        assignees=(note["person"],) if note["person"] else (),
    )
