"""What publishers render: the programme as rows, of which each holds only what its target may see. Pure.

A view is the same for the same records and the same progress, whoever asks for it and when; what happened in between on
the boards has been looked at by the run before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal, get_args

from mi_sync.model import Applicant, Counts, Engagement, Feedback, Item, Posting, Privacy, privacy_of
from mi_sync.overview import SOON, Milestone

ViewName = Literal["milestones", "engagements", "postings", "feedback", "outlook", "news"]

VIEWS: tuple[ViewName, ...] = get_args(ViewName)
"""The views in their order."""

Row = dict[str, Any]

_MILESTONE = (
    "key", "engagement", "posting", "organization", "intern", "step", "title", "body", "state", "late", "start", "due",
    "list", "owner", "url", "meeting_url",
)  # fmt: skip
_POSTING = ("posting_id", "posting", "organization", "goal", "category")
_PERSON = ("name", "email", "school", "channel")
_COURSE = ("status", "starts_on", "ends_on", "done", "open", "late", "next", "next_due")
_JUDGED = ("rating_by_supervisor", "rating_by_intern", "would_engage_again")
_APPLICATIONS = (
    "status", "openings", "applications", "in_review", "engaged", "places", "apply_by", "starts_on", "ends_on", "url",
)  # fmt: skip
_NEWS = ("key", "target", "action", "title", "posting", "intern", "due", "url")
_FEEDBACK = ("kind", "by", "submitted_at", "rating", "would_engage_again", "comments")


PROGRESS = ("intern", *_COURSE, *_JUDGED)
"""How far an engagement has come and how it was judged, besides what an export says of it: columns of `engagements`."""


@dataclass(frozen=True)
class Material:
    """What the views of one target are made from.

    Attributes:
        engagements: with their labels.
        postings: each with the counts of its applications.
        items: the milestones' items as this target gets them, by key.
        progress: the milestones as people left them on the board that counts, by key.
        allow: what the target may see.
        today: in the programme's timezone.
        news: what the run changed: (target, key of the item, action, address).
    """

    engagements: Sequence[Engagement]
    postings: Sequence[tuple[Posting, Counts]]
    items: Mapping[str, Item]
    progress: Mapping[str, Milestone]
    allow: frozenset[Privacy]
    today: date
    news: Sequence[tuple[str, str, str, str]] = ()

    def columns(self, view: ViewName) -> Sequence[str]:
        """What each row of a view holds, also when there is none."""
        person = ("intern", *(name for name in _PERSON if self.allows(Applicant, name)))
        return {
            "milestones": _MILESTONE,
            "engagements": ("key", *_POSTING, *person, *_COURSE, *(_JUDGED if self.allows(Feedback, "rating") else ())),
            "postings": ("key", *_POSTING, *_APPLICATIONS),
            "feedback": ("key", *_POSTING, "intern", *(name for name in _FEEDBACK if self.allows(Feedback, name))),
            "outlook": ("question", *_MILESTONE),
            "news": _NEWS,
        }[view]

    @cached_property
    def milestones(self) -> Sequence[Row]:
        """One row for each item, by due date, of which most views are made: made once for all of them."""
        return tuple(_milestones(self))

    def rows(self, view: ViewName) -> Sequence[Row]:
        """The rows of one view."""
        return tuple(_BUILDERS[view](self))

    def allows(self, record: type, name: str) -> bool:
        """Whether the target may see a record's field."""
        return privacy_of(record, name) in self.allow


def _milestones(it: Material) -> Iterable[Row]:
    """One for each item, by due date; what people set on the board stands for what the records say."""
    owners = {each.application.key: each for each in it.engagements}
    postings = {posting.key: posting for posting, _ in it.postings}
    rows = [_milestone(it, item, owners.get(item.owner), postings) for item in it.items.values()]
    return sorted(rows, key=lambda row: (str(row["due"] or "9999"), row["posting"] or "", row["title"], row["key"]))


def _milestone(it: Material, item: Item, engagement: Engagement | None, postings: Mapping[str, Posting]) -> Row:
    posting = engagement.posting if engagement else postings.get(item.owner)
    seen = it.progress.get(item.key)
    state = seen.state if seen else ("done" if item.done else "open")
    due = _due(item, seen)
    return {
        "key": item.key,
        "engagement": item.owner if engagement else None,
        "posting": posting.title if posting else None,
        "organization": posting.organization if posting else None,
        "intern": engagement.applicant.label if engagement else None,
        "step": item.step,
        "title": item.title,
        "body": item.body,
        "state": state,
        "late": state == "open" and due is not None and _day(due) < it.today,
        "start": item.start,
        "due": due,
        "list": seen.list if seen else item.list,
        "owner": bool(seen.assignees) if seen else bool(item.assignee),
        "url": seen.url if seen else None,
        "meeting_url": posting.meeting_url if posting else None,
    }


