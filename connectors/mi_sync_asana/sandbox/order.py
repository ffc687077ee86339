"""The order of things among their siblings. Clients see the order alone, never the numbers that keep it."""

from __future__ import annotations

from collections.abc import Sequence

from mi_sync_sandbox.store import Doc, Session

STEP = 1000.0
TIGHT = 1e-6
"""Two numbers nearer than this leave no room between them."""


def ordered(db: Session, kind: str, parent: str) -> Sequence[Doc]:
    """The children of a parent, in their order."""
    return sorted(db.all(kind, parent=parent), key=lambda doc: (doc["pos"], doc["gid"]))


def insert(
    db: Session,
    kind: str,
    parent: str,
    *,
    moved: str = "",
    before: str | None = None,
    after: str | None = None,
    top: bool = False,
) -> float:
    """A position among the children of a parent: before or after the one of that gid, or at an end.

    Children that have come too near to each other are moved apart. `moved` is the one that is given a new position.

    Raises:
        LookupError: there is no such child.
    """
    anchor = before or after
    if anchor is None:
        return db.lowest(kind, parent) - STEP if top else db.highest(kind, parent) + STEP
    siblings = [each for each in ordered(db, kind, parent) if _name(each) != moved]
    names = [_name(each) for each in siblings]
    if anchor not in names:
        raise LookupError(anchor)
    at = names.index(anchor) + (0 if before else 1)
    if 0 < at < len(siblings) and siblings[at]["pos"] - siblings[at - 1]["pos"] < TIGHT:
        siblings = [db.put(kind, {**each, "pos": STEP * place}) for place, each in enumerate(siblings)]
    return _between(siblings[at - 1]["pos"] if at else None, siblings[at]["pos"] if at < len(siblings) else None)


def _name(doc: Doc) -> str:
    """What anchors call it: a place is called by its task."""
    return str(doc.get("task") or doc["gid"])


def _between(lower: float | None, upper: float | None) -> float:
    if lower is not None and upper is not None:
        return (lower + upper) / 2
    return (lower or 0.0) + STEP if upper is None else upper - STEP
