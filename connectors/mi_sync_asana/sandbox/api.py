"""The routes of the REST API: which path does what. Paths and parameters are those of Asana's own specification.

Handlers know nothing of the web framework, so that `POST /batch` can call them too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import unquote

from mi_sync_asana.sandbox import fields, paging, places, projects, stories, tasks, values
from mi_sync_asana.sandbox.finding import Caller
from mi_sync_asana.sandbox.values import ApiError, Data, bad
from mi_sync_asana.sandbox.views import Tree, Views, tree
from mi_sync_sandbox.store import Doc

MAX_ACTIONS = 10
"""Of one batch (docs/batch-requests)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, its credentials already accepted.

    Attributes:
        caller: in whose name, and in which transaction.
        view: how things are shown in it.
        method: GET, POST, PUT or DELETE.
        path: below /api/1.0, still quoted.
        query: the parameters of the address.
        data: the `data` of the body.
        asked: what `opt_fields` names.
        listing: what a page of a listing is cut from.
    """

    caller: Caller
    view: Views
    method: str
    path: str
    query: Mapping[str, str]
    data: Data
    asked: Tree
    listing: paging.Request

    def full(self, kind: str, doc: Doc) -> Doc:
        """The answer that is one thing."""
        return {"data": self.view.full(kind, doc, self.asked)}

    def page(self, kind: str, docs: Iterable[Doc], ranks: Callable[[Doc], paging.Rank] | None = None) -> Doc:
        """The answer that is one page of things, in the order of their ranks, or else in the given one."""
        ranked = [(ranks(doc) if ranks else [at], doc) for at, doc in enumerate(docs)]
        shown, following = paging.page(ranked, self.listing)
        return {"data": [self.view.listed(kind, doc, self.asked) for doc in shown], "next_page": following}

    def find(self, kind: str, ref: str) -> Doc:
        """What the path names."""
        return self.caller.find(kind, ref)

    def required(self, name: str) -> str:
        """A parameter of the address that has to be there."""
        if not self.query.get(name):
            raise values.missing_input(name)
        return self.query[name]


@dataclass(frozen=True, slots=True)
class Made:
    """An answer that is a 201, with where the new thing is."""

    body: Doc
    location: str


Handler = Callable[..., Doc | Made]
ROUTES: list[tuple[str, list[str], Handler]] = []
_H = TypeVar("_H", bound=Handler)

EMPTY: Doc = {"data": {}}


def on(method: str, *rules: str) -> Callable[[_H], _H]:
    """Registers a handler for some paths; a segment in angle brackets is handed over by position."""

    def register(handler: _H) -> _H:
        ROUTES.extend((method, rule.strip("/").split("/"), handler) for rule in rules)
        return handler

    return register


def dispatch(call: Call) -> Doc | Made:
    """The answer to a request.

    Raises:
        ApiError: any refusal; 404 for a path that is not served.
    """
    sent = call.path.strip("/").split("/")
    for method, rule, handler in ROUTES:
        if method == call.method and len(rule) == len(sent) and _fits(rule, sent):
            return handler(call, *[unquote(part) for name, part in zip(rule, sent, strict=True) if name[:1] == "<"])
    raise ApiError(404, "No matching route for request")


def _fits(rule: Sequence[str], sent: Sequence[str]) -> bool:
    return all(name[:1] == "<" or name == part for name, part in zip(rule, sent, strict=True))


def _by_creation(doc: Doc) -> paging.Rank:
    return [doc["gid"]]


# ---------------------------------------------------------------------------------- people and workspaces


@on("GET", "/users/<user>")
def get_user(call: Call, user: str) -> Doc:
    """A user by gid, e-mail address or `me`."""
    if user == "me" or "@" in user:
        return call.full("user", call.caller.user(user, "user"))
    return call.full("user", call.find("user", user))


@on("GET", "/users")
def get_users(call: Call) -> Doc:
    """The users of a workspace."""
    call.caller.find("workspace", call.required("workspace"), "workspace")
    return call.page("user", call.caller.db.all("user"), _by_creation)


@on("GET", "/workspaces")
def get_workspaces(call: Call) -> Doc:
    """The workspaces of the caller."""
    return call.page("workspace", call.caller.db.all("workspace"))


@on("GET", "/workspaces/<workspace>")
def get_workspace(call: Call, workspace: str) -> Doc:
    """A workspace."""
    return call.full("workspace", call.find("workspace", workspace))


@on("GET", "/workspaces/<workspace>/users")
def get_workspace_users(call: Call, workspace: str) -> Doc:
    """The users of a workspace, all at once (spec, getUsersForWorkspace)."""
    call.find("workspace", workspace)
    return {"data": [call.view.listed("user", user, call.asked) for user in call.caller.db.all("user")]}


@on("GET", "/workspaces/<workspace>/tags")
def get_workspace_tags(call: Call, workspace: str) -> Doc:
    """The tags of a workspace."""
    found = call.caller.db.all("tag", scope=call.find("workspace", workspace)["gid"])
    return call.page("tag", found, _by_creation)


@on("GET", "/workspaces/<workspace>/custom_fields")
def get_workspace_fields(call: Call, workspace: str) -> Doc:
    """The custom fields of a workspace."""
    found = call.caller.db.all("custom_field", scope=call.find("workspace", workspace)["gid"])
    return call.page("custom_field", found, _by_creation)


@on("GET", "/workspaces/<workspace>/projects")
def get_workspace_projects(call: Call, workspace: str) -> Doc:
    """The projects of a workspace that the caller may see."""
    found = call.caller.db.all("project", scope=call.find("workspace", workspace)["gid"])
    archived = values.flag(call.query, "archived") if "archived" in call.query else None
    seen = [doc for doc in found if call.caller.me in doc["members"] and archived in (None, doc["archived"])]
    return call.page("project", seen, _by_creation)


# ----------------------------------------------------------------------------------------------- projects


@on("GET", "/projects")
def get_projects(call: Call) -> Doc:
    """The projects of a workspace, or of all."""
    (first, *_) = call.caller.db.all("workspace")
    return get_workspace_projects(call, call.query.get("workspace") or first["gid"])


@on("POST", "/projects")
def post_project(call: Call) -> Made:
    """A new project."""
    if call.data.get("workspace") is not None:
        call.caller.find("workspace", call.data["workspace"], "workspace")
    made = projects.create(call.caller.db, call.caller.me, call.data)
    return Made(call.full("project", made), f"/projects/{made['gid']}")


@on("POST", "/workspaces/<workspace>/projects")
def post_workspace_project(call: Call, workspace: str) -> Made:
    """A new project, by way of its workspace."""
    return post_project(replace(call, data={**call.data, "workspace": workspace}))


@on("GET", "/projects/<project>")
def get_project(call: Call, project: str) -> Doc:
    """A project."""
    return call.full("project", call.find("project", project))


@on("PUT", "/projects/<project>")
def put_project(call: Call, project: str) -> Doc:
    """Some fields of a project."""
    return call.full("project", projects.update(call.caller.db, call.find("project", project), call.data))


@on("GET", "/projects/<project>/task_counts")
def get_task_counts(call: Call, project: str) -> Doc:
    """How many tasks a project has; every number has to be asked for (spec, getTaskCountsForProject)."""
    found = _tasks_of(call, call.caller.db.all("place", scope=call.find("project", project)["gid"]))
    counts = {}
    for name, chosen in (("tasks", found), ("milestones", [t for t in found if t["resource_subtype"] == "milestone"])):
        done = sum(task["completed"] for task in chosen)
        counts[f"num_{name}"] = len(chosen)
        counts[f"num_completed_{name}"] = done
        counts[f"num_incomplete_{name}"] = len(chosen) - done
    if unknown := set(call.asked) - set(counts):
        raise bad(f"opt_fields: {min(unknown)}: Not a field of task_counts")
    return {"data": {name: counts[name] for name in call.asked}}


@on("GET", "/projects/<project>/custom_field_settings")
def get_settings(call: Call, project: str) -> Doc:
    """The custom fields that a project has attached."""
    found = call.caller.db.all("custom_field_setting", scope=call.find("project", project)["gid"])
    return call.page("custom_field_setting", found, _by_creation)


@on("POST", "/projects/<project>/addCustomFieldSetting")
def post_setting(call: Call, project: str) -> Doc:
    """Attaches a custom field."""
    return call.full("custom_field_setting", fields.attach(call.caller, call.find("project", project), call.data))


@on("POST", "/projects/<project>/removeCustomFieldSetting")
def remove_setting(call: Call, project: str) -> Doc:
    """Takes a custom field off."""
    fields.detach(call.caller, call.find("project", project), call.data)
    return EMPTY


# ----------------------------------------------------------------------------------------------- sections


@on("GET", "/projects/<project>/sections")
def get_sections(call: Call, project: str) -> Doc:
    """The sections of a project, in their order."""
    found = projects.sections(call.caller.db, call.find("project", project)["gid"])
    return call.page("section", found, lambda doc: [doc["pos"], doc["gid"]])


@on("POST", "/projects/<project>/sections")
def post_section(call: Call, project: str) -> Made:
    """A new section."""
    made = projects.create_section(call.caller.db, call.find("project", project), call.data)
    return Made(call.full("section", made), f"/sections/{made['gid']}")


@on("POST", "/projects/<project>/sections/insert")
def insert_section(call: Call, project: str) -> Doc:
    """A section to another place."""
    section = call.caller.find("section", call.data.get("section"), "section")
    projects.move_section(call.caller.db, call.find("project", project), section, call.data)
    return EMPTY


@on("GET", "/sections/<section>")
def get_section(call: Call, section: str) -> Doc:
    """A section."""
    return call.full("section", call.find("section", section))


@on("PUT", "/sections/<section>")
def put_section(call: Call, section: str) -> Doc:
    """A section's new name."""
    return call.full("section", projects.rename_section(call.caller.db, call.find("section", section), call.data))


