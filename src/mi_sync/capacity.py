"""Does a plan fit into its board? Counted before anything is written, against the limits that the board tells.

A plan that cannot fit as a whole is refused; what is too much for one item alone is a problem of that item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from mi_sync.errors import Problem
from mi_sync.model import Countable, Limit, Remote, Scope, Snapshot
from mi_sync.plan import Change, TargetPlan

LIMITS = "limits"
"""What a refusal for this reason is called among a plan's violations; no --force goes by this name."""


class Need(NamedTuple):
    """One more of something, in one place: a list's name, an item's key, or nothing for the whole board."""

    counts: Countable
    per: Scope
    place: str = ""


def checked(plan: TargetPlan, actual: Snapshot) -> TargetPlan:
    """The plan, with what it would exceed among its violations and problems."""
    if not actual.limits:
        return plan
    needs = _needs(plan, {remote.id: remote for remote in actual.remotes})
    named = {change.id or change.key: change for change in plan.changes}
    refused: list[str] = []
    problems: list[Problem] = []
    for limit in actual.limits:
        for place, more in _exceeded(limit, needs):
            if limit.per == "item":
                problems.append(_of_item(named[place], limit, more))
            else:
                refused.append(_of_board(limit, place, more))
    violations = {**plan.violations, LIMITS: " ".join(refused)} if refused else plan.violations
    return replace(plan, violations=violations, problems=(*plan.problems, *problems))


def _exceeded(limit: Limit, needs: Mapping[Need, int]) -> Iterator[tuple[str, int]]:
    for need, more in needs.items():
        same = (need.counts, need.per) == (limit.counts, limit.per)
        if same and more > max(limit.room(need.place), 0):
            yield need.place, more


def _of_board(limit: Limit, place: str, more: int) -> str:
    where = f"the list {place!r}" if limit.per == "list" else "the board"
    return (
        f"{where} has room for {max(limit.room(place), 0)} more {limit.counts} ({limit.name}: {limit.most}), "
        f"and the plan makes {more}. Make room there, or take steps out of [milestones]."
    )


def _of_item(change: Change, limit: Limit, more: int) -> Problem:
    room = max(limit.room(change.id or change.key), 0)
    why = f"{more} more {limit.counts} are too many: there is room for {room} ({limit.name}: {limit.most})"
    return Problem(change.url or change.title, "checklist", f"{why}, so this item will fail; shorten its checklist.")


# -------------------------------------------------------------------------------------------- what is needed


def _needs(plan: TargetPlan, remotes: Mapping[str, Remote]) -> Mapping[Need, int]:
    """How many more of everything there will be; what goes away makes room."""
    needs: Counter[Need] = Counter()
    for change in plan.changes:
        needs.update(_need_of_item(change, remotes.get(change.id)))
        needs.update(_need_of_checklist(change))
    needs.update(_everywhere("", len(plan.missing_lists), "lists", "open lists"))
    needs.update(_everywhere("", len(plan.missing_labels), "labels"))
    return needs


def _need_of_item(change: Change, remote: Remote | None) -> Mapping[Need, int]:
    if change.action == "create":
        place = str(change.fields.get("list", (None, ""))[1])
        return _everywhere(place, 1, "items", "open items")
    before, after = change.fields.get("archived", (None, None))
    if remote is None or before == after:
        return {}
    return _everywhere(remote.list, -1 if after else 1, "open items")


def _everywhere(place: str, more: int, *kinds: Countable) -> Mapping[Need, int]:
    """On the board, and in the list where it is known."""
    found = {Need(kind, "board"): more for kind in kinds}
    return found | {Need(kind, "list", place): more for kind in kinds if place}


def _need_of_checklist(change: Change) -> Mapping[Need, int]:
    before, after = (lines or () for lines in change.fields.get("checklist", ((), ())))
    place, first = change.id or change.key, 1 if after and not before else 0
    return {
        Need("checklist lines", "item", place): len(after) - len(before),
        Need("checklists", "item", place): first,
        Need("checklists", "board"): first,
    }
