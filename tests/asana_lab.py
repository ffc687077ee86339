"""An Asana board on the sandbox in this process, and a person at the same project, for the contract suite and others.

Everything that the connector sends and gets is held against Asana's OpenAPI document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import requests
from urllib3 import HTTPResponse

from armed import URL, ArmedAdapter
from asana_spec import check_reply, check_request
from mi_sync.connector import Context, SandboxOptions, Secret
from mi_sync.http import Budget, Wire
from mi_sync.model import FieldKind, Fields
from mi_sync.testing import Clock, Fault, Hand
from mi_sync_asana import ARCHIVED, AsanaConfig, bodies
from mi_sync_asana.board import AsanaBoard
from mi_sync_asana.sandbox import sandbox
from mi_sync_asana.sandbox.app import PREFIX
from mi_sync_asana.sandbox.gate import TOKEN
from mi_sync_asana.sandbox.seed import PROJECT, WORKSPACE
from mi_sync_sandbox.adapter import WsgiAdapter

ZONE = ZoneInfo("America/Chicago")


class CheckedAdapter(ArmedAdapter):
    """Holds every request and every reply that is JSON against the document; `log` lists what was sent."""

    def __init__(self, wsgi: Any, people: requests.Session) -> None:
        super().__init__(wsgi, people, "/asana/faults")
        self.log: list[str] = []
        self.bodies: list[Any] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  the options are passed on
        parts = urlsplit(request.url or "")
        path, method = parts.path.removeprefix(PREFIX), request.method or ""
        body = json.loads(request.body) if request.body else None
        check_request(method, path, dict(parse_qsl(parts.query)), body)
        self.log.append(f"{method} {path}")
        self.bodies.append(body)
        reply = super().send(request, **options)
        if reply.headers.get("Content-Type", "").startswith("application/json") and reply.status_code < 500:
            text = reply.raw.read(decode_content=True)
            # The connector reads the reply as it comes.
            reply.raw = HTTPResponse(BytesIO(text), headers=reply.raw.headers, preload_content=False)
            with suppress(json.JSONDecodeError):  # cut short, by a fault
                check_reply(method, path, reply.status_code, json.loads(text))
        return reply


class AsanaHand:
    """A person who clicks: another client of the sandbox, by Asana's documented API alone."""

    def __init__(self, session: requests.Session, url: str = URL) -> None:
        self._session, self._base = session, f"{url}{PREFIX}"

    def call(self, method: str, path: str, fields: str = "", **data: Any) -> Any:
        answer = self._session.request(
            method,
            f"{self._base}{path}",
            params={"opt_fields": fields} if fields else {},
            json={"data": data} if method in {"POST", "PUT"} else None,
        )
        assert answer.ok, answer.text
        return answer.json()["data"]

    def pages(self, path: str, fields: str = "name") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {"limit": 100, "opt_fields": fields}
        while True:
            answer = self._session.get(f"{self._base}{path}", params=params).json()
            found += answer["data"]
            if not answer.get("next_page"):
                return found
            params["offset"] = answer["next_page"]["offset"]

    def task(self, id: str) -> dict[str, Any]:  # noqa: A002
        fields = "name,html_notes,completed,due_on,due_at,start_on,resource_subtype,tags.name,assignee"
        found: dict[str, Any] = self.call(
            "GET", f"/tasks/{id}", f"{fields},external,memberships.project,memberships.section.name"
        )
        return found

    def _section(self, name: str) -> str:
        known = {each["name"]: each["gid"] for each in self.pages(f"/projects/{PROJECT}/sections")}
        return str(known.get(name) or self.call("POST", f"/projects/{PROJECT}/sections", name=name)["gid"])

    def add(self, title: str, list: str) -> str:  # noqa: A002
        home = {"project": PROJECT, "section": self._section(list)}
        return str(self.call("POST", "/tasks", name=title, projects=[PROJECT], memberships=[home])["gid"])

    def edit(self, id: str, fields: Fields) -> None:  # noqa: A002
        changes: dict[str, Any] = {}
        for name, value in fields.items():
            if name == "list" or (name == "archived" and value):
                section = self._section(str(value) if name == "list" else ARCHIVED)
                self.call("POST", f"/tasks/{id}/addProject", project=PROJECT, section=section)
            elif name == "fields":
                changes["custom_fields"] = self._custom(fields.get("fields", {}))
            elif name == "body":
                _, marker = bodies.from_notes(self.task(id)["html_notes"])
                changes["html_notes"] = bodies.to_notes(str(value), marker or "")
            elif name in {"due", "start"}:
                at = "at" if isinstance(value, datetime) else "on"
                text = (
                    value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z") if isinstance(value, datetime) else value
                )
                changes[f"{name}_{at}"] = text and str(text)
            else:
                changes[{"title": "name", "done": "completed"}[name]] = value
        if changes:
            self.call("PUT", f"/tasks/{id}", **changes)

    def _custom(self, values: Mapping[str, str]) -> dict[str, Any]:
        settings = self.pages(f"/projects/{PROJECT}/custom_field_settings", "custom_field.name,custom_field.type")
        known = {each["custom_field"]["name"]: each["custom_field"] for each in settings}
        numbers = {name for name, each in known.items() if each["type"] == "number"}
        return {known[name]["gid"]: float(it) if name in numbers else it for name, it in values.items()}

    def add_field(self, name: str, kind: FieldKind, options: Sequence[str] = ()) -> None:
        """Asana has no checkboxes."""
        subtype = {"choice": "enum"}.get(kind, kind)
        if kind != "checkbox":
            about: dict[str, Any] = {"resource_subtype": subtype, "enum_options": [{"name": each} for each in options]}
            made = self.call("POST", "/custom_fields", workspace=WORKSPACE, name=name, **about)
            self.call("POST", f"/projects/{PROJECT}/addCustomFieldSetting", custom_field=made["gid"])

    def comments(self, id: str) -> Sequence[str]:  # noqa: A002
        stories = self.pages(f"/tasks/{id}/stories", "type,text")
        return [each["text"] for each in stories if each["type"] == "comment"]

    def erase_marker(self, id: str) -> None:  # noqa: A002
        body, _ = bodies.from_notes(self.task(id)["html_notes"])
        self.call("PUT", f"/tasks/{id}", html_notes=bodies.to_notes(body, ""))

    def delete(self, id: str) -> None:  # noqa: A002
        self.call("DELETE", f"/tasks/{id}")

    def copy(self, id: str) -> str:  # noqa: A002
        """What people get by duplicating: everything but `external`."""
        there = self.task(id)
        home = there["memberships"][0]
        home = {"project": home["project"]["gid"], "section": home["section"]["gid"]}
        kept = {name: there[name] for name in ("name", "html_notes", "resource_subtype", "completed")}
        dates = {name: there[name] for name in ("due_at" if there["due_at"] else "due_on", "start_on") if there[name]}
        tags = [each["gid"] for each in there["tags"]]
        made = self.call("POST", "/tasks", **kept, **dates, tags=tags, projects=[PROJECT], memberships=[home])
        for line in self.subtasks(id):
            self.add_line(made["gid"], line["name"], done=line["completed"])
        return str(made["gid"])

    def rename_list(self, name: str, to: str) -> None:
        self.call("PUT", f"/sections/{self._section(name)}", name=to)

    def remove_list(self, name: str) -> None:
        """Asana asks first what to do with the tasks; here they are kept."""
        section = self._section(name)
        other = next(each["gid"] for each in self.pages(f"/projects/{PROJECT}/sections") if each["gid"] != section)
        for task in self.pages(f"/sections/{section}/tasks"):
            self.call("POST", f"/tasks/{task['gid']}/addProject", project=PROJECT, section=other)
        self.call("DELETE", f"/sections/{section}")

    def add_label(self, id: str, name: str) -> None:  # noqa: A002
        known = {each["name"]: each["gid"] for each in self.pages(f"/workspaces/{WORKSPACE}/tags")}
        tag = known.get(name) or self.call("POST", f"/workspaces/{WORKSPACE}/tags", name=name)["gid"]
        self.call("POST", f"/tasks/{id}/addTag", tag=tag)

    def subtasks(self, id: str) -> list[dict[str, Any]]:  # noqa: A002
        return self.pages(f"/tasks/{id}/subtasks", "name,completed")

    def add_line(self, id: str, text: str, *, done: bool = False) -> None:  # noqa: A002
        self.call("POST", f"/tasks/{id}/subtasks", name=text, completed=done)

    def tick(self, id: str, text: str) -> None:  # noqa: A002
        for line in self.subtasks(id):
            if line["name"] == text:
                self.call("PUT", f"/tasks/{line['gid']}", completed=True)

    def assign(self, id: str, member: str) -> None:  # noqa: A002
        self.call("PUT", f"/tasks/{id}", assignee=member)

    def raise_to_top(self, id: str) -> None:  # noqa: A002
        section = self.task(id)["memberships"][0]["section"]["gid"]
        self.call("POST", f"/sections/{section}/addTask", task=id)

    def order(self, list: str) -> Sequence[str]:  # noqa: A002
        tasks = self.pages(f"/sections/{self._section(list)}/tasks", "completed")
        return [each["gid"] for each in tasks if not each["completed"]]