@on("DELETE", "/sections/<section>")
def delete_section(call: Call, section: str) -> Doc:
    """A section that is empty, for good."""
    projects.delete_section(call.caller.db, call.find("section", section))
    return EMPTY


@on("POST", "/sections/<section>/addTask")
def post_section_task(call: Call, section: str) -> Doc:
    """A task into a section."""
    places.add_to_section(call.caller, call.find("section", section), call.data)
    return EMPTY


# ---------------------------------------------------------------------------------------- listing of tasks


def _tasks_of(call: Call, found: Iterable[Doc]) -> list[Doc]:
    """The tasks of some places, each with its place's rank."""
    order = {}
    listed = []
    for place in found:
        if place["section"] not in order:
            order[place["section"]] = (call.caller.db.get("section", place["section"]) or {"pos": 0})["pos"]
        task = call.caller.db.get("task", place["task"])
        if task is not None:
            listed.append({**task, "rank": [order[place["section"]], place["pos"], task["gid"]]})
    return listed


def _page_of_tasks(call: Call, found: Iterable[Doc], ranks: Callable[[Doc], paging.Rank]) -> Doc:
    done_since = _since(call, "completed_since")
    changed_since = _since(call, "modified_since")
    kept = [
        task
        for task in found
        if not task["trashed"]
        and (not done_since or not task["completed"] or task["completed_at"] >= done_since)
        and (not changed_since or task["modified_at"] >= changed_since)
    ]
    return call.page("task", kept, ranks)


