"""The manager's questions, answered from what the last run saw: pure, for `status` and everything that reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from mi_sync.model import Link

SOON = timedelta(days=7)

QUESTIONS: Mapping[str, str] = {
    "overdue": "Overdue",
    "due_in_7_days": "Due within seven days",
    "no_date": "No date",
    "no_owner": "No owner",
    "dismissed": "Dismissed by a person, never made again (apply --recreate KEY brings one back)",
    "conflicts": "Changed on both sides",
}
"""The questions, in their order, with their headings."""


@dataclass(frozen=True, slots=True)
class Line:
    """One item in an answer. `fields` are those in conflict."""

    target: str
    key: str
    title: str
    engagement: str
    due: str | None
    url: str
    fields: tuple[str, ...] = ()


def answer(
    links: Mapping[str, Iterable[Link]], engagements: Mapping[str, str], today: date
) -> dict[str, tuple[Line, ...]]:
    """The answers, each by due date; an item may be in several.

    Args:
        links: of each target.
        engagements: owner's key → what people call it.
        today: the local date in the programme's timezone.
    """
    found: dict[str, list[Line]] = {question: [] for question in QUESTIONS}
    for target, of_target in links.items():
        for link in of_target:
            for question in _questions(link, today):
                found[question].append(_line(target, link, engagements))
    return {
        question: tuple(sorted(lines, key=lambda it: (it.due or "", it.engagement, it.title)))
        for question, lines in found.items()
    }


def _questions(link: Link, today: date) -> Iterable[str]:
    seen = link.seen
    if seen.gone or (seen.archived and not link.archived):
        yield "dismissed"
        return
    if seen.conflicts:
        yield "conflicts"
    if seen.done or seen.archived:
        return
    due = date.fromisoformat(seen.due) if seen.due else None
    if due is None:
        yield "no_date"
    elif due < today:
        yield "overdue"
    elif due <= today + SOON:
        yield "due_in_7_days"
    if not seen.assigned:
        yield "no_owner"


def _line(target: str, link: Link, engagements: Mapping[str, str]) -> Line:
    engagement = engagements.get(link.owner, "")
    return Line(target, link.key, link.title, engagement, link.seen.due, link.url, link.seen.conflicts)
