"""The order of things among their siblings. Clients see the order alone, never the numbers that keep it."""

from __future__ import annotations

from collections.abc import Sequence

from mi_sync_sandbox.store import Doc, Session

STEP = 1000.0
TIGHT = 1e-6
"""Two numbers nearer than this leave no room between them."""


def insert(
    db: Session,
    kind: str,
    siblings: Sequence[Doc],
    *,
    before: str | None = None,
    after: str | None = None,
    top: bool = False,
) -> float:
    """A position among siblings that are in their order: before or after the one of that gid, or at an end.

    Siblings that have come too near to each other are moved apart.

    Raises:
        LookupError: it is none of them.
    """
    names = [each.get("task") or each["gid"] for each in siblings]
    anchor = before or after
    if anchor is not None and anchor not in names:
        raise LookupError(anchor)
    end = 0 if top else len(names)
    at = end if anchor is None else names.index(anchor) + (0 if before else 1)
    if 0 < at < len(siblings) and siblings[at]["pos"] - siblings[at - 1]["pos"] < TIGHT:
        siblings = [db.put(kind, {**each, "pos": STEP * place}) for place, each in enumerate(siblings)]
    return _between(siblings[at - 1]["pos"] if at else None, siblings[at]["pos"] if at < len(siblings) else None)


def _between(lower: float | None, upper: float | None) -> float:
    if lower is not None and upper is not None:
        return (lower + upper) / 2
    return (lower or 0.0) + STEP if upper is None else upper - STEP
