"""A small programme as the report shows it: what the tests of the page and of how it looks share."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from mi_sync.model import Applicant, Application, Counts, Engagement, Feedback, Item, Posting, Privacy, Quarantined
from mi_sync.overview import Milestone
from mi_sync.report import Facts
from mi_sync.views import Material

TODAY = date(2026, 3, 10)
EVERYTHING = frozenset(Privacy) - {Privacy.EEO}
POSTING = Posting(
    key="p1", id="P-1", title="Donor dashboard", organization="Riverside", goal="Know our donors", openings=2,
    status="in_progress", starts_on=date(2026, 3, 2), meeting_url="https://meet.example.org/a",
)  # fmt: skip
PERSON = Applicant(
    key="a1", id="S-1", name="Ana Lopez", label="AL", email="ana@example.edu", phone="555-0100", school="State University",
    channel="university", referred_by="Uncle Bob",
)  # fmt: skip
SAID = (
    Feedback(key="f1", applicant="a1", posting="p1", kind="final", by="supervisor", rating=0.91, would_engage_again=True,
             comments="Secret praise", submitted_at=date(2026, 3, 8)),
)  # fmt: skip
ENGAGED = Engagement(
    Application(key="e1", posting="p1", applicant="a1", status="in_progress", ends_on=date(2026, 3, 27), notes="A note",
                supervisor_email="boss@example.org", supervisor_name="Boss Bossy"),
    POSTING, PERSON, SAID,
)  # fmt: skip
ITEMS = {
    it.key: it
    for it in (
        Item(
            "k1", "e1", "kickoff", None, "Kickoff (AL)", due=date(2026, 3, 6), list="To do", assignee="boss@example.org"
        ),
        Item("k2", "e1", "check-in", 1, "Check-in 1 (AL)", due=date(2026, 3, 12)),
        Item("k3", "e1", "final", None, "Final (AL)", due=date(2026, 3, 27)),
    )
}
DONE = Milestone("k1", "kickoff", "e1", "", "board", "Kickoff (AL)", "https://board.example.org/k1", "done", "2026-03-06",
                 "Done", ("boss",))  # fmt: skip
RUN = {
    "run_id": "r1", "command": "run", "started_at": "2026-03-10T12:00:00+00:00", "status": "partial", "exit_code": 3,
    "targets": {"board": {"created": 3, "requests": 17}}, "problems": [{"why": "Not on the page"}],
}  # fmt: skip


def material(
    posting: Posting = POSTING, items: dict[str, Item] | None = None, allow: frozenset[Privacy] = EVERYTHING
) -> Material:
    counts = Counts(applications=5, in_review=2, engaged=1, places=1)
    engaged = replace(ENGAGED, posting=posting)
    return Material([engaged], [(posting, counts)], items or ITEMS, {"k1": DONE}, allow, TODAY)


def facts(it: Material | None = None, **changed: Any) -> Facts:
    now = datetime(2026, 3, 10, 9, 30, tzinfo=ZoneInfo("America/Chicago"))
    stages = {"New": 1, "In review": 2, "Accepted": 1, "Completed": 0, "Ended": 1}
    change = {"run": "r1", "at": RUN["started_at"], "target": "board", "key": "k1", "action": "create",
              "title": "Kickoff (AL)", "url": "https://board.example.org/k1"}  # fmt: skip
    conflict = {"key": "k3", "title": "Final (AL)", "target": "board", "url": "https://board.example.org/k3",
                "fields": "title"}  # fmt: skip
    made = Facts(
        programme="Spring 2026",
        made_at=now,
        as_of=now,
        material=it or material(),
        applicants=4,
        by_source={"people": stages},
        by_channel={"University": stages},
        runs=[RUN],
        changes=[change],
        quarantine=[Quarantined("people", "people.csv", 8, "applied_at", "write it as YYYY-MM-DD", since=str(now))],
        left_out=1,
        conflicts=[conflict],
        dismissed=[],
    )
    return replace(made, **changed)


EMPTY = replace(
    facts(Material([], [], {}, {}, EVERYTHING, TODAY)), applicants=0, by_source={}, by_channel={}, runs=[], changes=[],
    quarantine=[], left_out=0, conflicts=[], as_of=None,
)  # fmt: skip


def everywhere(text: str, url: str) -> Facts:
    """A programme in which everything is called this, and leads there."""
    posting = POSTING.model_copy(
        update={"title": text, "organization": text, "goal": text, "category": text, "url": url, "meeting_url": url}
    )
    person = PERSON.model_copy(update={"name": text, "label": text})
    said = SAID[0].model_copy(update={"comments": text})
    items = {key: replace(item, title=text, list=text) for key, item in ITEMS.items()}
    engaged = [Engagement(ENGAGED.application, posting, person, (said,))]
    seen = {"k1": replace(DONE, title=text, url=url, list=text)}
    it = Material(engaged, [(posting, Counts(1, 1, 1, 1))], items, seen, EVERYTHING, TODAY)
    row = {"key": "k", "title": text, "target": text, "url": url, "fields": text}
    return facts(
        it,
        programme=text,
        by_source={text: {"New": 1, "In review": 1, "Accepted": 1, "Completed": 1, "Ended": 1}},
        quarantine=[Quarantined(text, text, 2, text, text)],
        changes=[{**row, "at": RUN["started_at"], "action": None}],
        conflicts=[row],
        dismissed=[row],
    )
