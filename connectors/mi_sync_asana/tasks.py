"""What is known of each task of one project, and how a task becomes a `Remote`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mi_sync.errors import RequestRefused
from mi_sync.model import Remote
from mi_sync.shapes import Json
from mi_sync.unmarked import Named, Names
from mi_sync_asana import ARCHIVED, bodies, external
from mi_sync_asana.api import Api, is_missing
from mi_sync_asana.custom import CustomFields
from mi_sync_asana.wire import (
    SUBTASK_FIELDS,
    TASK_FIELDS,
    Subtask,
    an_object,
    due,
    gid,
    instant,
    is_id,
    is_line,
    place,
    start,
    subtask,
)

FRESH = timedelta(seconds=30)
"""What was seen longer ago is looked at again before it is relied on."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task as last seen.

    Attributes:
        raw: Asana's own fields.
        remote: the same in our words.
        subtasks: in their order.
        seen_at: when its own fields were seen.
        whole_at: when its subtasks were, too; None when nobody looked.
        comments: what was said on it, as `bodies.said` has it; None when nobody looked.
    """

    raw: Json
    remote: Remote
    subtasks: tuple[Subtask, ...]
    seen_at: datetime
    whole_at: datetime | None
    comments: tuple[str, ...] | None = None

    @property
    def id(self) -> str:
        """Its gid."""
        return self.remote.id


class Tasks:
    """The tasks of one project, as this process last read or wrote them.

    Args:
        api: the calls.
        project: its gid.
        tags: learns the tags that are met.
        fields: the project's custom fields.
        timezone: the programme's.
        now: the clock.
        subtasks: whether subtasks are lines of a checklist; else nobody looks at them.
    """

    def __init__(
        self,
        api: Api,
        project: str,
        tags: Names,
        fields: CustomFields,
        timezone: ZoneInfo,
        now: Callable[[], datetime],
        *,
        subtasks: bool,
    ) -> None:
        self._api, self._project, self._tags, self._fields = api, project, tags, fields
        self._timezone, self._now, self._subtasks = timezone, now, subtasks
        self._known: dict[str, Task] = {}
        self._order: list[Json] | None = None

    # -- reading ------------------------------------------------------------------------------------

    def fresh(self, id: str) -> Task | None:  # noqa: A002  the field's name in the model
        """Its own fields, from memory if they were seen a moment ago; None when it is gone."""
        task = self._known.get(id)
        return task if task is not None and self._now() - task.seen_at <= FRESH else self.read(id)

    def current(self, remote: Remote) -> Task | None:
        """All of it, from memory if it was seen a moment ago and `remote` tells nothing else; None when it is gone."""
        task = self._known.get(remote.id)
        if task is None or task.whole_at is None or self._now() - task.whole_at > FRESH:
            return self.read(remote.id)
        agrees = (task.remote.labels, task.remote.checklist) == (remote.labels, remote.checklist)
        return task if agrees else self.read(remote.id)

    def read(self, id: str) -> Task | None:  # noqa: A002  as above
        """All of it as it is now; None when it is gone, or in this project no more."""
        if not is_id(id):
            return None
        return self._read(f"/tasks/{id}", id)

    def named(self, name: str) -> Task | None:
        """The one that has this name in `external`, wherever it lies."""
        return self._read(external.path(name), "")

    def all(self) -> list[Task]:
        """All tasks of the project as they are now, completed ones included; nothing else is remembered then."""
        raws = self._order = self._listed(TASK_FIELDS)
        parents = [gid(raw) for raw in raws if raw.get("num_subtasks")] if self._subtasks else []
        listings = self._api.each([f"/tasks/{parent}/subtasks" for parent in parents], SUBTASK_FIELDS)
        below = dict(zip(parents, listings, strict=True))
        self._known.clear()
        return [self.take(raw, below.get(raw["gid"], [])) for raw in raws]

    def in_section(self, section: str, *, anew: bool = False) -> list[str]:
        """The gids of the tasks in a section, from top to bottom, as they were listed last; `anew` lists them again.

        What was moved since, from here or to here, is left out.
        """
        if anew or self._order is None:
            self._order = self._listed("memberships.project,memberships.section.name")
        listed = [each["gid"] for each in self._order if self._section_of(each) == section]
        return [id_ for id_ in listed if id_ not in self._known or self.section(self._known[id_]) == section]

    def _listed(self, fields: str) -> list[Json]:
        """All tasks of the project, in its order (spec, getTasksForProject)."""
        return self._api.all(f"/projects/{self._project}/tasks", opt_fields=fields)

    def _read(self, path: str, id_: str) -> Task | None:
        try:
            raw = an_object(self._api.get(path, opt_fields=TASK_FIELDS), "task")
            below = self._below(raw)
        except RequestRefused as error:
            if not is_missing(error):
                raise
            self._known.pop(id_, None)
            return None
        return self.take(raw, below)

    def _below(self, raw: Json) -> list[Json]:
        if not (self._subtasks and raw.get("num_subtasks")):
            return []
        return self._api.all(f"/tasks/{gid(raw)}/subtasks", opt_fields=SUBTASK_FIELDS)

    # -- taking over replies ------------------------------------------------------------------------

    def take(self, raw: Json, below: Iterable[Json] | None = None, comments: tuple[str, ...] | None = None) -> Task:
        """One task; None means that the reply did not tell of its subtasks, or of what was said on it."""
        id_, now = gid(raw), self._now()
        before = self._known.get(id_)
        subtasks, whole_at = (before.subtasks, before.whole_at) if before else ((), None)
        if comments is None and before is not None:
            comments = before.comments
        if below is not None:
            subtasks, whole_at = tuple(subtask(each) for each in below if is_line(each)), now
        for tag in raw.get("tags") or []:
            self._tags.learn(Named(gid(tag), str(tag.get("name") or "")))
        return self._put(Task(raw, self._remote(raw, subtasks), subtasks, now, whole_at, comments))

    def refine(self, task: Task, subtasks: Sequence[Subtask]) -> Task:
        """The task with other subtasks."""
        return self._put(self._with(task, task.raw, tuple(subtasks)))

    def heard(self, task: Task, comments: tuple[str, ...]) -> Task:
        """The task with what was said on it."""
        return self._put(replace(task, comments=comments))

    def retag(self, task: Task, tags: Sequence[Json]) -> Task:
        """The task with other tags."""
        return self._put(self._with(task, {**task.raw, "tags": list(tags)}, task.subtasks))

    def moved(self, task: Task, section: Named) -> Task:
        """The task in another section of the project."""
        others = [each for each in task.raw.get("memberships") or [] if not self._is_here(each)]
        here = {"project": {"gid": self._project}, "section": {"gid": section.id, "name": section.name}}
        return self._put(self._with(task, {**task.raw, "memberships": [*others, here]}, task.subtasks))

    def _is_here(self, membership: Json) -> bool:
        return bool((membership.get("project") or {}).get("gid") == self._project)

    def _with(self, task: Task, raw: Json, subtasks: tuple[Subtask, ...]) -> Task:
        return replace(task, raw=raw, subtasks=subtasks, remote=self._remote(raw, subtasks))

    def _put(self, task: Task) -> Task:
        self._known[task.id] = task
        return task

    # -- meaning ------------------------------------------------------------------------------------

    def external(self, task: Task) -> external.External | None:
        """The out-of-sight half of its marker, where this token sees it."""
        return external.of(task.raw, self._project)

    def is_here(self, task: Task) -> bool:
        """Whether it lies in this project."""
        return place(task.raw, self._project) is not None

    def section(self, task: Task) -> str:
        """The gid of the section where it lies; empty when there is none."""
        return self._section_of(task.raw)

    def _section_of(self, raw: Json) -> str:
        found = place(raw, self._project)
        return found.section if found else ""

    def _remote(self, raw: Json, subtasks: Sequence[Subtask]) -> Remote:
        lies = place(raw, self._project)
        body, marker = bodies.from_notes(str(raw.get("html_notes") or ""))
        assignee = raw.get("assignee")
        tags = (str(tag.get("name") or "") for tag in raw.get("tags") or [])
        return Remote(
            id=gid(raw),
            url=str(raw.get("permalink_url") or f"https://app.asana.com/0/0/{gid(raw)}/f"),
            title=str(raw.get("name") or ""),
            body=body,
            marker=self._marker(raw, marker),
            due=due(raw),
            start=start(raw, self._timezone),
            done=bool(raw.get("completed")),
            archived=lies is not None and lies.name == ARCHIVED,
            list=lies.name if lies else "",
            labels=tuple(dict.fromkeys(name for name in tags if name)),
            checklist=tuple(each.line for each in subtasks),
            assignees=(gid(assignee),) if isinstance(assignee, dict) else (),
            fields=self._fields.read(raw),
            followers=tuple(gid(each) for each in raw.get("followers") or []),
        )

    def _marker(self, raw: Json, in_notes: str | None) -> str | None:
        """The token. Where `external` is to be seen it decides: a line in a text may have been pasted there.

        But where it could not be set, a line says that it is newer.
        """
        if external.is_of_another_project(raw, self._project):
            return None
        hidden = external.of(raw, self._project)
        if hidden is None or not hidden.token:
            return in_notes
        stale = external.is_replaced(hidden.token, str(raw.get("html_notes") or ""))
        return in_notes if stale and in_notes else hidden.token


def newest_first(tasks: Iterable[Task]) -> list[Task]:
    """By creation, which no listing of Asana's is sorted by."""
    return sorted(tasks, key=lambda task: (instant(task.raw.get("created_at")), int(task.id)), reverse=True)
