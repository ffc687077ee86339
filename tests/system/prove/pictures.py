"""What a board shows, read from what it stores and not through a connector, so that nothing of it is overlooked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mi_sync.connector import harvest
from mi_sync.identity import Marker, programme_short
from mi_sync_asana import bodies
from mi_sync_sandbox.store import Doc

Documents = Mapping[str, Sequence[Doc]]

PROGRAMME_ID = "spring-2026-7f3k9q"
OURS = programme_short(PROGRAMME_ID)
"""How the marks of the programme name it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One item, as far as people see it, and whose it is; `lines` are (checklist, text, done), in their order."""

    id: str
    programme: str
    key: str
    title: str
    body: str
    due: str | None
    start: str | None
    done: bool
    archived: bool
    list: str
    labels: tuple[str, ...]
    assignees: tuple[str, ...]
    lines: tuple[tuple[str, str, bool], ...]

    @property
    def seen(self) -> Shown:
        """The same without what another attempt to make it would have otherwise."""
        return replace(self, id="")


@dataclass(frozen=True, slots=True)
class Picture:
    """A board: its items, and the names of its lists and labels, however often each is there."""

    items: tuple[Shown, ...]
    lists: tuple[str, ...]
    labels: tuple[str, ...]
    doubled: tuple[str, ...]

    def of(self, title: str) -> Shown | None:
        """The first of our items whose title begins so."""
        return next((each for each in self.ours if each.title.startswith(title)), None)

    @property
    def ours(self) -> list[Shown]:
        """The items that carry our mark."""
        return [each for each in self.items if each.programme == OURS]


def of_trello(documents: Documents) -> Picture:
    """A Trello board."""
    lists = {each["id"]: each["name"] for each in documents["list"]}
    labels = {each["id"]: each["name"] for each in documents["label"]}
    items = tuple(
        _marked(
            card["id"],
            *harvest(card["desc"]),
            title=card["name"],
            due=card["due"],
            start=card["start"],
            done=card["dueComplete"],
            archived=card["closed"],
            list=lists[card["idList"]],
            labels=tuple(sorted(labels[each] for each in card["idLabels"])),
            assignees=tuple(sorted(card["idMembers"])),
            lines=_lines(card["id"], documents["checklist"]),
        )
        for card in documents["card"]
    )
    checklists = (f"checklist {each['name']} of {each['idCard']}" for each in documents["checklist"])
    return Picture(
        items,
        tuple(sorted(lists.values())),
        tuple(sorted(name for name in labels.values() if name)),
        _doubled(items, lists.values(), labels.values(), checklists),
    )


def _lines(card: str, checklists: Iterable[Doc]) -> tuple[tuple[str, str, bool], ...]:
    return tuple(
        (checklist["name"], line["name"], line["state"] == "complete")
        for checklist in checklists
        if checklist["idCard"] == card
        for line in sorted(checklist["checkItems"], key=lambda line: float(line["pos"]))
    )


def of_asana(documents: Documents) -> Picture:
    """An Asana project."""
    sections = {each["gid"]: each["name"] for each in documents["section"]}
    tags = {each["gid"]: each["name"] for each in documents["tag"]}
    places = {each["task"]: sections[each["section"]] for each in documents["place"]}
    items = tuple(
        _marked(
            task["gid"],
            *bodies.from_notes(task["html_notes"]),
            title=task["name"],
            due=task["due_at"] or task["due_on"],
            start=task["start_on"],
            done=task["completed"],
            archived=places.get(task["gid"]) == "Archived",
            list=places.get(task["gid"], ""),
            labels=tuple(sorted(tags[each] for each in task["tags"])),
            assignees=(str(task["assignee"]),) if task["assignee"] else (),
            lines=_subtasks(task["gid"], documents["task"]),
        )
        for task in documents["task"]
        if not task["parent"]
    )
    return Picture(
        items,
        tuple(sorted(sections.values())),
        tuple(sorted(tags.values())),
        _doubled(items, sections.values(), tags.values(), ()),
    )


def _subtasks(parent: str, tasks: Iterable[Doc]) -> tuple[tuple[str, str, bool], ...]:
    below = sorted((each for each in tasks if each["parent"] == parent), key=lambda task: float(task["pos"]))
    return tuple(("", each["name"], each["completed"]) for each in below)


def _marked(id_: str, body: str, token: str | None, **shown: Any) -> Shown:
    marker = Marker.decode(token)
    programme, key = (marker.programme, marker.key) if marker else ("", "")
    return Shown(id=id_, programme=programme, key=key, body=body, **shown)


def _doubled(
    items: Iterable[Shown], lists: Iterable[str], labels: Iterable[str], checklists: Iterable[str]
) -> tuple[str, ...]:
    """What is there twice and has no mark of its own: lists, labels, checklists, lines."""
    lines = (f"line {each[1]} of {item.title}" for item in items if item.programme == OURS for each in item.lines)
    named = [*(f"list {name}" for name in lists), *(f"label {name}" for name in labels if name), *lines]
    return tuple(sorted(what for what, often in Counter([*named, *checklists]).items() if often > 1))
