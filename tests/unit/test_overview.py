from __future__ import annotations

from datetime import date
from typing import Any

from mi_sync.model import Link, Seen
from mi_sync.overview import answer

TODAY = date(2026, 3, 10)


def link(key: str, *, archived_by_us: bool = False, **seen: Any) -> Link:
    shown = {"due": "2026-04-01", "assigned": True, **seen}
    return Link(
        key,
        f"id-{key}",
        f"https://t/{key}",
        "n",
        "owner",
        "step",
        f"Title {key}",
        {},
        (),
        (),
        archived_by_us,
        Seen(**shown),
    )


def asked(*links: Link) -> dict[str, list[str]]:
    answers = answer({"board": links}, {"owner": "Donor dashboard (AL)"}, TODAY)
    return {question: [line.key for line in lines] for question, lines in answers.items() if lines}


def test_dates_decide_what_is_late_and_what_comes() -> None:
    links = [link(day, due=f"2026-03-{day}") for day in ("09", "10", "17", "18")]
    assert asked(*links) == {"overdue": ["09"], "due_in_7_days": ["10", "17"]}


def test_what_is_missing() -> None:
    assert asked(link("a", due=None), link("b", assigned=False)) == {"no_date": ["a"], "no_owner": ["b"]}


def test_done_and_archived_items_ask_for_nothing() -> None:
    late: dict[str, Any] = {"due": "2026-01-01", "assigned": False}
    assert asked(link("a", done=True, **late), link("b", archived=True, archived_by_us=True, **late)) == {}


def test_what_a_person_archived_or_deleted_is_dismissed_and_nothing_else() -> None:
    late: dict[str, Any] = {"due": "2026-01-01", "assigned": False}
    assert asked(link("a", archived=True, **late), link("b", gone=True, **late)) == {"dismissed": ["a", "b"]}


def test_conflicts_name_their_fields_even_on_done_items() -> None:
    (line,) = answer({"board": [link("a", done=True, conflicts=("body",))]}, {}, TODAY)["conflicts"]
    assert (line.fields, line.url, line.engagement) == (("body",), "https://t/a", "")
