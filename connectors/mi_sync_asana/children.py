"""Tags, subtasks and a comment, one by one, skipping what is already so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from mi_sync.errors import NotFound, RequestRefused
from mi_sync.http import Wire
from mi_sync.model import Children, Remote
from mi_sync.unmarked import Names, settle
from mi_sync_asana import bodies
from mi_sync_asana.api import Api
from mi_sync_asana.tasks import Task, Tasks
from mi_sync_asana.wire import SUBTASK_FIELDS, Subtask, gid, subtask


class Step(NamedTuple):
    """One thing that should be so, about one tag, line or comment."""

    kind: Literal["add line", "place line", "remove line", "add tag", "remove tag", "say"]
    name: str


def steps(children: Children, *, lines: bool) -> Iterator[Step]:
    """What a change of children comes down to, in order; without `lines` the checklist is none of our business."""
    if lines:
        for text in children.add_checks:
            yield from (Step("add line", text), Step("place line", text))
        yield from (Step("remove line", text) for text in children.remove_checks)
    yield from (Step("add tag", name) for name in children.add_labels)
    yield from (Step("remove tag", name) for name in children.remove_labels)
    if children.comment:
        yield Step("say", children.comment)


class ChildWriter:
    """Carries steps out on one project's tasks.

    A subtask has no marker: it is known by its parent and its exact name. It is removed, which puts it into the trash,
    only while it is no more than a line: unticked, and not assigned, dated, described or divided by anybody.
    """

    def __init__(self, api: Api, tasks: Tasks, tags: Names, wire: Wire, *, lines: bool) -> None:
        self._api, self._tasks, self._tags, self._wire, self._lines = api, tasks, tags, wire, lines
        self._added: set[str] = set()
        self._appends = False

    def merge(self, remote: Remote, children: Children) -> None:
        """Makes all of it so.

        Raises:
            NotFound: the task is gone.
            RequestRefused: Asana refused a step twice, and the task shows that it did not happen.
            OutcomeUnknown: a step stayed without an answer, and the task does not show it.
        """
        task = existing(self._tasks.current(remote))
        self._added = set()
        for step in steps(children, lines=self._lines):
            if step.kind == "say" and task.comments is None:
                task = self._listened(task)
            task = self._settle(task, step)

    def _settle(self, task: Task, step: Step) -> Task:
        return settle(
            task,
            holds=lambda task: self._holds(task, step),
            do=lambda task: self._do(task, step),
            look=lambda task: self._look(task, step),
            wire=self._wire,
        )

    def _look(self, task: Task, step: Step) -> Task:
        found = existing(self._tasks.read(task.id))
        return self._listened(found) if step.kind == "say" else found

    def _holds(self, task: Task, step: Step) -> bool:
        match step.kind:
            case "add line":
                return any(each.text == step.name for each in task.subtasks)
            case "place line":
                return step.name not in self._added or self._appends or _last(task) == step.name
            case "remove line":
                return not _removable(task, step.name)
            case "add tag":
                return step.name in task.remote.labels
            case "remove tag":
                return step.name not in task.remote.labels
            case "say":
                return _as_said(step.name) in (task.comments or ())

    def _do(self, task: Task, step: Step) -> Task:
        match step.kind:
            case "add line":
                return self._add_line(task, step.name)
            case "place line":
                return self._place_line(task, step.name)
            case "remove line":
                return self._remove_lines(task, step.name)
            case "add tag":
                return self._add_tag(task, step.name)
            case "remove tag":
                return self._remove_tags(task, step.name)
            case "say":
                return self._say(task, step.name)

    # -- lines --------------------------------------------------------------------------------------

    def _add_line(self, task: Task, text: str) -> Task:
        """Adds it; where Asana puts a new subtask is not documented, so that is looked at once."""
        self._added.add(text)
        made = subtask(self._api.make(f"/tasks/{task.id}/subtasks", {"name": text}, SUBTASK_FIELDS))
        if not task.subtasks or self._appends:
            return self._tasks.refine(task, (*task.subtasks, made))
        task = existing(self._tasks.read(task.id))
        self._appends = bool(task.subtasks) and task.subtasks[-1].id == made.id
        return task

    def _place_line(self, task: Task, text: str) -> Task:
        moved = next((each for each in task.subtasks if each.text == text), None)
        if moved is None:
            raise RequestRefused("a line of the checklist is gone.", remedy="The next run looks again.")
        others = [each for each in task.subtasks if each.id != moved.id]
        self._api.post(f"/tasks/{moved.id}/setParent", {"parent": task.id, "insert_after": others[-1].id})
        return self._tasks.refine(task, (*others, moved))

    def _remove_lines(self, task: Task, text: str) -> Task:
        for line in _removable(task, text):
            self._api.delete(f"/tasks/{line.id}")
            task = self._tasks.refine(task, [each for each in task.subtasks if each.id != line.id])
        return task

    # -- tags ---------------------------------------------------------------------------------------

    def _add_tag(self, task: Task, name: str) -> Task:
        tag = self._tags.ensure(name)
        try:
            self._api.post(f"/tasks/{task.id}/addTag", {"tag": tag})
        except RequestRefused:
            self._tags.forget()  # perhaps it is gone
            raise
        return self._tasks.retag(task, [*(task.raw.get("tags") or []), {"gid": tag, "name": name}])

    def _remove_tags(self, task: Task, name: str) -> Task:
        for tag in [each for each in task.raw.get("tags") or [] if each.get("name") == name]:
            self._api.post(f"/tasks/{task.id}/removeTag", {"tag": gid(tag)})
            task = self._tasks.retag(task, [each for each in task.raw["tags"] if each is not tag])
        return task

    # -- comments -----------------------------------------------------------------------------------

    def _say(self, task: Task, comment: str) -> Task:
        self._api.post(f"/tasks/{task.id}/stories", {"html_text": bodies.to_comment(comment)})
        return self._tasks.heard(task, (*(task.comments or ()), _as_said(comment)))

    def _listened(self, task: Task) -> Task:
        """The task with all that people said on it; what Asana records by itself stands among it."""
        stories = self._api.all(f"/tasks/{task.id}/stories", opt_fields="type,html_text")
        said = (bodies.said(str(each.get("html_text") or "")) for each in stories if each.get("type") == "comment")
        return self._tasks.heard(task, tuple(said))


def _as_said(comment: str) -> str:
    return bodies.said(bodies.to_comment(comment))


def existing(task: Task | None) -> Task:
    """The task.

    Raises:
        NotFound: there is none.
    """
    if task is None:
        raise NotFound("the task is gone, or this token may no longer see it.", status=404)
    return task


def _last(task: Task) -> str:
    return task.subtasks[-1].text if task.subtasks else ""


def _removable(task: Task, text: str) -> list[Subtask]:
    return [each for each in task.subtasks if each.text == text and not (each.done or each.touched)]
