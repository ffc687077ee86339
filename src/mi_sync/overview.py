"""The manager's questions, answered from what the last run saw: pure, for `status` and everything that reports.

What people do on a board (done, due date, assignee, list) is part of a milestone's record. Where an item stands on
several boards, one of them counts: the one that `progress_from` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

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

MilestoneState = Literal["open", "done", "archived", "dismissed"]


@dataclass(frozen=True, slots=True)
class Milestone:
    """An item's record: what the records made of it, and what people have made of it on a board since.

    Attributes:
        key, step: of the item.
        owner: the key of the application or posting that it belongs to; `engagement` is what people call that.
        target, url: the board that counts, and the item there.
        state: archived is what we archived; dismissed, what a person did.
        due: the day, as on the board.
        list, assignees: as on the board, by name.
        conflicts: the fields that both sides changed.
    """

    key: str
    step: str
    owner: str
    engagement: str
    target: str
    title: str
    url: str
    state: MilestoneState
    due: str | None
    list: str
    assignees: tuple[str, ...]
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one engagement, or one posting of its own, has come."""

    engagement: str
    done: int
    open: int
    overdue: int
    next: Milestone | None


def milestones(
    links: Mapping[str, Iterable[Link]], engagements: Mapping[str, str], progress_from: str
) -> Sequence[Milestone]:
    """Each milestone once, from the board that counts, else from the first that has it; by engagement and due date.

    Args:
        links: of each target.
        engagements: owner's key → what people call it.
        progress_from: the target that counts.
    """
    found: dict[str, Milestone] = {}
    for target in sorted(links, key=lambda name: name != progress_from):
        for link in links[target]:
            found.setdefault(link.key, _milestone(target, link, engagements))
    return sorted(found.values(), key=lambda it: (it.engagement, it.owner, it.due or "9999", it.title, it.key))


def answer(
    links: Mapping[str, Iterable[Link]], engagements: Mapping[str, str], today: date, progress_from: str
) -> dict[str, tuple[Milestone, ...]]:
    """The answers, each by due date; an item may be in several.

    What is dismissed or in conflict is told for each board; `today` is the local date in the programme's timezone.
    """
    found: dict[str, list[Milestone]] = {question: [] for question in QUESTIONS}
    for it in milestones(links, engagements, progress_from):
        for question in _questions(it, today):
            found[question].append(it)
    for target, of_target in links.items():
        for it in (_milestone(target, link, engagements) for link in of_target):
            if it.state == "dismissed":
                found["dismissed"].append(it)
            elif it.conflicts:
                found["conflicts"].append(it)
    return {
        question: tuple(sorted(lines, key=lambda it: (it.due or "", it.engagement, it.title, it.target)))
        for question, lines in found.items()
    }


def progress(found: Iterable[Milestone], today: date) -> Sequence[Progress]:
    """How far each engagement has come, in the order of the milestones."""
    by_engagement: dict[tuple[str, str], list[Milestone]] = {}
    for it in found:
        by_engagement.setdefault((it.engagement, it.owner), []).append(it)
    return [_progress(engagement, each, today) for (engagement, _), each in by_engagement.items()]


def _progress(engagement: str, found: Sequence[Milestone], today: date) -> Progress:
    open_ = [it for it in found if it.state == "open"]
    return Progress(
        engagement=engagement,
        done=sum(it.state == "done" for it in found),
        open=len(open_),
        overdue=sum("overdue" in _questions(it, today) for it in open_),
        next=min((it for it in open_ if it.due), key=lambda it: (it.due or "", it.title), default=None),
    )


def _milestone(target: str, link: Link, engagements: Mapping[str, str]) -> Milestone:
    seen = link.seen
    return Milestone(
        key=link.key,
        step=link.step,
        owner=link.owner,
        engagement=engagements.get(link.owner, ""),
        target=target,
        title=link.title,
        url=link.url,
        state=_state(link),
        due=seen.due,
        list=seen.list,
        assignees=seen.assignees,
        conflicts=seen.conflicts,
    )


def _state(link: Link) -> MilestoneState:
    if link.seen.gone or (link.seen.archived and not link.archived):
        return "dismissed"
    if link.archived and (link.seen.archived or link.seen.done):
        return "archived"  # on some boards completed, too, which is no work done
    return "done" if link.seen.done else "open"


def _questions(it: Milestone, today: date) -> Iterable[str]:
    if it.state != "open":
        return
    due = date.fromisoformat(it.due) if it.due else None
    if due is None:
        yield "no_date"
    elif due < today:
        yield "overdue"
    elif due <= today + SOON:
        yield "due_in_7_days"
    if not it.assignees:
        yield "no_owner"
