"""An Asana project, as the core sees it: `AsanaBoard` fulfils `mi_sync.connector.Board`."""

from __future__ import annotations

from collections.abc import Sequence

from mi_sync.connector import Context, plant
from mi_sync.errors import AlreadyThere, MiSyncError, OutcomeUnknown, RequestRefused
from mi_sync.model import BoardIdentity, Children, Fields, Patch, Remote, Snapshot
from mi_sync.shapes import Json, Unreadable
from mi_sync.unmarked import Named, settle
from mi_sync_asana import ARCHIVED, AsanaConfig, bodies, external, richtext
from mi_sync_asana.api import Api, session
from mi_sync_asana.children import ChildWriter, existing
from mi_sync_asana.custom import SETTINGS, CustomFields
from mi_sync_asana.places import Places
from mi_sync_asana.project import Project
from mi_sync_asana.tasks import Task, Tasks, newest_first
from mi_sync_asana.wire import TASK_FIELDS, written

DEFAULT_SECTION = "To Do"
"""Where a task goes that names no section, in a project that has none."""

_TAKEN = "already assigned"
"""What Asana says of a name in `external` that another task has; seen by several clients."""


class AsanaBoard:
    """One project. Sections and tags that are missing are made when a task first needs them.

    Args:
        settings: the target's.
        context: from the core; holds the secret.
    """

    def __init__(self, settings: AsanaConfig, context: Context) -> None:
        self.capabilities = settings.capabilities
        self._wire = context.wire
        self._http = session(settings, context)
        target, lines = f"targets.{context.name}", self.capabilities.checklist
        self._api = Api(self._http)
        self._external_is_refused = False  # to this token; one refusal is enough for a run
        self._project = Project(self._api, settings.project, target, self._wire.now)
        tags = self._project.tags
        self._fields = CustomFields(lambda: self._project.head(SETTINGS), context.timezone)
        self._tasks = Tasks(
            self._api, settings.project, tags, self._fields, context.timezone, self._wire.now, subtasks=lines
        )
        self._places = Places(self._api, self._tasks)
        self._stopped: MiSyncError | None = None
        self._children = ChildWriter(self._api, self._tasks, tags, self._wire, lines=lines)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._http.requests

    def normal_body(self, body: str) -> str:
        """A body as Asana's rich text gives it back."""
        return bodies.normal(body)

    # -- reading ------------------------------------------------------------------------------------

    def identity(self) -> BoardIdentity:
        """Which project this is, by one cheap read that needs a valid token."""
        return self._project.identity()

    def snapshot(self) -> Snapshot:
        """Everything in the project, completed and archived tasks included.

        Three requests, one for each hundred tasks, and one for each ten that have subtasks.
        """
        taken_at = self._wire.now()
        head = self._project.head(SETTINGS)
        self._fields.take(head)
        self._project.take_sections()
        members = self._project.members()
        remotes = tuple(task.remote for task in self._tasks.all())
        return Snapshot(
            board=self._project.identified(head),
            taken_at=taken_at,
            remotes=remotes,
            lists=tuple(dict.fromkeys(each.name for each in self._project.sections.usable())),
            labels=tuple(dict.fromkeys(name for remote in remotes for name in remote.labels)),
            members=members,
            fields=self._fields.all,
            fields_hidden_because=self._fields.hidden_because,
        )

    def newest(self) -> Sequence[Remote]:
        """All tasks of the project, those made last first: no listing of Asana's is sorted like that."""
        return [task.remote for task in newest_first(self._tasks.all())]

    def read(self, id: str) -> Remote | None:  # noqa: A002  the protocol's name
        """One task as it is now; None when it is gone, or in this project no more."""
        task = self._tasks.read(id)
        return task.remote if task is not None and self._tasks.is_here(task) else None

    # -- writing ------------------------------------------------------------------------------------

    def merge(self, patch: Patch) -> Remote:
        """Creates or changes one task by one request, which carries the marker; a move to a section is another one.

        So is a place below what is in its section, for a new one.

        It goes to the archive after that request, and comes back before it.

        Raises:
            AlreadyThere: a creation, and there is a task of the name `patch.unique`.
            NotAuthorised, BudgetReached: also when only the place of the task before could not be set.
            RequestRefused: nothing happened: a text is too long, Asana refused, or a section or tag was asked for and
                not answered.
            OutcomeUnknown: no usable answer to the request for the task, or to the move.
        """
        if self._stopped is not None:
            stopped, self._stopped = self._stopped, None
            raise stopped
        self._refuse(patch)
        try:
            return self._create(patch) if patch.id is None else self._update(patch.id, patch)
        except AlreadyThere:
            raise
        except RequestRefused:  # perhaps because one of them is no longer there
            self._project.sections.forget()
            self._project.tags.forget()
            raise

    def merge_children(self, remote: Remote, children: Children) -> None:
        """Tags, subtasks and a comment, one by one, skipping what is already so.

        The task is read again if this board last saw it more than 30 s ago, or otherwise than in `remote`.
        """
        self._children.merge(remote, children)

    def _refuse(self, patch: Patch) -> None:
        """Refuses before anything is sent what Asana would take otherwise than it is meant."""
        able, fields = self.capabilities, patch.fields
        title, body = fields.get("title", ""), plant(patch.body, patch.marker)
        for name, text, most in (("title", title, able.max_title), ("body", body, able.max_body)):
            if len(text) > most:
                raise RequestRefused(f"the {name} has {len(text)} characters; {most} are the most.", where=name)
        if fields.get("list") == ARCHIVED:
            why = f"the section “{ARCHIVED}” is for archived tasks."
            raise RequestRefused(why, where="list", remedy="Give the step's list another name.")

    # -- creation -----------------------------------------------------------------------------------

    def _create(self, patch: Patch) -> Remote:
        fields = patch.fields
        if fields.get("archived"):
            raise ValueError("a task is archived by a change of its own, not when it is created")
        sent = {
            "resource_subtype": "default_task" if fields.get("start") else "milestone",
            **written(fields, {}),
            "html_notes": bodies.to_notes(patch.body, patch.marker),
            **self._home(fields),
            **self._people_and_tags(fields),
            **self._fields.sent(fields.get("fields", {})),
        }
        task = self._replied(self._made(sent, patch), new=True)
        self._place(task)
        return task.remote

    def _place(self, task: Task) -> None:
        """Puts a new task into its place, which is not worth the task: what stops here stops the next call instead."""
        try:
            self._places.put(task.id, self._tasks.section(task))
        except (RequestRefused, OutcomeUnknown):
            return  # it stands where Asana put it
        except MiSyncError as error:
            self._stopped = error

    def _made(self, sent: Json, patch: Patch) -> Json:
        """What Asana answers to the one call; without the hidden half of the marker where that is refused."""
        named = patch.unique and not self._external_is_refused
        hidden = external.named(self._project.id, patch.unique, patch.marker) if named else None
        try:
            return self._api.make("/tasks", {**sent, **(hidden.sent() if hidden else {})}, TASK_FIELDS)
        except RequestRefused as error:
            if hidden and _TAKEN in error.why:
                raise self._already_there(hidden, error) from None
            if not (hidden and _is_about_external(error)):
                raise
            self._external_is_refused = True
            return self._api.make("/tasks", sent, TASK_FIELDS)

    def _home(self, fields: Fields) -> Json:
        """Project and section, by which Asana also knows the workspace."""
        name = fields.get("list") or ""
        section = self._project.section(name) if name else self._first_section()
        id_ = self._project.id
        return {"projects": [id_], "memberships": [{"project": id_, "section": section.id}]}

    def _people_and_tags(self, fields: Fields) -> Json:
        sent: Json = {}
        if assignee := fields.get("assignee"):
            sent["assignee"] = assignee
        if followers := fields.get("followers"):
            sent["followers"] = list(followers)
        if labels := [name for name in dict.fromkeys(fields.get("labels", ())) if name]:
            sent["tags"] = [self._project.tags.ensure(name) for name in labels]
        return sent

    def _already_there(self, hidden: external.External, error: RequestRefused) -> AlreadyThere:
        task = self._tasks.named(hidden.name)
        where = "it lies in the trash, or is hidden from this token" if task is None else "it is adopted"
        return AlreadyThere(
            f"{error.why} Asana has a task of this item already: {where}.", id=task.id if task else None
        )

    # -- change -------------------------------------------------------------------------------------

    def _update(self, id_: str, patch: Patch) -> Remote:
        fields = patch.fields
        if "labels" in fields or "assignee" in fields:
            raise ValueError("tags and people of an existing task change one by one, not as a set")
        task = existing(self._tasks.fresh(id_))
        goal = self._goal(task, fields)
        away = fields.get("archived") is True
        if goal and not away:
            task = self._move(task, goal)
        task = self._put(task, patch)
        return (self._move(task, goal) if goal and away else task).remote

    def _put(self, task: Task, patch: Patch) -> Task:
        """The one call, without the half of the marker that Asana refuses.

        Of an item that we know, the older mark may stay on it: the state has what was written. A person's item becomes
        ours only with a mark that can be read back.
        """
        fields = {**written(patch.fields, task.raw), **self._fields.sent(patch.fields.get("fields", {}))}
        hidden = self._hidden(task, patch)
        notes: Json = {"html_notes": self._notes(task, patch, hidden)}
        while True:
            try:
                sent = {**fields, **notes, **hidden}
                return self._replied(self._api.put(f"/tasks/{task.id}", sent, TASK_FIELDS), new=False)
            except RequestRefused as error:
                if hidden and _is_about_external(error):
                    self._external_is_refused |= _TAKEN not in error.why  # else a task in the trash has the name
                    hidden = {}
                    notes = notes and {"html_notes": self._notes(task, patch, hidden)}
                elif notes and "body" not in patch.fields and _is_about_text(error):
                    notes = {}
                    if patch.unique:
                        self._mark_out_of_sight(task, hidden, error)
                else:
                    raise

    def _mark_out_of_sight(self, task: Task, hidden: Json, error: RequestRefused) -> None:
        """Marks a person's item in `external` alone, before anything else of it changes.

        Raises:
            RequestRefused: this token cannot set it, or does not see it again; nothing happened.
        """
        seen = self._api.put(f"/tasks/{task.id}", hidden, TASK_FIELDS) if hidden else {}
        if external.of(seen, self._project.id) is None:
            raise error

    def _notes(self, task: Task, patch: Patch, hidden: Json) -> str:
        """Our body, or a person's as it is: only the marker's line in it is renewed.

        The line says so where it is newer than the other half, which is seen and cannot be set.
        """
        before = self._tasks.external(task)
        token = external.replacing(patch.marker, before.token) if before and not hidden else patch.marker
        if "body" in patch.fields:
            return bodies.to_notes(patch.body, token)
        return richtext.remarked(str(task.raw.get("html_notes") or ""), token)

    def _hidden(self, task: Task, patch: Patch) -> Json:
        """The half of the marker in `external`, on a task that has one of ours or becomes ours.

        While a task is archived, it tells where the task came from.
        """
        if self._external_is_refused:
            return {}
        before = self._tasks.external(task)
        if before is None:
            new = bool(patch.unique) and not task.raw.get("external")  # else it is another tool's
            return external.named(self._project.id, patch.unique, patch.marker).sent() if new else {}
        archived = patch.fields.get("archived", task.remote.archived)
        origin = before.origin if task.remote.archived else self._tasks.section(task)
        return external.External(before.name, patch.marker, origin if archived else "").sent()

    def _goal(self, task: Task, fields: Fields) -> Named | None:
        """The section where the task has to go; None when it stays where it is."""
        if fields.get("archived"):
            return self._project.archive()
        back = fields.get("archived") is False and task.remote.archived
        if back and (origin := self._origin(task)):
            return origin
        if name := fields.get("list"):
            return self._project.section(name)
        return self._first_section() if back else None

    def _origin(self, task: Task) -> Named | None:
        hidden = self._tasks.external(task)
        if hidden is None or not hidden.origin:
            return None
        self._project.sections.know({hidden.origin})
        return self._project.sections.get(hidden.origin)

    def _first_section(self) -> Named:
        return self._project.first_section() or self._project.section(DEFAULT_SECTION)

    def _move(self, task: Task, section: Named) -> Task:
        """Into a section, which says the same twice and so may be repeated."""

        def move(task: Task) -> Task:
            self._api.post(f"/sections/{section.id}/addTask", {"task": task.id})
            return self._tasks.moved(task, section)

        return settle(
            task,
            holds=lambda task: self._tasks.section(task) == section.id,
            do=move,
            look=lambda task: existing(self._tasks.read(task.id)),
            wire=self._wire,
        )

    def _replied(self, raw: Json, *, new: bool) -> Task:
        try:
            return self._tasks.take(raw, [] if new else None, () if new else None)
        except Unreadable as error:
            raise OutcomeUnknown(f"{error.why} Whether the task was written is not known.") from None


def _is_about_external(error: RequestRefused) -> bool:
    """Whether it is refused for `external`: a token may not set it at all, or another task has the name."""
    return error.status in {400, 403} and "external" in error.why.casefold()


def _is_about_text(error: RequestRefused) -> bool:
    """Whether it is refused for its rich text; Asana does not take back all that it gives."""
    return "xml" in error.why.casefold()