def _since(call: Call, name: str) -> str | None:
    if call.query.get(name) == "now":
        return values.stamp(call.caller.db.now)
    return values.instant(call.query, name) or values.day(call.query, name) if name in call.query else None


def _rank(task: Doc) -> paging.Rank:
    return list(task["rank"])


@on("GET", "/tasks")
def get_tasks(call: Call) -> Doc:
    """The tasks of a project, a section, a tag, or an assignee in a workspace (forum/793126)."""
    homes = [name for name in ("project", "section", "tag") if name in call.query]
    whose = "assignee" in call.query and "workspace" in call.query
    if len(homes) + whose != 1:
        raise bad("Must specify exactly one of project, tag, section, user task list, or assignee + workspace")
    if not whose:
        (home,) = homes
        return _LISTINGS[home](call, call.query[home])
    user = call.caller.user(call.query["assignee"], "assignee")["gid"]
    found = [task for task in call.caller.db.all("task") if task["assignee"] == user]
    return _page_of_tasks(call, found, _by_creation)


@on("GET", "/projects/<project>/tasks")
def get_project_tasks(call: Call, project: str) -> Doc:
    """The tasks of a project, section by section."""
    found = call.caller.db.all("place", scope=call.find("project", project)["gid"])
    return _page_of_tasks(call, _tasks_of(call, found), _rank)


