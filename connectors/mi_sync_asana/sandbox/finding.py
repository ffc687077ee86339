"""From a gid to what it names, for somebody who may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mi_sync_asana.sandbox import values
from mi_sync_asana.sandbox.values import ApiError, bad
from mi_sync_sandbox.store import Doc, Session

EXTERNAL = "external:"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, in one transaction.

    Attributes:
        db: the transaction.
        me: the gid of the user whose token it is.
        app: whose `external` values are seen; None for nobody's.
        paid: whether the domain has what is paid for.
        new_on_top: whether a new task comes on top of the section that is named for it, which is a guess.
    """

    db: Session
    me: str
    app: str | None
    paid: bool = True
    new_on_top: bool = True

    # The name in the path is also what the refusal calls it; in a body it is the field (forum/72142, forum/91831).

    def find(self, kind: str, ref: object, field: str = "") -> Doc:
        """What a gid names, and this caller may see.

        Args:
            kind: what it has to be.
            ref: a gid; of a task also `external:` and the name that the caller's app gave it.
            field: the field of the body that it stands in; empty for the path.

        Raises:
            ApiError: 404, or 400 where a body names it: nothing of that name. 403: not for this caller.
        """
        found = self._named(kind, ref, field or kind)
        if found is None or found.get("trashed"):
            raise ApiError(400 if field else 404, f"{field or kind}: Unknown object: {ref}")
        if not self._sees(kind, found):
            raise ApiError(403, f"You do not have access to this {kind}.")
        return found

    def _named(self, kind: str, ref: object, name: str) -> Doc | None:
        if kind == "task" and isinstance(ref, str) and ref.startswith(EXTERNAL):
            external = self.db.get("external", external_key(self.app, ref.removeprefix(EXTERNAL)))
            return None if external is None else self.db.get("task", external["task"])
        return self.db.get(kind, values.gid(ref, name))

    def _sees(self, kind: str, doc: Doc) -> bool:
        if kind == "project":
            return self.me in doc["members"]
        if kind == "section":
            return self._sees_project(doc["project"])
        if kind == "task":
            return self._sees_task(doc)
        if kind in ("story", "attachment"):
            task = self.db.get("task", doc["task"] if kind == "story" else doc["parent"])
            return task is not None and not task["trashed"] and self._sees_task(task)
        return True

    def _sees_project(self, gid: str) -> bool:
        project = self.db.get("project", gid)
        return project is not None and self.me in project["members"]

    def _sees_task(self, task: Doc) -> bool:
        if self.me in (task["created_by"], task["assignee"], *task["followers"]):
            return True
        if any(self._sees_project(place["project"]) for place in places_of(self.db, task)):
            return True
        parent = self.db.get("task", task["parent"]) if task["parent"] else None
        return parent is not None and self._sees_task(parent)

    def user(self, ref: object, field: str) -> Doc:
        """A user by gid, e-mail address or `me`.

        Raises:
            ApiError: 400, nobody of that name is there (forum/60069, forum/852848).
        """
        if ref == "me":
            return self.find("user", self.me)
        text = str(ref)
        if "@" not in text.strip("@") and not text.isdigit():
            raise bad(f'{field}: Not an email, GID, or "me": {text}')
        for user in self.db.all("user"):
            if text in (user["gid"], user["email"]) or text.casefold() == user["email"].casefold():
                return user
        (workspace, *_) = self.db.all("workspace")
        raise bad(f"{field}: Not a user in Workspace: {workspace['gid']}")


def external_key(app: str | None, name: str) -> str:
    """Under what an app's name for a task is stored; names are unique within an app, not beyond it."""
    return f"{EXTERNAL}{app or ''}:{name}"


def places_of(db: Session, task: Doc) -> Sequence[Doc]:
    """Where a task lies: one section in each of its projects."""
    found = (db.get("place", place_key(task["gid"], project)) for project in task["projects"])
    return [place for place in found if place is not None]


def place_key(task: str, project: str) -> str:
    """Under what the place of a task in a project is stored."""
    return f"{task}@{project}"
