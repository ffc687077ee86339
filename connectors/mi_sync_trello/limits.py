"""The limits that Trello tells with a board, and how much of each is used.

Numbers differ from board to board, so they are read, never assumed. Trello tells a count only once it is near the
limit, so we count what we have read ourselves (rest-api/limits guide).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mi_sync.model import Countable, Limit, Scope
from mi_sync.unmarked import Names
from mi_sync_trello.cards import Card
from mi_sync_trello.reader import Everything
from mi_sync_trello.wire import objects

Kind = tuple[Countable, Scope]

_KINDS: Mapping[tuple[str, str], Kind] = {
    ("cards", "openPerBoard"): ("open items", "board"),
    ("cards", "totalPerBoard"): ("items", "board"),
    ("cards", "openPerList"): ("open items", "list"),
    ("cards", "totalPerList"): ("items", "list"),
    ("lists", "openPerBoard"): ("open lists", "board"),
    ("lists", "totalPerBoard"): ("lists", "board"),
    ("labels", "perBoard"): ("labels", "board"),
    ("checklists", "perBoard"): ("checklists", "board"),
    ("checklists", "perCard"): ("checklists", "item"),
    ("checkItems", "perChecklist"): ("checklist lines", "item"),
}
_SHUT = frozenset({"disabled", "maxExceeded"})


def limits(everything: Everything, cards: Sequence[Card], lists: Names) -> tuple[Limit, ...]:
    """All limits of a board that has been read."""
    used = _used(everything, cards, lists)
    return tuple(sorted(_read(everything.board.get("limits"), used), key=lambda limit: limit.name))


def _read(raw: object, used: Mapping[Kind, Mapping[str, int]]) -> Iterator[Limit]:
    for group, entries in raw.items() if isinstance(raw, Mapping) else ():
        for name, entry in entries.items() if isinstance(entries, Mapping) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get("disableAt"), int):
                yield _limit(f"{group} {name}", entry, _KINDS.get((group, name)), used)


def _limit(name: str, entry: Mapping[str, Any], kind: Kind | None, used: Mapping[Kind, Mapping[str, int]]) -> Limit:
    most, status = entry["disableAt"], entry.get("status", "ok")
    counts, per = kind or (None, "board")
    counted = used.get(kind, {}) if kind else {}
    if per == "board":
        told = entry.get("count", most if status in _SHUT else None)
        counted = counted if told is None else {"": told}
    return Limit(name, most, counts, per, counted, near=status != "ok")


def _used(everything: Everything, cards: Sequence[Card], lists: Names) -> dict[Kind, Mapping[str, int]]:
    opened = [card for card in cards if not card.remote.archived]
    checklists = {id_: len(each) for id_, each in everything.checklists.items()}
    raw_lists = objects(everything.board["lists"], "lists")
    return {
        ("open items", "board"): {"": len(opened)},
        ("items", "board"): {"": len(cards)},
        ("open items", "list"): _by_list(opened, lists),
        ("items", "list"): _by_list(cards, lists),
        ("open lists", "board"): {"": sum(not each.get("closed") for each in raw_lists)},
        ("lists", "board"): {"": len(raw_lists)},
        ("labels", "board"): {"": len(objects(everything.board["labels"], "labels"))},
        ("checklists", "board"): {"": sum(checklists.values())},
        ("checklists", "item"): checklists,
        ("checklist lines", "item"): {card.remote.id: len(card.remote.checklist) for card in cards},
    }


def _by_list(cards: Sequence[Card], lists: Names) -> dict[str, int]:
    """By the name of the list that new cards of this name go to: the first of those that share it."""
    counted = Counter(str(card.raw.get("idList")) for card in cards)
    return {each.name: counted[each.id] for each in reversed(lists.usable())}