@on("GET", "/sections/<section>/tasks")
def get_section_tasks(call: Call, section: str) -> Doc:
    """The tasks of a section, in their order."""
    found = call.caller.db.all("place", parent=call.find("section", section)["gid"])
    return _page_of_tasks(call, _tasks_of(call, found), _rank)


@on("GET", "/tags/<tag>/tasks")
def get_tag_tasks(call: Call, tag: str) -> Doc:
    """The tasks that wear a tag."""
    gid = call.find("tag", tag)["gid"]
    return _page_of_tasks(call, [task for task in call.caller.db.all("task") if gid in task["tags"]], _by_creation)


_LISTINGS = {"project": get_project_tasks, "section": get_section_tasks, "tag": get_tag_tasks}


# -------------------------------------------------------------------------------------------------- tasks


@on("POST", "/tasks")
def post_task(call: Call) -> Made:
    """A new task."""
    made = tasks.create(call.caller, call.data)
    return Made(call.full("task", made), f"/tasks/{made['gid']}")


@on("GET", "/tasks/<task>")
def get_task(call: Call, task: str) -> Doc:
    """A task."""
    return call.full("task", call.find("task", task))


@on("PUT", "/tasks/<task>")
def put_task(call: Call, task: str) -> Doc:
    """Some fields of a task."""
    return call.full("task", tasks.update(call.caller, call.find("task", task), call.data))


@on("DELETE", "/tasks/<task>")
def delete_task(call: Call, task: str) -> Doc:
    """A task into the trash."""
    tasks.trash(call.caller, call.find("task", task))
    return EMPTY


@on("GET", "/tasks/<task>/subtasks")
def get_subtasks(call: Call, task: str) -> Doc:
    """The subtasks of a task, in their order."""
    found = places.subtasks(call.caller.db, call.find("task", task)["gid"])
    return call.page("task", found, lambda doc: [doc["pos"], doc["gid"]])


@on("POST", "/tasks/<task>/subtasks")
def post_subtask(call: Call, task: str) -> Made:
    """A new subtask."""
    return post_task(replace(call, data={**call.data, "parent": call.find("task", task)["gid"]}))


@on("POST", "/tasks/<task>/setParent")
def post_parent(call: Call, task: str) -> Doc:
    """A task below another."""
    return call.full("task", places.set_parent(call.caller, call.find("task", task), call.data))


@on("GET", "/tasks/<task>/projects")
def get_task_projects(call: Call, task: str) -> Doc:
    """The projects that a task is in."""
    return call.page("project", call.view.some("project", call.find("task", task)["projects"]), _by_creation)


@on("POST", "/tasks/<task>/addProject")
def post_task_project(call: Call, task: str) -> Doc:
    """A task into a project."""
    places.add_to_project(call.caller, call.find("task", task), call.data)
    return EMPTY


@on("POST", "/tasks/<task>/removeProject")
def remove_task_project(call: Call, task: str) -> Doc:
    """A task out of a project."""
    places.remove_from_project(call.caller, call.find("task", task), call.data)
    return EMPTY


@on("GET", "/tasks/<task>/tags")
def get_task_tags(call: Call, task: str) -> Doc:
    """The tags of a task."""
    return call.page("tag", call.view.some("tag", call.find("task", task)["tags"]), _by_creation)


@on("POST", "/tasks/<task>/addTag")
def post_task_tag(call: Call, task: str) -> Doc:
    """One tag more."""
    tasks.add_tag(call.caller, call.find("task", task), call.data)
    return EMPTY


