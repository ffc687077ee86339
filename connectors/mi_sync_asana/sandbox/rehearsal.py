"""A sandbox that begins as a copy of a real project, which is read and never written.

All gids are kept, so that what is remembered of the project holds for the copy. What the connector never reads is not
copied: attachments, comments, what happened before, other projects of a task, and who wrote what. Everybody whom the
workspace shows is, with the address by which people are assigned.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mi_sync.connector import Context, SandboxApp, SandboxOptions
from mi_sync.model import Member
from mi_sync.shapes import Json
from mi_sync_asana import AsanaConfig, wire
from mi_sync_asana.api import Api, session
from mi_sync_asana.custom import SETTINGS
from mi_sync_asana.project import Project
from mi_sync_asana.sandbox import gate, order, projects, richtext, seed, tasks
from mi_sync_asana.sandbox.app import create_app
from mi_sync_asana.sandbox.finding import Caller, external_key, place_key
from mi_sync_asana.sandbox.layout import open_store
from mi_sync_asana.sandbox.values import ApiError
from mi_sync_asana.wire import an_object, gid
from mi_sync_sandbox.store import Doc, Session

_TOKEN = "MI_SYNC_SANDBOX_ASANA_TOKEN"  # noqa: S105  a variable's name
_APP = "personal"
"""Whose `external` it is that the invented token sees."""


def rehearse(settings: AsanaConfig, context: Context, options: SandboxOptions) -> SandboxApp:
    """The sandbox with a copy of the project that the settings name (see `mi_sync.connector.Sandbox`).

    Nobody's limit has to be spared here, so it is asked as often as a paid plan allows.
    """
    found = _read(settings, context)
    with open_store(options).transaction() as db:
        _Copy(db, found).put()
    return SandboxApp(
        wsgi=create_app(options),
        control="/asana/control",
        page=f"/0/{found.project}",
        settings={
            "project": found.project,
            "token": {"env": _TOKEN},
            "checklist": settings.checklist,
            "plan": "paid",
            "api_url": f"{options.base_url}/api/1.0",
        },
        environ={_TOKEN: gate.TOKEN},
    )


@dataclass(frozen=True, slots=True)
class _Everything:
    """A project, raw; `subtasks` by the task that they are of."""

    head: Json
    users: Sequence[Member]
    sections: Sequence[Json]
    tags: Sequence[Json]
    tasks: Sequence[Json]
    subtasks: dict[str, list[Json]] = field(default_factory=dict)

    @property
    def project(self) -> str:
        """Its gid."""
        return gid(self.head)

    @property
    def workspace(self) -> str:
        """The gid of its workspace."""
        return gid(an_object(self.head.get("workspace"), "workspace"))


def _read(settings: AsanaConfig, context: Context) -> _Everything:
    """As the connector reads it, and in the same order; also all tags, which it lists when it needs one."""
    api = Api(session(settings, context))
    project = Project(api, settings.project, f"targets.{context.name}", context.wire.now)
    head = project.head(SETTINGS)
    found = _Everything(
        head,
        project.members(),
        api.all(f"/projects/{settings.project}/sections", opt_fields="name"),
        api.all(f"/workspaces/{gid(head['workspace'])}/tags", opt_fields="name,color"),
        api.all(f"/projects/{settings.project}/tasks", opt_fields=wire.TASK_FIELDS),
    )
    if settings.checklist == "subtasks":
        parents = [gid(raw) for raw in found.tasks if raw.get("num_subtasks")]
        listings = api.each([f"/tasks/{parent}/subtasks" for parent in parents], wire.SUBTASK_FIELDS)
        found.subtasks.update(zip(parents, listings, strict=True))
    return found


class _Copy:
    """Puts a project into a new sandbox."""

    def __init__(self, db: Session, found: _Everything) -> None:
        self._db, self._found = db, found
        self._caller = Caller(db, seed.OWNER, _APP)
        self._further: list[Doc] = []  # the subtasks of subtasks, each by what it lies below

    def put(self) -> None:
        """All of it."""
        found, workspace = self._found, self._found.workspace
        self._db.put("workspace", {"gid": workspace, "name": "Sandbox", "is_organization": False})
        for user in _users(found):
            self._db.put("user", user)
        self._project()
        for raw in found.tags:
            self._tag(gid(raw), raw)
        for at, raw in enumerate(found.tasks):
            self._task(raw, order.STEP * (at + 1))
        # Only now, when all gids are known: only how many there are counts.
        for parent in self._further:
            self._db.put("task", tasks.blank(self._caller, workspace, parent))

    def _project(self) -> None:
        found, db = self._found, self._db
        about = {"name": str(found.head.get("name") or "?"), "workspace": found.workspace, "default_view": "board"}
        projects.create(db, seed.OWNER, about, found.project)
        (first,) = projects.sections(db, found.project)
        db.remove("section", first["gid"])
        for raw in found.sections:
            made = projects.create_section(db, {"gid": found.project}, {"name": "?"})
            db.remove("section", made["gid"])
            db.put("section", {**made, "gid": gid(raw), "name": str(raw.get("name") or "")})
        for setting in found.head.get("custom_field_settings") or []:
            if setting.get("custom_field"):
                self._field(gid(setting), setting["custom_field"])

    def _field(self, id_: str, raw: Json) -> None:
        made = {
            "gid": gid(raw),
            "workspace": self._found.workspace,
            "name": str(raw.get("name") or ""),
            # Nobody writes to a formula, whatever kind of value it gives.
            "type": "formula" if raw.get("is_formula_field") else str(raw.get("resource_subtype") or ""),
            "description": "",
            "precision": raw.get("precision"),
            "enum_options": [_option(each) for each in raw.get("enum_options") or []],
            "created_by": seed.OWNER,
            "created_at": "",
        }
        setting = {"gid": id_, "project": self._found.project, "custom_field": made["gid"]}
        self._db.put("custom_field", made)
        self._db.put("custom_field_setting", {**setting, "is_important": False})

    def _tag(self, id_: str, raw: Json) -> None:
        about = {"name": str(raw.get("name") or ""), "color": raw.get("color") or None, "notes": "", "created_at": ""}
        self._db.put("tag", {"gid": id_, "workspace": self._found.workspace, **about})

    def _task(self, raw: Json, pos: float) -> None:
        project = self._found.project
        lies = wire.place(raw, project)
        if lies is None:
            return
        task = self._put_task(raw, None, projects=[project], external=self._external(raw), **_own(raw))
        for tag in raw.get("tags") or []:
            if self._db.get("tag", gid(tag)) is None:
                self._tag(gid(tag), tag)
        place = {"gid": place_key(task["gid"], project), "task": task["gid"], "project": project}
        self._db.put("place", {**place, "section": lies.section, "pos": pos})
        for each in self._found.subtasks.get(task["gid"], ()):
            self._subtask(task, each)

    def _put_task(self, raw: Json, parent: Doc | None, **more: Any) -> Doc:  # noqa: ANN401  JSON is anything
        about = {
            "gid": gid(raw),
            "name": str(raw.get("name") or ""),
            "completed": bool(raw.get("completed")),
            "assignee": gid(raw["assignee"]) if raw.get("assignee") else None,
        }
        return self._db.put("task", {**tasks.blank(self._caller, self._found.workspace, parent), **about, **more})

    def _subtask(self, task: Doc, raw: Json) -> None:
        notes = str(raw.get("notes") or "")
        made = self._put_task(
            raw,
            task,
            due_on=raw.get("due_on"),
            notes=notes,
            html_notes=richtext.rich(notes),
            separator=bool(raw.get("is_rendered_as_separator")),
        )
        self._further += [made] * int(raw.get("num_subtasks") or 0)

    def _external(self, raw: Json) -> Doc:
        known = raw.get("external") or {}
        if name := str(known.get("gid") or ""):
            self._db.put("external", {"gid": external_key(_APP, name), "task": gid(raw)})
        return {_APP: dict(known)} if known else {}


def _own(raw: Json) -> Doc:
    """What a task says beyond what a subtask does."""
    html = str(raw.get("html_notes") or "<body></body>")
    return {
        # With a time, Asana shows the day beside it, and the sandbox works it out.
        **{f"{kind}_at": raw.get(f"{kind}_at") for kind in ("due", "start")},
        **{f"{kind}_on": None if raw.get(f"{kind}_at") else raw.get(f"{kind}_on") for kind in ("due", "start")},
        "resource_subtype": raw.get("resource_subtype") or "default_task",
        "html_notes": html,
        "notes": _plain(html),
        "tags": [gid(tag) for tag in raw.get("tags") or []],
        "followers": [gid(user) for user in raw.get("followers") or []],
        "custom": dict(_values(raw)),
        "created_at": raw.get("created_at"),
    }


def _plain(html: str) -> str:
    """The text alone; Asana gives tags, such as those of tables, that it does not take."""
    try:
        return richtext.plain(html)
    except ApiError:
        return re.sub(r"<[^>]*>", "", html)


def _values(raw: Json) -> Iterator[tuple[str, Any]]:
    for each in raw.get("custom_fields") or []:
        option, day = each.get("enum_value"), each.get("date_value")
        if isinstance(option, dict):
            yield gid(each), gid(option)
        elif isinstance(day, dict):
            yield gid(each), {"date": day.get("date"), "date_time": day.get("date_time")}
        else:
            number = each.get("number_value")
            yield gid(each), each.get("text_value") if number is None else number


def _option(raw: Json) -> Doc:
    enabled = raw.get("enabled") is not False
    return {"gid": gid(raw), "name": str(raw.get("name") or ""), "enabled": enabled, "color": "none"}


def _users(found: _Everything) -> Iterator[Doc]:
    """Everybody, whose token it is here, and those who are named and not shown, because they left."""
    known = {user.id: user for user in found.users}
    for id_ in dict.fromkeys((*known, seed.OWNER, *_named(found))):
        user = known.get(id_, Member(id_, "", "Sandbox Coordinator" if id_ == seed.OWNER else "Somebody", ""))
        yield {"gid": user.id, "name": user.name or "Somebody", "email": user.email, "guest": False}


def _named(found: _Everything) -> Collection[str]:
    subtasks = [each for some in found.subtasks.values() for each in some]
    people = [user for raw in found.tasks for user in raw.get("followers") or []]
    people += [raw["assignee"] for raw in (*found.tasks, *subtasks) if raw.get("assignee")]
    return [gid(user) for user in people]
