"""What the pages show of Asana: its projects and tasks, in the nouns that every sandbox's pages have."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from mi_sync.connector import harvest
from mi_sync_asana import ARCHIVED
from mi_sync_asana.sandbox import fields, order, places, projects, values
from mi_sync_sandbox import markup
from mi_sync_sandbox.pages import Board, Card, Column, Due, Entry, Event, Label, Line, Person, Sheet, Site, day
from mi_sync_sandbox.store import Doc, Session

_HUES = {"teal": "sky", "brown": "orange", "warm-gray": "black"}
"""Colours that the style sheet has under another name."""


class AsanaGallery:
    """The projects of one transaction."""

    def __init__(self, db: Session) -> None:
        self._db = db
        self._users = {each["gid"]: each for each in db.all("user")}

    def index(self) -> Sequence[Entry]:
        """All projects."""
        return [self._entry(project) for project in self._db.all("project")]

    def board(self, ref: str) -> Board | None:
        """A project by its gid; the section for archived tasks is no column."""
        project = self._db.get("project", ref)
        if project is None:
            return None
        cards: dict[str, list[Card]] = defaultdict(list)
        sections = projects.sections(self._db, ref)
        for section in sections:
            for place in order.ordered(self._db, "place", section["gid"]):
                cards[section["gid"]].append(self._card(self._task(place["task"]), ref, section["name"]))
        away = {each["gid"] for each in sections if each["name"] == ARCHIVED}
        columns = [Column(it["gid"], it["name"], cards[it["gid"]]) for it in sections if it["gid"] not in away]
        archived = [replace(card, archived=True) for gid in away for card in cards[gid]]
        return Board(project["name"], f"/0/{ref}", project["archived"], columns, archived)

    def card(self, ref: str) -> Sheet | None:
        """A task by its gid."""
        task = self._db.get("task", ref)
        if task is None or task["trashed"]:
            return None
        home = task["projects"][0] if task["projects"] else ""
        project = self._db.get("project", home)
        place = next((each for each in self._db.all("place", scope=home) if each["task"] == ref), None)
        section = self._db.get("section", place["section"]) if place else None
        return Sheet(
            self._entry(project) if project else Entry("All projects", "/asana", closed=False, cards=0),
            self._card(task, home or "0", section["name"] if section else ""),
            [(each["name"], each["url"]) for each in self._db.all("attachment", parent=ref)],
            [self._event(each) for each in reversed(self._db.all("story", parent=ref))],
        )

    def _entry(self, project: Doc) -> Entry:
        found = self._db.all("place", scope=project["gid"])
        open_tasks = sum(not self._task(place["task"])["completed"] for place in found)
        return Entry(project["name"], f"/0/{project['gid']}", project["archived"], open_tasks)

    def _task(self, gid: str) -> Doc:
        task = self._db.get("task", gid)
        if task is None:
            raise LookupError(gid)
        return task

    def _card(self, task: Doc, project: str, section: str) -> Card:
        body, marked = _body(task)
        lines = [Line(_subtask(project, each), each["completed"]) for each in places.subtasks(self._db, task["gid"])]
        stories = self._db.all("story", parent=task["gid"])
        return Card(
            ref=task["gid"],
            href=f"/0/{project}/{task['gid']}",
            title=task["name"],
            place=section,
            body=body,
            marked=marked,
            kind="" if task["resource_subtype"] == "default_task" else task["resource_subtype"],
            done=task["completed"],
            due=_due(self._db, task),
            start=day(task["start_on"] or task["start_at"]),
            labels=[_label(tag) for gid in task["tags"] if (tag := self._db.get("tag", gid))],
            people=[_person(self._users[task["assignee"]])] if task["assignee"] else (),
            checklists=[("Subtasks", lines)] if lines else (),
            comments=sum(each["type"] == "comment" for each in stories),
            fields=fields.words(self._db, task),
        )

    def _event(self, story: Doc) -> Event:
        comment = story["type"] == "comment"
        shown = markup.rich(story["html_text"], _is_marker) if comment else None
        who = self._users[story["created_by"]]["name"]
        return Event(who, "wrote" if comment else story["text"], story["created_at"], shown)


def _body(task: Doc) -> tuple[Markup, bool]:
    """The notes without the marker, and whether there was one, there or in `external`."""
    hrefs = re.findall(r'href="([^"]*)"', task["html_notes"])
    body = markup.rich(task["html_notes"], _is_marker)
    return body, bool(task["external"]) or any(map(_is_marker, hrefs))


def _is_marker(href: str) -> bool:
    return harvest(f"[mi-sync]({href})")[1] is not None


def _due(db: Session, task: Doc) -> Due | None:
    if task["due_at"]:
        return Due.instant(task["due_at"], db.now, done=task["completed"])
    if task["due_on"]:
        return Due.day(task["due_on"], db.now.astimezone(values.ZONE).date(), done=task["completed"])
    return None


def _label(tag: Doc) -> Label:
    shade, _, hue = (tag["color"] or "none").partition("-")
    hue = _HUES.get(hue, hue)
    return Label(tag["name"], f"c-{hue} shade-{shade}" if hue else "c-none")


def _person(user: Doc) -> Person:
    return Person(user["name"], "".join(word[0] for word in user["name"].split()[:4]).upper())


def _subtask(project: str, task: Doc) -> Markup:
    return Markup('<a href="/0/{}/{}">{}</a>').format(project, task["gid"], task["name"])


SITE = Site(
    name="Asana",
    home="/asana",
    boards=("/0/<ref>", "/0/<ref>/list", "/0/<ref>/board"),
    cards=("/0/<project>/<ref>", "/0/<project>/<ref>/f"),
    gallery=AsanaGallery,
)