@on("POST", "/tasks/<task>/removeTag")
def remove_task_tag(call: Call, task: str) -> Doc:
    """One tag less."""
    tasks.remove_tag(call.caller, call.find("task", task), call.data)
    return EMPTY


@on("POST", "/tasks/<task>/addFollowers")
def post_followers(call: Call, task: str) -> Doc:
    """Some followers more."""
    return call.full("task", tasks.add_followers(call.caller, call.find("task", task), call.data))


@on("POST", "/tasks/<task>/removeFollowers")
def remove_followers(call: Call, task: str) -> Doc:
    """Some followers less."""
    return call.full("task", tasks.remove_followers(call.caller, call.find("task", task), call.data))


@on("GET", "/tasks/<task>/dependencies")
def get_dependencies(call: Call, task: str) -> Doc:
    """What has to be done before a task."""
    return call.page("task", call.view.some("task", call.find("task", task)["dependencies"]), _by_creation)


@on("GET", "/tasks/<task>/dependents")
def get_dependents(call: Call, task: str) -> Doc:
    """What waits for a task."""
    return call.page("task", tasks.dependents(call.caller.db, call.find("task", task)), _by_creation)


@on("POST", "/tasks/<task>/addDependencies")
def post_dependencies(call: Call, task: str) -> Doc:
    """More that has to be done before."""
    tasks.add_dependencies(call.caller, call.find("task", task), call.data)
    return EMPTY


@on("POST", "/tasks/<task>/removeDependencies")
def remove_dependencies(call: Call, task: str) -> Doc:
    """Less that has to be done before."""
    tasks.remove_dependencies(call.caller, call.find("task", task), call.data)
    return EMPTY


# ------------------------------------------------------------------------------ stories, attachments, tags


@on("GET", "/tasks/<task>/stories")
def get_stories(call: Call, task: str) -> Doc:
    """What was said and done, the oldest first."""
    return call.page("story", call.caller.db.all("story", parent=call.find("task", task)["gid"]), _by_creation)


@on("POST", "/tasks/<task>/stories")
def post_story(call: Call, task: str) -> Made:
    """A comment."""
    made = stories.comment(call.caller, call.find("task", task), call.data)
    return Made(call.full("story", made), f"/stories/{made['gid']}")


@on("GET", "/stories/<story>")
def get_story(call: Call, story: str) -> Doc:
    """A story."""
    return call.full("story", call.find("story", story))


@on("PUT", "/stories/<story>")
def put_story(call: Call, story: str) -> Doc:
    """One's own comment, changed; or a story, pinned."""
    return call.full("story", stories.edit_story(call.caller, call.find("story", story), call.data))


@on("DELETE", "/stories/<story>")
def delete_story(call: Call, story: str) -> Doc:
    """One's own comment, for good."""
    found = call.find("story", story)
    stories.own_comment(call.caller, found)
    call.caller.db.remove("story", found["gid"])
    return EMPTY


@on("GET", "/attachments")
def get_attachments(call: Call) -> Doc:
    """What is attached to a task."""
    task = call.caller.find("task", call.required("parent"), "parent")
    return call.page("attachment", call.caller.db.all("attachment", parent=task["gid"]), _by_creation)


@on("POST", "/attachments")
def post_attachment(call: Call) -> Doc:
    """The address of something elsewhere, attached to a task."""
    return call.full("attachment", tasks.attach(call.caller, call.data))


@on("GET", "/attachments/<attachment>")
def get_attachment(call: Call, attachment: str) -> Doc:
    """An attachment."""
    return call.full("attachment", call.find("attachment", attachment))


@on("DELETE", "/attachments/<attachment>")
def delete_attachment(call: Call, attachment: str) -> Doc:
    """An attachment, for good."""
    call.caller.db.remove("attachment", call.find("attachment", attachment)["gid"])
    return EMPTY


@on("GET", "/tags")
def get_tags(call: Call) -> Doc:
    """The tags of a workspace."""
    (first, *_) = call.caller.db.all("workspace")
    return get_workspace_tags(call, call.query.get("workspace") or first["gid"])


