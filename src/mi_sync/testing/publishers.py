"""The contract of `Publisher` as checks, and the lab that they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Protocol

from mi_sync.connector import Publisher, View
from mi_sync.testing.suite import expect, failures, named, report, same


class PublisherLab(Protocol):
    """A publisher, aimed at something that the lab can look at.

    `view` is the name of a view of milestones that the publisher shows.
    """

    view: str

    def open(self) -> Publisher:
        """A new publisher on the same place."""
        ...

    def published(self) -> str:
        """Everything that stands there now, as text."""
        ...

    def writes(self) -> int:
        """How many times something was written there."""
        ...


PublisherCheck = Callable[[PublisherLab], None]


def _view(lab: PublisherLab, *titles: str, hour: int = 9) -> View:
    """Milestones of these titles, as `mi_sync.views` makes them."""
    rows = tuple(_row(title) for title in titles)
    return View("Spring", datetime(2026, 3, 2, hour, 0, tzinfo=UTC), rows, lab.view, tuple(_row("")))


def _row(title: str) -> dict[str, Any]:
    return {
        "question": "overdue", "key": title.casefold(), "engagement": "e", "posting": "Donor dashboard",
        "organization": None, "intern": "AL", "step": title.casefold(), "title": title, "body": "", "state": "open",
        "late": False, "start": None, "due": date(2026, 3, 6), "list": "To do", "owner": True,
        "url": "https://board.example.org/1", "meeting_url": None,
    }  # fmt: skip


def views_are_published(lab: PublisherLab) -> None:
    """`publish` shows every row of the view, and is True when that changed something."""
    same(lab.open().publish(_view(lab, "Kickoff", "Midpoint")), True, "publish() of a new view")
    expect("Kickoff" in lab.published() and "Midpoint" in lab.published(), "a row of the view is not published")


def same_view_is_published_once(lab: PublisherLab) -> None:
    """The same rows twice publish once, whoever publishes them and when; the second time `publish` is False."""
    lab.open().publish(_view(lab, "Kickoff"))
    before = lab.writes()
    same(lab.open().publish(_view(lab, "Kickoff", hour=10)), False, "publish() of the same rows, an hour later")
    same(lab.writes() - before, 0, "writes for the same view")


def changed_view_is_published(lab: PublisherLab) -> None:
    """A changed view takes the place of the former one, and only the view is there."""
    lab.open().publish(_view(lab, "Kickoff", "Midpoint"))
    same(lab.open().publish(_view(lab, "Midpoint", "Final")), True, "publish() of a changed view")
    shown = lab.published()
    same([name in shown for name in ("Kickoff", "Midpoint", "Final")], [False, True, True], "what is shown")


def empty_view_is_published(lab: PublisherLab) -> None:
    """A view without rows takes the place of the former one, too."""
    lab.open().publish(_view(lab, "Midpoint"))
    same(lab.open().publish(_view(lab)), True, "publish() of a view without rows")
    expect("Midpoint" not in lab.published(), "a row that is gone from the view is still published")


PUBLISHER_CHECKS: Mapping[str, PublisherCheck] = named(
    views_are_published, same_view_is_published_once, changed_view_is_published, empty_view_is_published
)
"""The contract of `Publisher`, clause by clause."""


def check_publisher(lab: Callable[[], PublisherLab]) -> None:
    """Holds a publisher against the contract, as `check_board`."""
    report(failures(PUBLISHER_CHECKS, lab))