def _due(item: Item, seen: Milestone | None) -> date | datetime | None:
    """As it stands on the board; with our time of the day where that is our day."""
    if seen is None:
        return item.due
    day = date.fromisoformat(seen.due) if seen.due else None
    return item.due if day == item.due_on else day


def _day(due: date | datetime) -> date:
    return due.date() if isinstance(due, datetime) else due


def _engagements(it: Material) -> Iterable[Row]:
    """One for each engagement: how far it has come, and how it was judged."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in it.milestones:
        found[row["engagement"]].append(row)
    for each in it.engagements:
        mine = found[each.application.key]
        open_ = [row for row in mine if row["state"] == "open"]
        following = next((row for row in open_ if row["due"]), None)
        yield {
            "key": each.application.key,
            **_of_posting(each.posting),
            **_of_person(it, each),
            "status": each.application.status,
            "starts_on": each.application.starts_on or each.posting.starts_on,
            "ends_on": each.application.ends_on or each.posting.ends_on,
            "done": sum(row["state"] == "done" for row in mine),
            "open": len(open_),
            "late": sum(row["late"] for row in mine),
            "next": following["title"] if following else None,
            "next_due": _day(following["due"]) if following else None,
            **_judged(it, each.feedback),
        }


def _of_posting(posting: Posting) -> Row:
    return {
        "posting_id": posting.id,
        "posting": posting.title,
        "organization": posting.organization,
        "goal": posting.goal,
        "category": posting.category,
    }


def _of_person(it: Material, engagement: Engagement) -> Row:
    """Who it is, as far as the target may know; a field that it may not see is no column."""
    person = engagement.applicant
    shown = {name: getattr(person, name) for name in _PERSON if it.allows(Applicant, name)}
    return {"intern": person.label, **shown}


def _judged(it: Material, feedback: Iterable[Feedback]) -> Row:
    """The last word of either side, where the target may see evaluations."""
    if not it.allows(Feedback, "rating"):
        return {}
    last = {each.by: each for each in sorted(feedback, key=lambda each: str(each.submitted_at or ""))}
    supervisor, intern = last.get("supervisor"), last.get("intern")
    return {
        "rating_by_supervisor": supervisor.rating if supervisor else None,
        "rating_by_intern": intern.rating if intern else None,
        "would_engage_again": supervisor.would_engage_again if supervisor else None,
    }


def _postings(it: Material) -> Iterable[Row]:
    """One for each posting, with how many applied, and no name."""
    for posting, counts in it.postings:
        yield {
            "key": posting.key,
            **_of_posting(posting),
            "status": posting.status,
            "openings": posting.openings,
            "applications": counts.applications,
            "in_review": counts.in_review,
            "engaged": counts.engaged,
            "places": counts.places,
            "apply_by": posting.apply_by,
            "starts_on": posting.starts_on,
            "ends_on": posting.ends_on,
            "url": posting.url,
        }


def _feedback(it: Material) -> Iterable[Row]:
    """One for each evaluation, with what of it the target may see."""
    shown = [name for name in _FEEDBACK if it.allows(Feedback, name)]
    for each in it.engagements:
        for said in each.feedback:
            yield {
                "key": said.key,
                **_of_posting(each.posting),
                "intern": each.applicant.label,
                **{name: getattr(said, name) for name in shown},
            }


def _outlook(it: Material) -> Iterable[Row]:
    """What needs an eye: late, due within a week, or nobody's; a milestone may be there twice."""
    rows = [row for row in it.milestones if row["state"] == "open"]
    soon = it.today + SOON
    for row in rows:
        if row["late"]:
            yield {"question": "overdue", **row}
    for row in rows:
        if row["due"] is not None and it.today <= _day(row["due"]) <= soon:
            yield {"question": "due_in_7_days", **row}
    for row in rows:
        if not row["owner"]:
            yield {"question": "no_owner", **row}


def _news(it: Material) -> Iterable[Row]:
    """What the run changed on the boards; of an item that is not this target's, no more than that."""
    known = {row["key"]: row for row in it.milestones}
    for target, key, action, url in it.news:
        row = known.get(key, {})
        about = {name: row.get(name) for name in ("title", "posting", "intern", "due")}
        yield {"key": key, "target": target, "action": action, **about, "url": url}


_BUILDERS: Mapping[ViewName, Callable[[Material], Iterable[Row]]] = {
    "milestones": lambda it: it.milestones,
    "engagements": _engagements,
    "postings": _postings,
    "feedback": _feedback,
    "outlook": _outlook,
    "news": _news,
}