@on("POST", "/tags")
def post_tag(call: Call) -> Made:
    """A new tag."""
    made = projects.create_tag(call.caller, call.data)
    return Made(call.full("tag", made), f"/tags/{made['gid']}")


@on("POST", "/workspaces/<workspace>/tags")
def post_workspace_tag(call: Call, workspace: str) -> Made:
    """A new tag, by way of its workspace."""
    return post_tag(replace(call, data={**call.data, "workspace": workspace}))


@on("GET", "/tags/<tag>")
def get_tag(call: Call, tag: str) -> Doc:
    """A tag."""
    return call.full("tag", call.find("tag", tag))


@on("PUT", "/tags/<tag>")
def put_tag(call: Call, tag: str) -> Doc:
    """Some fields of a tag."""
    return call.full("tag", projects.update_tag(call.caller.db, call.find("tag", tag), call.data))


@on("DELETE", "/tags/<tag>")
def delete_tag(call: Call, tag: str) -> Doc:
    """A tag, for good."""
    projects.delete_tag(call.caller.db, call.find("tag", tag))
    return EMPTY


# ------------------------------------------------------------------------------------------ custom fields


@on("POST", "/custom_fields")
def post_field(call: Call) -> Made:
    """A new custom field of a workspace."""
    made = fields.create(call.caller, call.data)
    return Made(call.full("custom_field", made), f"/custom_fields/{made['gid']}")


@on("GET", "/custom_fields/<field>")
def get_field(call: Call, field: str) -> Doc:
    """A custom field."""
    return call.full("custom_field", call.find("custom_field", field))


@on("PUT", "/custom_fields/<field>")
def put_field(call: Call, field: str) -> Doc:
    """Some properties of a custom field."""
    return call.full("custom_field", fields.update(call.caller, call.find("custom_field", field), call.data))


@on("POST", "/custom_fields/<field>/enum_options")
def post_option(call: Call, field: str) -> Made:
    """One more option of an enum field."""
    made = fields.add_option(call.caller, call.find("custom_field", field), call.data)
    return Made(call.full("enum_option", made), f"/custom_fields/{field}")


# ------------------------------------------------------------------------------------------------- batch


@on("POST", "/batch")
def post_batch(call: Call) -> Doc:
    """Up to ten requests in one, each with its own outcome (docs/batch-requests).

    They run in parallel there, in no order that could be relied on; here the last one runs first.
    """
    actions = call.data.get("actions")
    if not isinstance(actions, list) or not actions:
        raise values.missing_input("actions")
    if len(actions) > MAX_ACTIONS:
        raise bad(f"actions: At most {MAX_ACTIONS} actions can be batched")
    answers = [_act(call, action, at) for at, action in reversed(list(enumerate(actions)))]
    return {"data": answers[::-1]}


def _act(call: Call, action: object, at: int) -> Doc:
    try:
        with call.caller.db.attempt():
            answer = dispatch(_inner(call, action, at))
            body, status = (answer.body, 201) if isinstance(answer, Made) else (answer, 200)
            return {"status_code": status, "headers": {}, "body": body}
    except ApiError as error:
        return {"status_code": error.status, "headers": {}, "body": error.body}


def _inner(call: Call, action: object, at: int) -> Call:
    """The request that an action stands for; what a query would say is in its `data` and `options`."""
    field = f"actions: [{at}]"
    if not isinstance(action, Mapping):
        raise bad(f"{field}: Value is not a JSON object: {action}")
    path, method = str(action.get("relative_path") or ""), str(action.get("method") or "").upper()
    if not path.startswith("/") or "?" in path or path.startswith("/batch"):
        raise bad(f"{field}: relative_path: Not a relative path without a query: {path}")
    options, data = action.get("options") or {}, action.get("data") or {}
    query = {name: str(options[name]) for name in ("limit", "offset") if name in options}
    query |= {name: str(value) for name, value in data.items()} if method == "GET" else {}
    return replace(
        call,
        method=method,
        path=path,
        query=query,
        data=data,
        asked=tree(options.get("fields") or ()),
        listing=replace(call.listing, path=path, query=query),
    )
