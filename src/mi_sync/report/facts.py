"""What the report tells, as plain values, of which each is of a class that `[privacy]` allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from mi_sync import desired, identity, overview, publishing
from mi_sync.config import Config, TargetSpec
from mi_sync.events import Run
from mi_sync.model import ENDED, ENGAGED, IN_REVIEW, Item, Link, Quarantined
from mi_sync.overview import Milestone
from mi_sync.views import Material, Row

MOST_RUNS = 20
MOST_CHANGES = 100
MOST_ROWS = 200
"""So many runs, changes, and rows that were left out are shown; the newest and the first."""

STAGES: Mapping[str, frozenset[str | None]] = {
    "New": frozenset({"applied", None}),
    "In review": IN_REVIEW,
    "Accepted": ENGAGED - {"completed"},
    "Completed": frozenset({"completed"}),
    "Ended": ENDED,
}
"""How far applications are, in their order, by their status; ended are withdrawn, declined and rejected ones."""

CHANNELS: Mapping[str | None, str] = {
    "university": "University",
    "job_board": "Job board",
    "referral": "Referral",
    "career_fair": "Career fair",
    "import": "Import",
    None: "Not told",
}

Funnel = Mapping[str, Mapping[str, int]]
"""Where applications came from → stage → how many."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the page shows.

    Attributes:
        programme: its name.
        made_at: now, in the programme's timezone.
        as_of: when the boards were last looked at, likewise; None when they never were.
        applicants: how many people applied.
        by_source, by_channel: the funnel.
        runs: the newest first; see `Store.runs`.
        changes: what the runs changed on boards, the newest first.
        quarantine, left_out: the first rows that were left out, and how many there are.
        conflicts, dismissed: the items of which that is so, on each board.
    """

    programme: str
    made_at: datetime
    as_of: datetime | None
    material: Material
    applicants: int
    by_source: Funnel
    by_channel: Funnel
    runs: Sequence[Mapping[str, Any]]
    changes: Sequence[Row]
    quarantine: Sequence[Quarantined]
    left_out: int
    conflicts: Sequence[Row]
    dismissed: Sequence[Row]

    @property
    def today(self) -> date:
        """The day, in the programme's timezone."""
        return self.material.today

    def local(self, at: str) -> datetime:
        """A recorded instant, in the programme's timezone."""
        return datetime.fromisoformat(at).astimezone(self.made_at.tzinfo)


def gather(run: Run) -> Facts:
    """Reads the state; contacts nobody."""
    store, config = run.store, run.config
    now = run.outside.wire.now().astimezone(config.programme.timezone)
    material = publishing.material(run, _items(run), config.allow)
    named = _Named(config, material)
    links = {spec.name: _told(store.links(spec.name)) for spec in config.boards}
    seen = {target: found.values() for target, found in links.items()}
    answers = overview.answer(seen, {}, material.today, config.progress_from)
    runs = store.runs(MOST_RUNS)
    as_of = next((it["started_at"] for it in runs if it.get("targets") and it["status"] in {"ok", "partial"}), None)
    left_out = list(store.quarantine())
    return Facts(
        programme=config.programme.name,
        made_at=now,
        as_of=datetime.fromisoformat(as_of).astimezone(now.tzinfo) if as_of else None,
        material=material,
        applicants=store.counts()["records"].get("applicant", 0),
        by_source={name: _staged(counts) for name, counts in sorted(store.applications_by_source().items())},
        by_channel=_by_channel(store.applications_by_channel()),
        runs=runs,
        changes=[named.change(each, links) for each in store.changes(MOST_CHANGES)],
        quarantine=left_out[:MOST_ROWS],
        left_out=len(left_out),
        conflicts=[named.milestone(it) for it in answers["conflicts"]],
        dismissed=[named.milestone(it) for it in answers["dismissed"]],
    )


def _items(run: Run) -> dict[str, Item]:
    """What stands on the boards, an item of several as on the one that counts; without a board, what is published."""
    config = run.config
    items: dict[str, Item] = {}
    for spec in sorted(config.boards or config.publishers, key=lambda it: it.name != config.progress_from):
        for item in desired.of(run, spec).items.values():
            items.setdefault(item.key, item if _may_tell(config, spec) else replace(item, title=_plain(item)))
    return items


def _may_tell(config: Config, spec: TargetSpec) -> bool:
    """Whether titles on the board are of what `[privacy]` allows; a target may be allowed more."""
    return spec.milestones.allow <= config.allow


def _plain(item: Item) -> str:
    return _of_step(item.step, item.n)


def _of_step(step: str, n: int | None = None) -> str:
    """What an item is called where its title may not be shown."""
    return f"{step} {n}" if n else step


def _told(links: Mapping[str, Link]) -> dict[str, Link]:
    """Nothing is told of people who were erased."""
    return {key: link for key, link in links.items() if not identity.is_erased(link.owner)}


class _Named:
    """Calls items by their titles, where these may be shown, and says whose they are."""

    def __init__(self, config: Config, material: Material) -> None:
        self._rows = {row["key"]: row for row in material.rows("milestones")}
        self._titled = {spec.name: _may_tell(config, spec) for spec in config.boards}

    def milestone(self, it: Milestone) -> Row:
        known = self._rows.get(it.key, {})
        return {
            "key": it.key,
            "title": self._title(it.key, it.target, it.title, it.step),
            "posting": known.get("posting"),
            "intern": known.get("intern"),
            "target": it.target,
            "url": it.url,
            "fields": ", ".join(it.conflicts),
        }

    def change(self, each: Mapping[str, Any], links: Mapping[str, Mapping[str, Link]]) -> Row:
        link = links.get(each["target"], {}).get(each["key"])
        title = self._title(link.key, each["target"], link.title, link.step) if link else None
        return {**each, "title": title, "url": link.url if link else None}

    def _title(self, key: str, target: str, title: str, step: str) -> str:
        return title if self._titled.get(target) else str(self._rows.get(key, {}).get("title") or _of_step(step))


def _staged(counts: Mapping[str | None, int]) -> dict[str, int]:
    return {stage: sum(counts.get(status, 0) for status in statuses) for stage, statuses in STAGES.items()}


def _by_channel(found: Mapping[str | None, Mapping[str | None, int]]) -> Funnel:
    return {name: _staged(found[channel]) for channel, name in CHANNELS.items() if channel in found}