class AsanaLab:
    """An `AsanaBoard` on the sandbox, in this process.

    Args:
        folder: for the sandbox's state.
        token: the connector's; the person's is always a personal one.
        checklist: as in the settings.
    """

    def __init__(self, folder: Path, *, token: str = TOKEN, checklist: str = "subtasks") -> None:
        self._folder, self.clock, self._budget = folder, Clock(), Budget()
        app = sandbox.open(SandboxOptions(folder, URL, self.clock.now, rate_limit=100_000))
        self.settings = {**app.settings, "checklist": checklist, "plan": "paid"}
        self._token = Secret(token)
        people = requests.Session()
        people.mount(URL, WsgiAdapter(app.wsgi))
        people.headers["Authorization"] = f"Bearer {TOKEN}"
        self.people = people
        self.adapter = CheckedAdapter(app.wsgi, people)
        self.person = AsanaHand(people)
        self.hand: Hand = self.person
        project = self.person.call("GET", f"/projects/{PROJECT}", "members.name")
        self.member, self.member_too = (str(each["gid"]) for each in project["members"][:2])

    def open(self) -> AsanaBoard:
        clock = self.clock
        wire = Wire(clock.now, clock.monotonic, clock.sleep, self.adapter, self._budget)
        context = Context("board", self._folder, ZONE, wire, {"token": self._token})
        return AsanaBoard(AsanaConfig.model_validate(self.settings), context)

    def now(self) -> datetime:
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def replenish(self) -> None:
        self._budget.limit = None

    def fault(self, fault: Fault, skip: int = 0) -> None:
        if fault is Fault.BUDGET:
            self._budget.limit = self._budget.spent + skip
        else:
            self.adapter.armed.extend([*[None] * skip, fault])

    def server_fault(self, **fault: Any) -> None:
        self.people.post(f"{URL}/asana/faults", json=fault).raise_for_status()

    def shorten(self) -> None:
        self.server_fault(kind="short_page", times=None)

    def limit(self, most: int) -> bool:  # noqa: ARG002  there is none
        return False

    def requests(self) -> int:
        return self.adapter.requests

    def writes(self) -> int:
        return self.adapter.writes

    def items(self) -> int:
        return len(self.person.pages(f"/projects/{PROJECT}/tasks"))

    def lists(self) -> Sequence[str]:
        return [str(each["name"]) for each in self.person.pages(f"/projects/{PROJECT}/sections")]

    def labels(self) -> Sequence[str]:
        return [str(each["name"]) for each in self.person.pages(f"/workspaces/{WORKSPACE}/tags")]


def oauth(folder: Path) -> AsanaLab:
    """A lab whose connector has a token that does not see `external`."""
    from mi_sync_asana.sandbox.gate import OAUTH_TOKEN

    return AsanaLab(folder, token=OAUTH_TOKEN)


def text(folder: Path) -> AsanaLab:
    """A lab whose checklists are text."""
    return AsanaLab(folder, checklist="text")


def hand(url: str, token: str) -> AsanaHand:
    """A person at a sandbox that is served at an address, whom its log leaves out."""
    session = requests.Session()
    session.headers.update({"Authorization": f"Bearer {token}", "X-Observer": "1"})
    return AsanaHand(session, url)


def task(person: AsanaHand, title: str) -> dict[str, Any]:
    """The one task whose name begins so."""
    found = person.pages(f"/projects/{PROJECT}/tasks", "name,completed,notes")
    (one,) = [each for each in found if each["name"].startswith(title)]
    return dict(one)


def new_at_end(folder: Path) -> AsanaLab:
    """A lab whose Asana puts a new task at the end of its section, which is not documented either way."""
    lab = AsanaLab(folder)
    lab.server_fault(kind="new_at_end")
    return lab
